"""Cleanup after deletions, in database files and in this process.

A deletion clears its traces at once, except those that a reader of the file protects. Every process
that has the database open clears these here. It also drops the cached memory indexes of users whose
rows another process deleted.
"""

import asyncio
import contextlib
import logging

from hitherto.engine import Resources
from hitherto.errors import ClosedError, RecallrAIError
from hitherto.store import JobRows

_log = logging.getLogger("hitherto.background.cleanup")

USERS_AT_ONCE = 50
"""Users whose cached indexes are compared with the database in one round: 10 microseconds each for
a file, 0.1 ms for a server."""


class Cleanup:
    """Cleans up in rounds until it is stopped. One task on the running event loop."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._task: asyncio.Task[None] | None = None
        self._last_user = ""

    def start(self) -> None:
        """Begin; the first round clears the traces that earlier processes left."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="hitherto-cleanup")

    async def stop(self) -> None:
        """Stop at once; the next process that opens the database continues."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def run_once(self) -> None:
        """Clear traces and drop outdated indexes. Raises StoreError, ClosedError."""
        await self._resources.store.clear_left()
        outdated = await self._outdated_users()
        if self._resources.index_cache.take_outdated() or outdated:
            self._resources.forget(outdated)

    async def _run(self) -> None:
        while True:
            try:
                await self.run_once()
            except ClosedError:
                return
            except RecallrAIError as error:
                _log.warning("traces of deletions are cleared later: %s", error)
            await asyncio.sleep(self._resources.settings.poll_interval_s)

    async def _outdated_users(self) -> list[str]:
        """Return users of the next batch with rows that another process deleted."""
        revisions = self._resources.index_cache.revisions()
        batch = sorted(user_id for user_id in revisions if user_id > self._last_user)
        batch = batch[:USERS_AT_ONCE]
        self._last_user = batch[-1] if batch else ""
        if not batch:
            return []

        def read(tx: JobRows) -> list[str]:
            rebuilt = {user_id: tx.rebuilt_at(user_id) for user_id in batch}
            return [
                user_id
                for user_id, revision in rebuilt.items()
                if revision is None or revision > revisions[user_id]
            ]

        return await self._resources.store.read(lambda tx: read(tx.jobs))
