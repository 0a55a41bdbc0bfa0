"""Checks 121 to 141: memories."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.conformance.drivers import RELEASED, REMOTE, Driver, Raw
from tests.conformance.stories import (
    BIRTHDAY,
    FACTS,
    FIRST_DAY,
    SECOND_DAY,
    TOWNS,
    conflicts,
    contradicted,
    memories,
    memory,
    moved,
    moved_by,
)

REASONS = {"ADDITION_TO_EXISTING_MEMORY", "TEMPORAL_CONFLICT", "MERGE_CONFLICT"}
REQUIRED = {
    "memory_id",
    "categories",
    "content",
    "event_date_start",
    "event_date_end",
    "created_at",
    "version_number",
    "total_versions",
    "has_previous_versions",
    "merge_conflict_in_progress",
    "session_id",
}
"""Keys of a memory that are never null."""

NULLABLE = {
    "previous_versions",
    "connected_memories",
    "merge_conflict_id",
    "expired_at",
    "expiration_reason",
}
DATES = ("event_date_start", "event_date_end", "created_at")


@pytest.mark.check(121)
async def test_only_current_versions_are_listed(raw: Raw) -> None:
    user, _ = await moved(raw)
    answer = await raw.get(f"{user}/memories")
    assert answer.status_code == 200
    assert set(answer.json()) == {"items", "total", "has_more"}
    contents = [item["content"] for item in answer.json()["items"]]
    assert sorted(contents) == [
        "User has a dog named Rex",
        "User has a sister named Ana",
        "User moved to Braga",
        "User was born on 4 June 1990",
        "User's sister Ana lives in Berlin",
        "User's sister Ana plays the cello",
    ]
    assert (answer.json()["total"], answer.json()["has_more"]) == (6, False)


@pytest.mark.check(121)
async def test_every_client_lists_the_current_versions(driver: Driver) -> None:
    user, _ = await moved_by(driver)
    listed = await user.list_memories()
    assert (len(listed.items), listed.total, listed.has_more) == (6, 6, False)
    assert {item.expired_at for item in listed.items} == {None}


@pytest.mark.check(122)
async def test_every_memory_has_all_keys(raw: Raw) -> None:
    user, sessions = await moved(raw)
    session_ids = {path.rsplit("/", 1)[1] for path in sessions}
    for listed in await memories(raw, user):
        for item in (listed, await memory(raw, user, listed["memory_id"])):
            assert set(item) >= REQUIRED | NULLABLE
            assert [name for name in REQUIRED if item[name] is None] == []
            for name in DATES:
                assert datetime.fromisoformat(item[name]).utcoffset() == timedelta(0)
            assert item["session_id"] in session_ids
            assert isinstance(item["categories"], list)
            assert uuid.UUID(item["memory_id"])


@pytest.mark.check(123)
async def test_pages_of_memories_have_their_sizes(raw: Raw) -> None:
    user = await raw.user()
    await raw.told(user, *FACTS)
    total = len(await memories(raw, user))
    assert total > 20
    page = (await raw.get(f"{user}/memories")).json()
    assert (len(page["items"]), page["total"], page["has_more"]) == (20, total, True)
    found = []
    for offset in range(0, total + 7, 7):
        params = {"offset": offset, "limit": 7}
        page = (await raw.get(f"{user}/memories", params=params)).json()
        found += [item["memory_id"] for item in page["items"]]
        assert page["total"] == total
        assert page["has_more"] is (offset + len(page["items"]) < total)
    assert len(set(found)) == len(found) == total
    for limit, status in ((0, 422), (1, 200), (200, 200), (201, 422)):
        answer = await raw.get(f"{user}/memories", params={"limit": limit})
        assert answer.status_code == status, limit
    assert (await raw.get(f"{user}/memories", params={"offset": -1})).status_code == 422


@pytest.mark.check(123)
async def test_every_client_pages_memories(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    await driver.told(user, *FACTS)
    page = await user.list_memories()
    assert (len(page.items), page.has_more) == (20, True)
    rest = await user.list_memories(offset=20, limit=200)
    assert (len(rest.items), rest.has_more) == (page.total - 20, False)
    for limit in (0, 201):
        with pytest.raises(driver.errors.ValidationError):
            await user.list_memories(limit=limit)


PETS = ("pets", "dogs, cats and other pets, what they are named")
MUSIC = ("music", "music, instruments such as the cello or the piano, playing, choirs and songs")
PET_SAID = "I have a dog named Rex."
MUSIC_SAID = "I play the cello and the piano."


def categories_of(raw: Raw, *wanted: tuple[str, str]) -> dict[str, str]:
    """Make categories in the test's project; their ids by name."""
    project_id = raw.credentials.project_id
    return {
        name: raw.service.admin.create_category(
            project_id, name, description=description
        ).category_id
        for name, description in wanted
    }


async def categorized(raw: Raw) -> str:
    """A user with memories of two categories and some of none; their path."""
    categories_of(raw, PETS, MUSIC)
    user = await raw.user()
    await raw.told(user, PET_SAID, MUSIC_SAID, "I am allergic to peanuts.")
    return user


@pytest.mark.check(124)
async def test_several_categories_mean_any_of_them(raw: Raw) -> None:
    user = await categorized(raw)
    of_pets = await memories(raw, user, categories="pets")
    assert any("Rex" in item["content"] for item in of_pets)
    assert all("pets" in item["categories"] for item in of_pets)
    of_music = await memories(raw, user, categories="music")
    assert any("cello" in item["content"] for item in of_music)
    assert all("music" in item["categories"] for item in of_music)
    of_any = await memories(raw, user, categories=["pets", "music"])
    everything = await memories(raw, user)
    labelled = {item["memory_id"] for item in everything if item["categories"]}
    assert {item["memory_id"] for item in of_any} == labelled
    assert {item["memory_id"] for item in of_pets + of_music} == labelled
    assert len(labelled) < len(everything)
    for brackets in ("[]", "%5B%5D"):
        answer = await raw.get(
            f"{user}/memories?categories{brackets}=pets&categories{brackets}=music"
        )
        assert {item["memory_id"] for item in answer.json()["items"]} == labelled
        assert answer.json()["total"] == len(labelled)
        answer = await raw.get(f"{user}/memories?categories{brackets}=pets")
        assert {item["memory_id"] for item in answer.json()["items"]} == {
            item["memory_id"] for item in of_pets
        }


@pytest.mark.check(124)
@pytest.mark.drivers(*REMOTE)
async def test_every_client_filters_by_category(driver: Driver, raw: Raw) -> None:
    await categorized(raw)
    user = await driver.client.get_user("alice")
    of_pets = await user.list_memories(categories=["pets"])
    assert 0 < of_pets.total < (await user.list_memories()).total
    assert all("pets" in item.categories for item in of_pets.items)
    of_any = await user.list_memories(categories=["pets", "music"])
    assert of_any.total > of_pets.total


@pytest.mark.check(125)
async def test_unknown_categories_are_named(raw: Raw) -> None:
    user = await categorized(raw)
    answer = await raw.get(f"{user}/memories", params={"categories": ["pets", "cars", "food"]})
    assert answer.status_code == 400
    detail = answer.json()["detail"]
    assert set(detail) == {"message", "invalid_categories"}
    assert isinstance(detail["message"], str)
    assert sorted(detail["invalid_categories"]) == ["cars", "food"]


@pytest.mark.check(125)
async def test_every_client_raises_for_unknown_categories(driver: Driver) -> None:
    if driver.service is not None and driver.credentials is not None:
        driver.service.admin.create_category(driver.credentials.project_id, "pets")
    user = await driver.client.create_user("alice")
    wanted = ["cars", "food"] if driver.service is None else ["pets", "cars", "food"]
    with pytest.raises(driver.errors.InvalidCategoriesError) as raised:
        await user.list_memories(categories=wanted)
    assert sorted(raised.value.invalid_categories) == ["cars", "food"]


@pytest.mark.check(126)
async def test_nothing_else_about_memories_is_a_400(raw: Raw) -> None:
    user, _ = await moved(raw)
    for query, status in (
        ("session_metadata_filter=%7Bbroken", 422),
        ("session_metadata_filter=%5B1%5D", 422),
        ("session_metadata_filter=1", 422),
        ("session_metadata_filter=", 422),
        ("session_id_filter=not-a-session", 200),
        (f"session_id_filter={uuid.uuid4()}", 200),
        ("limit=many", 422),
        ("offset=-1", 422),
        ("include_previous_versions=perhaps", 422),
        ("unknown=1", 200),
        ("session_metadata_filter=%7B%7D", 200),
    ):
        answer = await raw.get(f"{user}/memories?{query}")
        assert answer.status_code == status, (query, answer.text)
    answer = await raw.get("/users/nobody/memories?categories=unknown")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "User nobody not found"


@pytest.mark.check(127)
async def test_memories_can_be_narrowed_to_sessions(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    said = (
        ("I like green tea.", {"topic": "food", "deep": {"n": 1, "m": 2}}),
        ("I speak Danish.", {"topic": "skills", "deep": {"n": 1}}),
        ("I collect stamps.", {"topic": "food", "deep": {"n": "1"}}),
    )
    ids = [(await driver.told(user, text, metadata=metadata)).session_id for text, metadata in said]

    async def found(**filters: Any) -> set[str]:
        listed = await user.list_memories(**filters)
        assert listed.total == len(listed.items)
        return {item.content.split()[-1] for item in listed.items}

    assert await found() == {"tea", "Danish", "stamps"}
    assert await found(session_id_filter=[ids[0]]) == {"tea"}
    assert await found(session_id_filter=ids[:2]) == {"tea", "Danish"}
    assert await found(session_id_filter=[]) == {"tea", "Danish", "stamps"}
    assert await found(session_metadata_filter={"topic": "food"}) == {"tea", "stamps"}
    assert await found(session_metadata_filter={"deep": {"n": 1}}) == {"tea", "Danish"}
    assert await found(session_metadata_filter={"topic": "food", "deep": {"n": 1}}) == {"tea"}
    both = {"session_metadata_filter": {"topic": "food"}, "session_id_filter": ids[1:]}
    assert await found(**both) == {"stamps"}


@pytest.mark.check(127)
async def test_another_users_sessions_narrow_to_nothing(raw: Raw) -> None:
    user, _ = await moved(raw)
    other = await raw.user("bob")
    session = await raw.told(other, "I like green tea.")
    assert await memories(raw, user, session_id_filter=session.rsplit("/", 1)[1]) == []


@pytest.mark.check(128)
async def test_versions_and_connections_are_left_out_unless_asked_for(driver: Driver) -> None:
    user, _ = await moved_by(driver)
    for with_versions in (True, False):
        for with_connections in (True, False):
            flags = {
                "include_previous_versions": with_versions,
                "include_connected_memories": with_connections,
            }
            listed = (await user.list_memories(**flags)).items
            for item in [*listed, await user.get_memory(listed[0].memory_id, **flags)]:
                assert (item.previous_versions is not None) is with_versions
                assert (item.connected_memories is not None) is with_connections
            if with_versions:
                assert {len(item.previous_versions) for item in listed} == {0, 1, 2}
            if with_connections:
                assert {len(item.connected_memories) for item in listed} == {0, 2}


@pytest.mark.check(128)
async def test_by_default_both_are_there_and_connections_go_both_ways(raw: Raw) -> None:
    user, _ = await moved(raw)
    items = {
        item["memory_id"]: item for item in (await raw.get(f"{user}/memories")).json()["items"]
    }
    connected = 0
    for memory_id, item in items.items():
        assert isinstance(item["previous_versions"], list)
        for other in item["connected_memories"]:
            connected += 1
            assert other["content"] == items[other["memory_id"]]["content"]
            back = items[other["memory_id"]]["connected_memories"]
            assert memory_id in [one["memory_id"] for one in back]
    assert connected == 6


@pytest.mark.check(128)
async def test_a_connection_follows_to_the_current_version(raw: Raw) -> None:
    user = await raw.user()
    await raw.told(
        user,
        "My sister Ana lives in Berlin.",
        "My sister Ana plays the cello.",
        custom_created_at_utc=FIRST_DAY,
    )
    await raw.told(user, "My sister Ana moved to Hamburg.", custom_created_at_utc=SECOND_DAY)
    current = {item["memory_id"] for item in await memories(raw, user)}
    for item in await memories(raw, user):
        assert {one["memory_id"] for one in item["connected_memories"]} <= current


@pytest.mark.check(129)
async def test_the_number_of_versions_is_the_length_of_the_history(raw: Raw) -> None:
    user, _ = await moved(raw)
    seen = set()
    for item in await memories(raw, user):
        assert item["total_versions"] == len(item["previous_versions"]) + 1
        assert item["version_number"] == item["total_versions"]
        assert item["has_previous_versions"] is (item["total_versions"] > 1)
        numbers = [one["version_number"] for one in item["previous_versions"]]
        assert numbers == list(range(item["version_number"] - 1, 0, -1))
        seen.add(item["total_versions"])
    assert seen == {1, 2, 3}


@pytest.mark.check(129)
async def test_versions_keep_their_count_when_they_are_not_asked_for(raw: Raw) -> None:
    user, _ = await moved(raw)
    for item in await memories(raw, user, include_previous_versions=False):
        assert item["has_previous_versions"] is (item["total_versions"] > 1)
        if "Braga" in item["content"]:
            assert item["total_versions"] == 3


@pytest.mark.check(130)
async def test_earlier_versions_say_when_and_why_they_were_superseded(driver: Driver) -> None:
    user, _ = await moved_by(driver)
    earlier = [one for item in (await user.list_memories()).items for one in item.previous_versions]
    assert {one.expiration_reason for one in earlier} == REASONS
    for one in earlier:
        assert uuid.UUID(one.memory_id)
        assert one.expired_at.utcoffset() == timedelta(0)
        assert one.created_at < one.expired_at
        assert one.event_date_start <= one.event_date_end
        assert one.content.startswith("User")


@pytest.mark.check(131)
async def test_without_a_record_no_conflict_is_named(raw: Raw) -> None:
    user, _ = await moved(raw)
    assert await conflicts(raw, user) == []
    for item in await memories(raw, user):
        assert item["merge_conflict_id"] is None
        assert {one["merge_conflict_id"] for one in item["previous_versions"]} <= {None}
        for one in item["previous_versions"]:
            assert (await memory(raw, user, one["memory_id"]))["merge_conflict_id"] is None


@pytest.mark.check(131)
async def test_an_open_conflict_is_not_named_by_the_memory_it_concerns(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY)
    (item,) = await memories(raw, user)
    assert item["merge_conflict_in_progress"] is True
    assert item["merge_conflict_id"] is None


@pytest.mark.check(132)
async def test_one_memory_has_no_envelope(raw: Raw) -> None:
    user, _ = await moved(raw)
    for item in await memories(raw, user):
        assert await memory(raw, user, item["memory_id"]) == item
    for unknown in (str(uuid.uuid4()), "not-a-uuid"):
        answer = await raw.get(f"{user}/memory/{unknown}")
        assert answer.status_code == 404
        assert answer.json() == {"detail": f"Memory {unknown} not found"}
    answer = await raw.get(f"/users/nobody/memory/{uuid.uuid4()}")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "User nobody not found"}


@pytest.mark.check(132)
@pytest.mark.drivers(*RELEASED)
async def test_a_client_raises_its_general_error_for_an_unknown_memory(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    with pytest.raises(driver.errors.RecallrAIError) as raised:
        await user.get_memory(str(uuid.uuid4()))
    assert type(raised.value) is driver.errors.RecallrAIError
    assert raised.value.http_status == 404


@pytest.mark.check(133)
async def test_an_earlier_version_can_be_read_by_its_id(driver: Driver) -> None:
    user, _ = await moved_by(driver)
    for item in (await user.list_memories()).items:
        for earlier in item.previous_versions:
            found = await user.get_memory(earlier.memory_id)
            for name in ("memory_id", "content", "created_at", "expired_at", "expiration_reason"):
                assert getattr(found, name) == getattr(earlier, name), name
            assert found.expired_at is not None
            assert found.version_number == earlier.version_number
            assert found.total_versions == item.total_versions
            assert len(found.previous_versions) == found.version_number - 1


@pytest.mark.check(139)
async def test_a_version_is_dated_by_its_session_and_expires_by_the_clock(raw: Raw) -> None:
    user = await raw.user()
    clock = raw.service.clock
    before = clock()
    await raw.told(user, "I live in Porto.", custom_created_at_utc=FIRST_DAY)
    between = clock()
    await raw.told(user, "I moved to Lisbon.", custom_created_at_utc=SECOND_DAY)
    after = clock()
    (item,) = await memories(raw, user)
    (earlier,) = item["previous_versions"]
    assert datetime.fromisoformat(item["created_at"]) == datetime.fromisoformat(SECOND_DAY)
    assert datetime.fromisoformat(earlier["created_at"]) == datetime.fromisoformat(FIRST_DAY)
    expired_at = datetime.fromisoformat(earlier["expired_at"])
    assert before < between < expired_at < after


@pytest.mark.check(139)
async def test_a_session_told_late_takes_its_place_in_the_history(raw: Raw) -> None:
    user = await raw.user()
    for day, text in (TOWNS[0], TOWNS[3]):
        await raw.told(user, text, custom_created_at_utc=day)
    await raw.told(user, "I live in Braga.", custom_created_at_utc=TOWNS[2][0])
    (item,) = await memories(raw, user)
    contents = [item["content"], *(one["content"] for one in item["previous_versions"])]
    assert [content.split()[-1] for content in contents] == ["Faro", "Braga", "Porto"]
    dates = [item["created_at"], *(one["created_at"] for one in item["previous_versions"])]
    said = [datetime.fromisoformat(TOWNS[number][0]) for number in (3, 2, 0)]
    assert [datetime.fromisoformat(date) for date in dates] == said


@pytest.mark.check(140)
async def test_events_are_whole_days(raw: Raw) -> None:
    user = await raw.user()
    await raw.told(
        user,
        "I like green tea.",
        "I moved to Lisbon last Friday.",
        "I visited Madrid in March 2023.",
        custom_created_at_utc="2024-01-05T21:30:00Z",
    )
    days = {}
    for item in await memories(raw, user):
        start, end = (datetime.fromisoformat(item[name]) for name in DATES[:2])
        assert (start.hour, start.minute, start.second, start.microsecond) == (0, 0, 0, 0)
        assert (end.hour, end.minute) == (23, 59)
        days[item["content"].split()[1]] = (start.date().isoformat(), end.date().isoformat())
    assert days == {
        "likes": ("2024-01-05", "2024-01-05"),
        "moved": ("2023-12-29", "2023-12-29"),
        "visited": ("2023-03-01", "2023-03-31"),
    }


@pytest.mark.check(141)
async def test_deleting_a_category_keeps_its_memories(raw: Raw) -> None:
    ids = categories_of(raw, PETS, MUSIC)
    user = await raw.user()
    await raw.told(user, PET_SAID, MUSIC_SAID)
    before = await memories(raw, user)
    assert any("pets" in item["categories"] for item in before)
    raw.service.admin.delete_category(raw.credentials.project_id, ids["pets"])
    after = await memories(raw, user)
    assert [item["memory_id"] for item in after] == [item["memory_id"] for item in before]
    for item, earlier in zip(after, before, strict=True):
        assert item["categories"] == [one for one in earlier["categories"] if one != "pets"]
    answer = await raw.get(f"{user}/memories", params={"categories": "pets"})
    assert answer.status_code == 400


@pytest.mark.check(141)
async def test_a_new_category_is_not_applied_to_old_memories(raw: Raw) -> None:
    user = await raw.user()
    await raw.told(user, PET_SAID)
    categories_of(raw, PETS)
    assert {tuple(item["categories"]) for item in await memories(raw, user)} == {()}
    assert await memories(raw, user, categories="pets") == []
    await raw.told(user, "I have a cat named Kiwi.")
    labelled = await memories(raw, user, categories="pets")
    assert labelled
    assert all("Kiwi" in item["content"] or "cat" in item["content"] for item in labelled)
