"""Traces of deletions in database files, and their cleanup."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.databases import traces
from tests.store.test_disk import STATEMENTS
from typer.testing import CliRunner

from hitherto.cli import app
from hitherto.store.sqlite import WRITTEN_ALWAYS_BYTES, SqliteDatabase

WORD = "Quokkaville"


def fill_pages(path: Path, seed: int) -> None:
    """Fill a file so that pages are split and balanced, and delete half of it."""
    chance = random.Random(seed)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("pragma secure_delete = on")
        file.execute("pragma foreign_keys = on")
        file.execute("begin immediate")
        file.execute("insert into projects (project_id, name, created_at) values ('p', 'p', 0)")
        users = [f"{chance.getrandbits(64):016x}" for _ in range(40)]
        for number, user_id in enumerate(users):
            file.execute(
                "insert into users (user_id, project_id, custom_user_id, metadata, created_at,"
                " last_active_at) values (?, 'p', ?, '{}', 0, 0)",
                (user_id, f"{WORD if number % 2 else 'Faro'} {chance.getrandbits(64):x}"),
            )
        sessions = [
            (number, user_id, f"{chance.getrandbits(64):016x}")
            for number, user_id in enumerate(users)
            for _ in range(4)
        ]
        chance.shuffle(sessions)
        for _, user_id, session_id in sessions:
            file.execute(
                "insert into sessions (user_id, session_id, status, metadata, created_at,"
                " recorded_at) values (?, ?, 'pending', '{}', 0, 0)",
                (user_id, session_id),
            )
        positions = [(position, session) for session in sessions for position in range(8)]
        chance.shuffle(positions)
        for position, (number, user_id, session_id) in positions:
            word = WORD if number % 2 else "Faro"
            text = "It rains. " * chance.randrange(90)
            file.execute(
                "insert into messages (user_id, session_id, position, role, content, added_at,"
                " idempotency_key) values (?, ?, ?, 'user', ?, 0, ?)",
                (
                    user_id,
                    session_id,
                    position,
                    text,
                    f"{word} {position}",
                ),
            )
            file.execute(
                "update sessions set metadata = ? where user_id = ? and session_id = ?",
                (f'"{word}{" rain" * chance.randrange(90)}"', user_id, session_id),
            )
        file.execute("commit")
        for user_id in users[1::2]:
            file.execute("delete from users where user_id = ?", (user_id,))


@pytest.mark.parametrize("seed", [1, 14, 16])
def test_pages_that_were_balanced_keep_no_copy_of_what_was_deleted(
    tmp_path: Path, seed: int
) -> None:
    path = tmp_path / "memory.db"
    database = SqliteDatabase(path, STATEMENTS)
    database.open()
    # SQLite 3.40 leaves one to four copies here of what it has overwritten elsewhere.
    fill_pages(path, seed)
    with database.transaction(write=True, deleting=True):
        pass
    assert database.clear_traces() == ()
    assert traces(path, WORD) == 0
    assert traces(path, "Faro") > 0
    database.close()


def deleted_in(database: SqliteDatabase, path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(
            "insert into projects (project_id, name, created_at) values ('p', ?, 0)", (WORD,)
        )
    with database.transaction(write=True, deleting=True) as run:
        run("delete_project", project_id="p")


def test_a_large_file_is_written_anew_when_there_is_time_by_whoever_has_it_open(
    tmp_path: Path,
) -> None:
    path = tmp_path / "memory.db"
    database = SqliteDatabase(path, STATEMENTS, written_at_once_bytes=1)
    other = SqliteDatabase(path, STATEMENTS, written_at_once_bytes=1)
    database.open()
    other.open()
    deleted_in(database, path)
    (pending,) = database.clear_traces()
    assert "rewritten within seconds" in pending
    other.clear_left()
    assert database.clear_traces() == ()
    for item in (database, other):
        item.close()


def test_of_many_deletions_in_a_row_some_leave_a_larger_file_for_later(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    # The first takes ten seconds, and as long the next ones leave it.
    seconds = iter([0.0, 10.0, 12.0, 12.0, 20.0, 21.0])
    database = SqliteDatabase(path, STATEMENTS, seconds=lambda: next(seconds))
    database.open()
    with closing(sqlite3.connect(path)) as file, file:
        name = "x" * (WRITTEN_ALWAYS_BYTES + 1)
        file.execute(
            "insert into projects (project_id, name, created_at) values ('large', ?, 0)", (name,)
        )
    kept = []
    for _ in range(3):
        deleted_in(database, path)
        kept.append(database.clear_traces())
    assert [len(item) for item in kept] == [0, 1, 0]
    assert "rewritten within seconds" in kept[1][0]
    assert traces(path, WORD) == 0
    database.close()


def test_a_file_that_is_too_large_waits_for_the_command(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    database = SqliteDatabase(path, STATEMENTS, written_at_once_bytes=1, written_later_bytes=2)
    database.open()
    deleted_in(database, path)
    (pending,) = database.clear_traces()
    assert "hitherto vacuum" in pending
    database.clear_left()
    assert database.clear_traces() == (pending,)
    ran = CliRunner().invoke(app, ["vacuum", "--db", str(path)])
    assert ran.exit_code == 0
    assert database.clear_traces() == ()
    database.close()


def test_what_is_left_of_a_process_that_died_is_cleared_by_the_next(tmp_path: Path) -> None:
    path, copied = tmp_path / "memory.db", tmp_path / "left.db"
    database = SqliteDatabase(path, STATEMENTS)
    database.open()
    deleted_in(database, path)
    # As a killed process leaves them, committed and not cleared.
    for file in tmp_path.glob("memory.db*"):
        shutil.copyfile(file, tmp_path / file.name.replace("memory", "left"))
    database.close()
    assert traces(copied, WORD) > 0
    following = SqliteDatabase(copied, STATEMENTS)
    following.open()
    following.clear_left()
    assert traces(copied, WORD) == 0
    following.close()


def test_a_reader_does_not_let_a_deletion_wait_and_is_waited_for_later(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    database = SqliteDatabase(path, STATEMENTS)
    database.open()
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from users").fetchone()
        deleted_in(database, path)
        assert "another connection" in database.clear_traces()[0]
        assert traces(path, WORD) > 0
        reader.execute("commit")
        database.clear_left()
        assert traces(path, WORD) == 0
    database.close()
