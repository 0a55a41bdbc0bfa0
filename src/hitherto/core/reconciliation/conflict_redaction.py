"""Redaction of merge conflicts when memories are deleted."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from hitherto.core.history.redaction import Redactor
from hitherto.models import MergeConflictStatus


@dataclass(frozen=True, slots=True)
class StoredConflict:
    """A merge conflict with its stored texts.

    proposed: content of the proposed statement. questions: each with `question`, `options` and
    `memory_id`. answers: each with `question`, `answer` and `message`; None before it is answered.
    new_memory_ids: ids of the memories that its answers created.
    """

    merge_conflict_id: str
    session_id: str
    status: MergeConflictStatus
    proposed: str
    questions: Sequence[Mapping[str, Any]]
    answers: Sequence[Mapping[str, Any]] | None
    failure_reason: str | None
    new_memory_ids: Set[str]


@dataclass(frozen=True, slots=True)
class ConflictRedaction:
    """Change of a merge conflict.

    is_deleted: the conflict is deleted with the statement that it proposed. is_due: it waited for
    answers and has no question left, so the proposed statement is to be reconciled again.
    """

    merge_conflict_id: str
    questions: Sequence[Mapping[str, Any]] = ()
    answers: Sequence[Mapping[str, Any]] | None = None
    failure_reason: str | None = None
    is_deleted: bool = False
    is_due: bool = False


def redact_conflicts(
    conflicts: Iterable[StoredConflict],
    memory_ids: Collection[str],
    redactor: Redactor,
    contents: Set[str],
) -> Iterator[ConflictRedaction]:
    """Yield the change of each conflict that refers to deleted memories.

    memory_ids, contents: of the deleted versions. Questions about them are removed, and every
    sentence that states them is redacted. A conflict is deleted with its proposed statement.
    """
    for conflict in conflicts:
        is_ground = not conflict.new_memory_ids.isdisjoint(memory_ids)
        is_resolved = conflict.status is MergeConflictStatus.RESOLVED
        if conflict.proposed in contents or (
            is_resolved and is_ground and redactor.states(conflict.proposed)
        ):
            yield ConflictRedaction(conflict.merge_conflict_id, is_deleted=True)
            continue
        redaction = _without_memories(conflict, memory_ids, redactor, is_ground=is_ground)
        if redaction is not None:
            yield redaction


def _without_memories(
    conflict: StoredConflict, memory_ids: Collection[str], redactor: Redactor, *, is_ground: bool
) -> ConflictRedaction | None:
    """Return the conflict without deleted memories; None if nothing changes.

    is_ground: a deleted memory came from its answers, so their messages are evidence.
    """
    questions = [item for item in conflict.questions if item["memory_id"] not in memory_ids]
    answers: Sequence[Mapping[str, Any]] | None = None
    if conflict.answers is not None:
        remaining = {item["question"] for item in questions}
        redact = redactor.redact_evidence if is_ground else redactor.redact
        answers = [
            {**item, "message": item["message"] and redact(item["message"])}
            for item in conflict.answers
            if item["question"] in remaining
        ]
    failure_reason = conflict.failure_reason and redactor.redact(conflict.failure_reason)
    if (
        len(questions) == len(conflict.questions)
        and failure_reason == conflict.failure_reason
        and answers == conflict.answers
    ):
        return None
    is_due = not questions and conflict.status is MergeConflictStatus.PENDING
    return ConflictRedaction(
        conflict.merge_conflict_id, questions, answers, failure_reason, is_due=is_due
    )
