"""Leases: one worker at a time for a user; a lost lease writes nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests import databases
from tests.conftest import START, Clock
from tests.fakes import HashEmbedder
from tests.worker.claims import LEASE, NAMES, OPERATIONS, after, claim, claimed

from hitherto import AsyncHitherto, Parts, SessionStatus, Settings
from hitherto.core.reconciliation.reconcile import Plan
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.inference import LocalInference
from hitherto.models import Extraction, Message
from hitherto.store import JobRows, ProjectUsers, Store, Work, open_database

STARTS = Settings().max_starts

LONG_LEASE = Settings(poll_interval_s=0.01, lease_s=60, retry_delay_s=0)


async def due(store: Store, name: str, session_id: str, day: int = 1) -> None:
    """Put a session of a user in line; the user is made if need be."""

    def work(tx: ProjectUsers) -> None:
        if name not in {user.user_id for user in tx.scan_users()}:
            tx.create_user(f"id-{name}", name, {}, None, START)
        user = tx.user(name)
        created_at = datetime(2024, 1, day, tzinfo=UTC)
        user.sessions.create(session_id, {}, created_at, None, START)
        user.sessions.make_due(session_id, START)

    await store.write(lambda tx: work(tx.users(DEFAULT_PROJECT_ID)))


def row(path: Path, session_id: str) -> dict[str, Any]:
    """A session's row, with all that no public method shows."""
    (stored,) = databases.rows(path, "select * from sessions where session_id = ?", session_id)
    return stored


def rows_of(path: Path) -> Counter[str]:
    """Return the number of rows of sessions, by table."""
    tables = ("memories", "memory_evidence", "passages", "summaries")
    return Counter({table: databases.count(path, table) for table in tables})


# Taking


async def test_a_session_in_work_is_not_taken_again_until_its_lease_ends(store: Store) -> None:
    await due(store, "alice", "one")
    first = await claimed(store, "a")
    assert await claim(store, "b", 19.9) is None
    second = await claimed(store, "b", 20)
    assert (first.session_id, second.session_id) == ("one", "one")
    assert (first.attempts, second.attempts) == (1, 2)


async def test_a_renewed_lease_lasts_from_its_renewal(store: Store) -> None:
    await due(store, "alice", "one")
    work = await claimed(store, "a")
    assert await store.write(lambda tx: tx.jobs.renew(work, after(15) + LEASE))
    assert await claim(store, "b", 34.9) is None
    assert await claim(store, "b", 35) is not None


async def test_a_users_other_sessions_wait_and_other_users_do_not(store: Store) -> None:
    await due(store, "alice", "later", day=2)
    await due(store, "alice", "earlier", day=1)
    await due(store, "bruno", "other", day=3)
    first, second = await claimed(store, "a"), await claimed(store, "b")
    assert (first.session_id, second.session_id) == ("earlier", "other")
    assert await claim(store, "c", 1) is None
    assert await store.write(lambda tx: tx.jobs.finish(first, after(1)))
    assert (await claimed(store, "c", 1)).session_id == "later"


async def test_an_older_session_that_becomes_due_waits_for_the_one_in_work(store: Store) -> None:
    await due(store, "alice", "later", day=2)
    await claimed(store, "a")
    await due(store, "alice", "earlier", day=1)
    assert await claim(store, "b", 1) is None
    # Once the lease is over both are free, and the older one comes first.
    assert (await claimed(store, "b", 20)).session_id == "earlier"
    assert await claim(store, "c", 21) is None


async def test_a_session_is_not_taken_before_it_is_due(store: Store) -> None:
    await due(store, "alice", "one")
    work = await claimed(store, "a")
    assert await store.write(lambda tx: tx.jobs.retry(work, after(10), "broken"))
    assert await claim(store, "b", 9.9) is None
    assert (await claimed(store, "b", 10)).failures == 1


async def test_a_released_session_is_taken_at_once_and_counts_as_untried(store: Store) -> None:
    await due(store, "alice", "one")
    work = await claimed(store, "a")
    assert await store.write(lambda tx: tx.jobs.release(work))
    assert (await claimed(store, "b")).attempts == 1


async def test_two_workers_never_hold_two_sessions_of_one_user(path: Path, store: Store) -> None:
    other = Store(open_database(path))
    await other.open()
    users, sessions_each = 4, 6
    for number in range(users * sessions_each):
        await due(store, f"user-{number % users}", f"session-{number:02}", day=1 + number)
    active: set[str] = set()
    done: list[str] = []

    async def work_on(own: Store, name: str) -> None:
        number = 0
        while len(done) < users * sessions_each:
            number += 1
            work = await claim(own, f"{name}-{number}")
            if work is None:
                await asyncio.sleep(0)
                continue
            assert work.user_id not in active
            active.add(work.user_id)
            await asyncio.sleep(0)
            done.append(work.session_id)
            active.discard(work.user_id)
            assert await own.write(lambda tx, current=work: tx.jobs.finish(current, START))

    await asyncio.gather(
        *(work_on(own, f"{id(own)}-{n}") for own in (store, other) for n in (1, 2))
    )
    await other.close()
    assert sorted(done) == [f"session-{number:02}" for number in range(users * sessions_each)]
    for user in range(users):
        of_user = [name for name in done if int(name[-2:]) % users == user]
        assert of_user == sorted(of_user)


# Losing


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
async def test_a_lost_lease_changes_nothing(
    store: Store, path: Path, operation: Callable[[JobRows, Work], bool]
) -> None:
    await due(store, "alice", "one")
    lost = await claimed(store, "a")
    current = await claimed(store, "b", 21)
    before = row(path, "one")
    assert not await store.write(lambda tx: operation(tx.jobs, lost))
    assert row(path, "one") == before
    assert await store.write(lambda tx: tx.jobs.finish(current, after(22)))
    before = row(path, "one")
    assert before["status"] == "processed"
    for late in (lost, current):
        assert not await store.write(lambda tx, work=late: operation(tx.jobs, work))
    assert row(path, "one") == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
@pytest.mark.parametrize("ending", OPERATIONS[1:], ids=NAMES[1:])
async def test_a_lease_ends_with_what_was_done_under_it(
    store: Store,
    path: Path,
    ending: Callable[[JobRows, Work], bool],
    operation: Callable[[JobRows, Work], bool],
) -> None:
    await due(store, "alice", "one")
    work = await claimed(store, "a")
    assert await store.write(lambda tx: ending(tx.jobs, work))
    before = row(path, "one")
    assert not await store.write(lambda tx: operation(tx.jobs, work))
    assert row(path, "one") == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
async def test_a_lease_on_a_deleted_session_changes_nothing(
    store: Store, operation: Callable[[JobRows, Work], bool]
) -> None:
    await due(store, "alice", "one")
    work = await claimed(store, "a")
    await store.write(lambda tx: tx.users(DEFAULT_PROJECT_ID).user("alice").sessions.delete("one"))
    assert not await store.write(lambda tx: operation(tx.jobs, work))


async def test_asking_again_after_a_failure_starts_the_count_anew(store: Store) -> None:
    await due(store, "alice", "one")
    work = await claimed(store, "a")
    assert await store.write(lambda tx: tx.jobs.fail(work, "broken"))
    assert await claim(store, "b", 100) is None
    again = await store.write(
        lambda tx: tx.users(DEFAULT_PROJECT_ID).user("alice").sessions.make_due("one", after(100))
    )
    assert (again.status, again.failure_reason) == (SessionStatus.PROCESSING, None)
    taken = await claimed(store, "c", 100)
    assert (taken.attempts, taken.failures) == (1, 0)


# Workers


class GatedInference(LocalInference):
    """Inference that waits for a gate before a step of sessions that mention one."""

    def __init__(self, step: str = "extract") -> None:
        super().__init__()
        self.step = step
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()
        self.taken: list[str] = []

    async def extract(
        self, messages: Sequence[Message], session_date: datetime, **named: Any
    ) -> Extraction:
        self.taken.append(" ".join(message.content for message in messages))
        await self.stop_before("extract")
        return await super().extract(messages, session_date, **named)

    async def reconcile(self, *arguments: Any, **named: Any) -> Plan:
        await self.stop_before("reconcile")
        return await super().reconcile(*arguments, **named)

    async def stop_before(self, step: str) -> None:
        if step == self.step and "gate" in self.taken[-1]:
            self.reached.set()
            await self.gate.wait()


class PausedService:
    """A memory whose worker is stopped in the middle of a session."""

    def __init__(self, path: Path, clock: Clock, step: str) -> None:
        self.inference = GatedInference(step)
        parts = Parts(HashEmbedder(), self.inference, clock)
        self.memory = AsyncHitherto(path, settings=LONG_LEASE, parts=parts)

    async def add_session(self, name: str, text: str, day: int = 1) -> Any:
        user = await self.memory.get_user(name)
        session = await user.create_session(
            custom_created_at_utc=datetime(2024, 1, day, tzinfo=UTC)
        )
        await session.add_message("user", text)
        await session.process()
        return session

    async def until_stopped(self) -> None:
        await asyncio.wait_for(self.inference.reached.wait(), 20)

    async def finish(self) -> None:
        self.inference.gate.set()
        await self.memory.wait_until_processed(timeout_s=20)


@pytest.fixture(params=["extract", "reconcile"])
async def paused(
    path: Path, clock: Clock, request: pytest.FixtureRequest
) -> AsyncIterator[PausedService]:
    service = PausedService(path, clock, request.param)
    yield service
    service.inference.gate.set()
    await service.memory.close()


async def contents(memory: AsyncHitherto, name: str) -> list[str]:
    user = await memory.get_user(name)
    return [item.content for item in (await user.list_memories(limit=200)).items]


async def test_a_worker_that_comes_back_too_late_writes_nothing(
    paused: PausedService, path: Path, clock: Clock
) -> None:
    await paused.memory.create_user("alice")
    session = await paused.add_session("alice", "I live in Porto, near the gate.")
    await paused.until_stopped()
    clock.advance(61)
    async with AsyncHitherto(
        path, settings=LONG_LEASE, parts=Parts(HashEmbedder(), clock=clock)
    ) as other:
        await other.wait_until_processed(timeout_s=20)
        before, written = row(path, session.session_id), rows_of(path)
        assert written["memories"] > 0
        # A second session of the same user shows when the first worker is done with the first.
        await paused.finish()
        await paused.add_session("alice", "I have two cats.", day=2)
        await paused.memory.wait_until_processed(timeout_s=20)
    assert row(path, session.session_id) == before
    assert before["attempts"] == 2
    assert len(await contents(paused.memory, "alice")) == len(
        set(await contents(paused.memory, "alice"))
    )
    assert rows_of(path)["summaries"] == written["summaries"] + 1


async def test_a_user_deleted_in_mid_work_leaves_nothing_and_work_goes_on(
    paused: PausedService, path: Path
) -> None:
    user = await paused.memory.create_user("alice")
    await paused.memory.create_user("bruno")
    await paused.add_session("alice", "I live in Porto, near the gate.")
    await paused.until_stopped()
    await paused.add_session("bruno", "I live in Faro.")
    await user.delete()
    await paused.finish()
    assert await contents(paused.memory, "bruno") == ["User lives in Faro"]
    assert len(databases.values(path, "select distinct user_id from memories")) == 1
    assert rows_of(path)["summaries"] == 1


async def test_a_user_made_anew_in_mid_work_gets_nothing_of_the_deleted_one(
    paused: PausedService, path: Path
) -> None:
    user = await paused.memory.create_user("alice")
    await paused.add_session("alice", "I live in Porto, near the gate.")
    await paused.until_stopped()
    await user.delete()
    await paused.memory.create_user("alice")
    await paused.finish()
    await paused.add_session("alice", "I live in Faro.")
    await paused.memory.wait_until_processed(timeout_s=20)
    assert await contents(paused.memory, "alice") == ["User lives in Faro"]
    assert rows_of(path)["summaries"] == 1


async def test_a_user_renamed_in_mid_work_keeps_what_was_found(paused: PausedService) -> None:
    user = await paused.memory.create_user("alice")
    await paused.add_session("alice", "I live in Porto. There is a gate.")
    await paused.until_stopped()
    await user.update(new_user_id="alicia")
    await paused.finish()
    assert "User lives in Porto" in await contents(paused.memory, "alicia")


async def test_a_session_deleted_in_mid_work_leaves_nothing_and_work_goes_on(
    paused: PausedService, path: Path
) -> None:
    await paused.memory.create_user("alice")
    session = await paused.add_session("alice", "I live in Porto, near the gate.")
    await paused.until_stopped()
    await paused.add_session("alice", "I have two cats.", day=2)
    await session.delete()
    await paused.finish()
    assert not [text for text in await contents(paused.memory, "alice") if "Porto" in text]
    assert rows_of(path)["summaries"] == 1


async def test_memories_that_change_in_mid_work_are_weighed_as_they_are_then(
    paused: PausedService, path: Path
) -> None:
    user = await paused.memory.create_user("alice")
    await paused.add_session("alice", "I live in Porto.")
    await paused.memory.wait_until_processed(timeout_s=20)
    (current,) = (await user.list_memories()).items
    await paused.add_session("alice", "I moved to Lisbon. There is a gate.", day=9)
    await paused.until_stopped()
    await user.delete_memory(current.memory_id)
    await paused.finish()
    items = (await user.list_memories()).items
    assert [item for item in items if "Lisbon" in item.content]
    assert all(item.total_versions == 1 for item in items)
    assert set(databases.values(path, "select previous_id from memories")) == {(None,)}


async def test_a_session_that_never_ends_is_given_up(
    store: Store, path: Path, clock: Clock
) -> None:
    await due(store, "alice", "one")
    for number in range(STARTS):
        assert await claim(store, f"token-{number}", number * LEASE.total_seconds())
    clock.advance(STARTS * LEASE.total_seconds())
    async with AsyncHitherto(
        path, settings=LONG_LEASE, parts=Parts(HashEmbedder(), clock=clock)
    ) as memory:
        await memory.wait_until_processed(timeout_s=20)
        session = await (await memory.get_user("alice")).get_session("one")
        assert session.status is SessionStatus.FAILED
        assert session.failure_reason == (
            f"Processing was started {STARTS} times and never finished; "
            "see the server log, then retry the session"
        )


async def test_a_lease_is_renewed_for_as_long_as_the_work_takes(path: Path) -> None:
    """Use the real clock: work takes several leases while a second worker waits."""
    settings = Settings(poll_interval_s=0.01, lease_s=0.3)
    inference = GatedInference()
    parts = Parts(HashEmbedder(), inference)
    first = AsyncHitherto(path, settings=settings, parts=parts)
    second = AsyncHitherto(path, settings=settings, parts=parts)
    async with first, second:
        session = await (await first.create_user("alice")).create_session()
        await session.add_message("user", "I live in Porto, near the gate.")
        await session.process()
        await asyncio.wait_for(inference.reached.wait(), 20)
        await asyncio.sleep(4 * settings.lease_s)
        inference.gate.set()
        await second.wait_until_processed(timeout_s=20)
        await session.refresh()
        assert session.status is SessionStatus.PROCESSED
        assert len(inference.taken) == 1
        assert row(path, session.session_id)["attempts"] == 1
