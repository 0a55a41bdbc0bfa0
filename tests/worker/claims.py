"""Claims of jobs at times after the start, and operations on them."""

from collections.abc import Callable
from datetime import datetime, timedelta

from tests.conftest import START

from hitherto.store import JobRows, Store, Transaction, Work

LEASE = timedelta(seconds=20)

OPERATIONS: list[Callable[[JobRows, Work], bool]] = [
    lambda tx, work: tx.renew(work, after(1_000)),
    lambda tx, work: tx.release(work),
    lambda tx, work: tx.finish(work, after(30)),
    lambda tx, work: tx.retry(work, after(40), "stale"),
    lambda tx, work: tx.fail(work, "stale"),
]
NAMES = ["renew", "release", "finish", "retry", "fail"]


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


async def claim(store: Store, token: str, seconds: float = 0) -> Work | None:
    now = after(seconds)

    def work(tx: Transaction) -> Work | None:
        return tx.jobs.claim(tx.jobs.queued_projects(now), now, now + LEASE, token)

    return await store.write(work)


async def claimed(store: Store, token: str, seconds: float = 0) -> Work:
    work = await claim(store, token, seconds)
    assert work is not None
    return work
