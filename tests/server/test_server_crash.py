"""The server is killed under load: what it acknowledged stays, what it had begun is finished."""

import asyncio
import itertools
import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests import databases
from tests.databases import Location
from tests.forking import Program, Programs

ROUNDS = 3
CLIENTS = 20
ACKNOWLEDGED_A_ROUND = (50, 400)
"""Fewest and most answers before a kill."""

PATIENCE_S = 60.0
TOWNS = ("Porto", "Faro", "Braga", "Lisbon", "Evora", "Madrid", "Paris", "Berlin", "Rome", "Oslo")


class Server:
    """The service in a process that can be killed and started again on the same file."""

    def __init__(self, parent: Program, kind: str = "") -> None:
        self._kind = kind
        self._parent = parent
        self._pid = 0
        self.headers: dict[str, str] = {}

    async def start(self) -> httpx.AsyncClient:
        """Start it; a client of the default project."""
        self._parent.stdin.write(f"{self._kind}\n")
        self._parent.stdin.flush()
        self._pid, url, key = await self._report()
        if key:
            self.headers = {"X-Recallr-Api-Key": key[0], "X-Recallr-Project-Id": key[1]}
        limits = httpx.Limits(max_keepalive_connections=CLIENTS)
        return httpx.AsyncClient(
            base_url=f"{url}/api/v1", headers=self.headers, limits=limits, timeout=PATIENCE_S
        )

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let the process stand still."""
        os.kill(self._pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._pid, signal.SIGCONT)

    async def ended(self) -> int:
        (code,) = await self._report()
        self._pid = 0
        return int(code)

    async def _report(self) -> list[Any]:
        async with asyncio.timeout(PATIENCE_S):
            found: list[Any] = json.loads(await asyncio.to_thread(self._parent.stdout.readline))
        return found

    def close(self) -> None:
        if self._pid:
            self.kill()


@contextmanager
def killable(programs: Programs, path: Location, log: Path, kind: str = "") -> Iterator[Server]:
    """A server, not started yet. log: where its standard error goes."""
    with programs.running("tests.server.serving_process", str(path), log=log) as parent:
        server = Server(parent, kind)
        try:
            yield server
        finally:
            server.close()


@pytest.fixture
def server(programs: Programs, path: Location, tmp_path: Path) -> Iterator[Server]:
    with killable(programs, path, tmp_path / "log") as found:
        yield found


@dataclass
class Told:
    """A session as far as it is acknowledged."""

    session_id: str
    texts: list[str] = field(default_factory=list)
    due: bool = False


@dataclass(frozen=True)
class Call:
    """A write. noted: what is done when it is acknowledged. text: of the message, if it is one."""

    path: str
    body: Any
    statuses: set[int]
    key: str
    noted: Callable[[Any], None]
    text: str | None = None


class Client:
    """Tells of one user's life, one call after the other, and remembers every acknowledgement.

    A call that was not acknowledged is made again with its idempotency key after the restart.
    """

    def __init__(self, number: int) -> None:
        self.user = f"client-{number}"
        self.exists = False
        self.sessions: list[Told] = []
        self.unfinished: Call | None = None
        self._calls = self._life()

    async def work(self, http: httpx.AsyncClient, acknowledged: Callable[[], None]) -> None:
        """Go on until the server is gone."""
        try:
            while True:
                await self.step(http)
                acknowledged()
        except httpx.TransportError:
            return

    async def step(self, http: httpx.AsyncClient) -> None:
        """Make the call that has no answer yet, or the next one."""
        again = self.unfinished is not None
        call = self.unfinished = self.unfinished or next(self._calls)
        answer = await http.post(call.path, json=call.body, headers={"Idempotency-Key": call.key})
        if answer.status_code in (500, 503):
            # The database is gone (500), or the server is too busy: the same call again.
            await asyncio.sleep(0.05)
            return
        # A session that was made due before the server was killed cannot be made so again.
        allowed = call.statuses | ({400} if again and call.path.endswith("/process") else set())
        assert answer.status_code in allowed, answer.text
        call.noted(answer.json())
        self.unfinished = None

    def _life(self) -> Iterator[Call]:
        keys = (f"{self.user}-{number}" for number in itertools.count())
        yield Call("/users", {"custom_user_id": self.user}, {201}, next(keys), self._note_user)
        for number in itertools.count():
            body = {"metadata": {"number": number}, "auto_process_after_seconds": None}
            path = f"/users/{self.user}/sessions"
            yield Call(path, body, {201}, next(keys), self._note_session)
            told = self.sessions[-1]
            place = f"{path}/{told.session_id}"
            for text in (f"I moved to {TOWNS[number % 10]}.", f"I have {number + 100} books."):
                said = {"message": text, "role": "user"}
                yield Call(
                    f"{place}/add-message",
                    said,
                    {200},
                    next(keys),
                    lambda _, told=told, text=text: told.texts.append(text),
                    text,
                )
            yield Call(
                f"{place}/process",
                None,
                {200},
                next(keys),
                lambda _, told=told: setattr(told, "due", True),
            )

    def _note_user(self, _: Any) -> None:
        self.exists = True

    def _note_session(self, answer: Any) -> None:
        self.sessions.append(Told(answer["session"]["session_id"]))

    async def check(self, http: httpx.AsyncClient) -> None:
        """See that the server has what it acknowledged, and beyond that the open call at most."""
        if not self.exists:
            return
        held = await self.held(http)
        listed = list(held)[::-1]
        acknowledged = [told.session_id for told in self.sessions]
        assert listed[: len(acknowledged)] == acknowledged
        beyond = len(listed) - len(acknowledged)
        for told in self.sessions[-2:]:
            texts = await self.texts(http, told)
            missing = texts[len(told.texts) :]
            assert texts[: len(told.texts)] == told.texts, "an acknowledged message is lost"
            assert missing in ([], [self.unfinished and self.unfinished.text])
            beyond += len(missing)
        assert beyond <= (self.unfinished is not None)
        for told in self.sessions:
            if told.due:
                assert held[told.session_id] in ("processing", "processed")

    async def check_all(self, http: httpx.AsyncClient) -> None:
        """See that the server has exactly what was told, and that all that was due is done."""
        held = await self.held(http)
        assert list(held)[::-1] == [told.session_id for told in self.sessions]
        for told in self.sessions:
            assert await self.texts(http, told) == told.texts
            assert held[told.session_id] == ("processed" if told.due else "pending")

    async def held(self, http: httpx.AsyncClient) -> dict[str, str]:
        """The status of each session of the server, newest first."""
        found: dict[str, str] = {}
        while True:
            page = await http.get(
                f"/users/{self.user}/sessions", params={"limit": 100, "offset": len(found)}
            )
            assert page.status_code == 200, page.text
            for session in page.json()["sessions"]:
                found[session["session_id"]] = session["status"]
            if not page.json()["has_more"]:
                return found

    async def texts(self, http: httpx.AsyncClient, told: Told) -> list[str]:
        answer = await http.get(f"/users/{self.user}/sessions/{told.session_id}/messages")
        assert answer.status_code == 200, answer.text
        return [message["content"] for message in answer.json()["messages"]]

    async def settled(self, http: httpx.AsyncClient) -> None:
        """Wait until none of the sessions is in work."""
        while "processing" in (await self.held(http)).values():  # noqa: ASYNC110  no other sign
            await asyncio.sleep(0.05)


async def load_and_kill(
    server: Server, http: httpx.AsyncClient, clients: list[Client], answers: int
) -> None:
    """Let all clients work, and kill the server after so many answers."""
    remaining = itertools.count(answers - 1, -1)

    def acknowledged() -> None:
        if next(remaining) == 0:
            server.kill()

    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            tasks.create_task(client.work(http, acknowledged))
    assert await server.ended() == -signal.SIGKILL


async def all_of(calls: Iterator[Any]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for call in calls:
            tasks.create_task(call)


@pytest.mark.long
async def test_a_killed_server_keeps_all_it_acknowledged_and_leaves_no_session_in_processing(
    server: Server, path: Location
) -> None:
    chance = random.Random(9)
    clients = [Client(number) for number in range(CLIENTS)]
    for _ in range(ROUNDS):
        async with await server.start() as http:
            await all_of(client.check(http) for client in clients)
            await load_and_kill(server, http, clients, chance.randint(*ACKNOWLEDGED_A_ROUND))
        assert all(client.unfinished for client in clients), "the server was killed while idle"

    async with await server.start() as http, asyncio.timeout(PATIENCE_S):
        await all_of(client.check(http) for client in clients)
        await all_of(client.step(http) for client in clients if client.unfinished)
        await all_of(client.settled(http) for client in clients)
        await all_of(client.check_all(http) for client in clients)
    assert sum(told.due for client in clients for told in client.sessions) > 0
    server.kill()
    await server.ended()
    assert databases.healthy(path)
