"""Work that was understood: a session or an answered merge conflict, to be weighed and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hitherto.background.dated_plan import DatedPlan
from hitherto.background.plan_writer import Filing, Findings, PlanWriter
from hitherto.core.reconciliation import reconcile
from hitherto.core.reconciliation.conflict_resolution import AnsweredConflict
from hitherto.core.safety import low_trust
from hitherto.core.safety.signs import Sign
from hitherto.inference import Inference
from hitherto.memory_index import UserIndex
from hitherto.models import Candidate, MemoryVersion
from hitherto.store import Work
from hitherto.threads import in_thread

WEIGHED_MEMORIES = 4_000
"""Held memories, the nearest ones, that something new is weighed against: reading one takes rules
0.1 ms. Seven users' 846 memories come out the same when only the nearest 25 are weighed."""


Existing = tuple[Sequence[reconcile.ExistingMemory], NDArray[np.float32]]
"""Memories that something new is weighed against, and the vectors of the new."""


class Job(Protocol):
    """Work that was understood, ready to be weighed against the memories, as often as need be.

    note: what of it was left out, to be shown; None for nothing.
    """

    @property
    def note(self) -> str | None:
        """Return what was left out."""
        ...

    def existing(self, working: UserIndex) -> Existing:
        """Return the memories to weigh against, and all vectors.

        It takes milliseconds: call it on a thread.
        """
        ...

    async def weigh(
        self, inference: Inference, working: UserIndex, existing: Existing
    ) -> DatedPlan:
        """Return what to do, given the memories as they are in this working set."""
        ...

    def write(self, writer: PlanWriter, dated: DatedPlan, filings: Sequence[Filing]) -> None:
        """Write the plan, in the transaction that finishes the work."""
        ...


@dataclass(frozen=True, slots=True)
class SessionJob:
    """A session, and what was found in it."""

    work: Work
    findings: Findings
    conflicts_enabled: bool

    @property
    def note(self) -> str | None:
        """Return what extraction left out."""
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
        held, vectors = existing
        own, quoted = low_trust.split_quoted(self.findings.candidates)
        plan = await inference.reconcile(
            low_trust.without_quoted(held),
            own,
            vectors[: len(own)],
            session_id=self.work.session_id,
            session_date=self.work.created_at,
            conflicts_enabled=self.conflicts_enabled,
        )
        plan, kept = await in_thread(_guarded, plan, working, held, quoted)
        rows = [*range(len(own)), *(len(own) + index for index in kept)]
        contents = [self.findings.candidates[row].content for row in rows]
        said_at = [self.work.created_at] * len(rows)
        return DatedPlan(plan, contents, self.findings.vectors[rows], said_at)

    def write(self, writer: PlanWriter, dated: DatedPlan, filings: Sequence[Filing]) -> None:
        """Write the plan with what was quarantined."""
        writer.write(self.findings, dated.plan, filings)


@dataclass(frozen=True, slots=True)
class ConflictJob:
    """An answered merge conflict, and the statements in the messages of the answers.

    vectors: (1 + statements, dimension), that of the proposed statement first.
    quarantined: statements of those messages that must not become memories.
    """

    contest: AnsweredConflict
    statements: Sequence[Candidate]
    vectors: NDArray[np.float32]
    quarantined: Sequence[tuple[Candidate, Sign]]
    note: str | None = None

    def existing(self, working: UserIndex) -> Existing:
        """Return the memories nearest to the statements, and the contradicted ones."""
        contested = set(self.contest.contradicted)

        def needed(version: MemoryVersion) -> bool:
            return any(one.memory_id in contested for one in working.history(version.memory_id))

        return working.existing_memories(self.vectors, WEIGHED_MEMORIES, needed)

    async def weigh(
        self, inference: Inference, working: UserIndex, existing: Existing
    ) -> DatedPlan:
        """Reconcile the candidates with the memories; the quoted ones are only added."""
        held, vectors = existing
        own, quoted = low_trust.split_quoted(self.statements)
        resolution = await inference.resolve(
            low_trust.without_quoted(held),
            working.versions,
            self.contest,
            own,
            vectors[: 1 + len(own)],
        )
        plan, kept = await in_thread(_guarded, resolution.plan, working, held, quoted)
        candidates = [self.contest.proposed, *self.statements]
        origins = [*resolution.origins, *(1 + len(own) + index for index in kept)]
        return DatedPlan(
            plan,
            [candidates[origin].content for origin in origins],
            self.vectors[origins],
            [*resolution.said_at, *(self.contest.answered_at for _ in kept)],
            resolution.retired,
        )

    def write(self, writer: PlanWriter, dated: DatedPlan, filings: Sequence[Filing]) -> None:
        """Write the plan with what was quarantined."""
        writer.settle(dated.plan, dated.retired, filings)
        writer.quarantine(self.quarantined)


def _guarded(
    plan: reconcile.Plan,
    working: UserIndex,
    held: Sequence[reconcile.ExistingMemory],
    quoted: Sequence[Candidate],
) -> tuple[reconcile.Plan, tuple[int, ...]]:
    """Return the plan in which words of low trust change nothing, as `with_quoted` does."""
    return low_trust.with_quoted(
        low_trust.protect_user_statements(plan, working.versions), held, quoted
    )
