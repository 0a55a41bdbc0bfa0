"""The places where understanding is needed, behind one Protocol: with rules, or with a model."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recollect.core.categories import EmbeddedCategory
from recollect.core.query import QueryPlan
from recollect.core.reconcile import Held, Plan
from recollect.core.resolution import Contest, Resolution
from recollect.inference.local import LocalInference
from recollect.models import Candidate, GenerationPreferences, MemoryVersion, Message

__all__ = ["Inference", "LocalInference"]


class Inference(Protocol):
    """What has to be understood of a conversation, of memories and of a question."""

    async def extract(
        self,
        messages: Sequence[Message],
        session_date: datetime,
        *,
        preferences: GenerationPreferences,
    ) -> list[Candidate]:
        """What a session tells about the user, of what the project wants to be remembered."""
        ...

    async def summarise(
        self,
        messages: Sequence[Message],
        candidates: Sequence[Candidate],
        session_date: datetime,
    ) -> str:
        """One paragraph on a session; never empty for a session with messages."""
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

    async def categorise(
        self,
        contents: Sequence[str],
        vectors: NDArray[np.float32],
        categories: Sequence[EmbeddedCategory],
    ) -> list[list[str]]:
        """The names of the categories that each content fits; vectors: (contents, dimension)."""
        ...

    def plan(
        self,
        question: str,
        today: date,
        previous: Sequence[Message],
        people: Collection[str],
        *,
        wide: bool,
    ) -> QueryPlan:
        """What to look for, to answer a question asked on a day after these messages.

        people: lower-case names of those who speak in the user's sessions.
        """
        ...
