"""The places where understanding is needed, behind one Protocol: with rules, or with a model."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence, Set
from datetime import date, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hitherto.core.recall.query_plan import QueryPlan
from hitherto.core.reconciliation.categories import EmbeddedCategory
from hitherto.core.reconciliation.conflict_resolution import Contest, Resolution
from hitherto.core.reconciliation.doubt import Consequences, Reviewed
from hitherto.core.reconciliation.reconcile import Held, Plan
from hitherto.errors import ValidationError
from hitherto.inference.exploring.browser import Explored, Library
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
    """What has to be understood of a conversation, of memories and of a question."""

    async def extract(
        self,
        messages: Sequence[Message],
        session_date: datetime,
        *,
        preferences: GenerationPreferences,
        categories: Sequence[Category],
    ) -> Extraction:
        """What a session tells, of what the project wants to be remembered, and its summary."""
        ...

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
        """What new statements do to what is remembered; vectors: (candidates, dimension)."""
        ...

    async def resolve(
        self,
        held: Sequence[Held],
        versions: Mapping[str, MemoryVersion],
        contest: Contest,
        statements: Sequence[Candidate],
        vectors: NDArray[np.float32],
    ) -> Resolution:
        """What the answers to a merge conflict do to what is remembered.

        held: the current versions; versions: all. statements: what was said beside the answers.
        vectors: (1 + statements, dimension), that of the proposed statement first.
        """
        ...

    async def review(
        self, consequences: Consequences, held: Sequence[Held], connected: Set[str]
    ) -> Reviewed:
        """Which memories depended on what changed, so that they may hold no more.

        held: the current versions before the plan is carried out. connected: the ids of those
        connected with one that changes.
        """
        ...

    async def categorise(
        self,
        contents: Sequence[str],
        vectors: NDArray[np.float32],
        categories: Sequence[EmbeddedCategory],
    ) -> list[list[str]]:
        """The names of the categories that each content fits; vectors: (contents, dimension)."""
        ...

    async def plan(
        self,
        question: str,
        today: date,
        previous: Sequence[Message],
        people: Collection[str],
    ) -> QueryPlan:
        """What to look for, where there is time to think: for all strategies but LOW_LATENCY.

        today: the day of the session. previous: the messages before the question.
        people: lower-case names of those who speak in the user's sessions.
        A plan says which way it came about, and why where a model was asked in vain.
        """
        ...

    async def explore(
        self,
        plan: QueryPlan,
        today: date,
        previous: Sequence[Message],
        library: Library,
        report: Callable[[str], None],
    ) -> Explored | None:
        """What a question finds in a user's memory, with evidence; for AGENTIC.

        plan: of the question. report: is told each step, on the event loop.
        None where no model explores; an `Explored` with a failure where it could not. Then the
        bounded search of the rules takes its place.
        """
        ...

    def forget(self) -> None:
        """Drop what is kept of texts that were read, of all users: some of it was deleted."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


async def open_inference(
    settings: Settings,
    ledger: Ledger,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Inference:
    """The inference that the settings choose: by rules, or with models where they name one.

    ledger: is asked before every call of a model, and told what it took. pause: sleep in seconds,
        between tries.
    Raises ValidationError for a model that is not known, or that lacks its key or its package.
    """
    if not chosen_models(settings):
        return LocalInference()
    try:
        from hitherto.inference.model import ModelInference  # noqa: PLC0415
        from hitherto.inference.providers import open_providers  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ValidationError(
            f"models need further packages ({error.name} is missing): "
            "pip install 'hitherto[models]'"
        ) from error
    return ModelInference(await open_providers(settings, ledger, pause=pause), settings)
