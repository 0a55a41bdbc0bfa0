"""What an application imports: the client and its objects, sync and async."""

from recollect.client._async import (
    AsyncMergeConflictList,
    AsyncRecollect,
    AsyncSession,
    AsyncSessionList,
    AsyncUser,
    AsyncUserList,
)
from recollect.client._sync import (
    MergeConflictList,
    Recollect,
    Session,
    SessionList,
    User,
    UserList,
)
from recollect.client.embedded import Parts

__all__ = [
    "AsyncMergeConflictList",
    "AsyncRecollect",
    "AsyncSession",
    "AsyncSessionList",
    "AsyncUser",
    "AsyncUserList",
    "MergeConflictList",
    "Parts",
    "Recollect",
    "Session",
    "SessionList",
    "User",
    "UserList",
]
