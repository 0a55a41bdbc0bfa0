"""`hitherto eval`."""

import json
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hitherto import evaluation
from hitherto.cli.configuration import read_settings
from hitherto.cli.exit_codes import FAILURE_EXIT_CODE, USAGE_EXIT_CODE, fail
from hitherto.core.arguments import CONTEXT_RANGES
from hitherto.errors import RecallrAIError, ValidationError
from hitherto.models import RecallStrategy

_MIN_TOKENS, _MAX_TOKENS = CONTEXT_RANGES["max_tokens"]
_TABLE_WIDTH = 110
"""Columns for a table. A narrower terminal wraps its lines, which is better than figures cut."""


def evaluate(
    path: Annotated[Path, typer.Argument(help="A conversation set in LoCoMo's JSON format.")],
    strategy: Annotated[
        list[RecallStrategy] | None,
        typer.Option(help="Recall strategy; may be repeated. Default: balanced."),
    ] = None,
    max_tokens: Annotated[
        list[int] | None,
        typer.Option(
            min=_MIN_TOKENS,
            max=_MAX_TOKENS,
            help="Token budget of a context; may be repeated. Default: 2000.",
        ),
    ] = None,
    limit_conversations: Annotated[
        int | None, typer.Option(min=1, help="Only the first conversations of the set.")
    ] = None,
    db: Annotated[
        Path | None,
        typer.Option(help="File of the memory, kept and used again. Default: a temporary one."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.")
    ] = None,
    speaker_names: Annotated[
        bool | None,
        typer.Option(
            "--speaker-names/--no-speaker-names",
            help='Put "Name: " in front of messages. Default: unless speakers are User/Assistant.',
            show_default=False,
        ),
    ] = None,
) -> None:
    """Measure recall on a set of conversations with questions whose evidence is known."""
    options = evaluation.Options(
        path=path,
        strategies=tuple(strategy or [RecallStrategy.BALANCED]),
        budgets_tokens=tuple(max_tokens or [2000]),
        limit_conversations=limit_conversations,
        db=db,
        speaker_names=speaker_names,
    )
    ran_at = datetime.now(UTC)  # noqa: TID251  the run's date, written into its report
    try:
        if json_file is not None and not json_file.parent.is_dir():
            raise ValidationError(f"cannot write {json_file}: {json_file.parent} is not a folder")
        result, embedder = evaluation.run_evaluation(options, read_settings(), Console(stderr=True))
        if json_file is not None:
            figures = evaluation.as_json(
                result, options, installed_version("hitherto"), embedder, ran_at
            )
            json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    except (RecallrAIError, OSError) as error:
        wrong_arguments = isinstance(error, ValidationError)
        raise fail(error, USAGE_EXIT_CODE if wrong_arguments else FAILURE_EXIT_CODE) from error
    _show(result)


def _show(result: evaluation.Evaluation) -> None:
    """Print the tables with notes for their readers."""
    console = Console()
    console.width = max(console.width, _TABLE_WIDTH)
    for table in evaluation.tables(result):
        console.print(table)
        console.print()
    for note in evaluation.notes(result):
        console.print(note, markup=False, highlight=False, soft_wrap=True)
