"""The server, the drivers, the numbers of the checks, and the report on which of them hold."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.drivers import (
    ALL,
    EMBEDDED,
    RAW,
    Driver,
    Raw,
    embedded_driver,
    raw_client,
    remote_driver,
)
from tests.conformance.service import Credentials, Service, serving
from tests.databases import NewDatabase

_DRIVING = {"driver", "steered"}
"""Fixtures that are run once for each driver."""

_CHECK = "conformance check"
_DRIVER = "conformance driver"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance-report", metavar="PATH", help="write what held, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "check(number): the line of the contract's checklist")
    config.addinivalue_line(
        "markers",
        "drivers(*names): who drives the test, one by one with the fixture; all where left out",
    )
    path = config.getoption("--conformance-report", default=None)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Report(Path(path)), "conformance-report")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("drivers")
    names = ALL if marker is None else marker.args
    for fixture in _DRIVING & set(metafunc.fixturenames):
        metafunc.parametrize(fixture, names, indirect=True, ids=names)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note each check's number and its drivers, so that they reach the report from any process."""
    for item in items:
        marker = item.get_closest_marker("check")
        if marker is None or not isinstance(item, pytest.Function):
            continue
        given = {} if (called := getattr(item, "callspec", None)) is None else called.params
        together = item.get_closest_marker("drivers")
        drivers = [given[fixture] for fixture in _DRIVING & set(given)]
        drivers = drivers or [*(together.args if together else (RAW,))]
        item.user_properties += [(_CHECK, number) for number in marker.args]
        item.user_properties += [(_DRIVER, driver) for driver in drivers]


_WEIGHTS = {"skipped": 0, "passed": 1, "failed": 2}


class _Report:
    """Collects outcomes by check and driver; a driver holds when none of its tests failed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outcomes: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":
            return
        numbers = [value for name, value in report.user_properties if name == _CHECK]
        drivers = [str(value) for name, value in report.user_properties if name == _DRIVER]
        for number, driver in itertools.product(numbers, drivers):
            outcomes = self._outcomes.setdefault(str(number), {})
            if _WEIGHTS[report.outcome] >= _WEIGHTS[outcomes.get(driver, "skipped")]:
                outcomes[driver] = report.outcome

    def pytest_sessionfinish(self) -> None:
        ordered = dict(sorted(self._outcomes.items(), key=lambda item: int(item[0])))
        self._path.write_text(json.dumps(ordered, indent=1) + "\n", "utf-8")


@pytest.fixture(scope="session")
def service(new_shared_database: NewDatabase) -> Iterator[Service]:
    """One server for all tests of a process; each test has a project of its own in it."""
    with serving(new_shared_database()) as running:
        yield running


@pytest.fixture
def credentials(service: Service) -> Credentials:
    """A new project with a key."""
    return service.project()


@pytest.fixture
async def raw(service: Service, credentials: Credentials) -> AsyncIterator[Raw]:
    """Plain HTTP, in the test's project."""
    async with raw_client(service, credentials) as client:
        yield client


@pytest.fixture
async def driver(
    request: pytest.FixtureRequest, new_database: NewDatabase
) -> AsyncIterator[Driver]:
    """Each way in, one after the other, in the test's project or in a file of the test's own."""
    name: Any = request.param
    if name == EMBEDDED:
        async with embedded_driver(new_database()) as opened:
            yield opened
        return
    running: Service = request.getfixturevalue("service")
    given: Credentials = request.getfixturevalue("credentials")
    async with remote_driver(name, running, given) as opened:
        yield opened
