"""Messages."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MessageRole(StrEnum):
    """Author of a message: the human (`USER`) or the AI (`ASSISTANT`)."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """Message, word for word. `timestamp`: when it was added."""

    role: MessageRole
    content: str
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class SessionMessagesList:
    """A page of a session's messages, in the order in which they were added."""

    messages: list[Message]
    total: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class UserMessage:
    """A message together with the session it belongs to."""

    role: MessageRole
    content: str
    timestamp: datetime
    session_id: str


@dataclass(frozen=True, slots=True)
class UserMessagesList:
    """Last messages of a user over all sessions, oldest first."""

    messages: list[UserMessage]
