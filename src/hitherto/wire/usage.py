"""Budgets, usage and the calls of language models on the wire of the admin API."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field, StrictInt

from hitherto.models import CallOutcome, OverBudget
from hitherto.models import usage as usage_models
from hitherto.settings import MAX_TOKENS_PER_DAY, MAX_USD_PER_DAY
from hitherto.wire.conversion import Mirror, PageEnvelope
from hitherto.wire.fields import Instant

Tokens = Annotated[StrictInt, Field(ge=0, le=MAX_TOKENS_PER_DAY)]
Usd = Annotated[float, Field(ge=0, le=MAX_USD_PER_DAY, strict=True)]


class Budgets(Mirror[usage_models.Budgets]):
    """Limits of model calls per UTC day; null means no limit, or that of the settings."""

    project_tokens_per_day: Tokens | None = Field(
        default=None, description="Tokens, in and out, for all users together."
    )
    project_usd_per_day: Usd | None = Field(
        default=None, description="US dollars for all users together."
    )
    user_tokens_per_day: Tokens | None = Field(
        default=None, description="Tokens, in and out, for each user."
    )
    user_usd_per_day: Usd | None = Field(default=None, description="US dollars for each user.")
    over_budget: OverBudget | None = Field(
        default=None,
        description="Handling of sessions when a budget is spent: `local` processes "
        "them by rules, `wait` sets them to insufficient_balance until "
        "the budget allows it.",
    )


class UpdateBudgets(Budgets):
    """Budgets to set. A missing field stays unchanged; null restores the settings."""

    def sent_fields(self) -> dict[str, Any]:
        """Return the sent fields, null included, as arguments of `update_budgets`."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class ProjectBudgets(Mirror[usage_models.ProjectBudgets]):
    """Budgets of a project, with the spending of its day."""

    own: Budgets = Field(description="Budgets set for the project.")
    effective: Budgets = Field(
        description="Effective budgets, with those of the settings where the project has none."
    )
    tokens_today: int = Field(
        description="Tokens spent since midnight in UTC, or reserved for calls under way."
    )
    usd_today: float = Field(description="US dollars, likewise.")


class UsageCounts(Mirror[usage_models.UsageCounts]):
    """Sums of model calls."""

    calls: int = Field(description="Number of calls.")
    refused_calls: int = Field(
        description="Number of calls that were refused because a budget was spent."
    )
    unpriced_calls: int = Field(
        description="Number of calls without a known price; `usd` does not include them."
    )
    input_tokens: int = Field(description="Input tokens.")
    output_tokens: int = Field(description="Output tokens.")
    cached_tokens: int = Field(description="Input tokens that the provider had cached.")
    usd: float = Field(description="Cost of the calls with a known price, in US dollars.")


class UsageOfTask(Mirror[usage_models.UsageOfTask]):
    """Usage of one model by one task on one UTC day."""

    day: date = Field(description="The day.")
    task: str = Field(description="Task, such as `extraction`.")
    provider: str = Field(description="Provider of the model.")
    model: str = Field(description="Name of the model.")
    counts: UsageCounts = Field(description="Calls, tokens and cost.")


class UsageOfUser(Mirror[usage_models.UsageOfUser]):
    """Usage for one user."""

    user_id: str = Field(description="The id that the application gave.")
    counts: UsageCounts = Field(description="Calls, tokens and cost.")


class Usage(Mirror[usage_models.ModelUsage]):
    """Usage of models by a project or by one of its users."""

    since: date = Field(description="The first of the days, in UTC; the last is today.")
    total: UsageCounts = Field(description="Total of all days.")
    tasks: list[UsageOfTask] = Field(description="By day, newest first, task and model.")
    users: list[UsageOfUser] = Field(
        description="By user, without deleted ones, highest use first."
    )


class ModelCall(Mirror[usage_models.ModelCall]):
    """Model call, without any text of a message."""

    call_id: str = Field(description="The id of the call, a UUID.")
    user_id: str = Field(description="The user's id, as the application gave it.")
    session_id: str | None = Field(
        description="The session that was processed, or that the context is for."
    )
    merge_conflict_id: str | None = Field(description="The merge conflict that was resolved.")
    task: str = Field(description="Task, such as `extraction`.")
    provider: str = Field(description="Provider of the model.")
    model: str = Field(description="Name of the model.")
    prompt_hash: str = Field(description="The version of the prompt.")
    input_tokens: int = Field(description="Input tokens.")
    output_tokens: int = Field(description="Output tokens.")
    cached_tokens: int = Field(description="Input tokens that the provider had cached.")
    usd: float | None = Field(description="Cost in US dollars; null if no price is known.")
    usage_known: bool = Field(
        description="Whether the provider reported the tokens. If false, they are an upper bound."
    )
    ms: int = Field(description="Duration in milliseconds, over all attempts.")
    attempts: int = Field(description="Number of requests.")
    outcome: CallOutcome = Field(description="Outcome of the call.")
    called_at: Instant = Field(description="Start of the call.")


class ModelCallList(PageEnvelope[usage_models.ModelCall]):
    """A page of calls, newest first."""

    calls: list[ModelCall] = Field(description="The calls.")
    total: int = Field(description="Number of items before paging.")
    has_more: bool = Field(description="Whether more follow after this page.")
