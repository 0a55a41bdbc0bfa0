"""Users of one project."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from hitherto.errors import UserAlreadyExistsError, UserNotFoundError
from hitherto.models import Metadata, UserModel
from hitherto.store import rows
from hitherto.store.database import Run
from hitherto.store.repositories.user import UserRows


class ProjectUsers:
    """Users of one project."""

    def __init__(self, run: Run, project_id: str) -> None:
        self._run = run
        self._project_id = project_id

    def ensure_project(self, name: str, now: datetime) -> None:
        """Create the project of this transaction unless it is there."""
        self._run(
            "insert_project",
            project_id=self._project_id,
            name=name,
            created_at=rows.to_micros(now),
        )

    def user(self, custom_user_id: str) -> UserRows:
        """Return the rows of one user. Raises UserNotFoundError."""
        if not rows.is_storable(custom_user_id):
            raise UserNotFoundError(f"User {custom_user_id!a} not found")
        records = self._run("find_user", project_id=self._project_id, custom_user_id=custom_user_id)
        if not records:
            raise UserNotFoundError(f"User {custom_user_id} not found")
        return UserRows(self._run, records[0])

    def create_user(
        self,
        user_id: str,
        custom_user_id: str,
        metadata: Metadata,
        merge_conflict_enabled: bool | None,
        now: datetime,
        idempotency_key: str | None = None,
        timezone: str | None = None,
    ) -> UserModel:
        """Insert a user, or return the user that the same call inserted with this key.

        Raises UserAlreadyExistsError when the id is taken otherwise.
        """
        created = self._run(
            "insert_user",
            user_id=user_id,
            project_id=self._project_id,
            custom_user_id=custom_user_id,
            metadata=rows.to_json(metadata),
            merge_conflict_enabled=_flag(merge_conflict_enabled),
            timezone=timezone,
            created_at=rows.to_micros(now),
            idempotency_key=idempotency_key,
        )
        if created:
            return rows.to_user(created[0])
        holder = self.user(custom_user_id)
        if (
            holder.was_created_by(idempotency_key)
            and rows.same_json(holder.model.metadata, metadata)
            and holder.model.merge_conflict_enabled is merge_conflict_enabled
            and holder.model.timezone == timezone
        ):
            return holder.model
        raise UserAlreadyExistsError(f"User with ID {custom_user_id} already exists")

    def count_users(self) -> int:
        """Count the project's users."""
        total: int = self._run("count_users", project_id=self._project_id)[0]["total"]
        return total

    def page_users(self, offset: int, limit: int) -> list[UserModel]:
        """Users, newest first."""
        records = self._run("page_users", project_id=self._project_id, offset=offset, limit=limit)
        return [rows.to_user(row) for row in records]

    def scan_users(self) -> Iterator[UserModel]:
        """Yield all users, newest first, read in parts."""
        run = partial(self._run, project_id=self._project_id)
        for row in rows.scanned(run, "scan_users", "user_id"):
            yield rows.to_user(row)

    def update_user(
        self,
        user: UserRows,
        custom_user_id: str,
        metadata: Metadata,
        merge_conflict_enabled: bool | None,
        timezone: str | None,
    ) -> UserModel:
        """Write a user's own fields. Raises UserAlreadyExistsError when the new id is taken."""
        holder = self._run("find_user", project_id=self._project_id, custom_user_id=custom_user_id)
        if holder and holder[0]["user_id"] != user.user_id:
            raise UserAlreadyExistsError(f"User with ID {custom_user_id} already exists")
        model = user.model
        if model.user_id != custom_user_id or (
            model.metadata and not rows.same_json(model.metadata, metadata)
        ):
            self._run.note_replacement()
        updated = self._run(
            "update_user",
            user_id=user.user_id,
            custom_user_id=custom_user_id,
            metadata=rows.to_json(metadata),
            merge_conflict_enabled=_flag(merge_conflict_enabled),
            timezone=timezone,
        )
        return rows.to_user(updated[0])


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)
