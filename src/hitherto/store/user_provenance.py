"""The verbs on what is in doubt and on what was kept from becoming a memory, for one user."""

from collections.abc import Sequence
from datetime import datetime

from hitherto.models import Quarantined
from hitherto.store import rows
from hitherto.store.user_conflicts import UserConflicts


class UserProvenance(UserConflicts):
    """Doubts memories, lifts doubts, and keeps the quarantine of one user."""

    def doubt_memory(
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

    def insert_quarantined(self, session_id: str, found: Sequence[Quarantined]) -> None:
        """Keep what of a session must not become a memory, and count it with the session."""
        if not found:
            return
        self._run_many(
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

    def quarantined(self, offset: int, limit: int) -> list[Quarantined]:
        """What was kept from becoming a memory, newest first."""
        found = self._run("list_quarantined", offset=offset, limit=limit)
        return [rows.to_quarantined(row) for row in found]

    def count_quarantined(self) -> int:
        """How many statements of all sessions were kept from becoming memories."""
        total: int = self._run("total_quarantined")[0]["total"]
        return total
