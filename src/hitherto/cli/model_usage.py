"""`hitherto usage`: use of language models, and their calls."""

from typing import Annotated

import typer

from hitherto import wire
from hitherto.admin_api import AdminApi
from hitherto.api import Page
from hitherto.cli.administration import AsJson, Db, administer
from hitherto.cli.formatting import shown_usd
from hitherto.cli.output import print_json, print_table
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.models.usage import ModelCall, ModelUsage, UsageCounts

User = Annotated[
    str | None, typer.Option("--user", metavar="ID", help="Only of this user.", show_default=False)
]
_COLUMNS = ("calls", "refused", "tokens in", "cached", "tokens out", "cost")


def usage(
    project: Annotated[
        str, typer.Option("--project", metavar="ID", help="The project.")
    ] = DEFAULT_PROJECT_ID,
    user: User = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="UTC days, today included.")] = 30,
    calls: Annotated[
        int | None,
        typer.Option(
            min=1, max=500, metavar="N", help="List the last N calls instead.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Show the use of language models: by day, task and model, and by user."""
    if calls is not None:
        _show_calls(db, project, user, calls, as_json)
        return

    async def work(api: AdminApi) -> ModelUsage:
        return await api.usage(project, days=days, user_id=user)

    summary = administer(db, work)
    if as_json:
        print_json(wire.Usage.from_model(summary))
        return
    _print_tasks(summary)
    if user is None and summary.users:
        print_table(
            ("user", *_COLUMNS),
            [(entry.user_id, *_cells(entry.counts)) for entry in summary.users],
            "",
        )
    if summary.total.unpriced_calls:
        typer.echo(
            f"{summary.total.unpriced_calls} calls went to models without a known price; "
            "budgets in dollars do not count them. Give their prices with HITHERTO_PRICES."
        )


def _show_calls(db: str | None, project: str, user: str | None, limit: int, as_json: bool) -> None:
    async def work(api: AdminApi) -> Page[ModelCall]:
        return await api.list_model_calls(project, user_id=user, limit=limit)

    page = administer(db, work)
    if as_json:
        print_json([wire.ModelCall.from_model(call) for call in page.items])
        return
    print_table(
        (
            "called",
            "user",
            "task",
            "model",
            "outcome",
            "tokens in",
            "cached",
            "tokens out",
            "cost",
            "ms",
        ),
        [
            (
                f"{call.called_at:%Y-%m-%d %H:%M:%S}",
                call.user_id,
                call.task,
                f"{call.provider}:{call.model}",
                call.outcome.value,
                _about(call.input_tokens, call.usage_known),
                f"{call.cached_tokens:,}",
                _about(call.output_tokens, call.usage_known),
                "unknown" if call.usd is None else shown_usd(call.usd),
                f"{call.ms:,}",
            )
            for call in page.items
        ],
        "No language model was called.",
    )


def _print_tasks(usage: ModelUsage) -> None:
    print_table(
        ("day", "task", "model", *_COLUMNS),
        [
            (
                entry.day.isoformat(),
                entry.task,
                f"{entry.provider}:{entry.model}",
                *_cells(entry.counts),
            )
            for entry in usage.tasks
        ]
        + ([("total", "", "", *_cells(usage.total))] if usage.tasks else []),
        f"No language model was called since {usage.since}.",
    )


def _cells(counts: UsageCounts) -> tuple[str, ...]:
    return (
        f"{counts.calls:,}",
        f"{counts.refused_calls:,}",
        f"{counts.input_tokens:,}",
        f"{counts.cached_tokens:,}",
        f"{counts.output_tokens:,}",
        _cost(counts),
    )


def _cost(counts: UsageCounts) -> str:
    if not counts.unpriced_calls:
        return shown_usd(counts.usd)
    if counts.unpriced_calls == counts.calls:
        return "unknown"
    return f"{shown_usd(counts.usd)} + unknown"


def _about(tokens: int, is_known: bool) -> str:
    """Mark a figure as an upper bound if the provider reported none."""
    return f"{tokens:,}" if is_known else f"<= {tokens:,}"
