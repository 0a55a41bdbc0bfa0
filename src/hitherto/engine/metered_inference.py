"""Inference with budget control: a model until the budget is spent, then rules."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from hitherto.core import spending
from hitherto.engine.ledger import default_budgets
from hitherto.engine.resources import Resources
from hitherto.errors import BudgetSpentError
from hitherto.inference import Inference, LocalInference
from hitherto.inference.ledger import Account, charged_to
from hitherto.models import OverBudget
from hitherto.store import LedgerRows

T = TypeVar("T")


class ChargedInference:
    """Uses the chosen inference until a budget is spent, and the rules after that.

    note: which work the rules did for that reason; None for none.
    """

    def __init__(self, resources: Resources, account: Account, rules: LocalInference) -> None:
        self._resources = resources
        self._account = account
        self._rules = rules
        self._is_begun = False
        self.note: str | None = None

    async def ask(self, question: Callable[[Inference], Awaitable[T]]) -> T:
        """Return an answer, by a model, or by rules once the budget is spent.

        Raises BudgetSpentError if the work should wait for its budget: the project wants that, and
        this attempt paid nothing. Begun work is finished. A session that paid on an earlier day
        falls back to rules instead of waiting again.
        """
        if self.note is None:
            try:
                with charged_to(self._account):
                    answer = await question(self._resources.inference)
            except BudgetSpentError as error:
                if await self._waits():
                    raise
                part = "in part " if self._is_begun else ""
                self.note = f"processed {part}by rules: {error}"
            else:
                self._is_begun = True
                return answer
        return await question(self._rules)

    async def _waits(self) -> bool:
        account, defaults = self._account, default_budgets(self._resources.settings)
        session_id = account.session_id
        if session_id is None or account.merge_conflict_id is not None:
            # A conflict has no status for waiting, and its answers need little inference.
            return False
        today = spending.day_of(self._resources.clock())

        def work(tx: LedgerRows) -> bool:
            budgets = spending.effective(tx.budgets(account.project_id), defaults)
            paid = tx.paid_for(account.user_id, session_id, today)
            is_paid_today = self._is_begun and paid.today > 0
            return budgets.over_budget is OverBudget.WAIT and not is_paid_today and not paid.before

        return await self._resources.store.read(lambda tx: work(tx.ledger))
