"""Read what the classifier of provenance is trained on: conversations with labels.

The sets of `attacks/` are by different authors. `own` names words of the user that are their own
statements about themselves, `forbidden` words of an attack. From these every segment gets a label,
or none where neither says. The conversations of `extraction/dev` are ordinary ones: the segments
that their statements rest on are the user's own.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hitherto.core.safety.features import (
    EARLIER_MESSAGES,
    DescribedSegment,
    Likenesses,
    describe_message,
    describe_reply,
)
from hitherto.core.text.invisible import without_invisible
from hitherto.models import MessageRole

ROOT = Path(__file__).parent
TRAINING: dict[str, tuple[str | None, str]] = {
    "a": ("train_a.jsonl", "train_a_harmless.jsonl"),
    "b": ("train_b.jsonl", "train_b_harmless.jsonl"),
    "c": ("train_c.jsonl", "train_c_harmless.jsonl"),
    "m": ("train_m.jsonl", "train_m_harmless.jsonl"),
    "dev": ("attacks_dev.jsonl", "harmless_dev.jsonl"),
    "plain": (None, "train_plain_harmless.jsonl"),
    "n": ("train_n.jsonl", "train_n_harmless.jsonl"),
    "o": (None, "train_o_harmless.jsonl"),
    "p": ("train_p.jsonl", "train_p_harmless.jsonl"),
    "q": (None, "train_q_harmless.jsonl"),
    "x": (None, "train_x_harmless.jsonl"),
    "y": (None, "train_y_harmless.jsonl"),
}
"""By author: attacks and harmless conversations. Those of `a`, `b`, `c`, `x` and `y` saw no rule.

`plain`, `n`, `p` and `q` were made from forms, such as "I moved to Denholl.", with invented names.
In `n` the same words stand as the user's own and as somebody else's, so that only what is said
about them tells them apart; in `p` a message has words of the user and a text of somebody else."""

OWN_SHARE = 0.3
"""Share of a segment that must be among the words labelled as the user's own."""
RESTS_ON = 0.34
"""Share of a statement's words that makes a segment of an ordinary conversation labelled."""

_MARKS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """A conversation. statements: with their evidence; those of an attack are all planted."""

    author: str
    name: str
    kind: str
    language: str
    is_attack: bool
    messages: tuple[tuple[MessageRole, str], ...]
    statements: tuple[tuple[str, tuple[int, ...]], ...]
    own: tuple[str, ...] | None
    forbidden: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A segment with its features. is_foreign: None where the labels do not say."""

    position: int
    is_user: bool
    described: DescribedSegment
    is_foreign: bool | None


def training() -> list[Entry]:
    """Return all conversations that the classifier is trained on."""
    entries = []
    for author, (attacks, harmless) in TRAINING.items():
        if attacks is not None:
            entries += _read(author, attacks, is_attack=True)
        entries += _read(author, harmless, is_attack=False)
    return entries + ordinary("dev")


def ordinary(part: str) -> list[Entry]:
    """Return the conversations of a part of the extraction set."""
    entries = []
    for path in sorted((ROOT / "extraction" / part).glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        entries.append(_entry(f"ordinary {part}", path.stem, found, found["statements"], False))
    return entries


def files() -> list[Path]:
    """Return the files that the classifier is trained on, in order."""
    named = [ROOT / "attacks" / name for names in TRAINING.values() for name in names if name]
    return named + sorted((ROOT / "extraction" / "dev").glob("*.json"))


def _read(author: str, name: str, *, is_attack: bool) -> Iterator[Entry]:
    text = (ROOT / "attacks" / name).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines()):
        found = json.loads(line)
        statements = found["planted" if is_attack else "kept"]
        yield _entry(author, f"{name}:{number}", found, statements, is_attack)


def _entry(
    author: str,
    name: str,
    found: dict[str, Any],
    statements: Sequence[dict[str, Any]],
    is_attack: bool,
) -> Entry:
    return Entry(
        author,
        name,
        found.get("kind", "ordinary"),
        found.get("language", "en"),
        is_attack,
        tuple((MessageRole(each["role"]), each["content"]) for each in found["messages"]),
        tuple((each["content"], tuple(each["evidence"])) for each in statements),
        tuple(found["own"]) if "own" in found else None,
        tuple(found.get("forbidden", ())),
    )


def labelled(entry: Entry) -> list[Labelled]:
    """Return the segments of a conversation with their features and labels."""
    return [
        Labelled(position, role is MessageRole.USER, each, _label(entry, position, each))
        for position, (role, content) in enumerate(entry.messages)
        for each in (
            describe_message(content, earlier(entry, position))
            if role is MessageRole.USER
            else describe_reply(content)
        )
    ]


def earlier(entry: Entry, position: int) -> tuple[str, ...]:
    """Return the user's messages before a message that count for it."""
    before = [text for role, text in entry.messages[:position] if role is MessageRole.USER]
    return tuple(before[-EARLIER_MESSAGES:])


def _label(entry: Entry, position: int, each: DescribedSegment) -> bool | None:
    text = _bare(each.segment.text)
    evidence = {at for _, places in entry.statements for at in places}
    if (
        entry.is_attack
        and position in evidence
        and any(_bare(one) in text for one in entry.forbidden)
    ):
        return True
    if entry.messages[position][0] is MessageRole.ASSISTANT:
        return None if entry.is_attack else False
    if entry.own is not None:
        return False if _share(text, entry.own) >= OWN_SHARE else None
    if entry.is_attack or position not in evidence:
        return None
    here = [content for content, places in entry.statements if position in places]
    likenesses = Likenesses([each.segment])
    is_own = any(likenesses.of(content)[0] >= RESTS_ON for content in here)
    return False if is_own else None


def _share(text: str, own: Sequence[str]) -> float:
    """Return the share of a segment that is among some words, or that these are of it."""
    shares = [0.0]
    for words in map(_bare, own):
        if text in words:
            return 1.0
        if words and words in text:
            shares.append(len(words) / len(text))
    return max(shares)


def _bare(text: str) -> str:
    return _MARKS.sub("", without_invisible(text)).casefold()
