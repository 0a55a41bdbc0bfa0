"""Join memories that give different numbers for the same thing, such as a count that grew.

Nothing superseded the older one, so neither is called wrong: both stand in one line.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hitherto.core.context.recalled_data import RecalledMemory
from hitherto.core.text.caches import remembered
from hitherto.core.text.english_words import TENS, UNITS
from hitherto.core.text.terms import terms_of, words_of
from hitherto.models import MemoryVersion

SAME_SHARE = 0.6
"""Share of common terms, numbers left out, from which on two memories are about the same thing."""

_DIGITS = re.compile(r"\d[\d.,:]*")
_NUMBERS = frozenset((*UNITS, *TENS))

_Reading = tuple[frozenset[str], frozenset[str]]


def join_numbers(memories: Sequence[RecalledMemory]) -> tuple[RecalledMemory, ...]:
    """Return the memories, those about one number joined at the place of the most useful one.

    The newest stands for the others (`RecalledMemory.other_numbers`), with the best similarity. An
    older one that has former values of its own stays apart.
    """
    lines: list[RecalledMemory] = []
    readings: list[_Reading] = []
    for memory in memories:
        reading = _read(memory.history[0].content)
        same = next((n for n, other in enumerate(readings) if _is_same(reading, other)), None)
        if same is None or len(_oldest(lines[same], memory).history) > 1:
            lines.append(memory)
            readings.append(reading)
        else:
            lines[same] = _join(lines[same], memory)
    return tuple(lines)


def _oldest(first: RecalledMemory, second: RecalledMemory) -> RecalledMemory:
    return min(first, second, key=lambda memory: _day(memory.history[0]))


def _join(best: RecalledMemory, other: RecalledMemory) -> RecalledMemory:
    older = _oldest(best, other)
    newest = other if older is best else best
    others = (older.history[0], *newest.other_numbers, *older.other_numbers)
    return replace(
        newest,
        similarity=best.similarity,
        children=(*newest.children, *older.children),
        other_numbers=tuple(sorted(others, key=_day, reverse=True)),
    )


def _day(version: MemoryVersion) -> tuple[datetime, datetime, str]:
    return version.event_date_start, version.created_at, version.memory_id


def _is_same(first: _Reading, second: _Reading) -> bool:
    """Return whether two contents differ in their numbers and hardly in anything else."""
    (terms, numbers), (other_terms, other_numbers) = first, second
    if not (numbers and other_numbers) or numbers == other_numbers:
        return False
    common = len(terms & other_terms)
    return common > 0 and common >= SAME_SHARE * len(terms | other_terms)


@remembered(maxsize=4_096)
def _read(content: str) -> _Reading:
    """Return the terms of a content without its numbers, and the numbers."""
    words = words_of(content)
    numbers = [word for word in words if _is_number(word)]
    rest = " ".join(word for word in words if not _is_number(word))
    return frozenset(terms_of(rest)), frozenset(word.lower() for word in numbers)


def _is_number(word: str) -> bool:
    return _DIGITS.fullmatch(word) is not None or set(word.lower().split("-")) <= _NUMBERS
