"""A user's memories: versions, evidence, connections, categories and doubts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from hitherto.models import (
    Evidence,
    ExpirationReason,
    MemoryRelationship,
    MemoryVersion,
)
from hitherto.store import rows
from hitherto.store.repositories.user_run import UserRun


@dataclass(frozen=True, slots=True)
class MemoryReasons:
    """A version with the reasons stored with it; "" or None for no reason."""

    memory_id: str
    content: str
    reason: str
    doubt_reason: str | None


class MemoryRows:
    """Memory versions of one user."""

    def __init__(self, run: UserRun, project_id: str) -> None:
        self._run = run
        self._project_id = project_id

    def versions(self) -> dict[str, MemoryVersion]:
        """Return every version with its evidence, newest first."""
        evidence = self.evidence_since(0)
        records = [rows.to_version(row) for row in self._run("load_versions")]
        return {
            version.memory_id: replace(version, evidence=evidence.get(version.memory_id, ()))
            for version in records
        }

    def of_session(self, session_id: str) -> list[MemoryRelationship]:
        """Return the current memories that a session created, in order of creation."""
        records = self._run("session_memories", session_id=session_id)
        return [MemoryRelationship(row["memory_id"], row["content"]) for row in records]

    def evidence_since(self, revision: int) -> dict[str, tuple[Evidence, ...]]:
        """Return evidence added after a revision, by version."""
        grouped: defaultdict[str, list[Evidence]] = defaultdict(list)
        for row in self._run("load_evidence", since=revision):
            grouped[row["memory_id"]].append(Evidence(row["session_id"], row["position"]))
        return {memory_id: tuple(records) for memory_id, records in grouped.items()}

    def categories(self) -> dict[str, list[str]]:
        """Return sorted category names by version, without versions that have none."""
        grouped: defaultdict[str, list[str]] = defaultdict(list)
        for row in self._run("load_memory_categories"):
            grouped[row["memory_id"]].append(row["name"])
        return {memory_id: sorted(names) for memory_id, names in grouped.items()}

    def category_names(self) -> set[str]:
        """Return the category names of the user's project."""
        records = self._run("list_categories", project_id=self._project_id)
        return {row["name"] for row in records}

    def connections_since(self, revision: int) -> list[tuple[str, str]]:
        """Return connections made after a revision, each once."""
        records = self._run("load_connections", since=revision)
        return [(row["memory_id"], row["connected_id"]) for row in records]

    def since(self, revision: int) -> list[tuple[MemoryVersion, bytes]]:
        """Versions written after a revision, each with its stored vector."""
        records = self._run("load_memories", since=revision, slot=self._run.embedder().slot)
        return [(rows.to_version(row), row["chosen_vector"]) for row in records]

    def insert(
        self,
        version: MemoryVersion,
        why: str,
        vector: NDArray[np.float32],
        ordinal: int,
        revision: int,
    ) -> None:
        """Insert a version with its evidence; ordinal: its place among those of its session."""
        self._run(
            "insert_memory",
            memory_id=version.memory_id,
            session_id=version.session_id,
            content=version.content,
            event_date_start=rows.to_micros(version.event_date_start),
            event_date_end=rows.to_micros(version.event_date_end),
            created_at=rows.to_micros(version.created_at),
            previous_id=version.previous_id,
            expired_at=None if version.expired_at is None else rows.to_micros(version.expired_at),
            expiration_reason=(
                None if version.expiration_reason is None else version.expiration_reason.value
            ),
            merge_conflict_id=version.merge_conflict_id,
            **rows.from_said_by(version.said_by),
            confidence=version.confidence,
            model=version.model,
            prompt_hash=version.prompt_hash,
            reason=why,
            ordinal=ordinal,
            revision=revision,
            **self._run.in_slot(rows.to_bytes(vector)),
        )
        self.add_evidence(version.memory_id, version.evidence, revision)

    def add_categories(self, memory_id: str, category_ids: Iterable[str]) -> None:
        """Give a version categories of its project; those deleted meanwhile are left out."""
        self._run.many(
            "insert_memory_category",
            ({"memory_id": memory_id, "category_id": category_id} for category_id in category_ids),
        )

    def add_evidence(self, memory_id: str, evidence: Sequence[Evidence], revision: int) -> None:
        """Add messages that a version rests on; those it has already stay."""
        self._run.many(
            "insert_evidence",
            (
                {
                    "memory_id": memory_id,
                    "session_id": item.session_id,
                    "position": item.position,
                    "revision": revision,
                }
                for item in evidence
            ),
        )

    def expire(
        self,
        memory_id: str,
        expired_at: datetime,
        reason: ExpirationReason,
        revision: int,
        merge_conflict_id: str | None = None,
    ) -> None:
        """Mark a version as superseded, with the merge conflict that caused it."""
        self._run(
            "expire_memory",
            memory_id=memory_id,
            expired_at=rows.to_micros(expired_at),
            expiration_reason=reason.value,
            merge_conflict_id=merge_conflict_id,
            revision=revision,
        )

    def revive(self, memory_id: str, revision: int) -> None:
        """Make a superseded version current again."""
        self._run("revive_memory", memory_id=memory_id, revision=revision)

    def relink(self, memory_id: str, previous_id: str | None, revision: int) -> None:
        """Give a version another predecessor."""
        self._run("relink_memory", memory_id=memory_id, previous_id=previous_id, revision=revision)

    def reword(self, memory_id: str, content: str, vector: bytes, revision: int) -> None:
        """Give a version another content; vector: as stored."""
        self._run(
            "reword_memory",
            memory_id=memory_id,
            content=content,
            revision=revision,
            **self._run.in_slot(vector),
        )

    def delete(self, memory_id: str) -> None:
        """Delete a version with its evidence, its connections and the doubts that it raised."""
        self._run("lift_doubts_by", memory_id=memory_id)
        self._run("delete_memory", memory_id=memory_id)

    def connect(self, pairs: Iterable[tuple[str, str]], revision: int) -> None:
        """Connect memories, in either order."""
        ordered = (sorted(pair) for pair in pairs)
        self._run.many(
            "insert_connection",
            (
                {"memory_id": low, "connected_id": high, "revision": revision}
                for low, high in ordered
                if low != high
            ),
        )

    def doubt(
        self, memory_id: str, because_of: str, reason: str, since: datetime, revision: int
    ) -> None:
        """Mark a current memory as doubtful; because_of: the memory that changed its ground."""
        self._run(
            "doubt_memory",
            memory_id=memory_id,
            doubted_by=because_of,
            doubt_reason=reason,
            doubted_at=rows.to_micros(since),
            revision=revision,
        )

    def lift_doubt(self, memory_id: str, revision: int) -> None:
        """Take a memory as certain again."""
        self._run("lift_doubt", memory_id=memory_id, revision=revision)

    def reasons(self) -> list[MemoryReasons]:
        """Return the stored reasons of each version that has one."""
        return [
            MemoryReasons(row["memory_id"], row["content"], row["reason"], row["doubt_reason"])
            for row in self._run("load_memory_reasons")
        ]

    def replace_reasons(
        self, memory_id: str, reason: str, doubt_reason: str | None, revision: int
    ) -> None:
        """Replace the reasons of a version."""
        self._run(
            "replace_memory_reasons",
            memory_id=memory_id,
            reason=reason,
            doubt_reason=doubt_reason,
            revision=revision,
        )
