"""Ledger of model calls in the store, with reservations in transactions.

So limits hold for concurrent calls of several processes, and counters are true after a crash: a
reservation of a dead process lapses.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hitherto.core import spending
from hitherto.core.spending import Amount, BudgetState
from hitherto.errors import BudgetSpentError, UserNotFoundError
from hitherto.inference.ledger import (
    Account,
    CallUsage,
    FinishedCall,
    PlannedCall,
    Reservation,
    current_account,
)
from hitherto.inference.prices import ListPrices, Prices
from hitherto.models import CallOutcome, OverBudget
from hitherto.models.usage import Budgets, ModelCall
from hitherto.settings import Settings
from hitherto.store import CallRow, LedgerRows, Store

LAPSE_S = 60.0
"""Seconds after a call's time-out for which its room is kept: it may end late, or be slow to say
so."""


@dataclass(frozen=True, slots=True)
class StoreLedger:
    """`inference.Ledger` on a store.

    clock: the present instant, aware, UTC. new_id: an id never given before. prices: None for those
    of the settings and the published ones.
    """

    store: Store
    settings: Settings
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    prices: Prices | None = None
    _prices: Prices = field(init=False)

    def __post_init__(self) -> None:
        prices = self.prices or ListPrices(self.settings.prices)
        # Frozen: this is the one place where a field is set.
        object.__setattr__(self, "_prices", prices)

    async def reserve(self, planned: PlannedCall) -> Reservation:
        account, now = current_account(), self.clock()
        reservation = Reservation(self.new_id(), account, planned, spending.day_of(now), now)
        most = CallUsage(planned.input_tokens, planned.output_tokens)
        cost_nanos = self._prices.cost_nanos(planned.provider, planned.model, most)
        wanted = Amount(planned.input_tokens + planned.output_tokens, cost_nanos or 0)
        expires_at = now + timedelta(seconds=planned.timeout_s + LAPSE_S)
        defaults = default_budgets(self.settings)

        def work(tx: LedgerRows) -> str | None:
            reason = _refusal(tx, account, wanted, defaults, now)
            if reason is None:
                tx.reserve(_row(reservation, None, _NOTHING), wanted, expires_at)
            else:
                tx.record(_row(reservation, None, _REFUSED), self._oldest(now))
            return reason

        reason = await self.store.write(lambda tx: work(tx.ledger))
        if reason is not None:
            again = spending.next_day(now)
            raise BudgetSpentError(f"{reason}; a new day begins at {again:%Y-%m-%d %H:%M} UTC")
        return reservation

    async def settle(self, reservation: Reservation, finished: FinishedCall) -> None:
        planned = reservation.planned
        provider = finished.provider or planned.provider
        model = finished.model or planned.model
        used = finished.usage or CallUsage(planned.input_tokens, planned.output_tokens)
        cost_nanos = self._prices.cost_nanos(provider, model, used)
        row = _row(reservation, cost_nanos, finished)
        oldest = self._oldest(self.clock())
        await self.store.write(lambda tx: tx.ledger.record(row, oldest))

    def _oldest(self, now: datetime) -> str:
        """Return the first day whose calls are kept."""
        return spending.day_of(now - timedelta(days=self.settings.model_calls_kept_days))


_NOTHING = FinishedCall(CallOutcome.OK, CallUsage(), 0.0, 0)
_REFUSED = FinishedCall(CallOutcome.OVER_BUDGET, CallUsage(), 0.0, 0)


def default_budgets(settings: Settings) -> Budgets:
    """Return the budgets of the settings, for projects that set none."""
    return Budgets(
        project_tokens_per_day=settings.project_tokens_per_day,
        project_usd_per_day=settings.project_usd_per_day,
        user_tokens_per_day=settings.user_tokens_per_day,
        user_usd_per_day=settings.user_usd_per_day,
        over_budget=OverBudget(settings.over_budget),
    )


def _refusal(
    tx: LedgerRows, account: Account, wanted: Amount, defaults: Budgets, now: datetime
) -> str | None:
    tx.hold_project(account.project_id)
    if not tx.is_user(account.user_id):
        raise UserNotFoundError("the user was deleted before a model was asked")
    budgets = spending.effective(tx.budgets(account.project_id), defaults)
    day = spending.day_of(now)
    return spending.refusal(
        (
            BudgetState(
                "user",
                spending.of_user(budgets),
                tx.taken_by_user(account.user_id, day, now),
            ),
            BudgetState(
                "project",
                spending.of_project(budgets),
                tx.taken_by_project(account.project_id, day, now),
            ),
        ),
        wanted,
    )


def _row(reservation: Reservation, cost_nanos: int | None, finished: FinishedCall) -> CallRow:
    account, planned = reservation.account, reservation.planned
    used = finished.usage or CallUsage(planned.input_tokens, planned.output_tokens)
    call = ModelCall(
        call_id=reservation.call_id,
        user_id=account.user_id,
        session_id=account.session_id,
        merge_conflict_id=account.merge_conflict_id,
        task=planned.task,
        provider=finished.provider or planned.provider,
        model=finished.model or planned.model,
        prompt_hash=planned.prompt_hash,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cached_tokens=used.cached_tokens,
        usd=None if cost_nanos is None else spending.to_usd(cost_nanos),
        usage_known=finished.usage is not None,
        ms=math.ceil(finished.ms),
        attempts=finished.attempts,
        outcome=finished.outcome,
        called_at=reservation.reserved_at,
    )
    return CallRow(account.project_id, reservation.day, call, cost_nanos)
