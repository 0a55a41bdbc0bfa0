"""Baselines of recall: contexts of whole turns without a memory.

Both baselines render the turns they choose in the same way, oldest first under a line with the
date of their session, and fill the same budget.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum

import numpy as np

from hitherto.core.dates.formatting import calendar_day
from hitherto.core.recall.bm25 import build_lexical_index
from hitherto.core.text.tokens import terms
from hitherto.evaluation.conversations import Conversation


class Baseline(StrEnum):
    """A way to fill a context without a memory.

    HISTORY: the newest turns that fit. BM25: the turns that match the question's words best, with
    stemming, without stop words, the speaker's name being part of a turn.
    """

    BM25 = "bm25"
    HISTORY = "history"


class BaselineContexts:
    """Makes the baselines' contexts of one conversation."""

    def __init__(self, conversation: Conversation, count_tokens: Callable[[str], int]) -> None:
        sessions = conversation.sessions
        self._headings = [f"# {calendar_day(session.created_at.date())}" for session in sessions]
        self._heading_tokens = [count_tokens(heading) for heading in self._headings]
        self._lines = [turn.line for session in sessions for turn in session.turns]
        self._line_tokens = [count_tokens(line) for line in self._lines]
        self._session_of = [
            number for number, session in enumerate(sessions) for _ in session.turns
        ]
        self._index = build_lexical_index([terms(line) for line in self._lines])

    def context(self, baseline: Baseline, question: str, budget_tokens: int) -> str:
        """Return a context of at most `budget_tokens`.

        Line breaks never join two tokens, so the tokens of the lines add up to those of the text.
        """
        order: Iterable[int] = (
            reversed(range(len(self._lines)))
            if baseline is Baseline.HISTORY
            else self._best_first(question)
        )
        return self._render(self._fitting(order, budget_tokens))

    def _best_first(self, question: str) -> list[int]:
        """Return the turns that share a term with the question; of equal ones the older first."""
        scores = self._index.scores(terms(question))
        ranked = np.argsort(-scores, kind="stable")
        return [int(row) for row in ranked if scores[row] > 0]

    def _fitting(self, order: Iterable[int], budget_tokens: int) -> list[int]:
        """Return the turns that fit, in this order; a turn that is too long is skipped."""
        chosen: list[int] = []
        sessions_with_heading: set[int] = set()
        left = budget_tokens
        for row in order:
            session = self._session_of[row]
            cost = self._line_tokens[row]
            if session not in sessions_with_heading:
                cost += self._heading_tokens[session]
            if cost <= left:
                left -= cost
                sessions_with_heading.add(session)
                chosen.append(row)
        return sorted(chosen)

    def _render(self, rows: list[int]) -> str:
        lines: list[str] = []
        last = -1
        for row in rows:
            session = self._session_of[row]
            if session != last:
                lines.append(self._headings[session])
                last = session
            lines.append(self._lines[row])
        return "\n".join(lines)
