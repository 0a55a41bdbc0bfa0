"""Protocol of embedders: texts in, unit vectors out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hitherto.core.recall.calibration import UNCHANGED, Calibration

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """Which embedder made a vector: vectors of two identities are never compared.

    name: changes whenever the vectors of the same text change by more than rounding.
    dimension: length of each vector.
    calibration: what its cosines mean on the scale of all-MiniLM-L6-v2; None where that is not
        known and to be estimated. Not part of what makes two identities equal.
    """

    name: str
    dimension: int
    calibration: Calibration | None = field(default=UNCHANGED, compare=False)

    def __str__(self) -> str:
        return f"{self.name}/{self.dimension}"


class Embedder(Protocol):
    """Turns texts into vectors of length 1, so that a dot product is a cosine.

    All methods block, on the processor or on a network, and may be called from several threads at
    once. Every `str` is accepted, whatever its length, script or content. One that fails raises
    EmbedderError.
    """

    @property
    def identity(self) -> EmbedderIdentity:
        """Name of the embedder; stored with the vectors and compared on opening."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed texts that are stored: float32, shape (len(texts), dimension), in their order."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """Embed a text that is searched for: float32, shape (dimension,)."""
        ...

    def count_tokens(self, text: str) -> int:
        """Count the tokens of the whole text, without those that only mark its ends."""
        ...
