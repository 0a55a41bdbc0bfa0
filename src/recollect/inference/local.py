"""Inference without a model: the rules of the core, run in threads so that nobody waits."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from recollect.core import extraction, query, reconcile, summaries
from recollect.models import Candidate, Message


class LocalInference:
    """Deterministic, and needs nothing but the processor."""

    async def extract(self, messages: Sequence[Message], session_date: datetime) -> list[Candidate]:
        return await asyncio.to_thread(extraction.extract, messages, session_date)

    async def summarise(
        self,
        messages: Sequence[Message],
        candidates: Sequence[Candidate],
        session_date: datetime,
    ) -> str:
        return summaries.summarise(messages, candidates, session_date)

    async def reconcile(
        self,
        held: Sequence[reconcile.Held],
        candidates: Sequence[Candidate],
        vectors: NDArray[np.float32],
        *,
        session_id: str,
        session_date: datetime,
        conflicts_enabled: bool,
    ) -> reconcile.Plan:
        return await asyncio.to_thread(
            reconcile.reconcile,
            held,
            candidates,
            vectors,
            session_id=session_id,
            session_created_at=session_date,
            conflicts_enabled=conflicts_enabled,
        )

    def plan(
        self,
        question: str,
        today: date,
        previous: Sequence[Message],
        people: Collection[str],
        *,
        wide: bool,
    ) -> query.QueryPlan:
        return query.plan(question, today=today, previous=previous, people=people, wide=wide)
