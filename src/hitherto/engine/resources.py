"""Shared parts of engine and worker, one of each per process."""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from hitherto.core.statements.learned import StatementModel
from hitherto.core.text.caches import forget_texts
from hitherto.embedding import (
    Embedder,
    EmbedderFactory,
    Embedders,
    calibration_of,
    existing_factory,
)
from hitherto.engine.active_projects import ActiveProjects
from hitherto.engine.context_composer import ContextComposer
from hitherto.engine.processor_shares import ProcessorShares
from hitherto.engine.project_shares import ProjectShares, reads_of_project, writes_of_project
from hitherto.engine.webhook_http import Sender
from hitherto.inference import Inference
from hitherto.memory_index import IndexCache
from hitherto.settings import Settings
from hitherto.store import READERS, ProjectUsers, Store
from hitherto.threads import in_thread

DEFAULT_PROJECT_ID = "00000000-0000-0000-0000-000000000001"
"""Project of an embedded client, which has no use for more than one."""


class Signal:
    """Wake waiting tasks of one event loop; a signal without a waiter is kept once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake the tasks that wait now, or the next one."""
        self._event.set()

    async def wait(self, timeout_s: float) -> None:
        """Return when set, or after the time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()


def _threads() -> Executor:
    return ThreadPoolExecutor(READERS, thread_name_prefix="hitherto-compute")


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Resources:
    """Parts with effects, and the sources of time and ids.

    executor: runs one half of a computation while the caller's thread does the other.
    clock: the present instant, aware, UTC. new_id: an id never given before, a UUID as text.
    new_secret: 32 random bytes, as 43 characters that a URL may hold.
    embedder: the one of the database when this process opened it; further_embedders: ways to those
        that the database may change to. embedders: gives the one of a state that was read.
    composer: makes the contexts of all projects, and keeps what it counted of their lines.
    sender: posts to webhooks. active: projects that are worked for. read_shares, write_shares:
        threads of the store that each project may use for its requests. job_shares: processor time
        that each project may use for its jobs. statement_model: in place of the one that ships with
        the package.
    """

    store: Store
    embedder: Embedder
    inference: Inference
    index_cache: IndexCache
    settings: Settings
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    new_secret: Callable[[], str] = field(default=_new_secret)
    executor: Executor = field(default_factory=_threads)
    further_embedders: Sequence[EmbedderFactory] = ()
    work_due: Signal = field(default_factory=Signal)
    work_done: Signal = field(default_factory=Signal)
    deliveries_due: Signal = field(default_factory=Signal)
    sender: Sender = field(default_factory=Sender)
    statement_model: StatementModel | None = None
    active: ActiveProjects = field(default_factory=ActiveProjects)
    embedders: Embedders = field(init=False)
    composer: ContextComposer = field(init=False)
    read_shares: ProjectShares = field(init=False)
    write_shares: ProjectShares = field(init=False)
    job_shares: ProcessorShares = field(init=False)

    def __post_init__(self) -> None:
        embedders = Embedders([existing_factory(self.embedder), *self.further_embedders])
        composer = ContextComposer(embedders, self.executor)
        read_share = reads_of_project(self.store.readers)
        # Frozen: this is the one place where fields are set.
        object.__setattr__(self, "embedders", embedders)
        object.__setattr__(self, "composer", composer)
        requests = ProcessorShares(self.active)
        object.__setattr__(self, "read_shares", ProjectShares(read_share, self.active, requests))
        write_share = writes_of_project(self.store.writers)
        object.__setattr__(self, "write_shares", ProjectShares(write_share, self.active))
        object.__setattr__(self, "job_shares", ProcessorShares(self.active))

    def forget(self, user_ids: Iterable[str]) -> None:
        """Keep nothing in this process that was read for users before something was deleted."""
        for user_id in user_ids:
            self.index_cache.forget(user_id)
        self.inference.forget()
        forget_texts()


async def prepare(resources: Resources, project_id: str) -> None:
    """Open the store, record its embedder or compare it, and see that the project is there.

    Raises StoreError, SchemaError, and EmbedderError for a database made with another embedder.
    """
    store = resources.store
    await store.open()
    recorded = await store.read(lambda tx: tx.embedders.embedder())
    if recorded is None:
        calibration = await in_thread(calibration_of, resources.embedder)
        recorded = await store.write(
            lambda tx: tx.embedders.recorded(str(resources.embedder.identity), calibration)
        )
    await in_thread(resources.embedders.of, recorded.name, recorded.dimension)

    def work(tx: ProjectUsers) -> None:
        tx.ensure_project("default", resources.clock())

    await store.write(lambda tx: work(tx.users(project_id)))
