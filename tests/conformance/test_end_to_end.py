"""Checks 156 to 160: whole ways through the product, as public programs go them."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import recallrai
import recallrai.async_session
import recallrai.async_user
import recallrai.session
import recallrai.user
from tests.conformance.drivers import (
    ALL,
    PY_ASYNC,
    PY_SYNC,
    RELEASED,
    REMOTE,
    AsyncFace,
    Driver,
    remote_driver,
)
from tests.conformance.service import Credentials, Service

STRATEGIES = ("low_latency", "balanced", "agentic")


@pytest.mark.check(156)
@pytest.mark.drivers(*ALL)
async def test_the_way_that_the_guide_shows(driver: Driver) -> None:
    user = await driver.client.create_user("user123", metadata={"name": "Sam", "role": "admin"})
    assert user.user_id == "user123"
    assert user.metadata == {"name": "Sam", "role": "admin"}
    session = await user.create_session(
        auto_process_after_seconds=600, metadata={"type": "customer_support"}
    )
    await session.add_message(driver.user_role, "I moved to Lisbon and I am allergic to peanuts.")
    await session.add_message(driver.assistant_role, "Thank you, noted.")
    context = await session.get_context()
    assert context.is_final
    assert context.context
    await session.process()
    await driver.settled(session)
    assert session.status == "processed"
    contents = [item.content for item in (await user.list_memories()).items]
    assert any("Lisbon" in content for content in contents)
    assert any("allergic to peanuts" in content for content in contents)
    messages = (await session.get_messages()).messages
    assert [message.role for message in messages] == ["user", "assistant"]
    last = await user.get_last_n_messages(2)
    assert [message.content for message in last.messages] == [one.content for one in messages]
    later = await user.create_session()
    await later.add_message(driver.user_role, "What must I not eat?")
    recalled = await later.get_context()
    assert "allergic to peanuts" in recalled.context
    listed = await driver.client.list_users(metadata_filter={"role": "admin"})
    assert [one.user_id for one in listed.users] == ["user123"]
    await user.delete()
    with pytest.raises(driver.errors.UserNotFoundError):
        await driver.client.get_user("user123")


HAYSTACK = (
    ("2023/05/20 (Sat) 02:21", (("user", "I adopted a cat named Miso."), ("assistant", "Lovely!"))),
    (
        "2023/05/28 (Sun) 11:05",
        (
            ("user", "I started to learn the cello. Can you suggest a piece?"),
            ("assistant", "Try the Prelude in G by Bach."),
        ),
    ),
    ("2023/06/11 (Sun) 17:40", (("user", "I bought a red bicycle."), ("assistant", "Enjoy it!"))),
)
ASKED_ON = datetime(2023, 6, 30, 12, tzinfo=UTC)


async def _remembered(
    driver: Driver, question_id: str, *, running: asyncio.Semaphore
) -> dict[str, str]:
    """What the public benchmark runner does for one question; the three contexts."""
    async with running:
        user = await driver.client.create_user(question_id, metadata={"question_type": "single"})
        for index, (date, messages) in enumerate(HAYSTACK):
            held = await user.list_sessions(
                metadata_filter={"haystack_index": index}, offset=0, limit=1
            )
            if held.total:
                continue
            created_at = datetime.strptime(date, "%Y/%m/%d (%a) %H:%M").replace(tzinfo=UTC)
            session = await user.create_session(
                auto_process_after_seconds=600,
                metadata={"haystack_index": index, "haystack_session_id": f"s{index}"},
                custom_created_at_utc=created_at,
            )
            for role, content in messages:
                await session.add_message(driver.models.MessageRole(role), content)
            await session.process()
            await driver.settled(session)
        processed = await user.list_sessions(
            status_filter=[driver.models.SessionStatus.PROCESSED], limit=100
        )
        assert processed.total == len(HAYSTACK)
        query = await user.create_session(
            auto_process_after_seconds=86_400,
            metadata={"is_query": True},
            custom_created_at_utc=ASKED_ON,
        )
        await query.add_message(driver.user_role, "What instrument did I start to learn in May?")
        contexts = {}
        for strategy in STRATEGIES:
            response = await query.get_context(
                recall_strategy=driver.models.RecallStrategy(strategy), include_metadata_ids=True
            )
            assert response.metadata.recall_strategy_used == strategy
            contexts[strategy] = response.context
        return contexts


@pytest.mark.check(157)
@pytest.mark.drivers(*REMOTE)
async def test_the_way_of_the_public_benchmark_runner(driver: Driver) -> None:
    running = asyncio.Semaphore(20)
    found = await asyncio.gather(
        *(_remembered(driver, f"question-{number}", running=running) for number in range(2))
    )
    for contexts in found:
        for context in contexts.values():
            assert "cello" in context
            assert "Sunday, May 28th, 2023 at 11:05 AM UTC" in context


@pytest.mark.check(157)
@pytest.mark.drivers(*RELEASED)
async def test_a_run_that_was_interrupted_goes_on_where_it_was(driver: Driver) -> None:
    """The runner finds its sessions again by an integer in their metadata, and by status."""
    user = await driver.client.create_user("question")
    statuses = driver.models.SessionStatus
    for index in range(3):
        session = await user.create_session(metadata={"haystack_index": index})
        await driver.say(session, "I speak Danish.")
        if index:
            await session.process()
            await driver.settled(session)
    for index, status in ((0, statuses.PENDING), (1, statuses.PROCESSED), (2, statuses.PROCESSED)):
        found = await user.list_sessions(metadata_filter={"haystack_index": index})
        assert [one.status for one in found.sessions] == [status]
        filters = {"metadata_filter": {"haystack_index": index}, "status_filter": [status]}
        assert (await user.list_sessions(**filters)).total == 1
    assert (await user.list_sessions(metadata_filter={"haystack_index": "1"})).total == 0
    unfinished = [statuses.PENDING, statuses.PROCESSING, statuses.FAILED]
    left = await user.list_sessions(status_filter=[*unfinished, statuses.INSUFFICIENT_BALANCE])
    assert [one.metadata["haystack_index"] for one in left.sessions] == [0]
    (session,) = left.sessions
    await session.process()
    await driver.settled(session)
    assert (await user.list_sessions(status_filter=[statuses.PROCESSED])).total == 3


RUNNER = Path(__file__).parents[2] / "examples" / "longmemeval_runner.py"


def _questions() -> list[dict[str, Any]]:
    """A small data set in the format of the public one; each user has another instrument."""
    return [
        {
            "question_id": f"question_{number}",
            "question_type": "single-session-user",
            "question": "What instrument did I start to learn in May?",
            "answer": f"The {instrument}.",
            "question_date": "2023/06/30 (Fri) 12:00",
            "haystack_session_ids": ["c", "a", "b"],
            "haystack_dates": [HAYSTACK[index][0] for index in (2, 0, 1)],
            "haystack_sessions": [
                [
                    {"role": role, "content": content.replace("cello", instrument)}
                    for role, content in HAYSTACK[index][1]
                ]
                for index in (2, 0, 1)
            ],
            "answer_session_ids": ["b"],
        }
        for number, instrument in enumerate(("cello", "harp", "oboe"))
    ]


@pytest.mark.check(157)
@pytest.mark.drivers(PY_SYNC)
async def test_the_example_runner_runs_and_goes_on_where_it_stopped(
    driver: Driver, credentials: Credentials, tmp_path: Path
) -> None:
    """The script as it is, given nothing but the address; one user is half filled already."""
    data, output = tmp_path / "data.json", tmp_path / "contexts.json"
    data.write_text(json.dumps(_questions()), "utf-8")
    user = await driver.client.create_user("question_1")
    session = await user.create_session(
        metadata={"haystack_index": 0},
        custom_created_at_utc=datetime(2023, 5, 20, 2, 21, tzinfo=UTC),
    )
    await driver.say(session, "I adopted a cat named Miso.")
    arguments = [str(RUNNER), str(data), "--output", str(output), "--poll-s", "0.02"]
    arguments += ["--base-url", credentials.base_url, "--api-key", credentials.api_key]
    arguments += ["--project-id", credentials.project_id, "--timeout-s", "30"]
    for _ in range(2):
        ended = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        results = json.loads(output.read_text("utf-8"))
        assert [one["question_id"] for one in results] == [f"question_{n}" for n in range(3)]
        for result, instrument in zip(results, ("cello", "harp", "oboe"), strict=True):
            assert result["sessions_processed"] == 3
            assert list(result["strategies"]) == list(STRATEGIES)
            for strategy, found in result["strategies"].items():
                assert found["metadata"]["recall_strategy_used"] == strategy
                assert instrument in found["context"]
                others = {"cello", "harp", "oboe"} - {instrument}
                assert not [one for one in others if one in found["context"]]
    for number in range(3):
        again = await driver.client.get_user(f"question_{number}")
        processed = driver.models.SessionStatus.PROCESSED
        held = await again.list_sessions(status_filter=[processed], limit=100)
        assert held.total == 3
        for session in held.sessions:
            assert (await session.get_messages()).total == 2


DOMAINS = ("healthcare", "travel")


@pytest.mark.check(158)
@pytest.mark.drivers(*RELEASED)
async def test_the_public_playgrounds_way_of_filling_it(driver: Driver) -> None:
    """Sessions are files; those that are there already are found page by page and skipped."""
    files = {
        f"{domain}_session_{number:03}.json": {
            "timestamp_utc": (
                datetime(2024, 3, 1, 8, tzinfo=UTC) + timedelta(days=number)
            ).isoformat(),
            "messages": [
                {"role": "user", "content": f"I visited clinic number {number}."},
                {"role": "assistant", "content": "How was it?"},
            ],
        }
        for domain in DOMAINS
        for number in range(3)
    }
    users = {}
    for domain in DOMAINS:
        users[domain] = await driver.client.create_user(f"playground_{domain}")
        with pytest.raises(driver.errors.UserAlreadyExistsError):
            await driver.client.create_user(f"playground_{domain}")
    # Enough others that one page does not hold them all.
    for number in range(101):
        await users["travel"].create_session(metadata={"filename": f"empty_{number}.json"})
    assert await _fill(driver, users, files) == 6
    assert await _fill(driver, users, files) == 0, "a second run finds all of them"
    for domain, user in users.items():
        processed = driver.models.SessionStatus.PROCESSED
        done = await user.list_sessions(status_filter=[processed], limit=100)
        names = [one.metadata["filename"] for one in done.sessions]
        assert names == [f"{domain}_session_{number:03}.json" for number in (2, 1, 0)]
        assert [one.created_at.isoformat() for one in done.sessions] == [
            files[name]["timestamp_utc"] for name in names
        ]
        assert (await user.list_memories()).total == 3


async def _fill(driver: Driver, users: dict[str, Any], files: dict[str, Any]) -> int:
    """Add the sessions that are not there yet; how many those were."""
    held = set()
    for user in users.values():
        offset, has_more = 0, True
        while has_more:
            page = await user.list_sessions(offset=offset, limit=100)
            held |= {session.metadata.get("filename") for session in page.sessions}
            offset, has_more = offset + 100, page.has_more
    added = 0
    for name, content in files.items():
        if name in held:
            continue
        session = await users[name.split("_")[0]].create_session(
            metadata={"filename": name},
            custom_created_at_utc=datetime.fromisoformat(content["timestamp_utc"]),
        )
        for message in content["messages"]:
            role = driver.models.MessageRole(message["role"])
            await session.add_message(role, message["content"])
        await session.process()
        await driver.settled(session)
        added += 1
    return added


UNREAD = datetime(1970, 1, 1, tzinfo=UTC)


def _unread(driver: Driver, user_id: str, session_id: str) -> tuple[Any, Any]:
    """A user and a session made without a request, as `validate=False` of a later release does."""
    inner = getattr(driver.client, "_inner", driver.client)
    users = recallrai.user if driver.name == PY_SYNC else recallrai.async_user
    sessions = recallrai.session if driver.name == PY_SYNC else recallrai.async_session
    user_class = users.User if driver.name == PY_SYNC else users.AsyncUser
    session_class = sessions.Session if driver.name == PY_SYNC else sessions.AsyncSession
    user = user_class(
        inner._http,
        driver.models.UserModel(
            user_id=user_id,
            metadata={},
            merge_conflict_enabled=None,
            created_at=UNREAD,
            last_active_at=UNREAD,
        ),
    )
    session = session_class(
        inner._http,
        user_id,
        driver.models.SessionModel(
            session_id=session_id, status="pending", created_at=UNREAD, metadata={}
        ),
    )
    if driver.name == PY_SYNC:
        return AsyncFace(user), AsyncFace(session)
    return user, session


FIRST_CALLS = (
    ("user", "refresh", ()),
    ("user", "update", ({"tried": True},)),
    ("user", "create_session", ()),
    ("user", "list_sessions", ()),
    ("user", "list_memories", ()),
    ("user", "get_last_n_messages", (5,)),
    ("user", "list_merge_conflicts", ()),
    ("user", "delete", ()),
    ("session", "refresh", ()),
    ("session", "update", ({"tried": True},)),
    ("session", "add_message", ("user", "I speak Danish.")),
    ("session", "process", ()),
    ("session", "get_messages", ()),
    ("session", "get_context", ()),
    ("session", "get_context_stream", ()),
    ("session", "delete", ()),
)


@pytest.mark.check(159)
@pytest.mark.drivers(PY_SYNC, PY_ASYNC)
async def test_any_call_may_be_the_first_on_a_user_or_session(
    driver: Driver, service: Service, credentials: Credentials
) -> None:
    for number, (kind, name, arguments) in enumerate(FIRST_CALLS):
        user_id = f"user-{number}"
        async with remote_driver(driver.name, service, credentials) as other:
            made = await (await other.client.create_user(user_id)).create_session()
        async with remote_driver(driver.name, service, credentials) as fresh:
            user, session = _unread(fresh, user_id, made.session_id)
            call = getattr(user if kind == "user" else session, name)
            if name == "add_message":
                arguments = (fresh.user_role, arguments[1])
            if name == "get_context_stream":
                assert [event async for event in call(*arguments)][-1].is_final
            else:
                await call(*arguments)


@pytest.mark.check(159)
@pytest.mark.drivers(PY_SYNC, PY_ASYNC)
async def test_what_was_made_on_trust_is_filled_by_refresh(driver: Driver) -> None:
    made_user = await driver.client.create_user("alice", metadata={"plan": "pro"})
    made = await driver.told(made_user, "I speak Danish.", metadata={"n": 1})
    user, session = _unread(driver, "alice", made.session_id)
    assert "Danish" in (await session.get_context()).context
    await session.refresh()
    assert (session.status, session.metadata) == ("processed", {"n": 1})
    assert session.created_at == made.created_at
    await user.refresh()
    assert user.metadata == {"plan": "pro"}
    assert user.created_at == made_user.created_at
    nobody, nothing = _unread(driver, "nobody", made.session_id)
    for call in (nobody.refresh, nothing.refresh, nothing.get_context):
        with pytest.raises(driver.errors.UserNotFoundError):
            await call()


CLIENTS = 20


@pytest.mark.check(160)
@pytest.mark.drivers(*RELEASED)
async def test_twenty_clients_at_once_see_nothing_of_each_other(service: Service) -> None:
    """Half of them in one project, half in another, with the same user ids in both.

    All released clients are at it together, each in both projects.
    """
    projects = (service.project("one"), service.project("two"))
    secrets = await asyncio.gather(
        *(
            _whispered(service, projects[number % 2], RELEASED[number % len(RELEASED)], number)
            for number in range(CLIENTS)
        )
    )
    assert len(set(secrets)) == CLIENTS


async def _whispered(service: Service, project: Credentials, name: str, number: int) -> str:
    """One client's life with one user; the user's secret, which no other may see."""
    secret = f"locker{number * 7919 + 10_007}"
    async with remote_driver(name, service, project) as driver:
        user = await driver.client.create_user(f"user-{number // 2}", metadata={"number": number})
        sessions = []
        for text in (f"I own a {secret}.", f"I like {secret} very much."):
            sessions.append(await user.create_session(metadata={"number": number}))
            await driver.say(sessions[-1], text)
            await sessions[-1].process()
        for session in sessions:
            await driver.settled(session, timeout_s=30)
        asking = await user.create_session()
        await driver.say(asking, "What do I own and what do I like?")
        seen = [repr(item) for item in (await user.list_memories()).items]
        seen += [one.content for one in (await user.get_last_n_messages(100)).messages]
        for strategy in STRATEGIES:
            response = await asking.get_context(
                recall_strategy=driver.models.RecallStrategy(strategy), min_top_k=50
            )
            assert secret in response.context
            seen.append(response.context)
        events = [event async for event in asking.get_context_stream(last_n_messages=50)]
        assert secret in events[-1].context
        seen.append(events[-1].context)
        listed = (await user.list_sessions(limit=100)).sessions
        assert [one.metadata.get("number", number) for one in listed] == [number] * 3
        for text in seen:
            assert "locker" not in text.replace(secret, "")
        assert sum(secret in text for text in seen) >= 2 + 2 + 4
    return secret


@pytest.mark.check(160)
async def test_hundreds_of_connections_are_served_at_once(
    service: Service, credentials: Credentials
) -> None:
    """What one released client allows itself: 500 connections."""
    limits = httpx.Limits(max_connections=500, max_keepalive_connections=100)
    async with httpx.AsyncClient(
        base_url=f"{service.base_url}/api/v1",
        headers=credentials.headers,
        limits=limits,
        timeout=30,
    ) as client:
        answers = await asyncio.gather(
            *(
                client.post("/users", json={"custom_user_id": f"user-{number}"})
                for number in range(500)
            )
        )
        assert {answer.status_code for answer in answers} == {201}
        total = (await client.get("/users", params={"limit": 1})).json()["total"]
        assert total == 500
