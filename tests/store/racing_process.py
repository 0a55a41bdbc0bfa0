"""Programs that do the same as others at the same moment.

They report `ready` when everything is loaded, and start with the next line of their input.
"""

import sys

from tests.fakes import HashEmbedder

from hitherto import Hitherto, Parts
from hitherto.store import open_database


def main() -> None:
    """Run the program named by the first argument, with the others."""
    kind, *arguments = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    {"write": write, "open": open_all}[kind](*arguments)


def write(path: str, session_id: str, name: str) -> None:
    """Add 60 messages to a session of alice."""
    with Hitherto(path, parts=Parts(HashEmbedder())) as memory:
        session = memory.get_user("alice").get_session(session_id)
        for number in range(60):
            session.add_message("user", f"{name} {number}")


def open_all(*locations: str) -> None:
    """Open databases one after the other."""
    for database in map(open_database, locations):
        database.open()
        database.close()
