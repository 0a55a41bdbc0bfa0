"""Texts to vectors: the contract of embedders, and the one that runs locally."""

from recollect.embedding.embedder import Embedder, EmbedderIdentity, Vectors
from recollect.embedding.local import LocalEmbedder, open_embedder
from recollect.embedding.weights import MINILM, WeightsSource

__all__ = [
    "MINILM",
    "Embedder",
    "EmbedderIdentity",
    "LocalEmbedder",
    "Vectors",
    "WeightsSource",
    "open_embedder",
]
