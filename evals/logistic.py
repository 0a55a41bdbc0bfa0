"""Logistic regression on sparse rows of zeros and one value, by L-BFGS, in numpy alone.

Deterministic: the same rows give the same weights, to the last digits that the sums of a machine
have. Every row has unit length.
"""

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEMORY = 10
MAX_STEPS = 300
TOLERANCE = 1e-4


class Rows:
    """Sparse rows: for each the slots that have a value, beside dense columns for all.

    Each row's sparse part has the length `scale`.
    """

    def __init__(
        self, slots: Sequence[NDArray[np.intp]], count: int, dense: Floats, scale: float = 1.0
    ) -> None:
        lengths = np.array([len(each) for each in slots], np.intp)
        self._slots = np.concatenate(slots) if len(slots) else np.zeros(0, np.intp)
        self._rows = np.repeat(np.arange(len(slots)), lengths)
        self._values = scale / np.sqrt(np.maximum(1, lengths))[self._rows]
        self._dense = dense
        self._height = len(slots)
        self.slots = count
        self.width = count + dense.shape[1]

    def times(self, weights: Floats) -> Floats:
        """Return the product with weights, (rows,)."""
        sparse = np.bincount(
            self._rows, self._values * weights[self._slots], minlength=self._height
        )
        return sparse + self._dense @ weights[self.slots :]

    def back(self, values: Floats) -> Floats:
        """Return the product of the transposed rows with values, (width,)."""
        sparse = np.bincount(self._slots, self._values * values[self._rows], minlength=self.slots)
        return np.concatenate([sparse, self._dense.T @ values])


def fit(rows: Rows, labels: NDArray[np.bool_], strength: float) -> Floats:
    """Return the weights and, last, the bias that make the labels most likely.

    strength: how much the labels count against the squares of the weights (C).
    """
    signs = np.where(labels, 1.0, -1.0)

    def loss(point: Floats) -> tuple[float, Floats]:
        weights, bias = point[:-1], point[-1]
        margins = signs * (rows.times(weights) + bias)
        value = float(np.logaddexp(0, -margins).sum()) * strength + 0.5 * float(weights @ weights)
        pull = -signs * strength / (1 + np.exp(np.clip(margins, -500, 500)))
        return value, np.append(rows.back(pull) + weights, pull.sum())

    return _minimise(loss, np.zeros(rows.width + 1))


def _minimise(loss: Callable[[Floats], tuple[float, Floats]], point: Floats) -> Floats:
    value, gradient = loss(point)
    first = float(np.abs(gradient).max())
    history: deque[tuple[Floats, Floats, float]] = deque(maxlen=MEMORY)
    for _ in range(MAX_STEPS):
        if float(np.abs(gradient).max()) <= TOLERANCE * first:
            break
        direction = _direction(gradient, history)
        slope = float(gradient @ direction)
        step = 1.0 if history else 1.0 / max(1.0, float(np.linalg.norm(gradient)))
        while True:
            moved = point + step * direction
            lower, turned = loss(moved)
            if lower <= value + 1e-4 * step * slope or step < 1e-12:
                break
            step /= 2
        change, turn = moved - point, turned - gradient
        curvature = float(change @ turn)
        if curvature > 1e-12:
            history.append((change, turn, 1 / curvature))
        point, value, gradient = moved, lower, turned
    return point


def _direction(gradient: Floats, history: "deque[tuple[Floats, Floats, float]]") -> Floats:
    """Return the quasi-Newton direction downhill: the two loops of L-BFGS."""
    direction = -gradient
    shares = []
    for change, turn, inverse in reversed(history):
        share = inverse * float(change @ direction)
        shares.append(share)
        direction = direction - share * turn
    if history:
        change, turn, _ = history[-1]
        direction = direction * (float(change @ turn) / float(turn @ turn))
    for (change, turn, inverse), share in zip(history, reversed(shares), strict=True):
        direction = direction + (share - inverse * float(turn @ direction)) * change
    return direction
