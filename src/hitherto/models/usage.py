"""Data classes of budgets and usage of language models.

Frozen and free of behaviour, as those of `models`; money is in US dollars, days are UTC days.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class CallOutcome(StrEnum):
    """Outcome of a model call.

    `REPAIRED`: well-formed after a correction. `MALFORMED`: never well-formed. `OVER_BUDGET`: not
    made, because the day's budget had no room.
    """

    OK = "ok"
    REPAIRED = "repaired"
    MALFORMED = "malformed"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    RATE_LIMITED = "rate_limited"
    FAILED = "failed"
    OVER_BUDGET = "over_budget"


class OverBudget(StrEnum):
    """Treatment of a session when the day's budget is spent.

    `LOCAL`: processed by rules, without a model. `WAIT`: becomes INSUFFICIENT_BALANCE and is
    processed when the budget allows it.
    """

    LOCAL = "local"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Budgets:
    """Limits of a project's model calls per UTC day, in tokens and US dollars.

    project_*: for all users together. user_*: for each user. None: no limit or, for a project's own
    budgets, the limit of the settings; over_budget likewise.
    """

    project_tokens_per_day: int | None = None
    project_usd_per_day: float | None = None
    user_tokens_per_day: int | None = None
    user_usd_per_day: float | None = None
    over_budget: OverBudget | None = None


@dataclass(frozen=True, slots=True)
class ProjectBudgets:
    """Budgets of a project, with the spending of its day.

    own: what was set for the project. effective: together with the settings. tokens_today,
    usd_today: spent since midnight in UTC, and reserved for calls under way.
    """

    own: Budgets
    effective: Budgets
    tokens_today: int
    usd_today: float


@dataclass(frozen=True, slots=True)
class UsageCounts:
    """Sums of model calls.

    calls: those that were made. refused_calls: those that no budget had room for. usd: of the calls
    whose price is known. unpriced_calls: the others. cached_tokens: of the input tokens.
    """

    calls: int = 0
    refused_calls: int = 0
    unpriced_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class UsageOfTask:
    """Usage of one model by one task on one UTC day."""

    day: date
    task: str
    provider: str
    model: str
    counts: UsageCounts


@dataclass(frozen=True, slots=True)
class UsageOfUser:
    """Usage for one user."""

    user_id: str
    counts: UsageCounts


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Usage of models by a project or by one of its users.

    since: the first day. tasks: newest day first; those of a project include deleted users.
    users: existing users, highest usage first.
    """

    since: date
    total: UsageCounts
    tasks: list[UsageOfTask]
    users: list[UsageOfUser]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """Model call in the ledger, without any text of a message.

    session_id: the processed session, or that of the context. prompt_hash: version of the prompt.
    usd: None without a known price. usage_known: false if the provider reported no usage; the
    tokens are then an upper bound. called_at: time of the reservation.
    """

    call_id: str
    user_id: str
    session_id: str | None
    merge_conflict_id: str | None
    task: str
    provider: str
    model: str
    prompt_hash: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    usd: float | None
    usage_known: bool
    ms: int
    attempts: int
    outcome: CallOutcome
    called_at: datetime
