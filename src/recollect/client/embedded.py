"""The embedded system: store, embedder, engine and a worker, put together in this process."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from recollect.api import MemoryApi
from recollect.embedding import Embedder, open_embedder
from recollect.engine import DEFAULT_PROJECT_ID, Engine, Resources, prepare
from recollect.inference import Inference, LocalInference
from recollect.settings import Settings
from recollect.store import Store, open_database
from recollect.worker import Worker
from recollect.working_set import WorkingSets


class EmbeddedEngine(Engine):
    """An engine with a worker of its own beside it."""

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self._worker = Worker(resources)

    def start(self) -> None:
        """Start the worker on the running loop."""
        self._worker.start()

    async def close(self) -> None:
        """Let the worker finish or release its session, then close the store."""
        await self._worker.stop()
        await super().close()


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts to use in place of the built-in ones; None keeps the built-in one.

    clock: the present instant, aware, UTC. new_id: a UUID as text, never the same twice.
    """

    embedder: Embedder | None = None
    inference: Inference | None = None
    clock: Callable[[], datetime] | None = None
    new_id: Callable[[], str] | None = None


async def open_api(
    location: str | Path, settings: Settings | None, parts: Parts | None
) -> MemoryApi:
    """Open a memory on the running event loop.

    Raises StoreError, SchemaError, EmbedderError, and ValidationError for an unusable location.
    """
    chosen = Settings() if settings is None else settings
    given = Parts() if parts is None else parts
    store = Store(open_database(location))
    try:
        embedder: Embedder = (
            await asyncio.to_thread(
                open_embedder,
                weights_dir=chosen.weights_dir,
                cache_dir=chosen.cache_dir,
                allow_network=chosen.allow_network,
            )
            if given.embedder is None
            else given.embedder
        )
        resources = Resources(
            store=store,
            embedder=embedder,
            inference=LocalInference() if given.inference is None else given.inference,
            working_sets=WorkingSets(embedder.identity.dimension, chosen.working_set_mb * 2**20),
            settings=chosen,
            clock=given.clock or _clock,
            new_id=given.new_id or _new_id,
        )
        await prepare(resources, DEFAULT_PROJECT_ID)
    except BaseException:
        await store.close()
        raise
    engine = EmbeddedEngine(resources)
    engine.start()
    return engine


def _clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the one place where the clock is read


def _new_id() -> str:
    return str(uuid.uuid4())
