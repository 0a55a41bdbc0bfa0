"""Mapping of HTTP errors to the errors of the embedded system.

The contract distinguishes errors by status, by the requested resource, and by words in `detail`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from hitherto.backoff import retry_after_s
from hitherto.errors import (
    AuthenticationError,
    ConnectionError,
    InternalServerError,
    InvalidCategoriesError,
    MergeConflictAlreadyResolvedError,
    MergeConflictInvalidAnswerError,
    MergeConflictInvalidQuestionsError,
    MergeConflictMissingAnswersError,
    OverloadedError,
    RateLimitError,
    RecallrAIError,
    TimeoutError,
    UnavailableError,
    UserAlreadyExistsError,
    UserNotFoundError,
    ValidationError,
)

MAX_SHOWN_CHARS = 200
"""Characters that are shown of an answer that is not JSON."""

RESOLUTION = (
    ("already resolved", MergeConflictAlreadyResolvedError),
    ("Invalid questions provided", MergeConflictInvalidQuestionsError),
    ("Missing answers for the following questions", MergeConflictMissingAnswersError),
    ("Invalid answer", MergeConflictInvalidAnswerError),
)
"""Phrases in the text of a refused resolution, in the order in which they are looked for."""

OVERLOADED = "too much to do"
"""Phrase in the text of a 503 for overload, as opposed to a failing database."""

BY_STATUS: Mapping[int, type[RecallrAIError]] = {
    401: AuthenticationError,
    403: AuthenticationError,
    408: TimeoutError,
    409: UserAlreadyExistsError,
    413: ValidationError,
    422: ValidationError,
    500: InternalServerError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}
"""Errors of status codes with one meaning in all calls."""


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """Context of a request that decides the meaning of an error.

    user_id: the user in the path, whose absence the server reports with this id.
    missing: error for any other 404. refused: error for a 400.
    """

    user_id: str | None = None
    missing: type[RecallrAIError] = UserNotFoundError
    refused: type[RecallrAIError] = RecallrAIError


def error_of(response: httpx.Response, subject: ErrorContext) -> RecallrAIError:
    """Return the error for a complete response."""
    status = response.status_code
    body = _object_of(response)
    if body is None or response.is_redirect:
        return _foreign(response)
    detail = body.get("detail")
    message = _readable(detail) or f"the server answered with status {status} and gave no reason"
    if status == 400:
        return _refusal(message, detail, subject)
    if status == 404:
        if f"User {subject.user_id} not found" in message:
            return UserNotFoundError(message, status)
        return subject.missing(message, status)
    if status == 429:
        return RateLimitError(message, status, retry_after_s=retry_after_s(response.headers))
    if status == 503 and OVERLOADED in message:
        return OverloadedError(message, status, retry_after_s=retry_after_s(response.headers))
    return BY_STATUS.get(status, RecallrAIError)(message, status)


def _object_of(response: httpx.Response) -> dict[str, Any] | None:
    """Return the JSON object of a response; None for anything else."""
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _foreign(response: httpx.Response) -> ConnectionError:
    """Return the error for a response that Hitherto does not send."""
    if response.is_redirect:
        content = f"a redirect to {response.headers.get('Location')!r}"
    else:
        content = f"{response.text[:MAX_SHOWN_CHARS]!r}"
    return ConnectionError(
        f"{response.request.url.copy_with(query=None)} answered with status "
        f"{response.status_code} and {content}, which is not an answer of Hitherto; "
        "check the address",
        response.status_code,
    )


def _readable(detail: object) -> str:
    """Return one sentence for `detail`: a text, an object with one, or a list of faults."""
    if isinstance(detail, str):
        return detail
    if isinstance(detail, dict):
        return str(detail.get("message") or "")
    if isinstance(detail, list):
        return "; ".join(_fault(item) for item in detail if isinstance(item, dict))
    return ""


def _fault(item: dict[str, Any]) -> str:
    """Describe one fault of a 422: location and message."""
    message = str(item.get("msg") or "is not valid").removeprefix("Value error, ")
    location = item.get("loc")
    if not isinstance(location, list):
        return message
    path = ".".join(
        str(part) for part in location if part not in ("body", "query", "path", "header")
    )
    is_named = path.isdigit() or path in message
    return message if is_named else f"{path}: {message}"


def _refusal(message: str, detail: object, subject: ErrorContext) -> RecallrAIError:
    """Return the error for a 400."""
    if subject.refused is InvalidCategoriesError:
        if not isinstance(detail, dict) or not isinstance(detail.get("invalid_categories"), list):
            return RecallrAIError(message, 400)
        names = [str(name) for name in detail["invalid_categories"]]
        return InvalidCategoriesError(message, 400, invalid_categories=names)
    if subject.refused is MergeConflictAlreadyResolvedError:
        for words, error in RESOLUTION:
            if words in message:
                return error(message, 400)
        return RecallrAIError(message, 400)
    return subject.refused(message, 400)
