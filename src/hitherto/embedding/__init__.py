"""Texts to vectors: the contract of embedders, the local one, and those asked over a network."""

from hitherto.embedding.calibration import calibration_of
from hitherto.embedding.embedder import (
    Embedder,
    EmbedderIdentity,
    Vectors,
)
from hitherto.embedding.local import LocalEmbedder, open_embedder
from hitherto.embedding.providers import RemoteEmbedder, RemoteModel, RemoteParts, remote_model
from hitherto.embedding.question_embedder import QuestionEmbedder
from hitherto.embedding.selection import (
    LOCAL,
    EmbedderFactory,
    Embedders,
    existing_factory,
    factories_of,
    factory_for,
)
from hitherto.embedding.weights import MINILM, WeightsSource

__all__ = [
    "LOCAL",
    "MINILM",
    "Embedder",
    "EmbedderFactory",
    "EmbedderIdentity",
    "Embedders",
    "LocalEmbedder",
    "QuestionEmbedder",
    "RemoteEmbedder",
    "RemoteModel",
    "RemoteParts",
    "Vectors",
    "WeightsSource",
    "calibration_of",
    "existing_factory",
    "factories_of",
    "factory_for",
    "open_embedder",
    "remote_model",
]
