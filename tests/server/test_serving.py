"""The service as a process: what it says when it starts, and what it leaves when it stops."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests import databases
from tests.conformance.service import serving
from tests.fakes import HashEmbedder
from typer.testing import CliRunner

from hitherto import Parts, Settings
from hitherto.cli import app
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import StoreError, UnavailableError
from hitherto.inference import LocalInference
from hitherto.models import Extraction
from hitherto.server.run import Listening, serve

with warnings.catch_warnings():
    # The released client declares its models in a way that its own library no longer likes.
    warnings.simplefilter("ignore")
    import recallrai
    from recallrai.exceptions import AuthenticationError
    from recallrai.models import MessageRole, SessionStatus

EXAMPLES = Path(__file__).parents[2] / "examples"
KEY = re.compile(r"key +(rai_\S+)$", re.MULTILINE)
PROJECT = re.compile(r"project id +(\S+)$", re.MULTILINE)
URL = re.compile(r"listens on (http://\S+)$", re.MULTILINE)


class Slow(LocalInference):
    """Extracts nothing until it is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.began = asyncio.Event()

    async def extract(self, *given: Any, **named: Any) -> Extraction:
        self.began.set()
        await asyncio.Event().wait()
        return Extraction(())


class Served:
    """`serve` in a task of this loop, as a process would run it."""

    def __init__(self, settings: Settings, parts: Parts | None = None) -> None:
        announced: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
        self.announced = announced
        self.task = asyncio.create_task(
            serve(settings, announced.set_result, parts or Parts(embedder=HashEmbedder()))
        )

    async def listening(self) -> Listening:
        await asyncio.wait({self.task, self.announced}, return_when=asyncio.FIRST_COMPLETED)
        if not self.announced.done():
            await self.task
        return self.announced.result()

    async def stop(self) -> None:
        signal.raise_signal(signal.SIGTERM)
        await self.task


def settings_for(path: Path, **others: Any) -> Settings:
    return Settings(db=str(path), port=0, poll_interval_s=0.02, **others)


def headers_of(listening: Listening) -> dict[str, str]:
    assert listening.first_key is not None
    return {
        "X-Recallr-Api-Key": listening.first_key.api_key,
        "X-Recallr-Project-Id": str(listening.first_key.key.project_id),
    }


async def test_the_first_start_makes_a_key_that_opens_the_default_project_and_later_ones_none(
    path: Path,
) -> None:
    first = Served(settings_for(path))
    listening = await first.listening()
    assert listening.first_key is not None
    assert listening.first_key.key.project_id == DEFAULT_PROJECT_ID
    assert listening.is_loopback
    async with httpx.AsyncClient(base_url=listening.url) as http:
        answer = await http.get("/api/v1/users", headers=headers_of(listening))
        assert answer.json() == {"users": [], "total": 0, "has_more": False}
    await first.stop()
    second = Served(settings_for(path))
    assert (await second.listening()).first_key is None
    await second.stop()


async def test_handlers_of_signals_are_as_before_once_the_service_has_stopped(path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    served = Served(settings_for(path))
    await served.listening()
    await served.stop()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_a_session_in_work_is_released_when_the_service_stops(path: Path) -> None:
    inference = Slow()
    served = Served(
        settings_for(path, close_timeout_s=0.01),
        Parts(embedder=HashEmbedder(), inference=inference),
    )
    listening = await served.listening()
    async with httpx.AsyncClient(base_url=listening.url, headers=headers_of(listening)) as http:
        await http.post("/api/v1/users", json={"custom_user_id": "alice"})
        made = await http.post("/api/v1/users/alice/sessions", json={})
        session = f"/api/v1/users/alice/sessions/{made.json()['session']['session_id']}"
        said = {"message": "I live in Porto.", "role": "user"}
        assert (await http.post(f"{session}/add-message", json=said)).status_code == 200
        assert (await http.post(f"{session}/process")).status_code == 200
    await inference.began.wait()
    await served.stop()
    rows = databases.values(path, "select status, lease_until, attempts from sessions")
    assert rows == [("processing", 0, 0)]


class Upload:
    """A request to create a user, whose body is sent in two halves."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening

    async def begin(self) -> None:
        url = httpx.URL(self._listening.url)
        self._answer, self._sent = await asyncio.open_connection(url.host, url.port)
        headers = {**headers_of(self._listening), "Host": url.host, "Content-Length": "27"}
        headers["Content-Type"] = "application/json"
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(["POST /api/v1/users HTTP/1.1", *lines, "", ""])
        self._sent.write(head.encode() + b'{"custom_user_id"')
        await self._sent.drain()
        # A request made after it is answered after it has arrived.
        async with httpx.AsyncClient(base_url=url) as http:
            await http.get("/healthz")

    async def finish(self) -> None:
        self._sent.write(b': "alice"}')
        await self._sent.drain()

    async def answer(self) -> bytes:
        answer = await self._answer.read()
        self._sent.close()
        return answer


async def test_a_request_in_work_is_finished_before_the_service_stops(path: Path) -> None:
    served = Served(settings_for(path, shutdown_timeout_s=60))
    listening = await served.listening()
    upload = Upload(listening)
    await upload.begin()
    signal.raise_signal(signal.SIGTERM)
    await until_refused(listening.url)
    assert not served.task.done()
    await upload.finish()
    assert (await upload.answer()).startswith(b"HTTP/1.1 201 ")
    await served.task


async def test_a_request_that_does_not_end_is_answered_with_503_when_the_service_stops(
    path: Path,
) -> None:
    served = Served(settings_for(path, shutdown_timeout_s=1))
    upload = Upload(await served.listening())
    await upload.begin()
    await served.stop()
    answer = await upload.answer()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.endswith(b'{"detail": "The server is stopping; try again later"}')


async def until_refused(url: str) -> None:
    while True:
        try:
            async with httpx.AsyncClient(base_url=url) as http:
                await http.get("/healthz")
        except httpx.TransportError:
            return
        await asyncio.sleep(0)


async def test_a_signal_during_the_opening_ends_the_start_without_a_key(path: Path) -> None:
    opening = threading.Event()

    class Waiting(HashEmbedder):
        @property
        def identity(self) -> Any:
            opening.set()
            signal.raise_signal(signal.SIGTERM)
            return super().identity

    served = Served(settings_for(path), Parts(embedder=Waiting()))
    await served.task
    assert opening.is_set()
    assert not served.announced.done()
    assert databases.values(path, "select count(*) from api_keys") == [(0,)]


async def test_a_signal_as_soon_as_the_service_is_announced_ends_it(path: Path) -> None:
    announced: list[Listening] = []

    def announce(listening: Listening) -> None:
        announced.append(listening)
        signal.raise_signal(signal.SIGTERM)

    async with asyncio.timeout(20):
        await serve(settings_for(path), announce, Parts(embedder=HashEmbedder()))
    assert len(announced) == 1


async def test_an_address_in_use_is_an_error_and_nothing_is_opened(path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = settings_for(path).model_copy(update={"port": taken.getsockname()[1]})
        with pytest.raises(UnavailableError, match="Address already in use"):
            await Served(settings).listening()
    assert not databases.was_opened(path)


async def test_an_address_that_is_not_ours_is_an_error(path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"cannot listen on 192\.0\.2\.1:0"):
        await Served(settings_for(path, host="192.0.2.1")).listening()


@pytest.fixture
def letter(path: Path) -> Path:
    path.write_text("a letter to my landlord, which is no database at all" * 100)
    return path


async def test_a_database_that_cannot_be_used_is_an_error_and_the_address_is_free_again(
    letter: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = settings_for(letter).model_copy(update={"port": port})
    with pytest.raises(StoreError, match="file is not a database"):
        await Served(settings).listening()
    socket.create_server(("127.0.0.1", port)).close()


async def test_what_listens_everywhere_says_so_and_is_reached_as_localhost(path: Path) -> None:
    served = Served(settings_for(path, host="0.0.0.0"))
    listening = await served.listening()
    assert listening.url.startswith("http://localhost:")
    assert not listening.is_loopback
    await served.stop()


async def test_the_data_folder_is_made_for_its_owner_alone_but_no_folder_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    served = Served(Settings(port=0))
    listening = await served.listening()
    await served.stop()
    assert Path(listening.db) == tmp_path / "data" / "hitherto" / "memory.db"
    assert stat.S_IMODE(Path(listening.db).parent.stat().st_mode) == 0o700
    with pytest.raises(StoreError):
        await Served(settings_for(tmp_path / "absent" / "memory.db")).listening()


COMMAND = [sys.executable, "-c", "from hitherto.cli import app; app()"]


@contextlib.contextmanager
def process(db: Path, output: int = subprocess.PIPE) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`hitherto serve` on a free port, and what it printed until it listened."""
    running = subprocess.Popen(
        [*COMMAND, "serve", "--db", str(db), "--port", "0"],
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        printed = ""
        for line in running.stdout or ():
            printed += line
            if line.startswith("Stop with"):
                break
        yield running, printed
    finally:
        running.kill()
        running.communicate()


def printed_on_a_terminal(db: Path) -> str:
    """What `hitherto serve` prints on a terminal until it listens."""
    terminal, output = os.openpty()
    with process(db, output) as (running, _):
        os.close(output)
        printed = b""
        while b"Stop with" not in printed:
            printed += os.read(terminal, 4_096)
        running.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError):  # how a terminal without a program ends
            while os.read(terminal, 4_096):
                pass
        assert running.wait(30) == 0
    os.close(terminal)
    return printed.decode().replace("\r\n", "\n")


def made_key(db: Path) -> tuple[str, str]:
    """A key of the default project, and the project's id."""
    made = json.loads(CliRunner().invoke(app, ["keys", "create", "--json", "--db", str(db)]).stdout)
    return made["api_key"], made["project_id"]


@contextlib.contextmanager
def released_client(key: str, project: str, url: str) -> Iterator[recallrai.RecallrAI]:
    client = recallrai.RecallrAI(api_key=key, project_id=project, base_url=url)
    with contextlib.closing(client._http.client):  # it cannot be closed in another way
        yield client


def test_a_first_key_is_shown_on_a_terminal_once(path: Path) -> None:
    printed = printed_on_a_terminal(path)
    key, project = KEY.search(printed), PROJECT.search(printed)
    assert key, printed
    assert project, printed
    assert f'api_key="{key[1]}"' in printed
    assert KEY.search(printed_on_a_terminal(path)) is None
    assert databases.count(path, "api_keys") == 1


def test_serve_makes_no_key_without_a_terminal_serves_the_released_client_and_ends_well(
    path: Path,
) -> None:
    with process(path) as (running, printed):
        assert "Create a key with: hitherto keys create --db " in printed
        assert "rai_" not in printed
        assert databases.count(path, "api_keys") == 0
        key, project = made_key(path)
        url = URL.search(printed)
        assert url, printed
        with released_client(key, project, url[1]) as client:
            session = client.create_user("alice").create_session()
            session.add_message(MessageRole.USER, "I live in Porto.")
            session.process()
        with (
            released_client("rai_wrong", project, url[1]) as wrong,
            pytest.raises(AuthenticationError),
        ):
            wrong.list_users()
        running.send_signal(signal.SIGTERM)
        rest, errors = running.communicate(timeout=30)
        assert running.returncode == 0, errors
        assert errors == ""
        assert rest == "Stopped.\n"

    with process(path) as (running, printed):
        url = URL.search(printed)
        assert url
        with released_client(key, project, url[1]) as client:
            alice = client.get_user("alice")
            again = alice.get_session(session.session_id)
            while again.status == SessionStatus.PROCESSING:
                again.refresh()
            assert again.status == SessionStatus.PROCESSED
            assert [item.content for item in alice.list_memories().items] == ["User lives in Porto"]
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=30)
        assert running.returncode == 0


def run_example(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", str(EXAMPLES / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_quickstart_serves_both_clients_and_ends_well() -> None:
    done = run_example("service_quickstart.py")
    assert done.returncode == 0, done.stderr
    assert "recallrai: User is allergic to peanuts\n" in done.stdout
    assert "I'm allergic to peanuts" in done.stdout.partition("hitherto: ")[2]
    assert done.stdout.endswith("service stopped with exit code 0\n")


QUESTION = {
    "question_id": "q1",
    "question_type": "knowledge-update",
    "question": "Where do I live now?",
    "answer": "Lisbon",
    "question_date": "2023/06/01 (Thu) 10:00",
    "haystack_dates": ["2023/05/20 (Sat) 02:21", "2023/03/02 (Thu) 09:00"],
    "haystack_sessions": [
        [{"role": "user", "content": "I moved to Lisbon last week."}],
        [
            {"role": "user", "content": "I live in Porto."},
            {"role": "assistant", "content": "A lovely place."},
            {"role": "assistant", "content": " "},
        ],
    ],
}


def test_the_longmemeval_runner_adds_sessions_by_date_without_blank_messages_and_asks(
    path: Path, tmp_path: Path
) -> None:
    data, output = tmp_path / "questions.json", tmp_path / "contexts.json"
    data.write_text(json.dumps([QUESTION]))
    with serving(path) as service:
        made = service.project()
        done = run_example(
            "longmemeval_runner.py",
            data,
            f"--base-url={made.base_url}",
            f"--api-key={made.api_key}",
            f"--project-id={made.project_id}",
            f"--output={output}",
            "--poll-s=0.05",
        )
        assert done.returncode == 0, done.stderr
        with released_client(made.api_key, made.project_id, made.base_url) as client:
            user = client.get_user("q1")
            assert user.list_sessions(metadata_filter={"haystack_index": 0}).total == 1
            oldest = user.list_sessions(metadata_filter={"haystack_index": 0}).sessions[0]
            assert oldest.created_at.month == 3
            assert oldest.get_messages().total == 2
    (result,) = json.loads(output.read_text())
    assert result["sessions_processed"] == 2
    assert sorted(result["strategies"]) == ["agentic", "balanced", "low_latency"]
    for name, answer in result["strategies"].items():
        assert "Lisbon" in answer["context"]
        assert answer["metadata"]["recall_strategy_used"] == name
