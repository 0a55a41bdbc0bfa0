"""Results of a learned model about the sentences of users, and about pairs of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

SLOTS: Final = (
    "name", "age", "home", "origin", "work", "study", "health", "medication", "measure",
    "relation", "pet", "food", "preference", "opinion", "hobby", "skill", "possession", "plan",
    "event", "habit", "goal", "language", "religion_politics", "wish_to_assistant", "other",
)  # fmt: skip
"""Kinds of what is kept."""
TIMES: Final = ("now", "past", "future", "ended", "always")
RELATIONS: Final = ("unrelated", "same", "adds", "replaces", "ends", "conflicts")

_KEEP = 0
_FIRST_SLOT = 1
_FIRST_TIME = _FIRST_SLOT + len(SLOTS)
_OTHER_PERSON = _FIRST_TIME + len(TIMES)
_CONTEXT = _OTHER_PERSON + 1
TOKEN_SCORES: Final = _CONTEXT + 1
"""Columns of scores: to keep, slots, times, about another person, unclear without context."""


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """A message as the model read it.

    offsets: (tokens, 2) int32, the characters of each token. scores: (tokens, `TOKEN_SCORES`)
    float32, logits; those of a piece of text are the means of its tokens.
    """

    offsets: NDArray[np.int32]
    scores: NDArray[np.float32]

    def tokens(self, start: int, end: int) -> tuple[int, int]:
        """Return the first token that reaches into these characters, and the first behind them."""
        first = int(np.searchsorted(self.offsets[:, 1], start, side="right"))
        return first, max(first, int(np.searchsorted(self.offsets[:, 0], end, side="left")))

    def keep(self, start: int, end: int) -> float:
        """Return the logit that a piece says something to keep; -inf for one without tokens."""
        first, last = self.tokens(start, end)
        return float(self.scores[first:last, _KEEP].mean()) if last > first else float("-inf")

    def needs_context(self, start: int, end: int) -> bool:
        """Return whether a stranger needs earlier words to understand a piece that is kept."""
        first, last = self.tokens(start, end)
        return last > first and float(self.scores[first:last, _CONTEXT].mean()) > 0

    def time(self, start: int, end: int) -> str:
        """Return the most probable time of a piece that is kept."""
        return TIMES[self._best(start, end, _FIRST_TIME, _OTHER_PERSON)]

    def _best(self, start: int, end: int, column: int, behind: int) -> int:
        first, last = self.tokens(start, end)
        return int(self.scores[first : max(last, first + 1), column:behind].mean(axis=0).argmax())


@dataclass(frozen=True, slots=True)
class StatementPair:
    """An earlier and a later statement, each with the words before it, or ""."""

    earlier: str
    later: str
    earlier_context: str = ""
    later_context: str = ""


class StatementModel(Protocol):
    """Model that reads sentences of any of its languages; the same text gives the same scores."""

    def read(self, text: str, before: str) -> ReadMessage:
        """Score the tokens of a user's message; before: the end of the conversation before it."""
        ...

    def relate(self, pairs: Sequence[StatementPair]) -> NDArray[np.float32]:
        """Return the probabilities of `RELATIONS` of each pair: (pairs, 6) float32."""
        ...
