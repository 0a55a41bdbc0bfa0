"""What an application imports: the client and its objects, sync and async."""

from recollect.client._async import AsyncRecallrAI, AsyncRecollect, AsyncUser
from recollect.client._async_session import AsyncMergeConflict, AsyncSession
from recollect.client._sync import RecallrAI, Recollect, User
from recollect.client._sync_session import MergeConflict, Session
from recollect.client.embedded import Parts
from recollect.client.transport import HttpParts

__all__ = [
    "AsyncMergeConflict",
    "AsyncRecallrAI",
    "AsyncRecollect",
    "AsyncSession",
    "AsyncUser",
    "HttpParts",
    "MergeConflict",
    "Parts",
    "RecallrAI",
    "Recollect",
    "Session",
    "User",
]
