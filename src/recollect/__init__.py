"""Long-term memory for applications on language models."""

from recollect.client import (
    AsyncMergeConflictList,
    AsyncRecollect,
    AsyncSession,
    AsyncSessionList,
    AsyncUser,
    AsyncUserList,
    MergeConflictList,
    Parts,
    Recollect,
    Session,
    SessionList,
    User,
    UserList,
)
from recollect.errors import RecallrAIError
from recollect.models import (
    ContextResponse,
    ExpirationReason,
    MergeConflictStatus,
    Message,
    MessageRole,
    RecallStrategy,
    SessionStatus,
    UserMemoryItem,
)
from recollect.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "AsyncMergeConflictList",
    "AsyncRecollect",
    "AsyncSession",
    "AsyncSessionList",
    "AsyncUser",
    "AsyncUserList",
    "ContextResponse",
    "ExpirationReason",
    "MergeConflictList",
    "MergeConflictStatus",
    "Message",
    "MessageRole",
    "Parts",
    "RecallStrategy",
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
