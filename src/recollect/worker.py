"""Processing in the background: takes due sessions one by one and turns them into memories.

The session row is the job. A session is taken by a lease, which is renewed while the work goes on;
what was found is stored in one transaction with the status, and only if the lease still holds. So a
worker that dies, or comes back too late, can neither lose nor double anything.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import numpy as np
from numpy.typing import NDArray

from recollect.core import passages, reconcile
from recollect.engine import Resources
from recollect.errors import ClosedError, RecallrAIError, StoreError, UserNotFoundError
from recollect.models import Message
from recollect.store import StoredPassage, Work, WorkTx
from recollect.store.rows import to_bytes
from recollect.working_set import Delta, WorkingSet
from recollect.writing import Findings, PlanWriter, rewritten

_log = logging.getLogger("recollect.worker")

MAX_ATTEMPTS = 25
"""Times a session may be taken before it counts as one that kills its worker. Deploys and crashes
of other causes cost one attempt each, so this is far above the limit on failures."""

MAX_RETRY_DELAY_S = 300.0
MAX_RECONCILIATIONS = 5
"""Times a session is weighed anew because the user's memories moved meanwhile."""


class LeaseLostError(RecallrAIError):
    """Another worker holds the session now, or it was deleted: the result is not wanted."""


@dataclass(frozen=True, slots=True)
class _Job:
    messages: Sequence[Message]
    conflicts_enabled: bool


class Worker:
    """Processes due sessions until it is stopped. One task on the running event loop."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin working; sessions that an earlier process left are taken up first."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="recollect-worker")

    async def stop(self) -> None:
        """Finish the session in work, or release it when `close_timeout_s` is over."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping = True
        self._resources.work_due.set()
        _, unfinished = await asyncio.wait({task}, timeout=self._resources.settings.close_timeout_s)
        if unfinished:
            task.cancel()
            await asyncio.wait({task})

    async def _run(self) -> None:
        while not self._stopping:
            try:
                idle_s = 0.0 if await self._work_once() else await self._idle_s()
            except ClosedError:
                # The program ends without closing; what was in work is taken up by the next one.
                return
            except RecallrAIError as error:
                # The store refused (locked for long, disk full): the session keeps its place.
                _log.warning("processing is paused: %s", error)
                idle_s = self._resources.settings.poll_interval_s
            if idle_s and not self._stopping:
                await self._resources.work_due.wait(idle_s)

    async def _idle_s(self) -> float:
        """How long nothing can become due, at most the poll interval."""
        most_s = self._resources.settings.poll_interval_s
        now = self._resources.clock()
        due_at = await self._resources.store.work(lambda tx: tx.next_due(now), write=False)
        return most_s if due_at is None else min(most_s, max(0.02, (due_at - now).total_seconds()))

    async def _work_once(self) -> bool:
        """Process the next due session. False when there is none."""
        now = self._resources.clock()
        lease_until = now + timedelta(seconds=self._resources.settings.lease_s)
        token = self._resources.new_id()
        due = await self._resources.store.work(lambda tx: tx.is_due(now), write=False)
        work = (
            await self._resources.store.work(lambda tx: tx.claim(now, lease_until, token))
            if due
            else None
        )
        if work is None:
            return False
        renewing = asyncio.create_task(self._renew(work))
        try:
            await self._attempt(work)
        finally:
            renewing.cancel()
            self._resources.work_done.set()
        return True

    async def _attempt(self, work: Work) -> None:
        store = self._resources.store
        try:
            if work.attempts > MAX_ATTEMPTS:
                reason = f"gave up: taken {MAX_ATTEMPTS} times without an end"
                await store.work(lambda tx: tx.fail(work, reason))
                return
            await self._process(work)
        except asyncio.CancelledError:
            await asyncio.shield(store.work(lambda tx: tx.release(work)))
            raise
        except (LeaseLostError, UserNotFoundError) as error:
            _log.info("session %s: %s", work.session_id, error)
        except (StoreError, ClosedError):
            # Not the session's failure: it is taken up again when the lease has run out.
            raise
        except Exception as error:  # noqa: BLE001  a job's failure must not end the worker
            await self._failed(work, error)

    async def _failed(self, work: Work, error: Exception) -> None:
        settings = self._resources.settings
        reason = f"{type(error).__name__}: {error}"[:1_000]
        _log.warning("session %s failed: %s", work.session_id, reason, exc_info=error)
        if work.failures + 1 >= settings.max_failures:
            await self._resources.store.work(lambda tx: tx.fail(work, reason))
            return
        delay_s = min(settings.retry_delay_s * 2**work.failures, MAX_RETRY_DELAY_S)
        due_at = self._resources.clock() + timedelta(seconds=delay_s)
        await self._resources.store.work(lambda tx: tx.retry(work, due_at, reason))

    async def _renew(self, work: Work) -> None:
        lease_s = self._resources.settings.lease_s
        while True:
            await asyncio.sleep(lease_s / 3)
            until = self._resources.clock() + timedelta(seconds=lease_s)
            try:
                if not await self._resources.store.work(partial(_renew, work=work, until=until)):
                    return
            except StoreError as error:
                _log.warning("session %s could not be held: %s", work.session_id, error)

    async def _process(self, work: Work) -> None:
        job = await self._resources.store.work(lambda tx: _read_job(tx, work), write=False)
        inference, embedder = self._resources.inference, self._resources.embedder
        candidates = await inference.extract(job.messages, work.created_at)
        summary = await inference.summarise(job.messages, candidates, work.created_at)
        cut = passages.cut(job.messages)
        texts = [candidate.content for candidate in candidates] + [item.text for item in cut]
        texts += [summary] if summary else []
        vectors = await asyncio.to_thread(embedder.embed, texts)
        first_passage, after_passages = len(candidates), len(candidates) + len(cut)
        findings = Findings(
            candidates=candidates,
            vectors=vectors[:first_passage],
            summary=summary,
            summary_vector=vectors[-1] if summary else None,
            passages=[
                StoredPassage(
                    work.session_id, item.position, item.kind, item.start, item.end, to_bytes(row)
                )
                for item, row in zip(cut, vectors[first_passage:after_passages], strict=True)
            ],
        )
        for _ in range(MAX_RECONCILIATIONS):
            if await self._reconcile_and_store(work, job, findings):
                return
        raise LeaseLostError("the user's memories kept changing; trying again later")

    async def _reconcile_and_store(self, work: Work, job: _Job, findings: Findings) -> bool:
        """One try against the memories as they are now. False when they moved meanwhile."""
        store, working_sets = self._resources.store, self._resources.working_sets

        def read(tx: WorkTx) -> Delta:
            return working_sets.delta(tx.user(work))

        delta = await store.work(read, write=False)
        working = await asyncio.to_thread(working_sets.refresh, work.user_id, delta)
        plan = await self._resources.inference.reconcile(
            _held(working),
            findings.candidates,
            findings.vectors,
            session_id=work.session_id,
            session_date=work.created_at,
            conflicts_enabled=job.conflicts_enabled,
        )
        vectors = await self._plan_vectors(plan, findings)
        now = self._resources.clock()

        def write(tx: WorkTx) -> bool:
            user = tx.user(work)
            if user.revision() != working.revision:
                return False
            if not tx.finish(work, now):
                raise LeaseLostError("the session is held by another worker or was deleted")
            writer = PlanWriter(user, work, working, self._resources.new_id, now)
            writer.write(findings, plan, vectors)
            return True

        return await store.work(write)

    async def _plan_vectors(
        self, plan: reconcile.Plan, findings: Findings
    ) -> dict[int, NDArray[np.float32]]:
        vectors = dict(enumerate(findings.vectors))
        changed = rewritten(plan, findings)
        if changed:
            texts = list(changed.values())
            made = await asyncio.to_thread(self._resources.embedder.embed, texts)
            vectors.update(zip(changed, made, strict=True))
        return vectors


def _renew(tx: WorkTx, work: Work, until: datetime) -> bool:
    return tx.renew(work, until)


def _read_job(tx: WorkTx, work: Work) -> _Job:
    user = tx.user(work)
    return _Job(user.messages(work.session_id), tx.merge_conflicts_enabled(user))


def _held(working: WorkingSet) -> list[reconcile.Held]:
    vectors = working.memories.vectors.floats()
    return [
        reconcile.Held(version, vectors[working.memory_rows[version.memory_id]])
        for version in working.current()
    ]
