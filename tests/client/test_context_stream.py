"""A context that tells what is being done on the way to it, embedded and remote alike."""

from typing import Any

import pytest

from hitherto import RecallStrategy
from hitherto.errors import SessionNotFoundError, UserNotFoundError, ValidationError


@pytest.fixture
async def asking(memory: Any, user: Any) -> Any:
    """A session that asks about what an earlier one told."""
    told = await user.create_session()
    await told.add_message("user", "I moved to Lisbon. I work as a nurse.")
    await told.process()
    await memory.wait_until_processed(timeout_s=20)
    session = await user.create_session()
    await session.add_message("user", "Where do I live?")
    return session


@pytest.mark.parametrize("strategy", list(RecallStrategy))
async def test_the_last_event_is_what_get_context_returns(
    asking: Any, strategy: RecallStrategy
) -> None:
    *before, last = [event async for event in asking.get_context_stream(strategy)]
    assert last == await asking.get_context(strategy)
    assert before
    assert all(event.status_update_message and not event.is_final for event in before)
    assert all(event.context is None for event in before)


async def test_parameters_are_those_of_get_context(asking: Any) -> None:
    named = {
        "min_top_k": 5,
        "max_top_k": 10,
        "last_n_messages": 2,
        "timezone": None,
        "include_system_prompt": False,
        "include_metadata_ids": True,
        "max_tokens": 400,
        "memories_threshold": 0.2,
    }
    *_, last = [event async for event in asking.get_context_stream(**named)]
    assert last == await asking.get_context(**named)
    assert last.metadata.memory_ids


async def test_a_parameter_out_of_range_is_told_before_the_first_event(asking: Any) -> None:
    with pytest.raises(ValidationError, match="min_top_k"):
        await anext(asking.get_context_stream(min_top_k=4))


async def test_what_is_not_there_is_told_before_the_first_event(asking: Any, user: Any) -> None:
    await asking.delete()
    with pytest.raises(SessionNotFoundError):
        await anext(asking.get_context_stream())
    await user.delete()
    with pytest.raises(UserNotFoundError):
        await anext(asking.get_context_stream())


async def test_a_stream_may_be_left_early(asking: Any) -> None:
    stream = asking.get_context_stream()
    await anext(stream)
    await stream.aclose()
    assert (await asking.get_context()).is_final
