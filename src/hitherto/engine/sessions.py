"""Sessions and their messages."""

import asyncio
import builtins
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from hitherto.api import MIN_AUTO_PROCESS_S, UNSET, Page, Unset
from hitherto.core import arguments
from hitherto.core.metadata_filters import MetadataFilter
from hitherto.engine.session_deletion import SessionDeletion
from hitherto.engine.transactions import ProjectTransactions, build_page, page_of, within_deadline
from hitherto.errors import TimeoutError
from hitherto.models import (
    DeletionReport,
    MessageRole,
    Metadata,
    SessionMessagesList,
    SessionModel,
    SessionStatus,
    UserMessagesList,
)
from hitherto.store import ProjectUsers


class Sessions(ProjectTransactions):
    """Sessions, messages, and setting the processing of them going."""

    async def create_session(
        self,
        user_id: str,
        *,
        metadata: Metadata | None = None,
        auto_process_after_seconds: int | None = MIN_AUTO_PROCESS_S,
        custom_created_at_utc: datetime | None = None,
        timezone: str | None = None,
        idempotency_key: str | None = None,
    ) -> SessionModel:
        checked_metadata = self._metadata(metadata)
        wait_s = arguments.auto_process_after_s(auto_process_after_seconds)
        created_at = arguments.utc_instant(custom_created_at_utc, "custom_created_at_utc")
        zone = arguments.optional_timezone(timezone)
        key = arguments.idempotency_key(idempotency_key)
        now, session_id = self._resources.clock(), self._resources.new_id()

        def work(tx: ProjectUsers) -> SessionModel:
            user = tx.user(user_id)
            if key is not None:
                existing = user.sessions.find_repeated(
                    key, checked_metadata, created_at, wait_s, zone
                )
                if existing is not None:
                    return existing
            user.touch(now)
            return user.sessions.create(
                session_id, checked_metadata, created_at, wait_s, now, key, zone
            )

        return await self._write(work)

    async def get_session(
        self,
        user_id: str,
        session_id: str,
        *,
        include_summary: bool = False,
        include_memories: bool = False,
    ) -> SessionModel:
        def work(tx: ProjectUsers) -> SessionModel:
            user = tx.user(user_id)
            session = user.sessions.get(session_id)
            if include_summary:
                session = replace(session, session_summary=user.summaries.get(session_id))
            if include_memories:
                session = replace(session, memories=user.memories.of_session(session_id))
            return session

        return await self._read(work)

    async def list_sessions(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 10,
        metadata_filter: dict[str, Any] | None = None,
        status_filter: Sequence[SessionStatus] | None = None,
    ) -> Page[SessionModel]:
        arguments.page(offset, limit, 100)
        wanted = MetadataFilter(metadata_filter, "metadata_filter")
        statuses = {
            arguments.member(SessionStatus, status, "status_filter")
            for status in status_filter or ()
        }

        def work(tx: ProjectUsers) -> Page[SessionModel]:
            user = tx.user(user_id)
            if not wanted and not statuses:
                return build_page(user.sessions.page(offset, limit), user.sessions.count(), offset)
            matches = (
                session
                for session in within_deadline(user.sessions.scan(), "sessions")
                if (not statuses or session.status in statuses) and wanted.matches(session.metadata)
            )
            return page_of(matches, offset, limit)

        return await self._read(work)

    async def update_session(
        self,
        user_id: str,
        session_id: str,
        new_metadata: Metadata | None = None,
        *,
        timezone: str | Unset | None = UNSET,
    ) -> SessionModel:
        checked_metadata = None if new_metadata is None else self._metadata(new_metadata)
        if not isinstance(timezone, Unset):
            arguments.optional_timezone(timezone)
        if checked_metadata is None and isinstance(timezone, Unset):
            return await self.get_session(user_id, session_id)
        return await self._write(
            lambda tx: tx.user(user_id).sessions.update(session_id, checked_metadata, timezone)
        )

    async def delete_session(self, user_id: str, session_id: str) -> DeletionReport:
        deletion = SessionDeletion(self._resources, self._project_id)
        report = await deletion.delete_session(user_id, session_id)
        self._resources.work_done.set()
        self._resources.work_due.set()
        return report

    async def add_message(
        self,
        user_id: str,
        session_id: str,
        role: MessageRole,
        content: str,
        *,
        idempotency_key: str | None = None,
    ) -> None:
        kept_role = arguments.role(role)
        arguments.content(content, self._resources.settings.max_message_chars)
        key = arguments.idempotency_key(idempotency_key)
        now = self._resources.clock()

        def work(tx: ProjectUsers) -> None:
            user = tx.user(user_id)
            if key is not None and user.messages.is_repeated(session_id, key, kept_role, content):
                return
            user.messages.add(session_id, kept_role, content, now, key)
            user.touch(now)

        await self._write(work)

    async def get_messages(
        self, user_id: str, session_id: str, *, offset: int = 0, limit: int = 50
    ) -> SessionMessagesList:
        arguments.page(offset, limit, 500)

        def work(tx: ProjectUsers) -> SessionMessagesList:
            user = tx.user(user_id)
            total = user.messages.count(session_id)
            messages = user.messages.page(session_id, offset, limit)
            return SessionMessagesList(messages, total, offset + len(messages) < total)

        return await self._read(work)

    async def get_last_n_messages(self, user_id: str, n: int) -> UserMessagesList:
        arguments.whole(n, "n", 1, 100)
        return await self._read(lambda tx: UserMessagesList(tx.user(user_id).messages.latest(n)))

    async def process(self, user_id: str, session_id: str) -> SessionModel:
        now = self._resources.clock()
        session = await self._write(lambda tx: tx.user(user_id).sessions.make_due(session_id, now))
        self._resources.work_due.set()
        return session

    async def wait_until_processed(self, *, timeout_s: float | None = None) -> None:
        async def wait_for_all() -> None:
            while await self._resources.store.read(
                lambda tx: tx.jobs.count_unprocessed(self._resources.clock())
            ):
                await self._resources.work_done.wait(self._resources.settings.poll_interval_s)

        try:
            async with asyncio.timeout(timeout_s):
                await wait_for_all()
        except builtins.TimeoutError as error:
            raise TimeoutError(
                f"sessions were still being processed after {timeout_s} s; "
                "wait longer, or read their status"
            ) from error
