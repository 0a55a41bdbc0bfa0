"""A classifier of provenance: whether words are the user's own statement about themselves.

Two logistic regressions. The first gives every segment of a message a score, the log-odds that it
is quoted, pasted, reported, played, or meant for the machine. The second judges a statement that
was extracted from messages, by its words, by the scores of the segments that it rests on, and by
how well it fits them. Training: `evals/provenance_train.py`.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitherto.core.safety.features import Described, Likenesses, of_statement
from hitherto.core.safety.segments import Segment

SEGMENT_SLOTS = 1 << 16
STATEMENT_SLOTS = 1 << 15
MAX_SCORE = 4.0
"""Scores of segments are cut to this on both sides: beyond it one is as sure as the other."""

FITTING = 0.5
"""Likeness from which a statement is taken to rest on a segment; below it in part."""

SHARPNESS = 8.0
"""How much more the best fitting segments count than others: exp(SHARPNESS * likeness)."""

NUMBERS = ("likeness", "score", "mean", "lowest_unfit", "has_messages", "likeness_answer")
"""What the second regression is told of the segments, in the order of its weights."""


@dataclass(frozen=True, slots=True)
class ScoredMessage:
    """The segments of a message of a session, with their scores, (segments,), at least one."""

    position: int
    is_user: bool
    segments: tuple[Segment, ...]
    likenesses: Likenesses
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Classifier:
    """The weights. segments: (SEGMENT_SLOTS + 1,); statements: (STATEMENT_SLOTS + NUMBERS + 1,)."""

    segments: NDArray[np.float32]
    statements: NDArray[np.float32]

    def score(self, described: Described) -> float:
        """Return the log-odds that a segment is not the speaker's own earnest statement."""
        return _sum(self.segments, slots(described.features, SEGMENT_SLOTS)) + float(
            self.segments[-1]
        )

    def judge(self, content: str, messages: Sequence[ScoredMessage]) -> float:
        """Return the log-odds that a statement is not the user's own.

        messages: its evidence, one of the user's at least.
        """
        words = _sum(self.statements, slots(of_statement(content), STATEMENT_SLOTS))
        weights = self.statements[STATEMENT_SLOTS:]
        return words + float(weights[:-1] @ numbers(content, messages)) + float(weights[-1])


def slots(features: Sequence[str], count: int) -> NDArray[np.intp]:
    """Return the slots of features, each once; the same on every machine."""
    found = {zlib.crc32(feature.encode("utf-8", "replace")) % count for feature in features}
    return np.fromiter(sorted(found), np.intp, len(found))


def _sum(weights: NDArray[np.float32], found: NDArray[np.intp]) -> float:
    """Return the product with a vector of unit length that has the same value in each slot."""
    return float(weights[found].sum()) / math.sqrt(max(1, len(found)))


def numbers(content: str, messages: Sequence[ScoredMessage]) -> NDArray[np.float32]:
    """Return what the second regression is told of a statement's segments, as in `NUMBERS`.

    likeness: of the segment that fits best. score: of the fitting segments. mean: of all scores.
    lowest_unfit: the lowest score, the less the best one fits. has_messages: whether the user says
    it in several messages. likeness_answer: of the assistant's segments, where the assistant speaks
    last, as when it decodes or translates for the user.
    """
    own = [one for one in messages if one.is_user]
    fits = np.concatenate([one.likenesses.of(content) for one in own])
    scores = np.clip(np.concatenate([one.scores for one in own]), -MAX_SCORE, MAX_SCORE)
    best = float(fits.max())
    shares = np.exp(SHARPNESS * (fits - best)) * (fits > 0) if best else np.ones(len(fits))
    last = max(one.position for one in own)
    answers = [one for one in messages if not one.is_user and one.position > last]
    found = (
        best,
        float(shares @ scores / shares.sum()),
        float(scores.mean()),
        float(scores.min()) * (1 - min(1.0, best / FITTING)),
        float(len(own) > 1),
        max((float(one.likenesses.of(content).max()) for one in answers), default=0.0),
    )
    return np.array(found, np.float32)
