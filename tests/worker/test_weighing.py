"""Memories that new statements are weighed against, for users with many."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.fakes import HashEmbedder

from hitherto import AsyncHitherto, MessageRole, Parts, Settings
from hitherto.background import jobs
from hitherto.core.reconciliation.reconcile import ExistingMemory, Plan
from hitherto.inference import LocalInference
from hitherto.models import Candidate

LIFE = (
    "I live in Porto. I have a dog called Bica. I play the cello on Sundays.",
    "I work as a nurse. My sister Ana lives in Braga. I am allergic to peanuts.",
    "I like custard tarts. I drive an old Citroën. My boss is Harriet.",
    "I moved to Lisbon. I have a cat called Mustard. I like green tea.",
    "I live in Lisbon. I have sold the Citroën. My boss is Martin.",
    "I work as a teacher. I have a dog called Bica. My sister Ana lives in Faro.",
)


class Recording(LocalInference):
    """Local inference that notes how many memories it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers_shown: list[int] = []

    async def reconcile(
        self,
        memories: Sequence[ExistingMemory],
        candidates: Sequence[Candidate],
        vectors: np.ndarray,
        **named: Any,
    ) -> Plan:
        self.numbers_shown.append(len(memories))
        return await super().reconcile(memories, candidates, vectors, **named)


async def remembered(path: Path, inference: Recording) -> list[tuple[str, list[str]]]:
    """Return the memories and superseded versions after all sessions were processed."""
    parts = Parts(embedder=HashEmbedder(), inference=inference)
    async with AsyncHitherto(path, settings=Settings(poll_interval_s=0.02), parts=parts) as memory:
        user = await memory.create_user("alice")
        for text in LIFE:
            session = await user.create_session()
            await session.add_message(MessageRole.USER, text)
            await session.process()
            await memory.wait_until_processed(timeout_s=20)
        items = (await user.list_memories(limit=200)).items
        return sorted(
            (item.content, [earlier.content for earlier in item.previous_versions])
            for item in items
        )


async def test_only_the_nearest_memories_are_weighed_and_the_same_is_remembered(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = Recording()
    wanted = await remembered(path, everything)
    monkeypatch.setattr(jobs, "WEIGHED_MEMORIES", 10)
    nearest = Recording()
    assert await remembered(tmp_path / "nearest.db", nearest) == wanted
    assert any(earlier for _, earlier in wanted)
    assert max(everything.numbers_shown) > 10 >= max(nearest.numbers_shown)


async def test_a_repetition_is_recognised_among_the_nearest(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inference = Recording()
    wanted = await remembered(path, inference)
    monkeypatch.setattr(jobs, "WEIGHED_MEMORIES", 1)
    parts = Parts(embedder=HashEmbedder(), inference=inference)
    inference.numbers_shown.clear()
    async with AsyncHitherto(path, parts=parts) as memory:
        user = await memory.get_user("alice")
        session = await user.create_session()
        await session.add_message(MessageRole.USER, "I have a dog called Bica.")
        await session.process()
        await memory.wait_until_processed(timeout_s=20)
        assert (await user.list_memories(limit=1)).total == len(wanted)
    assert inference.numbers_shown == [1]
