"""Paths of users and of what belongs to them.

An id that a path cannot carry is unknown to every server.
"""

import re
from typing import Protocol

from hitherto.client.error_mapping import ErrorContext
from hitherto.client.http_transport import path_of
from hitherto.core import arguments
from hitherto.errors import (
    InvalidSessionStateError,
    MemoryNotFoundError,
    MergeConflictAlreadyResolvedError,
    MergeConflictNotFoundError,
    RecallrAIError,
    SessionNotFoundError,
    UserNotFoundError,
)


class _Absent(Protocol):
    def __call__(self, message: str, http_status: int | None = None) -> RecallrAIError: ...


_NOT_IN_PATHS = re.compile(r"[/\x00\ud800-\udfff]")
"""Characters that a path cannot carry, not even encoded."""


def _is_routable(value: object) -> bool:
    if not isinstance(value, str) or not 1 <= len(value) <= arguments.MAX_ID_CHARS:
        return False
    return not _NOT_IN_PATHS.search(value)


def _segment(value: str, name: str, absent: _Absent) -> str:
    """Return an id as a path segment. Raises the error for an unknown id if impossible."""
    if not _is_routable(value):
        raise absent(f"{name} {value} not found", 404)
    return value


def user_path(user_id: str, *below: str) -> str:
    """Return the path of a user. Raises UserNotFoundError for an id that no path carries."""
    return path_of("users", _segment(user_id, "User", UserNotFoundError), *below)


def session_path(user_id: str, session_id: str, *below: str) -> tuple[str, ErrorContext]:
    """Return the path of a session, and what the errors of its answers mean."""
    segment = _segment(session_id, "Session", SessionNotFoundError)
    subject = ErrorContext(user_id, SessionNotFoundError, InvalidSessionStateError)
    return user_path(user_id, "sessions", segment, *below), subject


def memory_path(user_id: str, memory_id: str, *below: str) -> tuple[str, ErrorContext]:
    """Return the path of a memory, and what the errors of its answers mean."""
    segment = _segment(memory_id, "Memory", MemoryNotFoundError)
    return user_path(user_id, "memory", segment, *below), ErrorContext(user_id, MemoryNotFoundError)


def conflict_path(user_id: str, conflict_id: str, *below: str) -> tuple[str, ErrorContext]:
    """Return the path of a merge conflict, and what the errors of its answers mean."""
    segment = _segment(conflict_id, "Merge conflict", MergeConflictNotFoundError)
    subject = ErrorContext(user_id, MergeConflictNotFoundError, MergeConflictAlreadyResolvedError)
    return user_path(user_id, "merge-conflicts", segment, *below), subject
