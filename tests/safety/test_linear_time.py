"""No text that anybody sends costs more than about linear time.

Every pattern of the package, every function of the core that takes text, and the ways of a text
through the core are run on pumped strings of growing length, in one process. A new pattern or
function is in it by itself. `benchmarks/linear_time.py` shows the slowest.
"""

import re

import pytest
from tests.safety import inventory, subjects
from tests.safety.arguments import PLAIN, Source, call_of, consumed, ways_of
from tests.safety.growth import LIMIT, Case, Growth, worst_growth
from tests.safety.pumps import MAX_CHARS, Pump, pumps_of

from hitherto.errors import RecallrAIError

PATTERN_BUDGET_S = 0.03
FUNCTION_BUDGET_S = 0.03
SCENARIO_BUDGET_S = 0.8
LONGEST_S = 0.15
"""Processor time for one subject; the slow ones reach the longest texts in the scenarios."""

MOST_US_PER_CHAR = 100.0
"""What a character may cost where texts are bounded, so that growth says nothing."""

MADE_DURING_A_CALL = {
    "core.dates.expressions: f'\\\\b(?:{pattern})(?!\\\\w)'": "a pattern of the module",
    "core.dates.other_languages: words": "words of a grammar of the package",
    'core.reconciliation.doubt: f"\\\\b(?:his|her|their|the|user\'s) {re.escape(kind)}\\\\b"': (
        "a kind of the table of relatives"
    ),
    (
        "core.reconciliation.doubt: "
        'f"\\\\b(?:his|her|their|the|user\'s) (?:\\\\w+ )?{re.escape(kind)}\\\\b"'
    ): "a kind of the table of relatives",
    "inference.exploring.run: re.escape(words_to_find)": "a literal text",
}
"""Patterns that functions make while they run, and of what; none has a loop over user text."""


def refuse(results: list[Growth], name: str) -> None:
    """Fail where one grows above about linear, or costs too much within a bound."""
    if inventory.bound_of(name) is not None:
        slow = [each for each in results if each.us_per_char > MOST_US_PER_CHAR]
    else:
        slow = [each for each in results if each.ratio > LIMIT]
    assert not slow, "\n" + "\n".join(map(str, sorted(slow, key=lambda each: -each.ratio)[:5]))


@pytest.mark.parametrize("found", inventory.patterns(), ids=lambda found: found.name)
def test_a_pattern_takes_linear_time(found: inventory.FoundPattern) -> None:
    results = subjects.pattern_growth(found, budget_s=PATTERN_BUDGET_S, longest_s=LONGEST_S)
    refuse(results, found.name)


@pytest.mark.parametrize(
    "found",
    [each for each in inventory.functions() if each.name not in inventory.EXEMPT],
    ids=lambda found: found.name,
)
def test_a_function_takes_linear_time(found: inventory.FoundFunction) -> None:
    results = subjects.function_growth(found, budget_s=FUNCTION_BUDGET_S, longest_s=LONGEST_S)
    refuse(results, found.name)


@pytest.mark.parametrize("name", subjects.SCENARIOS)
def test_the_way_of_a_text_through_the_core_takes_linear_time(name: str) -> None:
    results = subjects.scenario_growth(name, budget_s=SCENARIO_BUDGET_S, longest_s=LONGEST_S)
    refuse(results, name)


def test_every_pattern_is_known() -> None:
    assert len(inventory.patterns()) > 200
    assert set(inventory.dynamic_patterns()) == set(MADE_DURING_A_CALL)


def test_the_exceptions_are_in_use() -> None:
    functions = {each.name for each in inventory.functions()}
    assert set(inventory.EXEMPT) <= functions
    names = functions | {each.name for each in inventory.patterns()}
    for start in inventory.BOUNDED:
        assert any(name.startswith(start) for name in names), start


def test_nearly_every_function_is_really_called() -> None:
    """What cannot be called with made arguments has to be exempt, with its reason."""
    failed = []
    for found in inventory.functions():
        if found.name in inventory.EXEMPT:
            continue
        outcomes = [_outcome(found, parameter, many) for parameter, many in ways_of(found.call)]
        assert outcomes, f"{found.name}: no argument of it holds the text"
        if not any(outcome is None for outcome in outcomes):
            failed.append(f"{found.name}: {outcomes[0]!r}")
    assert not failed, "\n".join(failed)


def _outcome(found: inventory.FoundFunction, parameter: str, many: bool) -> Exception | None:
    positional, named = call_of(found.call, parameter, Source(PLAIN, 200, many))
    try:
        consumed(found.call(*positional, **named))
    except RecallrAIError:
        return None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        return error
    return None


@pytest.mark.parametrize(
    ("text", "is_linear"),
    [
        (r"\s*\n\s*", False),
        (r"(?<!\s)\s*\n\s*", True),
        (r"which .*\band\b", False),
        (r"\[[A-Z].*\]\Z", False),
        (r"(?:a|b)+c", False),
        (r"\b\w+ \w+\b", True),
    ],
)
def test_the_measurement_tells_them_apart(text: str, is_linear: bool) -> None:
    found = inventory.FoundPattern("tried", re.compile(text), {"search"})
    results = subjects.pattern_growth(found, budget_s=PATTERN_BUDGET_S, longest_s=LONGEST_S)
    assert (max(each.ratio for each in results) <= LIMIT) is is_linear


def test_a_quadratic_function_is_seen() -> None:
    def pairs(chars: int) -> object:
        items = list(range(chars // 16))
        return lambda: sum(a == b for a in items for b in items)

    case = Case("pairs", "", "", pairs)  # type: ignore[arg-type]
    results = worst_growth(
        [case], budget_s=0.2, longest_s=0.2, start_chars=1_024, max_chars=MAX_CHARS
    )
    assert results[0].ratio > LIMIT


def test_pumps_are_made_of_a_pattern_s_own_parts() -> None:
    pumps = pumps_of(re.compile(r"\bfoo\s+(?:bar|[0-4])*end"))
    assert Pump("foo ", after="\x01") in pumps
    assert any(pump.before == "foo " and pump.unit == "bar" for pump in pumps)
