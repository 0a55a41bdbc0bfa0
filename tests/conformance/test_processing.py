"""Checks 61 and 67 to 77: how a session is processed, and what becomes of what it brought."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests import databases
from tests.conformance.drivers import (
    EMBEDDED,
    OURS,
    Driver,
    Raw,
    embedded_driver,
    raw_client,
    remote_driver,
)
from tests.conformance.service import QUICK, Credentials, Service, serving
from tests.databases import NewDatabase

from hitherto import ExpirationReason, Parts
from hitherto.inference import LocalInference
from hitherto.models import Extraction

FIRST_DAY = datetime(2024, 1, 5, 9, 0, tzinfo=UTC)
SECOND_DAY = datetime(2024, 6, 5, 9, 0, tzinfo=UTC)
THIRD_DAY = datetime(2025, 1, 5, 9, 0, tzinfo=UTC)


class SteeredInference(LocalInference):
    """Understands sessions when it is told to, and fails when it is told to.

    holding: nothing is understood as long as this is set. failing: nor ever, as long as this is.
    sessions_begun: how many tries there were.
    """

    def __init__(self) -> None:
        super().__init__()
        self.holding = False
        self.failing = False
        self.sessions_begun = 0

    async def extract(self, *told: Any, **named: Any) -> Extraction:
        self.sessions_begun += 1
        while self.holding:  # noqa: ASYNC110  turned by threads with other event loops
            await asyncio.sleep(0.002)
        if self.failing:
            raise RuntimeError("the model cannot be reached")
        return await super().extract(*told, **named)


@dataclass(frozen=True, slots=True)
class SteeredService:
    """A server, the file that it serves, and what steers it."""

    service: Service
    path: Path
    inference: SteeredInference


@pytest.fixture(scope="module")
def steered_service(new_shared_database: NewDatabase) -> Iterator[SteeredService]:
    """A server whose inference is steered."""
    path = new_shared_database()
    inference = SteeredInference()
    with serving(path, parts=Parts(inference=inference)) as service:
        yield SteeredService(service, path, inference)


@pytest.fixture
def inference(steered_service: SteeredService) -> Iterator[SteeredInference]:
    """What steers, for the time of a test."""
    yield steered_service.inference
    steered_service.inference.holding = steered_service.inference.failing = False


@pytest.fixture
async def steered(
    request: pytest.FixtureRequest,
    new_database: NewDatabase,
    steered_service: SteeredService,
    inference: SteeredInference,
) -> AsyncIterator[Driver]:
    """Each way in to a server, or to a file, whose inference is steered."""
    if request.param == EMBEDDED:
        async with embedded_driver(new_database(), inference=inference) as opened:
            yield opened
            inference.holding = False
        return
    service = steered_service.service
    async with remote_driver(request.param, service, service.project()) as opened:
        yield opened


@pytest.fixture
async def steered_raw(
    steered_service: SteeredService, inference: SteeredInference
) -> AsyncIterator[Raw]:
    """Plain HTTP to the server whose inference is steered."""
    service = steered_service.service
    async with raw_client(service, service.project()) as opened:
        yield opened


async def in_work(driver: Driver, inference: SteeredInference) -> tuple[Any, Any]:
    """A user, and a session of theirs that is being processed and stays so."""
    inference.holding = True
    user = await driver.client.create_user("alice")
    session = await user.create_session()
    await driver.say(session, "I live in Porto.")
    await session.process()
    await session.refresh()
    assert session.status == "processing"
    return user, session


async def failed(driver: Driver, inference: SteeredInference) -> tuple[Any, Any]:
    """A user, and a session of theirs that could not be processed."""
    inference.failing = True
    user = await driver.client.create_user("alice")
    session = await user.create_session()
    await driver.say(session, "I live in Porto.")
    await session.process()
    await driver.settled(session)
    assert session.status == "failed"
    return user, session


def out_of_balance(path: Path, session_path: str) -> None:
    """Give a session the status that only a hosted service gives; no call leads to it here."""
    changed = databases.change(
        path,
        "update sessions set status = 'insufficient_balance', due_at = null where session_id = ?",
        session_path.rpartition("/")[2],
    )
    assert changed == 1


@pytest.mark.check(61)
async def test_metadata_can_be_changed_in_every_status(
    steered: Driver, inference: SteeredInference
) -> None:
    user, session = await in_work(steered, inference)
    await session.update(new_metadata={"while": "processing"})
    assert (await user.get_session(session.session_id)).metadata == {"while": "processing"}
    inference.failing, inference.holding = True, False
    await steered.settled(session)
    assert session.status == "failed"
    await session.update(new_metadata={"while": "failed"})
    inference.failing = False
    await session.process()
    await steered.settled(session)
    assert (session.status, session.metadata) == ("processed", {"while": "failed"})
    await session.update(new_metadata={"while": "processed"})
    assert (await user.get_session(session.session_id)).metadata == {"while": "processed"}


@pytest.mark.check(61)
async def test_metadata_can_be_changed_without_balance(
    steered_raw: Raw, steered_service: SteeredService
) -> None:
    user = await steered_raw.user()
    session = await steered_raw.session(user, "Hi.")
    out_of_balance(steered_service.path, session)
    answer = await steered_raw.put(session, json={"new_metadata": {"a": 1}})
    assert answer.status_code == 200
    shown = answer.json()["session"]
    assert (shown["status"], shown["metadata"]) == ("insufficient_balance", {"a": 1})
    page = (await steered_raw.get(f"{user}/sessions?status_filter=insufficient_balance")).json()
    assert page["total"] == 1


@pytest.mark.check(67)
async def test_nothing_is_added_once_processing_has_begun(
    steered: Driver, inference: SteeredInference
) -> None:
    _, session = await in_work(steered, inference)
    for status in ("processing", "processed"):
        with pytest.raises(steered.errors.InvalidSessionStateError) as refused:
            await steered.say(session, "I have a dog.")
        assert refused.value.http_status == 400
        assert status in refused.value.message
        assert (await session.get_messages()).total == 1
        inference.holding = False
        await steered.settled(session)


@pytest.mark.check(67)
async def test_adding_too_late_is_answered_with_400_and_a_text(raw: Raw) -> None:
    session = await raw.told(await raw.user(), "I live in Porto.")
    answer = await raw.post(f"{session}/add-message", json={"message": "Hi.", "role": "user"})
    assert answer.status_code == 400
    assert answer.json() == {"detail": "Cannot add message to session with status processed"}


@pytest.mark.check(68)
async def test_nothing_is_added_to_a_failed_session(
    steered: Driver, inference: SteeredInference
) -> None:
    _, session = await failed(steered, inference)
    with pytest.raises(steered.errors.InvalidSessionStateError) as refused:
        await steered.say(session, "I have a dog.")
    assert refused.value.http_status == 400
    assert (await session.get_messages()).total == 1


@pytest.mark.check(68)
async def test_nothing_is_added_without_balance(
    steered_raw: Raw, steered_service: SteeredService
) -> None:
    session = await steered_raw.session(await steered_raw.user(), "Hi.")
    out_of_balance(steered_service.path, session)
    body = {"message": "Hi again.", "role": "user"}
    answer = await steered_raw.post(f"{session}/add-message", json=body)
    assert answer.status_code == 400
    assert "insufficient_balance" in answer.json()["detail"]


@pytest.mark.check(69)
async def test_process_answers_before_the_work_is_done(
    steered: Driver, inference: SteeredInference
) -> None:
    user, session = await in_work(steered, inference)
    assert (await user.list_memories()).total == 0
    known = steered.models.SessionStatus
    page = await user.list_sessions(status_filter=[known.PROCESSING])
    assert page.total == 1
    inference.holding = False
    await steered.settled(session)
    assert session.status == "processed"
    assert (await user.list_memories()).total == 1


@pytest.mark.check(69)
async def test_process_is_answered_with_200_and_an_object(
    steered_raw: Raw, inference: SteeredInference
) -> None:
    inference.holding = True
    user = await steered_raw.user()
    session = ""
    # The worker is busy with the first: the second is processing from the moment it is asked for.
    for text in ("I live in Porto.", "I have a dog."):
        session = await steered_raw.session(user, text)
        answer = await steered_raw.post(f"{session}/process")
        assert answer.status_code == 200
        assert isinstance(answer.json(), dict)
        read = (await steered_raw.get(session)).json()["session"]
        assert read["status"] == "processing"
    inference.holding = False
    assert await steered_raw.settled(session) == "processed"


@pytest.mark.check(70)
async def test_what_is_in_work_or_done_is_not_processed_again(
    steered: Driver, inference: SteeredInference
) -> None:
    user, session = await in_work(steered, inference)
    for status in ("processing", "processed"):
        with pytest.raises(steered.errors.InvalidSessionStateError) as refused:
            await session.process()
        assert refused.value.http_status == 400
        assert status in refused.value.message
        inference.holding = False
        await steered.settled(session)
    assert (await user.list_memories()).total == 1


@pytest.mark.check(71)
async def test_a_failed_session_can_be_processed_again(
    steered: Driver, inference: SteeredInference
) -> None:
    user, session = await failed(steered, inference)
    await session.process()
    await steered.settled(session)
    assert session.status == "failed"
    inference.failing = False
    await session.process()
    await steered.settled(session)
    assert session.status == "processed"
    assert (await user.list_memories()).total == 1


@pytest.mark.check(71)
async def test_trying_again_is_answered_with_200(
    steered_raw: Raw, inference: SteeredInference
) -> None:
    inference.failing = True
    session = await steered_raw.session(await steered_raw.user(), "I live in Porto.")
    for _ in range(2):
        assert (await steered_raw.post(f"{session}/process")).status_code == 200
        assert await steered_raw.settled(session) == "failed"


@pytest.mark.check(72)
async def test_of_two_calls_at_once_one_is_served(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    session = await user.create_session()
    await driver.say(session, "I live in Porto.")
    same = await user.get_session(session.session_id)
    ended = await asyncio.gather(
        *(one.process() for one in (session, same) * 3), return_exceptions=True
    )
    assert ended.count(None) == 1
    assert all(
        isinstance(one, driver.errors.InvalidSessionStateError) for one in ended if one is not None
    )
    await driver.settled(session)
    assert (await user.list_memories()).total == 1


async def passed_by(driver: Driver, user: Any) -> None:
    """Let the worker go once over what is due for this user, the oldest sessions first."""
    await driver.told(user, "Nothing of note.")


@pytest.mark.check(73)
async def test_inactivity_leads_to_processing_and_messages_put_it_off(steered: Driver) -> None:
    user = await steered.client.create_user("alice")
    session = await user.create_session(auto_process_after_seconds=600)
    patient = await user.create_session(auto_process_after_seconds=7_200)
    for _ in range(3):
        await steered.say(session, "I live in Porto.")
        steered.clock.advance(590)
        await passed_by(steered, user)
        await session.refresh()
        assert session.status == "pending"
    steered.clock.advance(15)
    await steered.settled(session)
    assert session.status == "processed"
    assert (await user.list_memories()).total >= 1
    await patient.refresh()
    assert patient.status == "pending"


@pytest.mark.check(73)
@pytest.mark.drivers(*OURS)
async def test_our_client_can_switch_that_off(steered: Driver) -> None:
    user = await steered.client.create_user("alice")
    session = await user.create_session(auto_process_after_seconds=None)
    await steered.say(session, "I live in Porto.")
    steered.clock.advance(86_400)
    await passed_by(steered, user)
    await session.refresh()
    assert session.status == "pending"


@pytest.mark.check(74)
@pytest.mark.parametrize("year", [2019, 2039])
async def test_the_sessions_own_date_has_nothing_to_do_with_it(steered: Driver, year: int) -> None:
    user = await steered.client.create_user("alice")
    session = await user.create_session(
        auto_process_after_seconds=600,
        custom_created_at_utc=datetime(year, 3, 4, 12, 0, tzinfo=UTC),
    )
    await steered.say(session, "I live in Porto.")
    steered.clock.advance(300)
    await passed_by(steered, user)
    await session.refresh()
    assert session.status == "pending"
    steered.clock.advance(310)
    await steered.settled(session)
    assert session.status == "processed"


@pytest.mark.check(75)
async def test_failing_inference_ends_in_failed(
    steered: Driver, inference: SteeredInference
) -> None:
    user, session = await failed(steered, inference)
    assert (await user.list_memories()).total == 0
    assert [one.content for one in (await session.get_messages()).messages] == ["I live in Porto."]
    known = steered.models.SessionStatus
    page = await user.list_sessions(status_filter=[known.FAILED])
    assert [one.session_id for one in page.sessions] == [session.session_id]


@pytest.mark.check(75)
@pytest.mark.parametrize("ends_as", ["failed", "processed"])
async def test_what_a_dead_server_had_in_work_is_not_left_in_processing(
    steered_raw: Raw,
    steered_service: SteeredService,
    inference: SteeredInference,
    path: Path,
    ends_as: str,
) -> None:
    inference.holding, begun = True, inference.sessions_begun
    session = await steered_raw.session(await steered_raw.user(), "I live in Porto.")
    await steered_raw.post(f"{session}/process")
    while inference.sessions_begun == begun:  # noqa: ASYNC110  turned by the server's thread
        await asyncio.sleep(0.002)
    databases.copy(steered_service.path, path)
    restarted = SteeredInference()
    restarted.failing = ends_as == "failed"
    clock = steered_service.service.clock
    with serving(path, parts=Parts(inference=restarted), clock=clock) as again:
        given = steered_raw.credentials
        moved = Credentials(again.base_url, given.api_key, given.project_id)
        async with raw_client(again, moved) as raw:
            assert (await raw.get(session)).json()["session"]["status"] == "processing"
            clock.advance(QUICK.lease_s)
            assert await raw.settled(session) == ends_as


@pytest.mark.check(76)
async def test_what_came_from_a_deleted_session_is_gone(driver: Driver) -> None:
    user = await driver.client.create_user("alice", merge_conflict_enabled=True)
    kept = await driver.told(
        user, "My sister Ana lives in Berlin.", "My birthday is on 3 May 1990."
    )
    session = await driver.told(
        user, "My sister Ana plays the cello.", "I was born on 4 June 1990."
    )
    items = (await user.list_memories()).items
    cello = next(item for item in items if "cello" in item.content)
    assert any(item.merge_conflict_in_progress for item in items)
    assert cello.connected_memories
    (conflict,) = (await user.list_merge_conflicts()).conflicts
    await session.delete()
    with pytest.raises(driver.errors.SessionNotFoundError):
        await user.get_session(session.session_id)
    with pytest.raises(driver.errors.SessionNotFoundError):
        await session.get_messages()
    with pytest.raises(driver.errors.MergeConflictNotFoundError):
        await user.get_merge_conflict(conflict.conflict_id)
    with pytest.raises(driver.errors.RecallrAIError) as missing:
        await user.get_memory(cello.memory_id)
    assert missing.value.http_status == 404
    left = (await user.list_memories()).items
    assert {item.session_id for item in left} == {kept.session_id}
    assert not any(item.merge_conflict_in_progress for item in left)
    for item in left:
        assert cello.memory_id not in [one.memory_id for one in item.connected_memories]
    said = [message.session_id for message in (await user.get_last_n_messages(10)).messages]
    assert set(said) == {kept.session_id}
    assert [one.session_id for one in (await user.list_sessions()).sessions] == [kept.session_id]


@pytest.mark.check(76)
async def test_deleting_a_session_is_answered_with_204(raw: Raw) -> None:
    user = await raw.user()
    for session in (await raw.session(user, "Hi."), await raw.told(user, "I live in Porto.")):
        assert (await raw.delete(session)).status_code == 204
        for answer in (await raw.get(session), await raw.delete(session)):
            assert answer.status_code == 404
    assert (await raw.get(f"{user}/memories")).json()["total"] == 0


async def moved_twice(driver: Driver) -> tuple[Any, list[Any]]:
    """A user who lived in three places, and the three sessions that told of it."""
    user = await driver.client.create_user("alice")
    sessions = [
        await driver.told(user, text, custom_created_at_utc=day)
        for text, day in (
            ("I live in Porto.", FIRST_DAY),
            ("I moved to Lisbon.", SECOND_DAY),
            ("I moved to Braga.", THIRD_DAY),
        )
    ]
    (held,) = (await user.list_memories()).items
    assert [place(one) for one in (held, *held.previous_versions)] == ["Braga", "Lisbon", "Porto"]
    return user, sessions


def place(version: Any) -> str:
    """Where a version says that the user lives."""
    return str(version.content.split()[-1].rstrip("."))


@pytest.mark.check(77)
async def test_deleting_the_last_versions_session_brings_the_earlier_back(driver: Driver) -> None:
    user, sessions = await moved_twice(driver)
    await sessions[2].delete()
    (held,) = (await user.list_memories()).items
    assert (place(held), held.version_number, held.total_versions) == ("Lisbon", 2, 2)
    assert (held.expired_at, held.expiration_reason) == (None, None)
    assert [place(one) for one in held.previous_versions] == ["Porto"]


@pytest.mark.check(77)
async def test_deleting_a_middle_versions_session_closes_the_gap(driver: Driver) -> None:
    user, sessions = await moved_twice(driver)
    await sessions[1].delete()
    (held,) = (await user.list_memories()).items
    assert (place(held), held.version_number, held.total_versions) == ("Braga", 2, 2)
    (earlier,) = held.previous_versions
    assert place(earlier) == "Porto"
    assert earlier.expired_at is not None
    assert earlier.expiration_reason == ExpirationReason.TEMPORAL_CONFLICT


@pytest.mark.check(77)
async def test_deleting_the_first_versions_session_leaves_the_later(driver: Driver) -> None:
    user, sessions = await moved_twice(driver)
    await sessions[0].delete()
    (held,) = (await user.list_memories()).items
    assert (place(held), held.version_number, held.total_versions) == ("Braga", 2, 2)
    assert [place(one) for one in held.previous_versions] == ["Lisbon"]
