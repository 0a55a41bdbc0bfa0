"""Statement models that say what a test tells them."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hitherto.core.statements.learned import (
    RELATIONS,
    SLOTS,
    TIMES,
    TOKEN_SCORES,
    ReadMessage,
    StatementPair,
)
from hitherto.core.text.sentences import whole_sentence_spans

_PLAIN = re.compile(r"(?:\w+: )?(?:I|My|We|Our)\b(?! see\b)")


class ToldModel:
    """Keeps the given phrases, and relates pairs as told; all others are unrelated.

    unclear: phrases among these that need the words before them. certainty: of each relation.
    """

    def __init__(
        self,
        *phrases: str,
        times: Mapping[str, str] | None = None,
        relations: Mapping[tuple[str, str], str] | None = None,
        unclear: Sequence[str] = (),
        certainty: float = 1.0,
    ) -> None:
        self._phrases = phrases
        self._times = times or {}
        self._relations = relations or {}
        self._unclear = unclear
        self._certainty = certainty
        self.read_texts: list[tuple[str, str]] = []
        self.pairs: list[StatementPair] = []

    def read(self, text: str, before: str) -> ReadMessage:
        """Give tokens of kept phrases +3 and others -3; a token is a word or a mark."""
        self.read_texts.append((text, before))
        tokens = list(re.finditer(r"\w+|[^\w\s]", text))
        offsets = np.array([match.span() for match in tokens], np.int32).reshape(-1, 2)
        scores = np.full((len(tokens), TOKEN_SCORES), -3, np.float32)
        for phrase in self._phrases:
            for match in re.finditer(re.escape(phrase), text):
                inside = (offsets[:, 0] >= match.start()) & (offsets[:, 1] <= match.end())
                scores[inside, 0] = 3
                time = 1 + len(SLOTS) + TIMES.index(self._times.get(phrase, "now"))
                scores[inside, time] = 3
                scores[inside, -1] = 3 if phrase in self._unclear else -3
        return ReadMessage(offsets, scores)

    def relate(self, pairs: Sequence[StatementPair]) -> NDArray[np.float32]:
        """Give the relation that was told the certainty; the rest is unrelated."""
        self.pairs += pairs
        probabilities = np.zeros((len(pairs), len(RELATIONS)), np.float32)
        for row, pair in enumerate(pairs):
            relation = self._relations.get((pair.earlier, pair.later), "unrelated")
            probabilities[row, 0] = 1 - self._certainty
            probabilities[row, RELATIONS.index(relation)] += self._certainty
        return probabilities


class KeepAll(ToldModel):
    """Keeps every text whole."""

    def read(self, text: str, before: str) -> ReadMessage:
        """Give all tokens +3."""
        read = super().read(text, before)
        read.scores[:, 0] = 3
        return read


class PlainModel(ToldModel):
    """Keeps each sentence that begins with "I", "my" or "we" and asks nothing.

    For tests of what becomes of statements, which the trained model must not decide.
    """

    def read(self, text: str, before: str) -> ReadMessage:
        """Give the tokens of such sentences +3."""
        read = super().read(text, before)
        for start, end in whole_sentence_spans(text):
            sentence = text[start:end].strip()
            if _PLAIN.match(sentence) and not sentence.endswith("?"):
                read.scores[slice(*read.tokens(start, end)), 0] = 3
        return read
