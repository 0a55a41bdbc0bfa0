"""Ledger of model calls: budgets that hold, and correct counters."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from tests.conftest import Clock
from tests.fakes import HashEmbedder
from tests.metered import PLANNED, PRICES, MeteredInference, MeteredService, finished, opened

from hitherto import Parts, Settings
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.engine.ledger import LAPSE_S, StoreLedger
from hitherto.errors import BudgetSpentError, ProjectNotFoundError, UserNotFoundError
from hitherto.inference.ledger import (
    Account,
    CallUsage,
    FinishedCall,
    PlannedCall,
    charged_to,
    current_account,
)
from hitherto.models import CallOutcome
from hitherto.models.usage import ModelCall
from hitherto.store import Store, open_database

OTHER = "00000000-0000-0000-0000-00000000beef"


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


# Limits


@pytest.mark.parametrize("budget", ["project_tokens_per_day", "user_tokens_per_day"])
async def test_of_twenty_calls_at_once_as_many_go_through_as_there_is_room_for(
    service: MeteredService, budget: str
) -> None:
    account = await service.account()
    await service.limit(**{budget: 5 * 1_000 + 999})
    entered = asyncio.Barrier(20)

    async def reserve_once() -> bool:
        await entered.wait()
        try:
            await service.call(account)
        except BudgetSpentError:
            return False
        return True

    allowed = await asyncio.gather(*(reserve_once() for _ in range(20)))
    assert sum(allowed) == 5
    usage = await service.admin.usage(DEFAULT_PROJECT_ID)
    assert (usage.total.calls, usage.total.refused_calls) == (5, 15)
    assert (await service.admin.get_budgets(DEFAULT_PROJECT_ID)).tokens_today == 5_000


async def test_two_processes_cannot_take_the_same_room(
    service: MeteredService, settings: Settings
) -> None:
    """Two stores on one file, each with a connection and a thread of its own."""
    account = await service.account()
    await service.limit(project_tokens_per_day=5_000)
    store = Store(open_database(service.path))
    await store.open()
    resources = service.system.resources
    second = StoreLedger(store, settings, resources.clock, resources.new_id)

    async def reserve_once(ledger: StoreLedger) -> bool:
        with charged_to(account):
            try:
                await ledger.reserve(PLANNED)
            except BudgetSpentError:
                return False
        return True

    allowed = await asyncio.gather(*(reserve_once(item) for item in [service.ledger, second] * 10))
    await store.close()
    assert sum(allowed) == 5


async def test_what_is_reserved_counts_and_what_was_not_taken_comes_back(
    service: MeteredService,
) -> None:
    account = await service.account()
    await service.limit(user_tokens_per_day=1_500)
    with charged_to(account):
        reservation = await service.ledger.reserve(PLANNED)
        assert (await service.admin.get_budgets(DEFAULT_PROJECT_ID)).tokens_today == 1_000
        with pytest.raises(BudgetSpentError, match=r"the user's budget of 1,500 .* has 500 left"):
            await service.ledger.reserve(PLANNED)
        await service.ledger.settle(reservation, finished(400, 100))
        assert (await service.admin.get_budgets(DEFAULT_PROJECT_ID)).tokens_today == 500
        await service.ledger.reserve(PLANNED)


@pytest.mark.parametrize("budget", ["project_tokens_per_day", "user_tokens_per_day"])
async def test_the_room_of_a_call_that_was_never_settled_lapses(
    service: MeteredService, clock: Clock, budget: str
) -> None:
    account = await service.account()
    await service.limit(**{budget: 1_000})
    with charged_to(account):
        lost = await service.ledger.reserve(PLANNED)
        clock.advance(PLANNED.timeout_s + LAPSE_S - 1)
        with pytest.raises(BudgetSpentError):
            await service.ledger.reserve(PLANNED)
        clock.advance(1)
        again = await service.ledger.reserve(PLANNED)
        assert len(service.rows("select * from model_call_reservations")) == 1
        # One that comes back all the same is counted: the provider has charged for it.
        await service.ledger.settle(again, finished(0, 0))
        await service.ledger.settle(lost, finished(900, 100))
    assert (await service.admin.get_budgets(DEFAULT_PROJECT_ID)).tokens_today == 1_000


async def test_each_user_has_a_budget_and_all_share_that_of_the_project(
    service: MeteredService,
) -> None:
    alice, bruno = await service.account("alice"), await service.account("bruno")
    await service.limit(user_tokens_per_day=2_000, project_tokens_per_day=3_000)
    await service.call(alice)
    await service.call(alice)
    with pytest.raises(BudgetSpentError, match="the user's"):
        await service.call(alice)
    await service.call(bruno)
    with pytest.raises(BudgetSpentError, match="the project's"):
        await service.call(bruno)


async def test_projects_do_not_spend_each_others_budgets(service: MeteredService) -> None:
    other = await service.admin.create_project("Support desk")
    await service.limit(project_tokens_per_day=1_000)
    await service.call(await service.account("alice"))
    await service.call(await service.account("bruno", other.project_id))
    await service.call(await service.account("carla", other.project_id))
    assert (await service.admin.usage(other.project_id)).total.calls == 2
    assert (await service.admin.usage(DEFAULT_PROJECT_ID)).total.calls == 1


async def test_a_limit_in_dollars_holds(service: MeteredService) -> None:
    account = await service.account()
    # A call is planned at 900 tokens for $1 and 100 for $2 per million: $0.0011.
    await service.limit(user_usd_per_day=0.0033)
    for _ in range(3):
        await service.call(account)
    with pytest.raises(BudgetSpentError, match=r"\$0\.003300 per day has \$0\.000000 left"):
        await service.call(account)
    usage = await service.admin.usage(DEFAULT_PROJECT_ID)
    assert (usage.total.usd, usage.total.unpriced_calls) == (0.0033, 0)


async def test_a_call_of_unknown_price_costs_null_and_is_bound_by_tokens_alone(
    service: MeteredService,
) -> None:
    account = await service.account()
    await service.limit(user_usd_per_day=0, user_tokens_per_day=1_000)
    planned = PlannedCall("planning", "elsewhere", "large", "abc123", 900, 100)
    await service.call(account, planned)
    with pytest.raises(BudgetSpentError, match="tokens"):
        await service.call(account, planned)
    usage = await service.admin.usage(DEFAULT_PROJECT_ID)
    assert (usage.total.unpriced_calls, usage.total.usd) == (1, 0)
    assert [call.usd for call in (await service.calls()).items] == [None, None]


@pytest.mark.parametrize("settings", [Settings(user_tokens_per_day=1_000)])
async def test_the_settings_hold_where_a_project_has_set_nothing(service: MeteredService) -> None:
    account = await service.account()
    await service.call(account)
    with pytest.raises(BudgetSpentError):
        await service.call(account)
    await service.limit(user_tokens_per_day=2_000)
    await service.call(account)
    await service.limit(user_tokens_per_day=None)
    with pytest.raises(BudgetSpentError):
        await service.call(account)


async def test_with_a_budget_of_nothing_no_call_is_made(service: MeteredService) -> None:
    await service.limit(project_tokens_per_day=0)
    with pytest.raises(BudgetSpentError):
        await service.call(await service.account())


async def test_a_new_day_has_its_own_budget(service: MeteredService, clock: Clock) -> None:
    account = await service.account()
    await service.limit(user_tokens_per_day=1_000)
    midnight = datetime(2025, 3, 15, tzinfo=UTC)
    clock.now = midnight - timedelta(seconds=1)
    with charged_to(account):
        reserved = await service.ledger.reserve(PLANNED)
        with pytest.raises(BudgetSpentError, match="begins at 2025-03-15 00:00 UTC"):
            await service.ledger.reserve(PLANNED)
        clock.now = midnight
        await service.call(account)
        # What was reserved the day before is settled on that day.
        await service.ledger.settle(reserved, finished(900, 100))
        with pytest.raises(BudgetSpentError):
            await service.ledger.reserve(PLANNED)
    days = [task.day for task in (await service.admin.usage(DEFAULT_PROJECT_ID)).tasks]
    assert days == [date(2025, 3, 15), date(2025, 3, 14)]
    (today,) = (await service.admin.usage(DEFAULT_PROJECT_ID, days=1)).tasks
    assert (today.counts.calls, today.counts.refused_calls) == (1, 1)


async def test_counters_are_the_same_after_a_restart(
    path: Path, settings: Settings, parts: Parts
) -> None:
    async with opened(path, settings, parts) as first:
        account = await first.account()
        await first.limit(user_tokens_per_day=2_500)
        await first.call(account)
        before = await first.admin.usage(DEFAULT_PROJECT_ID)
    async with opened(path, settings, parts) as second:
        assert await second.admin.usage(DEFAULT_PROJECT_ID) == before
        await second.call(account)
        with pytest.raises(BudgetSpentError):
            await second.call(account)


# The ledger


async def test_a_call_stands_in_the_ledger_with_all_that_is_known_of_it(
    service: MeteredService,
) -> None:
    alice = await service.account()
    session = await service.api.create_session("alice")
    account = Account(alice.project_id, alice.user_id, session.session_id)
    with charged_to(account):
        reservation = await service.ledger.reserve(PLANNED)
    await service.ledger.settle(
        reservation,
        FinishedCall(
            CallOutcome.REPAIRED, CallUsage(800, 50, 600), 12.3, attempts=2, model="spare"
        ),
    )
    (call,) = (await service.calls()).items
    assert call == ModelCall(
        call_id=reservation.call_id,
        user_id="alice",
        session_id=session.session_id,
        merge_conflict_id=None,
        task="extraction",
        provider="here",
        model="spare",
        prompt_hash="abc123",
        input_tokens=800,
        output_tokens=50,
        cached_tokens=600,
        usd=None,
        usage_known=True,
        ms=13,
        attempts=2,
        outcome=CallOutcome.REPAIRED,
        called_at=reservation.reserved_at,
    )


async def test_cached_tokens_cost_their_own_price(service: MeteredService) -> None:
    await service.call(await service.account(), cached_tokens=400)
    (call,) = (await service.calls()).items
    # 500 for $1, 400 for $0.50 and 100 for $2 per million.
    assert call.usd == 0.0009


async def test_where_the_provider_did_not_say_all_that_was_reserved_counts(
    service: MeteredService,
) -> None:
    account = await service.account()
    with charged_to(account):
        reservation = await service.ledger.reserve(PLANNED)
    await service.ledger.settle(reservation, FinishedCall(CallOutcome.TIMED_OUT, None, 30_000))
    (call,) = (await service.calls()).items
    assert (call.input_tokens, call.output_tokens, call.usage_known) == (900, 100, False)
    assert call.usd == 0.0011
    assert (await service.admin.get_budgets(DEFAULT_PROJECT_ID)).tokens_today == 1_000


@pytest.mark.parametrize("outcome", list(CallOutcome))
async def test_every_outcome_can_be_kept(service: MeteredService, outcome: CallOutcome) -> None:
    account = await service.account()
    with charged_to(account):
        reservation = await service.ledger.reserve(PLANNED)
    await service.ledger.settle(reservation, FinishedCall(outcome, CallUsage(), 0))
    assert [call.outcome for call in (await service.calls()).items] == [outcome]


async def test_a_call_without_an_account_is_not_made(service: MeteredService) -> None:
    with pytest.raises(LookupError):
        await service.ledger.reserve(PLANNED)


async def test_an_account_holds_for_tasks_and_threads_begun_in_it() -> None:
    account = Account("p", "u")

    async def seen() -> tuple[Account, Account]:
        return current_account(), await asyncio.to_thread(current_account)

    with charged_to(Account("p", "other")):
        with charged_to(account):
            task = asyncio.create_task(seen())
        assert await task == (account, account)
        assert current_account().user_id == "other"


async def test_calls_are_paged_newest_first_for_all_or_one_user(service: MeteredService) -> None:
    for user_id in ("alice", "bruno"):
        account = await service.account(user_id)
        for _ in range(3):
            await service.call(account)
    page = await service.calls(limit=4)
    assert (len(page.items), page.total, page.has_more) == (4, 6, True)
    assert [call.user_id for call in page.items] == ["bruno"] * 3 + ["alice"]
    rest = await service.calls(offset=4, limit=4)
    assert ([call.user_id for call in rest.items], rest.has_more) == (["alice"] * 2, False)
    of_bruno = await service.calls(user_id="bruno", limit=2)
    assert ([call.user_id for call in of_bruno.items], of_bruno.total) == (["bruno"] * 2, 3)


async def test_usage_is_summed_by_day_task_and_model_and_by_user(
    service: MeteredService, clock: Clock
) -> None:
    alice, bruno = await service.account("alice"), await service.account("bruno")
    planning = PlannedCall("planning", "here", "small", "def456", 50, 10)
    await service.call(alice)
    clock.advance(86_400)
    await service.call(alice, input_tokens=500, cached_tokens=100)
    await service.call(bruno)
    await service.call(bruno, planning)
    usage = await service.admin.usage(DEFAULT_PROJECT_ID)
    calls_by_task = [(task.day.day, task.task, task.counts.calls) for task in usage.tasks]
    assert calls_by_task == [(15, "extraction", 2), (15, "planning", 1), (14, "extraction", 1)]
    first = usage.tasks[0].counts
    assert (first.input_tokens, first.output_tokens, first.cached_tokens) == (1_400, 200, 100)
    assert [(user.user_id, user.counts.calls) for user in usage.users] == [
        ("alice", 2),
        ("bruno", 2),
    ]
    assert sum(user.counts.input_tokens for user in usage.users) == usage.total.input_tokens
    of_bruno = await service.admin.usage(DEFAULT_PROJECT_ID, user_id="bruno")
    assert (of_bruno.total.calls, of_bruno.total.input_tokens) == (2, 950)
    assert [user.user_id for user in of_bruno.users] == ["bruno"]
    nobody = await service.account("carla")
    assert nobody.user_id
    assert (await service.admin.usage(DEFAULT_PROJECT_ID, user_id="carla")).tasks == []


async def test_a_deleted_user_leaves_no_call_and_the_sums_of_the_project_stay(
    service: MeteredService,
) -> None:
    alice, bruno = await service.account("alice"), await service.account("bruno")
    await service.limit(project_tokens_per_day=2_500)
    await service.call(alice)
    await service.call(bruno)
    before = await service.admin.usage(DEFAULT_PROJECT_ID)
    await service.api.delete_user("alice")
    after = await service.admin.usage(DEFAULT_PROJECT_ID)
    assert (after.total, after.tasks) == (before.total, before.tasks)
    assert [user.user_id for user in after.users] == ["bruno"]
    assert [call.user_id for call in (await service.calls()).items] == ["bruno"]
    text = "".join(
        str(tuple(row))
        for table in ("model_calls", "model_call_reservations", "project_usage")
        for row in service.rows(f"select * from {table}")
    )
    assert alice.user_id not in text
    with pytest.raises(BudgetSpentError, match="the project's"):
        await service.call(bruno)


async def test_a_call_under_way_for_a_deleted_user_counts_for_the_project(
    service: MeteredService,
) -> None:
    alice = await service.account()
    with charged_to(alice):
        reservation = await service.ledger.reserve(PLANNED)
        await service.api.delete_user("alice")
        await service.ledger.settle(reservation, finished())
        with pytest.raises(UserNotFoundError):
            await service.ledger.reserve(PLANNED)
    assert (await service.admin.usage(DEFAULT_PROJECT_ID)).total.input_tokens == 900
    assert (await service.calls()).total == 0
    assert service.rows("select * from model_call_reservations") == []


async def test_nothing_is_left_of_a_deleted_project(service: MeteredService) -> None:
    project = await service.admin.create_project("Support desk")
    await service.admin.update_budgets(project.project_id, user_tokens_per_day=5_000)
    account = await service.account("bruno", project.project_id)
    await service.call(account)
    with charged_to(account):
        reservation = await service.ledger.reserve(PLANNED)
    await service.admin.delete_project(project.project_id)
    await service.ledger.settle(reservation, finished())
    for table in ("model_calls", "model_call_reservations", "project_usage", "project_budgets"):
        assert service.rows(f"select * from {table}") == [], table


async def test_calls_are_kept_for_as_many_days_as_the_settings_say(
    service: MeteredService, clock: Clock, settings: Settings
) -> None:
    account = await service.account()
    await service.call(account)
    clock.advance(24 * 3600 * settings.model_calls_kept_days)
    await service.call(account)
    assert (await service.calls()).total == 2
    clock.advance(24 * 3600)
    await service.call(account)
    assert (await service.calls()).total == 2
    sums = service.rows("select sum(calls) as calls from project_usage")
    assert sums[0]["calls"] == 3


async def test_no_word_of_a_message_is_in_the_ledger(
    service: MeteredService, inference: MeteredInference
) -> None:
    await service.api.create_user("alice")
    await service.add_session("alice", "I live in Xanadu-on-Sea.")
    await service.until_idle()
    assert inference.asked == ["extraction", "reconciliation"]
    for table in ("model_calls", "project_usage"):
        assert (
            "xanadu" not in str([tuple(r) for r in service.rows(f"select * from {table}")]).lower()
        )


@pytest.mark.parametrize("call", ["get_budgets", "update_budgets", "usage", "list_model_calls"])
async def test_a_project_that_is_not_there_is_said_so(service: MeteredService, call: str) -> None:
    for project_id in (OTHER, "", "\0", "\ud800"):
        with pytest.raises(ProjectNotFoundError):
            await getattr(service.admin, call)(project_id)
