"""What is written as JSON is read back as it was."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pydantic
import pytest

from hitherto import wire
from hitherto.api import UNSET, Page
from hitherto.models import (
    ContextMetadata,
    ContextResponse,
    DateRangeFilterType,
    Evidence,
    ExpirationReason,
    GenerationPreferences,
    MemoryRelationship,
    MemoryVersionInfo,
    MergeConflictAnswer,
    MergeConflictConflictingMemory,
    MergeConflictModel,
    MergeConflictNewMemory,
    MergeConflictQuestion,
    MergeConflictStatus,
    Message,
    MessageRole,
    QueryDateRangeFilter,
    RecallStrategy,
    SessionMessagesList,
    SessionModel,
    SessionStatus,
    UserMemoriesList,
    UserMemoryItem,
    UserMessage,
    UserMessagesList,
    UserModel,
)

NOW = datetime(2025, 1, 6, 15, 45, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(days=1)

USER = UserModel("alice", {"plan": ["pro", {"since": 2024}]}, None, NOW, LATER)
SESSION = SessionModel(
    "s", "alice", SessionStatus.PROCESSED, {}, NOW, LATER, None, "reason", "summary", []
)
MESSAGE = Message(MessageRole.ASSISTANT, "ä\u2028😀\n", NOW)
USER_MESSAGE = UserMessage(MessageRole.USER, "text", NOW, "s")
VERSION = MemoryVersionInfo(
    "m1", 1, "old", NOW, LATER, NOW, LATER, ExpirationReason.MERGE_CONFLICT, "c"
)
MEMORY = UserMemoryItem(
    memory_id="m2",
    categories=["food"],
    content="text",
    event_date_start=NOW,
    event_date_end=LATER,
    created_at=NOW,
    version_number=2,
    total_versions=2,
    has_previous_versions=True,
    previous_versions=[VERSION],
    connected_memories=[MemoryRelationship("m3", "other")],
    merge_conflict_in_progress=True,
    merge_conflict_id=None,
    expired_at=None,
    expiration_reason=None,
    session_id="s",
    evidence=(Evidence("s", 0), Evidence("s", 2)),
)
CONFLICT = MergeConflictModel(
    id="c",
    project_user_session_id="s",
    proposed_memory_content="new",
    conflicting_memories=[MergeConflictConflictingMemory("m", "old", "why", NOW, LATER, NOW)],
    clarifying_questions=[MergeConflictQuestion("which?", ["new", "old"])],
    status=MergeConflictStatus.RESOLVED,
    created_at=NOW,
    resolved_at=LATER,
    new_memories=[MergeConflictNewMemory("m4", "new", NOW, LATER, NOW)],
    resolution_data={"question_answers": []},
    failure_reason=None,
)
CONTEXT = ContextResponse(
    True,
    "text",
    ContextMetadata(
        RecallStrategy.AGENTIC,
        memory_ids=["m"],
        session_ids=[],
        agent_reasoning="so",
        vector_search_queries=["q"],
        keywords=["k"],
        session_summaries_search_queries=[],
        date_range_filters=[QueryDateRangeFilter(DateRangeFilterType.EVENT_DATE, NOW, None)],
    ),
    "status",
    "error",
)


@pytest.mark.parametrize(
    ("shape", "model"),
    [
        (wire.UserEnvelope, USER),
        (wire.UserList, Page([USER], 3, True)),
        (wire.SessionList, Page([], 0, False)),
        (wire.SessionMessageList, SessionMessagesList([MESSAGE], 3, True)),
        (wire.UserMessageList, UserMessagesList([USER_MESSAGE])),
        (wire.Memory, MEMORY),
        (wire.MemoryList, UserMemoriesList([MEMORY], 3, True)),
        (wire.MergeConflictEnvelope, CONFLICT),
        (wire.MergeConflictList, Page([CONFLICT], 3, True)),
        (wire.Context, CONTEXT),
        (wire.Context, ContextResponse(False, None)),
        (
            wire.GenerationPreferences,
            GenerationPreferences(("a",), ("b",), ("c",), ("d",), ("e",), ("f",)),
        ),
    ],
)
def test_a_model_comes_back_as_it_was(shape: Any, model: Any) -> None:
    written = shape.from_model(model).model_dump_json()
    assert shape.model_validate_json(written).to_model() == model


def test_a_session_comes_back_with_what_was_asked_for() -> None:
    full = wire.SessionEnvelope.from_model(SESSION, with_summary=True, with_memories=True)
    read = wire.SessionEnvelope.model_validate_json(full.model_dump_json()).to_model()
    assert read == SESSION
    plain = wire.SessionEnvelope.from_model(SESSION).model_dump(mode="json", exclude_unset=True)
    assert not plain["session"].keys() & {"session_summary", "memories"}
    assert plain["session"]["processed_at"] == "2025-01-07T15:45:00.123456Z"


def test_answers_come_back_wrapped_and_bare() -> None:
    answers = [MergeConflictAnswer("which?", "new", None), MergeConflictAnswer("q", "a", "m")]
    for shape in (wire.ResolveMergeConflict, wire.QuestionAnswers):
        written = shape.from_models(answers).model_dump_json()
        assert shape.model_validate_json(written).to_models() == answers


def test_a_conflict_has_both_names_of_its_id_and_is_read_by_either() -> None:
    written = wire.MergeConflict.from_model(CONFLICT).model_dump(mode="json")
    assert written["id"] == written["conflict_id"] == "c"
    for name in ("id", "conflict_id"):
        less = {key: value for key, value in written.items() if key != name}
        assert wire.MergeConflict.model_validate(less).to_model() == CONFLICT


def test_instants_are_read_in_utc_and_must_have_an_offset() -> None:
    written = wire.User.from_model(USER).model_dump(mode="json")
    assert written["created_at"] == "2025-01-06T15:45:00.123456Z"
    elsewhere = NOW.astimezone(timezone(timedelta(hours=2))).isoformat()
    read = wire.User.model_validate(written | {"created_at": elsewhere})
    assert read.created_at.tzinfo is UTC
    with pytest.raises(pydantic.ValidationError):
        wire.User.model_validate(written | {"created_at": "2025-01-06T15:45:00"})


def test_a_switch_that_is_left_out_is_not_one_that_is_null() -> None:
    assert wire.UpdateUser.model_validate({}).switch is UNSET
    assert wire.UpdateUser.model_validate({"merge_conflict_enabled": None}).switch is None
    assert wire.UpdateUser.model_validate({"merge_conflict_enabled": False}).switch is False
