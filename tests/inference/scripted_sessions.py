"""Sessions for a memory with a scripted model, and the answers of such a model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests import databases
from tests.conftest import Clock
from tests.fakes import HashEmbedder
from tests.scripted_model import Says, ScriptedModel

from hitherto import AsyncHitherto, Parts, Settings
from hitherto.system import System, open_system

FRIDAY = datetime(2025, 3, 14, 10, 0, tzinfo=UTC)


def memories_reply(*memories: dict[str, Any], summary: str = "User told of their life.") -> Says:
    return Says({"memories": list(memories), "summary": summary})


def memory(statement: str, *evidence: int, **further: Any) -> dict[str, Any]:
    return {"statement": statement, "evidence": list(evidence or (1,)), **further}


def decisions_reply(*decisions: dict[str, Any]) -> Says:
    return Says({"decisions": list(decisions)})


def settings_of(model: ScriptedModel, **settings: Any) -> Settings:
    """Settings that choose the scripted model and never wait."""
    chosen = {
        "model": "openai:scripted",
        "model_base_url": model.url,
        "model_retries": 0,
        "model_timeout_s": 20,
        "poll_interval_s": 0.02,
        "retry_delay_s": 0,
        "max_failures": 2,
        **settings,
    }
    return Settings.model_validate(chosen)


@asynccontextmanager
async def opened(path: Path, model: ScriptedModel, **settings: Any) -> AsyncIterator[Any]:
    """A memory whose sessions are read by the scripted model."""
    parts = Parts(embedder=HashEmbedder(), clock=Clock())
    chosen = settings_of(model, **settings)
    async with AsyncHitherto(path, settings=chosen, parts=parts) as client:
        yield client


@asynccontextmanager
async def system_of(path: Path, model: ScriptedModel) -> AsyncIterator[System]:
    """Open a memory and its administration."""
    parts = Parts(embedder=HashEmbedder(), clock=Clock())
    system = await open_system(path, settings_of(model), parts)
    yield system
    await system.close()


async def add_session(client: Any, user: Any, *texts: str, at: datetime = FRIDAY) -> Any:
    """A session of these messages, the user's and the assistant's in turn, processed."""
    session = await user.create_session(custom_created_at_utc=at)
    for number, text in enumerate(texts):
        await session.add_message("assistant" if number % 2 else "user", text)
    await session.process()
    await client.wait_until_processed(timeout_s=20)
    await session.refresh()
    return session


async def contents(user: Any) -> list[str]:
    return [item.content for item in (await user.list_memories(limit=200)).items]


def stored(path: Path) -> dict[str, list[Any]]:
    """Return all rows that the processing of a session writes."""
    tables = (
        *("memories", "memory_evidence", "memory_connections", "memory_categories", "quarantine"),
        *("merge_conflicts", "merge_conflict_memories", "summaries", "passages"),
    )
    return {
        table: sorted(map(repr, databases.values(path, f"select * from {table}")))
        for table in tables
    }
