"""Shares of projects in the threads that read, compute and write for requests."""

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

ACTIVE_S = 1.0
"""Seconds after its last call for which a project counts as active: a client that asks again at
once finds its share kept, and a project that is alone again soon has more."""


@dataclass(slots=True)
class _Share:
    """Threads that a project uses, and its calls that wait for one, in order."""

    used: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class ProjectShares:
    """Bounds what runs for one project at once, so that others find a thread free.

    limit: threads that one project may use when so many projects are active, itself included.
    """

    def __init__(
        self, limit: Callable[[int], int], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._shares: dict[str, _Share] = {}
        self._called_at: OrderedDict[str, float] = OrderedDict()

    @contextlib.asynccontextmanager
    async def use(self, project_id: str) -> AsyncIterator[None]:
        """Wait until the project uses fewer threads than its share; hold one meanwhile."""
        share = self._shares.setdefault(project_id, _Share())
        self._note_call(project_id)
        try:
            await self._take(share)
            try:
                yield
            finally:
                share.used -= 1
                self._note_call(project_id)
                self._wake(share)
        finally:
            if not share.used and not share.waiting:
                self._shares.pop(project_id, None)

    async def _take(self, share: _Share) -> None:
        if not share.waiting and share.used < self._most():
            share.used += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        share.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The turn came, but its call was cancelled at the same time.
                share.used -= 1
                self._wake(share)
            elif turn in share.waiting:
                share.waiting.remove(turn)
            raise

    def _wake(self, share: _Share) -> None:
        """Give calls that wait their turns, as far as the share allows."""
        while share.waiting and share.used < self._most():
            turn = share.waiting.popleft()
            if not turn.done():
                share.used += 1
                turn.set_result(None)

    def _most(self) -> int:
        idle_since = self._monotonic() - ACTIVE_S
        while self._called_at:
            project_id, called_at = next(iter(self._called_at.items()))
            if called_at >= idle_since:
                break
            if project_id in self._shares:
                self._note_call(project_id)
            else:
                del self._called_at[project_id]
        return self._limit(max(1, len(self._called_at)))

    def _note_call(self, project_id: str) -> None:
        self._called_at[project_id] = self._monotonic()
        self._called_at.move_to_end(project_id)


def reads_of_project(readers: int) -> Callable[[int], int]:
    """Return the limit of reads: one is left for others, active projects share the rest.

    Reads compute in Python, where each thread slows the others down.
    """
    return lambda active: max(1, (readers - 1) // active)


def writes_of_project(writers: int) -> Callable[[int], int]:
    """Return the limit of writes that run or wait for a writer.

    A file has one writer. A second write waits, so that it begins when the first one ends; a write
    of another project then waits for two at most, not for all that one project's clients send.
    """
    return lambda _active: max(2, writers - 1)
