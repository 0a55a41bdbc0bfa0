"""Stand-ins for tests: fast, deterministic, and true to the Protocols they fill."""

import re
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import Stemmer

from hitherto.embedding import EmbedderIdentity, Vectors

_PIECES = re.compile(r"\w+|[^\w\s]")
_TRIGRAM_WEIGHT = 0.3


class HashEmbedder:
    """Embeds by hashing stemmed words and their trigrams: texts that share words are alike.

    It knows no synonyms. The same text has the same vector in every process, and `embed` returns
    for each text exactly what `embed_query` does.
    """

    def __init__(self, dimension: int = 64) -> None:
        self._identity = EmbedderIdentity(name=f"hash-{dimension}", dimension=dimension)

    @property
    def identity(self) -> EmbedderIdentity:
        return self._identity

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self._identity.dimension), np.float32)
        for row, text in enumerate(texts):
            vectors[row] = self.embed_query(text)
        return vectors

    def embed_query(self, text: str) -> Vectors:
        vector = np.zeros(self._identity.dimension, np.float64)
        # A stemmer keeps state while it works, so each call has its own.
        for feature, weight in _features(text, Stemmer.Stemmer("english")):
            code = zlib.crc32(feature.encode("utf-8", "replace"))
            vector[code % vector.size] += weight if code & 0x8000_0000 else -weight
        length = float(np.linalg.norm(vector))
        if length == 0.0:
            vector[0] = length = 1.0
        return (vector / length).astype(np.float32)

    def count_tokens(self, text: str) -> int:
        return sum(1 for _ in _PIECES.finditer(text))


def _features(text: str, stemmer: "Stemmer.Stemmer") -> Iterator[tuple[str, float]]:
    """Yields each word's stem with weight 1, then the stem's trigrams with a lower one."""
    for word in re.findall(r"\w+", text.lower()):
        stem = stemmer.stemWord(word)
        yield f"word:{stem}", 1.0
        padded = f"^{stem}$"
        for start in range(len(padded) - 2):
            yield f"trigram:{padded[start : start + 3]}", _TRIGRAM_WEIGHT
