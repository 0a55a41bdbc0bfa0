"""One project's requests leave a thread for those of others."""

import asyncio
import threading
from pathlib import Path

import pytest
from tests.fakes import HashEmbedder

from hitherto import Parts, Settings
from hitherto.api import ContextRequest, MemoryApi
from hitherto.embedding import Vectors
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.engine.project_shares import ProjectShares, reads_of_project, writes_of_project
from hitherto.models import MessageRole, RecallStrategy
from hitherto.system import open_system

PATIENCE_S = 20.0


async def test_a_project_holds_its_share_and_others_wait_for_their_own() -> None:
    shares = ProjectShares(2)
    go_on = asyncio.Event()
    entered: list[str] = []

    async def call(project: str) -> None:
        async with shares.use(project):
            entered.append(project)
            await go_on.wait()

    calls = [asyncio.create_task(call(project)) for project in "aaaaab"]
    await asyncio.sleep(0.01)
    assert entered == ["a", "a", "b"]
    # Who stops waiting gives up a place in the queue, and nothing else.
    calls[2].cancel()
    go_on.set()
    await asyncio.wait(calls)
    assert entered == ["a", "a", "b", "a", "a"]


async def test_a_share_is_free_again_after_an_error() -> None:
    shares = ProjectShares(1)
    for _ in range(3):
        try:
            async with asyncio.timeout(PATIENCE_S), shares.use("a"):
                raise ValueError
        except ValueError:
            pass


def test_one_thread_is_left_for_others_where_there_are_several() -> None:
    machines = ((1, 8), (2, 8), (4, 2), (4, 8))
    assert [reads_of_project(*machine) for machine in machines] == [1, 1, 2, 3]
    # The second one waits, so that a single writer goes from one to the next.
    assert [writes_of_project(writers) for writers in (1, 2, 4, 8)] == [2, 2, 3, 7]


class Gated(HashEmbedder):
    """Blocks a thread on questions about the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def embed_query(self, text: str) -> Vectors:
        if "gate" in text:
            self.go_on.wait(PATIENCE_S)
        return super().embed_query(text)


async def asking(api: MemoryApi, question: str) -> str:
    """A session of a new user with a memory, in which a question was asked."""
    await api.create_user("alice")
    told = await api.create_session("alice")
    await api.add_message("alice", told.session_id, MessageRole.USER, "I live in Porto.")
    await api.process("alice", told.session_id)
    async with asyncio.timeout(PATIENCE_S):
        while (await api.list_memories("alice")).total == 0:  # noqa: ASYNC110  as a client does
            await asyncio.sleep(0.01)
    session = await api.create_session("alice")
    await api.add_message("alice", session.session_id, MessageRole.USER, question)
    return session.session_id


@pytest.mark.parametrize("strategy", [RecallStrategy.LOW_LATENCY, RecallStrategy.BALANCED])
async def test_contexts_of_one_project_do_not_hold_up_those_of_another(
    path: Path, strategy: RecallStrategy
) -> None:
    embedder = Gated()
    system = await open_system(path, Settings(poll_interval_s=0.02), Parts(embedder))
    try:
        other = await system.admin.create_project("other")
        flooding, api = system.engine(DEFAULT_PROJECT_ID), system.engine(other.project_id)
        request = ContextRequest(recall_strategy=strategy)
        blocked = await asking(flooding, "Who has the gate?")
        session_id = await asking(api, "Where do I live?")
        flood = [
            asyncio.create_task(flooding.get_context("alice", blocked, request)) for _ in range(30)
        ]
        await asyncio.sleep(0.1)
        async with asyncio.timeout(PATIENCE_S / 2):
            context = await api.get_context("alice", session_id, request)
        assert "Porto" in str(context.context)
        assert not any(task.done() for task in flood)
        embedder.go_on.set()
        await asyncio.gather(*flood)
    finally:
        embedder.go_on.set()
        await system.close()


async def test_writes_of_one_project_do_not_queue_before_those_of_another(path: Path) -> None:
    system = await open_system(path, Settings(worker=False), Parts(HashEmbedder()))
    try:
        other = await system.admin.create_project("other")
        flooding, api = system.engine(DEFAULT_PROJECT_ID), system.engine(other.project_id)
        ended: list[str] = []

        async def create(engine: MemoryApi, name: str) -> None:
            await engine.create_user(name)
            ended.append(name)

        flood = [asyncio.create_task(create(flooding, f"flood-{n}")) for n in range(50)]
        await asyncio.sleep(0)
        await create(api, "alice")
        await asyncio.gather(*flood)
        assert ended.index("alice") < 25
    finally:
        await system.close()
