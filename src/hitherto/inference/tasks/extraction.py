"""Extraction: a session's messages in, its memories and its summary out, one call per chunk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import zip_longest
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hitherto.core.context.fence import FENCE_CLOSING, FENCE_OPENING, indent_continuation, paragraph
from hitherto.core.dates.calendar import day_text
from hitherto.core.extraction import grounding
from hitherto.core.text.terms import terms_of
from hitherto.models import (
    Candidate,
    Category,
    Extraction,
    GenerationPreferences,
    Message,
    MessageRole,
    SaidBy,
)

CHUNK_CHARS = 24_000
"""Characters of messages that one call reads: some 6,000 tokens of English."""

OVERLAP_CHARS = 2_000
"""Characters of the messages before a chunk that are shown again, to understand the rest."""

MAX_MEMORIES = 40
MAX_CONTENT_CHARS = 500
MAX_SUMMARY_CHARS = 1_000
MAX_JOINED_CHARS = 2_000
"""Longest summary of a session that took several calls."""

LEAST_CONFIDENCE = 0.5
_LEAST_PART_CHARS = 200
_LABEL_CHARS = 16
MAX_WISHES_CHARS = 20_000
"""Characters of preferences, and of categories, in one prompt; the first of each list go first."""

_MAX_WISH_CHARS = 500


class FoundMemory(BaseModel):
    """One thing to remember."""

    model_config = ConfigDict(extra="ignore")

    statement: Annotated[str, Field(min_length=1, description="One sentence, third person.")]
    said_by: Literal["user", "assistant"] = "user"
    event_start: Annotated[date | None, Field(description="First day, YYYY-MM-DD.")] = None
    event_end: Annotated[date | None, Field(description="Last day, YYYY-MM-DD.")] = None
    evidence: Annotated[list[int], Field(description="Numbers of the messages that say it.")]
    categories: list[str] = Field(default_factory=list)
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0


class FoundInSession(BaseModel):
    """What a conversation holds."""

    model_config = ConfigDict(extra="ignore")

    memories: list[FoundMemory]
    summary: str


@dataclass(frozen=True, slots=True)
class Line:
    """A message, or a part of a long one. position: in its session, from 0."""

    position: int
    role: MessageRole
    text: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Messages for one call. earlier: the end of the previous chunk, repeated."""

    lines: tuple[Line, ...]
    earlier: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectPreferences:
    """Preferences of a project for its memories."""

    preferences: GenerationPreferences
    categories: Sequence[Category]


def chunks(messages: Sequence[Message]) -> list[Chunk]:
    """Split a session between messages; only a message longer than a chunk is split itself.

    Each part of such a message is in one chunk.
    """
    parts: list[Chunk] = []
    lines: list[Line] = []
    used = 0
    for line in _lines(messages):
        if lines and used + len(line.text) + _LABEL_CHARS > CHUNK_CHARS:
            parts.append(Chunk(tuple(lines), _tail(parts[-1].lines) if parts else ()))
            lines, used = [], 0
        lines.append(line)
        used += len(line.text) + _LABEL_CHARS
    if lines:
        parts.append(Chunk(tuple(lines), _tail(parts[-1].lines) if parts else ()))
    return parts


def _lines(messages: Sequence[Message]) -> Iterable[Line]:
    for position, message in enumerate(messages):
        text = message.content
        for start in range(0, max(len(text), 1), CHUNK_CHARS):
            yield Line(position, message.role, text[start : start + CHUNK_CHARS])


def _tail(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the last lines that fit the overlap; the first one loses its beginning."""
    last_lines: list[Line] = []
    room = OVERLAP_CHARS
    for line in reversed(lines):
        if room <= 0:
            break
        last_lines.append(replace(line, text=line.text[-room:]))
        room -= len(line.text)
    return tuple(reversed(last_lines))


def content(chunk: Chunk, session_date: datetime, preferences: ProjectPreferences) -> str:
    """Return the prompt text: day, project preferences, fenced messages."""
    today = session_date.date()
    parts = [f"The session's day: {today.isoformat()} ({day_text(today, weekday=True)})"]
    categories = [f"{category.name}: {category.description}" for category in preferences.categories]
    parts += _list_lines({"Categories": categories})
    parts += _list_lines(_preferences(preferences.preferences))
    parts += ["", FENCE_OPENING]
    parts += [_message_line(line, "earlier ") for line in chunk.earlier]
    parts += [_message_line(line, "") for line in chunk.lines]
    return "\n".join([*parts, FENCE_CLOSING])


def _message_line(line: Line, mark: str) -> str:
    return f"[{line.position + 1}] {mark}{line.role.value}: {indent_continuation(line.text)}"


def _preferences(preferences: GenerationPreferences) -> dict[str, Sequence[str]]:
    prefix = "The project's preferences. "
    return {
        f"{prefix}Include": preferences.inclusion_instructions,
        f"{prefix}Exclude": preferences.exclusion_instructions,
        f"{prefix}Positive examples": preferences.positive_examples,
        f"{prefix}Negative examples": preferences.negative_examples,
        f"{prefix}False positives, never to be written": preferences.false_positive_examples,
        f"{prefix}Missed before, to be written": preferences.false_negative_examples,
    }


def _list_lines(lists: Mapping[str, Sequence[str]]) -> list[str]:
    """Return lists with headings; if they are too long in total, each loses its last texts."""
    room = MAX_WISHES_CHARS
    lines_by_heading: dict[str, list[str]] = {heading: [] for heading in lists}
    for row in zip_longest(*lists.values()):
        for heading, text in zip(lists, row, strict=True):
            line = "" if text is None else f"- {paragraph(text)[:_MAX_WISH_CHARS]}"
            if line and len(line) < room:
                lines_by_heading[heading].append(line)
                room -= len(line) + 1
    return [
        line
        for heading, texts in lines_by_heading.items()
        if texts
        for line in ("", f"{heading}:", *texts)
    ]


def problem(answer: FoundInSession, chunk: Chunk) -> str | None:
    """Return what the model should repair in a well-formed answer."""
    shown_numbers = {line.position + 1 for line in (*chunk.lines, *chunk.earlier)}
    wrong = sorted(
        {number for memory in answer.memories for number in memory.evidence} - shown_numbers
    )
    unsupported = sum(not memory.evidence for memory in answer.memories)
    if wrong:
        return f"There are no messages with these numbers: {wrong[:10]}. Correct the evidence."
    if unsupported:
        return (
            f"{unsupported} memories name no message as their evidence. Add it, or leave them out."
        )
    return None if answer.summary.strip() else "The summary is empty. Write it."


def read(
    answers: Sequence[FoundInSession],
    parts: Sequence[Chunk],
    messages: Sequence[Message],
    session_date: datetime,
    preferences: ProjectPreferences,
) -> Extraction:
    """Return the supported results of all chunks, each once."""
    today = session_date.date()
    session = _Session(messages, today)
    merged: dict[tuple[str, ...], Candidate] = {}
    dropped = 0
    unwanted = {
        _key(example)
        for example in (
            *preferences.preferences.negative_examples,
            *preferences.preferences.false_positive_examples,
        )
    }
    for answer, chunk in zip(answers, parts, strict=True):
        own = {line.position for line in chunk.lines}
        visible = own | {line.position for line in chunk.earlier}
        for memory in answer.memories[:MAX_MEMORIES]:
            candidate = _candidate(memory, session, visible, preferences)
            if candidate is None or candidate.confidence < LEAST_CONFIDENCE:
                dropped += 1
                continue
            if own.isdisjoint(candidate.evidence) or _key(candidate.content) in unwanted:
                continue
            key = terms_of(candidate.content)
            merged[key] = _unite(merged.get(key), candidate)
        dropped += max(0, len(answer.memories) - MAX_MEMORIES)
    ordered = sorted(merged.values(), key=lambda item: item.evidence[0])
    return Extraction(tuple(ordered), join_summaries([item.summary for item in answers]), dropped)


def _candidate(
    memory: FoundMemory, session: "_Session", visible: set[int], preferences: ProjectPreferences
) -> Candidate | None:
    """Return the memory as a candidate; None if the session does not support it."""
    text = " ".join(memory.statement.split()).rstrip(".")
    positions = tuple(sorted({number - 1 for number in memory.evidence} & visible))
    if not text or len(text) > MAX_CONTENT_CHARS or not positions:
        return None
    named = [day for day in (memory.event_start, memory.event_end) if day is not None]
    days = named or [session.today]
    first, last = min(days), max(days)
    if grounding.find_flaw(text, first, last, session.evidence(positions)) is not None:
        return None
    roles = {session.messages[position].role for position in positions}
    role = MessageRole(memory.said_by)
    names = {category.name for category in preferences.categories}
    return Candidate(
        content=text,
        event_date_start=datetime.combine(first, time(), UTC),
        event_date_end=_end_of(last),
        evidence=positions,
        said_by=SaidBy((role if role in roles else roles.pop()).value),
        confidence=memory.confidence,
        categories=tuple(dict.fromkeys(name for name in memory.categories if name in names)),
    )


class _Session:
    """Messages of a session as evidence; messages that many memories rest on are read once."""

    def __init__(self, messages: Sequence[Message], today: date) -> None:
        self.messages = messages
        self.today = today
        self._words = grounding.SaidWords.of([message.content for message in messages])
        self._evidence: dict[tuple[int, ...], grounding.Evidence] = {}

    def evidence(self, positions: tuple[int, ...]) -> grounding.Evidence:
        """Return the named messages, the messages they answer, and the words up to them."""
        if positions not in self._evidence:
            near = sorted({*positions, *(position - 1 for position in positions if position)})
            text = "\n".join(self.messages[position].content for position in near)
            words = replace(self._words, until=positions[-1])
            self._evidence[positions] = grounding.Evidence(text, words, self.today)
        return self._evidence[positions]


def _end_of(day: date) -> datetime:
    """Return the last second of a day, the end of an event date."""
    return datetime.combine(day, time(), UTC) + timedelta(days=1, seconds=-1)


def _unite(earlier: Candidate | None, later: Candidate) -> Candidate:
    if earlier is None:
        return later
    categories = tuple(dict.fromkeys((*(earlier.categories or ()), *(later.categories or ()))))
    evidence = tuple(sorted({*earlier.evidence, *later.evidence}))
    return replace(earlier, evidence=evidence, categories=categories)


def join_summaries(summaries: Sequence[str]) -> str:
    """Return one summary of the chunks' summaries, each with a share of the length."""
    texts = [" ".join(text.split()) for text in summaries if text.strip()]
    if len(texts) < 2:
        return _cut_text(texts[0], MAX_SUMMARY_CHARS) if texts else ""
    share = max(_LEAST_PART_CHARS, MAX_JOINED_CHARS // len(texts))
    fitting_texts = texts[: MAX_JOINED_CHARS // share]
    return " ".join(_cut_text(text, share) for text in fitting_texts)


def _cut_text(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    end = max(text.rfind(mark, 0, most) for mark in (". ", "! ", "? ", "。"))
    if end > 0:
        return text[: end + 1]
    space = text.rfind(" ", 0, most - 2)
    return f"{text[: space if space > 0 else most - 2]} …"


def _key(text: str) -> str:
    """Return a key that ignores case, spaces and the final full stop."""
    return " ".join(text.casefold().split()).rstrip(".")
