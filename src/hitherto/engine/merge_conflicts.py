"""Merge conflicts: list, read, resolve."""

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

from hitherto.api import Page, SortBy, SortOrder
from hitherto.core import arguments
from hitherto.core import conflict_answers as checked
from hitherto.engine.transactions import ProjectTransactions, build_page
from hitherto.errors import ValidationError
from hitherto.models import MergeConflictAnswer, MergeConflictModel, MergeConflictStatus
from hitherto.store import ProjectUsers


class MergeConflicts(ProjectTransactions):
    """List, read and answer merge conflicts."""

    async def list_merge_conflicts(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 10,
        status: MergeConflictStatus | None = None,
        sort_by: SortBy = "created_at",
        sort_order: SortOrder = "desc",
    ) -> Page[MergeConflictModel]:
        arguments.page(offset, limit, 100)
        _one_of(sort_by, "sort_by", SortBy)
        _one_of(sort_order, "sort_order", SortOrder)
        wanted = None if status is None else arguments.member(MergeConflictStatus, status, "status")

        def work(tx: ProjectUsers) -> Page[MergeConflictModel]:
            conflicts = [
                conflict
                for conflict in tx.user(user_id).conflicts.all()
                if wanted is None or conflict.status is wanted
            ]
            ordered = _sort(conflicts, sort_by, descending=sort_order == "desc")
            return build_page(ordered[offset : offset + limit], len(conflicts), offset)

        return await self._read(work)

    async def get_merge_conflict(self, user_id: str, merge_conflict_id: str) -> MergeConflictModel:
        return await self._read(lambda tx: tx.user(user_id).conflicts.get(merge_conflict_id))

    async def resolve_merge_conflict(
        self, user_id: str, merge_conflict_id: str, answers: Sequence[MergeConflictAnswer]
    ) -> MergeConflictModel:
        checked_answers = checked.well_formed(answers, self._resources.settings.max_message_chars)
        now = self._resources.clock()

        def work(tx: ProjectUsers) -> MergeConflictModel:
            user = tx.user(user_id)
            conflict = user.conflicts.get(merge_conflict_id)
            if conflict.status is not MergeConflictStatus.PENDING:
                raise checked.already_resolved(merge_conflict_id)
            checked.check(conflict.clarifying_questions, checked_answers)
            user.conflicts.answer(merge_conflict_id, checked_answers, now)
            return user.conflicts.get(merge_conflict_id)

        conflict = await self._write(work)
        self._resources.work_due.set()
        return conflict


def _one_of(value: object, name: str, literal: object) -> None:
    allowed = get_args(literal)
    if value not in allowed:
        choices = ", ".join(map(repr, allowed))
        raise ValidationError(f"{name} must be one of {choices}, not {value!r}")


def _sort(
    newest_first: Sequence[MergeConflictModel], sort_by: SortBy, *, descending: bool
) -> list[MergeConflictModel]:
    """By one of two dates; those that are not resolved have no `resolved_at` and come last."""
    if sort_by == "created_at":
        return list(newest_first) if descending else list(reversed(newest_first))
    dated: list[tuple[datetime, str, MergeConflictModel]] = []
    undated: list[MergeConflictModel] = []
    for conflict in newest_first:
        if conflict.resolved_at is None:
            undated.append(conflict)
        else:
            dated.append((conflict.resolved_at, conflict.id, conflict))
    dated.sort(key=lambda entry: entry[:2], reverse=descending)
    return [conflict for _, _, conflict in dated] + undated
