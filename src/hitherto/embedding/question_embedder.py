"""Embedder of the questions of one context, which never fails."""

import logging
from collections.abc import Sequence

import numpy as np

from hitherto.disclosure import disclosed
from hitherto.embedding.embedder import (
    Embedder,
    EmbedderIdentity,
    Vectors,
)
from hitherto.embedding.providers import RemoteEmbedder
from hitherto.errors import EmbedderError

_log = logging.getLogger("hitherto.embedding")


class QuestionEmbedder:
    """Embeds the questions of one context, and never fails.

    After a failure its vectors are zeros, so that only words are searched. failure: the reason, as
    tenants may read it; None without a failure.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.failure: str | None = None

    @property
    def identity(self) -> EmbedderIdentity:
        """Identity of the embedder."""
        return self._embedder.identity

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed questions, in the time that one may take: float32, (len(texts), dimension)."""
        if self.failure is None:
            try:
                if len(texts) == 1:
                    return self._embedder.embed_query(texts[0])[np.newaxis]
                if isinstance(self._embedder, RemoteEmbedder):
                    return self._embedder.embed_queries(texts)
                return self._embedder.embed(texts)
            except EmbedderError as error:
                self.failure = disclosed(error, _log, "embedding a question")
        return np.zeros((len(texts), self.identity.dimension), np.float32)

    def embed_query(self, text: str) -> Vectors:
        """Embed a question: float32, (dimension,)."""
        vector: Vectors = self.embed([text])[0]
        return vector

    def count_tokens(self, text: str) -> int:
        """Count as the embedder does."""
        return self._embedder.count_tokens(text)
