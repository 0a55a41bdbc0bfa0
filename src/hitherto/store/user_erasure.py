"""The verbs that take deleted words out of what stays, for one user."""

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hitherto.core.history.redaction import Erasure
from hitherto.models import DeletionReport, MergeConflictStatus
from hitherto.store import rows
from hitherto.store.database import Row
from hitherto.store.embedders import in_slot, recorded_embedder
from hitherto.store.user_provenance import UserProvenance


class UserErasure(UserProvenance):
    """Rewrites messages, summaries and merge conflicts of one user, and counts what goes."""

    def contents(self, session_id: str | None, now: datetime) -> DeletionReport:
        """What goes when a session is deleted, or for None the user; memories are versions."""
        name = "count_user_rows" if session_id is None else "count_session_rows"
        more = {} if session_id is None else {"session_id": session_id}
        found = dict(self._run(name, **more)[0])
        return DeletionReport(deleted_at=now, **found)

    def redact_message(self, session_id: str, position: int, content: str) -> None:
        """Give a message another text."""
        self._run("redact_message", session_id=session_id, position=position, content=content)

    def delete_passages(self, session_id: str) -> None:
        """Delete all passages of a session."""
        self._run("delete_passages", session_id=session_id)

    def replace_summary(self, session_id: str, content: str, vector: bytes, revision: int) -> None:
        """Give a session another summary, or none for ""; vector: as stored."""
        self._run("delete_summary", session_id=session_id)
        if content:
            self._run(
                "insert_summary",
                session_id=session_id,
                content=content,
                revision=revision,
                **self._in_current_slot(vector),
            )

    def delete_quarantined(
        self, grounds: Mapping[str, Collection[int]], left: Callable[[str], str]
    ) -> int:
        """Delete what was kept from becoming a memory and says what is deleted; returns how many.

        grounds: by session the messages that deleted memories rest on. left: what is left of a
        text without what is deleted.
        """
        deleted = 0
        for session_id, positions in grounds.items():
            for row in self._run("session_quarantine", session_id=session_id):
                one = rows.to_quarantined(row)
                if set(one.positions) & set(positions) and left(one.content) != one.content:
                    self._run("delete_quarantined", quarantine_id=one.quarantine_id)
                    self._run("count_quarantined", session_id=session_id, added=-1)
                    deleted += 1
        return deleted

    def unprocessed_messages(self) -> list[tuple[str, int, str]]:
        """What was said in sessions that are not processed: session, position, content."""
        found = self._run("load_unprocessed_messages")
        return [(row["session_id"], row["position"], row["content"]) for row in found]

    def interrupt_sessions(self, session_ids: Collection[str]) -> None:
        """Have the work on sessions begun anew, as they are now."""
        for session_id in session_ids:
            self._run("interrupt_session", session_id=session_id)
        if session_ids:
            self._run("announce_work")

    def redact_reasons(
        self, erasure: Erasure, kin: Collection[str], mark: str, revision: int
    ) -> None:
        """Take what quotes deleted memories out of the reasons of memories and of failures.

        kin: the ids of the versions of the same memories that stay.
        """
        for row in self._run("load_failure_reasons"):
            left = erasure.beside(row["failure_reason"], mark)
            if left != row["failure_reason"]:
                session_id = row["session_id"]
                self._run("replace_failure_reason", session_id=session_id, failure_reason=left)
        for row in self._run("load_memory_reasons"):
            found = {
                name: mark
                if row[name]
                and erasure.explains(row[name], row["content"], is_kin=row["memory_id"] in kin)
                else row[name]
                for name in ("reason", "doubt_reason")
            }
            if any(found[name] != row[name] for name in found):
                self._run(
                    "replace_memory_reasons", memory_id=row["memory_id"], revision=revision, **found
                )

    def reword_memory(self, memory_id: str, content: str, vector: bytes, revision: int) -> None:
        """Give a version another content; vector: as stored."""
        self._run(
            "reword_memory",
            memory_id=memory_id,
            content=content,
            revision=revision,
            **self._in_current_slot(vector),
        )

    def _in_current_slot(self, vector: bytes) -> Mapping[str, bytes | None]:
        return in_slot(recorded_embedder(self._run("current_embedder")).slot, vector)

    def withdraw_from_merge_conflicts(
        self,
        memory_ids: Collection[str],
        erasure: Erasure,
        contents: Set[str],
        now: datetime,
        but_in: str | None = None,
    ) -> int:
        """Take deleted memories out of merge conflicts: questions about them, and what says them.

        One that waits for answers and has no question left is put in line to be weighed anew; one
        whose proposed statement is itself deleted goes. contents: of the deleted memories.
        but_in: a session whose conflicts are left alone. Returns how many changed.
        """
        brought = {
            row["merge_conflict_id"]
            for row in self._run("load_merge_conflict_new_memories")
            if row["memory_id"] in memory_ids
        }
        changed = 0
        for row in self._run("load_merge_conflicts"):
            if row["session_id"] == but_in:
                continue
            conflict_id = row["merge_conflict_id"]
            settled = row["status"] == MergeConflictStatus.RESOLVED.value
            proposed = rows.from_json(row["proposed"])["content"]
            if proposed in contents or (
                settled and conflict_id in brought and erasure.says(proposed)
            ):
                self._run("forget_merge_conflict", merge_conflict_id=conflict_id)
                self._run("delete_merge_conflict", merge_conflict_id=conflict_id)
                changed += 1
                continue
            left = _Left.of(row, memory_ids, erasure, is_ground=conflict_id in brought)
            if left.is_all:
                continue
            changed += 1
            self._run("rewrite_merge_conflict", merge_conflict_id=conflict_id, **left.columns)
            if not left.questions and row["status"] == MergeConflictStatus.PENDING.value:
                self.answer_merge_conflict(conflict_id, (), now)
        if changed:
            self._run("announce_work")
        return changed


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left of a merge conflict. is_all: nothing had to go."""

    questions: Sequence[Any]
    columns: Mapping[str, str | None]
    is_all: bool

    @classmethod
    def of(
        cls, row: Row, memory_ids: Collection[str], erasure: Erasure, *, is_ground: bool
    ) -> "_Left":
        """Without deleted memories; is_ground: whether one of them came from its answers."""
        held = rows.from_json(row["questions"])
        questions = [one for one in held if one["memory_id"] not in memory_ids]
        resolution = None if row["resolution"] is None else rows.from_json(row["resolution"])
        if resolution is not None:
            asked = {one["question"] for one in questions}
            strip = erasure.evidence if is_ground else erasure.beside
            resolution["question_answers"] = [
                {**one, "message": one["message"] and strip(one["message"])}
                for one in resolution["question_answers"]
                if one["question"] in asked
            ]
        failure = row["failure_reason"]
        columns = {
            "questions": rows.to_json(questions),
            "resolution": None if resolution is None else rows.to_json(resolution),
            "failure_reason": failure and erasure.beside(failure),
        }
        is_all = (
            len(questions) == len(held)
            and columns["failure_reason"] == failure
            and (
                resolution is None or rows.same_json(resolution, rows.from_json(row["resolution"]))
            )
        )
        return cls(questions, columns, is_all)
