"""Times Hitherto as the work grows: from ten users to ten thousand, from 100 memories to 100,000.

    python benchmarks/scale.py [--sizes small] [--database postgresql] [--json FILE]
    python benchmarks/scale.py --plot docs/measurements/scale.svg FILE FILE

Each point is a database of its own, filled with rows as processing writes them (statements from
lists of words, vectors put together from those of the words). The points take turns and a copy of
each is measured `TURNS` times, by a process of its own through the embedded client: contexts of a
user who is in the cache and of one who is not, adding a message, processing a session of one of ten
users, the process's memory at its peak, bytes on disk for each memory. The median turn is shown, so
that what else the machine does for a while meets all points alike.
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from get_context import PEOPLE, PLACES, QUESTIONS, THINGS, VERBS
from hitherto import AsyncHitherto, RecallStrategy, Settings
from hitherto.embedding import open_embedder
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.store import open_database
from hitherto.store.rows import to_bytes
from postgresql import Server, running_server

SESSION_MESSAGES = 20
CONNECTIONS = 2
DAY_MICROS = 86_400_000_000
BEGIN_MICROS = 1_700_000_000_000_000
USERS = (10, 100, 1_000, 10_000)
MEMORIES = (100, 1_000, 10_000, 100_000)
MEMORIES_OF_MANY = 100
"""Memories of each user where there are many users."""

SIZES = {
    "small": (((10, 100), (100, 100)), 40),
    "full": (
        tuple([(count, MEMORIES_OF_MANY) for count in USERS] + [(1, each) for each in MEMORIES]),
        200,
    ),
}
"""Points as (users, memories of each), and the rounds of each measurement."""

BATCH_USERS_MEMORIES = 20_000
TURNS = 3
SERVED_USERS = 10
"""Users whose sessions are processed in turn, so that as many are in the cache at every point."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one point measured. Times in milliseconds, p50 and p95; `process` for one session."""

    users: int
    memories: int
    warm: tuple[float, float]
    cold: tuple[float, float]
    add_message: tuple[float, float]
    process: tuple[float, float]
    peak_mb: float
    bytes_per_memory: float


def insert(table: str, columns: str) -> str:
    names = columns.split()
    return (
        f"insert into {table} ({', '.join(names)}) values ({', '.join(f':{one}' for one in names)})"
    )


STATEMENTS = {
    "users": insert(
        "users",
        "user_id project_id custom_user_id metadata created_at last_active_at revision",
    ),
    "sessions": insert(
        "sessions",
        "user_id session_id status metadata created_at recorded_at processed_at message_count",
    ),
    "messages": insert("messages", "user_id session_id position role content added_at"),
    "passages": insert(
        "passages",
        "user_id session_id position ordinal kind start_char end_char vector revision",
    ),
    "summaries": insert("summaries", "user_id session_id content vector revision"),
    "memories": insert(
        "memories",
        "user_id memory_id session_id content event_date_start event_date_end created_at reason "
        "vector added_revision ordinal revision",
    ),
    "memory_evidence": insert("memory_evidence", "user_id memory_id session_id position revision"),
    "memory_connections": insert("memory_connections", "user_id memory_id connected_id revision"),
}


def lives(users: int, memories: int) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """The rows of some users at a time, by table."""
    chance = random.Random(7)
    embedder = open_embedder(cache_dir=Settings().cache_dir)
    words = [*VERBS, *THINGS, *PLACES, *PEOPLE]
    vectors = dict(zip(words, embedder.embed(words), strict=True))
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in STATEMENTS}
    waiting = 0
    for number in range(users):
        _live(rows, f"user-{number}", memories, vectors, chance)
        waiting += memories
        if waiting >= BATCH_USERS_MEMORIES or number == users - 1:
            yield rows
            rows, waiting = {table: [] for table in STATEMENTS}, 0


def _live(
    rows: dict[str, list[dict[str, Any]]],
    user_id: str,
    memories: int,
    vectors: Mapping[str, Any],
    chance: random.Random,
) -> None:
    rows["users"].append(
        {
            "user_id": user_id,
            "project_id": DEFAULT_PROJECT_ID,
            "custom_user_id": user_id,
            "metadata": "{}",
            "created_at": BEGIN_MICROS,
            "last_active_at": BEGIN_MICROS,
            "revision": 1,
        }
    )
    for index in range(memories):
        place = index % SESSION_MESSAGES
        session = f"s{index // SESSION_MESSAGES:06}"
        at = BEGIN_MICROS + (index // SESSION_MESSAGES) * DAY_MICROS // 8 + place * 1_000_000
        chosen = [chance.choice(words) for words in (VERBS, THINGS, PLACES, PEOPLE)]
        told = "{} a {} in {} with {}, the {}th time".format(*chosen, index)
        vector = np.sum([vectors[word] for word in chosen], axis=0)
        stored = to_bytes((vector / np.linalg.norm(vector)).astype(np.float32))
        mine = {"user_id": user_id, "session_id": session, "revision": 1}
        if place == 0:
            rows["sessions"].append(
                {
                    "user_id": user_id,
                    "session_id": session,
                    "status": "processed",
                    "metadata": "{}",
                    "created_at": at,
                    "recorded_at": at,
                    "processed_at": at,
                    "message_count": min(SESSION_MESSAGES, memories - index),
                }
            )
            rows["summaries"].append({**mine, "content": f"User {told}.", "vector": stored})
        memory = f"m{index:06}"
        rows["messages"].append(
            {
                "user_id": user_id,
                "session_id": session,
                "position": place,
                "role": "user",
                "content": f"I {told}.",
                "added_at": at,
            }
        )
        rows["passages"].append(
            {
                **mine,
                "position": place,
                "ordinal": 0,
                "kind": "chunk",
                "start_char": 0,
                "end_char": len(told) + 3,
                "vector": stored,
            }
        )
        rows["memories"].append(
            {
                **mine,
                "memory_id": memory,
                "content": f"User {told}",
                "event_date_start": at // DAY_MICROS * DAY_MICROS,
                "event_date_end": at // DAY_MICROS * DAY_MICROS + DAY_MICROS - 1_000_000,
                "created_at": at,
                "reason": "",
                "vector": stored,
                "added_revision": 1,
                "ordinal": index,
            }
        )
        rows["memory_evidence"].append(
            {"user_id": user_id, "memory_id": memory, "session_id": session, "position": place}
            | {"revision": 1}
        )
        rows["memory_connections"] += [
            {
                "user_id": user_id,
                "memory_id": f"m{index - step:06}",
                "connected_id": memory,
                "revision": 1,
            }
            for step in range(1, CONNECTIONS + 1)
            if index >= step
        ]


async def fill(location: str, users: int, memories: int) -> None:
    """Make a database and put the lives of its users into it."""
    async with AsyncHitherto(location):
        pass
    database = open_database(location, STATEMENTS)
    database.open()
    try:
        for rows in lives(users, memories):
            with database.transaction(write=True) as run:
                for table, some in rows.items():
                    run.many(table, some)
    finally:
        database.close()


def percentiles(samples: list[float]) -> tuple[float, float]:
    """p50 and p95 of seconds, in milliseconds."""
    cuts = statistics.quantiles(samples, n=20)
    return statistics.median(samples) * 1_000, cuts[18] * 1_000


async def timed(count: int, work: Callable[[int], Any]) -> tuple[float, float]:
    """How long an awaited piece of work takes, so many times."""
    samples = []
    for number in range(count):
        started = time.perf_counter()
        await work(number)
        samples.append(time.perf_counter() - started)
    return percentiles(samples)


async def measure(location: str, users: int, memories: int, rounds: int) -> Figures:
    """All figures of one point, in this process."""
    cold = await _cold(location, users, rounds)
    chance = random.Random(11)
    async with AsyncHitherto(location) as memory:
        user = await memory.get_user(f"user-{users // 2}")
        asking = []
        for question in QUESTIONS:
            session = await user.create_session(auto_process_after_seconds=None)
            await session.add_message("user", question)
            asking.append(session)

        async def context(number: int) -> None:
            await asking[number % 4].get_context(recall_strategy=RecallStrategy.LOW_LATENCY)

        await timed(8, context)
        warm = await timed(rounds, context)
        telling = await user.create_session(auto_process_after_seconds=None)

        async def add(number: int) -> None:
            await telling.add_message("user", f"I repaired the kayak for the {number}th time.")

        added = await timed(rounds, add)

        async def process(number: int) -> None:
            someone = await memory.get_user(f"user-{number % min(users, SERVED_USERS)}")
            session = await someone.create_session(auto_process_after_seconds=None)
            for place in chance.sample(PLACES, 4):
                await session.add_message("user", f"I bought a lamp in {place} with Ana.")
            await session.process()
            await memory.wait_until_processed(timeout_s=120)

        for number in range(min(users, SERVED_USERS)):
            await process(number)
        processed = await timed(max(5, rounds // 10), process)
    return Figures(
        users=users,
        memories=memories,
        warm=warm,
        cold=cold,
        add_message=added,
        process=processed,
        peak_mb=peak_mb(),
        bytes_per_memory=0.0,
    )


async def _cold(location: str, users: int, rounds: int) -> tuple[float, float]:
    """Measure the first context of a user after the start, without a cached index.

    With one user, the memory is opened again for each; opening it is not part of the time.
    """
    samples: list[float] = []
    chance = random.Random(13)
    openings = 1 if users >= 10 else 4
    each = min(users, 40) if users >= 10 else 1
    for _ in range(openings):
        async with AsyncHitherto(location) as memory:
            # The first context of a process opens more than a user's memory.
            other = await memory.create_user(f"warming-up-{time.time_ns()}")
            begun = await other.create_session(auto_process_after_seconds=None)
            await begun.add_message("user", QUESTIONS[0])
            await begun.get_context(recall_strategy=RecallStrategy.LOW_LATENCY)
            for number in chance.sample(range(users), each):
                user = await memory.get_user(f"user-{number}")
                session = await user.create_session(auto_process_after_seconds=None)
                await session.add_message("user", QUESTIONS[0])
                started = time.perf_counter()
                await session.get_context(recall_strategy=RecallStrategy.LOW_LATENCY)
                samples.append(time.perf_counter() - started)
    return percentiles(samples)


def files_of(path: Path) -> list[Path]:
    """The files of a SQLite database: its own, and those of its log."""
    return list(path.parent.glob(f"{path.name}*"))


def peak_mb() -> float:
    """The most memory that this process has had, by the kernel.

    Where there is /proc: what `getrusage` tells may be the process's that started this one.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@dataclass(frozen=True, slots=True)
class Filled:
    """A database that is filled and never changed again. server: None for a file."""

    users: int
    memories: int
    location: str
    server: Server | None
    bytes_per_memory: float

    @contextlib.contextmanager
    def copied(self) -> Iterator[str]:
        """The location of a copy, which is removed in the end."""
        if self.server is not None:
            with self.server.copied(self.location) as copy:
                yield copy
            return
        copy = Path(self.location).with_suffix(".copy")
        shutil.copyfile(self.location, copy)
        try:
            yield str(copy)
        finally:
            for one in files_of(copy):
                one.unlink()

    def measured(self, rounds: int) -> Figures:
        """What a process of its own measures."""
        numbers = [str(self.users), str(self.memories), str(rounds)]
        with self.copied() as copy:
            command = [sys.executable, __file__, "--measure", copy, *numbers]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        return Figures(**(json.loads(done.stdout) | {"bytes_per_memory": self.bytes_per_memory}))


def filled(users: int, memories: int, folder: Path, server: Server | None) -> Filled:
    """Make a database and fill it."""
    name = f"scale_{users}_{memories}"
    location = server.new_database(name) if server else str(folder / f"{name}.db")
    asyncio.run(fill(location, users, memories))
    size = (
        server.settled_size_of(location)
        if server
        else sum(one.stat().st_size for one in files_of(Path(location)))
    )
    return Filled(users, memories, location, server, size / (users * memories))


def middle(turns: list[Figures]) -> Figures:
    """The median of each figure."""

    def pair(name: str) -> tuple[float, float]:
        both = [getattr(one, name) for one in turns]
        return statistics.median(p50 for p50, _ in both), statistics.median(p95 for _, p95 in both)

    return Figures(
        users=turns[0].users,
        memories=turns[0].memories,
        warm=pair("warm"),
        cold=pair("cold"),
        add_message=pair("add_message"),
        process=pair("process"),
        peak_mb=statistics.median(one.peak_mb for one in turns),
        bytes_per_memory=turns[0].bytes_per_memory,
    )


def run(
    points: Sequence[tuple[int, int]], rounds: int, folder: Path, server: Server | None
) -> list[Figures]:
    """Fill every database, then measure them in turns; server: None for files in the folder."""
    made = []
    for users, memories in points:
        made.append(filled(users, memories, folder, server))
        print(f"{users:,} users of {memories:,}: filled", file=sys.stderr)
    turns: list[list[Figures]] = [[] for _ in made]
    for number in range(TURNS):
        for place, one in enumerate(made):
            turns[place].append(one.measured(rounds))
            print(f"turn {number + 1}: {turns[place][-1]}", file=sys.stderr)
    return [middle(each) for each in turns]


def table(found: list[Figures]) -> str:
    """The figures as Markdown."""
    lines = [
        "| users | memories each | context, warm: p50 / p95 ms | cold: p50 / p95 ms "
        "| add_message: p50 / p95 ms | process: p50 / p95 ms | peak RAM, MB | bytes a memory |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for one in found:
        times = [
            f"{p50:.1f} / {p95:.1f}"
            for p50, p95 in (one.warm, one.cold, one.add_message, one.process)
        ]
        lines.append(
            f"| {one.users:,} | {one.memories:,} | {' | '.join(times)} | {one.peak_mb:,.0f} "
            f"| {one.bytes_per_memory:,.0f} |"
        )
    return "\n".join(lines)


WIDTH, HEIGHT, LEFT, TOP = 340, 220, 60, 30
COLOURS = ("#1f6feb", "#d1242f")


def plot(runs: Mapping[str, list[Figures]]) -> str:
    """Median times of contexts in the cache, as SVG: by memories of a user, and by users."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * (WIDTH + LEFT) + 40}" '
        f'height="{HEIGHT + 100}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    wanted = (("memories of one user", 0), (f"users of {MEMORIES_OF_MANY} memories", 1))
    for place, (title, by_users) in enumerate(wanted):
        left = LEFT + place * (WIDTH + LEFT)
        series = {
            name: sorted(
                (one.users if by_users else one.memories, one.warm[0])
                for one in found
                if (one.users > 1) == bool(by_users)
            )
            for name, found in runs.items()
        }
        parts += _axes(left, title, series)
    return "\n".join([*parts, "</svg>"])


def _axes(left: int, title: str, series: Mapping[str, list[tuple[int, float]]]) -> list[str]:
    counts = sorted({count for points in series.values() for count, _ in points})
    top_ms = 4 * math.ceil(max(ms for points in series.values() for _, ms in points) / 4)
    step = WIDTH / max(len(counts) - 1, 1)
    x = {count: left + index * step * 0.9 for index, count in enumerate(counts)}

    def y(ms: float) -> float:
        return TOP + HEIGHT * (1 - ms / top_ms)

    bottom = TOP + HEIGHT
    parts = [
        f'<text x="{left}" y="{TOP - 12}">get_context, p50 in ms, by {title}</text>',
        f'<line x1="{left}" y1="{bottom}" x2="{left + WIDTH * 0.95}" y2="{bottom}" stroke="#888"/>',
        f'<line x1="{left}" y1="{TOP}" x2="{left}" y2="{bottom}" stroke="#888"/>',
    ]
    parts += [
        f'<text x="{x[count]}" y="{bottom + 18}" text-anchor="middle">{count:,}</text>'
        for count in counts
    ]
    for share in (0.25, 0.5, 0.75, 1):
        ms = top_ms * share
        parts.append(f'<text x="{left - 6}" y="{y(ms) + 4}" text-anchor="end">{ms:.0f}</text>')
    for index, (name, points) in enumerate(series.items()):
        line = " ".join(f"{x[count]:.1f},{y(ms):.1f}" for count, ms in points)
        colour = COLOURS[index % len(COLOURS)]
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = bottom + 40 + 16 * index
        parts.append(f'<text x="{left}" y="{at}" fill="{colour}">{name}</text>')
    return parts


def main() -> None:
    """Measure every point of a size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", choices=sorted(SIZES), default="full")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument(
        "--plot", nargs="+", type=Path, metavar="FILE", help="SVG to write, then runs to show"
    )
    parser.add_argument("--measure", nargs=4, metavar=("DB", "USERS", "MEMORIES", "ROUNDS"))
    chosen = parser.parse_args()
    if chosen.measure:
        location, *numbers = chosen.measure
        figures = asyncio.run(measure(location, *map(int, numbers)))
        print(json.dumps(asdict(figures)))
        return
    if chosen.plot:
        page, *files = chosen.plot
        runs = {
            file.stem: [Figures(**one) for one in json.loads(file.read_text())] for file in files
        }
        page.write_text(plot(runs))
        return
    points, rounds = SIZES[chosen.sizes]
    on_server = chosen.database == "postgresql"
    with (
        tempfile.TemporaryDirectory(prefix="hitherto-scale-") as folder,
        running_server() if on_server else contextlib.nullcontext() as server,
    ):
        found = run(points, rounds, Path(folder), server)
    print(f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}\n")
    print(table(found))
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(one) for one in found], indent=1))


if __name__ == "__main__":
    main()
