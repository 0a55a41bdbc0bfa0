"""Cut a session's messages into the passages that are embedded and searched.

There are two kinds, because they help in different conversations. Chunks are so small that one
sentence of a long message can be found. Windows give a short message the meaning that it has only
together with its neighbours.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hitherto.core.text.english_words import word_set
from hitherto.core.text.lookalikes import folded
from hitherto.core.text.sentences import sentence_spans
from hitherto.models import Message, MessageRole

CHUNK_WORDS: Final = 20
"""Target size of a chunk; sentences are kept whole if possible."""

MAX_CHUNKS: Final = 8
"""Maximum chunks of one message. Longer messages get longer chunks."""

WINDOW_NEIGHBOUR_WORDS: Final = 30
"""Words of each neighbouring message in a window: those nearest to its own message."""

WINDOW_OWN_WORDS: Final = 40
"""Words of its own message in a window, from the start."""

_WORD: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]{1,2}|\S+"
)
_SPEAKER: Final = re.compile(r"\s*([^\W\d_][\w.'’-]*(?: [^\W\d_][\w.'’-]*){0,2}): ")

_ROLES: Final = word_set("user assistant system developer tool human ai bot")
"""Roles that exports write like names. They are no persons, and a text could pose as a role."""


class PassageKind(StrEnum):
    """Kind of a passage: a part of a message, or a message with its neighbours."""

    CHUNK = "chunk"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a session that is embedded.

    position: the message it stands for, counted from 0 in its session.
    start, end: the span of that message's content, in characters. Chunks of a message are disjoint,
        in order, and leave out nothing but white space; a window spans its whole message.
    text: what to embed; for a window, its neighbours are in it.
    """

    position: int
    kind: PassageKind
    start: int
    end: int
    text: str


def cut(messages: Sequence[Message]) -> list[Passage]:
    """Return the passages of one session: each message's chunks, then its window.

    A blank message has none. A message of one chunk without neighbours has no window, which would
    repeat the chunk.
    """
    contents = [message.content.strip() for message in messages]
    passages: list[Passage] = []
    for position, message in enumerate(messages):
        spans = chunk_spans(message.content)
        passages.extend(
            Passage(position, PassageKind.CHUNK, start, end, message.content[start:end])
            for start, end in spans
        )
        before = contents[position - 1] if position else ""
        after = contents[position + 1] if position + 1 < len(contents) else ""
        if spans and (len(spans) > 1 or before or after):
            text = _window(before, contents[position], after)
            passages.append(Passage(position, PassageKind.WINDOW, 0, len(message.content), text))
    return passages


def chunk_spans(content: str) -> list[tuple[int, int]]:
    """Return the character spans of a message's chunks, in order.

    Sentences are gathered until a chunk has about `CHUNK_WORDS` words, or the more that it takes to
    keep to `MAX_CHUNKS`; a sentence much longer than that is cut between words.
    """
    sentences = [
        [match.span() for match in _WORD.finditer(content, start, end)]
        for start, end in sentence_spans(content)
    ]
    target = max(CHUNK_WORDS, math.ceil(sum(map(len, sentences)) / (0.75 * MAX_CHUNKS)))
    spans: list[tuple[int, int]] = []
    start, end, gathered = 0, 0, 0
    for piece_start, piece_end, size in _pieces(sentences, target):
        if gathered and gathered + size > 1.5 * target:
            spans.append((start, end))
            gathered = 0
        if not gathered:
            start = piece_start
        end = piece_end
        gathered += size
        if gathered >= target:
            spans.append((start, end))
            gathered = 0
    if gathered:
        if spans and gathered < target // 4:
            start = spans.pop()[0]
        spans.append((start, end))
    return _at_most(spans, MAX_CHUNKS)


def word_count(text: str) -> int:
    """Return the number of words; scripts without spaces count two characters as one."""
    return sum(1 for _ in _WORD.finditer(text))


def speaker_names(messages: Sequence[Message]) -> list[str | None]:
    """Return the speaker of each message if contents have the form "Name: text".

    Exports of chats write names that way. A role's names count once at least half of its messages
    carry such a prefix and no more than a few different ones, so that a single "Note: ..." is not
    taken for a person.
    """
    prefixes = [_prefix(message.content) for message in messages]
    has_names: dict[MessageRole, bool] = {}
    for role in MessageRole:
        own = [
            prefix
            for prefix, message in zip(prefixes, messages, strict=True)
            if message.role is role
        ]
        counts = Counter(prefix for prefix in own if prefix is not None)
        has_names[role] = (
            2 * counts.total() >= max(len(own), 1) and len(counts) <= 1 + len(own) // 4
        )
    return [
        prefix if has_names[message.role] else None
        for prefix, message in zip(prefixes, messages, strict=True)
    ]


def named_speaker(content: str) -> str:
    """Return the name that a message of the form "Name: text" begins with, or ""."""
    return _prefix(content) or ""


def without_speaker(content: str) -> str:
    """Return a message of the form "Name: text" without the name."""
    return content[match.end() :] if (match := _SPEAKER.match(content)) else content


def _prefix(content: str) -> str | None:
    match = _SPEAKER.match(content)
    if match is None or not match[1][0].isupper():
        return None
    return None if _ROLES & set(folded(match[1]).split()) else match[1]


def _pieces(
    sentences: Sequence[Sequence[tuple[int, int]]], target: int
) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and number of words of each sentence or part of one.

    sentences: the spans of the words of each.
    """
    for words in sentences:
        if not words:
            continue
        parts = max(1, round(len(words) / target)) if len(words) > 1.5 * target else 1
        size = math.ceil(len(words) / parts)
        for first in range(0, len(words), size):
            last = min(first + size, len(words))
            yield words[first][0], words[last - 1][1], last - first


def _at_most(spans: list[tuple[int, int]], limit: int) -> list[tuple[int, int]]:
    """Join the neighbours that are shortest together until at most `limit` remain."""
    while len(spans) > limit:
        shortest = min(range(len(spans) - 1), key=lambda i: spans[i + 1][1] - spans[i][0])
        spans[shortest : shortest + 2] = [(spans[shortest][0], spans[shortest + 1][1])]
    return spans


def _window(before: str, own: str, after: str) -> str:
    """Join the end of the previous message, the message, and the start of the next."""
    parts = (
        _last_words(before, WINDOW_NEIGHBOUR_WORDS),
        _first_words(own, WINDOW_OWN_WORDS),
        _first_words(after, WINDOW_NEIGHBOUR_WORDS),
    )
    return "\n".join(part for part in parts if part)


def _first_words(text: str, limit: int) -> str:
    for number, match in enumerate(_WORD.finditer(text), 1):
        if number == limit:
            return text[: match.end()]
    return text


def _last_words(text: str, limit: int) -> str:
    starts = [match.start() for match in _WORD.finditer(text)]
    return text[starts[-limit] :] if len(starts) > limit else text
