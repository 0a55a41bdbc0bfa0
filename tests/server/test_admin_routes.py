"""The admin API."""

from typing import Any

import httpx
import pytest
from tests.server.conftest import Project

PROJECTS = "/admin/v1/projects"
KEYS = "/admin/v1/keys"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hitherto-Admin-Key": "rca_wrong"},
        {"X-Hitherto-Admin-Key": ""},
        {"Authorization": "Bearer rca_wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic cmNhX3dyb25n"},
    ],
)
@pytest.mark.parametrize(("method", "address"), [("GET", PROJECTS), ("POST", KEYS)])
async def test_nobody_enters_without_an_admin_key(
    anonymous: httpx.AsyncClient, method: str, address: str, headers: dict[str, str]
) -> None:
    response = await anonymous.request(method, address, headers=headers)
    assert response.status_code == 401
    assert response.json() == {"detail": "Invalid admin key"}


async def test_a_key_of_a_project_does_not_open_it(
    anonymous: httpx.AsyncClient, project: Project
) -> None:
    headers = project.headers | {"X-Hitherto-Admin-Key": project.api_key}
    assert (await anonymous.get(PROJECTS, headers=headers)).status_code == 401


async def test_the_key_may_come_as_a_bearer_token(
    anonymous: httpx.AsyncClient, project: Project
) -> None:
    headers = {"Authorization": f"bearer {project.admin_key}"}
    assert (await anonymous.get(PROJECTS, headers=headers)).status_code == 200


async def test_a_project_is_created_read_changed_and_deleted(
    administrator: httpx.AsyncClient,
) -> None:
    created = await administrator.post(PROJECTS, json={"name": "shop"})
    assert created.status_code == 201
    project = created.json()["project"]
    assert (project["name"], project["merge_conflict_enabled"]) == ("shop", False)
    address = f"{PROJECTS}/{project['project_id']}"
    changed = await administrator.patch(address, json={"merge_conflict_enabled": True})
    assert changed.json()["project"] == project | {"merge_conflict_enabled": True}
    renamed = await administrator.patch(address, json={"name": "store"})
    assert renamed.json()["project"]["merge_conflict_enabled"] is True
    assert (await administrator.get(address)).json() == renamed.json()
    listed = (await administrator.get(PROJECTS)).json()["projects"]
    assert renamed.json()["project"] in listed
    deleted = await administrator.delete(address)
    assert (deleted.status_code, deleted.content) == (204, b"")
    gone = await administrator.get(address)
    assert gone.status_code == 404
    assert isinstance(gone.json()["detail"], str)


async def test_a_new_key_opens_its_project_until_it_is_revoked(
    administrator: httpx.AsyncClient, anonymous: httpx.AsyncClient, project: Project
) -> None:
    address = f"{PROJECTS}/{project.project_id}/keys"
    made = (await administrator.post(address, json={"name": "web"})).json()
    assert made["api_key"].startswith("rai_")
    headers = project.headers | {"X-Recallr-Api-Key": made["api_key"]}
    assert (await anonymous.get("/api/v1/users", headers=headers)).status_code == 200
    listed = await administrator.get(address)
    assert made["api_key"] not in listed.text
    assert made["key"] in listed.json()["keys"]
    revoked = await administrator.post(f"{KEYS}/{made['key']['key_id']}/revoke")
    assert revoked.json()["key"]["revoked_at"] is not None
    assert (await anonymous.get("/api/v1/users", headers=headers)).status_code == 401
    assert (await administrator.post(f"{KEYS}/nothing/revoke")).status_code == 404


async def test_an_admin_key_makes_another(
    administrator: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    made = (await administrator.post(KEYS, json={})).json()
    assert made["api_key"].startswith("rca_")
    assert made["key"]["project_id"] is None
    headers = {"X-Hitherto-Admin-Key": made["api_key"]}
    listed = (await anonymous.get(KEYS, headers=headers)).json()["keys"]
    assert made["key"] in listed


async def test_categories_are_kept_by_name(
    administrator: httpx.AsyncClient, project: Project
) -> None:
    address = f"{PROJECTS}/{project.project_id}/categories"
    body = {"name": "food", "description": "What the user eats."}
    created = await administrator.post(address, json=body)
    assert created.status_code == 201
    category = created.json()["category"]
    again = await administrator.post(address, json=body)
    assert again.status_code == 409
    one = f"{address}/{category['category_id']}"
    changed = (await administrator.patch(one, json={"name": "meals"})).json()["category"]
    assert changed == category | {"name": "meals"}
    assert (await administrator.get(address)).json()["categories"] == [changed]
    assert (await administrator.delete(one)).status_code == 204
    assert (await administrator.delete(one)).status_code == 404


async def test_preferences_are_replaced_as_a_whole(
    administrator: httpx.AsyncClient, project: Project
) -> None:
    address = f"{PROJECTS}/{project.project_id}/generation-preferences"
    empty = (await administrator.get(address)).json()
    assert len(empty) == 6
    assert all(texts == [] for texts in empty.values())
    body = {"inclusion_instructions": ["Remember what the user eats."]}
    replaced = await administrator.put(address, json=body)
    assert replaced.json() == empty | body
    assert (await administrator.get(address)).json() == replaced.json()
    many = {"negative_examples": ["x"] * 101}
    assert (await administrator.put(address, json=many)).status_code == 422
    assert (await administrator.put(address, json={"negative_examples": [""]})).status_code == 422


async def test_counters_count_by_status(
    administrator: httpx.AsyncClient, http: httpx.AsyncClient, project: Project
) -> None:
    await http.post("/api/v1/users", json={"custom_user_id": "alice"})
    await http.post("/api/v1/users/alice/sessions", json={})
    counters: dict[str, Any] = (
        await administrator.get(f"{PROJECTS}/{project.project_id}/counters")
    ).json()
    assert counters == {
        "users": 1,
        "messages": 0,
        "memories": 0,
        "sessions": {"pending": 1},
        "merge_conflicts": {},
    }


async def test_only_what_failed_is_tried_again(
    administrator: httpx.AsyncClient, http: httpx.AsyncClient, project: Project
) -> None:
    await http.post("/api/v1/users", json={"custom_user_id": "alice"})
    session = (await http.post("/api/v1/users/alice/sessions", json={})).json()["session"]
    users = f"{PROJECTS}/{project.project_id}/users"
    pending = await administrator.post(f"{users}/alice/sessions/{session['session_id']}/retry")
    assert pending.status_code == 400
    for missing in ("bob/sessions/x", "alice/sessions/x", "alice/merge-conflicts/x"):
        assert (await administrator.post(f"{users}/{missing}/retry")).status_code == 404


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 256}, {"name": 7}, []])
@pytest.mark.refused_unread
async def test_a_project_without_a_proper_name_is_422(
    administrator: httpx.AsyncClient, body: Any
) -> None:
    response = await administrator.post(PROJECTS, json=body)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][0] == "body"
