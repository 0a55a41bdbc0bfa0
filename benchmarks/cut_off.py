"""Cuts a worker off from the database in the middle of its work, and lets it come back.

    sudo python benchmarks/cut_off.py

Linux and root only. The worker lives in a network namespace, joined to the database's side by a
virtual cable that is pulled while it has sessions in work: nothing closes its connections, as when
a switch dies. A second worker has to finish everything; then the cable is put back, and the first
has to go on by itself. Ends with an error where a session is stuck or a memory is doubled.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from hitherto import AsyncHitherto, Settings
from postgresql import running_server

NAMESPACE, CABLE, FAR_END = "hitherto-far", "hitherto0", "hitherto1"
HERE, THERE, PORT = "10.213.0.1", "10.213.0.2", 6543
HITHERTO = Path(sys.executable).with_name("hitherto")
LEASE_S = 2.0
USERS, SESSIONS_EACH = 60, 3
PATIENCE_S = 180.0

TOLD = (
    "I live in Porto with my sister Ana.",
    "I bought a telescope in Bergen last week. " * 20,
    "I am allergic to peanuts.",
)

DOUBLED = """
select count(*) from (
    select 1 from memories group by user_id, session_id, content having count(*) > 1
) twice
"""
BROKEN = """
select count(*) from memories m left join memories p
on p.user_id = m.user_id and p.memory_id = m.previous_id
where m.previous_id is not null and (p.memory_id is null or p.expired_at is null)
"""
IN_WORK = "select count(*) from sessions where status = 'processing' and lease_token <> ''"
DONE = "select count(*) from sessions where status = 'processed'"


def ip(*arguments: str) -> None:
    """Run the command of that name."""
    subprocess.run(["ip", *arguments], check=True)


@contextlib.contextmanager
def namespace() -> Iterator[None]:
    """A network of its own at the end of a cable."""
    ip("netns", "add", NAMESPACE)
    try:
        ip("link", "add", CABLE, "type", "veth", "peer", "name", FAR_END, "netns", NAMESPACE)
        ip("addr", "add", f"{HERE}/24", "dev", CABLE)
        ip("link", "set", CABLE, "up")
        ip("-n", NAMESPACE, "addr", "add", f"{THERE}/24", "dev", FAR_END)
        ip("-n", NAMESPACE, "link", "set", FAR_END, "up")
        yield
    finally:
        # The cable goes with it.
        ip("netns", "del", NAMESPACE)


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what is said, until one side has ended."""
    with contextlib.suppress(OSError):
        while said := source.recv(65_536):
            sink.sendall(said)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def lead_to(path: str, listening: socket.socket) -> None:
    """Lead what connects to the near end of the cable to the server's own socket."""
    while True:
        near, _ = listening.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(path)
        for ends in ((near, server), (server, near)):
            threading.Thread(target=pump, args=ends, daemon=True).start()


@contextlib.contextmanager
def worker(address: str, *before: str) -> Iterator[None]:
    """A worker that runs, and is asked to end."""
    settings = {"HITHERTO_LEASE_S": str(LEASE_S), "HITHERTO_WORKER_CONCURRENCY": "2"}
    environment = os.environ | settings  # noqa: TID251  programs are passed it on
    process = subprocess.Popen([*before, str(HITHERTO), "worker", "--db", address], env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


async def tell(address: str, first: int, users: int) -> None:
    """Have sessions of new users wait for a worker."""
    async with AsyncHitherto(address, settings=Settings(worker=False)) as memory:
        for number in range(first, first + users):
            user = await memory.create_user(f"user-{number}")
            for _ in range(SESSIONS_EACH):
                session = await user.create_session()
                for text in TOLD:
                    await session.add_message("user", text)
                await session.process()


def number_of(address: str, statement: str) -> int:
    """The one number that a statement finds."""
    with psycopg.connect(address) as connection:
        found = connection.execute(statement).fetchone()
    return 0 if found is None else int(found[0])


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait for it. Raises SystemExit when it does not come."""
    until = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > until:
            raise SystemExit(f"not after {PATIENCE_S:.0f} s: {what}")
        time.sleep(0.02)


def main() -> None:
    """Do it, and say what happened."""
    with running_server() as server, namespace(), socket.create_server((HERE, PORT)) as listening:
        address = server.new_database("cut_off")
        folder = parse_qs(urlsplit(address).query)["host"][0]
        serving = (f"{folder}/.s.PGSQL.5432", listening)
        threading.Thread(target=lead_to, args=serving, daemon=True).start()
        far_address = f"postgresql://postgres@{HERE}:{PORT}/cut_off"
        waiting = USERS * SESSIONS_EACH
        asyncio.run(tell(address, 0, USERS))
        with worker(far_address, "ip", "netns", "exec", NAMESPACE):
            wait_until(lambda: number_of(address, DONE) >= 5, "the far worker is at work")
            wait_until(lambda: number_of(address, IN_WORK) > 0, "it has sessions in work")
            ip("link", "set", CABLE, "down")
            cut = number_of(address, IN_WORK)
            print(f"cut off with {number_of(address, DONE)} sessions done and {cut} in work")
            with worker(address):
                wait_until(lambda: number_of(address, DONE) == waiting, "the near one does all")
            print(f"the other worker did the rest: {number_of(address, DONE)} done")
            asyncio.run(tell(address, USERS, 5))
            ip("link", "set", CABLE, "up")
            waiting += 5 * SESSIONS_EACH
            wait_until(lambda: number_of(address, DONE) == waiting, "the far one comes back")
            print(f"the cable is back, and so is the worker: {number_of(address, DONE)} done")
        doubled, broken = number_of(address, DOUBLED), number_of(address, BROKEN)
        print(f"memories doubled: {doubled}; broken chains: {broken}")
        if doubled or broken:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
