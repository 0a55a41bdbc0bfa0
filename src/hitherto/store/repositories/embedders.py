"""Change of the embedder: a second set of vectors, then a switch to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hitherto.core.recall.calibration import UNCHANGED, Calibration
from hitherto.models import Message
from hitherto.store import rows
from hitherto.store.database import Run
from hitherto.store.embedders import RecordedEmbedder, recorded_embedder, to_embedder

CURRENT, COMING, GOING = "current", "coming", "going"


@dataclass(frozen=True, slots=True)
class MissingVector:
    """A vector of a user's that the coming embedder has yet to make.

    text: what is embedded; None for a passage, whose text is cut from its session's messages.
    statement: the one that stores the vector; key: the row, as that statement names it.
    kind, start_char, end_char: of a passage.
    """

    statement: str
    key: Mapping[str, Any]
    text: str | None
    kind: str = ""
    start_char: int = 0
    end_char: int = 0


@dataclass(frozen=True, slots=True)
class SampledPassage:
    """A chunk with the stored vectors of both slots."""

    session_id: str
    position: int
    vectors: tuple[bytes, bytes]


class EmbedderRows:
    """Embedders of the database and the vectors of all users."""

    def __init__(self, run: Run) -> None:
        self._run = run

    # Embedders

    def embedder(self, state: str = CURRENT) -> RecordedEmbedder | None:
        """Return the embedder in a state, or None."""
        for row in self._run("list_embedders"):
            if row["state"] == state:
                return to_embedder(row)
        return None

    def require(self) -> RecordedEmbedder:
        """Return the current embedder. Raises StoreError if the database has none."""
        return recorded_embedder(self._run("current_embedder"))

    def recorded(self, identity: str, calibration: Calibration) -> RecordedEmbedder:
        """Return the current embedder; a database without one records this one."""
        records = self._run("current_embedder")
        if not records:
            self._insert(0, identity, CURRENT, calibration)
            records = self._run("current_embedder")
        return recorded_embedder(records)

    def begin(self, identity: str) -> RecordedEmbedder:
        """Reserve the free vector slot for a coming embedder."""
        slot = 1 - self.require().slot
        self._insert(slot, identity, COMING, UNCHANGED)
        self._run("forget_coming_revisions")
        return to_embedder({"identity": identity, "slot": slot, "scale": 1.0, "shift": 0.0})

    def calibrate(self, slot: int, calibration: Calibration) -> None:
        """Note what the cosines of a slot's embedder mean."""
        self._run(
            "calibrate_embedder", slot=slot, scale=calibration.scale, shift=calibration.offset
        )

    def switch(self, coming: RecordedEmbedder) -> bool:
        """Make the coming embedder current; return False while one of its vectors is missing."""
        self._run("exclude_other_writers")
        if self._run("count_waiting_users")[0]["total"]:
            return False
        self._run("set_embedder_state", slot=1 - coming.slot, state=GOING)
        self._run("set_embedder_state", slot=coming.slot, state=CURRENT)
        self._run("rebuild_users")
        return True

    def cancel(self, coming: RecordedEmbedder) -> None:
        """Give a coming embedder up."""
        self._run("set_embedder_state", slot=coming.slot, state=GOING)

    def forget(self, going: RecordedEmbedder) -> None:
        """Drop a going embedder, whose vectors have been cleared."""
        self._run("delete_embedder", slot=going.slot)

    def _insert(self, slot: int, identity: str, state: str, calibration: Calibration) -> None:
        self._run(
            "insert_embedder",
            slot=slot,
            identity=identity,
            state=state,
            scale=calibration.scale,
            shift=calibration.offset,
        )

    # Vectors

    def count_vectors(self, slot: int) -> tuple[int, int]:
        """Return the size of a full set of vectors, and how many this slot lacks."""
        row = self._run("count_vectors", slot=slot)[0]
        return row["total"], row["missing"]

    def waiting_user(self, after: str) -> str | None:
        """Return the next user id (internal) that may lack vectors of the coming embedder."""
        return self._user_id("find_waiting_user", after)

    def next_user(self, after: str) -> str | None:
        """Return the next user id (internal)."""
        return self._user_id("find_next_user", after)

    def missing(self, user_id: str, slot: int, limit: int) -> list[MissingVector]:
        """Vectors of a user's that are missing, `limit` of each kind at most."""
        named = {"user_id": user_id, "slot": slot, "limit": limit}
        records = [
            MissingVector("set_memory_vector", {"memory_id": row["memory_id"]}, row["content"])
            for row in self._run("missing_memories", **named)
        ]
        records += [
            MissingVector("set_summary_vector", {"session_id": row["session_id"]}, row["content"])
            for row in self._run("missing_summaries", **named)
        ]
        return records + [
            MissingVector(
                "set_passage_vector",
                {name: row[name] for name in ("session_id", "position", "ordinal")},
                None,
                row["kind"],
                row["start_char"],
                row["end_char"],
            )
            for row in self._run("missing_passages", **named)
        ]

    def messages(self, user_id: str, session_id: str) -> list[Message]:
        """Return the messages of a session in order."""
        records = self._run("session_messages", user_id=user_id, session_id=session_id)
        return [rows.to_message(row) for row in records]

    def hold(self, user_id: str) -> int | None:
        """Lock a user against changes; return the revision, or None if the user was deleted."""
        records = self._run("get_user_row", user_id=user_id)
        return records[0]["revision"] if records else None

    def complete(self, user_id: str) -> None:
        """Record that the user has every vector of the coming embedder."""
        revision = self.hold(user_id)
        if revision is not None:
            self._run("set_coming_revision", user_id=user_id, coming_revision=revision)

    def store_vectors(
        self, user_id: str, slot: int, made: Iterable[tuple[MissingVector, bytes]]
    ) -> None:
        """Put vectors where they were missing; what was deleted meanwhile stays deleted."""
        by_statement: dict[str, list[dict[str, Any]]] = {}
        for missing, vector in made:
            row = {"user_id": user_id, "slot": slot, "vector": vector, **missing.key}
            by_statement.setdefault(missing.statement, []).append(row)
        for statement, records in by_statement.items():
            self._run.many(statement, records)

    def clear_vectors(self, user_id: str, slot: int) -> None:
        """Take a user's vectors of a slot away."""
        for name in ("clear_passage_vectors", "clear_summary_vectors", "clear_memory_vectors"):
            self._run(name, user_id=user_id, slot=slot, nothing=b"")

    def sample(self, user_id: str, limit: int) -> Sequence[SampledPassage]:
        """Chunks of a user's that have both vectors, session by session, in order."""
        return [
            SampledPassage(
                row["session_id"], row["position"], (row["vector"], row["second_vector"])
            )
            for row in self._run("sample_passages", user_id=user_id, limit=limit)
        ]

    def _user_id(self, name: str, after: str) -> str | None:
        records = self._run(name, after=after)
        return records[0]["user_id"] if records else None
