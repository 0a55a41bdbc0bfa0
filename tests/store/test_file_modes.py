"""Modes of database files: closed to other users from the start."""

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.databases import healthy
from tests.fakes import HashEmbedder
from typer.testing import CliRunner

from hitherto import Hitherto, Parts, Settings
from hitherto.cli import app
from hitherto.store import open_database

SUFFIXES = ("", "-wal", "-shm")


@pytest.fixture(autouse=True, params=[0o022, 0o000, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def files_of(path: Path) -> dict[str, int]:
    """Return the modes of a database's existing files, by suffix."""
    return {
        file.name.removeprefix(path.name): mode_of(file)
        for file in path.parent.glob(f"{path.name}*")
    }


class Watched:
    """Notes the mode of each file as often as the files are looked at."""

    def __init__(self, folder: Path) -> None:
        self.modes: set[tuple[str, int]] = set()
        self._folder = folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._ended.is_set():
            for entry in os.scandir(self._folder):
                try:
                    self.modes.add((entry.name, stat.S_IMODE(entry.stat().st_mode)))
                except FileNotFoundError:
                    continue

    def __enter__(self) -> "Watched":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def test_all_files_of_a_memory_are_private_from_their_creation(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with (
        Watched(tmp_path) as watched,
        Hitherto(path, settings=Settings(), parts=Parts(HashEmbedder())) as memory,
    ):
        memory.create_user("alice")
        assert files_of(path) == dict.fromkeys(SUFFIXES, 0o600)
    assert {mode for _, mode in watched.modes} <= {0o600}
    assert files_of(path) == {"": 0o600}


def test_the_target_of_a_link_is_private(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "target.db")
    with closing(open_database(tmp_path / "link.db")) as database:
        database.open()
        assert mode_of(tmp_path / "target.db") == 0o600


def test_the_target_of_a_copy_is_private(tmp_path: Path) -> None:
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    with Hitherto(source, parts=Parts(HashEmbedder())) as memory:
        memory.create_user("alice")
    source.chmod(0o644)
    with Watched(tmp_path) as watched:
        result = CliRunner().invoke(app, ["copy", str(source), str(target)])
    assert result.exit_code == 0, result.output
    assert {mode for name, mode in watched.modes if name.startswith(target.name)} == {0o600}
    assert healthy(target)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o602, 0o666])
def test_a_file_that_others_can_access_is_warned_of_and_left_as_it_is(
    mode: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "my memory.db"
    open_and_close(path)
    assert caplog.messages == []
    path.chmod(mode)
    open_and_close(path)
    warned = [message for message in caplog.messages if "other users" in message]
    # What SQLite makes beside the file gets the file's own mode.
    assert len(warned) == 3
    assert stat.filemode(mode | stat.S_IFREG) in warned[0]
    assert f"chmod 600 '{path}'" in warned[0]
    assert mode_of(path) == mode


def test_a_log_that_others_can_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "memory.db"
    open_and_close(path)
    with closing(sqlite3.connect(path)) as holding:
        holding.execute("create table held (value)")
        Path(f"{path}-wal").chmod(0o644)
        open_and_close(path)
    assert [f"{path}-wal" in message for message in caplog.messages] == [True]


def test_threads_that_create_the_same_file_do_not_break_its_locks(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            with Hitherto(path, parts=Parts(HashEmbedder())) as memory:
                memory.create_user(f"user-{number}")
        except Exception as error:  # noqa: BLE001  the test shows whatever it is
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert healthy(path)
    with Hitherto(path, parts=Parts(HashEmbedder())) as memory:
        assert memory.list_users().total == 6


def open_and_close(path: Path) -> None:
    database = open_database(path)
    database.open()
    database.close()
