"""Statement model on onnxruntime: reads users' sentences, and relates pairs of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from hitherto.core.statements.learned import (
    RELATIONS,
    TOKEN_SCORES,
    ReadMessage,
    StatementPair,
)
from hitherto.onnx_runtime import open_session

TOKENIZER_KEY = "hitherto.tokenizer"
"""Metadata of the graph that holds the tokenizer."""
CONTEXT_TOKENS = 96
"""Tokens of the conversation before a message that are read with it: the last ones."""
WINDOW_TOKENS = 160
"""Tokens of a message that are read at once."""
OVERLAP_TOKENS = 48
"""Tokens of a message that are read again as context of its next window."""
PAIR_TOKENS = 80
"""Tokens of each statement of a pair that are read."""
CONTEXT_PAIR_TOKENS = 40
"""Tokens among these of the words before the statement: the last ones."""

_START, _END = 0, 2


class OnnxStatementModel:
    """Multilingual encoder with 8 layers in int8; its methods may be called from any thread.

    One text is read at a time, as by the embedder, so that the same text gives the same scores.
    `evals/statements_train.py` trains it.
    """

    def __init__(self, graph: bytes) -> None:
        self._session = open_session(graph)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self._tokenizer = Tokenizer.from_str(metadata[TOKENIZER_KEY])

    def read(self, text: str, before: str) -> ReadMessage:
        """Score the tokens of a message; time and memory are linear in its length."""
        encoding = self._tokenizer.encode(_well_formed(text), add_special_tokens=False)
        ids = encoding.ids
        context = self._ids(before)[-CONTEXT_TOKENS:]
        scores = [np.empty((0, TOKEN_SCORES), np.float32)]
        for first in range(0, len(ids), WINDOW_TOKENS):
            if first:
                context = (context + ids[max(0, first - OVERLAP_TOKENS) : first])[-CONTEXT_TOKENS:]
            window = ids[first : first + WINDOW_TOKENS]
            row = [_START, *context, _END, *window, _END]
            all_scores = self._run("scores", row)
            scores.append(all_scores[len(context) + 2 : len(row) - 1])
        offsets = np.array(encoding.offsets, np.int32).reshape(-1, 2)
        return ReadMessage(offsets, np.concatenate(scores))

    def relate(self, pairs: Sequence[StatementPair]) -> NDArray[np.float32]:
        """Return the probabilities of `RELATIONS` of each pair: (pairs, 6) float32."""
        probabilities = np.empty((len(pairs), len(RELATIONS)), np.float32)
        for number, pair in enumerate(pairs):
            earlier = self._statement(pair.earlier, pair.earlier_context)
            later = self._statement(pair.later, pair.later_context)
            row = [_START, *earlier, _END, *later, _END]
            logits = self._run("relation", row)
            powers = np.exp(logits - logits.max())
            probabilities[number] = powers / powers.sum()
        return probabilities

    def _statement(self, words: str, context: str) -> list[int]:
        return statement_tokens(self._ids(words), self._ids(f"{context} →") if context else [])

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(_well_formed(text), add_special_tokens=False).ids
        return ids

    def _run(self, output: str, row: Sequence[int]) -> NDArray[np.float32]:
        values: NDArray[np.float32] = self._session.run(
            [output], {"ids": np.array([row], np.int64)}
        )[0][0]
        return values


def statement_tokens(words: Sequence[int], context: Sequence[int]) -> list[int]:
    """Return the tokens of a statement of a pair behind those of its context."""
    before = context[-CONTEXT_PAIR_TOKENS:]
    return [*before, *words[: PAIR_TOKENS - len(before)]]


def _well_formed(text: str) -> str:
    """Return the text with question marks for lone surrogates, which have no UTF-8 form."""
    return text.encode("utf-8", "replace").decode("utf-8")
