"""Administration in process: `AdminApi` over all projects."""

import hashlib
import hmac
from collections.abc import Callable

from hitherto.api import Page
from hitherto.core import arguments
from hitherto.engine.usage_admin import UsageAdmin
from hitherto.engine.webhook_admin import WebhookAdmin
from hitherto.errors import AuthenticationError
from hitherto.models import (
    ApiKey,
    Category,
    GenerationPreferences,
    MergeConflictModel,
    NewApiKey,
    Project,
    ProjectCounters,
    Quarantined,
    SessionModel,
)
from hitherto.store import ProjectRows

PROJECT_KEY_PREFIX = "rai_"
ADMIN_KEY_PREFIX = "rca_"
HINT_CHARS = 8
"""Characters in a hint: four of the 43 after the prefix, so 39 remain unknown."""


class Admin(UsageAdmin, WebhookAdmin):
    """`AdminApi` on the resources of this process."""

    # Keys

    async def authenticate(self, api_key: str, project_id: str) -> ApiKey:
        key = await self._valid_key(api_key)
        if key is None or key.project_id is None or key.project_id != project_id:
            raise AuthenticationError("Invalid API key or project ID")
        return key

    async def authenticate_admin(self, api_key: str) -> ApiKey:
        key = await self._valid_key(api_key)
        if key is None or key.project_id is not None:
            raise AuthenticationError("Invalid admin key")
        return key

    async def create_key(self, project_id: str, *, name: str = "") -> NewApiKey:
        return await self._resources.store.write(
            lambda tx: self._new_key(project_id, name)(tx.projects)
        )

    async def create_first_key(self, project_id: str, *, name: str = "") -> NewApiKey | None:
        create = self._new_key(project_id, name)

        def work(tx: ProjectRows) -> NewApiKey | None:
            # Reading the project locks it, so keys created by other processes are visible.
            tx.project(project_id)
            if any(key.project_id is not None for key in tx.keys(None)):
                return None
            return create(tx)

        return await self._resources.store.write(lambda tx: work(tx.projects))

    async def create_admin_key(self, *, name: str = "") -> NewApiKey:
        return await self._resources.store.write(lambda tx: self._new_key(None, name)(tx.projects))

    async def list_keys(self, project_id: str | None = None) -> list[ApiKey]:
        return await self._resources.store.read(lambda tx: tx.projects.keys(project_id))

    async def revoke_key(self, key_id: str) -> ApiKey:
        now = self._resources.clock()
        return await self._resources.store.write(lambda tx: tx.projects.revoke_key(key_id, now))

    # Projects

    async def create_project(self, name: str) -> Project:
        trimmed = arguments.name(name, "name")
        now, project_id = self._resources.clock(), self._resources.new_id()
        return await self._resources.store.write(
            lambda tx: tx.projects.create_project(project_id, trimmed, now)
        )

    async def list_projects(self) -> list[Project]:
        return await self._resources.store.read(lambda tx: tx.projects.projects())

    async def get_project(self, project_id: str) -> Project:
        return await self._resources.store.read(lambda tx: tx.projects.project(project_id))

    async def update_project(
        self,
        project_id: str,
        *,
        name: str | None = None,
        merge_conflict_enabled: bool | None = None,
    ) -> Project:
        trimmed = None if name is None else arguments.name(name, "name")
        flag = arguments.optional_flag(merge_conflict_enabled, "merge_conflict_enabled")
        return await self._resources.store.write(
            lambda tx: tx.projects.update_project(project_id, trimmed, flag)
        )

    async def delete_project(self, project_id: str) -> None:
        user_ids, _ = await self._resources.store.delete(
            lambda tx: tx.projects.delete_project(project_id)
        )
        self._resources.forget(user_ids)
        self._resources.work_done.set()

    async def counters(self, project_id: str) -> ProjectCounters:
        return await self._resources.store.read(lambda tx: tx.projects.counters(project_id))

    # Categories and preferences

    async def list_categories(self, project_id: str) -> list[Category]:
        return await self._resources.store.read(lambda tx: tx.projects.categories(project_id))

    async def create_category(
        self, project_id: str, name: str, *, description: str = ""
    ) -> Category:
        trimmed = arguments.name(name, "name")
        text = arguments.description(description)
        now, category_id = self._resources.clock(), self._resources.new_id()
        return await self._resources.store.write(
            lambda tx: tx.projects.create_category(category_id, project_id, trimmed, text, now)
        )

    async def update_category(
        self,
        project_id: str,
        category_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
    ) -> Category:
        trimmed = None if name is None else arguments.name(name, "name")
        text = None if description is None else arguments.description(description)
        return await self._resources.store.write(
            lambda tx: tx.projects.update_category(project_id, category_id, trimmed, text)
        )

    async def delete_category(self, project_id: str, category_id: str) -> None:
        await self._resources.store.delete(
            lambda tx: tx.projects.delete_category(project_id, category_id)
        )

    async def get_generation_preferences(self, project_id: str) -> GenerationPreferences:
        return await self._resources.store.read(
            lambda tx: tx.projects.generation_preferences(project_id)
        )

    async def replace_generation_preferences(
        self, project_id: str, preferences: GenerationPreferences
    ) -> GenerationPreferences:
        checked = arguments.generation_preferences(preferences)
        await self._resources.store.write(
            lambda tx: tx.projects.replace_generation_preferences(project_id, checked)
        )
        return checked

    # What failed

    async def retry_session(self, project_id: str, user_id: str, session_id: str) -> SessionModel:
        now = self._resources.clock()

        def work(tx: ProjectRows) -> SessionModel:
            return tx.users_of(project_id).user(user_id).sessions.retry(session_id, now)

        session = await self._resources.store.write(lambda tx: work(tx.projects))
        self._resources.work_due.set()
        return session

    async def retry_merge_conflict(
        self, project_id: str, user_id: str, merge_conflict_id: str
    ) -> MergeConflictModel:
        now = self._resources.clock()

        def work(tx: ProjectRows) -> MergeConflictModel:
            user = tx.users_of(project_id).user(user_id)
            return user.conflicts.requeue(merge_conflict_id, now)

        conflict = await self._resources.store.write(lambda tx: work(tx.projects))
        self._resources.work_due.set()
        return conflict

    # Quarantine

    async def list_quarantine(
        self, project_id: str, user_id: str, *, offset: int = 0, limit: int = 50
    ) -> Page[Quarantined]:
        arguments.page(offset, limit, 500)

        def work(tx: ProjectRows) -> Page[Quarantined]:
            user = tx.users_of(project_id).user(user_id)
            statements, total = user.quarantine.page(offset, limit), user.quarantine.count()
            return Page(statements, total, offset + len(statements) < total)

        return await self._resources.store.read(lambda tx: work(tx.projects))

    async def _valid_key(self, api_key: object) -> ApiKey | None:
        """Return the key, or None if it is unknown or revoked."""
        if not isinstance(api_key, str) or not api_key.isascii():
            return None
        key_hash = _hash(api_key)
        key_and_hash = await self._resources.store.glance(lambda tx: tx.projects.find_key(key_hash))
        if key_and_hash is None:
            return None
        key, stored_hash = key_and_hash
        valid = hmac.compare_digest(stored_hash, key_hash) and key.revoked_at is None
        return key if valid else None

    def _new_key(self, project_id: str | None, name: str) -> Callable[[ProjectRows], NewApiKey]:
        """Return a transaction that creates a key with a new secret."""
        label = arguments.text(name, "name", arguments.MAX_NAME_CHARS).strip()
        prefix = ADMIN_KEY_PREFIX if project_id is None else PROJECT_KEY_PREFIX
        api_key = prefix + self._resources.new_secret()
        now, key_id = self._resources.clock(), self._resources.new_id()

        def create(tx: ProjectRows) -> NewApiKey:
            hint = api_key[:HINT_CHARS]
            key = tx.create_key(key_id, project_id, label, hint, _hash(api_key), now)
            return NewApiKey(key, api_key)

        return create


def _hash(api_key: str) -> bytes:
    """Return the SHA-256 without salt: 32 random bytes cannot be guessed."""
    return hashlib.sha256(api_key.encode()).digest()
