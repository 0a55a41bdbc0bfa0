"""Equality of the schemas of both databases."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.databases import Location

from hitherto.store import open_database

pytestmark = pytest.mark.postgresql

TYPES = {"TEXT": "text", "INTEGER": "bigint", "REAL": "double precision", "BLOB": "bytea"}
WITHOUT_USER = {
    "api_keys",
    "categories",
    "embedders",
    "generation_preferences",
    "project_budgets",
    "project_usage",
    "projects",
    "schema_migrations",
    "unfinished_copies",
    "webhooks",
}
"""Tables that belong to projects, to whoever runs the service, or to the store itself."""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    database = open_database(tmp_path / "memory.db")
    database.open()
    database.close()
    with closing(sqlite3.connect(tmp_path / "memory.db")) as connection:
        yield connection


@pytest.fixture
def server(path: Location) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(str(path), autocommit=True) as connection:
        yield connection


def file_tables(file: sqlite3.Connection) -> dict[str, str]:
    """Return the tables with their definitions."""
    records = file.execute(
        "select name, sql from sqlite_schema where type = 'table' and name not like 'sqlite_%'"
    )
    return dict(records.fetchall())


def server_tables(server: psycopg.Connection[Any]) -> list[str]:
    records = server.execute("select tablename from pg_tables where schemaname = 'public'")
    return [name for (name,) in records]


def plain_default(text: str | None) -> str | None:
    """A default without the type that PostgreSQL writes behind it."""
    return None if text is None else re.sub(r"^'(-?\d+)'::\w+$", r"\1", text.replace("::text", ""))


def test_both_have_the_same_tables(
    file: sqlite3.Connection, server: psycopg.Connection[Any]
) -> None:
    assert set(file_tables(file)) == set(server_tables(server))


def test_columns_have_the_same_names_types_and_defaults_in_the_same_order(
    file: sqlite3.Connection, server: psycopg.Connection[Any]
) -> None:
    for table in set(file_tables(file)) - {"schema_migrations"}:
        here = [
            (name, TYPES[kind], bool(required), default)
            for _, name, kind, required, default, _ in file.execute(f"pragma table_info({table})")
        ]
        there = [
            (name, kind, required, plain_default(default))
            for name, kind, required, default in server.execute(
                "select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
                " pg_get_expr(d.adbin, d.adrelid) from pg_attribute a left join pg_attrdef d"
                " on d.adrelid = a.attrelid and d.adnum = a.attnum"
                " where a.attrelid = %s::regclass and a.attnum > 0 order by a.attnum",
                [table],
            )
        ]
        assert [column[:3] for column in here] == [column[:3] for column in there], table
        assert [plain_default(column[3]) for column in here] == [column[3] for column in there], (
            table
        )


def test_texts_are_compared_byte_by_byte(server: psycopg.Connection[Any]) -> None:
    records = server.execute(
        "select table_name, column_name, collation_name from information_schema.columns"
        " where table_schema = 'public' and data_type = 'text'"
        " and table_name <> 'schema_migrations'"
    ).fetchall()
    assert len(records) > 50
    assert [row for row in records if row[2] != "C"] == []


def keys_of_file(file: sqlite3.Connection, table: str) -> list[str]:
    keyed = sorted(
        (row[5], row[1]) for row in file.execute(f"pragma table_info({table})") if row[5]
    )
    return [name for _, name in keyed]


def keys_of_server(server: psycopg.Connection[Any], table: str, kind: str) -> list[list[str]]:
    records = server.execute(
        "select array(select a.attname::text from unnest(k.conkey) with ordinality as p (n, place)"
        " join pg_attribute a on a.attrelid = k.conrelid and a.attnum = p.n order by p.place)"
        " from pg_constraint k where k.conrelid = %s::regclass and k.contype = %s",
        [table, kind],
    )
    return sorted(columns for (columns,) in records)


def test_primary_keys_are_the_same_and_the_user_leads_those_of_a_users_tables(
    file: sqlite3.Connection, server: psycopg.Connection[Any]
) -> None:
    led = set()
    for table in file_tables(file):
        here = keys_of_file(file, table)
        assert keys_of_server(server, table, "p") == [here], table
        if here[0] == "user_id":
            led.add(table)
    assert set(file_tables(file)) - led == WITHOUT_USER
    with_user = server.execute(
        "select table_name from information_schema.columns"
        " where table_schema = 'public' and column_name = 'user_id'"
    )
    assert {name for (name,) in with_user} == led


def test_foreign_keys_are_the_same_and_do_the_same_on_deletion(
    file: sqlite3.Connection, server: psycopg.Connection[Any]
) -> None:
    for table in file_tables(file):
        grouped: dict[int, list[Any]] = {}
        for row in file.execute(f"pragma foreign_key_list({table})"):
            grouped.setdefault(row[0], []).append(row)
        here = sorted(
            (
                tuple(row[3] for row in rows),
                rows[0][2],
                tuple(row[4] for row in rows),
                rows[0][6].lower(),
            )
            for rows in grouped.values()
        )
        there = sorted(
            (tuple(mine), other, tuple(theirs), {"c": "cascade", "a": "no action"}[on_delete])
            for mine, other, theirs, on_delete in server.execute(
                "select array(select a.attname::text from unnest(k.conkey) with ordinality"
                " as p (n, place) join pg_attribute a on a.attrelid = k.conrelid"
                " and a.attnum = p.n order by p.place), k.confrelid::regclass::text,"
                " array(select a.attname::text from unnest(k.confkey) with ordinality"
                " as p (n, place) join pg_attribute a on a.attrelid = k.confrelid"
                " and a.attnum = p.n order by p.place), k.confdeltype::text"
                " from pg_constraint k where k.conrelid = %s::regclass and k.contype = 'f'",
                [table],
            )
        )
        assert here == there, table


def indexes_of_file(file: sqlite3.Connection, table: str) -> list[Any]:
    """(columns, unique, condition) of the indexes that are not a primary key's."""
    records = []
    for _, name, unique, origin, _ in file.execute(f"pragma index_list({table})"):
        if origin != "pk":
            columns = [row[2] for row in file.execute(f"pragma index_info({name})")]
            (sql,) = file.execute("select sql from sqlite_schema where name = ?", [name]).fetchone()
            condition = None if sql is None else re.search(r"\bwhere\s+(.*)$", sql, re.DOTALL)
            records.append((columns, bool(unique), condition and condition[1]))
    return records


def indexes_of_server(server: psycopg.Connection[Any], table: str) -> list[Any]:
    return server.execute(
        "select array(select a.attname::text from unnest(i.indkey::int[]) with ordinality"
        " as p (n, place) join pg_attribute a on a.attrelid = i.indrelid and a.attnum = p.n"
        " order by p.place), i.indisunique, pg_get_expr(i.indpred, i.indrelid)"
        " from pg_index i where i.indrelid = %s::regclass and not i.indisprimary",
        [table],
    ).fetchall()


def test_indexes_are_the_same(file: sqlite3.Connection, server: psycopg.Connection[Any]) -> None:
    for table in file_tables(file):
        here = []
        for columns, unique, condition in indexes_of_file(file, table):
            if condition is not None:
                # PostgreSQL itself says how it would put the condition.
                server.execute(f"create index probe on {table} ({columns[0]}) where {condition}")
                (condition,) = server.execute(
                    "select pg_get_expr(indpred, indrelid) from pg_index"
                    " where indexrelid = 'probe'::regclass"
                ).fetchone() or (None,)
                server.execute("drop index probe")
            here.append((columns, unique, condition))
        there = [tuple(row) for row in indexes_of_server(server, table)]
        assert sorted(here, key=repr) == sorted(there, key=repr), table


def checks_in(sql: str) -> Iterator[str]:
    """Return the conditions of a definition's checks."""
    for match in re.finditer(r"\bcheck \(", sql):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        yield sql[match.end() : end - 1]


def test_checks_are_the_same(file: sqlite3.Connection, server: psycopg.Connection[Any]) -> None:
    definition = "select pg_get_constraintdef(oid) from pg_constraint where contype = 'c'"
    seen = 0
    for table, sql in file_tables(file).items():
        there = [
            row[0] for row in server.execute(f"{definition} and conrelid = %s::regclass", [table])
        ]
        here = []
        for condition in checks_in(sql):
            server.execute(f"alter table {table} add constraint probe check ({condition})")
            here += [row[0] for row in server.execute(f"{definition} and conname = 'probe'")]
            server.execute(f"alter table {table} drop constraint probe")
        assert sorted(here) == sorted(there), table
        seen += len(here)
    assert seen > 10
