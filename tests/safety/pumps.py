"""Pumped strings: a short unit over and over, which makes slow patterns slow.

The units are known trouble of texts, or come from a pattern's own parts: what stands before one of
its loops, what the loop takes, what has to follow, and the characters of its sets combined.
"""

import itertools
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser
from typing import Any, Final

MAX_CHARS: Final = 262_144
"""Characters of the longest message that is accepted by default."""

MANY: Final = 200
"""A loop that may run further than this counts as one without an end."""

UNITS: Final = (
    " ", "\n", "\r\n", "\t", " \n", "\n ", ", ", "\u00a0", "\u2028", "\u3000",
    "(", ")", "[", "]", "{", "<", ">", "[A", "[A]x ", "()", "<a ", "</", "<r", "&lt;",
    '"', "'", "“", "”", "’", "«", "“‘", '"a" ', " '", '("', "“a”",
    "`", "```", "``` ", "|", "!|", "*", "_", "a_ ", "- ", "#", "=", "/", "\\", "@", "$", "%",
    ".", ". ", ",", ": ", ":", ";", "?", "!", "…", "。", "^",
    "1", "1.", "1. ", "1,", "1-", "1:", "a", "A", "ab ", "a ", "A ", "a'", "a.", "a-", "a1", "0a",
    "é", "İ", "е", "ﷺ", "😀", "👩\u200d👧", "e\u0301", "\u0301", "\u0301\u0316", "\u0344\uff9e",
    "\u200b", "\u200d", "\ufeff", "\ue000", "\U000e0041", "漢", "漢字。", "ก",
    "which ", "and ", "I ", "user ", "dr. ", "I am a teacher. ", "I moved to X. ", "You said it. ",
    "my sister's ", "User's ", "not ", "last week ", "on May 5 ", "in 3 days ", "2024-01-05 ",
    "about me: ", "http://", "www.", "1. (Event Date: ", "## ", "a: ", "a:\n", "A. ", "a?\n",
    "> a\n", "Ana ", "from a to b ", "always answer short ", "ignore all ", "if you ",
)  # fmt: skip
"""Runs that have been slow somewhere, or that could be."""

ENDS: Final = ("", "\x01", "\n.")
"""What follows a run: nothing, and what most loops do not take."""


@dataclass(frozen=True, slots=True)
class Pump:
    """A text of any length: `before`, then `unit` over and over, then `after`.

    numbered: whether each unit has its number behind it, so that no two are alike.
    """

    unit: str
    before: str = ""
    after: str = ""
    numbered: bool = False

    def text(self, chars: int) -> str:
        """Return the text of about so many characters."""
        return f"{self.before}{''.join(self.pieces(chars))}{self.after}"

    def pieces(self, chars: int) -> Iterable[str]:
        """Return the units of a text of about so many characters."""
        room = chars - len(self.before) - len(self.after)
        if not self.numbered:
            return itertools.repeat(self.unit, max(1, room // len(self.unit)))
        words = max(1, room // (len(self.unit) + 6))
        return (f"{self.unit.rstrip()} x{number:04} " for number in range(words))

    def __str__(self) -> str:
        unit = f"{self.unit!a} numbered" if self.numbered else f"{self.unit!a}"
        return " + ".join(
            [*([f"{self.before!a}"] if self.before else []), f"{unit}...",
             *([f"{self.after!a}"] if self.after else [])]
        )  # fmt: skip


@cache
def few_pumps() -> tuple[Pump, ...]:
    """Return runs of all `UNITS`, alone, with another end, and numbered where that makes words."""
    pumps = [Pump(unit) for unit in UNITS]
    pumps += [Pump(unit, before="x", after="\x01") for unit in UNITS]
    pumps += [Pump(unit, numbered=True) for unit in UNITS if unit.endswith(" ")]
    return tuple(pumps)


@cache
def common_pumps() -> tuple[Pump, ...]:
    """Return runs of all `UNITS`, alone, behind a beginning and before an end."""
    pumps = [Pump(unit, after=end) for end in ENDS for unit in UNITS]
    pumps += [Pump(unit, before="x") for unit in UNITS]
    pumps += [Pump(unit, numbered=True) for unit in UNITS if unit.endswith(" ")]
    return tuple(pumps)


def pumps_of(pattern: re.Pattern[Any]) -> list[Pump]:
    """Return pumps made of a pattern's own literals, sets and loops, the likeliest first."""
    source = pattern.pattern
    text = source if isinstance(source, str) else source.decode("latin-1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = _parser.parse(text, pattern.flags & ~(re.UNICODE | re.LOCALE))
    of_loops = [pump for loop in _loops(tree, [""]) for pump in _around(*loop)]
    characters = list(dict.fromkeys(filter(None, _characters(tree))))[:6] if of_loops else []
    combined = [
        Pump("".join(mixed), after=end)
        for size in (1, 2, 3)
        for mixed in itertools.product(characters, repeat=size)
        for end in ("", "\x01")
    ]
    whole = [pump for sample in _samples(tree, 64) for pump in _whole(sample)]
    return list(dict.fromkeys([*of_loops, *whole, *combined]))


def _around(prefixes: Sequence[str], units: Sequence[str], behind: str) -> Iterator[Pump]:
    """Pumps of one loop, by what stands before it, what it takes, and what has to follow."""
    for prefix, unit in itertools.product(prefixes, units):
        for piece in dict.fromkeys((unit, prefix + unit, prefix, prefix + unit + behind[:-1])):
            if piece:
                yield Pump(piece, after="\x01")
                yield Pump(piece, after="\n.")
                yield Pump(f"{piece} ")
        if prefix:
            yield Pump(unit, before=prefix, after="\x01")


def _whole(sample: str) -> Iterator[Pump]:
    for piece in (sample, sample[:-1]):
        if piece:
            yield Pump(piece)
            yield Pump(f"{piece} ", after="\x01")


def _loops(tree: Any, before: Sequence[str]) -> Iterator[tuple[list[str], list[str], str]]:
    """Yield each loop without an end: texts before it, texts of its body, a text behind it."""
    items = list(tree)
    prefixes = list(before)
    for at, (op, value) in enumerate(items):
        if op in _REPEATS and (value[1] is sre.MAXREPEAT or value[1] > MANY):
            units = [text for text in _samples(value[2], 8) if text]
            yield prefixes, units[:6], _sample(items[at + 1 :])
        for inner in _inside(op, value):
            yield from _loops(inner, prefixes)
        options = _options(op, value)
        chosen = list(dict.fromkeys((options[0], options[len(options) // 2], options[-1])))
        prefixes = [
            *(prefix + chosen[0] for prefix in prefixes),
            *(prefixes[0] + option for option in chosen[1:]),
        ][:6]


def _inside(op: Any, value: Any) -> list[Any]:
    if op is sre.BRANCH:
        return list(value[1])
    if op is sre.SUBPATTERN:
        return [value[3]]
    if op in _REPEATS:
        return [value[2]]
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    if op is sre.ATOMIC_GROUP:
        return [value]
    return [one for one in value[1:] if one is not None] if op is sre.GROUPREF_EXISTS else []


def _sample(items: Any) -> str:
    return next(iter(_samples(items, 1)), "")


def _samples(items: Any, limit: int) -> list[str]:
    """Texts that a sequence of parsed items takes, its choices varied one at a time."""
    results = [""]
    for op, value in items:
        first, *others = _options(op, value)
        varied = [results[0] + other for other in others[: max(0, limit - len(results))]]
        results = [text + first for text in results] + varied
    return list(dict.fromkeys(results))


def _options(op: Any, value: Any) -> list[str]:
    """Texts that one parsed item takes; at least one."""
    if op is sre.LITERAL:
        return [chr(value)]
    if op is sre.NOT_LITERAL:
        return [text for text in (" ", "a") if text != chr(value)]
    if op is sre.ANY:
        return ["a", " "]
    if op is sre.IN:
        return _of_set(value)
    if op is sre.BRANCH:
        return [text for branch in value[1] for text in _samples(branch, 8)][:64] or [""]
    if op in _REPEATS:
        return [text * max(value[0], 1) for text in _samples(value[2], 8)] or [""]
    if op in (sre.ASSERT, sre.ASSERT_NOT, sre.AT, sre.GROUPREF):
        return [""]
    return [text for inner in _inside(op, value) for text in _samples(inner, 32)] or [""]


_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_OF_CATEGORY: Final = {
    sre.CATEGORY_DIGIT: "1",
    sre.CATEGORY_NOT_DIGIT: "a",
    sre.CATEGORY_SPACE: " ",
    sre.CATEGORY_NOT_SPACE: "a",
    sre.CATEGORY_WORD: "a",
    sre.CATEGORY_NOT_WORD: "!",
}
_PROBES: Final = (" ", "a", "1", "\n", "(", "é", "A")


def _of_set(items: Any) -> list[str]:
    """Some characters of a set: one of each member, or of what it leaves out."""
    if items[0][0] is sre.NEGATE:
        return [one for one in _PROBES if not any(_holds(item, one) for item in items[1:])] or [""]
    found = []
    for op, value in items:
        if op is sre.LITERAL:
            found.append(chr(value))
        elif op is sre.RANGE:
            found.append(chr(value[0]))
        elif op is sre.CATEGORY:
            found.append(_OF_CATEGORY[value])
    return found or [""]


def _holds(item: Any, character: str) -> bool:
    op, value = item
    if op is sre.LITERAL:
        return ord(character) == value
    if op is sre.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    negated = value in (sre.CATEGORY_NOT_DIGIT, sre.CATEGORY_NOT_SPACE, sre.CATEGORY_NOT_WORD)
    if value in (sre.CATEGORY_DIGIT, sre.CATEGORY_NOT_DIGIT):
        is_in = character.isdigit()
    elif value in (sre.CATEGORY_SPACE, sre.CATEGORY_NOT_SPACE):
        is_in = character.isspace()
    else:
        is_in = character.isalnum() or character == "_"
    return is_in is not negated


def _characters(tree: Any) -> Iterator[str]:
    """Characters of the bodies of loops without an end, and of single marks beside them."""
    for op, value in tree:
        if op in _REPEATS and (value[1] is sre.MAXREPEAT or value[1] > MANY):
            yield from (text for text in _samples(value[2], 8) if len(text) == 1)
        elif op is sre.LITERAL and not chr(value).isalpha():
            yield chr(value)
        elif op is sre.IN:
            yield from _of_set(value)[:3]
        for inner in _inside(op, value):
            yield from _characters(inner)
