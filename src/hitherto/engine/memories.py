"""Memories: read, list, confirm, end, delete."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from hitherto.core import arguments
from hitherto.core.history import version_chains
from hitherto.core.metadata_filters import MetadataFilter
from hitherto.engine.memory_deletion import MemoryDeletion
from hitherto.engine.transactions import ProjectTransactions, within_deadline
from hitherto.errors import InvalidCategoriesError, ValidationError
from hitherto.models import (
    DeletionReport,
    ExpirationReason,
    MemoryRelationship,
    MemoryVersion,
    MemoryVersionInfo,
    MergeConflictStatus,
    UserMemoriesList,
    UserMemoryItem,
)
from hitherto.store import ProjectUsers, UserRows


class Memories(ProjectTransactions):
    """List, read, confirm, end and delete memories."""

    async def list_memories(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 20,
        categories: Sequence[str] | None = None,
        session_id_filter: Sequence[str] | None = None,
        session_metadata_filter: dict[str, Any] | None = None,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> UserMemoriesList:
        arguments.page(offset, limit, 200)
        wanted = MetadataFilter(session_metadata_filter, "session_metadata_filter")
        session_ids = set(arguments.texts(session_id_filter, "session_id_filter"))
        category_names = arguments.texts(categories, "categories")
        filtered_names = frozenset(category_names)

        def work(tx: ProjectUsers) -> UserMemoriesList:
            user = tx.user(user_id)
            if filtered_names:
                _require_categories(user.memories.category_names(), category_names)
            categories_by_id = user.memories.categories()
            versions = user.memories.versions()
            matches = [version for version in versions.values() if version.expired_at is None]
            if filtered_names:
                matches = [
                    version
                    for version in matches
                    if not filtered_names.isdisjoint(categories_by_id.get(version.memory_id, ()))
                ]
            if session_ids:
                matches = [version for version in matches if version.session_id in session_ids]
            if wanted:
                matching = {
                    session.session_id
                    for session in within_deadline(user.sessions.scan(), "sessions")
                    if wanted.matches(session.metadata)
                }
                matches = [version for version in matches if version.session_id in matching]
            selected = matches[offset : offset + limit]
            items = _items(
                user,
                versions,
                selected,
                categories_by_id,
                include_previous_versions,
                include_connected_memories,
            )
            return UserMemoriesList(items, len(matches), offset + len(items) < len(matches))

        return await self._read(work)

    async def get_memory(
        self,
        user_id: str,
        memory_id: str,
        *,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> UserMemoryItem:
        def work(tx: ProjectUsers) -> UserMemoryItem:
            user = tx.user(user_id)
            versions = user.memories.versions()
            selected = [version_chains.require(versions, memory_id)]
            categories = user.memories.categories()
            return _items(
                user,
                versions,
                selected,
                categories,
                include_previous_versions,
                include_connected_memories,
            )[0]

        return await self._read(work)

    async def list_doubtful_memories(
        self, user_id: str, *, offset: int = 0, limit: int = 20
    ) -> UserMemoriesList:
        arguments.page(offset, limit, 200)

        def work(tx: ProjectUsers) -> UserMemoriesList:
            user = tx.user(user_id)
            versions = user.memories.versions()
            doubtful = [
                (version.doubted_at, version)
                for version in versions.values()
                if version.doubted_at is not None and version.expired_at is None
            ]
            doubtful.sort(key=lambda dated: (-dated[0].timestamp(), dated[1].memory_id))
            selected = [version for _, version in doubtful[offset : offset + limit]]
            items = _items(user, versions, selected, user.memories.categories(), True, True)
            return UserMemoriesList(items, len(doubtful), offset + len(items) < len(doubtful))

        return await self._read(work)

    async def confirm_memory(self, user_id: str, memory_id: str) -> UserMemoryItem:
        def work(tx: ProjectUsers) -> UserMemoryItem:
            user = tx.user(user_id)
            version = version_chains.require(user.memories.versions(), memory_id)
            if version.expired_at is not None:
                raise ValidationError(
                    f"memory {memory_id} has expired ({version.expiration_reason}), so it cannot be"
                    " confirmed; confirm the version that is current"
                )
            if version.doubted_at is not None:
                user.memories.lift_doubt(memory_id, user.advance(removed=False))
            return _item(user, memory_id)

        return await self._write(work)

    async def end_memory(self, user_id: str, memory_id: str) -> UserMemoryItem:
        now = self._resources.clock()

        def work(tx: ProjectUsers) -> UserMemoryItem:
            user = tx.user(user_id)
            if version_chains.require(user.memories.versions(), memory_id).expired_at is None:
                revision = user.advance(removed=False)
                reason = ExpirationReason.TEMPORAL_CONFLICT
                user.memories.expire(memory_id, now, reason, revision, None)
            return _item(user, memory_id)

        return await self._write(work)

    async def delete_memory(
        self, user_id: str, memory_id: str, *, delete_previous_versions: bool = False
    ) -> DeletionReport:
        deletion = MemoryDeletion(self._resources, self._project_id)
        report = await deletion.delete_memory(user_id, memory_id, delete_previous_versions)
        self._resources.work_due.set()
        return report


def _require_categories(existing: Set[str], names: Sequence[str]) -> None:
    unknown = [name for name in dict.fromkeys(names) if name not in existing]
    if unknown:
        raise InvalidCategoriesError(
            f"The project has no categories with these names: {unknown}",
            invalid_categories=unknown,
        )


def _item(user: UserRows, memory_id: str) -> UserMemoryItem:
    """Return a version in its current state, with history and connections."""
    versions = user.memories.versions()
    return _items(user, versions, [versions[memory_id]], user.memories.categories(), True, True)[0]


def _items(
    user: UserRows,
    versions: dict[str, MemoryVersion],
    selected: Sequence[MemoryVersion],
    categories: Mapping[str, list[str]],
    with_previous: bool,
    with_connected: bool,
) -> list[UserMemoryItem]:
    chain = version_chains.Chains(versions)
    connected = _connections_by_id(user, chain) if with_connected else {}
    contested = {
        memory.memory_id
        for conflict in user.conflicts.all()
        if conflict.status is not MergeConflictStatus.RESOLVED
        for memory in conflict.conflicting_memories
    }
    return [
        UserMemoryItem(
            memory_id=version.memory_id,
            categories=categories.get(version.memory_id, []),
            content=version.content,
            event_date_start=version.event_date_start,
            event_date_end=version.event_date_end,
            created_at=version.created_at,
            version_number=chain.version_number(version.memory_id),
            total_versions=chain.total_versions(version.memory_id),
            has_previous_versions=chain.total_versions(version.memory_id) > 1,
            previous_versions=_previous(chain, version) if with_previous else None,
            connected_memories=connected.get(version.memory_id, []) if with_connected else None,
            merge_conflict_in_progress=version.memory_id in contested,
            merge_conflict_id=version.merge_conflict_id,
            expired_at=version.expired_at,
            expiration_reason=version.expiration_reason,
            session_id=version.session_id,
            evidence=version.evidence,
            said_by=version.said_by,
            confidence=version.confidence,
            model=version.model,
            prompt_hash=version.prompt_hash,
            doubted_by=version.doubted_by,
            doubt_reason=version.doubt_reason,
            doubted_at=version.doubted_at,
        )
        for version in selected
    ]


def _previous(chain: version_chains.Chains, version: MemoryVersion) -> list[MemoryVersionInfo]:
    return [
        MemoryVersionInfo(
            memory_id=earlier.memory_id,
            version_number=chain.version_number(earlier.memory_id),
            content=earlier.content,
            event_date_start=earlier.event_date_start,
            event_date_end=earlier.event_date_end,
            created_at=earlier.created_at,
            expired_at=earlier.expired_at,
            expiration_reason=earlier.expiration_reason,
            merge_conflict_id=earlier.merge_conflict_id,
        )
        for earlier in chain.history(version.memory_id)[1:]
        if earlier.expired_at is not None and earlier.expiration_reason is not None
    ]


def _connections_by_id(
    user: UserRows, chain: version_chains.Chains
) -> dict[str, list[MemoryRelationship]]:
    connected: dict[str, dict[str, MemoryRelationship]] = {}
    for first, second in user.memories.connections_since(0):
        for source_id, target_id in ((first, second), (second, first)):
            for source in chain.current_from(source_id):
                for target in chain.current_from(target_id):
                    if target.memory_id != source.memory_id:
                        relation = MemoryRelationship(target.memory_id, target.content)
                        connected.setdefault(source.memory_id, {})[target.memory_id] = relation
    return {memory_id: list(relations.values()) for memory_id, relations in connected.items()}
