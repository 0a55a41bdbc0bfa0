"""Contexts that a model plans and explores, over real HTTP, however well or badly it answers."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.inference.scripted_sessions import add_session, opened
from tests.scripted_model import Calls, Chats, Closes, Fails, Refuses, Says, ScriptedModel, Waits
from tests.surface.pages import ROOT, prose, section, table

WORDS = "The ferry to Bornholm leaves from Ystad at nine."
EXPLORING = ROOT / "docs" / "exploring.md"
LOCAL = {"model_extraction": "local", "model_reconciliation": "local"}
FOUND = Says(
    {
        "findings": [
            {"statement": "It leaves from Ystad.", "evidence": [{"number": 1, "quote": "Ystad"}]}
        ]
    }
)
BAD = [
    Says("{not json"),
    Says({"vector_queries": {"wrong": 1}, "findings": "wrong"}),
    Says('{"findings": [{"statement": "It le', finish_reason="length"),
    Chats("I had rather talk."),
    Refuses(),
    Fails(429, {"Retry-After": "3600"}),
    Fails(500),
    Fails(401),
    Closes(),
    Waits(),
]
NAMES = [f"{type(reply).__name__}{number}" for number, reply in enumerate(BAD)]


@pytest.fixture
async def asking(path: Path, model: ScriptedModel) -> AsyncIterator[Any]:
    """A session that asks about what the assistant said in an earlier one."""
    deadlines = {"plan_deadline_s": 1.5, "explore_deadline_s": 4.0}
    async with opened(path, model, **LOCAL, **deadlines) as client:
        user = await client.create_user("alice")
        await add_session(client, user, "How do I get to Bornholm?", WORDS)
        session = await user.create_session()
        await session.add_message("user", "Which port does the ferry leave from?")
        yield session


async def context(session: Any, strategy: str) -> Any:
    return await session.get_context(
        recall_strategy=strategy, include_metadata_ids=True, include_system_prompt=False
    )


async def test_a_balanced_context_takes_one_small_call(asking: Any, model: ScriptedModel) -> None:
    model.will(Says({"vector_queries": ["ferry to Bornholm"], "keywords": ["Ystad"]}))
    response = await context(asking, "balanced")
    assert response.metadata.planned_by == "model"
    assert "ferry to Bornholm" in response.metadata.vector_search_queries
    (model_request,) = model.requests
    assert "Which port does the ferry leave from?" in model_request.content
    assert model_request.tokens < 2_500


async def test_an_agentic_context_plans_searches_and_cites(
    asking: Any, model: ScriptedModel
) -> None:
    model.will(
        Says({"said_by": "assistant"}),
        Calls((("search_transcripts", {"query": "ferry port", "said_by": "assistant"}),)),
        FOUND,
    )
    response = await context(asking, "agentic")
    assert response.metadata.explored_by == "model"
    assert "- It leaves from Ystad." in response.context
    assert f"ASSISTANT: {WORDS}" in response.context
    assert all(model_request.tokens < 8_000 for model_request in model.requests)


async def test_low_latency_asks_no_model(asking: Any, model: ScriptedModel) -> None:
    assert WORDS in (await context(asking, "low_latency")).context
    assert model.requests == []


async def test_the_pages_say_which_strategies_call_a_model(
    asking: Any, model: ScriptedModel
) -> None:
    model.otherwise = Says({})
    calls = {}
    for strategy in ("LOW_LATENCY", "BALANCED", "AGENTIC"):
        await context(asking, strategy.lower())
        calls[strategy] = len(model.requests)
        model.requests.clear()
    assert calls == {"LOW_LATENCY": 0, "BALANCED": 1, "AGENTIC": 2}
    exploring = {row[0].strip("`"): row[1] for row in table(prose(EXPLORING)) if len(row) == 3}
    assert exploring["LOW_LATENCY"] == "none"
    assert exploring["BALANCED"].startswith("one")
    assert exploring["AGENTIC"] == "the plan, then an agent with tools"
    choosing = section(ROOT / "docs" / "how-to.md", "Choose a recall strategy")
    behaviour = {row[0].split("`")[1]: row[3] for row in table(choosing)}
    assert "never calls a model" in behaviour["LOW_LATENCY"]
    assert "a model plans" in behaviour["BALANCED"]
    assert "an agent searches" in behaviour["AGENTIC"]
    assert "model's plan" in behaviour["AUTO"]


@pytest.mark.parametrize("bad", BAD, ids=NAMES)
async def test_a_bad_plan_never_fails_a_context(
    asking: Any, model: ScriptedModel, bad: Any
) -> None:
    model.otherwise = bad
    response = await context(asking, "balanced")
    assert WORDS in response.context
    assert response.metadata.planned_by == "rules"
    assert response.metadata.fallback_reason


@pytest.mark.parametrize("bad", BAD, ids=NAMES)
async def test_a_bad_exploration_never_fails_a_context(
    asking: Any, model: ScriptedModel, bad: Any
) -> None:
    model.will(Says({}))
    model.otherwise = bad
    response = await context(asking, "agentic")
    assert WORDS in response.context
    assert response.metadata.planned_by == "model"
    assert response.metadata.explored_by == "rules"
    assert response.metadata.fallback_reason
    assert "No answer:" in response.metadata.agent_reasoning


async def test_a_request_does_not_grow_with_what_is_held(path: Path, model: ScriptedModel) -> None:
    model.otherwise = Says({})
    async with opened(path, model, **LOCAL) as client:
        user = await client.create_user("alice")
        for number in range(12):
            texts = [f"I saw ferry {number}{part} in port. " + "sea " * 300 for part in range(10)]
            await add_session(client, user, *texts)
            if number in (2, 11):
                session = await user.create_session()
                await session.add_message("user", "Which ferries did I see in port?")
                await context(session, "agentic")
                await session.delete()
    planned, explored, planned_later, explored_later = (
        model_request.tokens for model_request in model.requests
    )
    assert planned == planned_later
    assert abs(explored_later - explored) < 200
