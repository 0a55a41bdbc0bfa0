"""Long-term memory for applications on language models."""

from hitherto.client import (
    AsyncHitherto,
    AsyncMergeConflict,
    AsyncRecallrAI,
    AsyncSession,
    AsyncUser,
    Hitherto,
    HttpParts,
    MergeConflict,
    Parts,
    RecallrAI,
    Session,
    User,
)
from hitherto.errors import RecallrAIError
from hitherto.models import (
    ContextResponse,
    ExpirationReason,
    MergeConflictAnswer,
    MergeConflictList,
    MergeConflictStatus,
    Message,
    MessageRole,
    RecallStrategy,
    SessionList,
    SessionStatus,
    UserList,
    UserMemoryItem,
)
from hitherto.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "AsyncHitherto",
    "AsyncMergeConflict",
    "AsyncRecallrAI",
    "AsyncSession",
    "AsyncUser",
    "ContextResponse",
    "ExpirationReason",
    "Hitherto",
    "HttpParts",
    "MergeConflict",
    "MergeConflictAnswer",
    "MergeConflictList",
    "MergeConflictStatus",
    "Message",
    "MessageRole",
    "Parts",
    "RecallStrategy",
    "RecallrAI",
    "RecallrAIError",
    "Session",
    "SessionList",
    "SessionStatus",
    "Settings",
    "User",
    "UserList",
    "UserMemoryItem",
    "__version__",
]
