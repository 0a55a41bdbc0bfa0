"""Worker: turns due sessions into memories, and answered merge conflicts into decisions.

The row of a session, or of a conflict, is the job. A worker leases it and renews the lease while it
works. One transaction stores the results with the status, and only if the lease is still valid. So
a worker that dies, or is too late, neither loses nor doubles anything.
"""

import asyncio
import contextlib
import logging
from datetime import datetime, timedelta
from functools import partial

from hitherto.background import jobs
from hitherto.background.doubt_review import review
from hitherto.background.job_ends import JobEnds, unfinished
from hitherto.background.job_reader import JobReader, JobState, LeaseLostError, read_state
from hitherto.background.jobs import Job
from hitherto.background.plan_writer import PlanWriter
from hitherto.background.project_turns import ProjectTurns
from hitherto.background.stored_fields import FieldBuilder
from hitherto.engine import Resources
from hitherto.engine.metered_inference import ChargedInference
from hitherto.errors import (
    BudgetSpentError,
    ClosedError,
    EmbedderChangedError,
    RecallrAIError,
    StoreError,
    UserNotFoundError,
)
from hitherto.inference import LocalInference
from hitherto.inference.ledger import Account
from hitherto.inference.tasks import Task
from hitherto.inference.tasks.choice import chosen_models
from hitherto.memory_index import IndexDelta, UserIndex
from hitherto.store import JobRows, Transaction, Work
from hitherto.threads import BackgroundThreads

_log = logging.getLogger("hitherto.background.worker")

WAITING_CONCURRENCY = 8
"""Jobs of one project at once if most of the work is waiting for a model's answers."""

RULES_TIMEOUT_S = 600.0
"""Seconds for a job by rules: 5,000 messages of everyday length take 60 s on 2 cores."""

MODEL_TIMEOUT_S = 3_600.0
"""Seconds for a job with a model: 40 answers that take `model_timeout_s` each."""

OTHER_PROJECTS = 3
"""Further jobs that may be in work, of other projects, however many one project has."""

MAX_RECONCILIATIONS = 5
"""Maximum reconciliations of a job whose user's memories change meanwhile."""


class ProcessingTimeoutError(RecallrAIError):
    """A job took longer than `processing_timeout_s`."""


class Worker:
    """Processes due jobs until it is stopped, in several tasks, each for another user."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._rules = LocalInference(resources.statement_model)
        self._field_builder = FieldBuilder(resources.embedders)
        self._reader = JobReader(self._field_builder)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._turns = ProjectTurns(self._concurrency)
        self._ends = JobEnds(resources)
        self._stuck = 0
        self._claiming = asyncio.Lock()

    def start(self) -> None:
        """Begin; jobs that an earlier process left are claimed first."""
        loop = asyncio.get_running_loop()
        self._tasks = {
            loop.create_task(self._run(), name=f"hitherto-worker-{number}")
            for number in range(self._concurrency + OTHER_PROJECTS)
        }

    async def stop(self) -> None:
        """Finish the jobs in work, or release them after `close_timeout_s`."""
        tasks, self._tasks = self._tasks, set()
        if not tasks:
            return
        self._stopping = True
        self._resources.work_due.set()
        _, unfinished = await asyncio.wait(tasks, timeout=self._resources.settings.close_timeout_s)
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished)

    @property
    def _concurrency(self) -> int:
        """Maximum jobs of one project in work at once."""
        settings = self._resources.settings
        if settings.worker_concurrency is not None:
            return settings.worker_concurrency
        return WAITING_CONCURRENCY if Task.EXTRACTION in chosen_models(settings) else 1

    @property
    def _timeout_s(self) -> float:
        """Seconds that a job may take."""
        settings = self._resources.settings
        if settings.processing_timeout_s is not None:
            return settings.processing_timeout_s
        return MODEL_TIMEOUT_S if chosen_models(settings) else RULES_TIMEOUT_S

    async def _run(self) -> None:
        threads = BackgroundThreads("hitherto-work")
        threads.enter()
        while not self._stopping:
            try:
                idle_s = await self._work_once(self._resources.clock(), threads)
            except ClosedError:
                # The program ends without closing; the next process claims the jobs in work.
                return
            except RecallrAIError as error:
                # The store failed (locked for long, disk full), or this process lacks the
                # database's embedder: the job keeps its place in the queue.
                _log.warning("processing is paused: %s", error)
                idle_s = self._resources.settings.poll_interval_s
            if idle_s and not self._stopping:
                await self._resources.work_due.wait(idle_s)

    async def _idle_s(self, now: datetime, queued: list[str]) -> float:
        """Seconds in which nothing can become due, at most the poll interval.

        now: when there was nothing to claim. queued: the projects that had due jobs then. A job
        that was due waits for its project's pause, or for another job of its user. The end of that
        job is signalled in this process; other processes' ends are polled.
        """
        most_s = self._resources.settings.poll_interval_s
        due_at = await self._resources.store.read(lambda tx: tx.jobs.next_due())
        if due_at is None:
            return most_s
        if due_at <= now:
            idle_s = min(filter(None, map(self._pause_s, queued)), default=most_s)
        else:
            idle_s = (due_at - now).total_seconds()
        return min(most_s, max(0.02, idle_s))

    def _pause_s(self, project_id: str) -> float:
        """Seconds until the next job of a project may begin."""
        return self._resources.job_shares.pause_s(project_id)

    async def _work_once(self, now: datetime, threads: BackgroundThreads) -> float:
        """Claim and process the next job. Return the seconds to wait then: 0 after a job."""
        work, queued = await self._claim(now)
        if work is None:
            return await self._idle_s(now, queued)
        renewing = asyncio.create_task(self._renew(work))
        try:
            with self._resources.job_shares.charge(work.project_id):
                await self._attempt(work)
        finally:
            renewing.cancel()
            self._resources.work_done.set()
            try:
                await self._wait_for_threads(work, threads)
            finally:
                self._turns.end(work.project_id)
            self._resources.work_due.set()
            self._resources.deliveries_due.set()
        return 0.0

    async def _wait_for_threads(self, work: Work, threads: BackgroundThreads) -> None:
        """Wait for the computations of a cancelled job, which nothing can interrupt.

        Its project has one turn less meanwhile, so such jobs of one project do not fill the worker.
        """
        if not threads.running or self._stopping:
            return
        self._stuck += 1
        _log.error(
            "%s was given up but is still being computed; it takes %d of %d places of this worker. "
            "Restart the worker if it does not end",
            work,
            self._stuck,
            len(self._tasks),
        )
        try:
            await threads.join()
        finally:
            self._stuck -= 1

    async def _claim(self, now: datetime) -> tuple[Work | None, list[str]]:
        """Lease a due job of the project whose turn it is; None without one.

        Returned with it: the projects that may have due jobs.
        """
        store = self._resources.store
        lease_until = now + timedelta(seconds=self._resources.settings.lease_s)
        token = self._resources.new_id()
        # One claim at a time, or two could take more of a project than it may have in work.
        async with self._claiming:
            if self._stopping:
                return None, []
            queued = await store.read(lambda tx: tx.jobs.queued_projects(now))
            ordered = self._turns.order(queued)
            projects = [project_id for project_id in ordered if not self._pause_s(project_id)]
            if not projects:
                return None, queued
            work = await store.write(lambda tx: tx.jobs.claim(projects, now, lease_until, token))
            if work is not None:
                self._turns.begin(work.project_id)
        return work, queued

    async def _attempt(self, work: Work) -> None:
        try:
            # Starts that failed, wait for a budget, or were released are not counted.
            if work.attempts > self._resources.settings.max_starts:
                await self._ends.give_up(work, unfinished(work))
                return
            await self._perform_in_time(work)
        except asyncio.CancelledError:
            await asyncio.shield(self._ends.release(work))
            raise
        except (LeaseLostError, UserNotFoundError) as error:
            _log.info("%s: %s", work, error)
        except BudgetSpentError as error:
            await self._ends.wait_for_budget(work, error)
        except EmbedderChangedError:
            # A process that has the database's current embedder starts it again at once.
            await self._ends.release(work)
            raise
        except (StoreError, ClosedError):
            # Not the job's failure, so it does not count as a start.
            with contextlib.suppress(StoreError, ClosedError):
                await self._ends.release(work)
            raise
        except Exception as error:  # noqa: BLE001  a job's failure must not end the worker
            await self._ends.fail(work, error)

    async def _renew(self, work: Work) -> None:
        lease_s = self._resources.settings.lease_s
        while True:
            await asyncio.sleep(lease_s / 3)
            until = self._resources.clock() + timedelta(seconds=lease_s)
            try:
                if not await self._resources.store.write(partial(_renew, work=work, until=until)):
                    return
            except StoreError as error:
                _log.warning("the lease of %s was not renewed: %s", work, error)

    async def _perform_in_time(self, work: Work) -> None:
        """Do a job. Raises ProcessingTimeoutError if it takes too long."""
        timeout_s = self._timeout_s
        deadline = asyncio.timeout(timeout_s)
        try:
            async with deadline:
                await self._perform(work)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise ProcessingTimeoutError(
                f"processing took longer than {timeout_s:g} s; split the session into shorter ones"
            ) from error

    async def _perform(self, work: Work) -> None:
        state, index = await self._begin(work)
        account = Account(state.project_id, work.user_id, work.session_id, work.merge_conflict_id)
        inference = ChargedInference(self._resources, account, self._rules)
        job = await self._reader.read(work, state, index, inference)
        for _ in range(MAX_RECONCILIATIONS):
            if await self._weigh_and_store(work, job, state, inference):
                return
        _log.info("%s: the user's memories kept changing; it is started again", work)
        await self._ends.release(work)

    async def _begin(self, work: Work) -> tuple[JobState, UserIndex]:
        """Read the rows of the job, and the user's memories."""
        index_cache = self._resources.index_cache

        def read(tx: JobRows) -> tuple[JobState, IndexDelta]:
            return read_state(tx, work), index_cache.delta(tx.user(work))

        def refresh(both: tuple[JobState, IndexDelta]) -> tuple[JobState, UserIndex]:
            state, delta = both
            return state, index_cache.refresh(work.user_id, delta)

        return await self._resources.store.read_then(lambda tx: read(tx.jobs), refresh)

    async def _load_existing(
        self, work: Work, state: JobState, job: Job
    ) -> tuple[UserIndex, jobs.Existing]:
        """Return the user's memories as they are now, and those to weigh the job against.

        Raises EmbedderChangedError if the vectors of the job are outdated.
        """
        index_cache = self._resources.index_cache

        def read(tx: JobRows) -> IndexDelta:
            return index_cache.delta(tx.user(work))

        def refresh(delta: IndexDelta) -> tuple[UserIndex, jobs.Existing]:
            if delta.embedder != state.embedder:
                raise EmbedderChangedError(f"the database changed its embedder to {delta.embedder}")
            working = index_cache.refresh(work.user_id, delta)
            return working, job.existing(working)

        return await self._resources.store.read_then(lambda tx: read(tx.jobs), refresh)

    async def _weigh_and_store(
        self,
        work: Work,
        job: Job,
        state: JobState,
        inference: ChargedInference,
    ) -> bool:
        """Weigh a job against the current memories and store it; False if they changed meanwhile.

        Raises EmbedderChangedError if the vectors of the job are outdated.
        """
        working, existing = await self._load_existing(work, state, job)
        dated = await inference.ask(lambda chosen: job.weigh(chosen, working, existing))
        reviewed = await review(
            dated, working, inference, self._resources.clock(), jobs.WEIGHED_MEMORIES
        )
        fields = await self._field_builder.build(dated, state.embedder, state.categories, inference)
        note = "; ".join(filter(None, (job.note, inference.note, reviewed.note)))
        now = self._resources.clock()

        def write(tx: JobRows) -> bool:
            user = tx.user(work)
            if user.revision() != working.revision:
                return False
            if not tx.finish(work, now):
                raise LeaseLostError(f"{work} is held by another worker or was deleted")
            if note and work.merge_conflict_id is None:
                tx.note(work, note)
            writer = PlanWriter(user, work, working, self._resources.new_id, now)
            job.write(writer, dated, fields)
            writer.doubt(reviewed.doubts)
            return True

        return await self._resources.store.write(lambda tx: write(tx.jobs))


def _renew(tx: Transaction, work: Work, until: datetime) -> bool:
    return tx.jobs.renew(work, until)
