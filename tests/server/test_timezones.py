"""The time zone on the wire: there if it was given, and absent for clients that know of none."""

from typing import Any

import httpx
import pytest
from tests.server.conftest import Project

USERS = "/api/v1/users"


def body(response: httpx.Response, noun: str) -> Any:
    return response.json()[noun]


async def test_answers_to_clients_that_give_no_zone_have_none(http: httpx.AsyncClient) -> None:
    made = await http.post(USERS, json={"custom_user_id": "alice"})
    changed = await http.put(f"{USERS}/alice", json={"new_metadata": {"a": 1}})
    read = await http.get(f"{USERS}/alice")
    (listed,) = (await http.get(USERS)).json()["users"]
    names = {"custom_user_id", "metadata", "merge_conflict_enabled", "created_at", "last_active_at"}
    for user in (body(made, "user"), body(changed, "user"), body(read, "user"), listed):
        assert set(user) == names
        # `null` stays where the contract has it.
        assert user["merge_conflict_enabled"] is None
    session = body(await http.post(f"{USERS}/alice/sessions", json={}), "session")
    address = f"{USERS}/alice/sessions/{session['session_id']}"
    for answer in (
        await http.get(address),
        await http.put(address, json={}),
        await http.put(address, json={"new_metadata": {"a": 1}}),
    ):
        assert "timezone" not in body(answer, "session")


async def test_a_zone_is_given_changed_and_taken_away(http: httpx.AsyncClient) -> None:
    given = {"custom_user_id": "alice", "timezone": "Europe/Lisbon"}
    assert body(await http.post(USERS, json=given), "user")["timezone"] == "Europe/Lisbon"
    address = f"{USERS}/alice"
    kept = await http.put(address, json={"new_metadata": {"a": 1}})
    assert body(kept, "user")["timezone"] == "Europe/Lisbon"
    changed = await http.put(address, json={"timezone": "Asia/Tokyo"})
    assert body(changed, "user")["timezone"] == "Asia/Tokyo"
    assert body(changed, "user")["metadata"] == {"a": 1}
    session = body(
        await http.post(f"{address}/sessions", json={"timezone": "America/New_York"}), "session"
    )
    assert session["timezone"] == "America/New_York"
    of_session = f"{address}/sessions/{session['session_id']}"
    context = (await http.get(f"{of_session}/context")).json()["context"]
    assert "(America/New_York)\n" in context
    cleared = await http.put(of_session, json={"timezone": None})
    assert "timezone" not in body(cleared, "session")
    context = (await http.get(f"{of_session}/context")).json()["context"]
    assert "(Asia/Tokyo)\n" in context
    assert "timezone" not in body(await http.put(address, json={"timezone": None}), "user")


async def test_an_operator_sets_the_zone_of_a_user(
    http: httpx.AsyncClient, administrator: httpx.AsyncClient, project: Project
) -> None:
    await http.post(USERS, json={"custom_user_id": "alice"})
    address = f"/admin/v1/projects/{project.project_id}/user?custom_user_id=alice"
    changed = await administrator.patch(address, json={"timezone": "Asia/Tokyo"})
    assert body(changed, "user")["timezone"] == "Asia/Tokyo"
    assert body(await http.get(f"{USERS}/alice"), "user")["timezone"] == "Asia/Tokyo"
    await administrator.patch(address, json={"timezone": None})
    assert "timezone" not in body(await administrator.get(address), "user")


@pytest.mark.parametrize("bad", ["", "Mars/Olympus", "../UTC", "x" * 100_000, 7, ["UTC"], True])
async def test_a_bad_zone_is_422_and_nothing_is_written(http: httpx.AsyncClient, bad: Any) -> None:
    await http.post(USERS, json={"custom_user_id": "alice"})
    session = body(await http.post(f"{USERS}/alice/sessions", json={}), "session")
    given = {"timezone": bad, "new_metadata": {"a": 1}}
    for method, address in (
        ("POST", USERS),
        ("PUT", f"{USERS}/alice"),
        ("POST", f"{USERS}/alice/sessions"),
        ("PUT", f"{USERS}/alice/sessions/{session['session_id']}"),
    ):
        refused = await http.request(method, address, json={"custom_user_id": "bob", **given})
        assert refused.status_code == 422, address
        assert isinstance(refused.json()["detail"], list)
        assert len(refused.content) < 2_000
    users = (await http.get(USERS)).json()
    assert [(user["custom_user_id"], user["metadata"]) for user in users["users"]] == [
        ("alice", {})
    ]
    sessions = (await http.get(f"{USERS}/alice/sessions")).json()["sessions"]
    assert [item["metadata"] for item in sessions] == [{}]
