"""Nothing leaves the machine, and nothing is written outside of the data and cache folders.

Each way to use Hitherto runs as a program under the watchers of `watch.py`, in a home of its own. A
dependency that is added later, or that changes its habits, is watched with the rest.
"""

import json
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.embedding.endpoint import Endpoint
from tests.privacy import programs
from tests.privacy.watch import HITHERTO, NOTHING, ROOT, Allowed, Home, Watched
from tests.scripted_model import Says, scripted_model

from hitherto.cli import app
from hitherto.embedding import open_embedder

PROGRAMS = ROOT / "tests" / "privacy" / "programs.py"
FIRST_UPLOAD_S = 12
"""onnxruntime 1.32 makes its first upload 9 seconds after its start."""

CONVERSATIONS = [
    {
        "sample_id": "one",
        "conversation": {
            "speaker_a": "Lena",
            "speaker_b": "Hugo",
            "session_1_date_time": "8:15 am on 2 June, 2024",
            "session_1": [
                {"dia_id": "D1:1", "speaker": "Lena", "text": "I adopted a grey parrot today."}
            ],
        },
        "qa": [
            {
                "question": "Which animal did Lena adopt?",
                "answer": "a grey parrot",
                "evidence": ["D1:1"],
                "category": 4,
            }
        ],
    }
]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder in which the local embedder is built."""
    folder = tmp_path_factory.mktemp("graph")
    open_embedder(cache_dir=folder)
    return folder


@pytest.fixture
def new_home(tmp_path: Path) -> Home:
    return Home(tmp_path / "watched")


@pytest.fixture
def home(new_home: Home, graph: Path) -> Home:
    shutil.copytree(graph, new_home.cache)
    new_home.data.mkdir(parents=True)
    return new_home


def program(name: str, *arguments: object) -> list[object]:
    return [sys.executable, PROGRAMS, name, *arguments]


def run(home: Home, command: list[object], allowed: Allowed = NOTHING) -> Watched:
    watched = home.start(command, allowed)
    watched.finish()
    return watched


def test_an_embedded_program_from_the_very_first_start(new_home: Home) -> None:
    new_home.data.mkdir(parents=True)
    watched = run(new_home, program("embedded", new_home.data / "memory.db"))
    assert watched.findings() == []
    assert {"audit", "files"} <= watched.watchers()


@pytest.mark.postgresql
def test_an_embedded_program_whose_memory_is_on_postgresql(home: Home, path: str) -> None:
    address = urlsplit(path)
    reached = frozenset({(address.hostname, address.port or 5432)} if address.hostname else ())
    watched = run(
        home, program("embedded", path), Allowed("connect" if reached else "none", reached)
    )
    assert watched.findings() == []


def test_a_service_with_its_worker_and_a_client_until_telemetry_would_have_been_sent(
    home: Home,
) -> None:
    # The watcher of stop signals is a Python of its own.
    watcher = frozenset({sys.executable})
    listening = Allowed("listen", programs=watcher)
    service = home.start([HITHERTO, "serve", "--no-worker", "--port", "0"], listening)
    url = service.line(r"listens on (http://\S+)$")
    worker = home.start([HITHERTO, "worker"], Allowed(programs=watcher))
    worker.line("(works on)")
    made = home.start([HITHERTO, "keys", "create", "--json"])
    key = json.loads(made.finish())
    address = urlsplit(url)
    reached = frozenset({(str(address.hostname), address.port or 0)})
    arguments = (url, key["api_key"], key["project_id"], FIRST_UPLOAD_S)
    client = run(home, program("service_client", *arguments), Allowed("connect", reached))
    for each in (worker, service):
        each.stop()
        each.finish()
    for each in (service, worker, made, client):
        assert each.findings() == []


def test_every_command_that_ends_by_itself(home: Home) -> None:
    run(home, program("embedded", home.data / "memory.db"))
    conversations = home.data / "set.json"
    conversations.write_text(json.dumps(CONVERSATIONS), encoding="utf-8")
    places = (home.data / "memory.db", home.data / "other.db", conversations)
    watched = home.start(program("administration", *places), Allowed(temporary=True))
    ran = watched.finish().splitlines()
    assert watched.findings() == []
    lines = programs.commands("db", "other", "set")
    assert [line for line in ran if line.startswith("ran ")] == [f"ran {line[0]}" for line in lines]


def test_the_commands_run_under_watch_are_all_there_are() -> None:
    known = {line[0] for line in programs.commands("db", "other", "set")} | {"serve", "worker"}
    named = {command.name for command in app.registered_commands}
    grouped = {group.name for group in app.registered_groups}
    assert known == named | grouped


def test_the_demo(home: Home) -> None:
    # An output whose encoding has no tick must not stop it either.
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    command: list[object] = [sys.executable, ROOT / "examples" / "demo.py"]
    watched = home.start(command, Allowed(temporary=True), ascii_only)
    assert "10 of 10 contexts hold every expected word" in watched.finish()
    assert watched.findings() == []


def test_a_model_and_an_embedder_over_http_are_all_that_is_asked(home: Home) -> None:
    endpoint = Endpoint()
    with scripted_model() as model:
        model.otherwise = Says({"memories": [], "summary": "The user moved to Lisbon."})
        urls = (model.url, endpoint.url)
        reached = frozenset(("127.0.0.1", urlsplit(url).port or 0) for url in urls)
        watched = home.start(
            program("models", home.data / "memory.db"),
            # The provider's library asks `uname` for the processor.
            Allowed("connect", reached, programs=frozenset({"uname"})),
            {
                "HITHERTO_MODEL": "openai:scripted",
                "HITHERTO_MODEL_BASE_URL": model.url,
                "HITHERTO_MODEL_API_KEY": "unused",
                "HITHERTO_EMBEDDER": "openai:hash",
                "HITHERTO_EMBEDDER_BASE_URL": endpoint.url,
                "HITHERTO_RETRY_DELAY_S": "0",
            },
        )
        watched.finish()
        assert model.requests
    assert endpoint.requests
    endpoint.close()
    assert watched.findings() == []


def test_onnxruntime_as_it_comes_is_noticed(home: Home) -> None:
    found = run(home, program("bare_onnxruntime")).findings()
    assert any(line.startswith("files: ") and "onnxruntime" in line for line in found)


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def watchers_of(found: list[str]) -> set[str]:
    return {line.partition(":")[0] for line in found}


@pytest.mark.parametrize(
    ("name", "allowed", "seen_by"),
    [
        ("native_datagram", NOTHING, {"seccomp"}),
        ("native_datagram", Allowed("any"), {"strace"}),
        ("native_file", NOTHING, {"strace"}),
        ("python_lookup", Allowed("any"), {"audit"}),
        ("python_file", NOTHING, {"audit", "strace"}),
        ("python_process", NOTHING, {"audit"}),
    ],
)
def test_each_watcher_notices_what_it_can_see(
    home: Home, name: str, allowed: Allowed, seen_by: set[str]
) -> None:
    arguments = [home.working / "removed"] if name.endswith("file") else []
    watched = run(home, program(name, *arguments), allowed)
    assert watchers_of(watched.findings()) == seen_by & watched.watchers()


def test_a_connection_to_another_address_than_the_one_allowed_is_noticed(
    home: Home, port: int
) -> None:
    command = program("python_connection", port)
    right = run(home, command, Allowed("connect", frozenset({("127.0.0.1", port)})))
    assert right.findings() == []
    wrong = run(home, command, Allowed("connect", frozenset({("127.0.0.1", port + 1)})))
    assert watchers_of(wrong.findings()) == {"audit", "strace"} & wrong.watchers()
