"""Share of a question's evidence that a context contains word for word.

No model judges. A gold turn counts as held when enough of its runs of five words stand in the
context in their order, so that an excerpt which leaves a little out still counts, while a few
words in common do not.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

RUN_WORDS = 5
"""Words in a run. A turn with fewer is one run, so it must stand in the context whole."""

RUNS_NEEDED_PERCENT = 60
LONGEST_ANSWER_WORDS = 6
"""Longer answers are descriptions, which no context holds literally; they are not looked for."""

_BETWEEN_WORDS = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class ContextScore:
    """Figures of one context for one question.

    ev_recall: share (0 to 1) of the gold turns held; None if the question has no gold turns.
    ev_all: whether all of them are held; None likewise.
    answer_in: whether the answer stands in the context; None without an answer of 1 to 6 words.
    tokens: length of the context.
    """

    ev_recall: float | None
    ev_all: bool | None
    answer_in: bool | None
    tokens: int


@dataclass(frozen=True, slots=True)
class Wording:
    """Words of a text, with cached runs of each requested length."""

    words: tuple[str, ...]
    _runs: dict[int, frozenset[tuple[str, ...]]] = field(default_factory=dict)

    def has(self, run: tuple[str, ...]) -> bool:
        """Return whether these words, at least one, occur in the text in sequence."""
        if len(run) not in self._runs:
            self._runs[len(run)] = frozenset(runs(self.words, len(run)))
        return run in self._runs[len(run)]

    def holds_turn(self, text: str) -> bool:
        """Return whether 60 % of the turn's runs occur in the text; runs may repeat."""
        turn_words = words(text)
        if not turn_words:
            return False
        own = runs(turn_words, min(RUN_WORDS, len(turn_words)))
        matches = sum(self.has(run) for run in own)
        return 100 * matches >= RUNS_NEEDED_PERCENT * len(own)


def words(text: str) -> tuple[str, ...]:
    """Return the words as they are compared: NFKC, lower case, no punctuation."""
    spaced = _BETWEEN_WORDS.sub(" ", unicodedata.normalize("NFKC", text).lower())
    return tuple(spaced.split())


def runs(of_words: Sequence[str], length: int) -> list[tuple[str, ...]]:
    """Return all runs of `length` neighbouring words, in order, repeated ones too."""
    return list(zip(*(of_words[start:] for start in range(length)), strict=False))


def score_context(
    context: str, evidence: Sequence[str], answer: str | None, tokens: int
) -> ContextScore:
    """Score a context of `tokens` tokens against the texts of the gold turns and the answer."""
    wording = Wording(words(context))
    recalled = [wording.holds_turn(text) for text in evidence]
    answer_words = words(answer or "")
    return ContextScore(
        ev_recall=sum(recalled) / len(recalled) if recalled else None,
        ev_all=all(recalled) if recalled else None,
        answer_in=wording.has(answer_words)
        if 0 < len(answer_words) <= LONGEST_ANSWER_WORDS
        else None,
        tokens=tokens,
    )
