"""Inference: extraction, reconciliation, planning and exploring, by rules or by a model."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence, Set
from datetime import date, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hitherto.core.recall.query_plan import QueryPlan
from hitherto.core.reconciliation.categories import EmbeddedCategory
from hitherto.core.reconciliation.conflict_resolution import AnsweredConflict, Resolution
from hitherto.core.reconciliation.doubt import Consequences, Reviewed
from hitherto.core.reconciliation.reconcile import ExistingMemory, Plan
from hitherto.core.statements.learned import StatementModel
from hitherto.errors import ValidationError
from hitherto.inference.exploring.browser import Explored, MemoryBrowser
from hitherto.inference.ledger import Ledger
from hitherto.inference.rules import LocalInference
from hitherto.inference.tasks.choice import chosen_models
from hitherto.models import (
    Candidate,
    Category,
    Extraction,
    GenerationPreferences,
    MemoryVersion,
    Message,
)
from hitherto.settings import Settings

__all__ = ["Inference", "LocalInference", "chosen_models", "open_inference"]


class Inference(Protocol):
    """Tasks that need understanding of a conversation, of memories, or of a question."""

    async def extract(
        self,
        messages: Sequence[Message],
        session_date: datetime,
        *,
        preferences: GenerationPreferences,
        categories: Sequence[Category],
    ) -> Extraction:
        """Return statements and summary of a session, within the project's preferences."""
        ...

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
        """Return the plan for new statements; vectors: (candidates, dimension)."""
        ...

    async def resolve(
        self,
        existing: Sequence[ExistingMemory],
        versions: Mapping[str, MemoryVersion],
        conflict: AnsweredConflict,
        statements: Sequence[Candidate],
        vectors: NDArray[np.float32],
    ) -> Resolution:
        """Return the plan for the answers to a merge conflict.

        existing: current versions; versions: all. statements: from the comments on the answers.
        vectors: (1 + statements, dimension), that of the proposed statement first.
        """
        ...

    async def review(
        self, consequences: Consequences, existing: Sequence[ExistingMemory], connected: Set[str]
    ) -> Reviewed:
        """Return the memories that depended on a change and may no longer be true.

        existing: current versions before the plan is carried out. connected: ids of memories that
        are connected with a changed one.
        """
        ...

    async def categorise(
        self,
        contents: Sequence[str],
        vectors: NDArray[np.float32],
        categories: Sequence[EmbeddedCategory],
    ) -> list[list[str]]:
        """Return fitting category names per content; vectors: (contents, dimension)."""
        ...

    async def plan(
        self,
        question: str,
        today: date,
        previous: Sequence[Message],
        people: Collection[str],
    ) -> QueryPlan:
        """Return a query plan with more effort, for all strategies but LOW_LATENCY.

        today: the day of the session. previous: messages before the question.
        people: lower-case names of the speakers in the user's sessions.
        The plan records whether rules or a model made it, and the reason for a fallback.
        """
        ...

    async def explore(
        self,
        plan: QueryPlan,
        today: date,
        previous: Sequence[Message],
        library: MemoryBrowser,
        report: Callable[[str], None],
    ) -> Explored | None:
        """Return a model's findings for a question, with evidence; for AGENTIC.

        plan: of the question. report: receives each step, on the event loop.
        None if no model explores; an `Explored` with a failure if it could not. The bounded search
        by rules then replaces it.
        """
        ...

    def forget(self) -> None:
        """Drop cached readings of all users, because some texts were deleted."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


async def open_inference(
    settings: Settings,
    ledger: Ledger,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    statements: StatementModel | None = None,
) -> Inference:
    """Return the inference of the settings: rules, or models for the tasks that name one.

    ledger: reserves before each model call and records its cost. pause: sleep in seconds, between
        attempts. statements: in place of the statement model that ships with the package.
    Raises ValidationError for an unknown model, or one that lacks its key or its package.
    """
    if not chosen_models(settings):
        return LocalInference(statements)
    try:
        from hitherto.inference.model import ModelInference  # noqa: PLC0415
        from hitherto.inference.providers import open_providers  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ValidationError(
            f"models need further packages ({error.name} is missing): "
            "pip install 'hitherto[models]'"
        ) from error
    providers = await open_providers(settings, ledger, pause=pause)
    return ModelInference(providers, settings, statements)
