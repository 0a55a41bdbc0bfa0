"""Settles a merge conflict: what a person's answers do to what is remembered.

Each held memory is judged by the answer to its own question. The proposed statement is kept only
if no answer speaks against it. What else was said beside the answers is weighed as if it had been
said in a session of that day, and kept where it contradicts nothing that was just affirmed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

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
from hitherto.core.statements.reader import read, read_candidate
from hitherto.models import (
    Candidate,
    ExpirationReason,
    MemoryVersion,
    MergeConflictAnswer,
    MergeConflictQuestion,
)

_PROPOSED = "proposed"
"""Stands for the proposed statement among what is held, until it has an id; ids are UUIDs."""


class Verdict(StrEnum):
    """What an answer says of the held memory and of the proposed statement."""

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
        """What the answers say, in the order of the questions."""
        chosen = {answer.question: answer.answer for answer in self.answers}
        return tuple(self._verdict(chosen[asked.question]) for asked in self.questions)

    def _verdict(self, answer: str) -> Verdict:
        if answer == self.proposed.content:
            return Verdict.PROPOSED
        return {BOTH: Verdict.BOTH, NEITHER: Verdict.NEITHER}.get(answer, Verdict.HELD)

    def messages(self) -> tuple[str, ...]:
        """What was said beside the answers, blanks left out."""
        found = (answer.message for answer in self.answers)
        return tuple(message for message in found if message is not None and message.strip())


@dataclass(frozen=True, slots=True)
class Resolution:
    """What to do. For each decision of the plan:

    origins: 0 for the proposed statement, else the number of the further statement, from 1.
    said_at: when it was said.
    retired: held memories that are not true and that nothing takes the place of.
    """

    plan: Plan
    origins: tuple[int, ...]
    said_at: tuple[datetime, ...]
    retired: tuple[str, ...]


@dataclass(slots=True)
class _Desk:
    """What a resolution is made from while it is made."""

    affirmed: list[str] = field(default_factory=list)
    refuted: list[str] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)
    said_at: list[datetime] = field(default_factory=list)
    connections: list[tuple[Ref, Ref]] = field(default_factory=list)

    def add(self, decision: Decision, origin: int, said_at: datetime) -> None:
        """Put a decision behind the others."""
        self.decisions.append(decision)
        self.origins.append(origin)
        self.said_at.append(said_at)

    def retired(self) -> tuple[str, ...]:
        """What was refuted and has no successor."""
        replaced: set[Ref] = set()
        for decision in self.decisions:
            if isinstance(decision, Supersede):
                replaced.update(decision.replaces)
        return tuple(one for one in self.refuted if one not in replaced)


def resolve(
    held: Sequence[ExistingMemory],
    versions: Mapping[str, MemoryVersion],
    contest: AnsweredConflict,
    statements: Sequence[Candidate],
    vectors: NDArray[np.float32],
) -> Resolution:
    """Turn answers into decisions about the memories as they are now.

    held: the current versions. versions: all of them. statements: what the messages beside the
    answers say. vectors: (1 + statements, dim) float32, unit rows, the proposed statement's first.
    A contradicted memory that got more detail meanwhile is judged by its current version; one that
    was deleted, or superseded for another reason, is left as it is.
    """
    verdicts = contest.verdicts()
    desk = _Desk()
    _judge(desk, versions, contest, verdicts)
    accepted = all(verdict in {Verdict.PROPOSED, Verdict.BOTH} for verdict in verdicts)
    if accepted:
        _accept(desk, held, contest, vectors[:1])
    if statements:
        _weigh(desk, held, contest, statements, vectors, accepted=accepted)
    return Resolution(
        Plan(tuple(desk.decisions), tuple(desk.connections)),
        tuple(desk.origins),
        tuple(desk.said_at),
        desk.retired(),
    )


def _judge(
    desk: _Desk,
    versions: Mapping[str, MemoryVersion],
    contest: AnsweredConflict,
    verdicts: Sequence[Verdict],
) -> None:
    """Sorts the current versions of what was contradicted; in doubt they are affirmed."""
    affirmed: dict[str, None] = {}
    refuted: dict[str, None] = {}
    successors: defaultdict[str | None, list[str]] = defaultdict(list)
    for version in versions.values():
        successors[version.previous_id].append(version.memory_id)
    for memory_id, verdict in zip(contest.contradicted, verdicts, strict=True):
        stands = verdict in {Verdict.HELD, Verdict.BOTH}
        (affirmed if stands else refuted).update(
            dict.fromkeys(_standing(versions, successors, memory_id))
        )
    desk.affirmed = list(affirmed)
    desk.refuted = [one for one in refuted if one not in affirmed]
    # The newest first: its chain is the one that the successor continues.
    desk.refuted.sort(key=lambda one: (versions[one].created_at, one), reverse=True)


def _standing(
    versions: Mapping[str, MemoryVersion],
    successors: Mapping[str | None, Sequence[str]],
    memory_id: str,
) -> list[str]:
    """The current versions that say what a version said: itself, or those that added to it."""
    found, waiting = [], [memory_id]
    while waiting:
        version = versions.get(waiting.pop())
        if version is None:
            continue
        if version.expired_at is None:
            found.append(version.memory_id)
        elif version.expiration_reason is ExpirationReason.ADDITION_TO_EXISTING_MEMORY:
            waiting += successors[version.memory_id]
    return sorted(found)


def _accept(
    desk: _Desk,
    held: Sequence[ExistingMemory],
    contest: AnsweredConflict,
    vectors: NDArray[np.float32],
) -> None:
    """Lets the proposed statement in, in the place of what it refutes.

    Against everything else it is weighed anew, as much may have been said since it was proposed.
    """
    judged = {*desk.affirmed, *desk.refuted}
    plan = reconcile(
        [item for item in held if item.memory.memory_id not in judged],
        [contest.proposed],
        vectors,
        session_id=contest.session_id,
        session_created_at=contest.session_created_at,
        conflicts_enabled=False,
    )
    decision = plan.decisions[0]
    if desk.refuted and not isinstance(decision, Ignore):
        why = "a person said that this is right, and not what it takes the place of"
        decision = Supersede(
            contest.proposed, tuple(desk.refuted), ExpirationReason.MERGE_CONFLICT, why
        )
    desk.add(decision, 0, contest.session_created_at)
    gone = set(decision.replaces) if isinstance(decision, Supersede) else set()
    desk.connections += [pair for pair in plan.connections if gone.isdisjoint(pair)]
    desk.connections += [(one, 0) for one in desk.affirmed]


def _weigh(
    desk: _Desk,
    held: Sequence[ExistingMemory],
    contest: AnsweredConflict,
    statements: Sequence[Candidate],
    vectors: NDArray[np.float32],
    *,
    accepted: bool,
) -> None:
    """Weighs what the messages say against what stands after the answers."""
    by_id = {item.memory.memory_id: item for item in held}
    refuted = [by_id[one] for one in desk.refuted]
    denied = [read(item.memory.content) for item in refuted]
    if not accepted:
        denied.append(read(contest.proposed.content))
    said = [read_candidate(statement) for statement in statements]
    rows = [
        row
        for row, statement in enumerate(said, start=1)
        if not any(covers(one, statement) for one in denied)
    ]
    # No message of a session says them, so they rest on none.
    candidates = [replace(statements[row - 1], evidence=()) for row in rows]
    standing = _standing_after(desk, held, contest, vectors[0])
    plan = reconcile(
        standing,
        candidates,
        vectors[rows],
        session_id="",
        session_created_at=contest.answered_at,
        conflicts_enabled=True,
    )
    successors = _successors(desk, refuted, candidates, vectors[rows], contest)
    places: dict[Ref, Ref] = {_PROPOSED: 0}
    for index, decision in enumerate(plan.decisions):
        moved = _moved(decision, places)
        if moved is None:
            continue
        if isinstance(moved, Insert) and index in successors:
            why = "a person said this in place of what is not true"
            moved = Supersede(
                moved.candidate, successors[index], ExpirationReason.MERGE_CONFLICT, why
            )
        places[index] = len(desk.decisions)
        desk.add(moved, rows[index], contest.answered_at)
    _connect(desk, plan, places)


def _standing_after(
    desk: _Desk,
    held: Sequence[ExistingMemory],
    contest: AnsweredConflict,
    vector: NDArray[np.float32],
) -> list[ExistingMemory]:
    """What is current once the proposed statement is in and what was refuted is out."""
    gone: set[Ref] = set(desk.refuted)
    added: list[ExistingMemory] = []
    for decision in desk.decisions:
        if isinstance(decision, Supersede):
            gone.update(decision.replaces)
        if isinstance(decision, Insert | Supersede):
            candidate = decision.candidate
            version = MemoryVersion(
                memory_id=_PROPOSED,
                session_id=contest.session_id,
                content=candidate.content,
                event_date_start=candidate.event_date_start,
                event_date_end=candidate.event_date_end,
                created_at=contest.session_created_at,
            )
            added.append(ExistingMemory(version, vector))
    return [item for item in held if item.memory.memory_id not in gone] + added


def _successors(
    desk: _Desk,
    refuted: Sequence[ExistingMemory],
    candidates: Sequence[Candidate],
    vectors: NDArray[np.float32],
    contest: AnsweredConflict,
) -> dict[int, tuple[Ref, ...]]:
    """Which statement says how it is in truth, for what was refuted and has no successor yet."""
    retired = set(desk.retired())
    plan = reconcile(
        [item for item in refuted if item.memory.memory_id in retired],
        candidates,
        vectors,
        session_id="",
        session_created_at=max(
            (contest.answered_at, *(item.memory.created_at for item in refuted))
        ),
        conflicts_enabled=False,
    )
    found: dict[int, tuple[Ref, ...]] = {}
    for index, decision in enumerate(plan.decisions):
        if isinstance(decision, Supersede):
            replaced = tuple(ref for ref in decision.replaces if ref in retired)
            if replaced:
                found[index] = replaced
    return found


def _moved(decision: Decision, places: Mapping[Ref, Ref]) -> Decision | None:
    """The decision with its references to the places of this resolution; None if it falls.

    What contradicts something that stands is not stored; nor what refers to such a statement.
    """

    def place(ref: Ref) -> Ref | None:
        return ref if isinstance(ref, str) and ref != _PROPOSED else places.get(ref)

    match decision:
        case RaiseConflict():
            return None
        case Ignore():
            because = place(decision.because)
            return None if because is None else replace(decision, because=because)
        case Supersede():
            replaces = tuple(place(ref) for ref in decision.replaces)
            known = tuple(ref for ref in replaces if ref is not None)
            return replace(decision, replaces=known) if known == replaces else None
        case InsertHistorical():
            # Only a stored version has a history to be put into.
            return None if decision.successor == _PROPOSED else decision
        case Insert():
            return decision


def _connect(desk: _Desk, plan: Plan, places: Mapping[Ref, Ref]) -> None:
    gone = {
        ref
        for decision in desk.decisions
        if isinstance(decision, Supersede)
        for ref in decision.replaces
        if isinstance(ref, str)
    }
    for pair in plan.connections:
        known = [
            ref if isinstance(ref, str) and ref != _PROPOSED else places.get(ref) for ref in pair
        ]
        if None not in known and gone.isdisjoint(known):
            desk.connections.append((known[0], known[1]))  # type: ignore[arg-type]
