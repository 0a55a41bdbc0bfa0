"""Progress events of one context."""

from collections.abc import Callable, Sequence

from hitherto.core.recall.multi_hop import Hop
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.engine.context_metadata import MetadataBuilder
from hitherto.inference.exploring.browser import Explored
from hitherto.models import ContextResponse, UnderstoodBy

Report = Callable[[ContextResponse], None]
"""Receives an event before the context is finished, on the thread that makes the context."""


class ProgressReporter:
    """Reports the steps of one context, if there is a listener.

    metadata: every event carries what it has collected so far.
    """

    def __init__(self, report: Report | None, metadata: MetadataBuilder) -> None:
        self._report = report
        self._metadata = metadata

    @property
    def has_listener(self) -> bool:
        """Return whether anything is reported."""
        return self._report is not None

    def report_plan(self, plan: QueryPlan) -> None:
        """Report the use of a planning model, or its failure."""
        if plan.planned_by is UnderstoodBy.MODEL:
            self.report_step("The model planned the search")
        elif plan.fallback:
            self.report_step(f"Rules planned the search: {plan.fallback}")

    def report_exploration(self, explored: Explored | None) -> None:
        """Report the result of an exploration; None if no model explores."""
        if explored is None:
            return
        if explored.failure:
            self.report_step(f"Rules explore the memory: {explored.failure}")
        else:
            self.report_step(f"The model found {len(explored.findings)} findings")

    def report_search(self, plan: QueryPlan, memories: int, messages: int) -> None:
        """Report the key words, and the numbers of memories and messages to search."""
        words = ", ".join(plan.keywords[:8])
        purpose = f" for: {words}" if words else ""
        self.report_step(f"Searching {memories:,} memories and {messages:,} messages{purpose}")

    def report_missing_vectors(self) -> None:
        """Report that the question was not embedded, so only its words are searched."""
        self.report_step("The embedder does not answer; searching by words alone")

    def report_hops(self, hops: Sequence[Hop]) -> None:
        """Report each hop after the first search."""
        for number, hop in enumerate(hops[1:], start=2):
            self.report_step(
                f"Hop {number}: followed {', '.join(hop.terms) or 'nothing new'}; "
                f"{len(hop.found_rows):,} more messages"
            )

    def report_results(self, memories: int, summaries: int, messages: int) -> None:
        """Report the numbers of results."""
        self.report_step(
            f"Found {memories:,} memories, {summaries:,} summaries and "
            f"{messages:,} messages; writing the context"
        )

    def report_step(self, message: str) -> None:
        """Report a step in words."""
        if self._report is not None:
            self._report(
                ContextResponse(
                    is_final=False,
                    context=None,
                    metadata=self._metadata.current,
                    status_update_message=message,
                )
            )
