"""The nouns of what language models may take and of what they took.

Frozen and free of behaviour, as those of `models`; money is in US dollars, days are UTC days.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class CallOutcome(StrEnum):
    """How a call of a language model ended.

    `REPAIRED`: answered in form after it was told what was wrong. `MALFORMED`: never in form.
    `OVER_BUDGET`: not made, because the day's budget had no room for it.
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
    """What happens to a session when the day's budget is spent.

    `LOCAL`: it is processed by rules, without a model. `WAIT`: it becomes INSUFFICIENT_BALANCE and
    is processed when the budget allows it.
    """

    LOCAL = "local"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Budgets:
    """What the model calls of a project may take in a UTC day, in tokens and in US dollars.

    project_*: of all its users together. user_*: of each of them. None is without limit or, for
    a project's own budgets, the limit of the settings; over_budget likewise.
    """

    project_tokens_per_day: int | None = None
    project_usd_per_day: float | None = None
    user_tokens_per_day: int | None = None
    user_usd_per_day: float | None = None
    over_budget: OverBudget | None = None


@dataclass(frozen=True, slots=True)
class ProjectBudgets:
    """The budgets of a project, and how its day stands.

    own: what was set for the project. effective: together with the settings. tokens_today,
    usd_today: spent since midnight in UTC, and reserved for calls under way.
    """

    own: Budgets
    effective: Budgets
    tokens_today: int
    usd_today: float


@dataclass(frozen=True, slots=True)
class UsageCounts:
    """What model calls took together.

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
    """What one task took from one model on one UTC day."""

    day: date
    task: str
    provider: str
    model: str
    counts: UsageCounts


@dataclass(frozen=True, slots=True)
class UsageOfUser:
    """What was done for one user."""

    user_id: str
    counts: UsageCounts


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What the model calls of a project, or of one of its users, took.

    since: the first of the days. tasks: newest day first; deleted users are in those of a project.
    users: who is there now, the one who took most first.
    """

    since: date
    total: UsageCounts
    tasks: list[UsageOfTask]
    users: list[UsageOfUser]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call of a language model, as the ledger keeps it: no text of a message stands in it.

    session_id: that was processed, or whose context was made. prompt_hash: the prompt's version.
    usd: None where no price is known. usage_known: false where the provider did not say what it
    counted; the tokens are then those that it may have taken. called_at: when room was asked for.
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
