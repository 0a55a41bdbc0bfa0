"""Writes what a session brought: a plan's decisions become rows, in the caller's transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from recollect.core import chains
from recollect.core.reconcile import (
    Decision,
    Ignore,
    Insert,
    Plan,
    Precede,
    RaiseConflict,
    Ref,
    Supersede,
)
from recollect.models import Candidate, Evidence, ExpirationReason, MemoryVersion
from recollect.store import StoredPassage, UserTx, Work
from recollect.working_set import WorkingSet


@dataclass(frozen=True, slots=True)
class Findings:
    """What was understood of a session, before it is weighed against the user's memories.

    vectors: of the candidates, (candidates, dimension). summary_vector: None without a summary.
    """

    candidates: Sequence[Candidate]
    vectors: NDArray[np.float32]
    summary: str
    summary_vector: NDArray[np.float32] | None
    passages: Sequence[StoredPassage]


def rewritten(plan: Plan, findings: Findings) -> dict[int, str]:
    """The decisions whose content is no longer the candidate's own, and needs a vector."""
    return {
        index: decision.candidate.content
        for index, decision in enumerate(plan.decisions)
        if decision.candidate.content != findings.candidates[index].content
    }


class PlanWriter:
    """Carries out one plan in one transaction.

    working: the memories that the plan was made against. new_id, now: for what is written.
    """

    def __init__(
        self,
        user: UserTx,
        work: Work,
        working: WorkingSet,
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

    def write(
        self, findings: Findings, plan: Plan, vectors: Mapping[int, NDArray[np.float32]]
    ) -> None:
        """Insert passages, summary and memories, and carry out the plan's decisions in order.

        vectors: of the decisions' contents, by index.
        """
        self._user.insert_passages(self._work.session_id, findings.passages, self._revision)
        if findings.summary_vector is not None:
            self._user.insert_summary(
                self._work.session_id, findings.summary, findings.summary_vector, self._revision
            )
        for index, decision in enumerate(plan.decisions):
            self._ids.append(self._decide(decision, vectors[index]))
        self._connect(plan)

    def _decide(self, decision: Decision, vector: NDArray[np.float32]) -> str | None:
        """Write one decision; the id of the memory that now says what the candidate says."""
        match decision:
            case Insert():
                return self._insert(decision.candidate, decision.why, vector)
            case Ignore():
                known = self._resolved(decision.because)
                if known is not None:
                    self._user.insert_evidence(
                        known, self._evidence(decision.candidate), self._revision
                    )
                return known
            case Supersede():
                return self._supersede(decision, vector)
            case Precede():
                return self._precede(decision, vector)
            case RaiseConflict():
                self._raise_conflict(decision)
                return None
            case _:
                assert_never(decision)

    def _insert(
        self,
        candidate: Candidate,
        why: str,
        vector: NDArray[np.float32],
        *,
        expired: tuple[datetime, ExpirationReason] | None = None,
    ) -> str:
        memory_id = self._new_id()
        version = MemoryVersion(
            memory_id=memory_id,
            session_id=self._work.session_id,
            content=candidate.content,
            event_date_start=candidate.event_date_start,
            event_date_end=candidate.event_date_end,
            created_at=self._work.created_at,
            expired_at=None if expired is None else expired[0],
            expiration_reason=None if expired is None else expired[1],
            evidence=self._evidence(candidate),
        )
        self._user.insert_memory(version, why, vector, len(self._ids), self._revision)
        self._versions[memory_id] = version
        return memory_id

    def _supersede(self, decision: Supersede, vector: NDArray[np.float32]) -> str | None:
        replaced = [
            memory_id for ref in decision.replaces if (memory_id := self._resolved(ref)) is not None
        ]
        if not replaced:
            return self._insert(decision.candidate, decision.why, vector)
        memory_id = self._insert(decision.candidate, decision.why, vector)
        joined = chains.join(self._versions, memory_id, replaced)
        self._relink({memory_id: joined.previous_id, **joined.relinks})
        for old_id in replaced:
            self._user.expire_memory(old_id, self._now, decision.reason, self._revision)
            self._successors[old_id] = memory_id
        return memory_id

    def _precede(self, decision: Precede, vector: NDArray[np.float32]) -> str:
        expired = (self._now, decision.reason)
        memory_id = self._insert(decision.candidate, decision.why, vector, expired=expired)
        placed = chains.insert_before(
            self._versions, memory_id, decision.successor, self._work.created_at
        )
        self._relink({memory_id: placed.previous_id, **placed.relinks})
        return memory_id

    def _relink(self, links: Mapping[str, str | None]) -> None:
        for memory_id, previous_id in links.items():
            self._user.relink_memory(memory_id, previous_id, self._revision)
            self._versions[memory_id] = replace(self._versions[memory_id], previous_id=previous_id)

    def _raise_conflict(self, decision: RaiseConflict) -> None:
        candidate = decision.candidate
        self._user.insert_merge_conflict(
            self._new_id(),
            self._work.session_id,
            {
                "content": candidate.content,
                "event_date_start": candidate.event_date_start.isoformat(),
                "event_date_end": candidate.event_date_end.isoformat(),
                "evidence": list(candidate.evidence),
            },
            [
                (memory_id, item.why)
                for item in decision.contradicted
                if (memory_id := self._resolved(item.ref)) is not None
            ],
            decision.questions,
            self._now,
        )

    def _connect(self, plan: Plan) -> None:
        pairs = set()
        for one, other in plan.connections:
            here, there = self._resolved(one), self._resolved(other)
            if here is not None and there is not None:
                pairs.add((self._latest(here), self._latest(there)))
        # What was connected with a superseded version is connected with its successor.
        for old_id, new_id in self._successors.items():
            row = self._working.memory_rows.get(old_id)
            for other_row in () if row is None else self._working.connections.get(row, ()):
                pairs.add((new_id, self._latest(self._working.memory_ids[other_row])))
        self._user.insert_connections(sorted(pairs), self._revision)

    def _latest(self, memory_id: str) -> str:
        while memory_id in self._successors:
            memory_id = self._successors[memory_id]
        return memory_id

    def _resolved(self, ref: Ref) -> str | None:
        return self._ids[ref] if isinstance(ref, int) else ref

    def _evidence(self, candidate: Candidate) -> tuple[Evidence, ...]:
        return tuple(Evidence(self._work.session_id, at) for at in candidate.evidence)
