"""Budgets and usage: through the admin API, and on the command line."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from tests.fakes import HashEmbedder
from tests.metered import PLANNED, MeteredService, opened
from tests.server.conftest import Project
from typer.testing import CliRunner

from hitherto import Parts, Settings
from hitherto.cli import app
from hitherto.errors import BudgetSpentError
from hitherto.inference.ledger import PlannedCall
from hitherto.system import System

PROJECTS = "/admin/v1/projects"
NOTHING = {
    "project_tokens_per_day": None,
    "project_usd_per_day": None,
    "user_tokens_per_day": None,
    "user_usd_per_day": None,
    "over_budget": None,
}


@pytest.fixture
def service(system: System, path: Path) -> MeteredService:
    return MeteredService(system, path)


@pytest.fixture
def address(project: Project) -> str:
    return f"{PROJECTS}/{project.project_id}"


async def test_budgets_are_set_one_by_one_and_given_back_to_the_settings(
    administrator: httpx.AsyncClient, address: str
) -> None:
    budgets = f"{address}/budgets"
    first = (await administrator.get(budgets)).json()
    assert first["own"] == NOTHING
    assert first["effective"] == NOTHING | {"over_budget": "local"}
    assert (first["tokens_today"], first["usd_today"]) == (0, 0)
    changes: list[dict[str, Any]] = [
        {"project_tokens_per_day": 100_000, "over_budget": "wait"},
        {"user_usd_per_day": 0.25},
        {"project_tokens_per_day": None},
        {},
    ]
    held = dict(NOTHING)
    for change in changes:
        answer = await administrator.patch(budgets, json=change)
        held |= change
        assert answer.json()["own"] == held
        assert answer.json()["effective"] == held
    assert (await administrator.get(budgets)).json() == answer.json()


@pytest.mark.parametrize(
    "body",
    [
        {"project_tokens_per_day": -1},
        {"project_tokens_per_day": 1.5},
        {"project_tokens_per_day": True},
        {"user_tokens_per_day": "many"},
        {"user_tokens_per_day": 10**16},
        {"user_usd_per_day": -0.01},
        {"project_usd_per_day": 1e10},
        {"over_budget": "panic"},
    ],
)
@pytest.mark.refused_unread
async def test_a_budget_out_of_range_changes_nothing(
    administrator: httpx.AsyncClient, address: str, body: dict[str, Any]
) -> None:
    answer = await administrator.patch(
        f"{address}/budgets", json={"project_tokens_per_day": 7} | body
    )
    assert answer.status_code == 422
    assert (await administrator.get(f"{address}/budgets")).json()["own"] == NOTHING


async def test_usage_and_calls_are_read_over_the_wire(
    administrator: httpx.AsyncClient, address: str, service: MeteredService, project: Project
) -> None:
    account = await service.account("alice", project.project_id)
    await service.call(account)
    await service.call(account, PlannedCall("planning", "here", "small", "def456", 50, 10))
    await administrator.patch(f"{address}/budgets", json={"user_tokens_per_day": 1_100})
    with pytest.raises(BudgetSpentError):
        await service.call(account)
    usage = (await administrator.get(f"{address}/usage")).json()
    assert usage["since"] == "2025-02-13"
    counts = {"calls": 2, "refused_calls": 1, "unpriced_calls": 2, "input_tokens": 950}
    assert counts.items() <= usage["total"].items()
    (extraction, planning) = usage["tasks"]
    assert (extraction["day"], extraction["task"]) == ("2025-03-14", "extraction")
    assert (planning["task"], planning["counts"]["output_tokens"]) == ("planning", 10)
    assert [(user["user_id"], user["counts"]) for user in usage["users"]] == [
        ("alice", usage["total"])
    ]
    of_user = (await administrator.get(f"{address}/usage?days=1&user_id=alice")).json()
    assert (of_user["since"], of_user["total"]) == ("2025-03-14", usage["total"])
    calls = (await administrator.get(f"{address}/model-calls?limit=2")).json()
    assert [call["outcome"] for call in calls["calls"]] == ["over_budget", "ok"]
    assert (calls["total"], calls["has_more"], calls["calls"][1]["usd"]) == (3, True, None)
    standing = (await administrator.get(f"{address}/budgets")).json()
    assert standing["tokens_today"] == 1_060


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ("usage?days=0", 422),
        ("usage?days=367", 422),
        ("usage?user_id=nobody", 404),
        ("model-calls?limit=501", 422),
        ("model-calls?user_id=nobody", 404),
    ],
)
async def test_what_cannot_be_read_is_said_so(
    administrator: httpx.AsyncClient, address: str, resource: str, status: int
) -> None:
    assert (await administrator.get(f"{address}/{resource}")).status_code == status


@pytest.mark.parametrize("resource", ["budgets", "usage", "model-calls"])
async def test_a_project_that_is_not_there_is_not_found(
    administrator: httpx.AsyncClient, resource: str
) -> None:
    assert (await administrator.get(f"{PROJECTS}/nothing/{resource}")).status_code == 404


@pytest.mark.parametrize("resource", ["budgets", "usage", "model-calls"])
async def test_the_key_of_a_project_does_not_open_its_usage(
    anonymous: httpx.AsyncClient, address: str, project: Project, resource: str
) -> None:
    answer = await anonymous.get(f"{address}/{resource}", headers=project.headers)
    assert answer.status_code == 401


async def test_a_session_tells_over_the_wire_why_it_was_not_given_to_a_model(
    anonymous: httpx.AsyncClient, service: MeteredService, project: Project
) -> None:
    await service.account("alice", project.project_id)
    (row,) = service.rows("select user_id from users where custom_user_id = 'alice'")
    session = await service.system.engine(project.project_id).create_session("alice")
    one = f"/api/v1/users/alice/sessions/{session.session_id}"
    shown = (await anonymous.get(one, headers=project.headers)).json()["session"]
    assert "processing_note" not in shown
    service.write(
        "update sessions set processing_note = 'by rules' where user_id = ?", row["user_id"]
    )
    shown = (await anonymous.get(one, headers=project.headers)).json()["session"]
    assert shown["processing_note"] == "by rules"


# The command line


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def json_of(*arguments: object) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def in_place(
    path: Path, settings: Settings, parts: Parts, work: Callable[[MeteredService], Awaitable[None]]
) -> None:
    """Do something with a memory, and close it."""

    async def do() -> None:
        async with opened(path, settings, parts) as service:
            await work(service)

    asyncio.run(do())


@pytest.fixture
def db(path: Path) -> str:
    return f"--db={path}"


def test_the_command_sets_and_shows_budgets(db: str) -> None:
    made = json_of("budgets", "set", "--user-tokens", 5_000, "--project-usd", 1.5, db)
    assert made["own"] == NOTHING | {"user_tokens_per_day": 5_000, "project_usd_per_day": 1.5}
    json_of("budgets", "set", "--over-budget", "wait", "--user-tokens", "default", db)
    shown = json_of("budgets", "show", db)
    assert shown["own"] == NOTHING | {"project_usd_per_day": 1.5, "over_budget": "wait"}
    table = run("budgets", "show", db).stdout
    assert "$1.500000" in table
    assert "no limit" in table
    assert "When a budget is spent: wait." in table


def test_the_command_says_which_budgets_come_from_the_settings(
    db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HITHERTO_USER_TOKENS_PER_DAY", "9000")
    monkeypatch.setenv("HITHERTO_PRICES", '{"here:small": {"input": 1, "output": 2}}')
    table = run("budgets", "set", db).stdout
    assert "9,000 (settings)" in table
    assert "When a budget is spent: local (settings)." in table


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--user-tokens", "many"),
        ("--user-tokens", "1.5"),
        ("--user-tokens", "-1"),
        ("--project-usd", "nan"),
        ("--project-usd", "inf"),
        ("--over-budget", "panic"),
    ],
)
@pytest.mark.refused_unread
def test_a_wrong_budget_is_one_line_and_changes_nothing(db: str, option: str, value: str) -> None:
    result = run("budgets", "set", f"{option}={value}", db)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert json_of("budgets", "show", db)["own"] == NOTHING


def test_the_command_shows_usage_as_a_table_and_as_json(
    db: str, path: Path, settings: Settings
) -> None:
    async def spend(service: MeteredService) -> None:
        for user_id in ("alice", "bruno"):
            await service.call(await service.account(user_id), PLANNED)

    # The command reads the real clock, and so must what it is to find.
    in_place(path, settings, Parts(embedder=HashEmbedder()), spend)
    usage = json_of("usage", db)
    assert (usage["total"]["calls"], usage["total"]["input_tokens"]) == (2, 1_800)
    assert json_of("usage", "--user", "alice", db)["total"]["calls"] == 1
    table = run("usage", db).stdout
    for text in ("extraction", "here:small", "1,800", "alice", "bruno", "total", "unknown"):
        assert text in table
    assert "2 calls went to models without a known price" in table
    calls = json_of("usage", "--calls", 1, db)
    assert [call["user_id"] for call in calls] == ["bruno"]
    assert "abc123" not in run("usage", "--calls", 5, db).stdout
    assert "ok" in run("usage", "--calls", 5, db).stdout


def test_the_command_says_so_when_no_model_was_called(db: str) -> None:
    run("budgets", "set", db)
    assert "No language model was called" in run("usage", db).stdout
    assert "No language model was called" in run("usage", "--calls", 3, db).stdout
    assert json_of("usage", db)["tasks"] == []


@pytest.mark.parametrize("command", [["usage"], ["budgets", "show"], ["budgets", "set"]])
def test_an_unknown_project_is_one_line(db: str, command: list[str]) -> None:
    run("budgets", "set", db)
    result = run(*command, "--project", "nothing", db)
    assert result.exit_code == 1
    assert result.stderr == "hitherto: Project 'nothing' not found\n"
