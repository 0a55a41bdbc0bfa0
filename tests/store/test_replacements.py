"""Replaced texts: their copies are cleared from files like those of deleted texts."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Clock
from tests.databases import traces, values
from tests.fakes import HashEmbedder

from hitherto import MessageRole, Parts, Settings
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import UserAlreadyExistsError
from hitherto.models import GenerationPreferences
from hitherto.store.sqlite import WRITTEN_ALWAYS_BYTES
from hitherto.system import System, open_system

WORD = "Quokkaville"
LONG = f"{WORD} " * 900
"""Longer than a page, so that it stands on pages of its own."""

URL = "https://198.41.0.4"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
async def system(path: Path, clock: Clock) -> AsyncIterator[System]:
    # Cleanup in the background runs once, at the start; then the tests decide when.
    settings = Settings(poll_interval_s=3_600.0, worker=False)
    opened = await open_system(path, settings, Parts(embedder=HashEmbedder(), clock=clock))
    yield opened
    await opened.close()


Change = Callable[[System, str], Awaitable[Any]]
"""Writes a text, and replaces what it wrote before."""


async def user_metadata(system: System, text: str) -> None:
    api = system.engine(DEFAULT_PROJECT_ID)
    await api.update_user("alice", new_metadata={"note": text})


async def user_id(system: System, text: str) -> None:
    api = system.engine(DEFAULT_PROJECT_ID)
    other_user = next(
        user.user_id for user in (await api.list_users()).items if user.user_id != "alice"
    )
    await api.update_user(other_user, new_user_id=text[:200].strip())


async def session_metadata(system: System, text: str) -> None:
    api = system.engine(DEFAULT_PROJECT_ID)
    session = (await api.list_sessions("alice")).items[-1]
    await api.update_session("alice", session.session_id, {"note": [text]})


async def project_name(system: System, text: str) -> None:
    await system.admin.update_project(DEFAULT_PROJECT_ID, name=text[:100].strip())


async def category_name(system: System, text: str) -> None:
    category = (await system.admin.list_categories(DEFAULT_PROJECT_ID))[0]
    await system.admin.update_category(
        DEFAULT_PROJECT_ID, category.category_id, name=text[:60].strip()
    )


async def category_description(system: System, text: str) -> None:
    category = (await system.admin.list_categories(DEFAULT_PROJECT_ID))[0]
    await system.admin.update_category(
        DEFAULT_PROJECT_ID, category.category_id, description=text[:500]
    )


async def preferences(system: System, text: str) -> None:
    wanted = GenerationPreferences(inclusion_instructions=(text[:200].strip(),))
    await system.admin.replace_generation_preferences(DEFAULT_PROJECT_ID, wanted)


async def webhook_address(system: System, text: str) -> None:
    webhook = (await system.admin.list_webhooks(DEFAULT_PROJECT_ID))[0]
    await system.admin.update_webhook(
        DEFAULT_PROJECT_ID, webhook.webhook_id, url=f"{URL}/{text[:90].replace(' ', '-')}"
    )


CHANGES = [
    user_metadata,
    user_id,
    session_metadata,
    project_name,
    category_name,
    category_description,
    preferences,
    webhook_address,
]


async def fill(system: System) -> None:
    api = system.engine(DEFAULT_PROJECT_ID)
    for name in ("alice", "bob"):
        await api.create_user(name)
        for number in range(5):
            session = await api.create_session(name, metadata={"number": number})
            for _ in range(8):
                await api.add_message(name, session.session_id, MessageRole.USER, "It rains. " * 40)
    await system.admin.create_category(DEFAULT_PROJECT_ID, "food")
    await system.admin.create_webhook(DEFAULT_PROJECT_ID, URL)


@pytest.mark.parametrize("word", [WORD, LONG], ids=["short", "long"])
@pytest.mark.parametrize("change", CHANGES)
async def test_a_replaced_text_stands_in_no_file_when_the_call_returns(
    system: System, path: Path, change: Change, word: str
) -> None:
    await fill(system)
    await change(system, word)
    assert traces(path, WORD) > 0
    await change(system, "Faro")
    assert traces(path, WORD) == 0
    assert traces(path, "Faro") > 0
    await change(system, "Faro")
    assert values(path, "pragma user_version") == [(0,)]


async def test_secrets_that_sign_no_more_stand_in_no_file(
    system: System, path: Path, clock: Clock
) -> None:
    await fill(system)
    made = await system.admin.create_webhook(DEFAULT_PROJECT_ID, URL)
    secrets = [made.secret]
    for _ in range(2):
        rotated = await system.admin.rotate_webhook_secret(
            DEFAULT_PROJECT_ID, made.webhook.webhook_id
        )
        secrets.append(rotated.secret)
    assert [traces(path, secret) > 0 for secret in secrets] == [False, True, True]
    clock.advance(timedelta(days=2).total_seconds())
    now = clock()
    await system.resources.store.write(lambda tx: tx.deliveries.clear(now, now))
    assert [traces(path, secret) > 0 for secret in secrets] == [False, False, True]


async def test_a_change_that_is_refused_or_replaces_nothing_owes_nothing(
    system: System, path: Path
) -> None:
    await fill(system)
    api = system.engine(DEFAULT_PROJECT_ID)
    await api.update_user("alice", new_metadata={"note": WORD})
    with pytest.raises(UserAlreadyExistsError):
        await api.update_user("alice", new_user_id="bob", new_metadata={"note": "Faro"})
    await api.update_user("alice", merge_conflict_enabled=True)
    await api.update_user("alice", new_metadata={"note": WORD})
    assert values(path, "pragma user_version") == [(0,)]
    assert traces(path, WORD) > 0


async def test_in_a_larger_file_a_replaced_text_goes_soon_after(system: System, path: Path) -> None:
    await fill(system)
    api = system.engine(DEFAULT_PROJECT_ID)
    for number in range(12):
        session = await api.create_session("bob")
        text_of_message = f"{number} " + "x" * 200_000
        await api.add_message("bob", session.session_id, MessageRole.USER, text_of_message)
    await user_metadata(system, LONG)
    (pages,), (page_bytes,) = values(path, "pragma page_count"), values(path, "pragma page_size")
    assert pages[0] * page_bytes[0] > WRITTEN_ALWAYS_BYTES
    await user_metadata(system, "Faro")
    (owed,) = values(path, "pragma user_version")
    assert owed > (0,)
    await system.resources.store.clear_left()
    assert values(path, "pragma user_version") == [(0,)]
    assert traces(path, WORD) == 0


async def test_a_reader_does_not_let_a_replacement_wait(system: System, path: Path) -> None:
    await fill(system)
    await user_metadata(system, WORD)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from users").fetchone()
        await user_metadata(system, "Faro")
        assert traces(path, WORD) > 0
        reader.execute("commit")
    await system.resources.store.clear_left()
    assert traces(path, WORD) == 0
