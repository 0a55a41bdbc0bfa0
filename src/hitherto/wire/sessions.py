"""Sessions and messages on the wire."""

from typing import Any, Self

from pydantic import ConfigDict, Field, StrictInt, model_validator

from hitherto.api import MAX_AUTO_PROCESS_S, MIN_AUTO_PROCESS_S, UNSET, Page, Unset
from hitherto.models import (
    Message,
    MessageRole,
    SessionMessagesList,
    SessionModel,
    SessionStatus,
    UserMessage,
    UserMessagesList,
)
from hitherto.wire.conversion import Envelope, Mirror, PageEnvelope
from hitherto.wire.fields import (
    EXAMPLE_MEMORY_ID,
    EXAMPLE_SESSION_ID,
    TIMEZONE,
    VISIBLE,
    Instant,
    Object,
    UtcInstant,
    WireModel,
)
from hitherto.wire.memories import ConnectedMemory


class CreateSession(WireModel):
    """A conversation to be started."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"metadata": {"channel": "web"}}]})

    auto_process_after_seconds: StrictInt | None = Field(
        default=MIN_AUTO_PROCESS_S,
        ge=MIN_AUTO_PROCESS_S,
        le=MAX_AUTO_PROCESS_S,
        description="Seconds without a message after which the session is processed "
        "automatically; null for never.",
    )
    metadata: Object = Field(
        default_factory=dict, description="Any JSON object to store with the session."
    )
    custom_created_at_utc: UtcInstant | None = Field(
        default=None,
        description="When the conversation took place, in UTC, for importing history. "
        "Its statements get this date.",
    )
    timezone: str | None = Field(
        default=None,
        json_schema_extra=TIMEZONE,
        description="The IANA name of the time zone in which its days are read and shown; null is "
        "the user's. Of Hitherto alone.",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_minutes(cls, data: Any) -> Any:
        """Take the older `auto_process_after_minutes`, where -1 switched processing off."""
        if not isinstance(data, dict) or "auto_process_after_seconds" in data:
            return data
        minutes = data.get("auto_process_after_minutes")
        if isinstance(minutes, bool) or not isinstance(minutes, int):
            return data
        return data | {"auto_process_after_seconds": None if minutes == -1 else minutes * 60}


class UpdateSession(WireModel):
    """Changes of a session."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"new_metadata": {"topic": "tax"}}]})

    new_metadata: Object | None = Field(
        default=None,
        description="Replaces all of the metadata; without it, the metadata stays.",
    )
    timezone: str | None = Field(
        default=None,
        json_schema_extra=TIMEZONE,
        description="The IANA name of its time zone; null is the user's. Without it, the zone "
        "stays. Once the session is processed, it changes only what contexts show. Of Hitherto "
        "alone.",
    )

    @property
    def zone(self) -> str | Unset | None:
        """Return the time zone, or UNSET if the body has none."""
        return self.timezone if "timezone" in self.model_fields_set else UNSET


class AddMessage(WireModel):
    """Message to add."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"message": "I moved to Lisbon.", "role": "user"}]}
    )

    message: str = Field(
        min_length=1, json_schema_extra=VISIBLE, description="The text, word for word."
    )
    role: MessageRole = Field(description="Role of the speaker: the person, or the AI.")


class Session(Mirror[SessionModel]):
    """A conversation. `session_summary` and `memories` are there only if they were asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_id": EXAMPLE_SESSION_ID,
                    "user_id": "alice",
                    "status": "processed",
                    "metadata": {"channel": "web"},
                    "created_at": "2025-01-06T15:45:00Z",
                    "processed_at": "2025-01-06T15:58:31Z",
                    "auto_process_after_seconds": 600,
                    "failure_reason": None,
                    "session_summary": "The user told that they had moved to Lisbon.",
                    "memories": [
                        {"memory_id": EXAMPLE_MEMORY_ID, "content": "User moved to Lisbon"}
                    ],
                }
            ]
        }
    )

    session_id: str = Field(description="The id of the session, a UUID.")
    user_id: str = Field(default="", description="The id of its user, as the application gave it.")
    status: SessionStatus = Field(description="Status of its processing.")
    metadata: Object = Field(description="Metadata of the application.")
    created_at: Instant = Field(description="When the conversation took place.")
    processed_at: Instant | None = Field(
        default=None, description="When it was processed; null before that."
    )
    auto_process_after_seconds: int | None = Field(
        default=None,
        description="Seconds without a message after which it is processed; null for never.",
    )
    failure_reason: str | None = Field(
        default=None,
        description="Why the last attempt to process it failed, or what it waits for; "
        "null if neither applies.",
    )
    processing_note: str | None = Field(
        default=None,
        description="Which work was done by rules because a budget was spent or a "
        "model failed, and the number of statements left out; absent if "
        "there is nothing to note.",
    )
    quarantined_count: int = Field(
        default=0,
        description="Number of quarantined statements; absent if there are none.",
    )
    timezone: str | None = Field(
        default=None,
        description="The IANA name of its own time zone; absent if it has its user's.",
    )
    session_summary: str | None = Field(
        default=None, description="Summary of the conversation; null until processed."
    )
    memories: list[ConnectedMemory] | None = Field(
        default=None, description="The current memories that it created."
    )

    @classmethod
    def from_model(
        cls, model: SessionModel, *, with_summary: bool = False, with_memories: bool = False
    ) -> Self:
        """Return the JSON of a session; the flags say which of the optional fields are set."""
        is_shown = {
            "processing_note": model.processing_note is not None,
            "quarantined_count": model.quarantined_count > 0,
            "timezone": model.timezone is not None,
            "session_summary": with_summary,
            "memories": with_memories,
        }
        names = [name for name in cls.model_fields if is_shown.get(name, True)]
        values = {name: getattr(model, name) for name in names}
        if with_memories and model.memories is None:
            values["memories"] = []
        return cls.model_validate(values, from_attributes=True)


class SessionEnvelope(Envelope[SessionModel]):
    """Session."""

    session: Session = Field(description="The session.")

    @classmethod
    def from_model(
        cls, model: SessionModel, *, with_summary: bool = False, with_memories: bool = False
    ) -> Self:
        """Return the JSON of a session, wrapped; flags as for `Session.from_model`."""
        session = Session.from_model(model, with_summary=with_summary, with_memories=with_memories)
        return cls(session=session)


class SessionList(PageEnvelope[SessionModel]):
    """A page of sessions, newest first."""

    sessions: list[Session] = Field(description="The sessions of this page.")
    total: int = Field(description="Number of items after filters and before paging.")
    has_more: bool = Field(description="Whether more follow after this page.")

    @classmethod
    def from_model(cls, page: Page[SessionModel]) -> Self:
        """Return the JSON of a page, without summaries and memories."""
        sessions = [Session.from_model(session) for session in page.items]
        return cls(sessions=sessions, total=page.total, has_more=page.has_more)


class SessionMessage(Mirror[Message]):
    """Message, word for word."""

    role: MessageRole = Field(description="Role of the speaker.")
    content: str = Field(description="The text.")
    timestamp: Instant = Field(description="When it was added.")


class SessionMessageList(Mirror[SessionMessagesList]):
    """A page of a session's messages, in the order in which they were added."""

    messages: list[SessionMessage] = Field(description="The messages of this page.")
    total: int = Field(description="Number of messages of the session.")
    has_more: bool = Field(description="Whether more follow after this page.")


class UserMessageItem(Mirror[UserMessage]):
    """A message together with the session it belongs to."""

    role: MessageRole = Field(description="Role of the speaker.")
    content: str = Field(description="The text.")
    timestamp: Instant = Field(description="When it was added.")
    session_id: str = Field(description="The id of its session.")


class UserMessageList(Mirror[UserMessagesList]):
    """Last messages of a user over all sessions, oldest first."""

    messages: list[UserMessageItem] = Field(description="The messages.")


class Detail(WireModel):
    """Result or error, in a sentence."""

    detail: str = Field(description="Summary in one sentence.")
