"""Inference without a model: the rules of the core, run in threads so that nobody waits."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from recollect.core import attributes, extraction, query, reconcile, summaries
from recollect.models import Candidate, Message

READ_STATEMENTS = 20_000
"""Memories whose reading is kept: one takes 50 microseconds to read and about 2 kB to keep."""


class LocalInference:
    """Deterministic, and needs nothing but the processor."""

    def __init__(self) -> None:
        self._read = lru_cache(maxsize=READ_STATEMENTS)(attributes.read)

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
        def weigh() -> reconcile.Plan:
            return reconcile.reconcile(
                [replace(item, statement=self._read(item.memory.content)) for item in held],
                candidates,
                vectors,
                session_id=session_id,
                session_created_at=session_date,
                conflicts_enabled=conflicts_enabled,
            )

        return await asyncio.to_thread(weigh)

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
