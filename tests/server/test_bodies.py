"""Reading bodies: what is too large, too slow, or more than its sender's share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hitherto.errors import OverloadedError, RecallrAIError
from hitherto.server.bodies import (
    UNRESERVED_BYTES,
    BodyMemory,
    BodyReader,
    DisconnectedError,
)

MAX_BYTES = 100_000
OWNERS = ("198.51.100.7", "key")

Receive = Callable[[], Awaitable[Any]]


def scope_of(length: int | str | None) -> dict[str, Any]:
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    return {"type": "http", "headers": headers}


def receiving(*parts: bytes | None) -> Receive:
    """What a server hands out for these parts; after None it waits for ever."""
    left = list(parts)

    async def receive() -> Any:
        if left[0] is None:
            await asyncio.Event().wait()
        part = left.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    return receive


def reader(**named: Any) -> BodyReader:
    return BodyReader(MAX_BYTES, **({"unreserved_s": 0.01} | named))


@pytest.mark.parametrize("length", [None, 5])
async def test_a_short_body_that_is_there_needs_no_reservation(length: int | None) -> None:
    body = await reader().read(scope_of(length), receiving(b"he", b"llo"), OWNERS)
    assert (body.content, body.reservation) == (b"hello", None)


@pytest.mark.parametrize(("length", "reserved"), [(60_000, 60_000), (None, MAX_BYTES)])
async def test_a_long_body_reserves_its_declared_length_until_it_is_released(
    length: int | None, reserved: int
) -> None:
    bodies = reader()
    parts = [b"x" * 20_000] * 3
    body = await bodies.read(scope_of(length), receiving(*parts), OWNERS)
    assert body.content == b"x" * 60_000
    assert bodies.memory.reserved_bytes == reserved
    bodies.release(body)
    assert bodies.memory.reserved_bytes == 0


@pytest.mark.parametrize("length", [MAX_BYTES + 1, "9" * 19, None])
async def test_a_body_that_is_too_large_is_413_and_gives_its_memory_back(length: Any) -> None:
    bodies = reader()
    with pytest.raises(RecallrAIError) as refused:
        await bodies.read(scope_of(length), receiving(*[b"x" * 30_000] * 4), OWNERS)
    assert refused.value.http_status == 413
    assert str(MAX_BYTES) in refused.value.message
    assert bodies.memory.reserved_bytes == 0


async def test_a_length_of_thousands_of_digits_is_no_length() -> None:
    body = await reader().read(scope_of("9" * 5000), receiving(b"{}"), OWNERS)
    assert body.content == b"{}"


async def test_a_body_that_stops_arriving_is_408() -> None:
    bodies = reader(timeout_s=0.01)
    with pytest.raises(RecallrAIError) as refused:
        await bodies.read(scope_of(10), receiving(b'{"', None), OWNERS)
    assert refused.value.http_status == 408
    assert bodies.memory.reserved_bytes == 0


async def test_the_time_for_a_body_grows_with_what_has_arrived() -> None:
    loop = asyncio.get_running_loop()
    bodies = reader(timeout_s=0.05)
    began_s = loop.time()
    with pytest.raises(RecallrAIError, match="in time"):
        await bodies.read(scope_of(90_000), receiving(*[b"x" * 16_384] * 5, None), OWNERS)
    # 5 times 16,384 bytes at 65,536 a second.
    assert 1.25 <= loop.time() - began_s < 10


async def test_a_client_that_leaves_ends_the_reading() -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(DisconnectedError):
        await reader().read(scope_of(10), receive, OWNERS)


async def test_a_body_for_which_there_is_no_memory_waits_and_is_then_refused() -> None:
    bodies = reader(max_wait_s=0.01)
    held = [await bodies.memory.reserve(OWNERS, MAX_BYTES) for _ in range(8)]
    # The share of the owner is used up, though a half of the memory is free.
    with pytest.raises(OverloadedError):
        await bodies.read(scope_of(10), receiving(b'{"', None), OWNERS)
    other = ("198.51.100.8", "other key")
    long = [b"x" * 20_000] * 3
    assert (await bodies.read(scope_of(60_000), receiving(*long), other)).reservation is not None
    # And what is short and there is read in any case.
    assert (await bodies.read(scope_of(2), receiving(b"{}"), OWNERS)).content == b"{}"
    for reservation in held:
        bodies.memory.release(reservation)
    assert (await bodies.read(scope_of(60_000), receiving(*long), OWNERS)).content


async def test_one_that_waits_goes_on_when_its_owner_has_room() -> None:
    memory = BodyMemory(max_bytes=100)
    first = await memory.reserve(("a",), 40)
    waiting = asyncio.create_task(memory.reserve(("a",), 40))
    await asyncio.sleep(0)
    other = await memory.reserve(("b",), 50)
    assert not waiting.done()
    memory.release(other)
    await asyncio.sleep(0)
    assert not waiting.done()
    memory.release(first)
    assert (await waiting).size_bytes == 40
    assert memory.reserved_bytes == 40


async def test_one_that_no_longer_waits_takes_no_memory() -> None:
    memory = BodyMemory(max_bytes=100)
    first = await memory.reserve(("a",), 50)
    waiting = asyncio.create_task(memory.reserve(("a",), 50))
    await asyncio.sleep(0)
    waiting.cancel()
    memory.release(first)
    await asyncio.gather(waiting, return_exceptions=True)
    assert memory.reserved_bytes == 0
    granted = await memory.reserve(("a",), 50)
    memory.release(granted)
    assert memory.reserved_bytes == 0


async def test_the_number_of_bodies_is_limited_too() -> None:
    memory = BodyMemory(max_bytes=1000, max_bodies=4)
    for _ in range(2):
        await memory.reserve(("a",), 1)
    waiting = asyncio.create_task(memory.reserve(("a",), 1))
    for _ in range(2):
        await memory.reserve(("b",), 1)
    assert not waiting.done()
    waiting.cancel()


async def test_what_is_read_before_a_reservation_is_short() -> None:
    bodies = reader(max_wait_s=0.01)
    for _ in range(8):
        await bodies.memory.reserve(OWNERS, MAX_BYTES)
    handed_out = 0

    async def receive() -> Any:
        nonlocal handed_out
        handed_out += 4096
        return {"type": "http.request", "body": b"x" * 4096, "more_body": True}

    with pytest.raises(OverloadedError):
        await bodies.read(scope_of(MAX_BYTES), receive, OWNERS)
    assert handed_out <= UNRESERVED_BYTES + 4096
