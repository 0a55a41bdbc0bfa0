"""Features of segments and statements for the classifier of provenance.

A feature is a short string; the classifier hashes it. A segment has the words of itself and of the
first segment of its message, its form, its place among the blocks of the message, and the concepts
of the segments before it. All but the words hold in any language. All functions take linear time.
The strings are part of the trained weights: a changed one needs a new training.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitherto.core.safety.concepts import Concept
from hitherto.core.safety.segments import Segment, segments_of, words_of
from hitherto.core.text.caches import remembered
from hitherto.core.text.invisible import without_invisible
from hitherto.core.text.normal_form import without_accents
from hitherto.core.text.terms import terms_of

MAX_WORDS = 80
"""Words of a segment that become features; further ones are rarely of another kind."""

PREFIX = 5
"""Leading characters by which words of different forms or languages count as the same."""

EARLIER_MESSAGES = 6
"""Messages of the user before a message whose concepts count for it."""

_ANNOUNCING = (Concept.TASK, Concept.TEXT, Concept.REPORT, Concept.FICTION)
"""Concepts that announce a text."""

_SHAPES = (
    ("bullet", re.compile(r"\A[-*•+] ")),
    ("number", re.compile(r"\A\d+[.)]")),
    ("quote", re.compile(r"\A[>|]")),
    ("heading", re.compile(r"\A#{1,6} ")),
    ("key", re.compile(r"\A[\w .-]{1,25}[:=]\s?\S")),
    ("table", re.compile(r"\|")),
    ("brackets", re.compile(r"[{}\[\]]")),
    ("tag", re.compile(r"</?\w")),
    ("time", re.compile(r"\d\d:\d\d")),
    ("comment", re.compile(r"//|/\*|<!--")),
    ("name", re.compile(r"\w_|=\w")),
    ("address", re.compile(r"https?:|@\w|\.example")),
    ("dash", re.compile(r"[—–]")),
)
_COUNTS = (2, 3, 5, 8, 15)


class _Blocks:
    """Blocks of a message: the length of each, and the share of segments about the speaker."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._sizes: dict[int, int] = {}
        self._selves: dict[int, int] = {}
        self._lines: dict[int, set[int]] = {}
        for segment in segments:
            block = segment.block
            self._sizes[block] = self._sizes.get(block, 0) + 1
            self._selves[block] = self._selves.get(block, 0) + (Concept.SELF in segment.concepts)
            self._lines.setdefault(block, set()).add(segment.line)

    def features(self, segment: Segment) -> Iterator[str]:
        block = segment.block
        size, lines = self._sizes[block], len(self._lines[block])
        yield f"block:{min(block, 3)}/{min(len(self._sizes), 4)}"
        yield f"block size:{_step(size, _COUNTS)}:{_step(lines, _COUNTS)}"
        yield f"block selves:{round(3 * self._selves[block] / size)}"


@dataclass(frozen=True, slots=True)
class DescribedSegment:
    """A segment with its features."""

    segment: Segment
    features: tuple[str, ...]


@remembered(maxsize=256)
def describe_message(content: str, earlier: tuple[str, ...]) -> tuple[DescribedSegment, ...]:
    """Return the segments of a message of the user with their features.

    earlier: the user's messages before it, `EARLIER_MESSAGES` at most.
    """
    segments = segments_of(content)
    if not segments:
        return ()
    shared = (*_of_message(content, segments), *_of_earlier(earlier))
    blocks = _Blocks(segments)
    first = [f"first:{word}" for word in segments[0].words[:MAX_WORDS]]
    before: set[Concept] = set()
    described = []
    for position, segment in enumerate(segments):
        features = [
            *shared,
            *_of_segment(segment),
            *blocks.features(segment),
            f"place:{_position_name(position, len(segments))}",
        ]
        if position:
            previous = segments[position - 1]
            features += first
            features += [f"before:{concept}" for concept in before]
            features += [f"previous:{concept}" for concept in previous.concepts]
            features.append(f"previous end:{_last_character(previous.text)}")
            features.append(f"previous quoted:{previous.is_quoted}")
        before.update(concept for concept in _ANNOUNCING if concept in segment.concepts)
        described.append(DescribedSegment(segment, tuple(features)))
    return tuple(described)


def _of_message(content: str, segments: Sequence[Segment]) -> Iterator[str]:
    yield f"segments:{_step(len(segments), _COUNTS)}"
    if without_invisible(content) != content:
        yield "invisible"


def _of_earlier(earlier: Sequence[str]) -> Iterator[str]:
    concepts = {
        concept
        for content in earlier
        for segment in segments_of(content)
        for concept in segment.concepts
    }
    return (f"earlier:{concept}" for concept in concepts)


def _of_segment(segment: Segment) -> Iterator[str]:
    yield from (f"word:{word}" for word in segment.words[:MAX_WORDS])
    yield from (f"shape:{shape}" for shape in _shapes(segment.text))
    yield f"quoted:{segment.is_quoted}"
    yield f"fenced:{segment.is_fenced}"


@remembered(maxsize=4_096)
def _shapes(text: str) -> tuple[str, ...]:
    shapes = [name for name, pattern in _SHAPES if pattern.search(text)]
    letters = [character for character in text if character.isalpha()]
    if len(letters) * 2 < len(text):
        shapes.append("symbols")
    if sum(letter.isupper() for letter in letters) * 2 > len(letters):
        shapes.append("capitals")
    return tuple(shapes)


def _position_name(position: int, count: int) -> str:
    if position == 0:
        return "only" if count == 1 else "first"
    return "last" if position == count - 1 else "middle"


def _last_character(text: str) -> str:
    return "letter" if text[-1].isalnum() else text[-1]


def _step(number: int, steps: Sequence[int]) -> int:
    return sum(number >= step for step in steps)


@remembered(maxsize=256)
def describe_reply(content: str) -> tuple[DescribedSegment, ...]:
    """Return the segments of a message of the assistant with their features.

    They show whether the assistant speaks for itself or reports a text.
    """
    segments = segments_of(content)
    before: set[Concept] = set()
    described = []
    for segment in segments:
        features = [*_of_segment(segment), *(f"before:{concept}" for concept in before)]
        before.update(concept for concept in _ANNOUNCING if concept in segment.concepts)
        marked = tuple(f"assistant:{feature}" for feature in features)
        described.append(DescribedSegment(segment, marked))
    return tuple(described)


@remembered(maxsize=1_024)
def describe_statement(content: str) -> tuple[str, ...]:
    """Return the features of a statement: its words, pairs of words, and parts of words."""
    words = [word for word in words_of(content) if word != "user"][:MAX_WORDS]
    parts = (f"<{word}>" for word in words)
    return (
        *(f"word:{word}" for word in words),
        *(f"pair:{left} {right}" for left, right in zip(["^", *words], [*words, "$"], strict=True)),
        *(f"part:{part[at : at + 4]}" for part in parts for at in range(max(1, len(part) - 3))),
    )


class Likenesses:
    """Shares of a statement's words that the segments of a message contain.

    Segments are indexed by their words, so a statement costs as much as the segments that share
    words with it.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._count = len(segments)
        self._by_stem = _index_words([_stems(segment.text) for segment in segments])
        self._by_beginning = _index_words([_beginnings(segment.text) for segment in segments])

    def of(self, content: str) -> NDArray[np.float64]:
        """Return the shares of a statement's words, from 0 to 1, (segments,).

        Counted by stems of English and by beginnings of words, whichever gives more.
        """
        return np.maximum(
            self._shares(_stems(content), self._by_stem),
            self._shares(_beginnings(content), self._by_beginning),
        )

    def _shares(
        self, words: frozenset[str], segments_by_word: Mapping[str, NDArray[np.intp]]
    ) -> NDArray[np.float64]:
        indices = [segments_by_word[word] for word in words if word in segments_by_word]
        if not indices:
            return np.zeros(self._count)
        return np.bincount(np.concatenate(indices), minlength=self._count) / len(words)


def _index_words(word_sets: Sequence[frozenset[str]]) -> dict[str, NDArray[np.intp]]:
    """Return for each word the indices of the sets that contain it."""
    index: dict[str, list[int]] = {}
    for number, words in enumerate(word_sets):
        for word in words:
            index.setdefault(word, []).append(number)
    return {word: np.array(numbers, np.intp) for word, numbers in index.items()}


@remembered(maxsize=4_096)
def _stems(text: str) -> frozenset[str]:
    return frozenset(terms_of(text))


@remembered(maxsize=4_096)
def _beginnings(text: str) -> frozenset[str]:
    words = (word for word in words_of(without_accents(text)) if len(word) >= PREFIX - 1)
    return frozenset(word[:PREFIX] for word in words) - {"user"}
