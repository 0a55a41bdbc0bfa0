"""Finds which memories belong together: those that share a name, or are about nearly the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitherto.core.statements.reader import Statement

Ref = str | int
"""A memory id, or the index of a candidate of the same plan."""
Pair = tuple[int, Ref]
"""A candidate's index and what it is to be connected with."""

MOST = 5
"""Connections that one memory gets in one plan: enough for a hop in recall, few enough to read."""
SIMILAR = 0.65
"""Cosine from which two memories are connected without a shared name.

Read off the pairs of statements of the example conversation under all-MiniLM-L6-v2: of those above
0.65 (the top hundredth) nine in ten are about one thing, of those from 0.55 to 0.65 about half.
"""
_MOST_SIMILAR = 64
"""Memories that one is paired with for their meaning alone, the most similar ones. Up to 30 new
memories in a plan, more would change nothing: these cannot fill the connections of 63 others."""

_COMMON = 40
"""A name in more memories than this says no more about one of them than the user's own would."""
_SHARED_NAME = 0.25
_DOUBT = 0.5
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A memory that will be current. row: its row in the vectors. is_new: of this plan."""

    ref: Ref
    row: int
    statement: Statement
    is_new: bool


def connect(
    entries: Sequence[Entry], vectors: NDArray[np.float32], doubts: Sequence[Pair]
) -> tuple[tuple[Ref, Ref], ...]:
    """Undirected pairs of which at least one side is new, the strongest first.

    vectors: (m, dim) float32, unit rows. A pair is as strong as its cosine, plus something for each
    name it shares, plus something for a pair of `doubts`: a candidate that may be the same as a
    held one and was kept beside it. At most `MOST` pairs per memory.
    """
    new = [entry for entry in entries if entry.is_new]
    if not new or len(entries) < 2:
        return ()
    rows = np.array([entry.row for entry in entries])
    cosines = vectors[[entry.row for entry in new]] @ vectors[rows].T
    asked: frozenset[str] = frozenset().union(*(entry.statement.topics for entry in new))
    by_topic: dict[str, list[int]] = {}
    for position, entry in enumerate(entries):
        for topic in entry.statement.topics & asked:
            by_topic.setdefault(topic, []).append(position)
    positions = {entry.ref: position for position, entry in enumerate(entries)}
    doubtful = _doubtful(doubts, positions)
    pairs: dict[tuple[int, int], float] = {}
    for entry, scores in zip(new, cosines, strict=True):
        here = positions[entry.ref]
        bonus = _bonuses(entry.statement.topics, by_topic)
        for there in doubtful.get(here, ()):
            bonus[there] = bonus.get(there, 0.0) + _DOUBT
        for there in {*bonus, *_most_similar(scores)} - {here}:
            edge = (min(here, there), max(here, there))
            pairs[edge] = round(float(scores[there]) + bonus.get(there, 0.0), _DIGITS)
    return _strongest(pairs, entries)


def _doubtful(doubts: Sequence[Pair], positions: Mapping[Ref, int]) -> dict[int, set[int]]:
    """For each position, those that it is in doubt with."""
    found: dict[int, set[int]] = {}
    for left, right in doubts:
        here, there = positions.get(left), positions.get(right)
        if here is not None and there is not None:
            found.setdefault(here, set()).add(there)
            found.setdefault(there, set()).add(here)
    return found


def _most_similar(scores: NDArray[np.float32]) -> list[int]:
    """The positions whose cosine is at least `SIMILAR`, of too many those with the highest."""
    similar = np.flatnonzero(scores >= SIMILAR)
    if len(similar) > _MOST_SIMILAR:
        ranked = np.argsort(-np.round(scores[similar].astype(np.float64), _DIGITS), kind="stable")
        similar = similar[ranked[:_MOST_SIMILAR]]
    found: list[int] = similar.tolist()
    return found


def _bonuses(topics: frozenset[str], by_topic: Mapping[str, Sequence[int]]) -> dict[int, float]:
    bonus: dict[int, float] = {}
    for topic in sorted(topics):
        sharing = by_topic.get(topic, ())
        if len(sharing) <= _COMMON:
            for position in sharing:
                bonus[position] = bonus.get(position, 0.0) + _SHARED_NAME
    return bonus


def _strongest(
    pairs: Mapping[tuple[int, int], float], entries: Sequence[Entry]
) -> tuple[tuple[Ref, Ref], ...]:
    ranked = sorted(pairs, key=lambda pair: (-pairs[pair], pair))
    degree = [0] * len(entries)
    chosen: list[tuple[Ref, Ref]] = []
    for left, right in ranked:
        if degree[left] < MOST and degree[right] < MOST:
            degree[left] += 1
            degree[right] += 1
            chosen.append((entries[left].ref, entries[right].ref))
    return tuple(chosen)
