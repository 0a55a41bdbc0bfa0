"""Contexts and system prompts on the wire."""

from pydantic import ConfigDict, Field

from hitherto.models import (
    ContextMetadata,
    ContextResponse,
    DateRangeFilterType,
    QueryDateRangeFilter,
    RecallStrategy,
    UnderstoodBy,
)
from hitherto.wire.conversion import Mirror
from hitherto.wire.fields import Instant, WireModel


class DateRangeFilter(Mirror[QueryDateRangeFilter]):
    """A range of dates that the question asks about."""

    filter_type: DateRangeFilterType = Field(description="Which date of a memory it looks at.")
    start_date: Instant | None = Field(description="Its beginning; null for an open one.")
    end_date: Instant | None = Field(description="Its end; null for an open one.")


class RecallMetadata(Mirror[ContextMetadata]):
    """Origin of a context. Without a request for it, only the strategy is set."""

    recall_strategy_used: RecallStrategy = Field(
        description="The strategy that was used; never `auto`."
    )
    memory_ids: list[str] | None = Field(default=None, description="The memories it shows.")
    session_ids: list[str] | None = Field(default=None, description="The sessions it shows.")
    agent_reasoning: str | None = Field(
        default=None, description="How an agentic recall went about it."
    )
    vector_search_queries: list[str] | None = Field(
        default=None, description="What was searched for by meaning."
    )
    keywords: list[str] | None = Field(default=None, description="What was searched for by word.")
    session_summaries_search_queries: list[str] | None = Field(
        default=None, description="What was searched for in summaries."
    )
    date_range_filters: list[DateRangeFilter] | None = Field(
        default=None, description="Ranges of dates that moved the ranking."
    )
    planned_by: UnderstoodBy | None = Field(
        default=None,
        description="What read the question, `rules` or `model`; also told where a model was asked"
        " without being asked for.",
    )
    explored_by: UnderstoodBy | None = Field(
        default=None, description="What explored the memory, for `agentic`; told like `planned_by`."
    )
    fallback_reason: str | None = Field(
        default=None,
        description="Why the rules did what a model was asked to do; null where nothing failed.",
    )


class Context(Mirror[ContextResponse]):
    """Context of a session, or a progress event before it (`is_final` false)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "is_final": True,
                    "context": "# Here are the relevant memories ...",
                    "status_update_message": None,
                    "error_message": None,
                    "metadata": {"recall_strategy_used": "balanced"},
                }
            ]
        }
    )

    is_final: bool = Field(default=False, description="Whether nothing comes after it.")
    context: str | None = Field(default=None, description="The text; null before the last event.")
    status_update_message: str | None = Field(
        default=None, description="What is being done; in events before the last one."
    )
    error_message: str | None = Field(
        default=None, description="What went wrong after the stream had begun."
    )
    metadata: RecallMetadata | None = Field(default=None, description="How it came about.")


class SystemPrompt(WireModel):
    """Instructions for a language model that reads a context."""

    system_prompt: str = Field(description="The prompt, to be put before contexts.")
