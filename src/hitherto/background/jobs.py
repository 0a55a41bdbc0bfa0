"""Extracted sessions and answered merge conflicts, to be reconciled and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hitherto.background.dated_plan import DatedPlan
from hitherto.background.plan_writer import Findings, PlanWriter, StoredFields
from hitherto.core.dates.formatting import in_zone
from hitherto.core.reconciliation import reconcile
from hitherto.core.reconciliation.conflict_resolution import AnsweredConflict
from hitherto.core.safety import low_trust
from hitherto.core.safety.injection_patterns import QuarantineReason
from hitherto.inference import Inference
from hitherto.memory_index import UserIndex
from hitherto.models import Candidate, MemoryVersion
from hitherto.store import Work
from hitherto.threads import in_thread

WEIGHED_MEMORIES = 4_000
"""Maximum existing memories that a job is weighed against, the nearest ones.

Rules take 0.1 ms for each. Seven users' 846 memories come out the same with only the nearest 25.
"""

Existing = tuple[Sequence[reconcile.ExistingMemory], NDArray[np.float32]]
"""Memories that a job is weighed against, and all vectors of the job."""


class Job(Protocol):
    """Extracted work, weighed against the memories once, or again if they change meanwhile."""

    @property
    def note(self) -> str | None:
        """Return a note on statements that were left out, or None."""
        ...

    def existing(self, working: UserIndex) -> Existing:
        """Return the memories to weigh against, and all vectors.

        It takes milliseconds: call it on a thread.
        """
        ...

    async def weigh(
        self, inference: Inference, working: UserIndex, existing: Existing
    ) -> DatedPlan:
        """Return the plan, given the memories of this index."""
        ...

    def write(
        self, writer: PlanWriter, dated: DatedPlan, stored_fields: Sequence[StoredFields]
    ) -> None:
        """Write the plan, in the transaction that finishes the work."""
        ...


@dataclass(frozen=True, slots=True)
class SessionJob:
    """A session, and the results of its extraction."""

    work: Work
    findings: Findings
    conflicts_enabled: bool

    @property
    def note(self) -> str | None:
        """Return the note of the extraction."""
        return self.findings.note

    def existing(self, working: UserIndex) -> Existing:
        """Return the memories nearest to the candidates, and those of the same session."""
        session_id = self.work.session_id
        return working.existing_memories(
            self.findings.vectors,
            WEIGHED_MEMORIES,
            lambda version: version.session_id == session_id,
        )

    async def weigh(
        self, inference: Inference, working: UserIndex, existing: Existing
    ) -> DatedPlan:
        """Reconcile the candidates with the memories; the quoted ones are only added."""
        memories, vectors = existing
        said_at = in_zone(self.work.created_at, self.findings.read_in or UTC)
        own, quoted = low_trust.split_quoted(self.findings.candidates)
        plan = await inference.reconcile(
            low_trust.without_quoted(memories),
            own,
            vectors[: len(own)],
            session_id=self.work.session_id,
            session_date=said_at,
            conflicts_enabled=self.conflicts_enabled,
        )
        plan, kept = await in_thread(_guarded, plan, working, memories, quoted)
        rows = [*range(len(own)), *(len(own) + index for index in kept)]
        contents = [self.findings.candidates[row].content for row in rows]
        return DatedPlan(plan, contents, self.findings.vectors[rows], [said_at] * len(rows))

    def write(
        self, writer: PlanWriter, dated: DatedPlan, stored_fields: Sequence[StoredFields]
    ) -> None:
        """Write the plan and the quarantined statements."""
        writer.write(self.findings, dated.plan, stored_fields)


@dataclass(frozen=True, slots=True)
class ConflictJob:
    """An answered merge conflict, and the statements in the comments on the answers.

    vectors: (1 + statements, dimension), that of the proposed statement first.
    quarantined: statements of those comments that must not become memories.
    """

    conflict: AnsweredConflict
    statements: Sequence[Candidate]
    vectors: NDArray[np.float32]
    quarantined: Sequence[tuple[Candidate, QuarantineReason]]
    note: str | None = None

    def existing(self, working: UserIndex) -> Existing:
        """Return the memories nearest to the statements, and the contradicted ones."""
        contradicted = set(self.conflict.contradicted)

        def is_contradicted(version: MemoryVersion) -> bool:
            history = working.history(version.memory_id)
            return any(version.memory_id in contradicted for version in history)

        return working.existing_memories(self.vectors, WEIGHED_MEMORIES, is_contradicted)

    async def weigh(
        self, inference: Inference, working: UserIndex, existing: Existing
    ) -> DatedPlan:
        """Reconcile the candidates with the memories; the quoted ones are only added."""
        memories, vectors = existing
        own, quoted = low_trust.split_quoted(self.statements)
        resolution = await inference.resolve(
            low_trust.without_quoted(memories),
            working.versions,
            self.conflict,
            own,
            vectors[: 1 + len(own)],
        )
        plan, kept = await in_thread(_guarded, resolution.plan, working, memories, quoted)
        candidates = [self.conflict.proposed, *self.statements]
        origins = [*resolution.origins, *(1 + len(own) + index for index in kept)]
        return DatedPlan(
            plan,
            [candidates[origin].content for origin in origins],
            self.vectors[origins],
            [*resolution.said_at, *(self.conflict.answered_at for _ in kept)],
            resolution.retired,
        )

    def write(
        self, writer: PlanWriter, dated: DatedPlan, stored_fields: Sequence[StoredFields]
    ) -> None:
        """Write the plan and the quarantined statements."""
        writer.write_resolution(dated.plan, dated.retired, stored_fields)
        writer.quarantine(self.quarantined)


def _guarded(
    plan: reconcile.Plan,
    working: UserIndex,
    memories: Sequence[reconcile.ExistingMemory],
    quoted: Sequence[Candidate],
) -> tuple[reconcile.Plan, tuple[int, ...]]:
    """Return the plan where statements of low trust change nothing, as `with_quoted` does."""
    return low_trust.with_quoted(
        low_trust.protect_user_statements(plan, working.versions), memories, quoted
    )
