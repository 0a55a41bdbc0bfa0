"""Resolve a merge conflict: turn answers into decisions about memories.

Each existing memory is judged by the answer to its own question. The proposed statement is kept
only if no answer contradicts it. Further statements in the comments on the answers are reconciled
as if they came from a session of that day, and are kept unless they contradict an affirmed memory.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hitherto.core.dates.formatting import in_zone
from hitherto.core.reconciliation.conflict_questions import BOTH, NEITHER
from hitherto.core.reconciliation.reconcile import (
    Decision,
    ExistingMemory,
    Ignore,
    Insert,
    InsertHistorical,
    Plan,
    RaiseConflict,
    Ref,
    Supersede,
    reconcile,
)
from hitherto.core.statements.comparison import covers
from hitherto.core.statements.learned import StatementModel
from hitherto.core.statements.reader import read, read_candidate
from hitherto.models import (
    Candidate,
    ExpirationReason,
    MemoryVersion,
    MergeConflictAnswer,
    MergeConflictQuestion,
)

_PROPOSED = "proposed"
"""Id of the proposed statement among existing memories, until it has one; ids are UUIDs."""


class Verdict(StrEnum):
    """Meaning of an answer for the existing memory and the proposed statement."""

    HELD = "held"
    PROPOSED = "proposed"
    BOTH = "both"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class AnsweredConflict:
    """A merge conflict with its answers.

    contradicted: for each question the memory that it is about, by the id of that time.
    session_created_at: of the session that proposed the statement.
    """

    merge_conflict_id: str
    session_id: str
    session_created_at: datetime
    proposed: Candidate
    questions: tuple[MergeConflictQuestion, ...]
    contradicted: tuple[str, ...]
    answers: tuple[MergeConflictAnswer, ...]
    answered_at: datetime

    def verdicts(self) -> tuple[Verdict, ...]:
        """Return the verdicts in the order of the questions."""
        chosen = {answer.question: answer.answer for answer in self.answers}
        return tuple(self._verdict(chosen[question.question]) for question in self.questions)

    def _verdict(self, answer: str) -> Verdict:
        if answer == self.proposed.content:
            return Verdict.PROPOSED
        return {BOTH: Verdict.BOTH, NEITHER: Verdict.NEITHER}.get(answer, Verdict.HELD)

    def messages(self) -> tuple[str, ...]:
        """Return the comments on the answers that are not blank."""
        comments = (answer.message for answer in self.answers)
        return tuple(message for message in comments if message is not None and message.strip())


@dataclass(frozen=True, slots=True)
class Resolution:
    """Decisions and retired memories. For each decision of the plan:

    origins: 0 for the proposed statement, else the number of the further statement, from 1.
    said_at: when it was said.
    retired: existing memories that are not true and have no successor.
    """

    plan: Plan
    origins: tuple[int, ...]
    said_at: tuple[datetime, ...]
    retired: tuple[str, ...]


@dataclass(slots=True)
class _ResolutionState:
    """State of a resolution while it is built."""

    model: StatementModel
    affirmed: list[str] = field(default_factory=list)
    refuted: list[str] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)
    said_at: list[datetime] = field(default_factory=list)
    connections: list[tuple[Ref, Ref]] = field(default_factory=list)

    def add(self, decision: Decision, origin: int, said_at: datetime) -> None:
        """Append a decision."""
        self.decisions.append(decision)
        self.origins.append(origin)
        self.said_at.append(said_at)

    def retired(self) -> tuple[str, ...]:
        """Return the refuted memories without a successor."""
        replaced: set[Ref] = set()
        for decision in self.decisions:
            if isinstance(decision, Supersede):
                replaced.update(decision.replaces)
        return tuple(memory_id for memory_id in self.refuted if memory_id not in replaced)


def resolve(
    existing: Sequence[ExistingMemory],
    versions: Mapping[str, MemoryVersion],
    conflict: AnsweredConflict,
    statements: Sequence[Candidate],
    vectors: NDArray[np.float32],
    model: StatementModel,
) -> Resolution:
    """Return the decisions for answers, about the memories as they are now.

    existing: the current versions. versions: all of them. statements: from the comments on the
    answers. vectors: (1 + statements, dim) float32, unit rows, the proposed statement's first. A
    contradicted memory that got more detail in the meantime is judged by its current version. One
    that was deleted, or superseded for another reason, stays as it is.
    """
    verdicts = conflict.verdicts()
    state = _ResolutionState(model)
    _judge(state, versions, conflict, verdicts)
    accepted = all(verdict in {Verdict.PROPOSED, Verdict.BOTH} for verdict in verdicts)
    if accepted:
        _accept_proposed(state, existing, conflict, vectors[:1])
    if statements:
        _reconcile_comments(state, existing, conflict, statements, vectors, accepted=accepted)
    return Resolution(
        Plan(tuple(state.decisions), tuple(state.connections)),
        tuple(state.origins),
        tuple(state.said_at),
        state.retired(),
    )


def _judge(
    state: _ResolutionState,
    versions: Mapping[str, MemoryVersion],
    conflict: AnsweredConflict,
    verdicts: Sequence[Verdict],
) -> None:
    """Divide the current versions of contradicted memories into affirmed and refuted ones.

    If answers disagree about one, it is affirmed.
    """
    affirmed: dict[str, None] = {}
    refuted: dict[str, None] = {}
    successors: defaultdict[str | None, list[str]] = defaultdict(list)
    for version in versions.values():
        successors[version.previous_id].append(version.memory_id)
    for memory_id, verdict in zip(conflict.contradicted, verdicts, strict=True):
        is_affirmed = verdict in {Verdict.HELD, Verdict.BOTH}
        (affirmed if is_affirmed else refuted).update(
            dict.fromkeys(_current_versions(versions, successors, memory_id))
        )
    state.affirmed = list(affirmed)
    state.refuted = [memory_id for memory_id in refuted if memory_id not in affirmed]
    # The newest first, because the successor continues its chain.
    state.refuted.sort(
        key=lambda memory_id: (versions[memory_id].created_at, memory_id), reverse=True
    )


def _current_versions(
    versions: Mapping[str, MemoryVersion],
    successors: Mapping[str | None, Sequence[str]],
    memory_id: str,
) -> list[str]:
    """Return the current versions that state what a version states: itself, or its additions."""
    current, waiting = [], [memory_id]
    while waiting:
        version = versions.get(waiting.pop())
        if version is None:
            continue
        if version.expired_at is None:
            current.append(version.memory_id)
        elif version.expiration_reason is ExpirationReason.ADDITION_TO_EXISTING_MEMORY:
            waiting += successors[version.memory_id]
    return sorted(current)


def _accept_proposed(
    state: _ResolutionState,
    existing: Sequence[ExistingMemory],
    conflict: AnsweredConflict,
    vectors: NDArray[np.float32],
) -> None:
    """Add the proposed statement as the successor of the memories that it refutes.

    It is reconciled again with all other memories, because there may be new ones.
    """
    judged = {*state.affirmed, *state.refuted}
    plan = reconcile(
        [item for item in existing if item.memory.memory_id not in judged],
        [conflict.proposed],
        vectors,
        session_id=conflict.session_id,
        session_created_at=conflict.session_created_at,
        conflicts_enabled=False,
        model=state.model,
    )
    decision = plan.decisions[0]
    if state.refuted and not isinstance(decision, Ignore):
        why = "the user confirmed this and denied the memories that it replaces"
        decision = Supersede(
            conflict.proposed, tuple(state.refuted), ExpirationReason.MERGE_CONFLICT, why
        )
    state.add(decision, 0, conflict.session_created_at)
    replaced = set(decision.replaces) if isinstance(decision, Supersede) else set()
    state.connections += [pair for pair in plan.connections if replaced.isdisjoint(pair)]
    state.connections += [(memory_id, 0) for memory_id in state.affirmed]


def _reconcile_comments(
    state: _ResolutionState,
    existing: Sequence[ExistingMemory],
    conflict: AnsweredConflict,
    statements: Sequence[Candidate],
    vectors: NDArray[np.float32],
    *,
    accepted: bool,
) -> None:
    """Reconcile the statements of the comments with the memories that remain after the answers."""
    by_id = {item.memory.memory_id: item for item in existing}
    refuted = [by_id[memory_id] for memory_id in state.refuted]
    denied = [read(item.memory.content) for item in refuted]
    if not accepted:
        denied.append(read(conflict.proposed.content))
    readings = [read_candidate(statement) for statement in statements]
    rows = [
        row
        for row, statement in enumerate(readings, start=1)
        if not any(covers(denied_item, statement) for denied_item in denied)
    ]
    # They come from comments, so no message of a session is their evidence.
    candidates = [replace(statements[row - 1], evidence=()) for row in rows]
    remaining = _remaining_memories(state, existing, conflict, vectors[0])
    plan = reconcile(
        remaining,
        candidates,
        vectors[rows],
        session_id="",
        session_created_at=conflict.answered_at,
        conflicts_enabled=True,
        model=state.model,
    )
    successors = _successors(state, refuted, candidates, vectors[rows], conflict)
    new_refs: dict[Ref, Ref] = {_PROPOSED: 0}
    for index, decision in enumerate(plan.decisions):
        rebased = _rebase(decision, new_refs)
        if rebased is None:
            continue
        if isinstance(rebased, Insert) and index in successors:
            why = "the user stated this instead of a memory that is not true"
            rebased = Supersede(
                rebased.candidate, successors[index], ExpirationReason.MERGE_CONFLICT, why
            )
        new_refs[index] = len(state.decisions)
        state.add(rebased, rows[index], conflict.answered_at)
    _connect(state, plan, new_refs)


def _remaining_memories(
    state: _ResolutionState,
    existing: Sequence[ExistingMemory],
    conflict: AnsweredConflict,
    vector: NDArray[np.float32],
) -> list[ExistingMemory]:
    """Return the current memories with the proposed statement and without the refuted ones."""
    replaced: set[Ref] = set(state.refuted)
    added: list[ExistingMemory] = []
    for decision in state.decisions:
        if isinstance(decision, Supersede):
            replaced.update(decision.replaces)
        if isinstance(decision, Insert | Supersede):
            candidate = decision.candidate
            version = MemoryVersion(
                memory_id=_PROPOSED,
                session_id=conflict.session_id,
                content=candidate.content,
                event_date_start=candidate.event_date_start,
                event_date_end=candidate.event_date_end,
                created_at=conflict.session_created_at,
            )
            added.append(ExistingMemory(version, vector))
    return [item for item in existing if item.memory.memory_id not in replaced] + added


def _successors(
    state: _ResolutionState,
    refuted: Sequence[ExistingMemory],
    candidates: Sequence[Candidate],
    vectors: NDArray[np.float32],
    conflict: AnsweredConflict,
) -> dict[int, tuple[Ref, ...]]:
    """Return, by statement, the refuted memories without a successor that it replaces."""
    retired = set(state.retired())
    plan = reconcile(
        [item for item in refuted if item.memory.memory_id in retired],
        candidates,
        vectors,
        session_id="",
        session_created_at=in_zone(
            max((conflict.answered_at, *(item.memory.created_at for item in refuted))),
            conflict.answered_at.tzinfo or UTC,
        ),
        conflicts_enabled=False,
        model=state.model,
    )
    successors: dict[int, tuple[Ref, ...]] = {}
    for index, decision in enumerate(plan.decisions):
        if isinstance(decision, Supersede):
            replaced = tuple(ref for ref in decision.replaces if ref in retired)
            if replaced:
                successors[index] = replaced
    return successors


def _rebase(decision: Decision, new_refs: Mapping[Ref, Ref]) -> Decision | None:
    """Return a decision with references into this resolution; None if it is dropped.

    A statement that contradicts a remaining memory is not stored, nor is one that refers to such a
    statement.
    """

    def new_ref(ref: Ref) -> Ref | None:
        return ref if isinstance(ref, str) and ref != _PROPOSED else new_refs.get(ref)

    match decision:
        case RaiseConflict():
            return None
        case Ignore():
            because = new_ref(decision.because)
            return None if because is None else replace(decision, because=because)
        case Supersede():
            replaces = tuple(new_ref(ref) for ref in decision.replaces)
            present = tuple(ref for ref in replaces if ref is not None)
            return replace(decision, replaces=present) if present == replaces else None
        case InsertHistorical():
            # Only a stored version has a history.
            return None if decision.successor == _PROPOSED else decision
        case Insert():
            return decision


def _connect(state: _ResolutionState, plan: Plan, new_refs: Mapping[Ref, Ref]) -> None:
    replaced = {
        ref
        for decision in state.decisions
        if isinstance(decision, Supersede)
        for ref in decision.replaces
        if isinstance(ref, str)
    }
    for pair in plan.connections:
        refs = [
            ref if isinstance(ref, str) and ref != _PROPOSED else new_refs.get(ref) for ref in pair
        ]
        if None not in refs and replaced.isdisjoint(refs):
            state.connections.append((refs[0], refs[1]))  # type: ignore[arg-type]
