"""Checks 142 to 154: statements that cannot both be true, and what the user says about them."""

import asyncio
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.conformance.drivers import REMOTE, Driver, Raw
from tests.conformance.stories import (
    BIRTHDAY,
    BLOOD_TYPE,
    FIRST_DAY,
    SECOND_DAY,
    THIRD_DAY,
    conflicts,
    contradicted,
    contradicted_by,
    memories,
)

KEYS = {
    "id",
    "conflict_id",
    "project_user_session_id",
    "proposed_memory_content",
    "new_memories",
    "conflicting_memories",
    "clarifying_questions",
    "status",
    "resolution_data",
    "created_at",
    "resolved_at",
}
CONFLICTING_KEYS = {
    "memory_id",
    "content",
    "reason",
    "event_date_start",
    "event_date_end",
    "created_at",
}
NEW_KEYS = CONFLICTING_KEYS - {"reason"}
REFUSALS = (
    "already resolved",
    "Invalid questions provided",
    "Missing answers for the following questions",
    "Invalid answer",
)
"""What clients look for in a refusal, in the order in which they do."""


def answered(conflict: dict[str, Any], text: str, message: str | None = None) -> dict[str, Any]:
    """Answers that choose, for each question, the option that has a text."""
    return {
        "question_answers": [
            {
                "question": asked["question"],
                "answer": next(one for one in asked["options"] if text in one),
                "message": message,
            }
            for asked in conflict["clarifying_questions"]
        ]
    }


def chosen(driver: Driver, conflict: Any, text: str, message: str | None = None) -> list[Any]:
    """`answered` for a client's conflict."""
    return [
        driver.models.MergeConflictAnswer(
            question=asked.question,
            answer=next(one for one in asked.options if text in one),
            message=message,
        )
        for asked in conflict.clarifying_questions
    ]


async def only_conflict(raw: Raw, user: str) -> dict[str, Any]:
    (conflict,) = await conflicts(raw, user)
    return conflict


async def resolve(raw: Raw, user: str, conflict: dict[str, Any], body: Any) -> Any:
    return await raw.post(f"{user}/merge-conflicts/{conflict['id']}/resolve", json=body)


async def settled(raw: Raw, user: str, conflict: dict[str, Any]) -> dict[str, Any]:
    """The conflict once it is neither in the queue nor being resolved."""
    for _ in range(2_000):
        answer = await raw.get(f"{user}/merge-conflicts/{conflict['id']}")
        found: dict[str, Any] = answer.json()["conflict"]
        if found["status"] not in ("IN_QUEUE", "RESOLVING"):
            return found
        await asyncio.sleep(0.005)
    raise AssertionError(f"the conflict was still {found['status']}")


async def settled_with(raw: Raw, user: str, text: str) -> dict[str, Any]:
    """Answer the user's one conflict; it, settled."""
    conflict = await only_conflict(raw, user)
    answer = await resolve(raw, user, conflict, answered(conflict, text))
    assert answer.status_code == 200, answer.text
    return await settled(raw, user, conflict)


@pytest.mark.check(142)
async def test_without_the_switch_the_newer_statement_holds(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY, merge_conflict_enabled=None)
    assert await conflicts(raw, user) == []
    (item,) = await memories(raw, user)
    assert "4 June 1990" in item["content"]
    assert item["merge_conflict_in_progress"] is False
    (earlier,) = item["previous_versions"]
    assert "3 May 1990" in earlier["content"]
    assert earlier["expiration_reason"] == "MERGE_CONFLICT"
    assert earlier["merge_conflict_id"] is None


@pytest.mark.check(143)
@pytest.mark.parametrize(
    ("project", "user_switch", "raised"),
    [
        (False, None, 0),
        (True, None, 1),
        (False, True, 1),
        (True, True, 1),
        (False, False, 0),
        (True, False, 0),
    ],
)
async def test_the_users_switch_is_stronger_than_the_projects(
    raw: Raw, project: bool, user_switch: bool | None, raised: int
) -> None:
    raw.service.admin.update_project(raw.credentials.project_id, merge_conflict_enabled=project)
    user = await contradicted(raw, BIRTHDAY, merge_conflict_enabled=user_switch)
    found = await conflicts(raw, user)
    assert [one["status"] for one in found] == ["PENDING"] * raised
    (item,) = await memories(raw, user)
    assert ("3 May 1990" in item["content"]) is bool(raised), "what is held stays while asking"


@pytest.mark.check(143)
async def test_the_switch_can_be_turned_later(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    await driver.told(user, BIRTHDAY[0], custom_created_at_utc=datetime.fromisoformat(FIRST_DAY))
    await user.update(merge_conflict_enabled=True)
    await driver.told(user, BIRTHDAY[1], custom_created_at_utc=datetime.fromisoformat(SECOND_DAY))
    assert (await user.list_merge_conflicts()).total == 1


@pytest.mark.check(144)
async def test_a_conflict_has_all_keys(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY)
    conflict = await only_conflict(raw, user)
    answer = await raw.get(f"{user}/merge-conflicts/{conflict['id']}")
    assert answer.json() == {"conflict": conflict}
    assert set(conflict) >= KEYS
    assert uuid.UUID(conflict["id"])
    assert conflict["conflict_id"] == conflict["id"]
    assert conflict["status"] == "PENDING"
    assert "4 June 1990" in conflict["proposed_memory_content"]
    session = await raw.get(f"{user}/sessions/{conflict['project_user_session_id']}")
    created_at = datetime.fromisoformat(session.json()["session"]["created_at"])
    assert created_at == datetime.fromisoformat(SECOND_DAY)
    (held,) = conflict["conflicting_memories"]
    assert set(held) >= CONFLICTING_KEYS
    assert [name for name in CONFLICTING_KEYS if not held[name]] == []
    assert "3 May 1990" in held["content"]
    (item,) = await memories(raw, user)
    assert held["memory_id"] == item["memory_id"]
    (question,) = conflict["clarifying_questions"]
    assert set(question) == {"question", "options"}
    assert len(question["options"]) >= 2
    for name in ("new_memories", "resolution_data", "resolved_at"):
        assert conflict[name] is None
    assert datetime.fromisoformat(conflict["created_at"]).utcoffset() == timedelta(0)


@pytest.mark.check(144)
async def test_every_client_reads_a_conflict(driver: Driver) -> None:
    user = await contradicted_by(driver, BIRTHDAY)
    listed = await user.list_merge_conflicts()
    (conflict,) = listed.conflicts
    assert (listed.total, listed.has_more) == (1, False)
    assert conflict.status == "PENDING"
    assert "4 June 1990" in conflict.proposed_memory_content
    assert ["3 May 1990" in one.content for one in conflict.conflicting_memories] == [True]
    assert all(one.reason for one in conflict.conflicting_memories)
    assert all(len(one.options) >= 2 for one in conflict.clarifying_questions)
    read = await user.get_merge_conflict(id_of(conflict))
    assert id_of(read) == id_of(conflict)


def id_of(conflict: Any) -> str:
    """A conflict's id, under whichever name the client has it."""
    found = getattr(conflict, "conflict_id", None) or conflict.id
    assert isinstance(found, str)
    return found


@pytest.mark.check(145)
async def test_conflicts_can_be_filtered_sorted_and_paged(raw: Raw) -> None:
    user = await contradicted(
        raw, BIRTHDAY, BLOOD_TYPE, ("I am allergic to fish.", "I am not allergic to fish.")
    )
    path = f"{user}/merge-conflicts"
    by_creation = await conflicts(raw, user, sort_by="created_at", sort_order="asc")
    count = len(by_creation)
    assert count >= 2
    # As text one with no fraction of a second stands behind the others of that second.
    created = [datetime.fromisoformat(one["created_at"]) for one in by_creation]
    assert created == sorted(created)
    ids = [one["id"] for one in by_creation]
    assert [one["id"] for one in await conflicts(raw, user)] == ids[::-1], "newest first"
    # Settled in an order that is not that of their creation.
    for conflict in (by_creation[1], by_creation[0]):
        assert (await resolve(raw, user, conflict, answered(conflict, "User"))).status_code == 200
        assert (await settled(raw, user, conflict))["status"] == "RESOLVED"
    resolved = await conflicts(
        raw, user, status="RESOLVED", sort_by="resolved_at", sort_order="asc"
    )
    assert [one["id"] for one in resolved] == [ids[1], ids[0]]
    resolved = await conflicts(raw, user, status="RESOLVED", sort_by="resolved_at")
    assert [one["id"] for one in resolved] == [ids[0], ids[1]]
    assert [one["id"] for one in await conflicts(raw, user, status="PENDING")] == ids[:1:-1]
    for status in ("IN_QUEUE", "RESOLVING", "FAILED"):
        assert await conflicts(raw, user, status=status) == []
    first = (await raw.get(path, params={"limit": 1, "sort_order": "asc"})).json()
    assert [one["id"] for one in first["conflicts"]] == ids[:1]
    assert (first["total"], first["has_more"]) == (count, True)
    params = {"limit": 1, "offset": count - 1, "sort_order": "asc"}
    last = (await raw.get(path, params=params)).json()
    assert [one["id"] for one in last["conflicts"]] == ids[-1:]
    assert (last["total"], last["has_more"]) == (count, False)


@pytest.mark.check(145)
async def test_parameters_of_the_list_have_their_ranges(raw: Raw) -> None:
    path = f"{await raw.user()}/merge-conflicts"
    for params, status in (
        ({"limit": 1}, 200),
        ({"limit": 100}, 200),
        ({"limit": 0}, 422),
        ({"limit": 101}, 422),
        ({"offset": -1}, 422),
        ({"status": "pending"}, 422),
        ({"status": "PROCESSED"}, 422),
        ({"sort_by": "status"}, 422),
        ({"sort_order": "up"}, 422),
        ({"sort_order": "asc", "sort_by": "resolved_at", "status": "FAILED"}, 200),
    ):
        answer = await raw.get(path, params=params)
        assert answer.status_code == status, params
        if status == 200:
            assert answer.json() == {"conflicts": [], "total": 0, "has_more": False}


@pytest.mark.check(145)
async def test_ten_conflicts_are_on_a_page_if_not_said(raw: Raw) -> None:
    foods = ("peanuts", "eggs", "milk", "soy", "wheat", "sesame", "mustard", "celery", "fish")
    foods += ("lupin", "shellfish")
    pairs = [(f"I am allergic to {food}.", f"I am not allergic to {food}.") for food in foods]
    user = await raw.user(merge_conflict_enabled=True)
    await raw.told(user, *(first for first, _ in pairs), custom_created_at_utc=FIRST_DAY)
    await raw.told(user, *(second for _, second in pairs), custom_created_at_utc=SECOND_DAY)
    page = (await raw.get(f"{user}/merge-conflicts")).json()
    assert (len(page["conflicts"]), page["total"], page["has_more"]) == (10, 11, True)
    params = {"offset": 10}
    page = (await raw.get(f"{user}/merge-conflicts", params=params)).json()
    assert (len(page["conflicts"]), page["total"], page["has_more"]) == (1, 11, False)


@pytest.mark.check(145)
async def test_every_client_filters_and_sorts_conflicts(driver: Driver) -> None:
    user = await contradicted_by(driver, BIRTHDAY, BLOOD_TYPE)
    pending = driver.models.MergeConflictStatus.PENDING
    oldest_first = await user.list_merge_conflicts(status=pending, sort_order="asc")
    newest_first = await user.list_merge_conflicts(sort_by="created_at", sort_order="desc")
    ids = [id_of(one) for one in oldest_first.conflicts]
    assert len(ids) == 2
    assert [id_of(one) for one in newest_first.conflicts] == ids[::-1]
    resolved = driver.models.MergeConflictStatus.RESOLVED
    assert (await user.list_merge_conflicts(status=resolved)).total == 0


@pytest.mark.check(146)
async def test_memories_say_that_a_conflict_is_in_progress_until_it_is_settled(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY)
    await raw.told(user, "I like green tea.", custom_created_at_utc=THIRD_DAY)

    async def in_progress() -> dict[str, bool]:
        return {
            item["content"].split()[1]: item["merge_conflict_in_progress"]
            for item in await memories(raw, user)
        }

    assert await in_progress() == {"birthday": True, "likes": False}
    assert (await settled_with(raw, user, "3 May"))["status"] == "RESOLVED"
    assert await in_progress() == {"birthday": False, "likes": False}


@pytest.mark.check(147)
@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("message", ["absent", None, "As in my passport."])
async def test_answers_are_understood_with_and_without_wrapping(
    raw: Raw, wrapped: bool, message: str | None
) -> None:
    user = await contradicted(raw, BIRTHDAY)
    conflict = await only_conflict(raw, user)
    body = answered(conflict, "4 June", message)
    if message == "absent":
        for one in body["question_answers"]:
            del one["message"]
    answer = await resolve(raw, user, conflict, {"answers": body} if wrapped else body)
    assert answer.status_code == 200, answer.text
    found = await settled(raw, user, conflict)
    assert found["status"] == "RESOLVED"
    (given,) = found["resolution_data"]["question_answers"]
    assert given["message"] == (None if message == "absent" else message)


@pytest.mark.check(148)
async def test_answers_put_a_conflict_in_the_queue_and_it_is_settled(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY)
    conflict = await only_conflict(raw, user)
    body = answered(conflict, "4 June", "As in my passport.")
    answer = await resolve(raw, user, conflict, {"answers": body})
    assert answer.status_code == 200
    assert set(answer.json()) == {"conflict"}
    queued = answer.json()["conflict"]
    assert queued["status"] == "IN_QUEUE"
    assert queued["id"] == conflict["id"]
    found = await settled(raw, user, conflict)
    assert found["status"] == "RESOLVED"
    resolved_at = datetime.fromisoformat(found["resolved_at"])
    assert resolved_at > datetime.fromisoformat(found["created_at"])
    assert found["resolution_data"]["question_answers"] == body["question_answers"]
    (new,) = found["new_memories"]
    assert set(new) >= NEW_KEYS
    (item,) = await memories(raw, user)
    assert new["memory_id"] == item["memory_id"]
    assert new["content"] == item["content"]
    assert "4 June 1990" in item["content"]


@pytest.mark.check(148)
async def test_what_is_held_stays_when_it_is_said_to_be_right(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY)
    found = await settled_with(raw, user, "3 May")
    assert found["status"] == "RESOLVED"
    (item,) = await memories(raw, user)
    assert "3 May 1990" in item["content"]


@pytest.mark.check(148)
async def test_neither_leaves_neither(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY)
    found = await settled_with(raw, user, "Neither")
    assert found["status"] == "RESOLVED"
    contents = [item["content"] for item in await memories(raw, user)]
    assert not [one for one in contents if "3 May" in one or "4 June" in one]


@pytest.mark.check(148)
async def test_every_client_resolves_a_conflict(driver: Driver) -> None:
    user = await contradicted_by(driver, BIRTHDAY)
    (conflict,) = (await user.list_merge_conflicts()).conflicts
    await conflict.resolve(chosen(driver, conflict, "4 June", "As in my passport."))
    assert conflict.status == "IN_QUEUE"
    for _ in range(2_000):
        await conflict.refresh()
        if conflict.status not in ("IN_QUEUE", "RESOLVING"):
            break
        await asyncio.sleep(0.005)
    assert conflict.status == "RESOLVED"
    assert conflict.resolved_at is not None
    (given,) = conflict.resolution_data["question_answers"]
    assert (given["question"], given["message"]) == (
        conflict.clarifying_questions[0].question,
        "As in my passport.",
    )
    (item,) = (await user.list_memories()).items
    assert "4 June 1990" in item.content
    read = await user.get_merge_conflict(id_of(conflict))
    if driver.name != "node":  # which loses them
        assert [one.memory_id for one in read.new_memories] == [item.memory_id]


@pytest.mark.check(149, 151)
async def test_a_conflict_is_answered_once(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY)
    conflict = await only_conflict(raw, user)
    body = answered(conflict, "4 June")
    at_once = await asyncio.gather(*(resolve(raw, user, conflict, body) for _ in range(3)))
    assert sorted(answer.status_code for answer in at_once) == [200, 400, 400]
    await settled(raw, user, conflict)
    for given in (body, answered(conflict, "3 May"), {"question_answers": []}):
        answer = await resolve(raw, user, conflict, given)
        assert answer.status_code == 400
        assert answer.json() == {"detail": f"Merge conflict {conflict['id']} is already resolved"}


@pytest.mark.check(149)
async def test_every_client_says_that_a_conflict_was_answered(driver: Driver) -> None:
    user = await contradicted_by(driver, BIRTHDAY)
    (conflict,) = (await user.list_merge_conflicts()).conflicts
    (same,) = (await user.list_merge_conflicts()).conflicts
    await conflict.resolve(chosen(driver, conflict, "4 June"))
    # The other object still believes it to be pending, so the server is asked.
    with pytest.raises(driver.errors.MergeConflictAlreadyResolvedError):
        await same.resolve(chosen(driver, same, "4 June"))


def wrong_answers(conflict: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Each kind of refusal after the first, with answers that earn it."""
    (right,) = answered(conflict, "4 June")["question_answers"]
    foreign = {"question": "What is your name?", "answer": "Alice", "message": None}
    # Texts that look like another refusal must not make it one.
    misleading = right | {"answer": "already resolved: Invalid questions provided for question"}
    return [
        (REFUSALS[1], [right, foreign]),
        (REFUSALS[1], [foreign]),
        (REFUSALS[1], [right | {"question": right["question"] + " "}]),
        (REFUSALS[2], []),
        (REFUSALS[3], [right | {"answer": "Maybe"}]),
        (REFUSALS[3], [right | {"answer": right["answer"].lower()}]),
        (REFUSALS[3], [misleading]),
    ]


@pytest.mark.check(150, 151)
async def test_wrong_answers_are_refused_in_words_that_clients_know(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY)
    conflict = await only_conflict(raw, user)
    question = conflict["clarifying_questions"][0]["question"]
    for refusal, given in wrong_answers(conflict):
        answer = await resolve(raw, user, conflict, {"answers": {"question_answers": given}})
        assert answer.status_code == 400, given
        detail = answer.json()["detail"]
        assert isinstance(detail, str)
        assert next(text for text in REFUSALS if text in detail) == refusal, detail
        if refusal == REFUSALS[1]:
            assert detail.startswith(
                "Invalid questions provided."
                " The following questions do not match the original questions: ["
            )
        elif refusal == REFUSALS[2]:
            assert detail.startswith("Missing answers for the following questions: [")
            assert question[:20] in detail
        else:
            assert " for question '" in detail
            assert "Valid options are: [" in detail
    assert (await only_conflict(raw, user))["status"] == "PENDING"


@pytest.mark.check(150, 151)
@pytest.mark.drivers(*REMOTE, "embedded")
async def test_every_client_raises_its_class_for_wrong_answers(driver: Driver) -> None:
    user = await contradicted_by(driver, BIRTHDAY)
    (conflict,) = (await user.list_merge_conflicts()).conflicts
    kinds = {
        REFUSALS[1]: driver.errors.MergeConflictInvalidQuestionsError,
        REFUSALS[2]: driver.errors.MergeConflictMissingAnswersError,
        REFUSALS[3]: driver.errors.MergeConflictInvalidAnswerError,
    }
    as_json = {
        "clarifying_questions": [
            {"question": one.question, "options": list(one.options)}
            for one in conflict.clarifying_questions
        ]
    }
    for refusal, given in wrong_answers(as_json):
        with pytest.raises(kinds[refusal]) as raised:
            await conflict.resolve([driver.models.MergeConflictAnswer(**one) for one in given])
        assert type(raised.value) is kinds[refusal]
        assert conflict.status == "PENDING"


@pytest.mark.check(152)
async def test_an_unknown_conflict_is_told_from_an_unknown_user(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY)
    conflict = await only_conflict(raw, user)
    await raw.user("bob")
    body = {"answers": answered(conflict, "4 June")}
    for unknown in (str(uuid.uuid4()), "not-a-uuid"):
        for answer in await asyncio.gather(
            raw.get(f"{user}/merge-conflicts/{unknown}"),
            raw.post(f"{user}/merge-conflicts/{unknown}/resolve", json=body),
        ):
            assert answer.status_code == 404
            assert answer.json() == {"detail": f"Merge conflict {unknown} not found"}
    found = await raw.get(f"/users/bob/merge-conflicts/{conflict['id']}")
    assert found.status_code == 404, "it is another user's"
    for answer in await asyncio.gather(
        raw.get("/users/nobody/merge-conflicts"),
        raw.get(f"/users/nobody/merge-conflicts/{conflict['id']}"),
        raw.post(f"/users/nobody/merge-conflicts/{conflict['id']}/resolve", json=body),
    ):
        assert answer.status_code == 404
        assert answer.json() == {"detail": "User nobody not found"}


@pytest.mark.check(152)
async def test_every_client_raises_its_class_for_what_is_missing(driver: Driver) -> None:
    user = await contradicted_by(driver, BIRTHDAY)
    (conflict,) = (await user.list_merge_conflicts()).conflicts
    with pytest.raises(driver.errors.MergeConflictNotFoundError):
        await user.get_merge_conflict(str(uuid.uuid4()))
    await user.delete()
    for call, *arguments in (
        (user.list_merge_conflicts,),
        (user.get_merge_conflict, id_of(conflict)),
        (conflict.refresh,),
        (conflict.resolve, chosen(driver, conflict, "4 June")),
    ):
        with pytest.raises(driver.errors.UserNotFoundError):
            await call(*arguments)


@pytest.mark.check(153)
async def test_answers_of_another_form_are_refused(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY)
    conflict = await only_conflict(raw, user)
    (right,) = answered(conflict, "4 June")["question_answers"]
    for body in (
        {},
        [],
        "4 June",
        None,
        {"answers": None},
        {"answers": []},
        {"answers": {}},
        {"answers": {"question_answers": right}},
        {"question_answers": None},
        {"question_answers": ["4 June"]},
        {"question_answers": [{"question": right["question"]}]},
        {"question_answers": [{"answer": right["answer"]}]},
        {"question_answers": [right | {"answer": None}]},
        {"question_answers": [right | {"answer": 4}]},
        {"question_answers": [right | {"message": 4}]},
    ):
        answer = await resolve(raw, user, conflict, body)
        assert answer.status_code == 422, body
        assert isinstance(answer.json()["detail"], list), body
    broken = await raw.post(
        f"{user}/merge-conflicts/{conflict['id']}/resolve",
        content=b'{"question_answers": [',
        headers={"Content-Type": "application/json"},
    )
    assert broken.status_code == 422
    assert (await only_conflict(raw, user))["status"] == "PENDING"


@pytest.mark.check(154, 131)
async def test_what_a_settlement_superseded_names_the_conflict(raw: Raw) -> None:
    user = await contradicted(raw, BIRTHDAY)
    conflict = await settled_with(raw, user, "4 June")
    (item,) = await memories(raw, user)
    assert item["merge_conflict_id"] is None
    (earlier,) = item["previous_versions"]
    assert earlier["memory_id"] == conflict["conflicting_memories"][0]["memory_id"]
    assert earlier["expiration_reason"] == "MERGE_CONFLICT"
    assert earlier["merge_conflict_id"] == conflict["id"]
    read = (await raw.get(f"{user}/memory/{earlier['memory_id']}")).json()
    assert read["merge_conflict_id"] == conflict["id"]
    assert read["expiration_reason"] == "MERGE_CONFLICT"
    assert (await raw.get(f"{user}/merge-conflicts/{read['merge_conflict_id']}")).status_code == 200
    session = await raw.session(user, "When is my birthday?")
    context = (await raw.get(f"{session}/context")).json()["context"]
    assert f"<merge_conflict_history>\nSettled by merge conflict {conflict['id']}." in context
    assert "# Here are some pending merge conflicts" not in context
