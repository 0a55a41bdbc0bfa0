"""Texts to vectors: the contract of embedders, the local one, and those asked over a network."""

from hitherto.embedding.embedder import (
    Embedder,
    EmbedderIdentity,
    Vectors,
)
from hitherto.embedding.local import LocalEmbedder, open_embedder
from hitherto.embedding.registry import (
    LOCAL,
    Embedders,
    Opening,
    QuestionEmbedder,
    calibration_of,
    opened,
    opening,
    openings,
)
from hitherto.embedding.remote import RemoteEmbedder, RemoteModel, RemoteParts, remote_model
from hitherto.embedding.weights import MINILM, WeightsSource

__all__ = [
    "LOCAL",
    "MINILM",
    "Embedder",
    "EmbedderIdentity",
    "Embedders",
    "LocalEmbedder",
    "Opening",
    "QuestionEmbedder",
    "RemoteEmbedder",
    "RemoteModel",
    "RemoteParts",
    "Vectors",
    "WeightsSource",
    "calibration_of",
    "open_embedder",
    "opened",
    "opening",
    "openings",
    "remote_model",
]
