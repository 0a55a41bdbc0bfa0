"""The agentic answer without a model: what a bounded search found, and how it went about it."""

from collections.abc import Sequence

from recollect.core import fence
from recollect.core.context import Analysis, ContextParts
from recollect.core.exploration import Hop
from recollect.core.query import QueryPlan
from recollect.core.timestamps import event_days

FINDINGS = 12
"""Memories listed as findings; excerpts below carry the rest."""


def analysis_of(parts: ContextParts, plan: QueryPlan) -> Analysis:
    """Markdown with the findings, how they changed, and what was not found.

    Only statements that are held in memory are listed; nothing is concluded from them.
    """
    if not parts.memories and not parts.excerpts:
        return Analysis("## Key Findings\nNothing about this was found in memory.")
    lines = ["## Key Findings"]
    cited = []
    for memory in parts.memories[:FINDINGS]:
        newest = memory.history[0]
        days = event_days(newest.event_date_start, newest.event_date_end, join_same=True)
        cited.append((len(lines), newest.memory_id))
        lines.append(f"- {fence.paragraph(newest.content)} (event date: {days})")
    if not parts.memories:
        lines.append("No memory matches; the excerpts below are all that was found.")
    changed = [memory for memory in parts.memories[:FINDINGS] if len(memory.history) > 1]
    if changed:
        lines += ["", "## Memory Evolution & Version History"]
        for memory in changed:
            steps = " → ".join(
                fence.paragraph(version.content) for version in reversed(memory.history)
            )
            lines.append(f"- {steps}")
    if plan.counting:
        lines += [
            "",
            "## How to count",
            "Every instance that was found is listed above or in the excerpts below; "
            "the same event may be told more than once.",
        ]
    return Analysis("\n".join(lines), tuple(cited))


def reasoning_text(hops: Sequence[Hop]) -> str:
    """How the search went, hop by hop."""
    return "\n".join(
        f"Hop {number}: searched for {', '.join(hop.terms) or 'the question itself'}; "
        f"{len(hop.found)} new messages."
        for number, hop in enumerate(hops, start=1)
    )
