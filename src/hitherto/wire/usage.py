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
        description="What happens to a session when a budget is spent: `local` processes it by "
        "rules, `wait` sets it to insufficient_balance until the budget allows it.",
    )


class UpdateBudgets(Budgets):
    """Budgets to set. A missing field stays unchanged; null restores the settings."""

    def given(self) -> dict[str, Any]:
        """Return the sent fields, null included, as arguments of `update_budgets`."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class ProjectBudgets(Mirror[usage_models.ProjectBudgets]):
    """Budgets of a project, with the spending of its day."""

    own: Budgets = Field(description="What was set for the project.")
    effective: Budgets = Field(description="What holds, together with the settings.")
    tokens_today: int = Field(
        description="Tokens spent since midnight in UTC, or reserved for calls under way."
    )
    usd_today: float = Field(description="US dollars, likewise.")


class UsageCounts(Mirror[usage_models.UsageCounts]):
    """Sums of model calls."""

    calls: int = Field(description="Calls that were made.")
    refused_calls: int = Field(description="Calls that were not made, as a budget was spent.")
    unpriced_calls: int = Field(description="Calls without a known price, not counted in `usd`.")
    input_tokens: int = Field(description="Tokens sent.")
    output_tokens: int = Field(description="Tokens answered.")
    cached_tokens: int = Field(description="Tokens sent that the provider had kept.")
    usd: float = Field(description="What the calls with a known price cost, in US dollars.")


class UsageOfTask(Mirror[usage_models.UsageOfTask]):
    """Usage of one model by one task on one UTC day."""

    day: date = Field(description="The day.")
    task: str = Field(description="What was asked, such as `extraction`.")
    provider: str = Field(description="Whose model it is.")
    model: str = Field(description="Its name.")
    counts: UsageCounts = Field(description="What it took.")


class UsageOfUser(Mirror[usage_models.UsageOfUser]):
    """Usage for one user."""

    user_id: str = Field(description="The id that the application gave.")
    counts: UsageCounts = Field(description="What it took.")


class Usage(Mirror[usage_models.ModelUsage]):
    """Usage of models by a project or by one of its users."""

    since: date = Field(description="The first of the days, in UTC; the last is today.")
    total: UsageCounts = Field(description="All of it.")
    tasks: list[UsageOfTask] = Field(description="By day, newest first, task and model.")
    users: list[UsageOfUser] = Field(
        description="By user, of those that are there now; the one who took most first."
    )


class ModelCall(Mirror[usage_models.ModelCall]):
    """Model call, without any text of a message."""

    call_id: str = Field(description="The id of the call, a UUID.")
    user_id: str = Field(description="For whom, by the id that the application gave.")
    session_id: str | None = Field(
        description="The session that was processed, or whose context was made."
    )
    merge_conflict_id: str | None = Field(description="The merge conflict that was settled.")
    task: str = Field(description="What was asked, such as `extraction`.")
    provider: str = Field(description="Whose model it is.")
    model: str = Field(description="Its name.")
    prompt_hash: str = Field(description="The version of the prompt.")
    input_tokens: int = Field(description="Tokens sent.")
    output_tokens: int = Field(description="Tokens answered.")
    cached_tokens: int = Field(description="Tokens sent that the provider had kept.")
    usd: float | None = Field(description="US dollars; null where no price is known.")
    usage_known: bool = Field(
        description="False where the provider did not say what it counted; the tokens are then "
        "those that the call may have taken."
    )
    ms: int = Field(description="Milliseconds, over all attempts.")
    attempts: int = Field(description="Requests that were made.")
    outcome: CallOutcome = Field(description="How it ended.")
    called_at: Instant = Field(description="When it began.")


class ModelCallList(PageEnvelope[usage_models.ModelCall]):
    """A page of calls, newest first."""

    calls: list[ModelCall] = Field(description="The calls.")
    total: int = Field(description="How many there are.")
    has_more: bool = Field(description="Whether there are any after these.")
