"""Merge conflicts on the wire."""

from collections.abc import Sequence

from pydantic import AliasChoices, ConfigDict, Field

from hitherto.models import (
    MergeConflictAnswer,
    MergeConflictConflictingMemory,
    MergeConflictModel,
    MergeConflictNewMemory,
    MergeConflictQuestion,
    MergeConflictStatus,
)
from hitherto.wire.conversion import Envelope, ListEnvelope, Mirror, PageEnvelope
from hitherto.wire.fields import (
    EXAMPLE_CONFLICT_ID,
    EXAMPLE_MEMORY_ID,
    EXAMPLE_SESSION_ID,
    Instant,
    Object,
    WireModel,
)


class QuestionAnswer(Mirror[MergeConflictAnswer]):
    """Chosen option for one question."""

    question: str = Field(description="The question, word for word.")
    answer: str = Field(description="One of its options, word for word.")
    message: str | None = Field(default=None, description="Further comment of the user.")


class QuestionAnswers(ListEnvelope[MergeConflictAnswer]):
    """Answers to all questions of a merge conflict."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "question_answers": [
                        {
                            "question": "Which of these is true?",
                            "answer": "User lives in Porto.",
                            "message": None,
                        }
                    ]
                }
            ]
        }
    )

    question_answers: list[QuestionAnswer] = Field(description="One answer for each question.")


class ResolveMergeConflict(WireModel):
    """Answers, in the envelope that the released clients send."""

    answers: QuestionAnswers = Field(description="The answers to all questions.")

    @classmethod
    def from_models(cls, answers: Sequence[MergeConflictAnswer]) -> "ResolveMergeConflict":
        """Return the JSON of answers in its envelope."""
        return cls(answers=QuestionAnswers.from_models(answers))

    def to_models(self) -> list[MergeConflictAnswer]:
        """Return the answers in the envelope."""
        return self.answers.to_models()


class ConflictingMemory(Mirror[MergeConflictConflictingMemory]):
    """An existing memory that a proposed one contradicts, and why."""

    memory_id: str = Field(description="The id of the memory.")
    content: str = Field(description="Content of the memory.")
    reason: str = Field(description="Why the two statements cannot both be true.")
    event_date_start: Instant = Field(description="First day of the event.")
    event_date_end: Instant = Field(description="End of the event's last day.")
    created_at: Instant = Field(description="When it was stated.")


class ClarifyingQuestion(Mirror[MergeConflictQuestion]):
    """A multiple-choice question whose answer settles a conflict."""

    question: str = Field(description="The question.")
    options: list[str] = Field(description="The possible answers.")


class ResolvedMemory(Mirror[MergeConflictNewMemory]):
    """A memory that the resolution of a conflict created."""

    memory_id: str = Field(description="The id of the memory.")
    content: str = Field(description="Content of the memory.")
    event_date_start: Instant = Field(description="First day of the event.")
    event_date_end: Instant = Field(description="End of the event's last day.")
    created_at: Instant = Field(description="When it was stated.")


class MergeConflict(Mirror[MergeConflictModel]):
    """Two statements that cannot both be true and that are no change over time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_CONFLICT_ID,
                    "conflict_id": EXAMPLE_CONFLICT_ID,
                    "project_user_session_id": EXAMPLE_SESSION_ID,
                    "proposed_memory_content": "User was born in Porto",
                    "conflicting_memories": [
                        {
                            "memory_id": EXAMPLE_MEMORY_ID,
                            "content": "User was born in Lisbon",
                            "reason": "A person is born in one place only.",
                            "event_date_start": "2025-01-06T00:00:00Z",
                            "event_date_end": "2025-01-06T23:59:59Z",
                            "created_at": "2025-01-06T15:45:00Z",
                        }
                    ],
                    "clarifying_questions": [
                        {
                            "question": "Which of these is true?",
                            "options": ["User was born in Porto", "User was born in Lisbon"],
                        }
                    ],
                    "status": "PENDING",
                    "resolution_data": None,
                    "new_memories": None,
                    "created_at": "2025-02-03T09:12:00Z",
                    "resolved_at": None,
                    "failure_reason": None,
                }
            ]
        }
    )

    id: str = Field(
        validation_alias=AliasChoices("id", "conflict_id"), description="The id of the conflict."
    )
    conflict_id: str = Field(
        validation_alias=AliasChoices("conflict_id", "id"), description="The same id as `id`."
    )
    project_user_session_id: str = Field(description="The session that caused it.")
    proposed_memory_content: str | None = Field(
        default=None, description="The new statement, which is not a memory yet."
    )
    conflicting_memories: list[ConflictingMemory] = Field(
        description="The memories that it contradicts."
    )
    clarifying_questions: list[ClarifyingQuestion] = Field(
        description="The questions whose answers resolve it."
    )
    status: MergeConflictStatus = Field(description="Its status.")
    resolution_data: Object | None = Field(
        default=None, description="The answers as they were given; null before that."
    )
    new_memories: list[ResolvedMemory] | None = Field(
        default=None, description="The memories that its resolution created; null before that."
    )
    created_at: Instant = Field(description="When it was created.")
    resolved_at: Instant | None = Field(default=None, description="When it was resolved.")
    failure_reason: str | None = Field(
        default=None, description="Why applying the answers failed; null if it did not fail."
    )


class MergeConflictEnvelope(Envelope[MergeConflictModel]):
    """Merge conflict."""

    conflict: MergeConflict = Field(description="The merge conflict.")


class MergeConflictList(PageEnvelope[MergeConflictModel]):
    """A page of merge conflicts."""

    conflicts: list[MergeConflict] = Field(description="The merge conflicts of this page.")
    total: int = Field(description="Number of items after filters and before paging.")
    has_more: bool = Field(description="Whether more follow after this page.")
