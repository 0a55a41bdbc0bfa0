"""One project's requests leave a thread for those of others."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import HashEmbedder

from hitherto import Parts, Settings
from hitherto.api import ContextRequest, MemoryApi
from hitherto.embedding import Vectors
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.engine.active_projects import ACTIVE_S, ActiveProjects
from hitherto.engine.project_shares import ProjectShares, reads_of_project, writes_of_project
from hitherto.models import MessageRole, RecallStrategy
from hitherto.system import open_system

PATIENCE_S = 20.0


class Calls:
    """Calls that hold a share until they are let go."""

    def __init__(self, shares: ProjectShares) -> None:
        self._shares = shares
        self._go_on = asyncio.Event()
        self.begun: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def begin(self, projects: str) -> str:
        """Begin calls of projects in this order; return those that have a share now."""
        self.tasks += [asyncio.create_task(self._call(project)) for project in projects]
        return await self.settled()

    async def settled(self) -> str:
        for _ in range(10):
            await asyncio.sleep(0)
        return "".join(self.begun)

    async def end(self) -> str:
        self._go_on.set()
        await asyncio.wait(self.tasks)
        return "".join(self.begun)

    async def _call(self, project: str) -> None:
        async with self._shares.use(project):
            self.begun.append(project)
            await self._go_on.wait()


async def test_a_project_holds_its_share_and_others_wait_for_their_own() -> None:
    calls = Calls(ProjectShares(lambda _: 2, ActiveProjects()))
    assert await calls.begin("aaaaab") == "aab"
    # Who stops waiting gives up a place in the queue, and nothing else.
    calls.tasks[2].cancel()
    assert await calls.end() == "aabaa"


async def test_who_is_cancelled_at_its_turn_hands_it_on() -> None:
    shares = ProjectShares(lambda _: 1, ActiveProjects())
    calls = Calls(shares)
    await calls.begin("aaa")
    first, second, _ = calls.tasks
    first.cancel()
    # The turn is given when the first one ends; the second one is cancelled before it runs.
    await asyncio.sleep(0)
    second.cancel()
    assert await calls.settled() == "aa"
    await calls.end()
    assert await calls.begin("a") == "aaa"
    await calls.end()


async def test_a_project_that_is_alone_has_more_until_another_one_is_active() -> None:
    now = 0.0
    shares = ProjectShares(reads_of_project(4), ActiveProjects(lambda: now))
    alone = Calls(shares)
    assert await alone.begin("aaaaa") == "aaa"
    await alone.end()
    both = Calls(shares)
    assert await both.begin("baaa") == "ba"
    # A long call keeps its project active.
    now = 10 * ACTIVE_S
    assert await both.begin("a") == "ba"
    await both.end()
    now += ACTIVE_S + 0.1
    again = Calls(shares)
    assert await again.begin("aaaa") == "aaa"
    await again.end()


async def test_a_share_is_free_again_after_an_error() -> None:
    shares = ProjectShares(lambda _: 1, ActiveProjects())
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            async with asyncio.timeout(PATIENCE_S), shares.use("a"):
                raise ValueError("broken")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.booleans()), max_size=40))
def test_random_calls_stay_within_the_limit_and_all_end(
    plan: list[tuple[str, int, bool]],
) -> None:
    async def run() -> None:
        shares = ProjectShares(lambda _: 2, ActiveProjects())
        used: Counter[str] = Counter()

        async def call(project: str, turns: int) -> None:
            async with shares.use(project):
                used[project] += 1
                assert used[project] <= 2
                try:
                    for _ in range(turns):
                        await asyncio.sleep(0)
                finally:
                    used[project] -= 1

        tasks = []
        for project, turns, is_cancelled in plan:
            tasks.append(asyncio.create_task(call(project, turns)))
            await asyncio.sleep(0)
            if is_cancelled:
                tasks[len(tasks) // 2].cancel()
        async with asyncio.timeout(PATIENCE_S):
            results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} <= {type(None), asyncio.CancelledError}
        assert not +used

    asyncio.run(run())


def test_a_reader_is_left_for_others_and_a_second_write_waits() -> None:
    def limits(limit: Callable[[int], int]) -> list[int]:
        return [limit(active) for active in (1, 2, 3)]

    assert [limits(reads_of_project(readers)) for readers in (1, 2, 4, 13)] == [
        [1, 1, 1],
        [1, 1, 1],
        [3, 1, 1],
        [12, 6, 4],
    ]
    # A single writer goes from one write to the next.
    assert [limits(writes_of_project(writers)) for writers in (1, 4, 8)] == [
        [2, 2, 2],
        [3, 3, 3],
        [7, 7, 7],
    ]


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
