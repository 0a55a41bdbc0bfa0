"""When a request is sent again, how long is waited before, and when it must not be."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from tests.client.scripted import CONFLICT, Scripted, answer, session_answer, user_answer

from hitherto.api import ContextRequest
from hitherto.client.http_api import HttpApi
from hitherto.errors import (
    ClosedError,
    ConnectionError,
    OverloadedError,
    RateLimitError,
    TimeoutError,
    UnavailableError,
    UserNotFoundError,
)

Call = Callable[[HttpApi], Awaitable[Any]]

BUSY = {"detail": "The server has too much to do; try again later"}
LOST = httpx.RemoteProtocolError("Server disconnected without sending a response.")
REFUSED = httpx.ConnectError("All connection attempts failed")

REPEATABLE: dict[str, tuple[Call, httpx.Response]] = {
    "read": (lambda api: api.get_user("alice"), user_answer()),
    "create user": (lambda api: api.create_user("alice"), user_answer(201)),
    "create session": (lambda api: api.create_session("alice"), session_answer(201)),
    "message": (lambda api: api.add_message("alice", "s-1", "user", "Hi."), answer(200, {})),
    "delete": (lambda api: api.delete_user("alice"), answer(204)),
}
NOT_REPEATABLE: dict[str, tuple[Call, httpx.Response]] = {
    "process": (lambda api: api.process("alice", "s-1"), session_answer()),
    "resolve": (
        lambda api: api.resolve_merge_conflict("alice", "c-1", []),
        answer(200, {"conflict": CONFLICT}),
    ),
    "update": (lambda api: api.update_user("alice", new_user_id="bob"), user_answer()),
}
FAILURES = {
    "lost": LOST,
    "reset": httpx.ReadError(""),
    "429": answer(429, {"detail": "Too many requests"}),
    "502": httpx.Response(502, text="<html>Bad gateway</html>"),
    "503": answer(503, BUSY),
    "504": httpx.Response(504, text="late"),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
@pytest.mark.parametrize(("call", "success"), REPEATABLE.values(), ids=REPEATABLE.keys())
async def test_what_does_no_harm_is_sent_again(call: Call, success: Any, failure: Any) -> None:
    server = Scripted(failure, failure, success)
    await call(server.api)
    assert len(server.requests) == 3
    assert len({request.headers.get("Idempotency-Key") for request in server.requests}) == 1
    assert len({request.content for request in server.requests}) == 1


async def test_the_third_failure_is_told() -> None:
    server = Scripted(LOST)
    with pytest.raises(ConnectionError, match="disconnected"):
        await server.api.get_user("alice")
    assert len(server.requests) == 3


@pytest.mark.parametrize("failure", [LOST, FAILURES["502"], FAILURES["503"], FAILURES["504"]])
@pytest.mark.parametrize(("call", "success"), NOT_REPEATABLE.values(), ids=NOT_REPEATABLE.keys())
async def test_what_may_have_been_done_is_not_sent_again(
    call: Call, success: Any, failure: Any
) -> None:
    server = Scripted(failure, success)
    with pytest.raises((ConnectionError, UnavailableError)):
        await call(server.api)
    assert len(server.requests) == 1


@pytest.mark.parametrize("failure", [REFUSED, FAILURES["429"]], ids=["refused", "429"])
@pytest.mark.parametrize(("call", "success"), NOT_REPEATABLE.values(), ids=NOT_REPEATABLE.keys())
async def test_what_was_turned_away_unread_is_sent_again(
    call: Call, success: Any, failure: Any
) -> None:
    server = Scripted(failure, success)
    await call(server.api)
    assert [request.method for request in server.requests[:2]] == [server.requests[0].method] * 2


@pytest.mark.parametrize("status", [400, 401, 404, 408, 409, 422, 500, 501])
async def test_a_refusal_that_would_come_again_is_told_at_once(status: int) -> None:
    server = Scripted(answer(status, {"detail": "no"}), user_answer())
    with pytest.raises(Exception, match="no"):
        await server.api.get_user("alice")
    assert len(server.requests) == 1


@pytest.mark.parametrize("failure", [httpx.ReadTimeout(""), httpx.ConnectTimeout("")])
async def test_a_timeout_is_told_at_once(failure: Exception) -> None:
    server = Scripted(failure)
    with pytest.raises(TimeoutError, match="30 s") as caught:
        await server.api.get_user("alice")
    assert caught.value.http_status == 0
    assert len(server.requests) == 1


async def test_the_wait_doubles_and_chance_spreads_it() -> None:
    server = Scripted(LOST)
    with pytest.raises(ConnectionError):
        await server.api.get_user("alice")
    assert server.waits_s == [0.125, 0.25]


async def test_retry_after_is_waited_for_before_the_spread() -> None:
    server = Scripted(answer(429, {"detail": "slow"}, Retry_After="7"), user_answer())
    await server.api.get_user("alice")
    assert server.waits_s == [7.125]


async def test_a_server_that_wants_more_time_than_the_bound_is_not_waited_for() -> None:
    server = Scripted(answer(429, {"detail": "slow"}, Retry_After="3600"))
    with pytest.raises(RateLimitError, match="slow") as caught:
        await server.api.get_user("alice")
    assert caught.value.retry_after_s == 3600
    assert (len(server.requests), server.waits_s) == (1, [])


async def test_a_date_to_retry_after_counts_from_the_date_of_the_answer() -> None:
    dates = {
        "Date": "Fri, 14 Mar 2025 10:00:00 GMT",
        "Retry_After": "Fri, 14 Mar 2025 10:00:05 GMT",
    }
    server = Scripted(answer(503, BUSY, **dates), user_answer())
    await server.api.get_user("alice")
    assert server.waits_s == [5.125]


@pytest.mark.parametrize("told", ["soon", "", "nan", "inf", "-3", "Fri, 14 Mar 2025 10:00:00 GMT"])
async def test_a_retry_after_that_says_nothing_is_as_none(told: str) -> None:
    server = Scripted(answer(503, BUSY, Retry_After=told), user_answer())
    await server.api.get_user("alice")
    assert server.waits_s == [0.125]


async def test_overload_is_told_with_the_time_to_come_again() -> None:
    server = Scripted(answer(503, BUSY, Retry_After="2"))
    with pytest.raises(OverloadedError, match="too much to do") as caught:
        await server.api.get_user("alice")
    assert caught.value.retry_after_s == 2
    assert caught.value.http_status == 503


MISSING = answer(404, {"detail": "User alice not found"})


@pytest.mark.parametrize("failure", [LOST, answer(503, BUSY)], ids=["lost", "503"])
async def test_what_a_repeated_deletion_does_not_find_was_deleted(failure: Any) -> None:
    server = Scripted(failure, MISSING)
    await server.api.delete_user("alice")
    assert len(server.requests) == 2


@pytest.mark.parametrize("failure", [REFUSED, FAILURES["429"]], ids=["refused", "429"])
async def test_a_deletion_that_cannot_have_begun_still_tells_that_nothing_is_there(
    failure: Any,
) -> None:
    server = Scripted(failure, MISSING)
    with pytest.raises(UserNotFoundError):
        await server.api.delete_user("alice")


async def test_a_repeated_read_still_tells_that_nothing_is_there() -> None:
    server = Scripted(LOST, MISSING)
    with pytest.raises(UserNotFoundError):
        await server.api.get_user("alice")


async def test_each_creation_has_a_key_of_its_own() -> None:
    server = Scripted(user_answer(201))
    api = server.api
    await api.create_user("alice")
    await api.create_user("alice")
    keys = [request.headers["Idempotency-Key"] for request in server.requests]
    assert keys == ["id-1", "id-2"]


async def test_a_closed_client_says_so_and_closes_twice() -> None:
    server = Scripted(user_answer())
    api = server.api
    await api.close()
    await api.close()
    with pytest.raises(ClosedError):
        await api.get_user("alice")
    with pytest.raises(ClosedError):
        await anext(api.get_context_stream("alice", "s-1", _request()))
    assert server.requests == []


def _request() -> ContextRequest:
    return ContextRequest()
