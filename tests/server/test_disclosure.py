"""A marked secret in what other systems say is in nothing that a tenant can get, nor in the log."""

import functools
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic_ai.models import override_allow_model_requests
from tests.conftest import Clock
from tests.databases import change
from tests.fakes import HashEmbedder
from tests.server.conftest import http_for

from hitherto import Parts, Settings
from hitherto.cli.service import PrivateFormatter
from hitherto.embedding import EmbedderIdentity
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import (
    ConnectionError as UnreachableError,
)
from hitherto.errors import (
    EmbedderError,
    EmbeddingRefusedError,
    InferenceError,
    InternalServerError,
    RecallrAIError,
)
from hitherto.inference import LocalInference
from hitherto.models import RecallStrategy
from hitherto.server import create_app
from hitherto.system import System, open_system

MARK = "Zx8qMARKED"
KEY = f"key/{MARK}+"
"""As keys are given, with characters that are written otherwise in URLs and JSON."""

FACTS = ("My dog Bica is a poodle.", "My birthday is on 3 May 1990.", "I was born on 4 June 1990.")
QUIET = {"poll_interval_s": 0.02, "retry_delay_s": 0, "max_failures": 1, "model_retries": 0}


@dataclass
class Outside:
    """A server that answers everything in one way, with the mark in it."""

    url: str
    status: int = 401
    body: str = ""
    location: str = ""
    closes: bool = False


BODIES: dict[str, str] = {
    "text": f"no such key: {KEY}",
    "cut": "x" * 180 + f" {KEY}",
    "json": json.dumps({"error": {"message": f"Incorrect API key {KEY}", "code": "invalid_key"}}),
    "code": json.dumps({"error": {"type": f"sk-{MARK}", "code": MARK.lower()}}),
    "address": json.dumps({"detail": f"http://me:{MARK}@gpu.internal:8080 is down"}),
    "html": f"<html><title>{KEY}</title>",
}


STATUSES = (200, 302, 400, 402, 404, 422, 429, 500, 529)


@pytest.fixture
def outside() -> Iterator[Outside]:
    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.close_connection = True
            if found.closes:
                return
            self.send_response(found.status, f"{MARK} reason")
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Request-Id", MARK)
            if found.location:
                self.send_header("Location", found.location)
            self.send_header("Content-Length", str(len(found.body.encode())))
            self.end_headers()
            self.wfile.write(found.body.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        found = Outside(f"http://127.0.0.1:{server.server_port}/v1")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with override_allow_model_requests(True):
            yield found
        server.shutdown()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that is logged by Hitherto, and warnings of others, as both kinds of program show it."""
    caplog.set_level(logging.WARNING)
    caplog.set_level(logging.DEBUG, "hitherto")

    def read() -> str:
        private = PrivateFormatter("%(message)s")
        return caplog.text + "".join(private.format(record) for record in caplog.records)

    return read


@functools.cache
def readable_paths() -> list[str]:
    """Return the paths that a key of a project can GET, as the description of the API has them."""
    no_system: Any = None
    return [
        path
        for path, operations in create_app(no_system).openapi()["paths"].items()
        if "get" in operations and path.startswith("/api/v1")
    ]


async def everything(system: System, settings: Settings) -> str:
    """All that a key of the project can read of alice, with contexts of every kind."""
    made = await system.admin.create_key(DEFAULT_PROJECT_ID)
    headers = {
        "X-Recallr-Api-Key": made.api_key,
        "X-Recallr-Project-Id": DEFAULT_PROJECT_ID,
    }
    app = create_app(system, settings)
    answers: list[str] = []
    async with http_for(app, headers) as http:
        ids = await _ids(http)
        for path in readable_paths():
            for number, url in enumerate(_filled(path, ids)):
                for query in _queries(path, every_kind=number == 0):
                    answer = await http.get(url, params=query)
                    answers.append(f"{answer.status_code} {answer.headers} {answer.text}")
    return "\n".join(answers)


async def _ids(http: httpx.AsyncClient) -> dict[str, list[str]]:
    user = "/api/v1/users/alice"
    sessions = (await http.get(f"{user}/sessions", params={"limit": 100})).json()["sessions"]
    memories = (await http.get(f"{user}/memories")).json()["items"]
    conflicts = (await http.get(f"{user}/merge-conflicts")).json()["conflicts"]
    return {
        "custom_user_id": ["alice"],
        "session_id": [one["session_id"] for one in sessions],
        "memory_id": [one["memory_id"] for one in memories] or ["none"],
        "conflict_id": [one["id"] for one in conflicts] or ["none"],
    }


def _filled(path: str, ids: dict[str, list[str]]) -> list[str]:
    urls = [path]
    for name, values in ids.items():
        mark = f"{{{name}}}"
        if mark in path:
            urls = [url.replace(mark, value) for url in urls for value in values]
    return urls


def _queries(path: str, *, every_kind: bool) -> list[dict[str, Any]]:
    """Return the queries to ask a path with. every_kind: of context, as for the newest session."""
    if not path.endswith("/context") or not every_kind:
        return [{}]
    return [
        {"recall_strategy": strategy.value, "stream": stream, "include_metadata_ids": True}
        for strategy in RecallStrategy
        for stream in (False, True)
    ]


async def told(system: System, *texts: str, process: bool = True) -> None:
    """One session with alice for each text, and one more that asks."""
    api = system.engine(DEFAULT_PROJECT_ID)
    if not (await api.list_users()).total:
        await api.create_user("alice")
    for text in texts:
        session = await api.create_session("alice")
        await api.add_message("alice", session.session_id, "user", text)
        if process:
            await api.process("alice", session.session_id)
    await api.wait_until_processed(timeout_s=20)
    asking = await api.create_session("alice", auto_process_after_seconds=None)
    await api.add_message("alice", asking.session_id, "user", "What do you know about my dog?")


async def reasons(system: System) -> list[str | None]:
    api = system.engine(DEFAULT_PROJECT_ID)
    found = (await api.list_sessions("alice", limit=100)).items
    return [one.failure_reason for one in found if one.failure_reason]


ANSWERS = [(401, body) for body in BODIES] + [(status, "text") for status in STATUSES]


@pytest.mark.parametrize(("status", "body"), ANSWERS)
async def test_nothing_that_a_remote_embedder_answers_reaches_tenants(
    path: Path, clock: Clock, outside: Outside, log: Callable[[], str], status: int, body: str
) -> None:
    outside.status, outside.body = status, BODIES[body]
    outside.location = f"http://me:{MARK}@127.0.0.1:1/"
    settings = Settings(
        **QUIET,
        embedder="openai:tiny",
        embedder_base_url=outside.url,
        embedder_api_key=KEY,
        embedder_timeout_s=0.2,
    )
    from hitherto.embedding import RemoteEmbedder, RemoteParts, remote_model

    remote = RemoteEmbedder(
        remote_model("openai:tiny", outside.url, KEY),
        HashEmbedder(64).count_tokens,
        dimension=64,
        query_timeout_s=0.2,
        parts=RemoteParts(sleep=lambda _: None),
    )
    await _prepared(path, clock)
    system = await open_system(path, settings, Parts(embedder=Renamed(remote), clock=clock))
    try:
        await told(system, FACTS[0])
        shown = await everything(system, settings)
        assert await reasons(system) == [
            "EmbeddingRefusedError: the embedder gave no vectors; the log has the details"
        ]
    finally:
        await system.close()
        remote.close()
    assert "the embedder gave no vectors" in shown
    assert MARK.lower() not in shown.lower()
    # A provider's own code of the failure, here in small letters, is for the log.
    assert MARK not in log()
    assert "127.0.0.1" not in shown
    assert "openai:tiny at http://127.0.0.1" in log()


class Renamed:
    """Another embedder under the name of the one that the database was made with."""

    identity = EmbedderIdentity("hash-64", 64, None)

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def _prepared(path: Path, clock: Clock) -> None:
    """Make the database with an embedder that answers."""
    system = await open_system(path, Settings(**QUIET), Parts(HashEmbedder(64), clock=clock))
    await told(system, FACTS[1])
    await system.close()


@pytest.mark.parametrize(("status", "body"), ANSWERS)
async def test_nothing_that_a_provider_of_models_answers_reaches_tenants(
    path: Path, clock: Clock, outside: Outside, log: Callable[[], str], status: int, body: str
) -> None:
    outside.status, outside.body = status, BODIES[body]
    outside.location = f"http://me:{MARK}@127.0.0.1:1/"
    settings = Settings(**QUIET, model="openai:tiny", model_base_url=outside.url, model_api_key=KEY)
    system = await open_system(path, settings, Parts(HashEmbedder(), clock=clock))
    try:
        await told(system, FACTS[0])
        shown = await everything(system, settings)
        (reason,) = await reasons(system)
    finally:
        await system.close()
    assert (reason or "").startswith("InferenceError: openai:tiny ")
    assert "openai:tiny" in shown
    assert "127.0.0.1" not in shown
    assert MARK.lower() not in shown.lower()
    # A provider's own code of the failure, here in small letters, is for the log.
    assert MARK not in log()


async def test_a_provider_that_breaks_off_is_shown_by_a_sentence(
    path: Path, clock: Clock, outside: Outside, log: Callable[[], str]
) -> None:
    outside.closes = True
    settings = Settings(**QUIET, model="openai:tiny", model_base_url=outside.url, model_api_key=KEY)
    system = await open_system(path, settings, Parts(HashEmbedder(), clock=clock))
    try:
        await told(system, FACTS[0])
        shown = await everything(system, settings)
    finally:
        await system.close()
    assert "could not be reached, or broke off the connection" in shown
    assert MARK not in shown + log()


SAID = f"asked http://me:{MARK}@gpu.internal/v1 with Authorization: Bearer {MARK}"


def caused(error: Exception) -> Exception:
    error.__cause__ = OSError(f"password={MARK} host=db.internal")
    return error


RAISED: dict[str, Callable[[], Exception]] = {
    "EmbedderError": lambda: caused(EmbedderError(SAID)),
    "EmbeddingRefusedError": lambda: caused(EmbeddingRefusedError(SAID)),
    "InferenceError": lambda: caused(InferenceError(SAID)),
    "ConnectionError": lambda: caused(UnreachableError(SAID)),
    "InternalServerError": lambda: caused(InternalServerError(SAID)),
    "ValueError": lambda: caused(ValueError(SAID)),
    "HTTPStatusError": lambda: httpx.HTTPStatusError(
        SAID, request=httpx.Request("GET", "http://x"), response=httpx.Response(500)
    ),
}


class Failing(LocalInference):
    """Fails in one of its methods."""

    def __init__(self, method: str, raised: Callable[[], Exception]) -> None:
        super().__init__()

        async def fail(*_: Any, **__: Any) -> Any:
            raise raised()

        setattr(self, method, fail)


class FailingEmbedder(HashEmbedder):
    """Fails from when it is told to."""

    def __init__(self, raised: Callable[[], Exception]) -> None:
        super().__init__()
        self.raised, self.fails = raised, False

    def embed(self, texts: Any) -> Any:
        if self.fails:
            raise self.raised()
        return super().embed(texts)

    def embed_query(self, text: str) -> Any:
        if self.fails:
            raise self.raised()
        return super().embed_query(text)


PLACES = [(method, kind) for method in ("extract", "plan") for kind in RAISED] + [
    (method, kind)
    for method in ("reconcile", "review", "explore")
    for kind in ("EmbedderError", "ConnectionError", "ValueError")
]


@pytest.mark.parametrize(("method", "kind"), PLACES)
async def test_nothing_that_an_inference_raises_reaches_tenants(
    path: Path, clock: Clock, log: Callable[[], str], kind: str, method: str
) -> None:
    settings = Settings(**QUIET)
    parts = Parts(HashEmbedder(), inference=Failing(method, RAISED[kind]), clock=clock)
    system = await open_system(path, settings, parts)
    try:
        await told(system, *FACTS)
        shown = await everything(system, settings)
        failed = await reasons(system)
    finally:
        await system.close()
    if method in ("extract", "reconcile"):
        assert failed
        assert all((reason or "").startswith(f"{kind}: ") for reason in failed)
        assert "***" in log()
    for text in (shown, log()):
        assert MARK not in text
    assert "internal/v1" not in shown


@pytest.mark.parametrize("kind", RAISED)
async def test_nothing_that_an_embedder_of_ones_own_raises_reaches_tenants(
    path: Path, clock: Clock, log: Callable[[], str], kind: str
) -> None:
    settings = Settings(**QUIET)
    embedder = FailingEmbedder(RAISED[kind])
    system = await open_system(path, settings, Parts(embedder, clock=clock))
    try:
        await told(system, *FACTS)
        embedder.fails = True
        await told(system, "My cat Miau is a Siamese.")
        shown = await everything(system, settings)
        assert await reasons(system) != []
    finally:
        await system.close()
    for text in (shown, log()):
        assert MARK not in text
    assert "internal/v1" not in shown


@pytest.mark.parametrize("kind", RAISED)
async def test_what_settling_a_conflict_raises_does_not_reach_tenants(
    path: Path, clock: Clock, log: Callable[[], str], kind: str
) -> None:
    settings = Settings(**QUIET)
    parts = Parts(HashEmbedder(), inference=Failing("resolve", RAISED[kind]), clock=clock)
    system = await open_system(path, settings, parts)
    try:
        await system.admin.update_project(DEFAULT_PROJECT_ID, merge_conflict_enabled=True)
        await told(system, *FACTS)
        api = system.engine(DEFAULT_PROJECT_ID)
        (conflict,) = (await api.list_merge_conflicts("alice")).items
        from hitherto.models import MergeConflictAnswer

        answers = [
            MergeConflictAnswer(one.question, one.options[0])
            for one in conflict.clarifying_questions
        ]
        await api.resolve_merge_conflict("alice", conflict.id, answers)
        await api.wait_until_processed(timeout_s=20)
        failed = await api.get_merge_conflict("alice", conflict.id)
        shown = await everything(system, settings)
    finally:
        await system.close()
    assert (failed.failure_reason or "").startswith(f"{kind}: ")
    for text in (shown, log()):
        assert MARK not in text


async def test_what_an_earlier_release_recorded_does_not_reach_tenants(
    path: Path, clock: Clock
) -> None:
    settings = Settings(**QUIET)
    system = await open_system(path, settings, Parts(HashEmbedder(), clock=clock))
    try:
        await system.admin.update_project(DEFAULT_PROJECT_ID, merge_conflict_enabled=True)
        await told(system, *FACTS)
        for table in ("sessions", "merge_conflicts"):
            recorded = f"EmbeddingRefusedError: tiny at http://me:{MARK}@host answered: {MARK}"
            assert change(path, f"update {table} set failure_reason = ?", recorded)
        shown = await everything(system, settings)
    finally:
        await system.close()
    assert "an error that an earlier release recorded" in shown
    assert MARK not in shown


@pytest.mark.parametrize("name", ["embedder_base_url", "model_base_url"])
@pytest.mark.parametrize(
    "address",
    [
        f"https://me:{MARK}@host.example/v1",
        f"https://{MARK}@host.example/v1",
        f"HTTPS://me:{MARK}@host.example/v1",
        f"https://me:pa/{MARK}@host.example",
        f"https://me:{MARK}%40host.example/v1",
        f"https://me:{MARK}\uff20host.example/v1",
        f"https://host.example/v1?api_key={MARK}",
        f"https://host.example/v1#{MARK}",
        f"me:{MARK}@host.example/v1",
        f"ftp://{MARK}/v1",
        f"https://host.example\\{MARK}",
        f"https://host.example:{MARK}/v1",
        f"https:///{MARK}",
        f" https://host.example/{MARK}",
        f"https://host.example/ {MARK}",
        f"{MARK}",
    ],
)
def test_an_address_that_holds_a_secret_is_refused_and_not_shown(
    name: str, address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import pydantic
    from typer.testing import CliRunner

    from hitherto.cli import app

    with pytest.raises(pydantic.ValidationError, match=name) as raised:
        Settings(**{name: address})
    assert MARK not in str(raised.value)
    monkeypatch.setenv(f"HITHERTO_{name.upper()}", address)
    result = CliRunner().invoke(app, ["keys", "create", "--db", str(tmp_path / "memory.db")])
    assert result.exit_code == 1
    assert MARK not in result.output
    assert f"HITHERTO_{name.upper()}" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "address",
    ["https://host.example/v1", "http://127.0.0.1:8080/v1/", "http://[::1]:11434", "HTTP://gpu"],
)
def test_an_address_of_an_api_is_taken(address: str) -> None:
    assert Settings(model_base_url=address).model_base_url == address.rstrip("/")
    assert Settings(embedder_base_url="").embedder_base_url is None


def test_settings_show_no_secret() -> None:
    settings = Settings(
        db=f"postgresql://me:{MARK}@host/memory", model_api_key=MARK, embedder_api_key=MARK
    )
    assert MARK not in repr(settings) + str(settings)
    assert settings.secrets() == (MARK, MARK)


def test_every_error_of_the_tree_that_names_other_systems_has_a_sentence_for_tenants() -> None:
    for kind in RAISED.values():
        error = kind()
        if isinstance(error, RecallrAIError):
            assert error.tenant_message is not None
