"""Times 1, 2 and 4 servers and workers on one PostgreSQL, beside pgbench on the same server.

    python benchmarks/throughput.py [--seconds 6] [--json FILE]

Messages: 20 clients on connections that stay open, spread over the servers, each with a user of its
own. Sessions: 60 users' sessions are made due while no worker runs, then workers are started; the
time counts from when the first session is done. pgbench: its own transactions (`tpcb-like`, five
statements) with 20 clients, before and after. Everything runs on the processors of one machine, so
what is shown is what more processes bring there, and where the machine ends.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from hitherto import AsyncHitherto, Settings
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.system import open_system
from postgresql import Server, running_server
from service import (
    BODY,
    CLIENTS,
    SENDERS,
    Access,
    free_port,
    message_paths,
    request_for,
    running,
    send,
)

COUNTS = (1, 2, 4)
TURNS = 3
USERS = 60
COMMAND = "from hitherto.cli import app; app()"
TOLD = (
    "I live in Porto with my sister Ana and I work as a nurse at the Santa Maria hospital.",
    "Last week I bought a telescope in Bergen. On Sundays I play the cello with Max.",
    "I am allergic to peanuts, and my favourite food is custard tarts.",
    "In May I am going to move to Lisbon, because I found a new job there.",
)


def pgbench(server: Server, address: str, seconds: int) -> float:
    """Transactions a second of pgbench with as many clients."""
    program = [str(server.programs / "pgbench")]
    subprocess.run([*program, "-i", "-q", "-s", "10", address], check=True, capture_output=True)
    done = subprocess.run(
        [*program, "-c", str(CLIENTS), "-j", "2", "-T", str(seconds), address],
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout)
    return float(found[1])


async def new_key(address: str) -> str:
    """A key of the default project."""
    system = await open_system(address, Settings(worker=False))
    try:
        return (await system.admin.create_key(DEFAULT_PROJECT_ID)).api_key
    finally:
        await system.close()


def messages_per_s(address: str, servers: int, seconds: float) -> float:
    """Messages a second over so many servers; the median of the turns."""
    key = asyncio.run(new_key(address))
    spawning = multiprocessing.get_context("spawn")
    with ExitStack() as ending:
        places = [Access(free_port(), key) for _ in range(servers)]
        for place in places:
            arguments = ["serve", "--no-worker", "--db", address, "--port", str(place.port)]
            ending.enter_context(running(place.port, "/readyz", ["-c", COMMAND, *arguments]))
        paths = message_paths(places[0])
        senders = ending.enter_context(spawning.Pool(max(SENDERS, servers)))
        parts = []
        for number in range(max(SENDERS, servers)):
            place = places[number % servers]
            own = paths[number :: max(SENDERS, servers)]
            parts.append((place.port, [request_for(place, path, BODY) for path in own], seconds))
        rates = []
        for _ in range(TURNS):
            done = senders.starmap(send, parts)
            rates.append(sum(one.answers for one in done) / seconds)
    return statistics.median(rates)


def sessions_per_s(address: str, workers: int) -> float:
    """Sessions a second that so many workers turn into memories."""
    asyncio.run(_tell(address))
    with ExitStack() as ending:
        for _ in range(workers):
            process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, "worker", "--db", address],
                stdout=subprocess.DEVNULL,
            )
            ending.callback(process.wait)
            ending.callback(process.terminate)
        with psycopg.connect(address, autocommit=True) as connection:
            while not (begun := _done(connection)):
                time.sleep(0.01)
            started = time.perf_counter()
            while (now := _done(connection)) < USERS:
                time.sleep(0.02)
            return (now - begun) / (time.perf_counter() - started)


def _done(connection: "psycopg.Connection[Any]") -> int:
    found = connection.execute("select count(*) from sessions where status = 'processed'")
    row = found.fetchone()
    return 0 if row is None else int(row[0])


async def _tell(address: str) -> None:
    async with AsyncHitherto(address, settings=Settings(worker=False)) as memory:
        for number in range(USERS):
            user = await memory.create_user(f"told-{number}")
            session = await user.create_session(auto_process_after_seconds=None)
            for text in TOLD:
                await session.add_message("user", text)
                await session.add_message("assistant", "I will remember that.")
            await session.process()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    figures: dict[str, Any] = {"messages_per_s": {}, "sessions_per_s": {}}
    with running_server() as server:
        figures["pgbench_before"] = pgbench(
            server, server.new_database("pgbench_before"), round(chosen.seconds)
        )
        for count in COUNTS:
            figures["messages_per_s"][count] = messages_per_s(
                server.new_database(f"messages_{count}"), count, chosen.seconds
            )
            figures["sessions_per_s"][count] = sessions_per_s(
                server.new_database(f"sessions_{count}"), count
            )
        figures["pgbench_after"] = pgbench(
            server, server.new_database("pgbench_after"), round(chosen.seconds)
        )
    print(f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}\n")
    print("| processes | messages a second, servers | sessions a second, workers |")
    print("|---:|---:|---:|")
    for count in COUNTS:
        messages = figures["messages_per_s"][count]
        print(f"| {count} | {messages:,.0f} | {figures['sessions_per_s'][count]:.1f} |")
    before, after = figures["pgbench_before"], figures["pgbench_after"]
    print(f"\npgbench, {CLIENTS} clients: {before:,.0f} and {after:,.0f} transactions a second")
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
