"""Projects with their keys, categories and preferences."""

from datetime import datetime

from hitherto.errors import (
    CategoryAlreadyExistsError,
    CategoryNotFoundError,
    KeyNotFoundError,
    ProjectNotFoundError,
)
from hitherto.models import (
    ApiKey,
    Category,
    GenerationPreferences,
    MergeConflictStatus,
    Project,
    ProjectCounters,
    SessionStatus,
)
from hitherto.store import rows
from hitherto.store.database import Row, Run
from hitherto.store.repositories.users import ProjectUsers
from hitherto.store.repositories.webhooks import ProjectWebhooks


class ProjectRows:
    """Projects of the database."""

    def __init__(self, run: Run) -> None:
        self._run = run

    # Projects

    def create_project(self, project_id: str, name: str, now: datetime) -> Project:
        """Insert a project; its id must be new."""
        created = self._run(
            "insert_project", project_id=project_id, name=name, created_at=rows.to_micros(now)
        )
        return rows.to_project(created[0])

    def projects(self) -> list[Project]:
        """Return projects, oldest first."""
        return [rows.to_project(row) for row in self._run("list_projects")]

    def project(self, project_id: str) -> Project:
        """Read a project. Raises ProjectNotFoundError."""
        if not rows.is_storable(project_id):
            raise ProjectNotFoundError(f"Project {project_id!a} not found")
        records = self._run("get_project", project_id=project_id)
        if not records:
            raise ProjectNotFoundError(f"Project {project_id} not found")
        return rows.to_project(records[0])

    def update_project(
        self, project_id: str, name: str | None, merge_conflict_enabled: bool | None
    ) -> Project:
        """Change a project; None leaves a field as it is. Raises ProjectNotFoundError."""
        stored = self.project(project_id)
        enabled = stored.merge_conflict_enabled
        if merge_conflict_enabled is not None:
            enabled = merge_conflict_enabled
        if name not in (None, stored.name):
            self._run.note_replacement()
        updated = self._run(
            "update_project",
            project_id=project_id,
            name=stored.name if name is None else name,
            merge_conflict_enabled=int(enabled),
        )
        return rows.to_project(updated[0])

    def delete_project(self, project_id: str) -> list[str]:
        """Delete a project with all it holds; returns our ids of its users.

        Raises ProjectNotFoundError.
        """
        self.project(project_id)
        user_ids = [row["user_id"] for row in self._run("list_user_ids", project_id=project_id)]
        self._run("delete_project", project_id=project_id)
        return user_ids

    def users_of(self, project_id: str) -> ProjectUsers:
        """Return the users of a project. Raises ProjectNotFoundError."""
        self.project(project_id)
        return ProjectUsers(self._run, project_id)

    def webhooks_of(self, project_id: str) -> ProjectWebhooks:
        """Return the webhooks of a project. Raises ProjectNotFoundError."""
        self.project(project_id)
        return ProjectWebhooks(self._run, project_id)

    def counters(self, project_id: str) -> ProjectCounters:
        """Count the rows of a project. Raises ProjectNotFoundError."""
        users = self.users_of(project_id).count_users()
        sessions = self._run("count_project_sessions", project_id=project_id)
        memories = self._run("count_project_memories", project_id=project_id)
        conflicts = self._run("count_project_merge_conflicts", project_id=project_id)
        return ProjectCounters(
            users=users,
            messages=sum(int(row["messages"]) for row in sessions),
            memories=memories[0]["total"],
            sessions={rows.member(SessionStatus, row["status"]): row["total"] for row in sessions},
            merge_conflicts={
                rows.member(MergeConflictStatus, row["status"]): row["total"] for row in conflicts
            },
        )

    # Keys

    def create_key(
        self,
        key_id: str,
        project_id: str | None,
        name: str,
        hint: str,
        key_hash: bytes,
        now: datetime,
    ) -> ApiKey:
        """Insert a key, of a project or for the admin API. Raises ProjectNotFoundError."""
        if project_id is not None:
            self.project(project_id)
        created = self._run(
            "insert_key",
            key_id=key_id,
            project_id=project_id,
            name=name,
            hint=hint,
            key_hash=key_hash,
            created_at=rows.to_micros(now),
        )
        return rows.to_key(created[0])

    def find_key(self, key_hash: bytes) -> tuple[ApiKey, bytes] | None:
        """Return the key of a hash with the stored hash, or None."""
        records = self._run("find_key", key_hash=key_hash)
        return (rows.to_key(records[0]), records[0]["key_hash"]) if records else None

    def keys(self, project_id: str | None) -> list[ApiKey]:
        """A project's keys or all keys, oldest first. Raises ProjectNotFoundError."""
        if project_id is None:
            return [rows.to_key(row) for row in self._run("list_keys")]
        self.project(project_id)
        records = self._run("list_project_keys", project_id=project_id)
        return [rows.to_key(row) for row in records]

    def revoke_key(self, key_id: str, now: datetime) -> ApiKey:
        """Revoke a key unless it is revoked already. Raises KeyNotFoundError."""
        if not rows.is_storable(key_id):
            raise KeyNotFoundError(f"Key {key_id!a} not found")
        self._run("revoke_key", key_id=key_id, now=rows.to_micros(now))
        records = self._run("get_key", key_id=key_id)
        if not records:
            raise KeyNotFoundError(f"Key {key_id} not found")
        return rows.to_key(records[0])

    # Categories and preferences

    def categories(self, project_id: str) -> list[Category]:
        """A project's categories by name. Raises ProjectNotFoundError."""
        self.project(project_id)
        records = self._run("list_categories", project_id=project_id)
        return [rows.to_category(row) for row in records]

    def create_category(
        self, category_id: str, project_id: str, name: str, description: str, now: datetime
    ) -> Category:
        """Insert a category. Raises ProjectNotFoundError, CategoryAlreadyExistsError."""
        self.project(project_id)
        created = self._run(
            "insert_category",
            category_id=category_id,
            project_id=project_id,
            name=name,
            description=description,
            created_at=rows.to_micros(now),
        )
        if not created:
            raise _category_exists(name)
        return rows.to_category(created[0])

    def update_category(
        self, project_id: str, category_id: str, name: str | None, description: str | None
    ) -> Category:
        """Change a category; None leaves a field as it is.

        Raises ProjectNotFoundError, CategoryNotFoundError, CategoryAlreadyExistsError.
        """
        stored = rows.to_category(self._category_row(project_id, category_id))
        new_name = stored.name if name is None else name
        holder = self._run("find_category", project_id=project_id, name=new_name)
        if holder and holder[0]["category_id"] != category_id:
            raise _category_exists(new_name)
        new_description = stored.description if description is None else description
        if (new_name, new_description) != (stored.name, stored.description):
            self._run.note_replacement()
        updated = self._run(
            "update_category",
            project_id=project_id,
            category_id=category_id,
            name=new_name,
            description=new_description,
        )
        return rows.to_category(updated[0])

    def delete_category(self, project_id: str, category_id: str) -> None:
        """Delete a category and take it from memories.

        Raises ProjectNotFoundError, CategoryNotFoundError.
        """
        self._category_row(project_id, category_id)
        self._run("delete_category", project_id=project_id, category_id=category_id)

    def generation_preferences(self, project_id: str) -> GenerationPreferences:
        """Return generation preferences; empty lists at first. Raises ProjectNotFoundError."""
        self.project(project_id)
        records = self._run("get_generation_preferences", project_id=project_id)
        if not records:
            return GenerationPreferences()
        return rows.to_preferences(records[0]["preferences"])

    def replace_generation_preferences(
        self, project_id: str, preferences: GenerationPreferences
    ) -> None:
        """Replace all six preference lists. Raises ProjectNotFoundError."""
        if self.generation_preferences(project_id) not in (GenerationPreferences(), preferences):
            self._run.note_replacement()
        self._run(
            "replace_generation_preferences",
            project_id=project_id,
            preferences=rows.preferences_to_json(preferences),
        )

    def _category_row(self, project_id: str, category_id: str) -> Row:
        self.project(project_id)
        if not rows.is_storable(category_id):
            raise CategoryNotFoundError(f"Category {category_id!a} not found")
        records = self._run("get_category", project_id=project_id, category_id=category_id)
        if not records:
            raise CategoryNotFoundError(f"Category {category_id} not found")
        return records[0]


def _category_exists(name: str) -> CategoryAlreadyExistsError:
    return CategoryAlreadyExistsError(f"Category with name {name} already exists")
