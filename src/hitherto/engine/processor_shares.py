"""Shares of projects in processor time, while several projects are active.

All threads of a process compute under one interpreter lock, so a project that always computes slows
down every step of the others, even if it has only one thread.
"""

import asyncio
import contextlib
import math
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from hitherto.engine.active_projects import ActiveProjects
from hitherto.threads import metered

FREE_SHARE = 0.15
"""Processor seconds per second that a project may always use. From `benchmarks/hostile_texts.py`:
if a project floods the service, sessions of others take 1.3 to 1.9 times as long, and the
slowest twentieth of them 2.2 to 3.0 times; with 0.25 these took 3.5 times."""

SLACK = 1.1
"""Excess over the lightest of the others that a project may use, so that projects of equal use do
not wait for each other by chance."""

MEMORY_S = 4.0
"""Time constant of the average over the past, in seconds. A project that was idle may use
`FREE_SHARE * MEMORY_S` processor seconds at once."""

MIN_PAUSE_S = 0.001
"""Shortest pause: a clock may not move by less."""

FORGOTTEN_S = 20 * MEMORY_S
"""Seconds after which the past does not count: `exp(-20)` of it is left."""


@dataclass(frozen=True, slots=True)
class _Usage:
    """Average processor time per second, at a time of the monotonic clock."""

    share: float
    at: float

    def share_at(self, now: float) -> float:
        """Return the average at a later time, if nothing was computed since."""
        return self.share * math.exp((self.at - now) / MEMORY_S)


class ProcessorShares:
    """Delays the computations of a project that uses more than others, while others are active.

    The next computation begins when the exponential average of the project's processor time is at
    most `FREE_SHARE`, or about that of the lightest of the other active projects. A computation
    that runs is not interrupted, and a project that is alone does not wait. Where one computation
    takes longer than `FREE_SHARE * MEMORY_S`, more than the share is used: the pause grows with its
    logarithm, so that a long session does not keep its project waiting for minutes.

    sleep: takes seconds.
    """

    def __init__(
        self,
        active: ActiveProjects,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._active = active
        self._sleep = sleep
        self._usages: OrderedDict[str, _Usage] = OrderedDict()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def charge(self, project_id: str) -> Iterator[None]:
        """Charge a project with what threads compute for the block."""
        with self._active.working_for(project_id), metered(_ProjectMeter(self, project_id)):
            yield

    def pause_s(self, project_id: str) -> float:
        """Return the seconds until the project may compute, if others do nothing; 0 for now."""
        now = self._active.monotonic()
        with self._lock:
            share = self._share(project_id, now)
            if share <= FREE_SHARE:
                return 0.0
            others = [self._share(other_id, now) for other_id in self._active.others(project_id)]
        if not others:
            return 0.0
        allowed = max(FREE_SHARE, SLACK * min(others))
        if share <= allowed:
            return 0.0
        pause_s = MEMORY_S * math.log(share / allowed)
        return max(MIN_PAUSE_S, min(pause_s, self._active.others_until(project_id) - now))

    async def wait(self, project_id: str) -> None:
        """Wait until the project may compute."""
        while pause_s := self.pause_s(project_id):
            await self._sleep(pause_s)

    def is_crowded(self, project_id: str) -> bool:
        """Return whether other projects are active."""
        return self._active.others_until(project_id) > self._active.monotonic()

    def add(self, project_id: str, seconds: float) -> None:
        """Add processor time to a project's. For any thread."""
        with self._lock:
            now = self._active.monotonic()
            share = self._share(project_id, now) + seconds / MEMORY_S
            self._usages[project_id] = _Usage(share, now)
            self._usages.move_to_end(project_id)
            while next(iter(self._usages.values())).at < now - FORGOTTEN_S:
                self._usages.popitem(last=False)

    def _share(self, project_id: str, now: float) -> float:
        usage = self._usages.get(project_id)
        return 0.0 if usage is None else usage.share_at(now)


@dataclass(frozen=True, slots=True)
class _ProjectMeter:
    """Measures what is computed for one project."""

    shares: ProcessorShares
    project_id: str

    def add(self, seconds: float) -> None:
        self.shares.add(self.project_id, seconds)

    def is_crowded(self) -> bool:
        return self.shares.is_crowded(self.project_id)
