"""A user's session summaries and their vectors."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hitherto.core.dates.formatting import stored_zone
from hitherto.store import rows
from hitherto.store.repositories.user_run import UserRun


@dataclass(frozen=True, slots=True)
class StoredSummary:
    """A session's summary as stored.

    read_in: zone in which the days of the session were read; None if none was given.
    """

    session_id: str
    created_at: datetime
    read_in: ZoneInfo | None
    content: str
    vector: bytes


class SummaryRows:
    """Summaries of one user's sessions."""

    def __init__(self, run: UserRun) -> None:
        self._run = run

    def get(self, session_id: str) -> str | None:
        """Return a session's summary, or None before it is processed."""
        records = self._run("session_summary", session_id=session_id)
        return records[0]["content"] if records else None

    def since(self, revision: int) -> list[StoredSummary]:
        """Summaries written after a revision, by session date."""
        return [
            StoredSummary(
                row["session_id"],
                rows.from_micros(row["created_at"]),
                None if row["read_in"] is None else stored_zone(row["read_in"]),
                row["content"],
                row["chosen_vector"],
            )
            for row in self._run("load_summaries", since=revision, slot=self._run.embedder().slot)
        ]

    def insert(
        self, session_id: str, content: str, vector: NDArray[np.float32], revision: int
    ) -> None:
        """Insert a session's summary."""
        self._run(
            "insert_summary",
            session_id=session_id,
            content=content,
            revision=revision,
            **self._run.in_slot(rows.to_bytes(vector)),
        )

    def replace(self, session_id: str, content: str, vector: bytes, revision: int) -> None:
        """Give a session another summary, or none for ""; vector: as stored."""
        self._run("delete_summary", session_id=session_id)
        if content:
            self._run(
                "insert_summary",
                session_id=session_id,
                content=content,
                revision=revision,
                **self._run.in_slot(vector),
            )
