"""Write a plan's decisions as rows, in the caller's transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hitherto.core.history import version_chains
from hitherto.core.reconciliation.doubt import Doubt
from hitherto.core.reconciliation.reconcile import (
    Decision,
    Ignore,
    Insert,
    InsertHistorical,
    Plan,
    RaiseConflict,
    Ref,
    Supersede,
)
from hitherto.core.safety.injection_patterns import QuarantineReason
from hitherto.errors import InternalServerError
from hitherto.memory_index import UserIndex
from hitherto.models import (
    Candidate,
    Evidence,
    ExpirationReason,
    MemoryVersion,
    MergeConflictModel,
    MergeConflictStatus,
    Quarantined,
    SaidBy,
    WebhookEventType,
)
from hitherto.store import StoredPassage, UserRows, Work


@dataclass(frozen=True, slots=True)
class Findings:
    """Results of extraction, before reconciliation.

    read_in: zone in which the session's days were read; None if none was given. vectors: of the
    candidates, (candidates, dimension). summary_vector: None without a summary.
    quarantined: statements that must not become memories, each with the reason. note: on statements
    that were left out, for the session.
    """

    read_in: ZoneInfo | None
    candidates: Sequence[Candidate]
    vectors: NDArray[np.float32]
    summary: str
    summary_vector: NDArray[np.float32] | None
    passages: Sequence[StoredPassage]
    quarantined: Sequence[tuple[Candidate, QuarantineReason]] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class StoredFields:
    """Stored fields of a decision's content: vector, categories, date."""

    vector: NDArray[np.float32]
    category_ids: Sequence[str]
    said_at: datetime


def rewritten_contents(plan: Plan, contents: Sequence[str]) -> dict[int, str]:
    """Return, by index, contents of decisions that differ from their candidates' contents.

    Such a content needs a vector. contents: of the decisions' candidates, in the same order.
    """
    return {
        index: decision.candidate.content
        for index, decision in enumerate(plan.decisions)
        if decision.candidate.content != contents[index]
    }


class PlanWriter:
    """Carries out one plan in one transaction.

    working: the memories that the plan was made against. new_id, now: for new rows.
    """

    def __init__(
        self,
        user: UserRows,
        work: Work,
        working: UserIndex,
        new_id: Callable[[], str],
        now: datetime,
    ) -> None:
        self._user = user
        self._work = work
        self._working = working
        self._new_id = new_id
        self._now = now
        self._revision = user.advance(removed=False)
        self._versions = dict(working.versions)
        self._ids: list[str | None] = []
        self._successors: dict[str, str] = {}
        self._final: dict[str, str] = {}
        self._unresolved: dict[str, list[Set[str]]] | None = None
        self._added: list[str] = []

    def write(self, findings: Findings, plan: Plan, stored_fields: Sequence[StoredFields]) -> None:
        """Insert passages and summary, and carry out the plan's decisions in order.

        stored_fields: one for each decision.
        """
        self._user.sessions.note_read_in(self._work.session_id, findings.read_in)
        self._user.passages.insert(self._work.session_id, findings.passages, self._revision)
        if findings.summary_vector is not None:
            self._user.summaries.insert(
                self._work.session_id, findings.summary, findings.summary_vector, self._revision
            )
        self._carry_out(plan, stored_fields)
        self.quarantine(findings.quarantined)
        self._announce(WebhookEventType.SESSION_PROCESSED, None)

    def quarantine(self, statements: Sequence[tuple[Candidate, QuarantineReason]]) -> None:
        """Insert statements of the job's session into the quarantine, each with its reason."""
        quarantined = [
            Quarantined(
                self._new_id(),
                self._work.session_id,
                candidate.content,
                quarantine_reason.kind,
                quarantine_reason.quote,
                candidate.said_by,
                candidate.evidence,
                self._now,
            )
            for candidate, quarantine_reason in statements
        ]
        self._user.quarantine.insert(self._work.session_id, quarantined)

    def doubt(self, doubts: Sequence[Doubt]) -> None:
        """Mark the memories that the plan makes doubtful; its decisions must be written before."""
        for doubt in doubts:
            cause = self._resolved(doubt.cause)
            if cause is not None:
                self._user.memories.doubt(
                    doubt.memory_id, cause, doubt.reason, doubt.since, self._revision
                )

    def write_resolution(
        self, plan: Plan, retired: Sequence[str], stored_fields: Sequence[StoredFields]
    ) -> None:
        """Carry out the plan for an answered merge conflict.

        retired: memories to expire without a successor. stored_fields: one for each decision.
        """
        conflict_id = self._work.merge_conflict_id
        if conflict_id is None:
            raise InternalServerError(f"{self._work} is no merge conflict")
        self._carry_out(plan, stored_fields)
        for memory_id in retired:
            self._expire(memory_id, ExpirationReason.MERGE_CONFLICT)
        self._user.conflicts.add_new_memories(conflict_id, self._added)
        self._announce(WebhookEventType.MERGE_CONFLICT_RESOLVED, conflict_id)

    def _announce(self, event_type: WebhookEventType, merge_conflict_id: str | None) -> None:
        self._user.outbox.announce(
            event_type, self._work.session_id, merge_conflict_id, self._new_id, self._now
        )

    def _carry_out(self, plan: Plan, stored_fields: Sequence[StoredFields]) -> None:
        for decision, fields in zip(plan.decisions, stored_fields, strict=True):
            self._ids.append(self._write_decision(decision, fields))
        self._connect(plan)

    def _write_decision(self, decision: Decision, fields: StoredFields) -> str | None:
        """Write a decision; return the id of the memory that states the candidate now, if any."""
        match decision:
            case Insert():
                return self._insert(decision.candidate, decision.why, fields)
            case Ignore():
                memory_id = self._resolved(decision.because)
                if memory_id is not None:
                    self._confirm(memory_id, decision.candidate, fields.said_at)
                return memory_id
            case Supersede():
                return self._supersede(decision, fields)
            case InsertHistorical():
                return self._insert_historical(decision, fields)
            case RaiseConflict():
                self._raise_conflict(decision)
                return None
            case _:
                assert_never(decision)

    def _confirm(self, memory_id: str, candidate: Candidate, said_at: datetime) -> None:
        """Add a restatement as evidence of a memory; lift the doubt if it clears it."""
        self._user.memories.add_evidence(memory_id, self._evidence(candidate), self._revision)
        version = self._versions.get(memory_id)
        doubted_at = None if version is None else version.doubted_at
        said_by = candidate.said_by
        if doubted_at is not None and _clears_doubt(said_by, said_at, doubted_at):
            self._user.memories.lift_doubt(memory_id, self._revision)

    def _keep_doubt(self, memory_id: str, replaced: Sequence[str], said_at: datetime) -> None:
        """Copy the doubt of replaced versions to a fuller one, unless that clears it."""
        said_by = self._versions[memory_id].said_by
        for old in (self._versions[old_id] for old_id in replaced):
            if old.doubted_by is None or old.doubted_at is None:
                continue
            if not _clears_doubt(said_by, said_at, old.doubted_at):
                reason = old.doubt_reason or ""
                self._user.memories.doubt(
                    memory_id, old.doubted_by, reason, old.doubted_at, self._revision
                )

    def _insert(
        self,
        candidate: Candidate,
        why: str,
        fields: StoredFields,
        *,
        expired: ExpirationReason | None = None,
    ) -> str:
        memory_id = self._new_id()
        version = MemoryVersion(
            memory_id=memory_id,
            session_id=self._work.session_id,
            content=candidate.content,
            event_date_start=candidate.event_date_start,
            event_date_end=candidate.event_date_end,
            created_at=fields.said_at,
            expired_at=None if expired is None else self._now,
            expiration_reason=expired,
            merge_conflict_id=self._conflict_behind(expired),
            evidence=self._evidence(candidate),
            said_by=candidate.said_by,
            confidence=candidate.confidence,
            model=candidate.model,
            prompt_hash=candidate.prompt_hash,
        )
        self._user.memories.insert(version, why, fields.vector, len(self._ids), self._revision)
        self._user.memories.add_categories(memory_id, fields.category_ids)
        self._versions[memory_id] = version
        self._added.append(memory_id)
        return memory_id

    def _supersede(self, decision: Supersede, fields: StoredFields) -> str | None:
        replaced = [
            memory_id for ref in decision.replaces if (memory_id := self._resolved(ref)) is not None
        ]
        memory_id = self._insert(decision.candidate, decision.why, fields)
        if not replaced:
            return memory_id
        links = version_chains.join(self._versions, memory_id, replaced)
        self._relink({memory_id: links.previous_id, **links.relinks})
        if decision.reason is ExpirationReason.ADDITION_TO_EXISTING_MEMORY:
            self._keep_doubt(memory_id, replaced, fields.said_at)
        for old_id in replaced:
            self._expire(old_id, decision.reason)
            self._successors[old_id] = memory_id
        return memory_id

    def _insert_historical(self, decision: InsertHistorical, fields: StoredFields) -> str:
        memory_id = self._insert(decision.candidate, decision.why, fields, expired=decision.reason)
        links = version_chains.insert_before(
            self._versions, memory_id, decision.successor, fields.said_at
        )
        self._relink({memory_id: links.previous_id, **links.relinks})
        return memory_id

    def _relink(self, links: Mapping[str, str | None]) -> None:
        for memory_id, previous_id in links.items():
            self._user.memories.relink(memory_id, previous_id, self._revision)
            self._versions[memory_id] = replace(self._versions[memory_id], previous_id=previous_id)

    def _expire(self, memory_id: str, reason: ExpirationReason) -> None:
        self._user.memories.expire(
            memory_id, self._now, reason, self._revision, self._conflict_behind(reason)
        )

    def _conflict_behind(self, reason: ExpirationReason | None) -> str | None:
        """Return the id of the conflict being resolved, if it is the reason."""
        of_conflict = reason is ExpirationReason.MERGE_CONFLICT
        return self._work.merge_conflict_id if of_conflict else None

    def _raise_conflict(self, decision: RaiseConflict) -> None:
        contradictions = [
            (memory_id, item.why, question)
            for item, question in zip(decision.contradicted, decision.questions, strict=True)
            if (memory_id := self._resolved(item.ref)) is not None
        ]
        contradicted = frozenset(memory_id for memory_id, _, _ in contradictions)
        if self._unresolved is None:
            self._unresolved = _unresolved_proposals(self._user.conflicts.all())
        earlier = self._unresolved.setdefault(decision.candidate.content.casefold(), [])
        if any(contradicted <= other for other in earlier):
            return
        earlier.append(contradicted)
        conflict_id = self._new_id()
        self._user.conflicts.insert(
            conflict_id,
            self._work.session_id,
            decision.candidate,
            [(memory_id, why) for memory_id, why, _ in contradictions],
            [question for _, _, question in contradictions],
            self._now,
        )
        self._announce(WebhookEventType.MERGE_CONFLICT_CREATED, conflict_id)

    def _connect(self, plan: Plan) -> None:
        pairs = set()
        for left, right in plan.connections:
            left_id, right_id = self._resolved(left), self._resolved(right)
            if left_id is not None and right_id is not None:
                pairs.add((self._latest(left_id), self._latest(right_id)))
        # The successor of a superseded version takes over its connections.
        for old_id, new_id in self._successors.items():
            row = self._working.memory_rows.get(old_id)
            for other_row in () if row is None else self._working.connections.get(row, ()):
                pairs.add((new_id, self._latest(self._working.memory_ids[other_row])))
        self._user.memories.connect(sorted(pairs), self._revision)

    def _latest(self, memory_id: str) -> str:
        """Return the final successor of a memory; called after all decisions are written."""
        superseded = []
        while memory_id in self._successors:
            superseded.append(memory_id)
            # Each chain of successors is walked once.
            memory_id = self._final.get(memory_id, self._successors[memory_id])
        self._final.update(dict.fromkeys(superseded, memory_id))
        return memory_id

    def _resolved(self, ref: Ref) -> str | None:
        return self._ids[ref] if isinstance(ref, int) else ref

    def _evidence(self, candidate: Candidate) -> tuple[Evidence, ...]:
        return tuple(Evidence(self._work.session_id, at) for at in candidate.evidence)


def _clears_doubt(said_by: SaidBy, said_at: datetime, doubted_at: datetime) -> bool:
    """Return whether a restatement clears a doubt: only the user can, and only after the change."""
    return said_by is SaidBy.USER and said_at > doubted_at


def _unresolved_proposals(conflicts: Iterable[MergeConflictModel]) -> dict[str, list[Set[str]]]:
    """Return the proposals of unresolved conflicts with the ids that they contradict."""
    proposals: dict[str, list[Set[str]]] = {}
    for conflict in conflicts:
        if conflict.status is not MergeConflictStatus.RESOLVED:
            proposed = (conflict.proposed_memory_content or "").casefold()
            contradicted = frozenset(memory.memory_id for memory in conflict.conflicting_memories)
            proposals.setdefault(proposed, []).append(contradicted)
    return proposals
