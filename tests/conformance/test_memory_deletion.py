"""Checks 134 to 138: deleting memories."""

import uuid
from typing import Any

import pytest
from tests.conformance.drivers import Driver, Raw
from tests.conformance.stories import (
    FIRST_DAY,
    MOVES,
    SECOND_DAY,
    THIRD_DAY,
    TOWNS,
    asked,
    memories,
    memory,
    memory_about,
    moved,
    moved_by,
)


async def four_versions(raw: Raw, user_id: str = "alice") -> tuple[str, list[str]]:
    """A user with one memory; their path, and its versions' ids from the oldest on."""
    user = await raw.user(user_id)
    for day, text in TOWNS:
        await raw.told(user, text, custom_created_at_utc=day)
    (item,) = await memories(raw, user)
    assert item["version_number"] == 4, item
    earlier = [one["memory_id"] for one in reversed(item["previous_versions"])]
    return user, [*earlier, item["memory_id"]]


async def history(raw: Raw, user: str, memory_id: str) -> list[str]:
    """The ids of a memory and of its earlier versions, oldest first."""
    item = await memory(raw, user, memory_id)
    return [*(one["memory_id"] for one in reversed(item["previous_versions"])), memory_id]


async def delete(raw: Raw, user: str, memory_id: str, **params: Any) -> None:
    answer = await raw.delete(f"{user}/memory/{memory_id}", params=params)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.check(134)
async def test_deleting_the_latest_version_brings_back_the_one_before(raw: Raw) -> None:
    user, (one, two, three, four) = await four_versions(raw)
    await delete(raw, user, four)
    (item,) = await memories(raw, user)
    assert (item["memory_id"], item["expired_at"], item["expiration_reason"]) == (three, None, None)
    assert (item["version_number"], item["total_versions"]) == (3, 3)
    assert await history(raw, user, three) == [one, two, three]


@pytest.mark.check(134)
async def test_deleting_a_version_between_closes_the_gap(raw: Raw) -> None:
    user, (one, two, three, four) = await four_versions(raw)
    await delete(raw, user, two)
    assert await history(raw, user, four) == [one, three, four]
    assert (await memory(raw, user, three))["version_number"] == 2
    (item,) = await memories(raw, user)
    assert (item["memory_id"], item["total_versions"]) == (four, 3)
    assert (await raw.get(f"{user}/memory/{two}")).status_code == 404


@pytest.mark.check(134)
async def test_deleting_the_oldest_version_leaves_the_rest(raw: Raw) -> None:
    user, (one, two, three, four) = await four_versions(raw)
    await delete(raw, user, one)
    assert await history(raw, user, four) == [two, three, four]


@pytest.mark.check(134, 137)
async def test_deleting_the_only_version_deletes_the_memory(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    await driver.told(user, "I speak Danish.")
    (item,) = (await user.list_memories()).items
    await user.delete_memory(item.memory_id)
    assert (await user.list_memories()).total == 0
    with pytest.raises(driver.errors.RecallrAIError) as raised:
        await user.delete_memory(item.memory_id)
    assert raised.value.http_status == 404


@pytest.mark.check(134)
async def test_a_memory_brought_back_is_connected(raw: Raw) -> None:
    user = await raw.user()
    await raw.told(
        user,
        "My sister Ana has a dog.",
        "My sister Ana plays the cello.",
        custom_created_at_utc=FIRST_DAY,
    )
    before = {item["content"]: item for item in await memories(raw, user)}
    await raw.told(user, "My sister Ana has a dog named Rex.", custom_created_at_utc=SECOND_DAY)
    (newest,) = [
        item for item in await memories(raw, user) if item["content"].endswith("dog named Rex")
    ]
    assert newest["total_versions"] == 2, "the dog was given its name"
    assert newest["connected_memories"]
    await delete(raw, user, newest["memory_id"])
    after = {item["content"]: item for item in await memories(raw, user)}
    (dog,) = [content for content in after if content.endswith("has a dog")]
    connected = {one["content"] for one in after[dog]["connected_memories"]}
    assert connected >= {one["content"] for one in before[dog]["connected_memories"]}


@pytest.mark.check(135)
async def test_deleting_with_the_earlier_ones_leaves_the_later_ones(raw: Raw) -> None:
    user, (one, two, three, four) = await four_versions(raw)
    await delete(raw, user, two, delete_previous_versions=True)
    assert await history(raw, user, four) == [three, four]
    assert (await memory(raw, user, three))["version_number"] == 1
    for gone in (one, two):
        assert (await raw.get(f"{user}/memory/{gone}")).status_code == 404


@pytest.mark.check(135)
async def test_every_client_deletes_a_whole_history(driver: Driver) -> None:
    user, _ = await moved_by(driver)
    (item,) = [one for one in (await user.list_memories()).items if "Braga" in one.content]
    await user.delete_memory(item.memory_id, delete_previous_versions=True)
    assert not [one for one in (await user.list_memories()).items if "moved" in one.content]
    for earlier in item.previous_versions:
        with pytest.raises(driver.errors.RecallrAIError):
            await user.get_memory(earlier.memory_id)


@pytest.mark.check(136)
async def test_the_older_name_of_that_parameter_is_understood(raw: Raw) -> None:
    user, (_, two, three, four) = await four_versions(raw)
    await delete(raw, user, two, delete_all_versions=True)
    assert await history(raw, user, four) == [three, four]
    await delete(raw, user, four, delete_all_versions=False)
    assert [item["memory_id"] for item in await memories(raw, user)] == [three]


@pytest.mark.check(137)
async def test_deleting_an_unknown_memory_is_a_404(raw: Raw) -> None:
    user = await raw.user()
    for unknown in (str(uuid.uuid4()), "not-a-uuid"):
        answer = await raw.delete(f"{user}/memory/{unknown}")
        assert answer.status_code == 404
        assert answer.json() == {"detail": f"Memory {unknown} not found"}
    answer = await raw.delete(f"/users/nobody/memory/{uuid.uuid4()}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "User nobody not found"})


@pytest.mark.check(137)
async def test_another_users_memory_cannot_be_deleted(raw: Raw) -> None:
    user, _ = await moved(raw)
    other = await raw.user("bob")
    held = await memories(raw, user)
    for item in held:
        answer = await raw.delete(f"{other}/memory/{item['memory_id']}")
        assert answer.status_code == 404
    assert await memories(raw, user) == held


def listed_in(text: str, content: str) -> bool:
    """Whether a context shows a memory: by itself, in a history, under a summary, as a finding."""
    forms = (f". {content} (", f"Content: {content}\n", f"- {content} (", f"{content} →")
    return any(form in text for form in forms)


@pytest.mark.check(138)
@pytest.mark.parametrize("strategy", ["low_latency", "balanced", "agentic"])
async def test_a_deleted_memory_is_in_no_context(raw: Raw, strategy: str) -> None:
    """The messages themselves stay; they are shown as what was said, not as what is remembered."""
    user, _ = await moved(raw)
    session = await raw.session(user, "What does my sister Ana play, and what is my dog's name?")
    params = {
        "recall_strategy": strategy,
        "min_top_k": 50,
        "summaries_threshold": 0.2,
        "include_metadata_ids": True,
        "include_system_prompt": False,
    }
    cello = await memory_about(raw, user, "cello")
    (dog,) = (await memory_about(raw, user, "Rex"))["previous_versions"]
    before = (await raw.get(f"{session}/context", params=params)).json()
    for one in (cello, dog):
        assert listed_in(before["context"], one["content"])
    assert cello["memory_id"] in before["metadata"]["memory_ids"]
    for one in (cello, dog):
        await delete(raw, user, one["memory_id"])
    after = (await raw.get(f"{session}/context", params=params)).json()
    for one in (cello, dog):
        assert not listed_in(after["context"], one["content"])
        assert one["memory_id"] not in after["metadata"]["memory_ids"]
    assert listed_in(after["context"], "User has a dog named Rex")


@pytest.mark.check(138)
async def test_deleting_everything_leaves_an_empty_context(raw: Raw) -> None:
    user = await raw.user()
    await raw.told(user, MOVES[0][1][0], custom_created_at_utc=THIRD_DAY)
    (item,) = await memories(raw, user)
    await delete(raw, user, item["memory_id"])
    assert "\n\nNo memories found.\n" in await asked(raw, user, "Where do I live?")
