"""`hitherto budgets`: daily budgets of language models."""

from typing import Annotated, Any

import typer

from hitherto import wire
from hitherto.admin_api import AdminApi
from hitherto.cli.administration import AsJson, Db, administer
from hitherto.cli.formatting import shown_usd
from hitherto.cli.output import print_json, print_table
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import ValidationError
from hitherto.models import OverBudget
from hitherto.models.usage import ProjectBudgets

app = typer.Typer(
    no_args_is_help=True, help="Set and show budgets of language models for a UTC day."
)

ProjectId = Annotated[str, typer.Option("--project", metavar="ID", help="The project.")]
DEFAULT = "default"
"""In place of a value: that of the settings again."""


def _limit(help_text: str) -> Any:
    return typer.Option(metavar="N", help=f"{help_text} `default`: as in the settings.")


@app.command("show")
def show(project: ProjectId = DEFAULT_PROJECT_ID, as_json: AsJson = False, db: Db = None) -> None:
    """Show the budgets of a project, and today's use."""

    async def work(api: AdminApi) -> ProjectBudgets:
        return await api.get_budgets(project)

    _show(administer(db, work), as_json)


@app.command("set")
def set_budgets(
    project: ProjectId = DEFAULT_PROJECT_ID,
    project_tokens: Annotated[str | None, _limit("Tokens a day for all users.")] = None,
    project_usd: Annotated[str | None, _limit("US dollars a day for all users.")] = None,
    user_tokens: Annotated[str | None, _limit("Tokens a day for each user.")] = None,
    user_usd: Annotated[str | None, _limit("US dollars a day for each user.")] = None,
    over_budget: Annotated[
        str | None,
        typer.Option(
            metavar="local|wait|default",
            help="When a budget is spent: process sessions by rules, or let them wait.",
        ),
    ] = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Set budgets; budgets that are not named stay. Sessions that wait for one are tried again."""

    async def work(api: AdminApi) -> ProjectBudgets:
        given = {
            "project_tokens_per_day": _parse(project_tokens, int, "--project-tokens"),
            "project_usd_per_day": _parse(project_usd, float, "--project-usd"),
            "user_tokens_per_day": _parse(user_tokens, int, "--user-tokens"),
            "user_usd_per_day": _parse(user_usd, float, "--user-usd"),
            "over_budget": _parse(over_budget, str, "--over-budget"),
        }
        named: dict[str, Any] = {
            name: None if value == DEFAULT else value
            for name, value in given.items()
            if value is not None
        }
        return await api.update_budgets(project, **named)

    _show(administer(db, work, may_create=True), as_json)


def _parse(text: str | None, kind: type[Any], option: str) -> Any:
    if text is None or text == DEFAULT:
        return text
    try:
        return kind(text)
    except ValueError as error:
        raise ValidationError(f"{option} must be a number or `{DEFAULT}`, not {text!r}") from error


def _show(budgets: ProjectBudgets, as_json: bool) -> None:
    if as_json:
        print_json(wire.ProjectBudgets.from_model(budgets))
        return
    own, effective = budgets.own, budgets.effective
    over = (effective.over_budget or OverBudget.LOCAL).value
    print_table(
        ("a day", "tokens", "US dollars"),
        [
            (
                "project",
                _printed_amount(effective.project_tokens_per_day, own.project_tokens_per_day),
                _printed_amount(effective.project_usd_per_day, own.project_usd_per_day),
            ),
            (
                "each user",
                _printed_amount(effective.user_tokens_per_day, own.user_tokens_per_day),
                _printed_amount(effective.user_usd_per_day, own.user_usd_per_day),
            ),
            ("used today", f"{budgets.tokens_today:,}", shown_usd(budgets.usd_today)),
        ],
        "",
    )
    typer.echo(f"When a budget is spent: {over}{'' if own.over_budget else ' (settings)'}.")


def _printed_amount(effective: float | None, own: float | None) -> str:
    if effective is None:
        return "no limit"
    amount = f"{effective:,}" if isinstance(effective, int) else shown_usd(effective)
    return amount if own is not None else f"{amount} (settings)"
