"""Fixtures: settings without delays, a clock that tests set, clients of both kinds."""

import inspect
import itertools
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest

from hitherto import (
    AsyncHitherto,
    Hitherto,
    HttpParts,
    MergeConflictList,
    Parts,
    SessionList,
    Settings,
    UserList,
)
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.server import create_app
from hitherto.system import open_system
from tests import databases
from tests.databases import BOTH, POSTGRESQL, SQLITE, SQLITE_ONLY, Location, NewDatabase
from tests.fakes import HashEmbedder
from tests.forking import Programs
from tests.privacy.watch import missing_watchers
from tests.statement_models import PlainModel

hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")
"""How long an example takes says nothing on a machine that others use."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=(SQLITE, POSTGRESQL, BOTH),
        default=SQLITE,
        help="what the tests that use a database run on; with postgresql no others are run",
    )
    parser.addoption(
        "--server",
        metavar="ADDRESS",
        help="the PostgreSQL to run them on; without it one is started, and removed in the end",
    )
    parser.addoption(
        "--one-client",
        action="store_true",
        help="run each test with one kind of client only, as always on PostgreSQL",
    )


def pytest_report_header() -> list[str]:
    """Say what the tests of `tests/privacy` leave out on this machine."""
    return [f"tests/privacy: {missing}" for missing in missing_watchers()]


_FOLDER = pytest.StashKey[Path]()
_ADDRESS = pytest.StashKey[str]()
_SERVER = pytest.StashKey[databases.Server]()


def pytest_configure(config: pytest.Config) -> None:
    if (
        config.option.basetemp is None
        and not hasattr(config, "workerinput")
        and (disk := databases.memory_disk())
    ):
        config.stash[_FOLDER] = disk / f"hitherto-tests-{os.getpid()}"
        config.option.basetemp = str(config.stash[_FOLDER])
    config.addinivalue_line("markers", "postgresql: is about PostgreSQL alone")
    config.addinivalue_line("markers", "long: takes many seconds, so it is started first")
    config.addinivalue_line("markers", "refused_unread: is refused before it is looked up")
    config.addinivalue_line(
        "markers",
        "without_sync: is about contents; the sync client, which is generated, is left out",
    )
    if config.getoption("--database") != SQLITE and not hasattr(config, "workerinput"):
        address = config.getoption("--server")
        if address is None:
            config.stash[_SERVER] = databases.Server()
            address = config.stash[_SERVER].address()
        config.stash[_ADDRESS] = address
        databases.make_template(address)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of pytest-xdist where the server is."""
    if _ADDRESS in node.config.stash:
        node.workerinput["postgresql"] = node.config.stash[_ADDRESS]


def pytest_unconfigure(config: pytest.Config) -> None:
    if _FOLDER in config.stash:
        shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)
    if _SERVER in config.stash:
        config.stash[_SERVER].remove()
    elif _ADDRESS in config.stash:
        databases.drop_template(config.stash[_ADDRESS])


_PLACES = {"new_database", "new_shared_database"}
"""Fixtures that make databases."""

_KIND = "database_kind"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let tests that use a database run on each kind, where both are asked for."""
    if metafunc.config.getoption("--database") == BOTH and _PLACES & set(metafunc.fixturenames):
        metafunc.parametrize(_KIND, (SQLITE, POSTGRESQL), indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that are not about the database, and repetitions for other clients."""
    kind, one_client = config.getoption("--database"), config.getoption("--one-client")
    kept = [item for item in items if _is_kept(item, kind, one_client)]
    if len(kept) < len(items):
        left = set(kept)
        config.hook.pytest_deselected(items=[item for item in items if item not in left])
    # The end of a run has many short tests, so that no process waits for another one.
    items[:] = sorted(kept, key=lambda item: item.get_closest_marker("long") is None)


def _is_kept(item: pytest.Item, kind: str, one_client: bool) -> bool:
    if item.get_closest_marker("without_sync") is not None and _memory_of(item) == "sync":
        return False
    if kind == BOTH:
        kind = getattr(getattr(item, "callspec", None), "params", {}).get(_KIND, BOTH)
    if kind == POSTGRESQL:
        return _on_server(item) and _is_first_client(item)
    # Of both, one without a database: it runs once, also if it is about PostgreSQL.
    return (kind == BOTH or _on_file(item)) and (not one_client or _is_first_client(item))


_CLIENTS = ("memory", "driver", "steered")
"""Fixtures with a parameter for each kind of client."""


def _memory_of(item: pytest.Item) -> str | None:
    """Return the kind of the client that the test has as `memory`."""
    kind: str | None = getattr(getattr(item, "callspec", None), "params", {}).get("memory")
    return kind


def _is_first_client(item: pytest.Item) -> bool:
    indices = getattr(getattr(item, "callspec", None), "indices", {})
    return all(indices.get(name, 0) == 0 for name in _CLIENTS)


def _on_file(item: pytest.Item) -> bool:
    return item.get_closest_marker("postgresql") is None


def _on_server(item: pytest.Item) -> bool:
    if item.get_closest_marker("postgresql") is not None:
        return True
    if item.get_closest_marker("refused_unread") is not None:
        return False
    fixtures = _PLACES & set(getattr(item, "fixturenames", ()))
    return bool(fixtures) and not any(item.nodeid.startswith(start) for start in SQLITE_ONLY)


START = datetime(2025, 3, 14, 10, 0, tzinfo=UTC)


class Clock:
    """Clock that moves a millisecond at each reading, and further on request."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Awaitable:
    """Sync client object with async methods, so that one suite serves both."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        if not inspect.ismethod(attribute):
            return _awaitable(attribute)

        if name.endswith("_stream"):
            return lambda *arguments, **named: _awaitable(attribute(*arguments, **named))

        async def call(*arguments: Any, **named: Any) -> Any:
            return _awaitable(attribute(*arguments, **named))

        return call


LISTS = (UserList, SessionList, MergeConflictList)


def _awaitable(value: Any) -> Any:
    if type(value).__module__.startswith("hitherto.client._sync") or isinstance(value, LISTS):
        return Awaitable(value)
    if inspect.isgenerator(value):
        return _awaited(value)
    if isinstance(value, list):
        return [_awaitable(item) for item in value]
    return value


async def _awaited(values: Generator[Any, None, None]) -> AsyncGenerator[Any, None]:
    with closing(values):
        for value in values:
            yield value


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session", autouse=True)
def _no_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Leave out the system's certificates, which each HTTP client would load for 20 ms."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("SSL_CERT_FILE", raising=False)
        environment.setenv("SSL_CERT_DIR", str(tmp_path_factory.mktemp("certificates")))
        yield


@pytest.fixture(scope="session")
def settings() -> Settings:
    """They cannot be changed, and to read them takes milliseconds."""
    return Settings(poll_interval_s=0.02, retry_delay_s=0, lease_s=5)


@pytest.fixture(scope="session")
def programs() -> Iterator[Programs]:
    """Starts programs that serve or work in processes of their own."""
    started = Programs()
    yield started
    started.close()


@pytest.fixture(scope="session")
def server_address(request: pytest.FixtureRequest) -> str:
    """Return the address of the PostgreSQL server of the test run."""
    config = request.config
    if _ADDRESS in config.stash:
        return config.stash[_ADDRESS]
    address: str = config.workerinput["postgresql"]  # type: ignore[attr-defined]
    return address


@pytest.fixture(scope="session")
def databases_on_server(server_address: str) -> Iterator[databases.Databases]:
    created = databases.Databases(server_address)
    yield created
    created.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the migrated file that tests copy."""
    path = tmp_path_factory.mktemp("migrated") / "memory.db"
    databases.make_file(path)
    return path


@pytest.fixture(scope="session")
def database_kind(request: pytest.FixtureRequest) -> str:
    """Kind of the databases that the test makes."""
    chosen = request.config.getoption("--database")
    return str(getattr(request, "param", POSTGRESQL if chosen == POSTGRESQL else SQLITE))


@pytest.fixture
def new_database(
    request: pytest.FixtureRequest, database_kind: str, tmp_path: Path
) -> Iterator[NewDatabase]:
    """Makes databases without a row: files, or databases on the server."""
    if database_kind == SQLITE:
        migrated = request.getfixturevalue("migrated_file")
        numbers = itertools.count()
        yield lambda: shutil.copy(migrated, tmp_path / f"memory{next(numbers) or ''}.db")
        return
    with request.getfixturevalue("databases_on_server").lent() as make:
        yield make


@pytest.fixture(scope="session")
def new_shared_database(
    request: pytest.FixtureRequest, database_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewDatabase]:
    """`new_database` for what many tests share."""
    if database_kind == SQLITE:
        yield lambda: tmp_path_factory.mktemp("shared") / "memory.db"
        return
    with request.getfixturevalue("databases_on_server").lent() as make:
        yield make


@pytest.fixture
def path(new_database: NewDatabase) -> Location:
    """Return the location of the test's database."""
    return new_database()


@pytest.fixture
def parts(clock: Clock) -> Parts:
    return Parts(embedder=HashEmbedder(), clock=clock, statement_model=PlainModel())


@asynccontextmanager
async def served(path: Path, settings: Settings, parts: Parts) -> AsyncIterator[AsyncHitherto]:
    """A client of the application that serves the memory in a file, without a network between."""
    system = await open_system(path, settings, parts)
    made = await system.admin.create_key(DEFAULT_PROJECT_ID)
    app = create_app(system, settings)
    async with AsyncHitherto(
        "http://memory.test",
        api_key=made.api_key,
        project_id=DEFAULT_PROJECT_ID,
        parts=HttpParts(transport=httpx.ASGITransport(app)),
    ) as client:
        yield client
    await system.close()


@pytest.fixture(params=["async", "sync", "remote"])
async def memory(
    request: pytest.FixtureRequest, path: Path, settings: Settings, parts: Parts
) -> AsyncIterator[Any]:
    """A client with a fake embedder, seen through its async face whichever kind it is."""
    if request.param == "remote":
        async with served(path, settings, parts) as remote:
            yield remote
        return
    make: Callable[..., Any] = AsyncHitherto if request.param == "async" else Hitherto
    client = make(path, settings=settings, parts=parts)
    yield client if request.param == "async" else Awaitable(client)
    closed = client.close()
    if inspect.isawaitable(closed):
        await closed


@pytest.fixture
async def user(memory: Any) -> Any:
    return await memory.create_user("alice", metadata={"plan": "pro"})
