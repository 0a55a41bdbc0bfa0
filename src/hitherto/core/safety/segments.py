"""Cut a message into segments: sentences, and what stands in quotation marks or behind a colon.

All functions take linear time, whatever a message holds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hitherto.core.safety.concepts import CHARACTERS, STEMS, WHOLE, Concept
from hitherto.core.text.caches import remembered
from hitherto.core.text.invisible import without_invisible
from hitherto.core.text.normal_form import nfkc

MAX_CHARS = 40_000
"""Of a longer message only this much is read; extraction reads half of it."""

MIN_QUOTED_WORDS = 3
"""Fewer words in quotation marks are a title or a word that is spoken of."""

MIN_STEM = 4
"""The shortest beginning of a word that counts for the word."""

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_MARKS = (
    "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e"
    "\u1000-\u109f\u1780-\u17dd"
)
_WORD = re.compile(rf"(?:[^\W_{_IDEOGRAPHS}]|[{_MARKS}])+(?:'(?:[^\W_{_IDEOGRAPHS}])+)*")
_IDEOGRAPH = re.compile(rf"[{_IDEOGRAPHS}]+")
_QUOTATION = re.compile(
    r"\"[^\"\n]+\"|“[^“”\n]+”|„[^„“”\n]+[“”]|«[^«»\n]+»|「[^「」\n]+」|『[^『』\n]+』"
    r"|(?<!\w)'[^'\n]+'(?!\w)|(?<!\w)‘[^‘’\n]+’(?!\w)"
)
_END = re.compile(
    r"(?<=[.!?…])[\"'”’»)\]]{0,2}[ \t]+|(?<=[。！？；।؟])|(?<=[:：])[ \t]+|(?<=：)"
    r"|(?<=[ \t])[—–](?=[ \t])"
)
_APOSTROPHES = str.maketrans("’‘ʼ", "'''")


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a message that one speaker says in one go.

    line, block: its place, from 0; blocks are parted by blank lines. is_quoted: it stands in
    quotation marks. is_fenced: it stands in a fenced block of code. words: lower case; of scripts
    without blanks, pairs of characters. concepts: how many of its words tell what.
    """

    text: str
    line: int
    block: int
    is_quoted: bool
    is_fenced: bool
    words: tuple[str, ...]
    concepts: dict[Concept, int]


@remembered(maxsize=512)
def segments_of(content: str) -> tuple[Segment, ...]:
    """Return the segments of a message in order, those without a word left out."""
    text = nfkc(without_invisible(content[:MAX_CHARS]))[:MAX_CHARS]
    return tuple(_segments(text))


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, and pairs of characters where it has no blanks."""
    low = text.casefold().translate(_APOSTROPHES)
    words = _WORD.findall(low)
    for run in _IDEOGRAPH.findall(low):
        words += [run[at : at + 2] for at in range(max(1, len(run) - 1))]
    return tuple(words)


def concepts_of(text: str, words: tuple[str, ...]) -> dict[Concept, int]:
    """Return how many words of a text tell each concept, those that none tells left out."""
    counts: dict[Concept, int] = {}
    for word in words:
        for concept in _concepts_of_word(word):
            counts[concept] = counts.get(concept, 0) + 1
    if _IDEOGRAPH.search(text):
        for concept, parts in CHARACTERS.items():
            number = sum(part in text for part in parts)
            if number:
                counts[concept] = counts.get(concept, 0) + number
    return counts


def _segments(text: str) -> Iterator[Segment]:
    block, is_after_blank, is_fenced = -1, True, False
    for number, line in enumerate(text.split("\n")):
        stripped = line.strip()
        if not stripped:
            is_after_blank = True
            continue
        block, is_after_blank = block + is_after_blank, False
        if stripped.startswith("```"):
            is_fenced = not is_fenced
        for part, is_quoted in _parts(stripped):
            words = words_of(part)
            if words:
                concepts = concepts_of(part, words)
                yield Segment(part, number, block, is_quoted, is_fenced, words, concepts)


def _parts(line: str) -> Iterator[tuple[str, bool]]:
    """Yield the sentences of a line, and whether each stands in quotation marks."""
    start = 0
    for found in _QUOTATION.finditer(line):
        if len(words_of(found[0])) < MIN_QUOTED_WORDS:
            continue
        yield from ((part, False) for part in _sentences(line[start : found.start()]))
        yield from ((part, True) for part in _sentences(found[0][1:-1]))
        start = found.end()
    yield from ((part, False) for part in _sentences(line[start:]))


def _sentences(text: str) -> Iterator[str]:
    return (part for found in _END.split(text) if (part := found.strip()))


def _table() -> dict[str, tuple[Concept, ...]]:
    table: dict[str, tuple[Concept, ...]] = {}
    for concept, words in WHOLE.items():
        for word in words:
            table[word] = (*table.get(word, ()), concept)
    return table


def _stems() -> dict[str, tuple[Concept, ...]]:
    table: dict[str, tuple[Concept, ...]] = {}
    for concept, words in STEMS.items():
        for word in words:
            table[word] = (*table.get(word, ()), concept)
    return table


_WHOLE_WORDS = _table()
_WORD_STEMS = _stems()
_LONGEST_STEM = max(map(len, _WORD_STEMS))


def _concepts_of_word(word: str) -> Iterator[Concept]:
    bare = word.split("'")[0] if "'" in word else word
    yield from _WHOLE_WORDS.get(bare, ())
    if word in _WORD_STEMS:
        yield from _WORD_STEMS[word]
        return
    for length in range(min(len(word) - 1, _LONGEST_STEM), MIN_STEM - 1, -1):
        if word[:length] in _WORD_STEMS:
            yield from _WORD_STEMS[word[:length]]
            return
