"""Projects that the process works for now."""

import contextlib
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator

ACTIVE_S = 1.0
"""Seconds after its last call for which a project counts as active: a client that asks again at
once finds its share kept, and a project that is alone again soon has more."""


class ActiveProjects:
    """Projects with calls or jobs now, or within the last `ACTIVE_S`. For any thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._in_work: Counter[str] = Counter()
        self._ended_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def working_for(self, project_id: str) -> Iterator[None]:
        """Count a project as active in the block and for `ACTIVE_S` after it."""
        with self._lock:
            self._in_work[project_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_work[project_id] -= 1
                if not self._in_work[project_id]:
                    del self._in_work[project_id]
                self._ended_at[project_id] = self.monotonic()
                self._ended_at.move_to_end(project_id)

    def count(self) -> int:
        """Return the number of active projects."""
        return len(self._active())

    def others(self, project_id: str) -> set[str]:
        """Return the active projects except one."""
        return self._active() - {project_id}

    def others_until(self, project_id: str) -> float:
        """Return when, by `monotonic`, all other projects will be idle if nothing new begins.

        Infinite while there is work for one of them.
        """
        with self._lock:
            if len(self._in_work) > (project_id in self._in_work):
                return float("inf")
            last = (
                at for other_id, at in reversed(self._ended_at.items()) if other_id != project_id
            )
            return next(last, float("-inf")) + ACTIVE_S

    def _active(self) -> set[str]:
        idle_since = self.monotonic() - ACTIVE_S
        with self._lock:
            while self._ended_at:
                project_id, ended_at = next(iter(self._ended_at.items()))
                if ended_at > idle_since:
                    break
                del self._ended_at[project_id]
            return self._in_work.keys() | self._ended_at.keys()
