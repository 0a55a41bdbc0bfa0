"""Administration: projects, keys, categories, preferences and counts."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests import databases
from tests.fakes import HashEmbedder

from hitherto import MessageRole, Parts, SessionStatus, Settings
from hitherto.api import ContextRequest, MemoryApi
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.engine.admin import Admin
from hitherto.errors import (
    AuthenticationError,
    CategoryAlreadyExistsError,
    CategoryNotFoundError,
    InvalidSessionStateError,
    KeyNotFoundError,
    MergeConflictAlreadyResolvedError,
    ProjectNotFoundError,
    SessionNotFoundError,
    UserNotFoundError,
    ValidationError,
)
from hitherto.inference import LocalInference
from hitherto.models import Extraction, GenerationPreferences, MergeConflictStatus
from hitherto.system import System, open_system

UNKNOWN = "00000000-0000-0000-0000-00000000dead"
MALFORMED = ["", "not-a-uuid", "\0", "\ud800", "é" * 300, None, 7]
LISTS = [item.name for item in fields(GenerationPreferences)]


class FailingInference(LocalInference):
    """Inference that fails while `fails` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False

    async def extract(self, *arguments: Any, **named: Any) -> Extraction:
        if self.fails:
            raise ValueError("the oracle is silent")
        return await super().extract(*arguments, **named)


@pytest.fixture
def failing() -> FailingInference:
    return FailingInference()


@pytest.fixture
async def system(
    path: Path, clock: Callable[[], datetime], failing: FailingInference
) -> AsyncIterator[System]:
    settings = Settings(poll_interval_s=0.02, retry_delay_s=0, max_failures=1)
    parts = Parts(embedder=HashEmbedder(), inference=failing, clock=clock)
    opened = await open_system(path, settings, parts)
    yield opened
    await opened.close()


@pytest.fixture
def admin(system: System) -> Admin:
    return Admin(system.resources)


@pytest.fixture
async def project_id(admin: Admin) -> str:
    return (await admin.create_project("Support desk")).project_id


@pytest.fixture
def api(system: System, project_id: str) -> MemoryApi:
    return system.engine(project_id)


async def add_session(api: MemoryApi, user_id: str, *texts: str) -> str:
    """A processed session in which the user said these."""
    session_id = (await api.create_session(user_id)).session_id
    for text in texts:
        await api.add_message(user_id, session_id, MessageRole.USER, text)
    await api.process(user_id, session_id)
    await api.wait_until_processed(timeout_s=20)
    return session_id


# Keys


async def test_a_key_is_shown_once_and_only_its_hash_is_stored(
    admin: Admin, path: Path, project_id: str
) -> None:
    made = await admin.create_key(project_id, name=" backend ")
    assert made.api_key.startswith("rai_")
    assert len(made.api_key) == 4 + 43
    assert made.key.hint == made.api_key[:8]
    assert (made.key.project_id, made.key.name, made.key.revoked_at) == (
        project_id,
        "backend",
        None,
    )
    assert await admin.list_keys(project_id) == [made.key]
    assert databases.values(path, "select key_hash from api_keys") == [
        (hashlib.sha256(made.api_key.encode()).digest(),)
    ]
    assert databases.traces(path, made.api_key[8:]) == 0


async def test_a_key_opens_its_project(admin: Admin, project_id: str) -> None:
    made = await admin.create_key(project_id)
    assert await admin.authenticate(made.api_key, project_id) == made.key


async def test_the_secret_comes_from_the_source_that_is_given(
    system: System, project_id: str
) -> None:
    secret = "s" * 43
    admin = Admin(replace(system.resources, new_secret=lambda: secret))
    assert (await admin.create_key(project_id)).api_key == "rai_" + secret
    assert (await admin.create_admin_key()).api_key == "rca_" + secret


async def test_of_servers_that_start_together_one_makes_the_first_key(
    path: Path, system: System, clock: Callable[[], datetime]
) -> None:
    others = [await open_system(path, Settings(), Parts(HashEmbedder(), clock=clock))]
    admins = [Admin(item.resources) for item in (system, *others)]
    made = await asyncio.gather(
        *(admin.create_first_key(DEFAULT_PROJECT_ID, name="first") for admin in admins * 3)
    )
    assert len([key for key in made if key is not None]) == 1
    assert len(await admins[0].list_keys()) == 1
    for other_store in others:
        await other_store.close()


async def test_two_keys_are_never_the_same(admin: Admin, project_id: str) -> None:
    made = [await admin.create_key(project_id) for _ in range(20)]
    assert len({item.api_key for item in made}) == len({item.key.key_id for item in made}) == 20


async def test_whatever_is_wrong_with_key_or_project_is_answered_alike(
    admin: Admin, project_id: str
) -> None:
    good = (await admin.create_key(project_id)).api_key
    other = (await admin.create_project("Other")).project_id
    foreign = (await admin.create_key(other)).api_key
    revoked = await admin.create_key(project_id)
    await admin.revoke_key(revoked.key.key_id)
    admin_key = (await admin.create_admin_key()).api_key
    wrong: list[tuple[Any, Any]] = [
        *((key, project_id) for key in (foreign, revoked.api_key, admin_key, *MALFORMED)),
        *((key, project_id) for key in (good[:-1], good.upper(), "rai_" + "x" * 43, good + " ")),
        *((good, wrong_id) for wrong_id in (other, UNKNOWN, *MALFORMED)),
        (admin_key, None),
    ]
    for api_key, wrong_project in wrong:
        with pytest.raises(AuthenticationError) as raised:
            await admin.authenticate(api_key, wrong_project)
        assert raised.value.message == "Invalid API key or project ID"
        assert raised.value.http_status == 401
    assert (await admin.authenticate(good, project_id)).project_id == project_id


async def test_an_admin_key_opens_the_admin_api_and_no_project_does(
    admin: Admin, project_id: str
) -> None:
    made = await admin.create_admin_key(name="operations")
    assert made.api_key.startswith("rca_")
    assert await admin.authenticate_admin(made.api_key) == made.key
    assert made.key.project_id is None
    project_key = await admin.create_key(project_id)
    for wrong in (project_key.api_key, "rca_" + "x" * 43, *MALFORMED):
        with pytest.raises(AuthenticationError, match="Invalid admin key"):
            await admin.authenticate_admin(wrong)  # type: ignore[arg-type]
    await admin.revoke_key(made.key.key_id)
    with pytest.raises(AuthenticationError, match="Invalid admin key"):
        await admin.authenticate_admin(made.api_key)


async def test_a_key_is_revoked_once_and_stays_in_the_list(admin: Admin, project_id: str) -> None:
    kept = await admin.create_key(project_id, name="kept")
    made = await admin.create_key(project_id, name="lost")
    revoked = await admin.revoke_key(made.key.key_id)
    assert revoked.revoked_at is not None
    assert await admin.revoke_key(made.key.key_id) == revoked
    assert await admin.list_keys(project_id) == [kept.key, revoked]
    for unknown in (UNKNOWN, "\0", "\ud800"):
        with pytest.raises(KeyNotFoundError):
            await admin.revoke_key(unknown)


async def test_keys_are_listed_by_project_or_all_with_the_admin_keys(
    admin: Admin, project_id: str
) -> None:
    other = (await admin.create_project("Other")).project_id
    made = [
        (await admin.create_key(project_id)).key,
        (await admin.create_admin_key()).key,
        (await admin.create_key(other)).key,
    ]
    assert await admin.list_keys() == made
    assert await admin.list_keys(project_id) == made[:1]
    assert await admin.list_keys(other) == made[2:]


# Projects


async def test_projects_are_made_listed_and_changed(admin: Admin, project_id: str) -> None:
    made = await admin.get_project(project_id)
    assert (made.name, made.merge_conflict_enabled) == ("Support desk", False)
    second = await admin.create_project("  Sales ")
    assert second.name == "Sales"
    listed = [project.project_id for project in await admin.list_projects()]
    assert listed == [DEFAULT_PROJECT_ID, project_id, second.project_id]
    assert await admin.update_project(project_id) == made
    enabled = await admin.update_project(project_id, merge_conflict_enabled=True)
    assert enabled == replace(made, merge_conflict_enabled=True)
    renamed = await admin.update_project(project_id, name="Desk")
    assert renamed == replace(enabled, name="Desk")
    assert await admin.get_project(project_id) == renamed
    assert await admin.get_project(second.project_id) == second


@pytest.mark.parametrize("name", ["", "   ", "x" * 256, "a\0b", "\ud800", 7])
@pytest.mark.refused_unread
async def test_a_name_that_is_none_is_refused(admin: Admin, project_id: str, name: Any) -> None:
    with pytest.raises(ValidationError, match="name"):
        await admin.create_project(name)
    with pytest.raises(ValidationError, match="name"):
        await admin.update_project(project_id, name=name)
    with pytest.raises(ValidationError, match="name"):
        await admin.create_category(project_id, name)
    assert len(await admin.list_projects()) == 2
    assert await admin.list_categories(project_id) == []


CALLS: dict[str, Callable[[Admin, Any], Awaitable[object]]] = {
    "get_project": lambda admin, one: admin.get_project(one),
    "update_project": lambda admin, one: admin.update_project(one, name="x"),
    "delete_project": lambda admin, one: admin.delete_project(one),
    "create_key": lambda admin, one: admin.create_key(one),
    "list_keys": lambda admin, one: admin.list_keys(one),
    "list_categories": lambda admin, one: admin.list_categories(one),
    "create_category": lambda admin, one: admin.create_category(one, "x"),
    "update_category": lambda admin, one: admin.update_category(one, UNKNOWN, name="x"),
    "delete_category": lambda admin, one: admin.delete_category(one, UNKNOWN),
    "get_generation_preferences": lambda admin, one: admin.get_generation_preferences(one),
    "replace_generation_preferences": lambda admin, one: admin.replace_generation_preferences(
        one, GenerationPreferences()
    ),
    "retry_session": lambda admin, one: admin.retry_session(one, "alice", UNKNOWN),
    "retry_merge_conflict": lambda admin, one: admin.retry_merge_conflict(one, "alice", UNKNOWN),
    "counters": lambda admin, one: admin.counters(one),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_project_that_is_not_there_is_told(admin: Admin, call: str) -> None:
    for unknown in (UNKNOWN, "not-a-uuid", "", "\0", "\ud800"):
        with pytest.raises(ProjectNotFoundError, match=r"Project .* not found"):
            await CALLS[call](admin, unknown)


async def test_projects_do_not_see_each_other(admin: Admin, system: System, api: MemoryApi) -> None:
    other = system.engine((await admin.create_project("Other")).project_id)
    await api.create_user("alice", metadata={"of": "one"})
    await other.create_user("alice", metadata={"of": "other"})
    await add_session(api, "alice", "I live in Porto.")
    assert (await other.list_memories("alice")).total == 0
    assert (await api.list_memories("alice")).total == 1
    await api.delete_user("alice")
    assert (await other.get_user("alice")).metadata == {"of": "other"}


async def test_a_deleted_project_leaves_nothing(
    admin: Admin, system: System, api: MemoryApi, project_id: str, path: Path
) -> None:
    await api.create_user("alice")
    kept = system.engine((await admin.create_project("Kept")).project_id)
    await kept.create_user("bob")
    await add_session(kept, "bob", "I live in Faro.")
    session_id = await add_session(api, "alice", "I live in Zwickelheim.")
    await api.get_context("alice", session_id, ContextRequest())
    made = await admin.create_key(project_id)
    await admin.create_category(project_id, "zwickelplaces")
    await admin.replace_generation_preferences(
        project_id, GenerationPreferences(inclusion_instructions=("zwickelwishes",))
    )
    (user_id,) = databases.values(
        path, "select user_id from users where project_id = ?", project_id
    )[0]
    assert user_id in system.resources.index_cache._sets

    await admin.delete_project(project_id)

    assert user_id not in system.resources.index_cache._sets
    with pytest.raises(AuthenticationError):
        await admin.authenticate(made.api_key, project_id)
    with pytest.raises(ProjectNotFoundError):
        await admin.get_project(project_id)
    with pytest.raises(UserNotFoundError):
        await api.get_user("alice")
    columns = databases.columns(path)
    (bob,) = (user_id for (user_id,) in databases.values(path, "select user_id from users"))
    for table, names in columns.items():
        if "project_id" in names:
            left = databases.values(path, f"select * from {table} where project_id = ?", project_id)
            assert left == [], table
        if "user_id" in names:
            left = databases.values(path, f"select * from {table} where user_id <> ?", bob)
            assert left == [], table
    assert databases.traces(path, "wickel") == 0
    assert (await kept.list_memories("bob")).total == 1


# Categories and preferences


async def test_categories_are_made_listed_and_changed(admin: Admin, project_id: str) -> None:
    work = await admin.create_category(project_id, " work ", description=" jobs and tasks ")
    assert (work.name, work.description) == ("work", "jobs and tasks")
    family = await admin.create_category(project_id, "family")
    upper = await admin.create_category(project_id, "Work")
    listed = await admin.list_categories(project_id)
    assert [item.name for item in listed] == ["Work", "family", "work"]
    assert await admin.update_category(project_id, work.category_id) == work
    renamed = await admin.update_category(project_id, work.category_id, name="career")
    assert renamed == replace(work, name="career")
    cleared = await admin.update_category(project_id, work.category_id, description="")
    assert cleared == replace(renamed, description="")
    await admin.delete_category(project_id, upper.category_id)
    assert await admin.list_categories(project_id) == [cleared, family]


async def test_a_category_has_a_name_of_its_own_in_its_project(
    admin: Admin, project_id: str
) -> None:
    work = await admin.create_category(project_id, "work")
    family = await admin.create_category(project_id, "family")
    with pytest.raises(CategoryAlreadyExistsError, match="work already exists"):
        await admin.create_category(project_id, " work")
    with pytest.raises(CategoryAlreadyExistsError):
        await admin.update_category(project_id, family.category_id, name="work")
    assert await admin.update_category(project_id, work.category_id, name="work") == work
    other = (await admin.create_project("Other")).project_id
    foreign = await admin.create_category(other, "work")
    for unknown in (foreign.category_id, UNKNOWN, "", "\0", "\ud800"):
        with pytest.raises(CategoryNotFoundError):
            await admin.update_category(project_id, unknown, name="x")
        with pytest.raises(CategoryNotFoundError):
            await admin.delete_category(project_id, unknown)
    assert await admin.list_categories(other) == [foreign]


async def test_a_description_has_an_end(admin: Admin, project_id: str) -> None:
    longest = await admin.create_category(project_id, "work", description="x" * 2_000)
    for bad in ("x" * 2_001, "a\0b", 7):
        with pytest.raises(ValidationError, match="description"):
            await admin.create_category(project_id, "other", description=bad)  # type: ignore[arg-type]
        with pytest.raises(ValidationError, match="description"):
            await admin.update_category(project_id, longest.category_id, description=bad)  # type: ignore[arg-type]


async def test_preferences_are_empty_until_they_are_replaced_as_a_whole(
    admin: Admin, project_id: str
) -> None:
    other = (await admin.create_project("Other")).project_id
    assert await admin.get_generation_preferences(project_id) == GenerationPreferences()
    wanted = GenerationPreferences(**{name: (f"{name} 1", "ø\n2") for name in LISTS})
    assert await admin.replace_generation_preferences(project_id, wanted) == wanted
    assert await admin.get_generation_preferences(project_id) == wanted
    fewer = GenerationPreferences(positive_examples=("User has a dog",))
    await admin.replace_generation_preferences(project_id, fewer)
    assert await admin.get_generation_preferences(project_id) == fewer
    assert await admin.get_generation_preferences(other) == GenerationPreferences()


@pytest.mark.parametrize("name", LISTS)
async def test_preferences_beyond_their_limits_are_refused(
    admin: Admin, project_id: str, name: str
) -> None:
    fullest = GenerationPreferences(**{name: ("x" * 2_000,) * 100})
    assert await admin.replace_generation_preferences(project_id, fullest) == fullest
    for bad in (("x",) * 101, ("x" * 2_001,), ("",), (" \n",), ("a\0b",), (7,), "text", 7):
        refused = GenerationPreferences(**{name: bad})  # type: ignore[arg-type]
        with pytest.raises(ValidationError, match=name):
            await admin.replace_generation_preferences(project_id, refused)
    assert await admin.get_generation_preferences(project_id) == fullest


# What failed, and how much there is


async def test_a_failed_session_is_processed_again_and_no_other(
    admin: Admin, api: MemoryApi, failing: FailingInference, project_id: str
) -> None:
    await api.create_user("alice")
    failing.fails = True
    session_id = await add_session(api, "alice", "I live in Porto.")
    assert (await api.get_session("alice", session_id)).status is SessionStatus.FAILED
    failing.fails = False
    retried = await admin.retry_session(project_id, "alice", session_id)
    assert (retried.status, retried.failure_reason) == (SessionStatus.PROCESSING, None)
    await api.wait_until_processed(timeout_s=20)
    assert (await api.list_memories("alice")).total == 1
    with pytest.raises(InvalidSessionStateError, match="with status processed"):
        await admin.retry_session(project_id, "alice", session_id)
    pending = (await api.create_session("alice")).session_id
    with pytest.raises(InvalidSessionStateError, match="with status pending"):
        await admin.retry_session(project_id, "alice", pending)
    with pytest.raises(SessionNotFoundError):
        await admin.retry_session(project_id, "alice", UNKNOWN)
    with pytest.raises(UserNotFoundError):
        await admin.retry_session(DEFAULT_PROJECT_ID, "alice", session_id)


async def test_a_failed_conflict_is_put_in_line_again_and_no_other(
    admin: Admin, api: MemoryApi, project_id: str, path: Path
) -> None:
    await api.create_user("carla", merge_conflict_enabled=True)
    await add_session(api, "carla", "I was born in Porto.")
    await add_session(api, "carla", "I was born in Braga.")
    (conflict,) = (await api.list_merge_conflicts("carla")).items
    with pytest.raises(MergeConflictAlreadyResolvedError, match="PENDING"):
        await admin.retry_merge_conflict(project_id, "carla", conflict.id)
    databases.change(
        path,
        "update merge_conflicts set status = 'FAILED', failure_reason = 'silent', resolution = ?",
        '{"question_answers":[],"answered_at":0}',
    )
    requeued = await admin.retry_merge_conflict(project_id, "carla", conflict.id)
    assert requeued.status is MergeConflictStatus.IN_QUEUE
    assert requeued.failure_reason is None


async def test_counters_say_what_a_project_holds(
    admin: Admin, system: System, api: MemoryApi, failing: FailingInference, project_id: str
) -> None:
    empty = await admin.counters(project_id)
    assert (empty.users, empty.messages, empty.memories) == (0, 0, 0)
    assert (empty.sessions, empty.merge_conflicts) == ({}, {})
    other = system.engine(DEFAULT_PROJECT_ID)
    for engine, name in ((api, "alice"), (api, "bob"), (other, "alice")):
        await engine.create_user(name)
    await add_session(api, "alice", "I live in Porto.", "I have two dogs.")
    await add_session(api, "alice", "I moved to Faro.")
    await add_session(other, "alice", "I play the oboe.")
    waiting = (await api.create_session("bob")).session_id
    await api.add_message("bob", waiting, MessageRole.ASSISTANT, "Hello")
    failing.fails = True
    await add_session(api, "bob", "I live in Evora.")
    counted = await admin.counters(project_id)
    assert (counted.users, counted.messages) == (2, 5)
    assert counted.memories == (await api.list_memories("alice")).total
    assert counted.sessions == {
        SessionStatus.PROCESSED: 2,
        SessionStatus.PENDING: 1,
        SessionStatus.FAILED: 1,
    }
