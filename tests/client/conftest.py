"""What the tests of the API share that go past the client objects."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hitherto import Parts, Settings
from hitherto.api import MemoryApi
from hitherto.system import open_api


@pytest.fixture
async def api(path: Path, settings: Settings, parts: Parts) -> AsyncIterator[MemoryApi]:
    """The API in process, with a fake embedder."""
    found = await open_api(path, settings, parts)
    yield found
    await found.close()
