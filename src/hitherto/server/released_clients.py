"""Statuses of refusals that the released clients of the hosted service show to their callers.

On a stream they end without an event or an error for most statuses. A system prompt they do not
check at all: Node goes on with a context that begins with `undefined`, Python raises `KeyError`.
Both raise a proper error for a few statuses, so those two routes are refused with no others.
"""

from urllib.parse import parse_qsl

from starlette.types import Scope

from hitherto.server.paths import CONTEXT_SUFFIX, PROMPT_PATH, path_of
from hitherto.server.requests import current_query

_RAISED = frozenset({401, 404, 422, 429, 500})
"""Statuses that both clients raise, and 404, whose form the contract fixes."""

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
"""Values of a parameter that pydantic reads as true."""


def is_stream(scope: Scope) -> bool:
    """Return whether a request asks for server-sent events."""
    if not scope["path"].endswith(CONTEXT_SUFFIX) or b"stream" not in scope["query_string"]:
        return False
    query = dict(parse_qsl(current_query(scope["query_string"]).decode("latin-1")))
    return query.get("stream", "").strip().lower() in _TRUE


def visible_status(scope: Scope, status: int) -> int:
    """Return the status of a refusal, or the nearest status that both clients raise.

    Only streams and the system prompt need another status; all other routes keep it.
    """
    if status in _RAISED or not (is_stream(scope) or path_of(scope) == PROMPT_PATH):
        return status
    return 429 if status == 503 else 422
