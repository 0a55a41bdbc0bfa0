"""Users: create, read, list, update, delete."""

from dataclasses import replace
from typing import Any

from hitherto.api import UNSET, Page, Unset
from hitherto.core import arguments
from hitherto.core.metadata_filters import MetadataFilter
from hitherto.engine.transactions import ProjectTransactions, build_page, page_of, within_deadline
from hitherto.models import DeletionReport, Metadata, UserModel
from hitherto.store import ProjectUsers


class Users(ProjectTransactions):
    """Create, read, list, change and delete users."""

    async def create_user(
        self,
        user_id: str,
        *,
        metadata: Metadata | None = None,
        merge_conflict_enabled: bool | None = None,
        timezone: str | None = None,
        idempotency_key: str | None = None,
    ) -> UserModel:
        arguments.user_id(user_id)
        checked_metadata = self._metadata(metadata)
        flag = arguments.optional_flag(merge_conflict_enabled, "merge_conflict_enabled")
        zone = arguments.optional_timezone(timezone)
        key = arguments.idempotency_key(idempotency_key)
        now, internal_id = self._resources.clock(), self._resources.new_id()
        return await self._write(
            lambda tx: tx.create_user(internal_id, user_id, checked_metadata, flag, now, key, zone)
        )

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
        arguments.page(offset, limit, 100)
        wanted = MetadataFilter(metadata_filter, "metadata_filter")
        part = arguments.text(
            partial_user_id or "", "partial_user_id", arguments.MAX_ID_CHARS
        ).casefold()

        def work(tx: ProjectUsers) -> Page[UserModel]:
            if not wanted and not part:
                return build_page(tx.page_users(offset, limit), tx.count_users(), offset)
            matches = (
                user
                for user in within_deadline(tx.scan_users(), "users")
                if part in user.user_id.casefold() and wanted.matches(user.metadata)
            )
            return page_of(matches, offset, limit)

        return await self._read(work)

    async def update_user(
        self,
        user_id: str,
        *,
        new_metadata: Metadata | None = None,
        new_user_id: str | None = None,
        merge_conflict_enabled: bool | Unset | None = UNSET,
        timezone: str | Unset | None = UNSET,
    ) -> UserModel:
        if new_user_id is not None:
            arguments.user_id(new_user_id)
        checked_metadata = None if new_metadata is None else self._metadata(new_metadata)
        if not isinstance(merge_conflict_enabled, Unset):
            arguments.optional_flag(merge_conflict_enabled, "merge_conflict_enabled")
        if not isinstance(timezone, Unset):
            arguments.optional_timezone(timezone)

        def work(tx: ProjectUsers) -> UserModel:
            user = tx.user(user_id)
            flag = merge_conflict_enabled
            return tx.update_user(
                user,
                user_id if new_user_id is None else new_user_id,
                user.model.metadata if checked_metadata is None else checked_metadata,
                user.model.merge_conflict_enabled if isinstance(flag, Unset) else flag,
                user.model.timezone if isinstance(timezone, Unset) else timezone,
            )

        return await self._write(work)

    async def delete_user(self, user_id: str) -> DeletionReport:
        now = self._resources.clock()

        def work(tx: ProjectUsers) -> tuple[str, DeletionReport]:
            user = tx.user(user_id)
            report = user.contents(None, now)
            user.delete()
            return user.user_id, report

        async with self._resources.write_shares.use(self._project_id):
            (internal_id, report), pending = await self._resources.store.delete(
                lambda tx: work(tx.users(self._project_id))
            )
        self._resources.forget([internal_id])
        self._resources.work_done.set()
        return replace(report, pending=pending)
