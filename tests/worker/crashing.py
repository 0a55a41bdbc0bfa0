"""Application that tests kill: adds conversations and reports every answer.

`python -m tests.worker.crashing memory.db` loads everything once and forks a process for each line
of its input, so that a restart costs no loading. Nothing is open before the fork, and the only
other thread is one of onnxruntime, which is not used here. The line says how many conversations
to get into the file in all. Reports are lines of JSON, each written at once, so that none is lost
with its process.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes import HashEmbedder

from hitherto import AsyncHitherto, Parts, SessionStatus, Settings
from hitherto.core.reconciliation.reconcile import Plan
from hitherto.inference import LocalInference
from hitherto.models import Extraction, Message

USERS = ("alice", "bruno", "carla")
TOWNS = ("Porto", "Faro", "Braga", "Lisbon", "Evora", "Madrid", "Paris", "Berlin", "Rome", "Oslo")
SISTERS = ("Ana", "Rita", "Julia", "Maria", "Clara", "Vera", "Laura", "Sara", "Irene")
FIRST_DAY = datetime(2024, 1, 1, 12, 0, tzinfo=UTC)
STEP_S = 0.01

Report = Callable[..., None]


def owner(number: int) -> str:
    """Return the user of a conversation."""
    return USERS[number % len(USERS)]


def texts(number: int) -> list[str]:
    """Return the messages of a conversation; no text occurs twice in all."""
    return [
        f"I moved to {TOWNS[number // len(USERS) % len(TOWNS)]} in week {number}.",
        f"My sister {SISTERS[number % len(SISTERS)]} has {number + 2} cats.",
        f"I have {number + 100} books.",
    ]


class SlowInference(LocalInference):
    """Inference that reports each step and is slow, so that signals interrupt it."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report = report

    async def extract(
        self, messages: Sequence[Message], session_date: datetime, **named: Any
    ) -> Extraction:
        self._report("step", "extract")
        await asyncio.sleep(STEP_S)
        return await super().extract(messages, session_date, **named)

    async def reconcile(self, *arguments: Any, **named: Any) -> Plan:
        self._report("step", "reconcile")
        await asyncio.sleep(STEP_S)
        plan = await super().reconcile(*arguments, **named)
        self._report("step", "store")
        return plan


async def state(memory: AsyncHitherto) -> dict[int, list[Any]]:
    """By conversation: its status and its texts, in pairs if there are several of one number."""
    sessions_by_number: dict[int, list[Any]] = {}
    for user in (await memory.list_users()).users:
        for session in (await user.list_sessions(limit=100)).sessions:
            messages = (await session.get_messages(limit=500)).messages
            stored = sessions_by_number.setdefault(session.metadata["number"], [])
            stored += [session.status.value, [message.content for message in messages]]
    return sessions_by_number


async def add_conversations(memory: AsyncHitherto, count: int, report: Report) -> None:
    """Get the first conversations into the memory, whatever is in it already."""
    users = {user.user_id: user for user in (await memory.list_users()).users}
    for number in range(count):
        name = owner(number)
        if name not in users:
            users[name] = await memory.create_user(name)
        existing = (await users[name].list_sessions(metadata_filter={"number": number})).sessions
        session = (
            existing[0]
            if existing
            else await users[name].create_session(
                metadata={"number": number},
                custom_created_at_utc=FIRST_DAY + timedelta(days=number),
            )
        )
        report("session", number)
        if session.status is not SessionStatus.PENDING:
            continue
        present = (await session.get_messages()).total
        for position, text in enumerate(texts(number)[present:], start=present):
            await session.add_message("user", text)
            report("message", number, position)
        await session.process()
        report("process", number)


async def run(path: str, count: int, report: Report) -> None:
    """Report what is there, tell, wait, and idle until killed."""
    # A session that is given up would be processed after later ones, with other memories.
    settings = Settings(poll_interval_s=0.02, lease_s=0.5, max_starts=1_000)
    parts = Parts(embedder=HashEmbedder(), inference=SlowInference(report))
    async with AsyncHitherto(path, settings=settings, parts=parts) as memory:
        report("state", await state(memory))
        await add_conversations(memory, count, report)
        await memory.wait_until_processed()
        report("idle")
        await asyncio.Event().wait()


def _report(*words: Any) -> None:
    os.write(sys.stdout.fileno(), (json.dumps(words) + "\n").encode())


def main() -> None:
    """Fork for each line of the input and report how each process ended."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _report("started", os.getpid())
            asyncio.run(run(sys.argv[1], int(line), _report))
        _report("ended", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    main()
