"""Inference without a language model, by the core and its trained models, run in threads.

Of generation preferences it follows what is exact, the examples of what should not be remembered,
word for word. Instructions take understanding, so they are left to a language model.
"""

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from hitherto.core.extraction import extract, summaries
from hitherto.core.recall import query_plan
from hitherto.core.reconciliation import conflict_resolution, doubt_settlement, reconcile
from hitherto.core.reconciliation.categories import EmbeddedCategory, fitting
from hitherto.core.reconciliation.conflict_resolution import AnsweredConflict, Resolution
from hitherto.core.reconciliation.doubt import Consequences, Reviewed
from hitherto.core.reconciliation.reconcile import ExistingMemory, Plan
from hitherto.core.statements.learned import StatementModel
from hitherto.inference.exploring.browser import Explored, MemoryBrowser
from hitherto.models import (
    Candidate,
    Category,
    Extraction,
    GenerationPreferences,
    MemoryVersion,
    Message,
)
from hitherto.threads import in_thread
from hitherto.trained import statement_model


class LocalInference:
    """Inference by rules and a small model that ships with them: deterministic, on this machine."""

    def __init__(self, model: StatementModel | None = None) -> None:
        """model: in place of the one that ships with the package, which is loaded when needed."""
        self._chosen_model = model

    @property
    def _model(self) -> StatementModel:
        return self._chosen_model or statement_model()

    async def extract(
        self,
        messages: Sequence[Message],
        session_date: datetime,
        *,
        preferences: GenerationPreferences,
        categories: Sequence[Category],
    ) -> Extraction:
        def find() -> Extraction:
            return _extract(messages, session_date, preferences, self._model)

        return await in_thread(find)

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
        def reconcile_and_settle() -> Plan:
            plan = reconcile.reconcile(
                existing,
                candidates,
                vectors,
                session_id=session_id,
                session_created_at=session_date,
                conflicts_enabled=conflicts_enabled,
                model=self._model,
            )
            return doubt_settlement.settle_doubts(plan, existing, session_date)

        return await in_thread(reconcile_and_settle)

    async def resolve(
        self,
        existing: Sequence[ExistingMemory],
        versions: Mapping[str, MemoryVersion],
        conflict: AnsweredConflict,
        statements: Sequence[Candidate],
        vectors: NDArray[np.float32],
    ) -> Resolution:
        def settle() -> Resolution:
            return conflict_resolution.resolve(
                existing, versions, conflict, statements, vectors, self._model
            )

        return await in_thread(settle)

    async def review(
        self, consequences: Consequences, existing: Sequence[ExistingMemory], connected: Set[str]
    ) -> Reviewed:
        return Reviewed(consequences.doubts)

    async def categorise(
        self,
        contents: Sequence[str],
        vectors: NDArray[np.float32],
        categories: Sequence[EmbeddedCategory],
    ) -> list[list[str]]:
        return await in_thread(fitting, contents, vectors, categories)

    async def plan(
        self, question: str, today: date, previous: Sequence[Message], people: Collection[str]
    ) -> query_plan.QueryPlan:
        def make_plan() -> query_plan.QueryPlan:
            return query_plan.plan(
                question, today=today, previous=previous, people=people, wide=True
            )

        return await in_thread(make_plan)

    async def explore(
        self,
        plan: query_plan.QueryPlan,
        today: date,
        previous: Sequence[Message],
        library: MemoryBrowser,
        report: Callable[[str], None],
    ) -> Explored | None:
        return None

    def forget(self) -> None:
        return None

    async def close(self) -> None:
        return None


def _extract(
    messages: Sequence[Message],
    session_date: datetime,
    preferences: GenerationPreferences,
    model: StatementModel,
) -> Extraction:
    examples = (*preferences.negative_examples, *preferences.false_positive_examples)
    unwanted = {_key(example) for example in examples}
    candidates = extract.extract(messages, session_date, model)
    kept = tuple(candidate for candidate in candidates if _key(candidate.content) not in unwanted)
    contents = [candidate.content for candidate in kept]
    return Extraction(kept, summaries.summarise(messages, contents, session_date))


def _key(content: str) -> str:
    """Return a key that ignores case, spaces and the final full stop."""
    return " ".join(content.casefold().split()).rstrip(".")
