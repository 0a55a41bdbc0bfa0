"""Reconciliation: new statements against the memories near them, one call for a batch.

A prompt is bounded for any number of memories: `BATCH` statements, `NEAREST` existing memories for
each, `MOST_HELD` in total. A statement without a similar memory is inserted without a call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from hitherto.core.context.fence import FENCE_CLOSING, FENCE_OPENING, paragraph
from hitherto.core.dates.formatting import day_beside
from hitherto.core.extraction import grounding
from hitherto.core.reconciliation.conflict_questions import DatedStatement, distinct, question
from hitherto.core.reconciliation.connections import Pair
from hitherto.core.reconciliation.reconcile import (
    Contradicted,
    Decision,
    Ignore,
    Insert,
    InsertHistorical,
    RaiseConflict,
    Ref,
    Supersede,
)
from hitherto.core.statements.reader import read, read_candidate
from hitherto.models import Candidate, ExpirationReason, SaidBy

BATCH = 12
NEAREST = 8
MOST_HELD = 40
MAX_SHOWN_CHARS = 600
"""Maximum characters of an existing memory's content; so a prompt has at most some 35,000."""

MAX_REASON_CHARS = 300
MAX_CONTENT_CHARS = 500
LEAST_LIKENESS = 0.3
"""Minimum of cosine plus `TERM_WEIGHT` times the share of the statement's words."""

TERM_WEIGHT = 0.5
DOUBTED_WEIGHT = 0.15
"""Bonus of a doubtful memory in the order of similarity, so that it is settled when the user
mentions it again."""


class Verdict(BaseModel):
    """What is to be done with one new statement."""

    model_config = ConfigDict(extra="ignore")

    new: Annotated[int, Field(description="Number of the new statement.")]
    action: Literal["insert", "ignore", "addition", "temporal_conflict", "merge_conflict"]
    about: Annotated[list[int], Field(description="Numbers of what it rests on.")] = Field(
        default_factory=list
    )
    merged: Annotated[str | None, Field(description="For an addition: both in one.")] = None
    reason: str = ""


class Verdicts(BaseModel):
    """One decision for each new statement."""

    model_config = ConfigDict(extra="ignore")

    decisions: list[Verdict]


@dataclass(frozen=True, slots=True)
class ComparedMemory:
    """A memory, or an earlier candidate, that a statement is compared with.

    ref: a memory's id, or the index of an earlier candidate. terms: stems of its content.
    doubted_at: beginning of its doubt, None if it is not in doubt.
    """

    ref: Ref
    content: str
    start: datetime
    end: datetime
    said_at: datetime
    said_by: str
    terms: frozenset[str]
    doubted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Input of one call: `indices` of candidates, and the memories to compare."""

    indices: tuple[int, ...]
    memories: tuple[ComparedMemory, ...]
    candidates: tuple[Candidate, ...]

    def memory_at(self, number: int) -> ComparedMemory | None:
        """Return the memory or earlier candidate under a number of the prompt."""
        return self.memories[number - 1] if 1 <= number <= len(self.memories) else None

    def index_at(self, number: int) -> int | None:
        """Return the index of the new statement under a number of the prompt."""
        offset = number - len(self.memories) - 1
        return self.indices[offset] if 0 <= offset < len(self.indices) else None


@dataclass(frozen=True, slots=True)
class ReconcileContext:
    """Context of reconciliation: the session. session_date: in the zone of the user."""

    session_date: datetime
    conflicts_enabled: bool


def nearest(
    terms: frozenset[str], cosines: NDArray[np.float32], memories: Sequence[ComparedMemory]
) -> list[tuple[float, int]]:
    """Return positions in `memories` with their similarity to a statement, best first.

    cosines: (memories,) of the statement with each memory.
    """
    least = LEAST_LIKENESS - TERM_WEIGHT
    rows: list[int] = np.flatnonzero(cosines >= least).tolist()
    likeness = [
        (float(cosines[row]) + TERM_WEIGHT * _share(terms, memories[row].terms), row)
        for row in rows
    ]
    similar = [scored for scored in likeness if scored[0] >= LEAST_LIKENESS]

    def rank(scored: tuple[float, int]) -> tuple[float, int]:
        in_doubt = memories[scored[1]].doubted_at is not None
        return -scored[0] - DOUBTED_WEIGHT * in_doubt, scored[1]

    return sorted(similar, key=rank)[:NEAREST]


def _share(terms: frozenset[str], others: frozenset[str]) -> float:
    return len(terms & others) / len(terms) if terms else 0.0


def memories_to_show(near: Sequence[Sequence[tuple[float, int]]]) -> list[int]:
    """Return the memories to show for a batch: the nearest of each statement in turn."""
    kept: dict[int, None] = {}
    for rank in range(NEAREST):
        for ranked in near:
            if rank < len(ranked) and len(kept) < MOST_HELD:
                kept[ranked[rank][1]] = None
    return sorted(kept)


def content(batch: Batch, context: ReconcileContext) -> str:
    """Return the prompt text: existing memories, then new statements, fenced."""
    now = context.session_date
    today = now.date().isoformat()
    parts = [f"New statements were said on {today}.", "", FENCE_OPENING, "Held memories:"]
    for number, memory in enumerate(batch.memories, start=1):
        happened = _days(memory.start, memory.end)
        said_on = day_beside(memory.said_at, now).isoformat()
        source = f"said {said_on} by the {memory.said_by}"
        if memory.doubted_at is not None:
            source += f", in doubt since {day_beside(memory.doubted_at, now).isoformat()}"
        text = paragraph(memory.content)[:MAX_SHOWN_CHARS]
        parts.append(f"{number}. ({source}; happened {happened}) {text}")
    parts.append("New statements:")
    for number, candidate in enumerate(batch.candidates, start=len(batch.memories) + 1):
        happened = _days(candidate.event_date_start, candidate.event_date_end)
        source = f"said {today} by the {candidate.said_by.value}"
        parts.append(f"{number}. ({source}; happened {happened}) {paragraph(candidate.content)}")
    return "\n".join([*parts, FENCE_CLOSING])


def _days(start: datetime, end: datetime) -> str:
    first, last = start.date().isoformat(), end.date().isoformat()
    return first if first == last else f"{first} to {last}"


def problem(verdicts: Verdicts, batch: Batch) -> str | None:
    """Return what the model should repair in a well-formed answer."""
    first, last = len(batch.memories) + 1, len(batch.memories) + len(batch.indices)
    decided = [verdict.new for verdict in verdicts.decisions]
    missing = sorted(set(range(first, last + 1)) - set(decided))
    if missing:
        return f"There is no decision for the new statements {missing}."
    wrong = [note for verdict in verdicts.decisions if (note := _fault(verdict, batch)) is not None]
    return " ".join(wrong[:6]) or None


def _fault(verdict: Verdict, batch: Batch) -> str | None:
    """Return the fault of a decision; None if it can be carried out."""
    index = batch.index_at(verdict.new)
    if index is None:
        return f"There is no new statement {verdict.new}."
    if verdict.action == "insert":
        return None
    if not verdict.about:
        return f"Decision {verdict.new} ({verdict.action}) names nothing that it is about."
    for number in verdict.about:
        other = batch.index_at(number)
        if batch.memory_at(number) is None and (other is None or other >= index):
            return f"Decision {verdict.new} is about {number}, which is no earlier number."
    if verdict.action == "addition":
        return _merging_fault(verdict, batch, index)
    return None


def _merging_fault(verdict: Verdict, batch: Batch, index: int) -> str | None:
    if len(verdict.about) != 1:
        return f"Decision {verdict.new} (addition) has to be about exactly one."
    merged = (verdict.merged or "").strip()
    if not merged or len(merged) > MAX_CONTENT_CHARS:
        return f"Decision {verdict.new} (addition) needs `merged`, of {MAX_CONTENT_CHARS} at most."
    old = _content_at(verdict.about[0], batch)
    new = batch.candidates[batch.indices.index(index)].content
    lost = grounding.find_loss(merged, old, new)
    return None if lost is None else f"`merged` of decision {verdict.new} has {lost}."


def _content_at(number: int, batch: Batch) -> str:
    memory = batch.memory_at(number)
    if memory is not None:
        return memory.content
    return batch.candidates[number - len(batch.memories) - 1].content


@dataclass(slots=True)
class DecisionBuilder:
    """Decisions on a session's candidates, by index, as they are made.

    unusable: decisions of a model that could not be carried out; those statements are inserted.
    doubts: memories that such decisions named.
    """

    candidates: Sequence[Candidate]
    occasion: ReconcileContext
    decisions: dict[int, Decision] = field(default_factory=dict)
    unusable: int = 0
    doubts: list[Pair] = field(default_factory=list)

    def insert(self, index: int, why: str) -> None:
        """Decide that a candidate becomes a new memory."""
        self.decisions[index] = Insert(self.candidates[index], why)

    def apply(self, answer: Verdicts, batch: Batch) -> None:
        """Apply the model's decisions on a batch; an unusable decision becomes an insert."""
        verdicts: dict[int, Verdict] = {}
        for verdict in answer.decisions:
            index = batch.index_at(verdict.new)
            if index is not None:
                verdicts.setdefault(index, verdict)
        for index in batch.indices:
            chosen = verdicts.get(index)
            if chosen is None or _fault(chosen, batch) is not None:
                self.unusable += 1
                self._insert_unusable(index, chosen, batch)
                continue
            self.decisions[index] = self._decision(index, chosen, batch)

    def _insert_unusable(self, index: int, verdict: Verdict | None, batch: Batch) -> None:
        why = "the model's decision on it could not be used, so it was inserted"
        self.insert(index, why)
        for number in verdict.about[:NEAREST] if verdict else ():
            memory = batch.memory_at(number)
            if memory is not None:
                self.doubts.append((index, memory.ref))

    def _decision(self, index: int, verdict: Verdict, batch: Batch) -> Decision:
        candidate = self.candidates[index]
        why = " ".join(verdict.reason.split())[:MAX_REASON_CHARS] or verdict.action
        refs = self._current_refs(verdict.about, batch)
        if verdict.action == "insert" or not refs:
            return Insert(candidate, why)
        memories = {memory.ref: memory for memory in batch.memories}
        if verdict.action == "ignore":
            return Ignore(candidate, refs[0], why)
        if verdict.action == "addition":
            content = " ".join((verdict.merged or "").split()).rstrip(".")
            merged = replace(candidate, content=content, clause=None)
            fuller = _with_dates(merged, memories.get(refs[0]), self)
            reason = ExpirationReason.ADDITION_TO_EXISTING_MEMORY
            return Supersede(fuller, refs[:1], reason, why)
        if verdict.action == "temporal_conflict":
            return self._replace(candidate, refs, memories, ExpirationReason.TEMPORAL_CONFLICT, why)
        if self.occasion.conflicts_enabled and candidate.said_by is SaidBy.USER:
            return self._conflict(candidate, refs, memories, why)
        return self._replace(candidate, refs, memories, ExpirationReason.MERGE_CONFLICT, why)

    def _current_refs(self, numbers: Sequence[int], batch: Batch) -> tuple[Ref, ...]:
        """Return the meaning of the numbers; for an ignored statement, its restated memory."""
        refs: dict[Ref, None] = {}
        for number in numbers:
            memory = batch.memory_at(number)
            ref = memory.ref if memory is not None else batch.index_at(number)
            while isinstance(ref, int):
                earlier = self.decisions.get(ref)
                if not isinstance(earlier, Ignore):
                    if isinstance(earlier, RaiseConflict | InsertHistorical):
                        ref = None
                    break
                ref = earlier.because
            if ref is not None:
                refs[ref] = None
        return tuple(refs)

    def _replace(
        self,
        candidate: Candidate,
        refs: tuple[Ref, ...],
        memories: Mapping[Ref, ComparedMemory],
        reason: ExpirationReason,
        why: str,
    ) -> Decision:
        """Return the decision that replaces memories, or precedes later ones."""
        now = self.occasion.session_date
        later = [memories[ref] for ref in refs if ref in memories and memories[ref].said_at > now]
        if len(later) == len(refs):
            first = min(later, key=lambda memory: (memory.said_at, str(memory.ref)))
            if isinstance(first.ref, str):
                return InsertHistorical(candidate, first.ref, reason, why)
        return Supersede(candidate, refs, reason, why)

    def _conflict(
        self,
        candidate: Candidate,
        refs: tuple[Ref, ...],
        memories: Mapping[Ref, ComparedMemory],
        why: str,
    ) -> RaiseConflict:
        new = DatedStatement(read_candidate(candidate), self.occasion.session_date)
        contradicted = [
            DatedStatement(read(memories[ref].content), memories[ref].said_at)
            if ref in memories
            else DatedStatement(
                read_candidate(self.candidates[int(ref)]), self.occasion.session_date
            )
            for ref in refs
        ]
        return RaiseConflict(
            candidate,
            tuple(Contradicted(ref, why) for ref in refs),
            distinct(
                [
                    question(statement, new, new.statement.reading.attribute)
                    for statement in contradicted
                ]
            ),
            why,
        )


def _with_dates(
    candidate: Candidate, memory: ComparedMemory | None, builder: DecisionBuilder
) -> Candidate:
    """Return the candidate with the old version's dates if it has none of its own."""
    day = builder.occasion.session_date.date()
    unstated = candidate.event_date_start.date() == day == candidate.event_date_end.date()
    if memory is None or not unstated:
        return candidate
    return replace(candidate, event_date_start=memory.start, event_date_end=memory.end)
