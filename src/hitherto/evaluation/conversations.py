"""Conversation sets in LoCoMo's JSON format: conversations with dated sessions, and questions."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hitherto.errors import ValidationError
from hitherto.models import MessageRole

ADVERSARIAL = "adversarial"
"""Category whose answers are not in the conversation; it never counts in overall figures."""

CATEGORY_NAMES = {
    "1": "multi-hop",
    "2": "temporal",
    "3": "open-domain",
    "4": "single-hop",
    "5": ADVERSARIAL,
}
NAMELESS_SPEAKERS = frozenset({"user", "assistant"})

_SESSION_KEY = re.compile(r"session_(\d+)")
_TURN_NUMBERS = re.compile(r"(?<!\d)(\d++)\s*:\s*(\d+)")
_NOT_IN_USER_IDS = re.compile(r"[^\w.:-]+")
_DATE_FORMS = ("%I:%M %p on %d %B, %Y", "%Y/%m/%d (%a) %H:%M", "%Y/%m/%d")
"""Forms of dates in LoCoMo and LongMemEval; ISO 8601 is read, too."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Message of one speaker. `text` excludes the name and a picture's caption."""

    turn_id: str
    speaker: str
    role: MessageRole
    text: str
    caption: str | None

    @property
    def content(self) -> str:
        """Text, followed by a picture's caption in brackets."""
        return f"{self.text} [{self.caption}]".strip() if self.caption else self.text

    @property
    def line(self) -> str:
        """Content after the speaker's name."""
        return f"{self.speaker}: {self.content}"


@dataclass(frozen=True, slots=True)
class DatedSession:
    """Turns of one session and its date, UTC."""

    number: int
    created_at: datetime
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the turns that answer it, and when it is asked, UTC.

    answer: None where the set gives none. evidence: the gold turns, each once, in the key's order.
    unknown_evidence: how many turns the key names that the conversation does not have.
    """

    question_id: str
    category: str
    text: str
    answer: str | None
    evidence: tuple[Turn, ...]
    unknown_evidence: int
    asked_at: datetime
    corrected: bool


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation: sessions oldest first, and questions about it.

    digest: changes with whatever is put into the memory; questions have no part in it.
    """

    user_id: str
    sessions: tuple[DatedSession, ...]
    questions: tuple[Question, ...]
    has_names: bool
    digest: str


def read_conversations(path: Path, limit: int | None = None) -> list[Conversation]:
    """Read a conversation set, at most `limit` conversations of it.

    Raises ValidationError, with one line that names the file and the place in it, when the file is
    not there, not JSON, or not in this format.
    """
    try:
        samples = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValidationError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"{path} is not JSON: {error}") from error
    if not isinstance(samples, list) or not samples:
        raise ValidationError(f"{path} is not a conversation set: expected a list of conversations")
    conversations = []
    for number, sample in enumerate(samples[:limit]):
        try:
            conversations.append(_conversation(path.stem, number, sample))
        except ValidationError as error:
            raise ValidationError(
                f"{path} is not a conversation set: conversation {number + 1}: {error}"
            ) from error
    user_ids = [conversation.user_id for conversation in conversations]
    for user_id in user_ids:
        if user_ids.count(user_id) > 1:
            raise ValidationError(f"{path} holds two conversations with the id {user_id!r}")
    return conversations


def parse_instant(text: object) -> datetime:
    """Parse a date of a known set or ISO 8601; UTC without a zone.

    Raises ValidationError for any other text.
    """
    instant = _instant(text) if isinstance(text, str) else None
    if instant is None:
        raise ValidationError(
            f"{text!r} is not a date: write 2023-05-08T13:56 or '1:56 pm on 8 May, 2023'"
        )
    return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)


def _instant(text: str) -> datetime | None:
    for read in (datetime.fromisoformat, *(_reader(form) for form in _DATE_FORMS)):
        try:
            return read(text.strip())
        except ValueError:
            continue
    return None


def _reader(form: str) -> Callable[[str], datetime]:
    # What names no zone is UTC, which the caller sees to.
    return lambda text: datetime.strptime(text, form)  # noqa: DTZ007


def _conversation(stem: str, number: int, sample: object) -> Conversation:
    body = _mapping(_mapping(sample, "it").get("conversation"), "'conversation'")
    questions = _list(_mapping(sample, "it").get("qa", []), "'qa'")
    sample_id = str(_mapping(sample, "it").get("sample_id", number))
    roles = {
        _text(body, "speaker_a"): MessageRole.USER,
        _text(body, "speaker_b"): MessageRole.ASSISTANT,
    }
    if len(roles) < 2:
        raise ValidationError("'speaker_a' and 'speaker_b' are the same")
    sessions = _sessions(body, roles)
    turns = {turn.turn_id: turn for session in sessions for turn in session.turns}
    default_date = sessions[-1].created_at + timedelta(days=1)
    has_names = not {speaker.lower() for speaker in roles} <= NAMELESS_SPEAKERS
    return Conversation(
        user_id=_NOT_IN_USER_IDS.sub("-", f"{stem}:{sample_id}"),
        sessions=sessions,
        questions=tuple(
            _question(_mapping(item, f"question {number}"), number, turns, default_date)
            for number, item in enumerate(questions, start=1)
        ),
        has_names=has_names,
        digest=hashlib.sha256(repr(sessions).encode("utf-8", "replace")).hexdigest(),
    )


def _sessions(
    body: Mapping[str, Any], roles: Mapping[str, MessageRole]
) -> tuple[DatedSession, ...]:
    """Return the sessions with turns, oldest first; those of one date in the file's numbering."""
    sessions = []
    for key, items in body.items():
        match = _SESSION_KEY.fullmatch(key)
        if not match:
            continue
        turns = tuple(
            turn
            for number, item in enumerate(_list(items, repr(key)), start=1)
            if (turn := _turn(item, f"{key}, turn {number}", roles)).content.strip()
        )
        if turns:
            created_at = parse_instant(body.get(f"{key}_date_time"))
            sessions.append(DatedSession(int(match[1]), created_at, turns))
    if not sessions:
        raise ValidationError("it has no 'session_1' with turns")
    return tuple(sorted(sessions, key=lambda session: (session.created_at, session.number)))


def _turn(item: object, location: str, roles: Mapping[str, MessageRole]) -> Turn:
    fields = _mapping(item, location)
    speaker = _text(fields, "speaker")
    if speaker not in roles:
        raise ValidationError(
            f"{location} has the speaker {speaker!r}, not one of the two speakers"
        )
    caption = fields.get("blip_caption")
    return Turn(
        turn_id=_text(fields, "dia_id"),
        speaker=speaker,
        role=roles[speaker],
        text=_text(fields, "text"),
        caption=caption.strip() if isinstance(caption, str) and caption.strip() else None,
    )


def _question(
    fields: Mapping[str, Any], number: int, turns: Mapping[str, Turn], default_date: datetime
) -> Question:
    corrected = fields.get("corrected")
    correction = corrected if isinstance(corrected, Mapping) else {}
    answer = correction.get("correct_answer", fields.get("answer"))
    key = correction.get("correct_evidence") or fields.get("evidence") or []
    evidence, unknown = _evidence(_list(key, f"'evidence' of question {number}"), turns)
    category = str(fields.get("category", "uncategorised"))
    asked_at = fields.get("question_date")
    return Question(
        question_id=str(fields.get("id", number)),
        category=CATEGORY_NAMES.get(category, category),
        text=_text(fields, "question"),
        answer=None if answer is None else str(answer),
        evidence=evidence,
        unknown_evidence=unknown,
        asked_at=default_date if asked_at is None else parse_instant(asked_at),
        corrected=bool(correction),
    )


def _evidence(key: Sequence[object], turns: Mapping[str, Turn]) -> tuple[tuple[Turn, ...], int]:
    """Return the turns that a key names, and the number of names without a turn.

    One string may hold several ids with anything between them ("D1:3; D1:5"), and an id may have
    zeros or a colon too many ("D30:05", "D:11:26"): its two numbers decide.
    """
    by_numbers = {
        (int(match[1]), int(match[2])): turn
        for turn_id, turn in turns.items()
        if (match := _TURN_NUMBERS.search(turn_id))
    }
    gold_turns: dict[str, Turn] = {}
    unknown = 0
    for entry in map(str, key):
        if entry in turns:
            gold_turns[entry] = turns[entry]
            continue
        numbers = [(int(session), int(turn)) for session, turn in _TURN_NUMBERS.findall(entry)]
        named = [by_numbers[pair] for pair in numbers if pair in by_numbers]
        gold_turns |= {turn.turn_id: turn for turn in named}
        unknown += max(len(numbers), 1) - len(named)
    return tuple(gold_turns.values()), unknown


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValidationError(f"{what} is not an object")
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValidationError(f"{what} is not a list")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise ValidationError(f"{name!r} is missing or not a text")
    return value
