"""The command line: what it prints, where, and with which exit code."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from recollect.cli import app

SET = [
    {
        "sample_id": "one",
        "conversation": {
            "speaker_a": "Lena",
            "speaker_b": "Hugo",
            "session_1_date_time": "8:15 am on 2 June, 2024",
            "session_1": [
                {"dia_id": "D1:1", "speaker": "Lena", "text": "I adopted a grey parrot today."},
                {"dia_id": "D1:2", "speaker": "Hugo", "text": "Does it talk?"},
            ],
        },
        "qa": [
            {
                "id": "q1",
                "question": "Which animal did Lena adopt?",
                "answer": "a grey parrot",
                "evidence": ["D1:1"],
                "category": 4,
            }
        ],
    }
]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def conversation_set(tmp_path: Path) -> Path:
    path = tmp_path / "set.json"
    path.write_text(json.dumps(SET), encoding="utf-8")
    return path


def test_the_version_is_the_installed_one() -> None:
    assert run("--version").stdout == f"recollect {version('recollect')}\n"


def test_eval_prints_tables_writes_figures_and_shows_no_progress_in_a_pipe(
    conversation_set: Path, tmp_path: Path
) -> None:
    report = tmp_path / "figures.json"
    result = run(
        "eval",
        conversation_set,
        "--strategy=low_latency",
        "--max-tokens=200",
        "--max-tokens=300",
        f"--db={tmp_path / 'kept.db'}",
        f"--json={report}",
    )
    assert result.exit_code == 0, result.output
    assert "low_latency, 200 tokens" in result.stdout
    assert "low_latency, 300 tokens" in result.stdout
    assert result.stderr == ""
    assert "\x1b" not in result.stdout
    written: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    assert written["settings"]["max_tokens"] == [200, 300]
    assert written["results"][0]["by_category"]["recollect"]["overall"]["ev_recall"] == 1.0
    assert (tmp_path / "kept.db").is_file()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        ("not json", "is not JSON"),
        ('{"questions": []}', "is not a conversation set"),
        ('[{"conversation": {"speaker_a": "A"}}]', "is not a conversation set: conversation 1"),
    ],
)
def test_an_unusable_set_is_one_line_and_exit_code_2(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "set.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    result = run("eval", path)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_report_that_cannot_be_written_is_refused_before_the_run(
    conversation_set: Path, tmp_path: Path
) -> None:
    result = run("eval", conversation_set, f"--json={tmp_path / 'absent' / 'figures.json'}")
    assert result.exit_code == 2
    assert "is not a folder" in result.stderr


@pytest.mark.parametrize("option", ["--strategy=psychic", "--max-tokens=5"])
def test_options_out_of_range_are_refused(conversation_set: Path, option: str) -> None:
    assert run("eval", conversation_set, option).exit_code == 2
