"""One client for many: threads, tasks, running event loops, a second process's eyes."""

import asyncio
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.fakes import HashEmbedder

from hitherto import AsyncHitherto, Hitherto, Parts, Settings
from hitherto.errors import UnavailableError


def test_threads_share_one_client(path: Path, settings: Settings, parts: Parts) -> None:
    with Hitherto(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        sessions = [user.create_session() for _ in range(4)]

        def work(number: int) -> str:
            session = sessions[number % 4]
            session.add_message("user", f"My locker has the number {number}.")
            return session.get_context(recall_strategy="low_latency").context or ""

        with ThreadPoolExecutor(8) as pool:
            contexts = list(pool.map(work, range(64)))
        assert all("<recalled_memory>" in context for context in contexts)
        told = {
            message.content
            for session in sessions
            for message in session.get_messages(limit=500).messages
        }
        assert told == {f"My locker has the number {number}." for number in range(64)}


async def test_the_sync_client_works_inside_a_running_loop(
    path: Path, settings: Settings, parts: Parts
) -> None:
    with Hitherto(path, settings=settings, parts=parts) as memory:
        memory.create_user("alice")
        found = await asyncio.to_thread(memory.get_user, "alice")
        assert found.user_id == memory.get_user("alice").user_id


async def test_tasks_share_one_async_client(path: Path, settings: Settings, parts: Parts) -> None:
    async with AsyncHitherto(path, settings=settings, parts=parts) as memory:
        users = await asyncio.gather(*(memory.create_user(f"user-{n}") for n in range(20)))

        async def work(number: int) -> None:
            session = await users[number].create_session()
            await session.add_message("user", f"I live in house number {number}.")
            await session.process()

        await asyncio.gather(*(work(number) for number in range(20)))
        await memory.wait_until_processed(timeout_s=30)
        for number, user in enumerate(users):
            (held,) = (await user.list_memories()).items
            assert held.content.endswith(f"house number {number}")


def test_an_async_client_stays_on_its_loop(path: Path, settings: Settings, parts: Parts) -> None:
    memory = AsyncHitherto(path, settings=settings, parts=parts)
    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(memory.create_user("alice"))
        with pytest.raises(UnavailableError, match="another event loop"):
            second.run(memory.get_user("alice"))
        first.run(memory.close())


def test_closing_leaves_no_thread_behind(path: Path, settings: Settings, parts: Parts) -> None:
    before = threading.active_count()
    for _ in range(3):
        Hitherto(path, settings=settings, parts=parts).close()
    assert threading.active_count() == before


def test_what_one_client_writes_the_other_recalls_at_once(
    path: Path, settings: Settings, parts: Parts
) -> None:
    with (
        Hitherto(path, settings=settings, parts=parts) as one,
        Hitherto(path, settings=settings, parts=parts) as two,
    ):
        user = one.create_user("alice")
        asking = two.get_user("alice").create_session()
        asking.add_message("user", "Which town?")
        for town in ("Porto", "Faro", "Braga"):
            session = user.create_session()
            session.add_message("user", f"I have a cousin in {town}.")
            session.process()
            one.wait_until_processed(timeout_s=20)
            assert town in (asking.get_context().context or "")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_program_that_forgets_to_close_still_ends(path: Path, kind: str) -> None:
    script = {
        "sync": """
            memory = Hitherto(sys.argv[1], parts=Parts(embedder=HashEmbedder()))
            session = memory.create_user("alice").create_session()
            session.add_message("user", "I live in Porto.")
            session.process()
        """,
        "async": """
            async def main():
                memory = AsyncHitherto(sys.argv[1], parts=Parts(embedder=HashEmbedder()))
                user = await memory.create_user("alice")
                session = await user.create_session()
                await session.add_message("user", "I live in Porto.")
                await session.process()
            asyncio.run(main())
        """,
    }[kind]
    preamble = (
        "import asyncio, sys\n"
        "from hitherto import AsyncHitherto, Parts, Hitherto\n"
        "from tests.fakes import HashEmbedder\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", preamble + textwrap.dedent(script), str(path)],
        cwd=Path(__file__).parents[2],
        timeout=60,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in ended.stderr
    with Hitherto(path, parts=Parts(embedder=HashEmbedder())) as memory:
        (session,) = memory.get_user("alice").list_sessions().sessions
        assert session.get_messages().messages[0].content == "I live in Porto."
