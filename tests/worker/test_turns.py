"""Turns of users and projects, and places in the queue that are never too late."""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.conftest import START
from tests.databases import Location, Reader
from tests.fakes import HashEmbedder
from tests.surface.test_statements import STATEMENTS
from tests.worker.claims import LEASE, after, claim, claimed

from hitherto import Parts, SessionStatus, Settings
from hitherto.api import MemoryApi
from hitherto.background.project_turns import ProjectTurns
from hitherto.background.worker import OTHER_PROJECTS
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.inference import LocalInference
from hitherto.models import Candidate, Extraction, MergeConflictAnswer, Message, MessageRole
from hitherto.store import ProjectUsers, Store, Transaction, UserRows, Work, open_database
from hitherto.store.database import Run
from hitherto.store.rows import to_micros
from hitherto.system import System, open_system

STARTS = Settings().max_starts

OTHER = "00000000-0000-0000-0000-000000000002"


def rows_of(tx: ProjectUsers, name: str) -> UserRows:
    """Return the rows of a user, created if missing."""
    if name not in {user.user_id for user in tx.scan_users()}:
        tx.create_user(f"id-{name}", name, {}, None, START)
    return tx.user(name)


async def due(store: Store, name: str, number: int, project_id: str = DEFAULT_PROJECT_ID) -> None:
    """Put sessions of a user in line, the first one is the oldest."""

    def work(tx: ProjectUsers) -> None:
        tx.ensure_project("one", START)
        user = rows_of(tx, name)
        for count in range(number):
            session_id = f"{name}-{count}"
            user.sessions.create(session_id, {}, START - timedelta(days=90 - count), None, START)
            user.sessions.make_due(session_id, START)

    await store.write(lambda tx: work(tx.users(project_id)))


async def worked(store: Store, number: int) -> list[str]:
    """Claim and finish so many jobs, one after the other, a second each."""
    done = []
    for second in range(1, number + 1):
        work, now = await claimed(store, f"token-{second}", second), after(second)
        assert await store.write(lambda tx, work=work, now=now: tx.jobs.finish(work, now))
        done.append(work.session_id)
    return done


# Users


async def test_the_users_of_a_project_take_turns(store: Store) -> None:
    await due(store, "alice", 5)
    await due(store, "bruno", 2)
    await due(store, "carla", 1)
    assert await worked(store, 8) == [
        "alice-0", "bruno-0", "carla-0", "alice-1", "bruno-1", "alice-2", "alice-3", "alice-4"
    ]  # fmt: skip
    assert await claim(store, "none", 99) is None


async def test_who_asks_for_more_while_waiting_keeps_the_place(store: Store) -> None:
    await due(store, "alice", 3)
    await due(store, "bruno", 1)
    first = await claimed(store, "a", 1)
    assert await store.write(lambda tx: tx.jobs.finish(first, after(2)))

    def more(tx: ProjectUsers) -> None:
        sessions = tx.user("alice").sessions
        for number in range(9):
            sessions.create(f"more-{number}", {}, None, None, after(3))
            sessions.make_due(f"more-{number}", after(3))

    await store.write(lambda tx: more(tx.users(DEFAULT_PROJECT_ID)))
    assert (await claimed(store, "b", 4)).session_id == "bruno-0"


@pytest.mark.parametrize("ending", ["retry", "release", "fail"])
async def test_a_start_that_did_not_succeed_was_a_turn(store: Store, ending: str) -> None:
    await due(store, "alice", 2)
    await due(store, "bruno", 1)
    first = await claimed(store, "a", 1)
    endings: dict[str, Callable[[Transaction], bool]] = {
        "retry": lambda tx: tx.jobs.retry(first, after(1), "broken"),
        "release": lambda tx: tx.jobs.release(first),
        "fail": lambda tx: tx.jobs.fail(first, "broken"),
    }
    assert await store.write(endings[ending])
    assert (await claimed(store, "b", 2)).session_id == "bruno-0"


# Projects


def test_projects_are_served_one_after_the_other() -> None:
    turns = ProjectTurns(max_jobs=2)
    assert turns.order(["c", "a", "b"]) == ["a", "b", "c"]
    served = []
    for _ in range(5):
        served.append(turns.order(["a", "b", "c"])[0])
        turns.begin(served[-1])
        turns.end(served[-1])
    assert served == ["a", "b", "c", "a", "b"]


def test_a_project_with_fewer_jobs_in_work_comes_first_and_none_has_too_many() -> None:
    turns = ProjectTurns(max_jobs=2)
    turns.begin("a")
    assert turns.order(["a", "b"]) == ["b", "a"]
    turns.begin("b")
    turns.end("a")
    assert turns.order(["a", "b"]) == ["a", "b"]
    turns.begin("b")
    assert turns.order(["a", "b"]) == ["a"]
    turns.end("b")
    assert turns.order(["b"]) == ["b"]


def test_who_had_nothing_to_do_comes_first_again() -> None:
    turns = ProjectTurns(max_jobs=1)
    for project_id in ("a", "b"):
        turns.begin(project_id)
        turns.end(project_id)
    assert turns.order(["b"]) == ["b"]
    assert turns.order(["a", "b"]) == ["a", "b"]


async def test_a_claim_keeps_to_the_order_of_projects(store: Store) -> None:
    await due(store, "alice", 2)
    await due(store, "bruno", 1, OTHER)
    assert await store.read(lambda tx: tx.jobs.queued_projects(after(1))) == [
        DEFAULT_PROJECT_ID,
        OTHER,
    ]

    def work(project_ids: Sequence[str]) -> Callable[[Transaction], Work | None]:
        return lambda tx: tx.jobs.claim(project_ids, after(1), after(1) + LEASE, "token")

    first = await store.write(work([OTHER, DEFAULT_PROJECT_ID]))
    second = await store.write(work([OTHER, DEFAULT_PROJECT_ID]))
    assert first
    assert (first.project_id, first.session_id) == (OTHER, "bruno-0")
    assert second
    assert (second.project_id, second.session_id) == (DEFAULT_PROJECT_ID, "alice-0")
    assert await store.write(work([OTHER])) is None


class Gated(LocalInference):
    """Does not end what speaks of a gate until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.reached = asyncio.Semaphore(0)

    async def extract(
        self, messages: Sequence[Message], session_date: datetime, **named: Any
    ) -> Extraction:
        if "gate" in messages[0].content:
            self.reached.release()
            await self.gate.wait()
        return await super().extract(messages, session_date, **named)


async def flood(api: MemoryApi, number: int) -> None:
    for item in range(number):
        await api.create_user(f"user-{item}")
        session = await api.create_session(f"user-{item}")
        await api.add_message(f"user-{item}", session.session_id, MessageRole.USER, "The gate.")
        await api.process(f"user-{item}", session.session_id)


async def processed(api: MemoryApi, name: str) -> SessionStatus:
    """Have a one-line session processed, and wait for that at most ten seconds."""
    await api.create_user(name)
    session = await api.create_session(name)
    await api.add_message(name, session.session_id, MessageRole.USER, "I live in Porto.")
    await api.process(name, session.session_id)
    async with asyncio.timeout(10):
        while True:
            status = (await api.get_session(name, session.session_id)).status
            if status is not SessionStatus.PROCESSING:
                return status
            await asyncio.sleep(0.01)


async def test_a_flood_of_one_project_does_not_hold_up_another(path: Path) -> None:
    inference = Gated()
    settings = Settings(poll_interval_s=0.02)
    system = await open_system(path, settings, Parts(HashEmbedder(), inference))
    try:
        other = await system.admin.create_project("other")
        flooded = system.engine(DEFAULT_PROJECT_ID)
        await flood(flooded, 5)
        await inference.reached.acquire()
        for number in range(3):
            status = await processed(system.engine(other.project_id), f"bruno-{number}")
            assert status is SessionStatus.PROCESSED
        # One at a time of a project, as before.
        assert inference.reached.locked()
    finally:
        inference.gate.set()
        await system.close()


async def test_floods_of_so_many_projects_leave_room_for_no_more(path: Path) -> None:
    """Check the bound: each stuck project takes one place."""
    inference = Gated()
    settings = Settings(poll_interval_s=0.02)
    system: System = await open_system(path, settings, Parts(HashEmbedder(), inference))
    try:
        for number in range(OTHER_PROJECTS):
            project = await system.admin.create_project(f"project-{number}")
            await flood(system.engine(project.project_id), 2)
            await inference.reached.acquire()
        status = await processed(system.engine(DEFAULT_PROJECT_ID), "bruno")
        assert status is SessionStatus.PROCESSED
    finally:
        inference.gate.set()
        await system.close()


# Starts


async def test_only_starts_that_never_ended_are_counted(store: Store, path: Path) -> None:
    await due(store, "alice", 1)
    for second in range(10):
        work = await claimed(store, f"failed-{second}", second)
        assert work.attempts == 1
        assert await store.write(
            lambda tx, work=work, second=second: tx.jobs.retry(work, after(second), "broken")
        )
    work = await claimed(store, "waiting", 20)
    assert await store.write(lambda tx: tx.jobs.wait(work, after(21), "spent"))
    await claimed(store, "interrupted", 22)
    interrupt: Callable[[Transaction], None] = lambda tx: (  # noqa: E731
        tx.users(DEFAULT_PROJECT_ID).user("alice").sessions.interrupt(["alice-0"])
    )
    await store.write(interrupt)
    await store.write(interrupt)
    for number in range(1, STARTS + 2):
        work = await claimed(store, f"lost-{number}", 100 * number)
        assert (work.attempts, work.failures) == (number, 10)


# Places in the queue


def due_instants(reader: Reader) -> dict[str, int]:
    """From when on each user with a job has one that can be claimed."""
    instants: dict[str, tuple[int, int]] = {}
    for table in ("sessions", "merge_conflicts"):
        for row in reader.rows(f"select * from {table} where due_at is not null"):
            due_at, leased = instants.get(row["user_id"], (2**63, 0))
            instants[row["user_id"]] = (min(due_at, row["due_at"]), max(leased, row["lease_until"]))
    return {user_id: max(both) for user_id, both in instants.items()}


def check_queue(reader: Reader, now: datetime) -> None:
    """Check that no place in the queue is later than the user's next job, or now."""
    queued_at = {row["user_id"]: row["queued_at"] for row in reader.rows("select * from users")}
    for user_id, instant in due_instants(reader).items():
        assert queued_at[user_id] is not None, user_id
        assert queued_at[user_id] <= max(instant, to_micros(now)), user_id


class Life:
    """Random calls that give users jobs, take them away, and do them."""

    def __init__(self, store: Store, random: Random) -> None:
        self._store = store
        self._random = random
        self.seconds = 0.0
        self._held: list[Work] = []
        self._number = 0

    async def step(self) -> None:
        self.seconds += self._random.choice([0, 0.5, 5, 400])
        await self._random.choice(
            [self.add_session, self.add_session, self.change, self.claim, self.end]
        )()

    async def add_session(self) -> None:
        """Make a session, add to one, or ask for its processing."""
        now = after(self.seconds)
        name = self._random.choice(["alice", "bruno", "carla"])

        def work(tx: ProjectUsers) -> None:
            user = rows_of(tx, name)
            pending = [
                item for item in user.sessions.scan() if item.status is SessionStatus.PENDING
            ]
            if not pending or self._random.random() < 0.3:
                self._number += 1
                auto = self._random.choice([None, 600, 900])
                user.sessions.create(f"{name}-{self._number}", {}, None, auto, now)
                return
            session_id = self._random.choice(pending).session_id
            if self._random.random() < 0.5:
                user.messages.add(session_id, MessageRole.USER, "Hello", now)
            else:
                user.sessions.make_due(session_id, now)

        await self._store.write(lambda tx: work(tx.users(DEFAULT_PROJECT_ID)))

    async def change(self) -> None:
        """Delete, interrupt, retry, raise the budget, raise or answer a conflict."""
        now, kind = after(self.seconds), self._random.randrange(6)

        def work(tx: Transaction) -> None:
            users = tx.users(DEFAULT_PROJECT_ID)
            user = rows_of(users, self._random.choice(["alice", "bruno", "carla"]))
            sessions = list(user.sessions.scan())
            if not sessions:
                return
            session = self._random.choice(sessions)
            if kind == 0:
                user.sessions.delete(session.session_id)
            elif kind == 1:
                user.sessions.interrupt([item.session_id for item in sessions])
            elif kind == 2 and session.status is SessionStatus.FAILED:
                user.sessions.retry(session.session_id, now)
            elif kind == 3:
                tx.ledger.resume_waiting(DEFAULT_PROJECT_ID, now)
            elif kind == 4:
                self._number += 1
                conflict_id = f"conflict-{self._number}"
                user.conflicts.insert(
                    conflict_id,
                    session.session_id,
                    Candidate("new", START, START, (0,)),
                    [],
                    [],
                    now,
                )
                user.conflicts.answer(conflict_id, [MergeConflictAnswer("Which?", "new")], now)
            elif conflicts := user.conflicts.all():
                user.conflicts.delete(self._random.choice(conflicts).id)

        await self._store.write(work)

    async def claim(self) -> None:
        self._number += 1
        work = await claim(self._store, f"token-{self._number}", self.seconds)
        if work is not None:
            self._held.append(work)

    async def end(self) -> None:
        """End a job in one of the ways, or lose it."""
        if not self._held:
            return
        work = self._held.pop(self._random.randrange(len(self._held)))
        now, later = after(self.seconds), after(self.seconds + 50)
        endings: list[Callable[[Transaction], Any]] = [
            lambda tx: tx.jobs.finish(work, now),
            lambda tx: tx.jobs.retry(work, later, "broken"),
            lambda tx: tx.jobs.release(work),
            lambda tx: tx.jobs.renew(work, later),
            lambda tx: work.merge_conflict_id or tx.jobs.wait(work, later, "spent"),
            lambda tx: tx.jobs.fail(work, "broken"),
            lambda tx: None,
        ]
        await self._store.write(self._random.choice(endings))


@pytest.fixture
def reader(path: Location) -> Iterator[Reader]:
    with closing(Reader(path)) as opened:
        yield opened


@pytest.mark.parametrize("seed", range(6))
async def test_no_place_in_the_queue_is_too_late(store: Store, reader: Reader, seed: int) -> None:
    life = Life(store, Random(seed))
    for _ in range(120):
        await life.step()
        check_queue(reader, after(life.seconds))
    # Whatever is left is done when its time has come.
    await store.write(lambda tx: tx.ledger.resume_waiting(DEFAULT_PROJECT_ID, after(10**6)))
    seconds = 2 * 10**6
    while work := await claim(store, f"last-{seconds}", seconds):
        now = after(seconds)
        assert await store.write(lambda tx, work=work, now=now: tx.jobs.finish(work, now))
        seconds += 1
    assert due_instants(reader) == {}
    assert await store.read(lambda tx: tx.jobs.next_due()) is None


PLACES = {
    "insert_session",
    "make_due",
    "count_message",
    "answer_merge_conflict",
    "requeue_merge_conflict",
    "resume_waiting_sessions",
    "interrupt_session",
    "rewrite_merge_conflict",
    "take_lease",
    "take_merge_conflict_lease",
    "renew_lease",
    "renew_merge_conflict_lease",
    "release_lease",
    "release_merge_conflict_lease",
    "finish_session",
    "finish_merge_conflict",
    "retry_session",
    "retry_merge_conflict",
    "fail_session",
    "fail_merge_conflict",
    "wait_session",
    "delete_session",
    "delete_merge_conflict",
}
"""Statements that change when a user's next job can be claimed. Each is run beside one that moves
the user's place in the queue, and is among the calls of `Life`."""


def test_no_other_statement_changes_when_a_job_can_be_claimed() -> None:
    changing = {
        name
        for name, sql in STATEMENTS.items()
        if re.match(r"(update|insert into|delete from) (sessions|merge_conflicts)\b", sql)
        and (sql.startswith("delete") or re.search(r"\b(due_at|lease_until)\b", _changed(sql)))
    }
    assert changing == PLACES


def _changed(sql: str) -> str:
    """Return the part of a statement that names the written columns."""
    return re.split(r"\bwhere\b", sql)[0]


# What a claim costs


@pytest.mark.parametrize("users", [1, 2_000])
async def test_a_claim_looks_through_no_queue(tmp_path: Path, users: int) -> None:
    """SQLite counts the steps of its machine, which no other process disturbs."""
    path = tmp_path / "memory.db"
    store = Store(open_database(path))
    await store.open()

    def fill(tx: ProjectUsers) -> None:
        tx.ensure_project("one", START)
        for number in range(users):
            tx.create_user(f"id-{number}", f"user-{number}", {}, None, START)
        for number in range(2_000):
            sessions = tx.user(f"user-{number % users}").sessions
            sessions.create(f"session-{number}", {}, None, None, START)
            sessions.make_due(f"session-{number}", START)

    await store.write(lambda tx: fill(tx.users(DEFAULT_PROJECT_ID)))
    await store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        steps = 0

        def note() -> None:
            nonlocal steps
            steps += 1

        connection.set_progress_handler(note, 1)

        def run(name: str, /, **parameters: Any) -> list[Any]:
            return connection.execute(STATEMENTS[name], parameters).fetchall()

        transaction = Transaction(_counted(run))
        for second in range(1, 4):
            begun = steps
            queued = transaction.jobs.queued_projects(after(second))
            work = transaction.jobs.claim(queued, after(second), after(second) + LEASE, "token")
            assert work is not None
            assert transaction.jobs.finish(work, after(second))
            assert steps - begun < 1_500
    await store.close()


def _counted(run: Callable[..., list[Any]]) -> Run:
    return run  # type: ignore[return-value]
