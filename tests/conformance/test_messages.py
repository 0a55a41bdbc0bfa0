"""Checks 62 to 66, 78 and 79: messages."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.conformance.drivers import NODE, PY, Driver, Raw

FIRST_DAY = datetime(2024, 1, 5, 9, 0, tzinfo=UTC)
THIRD_DAY = datetime(2025, 1, 5, 9, 0, tzinfo=UTC)

UNUSUAL_TEXT = (
    "  two spaces first\r\n\ttab\n\nline\u2028separator\u2029paragraph\u0085next "
    "e\u0301 é 👩‍👩‍👧 \u202eright to left\u202c \ufeff\u00a0\x0b\x0c\x1c\x7f <b>&amp;</b> "
    '"quoted" \\n {"json": 1} 日本語 '
)


@pytest.mark.check(62)
async def test_adding_a_message_is_answered_with_an_object(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.session(user)
    for role in ("user", "assistant"):
        answer = await raw.post(f"{session}/add-message", json={"message": "Hi.", "role": role})
        assert answer.status_code == 200
        assert isinstance(answer.json(), dict)
    messages = (await raw.get(f"{session}/messages")).json()["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"]


@pytest.mark.check(62)
async def test_both_sides_of_a_conversation_are_kept(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    session = await user.create_session()
    await session.add_message(driver.user_role, "Which book?")
    await session.add_message(driver.assistant_role, "The Left Hand of Darkness.")
    messages = (await session.get_messages()).messages
    assert [(str_of(message.role), message.content) for message in messages] == [
        ("user", "Which book?"),
        ("assistant", "The Left Hand of Darkness."),
    ]


def str_of(role: Any) -> str:
    """A role as it is written."""
    return str(getattr(role, "value", role))


@pytest.mark.check(63)
@pytest.mark.parametrize(
    "body",
    [
        {"message": "Hi.", "role": "system"},
        {"message": "Hi.", "role": "USER"},
        {"message": "Hi.", "role": ""},
        {"message": "Hi.", "role": None},
        {"message": "Hi."},
        {"message": "", "role": "user"},
        {"message": None, "role": "user"},
        {"message": 7, "role": "user"},
        {"role": "user"},
        {},
    ],
)
async def test_what_is_no_message_is_answered_with_422(raw: Raw, body: dict[str, Any]) -> None:
    user = await raw.user()
    session = await raw.session(user)
    assert (await raw.post(f"{session}/add-message", json=body)).status_code == 422
    assert (await raw.get(f"{session}/messages")).json()["total"] == 0


@pytest.mark.check(63)
async def test_an_empty_message_is_a_validation_error(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    session = await user.create_session()
    with pytest.raises(driver.errors.ValidationError):
        await session.add_message(driver.user_role, "")
    assert (await session.get_messages()).total == 0


@pytest.mark.check(64)
async def test_messages_are_dated_by_the_servers_clock(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    session = await user.create_session(custom_created_at_utc=FIRST_DAY)
    began = driver.clock()
    await driver.say(session, "I live in Porto.")
    driver.clock.advance(30)
    between = driver.clock()
    await driver.say(session, "I have a dog.")
    first, second = (await session.get_messages()).messages
    # The Node client and its wire know milliseconds, the server's clock moves by one at a time.
    assert began - timedelta(milliseconds=1) < first.timestamp < between
    assert between < second.timestamp < driver.clock()


@pytest.mark.check(65)
async def test_messages_are_listed_in_order(raw: Raw) -> None:
    user = await raw.user()
    texts = [f"Message {number}" for number in range(51)]
    session = await raw.session(user, *texts)
    page = (await raw.get(f"{session}/messages")).json()
    assert [message["content"] for message in page["messages"]] == texts[:50]
    assert (page["total"], page["has_more"]) == (51, True)
    assert all(set(item) >= {"role", "content", "timestamp"} for item in page["messages"])
    stamps = [datetime.fromisoformat(item["timestamp"]) for item in page["messages"]]
    assert stamps == sorted(stamps)
    whole = (await raw.get(f"{session}/messages?limit=500")).json()
    assert (len(whole["messages"]), whole["has_more"]) == (51, False)
    for query in ("limit=0", "limit=501", "offset=-1"):
        assert (await raw.get(f"{session}/messages?{query}")).status_code == 422, query


@pytest.mark.check(65)
async def test_messages_come_in_pages(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    session = await user.create_session()
    texts = [f"Message {number}" for number in range(5)]
    await driver.say(session, *texts)
    seen = []
    for offset, more in ((0, True), (2, True), (4, False), (6, False)):
        page = await session.get_messages(offset=offset, limit=2)
        assert (page.total, page.has_more) == (5, more), offset
        seen += [message.content for message in page.messages]
    assert seen == texts
    for bounds in ({"limit": 0}, {"limit": 501}, {"offset": -1}):
        with pytest.raises(driver.errors.ValidationError):
            await session.get_messages(**bounds)


@pytest.mark.check(66)
async def test_messages_come_back_byte_for_byte(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    session = await user.create_session()
    await driver.say(session, UNUSUAL_TEXT, "😀" * 2_000)
    messages = (await session.get_messages()).messages
    assert [message.content for message in messages] == [UNUSUAL_TEXT, "😀" * 2_000]
    last = (await user.get_last_n_messages(2)).messages
    assert [message.content for message in last] == [UNUSUAL_TEXT, "😀" * 2_000]


@pytest.mark.check(66)
async def test_escaped_and_plain_json_say_the_same(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.session(user)
    for escaped in (True, False):
        body = json.dumps({"message": UNUSUAL_TEXT, "role": "user"}, ensure_ascii=escaped)
        headers = {"Content-Type": "application/json"}
        answer = await raw.post(f"{session}/add-message", content=body.encode(), headers=headers)
        assert answer.status_code == 200
    messages = (await raw.get(f"{session}/messages")).json()["messages"]
    assert [message["content"] for message in messages] == [UNUSUAL_TEXT] * 2


@pytest.mark.check(66)
async def test_a_message_with_a_nul_character_is_refused(raw: Raw) -> None:
    session = await raw.session(await raw.user())
    answer = await raw.post(f"{session}/add-message", json={"message": "a\0b", "role": "user"})
    assert answer.status_code == 422


@pytest.mark.check(66)
async def test_sentences_that_state_a_deleted_memory_are_replaced(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.told(user, "I live in Porto. The weather is fine.")
    (memory,) = (await raw.get(f"{user}/memories")).json()["items"]
    assert (await raw.delete(f"{user}/memory/{memory['memory_id']}")).status_code == 204
    (message,) = (await raw.get(f"{session}/messages")).json()["messages"]
    assert message["content"] == "[deleted] The weather is fine."


@pytest.mark.check(78)
async def test_the_last_messages_come_from_all_sessions(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    one = await driver.told(user, "First.", custom_created_at_utc=THIRD_DAY)
    two = await user.create_session(custom_created_at_utc=FIRST_DAY)
    three = await user.create_session()
    await driver.say(two, "Second.")
    await three.add_message(driver.assistant_role, "Third.")
    await driver.say(two, "Fourth.", "Fifth.")
    await driver.say(three, "Sixth.")
    last = (await user.get_last_n_messages(5)).messages
    assert [(message.content, message.session_id) for message in last] == [
        ("Second.", two.session_id),
        ("Third.", three.session_id),
        ("Fourth.", two.session_id),
        ("Fifth.", two.session_id),
        ("Sixth.", three.session_id),
    ]
    assert [str_of(message.role) for message in last[:2]] == ["user", "assistant"]
    whole = (await user.get_last_n_messages(100)).messages
    assert (len(whole), whole[0].session_id) == (6, one.session_id)


@pytest.mark.check(78)
async def test_the_last_messages_have_no_total(raw: Raw) -> None:
    user = await raw.user()
    await raw.session(user, *(f"Message {number}" for number in range(11)))
    page = (await raw.get(f"{user}/messages?limit=5")).json()
    assert set(page) == {"messages"}
    assert [message["content"] for message in page["messages"]] == [
        f"Message {number}" for number in range(6, 11)
    ]
    assert set(page["messages"][0]) >= {"role", "content", "timestamp", "session_id"}
    assert len((await raw.get(f"{user}/messages")).json()["messages"]) == 10


@pytest.mark.check(79)
async def test_0_and_101_last_messages_are_answered_with_422(raw: Raw) -> None:
    user = await raw.user()
    for query in ("limit=0", "limit=101", "limit=-1", "limit=some"):
        assert (await raw.get(f"{user}/messages?{query}")).status_code == 422, query
    for query in ("limit=1", "limit=100"):
        assert (await raw.get(f"{user}/messages?{query}")).json() == {"messages": []}, query


@pytest.mark.check(79)
async def test_no_client_asks_for_0_or_101(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    refused = ValueError if driver.name in (*PY, NODE) else driver.errors.ValidationError
    for number in (0, 101):
        with pytest.raises(refused):
            await user.get_last_n_messages(number)
    assert (await user.get_last_n_messages(100)).messages == []
