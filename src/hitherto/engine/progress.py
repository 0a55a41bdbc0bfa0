"""Progress of a context, and the metadata of the finished one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time

from hitherto.api import ContextRequest
from hitherto.core.recall.multi_hop import Hop
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.engine.analysis import reasoning_text
from hitherto.inference.exploring.browser import Explored
from hitherto.models import (
    ContextMetadata,
    ContextResponse,
    DateRangeFilterType,
    QueryDateRangeFilter,
    RecallStrategy,
    UnderstoodBy,
)

Report = Callable[[ContextResponse], None]
"""Takes an event on the way to a context, on the thread that makes the context."""


@dataclass(frozen=True, slots=True)
class Found:
    """Size of a ranking with its best memories and sessions."""

    memory_ids: Sequence[str]
    session_ids: Sequence[str]
    memories: int
    summaries: int
    messages: int
    hops: Sequence[Hop]


class Progress:
    """Report the steps of one context, if there is a listener.

    strategy: the one that runs, so never AUTO. Every event with metadata names it.
    """

    def __init__(
        self,
        report: Report | None,
        request: ContextRequest,
        strategy: RecallStrategy,
        plan: QueryPlan,
    ) -> None:
        self._report = report
        self._detailed = request.include_metadata_ids
        self._explored: Explored | None = None
        self._metadata = ContextMetadata(recall_strategy_used=strategy)
        if self._detailed:
            self._metadata = _planned(strategy, plan)
        if self._detailed or plan.planned_by is UnderstoodBy.MODEL or plan.fallback:
            self._metadata = replace(
                self._metadata,
                planned_by=plan.planned_by,
                fallback_reason=plan.fallback or None,
            )
        if plan.planned_by is UnderstoodBy.MODEL:
            self._tell("The model planned the search")
        elif plan.fallback:
            self._tell(f"Rules planned the search: {plan.fallback}")

    @property
    def reports(self) -> bool:
        """Return whether there is a listener."""
        return self._report is not None

    @property
    def strategy(self) -> RecallStrategy:
        """Return the strategy that runs; never AUTO."""
        return self._metadata.recall_strategy_used

    def exploring(self, step: str) -> None:
        """Report a step of an exploring model."""
        self._tell(step)

    def explored(self, explored: Explored | None) -> None:
        """Report the result of an exploration; None if no model explores."""
        self._explored = explored
        if explored is None:
            if self._detailed:
                self._metadata = replace(self._metadata, explored_by=UnderstoodBy.RULES)
            return
        if not explored.failure:
            self._metadata = replace(self._metadata, explored_by=UnderstoodBy.MODEL)
            self._tell(f"The model found {len(explored.findings)} findings")
            return
        reasons = (self._metadata.fallback_reason, explored.failure)
        self._metadata = replace(
            self._metadata,
            explored_by=UnderstoodBy.RULES,
            fallback_reason="; ".join(reason for reason in reasons if reason),
        )
        self._tell(f"Rules explore the memory: {explored.failure}")

    def searching(self, plan: QueryPlan, memories: int, messages: int) -> None:
        """Report the queries, and how much is searched."""
        words = ", ".join(plan.keywords[:8])
        wanted = f" for: {words}" if words else ""
        self._tell(f"Searching {memories:,} memories and {messages:,} messages{wanted}")

    def searching_words_alone(self, reason: str) -> None:
        """Report that the question was not embedded, so only its words are searched."""
        reasons = (self._metadata.fallback_reason, reason)
        self._metadata = replace(
            self._metadata, fallback_reason="; ".join(reason for reason in reasons if reason)
        )
        self._tell("The embedder does not answer; searching by words alone")

    def found(self, found: Found) -> None:
        """Report the results, for each hop if there are several."""
        for number, hop in enumerate(found.hops[1:], start=2):
            self._tell(
                f"Hop {number}: followed {', '.join(hop.terms) or 'nothing new'}; "
                f"{len(hop.found):,} more messages"
            )
        if self._detailed:
            self._metadata = replace(
                self._metadata,
                memory_ids=list(found.memory_ids),
                session_ids=list(found.session_ids),
            )
        self._tell(
            f"Found {found.memories:,} memories, {found.summaries:,} summaries and "
            f"{found.messages:,} messages; writing the context"
        )

    def metadata(
        self, memory_ids: Sequence[str], session_ids: Sequence[str], hops: Sequence[Hop]
    ) -> ContextMetadata:
        """Return the metadata of the context: the ids of what it shows."""
        if not self._detailed:
            return self._metadata
        return replace(
            self._metadata,
            memory_ids=list(memory_ids),
            session_ids=list(session_ids),
            agent_reasoning=self._reasoning(hops)
            if self.strategy is RecallStrategy.AGENTIC
            else None,
        )

    def _reasoning(self, hops: Sequence[Hop]) -> str:
        """Return the model's steps, the rules' hops, or both after a failure of the model."""
        if self._explored is None:
            return reasoning_text(hops)
        lines = [f"Step {n}: {step}" for n, step in enumerate(self._explored.steps, start=1)]
        if self._explored.failure:
            lines += [f"No answer: {self._explored.failure}.", reasoning_text(hops)]
        return "\n".join(lines)

    def _tell(self, message: str) -> None:
        if self._report is not None:
            self._report(
                ContextResponse(
                    is_final=False,
                    context=None,
                    metadata=self._metadata,
                    status_update_message=message,
                )
            )


def _planned(strategy: RecallStrategy, plan: QueryPlan) -> ContextMetadata:
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
