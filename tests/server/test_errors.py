"""Every error is a JSON object, and none tells more than it should."""

import logging
from typing import Any

import httpx
import pytest
from tests.server.conftest import FakeSystem, Project, http_for, http_for_fake

from hitherto import Settings
from hitherto.errors import ClosedError, InternalServerError, OverloadedError, StoreError
from hitherto.server import create_app

USER = "/api/v1/users/alice"


class Failing:
    """An engine whose reading of users fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def get_user(self, user_id: str) -> Any:
        raise self._error


@pytest.mark.parametrize(
    ("method", "address", "status", "detail"),
    [
        ("GET", "/", 404, "Not Found"),
        ("GET", "/api/v1", 404, "Not Found"),
        ("GET", "/api/v1/users/", 404, "Not Found"),
        ("GET", "/api/v1/users/alice/", 404, "Not Found"),
        ("PATCH", "/api/v1/users", 405, "Method Not Allowed"),
        ("POST", "/docs", 405, "Method Not Allowed"),
    ],
)
async def test_what_is_not_there_is_told_in_json(
    http: httpx.AsyncClient, method: str, address: str, status: int, detail: str
) -> None:
    response = await http.request(method, address)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"detail": detail}


async def test_an_admin_path_that_is_not_there_is_told_to_those_with_a_key(
    administrator: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    assert (await administrator.get("/admin/v1/projects/")).status_code == 404
    assert (await anonymous.get("/admin/v1/projects/")).status_code == 401


async def test_a_method_that_is_not_allowed_names_those_that_are(http: httpx.AsyncClient) -> None:
    assert (await http.patch("/api/v1/users")).headers["allow"] == "GET, POST"
    assert (await http.patch("/api/v1/users/alice")).headers["allow"] == "DELETE, GET, PUT"
    assert (await http.post("/docs")).headers["allow"] == "GET"


async def test_a_crash_is_500_with_the_id_of_the_request_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = "alice said that her number is 12345"
    with caplog.at_level(logging.ERROR, "hitherto"):
        async with http_for_fake(Failing(RuntimeError(secret))) as http:
            response = await http.get(USER, headers={"X-Request-Id": "call-7"})
    assert response.status_code == 500
    assert response.json() == {"detail": "Internal server error", "request_id": "call-7"}
    assert response.headers["x-request-id"] == "call-7"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "call-7" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "get_user" in caplog.text
    assert secret not in caplog.text
    assert "alice" not in caplog.text


async def test_an_error_of_ours_with_status_500_shows_no_message() -> None:
    async with http_for_fake(Failing(InternalServerError("secret"))) as http:
        response = await http.get(USER)
    assert response.status_code == 500
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (OverloadedError("too much to do"), "too much to do"),
        (ClosedError("closed"), "closed"),
    ],
)
async def test_what_cannot_be_done_now_is_503_and_says_when_to_try_again(
    error: Exception, detail: str
) -> None:
    async with http_for_fake(Failing(error)) as http:
        response = await http.get(USER)
    assert response.status_code == 503
    assert response.json() == {"detail": detail}
    assert int(response.headers["retry-after"]) > 0


async def test_a_database_that_fails_is_500_without_its_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = StoreError("cannot write /srv/memory.db")
    with caplog.at_level(logging.ERROR, "hitherto"):
        async with http_for_fake(Failing(error)) as http:
            response = await http.get(USER, headers={"X-Request-Id": "call-7"})
    assert response.status_code == 500
    assert response.json() == {
        "detail": "The memory cannot be reached now; try again later",
        "request_id": "call-7",
    }
    assert "/srv/memory.db" in caplog.text


async def test_readiness_follows_the_database_and_liveness_does_not() -> None:
    system = FakeSystem(None, failure=StoreError("disk full"))
    async with http_for(create_app(system, Settings())) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        ready = await http.get("/readyz")
    assert ready.status_code == 503
    assert "disk" not in ready.text


async def test_readiness_of_a_working_memory(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/readyz")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Recallr-Api-Key": "rai_wrong"},
        {"X-Recallr-Project-Id": "x"},
        {"X-Recallr-Api-Key": "", "X-Recallr-Project-Id": ""},
        {"X-Recallr-Api-Key": "rai_wrong", "X-Recallr-Project-Id": "not a project"},
        {"X-Recallr-Api-Key": b"rai_\xff", "X-Recallr-Project-Id": b"\xff"},
    ],
)
@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/api/v1/users?limit=0"),
        ("POST", "/api/v1/users"),
        ("GET", "/api/v1/users/nobody/sessions/nothing/context?stream=true"),
        ("GET", "/api/v1/system-prompt?recall_strategy=none"),
    ],
)
async def test_who_has_no_valid_key_learns_nothing_else(
    anonymous: httpx.AsyncClient, method: str, address: str, headers: Any
) -> None:
    response = await anonymous.request(method, address, headers=headers, content=b"{not json")
    assert response.status_code == 401
    assert response.json() == {"detail": "Invalid API key or project ID"}


async def test_a_key_opens_only_its_own_project(
    system: Any, anonymous: httpx.AsyncClient, project: Project
) -> None:
    other = await system.admin.create_project("other")
    headers = project.headers | {"X-Recallr-Project-Id": other.project_id}
    assert (await anonymous.get("/api/v1/users", headers=headers)).status_code == 401


async def test_an_admin_key_does_not_open_the_memories_of_a_project(
    anonymous: httpx.AsyncClient, project: Project
) -> None:
    headers = project.headers | {"X-Recallr-Api-Key": project.admin_key}
    assert (await anonymous.get("/api/v1/users", headers=headers)).status_code == 401


async def test_a_revoked_key_opens_nothing(
    system: Any, http: httpx.AsyncClient, project: Project
) -> None:
    assert (await http.get("/api/v1/users")).status_code == 200
    for key in await system.admin.list_keys(project.project_id):
        await system.admin.revoke_key(key.key_id)
    assert (await http.get("/api/v1/users")).status_code == 401
