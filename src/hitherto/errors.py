"""Every error that Hitherto raises on purpose.

    RecallrAIError                        what the caller should do
    ├── AuthenticationError               present a valid key and project id
    ├── NetworkError
    │   ├── TimeoutError                  try again, or allow more time
    │   └── ConnectionError               check the address
    ├── ServerError
    │   ├── InternalServerError           report it
    │   └── RateLimitError                slow down
    ├── UserError
    │   ├── UserNotFoundError
    │   ├── UserAlreadyExistsError
    │   └── InvalidCategoriesError        carries invalid_categories
    ├── SessionError
    │   ├── SessionNotFoundError
    │   └── InvalidSessionStateError      the session is past the state the call needs
    ├── MemoryNotFoundError
    ├── MergeConflictError
    │   ├── MergeConflictNotFoundError
    │   ├── MergeConflictAlreadyResolvedError
    │   ├── MergeConflictInvalidQuestionsError
    │   ├── MergeConflictMissingAnswersError
    │   └── MergeConflictInvalidAnswerError
    ├── ValidationError                   fix the argument that the message names
    ├── AdminError
    │   ├── ProjectNotFoundError
    │   ├── KeyNotFoundError
    │   ├── CategoryNotFoundError
    │   ├── CategoryAlreadyExistsError
    │   └── WebhookNotFoundError
    └── UnavailableError                  the memory cannot be reached or used as it is
        ├── ClosedError                   the client was closed; open a new one
        ├── OverloadedError               the server has too much to do; try again later
        ├── InferenceError                the language model gave no usable answer; try again later
        ├── StoreError                    the database refused: disk, permissions, file, lock
        │   └── SchemaError               the database belongs to another release
        ├── BudgetSpentError              the day's budget for models is spent; raise it or wait
        └── EmbedderError                 weights missing or damaged
            ├── EmbedderChangedError      open it with the database's embedder, or reembed
            └── EmbeddingRefusedError     the embedder's provider gave no vectors; try again later

The names down to `ValidationError` are those of the public contract. `http_status` is what the
HTTP surface answers; it is 0 where no request was made.
"""


class RecallrAIError(Exception):
    """Root of the error tree.

    tenant_message: what tenants read in place of the message, which may quote an outside system or
        name what belongs to the operator; None where the message is theirs to read.
    """

    default_http_status = 500
    tenant_message: str | None = None

    def __init__(self, message: str, http_status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.http_status = self.default_http_status if http_status is None else http_status


class AuthenticationError(RecallrAIError):
    """Invalid key or project id."""

    default_http_status = 401


class NetworkError(RecallrAIError):
    """Failed communication with the server."""

    default_http_status = 0
    tenant_message = "another service gave no answer; the log has the details"


class TimeoutError(NetworkError):
    """Work that did not finish in the allowed time."""


class ConnectionError(NetworkError):
    """No connection, or an answer that is not the server's."""


class ServerError(RecallrAIError):
    """Failure of the server."""


class InternalServerError(ServerError):
    """Unforeseen failure of the server."""

    tenant_message = "an internal error; the log has the details"


class RateLimitError(ServerError):
    """Too many requests in too short a time; `retry_after_s` says when to come again, if known."""

    default_http_status = 429

    def __init__(
        self, message: str, http_status: int | None = None, *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, http_status)
        self.retry_after_s = retry_after_s


class UserError(RecallrAIError):
    """Something about a user is not as the call needs it."""


class UserNotFoundError(UserError):
    """No user has this id."""

    default_http_status = 404


class UserAlreadyExistsError(UserError):
    """User id that is already in use."""

    default_http_status = 409


class InvalidCategoriesError(UserError):
    """A filter names categories that the project does not have."""

    default_http_status = 400

    def __init__(
        self, message: str, http_status: int | None = None, *, invalid_categories: list[str]
    ) -> None:
        super().__init__(message, http_status)
        self.invalid_categories = invalid_categories


class SessionError(RecallrAIError):
    """Something about a session is not as the call needs it."""


class SessionNotFoundError(SessionError):
    """Session id that the user does not have."""

    default_http_status = 404


class InvalidSessionStateError(SessionError):
    """Call that the session's status does not allow."""

    default_http_status = 400


class MemoryNotFoundError(RecallrAIError):
    """Memory id that the user does not have."""

    default_http_status = 404


class MergeConflictError(RecallrAIError):
    """Something about a merge conflict is not as the call needs it."""

    default_http_status = 400


class MergeConflictNotFoundError(MergeConflictError):
    """Merge conflict id that the user does not have."""

    default_http_status = 404


class MergeConflictAlreadyResolvedError(MergeConflictError):
    """Merge conflict that no longer waits for answers."""


class MergeConflictInvalidQuestionsError(MergeConflictError):
    """An answer names a question that the conflict does not ask."""


class MergeConflictMissingAnswersError(MergeConflictError):
    """A question of the conflict was left without an answer."""


class MergeConflictInvalidAnswerError(MergeConflictError):
    """An answer is not among its question's options."""


class ValidationError(RecallrAIError, ValueError):
    """An argument is out of its range or form; nothing was written.

    A ValueError too, which the hosted client raises for some arguments.
    """

    default_http_status = 422


class AdminError(RecallrAIError):
    """Something about a project's settings is not as the call needs it."""

    default_http_status = 404


class ProjectNotFoundError(AdminError):
    """No project has this id."""


class KeyNotFoundError(AdminError):
    """No key has this id."""


class CategoryNotFoundError(AdminError):
    """Category id that the project does not have."""


class CategoryAlreadyExistsError(AdminError):
    """Category name that the project already has."""

    default_http_status = 409


class WebhookNotFoundError(AdminError):
    """Webhook id that the project does not have."""


class UnavailableError(RecallrAIError):
    """Memory that cannot be reached, or cannot be used as it is."""

    default_http_status = 503


class ClosedError(UnavailableError):
    """Call after `close()`."""


class OverloadedError(UnavailableError):
    """More requests are being worked on than the server takes at once.

    `retry_after_s` says when to come again, if known.
    """

    def __init__(
        self, message: str, http_status: int | None = None, *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, http_status)
        self.retry_after_s = retry_after_s


class InferenceError(UnavailableError):
    """Language model that was unreachable, refused, or gave an unusable answer.

    Nothing was written. `retry_after_s` says when to come again, if the provider said so.
    `tenant_message` may name the model and the kind of failure, in words of ours.
    """

    def __init__(
        self,
        message: str,
        http_status: int | None = None,
        *,
        retry_after_s: float | None = None,
        tenant_message: str = "the language model gave no usable answer; the log has the details",
    ) -> None:
        super().__init__(message, http_status)
        self.retry_after_s = retry_after_s
        self.tenant_message = tenant_message


class StoreError(UnavailableError):
    """Work that the database refused; none of it was stored."""

    default_http_status = 500
    tenant_message = "the memory cannot be reached now; try again later"


class SchemaError(StoreError):
    """Database of a release that this one cannot work with."""


class BudgetSpentError(UnavailableError):
    """Model call beyond the rest of a day's budget; no request was made."""


class EmbedderError(UnavailableError):
    """Unusable embedder: weights are missing or damaged."""

    tenant_message = "the embedder gave no vectors; the log has the details"


class EmbedderChangedError(EmbedderError):
    """Vectors of another embedder than this process has."""


class EmbeddingRefusedError(EmbedderError):
    """An embedder that is asked over the network did not give what it was asked for."""


def tenant_message(error: BaseException) -> str:
    """Return the sentence about an error that tenants may read.

    It quotes nothing that an outside system said, and no address or path of the machine.
    """
    if isinstance(error, RecallrAIError):
        return error.message if error.tenant_message is None else error.tenant_message
    return "an unexpected error; the log has the details"
