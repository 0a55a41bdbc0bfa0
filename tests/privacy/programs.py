"""Programs that the tests watch: `python programs.py NAME ARGUMENT...`.

Each is what somebody does with Hitherto, from the first import to the end of the process.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 60


def embedded(db: str) -> None:
    """Remember, recall, correct and delete in this process."""
    from hitherto import Hitherto, MessageRole

    with Hitherto(db) as memory:
        user = memory.create_user("alice", metadata={"plan": "pro"})
        session = user.create_session()
        session.add_message(MessageRole.USER, "I moved to Lisbon in May. My dog is called Rex.")
        session.add_message(MessageRole.ASSISTANT, "How do you both like it there?")
        session.process()
        _wait(lambda: session.refresh() or session.processed_at is not None)
        _recall(user.create_session())
        for item in user.list_memories().items:
            user.delete_memory(item.memory_id)
        user.delete()


def service_client(url: str, api_key: str, project_id: str, seconds: str) -> None:
    """Use a service through the client, and once more when so many seconds have passed."""
    from hitherto import Hitherto, MessageRole
    from hitherto.errors import UserNotFoundError

    began = time.monotonic()
    with Hitherto(url, api_key=api_key, project_id=project_id) as memory:
        for number, seconds_later in enumerate((0.0, float(seconds)), 1):
            _wait(lambda later=seconds_later: time.monotonic() >= began + later)
            user = memory.create_user(f"user {number}")
            session = user.create_session()
            session.add_message(MessageRole.USER, f"My flight to Porto is on May {number}.")
            session.process()
            _wait(lambda session=session: session.refresh() or session.processed_at is not None)
            _recall(user.create_session())
            try:
                memory.get_user("nobody")
            except UserNotFoundError:
                user.delete()


def _recall(session: object) -> None:
    from hitherto import MessageRole, RecallStrategy

    session.add_message(MessageRole.USER, "Where do I live now?")
    for strategy in RecallStrategy:
        session.get_context(recall_strategy=strategy)
    list(session.get_context_stream(recall_strategy=RecallStrategy.AGENTIC))


def models(db: str) -> None:
    """Remember and recall with a language model and an embedder over HTTP, by the environment."""
    from hitherto import Hitherto, MessageRole

    with Hitherto(db) as memory:
        session = memory.create_user("alice").create_session()
        session.add_message(MessageRole.USER, "I moved to Lisbon in May.")
        session.process()
        _wait(lambda: session.refresh() or session.processed_at is not None)
        _recall(memory.get_user("alice").create_session())


def administration(db: str, other: str, conversations: str) -> None:
    """Run every command that ends by itself, one after the other, as one would type them."""
    from hitherto.cli import app

    for line in commands(db, other, conversations):
        try:
            app(line, standalone_mode=False)
        except SystemExit as ended:
            if ended.code:
                raise
        print("ran", line[0], flush=True)


def commands(db: str, other: str, conversations: str) -> list[list[str]]:
    """The command lines of `administration`."""
    at = f"--db={db}"
    return [
        ["keys", "create", at],
        ["keys", "list", at],
        ["projects", "create", "second", at],
        ["projects", "list", at],
        ["categories", "create", "work", at],
        ["categories", "list", at],
        ["webhooks", "list", at],
        ["budgets", "show", at],
        ["usage", at],
        ["delete", "alice", "--yes", at],
        ["vacuum", at],
        ["migrate", at],
        ["copy", db, other],
        ["reembed", "--to", "local", f"--db={other}"],
        ["eval", conversations, "--max-tokens", "500"],
    ]


def bare_onnxruntime() -> None:
    """Load onnxruntime as it comes, and make a session: what Hitherto must not do."""
    import onnxruntime

    onnxruntime.disable_telemetry_events()


def native_datagram() -> None:
    """Address a datagram in native code, as the resolution of a name does."""
    import ctypes
    import socket
    import struct

    libc = ctypes.CDLL(None)
    number = libc.socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
    address = struct.pack("=H", socket.AF_INET) + struct.pack(">H4B8x", 9, 127, 0, 0, 1)
    libc.connect(number, address, len(address))


def native_file(path: str) -> None:
    """Write a file in native code and remove it again."""
    import ctypes

    libc = ctypes.CDLL(None)
    libc.close(libc.creat(path.encode(), 0o600))
    libc.unlink(path.encode())


def python_lookup() -> None:
    """Resolve a name in Python: one that every system knows without asking."""
    import socket

    with contextlib.suppress(OSError):
        socket.getaddrinfo("localhost", 443)


def python_connection(port: str) -> None:
    """Connect to an address of this machine in Python."""
    import socket

    socket.create_connection(("127.0.0.1", int(port))).close()


def python_file(path: str) -> None:
    """Write a file in Python and remove it again."""
    Path(path).write_text("left", encoding="utf-8")
    Path(path).unlink()


def python_process() -> None:
    """Start another program."""
    import subprocess

    subprocess.run(["true"], check=True)


def _wait(is_done: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_done():
        if time.monotonic() > until:
            raise TimeoutError("what was waited for did not come")
        asyncio.run(asyncio.sleep(0.05))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
