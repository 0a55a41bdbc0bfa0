"""Checks 43 to 60: sessions."""

import uuid
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.conformance.drivers import NODE, OURS, RELEASED, Driver, Raw

KEYS = {"session_id", "status", "created_at", "metadata"}
FIRST_DAY = datetime(2024, 1, 5, 9, 0, tzinfo=UTC)
SECOND_DAY = datetime(2024, 6, 5, 9, 0, tzinfo=UTC)
THIRD_DAY = datetime(2025, 1, 5, 9, 0, tzinfo=UTC)
NOWHERE = str(uuid.UUID(int=1))
STATUSES = ("pending", "processing", "processed", "failed", "insufficient_balance")
SEVERAL = ("status_filter=", "status_filter[]=", "status_filter%5B%5D=")
"""How a list is written in a query: by the Python client, and by the Node client of two ages."""

Call = Callable[[Any], Coroutine[Any, Any, Any]]


def calls(driver: Driver) -> dict[str, Call]:
    """Everything that can be done with a session."""
    return {
        "refresh": lambda session: session.refresh(),
        "update": lambda session: session.update(new_metadata={"a": 1}),
        "add_message": lambda session: session.add_message(driver.user_role, "Hello."),
        "process": lambda session: session.process(),
        "get_messages": lambda session: session.get_messages(),
        "get_context": lambda session: session.get_context(),
        "delete": lambda session: session.delete(),
    }


async def everything(raw: Raw, session: str) -> list[tuple[str, int, Any]]:
    """Path, status and detail of every request that concerns one session."""
    asked: list[tuple[str, str, Any]] = [
        ("GET", session, None),
        ("PUT", session, {"new_metadata": {}}),
        ("POST", f"{session}/add-message", {"message": "Hi.", "role": "user"}),
        ("POST", f"{session}/process", None),
        ("GET", f"{session}/messages", None),
        ("GET", f"{session}/context", None),
        ("DELETE", session, None),
    ]
    answers = [await raw.request(method, path, json=body) for method, path, body in asked]
    return [
        (f"{method} {path}", answer.status_code, answer.json().get("detail"))
        for (method, path, _), answer in zip(asked, answers, strict=True)
    ]


async def statuses(raw: Raw, user: str, query: str = "") -> list[str]:
    """The statuses of the sessions that a query finds."""
    answer = await raw.get(f"{user}/sessions?{query}")
    assert answer.status_code == 200, answer.text
    return [session["status"] for session in answer.json()["sessions"]]


@pytest.mark.check(43)
async def test_a_session_needs_nothing(raw: Raw) -> None:
    user = await raw.user()
    for body in ({}, {"metadata": {}, "auto_process_after_seconds": 600}):
        answer = await raw.post(f"{user}/sessions", json=body)
        assert answer.status_code == 201
        session = answer.json()["session"]
        assert (session["status"], session["metadata"]) == ("pending", {})
        assert str(uuid.UUID(session["session_id"])) == session["session_id"]


@pytest.mark.check(43)
async def test_a_session_begins_pending(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    session = await user.create_session(metadata={"channel": "web"})
    assert (session.status, session.metadata) == ("pending", {"channel": "web"})
    uuid.UUID(session.session_id)
    assert (await user.create_session()).session_id != session.session_id


@pytest.mark.check(44)
async def test_the_wait_before_processing_has_a_range(raw: Raw) -> None:
    user = await raw.user()
    most = 316_224_000
    accepted = {600: 201, 86_400: 201, most: 201}
    for seconds, status in {599: 422, 0: 422, -1: 422, most + 1: 422, **accepted}.items():
        answer = await raw.post(f"{user}/sessions", json={"auto_process_after_seconds": seconds})
        assert answer.status_code == status, seconds
    answer = await raw.post(f"{user}/sessions", json={"auto_process_after_seconds": "soon"})
    assert answer.status_code == 422
    session = (await raw.post(f"{user}/sessions", json={})).json()["session"]
    assert session["auto_process_after_seconds"] == 600


@pytest.mark.check(44)
async def test_a_wait_too_short_is_a_validation_error(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    with pytest.raises(driver.errors.ValidationError):
        await user.create_session(auto_process_after_seconds=599)
    assert (await user.create_session(auto_process_after_seconds=86_400)).status == "pending"
    assert (await user.list_sessions()).total == 1


@pytest.mark.check(45)
@pytest.mark.parametrize("form", ["2023-06-15T14:30:00+00:00", "2023-06-15T14:30:00.000Z"])
async def test_a_session_can_be_dated_in_both_forms(raw: Raw, form: str) -> None:
    user = await raw.user()
    answer = await raw.post(f"{user}/sessions", json={"custom_created_at_utc": form})
    assert answer.status_code == 201
    session = answer.json()["session"]
    read = (await raw.get(f"{user}/sessions/{session['session_id']}")).json()["session"]
    for shown in (session, read):
        assert datetime.fromisoformat(shown["created_at"]) == datetime.fromisoformat(form)


@pytest.mark.check(45)
async def test_a_session_has_the_date_it_was_given(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    for date in (FIRST_DAY, datetime(2031, 12, 31, 23, 59, 59, tzinfo=UTC)):
        session = await user.create_session(custom_created_at_utc=date)
        assert session.created_at == date
        assert (await user.get_session(session.session_id)).created_at == date


@pytest.mark.check(46)
@pytest.mark.parametrize(
    "form",
    [
        "2023-06-15T14:30:00+02:00",
        "2023-06-15T14:30:00-05:00",
        "2023-06-15T14:30:00",
        "2023-06-15",
        "yesterday",
        "",
        1_686_839_400,
    ],
)
async def test_a_date_without_utc_is_answered_with_422(raw: Raw, form: Any) -> None:
    user = await raw.user()
    answer = await raw.post(f"{user}/sessions", json={"custom_created_at_utc": form})
    assert answer.status_code == 422
    assert await statuses(raw, user) == []


@pytest.mark.check(46)
@pytest.mark.drivers(*OURS)
async def test_our_client_says_so_too(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    for date in (FIRST_DAY.replace(tzinfo=None), FIRST_DAY.astimezone(_plus(2))):
        with pytest.raises(driver.errors.ValidationError):
            await user.create_session(custom_created_at_utc=date)


def _plus(hours: int) -> Any:
    return datetime.strptime(f"{hours:+03}00", "%z").tzinfo


@pytest.mark.check(47)
async def test_an_unknown_user_has_no_sessions(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    await (await driver.client.get_user("alice")).delete()
    with pytest.raises(driver.errors.UserNotFoundError) as missing:
        await user.create_session()
    assert missing.value.http_status == 404
    with pytest.raises(driver.errors.UserNotFoundError):
        await user.list_sessions()


@pytest.mark.check(47)
async def test_a_session_for_an_unknown_user_is_answered_with_404(raw: Raw) -> None:
    answer = await raw.post("/users/nobody/sessions", json={})
    assert (answer.status_code, answer.json()["detail"]) == (404, "User nobody not found")


@pytest.mark.check(48)
async def test_a_session_has_its_keys_in_an_envelope(raw: Raw) -> None:
    user = await raw.user()
    made = await raw.post(f"{user}/sessions", json={"metadata": {"a": 1}})
    session = f"{user}/sessions/{made.json()['session']['session_id']}"
    read = await raw.get(session)
    assert read.status_code == 200
    assert set(read.json()) == {"session"}
    assert set(read.json()["session"]) >= KEYS
    assert read.json()["session"] == made.json()["session"]
    (listed,) = (await raw.get(f"{user}/sessions")).json()["sessions"]
    assert set(listed) >= KEYS


@pytest.mark.check(49)
async def test_summary_and_memories_are_there_when_asked_for(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.session(user, "I live in Porto.", "I have a dog named Rex.")
    extras = {"session_summary", "memories"}

    async def read(query: str) -> Any:
        return (await raw.get(f"{session}?{query}")).json()["session"]

    before = await read("include_summary=true&include_memories=true")
    assert before["session_summary"] is None
    assert before["memories"] == []
    await raw.post(f"{session}/process")
    await raw.settled(session)
    assert not extras & set(await read(""))
    assert not extras & set(await read("include_summary=false&include_memories=false"))
    with_summary = await read("include_summary=true")
    assert isinstance(with_summary["session_summary"], str)
    assert with_summary["session_summary"]
    assert "memories" not in with_summary
    with_memories = await read("include_memories=true")
    assert "session_summary" not in with_memories
    held = {
        (item["memory_id"], item["content"])
        for item in (await raw.get(f"{user}/memories")).json()["items"]
    }
    assert len(held) == 2
    assert {(item["memory_id"], item["content"]) for item in with_memories["memories"]} == held
    (listed,) = (await raw.get(f"{user}/sessions")).json()["sessions"]
    assert not extras & set(listed)


@pytest.mark.check(50)
async def test_an_unknown_session_is_told_from_an_unknown_user(raw: Raw) -> None:
    user = await raw.user()
    for path, status, detail in await everything(raw, f"{user}/sessions/{NOWHERE}"):
        assert status == 404, path
        assert "User alice not found" not in detail, path
        assert detail == f"Session {NOWHERE} not found", path


@pytest.mark.check(50)
async def test_an_unknown_session_is_not_found(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    with pytest.raises(driver.errors.SessionNotFoundError) as missing:
        await user.get_session(NOWHERE)
    assert missing.value.http_status == 404
    session = await user.create_session()
    await (await user.get_session(session.session_id)).delete()
    for name, call in calls(driver).items():
        with pytest.raises(driver.errors.SessionNotFoundError):
            await call(session)
        assert name


@pytest.mark.check(51)
async def test_an_unknown_user_is_named_on_every_path(raw: Raw) -> None:
    for path, status, detail in await everything(raw, f"/users/nobody/sessions/{NOWHERE}"):
        assert (status, detail) == (404, "User nobody not found"), path


@pytest.mark.check(51)
async def test_a_session_of_an_unknown_user_is_an_unknown_user(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    session = await user.create_session()
    await user.delete()
    for call in calls(driver).values():
        with pytest.raises(driver.errors.UserNotFoundError):
            await call(session)
    with pytest.raises(driver.errors.UserNotFoundError):
        await user.get_session(session.session_id)


@pytest.mark.check(52)
@pytest.mark.parametrize("session_id", ["none", "123", NOWHERE[:-1], "%20", "a'b", NOWHERE + "0"])
async def test_a_session_id_that_is_no_uuid_is_answered_with_404(raw: Raw, session_id: str) -> None:
    user = await raw.user()
    for path, status, detail in await everything(raw, f"{user}/sessions/{session_id}"):
        assert status == 404, path
        assert isinstance(detail, str), path
        assert "User alice not found" not in detail, path


@pytest.mark.check(52)
async def test_a_session_id_that_is_no_uuid_is_not_found(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    for session_id in ("none", "123", NOWHERE.replace("-", "")):
        with pytest.raises(driver.errors.SessionNotFoundError):
            await user.get_session(session_id)


@pytest.mark.check(53)
async def test_the_session_of_another_user_is_answered_with_404(raw: Raw) -> None:
    alice, bruno = await raw.user("alice"), await raw.user("bruno")
    session = await raw.session(alice, "I live in Porto.")
    session_id = session.rpartition("/")[2]
    for path, status, detail in await everything(raw, f"{bruno}/sessions/{session_id}"):
        assert (status, detail) == (404, f"Session {session_id} not found"), path
    assert (await raw.get(session)).json()["session"]["status"] == "pending"
    assert (await raw.get(f"{session}/messages")).json()["total"] == 1


@pytest.mark.check(53)
async def test_the_session_of_another_user_is_not_found(driver: Driver) -> None:
    alice = await driver.client.create_user("alice")
    bruno = await driver.client.create_user("bruno")
    session = await alice.create_session()
    with pytest.raises(driver.errors.SessionNotFoundError):
        await bruno.get_session(session.session_id)
    assert (await bruno.list_sessions()).total == 0


@pytest.mark.check(54)
async def test_the_newest_session_comes_first(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    for day in (SECOND_DAY, THIRD_DAY, FIRST_DAY):
        await user.create_session(custom_created_at_utc=day)
    dates = [session.created_at for session in (await user.list_sessions()).sessions]
    assert dates == [THIRD_DAY, SECOND_DAY, FIRST_DAY]
    await user.create_session()
    page = await user.list_sessions(limit=1)
    assert page.sessions[0].created_at > THIRD_DAY


@pytest.mark.check(55)
async def test_several_statuses_mean_any_of_them(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    await driver.told(user, "I live in Porto.")
    for _ in range(2):
        await user.create_session()
    known = driver.models.SessionStatus
    assert {status.value for status in known} == set(STATUSES)
    expected = [
        ([known.PENDING], ["pending", "pending"]),
        ([known.PROCESSED], ["processed"]),
        ([known.FAILED, known.PROCESSED], ["processed"]),
        ([known.PENDING, known.PROCESSED], ["pending", "pending", "processed"]),
        ([known.INSUFFICIENT_BALANCE], []),
        (list(known), ["pending", "pending", "processed"]),
        ([], ["pending", "pending", "processed"]),
    ]
    for wanted, found in expected:
        page = await user.list_sessions(status_filter=wanted)
        assert sorted(session.status for session in page.sessions) == found, wanted
        assert page.total == len(found), wanted


@pytest.mark.check(55)
async def test_all_statuses_are_known_to_the_filter(raw: Raw) -> None:
    user = await raw.user()
    await raw.session(user)
    for status in STATUSES:
        found = await statuses(raw, user, f"status_filter={status}")
        assert found == (["pending"] if status == "pending" else []), status


@pytest.mark.check(56)
@pytest.mark.parametrize("name", SEVERAL)
async def test_lists_may_be_written_with_brackets(raw: Raw, name: str) -> None:
    user = await raw.user()
    await raw.told(user, "I live in Porto.")
    await raw.session(user)
    assert await statuses(raw, user, f"{name}pending") == ["pending"]
    assert await statuses(raw, user, f"{name}processed") == ["processed"]
    assert await statuses(raw, user, f"{name}failed&{name}processed") == ["processed"]
    both = await statuses(raw, user, f"{name}pending&{name}processed")
    assert sorted(both) == ["pending", "processed"]


@pytest.mark.check(56)
@pytest.mark.drivers(NODE)
async def test_the_client_that_writes_brackets_is_understood(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    await driver.told(user, "I live in Porto.")
    await user.create_session()
    for raw_brackets in (False, True):
        driver.client.wire.raw_brackets = raw_brackets
        page = await user.list_sessions(status_filter=["failed", "processed"])
        assert [session.status for session in page.sessions] == ["processed"]


@pytest.mark.check(57)
@pytest.mark.parametrize("name", SEVERAL)
async def test_an_unknown_status_is_answered_with_422(raw: Raw, name: str) -> None:
    user = await raw.user()
    for query in ("done", "PENDING", "", "pending,failed", f"pending&{name}done"):
        answer = await raw.get(f"{user}/sessions?{name}{query}")
        assert answer.status_code == 422, query


@pytest.mark.check(58)
async def test_both_filters_hold_at_once(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    await driver.told(user, "I live in Porto.", metadata={"index": 3, "run": "a"})
    await user.create_session(metadata={"index": 3, "run": "b"})
    await user.create_session(metadata={"index": 4, "run": "a"})
    known = driver.models.SessionStatus
    expected = [
        ({"index": 3}, None, 2),
        ({"index": 3}, [known.PENDING], 1),
        ({"index": 3}, [known.PROCESSED], 1),
        ({"index": 3, "run": "b"}, [known.PROCESSED], 0),
        ({"run": "a"}, [known.PENDING, known.PROCESSED], 2),
        ({"index": "3"}, None, 0),
        (None, [known.PENDING], 2),
    ]
    for metadata, status, total in expected:
        page = await user.list_sessions(metadata_filter=metadata, status_filter=status)
        assert (page.total, len(page.sessions)) == (total, total), (metadata, status)
    page = await user.list_sessions(limit=1, metadata_filter={"run": "a"})
    assert (len(page.sessions), page.total, page.has_more) == (1, 2, True)


@pytest.mark.check(59)
async def test_pages_of_sessions_have_their_bounds(raw: Raw) -> None:
    user = await raw.user()
    for _ in range(11):
        await raw.session(user)
    page = (await raw.get(f"{user}/sessions")).json()
    assert (len(page["sessions"]), page["total"], page["has_more"]) == (10, 11, True)
    for query in ("limit=0", "limit=101", "offset=-1"):
        assert (await raw.get(f"{user}/sessions?{query}")).status_code == 422, query
    assert len(await statuses(raw, user, "limit=100")) == 11
    assert len(await statuses(raw, user, "limit=1")) == 1
    last = (await raw.get(f"{user}/sessions?offset=10&limit=5")).json()
    assert (len(last["sessions"]), last["total"], last["has_more"]) == (1, 11, False)


@pytest.mark.check(59)
async def test_sessions_come_in_pages(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    made = [(await user.create_session()).session_id for _ in range(5)]
    seen = []
    for offset, more in ((0, True), (2, True), (4, False), (6, False)):
        page = await user.list_sessions(offset=offset, limit=2)
        assert (page.total, page.has_more) == (5, more), offset
        seen += [session.session_id for session in page.sessions]
    assert seen == made[::-1]
    with pytest.raises(driver.errors.ValidationError):
        await user.list_sessions(limit=101)


@pytest.mark.check(60)
async def test_new_metadata_of_a_session_replaces_the_old(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    session = await user.create_session(metadata={"old": 1, "both": {"old": 1}})
    await session.update(new_metadata={"both": {"new": None}})
    assert session.metadata == {"both": {"new": None}}
    assert (await user.get_session(session.session_id)).metadata == {"both": {"new": None}}
    await session.update(new_metadata={})
    assert (await user.get_session(session.session_id)).metadata == {}


@pytest.mark.check(60)
@pytest.mark.drivers(*RELEASED)
async def test_an_empty_update_of_a_session_changes_nothing(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    session = await user.create_session(metadata={"a": 1})
    await session.update()
    assert session.metadata == {"a": 1}


@pytest.mark.check(60)
async def test_an_empty_body_changes_nothing_of_a_session(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.session(user, metadata={"a": 1})
    answer = await raw.put(session, json={})
    assert answer.status_code == 200
    assert answer.json()["session"]["metadata"] == {"a": 1}
    answer = await raw.put(session, json={"new_metadata": [1]})
    assert answer.status_code == 422
