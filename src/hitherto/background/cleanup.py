"""Cleanup after deletions, in database files and in this process.

A deletion clears what it can at once. Traces that a reader of the file protected are cleared here,
by any process that has the memory open. Memory indexes of users whose rows another process deleted
are dropped.
"""

import asyncio
import contextlib
import logging

from hitherto.engine import Resources
from hitherto.errors import ClosedError, RecallrAIError
from hitherto.store import JobRows

_log = logging.getLogger("hitherto.background.cleanup")

USERS_AT_ONCE = 50
"""Users whose cached indexes are compared with the database at each turn: 10 microseconds each for
a file, 0.1 ms for a server."""


class Tidying:
    """Tidies up until it is stopped. One task on the running event loop."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._task: asyncio.Task[None] | None = None
        self._last_user = ""

    def start(self) -> None:
        """Begin; what an earlier process left is taken away first."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="hitherto-tidying")

    async def stop(self) -> None:
        """Stop at once; the next process that opens the memory continues."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def tidy(self) -> None:
        """Run one round. Raises StoreError, ClosedError."""
        await self._resources.store.clear_left()
        outdated = await self._outdated()
        if self._resources.index_cache.take_outdated() or outdated:
            self._resources.forget(outdated)

    async def _run(self) -> None:
        while True:
            try:
                await self.tidy()
            except ClosedError:
                return
            except RecallrAIError as error:
                _log.warning("what deletions left is cleared later: %s", error)
            await asyncio.sleep(self._resources.settings.poll_interval_s)

    async def _outdated(self) -> list[str]:
        """Return users of the next batch with rows that another process deleted."""
        held = self._resources.index_cache.revisions()
        waiting = sorted(one for one in held if one > self._last_user)[:USERS_AT_ONCE]
        self._last_user = waiting[-1] if waiting else ""
        if not waiting:
            return []

        def read(tx: JobRows) -> list[str]:
            rebuilt = {one: tx.rebuilt_at(one) for one in waiting}
            return [one for one, at in rebuilt.items() if at is None or at > held[one]]

        return await self._resources.store.read(lambda tx: read(tx.jobs))
