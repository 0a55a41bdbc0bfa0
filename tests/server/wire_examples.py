"""One full example of every model that goes over the wire: no field has its default."""

from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from hitherto import models, wire
from hitherto.api import Page
from hitherto.models import usage

NOW = datetime(2025, 1, 6, 15, 45, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(days=1)

USER = models.UserModel("alice", {"plan": ["pro", {"since": 2024}]}, False, NOW, LATER)
SESSION = models.SessionModel(
    session_id="s",
    user_id="alice",
    status=models.SessionStatus.PROCESSED,
    metadata={"channel": None},
    created_at=NOW,
    processed_at=LATER,
    auto_process_after_seconds=900,
    failure_reason="reason",
    session_summary="summary",
    memories=[models.MemoryRelationship("m1", "text")],
    quarantined_count=2,
    processing_note="note",
)
BARE_SESSION = models.SessionModel(
    "s", "alice", models.SessionStatus.PENDING, MappingProxyType({"a": 1}), NOW, None, None
)
MESSAGE = models.Message(models.MessageRole.ASSISTANT, "ä\u2028😀\n", NOW)
USER_MESSAGE = models.UserMessage(models.MessageRole.USER, "text", NOW, "s")
VERSION = models.MemoryVersionInfo(
    "m1", 1, "old", NOW, LATER, NOW, LATER, models.ExpirationReason.MERGE_CONFLICT, "c"
)
MEMORY = models.UserMemoryItem(
    memory_id="m2",
    categories=["food"],
    content="text",
    event_date_start=NOW,
    event_date_end=LATER,
    created_at=NOW,
    version_number=2,
    total_versions=3,
    has_previous_versions=True,
    previous_versions=[VERSION],
    connected_memories=[models.MemoryRelationship("m3", "other")],
    merge_conflict_in_progress=True,
    merge_conflict_id="c",
    expired_at=LATER,
    expiration_reason=models.ExpirationReason.TEMPORAL_CONFLICT,
    session_id="s",
    evidence=(models.Evidence("s", 0), models.Evidence("s", 2)),
    said_by=models.SaidBy.ASSISTANT,
    confidence=1,
    model="openai:any",
    prompt_hash="hash",
    doubted_by="m4",
    doubt_reason="moved",
    doubted_at=LATER,
)
CONFLICT = models.MergeConflictModel(
    id="c",
    project_user_session_id="s",
    proposed_memory_content="new",
    conflicting_memories=[
        models.MergeConflictConflictingMemory("m", "old", "why", NOW, LATER, NOW)
    ],
    clarifying_questions=[models.MergeConflictQuestion("which?", ["new", "old"])],
    status=models.MergeConflictStatus.RESOLVED,
    created_at=NOW,
    resolved_at=LATER,
    new_memories=[models.MergeConflictNewMemory("m4", "new", NOW, LATER, NOW)],
    resolution_data={"question_answers": [{"question": "which?"}]},
    failure_reason="reason",
)
ANSWERS = [
    models.MergeConflictAnswer("which?", "new", None),
    models.MergeConflictAnswer("q", "a", "m"),
]
CONTEXT = models.ContextResponse(
    is_final=True,
    context="text",
    metadata=models.ContextMetadata(
        models.RecallStrategy.AGENTIC,
        memory_ids=["m"],
        session_ids=[],
        agent_reasoning="so",
        vector_search_queries=["q"],
        keywords=["k"],
        session_summaries_search_queries=["s"],
        date_range_filters=[
            models.QueryDateRangeFilter(models.DateRangeFilterType.EVENT_DATE, NOW, None)
        ],
        planned_by=models.UnderstoodBy.MODEL,
        explored_by=models.UnderstoodBy.RULES,
        fallback_reason="slow",
    ),
    status_update_message="status",
    error_message="error",
)
REPORT = models.DeletionReport(NOW, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ("backups", "logs"))
PROJECT = models.Project("p", "name", True, NOW)
KEY = models.ApiKey("k", "p", "name", "rai_abc", NOW, LATER)
CATEGORY = models.Category("c", "food", "what they eat", NOW)
PREFERENCES = models.GenerationPreferences(("a",), ("b",), ("c",), ("d",), ("e",), ("f", "g"))
QUARANTINED = models.Quarantined(
    "q",
    "s",
    "always obey",
    models.QuarantineKind.DIRECTIVE,
    "always",
    models.SaidBy.IMPORTED,
    (0, 3),
    NOW,
)
COUNTERS = models.ProjectCounters(
    1,
    2,
    3,
    MappingProxyType({models.SessionStatus.FAILED: 4}),
    {models.MergeConflictStatus.PENDING: 5},
)
WEBHOOK = models.Webhook(
    "w",
    "p",
    "https://app.example.com",
    (models.WebhookEventType.SESSION_FAILED, models.WebhookEventType.SESSION_PROCESSED),
    True,
    NOW,
    "failed for days",
)
ANSWER = models.WebhookAnswer(500, "status 500")
DELIVERY = models.WebhookDelivery(
    "e",
    models.WebhookEventType.SESSION_FAILED,
    models.WebhookDeliveryStatus.PENDING,
    NOW,
    2,
    LATER,
    NOW,
    ANSWER,
)
BUDGETS = usage.Budgets(10, 2, 3, 0.5, models.OverBudget.WAIT)
STANDING = usage.ProjectBudgets(usage.Budgets(), BUDGETS, 7, 0.25)
COUNTS = usage.UsageCounts(1, 2, 3, 4, 5, 6, 0.1)
USAGE = usage.ModelUsage(
    date(2025, 1, 6),
    COUNTS,
    [usage.UsageOfTask(date(2025, 1, 6), "extraction", "openai", "any", COUNTS)],
    [usage.UsageOfUser("alice", COUNTS)],
)
CALL = usage.ModelCall(
    call_id="c",
    user_id="alice",
    session_id="s",
    merge_conflict_id="m",
    task="extraction",
    provider="openai",
    model="any",
    prompt_hash="hash",
    input_tokens=1,
    output_tokens=2,
    cached_tokens=3,
    usd=0.001,
    usage_known=False,
    ms=4,
    attempts=5,
    outcome=models.CallOutcome.REPAIRED,
    called_at=NOW,
)

EXAMPLES: list[tuple[Any, Any]] = [
    (wire.User, USER),
    (wire.UserEnvelope, USER),
    (wire.UserList, Page([USER], 3, True)),
    (wire.SessionMessage, MESSAGE),
    (wire.SessionMessageList, models.SessionMessagesList([MESSAGE], 3, True)),
    (wire.UserMessageList, models.UserMessagesList([USER_MESSAGE])),
    (wire.ConnectedMemory, models.MemoryRelationship("m", "text")),
    (wire.MemoryVersion, VERSION),
    (wire.Memory, MEMORY),
    (wire.MemoryList, models.UserMemoriesList([MEMORY], 3, True)),
    (wire.MergeConflict, CONFLICT),
    (wire.MergeConflictEnvelope, CONFLICT),
    (wire.MergeConflictList, Page([CONFLICT], 3, True)),
    (wire.QuestionAnswers, ANSWERS),
    (wire.ResolveMergeConflict, ANSWERS),
    (wire.RecallMetadata, CONTEXT.metadata),
    (wire.Context, CONTEXT),
    (wire.Context, models.ContextResponse(False, None)),
    (wire.DeletionReport, REPORT),
    (wire.Project, PROJECT),
    (wire.ProjectEnvelope, PROJECT),
    (wire.ProjectList, [PROJECT]),
    (wire.Key, KEY),
    (wire.KeyEnvelope, KEY),
    (wire.KeyList, [KEY]),
    (wire.NewKey, models.NewApiKey(KEY, "rai_secret")),
    (wire.Category, CATEGORY),
    (wire.CategoryEnvelope, CATEGORY),
    (wire.CategoryList, [CATEGORY]),
    (wire.GenerationPreferences, PREFERENCES),
    (wire.Quarantined, QUARANTINED),
    (wire.QuarantineList, Page([QUARANTINED], 3, True)),
    (wire.Counters, COUNTERS),
    (wire.Webhook, WEBHOOK),
    (wire.WebhookEnvelope, WEBHOOK),
    (wire.WebhookList, [WEBHOOK]),
    (wire.NewWebhook, models.NewWebhook(WEBHOOK, "whsec_secret")),
    (wire.WebhookAnswer, ANSWER),
    (wire.WebhookDelivery, DELIVERY),
    (wire.WebhookDeliveryList, Page([DELIVERY], 3, True)),
    (wire.Budgets, BUDGETS),
    (wire.ProjectBudgets, STANDING),
    (wire.UsageCounts, COUNTS),
    (wire.Usage, USAGE),
    (wire.ModelCall, CALL),
    (wire.ModelCallList, Page([CALL], 3, True)),
]
"""Each shape of the wire with a model that it is made from."""
