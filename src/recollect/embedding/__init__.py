"""Texts to vectors: the contract of embedders, the local one, and those asked over a network."""

from recollect.embedding.choosing import (
    LOCAL,
    Embedders,
    Opening,
    QuestionEmbedder,
    calibration_of,
    opened,
    opening,
    openings,
)
from recollect.embedding.embedder import (
    Embedder,
    EmbedderIdentity,
    Vectors,
)
from recollect.embedding.local import LocalEmbedder, open_embedder
from recollect.embedding.remote import RemoteEmbedder, RemoteModel, RemoteParts, remote_model
from recollect.embedding.weights import MINILM, WeightsSource

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
