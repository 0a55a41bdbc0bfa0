"""Sessions and contexts whose budget is spent: done by rules, or kept waiting for it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.conftest import START, Clock
from tests.fakes import HashEmbedder
from tests.metered import PRICES, MeteredInference, MeteredService, opened
from tests.scripted_model import Says, ScriptedModel, scripted_model

from hitherto import (
    MergeConflictAnswer,
    MergeConflictStatus,
    MessageRole,
    Parts,
    RecallStrategy,
    SessionStatus,
    Settings,
)
from hitherto.api import ContextRequest
from hitherto.core.spending import next_day
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.inference.ledger import PlannedCall
from hitherto.models import CallOutcome, OverBudget


@pytest.fixture
def settings() -> Settings:
    return Settings(poll_interval_s=0.02, retry_delay_s=0, prices=PRICES)


@pytest.fixture
def inference() -> MeteredInference:
    return MeteredInference()


@pytest.fixture
def parts(clock: Clock, inference: MeteredInference) -> Parts:
    return Parts(embedder=HashEmbedder(), inference=inference, clock=clock)


@pytest.fixture
async def service(path: Path, settings: Settings, parts: Parts) -> AsyncIterator[MeteredService]:
    async with opened(path, settings, parts) as opened_service:
        yield opened_service


async def test_the_calls_of_a_session_are_charged_to_its_user_and_bear_its_id(
    service: MeteredService,
) -> None:
    await service.account()
    session_id = await service.add_session("alice")
    await service.until_idle()
    calls = (await service.calls(user_id="alice")).items
    assert [call.task for call in calls] == ["reconciliation", "extraction"]
    assert {call.session_id for call in calls} == {session_id}


async def test_over_budget_a_session_is_processed_by_rules_and_says_so(
    service: MeteredService, inference: MeteredInference
) -> None:
    await service.account()
    await service.limit(user_tokens_per_day=999)
    session_id = await service.add_session("alice")
    await service.until_idle()
    session = await service.api.get_session("alice", session_id)
    assert session.status is SessionStatus.PROCESSED
    assert session.processing_note is not None
    assert session.processing_note.startswith(
        "processed by rules: the user's budget of 999 tokens per day has 999 left"
    )
    assert session.failure_reason is None
    assert inference.asked == []
    # It is not asked for again what was refused.
    assert [call.outcome for call in (await service.calls()).items] == [CallOutcome.OVER_BUDGET]
    memories = (await service.api.list_memories("alice")).items
    assert [memory.content for memory in memories] == ["User lives in Porto"]


@pytest.mark.parametrize("over_budget", list(OverBudget))
async def test_a_session_whose_budget_ends_on_the_way_is_finished_by_rules(
    service: MeteredService, inference: MeteredInference, over_budget: OverBudget
) -> None:
    await service.account()
    await service.limit(user_tokens_per_day=1_500, over_budget=over_budget)
    session_id = await service.add_session("alice")
    await service.until_idle()
    session = await service.api.get_session("alice", session_id)
    assert session.status is SessionStatus.PROCESSED
    assert (session.processing_note or "").startswith("processed in part by rules: ")
    assert inference.asked == ["extraction"]


@pytest.mark.parametrize("over_budget", list(OverBudget))
async def test_where_the_budget_ends_at_the_review_the_rules_say_what_is_in_doubt(
    service: MeteredService, inference: MeteredInference, over_budget: OverBudget
) -> None:
    await service.account()
    await service.limit(user_tokens_per_day=4_500, over_budget=over_budget)
    await service.add_session("alice", "I live in Lisbon. I go to a gym in Lisbon.")
    await service.until_idle()
    session_id = await service.add_session("alice", "I moved to Porto.", day=9)
    await service.until_idle()
    session = await service.api.get_session("alice", session_id)
    assert session.status is SessionStatus.PROCESSED
    assert (session.processing_note or "").startswith("processed in part by rules: ")
    assert inference.asked == ["extraction", "reconciliation"] * 2
    (doubted,) = (await service.api.list_doubtful_memories("alice")).items
    assert doubted.content == "User goes to a gym in Lisbon"


async def test_within_its_budget_a_session_has_nothing_to_say(service: MeteredService) -> None:
    await service.account()
    session_id = await service.add_session("alice")
    await service.until_idle()
    session = await service.api.get_session("alice", session_id)
    assert (session.status, session.processing_note) == (SessionStatus.PROCESSED, None)


async def waiting(service: MeteredService, session_id: str) -> None:
    """Checks that a session waits for its budget."""
    await service.until_idle()
    session = await service.api.get_session("alice", session_id)
    assert session.status is SessionStatus.INSUFFICIENT_BALANCE
    tomorrow = f"{next_day(START):%Y-%m-%d %H:%M} UTC"
    assert (session.failure_reason or "").endswith(f"a new day begins at {tomorrow}")


async def ended(service: MeteredService, session_id: str) -> SessionStatus:
    """Wait for a session that is resumed by itself; return its status."""
    aside = (SessionStatus.INSUFFICIENT_BALANCE, SessionStatus.PROCESSING)
    async with asyncio.timeout(20):
        while (status := (await service.api.get_session("alice", session_id)).status) in aside:
            await service.system.resources.work_done.wait(0.05)
    return status


async def processed(service: MeteredService, session_id: str) -> None:
    """Checks that a session is processed with a model."""
    assert await ended(service, session_id) is SessionStatus.PROCESSED
    session = await service.api.get_session("alice", session_id)
    assert (session.processing_note, session.failure_reason) == (None, None)


@pytest.fixture
async def patient(service: MeteredService) -> MeteredService:
    """A memory whose sessions wait for a budget that has no room for one."""
    await service.account()
    await service.limit(user_tokens_per_day=500, over_budget=OverBudget.WAIT)
    return service


async def test_a_waiting_session_is_processed_when_the_limit_is_raised(
    patient: MeteredService, inference: MeteredInference
) -> None:
    session_id = await patient.add_session("alice")
    await waiting(patient, session_id)
    await patient.limit(user_tokens_per_day=5_000)
    await processed(patient, session_id)
    assert inference.asked == ["extraction", "reconciliation"]


async def test_a_waiting_session_is_processed_by_rules_when_the_project_says_so(
    patient: MeteredService,
) -> None:
    session_id = await patient.add_session("alice")
    await waiting(patient, session_id)
    await patient.limit(over_budget=OverBudget.LOCAL)
    await patient.until_idle()
    session = await patient.api.get_session("alice", session_id)
    assert session.status is SessionStatus.PROCESSED
    assert session.processing_note is not None


async def test_a_waiting_session_is_processed_by_itself_on_the_next_day(
    patient: MeteredService, clock: Clock
) -> None:
    await patient.limit(user_tokens_per_day=2_000)
    first = await patient.add_session("alice", day=1)
    await processed(patient, first)
    second = await patient.add_session("alice", "I have two cats.", day=2)
    await waiting(patient, second)
    clock.now = datetime(2025, 3, 15, tzinfo=UTC)
    await processed(patient, second)


async def test_process_tries_a_waiting_session_again(
    patient: MeteredService, clock: Clock, inference: MeteredInference
) -> None:
    session_id = await patient.add_session("alice")
    await waiting(patient, session_id)
    again = await patient.api.process("alice", session_id)
    assert (again.status, again.failure_reason) == (SessionStatus.PROCESSING, None)
    await waiting(patient, session_id)
    inference.planned = PlannedCall("extraction", "here", "small", "abc123", 100, 100)
    await patient.api.process("alice", session_id)
    await processed(patient, session_id)


async def test_waiting_is_no_failed_try(patient: MeteredService, clock: Clock) -> None:
    session_id = await patient.add_session("alice")
    await patient.until_idle()
    for _ in range(40):
        await patient.api.process("alice", session_id)
        await patient.until_idle()
    (row,) = patient.rows("select * from sessions where session_id = ?", session_id)
    assert (row["attempts"], row["failures"], row["lease_token"]) == (0, 0, "")
    assert row["due_at"] == int(datetime(2025, 3, 15, tzinfo=UTC).timestamp() * 1_000_000)


async def test_waiting_sessions_outlive_a_restart(
    patient: MeteredService, path: Path, settings: Settings, parts: Parts
) -> None:
    session_id = await patient.add_session("alice")
    await waiting(patient, session_id)
    await patient.system.close()
    async with opened(path, settings, parts) as again:
        await waiting(again, session_id)
        await again.limit(user_tokens_per_day=5_000)
        await processed(again, session_id)


async def test_other_users_are_not_kept_waiting(patient: MeteredService) -> None:
    await waiting(patient, await patient.add_session("alice"))
    await patient.limit(user_tokens_per_day=2_000)
    await patient.until_idle()
    second = await patient.add_session("alice", "I have two cats.", day=2)
    await waiting(patient, second)
    await patient.account("bruno")
    of_bruno = await patient.add_session("bruno")
    await patient.until_idle()
    session = await patient.api.get_session("bruno", of_bruno)
    assert (session.status, session.processing_note) == (SessionStatus.PROCESSED, None)


async def test_a_session_that_was_paid_for_and_failed_does_not_burn_a_second_days_budget(
    patient: MeteredService, inference: MeteredInference, clock: Clock
) -> None:
    """A day has room for one call; the first try spends it and fails."""
    await patient.limit(user_tokens_per_day=1_000)
    inference.broken = 1
    session_id = await patient.add_session("alice")
    await waiting(patient, session_id)
    assert inference.asked == ["extraction"]
    clock.now = datetime(2025, 3, 15, tzinfo=UTC)
    assert await ended(patient, session_id) is SessionStatus.PROCESSED
    assert len(inference.asked) == 2
    session = await patient.api.get_session("alice", session_id)
    assert (session.processing_note or "").startswith("processed in part by rules")


async def test_a_session_that_was_paid_for_does_not_wait_for_a_third_day(
    patient: MeteredService, inference: MeteredInference, clock: Clock
) -> None:
    """The budget of the second day is too small even for the first call."""
    await patient.limit(user_tokens_per_day=1_000)
    inference.broken = 1
    session_id = await patient.add_session("alice")
    await waiting(patient, session_id)
    await patient.limit(user_tokens_per_day=500)
    await waiting(patient, session_id)
    clock.now = datetime(2025, 3, 15, tzinfo=UTC)
    assert await ended(patient, session_id) is SessionStatus.PROCESSED
    session = await patient.api.get_session("alice", session_id)
    assert (session.processing_note or "").startswith("processed by rules: ")
    assert len(inference.asked) == 1


async def test_answers_to_a_merge_conflict_do_not_wait(service: MeteredService) -> None:
    await service.account()
    await service.admin.update_project(DEFAULT_PROJECT_ID, merge_conflict_enabled=True)
    await service.add_session("alice", "I was born on 3 May 1990.", day=1)
    await service.until_idle()
    await service.add_session("alice", "I was born on 4 June 1990.", day=2)
    await service.until_idle()
    (conflict,) = (await service.api.list_merge_conflicts("alice")).items
    await service.limit(user_tokens_per_day=0, over_budget=OverBudget.WAIT)
    answers = [
        MergeConflictAnswer(question.question, question.options[0], "I have a boat.")
        for question in conflict.clarifying_questions
    ]
    await service.api.resolve_merge_conflict("alice", conflict.id, answers)
    await service.until_idle()
    resolved = await service.api.get_merge_conflict("alice", conflict.id)
    assert resolved.status is MergeConflictStatus.RESOLVED
    refused = [call for call in (await service.calls()).items if call.merge_conflict_id]
    assert [call.outcome for call in refused] == [CallOutcome.OVER_BUDGET]


# With a model


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as running:
        running.otherwise = Says(
            {
                "memories": [{"statement": "User lives in Porto.", "evidence": [1]}],
                "summary": "The user lives in Porto.",
            }
        )
        yield running


@pytest.fixture
async def modelled(
    path: Path, clock: Clock, model: ScriptedModel, settings: Settings
) -> AsyncIterator[MeteredService]:
    """A memory that asks a model over HTTP."""
    chosen = settings.model_copy(
        update={
            "model": "openai:scripted",
            "model_base_url": model.url,
            "model_api_key": SecretStr("not-a-key"),
        }
    )
    async with opened(path, chosen, Parts(embedder=HashEmbedder(), clock=clock)) as service:
        await service.account()
        yield service


async def test_what_the_model_says_it_counted_stands_in_the_ledger(
    modelled: MeteredService, model: ScriptedModel
) -> None:
    session_id = await modelled.add_session("alice")
    await modelled.until_idle()
    session = await modelled.api.get_session("alice", session_id)
    assert (session.status, session.processing_note) == (SessionStatus.PROCESSED, None)
    calls = (await modelled.calls()).items
    assert len(calls) == len(model.requests) > 0
    (extraction,) = [call for call in calls if call.task == "extraction"]
    assert extraction.input_tokens == model.requests[0].tokens
    assert (extraction.outcome, extraction.usage_known) == (CallOutcome.OK, True)
    # The address is the test's own, so what OpenAI charges is not assumed.
    assert extraction.usd is None
    assert extraction.provider != "openai"


async def test_over_budget_the_model_is_not_asked_and_the_rules_do_the_work(
    modelled: MeteredService, model: ScriptedModel
) -> None:
    await modelled.limit(project_tokens_per_day=100)
    session_id = await modelled.add_session("alice")
    await modelled.until_idle()
    session = await modelled.api.get_session("alice", session_id)
    assert session.status is SessionStatus.PROCESSED
    assert "the project's budget" in (session.processing_note or "")
    assert model.requests == []
    (memory,) = (await modelled.api.list_memories("alice")).items
    assert memory.content == "User lives in Porto"


async def test_a_session_waits_for_the_budget_of_its_model(
    modelled: MeteredService, model: ScriptedModel
) -> None:
    await modelled.limit(project_tokens_per_day=100, over_budget=OverBudget.WAIT)
    session_id = await modelled.add_session("alice")
    await waiting(modelled, session_id)
    assert model.requests == []
    await modelled.limit(project_tokens_per_day=None)
    await processed(modelled, session_id)
    assert len(model.requests) > 0


async def test_a_context_over_budget_is_made_by_rules(
    modelled: MeteredService, model: ScriptedModel
) -> None:
    await modelled.add_session("alice")
    await modelled.until_idle()
    requests_before = len(model.requests)
    await modelled.limit(user_tokens_per_day=0, over_budget=OverBudget.WAIT)
    session = await modelled.api.create_session("alice")
    await modelled.api.add_message(
        "alice", session.session_id, MessageRole.USER, "Where do I live?"
    )
    for strategy in (RecallStrategy.BALANCED, RecallStrategy.AGENTIC):
        request = ContextRequest(recall_strategy=strategy)
        made = await modelled.api.get_context("alice", session.session_id, request)
        assert "User lives in Porto" in (made.context or "")
        assert made.metadata is not None
        assert "budget" in (made.metadata.fallback_reason or "")
    assert len(model.requests) == requests_before
