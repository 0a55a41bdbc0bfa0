"""Describe segments and candidates to the classifier: words, and what holds in any language.

A feature is a short string; the classifier hashes it. Beside the words of a segment and of the
first one of its message there are its form, its place among the blocks of the message, and the
concepts of what came before it.
All functions take linear time.
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
"""Words of a segment that are looked at; further ones are rarely of another kind."""

PREFIX = 5
"""Characters that words of different languages or forms share where they mean the same."""

EARLIER_MESSAGES = 6
"""Messages of the user before the one in question whose concepts count."""

_ANNOUNCING = (Concept.TASK, Concept.TEXT, Concept.REPORT, Concept.FICTION)
"""Concepts that tell of a text to come."""

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
    """The blocks of a message: how long each is, and how much of it the speaker says of itself."""

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
class Described:
    """A segment with its features."""

    segment: Segment
    features: tuple[str, ...]


@remembered(maxsize=256)
def described(content: str, earlier: tuple[str, ...]) -> tuple[Described, ...]:
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
    found = []
    for position, segment in enumerate(segments):
        features = [
            *shared,
            *_of_segment(segment),
            *blocks.features(segment),
            f"place:{_place(position, len(segments))}",
        ]
        if position:
            previous = segments[position - 1]
            features += first
            features += [f"before:{concept}" for concept in before]
            features += [f"previous:{concept}" for concept in previous.concepts]
            features.append(f"previous end:{_end(previous.text)}")
            features.append(f"previous quoted:{previous.is_quoted}")
        before.update(concept for concept in _ANNOUNCING if concept in segment.concepts)
        found.append(Described(segment, tuple(features)))
    return tuple(found)


def _of_message(content: str, segments: Sequence[Segment]) -> Iterator[str]:
    yield f"segments:{_step(len(segments), _COUNTS)}"
    if without_invisible(content) != content:
        yield "invisible"


def _of_earlier(earlier: Sequence[str]) -> Iterator[str]:
    concepts = {
        each for content in earlier for segment in segments_of(content) for each in segment.concepts
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


def _place(position: int, count: int) -> str:
    if position == 0:
        return "only" if count == 1 else "first"
    return "last" if position == count - 1 else "middle"


def _end(text: str) -> str:
    return "letter" if text[-1].isalnum() else text[-1]


def _step(number: int, steps: Sequence[int]) -> int:
    return sum(number >= step for step in steps)


@remembered(maxsize=256)
def described_report(content: str) -> tuple[Described, ...]:
    """Return the segments of a message of the assistant with their features.

    What matters there is whether the assistant speaks, or passes on what a text says.
    """
    segments = segments_of(content)
    before: set[Concept] = set()
    found = []
    for segment in segments:
        features = [*_of_segment(segment), *(f"before:{concept}" for concept in before)]
        before.update(concept for concept in _ANNOUNCING if concept in segment.concepts)
        found.append(Described(segment, tuple(f"assistant:{each}" for each in features)))
    return tuple(found)


@remembered(maxsize=1_024)
def of_statement(content: str) -> tuple[str, ...]:
    """Return the features of a statement as such: its words, their pairs, and parts of them."""
    words = [word for word in words_of(content) if word != "user"][:MAX_WORDS]
    parts = (f"<{word}>" for word in words)
    return (
        *(f"word:{word}" for word in words),
        *(f"pair:{one} {other}" for one, other in zip(["^", *words], [*words, "$"], strict=True)),
        *(f"part:{part[at : at + 4]}" for part in parts for at in range(max(1, len(part) - 3))),
    )


class Likenesses:
    """How many of a statement's words each segment of a message has.

    Segments are found by their words, so a statement costs no more than the segments that share
    words with it.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._count = len(segments)
        self._by_stem = _places([_stems(segment.text) for segment in segments])
        self._by_beginning = _places([_beginnings(segment.text) for segment in segments])

    def of(self, content: str) -> NDArray[np.float64]:
        """Return the shares of a statement's words, from 0 to 1, (segments,).

        Counted by stems of English and by beginnings of words, whichever gives more.
        """
        return np.maximum(
            self._shares(_stems(content), self._by_stem),
            self._shares(_beginnings(content), self._by_beginning),
        )

    def _shares(
        self, words: frozenset[str], places: Mapping[str, NDArray[np.intp]]
    ) -> NDArray[np.float64]:
        found = [places[word] for word in words if word in places]
        if not found:
            return np.zeros(self._count)
        return np.bincount(np.concatenate(found), minlength=self._count) / len(words)


def _places(words: Sequence[frozenset[str]]) -> dict[str, NDArray[np.intp]]:
    """Return for each word the indices of the sets that have it."""
    places: dict[str, list[int]] = {}
    for index, each in enumerate(words):
        for word in each:
            places.setdefault(word, []).append(index)
    return {word: np.array(found, np.intp) for word, found in places.items()}


@remembered(maxsize=4_096)
def _stems(text: str) -> frozenset[str]:
    return frozenset(terms_of(text))


@remembered(maxsize=4_096)
def _beginnings(text: str) -> frozenset[str]:
    words = (word for word in words_of(without_accents(text)) if len(word) >= PREFIX - 1)
    return frozenset(word[:PREFIX] for word in words) - {"user"}
