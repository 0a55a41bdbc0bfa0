"""Unit vectors with one byte per dimension, for recall.

They take a quarter of float32's memory, and a scan of 10,000 vectors of 384 dimensions takes 0.1 ms
instead of 0.5. Products differ from those of float32 by less than 0.002 (docs/decisions/0010).
"""

from dataclasses import dataclass, replace

import numpy as np
import simsimd
from numpy.typing import NDArray

from hitherto.core.recall.calibration import UNCHANGED, Calibration

Floats = NDArray[np.float32]

LEVELS = 127
"""Codes run from -127 to 127, so that every vector's negative has the negated codes."""


CODED_AT_ONCE = 1_024
"""Rows of float32 that fit into the processor's cache."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors as codes, (n, d) int8, times a scale per vector, (n,) float32.

    calibration: maps products to the scale in which thresholds are given.
    """

    codes: NDArray[np.int8]
    scales: Floats
    calibration: Calibration = UNCHANGED

    def __len__(self) -> int:
        return len(self.scales)

    @property
    def nbytes(self) -> int:
        """Size of the arrays in bytes."""
        return self.codes.nbytes + self.scales.nbytes

    def append(self, matrix: Floats) -> "Vectors":
        """Return these vectors, followed by those of a float32 matrix (m, d)."""
        codes, scales = _encode(matrix)
        return replace(
            self,
            codes=np.concatenate([self.codes, codes]),
            scales=np.concatenate([self.scales, scales]),
        )

    def products(self, query: Floats) -> Floats:
        """Return the calibrated product of each vector with a query: (d,) to (n,).

        Products are cosines if both are unit. Those with a query of zeros, which looks for nothing,
        are 0. It runs on the calling thread alone: threads that share one scan wait for each other,
        and for long if another process is busy.
        """
        if not len(self) or not query.any():
            return np.zeros(len(self), np.float32)
        coded, scale = _encode(query[np.newaxis])
        sums = np.asarray(simsimd.cdist(coded, self.codes, metric="dot", out_dtype="float32"))[0]
        cosines = np.asarray(sums * (self.scales * scale[0]), np.float32)
        return self.calibration.apply(cosines)

    def floats(self) -> Floats:
        """Return the vectors as float32: (n, d)."""
        return self.codes * self.scales[:, np.newaxis]

    def part(self, rows: slice | NDArray[np.intp]) -> "Vectors":
        """Return some of the vectors: a run without copying, or those at any rows."""
        return replace(self, codes=self.codes[rows], scales=self.scales[rows])


def no_vectors(dimension: int, calibration: Calibration = UNCHANGED) -> Vectors:
    """Return an empty collection."""
    return Vectors(np.empty((0, dimension), np.int8), np.empty(0, np.float32), calibration)


def _encode(matrix: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Return each row's codes and the scale that makes its largest component `LEVELS`."""
    codes = np.empty(matrix.shape, np.int8)
    scales = np.empty(len(matrix), np.float32)
    for start in range(0, len(matrix), CODED_AT_ONCE):
        part = slice(start, start + CODED_AT_ONCE)
        largest = np.abs(matrix[part]).max(axis=1, initial=0.0)
        scales[part] = np.maximum(largest, np.float32(1e-12)) / np.float32(LEVELS)
        codes[part] = np.rint(matrix[part] / scales[part, np.newaxis])
    return codes, scales
