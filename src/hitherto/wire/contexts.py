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

    filter_type: DateRangeFilterType = Field(description="Date of a memory that is compared.")
    start_date: Instant | None = Field(description="Start of the range; null if it has none.")
    end_date: Instant | None = Field(description="End of the range; null if it has none.")


class RecallMetadata(Mirror[ContextMetadata]):
    """Origin of a context. Without a request for it, only the strategy is set."""

    recall_strategy_used: RecallStrategy = Field(
        description="The strategy that was used; never `auto`."
    )
    memory_ids: list[str] | None = Field(default=None, description="The memories it shows.")
    session_ids: list[str] | None = Field(default=None, description="The sessions it shows.")
    agent_reasoning: str | None = Field(default=None, description="Steps of an agentic recall.")
    vector_search_queries: list[str] | None = Field(
        default=None, description="Queries of the vector search."
    )
    keywords: list[str] | None = Field(default=None, description="Keywords of the lexical search.")
    session_summaries_search_queries: list[str] | None = Field(
        default=None, description="Queries of the search in summaries."
    )
    date_range_filters: list[DateRangeFilter] | None = Field(
        default=None, description="Date ranges that changed the ranking."
    )
    planned_by: UnderstoodBy | None = Field(
        default=None,
        description="What planned the search, `rules` or `model`; also set, without "
        "details, if a model was asked.",
    )
    explored_by: UnderstoodBy | None = Field(
        default=None, description="What explored the memory, for `agentic`; set like `planned_by`."
    )
    fallback_reason: str | None = Field(
        default=None,
        description="Why rules replaced a model; null if nothing failed.",
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

    is_final: bool = Field(default=False, description="Whether this is the last event.")
    context: str | None = Field(default=None, description="The text; null before the last event.")
    status_update_message: str | None = Field(
        default=None, description="The current step, in events before the last one."
    )
    error_message: str | None = Field(
        default=None, description="Error after the start of the stream."
    )
    metadata: RecallMetadata | None = Field(default=None, description="Details on the recall.")


class SystemPrompt(WireModel):
    """Instructions for a language model that reads a context."""

    system_prompt: str = Field(description="The prompt, to put before contexts.")
