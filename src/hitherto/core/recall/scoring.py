"""Turn scores into rankings: normalisation, fusion, priors, calibrated similarity."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Rows = NDArray[np.intp]

COSINE_WEIGHT: Final = 8.0
COVERAGE_WEIGHT: Final = 3.2
OFFSET: Final = -3.2
"""Logistic function of `calibrate`: 1 / (1 + exp(-(8 cosine + 3.2 coverage - 3.2)))."""


def min_max(values: Floats) -> Floats:
    """Scale values to 0..1 over all items; equal values give 0 (Lee 1997's MinMax)."""
    if not len(values):
        return values
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9:
        return np.zeros_like(values)
    return np.asarray((values - np.float32(low)) / np.float32(high - low), np.float32)


def fuse(signals: Sequence[tuple[float, Floats]]) -> Floats:
    """Add weighted signals after `min_max`; rank fusion would lose how far ahead the best is."""
    total = np.zeros_like(signals[0][1])
    for weight, values in signals:
        if weight:
            total += np.float32(weight) * min_max(values)
    return total


def best_rows(scores: Floats, limit: int) -> Rows:
    """Return the rows of the `limit` highest scores, best first; equal scores by row."""
    if limit <= 0 or not len(scores):
        return np.empty(0, np.intp)
    if limit < len(scores):
        least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        rows = np.flatnonzero(scores >= least)
    else:
        rows = np.arange(len(scores))
    return rows[np.lexsort((rows, -scores[rows]))][:limit]


def best_of_groups(
    values: Floats, group_of: Ints, starts: Rows, groups: int, missing: float
) -> Floats:
    """Return the highest value of each group; groups without any get missing.

    group_of: (n,) ascending. starts: where in it each new group begins.
    """
    if len(values) == groups == len(starts):
        return values
    best = np.full(groups, missing, np.float32)
    if len(values):
        best[group_of[starts]] = np.maximum.reduceat(values, starts)
    return best


def sum_windows(counts: Floats, group_of: Ints, reach: int) -> Floats:
    """Add to each column (the last axis) its neighbours within reach, of the same group only."""
    total = counts.copy()
    for step in range(1, reach + 1):
        if counts.shape[-1] <= step:
            break
        same = (group_of[step:] == group_of[:-step]).astype(np.float32)
        total[..., step:] += counts[..., :-step] * same
        total[..., :-step] += counts[..., step:] * same
    return total


def nearness(first_days: Ints, last_days: Ints, first: int, last: int, days: float) -> Floats:
    """Return 1 where the item's days touch first..last, falling to 0 at `days` outside of it."""
    gap = np.maximum(np.maximum(first - last_days, first_days - last), 0).astype(np.float32)
    return np.asarray(np.maximum(1.0 - gap / np.float32(days), 0.0), np.float32)


def coverage(presence: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the share of the query's term weight that each document has: (n,) in 0..1.

    presence: (terms, n). weights: (terms,), the terms' inverse frequencies.
    """
    total = float(weights.sum())
    if total <= 0.0:
        return np.zeros(presence.shape[1], np.float32)
    shares = weights / np.float32(total)
    return np.asarray(np.einsum("t,tn->n", shares, presence.astype(np.float32)), np.float32)


def calibrate(cosine: Floats, covered: Floats, bonus: Floats | float = 0.0) -> Floats:
    """Return the similarity, 0 to 1, of a cosine and a lexical coverage.

    bonus: added inside the logistic, such as a date prior.
    """
    logit = COSINE_WEIGHT * cosine + COVERAGE_WEIGHT * covered + OFFSET + bonus
    return np.asarray(1.0 / (1.0 + np.exp(-logit)), np.float32)
