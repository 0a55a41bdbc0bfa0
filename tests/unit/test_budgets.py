"""Limits, what is left of them, and the days that they hold for."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hitherto.core import spending
from hitherto.core.spending import Amount, BudgetState, Limit
from hitherto.inference.ledger import CallUsage
from hitherto.inference.prices import ListPrices
from hitherto.models import OverBudget
from hitherto.models.usage import Budgets
from hitherto.settings import Price

amounts = some.builds(Amount, some.integers(0, 1_000), some.integers(0, 1_000))
limits = some.builds(
    Limit,
    some.none() | some.integers(0, 1_000),
    some.none() | some.integers(0, 1_000),
)


@pytest.mark.parametrize(
    ("limit", "taken", "wanted", "allowed"),
    [
        (Limit(100), Amount(60), Amount(40), True),
        (Limit(100), Amount(60), Amount(41), False),
        (Limit(0), Amount(0), Amount(1), False),
        (Limit(100), Amount(500), Amount(1), False),
        (Limit(), Amount(10**12, 10**12), Amount(10**12, 10**12), True),
        (Limit(None, 100), Amount(10**9, 60), Amount(10**9, 40), True),
        (Limit(None, 100), Amount(0, 60), Amount(0, 41), False),
        (Limit(1_000, 100), Amount(), Amount(1_001, 1), False),
    ],
)
def test_a_call_is_allowed_only_if_all_of_it_fits(
    limit: Limit, taken: Amount, wanted: Amount, allowed: bool
) -> None:
    reason = spending.refusal([BudgetState("project", limit, taken)], wanted)
    assert (reason is None) is allowed


def test_a_call_without_a_price_is_not_refused_for_money() -> None:
    spent = BudgetState("project", Limit(None, 100), Amount(0, 100))
    assert spending.refusal([spent], Amount(5_000, 0)) is None
    assert spending.refusal([spent], Amount(5_000, 1)) is not None


def test_the_reason_says_whose_budget_it_is_and_what_is_left() -> None:
    free = BudgetState("user", Limit(), Amount())
    reason = spending.refusal(
        [free, BudgetState("project", Limit(9_000), Amount(8_000))], Amount(1_500)
    )
    assert reason == (
        "the project's budget of 9,000 tokens per day has 1,000 left, and the call may take 1,500"
    )
    reason = spending.refusal(
        [BudgetState("user", Limit(None, 2 * 10**9), Amount(0, 10**9))], Amount(5, 1_500_000_000)
    )
    assert reason is not None
    assert "the user's budget of $2.000000 per day has $1.000000 left" in reason


@given(some.lists(some.builds(BudgetState, some.just("user"), limits, amounts)), amounts)
def test_what_is_allowed_never_goes_over_a_limit(states: list[BudgetState], wanted: Amount) -> None:
    if spending.refusal(states, wanted) is not None:
        return
    for state in states:
        after = state.taken + wanted
        if state.limit.tokens is not None and wanted.tokens:
            assert after.tokens <= state.limit.tokens
        if state.limit.cost_nanos is not None and wanted.cost_nanos:
            assert after.cost_nanos <= state.limit.cost_nanos


def test_a_project_inherits_what_it_has_not_set() -> None:
    defaults = Budgets(1_000, 2.0, 300, None, OverBudget.LOCAL)
    own = Budgets(project_tokens_per_day=0, user_usd_per_day=0.5, over_budget=OverBudget.WAIT)
    budgets = spending.effective(own, defaults)
    assert budgets == Budgets(0, 2.0, 300, 0.5, OverBudget.WAIT)
    assert spending.effective(Budgets(), defaults) == defaults
    assert spending.of_project(budgets) == Limit(0, 2_000_000_000)
    assert spending.of_user(budgets) == Limit(300, 500_000_000)


def test_days_are_those_of_utc_whatever_the_zone_of_the_clock() -> None:
    tokyo = timezone(timedelta(hours=9))
    instant = datetime(2025, 3, 15, 8, 59, 59, tzinfo=tokyo)
    assert spending.day_of(instant) == "2025-03-14"
    assert spending.next_day(instant) == datetime(2025, 3, 15, tzinfo=UTC)
    assert spending.day_of(instant + timedelta(seconds=1)) == "2025-03-15"
    assert spending.days_back(instant, 1) == "2025-03-14"
    assert spending.days_back(instant, 15) == "2025-02-28"


def test_midnight_begins_the_new_day() -> None:
    midnight = datetime(2024, 12, 31, tzinfo=UTC)
    assert spending.next_day(midnight) == datetime(2025, 1, 1, tzinfo=UTC)
    assert spending.next_day(midnight - timedelta(microseconds=1)) == midnight


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("abc", 1),
        ("abcd", 2),
        ("Λισαβόνα", 8),
        ("リスボン", 6),
        ("abc リスボン", 8),
        ("\ud800", 1),
    ],
)
def test_a_token_is_three_letters_of_ascii_or_two_bytes_of_others(text: str, tokens: int) -> None:
    assert spending.estimated_tokens(text) == tokens + spending.MESSAGE_TOKENS


@given(some.text(), some.text())
def test_an_estimate_grows_with_the_text(one: str, other: str) -> None:
    both = spending.estimated_tokens(one + other)
    assert both >= spending.estimated_tokens(one) >= spending.MESSAGE_TOKENS
    assert both <= spending.estimated_tokens(one, other)


@given(some.integers(0, 10**15))
def test_money_survives_the_way_to_dollars_and_back(nanos: int) -> None:
    assert spending.to_nanos(spending.to_usd(nanos)) == nanos


# Prices


def test_a_price_of_the_settings_goes_before_the_published_one() -> None:
    usage = CallUsage(1_000_000, 100_000, 400_000)
    prices = ListPrices(
        {
            "openai:gpt-5-mini": Price(input=2, output=10),
            "here:small": Price(input=1, output=0, cached=0.5),
        }
    )
    assert prices.cost_nanos("openai", "gpt-5-mini", usage) == 3 * 10**9
    assert prices.cost_nanos("here", "small", usage) == 800_000_000


def test_published_prices_are_known_and_cached_tokens_are_cheaper() -> None:
    pytest.importorskip("genai_prices")
    prices = ListPrices({})
    fresh = prices.cost_nanos("openai", "gpt-5-mini", CallUsage(1_000_000, 0, 0))
    cached = prices.cost_nanos("openai", "gpt-5-mini", CallUsage(1_000_000, 0, 1_000_000))
    assert fresh is not None
    assert cached is not None
    assert 0 < cached < fresh


@pytest.mark.parametrize(("provider", "model"), [("ollama", "qwen3"), ("openai", "no-such-model")])
def test_an_unknown_price_is_unknown_and_not_nothing(provider: str, model: str) -> None:
    assert ListPrices({}).cost_nanos(provider, model, CallUsage(1_000, 10)) is None


def test_a_fraction_of_a_billionth_counts_as_one() -> None:
    prices = ListPrices({"here:small": Price(input=0.0001, output=0)})
    assert prices.cost_nanos("here", "small", CallUsage(1, 0)) == 1
    assert prices.cost_nanos("here", "small", CallUsage(0, 0)) == 0
