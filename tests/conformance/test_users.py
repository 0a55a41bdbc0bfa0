"""Checks 19 to 42: users."""

import json
from datetime import datetime
from typing import Any

import pytest
from tests.conformance.drivers import (
    OURS,
    REMOTE,
    Driver,
    Raw,
    remote_driver,
)
from tests.conformance.service import Service

KEYS = {"custom_user_id", "metadata", "merge_conflict_enabled", "created_at", "last_active_at"}
SIX = [f"user-{number}" for number in range(6)]


async def ids(raw: Raw, query: str) -> list[str]:
    """The ids of a page of users."""
    answer = await raw.get(f"/users?{query}")
    assert answer.status_code == 200, answer.text
    return [user["custom_user_id"] for user in answer.json()["users"]]


def filtered(wanted: Any) -> str:
    """A metadata filter as a query."""
    return f"metadata_filter={json.dumps(wanted)}"


@pytest.mark.check(19)
async def test_an_id_alone_makes_a_user(raw: Raw) -> None:
    answer = await raw.post("/users", json={"custom_user_id": "alice"})
    assert answer.status_code == 201
    user = answer.json()["user"]
    assert user["custom_user_id"] == "alice"
    assert user["metadata"] == {}
    assert user["merge_conflict_enabled"] is None


@pytest.mark.check(19)
async def test_a_user_made_with_an_id_alone_has_no_more_than_that(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    assert (user.user_id, user.metadata, user.merge_conflict_enabled) == ("alice", {}, None)


@pytest.mark.check(20)
@pytest.mark.parametrize("enabled", [True, False])
async def test_metadata_and_the_switch_come_back(driver: Driver, enabled: bool) -> None:
    metadata = {"plan": "pro", "seats": 3, "ratio": 0.5, "tags": ["a", {"b": []}], "ü": "日本"}
    made = await driver.client.create_user(
        "alice", metadata=metadata, merge_conflict_enabled=enabled
    )
    read = await driver.client.get_user("alice")
    for user in (made, read):
        assert user.metadata == metadata
        assert user.merge_conflict_enabled is enabled


@pytest.mark.check(21)
async def test_nulls_inside_metadata_survive(driver: Driver) -> None:
    metadata = {"k": None, "deep": {"k": None, "list": [None, 1]}}
    user = await driver.client.create_user("alice", metadata=metadata)
    assert user.metadata == metadata
    assert (await driver.client.get_user("alice")).metadata == metadata
    session = await user.create_session(metadata=metadata)
    assert (await user.get_session(session.session_id)).metadata == metadata


@pytest.mark.check(22)
async def test_a_user_has_all_keys_in_an_envelope(raw: Raw) -> None:
    made = await raw.post("/users", json={"custom_user_id": "alice", "metadata": {"a": 1}})
    read = await raw.get("/users/alice")
    changed = await raw.put("/users/alice", json={})
    for answer in (made, read, changed):
        assert set(answer.json()) == {"user"}
        user = answer.json()["user"]
        assert set(user) >= KEYS
        assert user["metadata"] == {"a": 1}
        assert datetime.fromisoformat(user["created_at"]) <= datetime.fromisoformat(
            user["last_active_at"]
        )
    (listed,) = (await raw.get("/users")).json()["users"]
    assert set(listed) >= KEYS


@pytest.mark.check(23)
async def test_a_second_user_with_the_same_id_is_refused(driver: Driver) -> None:
    await driver.client.create_user("alice", metadata={"first": True})
    with pytest.raises(driver.errors.UserAlreadyExistsError) as refused:
        await driver.client.create_user("alice", metadata={"first": False})
    assert refused.value.http_status == 409
    assert "alice" in refused.value.message
    assert (await driver.client.get_user("alice")).metadata == {"first": True}


@pytest.mark.check(23)
async def test_ids_are_told_apart_by_case(driver: Driver) -> None:
    await driver.client.create_user("alice")
    await driver.client.create_user("Alice")
    assert (await driver.client.list_users()).total == 2


@pytest.mark.check(24)
@pytest.mark.drivers(*REMOTE)
async def test_users_of_two_projects_share_nothing(driver: Driver, service: Service) -> None:
    async with remote_driver(driver.name, service, service.project()) as other:
        here = await driver.client.create_user("alice", metadata={"side": "here"})
        there = await other.client.create_user("alice", metadata={"side": "there"})
        session = await driver.told(here, "I live in Porto.")
        assert (await there.list_sessions()).total == 0
        assert (await there.list_memories()).total == 0
        with pytest.raises(other.errors.SessionNotFoundError):
            await there.get_session(session.session_id)
        await there.delete()
        assert (await driver.client.get_user("alice")).metadata == {"side": "here"}
        assert (await here.list_memories()).total == 1
        assert (await other.client.list_users()).total == 0


@pytest.mark.check(25)
async def test_an_empty_or_missing_id_is_answered_with_422(raw: Raw) -> None:
    for body in ({}, {"custom_user_id": ""}, {"custom_user_id": None}, {"custom_user_id": 7}):
        answer = await raw.post("/users", json=body)
        assert answer.status_code == 422, body
    await raw.user()
    assert (await raw.put("/users/alice", json={"new_custom_user_id": ""})).status_code == 422
    assert await ids(raw, "limit=10") == ["alice"]


@pytest.mark.check(25)
async def test_an_empty_id_is_a_validation_error(driver: Driver) -> None:
    with pytest.raises(driver.errors.ValidationError):
        await driver.client.create_user("")


@pytest.mark.check(26)
async def test_an_unknown_user_is_answered_with_the_text_clients_look_for(raw: Raw) -> None:
    for user_id in ("nobody", "花子"):
        answer = await raw.get(f"/users/{user_id}")
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"User {user_id} not found"


@pytest.mark.check(26)
async def test_an_unknown_user_is_not_found(driver: Driver) -> None:
    with pytest.raises(driver.errors.UserNotFoundError) as missing:
        await driver.client.get_user("nobody")
    assert missing.value.http_status == 404
    user = await driver.client.create_user("alice")
    await (await driver.client.get_user("alice")).delete()
    with pytest.raises(driver.errors.UserNotFoundError):
        await user.refresh()
    with pytest.raises(driver.errors.UserNotFoundError):
        await user.update(new_metadata={})


@pytest.mark.check(27)
async def test_the_list_begins_at_0_and_has_10_on_a_page(raw: Raw) -> None:
    for number in range(12):
        await raw.user(f"user-{number:02}")
    page = (await raw.get("/users")).json()
    assert [user["custom_user_id"] for user in page["users"]] == [
        f"user-{number:02}" for number in range(11, 1, -1)
    ]
    assert (page["total"], page["has_more"]) == (12, True)
    assert page == (await raw.get("/users?offset=0&limit=10")).json()


@pytest.mark.check(27)
async def test_the_first_page_is_what_is_asked_for_by_default(driver: Driver) -> None:
    for number in range(11):
        await driver.client.create_user(f"user-{number}")
    page = await driver.client.list_users()
    assert (len(page.users), page.total, page.has_more) == (10, 11, True)


@pytest.mark.check(28)
@pytest.mark.parametrize("query", ["limit=0", "limit=101", "offset=-1", "limit=-1", "limit=1.5"])
async def test_pages_out_of_range_are_answered_with_422(raw: Raw, query: str) -> None:
    assert (await raw.get(f"/users?{query}")).status_code == 422


@pytest.mark.check(28)
async def test_pages_out_of_range_are_validation_errors(driver: Driver) -> None:
    for page in ({"limit": 0}, {"limit": 101}, {"offset": -1}):
        with pytest.raises(driver.errors.ValidationError):
            await driver.client.list_users(**page)
    assert (await driver.client.list_users(limit=100)).users == []
    assert (await driver.client.list_users(limit=1)).has_more is False


@pytest.mark.check(29)
async def test_totals_and_what_is_more_are_right_on_every_page(driver: Driver) -> None:
    for number in range(6):
        await driver.client.create_user(f"user-{number}", metadata={"even": number % 2 == 0})
    seen = []
    for offset, more in ((0, True), (2, True), (4, False), (6, False), (50, False)):
        page = await driver.client.list_users(offset=offset, limit=2)
        assert (page.total, page.has_more) == (6, more), offset
        seen += [user.user_id for user in page.users]
    assert sorted(seen) == SIX
    page = await driver.client.list_users(limit=2, metadata_filter={"even": True})
    assert (len(page.users), page.total, page.has_more) == (2, 3, True)
    page = await driver.client.list_users(offset=2, limit=2, metadata_filter={"even": True})
    assert (len(page.users), page.total, page.has_more) == (1, 3, False)


@pytest.mark.check(30)
async def test_a_metadata_filter_keeps_those_that_match(driver: Driver) -> None:
    for user_id, role in (("alice", "admin"), ("bruno", "member"), ("carla", "admin")):
        await driver.client.create_user(user_id, metadata={"role": role, "id": user_id})
    page = await driver.client.list_users(metadata_filter={"role": "admin"})
    assert sorted(user.user_id for user in page.users) == ["alice", "carla"]
    assert page.total == 2
    assert (await driver.client.list_users(metadata_filter={"role": "guest"})).users == []


@pytest.mark.check(31)
async def test_filters_match_by_containment_with_strict_types(driver: Driver) -> None:
    kept = {
        "number": {"index": 3, "role": "admin", "flag": True},
        "text": {"index": "3", "role": "admin"},
        "deep": {"place": {"city": "Porto", "country": {"code": "PT", "eu": True}}, "index": 3},
        "list": {"tags": ["red", "blue"], "index": 1},
    }
    for user_id, metadata in kept.items():
        await driver.client.create_user(user_id, metadata=metadata)
    expected: list[tuple[dict[str, Any], set[str]]] = [
        ({}, set(kept)),
        ({"index": 3}, {"number", "deep"}),
        ({"index": "3"}, {"text"}),
        ({"index": 3, "role": "admin"}, {"number"}),
        ({"index": 3, "role": "member"}, set()),
        ({"place": {"city": "Porto"}}, {"deep"}),
        ({"place": {"country": {"code": "PT"}}}, {"deep"}),
        ({"place": {"country": {"code": "ES"}}}, set()),
        ({"place": "Porto"}, set()),
        ({"tags": ["blue"]}, {"list"}),
        ({"index": True}, set()),
        ({"flag": 1}, set()),
        ({"missing": None}, set()),
    ]
    for wanted, found in expected:
        page = await driver.client.list_users(metadata_filter=wanted)
        assert {user.user_id for user in page.users} == found, wanted


@pytest.mark.check(32)
@pytest.mark.parametrize("broken", ["{", "[1]", "3", '"role"', "null", "", "{'a': 1}", "{} {}"])
async def test_a_filter_that_is_no_object_is_answered_with_422(raw: Raw, broken: str) -> None:
    user = await raw.user()
    for path, name in (
        ("/users", "metadata_filter"),
        (f"{user}/sessions", "metadata_filter"),
        (f"{user}/memories", "session_metadata_filter"),
    ):
        answer = await raw.get(path, params={name: broken})
        assert answer.status_code == 422, path


@pytest.mark.check(33)
async def test_a_part_of_an_id_finds_users_whatever_its_case(raw: Raw) -> None:
    for user_id in ("Team-Alice", "team-bruno", "carla_TEAM", "100%", "a_b"):
        await raw.user(user_id)
    assert set(await ids(raw, "partial_user_id=TEAM")) == {"Team-Alice", "team-bruno", "carla_TEAM"}
    assert await ids(raw, "partial_user_id=m-al") == ["Team-Alice"]
    assert await ids(raw, "partial_user_id=%25") == ["100%"]
    assert set(await ids(raw, "partial_user_id=_")) == {"a_b", "carla_TEAM"}
    assert await ids(raw, "partial_user_id=nobody") == []
    page = (await raw.get("/users?partial_user_id=team&limit=2")).json()
    assert (page["total"], page["has_more"]) == (3, True)


@pytest.mark.check(33)
@pytest.mark.drivers(*OURS)
async def test_our_client_finds_users_by_a_part_of_the_id(driver: Driver) -> None:
    await driver.client.create_user("Team-Alice", metadata={"a": 1})
    await driver.client.create_user("team-bruno")
    assert (await driver.client.list_users(partial_user_id="TEAM-")).total == 2
    page = await driver.client.list_users(partial_user_id="team", metadata_filter={"a": 1})
    assert [user.user_id for user in page.users] == ["Team-Alice"]


@pytest.mark.check(34)
async def test_an_update_with_nothing_in_it_changes_nothing(driver: Driver) -> None:
    made = await driver.client.create_user(
        "alice", metadata={"plan": "pro"}, merge_conflict_enabled=True
    )
    await made.update()
    read = await driver.client.get_user("alice")
    for user in (made, read):
        assert (user.user_id, user.metadata) == ("alice", {"plan": "pro"})
        assert user.merge_conflict_enabled is True
        assert user.created_at == made.created_at


@pytest.mark.check(34)
async def test_an_empty_body_changes_nothing(raw: Raw) -> None:
    user = await raw.user(metadata={"plan": "pro"}, merge_conflict_enabled=False)
    before = (await raw.get(user)).json()
    answer = await raw.put(user, json={})
    assert (answer.status_code, answer.json()) == (200, before)
    assert (await raw.get(user)).json() == before


@pytest.mark.check(35)
async def test_new_metadata_replaces_all_of_the_old(driver: Driver) -> None:
    user = await driver.client.create_user("alice", metadata={"old": 1, "deep": {"old": 1}})
    await user.update(new_metadata={"deep": {"new": 2}})
    assert user.metadata == {"deep": {"new": 2}}
    assert (await driver.client.get_user("alice")).metadata == {"deep": {"new": 2}}
    await user.update(new_metadata={})
    assert user.metadata == {}
    assert (await driver.client.get_user("alice")).metadata == {}


@pytest.mark.check(36)
async def test_a_renamed_user_keeps_everything(driver: Driver) -> None:
    user = await driver.client.create_user("alice", metadata={"plan": "pro"})
    session = await driver.told(user, "I live in Porto.")
    before = (await user.list_memories()).items
    await user.update(new_user_id="alice-2")
    assert user.user_id == "alice-2"
    with pytest.raises(driver.errors.UserNotFoundError):
        await driver.client.get_user("alice")
    renamed = await driver.client.get_user("alice-2")
    assert renamed.metadata == {"plan": "pro"}
    assert renamed.created_at == user.created_at
    assert (await renamed.get_session(session.session_id)).status == "processed"
    after = (await renamed.list_memories()).items
    assert [item.memory_id for item in after] == [item.memory_id for item in before]
    assert (await renamed.get_last_n_messages(5)).messages[0].content == "I live in Porto."
    await driver.client.create_user("alice")
    assert (await (await driver.client.get_user("alice")).list_sessions()).total == 0


@pytest.mark.check(37)
async def test_an_id_that_is_taken_is_refused_and_nothing_changes(driver: Driver) -> None:
    user = await driver.client.create_user("alice", metadata={"a": 1})
    await driver.client.create_user("bruno", metadata={"b": 1})
    with pytest.raises(driver.errors.UserAlreadyExistsError) as refused:
        await user.update(new_user_id="bruno", new_metadata={"a": 2})
    assert refused.value.http_status == 409
    assert (await driver.client.get_user("alice")).metadata == {"a": 1}
    assert (await driver.client.get_user("bruno")).metadata == {"b": 1}


@pytest.mark.check(38)
async def test_renaming_to_the_same_id_is_no_error(driver: Driver) -> None:
    user = await driver.client.create_user("alice", metadata={"a": 1})
    await user.update(new_user_id="alice")
    read = await driver.client.get_user("alice")
    assert (read.user_id, read.metadata) == ("alice", {"a": 1})


@pytest.mark.check(39)
async def test_the_switch_can_be_set_and_left_alone(driver: Driver) -> None:
    user = await driver.client.create_user("alice", merge_conflict_enabled=True)
    await user.update(merge_conflict_enabled=False)
    assert user.merge_conflict_enabled is False
    await user.update(new_metadata={"a": 1})
    assert (await driver.client.get_user("alice")).merge_conflict_enabled is False


@pytest.mark.check(39)
async def test_the_switch_can_be_given_back_to_the_project(raw: Raw) -> None:
    user = await raw.user(merge_conflict_enabled=True)
    for body, expected in (
        ({"merge_conflict_enabled": False}, False),
        ({}, False),
        ({"new_metadata": {}}, False),
        ({"merge_conflict_enabled": None}, None),
        ({"merge_conflict_enabled": True}, True),
    ):
        answer = await raw.put(user, json=body)
        assert answer.json()["user"]["merge_conflict_enabled"] is expected, body
        assert (await raw.get(user)).json()["user"]["merge_conflict_enabled"] is expected, body
    assert (await raw.put(user, json={"merge_conflict_enabled": "yes"})).status_code == 422


@pytest.mark.check(39)
@pytest.mark.drivers(*OURS)
async def test_our_client_can_give_the_switch_back(driver: Driver) -> None:
    user = await driver.client.create_user("alice", merge_conflict_enabled=True)
    await user.update(merge_conflict_enabled=None)
    assert user.merge_conflict_enabled is None
    assert (await driver.client.get_user("alice")).merge_conflict_enabled is None


@pytest.mark.check(40)
async def test_everything_of_a_deleted_user_is_gone(driver: Driver) -> None:
    user = await driver.client.create_user("alice", merge_conflict_enabled=True)
    session = await driver.told(user, "My birthday is on 3 May 1990.")
    await driver.told(user, "I was born on 4 June 1990.")
    (memory,) = (await user.list_memories()).items
    (conflict,) = (await user.list_merge_conflicts()).conflicts
    await user.delete()
    with pytest.raises(driver.errors.UserNotFoundError):
        await driver.client.get_user("alice")
    again = await driver.client.create_user("alice")
    assert again.merge_conflict_enabled is None
    assert (await again.list_sessions()).total == 0
    assert (await again.list_memories()).total == 0
    assert (await again.list_merge_conflicts()).total == 0
    assert (await again.get_last_n_messages(10)).messages == []
    with pytest.raises(driver.errors.SessionNotFoundError):
        await again.get_session(session.session_id)
    with pytest.raises(driver.errors.RecallrAIError) as missing:
        await again.get_memory(memory.memory_id)
    assert missing.value.http_status == 404
    with pytest.raises(driver.errors.MergeConflictNotFoundError):
        await again.get_merge_conflict(conflict.conflict_id)


@pytest.mark.check(40)
async def test_a_user_is_deleted_once(raw: Raw) -> None:
    user = await raw.user()
    assert (await raw.delete(user)).status_code == 204
    for answer in (await raw.get(user), await raw.delete(user), await raw.get(f"{user}/sessions")):
        assert answer.status_code == 404
        assert answer.json()["detail"] == "User alice not found"


@pytest.mark.check(41)
async def test_an_unknown_user_cannot_be_deleted(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    await user.delete()
    with pytest.raises(driver.errors.UserNotFoundError) as missing:
        await user.delete()
    assert missing.value.http_status == 404


@pytest.mark.check(42)
async def test_activity_moves_with_sessions_and_messages(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    assert user.last_active_at >= user.created_at
    created_at, seen = user.created_at, user.last_active_at
    driver.clock.advance(60)
    session = await user.create_session()
    await user.refresh()
    assert user.last_active_at > seen
    seen = user.last_active_at
    driver.clock.advance(60)
    await driver.say(session, "Hello.")
    await user.refresh()
    assert user.last_active_at > seen
    assert user.created_at == created_at


@pytest.mark.check(42)
async def test_a_message_without_a_context_is_enough(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.session(user)
    before = (await raw.get(user)).json()["user"]["last_active_at"]
    raw.service.clock.advance(5)
    await raw.post(f"{session}/add-message", json={"message": "Hi.", "role": "assistant"})
    after = (await raw.get(user)).json()["user"]["last_active_at"]
    assert datetime.fromisoformat(after) > datetime.fromisoformat(before)
