"""Measures how the processor time of a call grows with the length of a text."""

import gc
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

LIMIT: Final = 8.0
"""Most that four times the text may take of the time; linear work takes 4, quadratic 16."""

SUSPECT: Final = 5.5
"""From this ratio on, longer texts and repeated measurements decide."""

FLOOR_S: Final = 0.004
"""Below this processor time no ratio is judged."""

OVERRUN_S: Final = 2.0
"""A call is stopped after this processor time, or four times that of the longest wanted."""

TRIES: Final = 3
CERTAIN_S: Final = 0.1
"""Longer times are not measured again: no disturbance of a thread's own time is as long."""

FEWEST: Final = 3
"""Cases that are tried with the longest texts."""


class OverrunError(Exception):
    """A call used more processor time than it may."""


def _overrun(_signal: int, _frame: FrameType | None) -> None:
    raise OverrunError


@contextmanager
def steady() -> Iterator[None]:
    """Measure without collecting garbage meanwhile, and stop calls that overrun."""
    was_enabled = gc.isenabled()
    before = signal.signal(signal.SIGVTALRM, _overrun)
    gc.disable()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        if was_enabled:
            gc.enable()


def cpu_s(call: Callable[[], object], overrun_s: float) -> float:
    """Return the processor time of one call, within `steady`."""
    started = time.thread_time()
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, overrun_s)
        call()
    except OverrunError:
        return overrun_s
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.thread_time() - started


@dataclass(frozen=True, slots=True)
class Growth:
    """What one subject took for one text.

    subject: the pattern or function. text: how the text is made. chars: its length; cpu_s: the
    time of it. ratio: that time by the one of a quarter of it; 0 where both are too short to tell.
    """

    subject: str
    text: str
    chars: int
    cpu_s: float
    ratio: float

    @property
    def us_per_char(self) -> float:
        """Microseconds of processor time for each character."""
        return self.cpu_s / self.chars * 1e6

    def __str__(self) -> str:
        return (
            f"{self.us_per_char:8.2f} us/char  x{self.ratio:4.1f}  {self.cpu_s:8.4f} s  "
            f"{self.chars:8,} chars  {self.subject}  {self.text}"
        )


@dataclass(frozen=True, slots=True)
class Case:
    """A subject and a text to be measured: `call(chars)` returns the call with so long a text.

    way: how the text is put in. pump: what it is made of; both for who reads the result.
    """

    subject: str
    way: str
    pump: object
    call: Callable[[int], Callable[[], object]]


class _Climb:
    """One case, measured with longer and longer texts."""

    def __init__(self, case: Case, chars: int, overrun_s: float) -> None:
        self._case = case
        self._overrun_s = overrun_s
        self.chars = chars
        self._times: dict[int, float] = {}
        self._measure()

    @property
    def cpu_s(self) -> float:
        return self._times[self.chars]

    @property
    def us_per_char(self) -> float:
        return self.cpu_s / self.chars * 1e6

    @property
    def ratio(self) -> float:
        before = self._times.get(self.chars // 4, 0.0)
        return self.cpu_s / before if self.cpu_s >= FLOOR_S and before > 0 else 0.0

    @property
    def is_suspicious(self) -> bool:
        return self.ratio > SUSPECT

    @property
    def could_overrun(self) -> bool:
        """Whether a text four times as long could take too much, if it takes 16 times the time."""
        return self.cpu_s * 16 > self._overrun_s

    def step(self) -> None:
        """Measure a text four times as long."""
        self.chars *= 4
        self._measure()

    def _measure(self) -> None:
        started = time.thread_time()
        self._times[self.chars] = cpu_s(self._case.call(self.chars), self._overrun_s)
        self.whole_s = time.thread_time() - started
        """Processor time with that of making the arguments."""

    def confirm(self) -> None:
        """Measure the last two lengths again while it is suspicious; keep the shortest times."""
        calls = [(chars, self._case.call(chars)) for chars in (self.chars // 4, self.chars)]
        for _ in range(TRIES):
            for chars, call in calls:
                self._times[chars] = min(self._times[chars], cpu_s(call, self._overrun_s))
            if not self.is_suspicious:
                break

    def result(self) -> Growth:
        text = f"{self._case.way}: {self._case.pump}"
        return Growth(self._case.subject, text, self.chars, self.cpu_s, self.ratio)


def worst_growth(
    cases: Iterable[Case],
    *,
    budget_s: float,
    longest_s: float,
    start_chars: int,
    max_chars: int,
    is_over_at_the_first: bool = True,
) -> list[Growth]:
    """Return the growth of the slowest of some cases, measured within a budget.

    All cases are tried with short texts, as far as a third of the budget goes. A quarter of them,
    those that take most for a character, are tried with texts four times as long, and so on until
    `max_chars`. What grows suspiciously is tried on, whatever the budget, and so is the slowest
    case, as long as its longest text takes no more than `longest_s`.

    is_over_at_the_first: whether one that surely grows above the limit ends it: it alone is
    returned.
    """
    overrun_s = max(OVERRUN_S, 4 * longest_s)
    with steady():
        started = time.thread_time()
        climbs: list[_Climb] = []
        for case in cases:
            climbs.append(_Climb(case, start_chars, overrun_s))
            if time.thread_time() - started > budget_s / 3:
                break
        measured: list[_Climb] = []
        chars = start_chars
        while climbs and chars * 4 <= max_chars:
            chars *= 4
            climbs.sort(key=lambda climb: climb.us_per_char, reverse=True)
            wanted = max(FEWEST, len(climbs) // 4)
            going = []
            for place, climb in enumerate(climbs):
                left = budget_s - (time.thread_time() - started)
                is_slowest = place == 0 and climb.whole_s * 4 <= longest_s
                is_affordable = place < wanted and climb.whole_s * 4 <= left
                goes_on = climb.is_suspicious or is_affordable
                if is_slowest or (goes_on and not climb.could_overrun):
                    climb.step()
                    going.append(climb)
                    if is_over_at_the_first and climb.ratio > LIMIT and climb.could_overrun:
                        return [climb.result()]
                else:
                    measured.append(climb)
            climbs = going
        for climb in [*measured, *climbs]:
            # A longer text tells growth from what a processor's caches do at one length.
            if climb.is_suspicious and climb.cpu_s < CERTAIN_S:
                climb.confirm()
            if climb.is_suspicious and not climb.could_overrun:
                climb.step()
                climb.confirm()
        return [climb.result() for climb in (*measured, *climbs) if climb.chars > start_chars]
