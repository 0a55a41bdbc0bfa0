"""Work in the background: due sessions become memories, answered merge conflicts are settled.

The row of a session, or of a conflict, is the job. It is taken by a lease, which is renewed while
the work goes on; what came out is stored in one transaction with the status, and only if the lease
still holds. So a worker that dies, or comes back too late, can neither lose nor double anything.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from hitherto.background import jobs
from hitherto.background.doubt_review import review
from hitherto.background.filings import Filer
from hitherto.background.job_ends import JobEnds, unfinished
from hitherto.background.jobs import ConflictJob, Job, SessionJob
from hitherto.background.plan_writer import Findings, PlanWriter
from hitherto.background.project_turns import ProjectTurns
from hitherto.core.history.redaction import without_marks
from hitherto.core.recall import passages
from hitherto.core.reconciliation.conflict_resolution import AnsweredConflict
from hitherto.core.safety import echo, low_trust
from hitherto.core.safety.screening import Screened, screen
from hitherto.core.safety.signs import Sign
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
from hitherto.models import (
    Candidate,
    Category,
    GenerationPreferences,
    Message,
    MessageRole,
)
from hitherto.prompts import system_prompts
from hitherto.store import JobRows, RecordedEmbedder, StoredPassage, Transaction, Work
from hitherto.store.rows import to_bytes
from hitherto.threads import BackgroundThreads, in_thread
from hitherto.trained import provenance_classifier

_log = logging.getLogger("hitherto.background.worker")

WAITING_CONCURRENCY = 8
"""Users of a project worked for at once where most of the work is to wait for a model's answers."""

RULES_TIMEOUT_S = 600.0
"""Seconds for a job by rules: 5,000 messages of everyday length take 60 s on 2 cores."""

MODEL_TIMEOUT_S = 3_600.0
"""Seconds for a job with a model: 40 answers that take `model_timeout_s` each."""

OTHER_PROJECTS = 3
"""Jobs that may be in work besides, of projects that have fewer, however much one project has."""

MAX_RECONCILIATIONS = 5
"""Times work is weighed anew because the user's memories moved meanwhile."""


class LeaseLostError(RecallrAIError):
    """Another worker holds the work now, or it was deleted: the result is not wanted."""


class ProcessingTimeoutError(RecallrAIError):
    """A job took longer than `processing_timeout_s`."""


@dataclass(frozen=True, slots=True)
class _JobState:
    """State of the rows that a job is about, read when it begins.

    messages: of a session; contest: of a merge conflict.
    """

    project_id: str
    messages: Sequence[Message]
    contest: AnsweredConflict | None
    conflicts_enabled: bool
    categories: Sequence[Category]
    preferences: GenerationPreferences
    embedder: RecordedEmbedder


class Worker:
    """Processes due jobs until it is stopped, each in a task for another user."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._rules = LocalInference()
        self._filer = Filer(resources.embedders)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._turns = ProjectTurns(self._concurrency)
        self._ends = JobEnds(resources)
        self._stuck = 0
        self._claiming = asyncio.Lock()

    def start(self) -> None:
        """Begin working; what an earlier process left is taken up first."""
        loop = asyncio.get_running_loop()
        self._tasks = {
            loop.create_task(self._run(), name=f"hitherto-worker-{number}")
            for number in range(self._concurrency + OTHER_PROJECTS)
        }

    async def stop(self) -> None:
        """Finish the work in hand, or release it when `close_timeout_s` is over."""
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
                now = self._resources.clock()
                idle_s = 0.0 if await self._work_once(now, threads) else await self._idle_s(now)
            except ClosedError:
                # The program ends without closing; what was in work is taken up by the next one.
                return
            except RecallrAIError as error:
                # The store refused (locked for long, disk full), or this process has not the
                # database's embedder: the work keeps its place.
                _log.warning("processing is paused: %s", error)
                idle_s = self._resources.settings.poll_interval_s
            if idle_s and not self._stopping:
                await self._resources.work_due.wait(idle_s)

    async def _idle_s(self, now: datetime) -> float:
        """Seconds in which nothing can become due, at most the poll interval.

        now: when there was nothing to do. What was due then waits for other work of its user, whose
        end is signalled in this process and found out by the next look otherwise.
        """
        most_s = self._resources.settings.poll_interval_s
        due_at = await self._resources.store.read(lambda tx: tx.jobs.next_due())
        if due_at is None:
            return most_s
        if due_at <= now:
            queued = await self._resources.store.read(lambda tx: tx.jobs.queued_projects(now))
            idle_s = min(filter(None, map(self._pause_s, queued)), default=most_s)
        else:
            idle_s = (due_at - now).total_seconds()
        return min(most_s, max(0.02, idle_s))

    def _pause_s(self, project_id: str) -> float:
        """Seconds until the next job of a project may begin."""
        return self._resources.job_shares.pause_s(project_id)

    async def _work_once(self, now: datetime, threads: BackgroundThreads) -> bool:
        """Do the next piece of work. False when there is none."""
        work = await self._claim(now)
        if work is None:
            return False
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
        return True

    async def _wait_for_threads(self, work: Work, threads: BackgroundThreads) -> None:
        """Wait until what a given-up job computes has ended, which nothing can interrupt.

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

    async def _claim(self, now: datetime) -> Work | None:
        """Lease a due job of the project whose turn it is; None without one."""
        store = self._resources.store
        lease_until = now + timedelta(seconds=self._resources.settings.lease_s)
        token = self._resources.new_id()
        # One claim at a time, or two could take more of a project than it may have in work.
        async with self._claiming:
            if self._stopping:
                return None
            queued = await store.read(lambda tx: tx.jobs.queued_projects(now))
            ordered = self._turns.order(queued)
            projects = [project_id for project_id in ordered if not self._pause_s(project_id)]
            if not projects:
                return None
            work = await store.write(lambda tx: tx.jobs.claim(projects, now, lease_until, token))
            if work is not None:
                self._turns.begin(work.project_id)
        return work

    async def _attempt(self, work: Work) -> None:
        try:
            # Starts that failed, wait for a budget, or were given back are not counted.
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
            # Begun anew at once by whoever has the embedder that the database has now.
            await self._ends.release(work)
            raise
        except (StoreError, ClosedError):
            # Not the work's failure, so it does not count as a start.
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
                _log.warning("%s could not be held: %s", work, error)

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
        job: Job
        if state.contest is None:
            job = await self._read_session(work, state, index, inference)
        else:
            job = await self._read_answers(state.contest, state, index, inference)
        for _ in range(MAX_RECONCILIATIONS):
            if await self._weigh_and_store(work, job, state, inference):
                return
        _log.info("%s: the user's memories kept changing; it is begun again", work)
        await self._ends.release(work)

    async def _begin(self, work: Work) -> tuple[_JobState, UserIndex]:
        """Read what the work is about, and the user's memories."""
        index_cache = self._resources.index_cache

        def read(tx: JobRows) -> tuple[_JobState, IndexDelta]:
            return _read(tx, work), index_cache.delta(tx.user(work))

        def refresh(both: tuple[_JobState, IndexDelta]) -> tuple[_JobState, UserIndex]:
            state, delta = both
            return state, index_cache.refresh(work.user_id, delta)

        return await self._resources.store.read_then(lambda tx: read(tx.jobs), refresh)

    async def _load_existing(
        self, work: Work, state: _JobState, job: Job
    ) -> tuple[UserIndex, jobs.Existing]:
        """Return the user's memories as they are now, and those to weigh the job against.

        Raises EmbedderChangedError when the vectors of the work are of no use any more.
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

    async def _extracted(
        self,
        messages: Sequence[Message],
        said_at: datetime,
        state: _JobState,
        index: UserIndex,
        inference: ChargedInference,
    ) -> Screened:
        """Extract statements and summary of messages, without those that must not become memories.

        index: of the earlier memories; a statement that only repeats one is left out.
        """
        heard = await in_thread(_without_echoes, messages, index)
        extraction = await inference.ask(
            lambda chosen: chosen.extract(
                heard, said_at, preferences=state.preferences, categories=state.categories
            )
        )
        classifier = provenance_classifier()
        return await in_thread(
            screen, extraction, heard, index.versions.values(), said_at, classifier
        )

    async def _read_session(
        self, work: Work, state: _JobState, index: UserIndex, inference: ChargedInference
    ) -> SessionJob:
        """Understand what a session says: its statements, its summary, its passages."""
        screened = await self._extracted(state.messages, work.created_at, state, index, inference)
        findings = await in_thread(self._findings, work, state, screened)
        return SessionJob(work, findings, state.conflicts_enabled)

    def _findings(self, work: Work, state: _JobState, screened: Screened) -> Findings:
        """Cut the messages of a session into passages, and embed these and what was extracted."""
        candidates, summary = screened.candidates, screened.summary
        cut = passages.cut(state.messages)
        texts = [candidate.content for candidate in candidates] + [item.text for item in cut]
        to_embed = [*texts, summary] if summary else texts
        vectors = self._filer.embed_now(state.embedder, to_embed)
        first_passage, after_passages = len(candidates), len(candidates) + len(cut)
        return Findings(
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
            quarantined=screened.quarantined,
            note=screened.note,
        )

    async def _read_answers(
        self,
        contest: AnsweredConflict,
        state: _JobState,
        index: UserIndex,
        inference: ChargedInference,
    ) -> ConflictJob:
        """Extract the statements in the messages of the answers, dated as the answers are."""
        statements: list[Candidate] = []
        quarantined: list[tuple[Candidate, Sign]] = []
        for text in contest.messages():
            message = Message(MessageRole.USER, text, contest.answered_at)
            screened = await self._extracted([message], message.timestamp, state, index, inference)
            statements += screened.candidates
            # The positions are those of the one message, not of the session's.
            quarantined += [
                (replace(candidate, evidence=()), sign) for candidate, sign in screened.quarantined
            ]
        statements = list(low_trust.quoted_last(statements))
        texts = [contest.proposed.content, *(statement.content for statement in statements)]
        vectors = await self._filer.embed(state.embedder, texts)
        return ConflictJob(contest, statements, vectors, quarantined)

    async def _weigh_and_store(
        self,
        work: Work,
        job: Job,
        state: _JobState,
        inference: ChargedInference,
    ) -> bool:
        """Weigh a job against the current memories and store it; False if they changed meanwhile.

        Raises EmbedderChangedError when the vectors of the job are of no use any more.
        """
        working, existing = await self._load_existing(work, state, job)
        dated = await inference.ask(lambda chosen: job.weigh(chosen, working, existing))
        reviewed = await review(
            dated, working, inference, self._resources.clock(), jobs.WEIGHED_MEMORIES
        )
        filings = await self._filer.filings(dated, state.embedder, state.categories, inference)
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
            job.write(writer, dated, filings)
            writer.doubt(reviewed.doubts)
            return True

        return await self._resources.store.write(lambda tx: write(tx.jobs))


def _without_echoes(messages: Sequence[Message], index: UserIndex) -> list[Message]:
    summaries = (session.summary for session in index.sessions)
    unmarked = [replace(message, content=without_marks(message.content)) for message in messages]
    return echo.without_echoes(
        unmarked, echo.served(index.versions.values(), summaries, system_prompts())
    )


def _renew(tx: Transaction, work: Work, until: datetime) -> bool:
    return tx.jobs.renew(work, until)


def _read(tx: JobRows, work: Work) -> _JobState:
    user = tx.user(work)
    contest = None
    if work.merge_conflict_id is not None:
        contest = user.conflicts.answered(work.merge_conflict_id, work.created_at)
        if contest is None:
            raise LeaseLostError(f"{work} was deleted")
    return _JobState(
        user.project_id,
        user.messages.of_session(work.session_id) if contest is None else (),
        contest,
        tx.merge_conflicts_enabled(user),
        tx.categories(user),
        tx.generation_preferences(user),
        user.embedder(),
    )
