"""Administration of budgets, and usage of models."""

from dataclasses import replace
from datetime import date
from typing import Any

from hitherto.api import UNSET, Page, Unset
from hitherto.core import arguments, spending
from hitherto.engine.ledger import default_budgets
from hitherto.engine.resources import Resources
from hitherto.models import OverBudget
from hitherto.models.usage import (
    ModelCall,
    ModelUsage,
    ProjectBudgets,
    UsageCounts,
    UsageOfTask,
    UsageOfUser,
)
from hitherto.settings import MAX_TOKENS_PER_DAY, MAX_USD_PER_DAY
from hitherto.store import LedgerRows

MAX_DAYS = 366
USERS = 1_000
"""Maximum users that are listed; totals include all users."""


class UsageAdmin:
    """Budgets and model calls, a part of `AdminApi`."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def get_budgets(self, project_id: str) -> ProjectBudgets:
        return await self._resources.store.read(lambda tx: self._budgets(tx.ledger, project_id))

    async def update_budgets(
        self,
        project_id: str,
        *,
        project_tokens_per_day: int | Unset | None = UNSET,
        project_usd_per_day: float | Unset | None = UNSET,
        user_tokens_per_day: int | Unset | None = UNSET,
        user_usd_per_day: float | Unset | None = UNSET,
        over_budget: OverBudget | Unset | None = UNSET,
    ) -> ProjectBudgets:
        arguments_by_name = {
            "project_tokens_per_day": _tokens(project_tokens_per_day, "project_tokens_per_day"),
            "project_usd_per_day": _usd(project_usd_per_day, "project_usd_per_day"),
            "user_tokens_per_day": _tokens(user_tokens_per_day, "user_tokens_per_day"),
            "user_usd_per_day": _usd(user_usd_per_day, "user_usd_per_day"),
            "over_budget": _over_budget(over_budget),
        }
        changed: dict[str, Any] = {
            name: value for name, value in arguments_by_name.items() if not isinstance(value, Unset)
        }
        now = self._resources.clock()

        def work(tx: LedgerRows) -> ProjectBudgets:
            tx.require_project(project_id)
            tx.replace_budgets(project_id, replace(tx.budgets(project_id), **changed))
            # Each session checks the new budget when it is processed.
            tx.resume_waiting(project_id, now)
            return self._budgets(tx, project_id)

        budgets = await self._resources.store.write(lambda tx: work(tx.ledger))
        self._resources.work_due.set()
        return budgets

    async def usage(
        self, project_id: str, *, days: int = 30, user_id: str | None = None
    ) -> ModelUsage:
        since = spending.days_back(
            self._resources.clock(), arguments.whole(days, "days", 1, MAX_DAYS)
        )

        def work(tx: LedgerRows) -> ModelUsage:
            tx.require_project(project_id)
            if user_id is None:
                tasks = tx.project_usage(project_id, since)
                users = tx.users_usage(project_id, since, USERS)
            else:
                tasks = tx.user_usage(tx.user(project_id, user_id), since)
                users = [UsageOfUser(user_id, _total(tasks))] if tasks else []
            return ModelUsage(date.fromisoformat(since), _total(tasks), tasks, users)

        return await self._resources.store.read(lambda tx: work(tx.ledger))

    async def list_model_calls(
        self,
        project_id: str,
        *,
        user_id: str | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Page[ModelCall]:
        arguments.page(offset, limit, 500)

        def work(tx: LedgerRows) -> tuple[list[ModelCall], int]:
            tx.require_project(project_id)
            if user_id is None:
                return tx.project_calls(project_id, offset, limit)
            return tx.user_calls(tx.user(project_id, user_id), offset, limit)

        calls, total = await self._resources.store.read(lambda tx: work(tx.ledger))
        return Page(calls, total, offset + len(calls) < total)

    def _budgets(self, tx: LedgerRows, project_id: str) -> ProjectBudgets:
        tx.require_project(project_id)
        own, now = tx.budgets(project_id), self._resources.clock()
        taken = tx.taken_by_project(project_id, spending.day_of(now), now)
        return ProjectBudgets(
            own=own,
            effective=spending.effective(own, default_budgets(self._resources.settings)),
            tokens_today=taken.tokens,
            usd_today=spending.to_usd(taken.cost_nanos),
        )


def _tokens(value: object, name: str) -> int | Unset | None:
    if value is None or isinstance(value, Unset):
        return value
    return arguments.whole(value, name, 0, MAX_TOKENS_PER_DAY)


def _usd(value: object, name: str) -> float | Unset | None:
    if value is None or isinstance(value, Unset):
        return value
    return arguments.number(value, name, 0, MAX_USD_PER_DAY)


def _over_budget(value: object) -> OverBudget | Unset | None:
    if value is None or isinstance(value, Unset):
        return value
    return arguments.member(OverBudget, value, "over_budget")


def _total(tasks: list[UsageOfTask]) -> UsageCounts:
    counts = [task.counts for task in tasks]
    return UsageCounts(
        calls=sum(count.calls for count in counts),
        refused_calls=sum(count.refused_calls for count in counts),
        unpriced_calls=sum(count.unpriced_calls for count in counts),
        input_tokens=sum(count.input_tokens for count in counts),
        output_tokens=sum(count.output_tokens for count in counts),
        cached_tokens=sum(count.cached_tokens for count in counts),
        usd=spending.to_usd(sum(spending.to_nanos(count.usd) for count in counts)),
    )
