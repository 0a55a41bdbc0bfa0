"""Connect memories that share a name or have nearly the same meaning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitherto.core.statements.reader import Statement

Ref = str | int
"""A memory id, or the index of a candidate of the same plan."""
Pair = tuple[int, Ref]
"""A candidate's index and the memory to connect it with."""

MOST = 5
"""Connections per memory and plan: enough for a hop in recall, and few enough to read."""
SIMILAR = 0.65
"""Cosine from which two memories are connected without a shared name.

Measured on pairs of statements of the example conversation under all-MiniLM-L6-v2: of those above
0.65 (the top hundredth) nine in ten have the same subject, of those from 0.55 to 0.65 about half.
"""
_MOST_SIMILAR = 64
"""Most similar memories that a memory is paired with by meaning alone. With up to 30 new memories
in a plan, more would change nothing, because these cannot fill the connections of 63 others."""

_COMMON = 40
"""A name in more memories than this says as little about one of them as the user's own."""
_SHARED_NAME = 0.25
_DOUBT = 0.5
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """Memory that will be current. row: its row in the vectors. is_new: of this plan."""

    ref: Ref
    row: int
    statement: Statement
    is_new: bool


def connect(
    entries: Sequence[Entry], vectors: NDArray[np.float32], doubts: Sequence[Pair]
) -> tuple[tuple[Ref, Ref], ...]:
    """Return undirected pairs with at least one new side, the strongest first.

    vectors: (m, dim) float32, unit rows. The strength of a pair is its cosine, plus a bonus for
    each shared name, plus a bonus for a pair of `doubts`: a candidate that may be the same as an
    existing memory and was inserted next to it. At most `MOST` pairs per memory.
    """
    new = [entry for entry in entries if entry.is_new]
    if not new or len(entries) < 2:
        return ()
    rows = np.array([entry.row for entry in entries])
    cosines = vectors[[entry.row for entry in new]] @ vectors[rows].T
    new_topics: frozenset[str] = frozenset().union(*(entry.statement.topics for entry in new))
    by_topic: dict[str, list[int]] = {}
    for position, entry in enumerate(entries):
        for topic in entry.statement.topics & new_topics:
            by_topic.setdefault(topic, []).append(position)
    positions = {entry.ref: position for position, entry in enumerate(entries)}
    doubtful = _doubtful(doubts, positions)
    pairs: dict[tuple[int, int], float] = {}
    for entry, scores in zip(new, cosines, strict=True):
        position = positions[entry.ref]
        bonus = _bonuses(entry.statement.topics, by_topic)
        for other in doubtful.get(position, ()):
            bonus[other] = bonus.get(other, 0.0) + _DOUBT
        for other in {*bonus, *_most_similar(scores)} - {position}:
            edge = (min(position, other), max(position, other))
            pairs[edge] = round(float(scores[other]) + bonus.get(other, 0.0), _DIGITS)
    return _strongest(pairs, entries)


def _doubtful(doubts: Sequence[Pair], positions: Mapping[Ref, int]) -> dict[int, set[int]]:
    """Return, for each position, those that may be the same."""
    doubtful: dict[int, set[int]] = {}
    for left, right in doubts:
        first, second = positions.get(left), positions.get(right)
        if first is not None and second is not None:
            doubtful.setdefault(first, set()).add(second)
            doubtful.setdefault(second, set()).add(first)
    return doubtful


def _most_similar(scores: NDArray[np.float32]) -> list[int]:
    """Return the positions with a cosine of at least `SIMILAR`, at most the highest ones."""
    similar = np.flatnonzero(scores >= SIMILAR)
    if len(similar) > _MOST_SIMILAR:
        ranked = np.argsort(-np.round(scores[similar].astype(np.float64), _DIGITS), kind="stable")
        similar = similar[ranked[:_MOST_SIMILAR]]
    positions: list[int] = similar.tolist()
    return positions


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
