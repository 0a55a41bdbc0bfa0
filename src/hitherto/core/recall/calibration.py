"""Map an embedder's cosines to the scale of all-MiniLM-L6-v2, which thresholds refer to.

Embedders differ in the similarity that they give to unrelated texts, and in how much more they give
to related ones. A calibration is the straight line that maps both to the values of the reference
for the same texts (docs/embedders.md).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LOWEST: Final = -0.99
HIGHEST: Final = 1.0
"""Bounds of a calibrated cosine."""

_LEAST_COMMON: Final = 1e-6

FEWEST_PAIRS: Final = 50
"""Minimum pairs of each kind for quantiles."""

NARROWEST: Final = 0.02
"""Minimum distance of near and apart for a calibration; a smaller one is noise."""

_APART_QUANTILE: Final = 0.5
_NEAR_QUANTILE: Final = 0.9


@dataclass(frozen=True, slots=True)
class Calibration:
    """Line from an embedder's cosine to the reference's: scale times the cosine, plus offset."""

    scale: float = 1.0
    offset: float = 0.0

    def apply(self, cosines: Floats) -> Floats:
        """Return the cosines on the reference's scale, within `LOWEST` and `HIGHEST`."""
        if self == UNCHANGED:
            return cosines
        moved = np.float32(self.scale) * cosines + np.float32(self.offset)
        return np.asarray(np.clip(moved, LOWEST, HIGHEST), np.float32)


UNCHANGED: Final = Calibration()
"""Calibration of the reference itself."""


def comparable(vectors: Floats, calibration: Calibration) -> Floats:
    """Return vectors whose products approximate the calibrated cosines: (n, d) to (n, m).

    For code that compares by products alone. A positive offset is exact. A negative one removes a
    share of the common direction: exact if all vectors have it to the same degree, and otherwise
    more from vectors that have more of it. The results are comparable with each other only.
    """
    if calibration == UNCHANGED or not len(vectors):
        return vectors
    scaled = np.sqrt(np.float32(calibration.scale)) * vectors
    if calibration.offset >= 0.0:
        column = np.full((len(vectors), 1), np.sqrt(calibration.offset), np.float32)
        return np.asarray(np.hstack([scaled, column]), np.float32)
    mean = scaled.mean(axis=0)
    length = float(np.linalg.norm(mean))
    if length < _LEAST_COMMON:
        return np.asarray(scaled, np.float32)
    direction = mean / np.float32(length)
    common = scaled @ direction
    share = min(-calibration.offset / length**2, 1.0)
    taken = np.float32(1.0 - np.sqrt(1.0 - share))
    return np.asarray(scaled - taken * common[:, np.newaxis] * direction, np.float32)


@dataclass(frozen=True, slots=True)
class Spread:
    """Typical cosines of an embedder: of unrelated texts (`apart`) and of related ones (`near`)."""

    apart: float
    near: float


def spread_of(apart: Floats, near: Floats) -> Spread | None:
    """Return the spread of cosines: of random pairs, and of pairs of neighbouring passages.

    The middle one of the random pairs, and of the neighbours the one that nine tenths are below:
    neighbours are often apart too, but not the nearest of them. None for too few pairs.
    """
    if min(len(apart), len(near)) < FEWEST_PAIRS:
        return None
    return Spread(
        float(np.quantile(apart, _APART_QUANTILE)), float(np.quantile(near, _NEAR_QUANTILE))
    )


def match_spreads(own: Spread, reference: Spread) -> Calibration | None:
    """Return the line from an embedder's spread to the reference's spread of the same texts.

    None if either is too narrow to distinguish related from unrelated texts.
    """
    if own.near - own.apart < NARROWEST or reference.near - reference.apart < NARROWEST:
        return None
    scale = (reference.near - reference.apart) / (own.near - own.apart)
    return Calibration(scale, reference.apart - scale * own.apart)


PROBE_PAIRS: Final = (
    ("The bakery on the corner opens at six.", "You can buy bread there from six o'clock."),
    ("My brother is learning to play the violin.", "My brother takes violin lessons."),
    ("The train to the coast was two hours late.", "Our train arrived with a long delay."),
    ("I have been allergic to shellfish since childhood.", "Prawns and mussels make me ill."),
    ("We painted the kitchen yellow last spring.", "The walls of our kitchen are yellow now."),
    ("The new manager starts in September.", "Our team gets another boss this autumn."),
    ("She ran the marathon in under four hours.", "Her time in the long race was 3:52."),
    ("The cat sleeps on the radiator all winter.", "In the cold months our cat loves warmth."),
    ("Interest rates went up again this week.", "The central bank made loans dearer."),
    ("He grows tomatoes on his balcony.", "There are tomato plants outside his window."),
    ("The museum is closed on Mondays.", "You cannot visit the gallery on a Monday."),
    ("I prefer tea without sugar.", "No sugar in my tea, please."),
    ("Their daughter was born in June.", "They had a baby girl this summer."),
    ("The laptop's battery lasts only an hour.", "I must charge my computer all the time."),
    ("We are flying to Norway for the holidays.", "Our next vacation takes us to Oslo."),
    ("The dentist removed a wisdom tooth.", "I had a tooth pulled yesterday."),
)
"""Pairs of sentences of nearly the same meaning; no pair is about the subject of another."""

PROBE_SPREAD: Final = Spread(apart=0.066, near=0.608)
"""Spread of `PROBE_PAIRS` with all-MiniLM-L6-v2 (int8): see `probe_spread`."""


def probe_texts() -> list[str]:
    """Return the texts of `PROBE_PAIRS`, in the order of `probe_spread`."""
    return [text for pair in PROBE_PAIRS for text in pair]


def probe_spread(vectors: Floats) -> Spread:
    """Return the spread of the probe: the median cosine across pairs, and within them.

    vectors: of `probe_texts`, unit length.
    """
    cosines = vectors @ vectors.T
    pair_of = np.arange(len(vectors)) // 2
    across = cosines[pair_of[:, np.newaxis] < pair_of[np.newaxis, :]]
    within = cosines[np.arange(0, len(vectors), 2), np.arange(1, len(vectors), 2)]
    return Spread(float(np.median(across)), float(np.median(within)))
