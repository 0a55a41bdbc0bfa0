"""Metadata of one context, recorded while it is made."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time

from hitherto.core.recall.multi_hop import Hop
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.engine.analysis import reasoning_text
from hitherto.inference.exploring.browser import Explored
from hitherto.models import (
    ContextMetadata,
    DateRangeFilterType,
    QueryDateRangeFilter,
    RecallStrategy,
    UnderstoodBy,
)


class MetadataBuilder:
    """Collects the metadata of a context.

    strategy: the one that runs, so never AUTO. is_detailed: whether the caller asked for ids,
    queries and reasoning.
    """

    def __init__(self, strategy: RecallStrategy, plan: QueryPlan, *, is_detailed: bool) -> None:
        self._is_detailed = is_detailed
        self._explored: Explored | None = None
        self._metadata = ContextMetadata(recall_strategy_used=strategy)
        if is_detailed:
            self._metadata = _plan_metadata(strategy, plan)
        if is_detailed or plan.planned_by is UnderstoodBy.MODEL or plan.fallback:
            self._metadata = replace(
                self._metadata,
                planned_by=plan.planned_by,
                fallback_reason=plan.fallback or None,
            )

    @property
    def current(self) -> ContextMetadata:
        """Metadata as far as it is known."""
        return self._metadata

    def record_exploration(self, explored: Explored | None) -> None:
        """Record the result of an exploration; None if no model explores."""
        self._explored = explored
        if explored is None:
            if self._is_detailed:
                self._metadata = replace(self._metadata, explored_by=UnderstoodBy.RULES)
        elif explored.failure:
            self._metadata = replace(self._metadata, explored_by=UnderstoodBy.RULES)
            self.add_fallback_reason(explored.failure)
        else:
            self._metadata = replace(self._metadata, explored_by=UnderstoodBy.MODEL)

    def add_fallback_reason(self, reason: str) -> None:
        """Add the reason for a fallback to earlier ones."""
        reasons = [text for text in (self._metadata.fallback_reason, reason) if text]
        self._metadata = replace(self._metadata, fallback_reason="; ".join(reasons))

    def record_results(self, memory_ids: Sequence[str], session_ids: Sequence[str]) -> None:
        """Record the ids of memories and sessions, if the caller asked for details."""
        if self._is_detailed:
            self._metadata = replace(
                self._metadata, memory_ids=list(memory_ids), session_ids=list(session_ids)
            )

    def finish(
        self, memory_ids: Sequence[str], session_ids: Sequence[str], hops: Sequence[Hop]
    ) -> ContextMetadata:
        """Return the metadata of the finished context. The ids are those of its content."""
        self.record_results(memory_ids, session_ids)
        if self._is_detailed and self._metadata.recall_strategy_used is RecallStrategy.AGENTIC:
            return replace(self._metadata, agent_reasoning=self._reasoning(hops))
        return self._metadata

    def _reasoning(self, hops: Sequence[Hop]) -> str:
        """Return the model's steps, the rules' hops, or both after a failure of the model."""
        if self._explored is None:
            return reasoning_text(hops)
        lines = [f"Step {n}: {step}" for n, step in enumerate(self._explored.steps, start=1)]
        if self._explored.failure:
            lines += [f"No answer: {self._explored.failure}.", reasoning_text(hops)]
        return "\n".join(lines)


def _plan_metadata(strategy: RecallStrategy, plan: QueryPlan) -> ContextMetadata:
    return ContextMetadata(
        recall_strategy_used=strategy,
        vector_search_queries=list(plan.dense_queries),
        keywords=list(plan.keywords),
        session_summaries_search_queries=list(plan.summary_queries or plan.dense_queries),
        date_range_filters=[
            QueryDateRangeFilter(
                DateRangeFilterType.EVENT_DATE,
                datetime.combine(days.first, time.min, UTC),
                datetime.combine(days.last, time.max, UTC),
            )
            for days in plan.dates
        ],
    )
