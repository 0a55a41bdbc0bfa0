"""Retry delays: exponential back-off, and the `Retry-After` header of HTTP."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_MAX_GROWTHS = 60
"""Growths of a delay that are computed; more would overflow, and no retry waits that long."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Policy for the delays between attempts; each caller keeps its own loop and sleep.

    first_s: the delay after the first try. factor: growth of the delay from try to try.
    longest_s: upper limit of a delay. jitter: share of a delay that chance can take off, 0 to 1.
    """

    first_s: float
    factor: float = 2.0
    longest_s: float = math.inf
    jitter: float = 0.0

    def delay_s(self, tries: int, chance: float = 1.0) -> float:
        """Return the seconds before the next try.

        tries: tries so far, from 1. chance: 0 to 1; 1 gives the whole delay.
        """
        full_s = self.first_s * self.factor ** min(tries - 1, _MAX_GROWTHS)
        return min(full_s, self.longest_s) * (1 - self.jitter * (1 - chance))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait; None if it does not say.

    headers: without regard to case. A date counts from the answer's own `Date`, so the clocks of
    the two machines need not agree.
    """
    value = headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            since = parsedate_to_datetime(headers.get("Date", ""))
            seconds = (parsedate_to_datetime(value) - since).total_seconds()
        except (TypeError, ValueError, OverflowError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
