"""Damaged files: every damage gives an error that names it, never a crash."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import Clock
from tests.fakes import HashEmbedder
from tests.store.conftest import fill

from hitherto import AsyncHitherto, Parts, Settings
from hitherto.errors import RecallrAIError, StoreError
from hitherto.store.rows import to_bytes, to_matrix

SETTINGS = Settings(poll_interval_s=0.01, lease_s=60, retry_delay_s=0)


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a database of three users."""
    path = tmp_path_factory.mktemp("intact") / "memory.db"
    fill(path, SETTINGS, users=3)
    return path.read_bytes()


async def _use(path: Path, refused: list[RecallrAIError]) -> None:
    """Make every kind of call; record errors and continue with the next call."""
    parts = Parts(HashEmbedder(), clock=Clock())
    async with AsyncHitherto(path, settings=SETTINGS, parts=parts) as memory:

        async def tried(call: Any) -> Any:
            try:
                return await call
            except RecallrAIError as error:
                refused.append(error)
                return None

        await tried(memory.list_users(metadata_filter={"number": 1}))
        for number in range(3):
            user = await tried(memory.get_user(f"user-{number}"))
            if user is None:
                continue
            await tried(user.list_memories())
            await tried(user.list_merge_conflicts())
            await tried(user.get_last_n_messages(50))
            page = await tried(user.list_sessions())
            for item in page.sessions if page else ():
                await tried(item.get_messages())
            session = await tried(user.create_session())
            if session is not None:
                await tried(session.add_message("user", "Where do I live?"))
                await tried(session.get_context())
                await tried(session.process())
        await tried(memory.wait_until_processed(timeout_s=0.05))
        await tried(memory.create_user("another"))


def use(path: Path, content: bytes) -> list[RecallrAIError]:
    """Use a file of that content; returns what was refused, any other error passes."""
    path.write_bytes(content)
    refused: list[RecallrAIError] = []
    try:
        asyncio.run(_use(path, refused))
    except StoreError as error:
        refused.append(error)
    return refused


def refusals(errors: Iterable[RecallrAIError]) -> Counter[str]:
    return Counter(str(error) for error in errors if isinstance(error, StoreError))


def test_an_intact_file_refuses_nothing(path: Path, intact: bytes) -> None:
    assert refusals(use(path, intact)) == Counter()


@pytest.mark.parametrize(
    ("original", "written", "message"),
    [
        (b"CREATE TABLE messages", b"CREATE\xb4TABLE\xfemessages", "UTF-8; the file is damaged"),
        (b"CREATE TABLE messages", b"CREATE TABLE mess%ges", "malformed.*; the file is damaged"),
        (b'{"number":1}', b'{"number":1[', "JSON that cannot be read; the file is damaged"),
        (b"I moved to Porto.", b"I moved \xff\xfe Porto.", "UTF-8; the file is damaged"),
        (b"userI moved to Porto.", b"eserI moved to Porto.", "'eser' for a MessageRole; the file"),
        (b"TEMPORAL_CONFLICT", b"TEMPORAL_CONFLICX", "for a ExpirationReason; the file is damaged"),
        (b"processed{}", b"processex{}", "'processex' for a SessionStatus; the file is damaged"),
    ],
    ids=["schema-text", "schema", "json", "text", "role", "reason", "status"],
)
def test_damage_in_a_known_place_is_told(
    path: Path, intact: bytes, original: bytes, written: bytes, message: str
) -> None:
    assert len(original) == len(written)
    assert original in intact
    errors = use(path, intact.replace(original, written))
    assert errors
    with pytest.raises(StoreError, match=message):
        raise next(error for error in errors if isinstance(error, StoreError))


@pytest.mark.parametrize("part", range(8))
def test_a_whole_part_of_the_file_that_is_lost_is_told(
    path: Path, intact: bytes, part: int
) -> None:
    size = len(intact) // 8
    start = max(part * size, 100)
    lost = intact[:start] + bytes(size) + intact[start + size :]
    assert "damaged" in " ".join(refusals(use(path, lost)))


@pytest.mark.parametrize("length", [0.3, 0.9])
def test_a_file_that_was_cut_off_is_told(path: Path, intact: bytes, length: float) -> None:
    cut = intact[: int(len(intact) * length)]
    assert "damaged" in " ".join(refusals(use(path, cut)))


@pytest.mark.parametrize("seed", range(12))
def test_bytes_overwritten_anywhere_never_crash(path: Path, intact: bytes, seed: int) -> None:
    chance = random.Random(seed)
    content = bytearray(intact)
    for _ in range(chance.choice((1, 3, 10))):
        length = chance.choice((1, 16, 200, 4096))
        start = chance.randrange(100, len(content) - length)
        content[start : start + length] = chance.randbytes(length)
    for error in use(path, bytes(content)):
        assert isinstance(error, RecallrAIError)


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_a_stored_vector_must_be_finite(number: float) -> None:
    good, bad = np.ones(384, np.float32), np.ones(384, np.float32)
    bad[7] = number
    assert to_matrix([to_bytes(good)], 384).shape == (1, 384)
    with pytest.raises(StoreError, match="infinite"):
        to_matrix([to_bytes(good), to_bytes(bad)], 384)
