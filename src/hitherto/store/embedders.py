"""What the database says of the embedders that made its vectors, and where their vectors stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hitherto.core.recall.calibration import Calibration
from hitherto.errors import StoreError
from hitherto.store import rows
from hitherto.store.database import Row


@dataclass(frozen=True, slots=True)
class RecordedEmbedder:
    """An embedder of the database. slot: which of a row's two vectors are of it.

    calibration: what its cosines mean on the reference's scale.
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


def recorded_embedder(found: Sequence[Row]) -> RecordedEmbedder:
    """The one of a statement that finds the current embedder. Raises StoreError for none."""
    if not found:
        raise StoreError("the database has no embedder yet; open it with one")
    return to_embedder(found[0])


def in_slot(slot: int, vector: bytes) -> Mapping[str, bytes | None]:
    """The parameters that put a vector into its slot and leave the other empty."""
    if slot == 0:
        return {"vector": vector, "second_vector": None}
    return {"vector": b"", "second_vector": vector}
