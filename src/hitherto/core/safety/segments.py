"""Segments of a message: sentences, quotations, and the texts before and behind a colon.

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
"""Characters that are read of a longer message; extraction reads half as many."""

MIN_QUOTED_WORDS = 3
"""Words from which text in quotation marks is a quotation; fewer are a title or a term."""

MIN_STEM = 4
"""Length of the shortest beginning of a word that is looked up as a stem."""

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

    line, block: numbers from 0; blank lines separate blocks. is_quoted: inside quotation marks.
    is_fenced: inside a fenced block of code. words: lower case; in scripts without blanks, pairs of
    characters. concepts: number of its words for each concept.
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
    """Return the segments of a message in order, without those that have no word."""
    text = nfkc(without_invisible(content[:MAX_CHARS]))[:MAX_CHARS]
    return tuple(_segments(text))


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case; pairs of characters in scripts without blanks."""
    low = text.casefold().translate(_APOSTROPHES)
    words = _WORD.findall(low)
    for run in _IDEOGRAPH.findall(low):
        words += [run[at : at + 2] for at in range(max(1, len(run) - 1))]
    return tuple(words)


def concepts_of(text: str, words: tuple[str, ...]) -> dict[Concept, int]:
    """Return the number of words for each concept that has one."""
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
    """Yield the sentences of a line, and whether each is inside quotation marks."""
    start = 0
    for quotation in _QUOTATION.finditer(line):
        if len(words_of(quotation[0])) < MIN_QUOTED_WORDS:
            continue
        yield from ((part, False) for part in _sentences(line[start : quotation.start()]))
        yield from ((part, True) for part in _sentences(quotation[0][1:-1]))
        start = quotation.end()
    yield from ((part, False) for part in _sentences(line[start:]))


def _sentences(text: str) -> Iterator[str]:
    """Yield the parts of a text between sentence ends, colons and dashes.

    `core.text.sentences` does not cut at colons and dashes: with it, 23 % of the training messages
    would have other segments than those that the weights were trained on.
    """
    return (sentence for part in _END.split(text) if (sentence := part.strip()))


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
