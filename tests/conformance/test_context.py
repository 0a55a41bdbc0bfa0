"""Checks 80 to 105: contexts."""

import asyncio
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests import databases
from tests.conformance.drivers import REMOTE, Driver, Raw, raw_client
from tests.conformance.rendered import (
    MEMORIES,
    RECENT_MESSAGES,
    RECENT_SUMMARIES,
    STRATEGIES,
    STRUCTURED,
    TIMESTAMP,
    body_of,
    section,
)
from tests.conformance.service import Service, serving
from tests.conformance.stories import (
    FACTS,
    MOVES,
    SECOND_DAY,
    asked,
    context,
    moved,
    moved_by,
)

from hitherto import Parts
from hitherto.inference import LocalInference
from hitherto.models import Extraction, Message


async def asking(driver: Driver, user: Any, question: str = "Where do I live?") -> Any:
    session = await user.create_session()
    await driver.say(session, question)
    return session


def strategy_of(driver: Driver, name: str) -> Any:
    return driver.models.RecallStrategy(name)


@pytest.mark.check(80)
async def test_a_context_with_nothing_asked_for_is_balanced(raw: Raw) -> None:
    user, _ = await moved(raw)
    answer = await raw.get(f"{await raw.session(user, 'Where do I live?')}/context")
    assert answer.status_code == 200
    body = answer.json()
    assert body["is_final"] is True
    assert "Braga" in body["context"]
    assert body["metadata"]["recall_strategy_used"] == "balanced"
    assert not body.get("error_message")


@pytest.mark.check(80)
async def test_every_client_reads_the_default_context(driver: Driver) -> None:
    user, _ = await moved_by(driver)
    response = await (await asking(driver, user)).get_context()
    assert response.is_final
    assert response.error_message is None
    assert "User moved to Braga" in response.context
    assert response.metadata.recall_strategy_used == "balanced"


@pytest.mark.check(81)
@pytest.mark.drivers(*REMOTE)
@pytest.mark.parametrize("strategy", [*STRATEGIES, "auto"])
async def test_the_clients_context_begins_with_the_system_prompt(
    driver: Driver, raw: Raw, strategy: str
) -> None:
    session = await asking(driver, await driver.client.create_user("alice"))
    response = await session.get_context(
        recall_strategy=strategy_of(driver, strategy), include_metadata_ids=False
    )
    used = driver.models.RecallStrategy(response.metadata.recall_strategy_used).value
    shown = await raw.get("/system-prompt", params={"recall_strategy": used})
    prompt = shown.json()["system_prompt"]
    assert response.context.startswith(f"{prompt}\n\n\nNow: ")
    assert body_of(response.context.removeprefix(f"{prompt}\n\n\n"))


@pytest.mark.check(81)
@pytest.mark.parametrize("strategy", [*STRATEGIES, "auto"])
async def test_without_ids_the_metadata_names_the_strategy_and_nothing_else(
    raw: Raw, strategy: str
) -> None:
    user, _ = await moved(raw)
    answer = await raw.get(
        f"{await raw.session(user, 'Where do I live?')}/context",
        params={"include_metadata_ids": False, "recall_strategy": strategy},
    )
    metadata = answer.json()["metadata"]
    assert metadata["recall_strategy_used"] in STRATEGIES
    assert {name for name, value in metadata.items() if value is not None} == {
        "recall_strategy_used"
    }


@pytest.mark.check(82)
async def test_with_ids_the_metadata_says_what_was_searched_and_shown(driver: Driver) -> None:
    user, _ = await moved_by(driver)
    session = await asking(driver, user, "Where did I live in June 2024?")
    balanced = (await session.get_context(include_metadata_ids=True)).metadata
    assert balanced.memory_ids
    assert balanced.session_ids
    assert all(isinstance(one, str) for one in [*balanced.memory_ids, *balanced.session_ids])
    assert balanced.vector_search_queries
    assert balanced.keywords
    assert balanced.session_summaries_search_queries
    (dates,) = balanced.date_range_filters
    dates = dates if isinstance(dates, dict) else fields_of(dates)
    assert dates["filter_type"] == "event_date"
    assert str(dates["start_date"]).startswith("2024-06-01")
    assert str(dates["end_date"]).startswith("2024-06-30")
    assert not balanced.agent_reasoning
    agentic = await session.get_context(
        include_metadata_ids=True, recall_strategy=strategy_of(driver, "agentic")
    )
    assert agentic.metadata.agent_reasoning
    assert agentic.metadata.memory_ids


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of a model of any of the clients."""
    names = ("filter_type", "start_date", "end_date")
    return {name: getattr(value, name) for name in names}


@pytest.mark.check(83)
async def test_the_ids_in_the_metadata_are_the_users_own(driver: Driver) -> None:
    user, _ = await moved_by(driver)
    other = await driver.client.create_user("bob")
    for strategy in STRATEGIES:
        session = await asking(driver, user, "Where do I live?")
        response = await session.get_context(
            include_metadata_ids=True, recall_strategy=strategy_of(driver, strategy)
        )
        assert response.metadata.memory_ids
        for memory_id in response.metadata.memory_ids:
            assert (await user.get_memory(memory_id)).memory_id == memory_id
            with pytest.raises(driver.errors.RecallrAIError):
                await other.get_memory(memory_id)
        assert response.metadata.session_ids
        for session_id in response.metadata.session_ids:
            assert (await user.get_session(session_id)).session_id == session_id
            with pytest.raises(driver.errors.SessionNotFoundError):
                await other.get_session(session_id)


QUESTIONS = (
    "Where do I live?",
    "How many dogs do I have?",
    "What did you recommend to me last month?",
    "What did I do in June 2024?",
)
"""Of the kinds that `auto` may treat differently."""


@pytest.mark.check(84, 85)
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_the_strategy_that_was_asked_for_is_the_one_used(raw: Raw, strategy: str) -> None:
    user, _ = await moved(raw)
    for question in QUESTIONS:
        session = await raw.session(user, question)
        answer = await raw.get(f"{session}/context", params={"recall_strategy": strategy})
        assert answer.json()["metadata"]["recall_strategy_used"] == strategy


@pytest.mark.check(84)
async def test_auto_becomes_one_of_the_three(raw: Raw) -> None:
    user, _ = await moved(raw)
    used = set()
    for question in QUESTIONS:
        session = await raw.session(user, question)
        answer = await raw.get(f"{session}/context", params={"recall_strategy": "auto"})
        used.add(answer.json()["metadata"]["recall_strategy_used"])
    assert used <= set(STRATEGIES)
    assert len(used) > 1, "auto chooses, whatever is asked"


OUT_OF_RANGE = (
    {"min_top_k": 4},
    {"min_top_k": 51},
    {"max_top_k": 9},
    {"max_top_k": 101},
    {"memories_threshold": 0.19},
    {"memories_threshold": 0.81},
    {"summaries_threshold": 0.19},
    {"summaries_threshold": 0.81},
    {"last_n_messages": 0},
    {"last_n_messages": 101},
    {"last_n_summaries": 0},
    {"last_n_summaries": 21},
)
IN_RANGE = (
    {"min_top_k": 5},
    {"min_top_k": 50},
    {"min_top_k": 5, "max_top_k": 10},
    {"max_top_k": 100},
    {"memories_threshold": 0.2},
    {"memories_threshold": 0.8},
    {"summaries_threshold": 0.2},
    {"summaries_threshold": 0.8},
    {"last_n_messages": 1},
    {"last_n_messages": 100},
    {"last_n_summaries": 1},
    {"last_n_summaries": 20},
)


@pytest.mark.check(86)
async def test_every_number_has_its_range(raw: Raw) -> None:
    session = await raw.session(await raw.user(), "Hello.")
    for params in IN_RANGE:
        answer = await raw.get(f"{session}/context", params=params)
        assert answer.status_code == 200, (params, answer.text)
    for params in (*OUT_OF_RANGE, {"min_top_k": "many"}, {"memories_threshold": "high"}):
        answer = await raw.get(f"{session}/context", params=params)
        assert answer.status_code == 422, (params, answer.text)
        (fault, *_) = answer.json()["detail"]
        assert next(iter(params)) in [*fault["loc"], fault["msg"]] or (
            next(iter(params)) in fault["msg"]
        )


@pytest.mark.check(86)
async def test_every_client_raises_for_a_number_out_of_range(driver: Driver) -> None:
    session = await (await driver.client.create_user("alice")).create_session()
    for params in OUT_OF_RANGE:
        with pytest.raises(driver.errors.ValidationError):
            await session.get_context(**params)


@pytest.mark.check(87)
async def test_a_least_number_above_the_greatest_is_refused(raw: Raw) -> None:
    session = await raw.session(await raw.user(), "Hello.")
    params = {"min_top_k": 30, "max_top_k": 20}
    assert (await raw.get(f"{session}/context", params=params)).status_code == 422
    params = {"min_top_k": 20, "max_top_k": 20}
    assert (await raw.get(f"{session}/context", params=params)).status_code == 200


@pytest.mark.check(88)
async def test_a_time_zone_moves_every_timestamp(raw: Raw) -> None:
    user, _ = await moved(raw)
    await raw.session(user, "I am on my way.", custom_created_at_utc=SECOND_DAY)
    session = await raw.session(user, "Where do I live?")
    utc = await context(raw, session, last_n_messages=2, last_n_summaries=1)
    shown = TIMESTAMP.findall(utc)
    assert len(shown) > 10
    assert set(shown) == {"UTC"}
    there = await context(
        raw, session, last_n_messages=2, last_n_summaries=1, timezone="America/New_York"
    )
    zones = TIMESTAMP.findall(there)
    assert len(zones) == len(shown)
    assert set(zones) == {"EST", "EDT"}
    assert "Friday, January 5th, 2024 at 9:00 AM UTC" in utc
    assert "Friday, January 5th, 2024 at 4:00 AM EST" in there
    assert "Wednesday, June 5th, 2024 at 5:00 AM EDT" in there
    for unknown in ("Mars/Olympus", "", "../UTC"):
        answer = await raw.get(f"{session}/context", params={"timezone": unknown})
        assert answer.status_code == 422, unknown


@pytest.mark.check(89)
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_timestamps_follow_this_projects_own_format(raw: Raw, strategy: str) -> None:
    """The check asks for numeric timestamps, which this project overrules: see docs/context.md."""
    user, _ = await moved(raw)
    await raw.session(user, "I am on my way.", custom_created_at_utc=SECOND_DAY)
    text = await asked(raw, user, "Where do I live?", recall_strategy=strategy, last_n_messages=1)
    assert "(Started: Wednesday, June 5th, 2024 at 9:00 AM UTC)" in text
    labelled = re.findall(r"(?:Started|Created at|Expired at|Conversation of|\(at):? (\w.*)", text)
    assert labelled
    for label in labelled:
        assert TIMESTAMP.match(label) or label.startswith("none"), label
    assert not re.search(r"\d{4}/\d\d/\d\d", text)


@pytest.mark.check(90)
async def test_deep_is_understood_as_agentic_and_nothing_else_unknown_is(raw: Raw) -> None:
    session = await raw.session(await raw.user(), "Hello.")
    answer = await raw.get(f"{session}/context", params={"recall_strategy": "deep"})
    assert answer.status_code == 200
    assert answer.json()["metadata"]["recall_strategy_used"] == "agentic"
    for unknown in ("deepest", "", "BALANCED", "recent"):
        answer = await raw.get(f"{session}/context", params={"recall_strategy": unknown})
        assert answer.status_code == 422, unknown


@pytest.mark.check(91)
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_the_server_puts_the_prompt_before_the_text_as_the_clients_do(
    raw: Raw, strategy: str
) -> None:
    user, _ = await moved(raw)
    session = await raw.session(user, "Where do I live?")
    params = {"recall_strategy": strategy}
    prompt = (await raw.get("/system-prompt", params=params)).json()["system_prompt"]
    without = await context(raw, session, **params)
    asked_for = await context(raw, session, **params, include_system_prompt=True)
    assert asked_for == f"{prompt}\n\n\n{without}"
    by_default = (await raw.get(f"{session}/context", params=params)).json()["context"]
    assert by_default == asked_for


class Interrupted(LocalInference):
    """Works; but waits with sessions that say "wait", and fails with those that say "fail"."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    async def extract(
        self, messages: Sequence[Message], session_date: datetime, **named: Any
    ) -> Extraction:
        said = " ".join(message.content for message in messages)
        if "fail" in said:
            raise ValueError("told to fail")
        if "wait" in said:
            await asyncio.to_thread(self.go_on.wait)
        return await super().extract(messages, session_date, **named)


@contextmanager
def interrupted(path: Path) -> Iterator[tuple[Service, Interrupted]]:
    inference = Interrupted()
    with serving(path, parts=Parts(inference=inference)) as running:
        try:
            yield running, inference
        finally:
            inference.go_on.set()


@pytest.mark.check(92)
async def test_a_session_in_any_state_has_a_context(path: Path) -> None:
    """No call leads to `insufficient_balance`; that status is written into the file."""
    with interrupted(path) as (running, _):
        async with raw_client(running, running.project()) as raw:
            user = await raw.user()
            states = {
                "pending": await raw.session(user, "I live in Porto."),
                "processed": await raw.told(user, "I live in Porto."),
                "failed": await raw.session(user, "fail"),
                "insufficient_balance": await raw.session(user, "I live in Porto."),
                "processing": await raw.session(user, "wait"),
            }
            await raw.post(f"{states['failed']}/process")
            await raw.settled(states["failed"])
            await raw.post(f"{states['processing']}/process")
            _write_status(path, states["insufficient_balance"], "insufficient_balance")
            for state, session in states.items():
                assert (await raw.get(session)).json()["session"]["status"] == state
                for strategy in STRATEGIES:
                    text = await context(raw, session, recall_strategy=strategy)
                    assert body_of(text)


def _write_status(path: Path, session: str, status: str) -> None:
    session_id = session.rsplit("/", 1)[1]
    changed = databases.change(
        path, "update sessions set status = ? where session_id = ?", status, session_id
    )
    assert changed == 1


@pytest.mark.check(92)
async def test_a_user_without_memories_has_a_context(driver: Driver) -> None:
    session = await (await driver.client.create_user("alice")).create_session()
    for question in (None, "Where do I live?"):
        if question:
            await driver.say(session, question)
        for strategy in STRUCTURED:
            response = await session.get_context(recall_strategy=strategy_of(driver, strategy))
            assert f"{MEMORIES}\n\nNo memories found.\n" in response.context
        agentic = await session.get_context(recall_strategy=strategy_of(driver, "agentic"))
        assert agentic.context


@pytest.mark.check(100)
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_the_last_messages_are_shown_when_asked_for(raw: Raw, strategy: str) -> None:
    user, _ = await moved(raw)
    session = await raw.session(user, "Where do I live?")
    params = {"recall_strategy": strategy}
    shown = section(await context(raw, session, **params, last_n_messages=3), RECENT_MESSAGES)
    assert re.findall(r"^USER \(at .*\): (.*)$", shown, re.MULTILINE) == list(MOVES[-1][1][-3:])
    assert "requested" not in shown
    shown = section(await context(raw, session, **params, last_n_summaries=2), RECENT_SUMMARIES)
    assert re.findall(r"^## Summary (\d+)", shown, re.MULTILINE) == ["1", "2"]
    text = await context(raw, session, **params)
    assert f"{RECENT_MESSAGES}\nNo recent user messages requested.\n" in text
    assert f"{RECENT_SUMMARIES}\nNo recent session summaries requested.\n" in text


@pytest.mark.check(103)
async def test_agentic_quotes_what_the_assistant_said(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    session = await user.create_session()
    await driver.say(session, "Which book should I read next?")
    answer = "I suggest The Left Hand of Darkness, then Kindred."
    await session.add_message(driver.assistant_role, answer)
    await session.process()
    await driver.settled(session)
    later = await asking(driver, user, "Which books did you suggest to me?")
    response = await later.get_context(recall_strategy=strategy_of(driver, "agentic"))
    assert answer in response.context


@pytest.mark.check(104)
@pytest.mark.drivers("py-sync", "py-async", "node")
async def test_an_agentic_context_arrives_within_the_clients_default_time(
    driver: Driver,
) -> None:
    """No time is measured: the client itself gives up after its 30 seconds."""
    user = await driver.client.create_user("alice")
    for start in range(0, len(FACTS), 5):
        await driver.told(user, *FACTS[start : start + 5])
    session = await asking(driver, user, "How many instruments, animals and vehicles do I have?")
    response = await session.get_context(recall_strategy=strategy_of(driver, "agentic"))
    assert response.is_final
    assert response.error_message is None
    assert "cats" in response.context


@pytest.mark.check(105)
@pytest.mark.parametrize("strategy", STRUCTURED)
async def test_a_range_of_dates_that_nothing_fits_empties_no_answer(
    raw: Raw, strategy: str
) -> None:
    user, _ = await moved(raw)
    session = await raw.session(user, "What did I say about my dog in May 1998?")
    answer = await raw.get(
        f"{session}/context", params={"recall_strategy": strategy, "include_metadata_ids": True}
    )
    body = answer.json()
    assert body["metadata"]["date_range_filters"], "a range was understood"
    assert "User has a dog named Rex (Similarity" in body["context"]
