"""Checks 106 to 115: contexts as server-sent events."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.drivers import (
    NODE,
    PY_SYNC,
    RELEASED,
    REMOTE,
    Driver,
    Raw,
)
from tests.conformance.service import QUICK, Service, serving
from tests.conformance.stories import moved, moved_by
from tests.fakes import HashEmbedder

from hitherto import Parts, Settings
from hitherto.embedding import Vectors

STRATEGIES = ("low_latency", "balanced", "agentic")
ODD_CHARACTERS = "line\u2028separator next\u0085line para\u2029graph \x0b\x0c\x1c\x1d\x1e tab\t"
MULTI_BYTE = "pastéis de nata 🍮 字 é \U0001f468\u200d\U0001f469\u200d\U0001f467"


async def streamed(raw: Raw, session: str, **params: Any) -> bytes:
    """All bytes of a stream."""
    answer = await raw.get(f"{session}/context", params={"stream": True} | params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].split(";")[0] == "text/event-stream"
    return answer.content


def events_of(content: bytes) -> list[dict[str, Any]]:
    """The events of a stream, which has to have the form that every client can read."""
    assert content.isascii()
    found = []
    for block in content.decode("ascii").removesuffix("\n\n").split("\n\n"):
        (line,) = block.split("\n")
        if line.startswith(":"):
            continue
        assert line.startswith("data: "), line
        event = json.loads(line.removeprefix("data: "))
        assert isinstance(event, dict)
        found.append(event)
    return found


async def collected(session: Any, **params: Any) -> list[Any]:
    """The events that a client makes of a stream."""
    return [event async for event in session.get_context_stream(**params)]


async def asking(raw: Raw, question: str = "Where do I live?") -> str:
    user, _ = await moved(raw)
    return await raw.session(user, question)


@pytest.mark.check(106)
@pytest.mark.parametrize("strategy", [*STRATEGIES, "auto"])
async def test_a_stream_has_events_on_the_way_and_one_final_event(raw: Raw, strategy: str) -> None:
    events = events_of(await streamed(raw, await asking(raw), recall_strategy=strategy))
    *interim, final = events
    assert interim
    for event in interim:
        assert event["is_final"] is False
        assert event["status_update_message"]
        assert not event.get("context")
    assert final["is_final"] is True
    assert "Braga" in final["context"]
    assert not final.get("error_message")


@pytest.mark.check(106)
async def test_every_client_reads_the_events(driver: Driver) -> None:
    user, _ = await moved_by(driver)
    session = await user.create_session()
    await driver.say(session, "Where do I live?")
    *interim, final = await collected(session)
    assert interim
    assert [event.is_final for event in interim] == [False] * len(interim)
    assert all(event.status_update_message for event in interim)
    assert final.is_final
    assert "Braga" in final.context
    assert final.metadata.recall_strategy_used == "balanced"


@pytest.mark.check(107, 110, 114)
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_each_event_is_one_line_of_ascii_and_an_empty_line_ends_it(
    raw: Raw, strategy: str
) -> None:
    question = f"Where do I eat {MULTI_BYTE}? {ODD_CHARACTERS}"
    content = await streamed(
        raw, await asking(raw, question), recall_strategy=strategy, include_metadata_ids=True
    )
    assert events_of(content)
    assert content.endswith(b"}\n\n")
    assert not content.endswith(b"\n\n\n")
    assert b"[DONE]" not in content
    assert b"\r" not in content


@pytest.mark.check(108)
@pytest.mark.parametrize("with_ids", [True, False])
@pytest.mark.parametrize("strategy", [*STRATEGIES, "auto"])
async def test_every_event_with_metadata_names_the_strategy(
    raw: Raw, strategy: str, with_ids: bool
) -> None:
    events = events_of(
        await streamed(
            raw, await asking(raw), recall_strategy=strategy, include_metadata_ids=with_ids
        )
    )
    named = [event["metadata"]["recall_strategy_used"] for event in events if event.get("metadata")]
    assert set(named) <= set(STRATEGIES)
    assert events[-1]["metadata"], "the last event has metadata"
    if strategy != "auto":
        assert set(named) == {strategy}
    if with_ids:
        known = [event["metadata"] for event in events[:-1] if event.get("metadata")]
        assert any(metadata["vector_search_queries"] for metadata in known)
        assert any(metadata["memory_ids"] for metadata in known)
        assert events[-1]["metadata"]["memory_ids"]
    else:
        assert {name for name, value in events[-1]["metadata"].items() if value is not None} == {
            "recall_strategy_used"
        }


@pytest.mark.check(109)
async def test_every_character_arrives(driver: Driver) -> None:
    """The text itself shows line breaks as line ends; the queries show the question as it is."""
    user = await driver.client.create_user("alice")
    await driver.told(user, f"I like {MULTI_BYTE}.", f"My poem: {ODD_CHARACTERS}")
    session = await user.create_session()
    question = f"What is{ODD_CHARACTERS}{MULTI_BYTE}?"
    await driver.say(session, question)
    plain = await session.get_context(include_metadata_ids=True)
    *_, final = await collected(session, include_metadata_ids=True)
    assert final.context == plain.context
    assert MULTI_BYTE in final.context
    assert final.metadata.vector_search_queries == plain.metadata.vector_search_queries
    assert "\ufffd" not in repr(final)


@pytest.mark.check(109)
async def test_the_question_arrives_with_all_its_characters(raw: Raw) -> None:
    session = await asking(raw, f"What is\u2028this\u0085: {MULTI_BYTE}?")
    events = events_of(await streamed(raw, session, include_metadata_ids=True))
    asked = "".join(events[-1]["metadata"]["vector_search_queries"])
    assert "🍮" in asked
    assert "字" in asked


@pytest.mark.check(110)
@pytest.mark.drivers("node")
async def test_node_gets_the_final_event(driver: Driver) -> None:
    """It drops a last line that no line end finishes."""
    user, _ = await moved_by(driver)
    session = await user.create_session()
    await driver.say(session, "Where do I live?")
    for strategy in STRATEGIES:
        events = await collected(session, recall_strategy=strategy)
        assert events[-1].is_final
        assert events[-1].context


class ExistingMemory(HashEmbedder):
    """Waits with what contains "hold" until it is let go, and fails with what contains "break"."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def embed(self, texts: Sequence[str]) -> Vectors:
        for text in texts:
            self._look_at(text)
        return super().embed(texts)

    def embed_query(self, text: str) -> Vectors:
        self._look_at(text)
        return super().embed_query(text)

    def _look_at(self, text: str) -> None:
        if "hold" in text:
            assert self.let_go.wait(30)
        if "break" in text:
            raise RuntimeError("the model is out of order: /secret/path")


PING_S = 0.05
SILENCE_S = 1
ENOUGH_PINGS = int(1.5 * SILENCE_S / PING_S)


@pytest.mark.check(111)
def test_pings_come_at_most_ten_seconds_apart() -> None:
    assert 0 < Settings().stream_ping_s <= 10


class TestASlowModel:
    """A stand-in for 40 s of work and clients that give up after 30 s, thirty times as fast.

    Pings come every 0.05 s, the clients bear a silence of 1 s, and the embedder is held until
    longer than that has been counted in pings; nothing sleeps.
    """

    @pytest.fixture
    def embedder(self) -> ExistingMemory:
        return ExistingMemory()

    @pytest.fixture
    def service(self, path: Path, embedder: ExistingMemory) -> Iterator[Service]:
        settings = QUICK.model_copy(update={"stream_ping_s": PING_S})
        with serving(path, settings=settings, parts=Parts(embedder=embedder)) as running:
            yield running
            embedder.let_go.set()

    @pytest.mark.check(111)
    @pytest.mark.drivers(*RELEASED)
    async def test_clients_wait_for_it(
        self, driver: Driver, raw: Raw, embedder: ExistingMemory
    ) -> None:
        session = await (await driver.client.create_user("alice")).create_session()
        await driver.say(session, "hold on: where do I live?")
        _bear(driver, SILENCE_S)
        waiting = asyncio.create_task(collected(session, include_system_prompt=False))
        path = f"/api/v1/users/alice/sessions/{session.session_id}/context"
        pings = 0
        final = None
        async with raw.http.stream("GET", path, params={"stream": True}) as answer:
            async for line in answer.aiter_lines():
                if line.startswith(":"):
                    pings += 1
                    if pings == ENOUGH_PINGS:
                        embedder.let_go.set()
                elif line:
                    final = json.loads(line.removeprefix("data:"))
        assert pings >= ENOUGH_PINGS
        assert final is not None
        assert final["is_final"] is True
        assert final["context"]
        last = (await waiting)[-1]
        assert last.is_final
        assert last.context


def _bear(driver: Driver, silence_s: float) -> None:
    """Shorten a released client's time-out; the constructors take whole seconds, or none at all."""
    inner = getattr(driver.client, "_inner", driver.client)
    if driver.name == NODE:
        inner.wire._client.timeout = silence_s
    elif driver.name == PY_SYNC:
        inner._http.client.timeout = silence_s
    else:
        inner._http._client.timeout = silence_s


class TestAModelThatFails:
    """The embedder fails with what contains "break", when the stream has begun."""

    @pytest.fixture
    def service(self, path: Path) -> Iterator[Service]:
        with serving(path, parts=Parts(embedder=ExistingMemory())) as running:
            yield running

    @pytest.mark.check(112)
    async def test_the_last_event_says_so(self, raw: Raw) -> None:
        session = await raw.session(await raw.user(), "Did the window break?")
        for strategy in STRATEGIES:
            *interim, final = events_of(await streamed(raw, session, recall_strategy=strategy))
            assert [event["is_final"] for event in interim] == [False] * len(interim)
            assert interim, "the stream had begun"
            assert final["is_final"] is True
            assert final["context"] is None
            assert final["error_message"]
            assert "secret" not in final["error_message"]
            assert final["metadata"]["recall_strategy_used"] == strategy

    @pytest.mark.check(112)
    @pytest.mark.drivers(*REMOTE)
    async def test_every_client_is_told(self, driver: Driver) -> None:
        session = await (await driver.client.create_user("alice")).create_session()
        await driver.say(session, "Did the window break?")
        *_, final = await collected(session)
        assert final.is_final
        assert final.error_message
        assert final.context is None


@pytest.mark.check(113)
async def test_wrong_parameters_raise_before_a_stream_begins(driver: Driver) -> None:
    session = await (await driver.client.create_user("alice")).create_session()
    for wrong in (
        {"min_top_k": 4},
        {"min_top_k": 30, "max_top_k": 20},
        {"timezone": "Mars/Olympus"},
        {"last_n_messages": 101},
    ):
        with pytest.raises(driver.errors.ValidationError):
            await collected(session, **wrong)


@pytest.mark.check(113)
@pytest.mark.drivers(*REMOTE)
async def test_a_revoked_key_raises_before_a_stream_begins(driver: Driver) -> None:
    assert driver.service is not None
    assert driver.credentials is not None
    session = await (await driver.client.create_user("alice")).create_session()
    (key,) = driver.service.admin.list_keys(driver.credentials.project_id)
    driver.service.admin.revoke_key(key.key_id)
    with pytest.raises(driver.errors.AuthenticationError):
        await collected(session, include_system_prompt=False)


class TestALimitOnRequests:
    """Five requests per minute. Our own client waits when told to, so it is not asked."""

    @pytest.fixture
    def service(self, path: Path) -> Iterator[Service]:
        settings = QUICK.model_copy(update={"rate_limit_per_minute": 5})
        with serving(path, settings=settings) as running:
            yield running

    @pytest.mark.check(113)
    @pytest.mark.drivers(*RELEASED)
    async def test_too_many_raise_before_a_stream_begins(self, driver: Driver) -> None:
        user = await driver.client.create_user("alice")
        session = await user.create_session()
        with pytest.raises(driver.errors.RateLimitError):
            await _read_again(user, times=5)
        with pytest.raises(driver.errors.RateLimitError):
            await collected(session, include_system_prompt=False)


async def _read_again(user: Any, times: int) -> None:
    for _ in range(times):
        await user.refresh()


class Broken:
    """An engine that fails before the first event."""

    async def get_context_stream(self, *_: Any) -> AsyncIterator[Any]:
        raise RuntimeError("nobody foresaw this: /secret/path")
        yield


class TestAnEngineThatFails:
    """It does so before it has sent an event, so there can be a status."""

    @pytest.fixture
    def service(self, path: Path) -> Iterator[Service]:
        with serving(path) as running:
            yield running

    @pytest.mark.check(113)
    @pytest.mark.drivers(*REMOTE)
    async def test_it_is_a_500(self, driver: Driver, raw: Raw) -> None:
        session = await (await driver.client.create_user("alice")).create_session()
        raw.service.system.engine = lambda _: Broken()
        with pytest.raises(driver.errors.InternalServerError):
            await collected(session, include_system_prompt=False)
        path = f"/users/alice/sessions/{session.session_id}/context"
        answer = await raw.get(path, params={"stream": True})
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/json"
        assert "secret" not in answer.text


@pytest.mark.check(113)
async def test_what_is_missing_is_a_404_in_json(raw: Raw) -> None:
    user = await raw.user()
    unknown = "00000000-0000-4000-8000-000000000000"
    for path, detail in (
        (f"{user}/sessions/{unknown}/context", f"Session {unknown} not found"),
        (f"/users/nobody/sessions/{unknown}/context", "User nobody not found"),
    ):
        answer = await raw.get(path, params={"stream": True})
        assert answer.status_code == 404
        assert answer.headers["content-type"].split(";")[0] == "application/json"
        assert answer.json() == {"detail": detail}


@pytest.mark.check(113)
async def test_wrong_parameters_are_a_422_in_json(raw: Raw) -> None:
    session = await raw.session(await raw.user())
    params = {"stream": True, "min_top_k": 4}
    answer = await raw.get(f"{session}/context", params=params)
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], list)


@pytest.mark.check(115)
async def test_the_final_text_is_that_of_the_answer_without_a_stream(driver: Driver) -> None:
    user, _ = await moved_by(driver)
    ongoing = await user.create_session()
    await driver.say(ongoing, "I am on my way.")
    session = await user.create_session()
    await driver.say(session, "Where did I live in 2024?")
    for strategy in STRATEGIES:
        for options in (
            {},
            {"include_system_prompt": False, "timezone": "Asia/Tokyo", "last_n_messages": 2},
            {"include_metadata_ids": True, "last_n_summaries": 2, "min_top_k": 5, "max_top_k": 10},
        ):
            asked = {"recall_strategy": driver.models.RecallStrategy(strategy), **options}
            plain = await session.get_context(**asked)
            *_, final = await collected(session, **asked)
            assert final.context == plain.context
            assert final.metadata == plain.metadata
