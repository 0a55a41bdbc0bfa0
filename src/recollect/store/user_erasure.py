"""The verbs that take deleted words out of what stays, for one user."""

from collections.abc import Callable, Collection, Mapping, Set
from datetime import datetime

from recollect.models import DeletionReport, MergeConflictStatus
from recollect.store import rows
from recollect.store.embedders import in_slot, recorded_embedder
from recollect.store.user_provenance import UserProvenance


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
            slot = recorded_embedder(self._run("current_embedder")).slot
            self._run(
                "insert_summary",
                session_id=session_id,
                content=content,
                revision=revision,
                **in_slot(slot, vector),
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

    def withdraw_from_merge_conflicts(
        self, memory_ids: Collection[str], contents: Set[str], now: datetime
    ) -> int:
        """Take the questions about deleted memories, and their answers, out of merge conflicts.

        One that waits for answers and has no question left is put in line to be weighed anew; one
        whose proposed statement is itself deleted goes. contents: of the deleted memories. Returns
        how many changed.
        """
        changed = 0
        for row in self._run("load_merge_conflicts"):
            conflict_id = row["merge_conflict_id"]
            settled = row["status"] == MergeConflictStatus.RESOLVED.value
            if settled and rows.from_json(row["proposed"])["content"] in contents:
                self._run("forget_merge_conflict", merge_conflict_id=conflict_id)
                self._run("delete_merge_conflict", merge_conflict_id=conflict_id)
                changed += 1
                continue
            questions = rows.from_json(row["questions"])
            left = [one for one in questions if one["memory_id"] not in memory_ids]
            if len(left) == len(questions):
                continue
            changed += 1
            asked = {one["question"] for one in left}
            resolution = None if row["resolution"] is None else rows.from_json(row["resolution"])
            if resolution is not None:
                answers = resolution["question_answers"]
                resolution["question_answers"] = [
                    one for one in answers if one["question"] in asked
                ]
            self._run(
                "rewrite_merge_conflict",
                merge_conflict_id=conflict_id,
                questions=rows.to_json(left),
                resolution=None if resolution is None else rows.to_json(resolution),
            )
            if not left and row["status"] == MergeConflictStatus.PENDING.value:
                self.answer_merge_conflict(conflict_id, (), now)
        return changed
