"""The engine: every effect that an application asks for is caused here.

Arguments are checked, then one transaction runs, or, for a context, one read and one computation.
Processing is the worker's.
"""

import asyncio
import builtins
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from recollect.api import UNSET, ContextRequest, Page, Unset
from recollect.core import chains, validation
from recollect.engine.composer import ContextComposer, ContextState
from recollect.engine.resources import DEFAULT_PROJECT_ID, Resources, Signal, prepare
from recollect.errors import TimeoutError
from recollect.models import (
    ContextResponse,
    MemoryRelationship,
    MemoryVersion,
    MemoryVersionInfo,
    MergeConflictModel,
    MergeConflictStatus,
    MessageRole,
    Metadata,
    RecallStrategy,
    SessionMessagesList,
    SessionModel,
    SessionStatus,
    UserMemoriesList,
    UserMemoryItem,
    UserMessagesList,
    UserModel,
)
from recollect.store import Tx, UserTx

__all__ = ["DEFAULT_PROJECT_ID", "Engine", "Resources", "Signal", "prepare"]

T = TypeVar("T")

PREVIOUS_MESSAGES = 6
"""Messages before the question that may complete it: three exchanges."""


class Engine:
    """`MemoryApi` in process, for one project."""

    def __init__(self, resources: Resources, project_id: str = DEFAULT_PROJECT_ID) -> None:
        self._resources = resources
        self._project_id = project_id
        self._composer = ContextComposer(resources.embedder, resources.inference, resources.beside)

    # Users

    async def create_user(
        self,
        user_id: str,
        *,
        metadata: Metadata | None = None,
        merge_conflict_enabled: bool | None = None,
    ) -> UserModel:
        validation.user_id(user_id)
        kept = self._metadata(metadata)
        flag = validation.optional_flag(merge_conflict_enabled, "merge_conflict_enabled")
        now, internal_id = self._resources.clock(), self._resources.new_id()
        return await self._write(lambda tx: tx.create_user(internal_id, user_id, kept, flag, now))

    async def get_user(self, user_id: str) -> UserModel:
        return await self._read(lambda tx: tx.user(user_id).model)

    async def list_users(
        self,
        *,
        offset: int = 0,
        limit: int = 10,
        metadata_filter: dict[str, Any] | None = None,
        partial_user_id: str | None = None,
    ) -> Page[UserModel]:
        validation.page(offset, limit, 100)
        wanted = validation.metadata_filter(metadata_filter, "metadata_filter")
        part = (partial_user_id or "").casefold()

        def work(tx: Tx) -> Page[UserModel]:
            if not wanted and not part:
                return _paged(tx.page_users(offset, limit), tx.count_users(), offset)
            found = [
                user
                for user in tx.scan_users()
                if part in user.user_id.casefold() and validation.contains(user.metadata, wanted)
            ]
            return _paged(found[offset : offset + limit], len(found), offset)

        return await self._read(work)

    async def update_user(
        self,
        user_id: str,
        *,
        new_metadata: Metadata | None = None,
        new_user_id: str | None = None,
        merge_conflict_enabled: bool | Unset | None = UNSET,
    ) -> UserModel:
        if new_user_id is not None:
            validation.user_id(new_user_id)
        kept = None if new_metadata is None else self._metadata(new_metadata)
        if not isinstance(merge_conflict_enabled, Unset):
            validation.optional_flag(merge_conflict_enabled, "merge_conflict_enabled")

        def work(tx: Tx) -> UserModel:
            user = tx.user(user_id)
            flag = merge_conflict_enabled
            return tx.update_user(
                user,
                user_id if new_user_id is None else new_user_id,
                user.model.metadata if kept is None else kept,
                user.model.merge_conflict_enabled if isinstance(flag, Unset) else flag,
            )

        return await self._write(work)

    async def delete_user(self, user_id: str) -> None:
        def work(tx: Tx) -> str:
            user = tx.user(user_id)
            user.delete()
            return user.user_id

        self._resources.working_sets.forget(await self._delete(work))
        self._resources.work_done.set()

    # Sessions and messages

    async def create_session(
        self,
        user_id: str,
        *,
        metadata: Metadata | None = None,
        auto_process_after_seconds: int | None = 600,
        custom_created_at_utc: datetime | None = None,
    ) -> SessionModel:
        kept = self._metadata(metadata)
        wait_s = validation.auto_process_after_s(auto_process_after_seconds)
        created_at = validation.utc_instant(custom_created_at_utc, "custom_created_at_utc")
        now, session_id = self._resources.clock(), self._resources.new_id()

        def work(tx: Tx) -> SessionModel:
            user = tx.user(user_id)
            user.touch(now)
            return user.create_session(session_id, kept, created_at or now, wait_s, now)

        return await self._write(work)

    async def get_session(self, user_id: str, session_id: str) -> SessionModel:
        return await self._read(lambda tx: tx.user(user_id).session(session_id))

    async def list_sessions(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 10,
        metadata_filter: dict[str, Any] | None = None,
        status_filter: Sequence[SessionStatus] | None = None,
    ) -> Page[SessionModel]:
        validation.page(offset, limit, 100)
        wanted = validation.metadata_filter(metadata_filter, "metadata_filter")
        statuses = {
            validation.member(SessionStatus, status, "status_filter")
            for status in status_filter or ()
        }

        def work(tx: Tx) -> Page[SessionModel]:
            user = tx.user(user_id)
            if not wanted and not statuses:
                return _paged(user.page_sessions(offset, limit), user.count_sessions(), offset)
            found = [
                session
                for session in user.scan_sessions()
                if (not statuses or session.status in statuses)
                and validation.contains(session.metadata, wanted)
            ]
            return _paged(found[offset : offset + limit], len(found), offset)

        return await self._read(work)

    async def update_session(
        self, user_id: str, session_id: str, new_metadata: Metadata
    ) -> SessionModel:
        kept = self._metadata(new_metadata)
        return await self._write(lambda tx: tx.user(user_id).update_session(session_id, kept))

    async def delete_session(self, user_id: str, session_id: str) -> None:
        def work(tx: Tx) -> None:
            user = tx.user(user_id)
            if user.session(session_id).status is SessionStatus.PROCESSED:
                _apply_edit(user, chains.delete_session(user.versions(), session_id))
            user.delete_session(session_id)

        await self._delete(work)
        self._resources.work_done.set()

    async def add_message(
        self, user_id: str, session_id: str, role: MessageRole, content: str
    ) -> None:
        kept_role = validation.role(role)
        validation.content(content, self._resources.settings.max_message_chars)
        now = self._resources.clock()

        def work(tx: Tx) -> None:
            user = tx.user(user_id)
            user.add_message(session_id, kept_role, content, now)
            user.touch(now)

        await self._write(work)

    async def get_messages(
        self, user_id: str, session_id: str, *, offset: int = 0, limit: int = 50
    ) -> SessionMessagesList:
        validation.page(offset, limit, 500)

        def work(tx: Tx) -> SessionMessagesList:
            user = tx.user(user_id)
            total = user.count_messages(session_id)
            messages = user.page_messages(session_id, offset, limit)
            return SessionMessagesList(messages, total, offset + len(messages) < total)

        return await self._read(work)

    async def get_last_n_messages(self, user_id: str, n: int) -> UserMessagesList:
        validation.whole(n, "n", 1, 100)
        return await self._read(lambda tx: UserMessagesList(tx.user(user_id).latest_messages(n)))

    async def process(self, user_id: str, session_id: str) -> SessionModel:
        now = self._resources.clock()
        session = await self._write(lambda tx: tx.user(user_id).make_due(session_id, now))
        self._resources.work_due.set()
        return session

    async def wait_until_processed(self, *, timeout_s: float | None = None) -> None:
        async def processed() -> None:
            while await self._resources.store.work(
                lambda tx: tx.count_unprocessed(self._resources.clock()), write=False
            ):
                await self._resources.work_done.wait(self._resources.settings.poll_interval_s)

        try:
            async with asyncio.timeout(timeout_s):
                await processed()
        except builtins.TimeoutError as error:
            raise TimeoutError(
                f"sessions were still being processed after {timeout_s} s; "
                "wait longer, or read their status"
            ) from error

    # Context

    async def get_context(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> ContextResponse:
        strategy = validation.member(RecallStrategy, request.recall_strategy, "recall_strategy")
        checked = validation.context_request(replace(request, recall_strategy=strategy))
        working_sets = self._resources.working_sets

        def work(tx: Tx) -> ContextState:
            user = tx.user(user_id)
            return ContextState(
                internal_user_id=user.user_id,
                session=user.session(session_id),
                messages=user.latest_session_messages(session_id, PREVIOUS_MESSAGES + 1),
                ongoing=user.ongoing_sessions(session_id),
                conflicts=[
                    conflict
                    for conflict in user.merge_conflicts()
                    if conflict.status is MergeConflictStatus.PENDING
                ],
                recent=None
                if checked.last_n_messages is None
                else user.latest_messages_except(session_id, checked.last_n_messages),
                delta=working_sets.delta(user),
            )

        def compose(state: ContextState) -> ContextResponse:
            working = working_sets.refresh(state.internal_user_id, state.delta)
            return self._composer.compose(state, working, checked)

        return await self._resources.store.read_then(self._project_id, work, compose)

    # Memories

    async def list_memories(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 20,
        session_id_filter: Sequence[str] | None = None,
        session_metadata_filter: dict[str, Any] | None = None,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> UserMemoriesList:
        validation.page(offset, limit, 200)
        wanted = validation.metadata_filter(session_metadata_filter, "session_metadata_filter")
        session_ids = set(session_id_filter or ())

        def work(tx: Tx) -> UserMemoriesList:
            user = tx.user(user_id)
            versions = user.versions()
            found = [version for version in versions.values() if version.expired_at is None]
            if session_ids:
                found = [version for version in found if version.session_id in session_ids]
            if wanted:
                matching = {
                    session.session_id
                    for session in user.scan_sessions()
                    if validation.contains(session.metadata, wanted)
                }
                found = [version for version in found if version.session_id in matching]
            shown = found[offset : offset + limit]
            items = _items(
                user, versions, shown, include_previous_versions, include_connected_memories
            )
            return UserMemoriesList(items, len(found), offset + len(items) < len(found))

        return await self._read(work)

    async def get_memory(
        self,
        user_id: str,
        memory_id: str,
        *,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> UserMemoryItem:
        def work(tx: Tx) -> UserMemoryItem:
            user = tx.user(user_id)
            versions = user.versions()
            shown = [chains.require(versions, memory_id)]
            return _items(
                user, versions, shown, include_previous_versions, include_connected_memories
            )[0]

        return await self._read(work)

    async def delete_memory(
        self, user_id: str, memory_id: str, *, delete_previous_versions: bool = False
    ) -> None:
        def work(tx: Tx) -> None:
            user = tx.user(user_id)
            delete = chains.delete_with_previous if delete_previous_versions else chains.delete
            _apply_edit(user, delete(user.versions(), memory_id))

        await self._delete(work)

    # Merge conflicts

    async def list_merge_conflicts(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 10,
        status: MergeConflictStatus | None = None,
    ) -> Page[MergeConflictModel]:
        validation.page(offset, limit, 100)
        wanted = (
            None if status is None else validation.member(MergeConflictStatus, status, "status")
        )

        def work(tx: Tx) -> Page[MergeConflictModel]:
            found = [
                conflict
                for conflict in tx.user(user_id).merge_conflicts()
                if wanted is None or conflict.status is wanted
            ]
            return _paged(found[offset : offset + limit], len(found), offset)

        return await self._read(work)

    async def get_merge_conflict(self, user_id: str, merge_conflict_id: str) -> MergeConflictModel:
        return await self._read(lambda tx: tx.user(user_id).merge_conflict(merge_conflict_id))

    async def close(self) -> None:
        self._resources.beside.shutdown(wait=False)
        await self._resources.store.close()

    def _metadata(self, value: Metadata | None) -> Metadata:
        return validation.metadata(value, self._resources.settings.max_metadata_bytes)

    async def _read(self, work: Callable[[Tx], T]) -> T:
        return await self._resources.store.read(self._project_id, work)

    async def _delete(self, work: Callable[[Tx], T]) -> T:
        return await self._resources.store.delete(self._project_id, work)

    async def _write(self, work: Callable[[Tx], T]) -> T:
        return await self._resources.store.write(self._project_id, work)


def _paged(items: list[T], total: int, offset: int) -> Page[T]:
    return Page(items, total, offset + len(items) < total)


def _apply_edit(user: UserTx, edit: chains.ChainEdit) -> None:
    revision = user.advance(removed=True)
    for memory_id, previous_id in edit.relinks.items():
        user.relink_memory(memory_id, previous_id, revision)
    for memory_id in edit.revived:
        user.revive_memory(memory_id, revision)
    for memory_id in edit.deleted:
        user.delete_memory(memory_id)


def _items(
    user: UserTx,
    versions: dict[str, MemoryVersion],
    shown: Sequence[MemoryVersion],
    with_previous: bool,
    with_connected: bool,
) -> list[UserMemoryItem]:
    chain = chains.Chains(versions)
    connected = _connected(user, chain) if with_connected else {}
    contested = {
        memory.memory_id
        for conflict in user.merge_conflicts()
        if conflict.status is not MergeConflictStatus.RESOLVED
        for memory in conflict.conflicting_memories
    }
    return [
        UserMemoryItem(
            memory_id=version.memory_id,
            categories=[],
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
        )
        for version in shown
    ]


def _previous(chain: chains.Chains, version: MemoryVersion) -> list[MemoryVersionInfo]:
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


def _connected(user: UserTx, chain: chains.Chains) -> dict[str, list[MemoryRelationship]]:
    found: dict[str, dict[str, MemoryRelationship]] = {}
    for one, other in user.connections_since(0):
        for here, there in ((one, other), (other, one)):
            for end in chain.current_from(here):
                for target in chain.current_from(there):
                    if target.memory_id != end.memory_id:
                        relation = MemoryRelationship(target.memory_id, target.content)
                        found.setdefault(end.memory_id, {})[target.memory_id] = relation
    return {memory_id: list(relations.values()) for memory_id, relations in found.items()}
