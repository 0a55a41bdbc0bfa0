"""Merge conflicts as jobs: leased like sessions, one job of a user at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests import databases
from tests.conftest import START, Clock
from tests.fakes import HashEmbedder
from tests.worker.claims import LEASE, NAMES, OPERATIONS, after, claim, claimed

from hitherto import Parts, SessionStatus, Settings
from hitherto.api import MemoryApi
from hitherto.core.reconciliation.conflict_resolution import Resolution
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.inference import LocalInference
from hitherto.models import (
    Candidate,
    MergeConflictAnswer,
    MergeConflictStatus,
    MessageRole,
)
from hitherto.store import JobRows, ProjectUsers, Store, Work
from hitherto.system import System, open_system

STARTS = Settings().max_starts

LONG_LEASE = Settings(poll_interval_s=0.01, lease_s=60, retry_delay_s=0, close_timeout_s=0)
SAID = datetime(2024, 1, 1, tzinfo=UTC)
ANSWERS = [MergeConflictAnswer("Which?", "new")]


async def due(store: Store, name: str, *conflict_ids: str, session_due: bool = False) -> None:
    """Make a user with a session, processed or in line, and answered conflicts that it raised."""

    def work(tx: ProjectUsers) -> None:
        tx.create_user(f"id-{name}", name, {}, None, START)
        user = tx.user(name)
        user.sessions.create(f"of-{name}", {}, SAID, None, START)
        proposed = Candidate("new", SAID, SAID, (0,))
        for seconds, conflict_id in enumerate(conflict_ids):
            user.conflicts.insert(conflict_id, f"of-{name}", proposed, [], [], START)
            user.conflicts.answer(conflict_id, ANSWERS, START + timedelta(0, -60 + seconds))
        if session_due:
            user.sessions.make_due(f"of-{name}", START)

    await store.write(lambda tx: work(tx.users(DEFAULT_PROJECT_ID)))


def row(path: Path, conflict_id: str) -> dict[str, Any]:
    """A conflict's row, with all that no public method shows."""
    (stored,) = databases.rows(
        path, "select * from merge_conflicts where merge_conflict_id = ?", conflict_id
    )
    return stored


# Taking


async def test_a_conflict_is_taken_with_the_date_of_its_session(store: Store, path: Path) -> None:
    await due(store, "alice", "one")
    assert await store.read(lambda tx: tx.jobs.queued_projects(START))
    work = await claimed(store, "a")
    assert (work.merge_conflict_id, work.session_id) == ("one", "of-alice")
    assert (work.created_at, work.attempts, work.failures) == (SAID, 1, 0)
    assert str(work) == "merge conflict one"
    assert row(path, "one")["status"] == "RESOLVING"
    assert not await store.read(lambda tx: tx.jobs.queued_projects(START))


async def test_a_conflict_in_work_is_not_taken_again_until_its_lease_ends(store: Store) -> None:
    await due(store, "alice", "one")
    await claimed(store, "a")
    assert await claim(store, "b", 19.9) is None
    assert (await claimed(store, "b", 20)).attempts == 2


async def test_the_conflicts_of_a_user_come_one_by_one_and_before_the_sessions(
    store: Store,
) -> None:
    await due(store, "alice", "one", "two", session_due=True)
    await due(store, "bruno", session_due=True)
    first = await claimed(store, "a")
    other = await claimed(store, "b")
    assert (first.merge_conflict_id, other.session_id) == ("one", "of-bruno")
    assert await claim(store, "c", 1) is None
    assert await store.write(lambda tx: tx.jobs.finish(first, after(1)))
    second = await claimed(store, "c", 1)
    assert second.merge_conflict_id == "two"
    assert await claim(store, "d", 2) is None
    assert await store.write(lambda tx: tx.jobs.finish(second, after(2)))
    last = await claimed(store, "d", 2)
    assert (last.merge_conflict_id, last.session_id) == (None, "of-alice")


async def test_a_conflict_waits_for_the_session_in_work(store: Store) -> None:
    await due(store, "alice", session_due=True)
    session = await claimed(store, "a")

    def raise_and_answer(tx: ProjectUsers) -> None:
        user = tx.user("alice")
        user.conflicts.insert("one", "of-alice", Candidate("new", SAID, SAID, (0,)), [], [], START)
        user.conflicts.answer("one", ANSWERS, START)

    await store.write(lambda tx: raise_and_answer(tx.users(DEFAULT_PROJECT_ID)))
    assert await claim(store, "b", 1) is None
    assert await store.write(lambda tx: tx.jobs.finish(session, after(2)))
    assert (await claimed(store, "b", 2)).merge_conflict_id == "one"


async def test_a_conflict_that_waits_after_a_failure_holds_up_nothing(store: Store) -> None:
    await due(store, "alice", "one", session_due=True)
    work = await claimed(store, "a")
    assert await store.write(lambda tx: tx.jobs.retry(work, after(100), "broken"))
    assert (await claimed(store, "b", 1)).merge_conflict_id is None
    assert await store.read(lambda tx: tx.jobs.next_due()) == after(1) + LEASE
    assert await store.read(lambda tx: tx.jobs.count_unprocessed(after(30))) == 2


async def test_what_waits_is_counted_and_dated(store: Store) -> None:
    await due(store, "alice", "one")
    assert await store.read(lambda tx: tx.jobs.count_unprocessed(START)) == 1
    assert await store.read(lambda tx: tx.jobs.next_due()) == after(-60)
    work = await claimed(store, "a")
    assert await store.read(lambda tx: tx.jobs.count_unprocessed(after(1))) == 1
    assert await store.read(lambda tx: tx.jobs.next_due()) == START + LEASE
    assert await store.write(lambda tx: tx.jobs.finish(work, after(2)))
    assert await store.read(lambda tx: tx.jobs.count_unprocessed(after(3))) == 0


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
    assert before["status"] == "RESOLVED"
    assert not await store.write(lambda tx: operation(tx.jobs, current))
    assert row(path, "one") == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
@pytest.mark.parametrize(
    ("ending", "status"),
    list(zip(OPERATIONS[1:], ["IN_QUEUE", "RESOLVED", "IN_QUEUE", "FAILED"], strict=True)),
    ids=NAMES[1:],
)
async def test_a_lease_ends_with_what_was_done_under_it(
    store: Store,
    path: Path,
    ending: Callable[[JobRows, Work], bool],
    status: str,
    operation: Callable[[JobRows, Work], bool],
) -> None:
    await due(store, "alice", "one")
    work = await claimed(store, "a")
    assert await store.write(lambda tx: ending(tx.jobs, work))
    before = row(path, "one")
    assert before["status"] == status
    assert not await store.write(lambda tx: operation(tx.jobs, work))
    assert row(path, "one") == before


async def test_asking_again_after_a_failure_starts_the_count_anew(store: Store) -> None:
    await due(store, "alice", "one")
    work = await claimed(store, "a")
    assert await store.write(lambda tx: tx.jobs.fail(work, "broken"))
    assert await claim(store, "b", 100) is None
    again = await store.write(
        lambda tx: tx.users(DEFAULT_PROJECT_ID).user("alice").conflicts.requeue("one", after(100))
    )
    assert (again.status, again.failure_reason) == (MergeConflictStatus.IN_QUEUE, None)
    taken = await claimed(store, "c", 100)
    assert (taken.attempts, taken.failures) == (1, 0)


# Workers


class GatedInference(LocalInference):
    """Stops before it settles a conflict until a gate is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()

    async def resolve(self, *arguments: Any, **named: Any) -> Resolution:
        self.reached.set()
        await self.gate.wait()
        return await super().resolve(*arguments, **named)


class PausedService:
    """A memory whose worker is stopped in the middle of settling a conflict."""

    def __init__(self, system: System, inference: GatedInference) -> None:
        self.system, self.inference = system, inference
        self.api: MemoryApi = system.engine(DEFAULT_PROJECT_ID)

    async def add_session(self, text: str, day: int) -> str:
        session = await self.api.create_session(
            "alice", custom_created_at_utc=SAID + timedelta(days=day)
        )
        await self.api.add_message("alice", session.session_id, MessageRole.USER, text)
        await self.api.process("alice", session.session_id)
        return session.session_id

    async def begin(self) -> str:
        """Answer a conflict with its proposed statement, up to the middle; the conflict's id."""
        await self.api.create_user("alice", merge_conflict_enabled=True)
        for day, text in enumerate(("I was born on 3 May 1990.", "I was born on 4 June 1990.")):
            await self.add_session(text, day)
            await self.api.wait_until_processed(timeout_s=20)
        (conflict,) = (await self.api.list_merge_conflicts("alice")).items
        (clarifying,) = conflict.clarifying_questions
        answers = [MergeConflictAnswer(clarifying.question, clarifying.options[1])]
        await self.api.resolve_merge_conflict("alice", conflict.id, answers)
        await asyncio.wait_for(self.inference.reached.wait(), 20)
        return conflict.id

    async def finish(self) -> None:
        self.inference.gate.set()
        await self.api.wait_until_processed(timeout_s=20)

    async def contents(self) -> list[str]:
        return [item.content for item in (await self.api.list_memories("alice")).items]


@pytest.fixture
async def paused(path: Path, clock: Clock) -> AsyncIterator[PausedService]:
    inference = GatedInference()
    service = PausedService(
        await open_system(path, LONG_LEASE, Parts(HashEmbedder(), inference, clock)), inference
    )
    yield service
    inference.gate.set()
    await service.system.close()


async def test_a_conflict_in_work_is_seen_as_such_and_waited_for(paused: PausedService) -> None:
    conflict_id = await paused.begin()
    conflict = await paused.api.get_merge_conflict("alice", conflict_id)
    assert conflict.status is MergeConflictStatus.RESOLVING
    (current,) = (await paused.api.list_memories("alice")).items
    assert current.merge_conflict_in_progress
    session_id = await paused.add_session("I have two cats.", 9)
    session = await paused.api.get_session("alice", session_id)
    assert session.status is SessionStatus.PROCESSING
    await paused.finish()
    assert set(await paused.contents()) == {"User was born on 4 June 1990", "User has two cats"}


async def test_a_worker_that_comes_back_too_late_settles_nothing(
    paused: PausedService, path: Path, clock: Clock
) -> None:
    conflict_id = await paused.begin()
    clock.advance(61)
    other = await open_system(path, LONG_LEASE, Parts(HashEmbedder(), clock=clock))
    await other.engine(DEFAULT_PROJECT_ID).wait_until_processed(timeout_s=20)
    before = row(path, conflict_id)
    assert (before["status"], before["attempts"]) == ("RESOLVED", 2)
    # A session of the same user shows when the first worker is done with the conflict.
    await paused.finish()
    await paused.add_session("I have two cats.", 9)
    await paused.api.wait_until_processed(timeout_s=20)
    await other.close()
    assert row(path, conflict_id) == before
    (new,) = (await paused.api.get_merge_conflict("alice", conflict_id)).new_memories or ()
    item = await paused.api.get_memory("alice", new.memory_id)
    assert (item.total_versions, len(await paused.contents())) == (2, 2)


async def test_what_a_stopped_worker_left_is_taken_up_again(
    paused: PausedService, path: Path, clock: Clock
) -> None:
    conflict_id = await paused.begin()
    await paused.system.close()
    assert (row(path, conflict_id)["status"], row(path, conflict_id)["attempts"]) == ("IN_QUEUE", 0)
    again = await open_system(path, LONG_LEASE, Parts(HashEmbedder(), clock=clock))
    api = again.engine(DEFAULT_PROJECT_ID)
    await api.wait_until_processed(timeout_s=20)
    conflict = await api.get_merge_conflict("alice", conflict_id)
    assert conflict.status is MergeConflictStatus.RESOLVED
    await again.close()


async def test_memories_that_change_in_mid_work_are_weighed_as_they_are_then(
    paused: PausedService,
) -> None:
    await paused.begin()
    (current,) = (await paused.api.list_memories("alice")).items
    await paused.api.delete_memory("alice", current.memory_id)
    await paused.finish()
    (item,) = (await paused.api.list_memories("alice")).items
    assert (item.content, item.total_versions) == ("User was born on 4 June 1990", 1)


@pytest.mark.parametrize("deleted", ["user", "session"])
async def test_what_is_deleted_in_mid_work_leaves_nothing_and_work_goes_on(
    paused: PausedService, path: Path, deleted: str
) -> None:
    conflict_id = await paused.begin()
    conflict = await paused.api.get_merge_conflict("alice", conflict_id)
    if deleted == "user":
        await paused.api.delete_user("alice")
        await paused.api.create_user("alice")
    else:
        await paused.api.delete_session("alice", conflict.project_user_session_id)
    await paused.add_session("I have two cats.", 9)
    await paused.finish()
    assert (await paused.api.list_merge_conflicts("alice")).total == 0
    left = [] if deleted == "user" else ["User was born on 3 May 1990"]
    assert sorted(await paused.contents()) == sorted([*left, "User has two cats"])


async def test_a_conflict_that_never_ends_is_given_up(
    store: Store, path: Path, clock: Clock
) -> None:
    await due(store, "alice", "one")
    for number in range(STARTS):
        assert await claim(store, f"token-{number}", number * LEASE.total_seconds())
    clock.advance(STARTS * LEASE.total_seconds())
    system = await open_system(path, LONG_LEASE, Parts(HashEmbedder(), clock=clock))
    api = system.engine(DEFAULT_PROJECT_ID)
    await api.wait_until_processed(timeout_s=20)
    conflict = await api.get_merge_conflict("alice", "one")
    await system.close()
    assert conflict.status is MergeConflictStatus.FAILED
    assert conflict.failure_reason == (
        f"Processing was started {STARTS} times and never finished; "
        "see the server log, then retry the merge conflict"
    )
