"""Parameters of paths, queries and headers, with their ranges and what they mean."""

from typing import Annotated, Any

from fastapi import Header, Path
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, field_validator

from hitherto.api import ContextRequest, SortBy, SortOrder
from hitherto.models import MergeConflictStatus, RecallStrategy, SessionStatus
from hitherto.server.requests import parsed_json
from hitherto.wire import WireModel

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
        description="Makes the call safe to repeat: made again with the same key and the same "
        "body, it answers as it did and does nothing.",
    ),
]


def _read_object(value: object) -> object:
    """The JSON object that a parameter holds as a string."""
    if not isinstance(value, str):
        return value
    found = parsed_json(value)
    if not isinstance(found, dict):
        raise ValueError('must be a JSON object, such as {"plan": "pro"}')  # noqa: TRY004
    return found


JsonFilter = Annotated[
    dict[str, Any] | None,
    BeforeValidator(_read_object),
    WithJsonSchema({"type": "string", "contentMediaType": "application/json"}),
]
"""A JSON object as a string; what it is compared with must contain it."""


def _current_strategy(value: object) -> object:
    """The older name of the agentic strategy is `deep`."""
    return RecallStrategy.AGENTIC if value == "deep" else value


Strategy = Annotated[RecallStrategy, BeforeValidator(_current_strategy)]

_OFFSET = Field(default=0, ge=0, le=MAX_OFFSET, description="How many to pass over.")


class ListUsersQuery(WireModel):
    """Which users to list."""

    offset: int = _OFFSET
    limit: int = Field(default=10, ge=1, le=100, description="How many to return at most.")
    metadata_filter: JsonFilter = Field(
        default=None,
        description="A JSON object that the metadata must contain.",
        examples=['{"plan": "pro"}'],
    )
    partial_user_id: str | None = Field(
        default=None, description="A part of the id, whatever its case."
    )


class ListSessionsQuery(WireModel):
    """Which sessions to list."""

    offset: int = _OFFSET
    limit: int = Field(default=10, ge=1, le=100, description="How many to return at most.")
    metadata_filter: JsonFilter = Field(
        default=None,
        description="A JSON object that the metadata must contain.",
        examples=['{"channel": "web"}'],
    )
    status_filter: list[SessionStatus] | None = Field(
        default=None, description="Any of these statuses; the parameter may be repeated."
    )


class GetSessionQuery(WireModel):
    """What to return with a session."""

    include_summary: bool = Field(default=False, description="Whether to return `session_summary`.")
    include_memories: bool = Field(
        default=False, description="Whether to return `memories`, the current ones it brought."
    )


class ListMessagesQuery(WireModel):
    """Which messages of a session to list."""

    offset: int = _OFFSET
    limit: int = Field(default=50, ge=1, le=500, description="How many to return at most.")


class LastMessagesQuery(WireModel):
    """How many messages of a user to return."""

    limit: int = Field(default=10, ge=1, le=100, description="How many to return at most.")


class ListMemoriesQuery(WireModel):
    """Which memories to list, and what to return with each."""

    offset: int = _OFFSET
    limit: int = Field(default=20, ge=1, le=200, description="How many to return at most.")
    categories: list[str] | None = Field(
        default=None,
        description="Names of categories of which a memory has at least one; may be repeated.",
    )
    session_id_filter: list[str] | None = Field(
        default=None, description="Sessions that brought the memories; may be repeated."
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
    """Which part of the memories in doubt to list."""

    offset: int = _OFFSET
    limit: int = Field(default=20, ge=1, le=200, description="How many to return at most.")


class GetMemoryQuery(WireModel):
    """What to return with a memory."""

    include_previous_versions: bool = Field(
        default=True, description="Whether to return `previous_versions`."
    )
    include_connected_memories: bool = Field(
        default=True, description="Whether to return `connected_memories`."
    )


class DeleteQuery(WireModel):
    """Whether to tell what was deleted."""

    report: bool = Field(
        default=False,
        description="Answer with 200 and what was deleted, in place of 204. Of Hitherto alone.",
    )


class DeleteMemoryQuery(DeleteQuery):
    """How much of a memory to delete."""

    delete_previous_versions: bool = Field(
        default=False, description="Whether to delete all earlier versions too."
    )


class ListMergeConflictsQuery(WireModel):
    """Which merge conflicts to list."""

    offset: int = _OFFSET
    limit: int = Field(default=10, ge=1, le=100, description="How many to return at most.")
    status: MergeConflictStatus | None = Field(default=None, description="Only those that are so.")
    sort_by: SortBy = Field(default="created_at", description="What they are ordered by.")
    sort_order: SortOrder = Field(default="desc", description="Newest or oldest first.")


class ListDeliveriesQuery(WireModel):
    """Which deliveries of a webhook to list."""

    offset: int = _OFFSET
    limit: int = Field(default=50, ge=1, le=200, description="How many to return at most.")


class ListQuarantineQuery(WireModel):
    """Which part of a quarantine to list."""

    offset: int = _OFFSET
    limit: int = Field(default=50, ge=1, le=500, description="How many to return at most.")


class UsageQuery(WireModel):
    """Of which days, and of whom."""

    days: int = Field(default=30, ge=1, le=366, description="UTC days, today included.")
    user_id: str | None = Field(default=None, description="Of this user alone.")


class ListModelCallsQuery(WireModel):
    """Which calls to list."""

    offset: int = _OFFSET
    limit: int = Field(default=50, ge=1, le=500, description="How many to return at most.")
    user_id: str | None = Field(default=None, description="Of this user alone.")


class SystemPromptQuery(WireModel):
    """Which system prompt to return."""

    recall_strategy: Strategy = Field(
        default=RecallStrategy.BALANCED,
        description="The strategy of the contexts it shall introduce; all but `agentic` share one.",
    )


class ContextQuery(BaseModel, ContextRequest, frozen=True, extra="ignore"):
    """What a context is asked to hold."""

    stream: bool = Field(
        default=False, description="Whether to answer with server-sent events as work goes on."
    )

    _read_strategy = field_validator("recall_strategy", mode="before")(_current_strategy)

    def to_request(self) -> ContextRequest:
        """The same as a request of `MemoryApi`."""
        return ContextRequest(**self.model_dump(exclude={"stream"}))
