"""Webhooks: signed events, retries until acceptance, nothing about deleted data."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests import databases
from tests.conftest import START, Clock
from tests.fakes import HashEmbedder

from hitherto import MessageRole, Parts, Settings
from hitherto.admin_api import AdminApi
from hitherto.api import MemoryApi
from hitherto.background.webhook_sender import MAX_ATTEMPTS, retry_delay_s
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.engine.webhook_http import Sender
from hitherto.inference import LocalInference
from hitherto.models import (
    Extraction,
    MergeConflictAnswer,
    WebhookAnswer,
    WebhookDelivery,
    WebhookDeliveryStatus,
    WebhookEventType,
)
from hitherto.store import Delivery, DeliveryRows, Store
from hitherto.system import System, open_system

ADDRESS = "https://receiver.test/events"
OTHER_ADDRESS = "https://other.test/events"
BIRTHDAYS = ("My birthday is on 3 May 1990.", "I was born on 4 June 1990.")
PATIENCE_S = 10.0

Answer = Callable[[httpx.Request], Awaitable[httpx.Response] | httpx.Response]


class Receiver:
    """Receiver that records requests and answers as configured."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answer: Answer = lambda request: httpx.Response(200)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answer(request)
        return answer if isinstance(answer, httpx.Response) else await answer

    def answers(self, status_code: int, **named: Any) -> None:
        """Answer everything in one way from now on."""
        self.answer = lambda request: httpx.Response(status_code, **named)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the bodies in the order of arrival."""
        return [json.loads(request.content) for request in self.requests]

    def event_types(self) -> list[str]:
        """Return the event types in the order of arrival."""
        return [event["type"] for event in self.events]


class FailingInference(LocalInference):
    """Inference that fails while `fails` is set."""

    fails = False

    async def extract(self, *arguments: Any, **named: Any) -> Extraction:
        if self.fails:
            raise ValueError("the oracle is silent")
        return await super().extract(*arguments, **named)

    async def resolve(self, *arguments: Any, **named: Any) -> Any:
        if self.fails:
            raise ValueError("the oracle is silent")
        return await super().resolve(*arguments, **named)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def failing() -> FailingInference:
    return FailingInference()


@pytest.fixture
def settings() -> Settings:
    return Settings(poll_interval_s=0.01, retry_delay_s=0, max_failures=1, close_timeout_s=0.2)


@pytest.fixture
def parts(clock: Clock, receiver: Receiver, failing: FailingInference) -> Parts:
    return Parts(
        embedder=HashEmbedder(),
        inference=failing,
        clock=clock,
        webhook_transport=httpx.MockTransport(receiver),
    )


@pytest.fixture
async def system(path: Path, settings: Settings, parts: Parts) -> AsyncIterator[System]:
    opened = await open_system(path, settings, parts)
    yield opened
    await opened.close()


@pytest.fixture
def admin(system: System) -> AdminApi:
    return system.admin


@pytest.fixture
async def api(system: System) -> MemoryApi:
    engine = system.engine(DEFAULT_PROJECT_ID)
    await engine.create_user("alice", merge_conflict_enabled=True)
    return engine


async def eventually(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            result = holds()
            if await result if asyncio.iscoroutine(result) else result:
                return
            await asyncio.sleep(0.005)


async def process_session(api: MemoryApi, *texts: str, user: str = "alice") -> str:
    """Say something in a session and have it processed, whatever comes of it."""
    session = await api.create_session(user)
    for text in texts:
        await api.add_message(user, session.session_id, MessageRole.USER, text)
    await api.process(user, session.session_id)
    await api.wait_until_processed(timeout_s=PATIENCE_S)
    return session.session_id


async def raised(api: MemoryApi, user: str = "alice") -> str:
    """Raise a merge conflict; its id."""
    for text in BIRTHDAYS:
        await process_session(api, text, user=user)
    (conflict,) = (await api.list_merge_conflicts(user)).items
    return conflict.id


async def answered(api: MemoryApi, conflict_id: str) -> None:
    conflict = await api.get_merge_conflict("alice", conflict_id)
    answers = [MergeConflictAnswer(q.question, q.options[0]) for q in conflict.clarifying_questions]
    await api.resolve_merge_conflict("alice", conflict_id, answers)
    await api.wait_until_processed(timeout_s=PATIENCE_S)


async def log(admin: AdminApi, webhook_id: str) -> list[WebhookDelivery]:
    """Return the recorded deliveries of a webhook, oldest first."""
    page = await admin.list_webhook_deliveries(DEFAULT_PROJECT_ID, webhook_id, limit=200)
    return list(reversed(page.items))


async def add_webhook(admin: AdminApi, *event_types: WebhookEventType, url: str = ADDRESS) -> str:
    """Make a webhook; its id."""
    made = await admin.create_webhook(DEFAULT_PROJECT_ID, url, event_types=event_types or None)
    return made.webhook.webhook_id


def outbox(path: Path) -> int:
    return databases.count(path, "webhook_deliveries")


def signatures(secret: str, request: httpx.Request) -> str:
    """Return the signatures that the Standard Webhooks specification requires."""
    signed = (
        f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode()
        + request.content
    )
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


# What is told


async def test_a_processed_session_is_told_as_the_api_shows_it(
    api: MemoryApi, admin: AdminApi, receiver: Receiver
) -> None:
    webhook_id = await add_webhook(admin)
    session_id = await process_session(api, "I live in Porto.")
    await eventually(lambda: receiver.requests)
    (request,), (event,) = receiver.requests, receiver.events
    assert (request.method, str(request.url)) == ("POST", ADDRESS)
    assert request.headers["content-type"] == "application/json"
    assert list(event) == ["id", "type", "created_at", "project_id", "data"]
    assert event["type"] == "session.processed"
    assert event["project_id"] == DEFAULT_PROJECT_ID
    assert event["created_at"].endswith("Z")
    assert event["data"]["session_id"] == session_id
    assert event["data"]["status"] == "processed"
    assert event["data"]["custom_user_id"] == "alice"
    assert "Porto" not in request.content.decode()

    async def recorded() -> bool:
        return (await log(admin, webhook_id))[0].status is WebhookDeliveryStatus.DELIVERED

    await eventually(recorded)
    (delivery,) = await log(admin, webhook_id)
    assert (delivery.event_id, delivery.attempts, delivery.due_at) == (event["id"], 1, None)
    assert delivery.answer is not None
    assert (delivery.answer.status_code, delivery.answer.failure_reason) == (200, None)


async def test_a_conflict_is_told_when_it_arises_and_when_it_is_settled(
    api: MemoryApi, admin: AdminApi, receiver: Receiver
) -> None:
    await add_webhook(
        admin,
        WebhookEventType.MERGE_CONFLICT_CREATED,
        WebhookEventType.MERGE_CONFLICT_RESOLVED,
        WebhookEventType.MERGE_CONFLICT_FAILED,
    )
    conflict_id = await raised(api)
    await eventually(lambda: receiver.requests)
    await answered(api, conflict_id)
    await eventually(lambda: len(receiver.requests) == 2)
    assert receiver.event_types() == ["merge_conflict.created", "merge_conflict.resolved"]
    created, resolved = (event["data"] for event in receiver.events)
    assert created["id"] == resolved["id"] == conflict_id
    assert created["status"] == "PENDING"
    assert created["clarifying_questions"][0]["options"]
    assert created["custom_user_id"] == "alice"
    assert resolved["status"] == "RESOLVED"
    assert resolved["new_memories"] is not None


async def test_failures_are_told(
    api: MemoryApi, admin: AdminApi, receiver: Receiver, failing: FailingInference
) -> None:
    conflict_id = await raised(api)
    await add_webhook(admin)
    failing.fails = True
    await answered(api, conflict_id)
    await eventually(lambda: len(receiver.requests) == 1)
    session_id = await process_session(api, "I live in Porto.")
    await eventually(lambda: len(receiver.requests) == 2)
    of_conflict, of_session = receiver.events
    assert (of_conflict["type"], of_session["type"]) == ("merge_conflict.failed", "session.failed")
    assert (of_conflict["data"]["id"], of_conflict["data"]["status"]) == (conflict_id, "FAILED")
    assert of_session["data"]["session_id"] == session_id
    reason = of_session["data"]["failure_reason"]
    assert reason == "ValueError: an unexpected error; the log has the details"


async def test_without_a_webhook_that_asks_for_it_nothing_is_noted_down(
    api: MemoryApi, admin: AdminApi, receiver: Receiver, path: Path
) -> None:
    await process_session(api, "I live in Porto.")
    other = await admin.create_project("other")
    await admin.create_webhook(other.project_id, ADDRESS)
    await add_webhook(admin, WebhookEventType.SESSION_FAILED)
    off = await add_webhook(admin)
    await admin.update_webhook(DEFAULT_PROJECT_ID, off, enabled=False)
    await process_session(api, "I have a dog.")
    assert outbox(path) == 0
    assert receiver.requests == []


async def test_an_event_has_one_id_for_all_webhooks(
    api: MemoryApi, admin: AdminApi, receiver: Receiver
) -> None:
    await add_webhook(admin)
    await add_webhook(admin, url=OTHER_ADDRESS)
    await process_session(api, "I live in Porto.")
    await eventually(lambda: len(receiver.requests) == 2)
    assert {request.url.host for request in receiver.requests} == {"receiver.test", "other.test"}
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


async def test_what_is_told_is_kept_or_dropped_with_what_happened(
    api: MemoryApi, admin: AdminApi, path: Path, system: System
) -> None:
    await add_webhook(admin)

    class RefusedError(Exception):
        pass

    def work(tx: Any) -> None:
        user = tx.user("alice")
        user.sessions.create("of-alice", {}, None, None, START)
        user.outbox.announce(
            WebhookEventType.SESSION_PROCESSED, "of-alice", None, lambda: "one", START
        )
        raise RefusedError

    with pytest.raises(RefusedError):
        await system.resources.store.write(lambda tx: work(tx.users(DEFAULT_PROJECT_ID)))
    assert outbox(path) == 0


# Signatures


async def test_a_request_is_signed_as_standard_webhooks_asks(
    api: MemoryApi, admin: AdminApi, receiver: Receiver, clock: Clock
) -> None:
    made = await admin.create_webhook(DEFAULT_PROJECT_ID, ADDRESS)
    assert len(base64.b64decode(made.secret.removeprefix("whsec_"), validate=True)) == 32
    await process_session(api, "I live in Porto.")
    await eventually(lambda: receiver.requests)
    (request,) = receiver.requests
    assert request.headers["webhook-id"] == receiver.events[0]["id"]
    assert 0 <= clock.now.timestamp() - int(request.headers["webhook-timestamp"]) < 60
    assert request.headers["webhook-signature"] == signatures(made.secret, request)


async def test_a_signature_is_that_of_the_published_example() -> None:
    """Compare with the figures of the specification."""
    seen: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    sender = Sender(httpx.MockTransport(note))
    answer = await sender.post(
        ADDRESS,
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        START + timedelta(seconds=1614265330 - START.timestamp()),
        1.0,
    )
    await sender.close()
    assert answer.status_code == 204
    assert seen[0].headers["webhook-signature"] == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


async def test_for_a_day_after_a_rotation_both_secrets_sign(
    api: MemoryApi, admin: AdminApi, receiver: Receiver, clock: Clock
) -> None:
    made = await admin.create_webhook(DEFAULT_PROJECT_ID, ADDRESS)
    rotated = await admin.rotate_webhook_secret(DEFAULT_PROJECT_ID, made.webhook.webhook_id)
    assert rotated.secret != made.secret
    await process_session(api, "I live in Porto.")
    await eventually(lambda: len(receiver.requests) == 1)
    clock.advance(25 * 3_600)
    await process_session(api, "I have a dog.")
    await eventually(lambda: len(receiver.requests) == 2)
    within, after = receiver.requests
    both = f"{signatures(rotated.secret, within)} {signatures(made.secret, within)}"
    assert within.headers["webhook-signature"] == both
    assert after.headers["webhook-signature"] == signatures(rotated.secret, after)


# Answers


@pytest.mark.parametrize("status_code", [301, 307, 400, 404, 429, 500, 503])
async def test_any_other_answer_is_tried_again_under_the_same_id(
    api: MemoryApi, admin: AdminApi, receiver: Receiver, clock: Clock, status_code: int
) -> None:
    webhook_id = await add_webhook(admin)
    receiver.answers(status_code, headers={"Location": OTHER_ADDRESS})
    await process_session(api, "I live in Porto.")

    async def put_off() -> bool:
        (delivery,) = await log(admin, webhook_id)
        return delivery.answer is not None

    await eventually(put_off)
    (delivery,) = await log(admin, webhook_id)
    assert delivery.status is WebhookDeliveryStatus.PENDING
    assert delivery.answer is not None
    assert delivery.answer.status_code == status_code
    assert delivery.due_at is not None
    assert delivery.attempted_at is not None
    assert 7.5 <= (delivery.due_at - delivery.attempted_at).total_seconds() <= 10
    receiver.answers(204)
    clock.advance(10)
    await eventually(lambda: len(receiver.requests) == 2)
    first, second = receiver.requests
    assert first.url == second.url
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


async def test_a_receiver_that_cannot_be_reached_is_tried_again(
    api: MemoryApi, admin: AdminApi, receiver: Receiver
) -> None:
    webhook_id = await add_webhook(admin)

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    receiver.answer = refuse
    await process_session(api, "I live in Porto.")

    async def put_off() -> bool:
        (delivery,) = await log(admin, webhook_id)
        return delivery.answer is not None

    await eventually(put_off)
    (delivery,) = await log(admin, webhook_id)
    assert delivery.answer is not None
    assert delivery.answer.status_code is None
    assert delivery.answer.failure_reason == "no answer: no connection could be made"


async def test_a_receiver_that_does_not_answer_in_time_is_let_go() -> None:
    async def linger(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    sender = Sender(httpx.MockTransport(linger))
    answer = await sender.post(ADDRESS, "one", b"{}", ["whsec_AAAA"], START, 0.02)
    await sender.close()
    assert (answer.status_code, answer.failure_reason) == (None, "no answer within 0.02 s")


async def test_the_status_counts_even_where_the_body_never_ends() -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"x"
            await asyncio.Event().wait()

    def trickle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Endless())

    def flood(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"x" * 1_000_000)

    for answer in trickle, flood:
        sender = Sender(httpx.MockTransport(answer))
        answer = await sender.post(ADDRESS, "one", b"{}", ["whsec_AAAA"], START, 0.05)
        await sender.close()
        assert (answer.status_code, answer.failure_reason) == (200, None)


async def test_a_cookie_of_a_receiver_is_not_sent_back() -> None:
    seen: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, headers={"Set-Cookie": "who=me; Path=/"})

    sender = Sender(httpx.MockTransport(note))
    for event_id in "one", "two":
        await sender.post(ADDRESS, event_id, b"{}", ["whsec_AAAA"], START, 1.0)
    await sender.close()
    assert all("cookie" not in request.headers for request in seen)


async def test_after_about_a_day_an_event_is_given_up_and_its_record_kept_for_a_week(
    api: MemoryApi, admin: AdminApi, receiver: Receiver, clock: Clock
) -> None:
    webhook_id = await add_webhook(admin)
    receiver.answers(500)
    began = clock.now
    await process_session(api, "I live in Porto.")
    for attempt in range(1, MAX_ATTEMPTS + 1):

        async def recorded(attempt: int = attempt) -> bool:
            (delivery,) = await log(admin, webhook_id)
            return delivery.attempts == attempt and (
                delivery.due_at is None or delivery.due_at > clock.now
            )

        await eventually(recorded)
        (delivery,) = await log(admin, webhook_id)
        if delivery.due_at is not None:
            assert delivery.status is WebhookDeliveryStatus.PENDING
            clock.advance((delivery.due_at - clock.now).total_seconds())
    (delivery,) = await log(admin, webhook_id)
    assert delivery.status is WebhookDeliveryStatus.FAILED
    assert len(receiver.requests) == MAX_ATTEMPTS
    assert timedelta(hours=20) < clock.now - began < timedelta(hours=28)
    clock.advance(6 * 86_400)
    assert await log(admin, webhook_id) == [delivery]
    clock.advance(1.1 * 86_400)
    await eventually(lambda: nothing_logged(admin, webhook_id))


async def nothing_logged(admin: AdminApi, webhook_id: str) -> bool:
    return await log(admin, webhook_id) == []


def test_the_waiting_grows_and_differs_between_events() -> None:
    def delivery(event_id: str, attempts: int) -> Delivery:
        kind = WebhookEventType.SESSION_PROCESSED
        return Delivery("u", event_id, "w", "s", None, kind, START, "t", attempts)

    delays = [retry_delay_s(delivery("one", attempts)) for attempts in range(1, MAX_ATTEMPTS)]
    assert all(2 * delay < following for delay, following in pairwise(delays))
    assert len({retry_delay_s(delivery(str(number), 3)) for number in range(50)}) == 50


async def test_a_receiver_that_is_gone_is_not_told_again(
    api: MemoryApi, admin: AdminApi, receiver: Receiver
) -> None:
    webhook_id = await add_webhook(admin)
    receiver.answers(410)
    await process_session(api, "I live in Porto.")

    async def switched_off() -> bool:
        return not (await admin.get_webhook(DEFAULT_PROJECT_ID, webhook_id)).enabled

    await eventually(switched_off)
    webhook = await admin.get_webhook(DEFAULT_PROJECT_ID, webhook_id)
    assert webhook.disabled_reason == "it answered with 410 Gone"
    await process_session(api, "I have a dog.")
    (delivery,) = await log(admin, webhook_id)
    assert delivery.status is WebhookDeliveryStatus.FAILED
    assert len(receiver.requests) == 1
    again = await admin.update_webhook(DEFAULT_PROJECT_ID, webhook_id, enabled=True)
    assert (again.enabled, again.disabled_reason) == (True, None)
    receiver.answers(200)
    await process_session(api, "I have a cat.")
    await eventually(lambda: len(receiver.requests) == 2)


async def test_switching_off_ends_what_waits(
    api: MemoryApi, admin: AdminApi, receiver: Receiver, clock: Clock
) -> None:
    webhook_id = await add_webhook(admin)
    receiver.answers(500)
    await process_session(api, "I live in Porto.")
    await eventually(lambda: receiver.requests)
    await admin.update_webhook(DEFAULT_PROJECT_ID, webhook_id, enabled=False)
    (delivery,) = await log(admin, webhook_id)
    assert (delivery.status, delivery.due_at) == (WebhookDeliveryStatus.FAILED, None)
    await admin.update_webhook(DEFAULT_PROJECT_ID, webhook_id, enabled=True)
    clock.advance(3_600)
    await process_session(api, "I have a dog.")
    await eventually(lambda: len(receiver.requests) == 2)
    first, second = receiver.events
    assert first["id"] != second["id"]


# Order


async def test_the_events_of_a_webhook_come_one_by_one_oldest_first(
    api: MemoryApi, admin: AdminApi, receiver: Receiver
) -> None:
    await add_webhook(admin)
    free, under_way = asyncio.Event(), 0

    async def hold(request: httpx.Request) -> httpx.Response:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        await free.wait()
        under_way -= 1
        return httpx.Response(200)

    receiver.answer = hold
    sessions = [
        await process_session(api, text) for text in ("I have a dog.", "I have a cat.", "I sing.")
    ]
    assert len(receiver.requests) == 1
    free.set()
    await eventually(lambda: len(receiver.requests) == 3)
    assert [event["data"]["session_id"] for event in receiver.events] == sessions


async def test_an_event_that_is_refused_and_a_receiver_that_hangs_hold_up_nobody(
    api: MemoryApi, admin: AdminApi, receiver: Receiver
) -> None:
    hanging = await add_webhook(admin)
    await add_webhook(admin, url=OTHER_ADDRESS)
    refused: list[str] = []

    def respond(request: httpx.Request) -> Awaitable[httpx.Response] | httpx.Response:
        if request.url.host == "receiver.test":
            return asyncio.get_running_loop().create_future()
        session_id = json.loads(request.content)["data"]["session_id"]
        refused.append(session_id)
        return httpx.Response(500 if session_id == refused[0] else 200)

    receiver.answer = respond
    sessions = [
        await process_session(api, text) for text in ("I have a dog.", "I have a cat.", "I sing.")
    ]
    await eventually(lambda: len(refused) == 3)
    assert refused == sessions
    waiting = await log(admin, hanging)
    assert {delivery.status for delivery in waiting} == {WebhookDeliveryStatus.PENDING}


# Deletion


async def test_what_was_deleted_is_not_told_any_more(
    api: MemoryApi, admin: AdminApi, receiver: Receiver, clock: Clock, path: Path
) -> None:
    receiver.answers(500)
    await add_webhook(admin)
    await api.create_user("bruno")
    session_id = await process_session(api, "I live in Porto.")
    await process_session(api, "I have a dog.", user="bruno")
    await eventually(lambda: len(receiver.requests) == 2)
    await api.delete_session("alice", session_id)
    await api.delete_user("bruno")
    assert outbox(path) == 0
    clock.advance(3_600)
    await process_session(api, "I sing.")
    await eventually(lambda: len(receiver.requests) == 3)
    assert receiver.events[2]["data"]["session_id"] != session_id


async def test_a_retry_tells_what_there_is_by_then(
    api: MemoryApi, admin: AdminApi, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers(500)
    await add_webhook(admin, WebhookEventType.MERGE_CONFLICT_CREATED)
    await raised(api)
    await eventually(lambda: receiver.requests)
    (memory,) = (await api.list_memories("alice")).items
    await api.delete_memory("alice", memory.memory_id)
    clock.advance(10)
    await eventually(lambda: len(receiver.requests) == 2)
    first, second = receiver.events
    assert first["id"] == second["id"]
    assert first["data"]["conflicting_memories"][0]["content"] == memory.content
    assert second["data"]["conflicting_memories"] == []


async def test_a_deleted_webhook_or_project_is_told_nothing(
    api: MemoryApi, admin: AdminApi, receiver: Receiver, path: Path
) -> None:
    receiver.answers(500)
    webhook_id = await add_webhook(admin)
    await process_session(api, "I live in Porto.")
    await eventually(lambda: receiver.requests)
    await admin.delete_webhook(DEFAULT_PROJECT_ID, webhook_id)
    assert outbox(path) == 0


# Interruption


@asynccontextmanager
async def opened(path: Path, settings: Settings, parts: Parts) -> AsyncIterator[System]:
    opened = await open_system(path, settings, parts)
    yield opened
    await opened.close()


async def test_what_was_noted_down_is_sent_after_a_restart(
    path: Path, settings: Settings, parts: Parts, receiver: Receiver
) -> None:
    async with opened(path, settings, parts) as first:
        api = first.engine(DEFAULT_PROJECT_ID)
        await api.create_user("alice")
        await add_webhook(first.admin)
        await first.webhooks.stop()
        session_id = await process_session(api, "I live in Porto.")
        assert receiver.requests == []
    async with opened(path, settings, parts):
        await eventually(lambda: receiver.requests)
    assert receiver.events[0]["data"]["session_id"] == session_id


async def test_closing_gives_back_what_is_being_sent_and_it_is_sent_again(
    path: Path, settings: Settings, parts: Parts, receiver: Receiver
) -> None:
    receiver.answer = lambda request: asyncio.get_running_loop().create_future()
    async with opened(path, settings, parts) as first:
        api = first.engine(DEFAULT_PROJECT_ID)
        await api.create_user("alice")
        webhook_id = await add_webhook(first.admin)
        await process_session(api, "I live in Porto.")
        await eventually(lambda: receiver.requests)
    receiver.answers(200)
    async with opened(path, settings, parts) as second:
        await eventually(lambda: len(receiver.requests) == 2)

        async def recorded() -> bool:
            (delivery,) = await log(second.admin, webhook_id)
            return delivery.status is WebhookDeliveryStatus.DELIVERED and delivery.attempts == 1

        await eventually(recorded)
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


async def test_a_crash_between_sending_and_recording_sends_again_under_the_same_id(
    api: MemoryApi,
    admin: AdminApi,
    system: System,
    receiver: Receiver,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A crash leaves what an ended lease leaves: a taken delivery of which nothing is recorded."""
    lost = asyncio.Event()

    def lose(*arguments: Any) -> bool:
        lost.set()
        return False

    with monkeypatch.context() as broken:
        broken.setattr(DeliveryRows, "succeed", lose)
        webhook_id = await add_webhook(admin)
        await process_session(api, "I live in Porto.")
        await eventually(lost.is_set)
    assert len(receiver.requests) == 1
    clock.advance(31)
    await eventually(lambda: len(receiver.requests) == 2)
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.content == second.content

    async def recorded() -> bool:
        (delivery,) = await log(admin, webhook_id)
        return (delivery.status, delivery.attempts) == (WebhookDeliveryStatus.DELIVERED, 2)

    await eventually(recorded)


async def test_a_delivery_that_never_ends_is_given_up(
    api: MemoryApi, admin: AdminApi, system: System, receiver: Receiver, clock: Clock
) -> None:
    webhook_id = await add_webhook(admin)
    await system.webhooks.stop()
    await process_session(api, "I live in Porto.")
    store = system.resources.store
    for attempt in range(MAX_ATTEMPTS):
        assert await claimed(store, clock, f"dies-{attempt}") is not None
        assert await claimed(store, clock, "another") is None
        clock.advance(60)
    again = type(system.webhooks)(system.resources)
    again.start()

    async def given_up() -> bool:
        (delivery,) = await log(admin, webhook_id)
        return delivery.attempts > MAX_ATTEMPTS and delivery.due_at is None

    await eventually(given_up)
    await again.stop()
    assert receiver.requests == []


async def claimed(store: Store, clock: Clock, token: str) -> Delivery | None:
    now = clock.now
    return await store.write(
        lambda tx: tx.deliveries.claim(now, now + timedelta(seconds=30), token)
    )


async def test_whoever_lost_the_lease_records_nothing(
    api: MemoryApi, admin: AdminApi, system: System, clock: Clock
) -> None:
    webhook_id = await add_webhook(admin)
    await system.webhooks.stop()
    await process_session(api, "I live in Porto.")
    store = system.resources.store
    late = await claimed(store, clock, "late")
    assert late is not None
    clock.advance(31)
    current = await claimed(store, clock, "current")
    assert current is not None
    (before,) = await log(admin, webhook_id)
    answer, now = WebhookAnswer(200), clock.now
    assert not await store.write(lambda tx: tx.deliveries.succeed(late, answer, now))
    assert not await store.write(lambda tx: tx.deliveries.retry(late, now, answer, now))
    assert not await store.write(lambda tx: tx.deliveries.fail(late, answer, now))
    await store.write(lambda tx: tx.deliveries.release(late))
    assert (await log(admin, webhook_id)) == [before]
    assert await store.write(lambda tx: tx.deliveries.succeed(current, answer, now))
