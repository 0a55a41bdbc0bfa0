"""The embedded system: store, embedder, engine and a worker, put together in this process."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from recollect.api import AdminApi, MemoryApi
from recollect.embedding import Embedder, open_embedder
from recollect.engine import DEFAULT_PROJECT_ID, Engine, Resources, prepare
from recollect.engine.admin import Admin
from recollect.engine.sending import Sender
from recollect.inference import Inference, LocalInference
from recollect.settings import Settings
from recollect.store import Store, open_database
from recollect.webhooks import WebhookSending
from recollect.worker import Worker
from recollect.working_set import WorkingSets


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts to use in place of the built-in ones; None keeps the built-in one.

    clock: the present instant, aware, UTC. new_id: a UUID as text, never the same twice.
    webhook_transport: what webhooks are sent through.
    """

    embedder: Embedder | None = None
    inference: Inference | None = None
    clock: Callable[[], datetime] | None = None
    new_id: Callable[[], str] | None = None
    webhook_transport: httpx.AsyncBaseTransport | None = None


class System:
    """Everything of one process that serves memories: the resources, and a worker beside them.

    resources: what engines and worker share. worker: what turns sessions into memories. webhooks:
        what tells others of it. admin: the administration of all projects.
    """

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.admin: AdminApi = Admin(resources)
        self.worker = Worker(resources)
        self.webhooks = WebhookSending(resources)
        self._engines: dict[str, Engine] = {}

    def start(self) -> None:
        """Start the worker and the sending to webhooks on the running loop."""
        self.worker.start()
        self.webhooks.start()

    def engine(self, project_id: str) -> MemoryApi:
        """The API for the users of a project, of which the caller knows that it exists."""
        engine = self._engines.get(project_id)
        if engine is None:
            engine = self._engines[project_id] = Engine(self.resources, project_id)
        return engine

    async def check(self) -> None:
        """See that the database answers. Raises StoreError, ClosedError."""
        await self.resources.store.read(
            DEFAULT_PROJECT_ID, lambda tx: tx.property_value("embedder")
        )

    async def close(self) -> None:
        """Let the worker finish or release its session, then let go of the database."""
        await asyncio.gather(self.worker.stop(), self.webhooks.stop())
        await Engine(self.resources).close()


class EmbeddedEngine(Engine):
    """The engine of a system's own project; closing it closes the system."""

    def __init__(self, system: System) -> None:
        super().__init__(system.resources, DEFAULT_PROJECT_ID)
        self._system = system

    async def close(self) -> None:
        """Let the worker finish or release its session, then let go of the database."""
        await self._system.close()


async def open_api(
    location: str | Path, settings: Settings | None, parts: Parts | None
) -> MemoryApi:
    """Open a memory with one project on the running event loop; raises what `open_system` does."""
    return EmbeddedEngine(await open_system(location, settings, parts))


async def open_system(
    location: str | Path, settings: Settings | None = None, parts: Parts | None = None
) -> System:
    """Open a memory on the running event loop, with its worker at work.

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
            sender=Sender(given.webhook_transport),
        )
        await prepare(resources, DEFAULT_PROJECT_ID)
    except BaseException:
        await store.close()
        raise
    system = System(resources)
    system.start()
    return system


def _clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the one place where the clock is read


def _new_id() -> str:
    return str(uuid.uuid4())
