"""Paths that several parts of the server use."""

from starlette.types import Scope

API_PREFIX = "/api/v1"
ADMIN_PREFIX = "/admin/v1"

LIVE_PATH = "/healthz"
READY_PATH = "/readyz"
PROMPT_PATH = f"{API_PREFIX}/system-prompt"
CONTEXT_SUFFIX = "/context"

HEALTH_PATHS = frozenset({LIVE_PATH, READY_PATH})
"""Answered at any load, so that monitoring can distinguish a busy server from a dead one."""

UNLIMITED_PATHS = HEALTH_PATHS | {PROMPT_PATH}
"""Answered at any load. The system prompt costs no work, and the released clients need it."""


def path_of(scope: Scope) -> str:
    """Return the path of a request within the application, wherever that is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def is_below(prefix: str, path: str) -> bool:
    """Return whether a path is a prefix or continues it with a slash."""
    return path == prefix or path.startswith(f"{prefix}/")
