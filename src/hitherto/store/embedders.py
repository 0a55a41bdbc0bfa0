"""Embedders recorded in the database, and the slots of their vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hitherto.core.recall.calibration import Calibration
from hitherto.errors import StoreError
from hitherto.store import rows
from hitherto.store.database import Row


@dataclass(frozen=True, slots=True)
class RecordedEmbedder:
    """Embedder of the database. slot: which of a row's two vectors it made.

    calibration: maps its cosines to the reference's scale.
    """

    name: str
    dimension: int
    slot: int
    calibration: Calibration

    def __str__(self) -> str:
        return f"{self.name}/{self.dimension}"


def to_embedder(row: Row) -> RecordedEmbedder:
    """A row of `embedders`. Raises StoreError."""
    name, _, dimension = row["identity"].rpartition("/")
    if not dimension.isdecimal():
        raise rows.damaged(f"the embedder {row['identity']!a}")
    return RecordedEmbedder(
        name, int(dimension), row["slot"], Calibration(row["scale"], row["shift"])
    )


def recorded_embedder(records: Sequence[Row]) -> RecordedEmbedder:
    """Return the embedder of a result of `current_embedder`. Raises StoreError if empty."""
    if not records:
        raise StoreError("the database has no embedder yet; open it with one")
    return to_embedder(records[0])


def in_slot(slot: int, vector: bytes) -> Mapping[str, bytes | None]:
    """Return the parameters that store a vector in its slot and empty the other."""
    if slot == 0:
        return {"vector": vector, "second_vector": None}
    return {"vector": b"", "second_vector": vector}
