"""A refusal of the server becomes the error that the embedded system raises for the same."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from tests.client.scripted import Scripted, answer

from hitherto import errors
from hitherto.api import ContextRequest
from hitherto.client.http_api import HttpApi

Call = Callable[[HttpApi], Awaitable[Any]]


async def streamed(api: HttpApi) -> None:
    async for _ in api.get_context_stream("alice", "s-1", ContextRequest()):
        pass


USER_CALLS: dict[str, Call] = {
    "get user": lambda api: api.get_user("alice"),
    "update user": lambda api: api.update_user("alice"),
    "delete user": lambda api: api.delete_user("alice"),
    "create session": lambda api: api.create_session("alice"),
    "list sessions": lambda api: api.list_sessions("alice"),
    "list memories": lambda api: api.list_memories("alice"),
    "messages": lambda api: api.get_last_n_messages("alice", 5),
    "list conflicts": lambda api: api.list_merge_conflicts("alice"),
}
SESSION_CALLS: dict[str, Call] = {
    "get session": lambda api: api.get_session("alice", "s-1"),
    "update session": lambda api: api.update_session("alice", "s-1", {}),
    "delete session": lambda api: api.delete_session("alice", "s-1"),
    "add message": lambda api: api.add_message("alice", "s-1", "user", "Hi."),
    "get messages": lambda api: api.get_messages("alice", "s-1"),
    "process": lambda api: api.process("alice", "s-1"),
    "context": lambda api: api.get_context("alice", "s-1", ContextRequest()),
    "stream": streamed,
}
MEMORY_CALLS: dict[str, Call] = {
    "get memory": lambda api: api.get_memory("alice", "m-1"),
    "delete memory": lambda api: api.delete_memory("alice", "m-1"),
}
CONFLICT_CALLS: dict[str, Call] = {
    "get conflict": lambda api: api.get_merge_conflict("alice", "c-1"),
    "resolve": lambda api: api.resolve_merge_conflict("alice", "c-1", []),
}
CREATE_USER: Call = lambda api: api.create_user("alice")  # noqa: E731
RESOLVE = CONFLICT_CALLS["resolve"]
ALL = {"create user": CREATE_USER} | USER_CALLS | SESSION_CALLS | MEMORY_CALLS | CONFLICT_CALLS


async def refused(call: Call, status: int, detail: Any) -> errors.RecallrAIError:
    server = Scripted(answer(status, {"detail": detail}))
    with pytest.raises(errors.RecallrAIError) as caught:
        await call(server.api)
    return caught.value


@pytest.mark.parametrize("call", ALL.values(), ids=ALL.keys())
async def test_a_missing_user_is_told_apart_on_every_path(call: Call) -> None:
    error = await refused(call, 404, "User alice not found")
    assert type(error) is errors.UserNotFoundError
    assert (error.message, error.http_status) == ("User alice not found", 404)


@pytest.mark.parametrize(
    ("call", "kind", "detail"),
    [
        *((call, errors.SessionNotFoundError, "Session s-1") for call in SESSION_CALLS.values()),
        *((call, errors.MemoryNotFoundError, "Memory m-1") for call in MEMORY_CALLS.values()),
        *(
            (call, errors.MergeConflictNotFoundError, "Merge conflict c-1")
            for call in CONFLICT_CALLS.values()
        ),
    ],
)
async def test_what_is_missing_below_a_user_has_its_own_error(
    call: Call, kind: type[Exception], detail: str
) -> None:
    error = await refused(call, 404, f"{detail} not found")
    assert type(error) is kind
    assert error.message == f"{detail} not found"


EVERYWHERE = [
    (401, errors.AuthenticationError),
    (403, errors.AuthenticationError),
    (413, errors.ValidationError),
    (422, errors.ValidationError),
    (429, errors.RateLimitError),
    (500, errors.InternalServerError),
    (503, errors.UnavailableError),
    (418, errors.RecallrAIError),
]


@pytest.mark.parametrize(("status", "kind"), EVERYWHERE)
@pytest.mark.parametrize("call", ALL.values(), ids=ALL.keys())
async def test_a_status_that_means_the_same_everywhere(
    call: Call, status: int, kind: type[Exception]
) -> None:
    error = await refused(call, status, "because of this")
    assert type(error) is kind
    assert (error.message, error.http_status) == ("because of this", status)


@pytest.mark.parametrize("name", ["add message", "process"])
async def test_a_400_of_a_session_is_about_its_state(name: str) -> None:
    error = await refused(SESSION_CALLS[name], 400, "Cannot process session")
    assert type(error) is errors.InvalidSessionStateError


@pytest.mark.parametrize("call", [CREATE_USER, USER_CALLS["update user"]])
async def test_a_409_is_about_a_user_that_exists(call: Call) -> None:
    error = await refused(call, 409, "User with ID alice already exists")
    assert type(error) is errors.UserAlreadyExistsError


async def test_unknown_categories_are_named() -> None:
    detail = {"message": "Unknown categories", "invalid_categories": ["fod"]}
    error = await refused(USER_CALLS["list memories"], 400, detail)
    assert isinstance(error, errors.InvalidCategoriesError)
    assert (error.message, error.invalid_categories) == ("Unknown categories", ["fod"])


async def test_a_400_of_memories_without_categories_is_not_about_them() -> None:
    error = await refused(USER_CALLS["list memories"], 400, "odd")
    assert type(error) is errors.RecallrAIError


@pytest.mark.parametrize(
    ("detail", "kind"),
    [
        ("Merge conflict c-1 is already resolved", errors.MergeConflictAlreadyResolvedError),
        (
            "Invalid questions provided. The following questions do not match the original "
            "questions: ['Invalid answer']",
            errors.MergeConflictInvalidQuestionsError,
        ),
        (
            "Missing answers for the following questions: ['Where?']",
            errors.MergeConflictMissingAnswersError,
        ),
        (
            "Invalid answer 'Rome' for question 'Where?'. Valid options are: ['Porto']",
            errors.MergeConflictInvalidAnswerError,
        ),
        ("something else", errors.RecallrAIError),
    ],
)
async def test_a_refused_resolution_is_told_apart_by_its_text(
    detail: str, kind: type[Exception]
) -> None:
    error = await refused(RESOLVE, 400, detail)
    assert type(error) is kind
    assert (error.message, error.http_status) == (detail, 400)


async def test_a_list_of_faults_becomes_a_sentence() -> None:
    faults = [
        {"loc": ["query", "limit"], "msg": "Input should be less than 101", "type": "x"},
        {"loc": ["body"], "msg": "Value error, min_top_k 20 is above max_top_k 10", "type": "x"},
        {"loc": ["body", "metadata", "k"], "msg": "metadata.k is odd", "type": "x"},
    ]
    error = await refused(USER_CALLS["get user"], 422, faults)
    assert error.message == (
        "limit: Input should be less than 101; min_top_k 20 is above max_top_k 10; "
        "metadata.k is odd"
    )


@pytest.mark.parametrize("detail", [None, [], {}, "", 5, [3]])
async def test_a_refusal_without_a_reason_has_a_message_all_the_same(detail: Any) -> None:
    error = await refused(USER_CALLS["get user"], 404, detail)
    assert type(error) is errors.UserNotFoundError
    assert "404" in error.message


FOREIGN = {
    "html": httpx.Response(500, text="<html>Oops</html>"),
    "text": httpx.Response(404, text="404 page not found"),
    "list": httpx.Response(400, json=["no"]),
    "gateway": httpx.Response(502, text="<html>Bad gateway</html>"),
    "redirect": httpx.Response(307, headers={"Location": "https://elsewhere.test/"}),
}


@pytest.mark.parametrize("response", FOREIGN.values(), ids=FOREIGN.keys())
async def test_an_answer_that_is_not_the_servers_is_a_connection_error(
    response: httpx.Response,
) -> None:
    server = Scripted(response)
    with pytest.raises(
        errors.ConnectionError, match="not an answer of Hitherto; check the address"
    ):
        await server.api.get_user("alice")


async def test_a_refused_connection_names_the_address_and_no_query() -> None:
    server = Scripted(httpx.ConnectError("All connection attempts failed"))
    with pytest.raises(errors.ConnectionError, match=r"http://memory\.test/api/v1/users:") as told:
        await server.api.list_users(partial_user_id="secret")
    assert told.value.http_status == 0
    assert "secret" not in told.value.message


async def test_an_answer_that_cannot_be_unpacked_is_a_connection_error() -> None:
    server = Scripted(
        lambda _: httpx.Response(200, content=b"x", headers={"Content-Encoding": "gzip"})
    )
    with pytest.raises(errors.ConnectionError):
        await server.api.get_user("alice")
