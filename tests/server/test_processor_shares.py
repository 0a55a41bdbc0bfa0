"""A project that computes much waits for those that compute little, and for nobody else."""

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path

import pytest
from tests.fakes import HashEmbedder

from hitherto import Parts, SessionStatus, Settings
from hitherto.api import MemoryApi
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.engine.active_projects import ACTIVE_S, ActiveProjects
from hitherto.engine.processor_shares import FREE_SHARE, MEMORY_S, SLACK, ProcessorShares
from hitherto.engine.project_shares import ProjectShares
from hitherto.models import MessageRole
from hitherto.system import open_system
from hitherto.threads import in_thread, is_crowded, measured

PATIENCE_S = 20.0
SECONDS_AT_ONCE = FREE_SHARE * MEMORY_S


class Times:
    """A monotonic clock that moves only when somebody sleeps, or when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept_s: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def active(times: Times) -> ActiveProjects:
    return ActiveProjects(times)


@pytest.fixture
def shares(times: Times, active: ActiveProjects) -> ProcessorShares:
    return ProcessorShares(active, times.sleep)


async def in_time(call: Awaitable[None]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await call


async def test_a_project_that_is_alone_never_waits(shares: ProcessorShares, times: Times) -> None:
    for _ in range(100):
        with shares.charge("a"):
            shares.add("a", 10.0)
        await in_time(shares.wait("a"))
    assert not times.slept_s


@pytest.mark.parametrize(("computation_s", "most"), [(0.02, 1.05), (0.3, 1.3), (2.0, 2.4)])
async def test_beside_another_project_it_keeps_to_its_share(
    shares: ProcessorShares,
    active: ActiveProjects,
    times: Times,
    computation_s: float,
    most: float,
) -> None:
    used_s = 0.0
    with active.working_for("b"):
        for _ in range(1_000):
            await in_time(shares.wait("a"))
            shares.add("a", computation_s)
            times.now += computation_s
            used_s += computation_s
        await in_time(shares.wait("a"))
    assert times.slept_s
    share = (used_s - SECONDS_AT_ONCE) / times.now
    assert FREE_SHARE * 0.95 <= share <= FREE_SHARE * most


async def test_a_burst_of_everyday_size_does_not_wait(
    shares: ProcessorShares, active: ActiveProjects, times: Times
) -> None:
    with active.working_for("b"):
        for _ in range(20):
            await in_time(shares.wait("a"))
            shares.add("a", 0.95 * SECONDS_AT_ONCE / 20)
    assert not times.slept_s


async def test_projects_that_compute_alike_do_not_wait_for_each_other(
    shares: ProcessorShares, active: ActiveProjects, times: Times
) -> None:
    with active.working_for("a"), active.working_for("b"):
        for _ in range(400):
            for project in "ab":
                await in_time(shares.wait(project))
                shares.add(project, 0.04)
                times.now += 0.04
    assert not times.slept_s
    # A third one that computes little has to be protected from both.
    with active.working_for("c"):
        shares.add("c", 0.01)
        assert min(map(shares.pause_s, "ab")) > 0
        assert shares.pause_s("c") == 0


async def test_the_heaviest_may_use_as_much_as_the_lightest_of_the_others(
    shares: ProcessorShares, active: ActiveProjects
) -> None:
    with active.working_for("b"), active.working_for("c"):
        shares.add("b", 0.5 * MEMORY_S)
        shares.add("c", 0.9 * MEMORY_S)
        shares.add("a", 0.99 * SLACK * 0.5 * MEMORY_S)
        assert shares.pause_s("a") == 0
        shares.add("a", 0.1 * MEMORY_S)
        assert shares.pause_s("a") > 0


async def test_a_pause_ends_when_the_others_are_idle(
    shares: ProcessorShares, active: ActiveProjects, times: Times
) -> None:
    shares.add("a", 1_000.0)
    with active.working_for("b"):
        assert shares.pause_s("a") > 10 * ACTIVE_S
    assert shares.pause_s("a") == ACTIVE_S
    await in_time(shares.wait("a"))
    assert times.slept_s == [ACTIVE_S]


async def test_the_past_is_forgotten(
    shares: ProcessorShares, active: ActiveProjects, times: Times
) -> None:
    for number in range(1_000):
        shares.add(f"project {number}", 5.0)
        times.now += 1.0
    assert len(shares._usages) < 100
    with active.working_for("b"):
        assert shares.pause_s("project 0") == 0
        assert shares.pause_s("project 999") > 0


def burn(seconds: float) -> None:
    """Compute on this thread for so long."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


async def test_what_threads_compute_is_charged_and_waiting_is_not(
    shares: ProcessorShares, active: ActiveProjects
) -> None:
    def fail() -> None:
        burn(0.05)
        raise ValueError("broken")

    with active.working_for("b"):
        with shares.charge("a"):
            await in_thread(time.sleep, 0.1)
        assert shares._share("a", 0.0) * MEMORY_S < 0.05
        with shares.charge("a"), pytest.raises(ValueError, match="broken"):
            await in_thread(fail)
        assert shares._share("a", 0.0) * MEMORY_S >= 0.05
        await in_thread(burn, 0.05)
        assert shares._share("a", 0.0) * MEMORY_S < 0.1


async def test_a_computation_knows_whether_others_need_the_processors(
    shares: ProcessorShares, active: ActiveProjects
) -> None:
    assert not await in_thread(is_crowded)
    with shares.charge("a"):
        assert not await in_thread(is_crowded)
        with active.working_for("b"):
            assert await in_thread(is_crowded)
    with active.working_for("b"):
        assert not await in_thread(is_crowded)


def test_without_a_meter_a_function_stays_as_it_is() -> None:
    assert measured(burn) is burn


async def test_a_request_waits_for_the_share_and_is_charged(
    shares: ProcessorShares, active: ActiveProjects, times: Times
) -> None:
    reads = ProjectShares(lambda _: 1, active, shares)
    shares.add("a", 2 * SECONDS_AT_ONCE)
    with active.working_for("b"):
        async with asyncio.timeout(PATIENCE_S), reads.use("a"):
            assert times.slept_s
            await in_thread(burn, 0.02)
    assert shares._share("a", times.now) * MEMORY_S >= SECONDS_AT_ONCE + 0.01


async def new_session(api: MemoryApi) -> str:
    """A due session of a user."""
    session = await api.create_session("alice")
    await api.add_message("alice", session.session_id, MessageRole.USER, "I live in Porto.")
    await api.process("alice", session.session_id)
    return session.session_id


async def is_processed(api: MemoryApi, session_id: str) -> bool:
    session = await api.get_session("alice", session_id)
    return session.status is SessionStatus.PROCESSED


async def until_processed(api: MemoryApi, session_id: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await is_processed(api, session_id):  # noqa: ASYNC110  as a client does
            await asyncio.sleep(0.01)


async def test_jobs_of_a_heavy_project_wait_while_others_are_active(path: Path) -> None:
    system = await open_system(path, Settings(poll_interval_s=0.02), Parts(HashEmbedder()))
    try:
        other = await system.admin.create_project("other")
        heavy, light = system.engine(DEFAULT_PROJECT_ID), system.engine(other.project_id)
        for api in (heavy, light):
            await api.create_user("alice")
        resources = system.resources
        with resources.active.working_for(other.project_id):
            resources.job_shares.add(DEFAULT_PROJECT_ID, 1_000.0)
            waiting = await new_session(heavy)
            for _ in range(3):
                await until_processed(light, await new_session(light))
            assert not await is_processed(heavy, waiting)
        # The other project is idle now, so nobody would gain by waiting.
        await until_processed(heavy, waiting)
    finally:
        await system.close()
