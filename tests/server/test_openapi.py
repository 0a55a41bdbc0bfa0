"""The document that describes the API, and the page made of it."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.server.conftest import FakeSystem

from hitherto import Settings
from hitherto.server import create_app
from hitherto.server.documentation import render_page

OPERATIONS = {
    "POST /api/v1/users": 201,
    "GET /api/v1/users": 200,
    "GET /api/v1/users/{custom_user_id}": 200,
    "PUT /api/v1/users/{custom_user_id}": 200,
    "DELETE /api/v1/users/{custom_user_id}": 204,
    "POST /api/v1/users/{custom_user_id}/sessions": 201,
    "GET /api/v1/users/{custom_user_id}/sessions": 200,
    "GET /api/v1/users/{custom_user_id}/sessions/{session_id}": 200,
    "PUT /api/v1/users/{custom_user_id}/sessions/{session_id}": 200,
    "DELETE /api/v1/users/{custom_user_id}/sessions/{session_id}": 204,
    "POST /api/v1/users/{custom_user_id}/sessions/{session_id}/add-message": 200,
    "POST /api/v1/users/{custom_user_id}/sessions/{session_id}/process": 200,
    "GET /api/v1/users/{custom_user_id}/sessions/{session_id}/messages": 200,
    "GET /api/v1/users/{custom_user_id}/sessions/{session_id}/context": 200,
    "GET /api/v1/users/{custom_user_id}/memories": 200,
    "GET /api/v1/users/{custom_user_id}/memory/{memory_id}": 200,
    "DELETE /api/v1/users/{custom_user_id}/memory/{memory_id}": 204,
    "GET /api/v1/users/{custom_user_id}/messages": 200,
    "GET /api/v1/users/{custom_user_id}/merge-conflicts": 200,
    "GET /api/v1/users/{custom_user_id}/merge-conflicts/{conflict_id}": 200,
    "POST /api/v1/users/{custom_user_id}/merge-conflicts/{conflict_id}/resolve": 200,
    "GET /api/v1/system-prompt": 200,
}
OWN_OPERATIONS = {
    "GET /api/v1/users/{custom_user_id}/doubtful-memories": 200,
    "POST /api/v1/users/{custom_user_id}/memory/{memory_id}/confirm": 200,
    "POST /api/v1/users/{custom_user_id}/memory/{memory_id}/end": 200,
}
"""What the public contract does not have."""


@pytest.fixture(scope="module")
def document() -> Any:
    return create_app(FakeSystem(None), Settings()).openapi()


def operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_contract_has_its_22_operations_beside_ours_with_their_status_codes(
    document: Any,
) -> None:
    found = {
        name: int(next(status for status in operation["responses"] if status.startswith("2")))
        for name, operation in operations(document)
        if " /api/v1" in name
    }
    assert len(OPERATIONS) == 22
    assert found == OPERATIONS | OWN_OPERATIONS


def test_every_operation_says_what_it_does_and_what_can_go_wrong(document: Any) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    identifiers = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(identifiers)) == len(identifiers)
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert set(operation["tags"]) <= tags, name
        if " /api/v1" in name or " /admin/v1" in name:
            assert operation["responses"].keys() >= {"401", "422", "429", "500", "503"}, name
        if "/{" in name:
            assert "404" in operation["responses"], name
        for status, response in operation["responses"].items():
            assert response["description"], name
            if status != "204":
                assert response["content"]["application/json"]["schema"], (name, status)
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (name, parameter["name"])


def test_a_key_and_its_project_are_needed_together_and_health_needs_neither(
    document: Any,
) -> None:
    for name, operation in operations(document):
        if " /api/v1" in name:
            assert operation["security"] == [{"ApiKey": [], "ProjectId": []}], name
        elif " /admin/v1" in name:
            assert operation["security"] == [{"AdminKey": []}, {"AdminBearer": []}], name
        else:
            assert "security" not in operation, name


def test_every_object_and_field_is_described(document: Any) -> None:
    shapes = document["components"]["schemas"]
    assert "HTTPValidationError" not in shapes
    for name, shape in shapes.items():
        assert shape["description"], name
        for field, described in shape.get("properties", {}).items():
            assert described.get("description"), (name, field)


def test_a_stream_is_documented_beside_the_object(document: Any) -> None:
    context = document["paths"]["/api/v1/users/{custom_user_id}/sessions/{session_id}/context"][
        "get"
    ]["responses"]["200"]["content"]
    assert context.keys() == {"application/json", "text/event-stream"}


async def test_the_document_and_the_page_need_no_key(anonymous: httpx.AsyncClient) -> None:
    document = await anonymous.get("/openapi.json")
    assert document.json()["openapi"].startswith("3.")
    assert (await anonymous.get("/docs")).status_code == 200


async def test_the_page_loads_nothing_and_runs_nothing(anonymous: httpx.AsyncClient) -> None:
    response = await anonymous.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"<script|<link|<img|<iframe|\son\w+=|https?://|@import", response.text)
    assert re.findall(r'href="([^"#]+)"', response.text) == ["openapi.json"]


def test_the_page_shows_every_operation_and_links_only_to_what_is_on_it(document: Any) -> None:
    written = render_page(document)
    for name, operation in operations(document):
        assert f'id="{operation["operationId"]}"' in written, name
    anchors = set(re.findall(r'id="([^"]+)"', written))
    assert set(re.findall(r'href="#([^"]+)"', written)) <= anchors


def test_the_page_escapes_what_it_shows(document: Any) -> None:
    marked = document | {"info": document["info"] | {"title": "<b>x</b>"}}
    assert "<b>" not in render_page(marked)
