"""Time health and other projects' sessions while one project's key sends hostile texts.

    python benchmarks/hostile_texts.py [--peace 15] [--attack 60] [--clients 20] [--json FILE]

It starts `hitherto serve` on a new file. Two projects process short sessions
one after another, and `/healthz` is called 20 times a second: first in peace, then while clients
with a third project's key send texts of the greatest allowed length that were once slow. They have
sessions processed, ask for contexts, and filter by metadata. The clients are a process of their own
with the lowest priority, so that they take only processor time that the server leaves. Settings in
the environment apply.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hitherto.settings import Settings
from hitherto.system import open_system
from service import free_port

CHARS = Settings.model_fields["max_message_chars"].default
HEALTH_PAUSE_S = 0.05
POLL_S = 0.02
PATIENCE_S = 300.0
GRACE_S = 20.0
"""Seconds after which what has no answer at the end of a measurement is given up."""

NEIGHBOURS = 2
AIM_HEALTH_P99_S = 1.0
AIM_RATIO = 3.0


def repeated(unit: str, start: str = "", end: str = "", chars: int = CHARS) -> str:
    """Return a unit repeated up to a length."""
    room = chars - len(start) - len(end)
    return start + (unit * (room // len(unit) + 1))[:room] + end


TEXTS: dict[str, str] = {
    "blanks": repeated(" ", "I like tea", "and coffee."),
    "line breaks": repeated("\n", "I like tea", "and coffee."),
    "short lines": repeated("a\n"),
    "which": repeated("which "),
    "which and": repeated("which x and "),
    "brackets": repeated("[A"),
    "closed brackets": repeated("[A]x"),
    "dated line": repeated(" ", "1. (Event Date: "),
    "dated lines": repeated("1. (Event Date: "),
    "pipes": repeated("!|", "I am a teacher. "),
    "back-ticks": repeated("```"),
    "statement": repeated("I moved to X. "),
}
METADATA = {"numbers": list(range(9_000))}
FILTER = {"numbers": [-number for number in range(1, 4_000)]}
FILTER_ALLOWED = {"numbers": [-number for number in range(1, 250)]}


@dataclass(frozen=True, slots=True)
class Access:
    """Address and key of a project."""

    url: str
    project_id: str
    api_key: str

    def client(self) -> httpx.AsyncClient:
        """Return an HTTP client of the project's API."""
        headers = {"X-Recallr-Api-Key": self.api_key, "X-Recallr-Project-Id": self.project_id}
        return httpx.AsyncClient(
            base_url=f"{self.url}/api/v1", headers=headers, timeout=PATIENCE_S, trust_env=False
        )


async def new_projects(db: Path, url: str) -> list[Access]:
    """Make projects with a key each: the attacker's, then its neighbours'."""
    system = await open_system(db, Settings(worker=False))
    try:
        made = []
        for number in range(1 + NEIGHBOURS):
            project = await system.admin.create_project(f"project {number}")
            key = await system.admin.create_key(project.project_id)
            made.append(Access(url, project.project_id, key.api_key))
        return made
    finally:
        await system.close()


@contextmanager
def service(db: Path, port: int) -> Iterator[None]:
    """Run `hitherto serve` until the block ends; print how long SIGTERM took."""
    code = "from hitherto.cli import app; app()"
    command = [sys.executable, "-c", code, "serve", "--db", str(db), "--port", str(port)]
    with db.with_suffix(".log").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        for _ in range(1_200):
            with suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success:
                    break
            time.sleep(0.05)
        yield
        started = time.perf_counter()
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        ended = "ended" if process.poll() is not None else "has not ended"
        print(f"SIGTERM: {ended} after {time.perf_counter() - started:.1f} s")
    finally:
        process.kill()
        process.wait()


# The neighbours, and health


async def time_health(url: str, end: float) -> list[float]:
    """Seconds of each call of `/healthz`; one that gets no answer counts as long as it waited."""
    timed: list[float] = []
    async with httpx.AsyncClient(timeout=None, trust_env=False) as client:
        while time.perf_counter() < end:
            with timing(timed):
                async with asyncio.timeout(end + GRACE_S - time.perf_counter()):
                    (await client.get(f"{url}/healthz")).raise_for_status()
            await asyncio.sleep(max(0.0, HEALTH_PAUSE_S - timed[-1]))
    return timed


async def time_sessions(access: Access, end: float) -> list[float]:
    """Seconds of each short session, from its first message to its memories."""
    timed: list[float] = []
    async with access.client() as client:
        user_id = f"user-{uuid.uuid4()}"
        number = 0
        while time.perf_counter() < end:
            with timing(timed):
                async with asyncio.timeout(end + GRACE_S - time.perf_counter()):
                    if not number:
                        await post(client, "/users", {"user_id": user_id})
                    await process_session(client, user_id, number)
            number += 1
    # The first one makes the user, too.
    return timed[1:] or timed


@contextmanager
def timing(timed: list[float]) -> Iterator[None]:
    """Append how long the block took, also if its time was over."""
    started = time.perf_counter()
    try:
        with suppress(TimeoutError):
            yield
    finally:
        timed.append(time.perf_counter() - started)


async def process_session(client: httpx.AsyncClient, user_id: str, number: int) -> None:
    """Have a short session processed."""
    path = await new_session(client, user_id)
    for text in (f"I bought a boat in {1950 + number}.", "My sister Ana lives in Bergen."):
        await post(client, f"{path}/add-message", {"message": text, "role": "user"})
    await post(client, f"{path}/process", None)
    for _ in range(round(PATIENCE_S / POLL_S)):
        if await status(client, path) in ("processed", "failed"):
            return
        await asyncio.sleep(POLL_S)


async def post(client: httpx.AsyncClient, path: str, body: Any) -> Any:
    """Send a request that must succeed; return its answer."""
    answer = await client.post(path, json=body)
    answer.raise_for_status()
    return answer.json() if answer.content else None


async def new_session(client: httpx.AsyncClient, user_id: str, metadata: Any = None) -> str:
    """Create a session that is processed on request; return its path."""
    body = {"metadata": metadata or {}, "auto_process_after_seconds": None}
    made = await post(client, f"/users/{user_id}/sessions", body)
    return f"/users/{user_id}/sessions/{made['session']['session_id']}"


async def status(client: httpx.AsyncClient, path: str) -> str:
    """Return the status of a session."""
    return str((await client.get(path)).json()["session"]["status"])


async def measure(url: str, neighbours: list[Access], seconds: float) -> dict[str, list[float]]:
    """Seconds of health calls and of neighbours' sessions in a span of time."""
    end = time.perf_counter() + seconds
    health, *sessions = await asyncio.gather(
        time_health(url, end), *(time_sessions(each, end) for each in neighbours)
    )
    return {"health": health, "session": [each for timed in sessions for each in timed]}


# The attack


async def attack(access: Access, clients: int) -> None:
    """Send hostile texts from a number of clients until the process is ended.

    Prints every second how many requests got which answer.
    """
    done: Counter[str] = Counter()

    async def report() -> None:
        while True:
            await asyncio.sleep(1.0)
            print(json.dumps(done), flush=True)

    await asyncio.gather(report(), *(hostile_client(access, n, done) for n in range(clients)))


async def hostile_client(access: Access, number: int, done: Counter[str]) -> None:
    """Send hostile texts of all kinds in turn, each client beginning with another one."""
    texts = list(TEXTS.values())
    async with access.client() as client:
        user_id = f"attacker-{number}"
        await attempt(client, done, "user", "POST", "/users", {"user_id": user_id})
        metadata = METADATA
        for turn in itertools.count(number):
            text = texts[turn % len(texts)]
            made = await client.post(
                f"/users/{user_id}/sessions",
                json={"metadata": metadata, "auto_process_after_seconds": None},
            )
            if made.status_code != 201:
                done[f"session {made.status_code}"] += 1
                await asyncio.sleep(0.2)
                continue
            path = f"/users/{user_id}/sessions/{made.json()['session']['session_id']}"
            body = {"message": text, "role": "user"}
            await attempt(client, done, "message", "POST", f"{path}/add-message", body)
            for strategy in ("low_latency", "balanced"):
                query = {"recall_strategy": strategy}
                await attempt(client, done, "context", "GET", f"{path}/context", None, query)
            await attempt(client, done, "process", "POST", f"{path}/process", None)
            for wanted in (FILTER, FILTER_ALLOWED):
                query = {"metadata_filter": json.dumps(wanted, separators=(",", ":"))}
                listing = f"/users/{user_id}/sessions"
                await attempt(client, done, "filter", "GET", listing, None, query)


async def attempt(
    client: httpx.AsyncClient,
    done: Counter[str],
    name: str,
    method: str,
    path: str,
    body: Any,
    query: dict[str, str] | None = None,
) -> None:
    """Send a request and count its answer."""
    try:
        answer = await client.request(method, path, json=body, params=query)
        done[f"{name} {answer.status_code}"] += 1
    except httpx.HTTPError as error:
        done[f"{name} {type(error).__name__}"] += 1


# The whole


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure in peace and under attack; return the figures."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "memory.db"
        attacker, *neighbours = await new_projects(db, url)
        with service(db, port):
            await measure(url, neighbours, 2.0)
            peace = await measure(url, neighbours, options.peace)
            with Attack(attacker, options.clients) as counts:
                await asyncio.sleep(options.lead)
                attacked = await measure(url, neighbours, options.attack)
        log = db.with_suffix(".log").read_text()
        if options.log:
            print(log, file=sys.stderr)
        return {"peace": figures(peace), "attack": figures(attacked), "requests": counts()}


class Attack:
    """The attack in a process of its own with the lowest priority, while the block runs."""

    def __init__(self, access: Access, clients: int) -> None:
        argument = json.dumps([access.url, access.project_id, access.api_key, clients])
        self._command = ["nice", "-n", "19", sys.executable, __file__, "--attacker", argument]

    def __enter__(self) -> Callable[[], dict[str, int]]:
        self._output = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(self._command, stdout=self._output)
        return self._counts

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _counts(self) -> dict[str, int]:
        self._output.seek(0)
        lines = [line for line in self._output.read().splitlines() if line.endswith("}")]
        return dict(json.loads(lines[-1])) if lines else {}


def figures(measured: dict[str, list[float]]) -> dict[str, float]:
    """Return counts and percentiles in seconds."""
    shown: dict[str, float] = {}
    for name, timed in measured.items():
        centiles = statistics.quantiles(timed, n=100, method="inclusive") if len(timed) > 1 else []
        shown[f"{name}s"] = len(timed)
        shown[f"{name} p50"] = statistics.median(timed)
        for percent in (95, 99):
            shown[f"{name} p{percent}"] = centiles[percent - 1] if centiles else timed[0]
        shown[f"{name} max"] = max(timed)
    return shown


def show(found: dict[str, Any]) -> None:
    """Print the figures side by side, and whether the aims hold."""
    peace, attacked = found["peace"], found["attack"]
    print(f"{'':14}{'in peace':>12}{'attacked':>12}{'ratio':>8}")
    for name, value in peace.items():
        if name.endswith("s"):
            print(f"{name:14}{value:12}{attacked[name]:12}")
        else:
            ratio = attacked[name] / value
            print(f"{name:14}{value * 1e3:9.1f} ms{attacked[name] * 1e3:9.1f} ms{ratio:8.1f}")
    print("requests of the attack:", found["requests"])
    health = attacked["health p99"] < AIM_HEALTH_P99_S
    slowest = max(attacked[f"session {each}"] / peace[f"session {each}"] for each in ("p50", "p95"))
    print(f"/healthz p99 under {AIM_HEALTH_P99_S:.0f} s: {health}")
    print(f"sessions within {AIM_RATIO:.0f} times their time: {slowest <= AIM_RATIO}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time the service under hostile texts")
    parser.add_argument("--peace", type=float, default=15.0, help="seconds measured in peace")
    parser.add_argument("--attack", type=float, default=60.0, help="seconds measured under attack")
    parser.add_argument("--lead", type=float, default=5.0, help="seconds of attack before that")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--log", action="store_true", help="print the server's log")
    parser.add_argument("--attacker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attacker:
        *access, clients = json.loads(options.attacker)
        asyncio.run(attack(Access(*access), clients))
        return
    found = asyncio.run(run(options))
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
