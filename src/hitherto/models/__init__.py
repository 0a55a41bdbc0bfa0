"""Data classes that every layer passes to the others.

Frozen, total, and free of behaviour. All instants are timezone-aware UTC datetimes. Names that the
public contract shows (`UserMemoryItem`, `ContextResponse`, ...) keep its spelling, so that an
application moves over by changing one import.
"""

from hitherto.models.contexts import (
    ContextMetadata,
    ContextResponse,
    DateRangeFilterType,
    QueryDateRangeFilter,
    RecallStrategy,
    UnderstoodBy,
)
from hitherto.models.deletions import DeletionReport
from hitherto.models.memories import (
    LOCAL_MODEL,
    Candidate,
    Clause,
    Evidence,
    ExpirationReason,
    Extraction,
    MemoryRelationship,
    MemoryVersion,
    MemoryVersionInfo,
    Quarantined,
    QuarantineKind,
    SaidBy,
    UserMemoriesList,
    UserMemoryItem,
)
from hitherto.models.merge_conflicts import (
    MergeConflictAnswer,
    MergeConflictConflictingMemory,
    MergeConflictList,
    MergeConflictModel,
    MergeConflictNewMemory,
    MergeConflictQuestion,
    MergeConflictStatus,
)
from hitherto.models.messages import (
    Message,
    MessageRole,
    SessionMessagesList,
    UserMessage,
    UserMessagesList,
)
from hitherto.models.projects import (
    ApiKey,
    Category,
    GenerationPreferences,
    NewApiKey,
    Project,
    ProjectCounters,
)
from hitherto.models.sessions import SessionList, SessionModel, SessionStatus
from hitherto.models.usage import CallOutcome, OverBudget
from hitherto.models.users import Metadata, UserList, UserModel
from hitherto.models.webhooks import (
    NewWebhook,
    Webhook,
    WebhookAnswer,
    WebhookDelivery,
    WebhookDeliveryStatus,
    WebhookEventType,
)

__all__ = [
    "LOCAL_MODEL",
    "ApiKey",
    "CallOutcome",
    "Candidate",
    "Category",
    "Clause",
    "ContextMetadata",
    "ContextResponse",
    "DateRangeFilterType",
    "DeletionReport",
    "Evidence",
    "ExpirationReason",
    "Extraction",
    "GenerationPreferences",
    "MemoryRelationship",
    "MemoryVersion",
    "MemoryVersionInfo",
    "MergeConflictAnswer",
    "MergeConflictConflictingMemory",
    "MergeConflictList",
    "MergeConflictModel",
    "MergeConflictNewMemory",
    "MergeConflictQuestion",
    "MergeConflictStatus",
    "Message",
    "MessageRole",
    "Metadata",
    "NewApiKey",
    "NewWebhook",
    "OverBudget",
    "Project",
    "ProjectCounters",
    "QuarantineKind",
    "Quarantined",
    "QueryDateRangeFilter",
    "RecallStrategy",
    "SaidBy",
    "SessionList",
    "SessionMessagesList",
    "SessionModel",
    "SessionStatus",
    "UnderstoodBy",
    "UserList",
    "UserMemoriesList",
    "UserMemoryItem",
    "UserMessage",
    "UserMessagesList",
    "UserModel",
    "Webhook",
    "WebhookAnswer",
    "WebhookDelivery",
    "WebhookDeliveryStatus",
    "WebhookEventType",
]
