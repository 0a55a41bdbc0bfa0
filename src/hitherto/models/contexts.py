"""Contexts, and how they came about."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RecallStrategy(StrEnum):
    """How much work recall may do for one context."""

    LOW_LATENCY = "low_latency"
    BALANCED = "balanced"
    AGENTIC = "agentic"
    AUTO = "auto"


class DateRangeFilterType(StrEnum):
    """Which date of a memory a range looks at: when it happened, or when it was said."""

    EVENT_DATE = "event_date"
    CREATED_AT = "created_at"


class UnderstoodBy(StrEnum):
    """What read a question or explored a memory: the rules, or a language model."""

    RULES = "rules"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class QueryDateRangeFilter:
    """A range of dates that a question asks about; it moves ranks, it never hides an answer."""

    filter_type: DateRangeFilterType
    start_date: datetime | None
    end_date: datetime | None


@dataclass(frozen=True, slots=True)
class ContextMetadata:
    """How a context came about.

    planned_by, explored_by: what read the question, and, for AGENTIC, what explored the memory.
    fallback_reason: why the rules did what a model was asked to do; None where nothing failed.
    """

    recall_strategy_used: RecallStrategy
    memory_ids: list[str] | None = None
    session_ids: list[str] | None = None
    agent_reasoning: str | None = None
    vector_search_queries: list[str] | None = None
    keywords: list[str] | None = None
    session_summaries_search_queries: list[str] | None = None
    date_range_filters: list[QueryDateRangeFilter] | None = None
    planned_by: UnderstoodBy | None = None
    explored_by: UnderstoodBy | None = None
    fallback_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ContextResponse:
    """The context of a session, or one event on the way to it (`is_final` false)."""

    is_final: bool
    context: str | None
    metadata: ContextMetadata | None = None
    status_update_message: str | None = None
    error_message: str | None = None
