"""What a client of a server sends for each call, and what it makes of the answer."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from tests.client.scripted import (
    CONFLICT,
    SESSION,
    USER,
    Scripted,
    answer,
    session_answer,
    user_answer,
)

import hitherto
from hitherto.api import ContextRequest
from hitherto.client.http_api import HttpApi
from hitherto.errors import (
    ConnectionError,
    MemoryNotFoundError,
    SessionNotFoundError,
    TimeoutError,
    UserNotFoundError,
    ValidationError,
)
from hitherto.models import (
    MergeConflictAnswer,
    MergeConflictStatus,
    RecallStrategy,
    SessionStatus,
)

DONE = answer(200, {"detail": "done"})
EMPTY_MEMORIES = answer(200, {"items": [], "total": 0, "has_more": False})
CONTEXT = {
    "is_final": True,
    "context": "text",
    "metadata": {"recall_strategy_used": "balanced"},
}


def conflict_answer(**fields: Any) -> Any:
    return answer(200, {"conflict": CONFLICT | fields})


async def test_every_request_carries_key_project_and_the_name_of_the_client() -> None:
    server = Scripted(user_answer())
    await server.api.get_user("alice")
    headers = server.request.headers
    assert headers["X-Recallr-Api-Key"] == "rai_key"
    assert headers["X-Recallr-Project-Id"] == "p-1"
    assert headers["User-Agent"] == f"hitherto/{hitherto.__version__}"
    assert headers["Accept"] == "application/json"


async def test_a_user_is_created_with_a_key_that_lets_the_server_know_it_again() -> None:
    server = Scripted(user_answer(201))
    user = await server.api.create_user("alice", metadata={"plan": "pro"})
    assert server.request.method == "POST"
    assert server.request.url.path == "/api/v1/users"
    assert server.body == {"custom_user_id": "alice", "metadata": {"plan": "pro"}}
    assert server.request.headers["Idempotency-Key"] == "id-1"
    assert user.user_id == "alice"
    assert user.created_at == datetime(2025, 3, 14, 10, tzinfo=UTC)


async def test_an_idempotency_key_of_the_application_is_passed_on() -> None:
    server = Scripted(DONE)
    await server.api.add_message("alice", "s-1", "user", "Hello.", idempotency_key="mine")
    assert server.request.headers["Idempotency-Key"] == "mine"
    assert server.body == {"message": "Hello.", "role": "user"}


@pytest.mark.parametrize("key", ["", "x" * 256, "two\nlines", "é", " padded "])
async def test_an_idempotency_key_that_no_header_can_hold_is_refused(key: str) -> None:
    server = Scripted(user_answer(201))
    with pytest.raises(ValidationError, match="idempotency_key"):
        await server.api.create_user("alice", idempotency_key=key)
    assert server.requests == []


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({}, {}),
        ({"new_metadata": {}}, {"new_metadata": {}}),
        ({"new_user_id": "bob"}, {"new_custom_user_id": "bob"}),
        ({"merge_conflict_enabled": None}, {"merge_conflict_enabled": None}),
        ({"merge_conflict_enabled": False}, {"merge_conflict_enabled": False}),
    ],
)
async def test_only_what_is_given_of_a_user_is_sent(changes: Any, body: Any) -> None:
    server = Scripted(user_answer())
    await server.api.update_user("alice", **changes)
    assert server.request.method == "PUT"
    assert server.body == body


async def test_lists_send_their_filters_as_the_contract_encodes_them() -> None:
    server = Scripted(answer(200, {"users": [USER], "total": 3, "has_more": True}))
    page = await server.api.list_users(
        offset=2, limit=1, metadata_filter={"plan": "pro"}, partial_user_id="AL"
    )
    assert dict(server.request.url.params) == {
        "offset": "2",
        "limit": "1",
        "metadata_filter": '{"plan": "pro"}',
        "partial_user_id": "AL",
    }
    assert (page.total, page.has_more, page.items[0].metadata) == (3, True, {"plan": "pro"})


async def test_a_list_in_the_query_repeats_its_name() -> None:
    server = Scripted(answer(200, {"sessions": [SESSION], "total": 1, "has_more": False}))
    statuses = [SessionStatus.PENDING, SessionStatus.FAILED]
    await server.api.list_sessions("alice", status_filter=statuses)
    assert server.request.url.params.get_list("status_filter") == ["pending", "failed"]
    memories = Scripted(EMPTY_MEMORIES)
    await memories.api.list_memories("alice", categories=["food", "a b&c"], session_id_filter=[])
    assert memories.request.url.params.get_list("categories") == ["food", "a b&c"]
    assert "session_id_filter" not in memories.request.url.params
    assert memories.request.url.params["include_previous_versions"] == "true"


async def test_a_session_says_when_it_took_place_and_may_switch_processing_off() -> None:
    server = Scripted(session_answer(201))
    created_at = datetime(2025, 6, 15, 14, 30, tzinfo=UTC)
    await server.api.create_session(
        "alice", auto_process_after_seconds=None, custom_created_at_utc=created_at
    )
    assert server.body == {
        "metadata": {},
        "auto_process_after_seconds": None,
        "custom_created_at_utc": "2025-06-15T14:30:00+00:00",
    }


@pytest.mark.parametrize(
    "instant",
    [datetime(2025, 6, 15), datetime(2025, 6, 15, tzinfo=timezone(timedelta(hours=1)))],  # noqa: DTZ001
    ids=["naive", "not UTC"],
)
async def test_an_instant_that_is_not_utc_is_refused_before_it_is_sent(instant: datetime) -> None:
    server = Scripted(session_answer(201))
    with pytest.raises(ValidationError, match="custom_created_at_utc"):
        await server.api.create_session("alice", custom_created_at_utc=instant)
    assert server.requests == []


@pytest.mark.parametrize("metadata", [{"at": object}, {"x": float("nan")}, {1: object()}])
async def test_metadata_that_json_cannot_hold_is_refused(metadata: Any) -> None:
    server = Scripted(user_answer(201))
    with pytest.raises(ValidationError, match="JSON"):
        await server.api.create_user("alice", metadata=metadata)
    assert server.requests == []


async def test_a_session_of_a_server_that_does_not_name_its_user_has_it_all_the_same() -> None:
    server = Scripted(answer(200, {"session": {k: SESSION[k] for k in SESSION if k != "user_id"}}))
    assert (await server.api.get_session("alice", "s-1")).user_id == "alice"


async def test_processing_reads_the_session_afterwards() -> None:
    server = Scripted(DONE, session_answer(status="processing"))
    session = await server.api.process("alice", "s-1")
    assert [(request.method, request.url.path) for request in server.requests] == [
        ("POST", "/api/v1/users/alice/sessions/s-1/process"),
        ("GET", "/api/v1/users/alice/sessions/s-1"),
    ]
    assert session.status is SessionStatus.PROCESSING


async def test_a_context_is_asked_for_with_every_parameter_that_is_set() -> None:
    server = Scripted(answer(200, CONTEXT))
    request = ContextRequest(
        recall_strategy=RecallStrategy.LOW_LATENCY,
        last_n_messages=3,
        timezone="America/New_York",
        include_system_prompt=False,
        max_tokens=900,
    )
    response = await server.api.get_context("alice", "s-1", request)
    assert dict(server.request.url.params) == {
        "recall_strategy": "low_latency",
        "min_top_k": "15",
        "max_top_k": "50",
        "memories_threshold": "0.6",
        "summaries_threshold": "0.5",
        "last_n_messages": "3",
        "timezone": "America/New_York",
        "include_system_prompt": "false",
        "include_metadata_ids": "false",
        "max_tokens": "900",
    }
    assert response.context == "text"
    assert response.metadata is not None
    assert response.metadata.recall_strategy_used is RecallStrategy.BALANCED


async def test_answers_to_a_conflict_go_in_the_envelope_of_the_released_clients() -> None:
    server = Scripted(conflict_answer(status="IN_QUEUE"))
    answers = [MergeConflictAnswer(question="Where?", answer="Porto")]
    conflict = await server.api.resolve_merge_conflict("alice", "c-1", answers)
    assert server.request.url.path == "/api/v1/users/alice/merge-conflicts/c-1/resolve"
    assert server.body == {
        "answers": {
            "question_answers": [{"question": "Where?", "answer": "Porto", "message": None}]
        }
    }
    assert conflict.status is MergeConflictStatus.IN_QUEUE


ODD_IDS = ["a b", "ä…", "100%", "a?b#c", "%2F", ".", "..", "a.b", "x;y=1&z", "a\nb"]


@pytest.mark.parametrize("user_id", ODD_IDS)
async def test_an_id_of_any_characters_stays_one_segment_of_the_path(user_id: str) -> None:
    server = Scripted(user_answer())
    await server.api.get_user(user_id)
    raw = server.request.url.raw_path.decode().removeprefix("/api/v1/users/")
    assert "/" not in raw
    assert "?" not in raw
    assert server.request.url.path.removeprefix("/api/v1/users/") == user_id


@pytest.mark.parametrize("odd", ["", "a/b", "\ud800", "x" * 256, 5])
async def test_an_id_that_no_path_can_hold_is_the_id_of_nothing(odd: Any) -> None:
    server = Scripted(user_answer())
    api = server.api
    with pytest.raises(UserNotFoundError):
        await api.get_user(odd)
    with pytest.raises(UserNotFoundError):
        await api.get_messages(odd, "s-1")
    with pytest.raises(SessionNotFoundError):
        await api.add_message("alice", odd, "user", "Hello.")
    with pytest.raises(MemoryNotFoundError):
        await api.get_memory("alice", odd)
    assert server.requests == []


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.delete_user("alice"),
        lambda api: api.delete_session("alice", "s-1"),
        lambda api: api.delete_memory("alice", "m-1", delete_previous_versions=True),
    ],
    ids=["user", "session", "memory"],
)
async def test_deletions_expect_no_body(call: Callable[[HttpApi], Awaitable[None]]) -> None:
    server = Scripted(answer(204))
    await call(server.api)
    assert server.request.method == "DELETE"


async def test_the_path_of_a_base_url_is_kept() -> None:
    server = Scripted(user_answer())
    client = hitherto.AsyncHitherto(
        "https://memory.test/prefix/", api_key="rai_key", project_id="p-1", parts=server.parts
    )
    async with client:
        await client.get_user("alice")
    assert str(server.request.url) == "https://memory.test/prefix/api/v1/users/alice"


@pytest.mark.parametrize(
    "body", [b"<html>hello</html>", b"[]", b'{"user": {}}', b"", b"\xff"], ids=repr
)
async def test_a_success_that_is_not_of_the_contract_is_a_connection_error(body: bytes) -> None:
    server = Scripted(lambda _: httpx.Response(200, content=body))
    with pytest.raises(ConnectionError, match="not an answer of Hitherto"):
        await server.api.get_user("alice")


def users_page(count: int, total: int, offset: int) -> Any:
    users = [USER | {"custom_user_id": f"user-{offset + n}"} for n in range(count)]
    return answer(200, {"users": users, "total": total, "has_more": offset + count < total})


async def test_waiting_asks_all_users_then_the_busy_ones_and_then_all_again() -> None:
    looks = {"user-1": 3}

    def respond(request: Any) -> Any:
        path = request.url.path
        if path == "/api/v1/users":
            offset = int(request.url.params["offset"])
            return users_page(min(100, 102 - offset), 102, offset)
        user_id = path.split("/")[4]
        assert request.url.params["status_filter"] == "processing"
        left = looks.get(user_id, 0)
        looks[user_id] = max(0, left - 1)
        return answer(200, {"sessions": [], "total": min(left, 1), "has_more": False})

    server = Scripted(respond)
    await server.api.wait_until_processed()
    asked = [request.url.path for request in server.requests]
    assert asked.count("/api/v1/users") == 4
    assert asked.count("/api/v1/users/user-1/sessions") == 5
    assert asked.count("/api/v1/users/user-101/sessions") == 2
    assert server.waits_s == [0.1, 0.2, 0.4]


async def test_waiting_ends_with_a_timeout_error_when_the_time_is_up() -> None:
    server = Scripted(
        lambda request: (
            users_page(1, 1, 0)
            if request.url.path == "/api/v1/users"
            else answer(200, {"sessions": [SESSION], "total": 1, "has_more": False})
        )
    )
    with pytest.raises(TimeoutError, match="still being processed"):
        await server.api.wait_until_processed(timeout_s=12)
    assert sum(server.waits_s) == pytest.approx(12)


async def test_a_user_deleted_while_waiting_is_not_waited_for() -> None:
    server = Scripted(
        lambda request: (
            users_page(1, 1, 0)
            if request.url.path == "/api/v1/users"
            else answer(404, {"detail": "User user-0 not found"})
        )
    )
    await server.api.wait_until_processed(timeout_s=1)
    assert server.waits_s == []
