"""Workers in processes of their own, beside memories that leave the work to them."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests import databases
from tests.fakes import HashEmbedder

from hitherto import AsyncHitherto, Parts, SessionStatus, Settings
from hitherto.errors import TimeoutError
from hitherto.server.worker_process import work
from hitherto.store import shown_address

HITHERTO = Path(sys.executable).with_name("hitherto")
LEAVING = Settings(worker=False, poll_interval_s=0.02)


@contextlib.asynccontextmanager
async def leaving(path: Path) -> AsyncIterator[AsyncHitherto]:
    """A memory in which nothing is processed."""
    parts = Parts(embedder=HashEmbedder())
    async with AsyncHitherto(path, settings=LEAVING, parts=parts) as memory:
        yield memory


async def tell(memory: AsyncHitherto, name: str, text: str = "I live in Porto.") -> Any:
    user = await memory.create_user(name)
    session = await user.create_session()
    await session.add_message("user", text)
    await session.process()
    return session


class Working:
    """`work` as a task, until it is told to stop."""

    def __init__(self, path: Path, **settings: Any) -> None:
        announced: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.announced = announced
        chosen = Settings(db=str(path), poll_interval_s=0.02, worker=False, **settings)
        self.task = asyncio.create_task(
            work(chosen, announced.set_result, Parts(embedder=HashEmbedder()))
        )

    async def stop(self) -> None:
        signal.raise_signal(signal.SIGTERM)
        await self.task


async def test_sessions_that_a_memory_leaves_to_others_are_processed_by_a_worker(
    path: Path,
) -> None:
    async with leaving(path) as memory:
        session = await tell(memory, "alice")
        with pytest.raises(TimeoutError):
            await memory.wait_until_processed(timeout_s=0.2)
        working = Working(path)
        assert await working.announced == shown_address(path)
        await memory.wait_until_processed(timeout_s=20)
        await session.refresh()
        assert session.status is SessionStatus.PROCESSED
        alice = await memory.get_user("alice")
        assert [one.content for one in (await alice.list_memories()).items] == [
            "User lives in Porto"
        ]
        await working.stop()


async def test_handlers_of_signals_are_as_before_once_the_worker_has_stopped(path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    working = Working(path)
    await working.announced
    await working.stop()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_a_worker_that_is_told_to_stop_while_it_opens_does_no_work(path: Path) -> None:
    class Stopping(HashEmbedder):
        @property
        def identity(self) -> Any:
            signal.raise_signal(signal.SIGTERM)
            return super().identity

    async with leaving(path) as memory:
        await tell(memory, "alice")
    announced: list[str] = []
    settings = Settings(db=str(path), close_timeout_s=0)
    await work(settings, announced.append, Parts(embedder=Stopping()))
    assert announced == []


def test_two_workers_share_the_work_and_end_well_on_their_signals(path: Path) -> None:
    command = [HITHERTO, "worker", "--db", str(path), "--concurrency", "2"]
    workers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline().endswith(f"works on {shown_address(path)}\n")

        async def told() -> list[str]:
            async with AsyncHitherto(path, settings=LEAVING) as memory:
                sessions = [await tell(memory, f"user-{number}") for number in range(12)]
                await memory.wait_until_processed(timeout_s=60)
                for session in sessions:
                    await session.refresh()
                return [session.status for session in sessions]

        assert asyncio.run(told()) == [SessionStatus.PROCESSED] * 12
        assert databases.values(path, "select attempts from sessions") == [(1,)] * 12
        for worker, number in zip(workers, (signal.SIGTERM, signal.SIGINT), strict=True):
            worker.send_signal(number)
            rest, errors = worker.communicate(timeout=30)
            assert (worker.returncode, errors) == (0, "")
            assert rest.endswith("Stopped.\n")
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
