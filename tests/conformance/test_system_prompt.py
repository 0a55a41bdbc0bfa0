"""Checks 116 to 120: the prompts that tell a model how to read a context."""

import pytest
from tests.conformance.drivers import PY_ASYNC, PY_SYNC, RELEASED, Driver, Raw

STRATEGIES = ("low_latency", "balanced", "agentic")


async def prompt(raw: Raw, **params: str) -> str:
    answer = await raw.get("/system-prompt", params=params)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["system_prompt"]
    text = answer.json()["system_prompt"]
    assert isinstance(text, str)
    return text


@pytest.mark.check(116)
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_each_strategy_has_a_prompt(raw: Raw, strategy: str) -> None:
    assert len(await prompt(raw, recall_strategy=strategy)) > 500


@pytest.mark.check(116)
@pytest.mark.drivers(*RELEASED)
async def test_the_released_clients_fetch_the_same_prompt(driver: Driver, raw: Raw) -> None:
    """Through the method with which they fetch it before each context."""
    for strategy in STRATEGIES:
        if driver.name == PY_SYNC:
            fetched = driver.client._inner._http.get_cached_system_prompt(strategy)
        elif driver.name == PY_ASYNC:
            fetched = await driver.client._http.get_cached_system_prompt(strategy)
        else:
            fetched = await driver.client.wire.prompt(strategy)
        assert fetched == await prompt(raw, recall_strategy=strategy)


@pytest.mark.check(117)
async def test_the_structured_strategies_share_theirs_and_agentic_has_its_own(raw: Raw) -> None:
    low_latency, balanced, agentic = [
        await prompt(raw, recall_strategy=strategy) for strategy in STRATEGIES
    ]
    assert low_latency == balanced
    assert agentic != balanced


@pytest.mark.check(118)
async def test_without_a_strategy_it_is_that_of_balanced(raw: Raw) -> None:
    assert await prompt(raw) == await prompt(raw, recall_strategy="balanced")
    assert await prompt(raw, recall_strategy="auto") == await prompt(raw)


@pytest.mark.check(119)
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_prompt_does_not_end_in_line_ends(raw: Raw, strategy: str) -> None:
    text = await prompt(raw, recall_strategy=strategy)
    assert text == text.rstrip()


@pytest.mark.check(120)
@pytest.mark.parametrize("strategy", ["deepest", "BALANCED", ""])
async def test_the_prompt_of_an_unknown_strategy_is_refused(raw: Raw, strategy: str) -> None:
    answer = await raw.get("/system-prompt", params={"recall_strategy": strategy})
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], list)


@pytest.mark.check(116)
async def test_a_prompt_is_for_those_with_a_key(raw: Raw) -> None:
    answer = await raw.get("/system-prompt", headers={"X-Recallr-Api-Key": "rai_wrong"})
    assert answer.status_code == 401
