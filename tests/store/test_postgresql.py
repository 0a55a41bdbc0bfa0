"""PostgreSQL: many writers at once, a failing server, databases of others."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from tests import databases
from tests.conftest import START
from tests.databases import Location, Server, named
from tests.fakes import HashEmbedder
from tests.server.conftest import http_for

from hitherto import AsyncHitherto, MessageRole, Parts, Settings
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import (
    SchemaError,
    StoreError,
    UserAlreadyExistsError,
    UserNotFoundError,
    ValidationError,
)
from hitherto.server import create_app
from hitherto.store import (
    JobRows,
    LedgerRows,
    ProjectUsers,
    Store,
    Transaction,
    migrate,
    open_database,
    postgres,
)
from hitherto.store.address import shown_address
from hitherto.store.database import RerunError
from hitherto.system import open_system

pytestmark = pytest.mark.postgresql

STEPS = migrate.migrations()


@pytest.fixture
async def store(path: Location) -> AsyncIterator[Store]:
    opened = Store(open_database(path))
    await opened.open()
    await opened.write(lambda tx: tx.users(DEFAULT_PROJECT_ID).ensure_project("default", START))
    yield opened
    await opened.close()


def add_user(users: ProjectUsers, name: str) -> None:
    users.create_user(f"id-{name}", name, {}, None, START)


def create(name: str) -> Callable[[Transaction], None]:
    return lambda tx: add_user(tx.users(DEFAULT_PROJECT_ID), name)


@contextmanager
def locking(path: Location, sql: str) -> Iterator[psycopg.Connection[Any]]:
    """Another program that has run a statement and not committed it."""
    with psycopg.connect(str(path)) as other:
        other.execute(sql)
        yield other
        other.rollback()


def waiting(path: Location) -> int:
    """Return the number of connections that wait for a lock."""
    sql = "select count(*) from pg_stat_activity where datname = current_database()"
    return int(databases.values(path, f"{sql} and wait_event_type = 'Lock'")[0][0])


async def until_waiting(path: Location, number: int) -> None:
    async with asyncio.timeout(20):
        while await asyncio.to_thread(waiting, path) < number:  # noqa: ASYNC110  on a server
            await asyncio.sleep(0.01)


# Writers at once


async def test_changes_of_one_user_wait_for_each_other_and_reading_goes_on(
    store: Store, path: Location
) -> None:
    await store.write(create("alice"))
    await store.write(create("bruno"))
    lock = "select 1 from users where custom_user_id = 'alice' for no key update"
    with locking(path, lock) as other:
        changing = asyncio.create_task(
            store.write(lambda tx: tx.users(DEFAULT_PROJECT_ID).user("alice").touch(START))
        )
        await until_waiting(path, 1)
        await store.read(lambda tx: tx.users(DEFAULT_PROJECT_ID).user("alice").revision())
        await store.write(lambda tx: tx.users(DEFAULT_PROJECT_ID).user("bruno").touch(START))
        assert not changing.done()
        other.commit()
        await changing


async def test_users_are_written_for_at_the_same_time(store: Store) -> None:
    for name in ("alice", "bruno"):
        await store.write(create(name))
    both = threading.Barrier(2)

    def change(name: str) -> Callable[[Transaction], None]:
        def work(transaction: Transaction) -> None:
            tx = transaction.users(DEFAULT_PROJECT_ID)
            tx.user(name).advance(removed=False)
            both.wait(20)

        return work

    await asyncio.gather(*(store.write(change(name)) for name in ("alice", "bruno")))


async def test_two_that_wait_for_each_other_both_come_through(store: Store) -> None:
    for name in ("alice", "bruno"):
        await store.write(create(name))
    both, runs = threading.Barrier(2), []

    def change(first: str, second: str) -> Callable[[Transaction], None]:
        def work(transaction: Transaction) -> None:
            tx = transaction.users(DEFAULT_PROJECT_ID)
            runs.append(first)
            tx.user(first).advance(removed=False)
            if len(runs) <= 2:
                both.wait(20)
            tx.user(second).advance(removed=False)

        return work

    await asyncio.gather(
        store.write(change("alice", "bruno")),
        store.write(change("bruno", "alice")),
    )
    assert len(runs) > 2, "neither was run again"
    for name in ("alice", "bruno"):
        revision = await store.read(
            lambda tx, n=name: tx.users(DEFAULT_PROJECT_ID).user(n).revision()
        )
        assert revision.number == 2


async def test_a_transaction_that_is_always_in_the_way_of_another_is_given_up(
    store: Store,
) -> None:
    runs: list[int] = []

    def work(tx: ProjectUsers) -> None:
        runs.append(1)
        raise RerunError("always")

    with pytest.raises(StoreError, match="always"):
        await store.write(lambda tx: work(tx.users(DEFAULT_PROJECT_ID)))
    assert 3 < len(runs) < 20


async def test_two_users_renamed_alike_at_once_are_told_apart(store: Store) -> None:
    for name in ("alice", "bruno"):
        await store.write(create(name))
    both, runs = threading.Barrier(2), []

    def rename(name: str) -> Callable[[Transaction], None]:
        def work(transaction: Transaction) -> None:
            tx = transaction.users(DEFAULT_PROJECT_ID)
            user = tx.user(name)
            runs.append(name)
            if len(runs) <= 2:
                assert not tx._run(
                    "find_user", project_id=DEFAULT_PROJECT_ID, custom_user_id="carla"
                )
                both.wait(20)
            tx.update_user(user, "carla", {}, None, None)

        return work

    answers = await asyncio.gather(
        *(store.write(rename(name)) for name in ("alice", "bruno")),
        return_exceptions=True,
    )
    assert sorted(type(answer) for answer in answers if answer) == [UserAlreadyExistsError]


async def test_what_is_written_for_a_user_who_is_being_deleted_finds_nobody(
    store: Store, path: Location
) -> None:
    await store.write(create("alice"))
    with locking(path, "delete from users") as other:
        adding = asyncio.create_task(
            store.write(
                lambda tx: (
                    tx.users(DEFAULT_PROJECT_ID)
                    .user("alice")
                    .sessions.create("one", {}, START, None, START)
                )
            )
        )
        await until_waiting(path, 1)
        other.commit()
        with pytest.raises(UserNotFoundError):
            await adding


async def test_a_lock_that_is_never_let_go_is_given_up_on(
    path: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_PREPARE", "set lock_timeout = '100ms'")
    store = Store(open_database(path))
    await store.open()
    await store.write(lambda tx: tx.users(DEFAULT_PROJECT_ID).ensure_project("default", START))
    await store.write(create("alice"))
    with (
        locking(path, "update users set revision = 7"),
        pytest.raises(StoreError, match="lock timeout; another transaction has been writing"),
    ):
        await store.write(lambda tx: tx.users(DEFAULT_PROJECT_ID).user("alice").touch(START))
    await store.write(lambda tx: tx.users(DEFAULT_PROJECT_ID).user("alice").touch(START))
    await store.close()


# Taking work


async def test_work_that_many_take_at_once_is_taken_once_and_one_piece_of_a_user_at_a_time(
    path: Location,
) -> None:
    stores = [Store(open_database(path)) for _ in range(4)]
    for store in stores:
        await store.open()

    def add_session(tx: ProjectUsers) -> None:
        tx.ensure_project("default", START)
        for number in range(10):
            tx.create_user(f"u{number}", f"u{number}", {}, None, START)
            user = tx.user(f"u{number}")
            for item in range(3):
                user.sessions.create(f"{number}-{item}", {}, START, None, START)
                user.sessions.make_due(f"{number}-{item}", START)

    await stores[0].write(lambda tx: add_session(tx.users(DEFAULT_PROJECT_ID)))
    now, until = START + timedelta(seconds=1), START + timedelta(hours=1)
    claimed_users: list[str] = []
    done: list[str] = []

    async def work(store: Store, worker: int) -> None:
        idle = 0
        while len(done) < 30 and idle < 400:
            taken = await store.write(
                lambda tx: tx.jobs.claim([DEFAULT_PROJECT_ID], now, until, f"token-{worker}")
            )
            if taken is None:
                idle += 1
                await asyncio.sleep(0.005)
                continue
            assert taken.user_id not in claimed_users
            claimed_users.append(taken.user_id)
            await asyncio.sleep(0.002)
            claimed_users.remove(taken.user_id)
            assert await store.write(lambda tx, taken=taken: tx.jobs.finish(taken, now))
            done.append(taken.session_id)

    await asyncio.gather(
        *(work(store, 4 * n + k) for n, store in enumerate(stores) for k in (0, 1))
    )
    assert sorted(done) == sorted(f"{n}-{k}" for n in range(10) for k in range(3))
    assert all(
        [item for item in done if item.startswith(f"{n}-")] == [f"{n}-{k}" for k in range(3)]
        for n in range(10)
    )
    for store in stores:
        await store.close()


async def test_a_user_who_is_being_changed_is_passed_over(store: Store, path: Location) -> None:
    def add_session(tx: ProjectUsers) -> None:
        for name in ("alice", "bruno"):
            add_user(tx, name)
            tx.user(name).sessions.create(f"of-{name}", {}, START, None, START)
            tx.user(name).sessions.make_due(f"of-{name}", START)

    await store.write(lambda tx: add_session(tx.users(DEFAULT_PROJECT_ID)))

    def claim(tx: JobRows) -> Any:
        return tx.claim([DEFAULT_PROJECT_ID], START, START + timedelta(seconds=20), "token")

    lock = "select 1 from users where custom_user_id = 'alice' for no key update"
    with locking(path, lock):
        taken = await store.write(lambda tx: claim(tx.jobs))
        assert (taken.session_id, await store.write(lambda tx: claim(tx.jobs))) == (
            "of-bruno",
            None,
        )
    assert (await store.write(lambda tx: claim(tx.jobs))).session_id == "of-alice"


async def test_work_that_was_taken_since_it_was_found_is_not_taken_again(store: Store) -> None:
    def add_session(tx: ProjectUsers) -> None:
        add_user(tx, "alice")
        for name in ("one", "two"):
            tx.user("alice").sessions.create(name, {}, START, None, START)
            tx.user("alice").sessions.make_due(name, START)

    await store.write(lambda tx: add_session(tx.users(DEFAULT_PROJECT_ID)))
    until = START + timedelta(seconds=20)
    assert await store.write(lambda tx: tx.jobs.claim([DEFAULT_PROJECT_ID], START, until, "first"))
    lease = {"now": 0, "lease_until": 1, "lease_token": "late"}

    def late(tx: JobRows) -> list[Any]:
        instant = int(START.timestamp() * 1_000_000)
        key = {"user_id": "id-alice", "session_id": "two"}
        return tx._run("take_lease", **key, **(lease | {"now": instant}))

    assert await store.write(lambda tx: late(tx.jobs)) == []


# A server that fails


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    databases.make_template(started.address())
    yield started
    started.remove()


async def test_a_server_that_was_killed_and_came_back_is_used_again(server: Server) -> None:
    address_of_database = named(server.address(), "migrated")
    settings = Settings(poll_interval_s=0.02, retry_delay_s=0)
    async with AsyncHitherto(
        address_of_database, settings=settings, parts=Parts(HashEmbedder())
    ) as memory:
        user = await memory.create_user("alice")
        session = await user.create_session()
        await asyncio.gather(*(session.add_message("user", f"I own {n} cats.") for n in range(8)))
        server.kill()
        with pytest.raises(StoreError, match="check that the server is up"):
            await session.add_message("user", "lost")
        with pytest.raises(StoreError):
            await user.list_sessions()
        server.start()
        await session.add_message("user", "I live in Porto.")
        assert (await session.get_messages()).total == 9
        await session.process()
        await memory.wait_until_processed(timeout_s=20)
        contents = {item.content for item in (await user.list_memories()).items}
        assert "User lives in Porto" in contents
        # What was idle when the server went is not stumbled over later.
        await asyncio.gather(*(user.list_sessions() for _ in range(20)))


async def test_the_service_answers_500_until_the_server_is_back(server: Server) -> None:
    settings, parts = Settings(worker=False), Parts(HashEmbedder())
    system = await open_system(named(server.address(), "migrated"), settings, parts)
    made = await system.admin.create_key(DEFAULT_PROJECT_ID)
    headers = {"X-Recallr-Api-Key": made.api_key, "X-Recallr-Project-Id": DEFAULT_PROJECT_ID}
    async with http_for(create_app(system, settings), headers) as http:
        assert (await http.get("/api/v1/users")).status_code == 200
        server.kill()
        refused = await http.get("/api/v1/users")
        assert (refused.status_code, "postgres" in refused.text) == (500, False)
        server.start()
        assert (await http.get("/api/v1/users")).status_code == 200
    await system.close()


async def test_a_connection_that_breaks_in_a_transaction_is_replaced(
    store: Store, path: Location
) -> None:
    end = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    runs: list[int] = []

    def work(tx: ProjectUsers) -> None:
        runs.append(1)
        add_user(tx, "alice")
        if len(runs) == 1:
            databases.values(path, end)
        add_user(tx, "bruno")

    await store.write(lambda tx: work(tx.users(DEFAULT_PROJECT_ID)))
    assert len(runs) == 2
    assert await store.read(lambda tx: tx.users(DEFAULT_PROJECT_ID).count_users()) == 2


async def test_a_process_that_stands_still_in_a_transaction_lets_go_of_its_locks(
    store: Store, monkeypatch: pytest.MonkeyPatch, path: Location
) -> None:
    await store.write(create("alice"))
    begin = "begin; set local idle_in_transaction_session_timeout = '50ms'"
    assert postgres._BEGIN_WRITING.startswith("begin; set local idle_in_transaction_session")
    monkeypatch.setattr(postgres, "_BEGIN_WRITING", begin)
    runs, awake = [], threading.Event()

    def stand_still(tx: ProjectUsers) -> None:
        runs.append(1)
        user = tx.user("alice")
        if len(runs) == 1:
            awake.wait(20)
        user.advance(removed=False)

    standing = asyncio.create_task(
        store.write(lambda tx: stand_still(tx.users(DEFAULT_PROJECT_ID)))
    )
    while not runs:  # noqa: ASYNC110  turned in a thread
        await asyncio.sleep(0.01)
    await store.write(lambda tx: tx.users(DEFAULT_PROJECT_ID).user("alice").advance(removed=False))
    awake.set()
    await standing
    assert len(runs) == 2


async def test_a_database_that_may_only_be_read_says_so(path: Location) -> None:
    store = Store(open_database(path))
    await store.open()
    await store.close()
    name = databases.values(path, "select current_database()")[0][0]
    databases.change(path, f'alter database "{name}" set default_transaction_read_only = on')
    store = Store(open_database(path))
    await store.open()
    with pytest.raises(StoreError, match="read-only transaction; connect to the primary"):
        await store.write(lambda tx: tx.users(DEFAULT_PROJECT_ID).ensure_project("default", START))
    await store.close()


async def test_what_is_acknowledged_is_kept_whatever_the_database_is_set_to(
    path: Location,
) -> None:
    name = databases.values(path, "select current_database()")[0][0]
    databases.change(path, f'alter database "{name}" set synchronous_commit = off')
    database = open_database(path)
    database.open()
    with database.transaction(write=True) as run:
        setting = run._connection.execute("show synchronous_commit").fetchone()
    assert setting == {"synchronous_commit": "on"}
    database.close()


# Addresses


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("postgresql://me:sesame@127.0.0.1:1/memory", "check that the server is up"),
        ("postgresql://me:sesame@nowhere.invalid/memory", "check that the server is up"),
        ("postgres://me:sesame@127.0.0.1:1/memory", "check that the server is up"),
    ],
)
async def test_a_server_that_cannot_be_reached_is_said_so_without_the_password(
    address: str, why: str
) -> None:
    store = Store(open_database(address))
    with pytest.raises(StoreError, match=why) as raised:
        await store.open()
    assert "me@" in str(raised.value)
    assert "sesame" not in str(raised.value)
    await store.close()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:ses%zzame@host/x",
        "postgresql://me:sesame@host:port/x?nonsense=sesame",
        "postgresql://me:pass@sesame@host/x",
        "postgresql://me:pass@sesame@host:5432,other/x",
        "postgresql://me:x@host/x?host=pass@sesame",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_the_password(address: str) -> None:
    with pytest.raises(ValidationError, match="cannot read the address") as raised:
        open_database(address)
    assert "ame@" not in str(raised.value)
    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "setting"),
    [
        (
            "postgresql://me:sesame@host:5432/memory?sslmode=require",
            "postgresql://me@host:5432/memory",
        ),
        ("postgresql://host/memory?user=me&password=sesame", "postgresql://host/memory"),
        ("postgresql:///memory?host=/run/sock&password=sesame", "postgresql:///memory"),
        ("postgresql://me:ses/ame@host/memory", "postgresql://..."),
        ("postgresql://me:ses@me@host/memory", "postgresql://me@host/memory"),
        ("postgresql://[", "postgresql://..."),
        ("POSTGRESQL://me:sesame@host/memory", "postgresql://me@host/memory"),
        ("memory.db", "memory.db"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, setting: str) -> None:
    assert shown_address(address) == setting


async def test_a_database_or_a_user_that_is_not_there_is_said_so(path: Location) -> None:
    for address, why in (
        (named(str(path), "absent"), "does not exist; create the database"),
        (databases.logged_in(path, "nobody"), r'role "nobody" does not exist'),
    ):
        store = Store(open_database(address))
        with pytest.raises(StoreError, match=why):
            await store.open()
        await store.close()


async def test_a_user_without_rights_is_told_which(path: Location) -> None:
    databases.migrate_to(path, 0)
    databases.change(path, "drop table schema_migrations")
    databases.change(path, "revoke create on schema public from public")
    role = f"guest_{databases.values(path, 'select current_database()')[0][0]}"
    databases.change(path, f"create role {role} login")
    databases.change(path, f"grant usage on schema public to {role}")
    store = Store(open_database(databases.logged_in(path, role)))
    with pytest.raises(StoreError, match=r"permission denied.*grant the user the right to create"):
        await store.open()
    await store.close()
    databases.change(path, f"drop owned by {role}")
    databases.change(path, f"drop role {role}")


def test_a_missing_driver_is_said_with_what_to_install(
    path: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hitherto.store.postgres", None)
    with pytest.raises(ValidationError, match=r"pip install 'hitherto\[postgres\]'"):
        open_database(path)


# Schemas


async def opened(path: Location) -> tuple[int, int]:
    store = Store(open_database(path))
    try:
        return await store.open()
    finally:
        await store.close()


async def test_a_database_of_another_program_is_refused_and_a_schema_of_ones_own_is_not(
    path: Location,
) -> None:
    databases.migrate_to(path, 0)
    databases.change(path, "drop table schema_migrations")
    databases.change(path, "create table bookmarks (address text)")
    with pytest.raises(SchemaError, match="tables of another program") as raised:
        await opened(path)
    databases.change(path, "create schema memory")
    mark = "&" if "?" in str(path) else "?"
    own = f"{path}{mark}options=-csearch_path%3Dmemory"
    assert "options=-csearch_path%3D" in str(raised.value)
    assert await opened(own) == (0, len(STEPS))
    assert await opened(own) == (len(STEPS), len(STEPS))
    with pytest.raises(StoreError, match="has no schema"):
        await opened(f"{path}{mark}options=-csearch_path%3Dabsent")
    assert databases.columns(path) == {"bookmarks": {"address"}}


async def test_a_newer_schema_is_refused(path: Location) -> None:
    databases.change(path, "insert into schema_migrations values (?, 'later')", len(STEPS) + 1)
    with pytest.raises(SchemaError, match="knows up to"):
        await opened(path)


async def test_an_earlier_schema_is_left_alone_while_somebody_is_at_work_on_it(
    path: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ALONE_TIMEOUT_S", 0.1)
    databases.migrate_to(path, len(STEPS) - 1)
    with monkeypatch.context() as earlier:
        earlier.setattr(migrate, "migrations", lambda: STEPS[:-1])
        older = open_database(path)
        older.open()
    with pytest.raises(SchemaError, match="open; stop the older process"):
        await opened(path)
    older.close()
    assert await opened(path) == (len(STEPS) - 1, len(STEPS))


async def test_an_older_process_that_connects_again_does_not_work_on_a_newer_schema(
    path: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.migrate_to(path, len(STEPS) - 1)
    monkeypatch.setattr(migrate, "migrations", lambda: STEPS[:-1])
    older = open_database(path)
    older.open()
    older.close()
    monkeypatch.undo()
    await opened(path)
    monkeypatch.setattr(migrate, "migrations", lambda: STEPS[:-1])
    with (
        pytest.raises(SchemaError, match="knows up to"),
        older.transaction(write=False),
    ):
        pass


# Values


async def test_sums_are_whole_numbers_and_texts_have_no_nul(store: Store) -> None:
    await store.write(create("alice"))

    def spent(tx: LedgerRows) -> Any:
        return tx.taken_by_project(DEFAULT_PROJECT_ID, "2025-03-14", START)

    taken = await store.read(lambda tx: spent(tx.ledger))
    assert (taken.tokens, type(taken.tokens)) == (0, int)

    def say(tx: ProjectUsers) -> list[str]:
        user = tx.user("alice")
        user.sessions.create("one", {}, START, None, START)
        user.messages.add("one", MessageRole.USER, "half\0done", START)
        return [message.content for message in user.messages.of_session("one")]

    assert await store.write(lambda tx: say(tx.users(DEFAULT_PROJECT_ID))) == [
        "half\N{REPLACEMENT CHARACTER}done"
    ]
