"""Turn errors into answers: JSON objects with `detail`, without internals."""

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
"""Seconds that a client is asked to wait if the service cannot do the work now."""


class InvalidArgument(WireModel):
    """A mistake in a request."""

    loc: list[str | int] = Field(
        description="Location: body, query, path or header, then the name."
    )
    msg: str = Field(description="The mistake, and the accepted values.")
    type: str = Field(description="Kind of the mistake.")


class InvalidArguments(WireModel):
    """Mistakes in a request."""

    detail: list[InvalidArgument] = Field(description="One entry for each mistake.")


class UnknownCategories(WireModel):
    """Categories that a filter names and the project does not have."""

    message: str = Field(description="Summary in one sentence.")
    invalid_categories: list[str] = Field(description="Names of the unknown categories.")


class InvalidCategories(WireModel):
    """A filter names categories that the project does not have."""

    detail: UnknownCategories = Field(description="The unknown categories.")


class InternalProblem(WireModel):
    """An unexpected failure of the server."""

    detail: str = Field(description="Summary in one sentence, without internals.")
    request_id: str | None = Field(
        default=None, description="Id of the request, to search for in the server's log."
    )


_RETRY_AFTER: dict[str, Any] = {
    "Retry-After": {
        "description": "Seconds to wait before the next attempt.",
        "schema": {"type": "integer"},
    }
}
_DOCUMENTED: dict[int, dict[str, Any]] = {
    400: {"model": Detail, "description": "Not possible in the current state."},
    401: {"model": Detail, "description": "The key is missing or not valid."},
    404: {"model": Detail, "description": "No object has this id."},
    409: {"model": Detail, "description": "The id or name is in use."},
    413: {"model": Detail, "description": "The body is too large."},
    422: {"model": InvalidArguments, "description": "A parameter or the body is invalid."},
    429: {"model": Detail, "description": "Too many requests.", "headers": _RETRY_AFTER},
    500: {"model": InternalProblem, "description": "The server failed."},
    503: {
        "model": Detail,
        "description": "Temporarily unavailable; try again later.",
        "headers": _RETRY_AFTER,
    },
}


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI descriptions of error answers with these status codes."""
    return {status: _DOCUMENTED[status] for status in statuses}


def json_answer(
    status: int, content: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    """Return a JSON answer in ASCII, which can encode any text of a caller."""
    return Response(
        json.dumps(content, ensure_ascii=True).encode("ascii"),
        status,
        headers,
        media_type="application/json",
    )


def request_id_of(scope: Scope) -> str | None:
    """Return the id that `RequestContext` gave the request, or None."""
    request_id = scope.get("state", {}).get("request_id")
    return request_id if isinstance(request_id, str) else None


def install_error_answers(app: FastAPI) -> None:
    """Answer the errors that a route may raise, expected or not."""
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(RecallrAIError, _known_error)
    app.add_exception_handler(Exception, _unforeseen_error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers |= _allow_header(request)
    return json_answer(error.status_code, {"detail": str(error.detail)}, headers)


def _allow_header(request: Request) -> dict[str, str]:
    """Return the `Allow` header with all methods of a path.

    A route knows only the methods that it serves itself.
    """
    paths = request.app.openapi()["paths"]
    methods = [
        method.upper()
        for path, operations in paths.items()
        if compile_path(path)[0].match(request.scope["path"])
        for method in operations
    ]
    return {"Allow": ", ".join(sorted(methods))} if methods else {}


async def _invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    mistakes = [
        {"loc": list(item["loc"]), "msg": _message(item), "type": item["type"]}
        for item in error.errors()
    ]
    return json_answer(422, {"detail": mistakes})


def _message(item: dict[str, Any]) -> str:
    if item["type"] == "json_invalid":
        return f"the body is not acceptable JSON: {item['ctx']['error']}"
    return str(item["msg"]).removeprefix("Value error, ")


async def _known_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RecallrAIError)
    return error_answer(request.scope, error)


def error_answer(scope: Scope, error: RecallrAIError) -> Response:
    """Return the answer for an error of Hitherto's own tree."""
    status = error.http_status or 500
    if isinstance(error, ValidationError):
        location = "body" if scope["method"] in {"POST", "PUT", "PATCH"} else "query"
        return json_answer(
            status, {"detail": [{"loc": [location], "msg": error.message, "type": "value_error"}]}
        )
    if isinstance(error, InvalidCategoriesError):
        detail = {"message": error.message, "invalid_categories": error.invalid_categories}
        return json_answer(status, {"detail": detail})
    if status >= 500 and not isinstance(error, UnavailableError):
        return _internal_error(scope, error)
    content: dict[str, Any] = {"detail": public_message(scope, error)}
    if isinstance(error, StoreError):
        # 503 promises that nothing was done. A failing database cannot promise it.
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
    """Return the message for a caller; log what only the operator may see."""
    hidden = operator_message(error)
    if isinstance(error, UnavailableError) and hidden is not None:
        # Such messages name files of the machine, or quote another service.
        _log.error("request %s: %s", request_id_of(scope), hidden)
        is_local = isinstance(error, StoreError | EmbedderError)
        return UNAVAILABLE if is_local else tenant_message(error)
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
    """Log where an error was raised, without its texts and paths, which may name a person."""
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

        async def send_and_watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_watch)
        except Exception as error:
            if started:
                # The status is sent already. Raising cuts the answer off.
                raise
            if isinstance(error, RecallrAIError):
                answer = error_answer(scope, error)
            else:
                answer = _internal_error(scope, error)
            await answer(scope, receive, send)
