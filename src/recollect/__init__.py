"""Long-term memory for applications on language models."""

from recollect.client import (
    AsyncMergeConflict,
    AsyncRecallrAI,
    AsyncRecollect,
    AsyncSession,
    AsyncUser,
    HttpParts,
    MergeConflict,
    Parts,
    RecallrAI,
    Recollect,
    Session,
    User,
)
from recollect.errors import RecallrAIError
from recollect.models import (
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
from recollect.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "AsyncMergeConflict",
    "AsyncRecallrAI",
    "AsyncRecollect",
    "AsyncSession",
    "AsyncUser",
    "ContextResponse",
    "ExpirationReason",
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
    "Recollect",
    "Session",
    "SessionList",
    "SessionStatus",
    "Settings",
    "User",
    "UserList",
    "UserMemoryItem",
    "__version__",
]
