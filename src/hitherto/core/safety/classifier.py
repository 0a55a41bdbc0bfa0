"""Classifier of provenance, which finds the user's own statements about themselves.

Two logistic regressions. The first gives every segment of a message a score, the log-odds that it
is quoted, pasted, reported, fictional, or meant for the machine. The second judges a statement that
was extracted from messages, by its words, by the scores of the segments that it rests on, and by
how well it fits them. Training: `evals/provenance_train.py`.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitherto.core.safety.features import DescribedSegment, Likenesses, describe_statement
from hitherto.core.safety.segments import Segment

SEGMENT_SLOTS = 1 << 16
STATEMENT_SLOTS = 1 << 15
MAX_SCORE = 4.0
"""Largest absolute score of a segment that counts; scores beyond it are equally certain."""

FITTING = 0.5
"""Likeness from which a statement rests on a segment; below it, it does so in part."""

SHARPNESS = 8.0
"""Exponent by which better fitting segments count more: exp(SHARPNESS * likeness)."""

DENSE_FEATURES = ("likeness", "score", "mean", "lowest_unfit", "has_messages", "likeness_answer")
"""Dense features of a statement for the second regression, in the order of its weights."""


@dataclass(frozen=True, slots=True)
class ScoredMessage:
    """Segments of one message, at least one, with their scores: (segments,)."""

    position: int
    is_user: bool
    segments: tuple[Segment, ...]
    likenesses: Likenesses
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Classifier:
    """Weights of both regressions, each with its bias last.

    segments: (SEGMENT_SLOTS + 1,).
    statements: (STATEMENT_SLOTS + len(DENSE_FEATURES) + 1,).
    """

    segments: NDArray[np.float32]
    statements: NDArray[np.float32]

    def score(self, described: DescribedSegment) -> float:
        """Return the log-odds that a segment is not the speaker's own earnest statement."""
        slots = feature_slots(described.features, SEGMENT_SLOTS)
        return _sum_weights(self.segments, slots) + float(self.segments[-1])

    def judge(self, content: str, messages: Sequence[ScoredMessage]) -> float:
        """Return the log-odds that a statement is not the user's own.

        messages: its evidence, with at least one message of the user.
        """
        slots = feature_slots(describe_statement(content), STATEMENT_SLOTS)
        words = _sum_weights(self.statements, slots)
        weights = self.statements[STATEMENT_SLOTS:]
        return words + float(weights[:-1] @ dense_features(content, messages)) + float(weights[-1])


def feature_slots(features: Sequence[str], count: int) -> NDArray[np.intp]:
    """Return the distinct hash slots of features, ascending; the same on every machine."""
    slots = {zlib.crc32(feature.encode("utf-8", "replace")) % count for feature in features}
    return np.fromiter(sorted(slots), np.intp, len(slots))


def _sum_weights(weights: NDArray[np.float32], slots: NDArray[np.intp]) -> float:
    """Return the product with a unit vector that has the same value in each slot."""
    return float(weights[slots].sum()) / math.sqrt(max(1, len(slots)))


def dense_features(content: str, messages: Sequence[ScoredMessage]) -> NDArray[np.float32]:
    """Return the dense features of a statement, in the order of `DENSE_FEATURES`.

    likeness: of the segment that fits best. score: of the fitting segments. mean: of all scores.
    lowest_unfit: the lowest score; it counts the more, the worse the best segment fits.
    has_messages: whether the user says it in several messages. likeness_answer: of the assistant's
    segments, where the assistant speaks last, as when it decodes or translates for the user.
    """
    own = [message for message in messages if message.is_user]
    fits = np.concatenate([message.likenesses.of(content) for message in own])
    scores = np.clip(np.concatenate([message.scores for message in own]), -MAX_SCORE, MAX_SCORE)
    best = float(fits.max())
    shares = np.exp(SHARPNESS * (fits - best)) * (fits > 0) if best else np.ones(len(fits))
    last = max(message.position for message in own)
    answers = [message for message in messages if not message.is_user and message.position > last]
    features = (
        best,
        float(shares @ scores / shares.sum()),
        float(scores.mean()),
        float(scores.min()) * (1 - min(1.0, best / FITTING)),
        float(len(own) > 1),
        max((float(answer.likenesses.of(content).max()) for answer in answers), default=0.0),
    )
    return np.array(features, np.float32)
