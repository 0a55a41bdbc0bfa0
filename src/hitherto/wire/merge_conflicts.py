"""Merge conflicts on the wire."""

from collections.abc import Sequence

from pydantic import AliasChoices, ConfigDict, Field

from hitherto.api import Page
from hitherto.models import (
    MergeConflictAnswer,
    MergeConflictConflictingMemory,
    MergeConflictModel,
    MergeConflictNewMemory,
    MergeConflictQuestion,
    MergeConflictStatus,
)
from hitherto.wire.fields import (
    EXAMPLE_CONFLICT_ID,
    EXAMPLE_MEMORY_ID,
    EXAMPLE_SESSION_ID,
    Instant,
    Object,
    WireModel,
)


class QuestionAnswer(WireModel):
    """The option chosen for one question."""

    question: str = Field(description="The question, word for word.")
    answer: str = Field(description="One of its options, word for word.")
    message: str | None = Field(default=None, description="What else the person said about it.")


class QuestionAnswers(WireModel):
    """The answers to all questions of a merge conflict."""

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

    @classmethod
    def from_models(cls, answers: Sequence[MergeConflictAnswer]) -> "QuestionAnswers":
        """The JSON of answers."""
        return cls(
            question_answers=[
                QuestionAnswer(question=item.question, answer=item.answer, message=item.message)
                for item in answers
            ]
        )

    def to_models(self) -> list[MergeConflictAnswer]:
        """The answers that the JSON describes."""
        return [
            MergeConflictAnswer(item.question, item.answer, item.message)
            for item in self.question_answers
        ]


class ResolveMergeConflict(WireModel):
    """The answers, in the envelope in which the released clients send them."""

    answers: QuestionAnswers = Field(description="The answers to all questions.")

    @classmethod
    def from_models(cls, answers: Sequence[MergeConflictAnswer]) -> "ResolveMergeConflict":
        """The JSON of answers, wrapped."""
        return cls(answers=QuestionAnswers.from_models(answers))

    def to_models(self) -> list[MergeConflictAnswer]:
        """The answers in it."""
        return self.answers.to_models()


class ConflictingMemory(WireModel):
    """A held memory that a proposed one contradicts, and why."""

    memory_id: str = Field(description="The id of the memory.")
    content: str = Field(description="What is remembered.")
    reason: str = Field(description="Why the two cannot both hold.")
    event_date_start: Instant = Field(description="The first day of what is described.")
    event_date_end: Instant = Field(description="The end of its last day.")
    created_at: Instant = Field(description="When it was said.")


class ClarifyingQuestion(WireModel):
    """A multiple-choice question whose answer settles a conflict."""

    question: str = Field(description="The question.")
    options: list[str] = Field(description="What may be answered.")


class ResolvedMemory(WireModel):
    """A memory that the settlement of a conflict brought."""

    memory_id: str = Field(description="The id of the memory.")
    content: str = Field(description="What is remembered.")
    event_date_start: Instant = Field(description="The first day of what is described.")
    event_date_end: Instant = Field(description="The end of its last day.")
    created_at: Instant = Field(description="When it was said.")


class MergeConflict(WireModel):
    """Two statements that cannot both hold and that time does not explain."""

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
        validation_alias=AliasChoices("conflict_id", "id"), description="The same id again."
    )
    project_user_session_id: str = Field(description="The session in which it arose.")
    proposed_memory_content: str | None = Field(
        default=None, description="What was said now and is not a memory yet."
    )
    conflicting_memories: list[ConflictingMemory] = Field(
        description="The memories that it contradicts."
    )
    clarifying_questions: list[ClarifyingQuestion] = Field(
        description="The questions whose answers settle it."
    )
    status: MergeConflictStatus = Field(description="Where it stands.")
    resolution_data: Object | None = Field(
        default=None, description="The answers as they were given; null before."
    )
    new_memories: list[ResolvedMemory] | None = Field(
        default=None, description="The memories that its settlement brought; null before."
    )
    created_at: Instant = Field(description="When it arose.")
    resolved_at: Instant | None = Field(default=None, description="When it was settled.")
    failure_reason: str | None = Field(
        default=None, description="Why applying the answers failed; null if that did not happen."
    )

    @classmethod
    def from_model(cls, conflict: MergeConflictModel) -> "MergeConflict":
        """The JSON of a merge conflict."""
        return cls(
            id=conflict.id,
            conflict_id=conflict.id,
            project_user_session_id=conflict.project_user_session_id,
            proposed_memory_content=conflict.proposed_memory_content,
            conflicting_memories=[
                ConflictingMemory(
                    memory_id=item.memory_id,
                    content=item.content,
                    reason=item.reason,
                    event_date_start=item.event_date_start,
                    event_date_end=item.event_date_end,
                    created_at=item.created_at,
                )
                for item in conflict.conflicting_memories
            ],
            clarifying_questions=[
                ClarifyingQuestion(question=item.question, options=item.options)
                for item in conflict.clarifying_questions
            ],
            status=conflict.status,
            resolution_data=conflict.resolution_data,
            new_memories=_new_memories(conflict),
            created_at=conflict.created_at,
            resolved_at=conflict.resolved_at,
            failure_reason=conflict.failure_reason,
        )

    def to_model(self) -> MergeConflictModel:
        """The merge conflict that the JSON describes."""
        return MergeConflictModel(
            id=self.id,
            project_user_session_id=self.project_user_session_id,
            proposed_memory_content=self.proposed_memory_content,
            conflicting_memories=[
                MergeConflictConflictingMemory(
                    memory_id=item.memory_id,
                    content=item.content,
                    reason=item.reason,
                    event_date_start=item.event_date_start,
                    event_date_end=item.event_date_end,
                    created_at=item.created_at,
                )
                for item in self.conflicting_memories
            ],
            clarifying_questions=[
                MergeConflictQuestion(item.question, item.options)
                for item in self.clarifying_questions
            ],
            status=self.status,
            created_at=self.created_at,
            resolved_at=self.resolved_at,
            new_memories=None
            if self.new_memories is None
            else [
                MergeConflictNewMemory(
                    memory_id=item.memory_id,
                    content=item.content,
                    event_date_start=item.event_date_start,
                    event_date_end=item.event_date_end,
                    created_at=item.created_at,
                )
                for item in self.new_memories
            ],
            resolution_data=self.resolution_data,
            failure_reason=self.failure_reason,
        )


def _new_memories(conflict: MergeConflictModel) -> list[ResolvedMemory] | None:
    if conflict.new_memories is None:
        return None
    return [
        ResolvedMemory(
            memory_id=item.memory_id,
            content=item.content,
            event_date_start=item.event_date_start,
            event_date_end=item.event_date_end,
            created_at=item.created_at,
        )
        for item in conflict.new_memories
    ]


class MergeConflictEnvelope(WireModel):
    """One merge conflict."""

    conflict: MergeConflict = Field(description="The merge conflict.")

    @classmethod
    def from_model(cls, conflict: MergeConflictModel) -> "MergeConflictEnvelope":
        """The JSON of a merge conflict, wrapped."""
        return cls(conflict=MergeConflict.from_model(conflict))

    def to_model(self) -> MergeConflictModel:
        """The merge conflict in it."""
        return self.conflict.to_model()


class MergeConflictList(WireModel):
    """A page of merge conflicts."""

    conflicts: list[MergeConflict] = Field(description="The merge conflicts of this page.")
    total: int = Field(description="How many there are after filters and before paging.")
    has_more: bool = Field(description="Whether more follow after this page.")

    @classmethod
    def from_model(cls, page: Page[MergeConflictModel]) -> "MergeConflictList":
        """The JSON of a page."""
        conflicts = [MergeConflict.from_model(conflict) for conflict in page.items]
        return cls(conflicts=conflicts, total=page.total, has_more=page.has_more)

    def to_model(self) -> Page[MergeConflictModel]:
        """The page that the JSON describes."""
        conflicts = [conflict.to_model() for conflict in self.conflicts]
        return Page(conflicts, self.total, self.has_more)
