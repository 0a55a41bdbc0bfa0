"""A user's quarantined statements."""

from collections.abc import Sequence

from hitherto.models import (
    Quarantined,
)
from hitherto.store import rows
from hitherto.store.repositories.user_run import UserRun


class QuarantineRows:
    """Statements of one user that were kept out of memory."""

    def __init__(self, run: UserRun) -> None:
        self._run = run

    def insert(self, session_id: str, records: Sequence[Quarantined]) -> None:
        """Add quarantined statements of a session and count them there."""
        if not records:
            return
        self._run.many(
            "insert_quarantined",
            (
                {
                    "quarantine_id": statement.quarantine_id,
                    "session_id": session_id,
                    "content": statement.content,
                    "kind": statement.kind.value,
                    "reason": statement.reason,
                    "said_by": statement.said_by.value,
                    "positions": rows.to_json(list(statement.positions)),
                    "quarantined_at": rows.to_micros(statement.quarantined_at),
                }
                for statement in records
            ),
        )
        self._run("count_quarantined", session_id=session_id, added=len(records))

    def page(self, offset: int, limit: int) -> list[Quarantined]:
        """Return quarantined statements, newest first."""
        records = self._run("list_quarantined", offset=offset, limit=limit)
        return [rows.to_quarantined(row) for row in records]

    def count(self) -> int:
        """Count the quarantined statements of all sessions."""
        total: int = self._run("total_quarantined")[0]["total"]
        return total

    def of_session(self, session_id: str) -> list[Quarantined]:
        """Return the quarantined statements of a session."""
        return [
            rows.to_quarantined(row)
            for row in self._run("session_quarantine", session_id=session_id)
        ]

    def delete(self, quarantine_id: str, session_id: str) -> None:
        """Delete a quarantined statement of a session."""
        self._run("delete_quarantined", quarantine_id=quarantine_id)
        self._run("count_quarantined", session_id=session_id, added=-1)
