"""Sessions and messages on the wire."""

from typing import Any

from pydantic import ConfigDict, Field, StrictInt, model_validator

from hitherto.api import Page
from hitherto.models import (
    MemoryRelationship,
    Message,
    MessageRole,
    SessionMessagesList,
    SessionModel,
    SessionStatus,
    UserMessage,
    UserMessagesList,
)
from hitherto.wire.fields import (
    EXAMPLE_MEMORY_ID,
    EXAMPLE_SESSION_ID,
    VISIBLE,
    Instant,
    Object,
    UtcInstant,
    WireModel,
)
from hitherto.wire.memories import ConnectedMemory

MIN_AUTO_PROCESS_S = 600
MAX_AUTO_PROCESS_S = 10 * 366 * 86_400


class CreateSession(WireModel):
    """A conversation to be started."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"metadata": {"channel": "web"}}]})

    auto_process_after_seconds: StrictInt | None = Field(
        default=MIN_AUTO_PROCESS_S,
        ge=MIN_AUTO_PROCESS_S,
        le=MAX_AUTO_PROCESS_S,
        description="Seconds without a message after which the session is processed by itself; "
        "null switches that off.",
    )
    metadata: Object = Field(
        default_factory=dict, description="Any JSON object of yours to keep with the session."
    )
    custom_created_at_utc: UtcInstant | None = Field(
        default=None,
        description="When the conversation took place, for importing history; must be in UTC. "
        "What it says is dated by this.",
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
    """What to change about a session."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"new_metadata": {"topic": "tax"}}]})

    new_metadata: Object | None = Field(
        default=None,
        description="Replaces all of the metadata; left out, the session stays as it is.",
    )


class AddMessage(WireModel):
    """What somebody said."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"message": "I moved to Lisbon.", "role": "user"}]}
    )

    message: str = Field(
        min_length=1, json_schema_extra=VISIBLE, description="The text, word for word."
    )
    role: MessageRole = Field(description="Who said it: the person, or the AI.")


class Session(WireModel):
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
    status: SessionStatus = Field(description="Where it stands between messages and memories.")
    metadata: Object = Field(description="What the application attached.")
    created_at: Instant = Field(description="When the conversation took place.")
    processed_at: Instant | None = Field(
        default=None, description="When it was processed; null while it is not."
    )
    auto_process_after_seconds: int | None = Field(
        default=None,
        description="Seconds without a message after which it is processed; null for never.",
    )
    failure_reason: str | None = Field(
        default=None,
        description="Why the last try to process it failed, or what it waits for; null if none did"
        " and it does not.",
    )
    processing_note: str | None = Field(
        default=None,
        description="What was processed by rules because a budget was spent or a model failed; "
        "left out if nothing.",
    )
    quarantined_count: int = Field(
        default=0,
        description="Statements that were kept from becoming memories; left out if none.",
    )
    session_summary: str | None = Field(
        default=None, description="What the conversation was about; null until processed."
    )
    memories: list[ConnectedMemory] | None = Field(
        default=None, description="The current memories that it brought."
    )

    @classmethod
    def from_model(
        cls, session: SessionModel, *, with_summary: bool = False, with_memories: bool = False
    ) -> "Session":
        """The JSON of a session; the flags say which of the optional fields it shall have."""
        optional: dict[str, Any] = {}
        if session.processing_note is not None:
            optional["processing_note"] = session.processing_note
        if session.quarantined_count:
            optional["quarantined_count"] = session.quarantined_count
        if with_summary:
            optional["session_summary"] = session.session_summary
        if with_memories:
            optional["memories"] = [
                ConnectedMemory.from_model(memory) for memory in session.memories or ()
            ]
        return cls(
            session_id=session.session_id,
            user_id=session.user_id,
            status=session.status,
            metadata=dict(session.metadata),
            created_at=session.created_at,
            processed_at=session.processed_at,
            auto_process_after_seconds=session.auto_process_after_seconds,
            failure_reason=session.failure_reason,
            **optional,
        )

    def to_model(self) -> SessionModel:
        """The session that the JSON describes."""
        memories: list[MemoryRelationship] | None = None
        if self.memories is not None:
            memories = [memory.to_model() for memory in self.memories]
        return SessionModel(
            session_id=self.session_id,
            user_id=self.user_id,
            status=self.status,
            metadata=self.metadata,
            created_at=self.created_at,
            processed_at=self.processed_at,
            auto_process_after_seconds=self.auto_process_after_seconds,
            failure_reason=self.failure_reason,
            processing_note=self.processing_note,
            quarantined_count=self.quarantined_count,
            session_summary=self.session_summary,
            memories=memories,
        )


class SessionEnvelope(WireModel):
    """One session."""

    session: Session = Field(description="The session.")

    @classmethod
    def from_model(
        cls, session: SessionModel, *, with_summary: bool = False, with_memories: bool = False
    ) -> "SessionEnvelope":
        """The JSON of a session, wrapped; flags as for `Session.from_model`."""
        return cls(
            session=Session.from_model(
                session, with_summary=with_summary, with_memories=with_memories
            )
        )

    def to_model(self) -> SessionModel:
        """The session in it."""
        return self.session.to_model()


class SessionList(WireModel):
    """A page of sessions, newest first."""

    sessions: list[Session] = Field(description="The sessions of this page.")
    total: int = Field(description="How many there are after filters and before paging.")
    has_more: bool = Field(description="Whether more follow after this page.")

    @classmethod
    def from_model(cls, page: Page[SessionModel]) -> "SessionList":
        """The JSON of a page."""
        sessions = [Session.from_model(session) for session in page.items]
        return cls(sessions=sessions, total=page.total, has_more=page.has_more)

    def to_model(self) -> Page[SessionModel]:
        """The page that the JSON describes."""
        return Page([session.to_model() for session in self.sessions], self.total, self.has_more)


class SessionMessage(WireModel):
    """What was said, word for word."""

    role: MessageRole = Field(description="Who said it.")
    content: str = Field(description="The text.")
    timestamp: Instant = Field(description="When it was added.")

    @classmethod
    def from_model(cls, message: Message) -> "SessionMessage":
        """The JSON of a message."""
        return cls(role=message.role, content=message.content, timestamp=message.timestamp)

    def to_model(self) -> Message:
        """The message that the JSON describes."""
        return Message(role=self.role, content=self.content, timestamp=self.timestamp)


class SessionMessageList(WireModel):
    """A page of a session's messages, in the order in which they were added."""

    messages: list[SessionMessage] = Field(description="The messages of this page.")
    total: int = Field(description="How many the session has.")
    has_more: bool = Field(description="Whether more follow after this page.")

    @classmethod
    def from_model(cls, page: SessionMessagesList) -> "SessionMessageList":
        """The JSON of a page."""
        messages = [SessionMessage.from_model(message) for message in page.messages]
        return cls(messages=messages, total=page.total, has_more=page.has_more)

    def to_model(self) -> SessionMessagesList:
        """The page that the JSON describes."""
        messages = [message.to_model() for message in self.messages]
        return SessionMessagesList(messages, self.total, self.has_more)


class UserMessageItem(SessionMessage):
    """A message together with the session it belongs to."""

    session_id: str = Field(description="The id of its session.")

    @classmethod
    def from_user_message(cls, message: UserMessage) -> "UserMessageItem":
        """The JSON of a message."""
        return cls(
            role=message.role,
            content=message.content,
            timestamp=message.timestamp,
            session_id=message.session_id,
        )

    def to_user_message(self) -> UserMessage:
        """The message that the JSON describes."""
        return UserMessage(
            role=self.role,
            content=self.content,
            timestamp=self.timestamp,
            session_id=self.session_id,
        )


class UserMessageList(WireModel):
    """The last messages of a user over all sessions, oldest first."""

    messages: list[UserMessageItem] = Field(description="The messages.")

    @classmethod
    def from_model(cls, found: UserMessagesList) -> "UserMessageList":
        """The JSON of the messages."""
        return cls(
            messages=[UserMessageItem.from_user_message(message) for message in found.messages]
        )

    def to_model(self) -> UserMessagesList:
        """The messages that the JSON describes."""
        return UserMessagesList([message.to_user_message() for message in self.messages])


class Detail(WireModel):
    """What was done, or what went wrong, in a sentence."""

    detail: str = Field(description="One sentence.")
