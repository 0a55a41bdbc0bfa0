"""Public names of the client, sync and async."""

from hitherto.client._async import AsyncHitherto, AsyncRecallrAI, AsyncUser
from hitherto.client._async_session import AsyncMergeConflict, AsyncSession
from hitherto.client._sync import Hitherto, RecallrAI, User
from hitherto.client._sync_session import MergeConflict, Session
from hitherto.client.http_transport import HttpParts
from hitherto.system import Parts

__all__ = [
    "AsyncHitherto",
    "AsyncMergeConflict",
    "AsyncRecallrAI",
    "AsyncSession",
    "AsyncUser",
    "Hitherto",
    "HttpParts",
    "MergeConflict",
    "Parts",
    "RecallrAI",
    "Session",
    "User",
]
