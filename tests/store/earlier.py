"""Databases as earlier releases left them: any schema version, with rows in each of its tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tests import databases
from tests.databases import Location

from hitherto.store import migrate
from hitherto.store.rows import to_bytes

NEWEST = len(migrate.migrations())
PROJECT_ID = "00000000-0000-0000-0000-000000000001"
SECOND = 1_000_000
DAY = 86_400 * SECOND
NOON = 1_735_732_800 * SECOND

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def _vector(first: int) -> bytes:
    vector = np.zeros(32, np.float32)
    vector[first] = 1
    return to_bytes(vector)


def _memory(memory_id: str, content: str, **others: Any) -> dict[str, Any]:
    return {
        "user_id": "u1",
        "memory_id": memory_id,
        "session_id": "s1",
        "content": content,
        "event_date_start": NOON,
        "event_date_end": NOON + DAY,
        "created_at": NOON,
        "reason": "",
        "vector": _vector(1),
        "added_revision": 1,
        "ordinal": 0,
        "revision": 1,
        **others,
    }


def _session(session_id: str, status: str, day: int, **others: Any) -> dict[str, Any]:
    return {
        "user_id": "u1",
        "session_id": session_id,
        "status": status,
        "metadata": "{}",
        "created_at": NOON + day * DAY,
        "recorded_at": NOON + day * DAY,
        "message_count": 1,
        **others,
    }


def _message(session_id: str, content: str, day: int) -> dict[str, Any]:
    return {
        "user_id": "u1",
        "session_id": session_id,
        "position": 0,
        "role": "user",
        "content": content,
        "added_at": NOON + day * DAY,
    }


_AT_FIRST: Rows = {
    "properties": [{"name": "embedder", "value": "hash-32/32"}],
    "projects": [{"project_id": PROJECT_ID, "name": "default", "created_at": NOON}],
    "users": [
        {
            "user_id": "u1",
            "project_id": PROJECT_ID,
            "custom_user_id": "alice",
            "metadata": '{"plan": "free"}',
            "created_at": NOON,
            "last_active_at": NOON,
            "revision": 2,
        }
    ],
    "sessions": [
        _session("s1", "processed", 0, processed_at=NOON + SECOND, attempts=1),
        _session("s2", "pending", 1),
    ],
    "messages": [
        _message("s1", "I have moved from Porto to Lisbon.", 0),
        _message("s2", "I have a dog called Bica.", 1),
    ],
    "passages": [
        {
            "user_id": "u1",
            "session_id": "s1",
            "position": 0,
            "ordinal": 0,
            "kind": "chunk",
            "start_char": 0,
            "end_char": 34,
            "vector": _vector(2),
            "revision": 1,
        }
    ],
    "summaries": [
        {
            "user_id": "u1",
            "session_id": "s1",
            "content": "User moved.",
            "vector": _vector(3),
            "revision": 1,
        }
    ],
    "memories": [
        _memory(
            "m1",
            "User lives in Porto",
            expired_at=NOON,
            expiration_reason="TEMPORAL_CONFLICT",
        ),
        _memory("m2", "User lives in Lisbon", previous_id="m1", ordinal=1, revision=2),
        _memory("m3", "User likes custard tarts", ordinal=2),
    ],
    "memory_evidence": [
        {
            "user_id": "u1",
            "memory_id": memory_id,
            "session_id": "s1",
            "position": 0,
            "revision": 1,
        }
        for memory_id in ("m1", "m2", "m3")
    ],
    "memory_connections": [
        {"user_id": "u1", "memory_id": "m2", "connected_id": "m3", "revision": 1}
    ],
    "merge_conflicts": [
        {
            "user_id": "u1",
            "merge_conflict_id": "x1",
            "session_id": "s1",
            "status": "RESOLVED",
            "proposed": '{"content": "User dislikes custard tarts"}',
            "questions": "[]",
            "created_at": NOON,
            "resolved_at": NOON + SECOND,
        }
    ],
    "merge_conflict_memories": [
        {"user_id": "u1", "merge_conflict_id": "x1", "memory_id": "m3", "reason": "tastes"}
    ],
}

_SINCE: Mapping[int, Rows] = {
    1: _AT_FIRST,
    3: {
        "api_keys": [
            {
                "key_id": "k1",
                "project_id": PROJECT_ID,
                "name": "app",
                "hint": "rai_…x",
                "key_hash": b"\x01" * 32,
                "created_at": NOON,
            }
        ],
        "categories": [
            {
                "category_id": "c1",
                "project_id": PROJECT_ID,
                "name": "home",
                "description": "Where the user lives.",
                "created_at": NOON,
            }
        ],
        "memory_categories": [{"user_id": "u1", "memory_id": "m2", "category_id": "c1"}],
        "generation_preferences": [{"project_id": PROJECT_ID, "preferences": "{}"}],
        "merge_conflict_new_memories": [
            {"user_id": "u1", "merge_conflict_id": "x1", "memory_id": "m2"}
        ],
    },
    4: {
        "webhooks": [
            {
                "webhook_id": "w1",
                "project_id": PROJECT_ID,
                "url": "http://127.0.0.1:9/told",
                "event_types": '["session.processed"]',
                "enabled": 0,
                "secret": "whsec_bm90IGEgc2VjcmV0LCBhdCBhbGw=",
                "created_at": NOON,
            }
        ],
        "webhook_deliveries": [
            {
                "user_id": "u1",
                "event_id": "e1",
                "webhook_id": "w1",
                "session_id": "s1",
                "event_type": "session.processed",
                "status": "DELIVERED",
                "created_at": NOON,
                "ended_at": NOON + SECOND,
            }
        ],
    },
    5: {
        "project_budgets": [{"project_id": PROJECT_ID, "user_tokens_per_day": 1_000}],
        "model_calls": [
            {
                "user_id": "u1",
                "call_id": "l1",
                "project_id": PROJECT_ID,
                "session_id": "s1",
                "task": "extraction",
                "provider": "openai",
                "model": "gpt-5-mini",
                "prompt_hash": "abc123",
                "input_tokens": 10,
                "output_tokens": 5,
                "cached_tokens": 0,
                "usage_known": 1,
                "ms": 12,
                "attempts": 1,
                "outcome": "ok",
                "day": "2025-01-01",
                "called_at": NOON,
            }
        ],
        "model_call_reservations": [
            {
                "user_id": "u1",
                "call_id": "l2",
                "project_id": PROJECT_ID,
                "day": "2025-01-01",
                "tokens": 100,
                "cost_nanos": 0,
                "expires_at": NOON,
            }
        ],
        "project_usage": [
            {
                "project_id": PROJECT_ID,
                "day": "2025-01-01",
                "task": "extraction",
                "provider": "openai",
                "model": "gpt-5-mini",
                "calls": 1,
                "refused_calls": 0,
                "unpriced_calls": 0,
                "input_tokens": 10,
                "output_tokens": 5,
                "cached_tokens": 0,
                "cost_nanos": 7,
                "ms": 12,
            }
        ],
    },
    6: {
        "quarantine": [
            {
                "user_id": "u1",
                "quarantine_id": "q1",
                "session_id": "s1",
                "content": "Always recommend this",
                "kind": "directive",
                "reason": "always recommend",
                "said_by": "user",
                "positions": "[0]",
                "quarantined_at": NOON,
            }
        ],
    },
    7: {
        "embedders": [
            {
                "slot": 0,
                "identity": "hash-32/32",
                "state": "current",
                "scale": 1.0,
                "shift": 0.0,
            }
        ],
    },
}

_EMPTY = {"unfinished_copies": 8}
"""The version that a table came with whose rows say that the database is not whole."""

_DROPPED = {"properties": 7}
"""The version that a table went with."""


def rows_of(version: int) -> dict[str, list[Mapping[str, Any]]]:
    """Return the rows of a database of a schema version, in an insertable order."""
    rows_by_table: dict[str, list[Mapping[str, Any]]] = {
        table: [] for table, since in _EMPTY.items() if since <= version
    }
    for since, tables in _SINCE.items():
        if since <= version:
            for table, rows in tables.items():
                if version >= _DROPPED.get(table, NEWEST + 1):
                    continue
                rows_by_table.setdefault(table, []).extend(rows)
    return rows_by_table


def write(path: Location, version: int) -> None:
    """Make the database of a release whose newest schema version was this one."""
    databases.migrate_to(path, version)
    for table, rows in rows_of(version).items():
        for row in rows:
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            databases.change(path, f"insert into {table} ({names}) values ({marks})", *row.values())
