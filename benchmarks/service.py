"""Times the service beside what it stands on: the embedded memory, and a route that does nothing.

    python benchmarks/service.py [--memories 10000] [--db PATH] [--rounds 200] [--json FILE]

Contexts: the same questions to the memory embedded here and to a server process that has a copy of
it, on a plain connection, through plain httpx and through our client, in turns; then plain httpx to
a bare FastAPI route that is busy for as long as the embedded memory was: what HTTP costs at least,
on this machine.
Messages: 20 clients on connections that stay open, against `hitherto serve` on a new file and
against a bare FastAPI route, in turns. The processes that send are watched: where they were busy
most of the time, they are what was measured.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import platform
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from get_context import QUESTIONS, fill, milliseconds
from hitherto import AsyncHitherto, Hitherto, RecallStrategy
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.system import open_system

CLIENTS = 20
SENDERS = 2
"""Processes that the clients are spread over."""

BLOCK = 20
"""Contexts that are asked for in the same way before the next way has its turn."""

CONTEXT_CHARS = 45_000
"""About what a context of 50 memories has."""

TURNS = 3
TURN_S = 4.0
USER = "benchmark"
BODY = json.dumps(
    {"message": "I bought a telescope in Bergen with Ana last week.", "role": "user"}
).encode()
NOTHING_PATH = "/nothing"
BUSY_PATH = "/busy"


@dataclass(frozen=True, slots=True)
class Access:
    """What a client needs: port of this machine, and the headers of a project."""

    port: int
    api_key: str = "rai_none"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Recallr-Api-Key": self.api_key, "X-Recallr-Project-Id": DEFAULT_PROJECT_ID}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def running(port: int, health: str, command: list[str]) -> Iterator[None]:
    """A server in a process of its own, once it answers."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}{health}").is_success:
                    break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def service(db: Path) -> Iterator[Access]:
    """`hitherto serve` on a file, with a key of the default project."""
    access = Access(free_port(), asyncio.run(new_key(db)))
    serve = "from hitherto.cli import app; app()"
    command = ["-c", serve, "serve", "--db", str(db), "--port", str(access.port)]
    with running(access.port, "/readyz", command):
        yield access


@contextlib.contextmanager
def bare() -> Iterator[Access]:
    """A FastAPI application with one route that does nothing, served in the same way."""
    access = Access(free_port())
    with running(access.port, NOTHING_PATH, [__file__, "--bare", str(access.port)]):
        yield access


def serve_nothing(port: int) -> None:
    """Serve the route that does nothing until the process is ended."""
    app = FastAPI()

    @app.api_route(NOTHING_PATH, methods=["GET", "POST"])
    async def nothing() -> dict[str, str]:
        return {"detail": "Message added"}

    @app.get(BUSY_PATH)
    def busy(seconds: float, size: int) -> dict[str, str]:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            sum(range(1_000))
        return {"context": size * "x"}

    uvicorn.run(app, port=port, log_config=None, access_log=False, server_header=False, ws="none")


async def new_key(db: Path) -> str:
    """A key of the default project of a file."""
    system = await open_system(db)
    try:
        return (await system.admin.create_key(DEFAULT_PROJECT_ID)).api_key
    finally:
        await system.close()


def filled(db: Path, memories: int) -> int:
    """See that the file has a user with memories; returns how many."""
    fresh = not db.exists()
    with Hitherto(db) as memory:
        if fresh:
            return fill(memory, memory.create_user(USER), memories)
        return memory.get_user(USER).list_memories(limit=1).total


def copied(db: Path, to: Path) -> Path:
    """A copy of a database that others may have open."""
    with (
        contextlib.closing(sqlite3.connect(db)) as source,
        contextlib.closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)
    return to


async def time_contexts(db: Path, access: Access, rounds: int) -> dict[str, list[float]]:
    """Seconds of each `get_context`, embedded and over HTTP, in turns of a block each.

    Call by call, the two processes would drive each other's vectors out of the processor's cache.
    """
    timed: dict[str, list[float]] = {
        "embedded": [],
        "connection": [],
        "httpx": [],
        "http_client": [],
    }
    strategy = RecallStrategy.LOW_LATENCY
    async with (
        AsyncHitherto(db) as memory,
        AsyncHitherto(access.url, api_key=access.api_key, project_id=DEFAULT_PROJECT_ID) as remote,
        httpx.AsyncClient(base_url=access.url, headers=access.headers) as raw,
    ):
        here = [await asking(memory, question) for question in QUESTIONS]
        there = [await asking(remote, question) for question in QUESTIONS]
        paths = [
            f"/api/v1/users/{USER}/sessions/{session.session_id}/context?recall_strategy={strategy}"
            for session in there
        ]
        plain = await asyncio.open_connection("127.0.0.1", access.port)
        for block in range(-1, rounds // BLOCK):
            for name, call in {
                "embedded": lambda index: here[index].get_context(strategy),
                "connection": lambda index: exchange(*plain, request_for(access, paths[index])),
                "httpx": lambda index: raw.get(paths[index]),
                "http_client": lambda index: there[index].get_context(strategy),
            }.items():
                for number in range(BLOCK):
                    started = time.perf_counter()
                    await call(number % len(QUESTIONS))
                    if block >= 0:
                        timed[name].append(time.perf_counter() - started)
        plain[1].close()
        for session in (*here, *there):
            await session.delete()
    return timed


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> bytes:
    """Send a request on a connection that stays open, and read the answer's body."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode())
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return await reader.readexactly(int(length))


async def time_busy_route(access: Access, seconds: float, rounds: int) -> list[float]:
    """Seconds of each call of a bare route that works as long as an embedded context takes."""
    timed = []
    query = {"seconds": seconds, "size": CONTEXT_CHARS}
    async with httpx.AsyncClient(base_url=access.url) as raw:
        for _ in range(rounds):
            started = time.perf_counter()
            (await raw.get(BUSY_PATH, params=query)).raise_for_status()
            timed.append(time.perf_counter() - started)
    return timed


async def asking(memory: AsyncHitherto, question: str) -> Any:
    """A session in which the user asks a question."""
    user = await memory.get_user(USER)
    session = await user.create_session(auto_process_after_seconds=None)
    await session.add_message("user", question)
    return session


@dataclass(frozen=True, slots=True)
class Sent:
    """What one sender did in its turn: answers, and seconds of its processor."""

    answers: int
    busy_s: float
    latencies_s: list[float]


def send(port: int, requests: list[bytes], seconds: float) -> Sent:
    """Send each request again and again, each on a connection of its own, one at a time."""
    return asyncio.run(_send(port, requests, seconds))


async def _send(port: int, requests: list[bytes], seconds: float) -> Sent:
    latencies: list[float] = []
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in requests]
    busy_s = time.process_time()
    until = time.perf_counter() + seconds

    async def client(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> None:
        while (started := time.perf_counter()) < until:
            await exchange(reader, writer, request)
            latencies.append(time.perf_counter() - started)

    await asyncio.gather(
        *(client(*pair, request) for pair, request in zip(connections, requests, strict=True))
    )
    busy_s = time.process_time() - busy_s
    for _, writer in connections:
        writer.close()
    return Sent(len(latencies), busy_s, latencies)


def request_for(access: Access, path: str, body: bytes = b"") -> bytes:
    """A request as it goes over the wire, with the headers that a client sends."""
    headers = {
        "Host": f"127.0.0.1:{access.port}",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **access.headers,
    }
    lines = [
        f"{'POST' if body else 'GET'} {path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def message_paths(access: Access) -> list[str]:
    """Where each of the clients adds its messages: a session of a user of its own."""
    paths = []
    with httpx.Client(base_url=f"{access.url}/api/v1", headers=access.headers) as http:
        for number in range(CLIENTS):
            user = f"client-{number}"
            http.post("/users", json={"custom_user_id": user}).raise_for_status()
            made = http.post(f"/users/{user}/sessions", json={"auto_process_after_seconds": None})
            session_id = made.raise_for_status().json()["session"]["session_id"]
            paths.append(f"/api/v1/users/{user}/sessions/{session_id}/add-message")
    return paths


def time_messages(folder: Path) -> dict[str, Any]:
    """Requests per second of 20 clients, to the service and to the bare route, in turns."""
    rates: dict[str, list[float]] = {"service": [], "bare_route": []}
    latencies: dict[str, list[float]] = {"service": [], "bare_route": []}
    busy: list[float] = []
    spawning = multiprocessing.get_context("spawn")
    with (
        service(folder / "messages.db") as served,
        bare() as nothing,
        spawning.Pool(SENDERS) as senders,
    ):
        requests = {
            "service": [request_for(served, path, BODY) for path in message_paths(served)],
            "bare_route": [request_for(nothing, NOTHING_PATH, BODY)] * CLIENTS,
        }
        ports = {"service": served.port, "bare_route": nothing.port}
        for _ in range(TURNS):
            for name, asked in requests.items():
                parts = [(ports[name], asked[one::SENDERS], TURN_S) for one in range(SENDERS)]
                done = senders.starmap(send, parts)
                rates[name].append(sum(sent.answers for sent in done) / TURN_S)
                latencies[name] += [value for sent in done for value in sent.latencies_s]
                if name == "bare_route":
                    busy += [sent.busy_s / TURN_S for sent in done]
    return {
        "requests_per_s": {name: statistics.median(found) for name, found in rates.items()},
        "latency": {name: milliseconds(found) for name, found in latencies.items()},
        "senders_busy": max(busy),
    }


def show(memories: int, rounds: int, contexts: dict[str, Any], messages: dict[str, Any]) -> None:
    """Print all figures."""
    print(f"{platform.machine()}, {os.cpu_count()} cores")
    print(f"get_context, low_latency, {memories:,} memories of one user, {rounds} rounds")
    for name, figure in contexts.items():
        more = figure["p50"] - contexts["embedded"]["p50"]
        print(
            f"  {name:<12} p50 {figure['p50']:6.2f} ms   p95 {figure['p95']:6.2f} ms"
            f"   p50 above embedded {more:5.2f} ms"
        )
    print(f"add_message, {CLIENTS} clients, SQLite, {TURNS} turns of {TURN_S:.0f} s")
    for name, rate in messages["requests_per_s"].items():
        figure = messages["latency"][name]
        print(
            f"  {name:<12} {rate:8,.0f} requests/s   "
            f"p50 {figure['p50']:6.2f} ms   p95 {figure['p95']:6.2f} ms"
        )
    print(f"  senders at their busiest: {messages['senders_busy']:.0%} of a core each")


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memories", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--db", type=Path, help="keep the filled memory here and use it again")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--bare", type=int, metavar="PORT", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.bare is not None:
        serve_nothing(chosen.bare)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        db = chosen.db or folder / "memory.db"
        memories = filled(db, chosen.memories)
        with service(copied(db, folder / "copy.db")) as access:
            timed = asyncio.run(time_contexts(db, access, chosen.rounds))
        with bare() as nothing:
            seconds = statistics.median(timed["embedded"])
            timed["bare_route"] = asyncio.run(time_busy_route(nothing, seconds, chosen.rounds))
        contexts = {name: milliseconds(samples) for name, samples in timed.items()}
        messages = time_messages(folder)
    show(memories, chosen.rounds, contexts, messages)
    if chosen.json:
        figures = {"memories": memories, "get_context": contexts, "add_message": messages}
        chosen.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
