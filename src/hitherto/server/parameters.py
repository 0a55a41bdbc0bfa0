"""Parameters of paths, queries and headers, with ranges and descriptions."""

from typing import Annotated, Any

from fastapi import Header, Path
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, field_validator

from hitherto.api import ContextRequest, SortBy, SortOrder
from hitherto.models import MergeConflictStatus, RecallStrategy, SessionStatus
from hitherto.server.requests import parse_json
from hitherto.wire import WireModel
from hitherto.wire.older_names import current_strategy

MAX_OFFSET = 2**31 - 1

UserId = Annotated[str, Path(description="The id that the application gave.", examples=["alice"])]
SessionId = Annotated[str, Path(description="The id of a session of this user.")]
MemoryId = Annotated[str, Path(description="The id of any version of a memory of this user.")]
ConflictId = Annotated[str, Path(description="The id of a merge conflict of this user.")]
ProjectId = Annotated[str, Path(description="The id of a project.")]
KeyId = Annotated[str, Path(description="The id of a key.")]
CategoryId = Annotated[str, Path(description="The id of a category of this project.")]
WebhookId = Annotated[str, Path(description="The id of a webhook of this project.")]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Makes the call safe to repeat: a second call with the same key and body gets "
        "the same answer and changes nothing.",
    ),
]


def _read_object(value: object) -> object:
    """Return the JSON object that a parameter holds as a string."""
    if not isinstance(value, str):
        return value
    parsed = parse_json(value)
    if not isinstance(parsed, dict):
        raise ValueError('must be a JSON object, such as {"plan": "pro"}')  # noqa: TRY004
    return parsed


JsonFilter = Annotated[
    dict[str, Any] | None,
    BeforeValidator(_read_object),
    WithJsonSchema({"type": "string", "contentMediaType": "application/json"}),
]
"""A JSON object as a string; metadata matches if it contains the object."""


Strategy = Annotated[RecallStrategy, BeforeValidator(current_strategy)]

_OFFSET = Field(default=0, ge=0, le=MAX_OFFSET, description="Number of items to skip.")


class ListUsersQuery(WireModel):
    """Users to list."""

    offset: int = _OFFSET
    limit: int = Field(default=10, ge=1, le=100, description="Maximum number of items.")
    metadata_filter: JsonFilter = Field(
        default=None,
        description="A JSON object that the metadata must contain.",
        examples=['{"plan": "pro"}'],
    )
    partial_user_id: str | None = Field(
        default=None, description="A part of the id, in any case of letters."
    )


class ListSessionsQuery(WireModel):
    """Sessions to list."""

    offset: int = _OFFSET
    limit: int = Field(default=10, ge=1, le=100, description="Maximum number of items.")
    metadata_filter: JsonFilter = Field(
        default=None,
        description="A JSON object that the metadata must contain.",
        examples=['{"channel": "web"}'],
    )
    status_filter: list[SessionStatus] | None = Field(
        default=None, description="Any of these statuses; the parameter may be repeated."
    )


class GetSessionQuery(WireModel):
    """Parts of a session to return."""

    include_summary: bool = Field(default=False, description="Whether to return `session_summary`.")
    include_memories: bool = Field(
        default=False,
        description="Whether to return `memories`: current memories that the session created.",
    )


class ListMessagesQuery(WireModel):
    """Messages of a session to list."""

    offset: int = _OFFSET
    limit: int = Field(default=50, ge=1, le=500, description="Maximum number of items.")


class LastMessagesQuery(WireModel):
    """Number of a user's messages to return."""

    limit: int = Field(default=10, ge=1, le=100, description="Maximum number of items.")


class ListMemoriesQuery(WireModel):
    """Memories to list, and the parts of each to return."""

    offset: int = _OFFSET
    limit: int = Field(default=20, ge=1, le=200, description="Maximum number of items.")
    categories: list[str] | None = Field(
        default=None,
        description="Names of categories; a memory has at least one of them. May be repeated.",
    )
    session_id_filter: list[str] | None = Field(
        default=None, description="Sessions that created the memories; may be repeated."
    )
    session_metadata_filter: JsonFilter = Field(
        default=None,
        description="A JSON object that the metadata of the session must contain.",
        examples=['{"channel": "web"}'],
    )
    include_previous_versions: bool = Field(
        default=True, description="Whether to return `previous_versions`."
    )
    include_connected_memories: bool = Field(
        default=True, description="Whether to return `connected_memories`."
    )


class ListDoubtfulMemoriesQuery(WireModel):
    """Page of the memories in doubt."""

    offset: int = _OFFSET
    limit: int = Field(default=20, ge=1, le=200, description="Maximum number of items.")


class GetMemoryQuery(WireModel):
    """Parts of a memory to return."""

    include_previous_versions: bool = Field(
        default=True, description="Whether to return `previous_versions`."
    )
    include_connected_memories: bool = Field(
        default=True, description="Whether to return `connected_memories`."
    )


class DeleteQuery(WireModel):
    """Form of the answer to a deletion."""

    report: bool = Field(
        default=False,
        description="Whether to answer with 200 and a report on the deletion instead of 204. "
        "Of Hitherto alone.",
    )


class DeleteMemoryQuery(DeleteQuery):
    """Extent of the deletion of a memory."""

    delete_previous_versions: bool = Field(
        default=False, description="Whether to delete all earlier versions, too."
    )


class ListMergeConflictsQuery(WireModel):
    """Merge conflicts to list, and their order."""

    offset: int = _OFFSET
    limit: int = Field(default=10, ge=1, le=100, description="Maximum number of items.")
    status: MergeConflictStatus | None = Field(default=None, description="Only with this status.")
    sort_by: SortBy = Field(default="created_at", description="Date to sort by.")
    sort_order: SortOrder = Field(default="desc", description="Newest or oldest first.")


class ListDeliveriesQuery(WireModel):
    """Page of a webhook's deliveries."""

    offset: int = _OFFSET
    limit: int = Field(default=50, ge=1, le=200, description="Maximum number of items.")


class ListQuarantineQuery(WireModel):
    """Page of a user's quarantine."""

    offset: int = _OFFSET
    limit: int = Field(default=50, ge=1, le=500, description="Maximum number of items.")


class UsageQuery(WireModel):
    """Days and user to sum up."""

    days: int = Field(default=30, ge=1, le=366, description="UTC days, today included.")
    user_id: str | None = Field(default=None, description="Only of this user.")


class ListModelCallsQuery(WireModel):
    """Page of the model calls."""

    offset: int = _OFFSET
    limit: int = Field(default=50, ge=1, le=500, description="Maximum number of items.")
    user_id: str | None = Field(default=None, description="Only of this user.")


class SystemPromptQuery(WireModel):
    """Strategy of the system prompt to return."""

    recall_strategy: Strategy = Field(
        default=RecallStrategy.BALANCED,
        description="Strategy of the contexts; all but `agentic` share one prompt.",
    )


class ContextQuery(BaseModel, ContextRequest, frozen=True, extra="ignore"):
    """Request for a context."""

    stream: bool = Field(
        default=False, description="Whether to answer with server-sent events while work goes on."
    )

    _read_strategy = field_validator("recall_strategy", mode="before")(current_strategy)

    def to_request(self) -> ContextRequest:
        """Return the request for `MemoryApi`."""
        return ContextRequest(**self.model_dump(exclude={"stream"}))
