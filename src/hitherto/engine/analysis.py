"""Text of the agentic analysis: findings with their evidence, from a model or from rules."""

from collections.abc import Sequence

from hitherto.core.context import fence
from hitherto.core.context.recalled_data import Analysis, ContextParts
from hitherto.core.context.said_by import origin
from hitherto.core.dates.formatting import event_days
from hitherto.core.recall.multi_hop import Hop
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.inference.exploring.browser import Explored, Fact, ItemKind

FINDINGS = 12
"""Maximum memories listed as findings; the excerpts below have the rest."""


def analysis_of(parts: ContextParts, plan: QueryPlan) -> Analysis:
    """Return Markdown with the findings, their changes, and the gaps.

    Only remembered statements are listed; no conclusions are drawn.
    """
    if not parts.memories and not parts.excerpts:
        return Analysis("## Key Findings\nNothing about this was found in memory.")
    lines = ["## Key Findings"]
    cited = []
    for memory in parts.memories[:FINDINGS]:
        newest = memory.history[0]
        days = event_days(newest.event_date_start, newest.event_date_end, join_same=True)
        cited.append((len(lines), newest.memory_id))
        lines.append(f"- {fence.paragraph(newest.content)}{origin(newest)} (event date: {days})")
    if not parts.memories:
        lines.append("No memory matches; the excerpts below are all that was found.")
    changed = [memory for memory in parts.memories[:FINDINGS] if len(memory.history) > 1]
    if changed:
        lines += ["", "## Memory Evolution & Version History"]
        for memory in changed:
            steps = " → ".join(
                f"{fence.paragraph(version.content)}{origin(version)}"
                for version in reversed(memory.history)
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


def explored_analysis(explored: Explored) -> Analysis:
    """Return Markdown with a model's findings, each above the quotations that support it.

    The sentences are the model's; the quotations are the memory's own.
    """
    lines: list[str] = ["## Key Findings"]
    cited: list[tuple[int, str]] = []
    _add_facts(lines, cited, explored.findings)
    if not explored.findings:
        lines.append("Not found in memory: nothing that is held answers the question.")
    if explored.working_out:
        lines += ["", "## Working It Out"]
        lines += [
            f"{number}. {fence.paragraph(line)}"
            for number, line in enumerate(explored.working_out, start=1)
        ]
    if explored.changes:
        lines += ["", "## Memory Evolution & Version History"]
        _add_facts(lines, cited, explored.changes)
    if explored.missing:
        lines += ["", "## Not Found in Memory"]
        lines += [f"- {fence.paragraph(line)}" for line in explored.missing]
    if explored.unknown or explored.unsupported:
        lines += ["", _left_out(explored)]
    return Analysis("\n".join(lines), tuple(cited))


def _add_facts(lines: list[str], cited: list[tuple[int, str]], facts: Sequence[Fact]) -> None:
    for fact in facts:
        lines.append(f"- {fence.paragraph(fact.statement)}")
        for quotation in fact.evidence:
            item = quotation.item
            if item.kind is ItemKind.MEMORY:
                cited.append((len(lines), item.item_id))
            lines.append(f'  - {item.source}: "{fence.paragraph(quotation.words)}"')


def _left_out(explored: Explored) -> str:
    """Describe parts of the model's answer that are dropped for lack of evidence."""
    return (
        f"Left out because nothing in memory stands behind them: {explored.unsupported} "
        f"statements, {explored.unknown} citations."
    )


def reasoning_text(hops: Sequence[Hop]) -> str:
    """Describe the search, hop by hop."""
    return "\n".join(
        f"Hop {number}: searched for {', '.join(hop.terms) or 'the question itself'}; "
        f"{len(hop.found_rows)} new messages."
        for number, hop in enumerate(hops, start=1)
    )
