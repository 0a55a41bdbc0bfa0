"""From errors to answers: each is a JSON object with `detail`, and none shows internals."""

import json
import logging
import math
import traceback
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hitherto.disclosure import operator_message
from hitherto.errors import (
    EmbedderError,
    InvalidCategoriesError,
    OverloadedError,
    RateLimitError,
    RecallrAIError,
    StoreError,
    UnavailableError,
    ValidationError,
    tenant_message,
)
from hitherto.server.released_clients import visible_status
from hitherto.wire import Detail, WireModel

_log = logging.getLogger("hitherto.server")

INTERNAL_ERROR = "Internal server error"
UNAVAILABLE = "The memory cannot be reached now; try again later"
BUSY = "The server has too much to do; try again later"
RETRY_AFTER_S = 2
"""What a client is told to wait when the service cannot do the work now."""


class InvalidArgument(WireModel):
    """One thing that is wrong with a request."""

    loc: list[str | int] = Field(description="Where: body, query, path or header, then the name.")
    msg: str = Field(description="What is wrong, and what is accepted.")
    type: str = Field(description="What kind of mistake it is.")


class InvalidArguments(WireModel):
    """What is wrong with a request."""

    detail: list[InvalidArgument] = Field(description="Each mistake.")


class UnknownCategories(WireModel):
    """Categories that a filter names and the project does not have."""

    message: str = Field(description="One sentence.")
    invalid_categories: list[str] = Field(description="Their names.")


class InvalidCategories(WireModel):
    """A filter names categories that the project does not have."""

    detail: UnknownCategories = Field(description="Which.")


class InternalProblem(WireModel):
    """The server failed in a way it did not foresee."""

    detail: str = Field(description="One sentence without internals.")
    request_id: str | None = Field(
        default=None, description="What to look for in the server's log."
    )


_RETRY_AFTER: dict[str, Any] = {
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "schema": {"type": "integer"},
    }
}
_DOCUMENTED: dict[int, dict[str, Any]] = {
    400: {"model": Detail, "description": "Not possible as things stand."},
    401: {"model": Detail, "description": "The key is missing or not valid."},
    404: {"model": Detail, "description": "There is nothing with this id."},
    409: {"model": Detail, "description": "The id or name is taken."},
    413: {"model": Detail, "description": "The body is too large."},
    422: {"model": InvalidArguments, "description": "A parameter or the body is not acceptable."},
    429: {"model": Detail, "description": "Too many requests.", "headers": _RETRY_AFTER},
    500: {"model": InternalProblem, "description": "The server failed."},
    503: {"model": Detail, "description": "Not possible now.", "headers": _RETRY_AFTER},
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How the OpenAPI document describes error answers with these status codes."""
    return {status: _DOCUMENTED[status] for status in statuses}


def json_answer(
    status: int, content: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    """A JSON answer in ASCII, so that no text of a caller can fail to be written."""
    return Response(
        json.dumps(content, ensure_ascii=True).encode("ascii"),
        status,
        headers,
        media_type="application/json",
    )


def request_id_of(scope: Scope) -> str | None:
    """The id that the request was given on its way in."""
    found = scope.get("state", {}).get("request_id")
    return found if isinstance(found, str) else None


def install_error_answers(app: FastAPI) -> None:
    """Answer every error that a route may raise, and those that nobody foresaw."""
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(RecallrAIError, _known_error)
    app.add_exception_handler(Exception, _unforeseen_error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers |= _allowed(request)
    return json_answer(error.status_code, {"detail": str(error.detail)}, headers)


def _allowed(request: Request) -> dict[str, str]:
    """The header with all methods of a path; a route of its own knows only those it serves."""
    paths = request.app.openapi()["paths"]
    found = [
        method.upper()
        for path, operations in paths.items()
        if compile_path(path)[0].match(request.scope["path"])
        for method in operations
    ]
    return {"Allow": ", ".join(sorted(found))} if found else {}


async def _invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {"loc": list(item["loc"]), "msg": _message(item), "type": item["type"]}
        for item in error.errors()
    ]
    return json_answer(422, {"detail": found})


def _message(item: dict[str, Any]) -> str:
    if item["type"] == "json_invalid":
        return f"the body is not acceptable JSON: {item['ctx']['error']}"
    return str(item["msg"]).removeprefix("Value error, ")


async def _known_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RecallrAIError)
    return known_answer(request.scope, error)


def known_answer(scope: Scope, error: RecallrAIError) -> Response:
    """Return the answer for an error of ours."""
    status = error.http_status or 500
    if isinstance(error, ValidationError):
        where = "body" if scope["method"] in {"POST", "PUT", "PATCH"} else "query"
        return json_answer(
            status, {"detail": [{"loc": [where], "msg": error.message, "type": "value_error"}]}
        )
    if isinstance(error, InvalidCategoriesError):
        named = {"message": error.message, "invalid_categories": error.invalid_categories}
        return json_answer(status, {"detail": named})
    if status >= 500 and not isinstance(error, UnavailableError):
        return _internal_error(scope, error)
    content: dict[str, Any] = {"detail": public_message(scope, error)}
    if isinstance(error, StoreError):
        # 503 would promise that nothing was done, which a failing database cannot.
        status = 500
        content["request_id"] = request_id_of(scope)
    return json_answer(visible_status(scope, status), content, _headers_of(error, status))


def _headers_of(error: RecallrAIError, status: int) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if status not in {429, 503}:
        return {}
    retry_after_s = None
    if isinstance(error, RateLimitError | OverloadedError):
        retry_after_s = error.retry_after_s
    return {"Retry-After": str(math.ceil(retry_after_s or RETRY_AFTER_S))}


def public_message(scope: Scope, error: RecallrAIError) -> str:
    """What a caller may be told; what they may not is logged."""
    hidden = operator_message(error)
    if isinstance(error, UnavailableError) and hidden is not None:
        # These name files of the machine, or quote another service.
        _log.error("request %s: %s", request_id_of(scope), hidden)
        is_here = isinstance(error, StoreError | EmbedderError)
        return UNAVAILABLE if is_here else tenant_message(error)
    if hidden is not None or (error.http_status >= 500 and not isinstance(error, UnavailableError)):
        log_failure(scope, error)
        return INTERNAL_ERROR
    return error.message


async def _unforeseen_error(request: Request, error: Exception) -> Response:
    return _internal_error(request.scope, error)


def _internal_error(scope: Scope, error: Exception) -> Response:
    log_failure(scope, error)
    return json_answer(500, {"detail": INTERNAL_ERROR, "request_id": request_id_of(scope)})


def log_failure(scope: Scope, error: BaseException) -> None:
    """Log where an error came from. Texts and paths are left out: they may tell of a person."""
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        lines += [f"{type(cause).__module__}.{type(cause).__qualname__}\n"]
        lines += traceback.format_tb(cause.__traceback__)
        cause = cause.__cause__ or cause.__context__
    route = getattr(scope.get("route"), "path", "(no route)")
    _log.error(
        "request %s failed: %s %s\n%s",
        request_id_of(scope),
        scope["method"],
        route,
        "".join(lines),
    )


class LastResort:
    """Answers the errors that no handler inside has answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if started:
                # All that is left is to cut the answer off, which raising does.
                raise
            if isinstance(error, RecallrAIError):
                answer = known_answer(scope, error)
            else:
                answer = _internal_error(scope, error)
            await answer(scope, receive, send)
