"""Token buckets that limit how often each key and each address may act."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MAX_BUCKETS = 10_000
"""Buckets that are kept, about 2 MB. The one unused for longest is forgotten first."""

Clock = Callable[[], float]


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at_s: float


class TokenBuckets:
    """Token buckets by owner: a minute's worth of tokens at once, then as they refill.

    clock: seconds that never go backwards.
    """

    def __init__(self, per_minute: int, clock: Clock, *, max_buckets: int = MAX_BUCKETS) -> None:
        self._capacity = float(per_minute)
        self._per_s = per_minute / 60
        self._clock = clock
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[bytes, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, owner: bytes) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        bucket = self._buckets.setdefault(owner, _Bucket(self._capacity, self._clock()))
        self._buckets.move_to_end(owner)
        if len(self._buckets) > self._max_buckets:
            self._buckets.popitem(last=False)
        wait_s = self._refill(bucket)
        if wait_s == 0:
            bucket.tokens -= 1
        return wait_s

    def wait_s(self, owner: bytes) -> float:
        """Return the seconds until there is a token, without taking it."""
        bucket = self._buckets.get(owner)
        return 0.0 if bucket is None else self._refill(bucket)

    def missing_tokens(self, owner: bytes) -> float:
        """Return the tokens that are missing from a bucket."""
        bucket = self._buckets.get(owner)
        if bucket is None:
            return 0.0
        self._refill(bucket)
        return self._capacity - bucket.tokens

    def _refill(self, bucket: _Bucket) -> float:
        now_s = self._clock()
        refilled = bucket.tokens + (now_s - bucket.filled_at_s) * self._per_s
        bucket.tokens = min(self._capacity, refilled)
        bucket.filled_at_s = now_s
        return 0.0 if bucket.tokens >= 1 else (1 - bucket.tokens) / self._per_s
