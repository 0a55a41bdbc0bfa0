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

    def insert(self, session_id: str, found: Sequence[Quarantined]) -> None:
        """Keep what of a session must not become a memory, and count it with the session."""
        if not found:
            return
        self._run.many(
            "insert_quarantined",
            (
                {
                    "quarantine_id": one.quarantine_id,
                    "session_id": session_id,
                    "content": one.content,
                    "kind": one.kind.value,
                    "reason": one.reason,
                    "said_by": one.said_by.value,
                    "positions": rows.to_json(list(one.positions)),
                    "quarantined_at": rows.to_micros(one.quarantined_at),
                }
                for one in found
            ),
        )
        self._run("count_quarantined", session_id=session_id, added=len(found))

    def page(self, offset: int, limit: int) -> list[Quarantined]:
        """What was kept from becoming a memory, newest first."""
        found = self._run("list_quarantined", offset=offset, limit=limit)
        return [rows.to_quarantined(row) for row in found]

    def count(self) -> int:
        """How many statements of all sessions were kept from becoming memories."""
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
