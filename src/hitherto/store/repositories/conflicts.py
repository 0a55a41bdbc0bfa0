"""A user's merge conflicts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from hitherto.core.conflict_answers import already_resolved
from hitherto.core.reconciliation.conflict_redaction import ConflictRedaction, StoredConflict
from hitherto.core.reconciliation.conflict_resolution import AnsweredConflict
from hitherto.errors import (
    MergeConflictAlreadyResolvedError,
    MergeConflictNotFoundError,
)
from hitherto.models import (
    LOCAL_MODEL,
    Candidate,
    MergeConflictAnswer,
    MergeConflictConflictingMemory,
    MergeConflictModel,
    MergeConflictNewMemory,
    MergeConflictQuestion,
    MergeConflictStatus,
    SaidBy,
)
from hitherto.store import rows
from hitherto.store.database import Row
from hitherto.store.repositories.queue import queue_user, requeue_user
from hitherto.store.repositories.user_run import UserRun


class ConflictRows:
    """Merge conflicts of one user."""

    def __init__(self, run: UserRun) -> None:
        self._run = run

    def insert(
        self,
        merge_conflict_id: str,
        session_id: str,
        proposed: Candidate,
        contradicted: Sequence[tuple[str, str]],
        questions: Sequence[MergeConflictQuestion],
        now: datetime,
    ) -> None:
        """Record a contradiction that waits for answers.

        contradicted: (memory id, reason), one for each question, in the same order.
        """
        self._run(
            "insert_merge_conflict",
            merge_conflict_id=merge_conflict_id,
            session_id=session_id,
            proposed=rows.to_json(
                {
                    "content": proposed.content,
                    "event_date_start": rows.to_micros(proposed.event_date_start),
                    "event_date_end": rows.to_micros(proposed.event_date_end),
                    "evidence": list(proposed.evidence),
                    "said_by": proposed.said_by.value,
                    "confidence": proposed.confidence,
                    "model": proposed.model,
                    "prompt_hash": proposed.prompt_hash,
                }
            ),
            questions=rows.to_json(
                [
                    {"question": item.question, "options": item.options, "memory_id": memory_id}
                    for item, (memory_id, _) in zip(questions, contradicted, strict=True)
                ]
            ),
            created_at=rows.to_micros(now),
        )
        self._run.many(
            "insert_merge_conflict_memory",
            (
                {"merge_conflict_id": merge_conflict_id, "memory_id": memory_id, "reason": why}
                for memory_id, why in contradicted
            ),
        )

    def answer(
        self, merge_conflict_id: str, answers: Sequence[MergeConflictAnswer], now: datetime
    ) -> None:
        """Put a conflict in line with its answers. Raises MergeConflictAlreadyResolvedError."""
        resolution = {
            "question_answers": [
                {"question": item.question, "answer": item.answer, "message": item.message}
                for item in answers
            ],
            "answered_at": rows.to_micros(now),
        }
        answered = self._run(
            "answer_merge_conflict",
            merge_conflict_id=merge_conflict_id,
            resolution=rows.to_json(resolution),
            now=rows.to_micros(now),
        )
        if not answered:
            raise already_resolved(merge_conflict_id)
        queue_user(self._run, rows.to_micros(now))
        self._run("announce_work")

    def requeue(self, merge_conflict_id: str, now: datetime) -> MergeConflictModel:
        """Put a FAILED conflict in line again with the answers that it has.

        Raises MergeConflictNotFoundError, MergeConflictAlreadyResolvedError.
        """
        conflict = self.get(merge_conflict_id)
        requeued = self._run(
            "requeue_merge_conflict", merge_conflict_id=conflict.id, now=rows.to_micros(now)
        )
        if not requeued:
            raise MergeConflictAlreadyResolvedError(
                f"Merge conflict {merge_conflict_id} has not failed: its status is "
                f"{conflict.status.value}"
            )
        queue_user(self._run, rows.to_micros(now))
        self._run("announce_work")
        return self.get(merge_conflict_id)

    def answered(
        self, merge_conflict_id: str, session_created_at: datetime
    ) -> AnsweredConflict | None:
        """Return an answered conflict with the input of its resolution; None if it was deleted."""
        records = self._run("get_merge_conflict", merge_conflict_id=merge_conflict_id)
        if not records or records[0]["resolution"] is None:
            return None
        row = records[0]
        proposed, resolution = rows.from_json(row["proposed"]), rows.from_json(row["resolution"])
        questions = rows.from_json(row["questions"])
        return AnsweredConflict(
            merge_conflict_id=merge_conflict_id,
            session_id=row["session_id"],
            session_created_at=session_created_at,
            proposed=Candidate(
                proposed["content"],
                rows.from_micros(proposed["event_date_start"]),
                rows.from_micros(proposed["event_date_end"]),
                tuple(proposed["evidence"]),
                # Conflicts of earlier releases say nothing about these.
                rows.member(SaidBy, proposed.get("said_by", SaidBy.USER)),
                proposed.get("confidence", 1.0),
                model=proposed.get("model", LOCAL_MODEL),
                prompt_hash=proposed.get("prompt_hash"),
            ),
            questions=tuple(_question(item) for item in questions),
            contradicted=tuple(item["memory_id"] for item in questions),
            answers=tuple(MergeConflictAnswer(**item) for item in resolution["question_answers"]),
            answered_at=rows.from_micros(resolution["answered_at"]),
        )

    def add_new_memories(self, merge_conflict_id: str, memory_ids: Iterable[str]) -> None:
        """Note which memories settling a conflict brought."""
        self._run.many(
            "insert_merge_conflict_new_memory",
            (
                {"merge_conflict_id": merge_conflict_id, "memory_id": memory_id}
                for memory_id in memory_ids
            ),
        )

    def all(self) -> list[MergeConflictModel]:
        """Return merge conflicts, newest first."""
        records = self._run("load_merge_conflicts")
        if not records:
            return []
        contradicted: defaultdict[str, list[MergeConflictConflictingMemory]] = defaultdict(list)
        for row in self._run("load_merge_conflict_memories"):
            contradicted[row["merge_conflict_id"]].append(
                MergeConflictConflictingMemory(
                    memory_id=row["memory_id"],
                    content=row["content"],
                    reason=row["reason"],
                    event_date_start=rows.from_micros(row["event_date_start"]),
                    event_date_end=rows.from_micros(row["event_date_end"]),
                    created_at=rows.from_micros(row["created_at"]),
                )
            )
        brought: defaultdict[str, list[MergeConflictNewMemory]] = defaultdict(list)
        for row in self._run("load_merge_conflict_new_memories"):
            brought[row["merge_conflict_id"]].append(
                MergeConflictNewMemory(
                    memory_id=row["memory_id"],
                    content=row["content"],
                    event_date_start=rows.from_micros(row["event_date_start"]),
                    event_date_end=rows.from_micros(row["event_date_end"]),
                    created_at=rows.from_micros(row["created_at"]),
                )
            )
        return [
            _model(row, contradicted[row["merge_conflict_id"]], brought[row["merge_conflict_id"]])
            for row in records
        ]

    def get(self, merge_conflict_id: str) -> MergeConflictModel:
        """Read a merge conflict. Raises MergeConflictNotFoundError."""
        for conflict in self.all():
            if conflict.id == merge_conflict_id:
                return conflict
        raise MergeConflictNotFoundError(f"Merge conflict {merge_conflict_id} not found")

    def stored(self) -> list[StoredConflict]:
        """Return all merge conflicts with their stored texts."""
        created: defaultdict[str, set[str]] = defaultdict(set)
        for row in self._run("load_merge_conflict_new_memories"):
            created[row["merge_conflict_id"]].add(row["memory_id"])
        return [
            _stored(row, created[row["merge_conflict_id"]])
            for row in self._run("load_merge_conflicts")
        ]

    def rewrite(self, redaction: ConflictRedaction) -> None:
        """Replace questions, answers and failure reason of a conflict."""
        conflict_id = redaction.merge_conflict_id
        stored = self._run("get_merge_conflict", merge_conflict_id=conflict_id)[0]["resolution"]
        resolution = None
        if redaction.answers is not None and stored is not None:
            resolution = rows.to_json(
                {**rows.from_json(stored), "question_answers": list(redaction.answers)}
            )
        self._run(
            "rewrite_merge_conflict",
            merge_conflict_id=conflict_id,
            questions=rows.to_json(list(redaction.questions)),
            resolution=resolution,
            failure_reason=redaction.failure_reason,
        )
        requeue_user(self._run)

    def delete(self, merge_conflict_id: str) -> None:
        """Delete a conflict; versions that name it lose its id."""
        self._run("forget_merge_conflict", merge_conflict_id=merge_conflict_id)
        self._run("delete_merge_conflict", merge_conflict_id=merge_conflict_id)
        requeue_user(self._run)

    def notify_workers(self) -> None:
        """Announce answered conflicts to workers."""
        self._run("announce_work")


def _model(
    row: Row,
    contradicted: list[MergeConflictConflictingMemory],
    brought: list[MergeConflictNewMemory],
) -> MergeConflictModel:
    status = rows.member(MergeConflictStatus, row["status"])
    resolution = None if row["resolution"] is None else rows.from_json(row["resolution"])
    return MergeConflictModel(
        id=row["merge_conflict_id"],
        project_user_session_id=row["session_id"],
        proposed_memory_content=rows.from_json(row["proposed"])["content"],
        conflicting_memories=contradicted,
        clarifying_questions=[_question(item) for item in rows.from_json(row["questions"])],
        status=status,
        created_at=rows.from_micros(row["created_at"]),
        resolved_at=rows.optional_instant(row["resolved_at"]),
        new_memories=brought if status is MergeConflictStatus.RESOLVED else None,
        resolution_data=resolution and {"question_answers": resolution["question_answers"]},
        failure_reason=rows.shown_reason(row["failure_reason"]),
    )


def _question(item: Mapping[str, Any]) -> MergeConflictQuestion:
    return MergeConflictQuestion(item["question"], item["options"])


def _stored(row: Row, new_memory_ids: set[str]) -> StoredConflict:
    resolution = None if row["resolution"] is None else rows.from_json(row["resolution"])
    return StoredConflict(
        merge_conflict_id=row["merge_conflict_id"],
        session_id=row["session_id"],
        status=rows.member(MergeConflictStatus, row["status"]),
        proposed=rows.from_json(row["proposed"])["content"],
        questions=rows.from_json(row["questions"]),
        answers=resolution and resolution["question_answers"],
        failure_reason=rows.shown_reason(row["failure_reason"]),
        new_memory_ids=new_memory_ids,
    )
