"""Interface of the ledger: reserve before each model call, settle after it.

    async def ask(...):
        reservation = await ledger.reserve(PlannedCall(...))  # raises BudgetSpentError
        try:
            answer = await ...
        finally:
            await ledger.settle(reservation, FinishedCall(...))

The caller that starts the work sets its account (`charged_to`); code that asks a model needs none.
A reservation counts as spent until it is settled, so concurrent calls cannot take the same tokens.
A ledger never gets the text of a message.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hitherto.models import CallOutcome


@dataclass(frozen=True, slots=True)
class Account:
    """Account of a model call; ids are internal.

    session_id, merge_conflict_id: the work in processing, or the session of a context; or None.
    """

    project_id: str
    user_id: str
    session_id: str | None = None
    merge_conflict_id: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A model call before it is made.

    task: `extraction`, `reconciliation`, `resolution`, `planning`, `exploring`, ...
    provider: as its models are named by, `openai`; the host for an address of the user's own, so
        that no price is assumed. model: without the provider, `gpt-5-mini`.
    prompt_hash: the version of the prompt.
    input_tokens, output_tokens: the most that it can take, with all its repairs; see
        `hitherto.core.spending.estimated_tokens`.
    timeout_s: seconds after which it has certainly ended; its reservation expires then.
    """

    task: str
    provider: str
    model: str
    prompt_hash: str
    input_tokens: int
    output_tokens: int
    timeout_s: float = 600.0


@dataclass(frozen=True, slots=True)
class CallUsage:
    """Usage reported by a provider over all attempts. cached_tokens: of the input tokens."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """Outcome of a call.

    usage: None where the provider did not say and may have charged: then all that was reserved
        counts. CallUsage() where it surely charged nothing (a rate limit, no connection).
    ms: from the first attempt to the end of the last one. attempts: requests made.
    model: the one that answered, where it is another than planned (a fallback model); provider too.
    """

    outcome: CallOutcome
    usage: CallUsage | None
    ms: float
    attempts: int = 1
    provider: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Room for one call, to be settled. day: the UTC day that it counts to, `2025-03-14`."""

    call_id: str
    account: Account
    planned: PlannedCall
    day: str
    reserved_at: datetime


class Ledger(Protocol):
    """Budget control and record of model calls."""

    async def reserve(self, planned: PlannedCall) -> Reservation:
        """Reserve the highest cost of a call in the day's budgets of project and user.

        Raises BudgetSpentError if it does not fit; that is recorded, too.
        """
        ...

    async def settle(self, reservation: Reservation, finished: FinishedCall) -> None:
        """Record the usage of a call and release the rest; once per reservation."""
        ...


_account: ContextVar[Account] = ContextVar("hitherto_account")


@contextmanager
def charged_to(account: Account) -> Iterator[None]:
    """Charge model calls in this block, also in its tasks and threads, to an account."""
    token = _account.set(account)
    try:
        yield
    finally:
        _account.reset(token)


def current_account() -> Account:
    """Return the account that calls are charged to.

    Raises LookupError outside `charged_to`, so that no call runs without an account.
    """
    return _account.get()
