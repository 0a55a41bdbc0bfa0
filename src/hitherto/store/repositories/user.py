"""Rows of one user, with a repository for each kind."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from hitherto.core.dates.formatting import stored_zone
from hitherto.models import DeletionReport, SessionModel, UserModel
from hitherto.store import rows
from hitherto.store.database import Row, Run
from hitherto.store.embedders import RecordedEmbedder
from hitherto.store.repositories.conflicts import ConflictRows
from hitherto.store.repositories.memories import MemoryRows
from hitherto.store.repositories.messages import MessageRows
from hitherto.store.repositories.outbox import OutboxRows
from hitherto.store.repositories.passages import PassageRows
from hitherto.store.repositories.quarantine import QuarantineRows
from hitherto.store.repositories.sessions import SessionRows
from hitherto.store.repositories.summaries import SummaryRows
from hitherto.store.repositories.user_run import UserRun


@dataclass(frozen=True, slots=True)
class Revision:
    """Version number of what can be recalled of a user.

    number: grows with every change. rebuilt_at: its value at the last change that removed anything.
    """

    number: int
    rebuilt_at: int


class UserRows:
    """Rows of one user; every statement names the user."""

    def __init__(self, run: Run, row: Row) -> None:
        self._run = UserRun(run, row["user_id"])
        self._row = row
        self.user_id: str = row["user_id"]
        self.project_id: str = row["project_id"]
        self.model: UserModel = rows.to_user(row)
        self.sessions = SessionRows(self._run, self.model.user_id)
        self.messages = MessageRows(self._run)
        self.memories = MemoryRows(self._run, self.project_id)
        self.passages = PassageRows(self._run)
        self.summaries = SummaryRows(self._run)
        self.conflicts = ConflictRows(self._run)
        self.quarantine = QuarantineRows(self._run)
        self.outbox = OutboxRows(self._run, self.project_id)

    def revision(self) -> Revision:
        """Return the user's revision in this transaction."""
        return Revision(self._row["revision"], self._row["rebuilt_at"])

    def advance(self, *, removed: bool) -> int:
        """Increment the revision and return it; `removed` if the change removes anything."""
        name = "advance_revision_after_removal" if removed else "advance_revision"
        number: int = self._run(name)[0]["revision"]
        return number

    def embedder(self) -> RecordedEmbedder:
        """Return the embedder that made the vectors of this state. Raises StoreError for none."""
        return self._run.embedder()

    def zone(self, session: SessionModel) -> ZoneInfo | None:
        """Return the zone of a session: its own, or else the user's, or None."""
        name = session.timezone or self.model.timezone
        return None if name is None else stored_zone(name)

    def was_created_by(self, idempotency_key: str | None) -> bool:
        """Return whether the creating call had this key; never for None."""
        return idempotency_key is not None and self._row["idempotency_key"] == idempotency_key

    def touch(self, now: datetime) -> None:
        """Record that the user was active."""
        self._run("touch_user", now=rows.to_micros(now))

    def contents(self, session_id: str | None, now: datetime) -> DeletionReport:
        """Count the rows of a session, or of the user for None; memories count as versions."""
        name = "count_user_rows" if session_id is None else "count_session_rows"
        parameters = {} if session_id is None else {"session_id": session_id}
        counts = dict(self._run(name, **parameters)[0])
        return DeletionReport(deleted_at=now, **counts)

    def delete(self) -> None:
        """Delete the user with all rows."""
        self._run("delete_user")
