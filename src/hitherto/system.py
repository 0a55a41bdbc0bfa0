"""Composition root: store, embedder, inference, engine and background work of one process."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from hitherto.admin_api import AdminApi
from hitherto.api import MemoryApi
from hitherto.background.cleanup import Cleanup
from hitherto.background.webhook_sender import WebhookSender
from hitherto.background.worker import Worker
from hitherto.core.statements.learned import StatementModel
from hitherto.embedding import Embedder, EmbedderFactory, Embedders, existing_factory, factories_of
from hitherto.engine import DEFAULT_PROJECT_ID, Engine, Resources, prepare
from hitherto.engine.admin import Admin
from hitherto.engine.ledger import StoreLedger
from hitherto.engine.webhook_http import Sender
from hitherto.engine.webhook_targets import policy_of
from hitherto.inference import Inference, open_inference
from hitherto.memory_index import IndexCache
from hitherto.settings import Settings
from hitherto.store import Store, open_database
from hitherto.threads import in_thread


@dataclass(frozen=True, slots=True)
class Parts:
    """Replacements of built-in parts; None keeps the built-in one.

    clock: the present instant, aware, UTC. new_id: a UUID as text, never the same twice.
    webhook_transport: transport of webhooks' requests.
    statement_model: chooses what is kept without a language model.
    next_embedder: embedder that the memory may change to while it is open (see `hitherto reembed`).
    """

    embedder: Embedder | None = None
    inference: Inference | None = None
    clock: Callable[[], datetime] | None = None
    new_id: Callable[[], str] | None = None
    webhook_transport: httpx.AsyncBaseTransport | None = None
    next_embedder: Embedder | None = None
    statement_model: StatementModel | None = None


class System:
    """Parts of one process that serves memories.

    resources: shared by engines and background work. worker: turns sessions into memories.
        webhooks: sends events. cleanup: clears traces of deletions. admin: administration of all
        projects. own_inference: closed with the system.
    """

    def __init__(self, resources: Resources, own_inference: Inference | None = None) -> None:
        self.resources = resources
        self._own_inference = own_inference
        self.admin: AdminApi = Admin(resources)
        self.worker = Worker(resources)
        self.webhooks = WebhookSender(resources)
        self.cleanup = Cleanup(resources)
        self._engines: dict[str, Engine] = {}

    def start(self) -> None:
        """Start the cleanup; with the setting `worker`, the worker and the webhook sender too."""
        self.cleanup.start()
        if not self.resources.settings.worker:
            return
        loop = asyncio.get_running_loop()
        self.worker.start()
        self.webhooks.start()

        def wake() -> None:
            loop.call_soon_threadsafe(self.resources.work_due.set)
            loop.call_soon_threadsafe(self.resources.deliveries_due.set)

        self.resources.store.listen(wake)

    def engine(self, project_id: str) -> MemoryApi:
        """Return the API of a project's users; the project must exist."""
        engine = self._engines.get(project_id)
        if engine is None:
            engine = self._engines[project_id] = Engine(self.resources, project_id)
        return engine

    async def check(self) -> None:
        """See that the database answers. Raises StoreError, ClosedError."""
        await self.resources.store.glance(lambda tx: tx.embedders.embedder())

    async def close(self) -> None:
        """Let the worker finish or release its session, then let go of the database."""
        await asyncio.gather(self.worker.stop(), self.webhooks.stop(), self.cleanup.stop())
        if self._own_inference is not None:
            await self._own_inference.close()
        await Engine(self.resources).close()


class EmbeddedEngine(Engine):
    """Engine of a system's own project; closing it closes the system."""

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

    Raises StoreError, SchemaError, EmbedderError, and ValidationError for an unusable location
    or model.
    """
    effective = Settings() if settings is None else settings
    replacements = Parts() if parts is None else parts
    clock, new_id = replacements.clock or _clock, replacements.new_id or _new_id
    store = Store(open_database(location, connections=effective.db_connections))
    inference = replacements.inference
    try:
        if inference is None:
            ledger = StoreLedger(store, effective, clock, new_id)
            inference = await open_inference(
                effective, ledger, statements=replacements.statement_model
            )
        factories = _factories(replacements, effective)
        embedder = await _embedder_of(store, factories)
        resources = Resources(
            store=store,
            embedder=embedder,
            inference=inference,
            index_cache=IndexCache(effective.working_set_mb * 2**20),
            settings=effective,
            clock=clock,
            new_id=new_id,
            sender=Sender(replacements.webhook_transport, policy_of(effective)),
            statement_model=replacements.statement_model,
            further_embedders=[
                factory for factory in factories if factory.name != embedder.identity.name
            ],
        )
        await prepare(resources, DEFAULT_PROJECT_ID)
    except BaseException:
        if inference is not None and replacements.inference is None:
            await inference.close()
        await store.close()
        raise
    system = System(resources, inference if replacements.inference is None else None)
    system.start()
    return system


def _factories(replacements: Parts, settings: Settings) -> list[EmbedderFactory]:
    """Return factories of the possible embedders, that of a new memory first."""
    parts = [
        existing_factory(part)
        for part in (replacements.embedder, replacements.next_embedder)
        if part is not None
    ]
    return parts if replacements.embedder is not None else [*factories_of(settings), *parts]


async def _embedder_of(store: Store, factories: list[EmbedderFactory]) -> Embedder:
    """Return the embedder that made a database; for a new one, the first."""
    await store.open()
    recorded = await store.read(lambda tx: tx.embedders.embedder())
    embedders = Embedders(factories)
    if recorded is None:
        return await in_thread(embedders.first)
    return await in_thread(embedders.of, recorded.name, recorded.dimension)


def _clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the one place where the clock is read


def _new_id() -> str:
    return str(uuid.uuid4())
