"""Inference with language models, and by rules for tasks without a model.

This module needs the extra `hitherto[models]`; import it only if a model is chosen.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hitherto.core.extraction import summaries
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.core.reconciliation.categories import EmbeddedCategory
from hitherto.core.reconciliation.conflict_resolution import AnsweredConflict, Resolution
from hitherto.core.reconciliation.connections import Entry, Pair, connect
from hitherto.core.reconciliation.doubt import Consequences, Reviewed
from hitherto.core.reconciliation.reconcile import (
    Decision,
    ExistingMemory,
    Ignore,
    InsertHistorical,
    Plan,
    RaiseConflict,
    Supersede,
)
from hitherto.core.statements.learned import StatementModel
from hitherto.core.statements.reader import read, read_candidate
from hitherto.core.text.caches import remembered
from hitherto.core.text.terms import terms_of
from hitherto.disclosure import disclosed
from hitherto.errors import InferenceError
from hitherto.inference.exploring.agent import Explorer
from hitherto.inference.exploring.browser import Explored, MemoryBrowser
from hitherto.inference.ledger import current_account
from hitherto.inference.planning import Planner
from hitherto.inference.providers import Answer, Providers
from hitherto.inference.rules import LocalInference
from hitherto.inference.tasks import Task, extraction, reconciliation, review
from hitherto.inference.tasks.extraction import Chunk, FoundInSession, ProjectPreferences
from hitherto.inference.tasks.reconciliation import (
    Batch,
    ComparedMemory,
    DecisionBuilder,
    ReconcileContext,
    Verdicts,
)
from hitherto.inference.tasks.review import Findings
from hitherto.models import (
    Candidate,
    Category,
    Extraction,
    GenerationPreferences,
    MemoryVersion,
    Message,
)
from hitherto.prompts import Prompt, task_prompt
from hitherto.settings import Settings
from hitherto.threads import in_thread

_log = logging.getLogger("hitherto.inference")

T = TypeVar("T")
OutputT = TypeVar("OutputT")

REMEMBERED_ANSWERS = 64
"""Cached answers, so that a retry does not ask, and pay, again."""


class ModelInference:
    """Inference by the models of the settings, and by rules for tasks without a model."""

    def __init__(
        self, providers: Providers, settings: Settings, statements: StatementModel | None = None
    ) -> None:
        self._providers = providers
        self._local = LocalInference(statements)
        self._planner = (
            Planner(providers, settings.plan_deadline_s) if providers.has(Task.PLANNING) else None
        )
        self._explorer = (
            Explorer(providers, settings.explore_deadline_s)
            if providers.has(Task.EXPLORING)
            else None
        )
        self._answers: OrderedDict[str, Answer[Any]] = OrderedDict()
        self._forgotten = 0

    @property
    def providers(self) -> Providers:
        """Models, for callers that ask them directly."""
        return self._providers

    async def close(self) -> None:
        """Close the connections to the models."""
        await self._providers.close()

    def forget(self) -> None:
        self._answers.clear()
        # A call in work may contain the deleted texts, so its answer is not cached.
        self._forgotten += 1

    async def extract(
        self,
        messages: Sequence[Message],
        session_date: datetime,
        *,
        preferences: GenerationPreferences,
        categories: Sequence[Category],
    ) -> Extraction:
        if not self._providers.has(Task.EXTRACTION):
            return await self._local.extract(
                messages, session_date, preferences=preferences, categories=categories
            )
        project_preferences = ProjectPreferences(preferences, categories)
        parts = await in_thread(extraction.chunks, messages)
        prompt = task_prompt("extraction")

        async def ask_about(chunk: Chunk) -> Answer[FoundInSession]:
            return await self._ask(
                Task.EXTRACTION,
                prompt,
                extraction.content(chunk, session_date, project_preferences),
                FoundInSession,
                lambda extracted: extraction.problem(extracted, chunk),
            )

        answers = await _together(ask_about(chunk) for chunk in parts)
        extracted = await in_thread(
            extraction.read,
            [answer.output for answer in answers],
            parts,
            messages,
            session_date,
            project_preferences,
        )
        names = sorted({answer.model for answer in answers})
        candidates = tuple(
            replace(candidate, model=", ".join(names), prompt_hash=prompt.hash)
            for candidate in extracted.candidates
        )
        summary = extracted.summary or await in_thread(
            summaries.summarise,
            messages,
            [candidate.content for candidate in candidates],
            session_date,
        )
        return replace(extracted, candidates=candidates, summary=summary)

    async def reconcile(
        self,
        existing: Sequence[ExistingMemory],
        candidates: Sequence[Candidate],
        vectors: NDArray[np.float32],
        *,
        session_id: str,
        session_date: datetime,
        conflicts_enabled: bool,
    ) -> Plan:
        if not self._providers.has(Task.RECONCILIATION) or not candidates:
            return await self._local.reconcile(
                existing,
                candidates,
                vectors,
                session_id=session_id,
                session_date=session_date,
                conflicts_enabled=conflicts_enabled,
            )
        current = [item for item in existing if item.memory.expired_at is None]
        current.sort(key=lambda item: (item.memory.created_at, item.memory.memory_id))
        context = ReconcileContext(session_date, conflicts_enabled)
        builder = DecisionBuilder(candidates, context)
        index = await in_thread(self._index, current, candidates, vectors, session_date)
        prompt = task_prompt("reconciliation")
        for first in range(0, len(candidates), reconciliation.BATCH):
            indices = range(first, min(first + reconciliation.BATCH, len(candidates)))
            batch = await in_thread(index.batch, indices, builder)
            if not batch.indices:
                continue
            answer = await self._ask(
                Task.RECONCILIATION,
                prompt,
                reconciliation.content(batch, context),
                Verdicts,
                lambda verdicts, batch=batch: reconciliation.problem(verdicts, batch),  # type: ignore[misc]
            )
            builder.apply(answer.output, batch)
        if builder.unusable:
            _log.warning(
                "%d decisions of a model could not be used; their statements were inserted",
                builder.unusable,
            )
        return await in_thread(self._plan, current, builder, index.vectors)

    async def resolve(
        self,
        existing: Sequence[ExistingMemory],
        versions: Mapping[str, MemoryVersion],
        conflict: AnsweredConflict,
        statements: Sequence[Candidate],
        vectors: NDArray[np.float32],
    ) -> Resolution:
        return await self._local.resolve(existing, versions, conflict, statements, vectors)

    async def review(
        self, consequences: Consequences, existing: Sequence[ExistingMemory], connected: Set[str]
    ) -> Reviewed:
        by_rules = await self._local.review(consequences, existing, connected)
        if not self._providers.has(Task.RECONCILIATION):
            return by_rules
        review_input = await in_thread(review.review_input, consequences, existing, connected)
        if not review_input.memories:
            return by_rules
        try:
            answer = await self._ask(
                Task.RECONCILIATION,
                task_prompt("review"),
                review.content(review_input),
                Findings,
                lambda findings: review.problem(findings, review_input),
            )
        except InferenceError as error:
            # The rules' doubts are better than a failed session.
            reason = disclosed(error, _log, "reviewing doubts")
            note = f"doubtful memories were judged by rules: {reason}"
            return replace(by_rules, note=note)
        return await in_thread(review.read, answer.output, review_input, consequences)

    async def categorise(
        self,
        contents: Sequence[str],
        vectors: NDArray[np.float32],
        categories: Sequence[EmbeddedCategory],
    ) -> list[list[str]]:
        return await self._local.categorise(contents, vectors, categories)

    async def plan(
        self, question: str, today: date, previous: Sequence[Message], people: Collection[str]
    ) -> QueryPlan:
        planner = self._local if self._planner is None else self._planner
        return await planner.plan(question, today, previous, people)

    async def explore(
        self,
        plan: QueryPlan,
        today: date,
        previous: Sequence[Message],
        library: MemoryBrowser,
        report: Callable[[str], None],
    ) -> Explored | None:
        if self._explorer is None:
            return None
        return await self._explorer.explore(plan, today, previous, library, report)

    async def _ask(
        self,
        task: Task,
        prompt: Prompt,
        content: str,
        output_type: type[OutputT],
        check: Callable[[OutputT], str | None],
    ) -> Answer[OutputT]:
        """Ask a model, or return the cached answer to the same question of the user."""
        text = "\n".join([_account_name(), self._providers.name(task), prompt.hash, content])
        key = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        answer = self._answers.get(key)
        if answer is None:
            forgotten = self._forgotten
            answer = await self._providers.ask(task, prompt, content, output_type, check=check)
            if check(answer.output) is not None or self._forgotten != forgotten:
                return answer
            self._answers[key] = answer
            if len(self._answers) > REMEMBERED_ANSWERS:
                self._answers.popitem(last=False)
        return answer

    def _index(
        self,
        current: Sequence[ExistingMemory],
        candidates: Sequence[Candidate],
        vectors: NDArray[np.float32],
        session_date: datetime,
    ) -> "_CandidateIndex":
        existing = [
            ComparedMemory(
                memory.memory_id,
                memory.content,
                memory.event_date_start,
                memory.event_date_end,
                memory.created_at,
                memory.said_by.value,
                _terms(memory.content),
                memory.doubted_at,
            )
            for memory in (item.memory for item in current)
        ]
        new = [
            ComparedMemory(
                index,
                candidate.content,
                candidate.event_date_start,
                candidate.event_date_end,
                session_date,
                candidate.said_by.value,
                _terms(candidate.content),
            )
            for index, candidate in enumerate(candidates)
        ]
        rows = [item.vector for item in current]
        return _CandidateIndex(existing, new, candidates, np.vstack([*rows, vectors]))

    def _plan(
        self,
        current: Sequence[ExistingMemory],
        builder: DecisionBuilder,
        vectors: NDArray[np.float32],
    ) -> Plan:
        """Return the decisions in order, with the connections found by rules."""
        decisions = tuple(builder.decisions[index] for index in range(len(builder.candidates)))
        replaced = {
            ref
            for decision in decisions
            if isinstance(decision, Supersede)
            for ref in decision.replaces
        }
        entries = [
            Entry(item.memory.memory_id, row, read(item.memory.content), is_new=False)
            for row, item in enumerate(current)
            if item.memory.memory_id not in replaced
        ]
        entries += [
            Entry(index, len(current) + index, read_candidate(decision.candidate), is_new=True)
            for index, decision in enumerate(decisions)
            if index not in replaced and _will_be_current(decision)
        ]
        doubts: list[Pair] = [pair for pair in builder.doubts if pair[1] not in replaced]
        return Plan(decisions, connect(entries, vectors, doubts), builder.unusable)


@dataclass(frozen=True, slots=True)
class _CandidateIndex:
    """Candidates and existing memories with their similarities.

    new: the candidates. vectors: (existing + candidates, dim), unit rows.
    """

    existing: Sequence[ComparedMemory]
    new: Sequence[ComparedMemory]
    candidates: Sequence[Candidate]
    vectors: NDArray[np.float32]

    def batch(self, indices: Iterable[int], builder: DecisionBuilder) -> Batch:
        """Return the input of one call; candidates without a similar memory are inserted here.

        Candidates of earlier batches that will be memories are compared, too.
        """
        chosen = tuple(indices)
        rows = [*range(len(self.existing))] + [
            len(self.existing) + index
            for index, decision in builder.decisions.items()
            if _will_be_current(decision)
        ]
        pool = [self._at(row) for row in rows]
        own = [len(self.existing) + index for index in chosen]
        cosines = self.vectors[own] @ self.vectors[rows].T
        among = self.vectors[own] @ self.vectors[own].T
        near = [
            reconciliation.nearest(self.new[index].terms, row, pool)
            for index, row in zip(chosen, cosines, strict=True)
        ]
        others = [self.new[index] for index in chosen]
        has_similar_candidate = [
            any(other[1] != position for other in reconciliation.nearest(new.terms, row, others))
            for position, (new, row) in enumerate(zip(others, among, strict=True))
        ]
        for index, similar, has_similar in zip(chosen, near, has_similar_candidate, strict=True):
            if not similar and not has_similar:
                builder.insert(index, "no existing memory is similar")
        undecided = [
            position for position, index in enumerate(chosen) if index not in builder.decisions
        ]
        memories = reconciliation.memories_to_show([near[position] for position in undecided])
        return Batch(
            tuple(chosen[position] for position in undecided),
            tuple(pool[row] for row in memories),
            tuple(self.candidates[chosen[position]] for position in undecided),
        )

    def _at(self, row: int) -> ComparedMemory:
        existing = len(self.existing)
        return self.existing[row] if row < existing else self.new[row - existing]


@remembered(maxsize=20_000)
def _terms(content: str) -> frozenset[str]:
    return frozenset(terms_of(content))


def _will_be_current(decision: Decision) -> bool:
    """Return whether the candidate will be a current memory."""
    return not isinstance(decision, Ignore | InsertHistorical | RaiseConflict)


def _account_name() -> str:
    """Return the account of the current call, or ""."""
    try:
        account = current_account()
    except LookupError:
        return ""
    return f"{account.project_id}/{account.user_id}"


async def _together(asking: Iterable[Awaitable[T]]) -> list[T]:
    """Return all results in order; the first failure cancels the others and is raised."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in asking]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
