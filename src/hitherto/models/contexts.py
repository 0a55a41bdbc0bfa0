"""Contexts, and how they came about."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RecallStrategy(StrEnum):
    """Amount of work that recall may do for one context."""

    LOW_LATENCY = "low_latency"
    BALANCED = "balanced"
    AGENTIC = "agentic"
    AUTO = "auto"


class DateRangeFilterType(StrEnum):
    """Date of a memory that a range refers to: the event, or the statement."""

    EVENT_DATE = "event_date"
    CREATED_AT = "created_at"


class UnderstoodBy(StrEnum):
    """Reader of a question or explorer of a memory: rules, or a language model."""

    RULES = "rules"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class QueryDateRangeFilter:
    """Range of dates in a question; it changes ranks and never hides a result."""

    filter_type: DateRangeFilterType
    start_date: datetime | None
    end_date: datetime | None


@dataclass(frozen=True, slots=True)
class ContextMetadata:
    """Origin of a context.

    planned_by, explored_by: reader of the question and, for AGENTIC, explorer of the memory.
    fallback_reason: why rules replaced a model; None without a failure.
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
    """Context of a session, or a progress event before it (`is_final` false)."""

    is_final: bool
    context: str | None
    metadata: ContextMetadata | None = None
    status_update_message: str | None = None
    error_message: str | None = None
