"""Fixtures of the store: a filled file, and a check for open files and threads."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.conftest import Clock
from tests.fakes import HashEmbedder

from hitherto import Hitherto, Parts, Settings

TOWNS = ("Porto", "Faro", "Braga", "Lisbon")


def fill(path: Path, settings: Settings, users: int = 1) -> None:
    """Make a memory with a few processed sessions of each user."""
    with Hitherto(path, settings=settings, parts=Parts(HashEmbedder(), clock=Clock())) as memory:
        for number in range(users):
            user = memory.create_user(f"user-{number}", metadata={"number": number})
            for month, town in enumerate(TOWNS, start=1):
                session = user.create_session(
                    custom_created_at_utc=datetime(2024, month, 1, tzinfo=UTC)
                )
                session.add_message("user", f"I moved to {town}.")
                session.add_message("user", f"My sister Ana has {month + 1} cats.")
                session.process()
        memory.wait_until_processed(timeout_s=20)


@pytest.fixture
def filled(path: Path, settings: Settings) -> Path:
    """A database with one user, `user-0`."""
    fill(path, settings)
    return path


def _open_files(folder: Path) -> list[str]:
    open_files = []
    for name in os.listdir("/dev/fd"):
        try:
            target = os.readlink(f"/dev/fd/{name}")
        except OSError:
            continue
        if target.startswith(str(folder)):
            open_files.append(target)
    return open_files


@pytest.fixture
def nothing_left_open(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Fail if the test leaves a thread or an open file; may be called earlier."""
    before = set(threading.enumerate())

    def check() -> None:
        # The event loop ends its own threads when it is closed.
        started = set(threading.enumerate()) - before
        assert [thread for thread in started if not thread.name.startswith("asyncio_")] == []
        assert _open_files(tmp_path) == []

    yield check
    check()
