"""Read bodies and query strings before FastAPI does.

Bodies must be JSON in which every string is text that can be stored. Query strings may use the
names of older releases and the brackets that some clients put after the names of lists.
"""

import json
import re
from typing import Any

import pydantic_core
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from hitherto.wire.older_names import OLDER_PARAMETERS

_BRACKETS = re.compile(rb"(\[|%5B)(\]|%5D)$", re.IGNORECASE)
_NUL = "\0"


def parse_json(text: bytes | str) -> Any:
    """Return the value of a JSON text.

    Raises ValueError for invalid JSON, NaN, halves of surrogate pairs, nesting that is too deep,
    and NUL characters, which databases cannot keep.
    """
    value = pydantic_core.from_json(text, allow_inf_nan=False)
    marker: Any = b"\\u0000" if isinstance(text, bytes) else "\\u0000"
    if marker in text and _holds_nul(value):
        raise ValueError("a string holds a NUL character; remove it")
    return value


def _holds_nul(value: object) -> bool:
    """Return whether a string in a JSON value has a NUL character.

    The parser bounds the depth of the value.
    """
    if isinstance(value, str):
        return _NUL in value
    if isinstance(value, dict):
        return any(_NUL in key or _holds_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_holds_nul(item) for item in value)


def current_query(query: bytes) -> bytes:
    """Return a query string with this release's names: brackets dropped, older names replaced.

    An older name counts only where the newer one is not given.
    """
    if (
        b"[" not in query
        and b"%5" not in query
        and not any(name in query for name in OLDER_PARAMETERS)
    ):
        return query
    pairs = [pair.partition(b"=") for pair in query.split(b"&")]
    named = [(_BRACKETS.sub(b"", name), sign + value) for name, sign, value in pairs]
    present = {name for name, _ in named}
    for name, value in list(named):
        newer = OLDER_PARAMETERS.get(name, ())
        named += [(new_name, value) for new_name in newer if new_name not in present]
    return b"&".join(name + value for name, value in named)


class ReadRequest(Request):
    """A request whose body is parsed by `parse_json`, and whose query has current names."""

    def __init__(self, request: Request) -> None:
        scope = dict(request.scope)
        scope["query_string"] = current_query(scope["query_string"])
        super().__init__(scope, request.receive)

    async def json(self) -> Any:
        """Return the value of the body. Raises JSONDecodeError, which FastAPI answers with 422."""
        try:
            return parse_json(await self.body())
        except ValueError as error:
            raise json.JSONDecodeError(str(error), "", 0) from error


def refuse_nul(request: Request) -> None:
    """Raise RequestValidationError for a NUL character in the path or the query."""
    if _NUL in request.url.path or "%00" in request.scope["query_string"].decode("latin-1"):
        raise RequestValidationError(
            [
                {
                    "type": "value_error",
                    "loc": ("path" if "%00" in request.url.path else "query",),
                    "msg": "a value holds a NUL character; remove it",
                }
            ]
        )
