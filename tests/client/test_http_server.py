"""The client against the real service: over a socket, and over a connection that loses answers."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.client.scripted import Scripted
from tests.conformance.service import Credentials, Service, serving

from hitherto import (
    AsyncHitherto,
    Hitherto,
    HttpParts,
    MessageRole,
    Parts,
    RecallrAI,
    RecallStrategy,
    SessionStatus,
    Settings,
)
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import (
    AuthenticationError,
    ConnectionError,
    InvalidCategoriesError,
    UserAlreadyExistsError,
    ValidationError,
)
from hitherto.server import create_app
from hitherto.system import open_system


@pytest.fixture
def service(path: Path) -> Iterator[Service]:
    with serving(path) as running:
        yield running


@pytest.fixture
def credentials(service: Service) -> Credentials:
    return service.project()


def client_of(credentials: Credentials) -> RecallrAI:
    return RecallrAI(credentials.api_key, credentials.project_id, credentials.base_url)


def test_a_conversation_from_the_first_message_to_the_context(credentials: Credentials) -> None:
    with client_of(credentials) as client:
        user = client.create_user("alice", metadata={"plan": "pro"})
        session = user.create_session(metadata={"channel": "web"})
        session.add_message(MessageRole.USER, "I moved to Lisbon. Ü\u2028😀")
        session.add_message(MessageRole.ASSISTANT, "How nice.")
        session.process()
        assert session.status in (SessionStatus.PROCESSING, SessionStatus.PROCESSED)
        client.wait_until_processed(timeout_s=20)
        session.refresh()
        assert (session.status, session.user_id) == (SessionStatus.PROCESSED, "alice")
        read = user.get_session(session.session_id, include_summary=True, include_memories=True)
        assert read.session_summary
        assert read.memories
        assert session.get_messages().messages[0].content == "I moved to Lisbon. Ü\u2028😀"
        asking = user.create_session()
        asking.add_message(MessageRole.USER, "Where do I live?")
        *before, last = asking.get_context_stream(RecallStrategy.AGENTIC)
        assert before
        assert "Lisbon" in (last.context or "")
        (memory,) = user.list_memories().items
        assert memory.evidence
        user.delete_memory(memory.memory_id)
        assert user.list_memories().total == 0
        with pytest.raises(InvalidCategoriesError) as told:
            user.list_memories(categories=["food"])
        assert told.value.invalid_categories == ["food"]
        with pytest.raises(UserAlreadyExistsError):
            client.create_user("alice")


def test_threads_share_one_client_and_its_connections(credentials: Credentials) -> None:
    with client_of(credentials) as client, ThreadPoolExecutor(16) as pool:
        user = client.create_user("alice")
        session = user.create_session()
        list(pool.map(lambda n: session.add_message("user", f"Number {n}."), range(64)))
        found = {message.content for message in session.get_messages(limit=500).messages}
    assert found == {f"Number {n}." for n in range(64)}


@pytest.mark.parametrize("changed", [{"api_key": "rai_wrong"}, {"project_id": "wrong"}])
def test_a_key_that_opens_nothing_is_told(
    credentials: Credentials, changed: dict[str, str]
) -> None:
    with (
        client_of(replace(credentials, **changed)) as client,
        pytest.raises(AuthenticationError, match="Invalid API key or project ID"),
    ):
        client.list_users()


def test_a_server_that_stopped_is_a_connection_error(path: Path) -> None:
    script = Scripted()
    with serving(path) as running:
        credentials = running.project()
        client = Hitherto(
            credentials.base_url,
            api_key=credentials.api_key,
            project_id=credentials.project_id,
            parts=replace(script.parts, transport=None),
        )
        client.create_user("alice")
    with pytest.raises(ConnectionError, match="that the server runs"):
        client.get_user("alice")
    client.close()


class Losing(httpx.AsyncBaseTransport):
    """Passes every request on, and loses the first answer to each while it is told to."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._lost: set[bytes] = set()
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        response = await self._inner.handle_async_request(request)
        seen = request.method.encode() + request.url.raw_path + request.content
        if seen not in self._lost:
            self._lost.add(seen)
            await response.aread()
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return response


@pytest.fixture
async def losing(
    path: Path, settings: Settings, parts: Parts
) -> AsyncIterator[tuple[AsyncHitherto, Losing]]:
    system = await open_system(path, settings, parts)
    made = await system.admin.create_key(DEFAULT_PROJECT_ID)
    transport = Losing(httpx.ASGITransport(create_app(system, settings)))
    async with AsyncHitherto(
        "http://memory.test",
        api_key=made.api_key,
        project_id=DEFAULT_PROJECT_ID,
        parts=HttpParts(transport=transport, sleep=Scripted().sleep),
    ) as memory:
        yield memory, transport
    await system.close()


async def test_nothing_is_done_twice_when_answers_are_lost(
    losing: tuple[AsyncHitherto, Losing],
) -> None:
    memory, transport = losing
    user = await memory.create_user("alice")
    session = await user.create_session()
    await session.add_message("user", "I live in Lisbon.")
    assert transport.requests == 6
    assert (await memory.list_users()).total == 1
    assert (await user.list_sessions()).total == 1
    assert (await session.get_messages()).total == 1
    await session.delete()
    await user.delete()
    assert (await memory.list_users()).total == 0


async def test_processing_whose_answer_is_lost_has_begun_and_is_told_as_lost(
    losing: tuple[AsyncHitherto, Losing],
) -> None:
    memory, _ = losing
    session = await (await memory.create_user("alice")).create_session()
    with pytest.raises(ConnectionError):
        await session.process()
    await session.refresh()
    assert session.status in (SessionStatus.PROCESSING, SessionStatus.PROCESSED)


async def test_a_key_used_for_something_else_is_refused(
    losing: tuple[AsyncHitherto, Losing],
) -> None:
    memory, _ = losing
    session = await (await memory.create_user("alice")).create_session()
    await session.add_message("user", "I live in Lisbon.", idempotency_key="once")
    with pytest.raises(ValidationError, match="idempotency_key"):
        await session.add_message("user", "I live in Porto.", idempotency_key="once")
    assert (await session.get_messages()).total == 1
