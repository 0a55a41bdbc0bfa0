"""An imitation of the released Node client's transport, and the errors that it raises.

What it imitates: a JSON body `{}` on requests that need none, list filters as `name[]`, `:` left as
it is in JSON filters, instants ending in `.000Z`, keys left out instead of sent as null, streams
decoded network chunk by network chunk, and `detail` handed through in errors. Paths go through the
URL parser of JavaScript, which reads `\\` as `/` and drops blanks at the end. The client itself is
not run; the order of query parameters may differ from it.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from urllib.parse import quote

import httpx

_KEPT_IN_QUERIES = "!'()*~:$,"
"""What neither JavaScript's own escaping nor the library's exceptions from it escape."""

_KEPT_IN_PATHS = "!$&'()*+,;=:@/%[]|^~"
"""What the runtime's URL parser leaves in a path as it is."""

_DOTS = re.compile(r"\.|%2e", re.IGNORECASE)


class RecallrAIError(Exception):
    """The root of the client's errors."""

    def __init__(self, message: Any, http_status: int) -> None:
        super().__init__(message)
        self.message = message
        self.http_status = http_status


class AuthenticationError(RecallrAIError):
    """401."""


class NetworkError(RecallrAIError):
    """The parent of what the network does."""


class TimeoutError(NetworkError):
    """Nothing came for too long."""


class ConnectionError(NetworkError):
    """Nobody there, or the text of a router that knows no such path."""


class ServerError(RecallrAIError):
    """The parent of what the server does."""


class InternalServerError(ServerError):
    """500."""


class RateLimitError(ServerError):
    """429."""


class UserNotFoundError(RecallrAIError):
    """404 on a user."""


class UserAlreadyExistsError(RecallrAIError):
    """409 on a user."""


class InvalidCategoriesError(RecallrAIError):
    """400 on a list of memories."""

    def __init__(self, message: Any, http_status: int, invalid_categories: Any) -> None:
        super().__init__(message, http_status)
        self.invalid_categories = invalid_categories


class SessionNotFoundError(RecallrAIError):
    """404 on a session."""


class InvalidSessionStateError(RecallrAIError):
    """400 on a session."""


class MergeConflictError(RecallrAIError):
    """The parent of what goes wrong with a merge conflict."""


class MergeConflictNotFoundError(MergeConflictError):
    """404 on a merge conflict."""


class MergeConflictAlreadyResolvedError(MergeConflictError):
    """400, `already resolved`."""


class MergeConflictInvalidQuestionsError(MergeConflictError):
    """400, `Invalid questions provided`."""


class MergeConflictMissingAnswersError(MergeConflictError):
    """400, `Missing answers for the following questions`."""


class MergeConflictInvalidAnswerError(MergeConflictError):
    """400, `Invalid answer ... for question`."""


class ValidationError(RecallrAIError):
    """422; the message is the answer's `detail`, an array as a rule."""


def query_string(
    params: Mapping[str, Any], *, raw_brackets: bool = False, kept: str = _KEPT_IN_QUERIES
) -> str:
    """The query as the library writes it: spaces as `+`, lists as `name[]`, empty lists not at all.

    raw_brackets: as its older versions do, which leave the two brackets unescaped.
    """
    brackets = "[]" if raw_brackets else "%5B%5D"
    written = []
    for name, value in params.items():
        if value is None:
            continue
        if isinstance(value, list | tuple):
            written += [
                f"{_escaped(name, kept)}{brackets}={_escaped(item, kept)}" for item in value
            ]
        else:
            written.append(f"{_escaped(name, kept)}={_escaped(value, kept)}")
    return "&".join(written)


def target_of(path: str) -> str:
    """The path as the runtime's URL parser (WHATWG) makes it of what the client puts together.

    Blanks and control characters at the end are dropped, tabs and line breaks anywhere; a
    backslash is a slash; segments of dots, also escaped ones, are resolved.
    """
    given, question, query = path.partition("#")[0].partition("?")
    if not question:
        given = given.rstrip("".join(map(chr, range(0x21))))
    given = re.sub(r"[\t\r\n]", "", given).replace("\\", "/")
    segments: list[str] = []
    *folders, last = given.split("/")[1:]
    for segment in folders:
        dots = _dots(segment)
        if dots == 2:
            del segments[-1:]
        elif dots != 1:
            segments.append(segment)
    if _dots(last) == 2:
        del segments[-1:]
    segments.append("" if _dots(last) else last)
    return quote("/" + "/".join(segments), safe=_KEPT_IN_PATHS) + question + query


def _dots(segment: str) -> int:
    """How many dots a segment of nothing else has: 1 or 2; 0 for any other segment."""
    bare = _DOTS.sub(".", segment)
    return len(bare) if bare in (".", "..") else 0


def _escaped(value: Any, kept: str) -> str:
    bare = value.value if isinstance(value, Enum) else value
    if isinstance(bare, bool):
        return "true" if bare else "false"
    return quote(str(bare), safe=kept).replace("%20", "+")


def stringified(value: Any) -> str:
    """JSON without spaces and with letters of all alphabets as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=plain)


def plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else str(value)


def instant(value: datetime) -> str:
    """An instant as JavaScript writes it: milliseconds and a Z."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"


def date_of(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


class Wire:
    """The transport: one connection pool, the headers, and the errors that every call may raise."""

    def __init__(
        self, api_key: str, project_id: str, base_url: str, timeout: float, raw_brackets: bool
    ) -> None:
        self.base_url = base_url.removesuffix("/")
        self.raw_brackets = raw_brackets
        self._headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-Recallr-Api-Key": api_key,
            "X-Recallr-Project-Id": project_id,
            "User-Agent": "RecallrAI-Node-SDK/0.6.6",
            "Accept-Encoding": "gzip, compress, deflate, br",
        }
        self._client = httpx.AsyncClient(timeout=timeout)
        self._prompts: dict[str, str] = {}

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        stream: bool = False,
    ) -> httpx.Request:
        """A request with the path and the query to the byte, whatever httpx would make of them."""
        target = target_of(path)
        query = query_string(params or {}, raw_brackets=self.raw_brackets)
        if query:
            target += ("&" if "?" in target else "?") + query
        kept = {name: value for name, value in (body or {}).items() if value is not None}
        headers = self._headers | ({"Accept": "text/event-stream"} if stream else {})
        request = self._client.build_request(
            method,
            self.base_url,
            headers=headers,
            content=None if stream else stringified(kept).encode(),
        )
        request.extensions["target"] = target.encode()
        return request

    async def send(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> tuple[int, Any]:
        """Status and parsed body, after the errors that do not depend on the method."""
        try:
            answer = await self._client.send(self.request(method, path, params, body))
        except httpx.TimeoutException as error:
            raise TimeoutError(f"Request timed out: {error}", 0) from error
        except httpx.ConnectError as error:
            raise ConnectionError(f"Failed to connect to the API: {error}", 0) from error
        status, data = answer.status_code, _parsed(answer.text)
        detail = data.get("detail") if isinstance(data, dict) else None
        if status == 422:
            raise ValidationError(detail or "Validation error", status)
        if status == 500:
            raise InternalServerError(detail or "Internal server error", status)
        if status == 404 and data == "404 page not found":
            raise ConnectionError("Resource not found", status)
        if status == 401:
            raise AuthenticationError(detail or "Authentication failed", status)
        if status == 429:
            raise RateLimitError("429 Too Many Requests", status)
        return status, data

    async def lines(self, path: str, params: Mapping[str, Any]) -> AsyncIterator[str]:
        """The lines of a stream: each chunk decoded alone, an unfinished last line dropped."""
        answer = await self._client.send(
            self.request("GET", path, params, stream=True), stream=True
        )
        try:
            await _raise_for_stream(answer)
            if answer.status_code == 404:
                return
            kept = ""
            async for chunk in answer.aiter_raw():
                kept += chunk.decode("utf-8", "replace")
                *whole, kept = kept.split("\n")
                for line in whole:
                    if line:
                        yield line
        finally:
            await answer.aclose()

    async def prompt(self, strategy: str) -> str:
        """A strategy's system prompt, fetched once."""
        if strategy not in self._prompts:
            _, data = await self.send("GET", "/api/v1/system-prompt", {"recall_strategy": strategy})
            self._prompts[strategy] = data["system_prompt"]
        return self._prompts[strategy]


async def _raise_for_stream(answer: httpx.Response) -> None:
    status = answer.status_code
    if status == 422:
        raise ValidationError("Validation error", status)
    if status == 500:
        raise InternalServerError("Internal server error", status)
    if status == 404 and (await answer.aread()).decode().strip() == "404 page not found":
        raise ConnectionError("Resource not found", status)
    if status == 401:
        raise AuthenticationError("Authentication failed", status)
    if status == 429:
        raise RateLimitError("Please try again in a few moments.", status)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def expected(
    answer: tuple[int, Any], wanted: int, known: Mapping[int, type[RecallrAIError]]
) -> Any:
    status, data = answer
    if status == wanted:
        return data
    detail = data.get("detail") if isinstance(data, dict) else None
    raise known.get(status, RecallrAIError)(detail or "Unknown error", status)


def nested(
    answer: tuple[int, Any],
    user_id: str,
    missing: type[RecallrAIError],
    known: Mapping[int, type[RecallrAIError]] | None = None,
    wanted: int = 200,
) -> Any:
    """As `expected`, where the text of a 404 tells a missing user from a missing other thing."""
    status, data = answer
    if status == 404:
        detail = (data.get("detail") if isinstance(data, dict) else None) or ""
        if f"User {user_id} not found" in detail:
            raise UserNotFoundError(detail, status)
        raise missing(detail, status)
    return expected(answer, wanted, known or {})
