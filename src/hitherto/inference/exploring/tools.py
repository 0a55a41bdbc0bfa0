"""Tools of the exploring agent; they use small numbers and report bad input as text.

The model reads the docstrings and descriptions.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Literal

from pydantic import Field
from pydantic_ai import FunctionToolset, RunContext

from hitherto.core.dates.calendar import add_months, day_text
from hitherto.core.dates.mentions import find_dates
from hitherto.core.recall.query_plan import DateRange, QueryPlan
from hitherto.inference.exploring.browser import Item, ItemKind
from hitherto.inference.exploring.run import ExplorationRun
from hitherto.models import MessageRole
from hitherto.threads import in_thread

Context = RunContext[ExplorationRun]
Query = Annotated[str, Field(description="What to look for, in the words the record would use.")]
Number = Annotated[int, Field(description="The number in brackets of an item that was shown.")]
Day = Annotated[date, Field(description="A day, as YYYY-MM-DD.")]
Near = Annotated[
    date | None,
    Field(description="A day, as YYYY-MM-DD, near which it lies; sorts, and hides nothing."),
]

DAYS_NEAR = 15
"""A search near a day looks at so many days to both sides."""


async def search_memories(
    context: Context, query: Query, near_day: Near = None, include_superseded: bool = False
) -> str:
    """Search the statements about the user; on request those too that no longer hold."""
    library = context.deps.library
    return await _run_tool(
        context,
        f"Searching memories for: {query}",
        lambda: library.memories(_plan(context, query, near_day), superseded=include_superseded),
        "No memory fits.",
    )


async def read_versions(context: Context, memory: Number) -> str:
    """Read how a memory came to be: its versions, newest first, and why each was replaced."""
    return await _read_memory(
        context, memory, "Reading the versions of", context.deps.library.versions
    )


async def follow_connections(context: Context, memory: Number) -> str:
    """Read the memories that are connected to a memory."""
    return await _read_memory(
        context, memory, "Following the connections of", context.deps.library.connections
    )


async def search_summaries(context: Context, query: Query, near_day: Near = None) -> str:
    """Search the summaries of past conversations."""
    library = context.deps.library
    return await _run_tool(
        context,
        f"Searching summaries for: {query}",
        lambda: library.summaries(_plan(context, query, near_day)),
        "No summary fits.",
    )


async def search_transcripts(
    context: Context,
    query: Query,
    said_by: Literal["user", "assistant", "anyone"] = "anyone",
    near_day: Near = None,
) -> str:
    """Search what was said in past conversations, word for word."""
    library = context.deps.library
    role = None if said_by == "anyone" else MessageRole(said_by)
    return await _run_tool(
        context,
        f"Searching transcripts for: {query}",
        lambda: library.messages(replace(_plan(context, query, near_day), role=role)),
        "No message fits.",
    )


async def read_transcript(
    context: Context,
    item: Number,
    from_message: Annotated[
        int | None, Field(description="Number of the first message to read, counted from 1.")
    ] = None,
) -> str:
    """Read a conversation in order: around a message or memory, or from a message on."""
    shown_item = context.deps.item(item)
    if shown_item is None:
        return _unknown(context, item)
    start = None if from_message is None else max(0, from_message - 1)
    return await _run_tool(
        context,
        f"Reading a conversation: {shown_item.source}",
        lambda: context.deps.library.transcript(shown_item, start),
        "There is nothing more to read.",
        again=True,
    )


async def list_merge_conflicts(context: Context) -> str:
    """List the contradictions that nobody has settled yet."""
    return await _run_tool(
        context,
        "Listing merge conflicts",
        context.deps.library.conflicts,
        "There are no open merge conflicts.",
    )


async def days_between(context: Context, first: Day, last: Day) -> str:
    """Count the days from one day to another."""
    context.deps.step(f"Counting the days from {first} to {last}")
    start, end = min(first, last), max(first, last)
    days = (end - start).days
    months = (end.year - start.year) * 12 + end.month - start.month
    if add_months(start, months) > end:
        months -= 1
    over = (end - add_months(start, months)).days
    return (
        f"From {day_text(start, weekday=True)} to {day_text(end, weekday=True)}: {days} days, "
        f"which is {days // 7} weeks and {days % 7} days, or {months} months and {over} days."
    )


async def weekday_of(context: Context, day: Day) -> str:
    """Say on which day of the week a day falls."""
    context.deps.step(f"Looking up the weekday of {day}")
    return day_text(day, weekday=True)


async def resolve_date(
    context: Context,
    expression: Annotated[str, Field(description='Such as "last Friday" or "two weeks ago".')],
    seen_from: Day,
    direction: Literal["past", "future"] = "past",
) -> str:
    """Work out which days an expression means, seen from the day on which it was said."""
    context.deps.step(f"Working out {expression!r} from {seen_from}")
    date_ranges = find_dates(expression[:300], seen_from, prefers=direction)
    if not date_ranges:
        return "No date was understood; name it as a day, or count with days_between."
    return "; ".join(
        day_text(days.first, weekday=True)
        if days.first == days.last
        else f"{day_text(days.first, weekday=True)} to {day_text(days.last, weekday=True)}"
        for days in date_ranges
    )


def toolset() -> FunctionToolset[ExplorationRun]:
    """Return all tools; they run sequentially, so that items are numbered in a fixed order."""
    return FunctionToolset(
        [
            search_memories,
            read_versions,
            follow_connections,
            search_summaries,
            search_transcripts,
            read_transcript,
            list_merge_conflicts,
            days_between,
            weekday_of,
            resolve_date,
        ],
        sequential=True,
    )


def _plan(context: Context, text: str, near_day: date | None) -> QueryPlan:
    plan = context.deps.plan(text)
    if near_day is None:
        return plan
    middle = near_day.toordinal()
    first = max(middle - DAYS_NEAR, 1)
    last = min(middle + DAYS_NEAR, date.max.toordinal())
    near = DateRange(date.fromordinal(first), date.fromordinal(last))
    return replace(plan, dates=(*plan.dates, near))


async def _run_tool(
    context: Context,
    doing: str,
    look: Callable[[], Sequence[Item]],
    when_empty: str,
    *,
    again: bool = False,
) -> str:
    run = context.deps
    if run.must_answer(context.usage.requests - 1, context.usage.total_tokens):
        return "There are no more searches. Give your answer now."
    run.calls += 1
    run.step(doing)
    return run.listing(await in_thread(look), when_empty, again=again)


async def _read_memory(
    context: Context, number: int, doing: str, look: Callable[[Item], Sequence[Item]]
) -> str:
    item = context.deps.item(number)
    if item is None:
        return _unknown(context, number)
    if item.kind is not ItemKind.MEMORY:
        return f"[{number}] is a {item.kind.value}, and this tool reads memories."
    return await _run_tool(context, f"{doing}: {item.text}", lambda: look(item), "There are none.")


def _unknown(context: Context, number: int) -> str:
    context.deps.calls += 1
    return f"Nothing was shown with the number {number}; use a number that stands in brackets."
