"""Categories of memories, as whoever reads memories sees them and filters by them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests import databases

from hitherto import MessageRole, Parts, Settings
from hitherto.api import MemoryApi
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.engine.admin import Admin
from hitherto.errors import InvalidCategoriesError, UserNotFoundError, ValidationError
from hitherto.system import System, open_system

NAMES = {
    "User plays the oboe": ("music",),
    "User lives in Porto": ("travel", "home"),
    "User works as a baker": ("work",),
    "User has two dogs": (),
}
"""What each memory is given, in no order."""


@pytest.fixture
async def system(path: Path, settings: Settings, parts: Parts) -> AsyncIterator[System]:
    found = await open_system(path, settings, parts)
    yield found
    await found.close()


@pytest.fixture
async def category_ids(system: System) -> dict[str, str]:
    admin = Admin(system.resources)
    made = {}
    for name in ("work", "travel", "music", "home", "empty", "Home"):
        made[name] = (await admin.create_category(DEFAULT_PROJECT_ID, name)).category_id
    return made


@pytest.fixture
async def labelled(system: System, category_ids: dict[str, str], path: Path) -> MemoryApi:
    """Alice's four memories with the categories of `NAMES` and no other."""
    api = system.engine(DEFAULT_PROJECT_ID)
    await api.create_user("alice")
    session_id = (await api.create_session("alice")).session_id
    for content in NAMES:
        text = content.replace("User", "I").replace("plays", "play").replace("lives", "live")
        text = text.replace("works", "work").replace("has", "have")
        await api.add_message("alice", session_id, MessageRole.USER, f"{text}.")
    await api.process("alice", session_id)
    await api.wait_until_processed(timeout_s=20)
    held = {item.content: item.memory_id for item in (await api.list_memories("alice")).items}
    assert set(held) == set(NAMES)
    databases.change(path, "delete from memory_categories")
    for content, names in NAMES.items():
        for name in names:
            databases.change(
                path,
                "insert into memory_categories (user_id, memory_id, category_id) "
                "select user_id, ?, ? from users",
                held[content],
                category_ids[name],
            )
    return api


async def contents(api: MemoryApi, *categories: str, **filters: Any) -> set[str]:
    page = await api.list_memories("alice", categories=categories, **filters)
    assert page.total == len(page.items)
    return {item.content for item in page.items}


async def test_a_memory_shows_its_categories_sorted(labelled: MemoryApi) -> None:
    for item in (await labelled.list_memories("alice")).items:
        assert item.categories == sorted(NAMES[item.content])
        read = await labelled.get_memory("alice", item.memory_id)
        assert read.categories == item.categories


async def test_several_categories_mean_any_of_them(labelled: MemoryApi) -> None:
    assert await contents(labelled, "music") == {"User plays the oboe"}
    assert await contents(labelled, "work", "music", "work") == {
        "User plays the oboe",
        "User works as a baker",
    }
    assert await contents(labelled, "home", "travel") == {"User lives in Porto"}
    assert await contents(labelled, "empty") == set()
    assert await contents(labelled) == set(NAMES)


async def test_total_and_pages_count_what_the_filter_leaves(labelled: MemoryApi) -> None:
    first = await labelled.list_memories("alice", categories=["home", "work"], limit=1)
    second = await labelled.list_memories("alice", categories=["home", "work"], limit=1, offset=1)
    assert (first.total, first.has_more, second.total, second.has_more) == (2, True, 2, False)
    assert first.items[0].memory_id != second.items[0].memory_id


async def test_categories_and_sessions_are_combined(labelled: MemoryApi) -> None:
    (session,) = (await labelled.list_sessions("alice")).items
    found = await contents(labelled, "music", session_id_filter=[session.session_id])
    assert found == {"User plays the oboe"}
    assert await contents(labelled, "music", session_id_filter=["another"]) == set()
    assert await contents(labelled, "music", session_metadata_filter={"a": 1}) == set()


async def test_names_that_the_project_does_not_have_are_told(labelled: MemoryApi) -> None:
    asked = ["zebra", "music", "HOME", "zebra", "", "\ud800"]
    with pytest.raises(InvalidCategoriesError) as raised:
        await labelled.list_memories("alice", categories=asked)
    assert raised.value.invalid_categories == ["zebra", "HOME", "", "\ud800"]
    assert raised.value.http_status == 400
    with pytest.raises(UserNotFoundError):
        await labelled.list_memories("nobody", categories=asked)


@pytest.mark.parametrize("bad", ["music", [1], 7])
@pytest.mark.refused_unread
async def test_what_is_no_list_of_names_is_refused(labelled: MemoryApi, bad: Any) -> None:
    with pytest.raises(ValidationError, match="categories"):
        await labelled.list_memories("alice", categories=bad)
    with pytest.raises(ValidationError, match="session_id_filter"):
        await labelled.list_memories("alice", session_id_filter=bad)


async def test_a_category_renamed_or_deleted_keeps_its_memories(
    labelled: MemoryApi, system: System, category_ids: dict[str, str]
) -> None:
    admin = Admin(system.resources)
    await admin.update_category(DEFAULT_PROJECT_ID, category_ids["music"], name="sound")
    assert await contents(labelled, "sound") == {"User plays the oboe"}
    await admin.delete_category(DEFAULT_PROJECT_ID, category_ids["travel"])
    (porto,) = (await labelled.list_memories("alice", categories=["home"])).items
    assert porto.categories == ["home"]
    assert await contents(labelled) == set(NAMES)
    with pytest.raises(InvalidCategoriesError):
        await labelled.list_memories("alice", categories=["music"])
