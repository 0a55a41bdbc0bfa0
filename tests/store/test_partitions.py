"""Partitioned tables of users, as in docs/postgresql.md."""

import re
from pathlib import Path

import pytest
from tests import databases
from tests.databases import Location
from tests.fakes import HashEmbedder
from tests.store.earlier import NEWEST, write

from hitherto import AsyncHitherto, MessageRole, Parts, Settings

pytestmark = pytest.mark.postgresql

PAGE = Path(__file__).parents[2] / "docs" / "postgresql.md"
(SPLIT,) = re.findall(r"```sql\n(do \$\$.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def parts_with_rows(path: Location, table: str) -> int:
    return len(databases.values(path, f"select distinct tableoid from {table}"))


async def test_a_database_split_by_user_keeps_its_rows_and_is_worked_on(
    path: Location, settings: Settings
) -> None:
    write(path, NEWEST)
    tables = set(databases.columns(path))
    before = {table: databases.count(path, table) for table in tables}
    databases.change(path, SPLIT)
    assert {table: databases.count(path, table) for table in tables} == before
    split = databases.values(path, "select partrelid::regclass::text from pg_partitioned_table")
    assert {name for (name,) in split} == {
        table
        for table, names in databases.columns(path).items()
        if "user_id" in names and table in tables - {"users"}
    }
    parts = Parts(embedder=HashEmbedder(32))
    async with AsyncHitherto(path, settings=settings, parts=parts) as memory:
        for number in range(12):
            user = await memory.create_user(f"user-{number}")
            session = await user.create_session()
            await session.add_message(MessageRole.USER, f"I live in Porto with {number + 2} cats.")
            await session.process()
        await memory.wait_until_processed(timeout_s=30)
        asking = await user.create_session()
        await asking.add_message(MessageRole.USER, "Where do I live?")
        assert "Porto" in (await asking.get_context()).context
        for table in ("sessions", "messages", "memories", "passages"):
            assert parts_with_rows(path, table) > 3, table
        await user.delete()
        assert (await memory.list_users(limit=50)).total == 12
    left = databases.values(path, "select count(distinct user_id) from messages")
    assert left == [(12,)]
