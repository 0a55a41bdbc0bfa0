"""Users: created, read, listed, changed, deleted."""

from typing import Any

import pytest

from hitherto.errors import UserAlreadyExistsError, UserNotFoundError, ValidationError

BAD_IDS: list[Any] = [
    *("", "   ", ".", "..", "x" * 256, 7, None),
    *("a/b", "a?b", "a#b", "a\\b", "a\0b", "a\nb", "a\x7f", "a\x85b", "\ud800"),
    *("bob ", " bob", "bob\t", "bob\u00a0", "\u3000bob"),
    *("a%20b", "a%2Fb", "a%2fb", "%2e", "%00", "%ff"),
]


async def test_a_user_keeps_id_and_metadata(memory: Any, user: Any) -> None:
    read = await memory.get_user("alice")
    assert (read.user_id, read.metadata) == ("alice", {"plan": "pro"})
    assert read.merge_conflict_enabled is None
    assert read.created_at.utcoffset() is not None
    assert user.created_at == read.created_at


async def test_an_id_can_only_be_taken_once(memory: Any, user: Any) -> None:
    with pytest.raises(UserAlreadyExistsError, match="User with ID alice already exists"):
        await memory.create_user("alice", metadata={"plan": "free"})
    assert (await memory.get_user("alice")).metadata == {"plan": "pro"}


async def test_an_unknown_user_is_said_to_be_unknown(memory: Any) -> None:
    for unknown in ("bob", "", "a/b", "\udc80", "x\0y"):
        with pytest.raises(UserNotFoundError):
            await memory.get_user(unknown)


@pytest.mark.refused_unread
@pytest.mark.parametrize("bad", BAD_IDS)
async def test_an_id_that_fits_no_url_is_refused(memory: Any, bad: Any) -> None:
    with pytest.raises(ValidationError, match="user_id"):
        await memory.create_user(bad)
    assert (await memory.list_users()).total == 0


@pytest.mark.refused_unread
@pytest.mark.parametrize("bad", ["a/b", "bob ", "a%20b", ".."])
async def test_a_user_cannot_be_renamed_to_an_id_that_fits_no_url(
    memory: Any, user: Any, bad: str
) -> None:
    with pytest.raises(ValidationError, match="user_id"):
        await user.update(new_user_id=bad)
    assert (await memory.get_user("alice")).user_id == "alice"


@pytest.mark.parametrize(
    "good", ["José Álvarez", "用户", "a@b.c", "x" * 255, "a b+c%", "100%", "50% off", "%2", "😀"]
)
async def test_an_id_of_any_script_works(memory: Any, good: str) -> None:
    await memory.create_user(good)
    assert (await memory.get_user(good)).user_id == good


@pytest.mark.parametrize(
    "bad", [{"a": float("nan")}, {"a": object()}, [1], "x", {"a": "\ud800"}, {"a": "\0"}]
)
@pytest.mark.refused_unread
async def test_metadata_that_is_no_json_is_refused(memory: Any, bad: Any) -> None:
    with pytest.raises(ValidationError, match="metadata"):
        await memory.create_user("bob", metadata=bad)
    with pytest.raises(UserNotFoundError):
        await memory.get_user("bob")


async def test_too_large_metadata_names_the_limit(memory: Any) -> None:
    with pytest.raises(ValidationError, match="65,536"):
        await memory.create_user("bob", metadata={"a": "x" * 70_000})


async def test_metadata_keeps_nested_nulls_and_letters(memory: Any) -> None:
    metadata = {"k": None, "deep": {"ü": [1, 2.5, True, "😀\u2028"]}}
    await memory.create_user("bob", metadata=metadata)
    assert (await memory.get_user("bob")).metadata == metadata


async def test_update_replaces_what_is_given_and_nothing_else(memory: Any, user: Any) -> None:
    await user.update()
    assert user.metadata == {"plan": "pro"}
    await user.update(new_metadata={"tier": 1}, merge_conflict_enabled=True)
    assert (user.metadata, user.merge_conflict_enabled) == ({"tier": 1}, True)
    await user.update(new_metadata={})
    assert (user.metadata, user.merge_conflict_enabled) == ({}, True)
    await user.update(merge_conflict_enabled=None)
    read = await memory.get_user("alice")
    assert (read.metadata, read.merge_conflict_enabled) == ({}, None)


async def test_a_renamed_user_keeps_everything_under_the_new_id(memory: Any, user: Any) -> None:
    session = await user.create_session()
    await user.update(new_user_id="alicia")
    assert user.user_id == "alicia"
    assert (await user.get_session(session.session_id)).user_id == "alicia"
    with pytest.raises(UserNotFoundError):
        await memory.get_user("alice")


async def test_renaming_to_a_taken_id_changes_nothing(memory: Any, user: Any) -> None:
    await memory.create_user("bob")
    with pytest.raises(UserAlreadyExistsError):
        await user.update(new_user_id="bob", new_metadata={"x": 1})
    assert (await memory.get_user("alice")).metadata == {"plan": "pro"}
    await user.update(new_user_id="alice")


async def test_lists_are_paged_newest_first(memory: Any) -> None:
    for number in range(5):
        await memory.create_user(f"user-{number}", metadata={"odd": number % 2 == 1})
    first = await memory.list_users(limit=2)
    assert [user.user_id for user in first.users] == ["user-4", "user-3"]
    assert (first.total, first.has_more) == (5, True)
    last = await memory.list_users(offset=4, limit=2)
    assert ([user.user_id for user in last.users], last.has_more) == (["user-0"], False)
    beyond = await memory.list_users(offset=9, limit=2)
    assert (beyond.users, beyond.total, beyond.has_more) == ([], 5, False)
    odd = await memory.list_users(metadata_filter={"odd": True}, limit=1)
    assert ([user.user_id for user in odd.users], odd.total, odd.has_more) == (["user-3"], 2, True)
    part = await memory.list_users(partial_user_id="USER-2")
    assert [user.user_id for user in part.users] == ["user-2"]


@pytest.mark.parametrize(
    ("too_large", "says"),
    [
        ({"k": list(range(400))}, "402 values"),
        ({"k": "x" * 20_000}, "20,009 bytes"),
        ({"a": {"b": {"c": [[[[[[[[[[[[[[1]]]]]]]]]]]]]]}}}, "nested 17 deep"),
    ],
)
@pytest.mark.refused_unread
async def test_a_filter_that_is_too_large_names_the_limit(
    memory: Any, user: Any, too_large: Any, says: str
) -> None:
    with pytest.raises(ValidationError, match=f"metadata_filter .*{says}"):
        await memory.list_users(metadata_filter=too_large)
    with pytest.raises(ValidationError, match=f"metadata_filter .*{says}"):
        await user.list_sessions(metadata_filter=too_large)
    with pytest.raises(ValidationError, match=f"session_metadata_filter .*{says}"):
        await user.list_memories(session_metadata_filter=too_large)


@pytest.mark.parametrize(
    "page", [{"limit": 0}, {"limit": 101}, {"offset": -1}, {"limit": True}, {"offset": 1.5}]
)
@pytest.mark.refused_unread
async def test_a_page_out_of_range_is_refused(memory: Any, page: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(page))):
        await memory.list_users(**page)


async def test_a_deleted_user_is_gone_with_everything(memory: Any, user: Any) -> None:
    session = await user.create_session()
    await session.add_message("user", "I live in Porto.")
    await user.delete()
    with pytest.raises(UserNotFoundError):
        await memory.get_user("alice")
    for call in (user.refresh, user.delete, session.refresh, session.process, user.list_memories):
        with pytest.raises(UserNotFoundError):
            await call()
    again = await memory.create_user("alice")
    assert (await again.list_sessions()).total == 0
