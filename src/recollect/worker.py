"""Work in the background: due sessions become memories, answered merge conflicts are settled.

The row of a session, or of a conflict, is the job. It is taken by a lease, which is renewed while
the work goes on; what came out is stored in one transaction with the status, and only if the lease
still holds. So a worker that dies, or comes back too late, can neither lose nor double anything.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recollect.core import categories, passages, reconcile
from recollect.core.categories import EmbeddedCategory
from recollect.core.resolution import Contest
from recollect.engine import Resources
from recollect.errors import ClosedError, RecallrAIError, StoreError, UserNotFoundError
from recollect.inference import Inference
from recollect.models import (
    Candidate,
    Category,
    GenerationPreferences,
    Message,
    MessageRole,
    WebhookEventType,
)
from recollect.store import StoredPassage, Work, WorkTx
from recollect.store.rows import to_bytes
from recollect.working_set import Delta, WorkingSet
from recollect.writing import Filing, Findings, PlanWriter, rewritten

_log = logging.getLogger("recollect.worker")

MAX_ATTEMPTS = 25
"""Times work may be taken before it counts as one that kills its worker. Deploys and crashes
of other causes cost one attempt each, so this is far above the limit on failures."""

MAX_RETRY_DELAY_S = 300.0
MAX_RECONCILIATIONS = 5
"""Times work is weighed anew because the user's memories moved meanwhile."""

KEPT_CATEGORIES = 4_096
"""Vectors of categories that are kept: 1.5 kB each."""


class LeaseLostError(RecallrAIError):
    """Another worker holds the work now, or it was deleted: the result is not wanted."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What is read when work begins. messages: of a session; contest: of a conflict."""

    messages: Sequence[Message]
    contest: Contest | None
    conflicts_enabled: bool
    categories: Sequence[Category]
    preferences: GenerationPreferences


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A plan, and for each of its decisions the candidate's content and vector, and its date.

    retired: memories that are not true and that nothing takes the place of.
    """

    plan: reconcile.Plan
    contents: Sequence[str]
    vectors: NDArray[np.float32]
    said_at: Sequence[datetime]
    retired: Sequence[str] = ()


class _Job(Protocol):
    """Work that was understood, ready to be weighed against the memories, as often as need be."""

    async def weigh(self, inference: Inference, working: WorkingSet) -> _Weighed:
        """What to do, given the memories as they are in this working set."""
        ...

    def write(self, writer: PlanWriter, weighed: _Weighed, filings: Sequence[Filing]) -> None:
        """Do it, inside the transaction that finishes the work."""
        ...


@dataclass(frozen=True, slots=True)
class _SessionJob:
    """A session, and what was found in it."""

    work: Work
    findings: Findings
    conflicts_enabled: bool

    async def weigh(self, inference: Inference, working: WorkingSet) -> _Weighed:
        plan = await inference.reconcile(
            _held(working),
            self.findings.candidates,
            self.findings.vectors,
            session_id=self.work.session_id,
            session_date=self.work.created_at,
            conflicts_enabled=self.conflicts_enabled,
        )
        contents = [candidate.content for candidate in self.findings.candidates]
        said_at = [self.work.created_at] * len(contents)
        return _Weighed(plan, contents, self.findings.vectors, said_at)

    def write(self, writer: PlanWriter, weighed: _Weighed, filings: Sequence[Filing]) -> None:
        writer.write(self.findings, weighed.plan, filings)


@dataclass(frozen=True, slots=True)
class _ConflictJob:
    """An answered merge conflict, and what was said beside the answers.

    vectors: (1 + statements, dimension), that of the proposed statement first.
    """

    contest: Contest
    statements: Sequence[Candidate]
    vectors: NDArray[np.float32]

    async def weigh(self, inference: Inference, working: WorkingSet) -> _Weighed:
        resolution = await inference.resolve(
            _held(working), working.versions, self.contest, self.statements, self.vectors
        )
        candidates = [self.contest.proposed, *self.statements]
        return _Weighed(
            resolution.plan,
            [candidates[origin].content for origin in resolution.origins],
            self.vectors[list(resolution.origins)],
            resolution.said_at,
            resolution.retired,
        )

    def write(self, writer: PlanWriter, weighed: _Weighed, filings: Sequence[Filing]) -> None:
        writer.settle(weighed.plan, weighed.retired, filings)


class Worker:
    """Does what is due until it is stopped. One task on the running event loop."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._category_vector = lru_cache(maxsize=KEPT_CATEGORIES)(self._embed_category)
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin working; what an earlier process left is taken up first."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="recollect-worker")

    async def stop(self) -> None:
        """Finish the work in hand, or release it when `close_timeout_s` is over."""
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
                # The store refused (locked for long, disk full): the work keeps its place.
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
        """Do the next piece of work. False when there is none."""
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
            self._resources.deliveries_due.set()
        return True

    async def _attempt(self, work: Work) -> None:
        store = self._resources.store
        try:
            if work.attempts > MAX_ATTEMPTS:
                reason = f"gave up: taken {MAX_ATTEMPTS} times without an end"
                await self._give_up(work, reason)
                return
            await self._perform(work)
        except asyncio.CancelledError:
            await asyncio.shield(store.work(lambda tx: tx.release(work)))
            raise
        except (LeaseLostError, UserNotFoundError) as error:
            _log.info("%s: %s", work, error)
        except (StoreError, ClosedError):
            # Not the work's failure: it is taken up again when the lease has run out.
            raise
        except Exception as error:  # noqa: BLE001  a job's failure must not end the worker
            await self._failed(work, error)

    async def _failed(self, work: Work, error: Exception) -> None:
        settings = self._resources.settings
        reason = f"{type(error).__name__}: {error}"[:1_000]
        # The reason may quote what was said; it stands with the session, not in the log.
        _log.warning("%s failed: %s", work, type(error).__name__, exc_info=error)
        if work.failures + 1 >= settings.max_failures:
            await self._give_up(work, reason)
            return
        delay_s = min(settings.retry_delay_s * 2**work.failures, MAX_RETRY_DELAY_S)
        due_at = self._resources.clock() + timedelta(seconds=delay_s)
        await self._resources.store.work(lambda tx: tx.retry(work, due_at, reason))

    async def _give_up(self, work: Work, reason: str) -> None:
        now, new_id = self._resources.clock(), self._resources.new_id
        event_type = (
            WebhookEventType.SESSION_FAILED
            if work.merge_conflict_id is None
            else WebhookEventType.MERGE_CONFLICT_FAILED
        )

        def write(tx: WorkTx) -> None:
            if tx.fail(work, reason):
                user = tx.user(work)
                user.announce(event_type, work.session_id, work.merge_conflict_id, new_id, now)

        await self._resources.store.work(write)

    async def _renew(self, work: Work) -> None:
        lease_s = self._resources.settings.lease_s
        while True:
            await asyncio.sleep(lease_s / 3)
            until = self._resources.clock() + timedelta(seconds=lease_s)
            try:
                if not await self._resources.store.work(partial(_renew, work=work, until=until)):
                    return
            except StoreError as error:
                _log.warning("%s could not be held: %s", work, error)

    async def _perform(self, work: Work) -> None:
        told = await self._resources.store.work(lambda tx: _read(tx, work), write=False)
        job: _Job
        if told.contest is None:
            job = await self._read_session(work, told)
        else:
            job = await self._read_answers(told.contest, told)
        for _ in range(MAX_RECONCILIATIONS):
            if await self._weigh_and_store(work, job, told.categories):
                return
        raise LeaseLostError("the user's memories kept changing; trying again later")

    async def _read_session(self, work: Work, told: _Told) -> _SessionJob:
        """Understand what a session says: its statements, its summary, its passages."""
        inference = self._resources.inference
        candidates = await inference.extract(
            told.messages, work.created_at, preferences=told.preferences
        )
        summary = await inference.summarise(told.messages, candidates, work.created_at)
        cut = passages.cut(told.messages)
        texts = [candidate.content for candidate in candidates] + [item.text for item in cut]
        vectors = await self._embed([*texts, summary] if summary else texts)
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
        return _SessionJob(work, findings, told.conflicts_enabled)

    async def _read_answers(self, contest: Contest, told: _Told) -> _ConflictJob:
        """Understand what was said beside the answers, as if said on the day of the answers."""
        statements: list[Candidate] = []
        for text in contest.messages():
            said = Message(MessageRole.USER, text, contest.answered_at)
            statements += await self._resources.inference.extract(
                [said], contest.answered_at, preferences=told.preferences
            )
        texts = [contest.proposed.content, *(statement.content for statement in statements)]
        return _ConflictJob(contest, statements, await self._embed(texts))

    async def _weigh_and_store(self, work: Work, job: _Job, of_project: Sequence[Category]) -> bool:
        """One try against the memories as they are now. False when they moved meanwhile."""
        store, working_sets = self._resources.store, self._resources.working_sets

        def read(tx: WorkTx) -> Delta:
            return working_sets.delta(tx.user(work))

        delta = await store.work(read, write=False)
        working = await asyncio.to_thread(working_sets.refresh, work.user_id, delta)
        weighed = await job.weigh(self._resources.inference, working)
        filings = await self._filings(weighed, of_project)
        now = self._resources.clock()

        def write(tx: WorkTx) -> bool:
            user = tx.user(work)
            if user.revision() != working.revision:
                return False
            if not tx.finish(work, now):
                raise LeaseLostError(f"{work} is held by another worker or was deleted")
            job.write(
                PlanWriter(user, work, working, self._resources.new_id, now), weighed, filings
            )
            return True

        return await store.work(write)

    async def _filings(self, weighed: _Weighed, of_project: Sequence[Category]) -> list[Filing]:
        """What each decision's content is stored with."""
        decisions = weighed.plan.decisions
        vectors = list(weighed.vectors)
        changed = rewritten(weighed.plan, weighed.contents)
        if changed:
            made = await self._embed(list(changed.values()))
            for index, vector in zip(changed, made, strict=True):
                vectors[index] = vector
        ids = {category.name: category.category_id for category in of_project}
        named: list[list[str]] = [[] for _ in decisions]
        if of_project and decisions:
            named = await self._resources.inference.categorise(
                [decision.candidate.content for decision in decisions],
                np.stack(vectors),
                await asyncio.to_thread(self._embedded, of_project),
            )
        return [
            Filing(vector, [ids[name] for name in names if name in ids], said_at)
            for vector, names, said_at in zip(vectors, named, weighed.said_at, strict=True)
        ]

    def _embedded(self, of_project: Sequence[Category]) -> list[EmbeddedCategory]:
        return [
            EmbeddedCategory(category, self._category_vector(categories.texts(category)))
            for category in of_project
        ]

    def _embed_category(self, texts: tuple[str, ...]) -> NDArray[np.float32]:
        return np.asarray(self._resources.embedder.embed(texts).mean(axis=0), np.float32)

    async def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return await asyncio.to_thread(self._resources.embedder.embed, texts)


def _renew(tx: WorkTx, work: Work, until: datetime) -> bool:
    return tx.renew(work, until)


def _read(tx: WorkTx, work: Work) -> _Told:
    user = tx.user(work)
    contest = None
    if work.merge_conflict_id is not None:
        contest = user.contest(work.merge_conflict_id, work.created_at)
        if contest is None:
            raise LeaseLostError(f"{work} was deleted")
    return _Told(
        user.messages(work.session_id) if contest is None else (),
        contest,
        tx.merge_conflicts_enabled(user),
        tx.categories(user),
        tx.generation_preferences(user),
    )


def _held(working: WorkingSet) -> list[reconcile.Held]:
    vectors = working.memories.vectors.floats()
    return [
        reconcile.Held(version, vectors[working.memory_rows[version.memory_id]])
        for version in working.current()
    ]
