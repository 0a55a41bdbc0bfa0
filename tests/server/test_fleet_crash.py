"""Servers, workers and the database itself are killed at random under load: nothing is lost."""

import asyncio
import itertools
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests import databases
from tests.databases import POSTGRESQL, Location, NewDatabase, named, values
from tests.forking import Programs
from tests.server.serving_process import LEASE_S
from tests.server.test_server_crash import CLIENTS, PATIENCE_S, Client, Server, all_of, killable

ROUNDS = int(os.environ.get("HITHERTO_TEST_CRASH_ROUNDS", "10"))  # noqa: TID251
"""How often something is killed; a hundred or more are run by hand."""

ACKNOWLEDGED_A_ROUND = (20, 120)
FRONTS, WORKERS = 2, 2


@pytest.fixture
def place(
    new_database: NewDatabase, database_kind: str
) -> Iterator[tuple[Location, databases.Server | None]]:
    """A database, and the server that it is on if that is one of the test's own."""
    if database_kind != POSTGRESQL:
        yield new_database(), None
        return
    server = databases.Server()
    databases.make_template(server.address())
    yield named(server.address(), "migrated"), server
    server.remove()


class Fleet:
    """Two servers that leave the work to two workers, on one database."""

    def __init__(
        self, fronts: list[Server], workers: list[Server], database: databases.Server | None
    ) -> None:
        self.fronts, self.workers, self.database = fronts, workers, database
        self.killed: list[str] = []
        self._http: dict[Server, httpx.AsyncClient] = {}

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as ending:
            for process in [*self.fronts, *self.workers]:
                await self._start(process)
            ending.push_async_callback(self._close)
            yield

    async def _start(self, process: Server) -> None:
        # The first to start made the key; the others serve the same project.
        process.headers = process.headers or self.fronts[0].headers
        self._http[process] = await process.start()

    async def _close(self) -> None:
        for http in self._http.values():
            await http.aclose()

    def http(self, client: int) -> httpx.AsyncClient:
        """The connection of a client to its server."""
        return self._http[self.fronts[client % FRONTS]]

    async def kill_one(self, chance: random.Random) -> None:
        """Kill a process, or the database, and start it again; or stop a worker for a while."""
        kinds = ["front", "worker", "stall", *(["database"] if self.database else [])]
        kind = chance.choice(kinds)
        self.killed.append(kind)
        if kind == "database":
            assert self.database is not None
            await asyncio.to_thread(self.database.kill)
            await asyncio.to_thread(self.database.start)
            return
        if kind == "stall":
            # A worker that is cut off in the middle of its work, and back after it lost its lease.
            with chance.choice(self.workers).stopped():
                await asyncio.sleep(3 * LEASE_S)
            return
        victim = chance.choice(self.fronts if kind == "front" else self.workers)
        victim.kill()
        assert await victim.ended() == -signal.SIGKILL
        await self._http[victim].aclose()
        await self._start(victim)


async def load_and_kill(fleet: Fleet, clients: list[Client], chance: random.Random) -> None:
    """Let all clients work until something was killed and is there again."""
    remaining = itertools.count(chance.randint(*ACKNOWLEDGED_A_ROUND) - 1, -1)
    enough, over = asyncio.Event(), asyncio.Event()

    async def work(number: int, client: Client) -> None:
        while not over.is_set():
            try:
                await client.step(fleet.http(number))
            except (httpx.TransportError, RuntimeError):
                # Its server is gone, or its connection was just closed.
                await asyncio.sleep(0.02)
            else:
                if next(remaining) == 0:
                    enough.set()

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        for number, client in enumerate(clients):
            tasks.create_task(work(number, client))
        await enough.wait()
        await fleet.kill_one(chance)
        over.set()


@pytest.fixture
def fleet(
    programs: Programs, place: tuple[Location, databases.Server | None], tmp_path: Path
) -> Iterator[Fleet]:
    path, database = place
    with ExitStack() as ending:

        def servers(count: int, kind: str) -> list[Server]:
            logs = (tmp_path / f"{kind}{number}.log" for number in range(count))
            made = (killable(programs, path, log, kind) for log in logs)
            return [ending.enter_context(server) for server in made]

        yield Fleet(servers(FRONTS, "front"), servers(WORKERS, "worker"), database)


@pytest.mark.long
async def test_whatever_is_killed_nothing_acknowledged_is_lost_or_done_twice(
    fleet: Fleet, place: tuple[Location, databases.Server | None]
) -> None:
    path, _ = place
    chance = random.Random(ROUNDS)
    clients = [Client(number) for number in range(CLIENTS)]
    async with fleet.started():
        for _ in range(ROUNDS):
            await load_and_kill(fleet, clients, chance)
            checks = (client.check(fleet.http(n)) for n, client in enumerate(clients))
            await all_of(checks)
        # All that was told is read again, and there is more of it with every round.
        async with asyncio.timeout(3 * PATIENCE_S * max(1, ROUNDS / 20)):
            for number, client in enumerate(clients):
                while client.unfinished:
                    await client.step(fleet.http(number))
            await all_of(client.settled(fleet.http(n)) for n, client in enumerate(clients))
            await all_of(client.check_all(fleet.http(n)) for n, client in enumerate(clients))
    assert {"front", "worker", "stall"} <= set(fleet.killed)
    _require_sound_chains(path)
    if isinstance(path, Path):
        assert databases.healthy(path)


def _require_sound_chains(path: Location) -> None:
    """No memory is there twice, and every link leads to a version of the same user."""
    told = values(
        path,
        "select user_id, session_id, content, count(*) from memories"
        " group by user_id, session_id, content having count(*) > 1",
    )
    assert told == []
    broken = values(
        path,
        "select m.memory_id from memories m left join memories p"
        " on p.user_id = m.user_id and p.memory_id = m.previous_id"
        " where m.previous_id is not null and (p.memory_id is null or p.expired_at is null)",
    )
    assert broken == []
