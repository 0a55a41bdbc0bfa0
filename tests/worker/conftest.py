"""A store with one project."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conftest import START

from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.store import Store, open_database


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    opened = Store(open_database(path))
    await opened.open()
    await opened.write(lambda tx: tx.users(DEFAULT_PROJECT_ID).ensure_project("default", START))
    yield opened
    await opened.close()
