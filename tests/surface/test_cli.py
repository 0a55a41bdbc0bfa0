"""The command line: what it prints, where, and with which exit code."""

import io
import json
import logging
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from tests.databases import traces
from typer.testing import CliRunner

from hitherto import Hitherto, User
from hitherto.cli import app
from hitherto.cli.service import PrivateFormatter
from hitherto.engine import DEFAULT_PROJECT_ID

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


ABSENT_ID = "00000000-0000-4000-8000-000000000000"


def run(*arguments: object, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=typed)


def json_of(*arguments: object) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def db(tmp_path: Path) -> str:
    return f"--db={tmp_path / 'memory.db'}"


@pytest.fixture
def conversation_set(tmp_path: Path) -> Path:
    path = tmp_path / "set.json"
    path.write_text(json.dumps(SET), encoding="utf-8")
    return path


def test_the_version_is_the_installed_one() -> None:
    assert run("--version").stdout == f"hitherto {version('hitherto')}\n"


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
    assert written["results"][0]["by_category"]["hitherto"]["overall"]["ev_recall"] == 1.0
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


def test_keys_create_makes_a_key_of_the_default_project_and_prints_exactly_what_a_script_needs(
    db: str,
) -> None:
    made = json_of("keys", "create", "--name=app one", db)
    assert sorted(made) == ["api_key", "key_id", "name", "project_id"]
    assert made["project_id"] == DEFAULT_PROJECT_ID
    assert made["name"] == "app one"
    assert made["api_key"].startswith("rai_")


def test_keys_create_shows_the_key_to_people_and_the_remark_beside_it(db: str) -> None:
    result = run("keys", "create", db)
    assert result.exit_code == 0
    assert re.fullmatch(rf"project id  {DEFAULT_PROJECT_ID}\nkey         rai_\S+\n", result.stdout)
    assert result.stderr == "The key is shown only now; save it.\n"


def test_an_admin_key_has_no_project(db: str) -> None:
    made = json_of("keys", "create", "--admin", db)
    assert made["project_id"] is None
    assert run("keys", "create", "--admin", db).stdout.startswith("admin key   rca_")


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize("options", [(), ("--json",), ("--admin",), ("--admin", "--json")])
def test_a_key_can_be_written_to_a_file_that_only_its_owner_can_read(
    options: tuple[str, ...], db: str, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    made = run("keys", "create", f"--out={file}", *options, db)
    assert made.exit_code == 0, made.output
    assert mode_of(file) == 0o600
    written = file.read_text()
    (key,) = re.findall(r"r(?:ai|ca)_[\w-]{43}", written)
    assert key not in made.output
    assert str(file) in made.stdout
    if "--json" in options:
        assert json.loads(written)["api_key"] == key
    again = run("keys", "create", f"--out={file}", db)
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    assert file.read_text() == written
    assert len(json_of("keys", "list", db)) == 1


def test_no_file_is_left_where_no_key_was_made(db: str, tmp_path: Path) -> None:
    json_of("keys", "create", db)
    before = sorted(tmp_path.iterdir())
    failed = run("keys", "create", f"--project={ABSENT_ID}", f"--out={tmp_path / 'key'}", db)
    assert failed.exit_code == 1
    assert sorted(tmp_path.iterdir()) == before
    assert run("keys", "create", f"--out={tmp_path / 'absent' / 'key'}", db).exit_code == 1
    assert len(json_of("keys", "list", db)) == 1


SECRETS = {
    "keys": ("keys", "create", "--json"),
    "webhooks": ("webhooks", "create", "https://198.41.0.4/", "--json"),
}


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize("command", SECRETS.values(), ids=SECRETS)
def test_the_file_that_a_shell_makes_for_a_secret_is_closed_to_others(
    command: tuple[str, ...], db: str, tmp_path: Path
) -> None:
    def redirected(to: Path) -> str:
        errors = io.StringIO()
        with to.open("a") as output, redirect_stdout(output), redirect_stderr(errors):
            app([*command, db], standalone_mode=False)
        return errors.getvalue()

    empty, log, grouped = tmp_path / "key.json", tmp_path / "setup.log", tmp_path / "grouped"
    assert "warning" not in redirected(empty)
    assert mode_of(empty) == 0o600
    json.loads(empty.read_text())
    log.write_text("first line\n")
    assert "other users can read the file" in redirected(log)
    assert mode_of(log) == 0o644
    grouped.touch(mode=0o640)
    assert "warning" not in redirected(grouped)
    assert mode_of(grouped) == 0o640


def test_keys_are_listed_without_their_secrets_and_can_be_revoked(db: str) -> None:
    made = json_of("keys", "create", "--name=[red]app\x1b[2J", db)
    shown = run("keys", "list", db).stdout
    assert made["key_id"] in shown
    assert "[red]app" in shown
    assert "\x1b" not in shown
    assert made["api_key"] not in shown
    revoked = json_of("keys", "revoke", made["key_id"], db)
    assert revoked["revoked_at"].endswith("Z")
    assert run("keys", "revoke", made["key_id"], db).exit_code == 0
    listed = json_of("keys", "list", db)
    assert listed == [revoked]
    assert made["api_key"] not in json.dumps(listed)
    assert json_of("keys", "list", f"--project={DEFAULT_PROJECT_ID}", db) == listed


def test_projects_are_created_listed_and_updated(db: str) -> None:
    made = json_of("projects", "create", "Staging", db)
    assert [item["name"] for item in json_of("projects", "list", db)] == ["default", "Staging"]
    assert made["merge_conflict_enabled"] is False
    changed = json_of(
        "projects", "update", made["project_id"], "--name=Production", "--merge-conflicts", db
    )
    assert (changed["name"], changed["merge_conflict_enabled"]) == ("Production", True)
    assert "Production" in run("projects", "list", db).stdout
    key = json_of("keys", "create", f"--project={made['project_id']}", db)
    assert key["project_id"] == made["project_id"]


def test_a_project_is_deleted_only_when_it_is_confirmed(db: str) -> None:
    project_id = json_of("projects", "create", "Old", db)["project_id"]
    refused = run("projects", "delete", project_id, db, typed="n\n")
    assert refused.exit_code == 1
    assert "0 users, 0 messages and 0 memories" in refused.stderr
    assert len(json_of("projects", "list", db)) == 2
    assert run("projects", "delete", project_id, db, typed="y\n").exit_code == 0
    assert len(json_of("projects", "list", db)) == 1
    again = json_of("projects", "create", "Older", db)["project_id"]
    assert json_of("projects", "delete", again, "--yes", db) == {
        "project_id": again,
        "deleted": True,
    }


def test_categories_are_created_listed_and_deleted(db: str) -> None:
    made = json_of("categories", "create", "food", "--description=what they eat", db)
    assert json_of("categories", "list", db) == [made]
    assert "what they eat" in run("categories", "list", db).stdout
    again = run("categories", "create", "food", db)
    assert again.exit_code == 1
    assert again.stderr.count("\n") == 1
    assert json_of("categories", "delete", made["category_id"], db)["deleted"] is True
    assert run("categories", "list", db).stdout == "There are no categories.\n"


def test_administration_works_while_another_has_the_file_open_and_leaves_its_memories(
    tmp_path: Path, db: str
) -> None:
    with Hitherto(tmp_path / "memory.db") as memory:
        memory.create_user("alice")
        assert json_of("keys", "create", db)["project_id"] == DEFAULT_PROJECT_ID
        assert memory.list_users().total == 1


@pytest.mark.parametrize(
    "command",
    [
        ("keys", "create", f"--project={ABSENT_ID}"),
        ("keys", "revoke", ABSENT_ID),
        ("projects", "update", ABSENT_ID, "--name=x"),
        ("projects", "delete", ABSENT_ID, "--yes"),
        ("categories", "delete", ABSENT_ID),
    ],
)
def test_what_is_not_there_is_one_line_and_exit_code_1(command: tuple[str, ...], db: str) -> None:
    json_of("keys", "create", db)
    result = run(*command, db)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"{ABSENT_ID} not found" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_database_that_is_not_there_is_not_made_by_looking(tmp_path: Path, db: str) -> None:
    result = run("keys", "list", db)
    assert result.exit_code == 1
    assert "there is no database at" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("serve", "--port=0"), ("keys", "create")])
@pytest.mark.parametrize("address", ["postgresql://x:secret@y/z", "/dev/null/memory.db"])
def test_a_database_that_cannot_be_opened_is_one_line_and_exit_code_1(
    command: tuple[str, ...], address: str
) -> None:
    result = run(*command, f"--db={address}")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("hitherto: ")
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr


def test_serving_at_an_address_in_use_is_one_line_and_exit_code_1(db: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", f"--port={taken.getsockname()[1]}", db)
    assert result.exit_code == 1
    assert "cannot listen on 127.0.0.1" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_setting_that_cannot_be_used_is_named_in_one_line(
    db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HITHERTO_LEASE_S", "soon")
    result = run("keys", "create", db)
    assert result.exit_code == 1
    assert "HITHERTO_LEASE_S" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_database_can_be_named_by_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HITHERTO_DB", str(tmp_path / "named.db"))
    json_of("keys", "create")
    assert (tmp_path / "named.db").is_file()


def test_the_log_shows_where_an_error_comes_from_and_not_what_it_says() -> None:
    try:
        try:
            raise KeyError("my door code is 1234")
        except KeyError as error:
            raise ValueError("said: my door code") from error
    except ValueError as error:
        raised = error
    record = logging.LogRecord(
        "x", logging.ERROR, __file__, 1, "failed", None, (type(raised), raised, None)
    )
    shown = PrivateFormatter().format(record)
    assert shown.index("builtins.KeyError") < shown.index("builtins.ValueError")
    assert __file__ in shown
    assert "said:" not in shown.replace('raise ValueError("said: my door code")', "")


@pytest.fixture
def remembered(tmp_path: Path) -> Iterator[tuple[str, User, str]]:
    """A database that somebody else has open, a user, and the session of all their memories."""
    path = str(tmp_path / "told.db")
    with Hitherto(path) as memory:
        user = memory.create_user("alice")
        session = user.create_session()
        session.add_message("user", "I live in Quokkaville. I have a dog called Bica.")
        session.process()
        memory.wait_until_processed(timeout_s=60)
        yield path, user, session.session_id


def test_a_memory_a_session_and_a_user_are_deleted_with_a_report(
    remembered: tuple[str, User, str],
) -> None:
    path, user, session_id = remembered
    (held,) = [one for one in user.list_memories().items if "Quokkaville" in one.content]
    report = json_of("delete", "alice", "--memory", held.memory_id, "--yes", "--db", path)
    assert (report["memories"], report["redacted_messages"], report["pending"]) == (1, 1, [])
    assert traces(Path(path), "Quokkaville") == 0
    shown = run("delete", "alice", "--session", session_id, "--yes", "--db", path)
    assert shown.stdout.splitlines() == [
        f"The session '{session_id}' of user 'alice' is deleted.",
        "sessions            1",
        "messages            1",
        "memories            1",
        "summaries           1",
    ]
    asked = run("delete", "alice", "--db", path, typed="n")
    assert asked.exit_code == 1
    assert user.list_sessions().total == 0
    assert run("delete", "alice", "--db", path, typed="y").exit_code == 0
    again = run("delete", "alice", "--yes", "--db", path)
    assert (again.exit_code, again.stderr) == (1, "hitherto: User alice not found\n")


@pytest.mark.parametrize("options", [("--previous",), ("--memory", "m", "--session", "s")])
def test_what_to_delete_is_said_once(options: tuple[str, ...], db: str) -> None:
    assert run("delete", "alice", *options, db).exit_code == 2
