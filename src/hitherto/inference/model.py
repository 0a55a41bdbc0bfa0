"""Inference with language models; what has no model of its own is done by the rules.

This module needs the extra `hitherto[models]`; import it where a model was chosen, not before.
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
from hitherto.core.reconciliation.conflict_resolution import Contest, Resolution
from hitherto.core.reconciliation.connections import Entry, Pair, connect
from hitherto.core.reconciliation.doubt import Consequences, Reviewed
from hitherto.core.reconciliation.reconcile import (
    Decision,
    Held,
    Ignore,
    Plan,
    Precede,
    RaiseConflict,
    Supersede,
)
from hitherto.core.statements.reader import read
from hitherto.core.text.caches import remembered
from hitherto.core.text.terms import terms_of
from hitherto.disclosure import disclosed
from hitherto.errors import InferenceError
from hitherto.inference.exploring.agent import Explorer
from hitherto.inference.exploring.browser import Explored, Library
from hitherto.inference.ledger import current_account
from hitherto.inference.planning import Planner
from hitherto.inference.providers import Answer, Providers
from hitherto.inference.rules import LocalInference
from hitherto.inference.tasks import Task, extraction, reconciliation, review
from hitherto.inference.tasks.extraction import Chunk, FoundInSession, Wishes
from hitherto.inference.tasks.reconciliation import Batch, Known, Occasion, Ruling, Verdicts
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

_log = logging.getLogger("hitherto.inference")

T = TypeVar("T")
OutputT = TypeVar("OutputT")

REMEMBERED_ANSWERS = 64
"""Answers that are kept, so that work which is tried again does not ask, and pay, again."""


class ModelInference:
    """Asks models where the settings name one, and follows the rules where they do not."""

    def __init__(self, providers: Providers, settings: Settings) -> None:
        self._providers = providers
        self._local = LocalInference()
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
        # What is being asked now may be about what is deleted now.
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
        wishes = Wishes(preferences, categories)
        parts = extraction.chunks(messages)
        prompt = task_prompt("extraction")

        async def asked(chunk: Chunk) -> Answer[FoundInSession]:
            return await self._ask(
                Task.EXTRACTION,
                prompt,
                extraction.content(chunk, session_date, wishes),
                FoundInSession,
                lambda found: extraction.problem(found, chunk),
            )

        answers = await _together(asked(chunk) for chunk in parts)
        found = await asyncio.to_thread(
            extraction.read,
            [answer.output for answer in answers],
            parts,
            messages,
            session_date,
            wishes,
        )
        names = sorted({answer.model for answer in answers})
        candidates = tuple(
            replace(one, model=", ".join(names), prompt_hash=prompt.hash)
            for one in found.candidates
        )
        summary = found.summary or summaries.summarise(
            messages, [one.content for one in candidates], session_date
        )
        return replace(found, candidates=candidates, summary=summary)

    async def reconcile(
        self,
        held: Sequence[Held],
        candidates: Sequence[Candidate],
        vectors: NDArray[np.float32],
        *,
        session_id: str,
        session_date: datetime,
        conflicts_enabled: bool,
    ) -> Plan:
        if not self._providers.has(Task.RECONCILIATION) or not candidates:
            return await self._local.reconcile(
                held,
                candidates,
                vectors,
                session_id=session_id,
                session_date=session_date,
                conflicts_enabled=conflicts_enabled,
            )
        current = [one for one in held if one.memory.expired_at is None]
        current.sort(key=lambda one: (one.memory.created_at, one.memory.memory_id))
        occasion = Occasion(session_date, conflicts_enabled)
        ruling = Ruling(candidates, occasion)
        desk = await asyncio.to_thread(self._desk, current, candidates, vectors, session_date)
        prompt = task_prompt("reconciliation")
        for first in range(0, len(candidates), reconciliation.BATCH):
            indices = range(first, min(first + reconciliation.BATCH, len(candidates)))
            batch = await asyncio.to_thread(desk.batch, indices, ruling)
            if not batch.indices:
                continue
            answer = await self._ask(
                Task.RECONCILIATION,
                prompt,
                reconciliation.content(batch, occasion),
                Verdicts,
                lambda found, batch=batch: reconciliation.problem(found, batch),  # type: ignore[misc]
            )
            ruling.rule(answer.output, batch)
        if ruling.unusable:
            _log.warning("%d decisions of a model could not be used", ruling.unusable)
        return await asyncio.to_thread(self._plan, current, ruling, desk.vectors)

    async def resolve(
        self,
        held: Sequence[Held],
        versions: Mapping[str, MemoryVersion],
        contest: Contest,
        statements: Sequence[Candidate],
        vectors: NDArray[np.float32],
    ) -> Resolution:
        return await self._local.resolve(held, versions, contest, statements, vectors)

    async def review(
        self, consequences: Consequences, held: Sequence[Held], connected: Set[str]
    ) -> Reviewed:
        kept = await self._local.review(consequences, held, connected)
        if not self._providers.has(Task.RECONCILIATION):
            return kept
        sheet = await asyncio.to_thread(review.sheet, consequences, held, connected)
        if not sheet.memories:
            return kept
        try:
            answer = await self._ask(
                Task.RECONCILIATION,
                task_prompt("review"),
                review.content(sheet),
                Findings,
                lambda found: review.problem(found, sheet),
            )
        except InferenceError as error:
            # The marks of the rules are worth more than a session that fails for want of better.
            shown = disclosed(error, _log, "reviewing doubts")
            note = f"what changes put in doubt was judged by rules: {shown}"
            return replace(kept, note=note)
        return await asyncio.to_thread(review.read, answer.output, sheet, consequences)

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
        library: Library,
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
        text = "\n".join([_whose(), self._providers.name(task), prompt.hash, content])
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

    def _desk(
        self,
        current: Sequence[Held],
        candidates: Sequence[Candidate],
        vectors: NDArray[np.float32],
        session_date: datetime,
    ) -> "_Desk":
        known = [
            Known(
                one.memory.memory_id,
                one.memory.content,
                one.memory.event_date_start,
                one.memory.event_date_end,
                one.memory.created_at,
                one.memory.said_by.value,
                _terms(one.memory.content),
                one.memory.doubted_at,
            )
            for one in current
        ]
        waiting = [
            Known(
                index,
                one.content,
                one.event_date_start,
                one.event_date_end,
                session_date,
                one.said_by.value,
                _terms(one.content),
            )
            for index, one in enumerate(candidates)
        ]
        rows = [one.vector for one in current]
        return _Desk(known, waiting, candidates, np.vstack([*rows, vectors]))

    def _plan(self, current: Sequence[Held], ruling: Ruling, vectors: NDArray[np.float32]) -> Plan:
        """Return the decisions in order, with the connections found by rules."""
        decisions = tuple(ruling.decisions[index] for index in range(len(ruling.candidates)))
        gone = {ref for one in decisions if isinstance(one, Supersede) for ref in one.replaces}
        entries = [
            Entry(one.memory.memory_id, row, read(one.memory.content), is_new=False)
            for row, one in enumerate(current)
            if one.memory.memory_id not in gone
        ]
        entries += [
            Entry(index, len(current) + index, read(one.candidate.content), is_new=True)
            for index, one in enumerate(decisions)
            if index not in gone and _stands(one)
        ]
        doubts: list[Pair] = [pair for pair in ruling.doubts if pair[1] not in gone]
        return Plan(decisions, connect(entries, vectors, doubts), ruling.unusable)


@dataclass(frozen=True, slots=True)
class _Desk:
    """Candidates and existing memories with their similarities.

    vectors: (known + candidates, dim), unit rows.
    """

    known: Sequence[Known]
    waiting: Sequence[Known]
    candidates: Sequence[Candidate]
    vectors: NDArray[np.float32]

    def batch(self, indices: Iterable[int], ruling: Ruling) -> Batch:
        """Return the input of one call; candidates without a near memory are inserted here.

        Candidates of earlier batches that will be memories are there to be weighed against, too.
        """
        chosen = tuple(indices)
        rows = [*range(len(self.known))] + [
            len(self.known) + index for index, one in ruling.decisions.items() if _stands(one)
        ]
        pool = [self._at(row) for row in rows]
        own = [len(self.known) + index for index in chosen]
        cosines = self.vectors[own] @ self.vectors[rows].T
        among = self.vectors[own] @ self.vectors[own].T
        near = [
            reconciliation.nearest(self.waiting[index].terms, row, pool)
            for index, row in zip(chosen, cosines, strict=True)
        ]
        others = [self.waiting[index] for index in chosen]
        alike = [
            any(other[1] != place for other in reconciliation.nearest(one.terms, row, others))
            for place, (one, row) in enumerate(zip(others, among, strict=True))
        ]
        for index, found, beside in zip(chosen, near, alike, strict=True):
            if not found and not beside:
                ruling.insert(index, "nothing held is like it")
        asked = [place for place, index in enumerate(chosen) if index not in ruling.decisions]
        shown = reconciliation.shown([near[place] for place in asked])
        return Batch(
            tuple(chosen[place] for place in asked),
            tuple(pool[row] for row in shown),
            tuple(self.candidates[chosen[place]] for place in asked),
        )

    def _at(self, row: int) -> Known:
        held = len(self.known)
        return self.known[row] if row < held else self.waiting[row - held]


@remembered(maxsize=20_000)
def _terms(content: str) -> frozenset[str]:
    return frozenset(terms_of(content))


def _stands(decision: Decision) -> bool:
    """Return whether the candidate will be a current memory."""
    return not isinstance(decision, Ignore | Precede | RaiseConflict)


def _whose() -> str:
    """Return the account of the current call, or ""."""
    try:
        account = current_account()
    except LookupError:
        return ""
    return f"{account.project_id}/{account.user_id}"


async def _together(asking: Iterable[Awaitable[T]]) -> list[T]:
    """Return all results in order; the first failure cancels the others and is raised."""
    tasks = [asyncio.ensure_future(one) for one in asking]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
