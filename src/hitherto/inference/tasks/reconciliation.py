"""Reconciliation: new statements against the memories near them, one call for a batch.

What a prompt holds is bounded, however much is remembered: `BATCH` statements, `NEAREST` held
memories for each, `MOST_HELD` in all. A statement that is near to nothing is inserted unasked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from hitherto.core.context.fence import FENCE_CLOSING, FENCE_OPENING, paragraph
from hitherto.core.extraction import grounding
from hitherto.core.reconciliation.conflict_questions import Said, distinct, question
from hitherto.core.reconciliation.connections import Pair
from hitherto.core.reconciliation.reconcile import (
    Contradicted,
    Decision,
    Ignore,
    Insert,
    Precede,
    RaiseConflict,
    Ref,
    Supersede,
)
from hitherto.core.statements.reader import read
from hitherto.models import Candidate, ExpirationReason, MessageRole

BATCH = 12
NEAREST = 8
MOST_HELD = 40
MAX_SHOWN_CHARS = 600
"""Of a held memory's content; with it a prompt has at most some 35,000 characters."""

MAX_REASON_CHARS = 300
MAX_CONTENT_CHARS = 500
LEAST_LIKENESS = 0.3
"""Cosine plus `TERM_WEIGHT` times the share of the statement's words, from which one is shown."""

TERM_WEIGHT = 0.5
DOUBTED_WEIGHT = 0.15
"""What is in doubt is shown before what is this much more like a statement, so that it is settled
when the user comes back to it."""


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
class Known:
    """Something that a statement is weighed against.

    ref: a memory's id, or the index of an earlier candidate. terms: stems of its content.
    doubted_at: since when it is in doubt, None if it is not.
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
    known: tuple[Known, ...]
    candidates: tuple[Candidate, ...]

    def known_at(self, number: int) -> Known | None:
        """Return the memory or earlier candidate under a number of the prompt."""
        return self.known[number - 1] if 1 <= number <= len(self.known) else None

    def index_at(self, number: int) -> int | None:
        """Return the index of the new statement under a number of the prompt."""
        place = number - len(self.known) - 1
        return self.indices[place] if 0 <= place < len(self.indices) else None


@dataclass(frozen=True, slots=True)
class Occasion:
    """Context of reconciliation: the session."""

    session_date: datetime
    conflicts_enabled: bool


def nearest(
    terms: frozenset[str], cosines: NDArray[np.float32], known: Sequence[Known]
) -> list[tuple[float, int]]:
    """Return positions in `known` with their similarity to a statement, best first.

    cosines: (known,) of the statement with each.
    """
    least = LEAST_LIKENESS - TERM_WEIGHT
    rows: list[int] = np.flatnonzero(cosines >= least).tolist()
    likeness = [
        (float(cosines[row]) + TERM_WEIGHT * _share(terms, known[row].terms), row) for row in rows
    ]
    found = [one for one in likeness if one[0] >= LEAST_LIKENESS]

    def rank(one: tuple[float, int]) -> tuple[float, int]:
        in_doubt = known[one[1]].doubted_at is not None
        return -one[0] - DOUBTED_WEIGHT * in_doubt, one[1]

    return sorted(found, key=rank)[:NEAREST]


def _share(terms: frozenset[str], others: frozenset[str]) -> float:
    return len(terms & others) / len(terms) if terms else 0.0


def shown(near: Sequence[Sequence[tuple[float, int]]]) -> list[int]:
    """Return the memories to show for a batch: the nearest of each statement in turn."""
    kept: dict[int, None] = {}
    for place in range(NEAREST):
        for found in near:
            if place < len(found) and len(kept) < MOST_HELD:
                kept[found[place][1]] = None
    return sorted(kept)


def content(batch: Batch, occasion: Occasion) -> str:
    """Return the prompt text: existing memories, then new statements, fenced."""
    today = occasion.session_date.astimezone(UTC).date().isoformat()
    parts = [f"New statements were said on {today}.", "", FENCE_OPENING, "Held memories:"]
    for number, known in enumerate(batch.known, start=1):
        happened = _days(known.start, known.end)
        said = f"said {known.said_at.date().isoformat()} by the {known.said_by}"
        if known.doubted_at is not None:
            said += f", in doubt since {known.doubted_at.date().isoformat()}"
        text = paragraph(known.content)[:MAX_SHOWN_CHARS]
        parts.append(f"{number}. ({said}; happened {happened}) {text}")
    parts.append("New statements:")
    for number, one in enumerate(batch.candidates, start=len(batch.known) + 1):
        happened = _days(one.event_date_start, one.event_date_end)
        said = f"said {today} by the {one.said_by.value}"
        parts.append(f"{number}. ({said}; happened {happened}) {paragraph(one.content)}")
    return "\n".join([*parts, FENCE_CLOSING])


def _days(start: datetime, end: datetime) -> str:
    first, last = start.date().isoformat(), end.date().isoformat()
    return first if first == last else f"{first} to {last}"


def problem(found: Verdicts, batch: Batch) -> str | None:
    """Return what the model should repair in a well-formed answer."""
    first, last = len(batch.known) + 1, len(batch.known) + len(batch.indices)
    decided = [verdict.new for verdict in found.decisions]
    missing = sorted(set(range(first, last + 1)) - set(decided))
    if missing:
        return f"There is no decision for the new statements {missing}."
    wrong = [note for one in found.decisions if (note := _fault(one, batch)) is not None]
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
        if batch.known_at(number) is None and (other is None or other >= index):
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
    lost = grounding.loses(merged, old, new)
    return None if lost is None else f"`merged` of decision {verdict.new} has {lost}."


def _content_at(number: int, batch: Batch) -> str:
    known = batch.known_at(number)
    if known is not None:
        return known.content
    return batch.candidates[number - len(batch.known) - 1].content


@dataclass(slots=True)
class Ruling:
    """Decisions on a session's candidates, by index, as they are made.

    unusable: decisions of a model that could not be carried out; those statements are inserted.
    doubts: what they were said to be about.
    """

    candidates: Sequence[Candidate]
    occasion: Occasion
    decisions: dict[int, Decision] = field(default_factory=dict)
    unusable: int = 0
    doubts: list[Pair] = field(default_factory=list)

    def insert(self, index: int, why: str) -> None:
        """Let a candidate become a memory of its own."""
        self.decisions[index] = Insert(self.candidates[index], why)

    def rule(self, found: Verdicts, batch: Batch) -> None:
        """Take over the model's decisions on a batch; what cannot be carried out is an insert."""
        verdicts: dict[int, Verdict] = {}
        for verdict in found.decisions:
            index = batch.index_at(verdict.new)
            if index is not None:
                verdicts.setdefault(index, verdict)
        for index in batch.indices:
            chosen = verdicts.get(index)
            if chosen is None or _fault(chosen, batch) is not None:
                self.unusable += 1
                self._insert_beside(index, chosen, batch)
                continue
            self.decisions[index] = self._decided(index, chosen, batch)

    def _insert_beside(self, index: int, verdict: Verdict | None, batch: Batch) -> None:
        why = "the decision on it could not be used, so it stands by itself"
        self.insert(index, why)
        for number in verdict.about[:NEAREST] if verdict else ():
            known = batch.known_at(number)
            if known is not None:
                self.doubts.append((index, known.ref))

    def _decided(self, index: int, verdict: Verdict, batch: Batch) -> Decision:
        candidate = self.candidates[index]
        why = " ".join(verdict.reason.split())[:MAX_REASON_CHARS] or verdict.action
        refs = self._standing(verdict.about, batch)
        if verdict.action == "insert" or not refs:
            return Insert(candidate, why)
        known = {one.ref: one for one in batch.known}
        if verdict.action == "ignore":
            return Ignore(candidate, refs[0], why)
        if verdict.action == "addition":
            content = " ".join((verdict.merged or "").split()).rstrip(".")
            fuller = _with_dates(replace(candidate, content=content), known.get(refs[0]), self)
            reason = ExpirationReason.ADDITION_TO_EXISTING_MEMORY
            return Supersede(fuller, refs[:1], reason, why)
        if verdict.action == "temporal_conflict":
            return self._replaced(candidate, refs, known, ExpirationReason.TEMPORAL_CONFLICT, why)
        if self.occasion.conflicts_enabled and candidate.said_by is MessageRole.USER:
            return self._asked(candidate, refs, known, why)
        return self._replaced(candidate, refs, known, ExpirationReason.MERGE_CONFLICT, why)

    def _standing(self, numbers: Sequence[int], batch: Batch) -> tuple[Ref, ...]:
        """Return the meaning of the numbers; for an ignored statement, its restated memory."""
        refs: dict[Ref, None] = {}
        for number in numbers:
            known = batch.known_at(number)
            ref = known.ref if known is not None else batch.index_at(number)
            while isinstance(ref, int):
                earlier = self.decisions.get(ref)
                if not isinstance(earlier, Ignore):
                    if isinstance(earlier, RaiseConflict | Precede):
                        ref = None
                    break
                ref = earlier.because
            if ref is not None:
                refs[ref] = None
        return tuple(refs)

    def _replaced(
        self,
        candidate: Candidate,
        refs: tuple[Ref, ...],
        known: Mapping[Ref, Known],
        reason: ExpirationReason,
        why: str,
    ) -> Decision:
        """Return the decision that replaces memories, or precedes later ones."""
        now = self.occasion.session_date
        later = [known[ref] for ref in refs if ref in known and known[ref].said_at > now]
        if len(later) == len(refs):
            first = min(later, key=lambda one: (one.said_at, str(one.ref)))
            if isinstance(first.ref, str):
                return Precede(candidate, first.ref, reason, why)
        return Supersede(candidate, refs, reason, why)

    def _asked(
        self, candidate: Candidate, refs: tuple[Ref, ...], known: Mapping[Ref, Known], why: str
    ) -> RaiseConflict:
        new = Said(read(candidate.content), self.occasion.session_date)
        held = [
            Said(read(known[ref].content), known[ref].said_at)
            if ref in known
            else Said(read(self.candidates[int(ref)].content), self.occasion.session_date)
            for ref in refs
        ]
        return RaiseConflict(
            candidate,
            tuple(Contradicted(ref, why) for ref in refs),
            distinct([question(one, new, new.statement.reading.attribute) for one in held]),
            why,
        )


def _with_dates(candidate: Candidate, known: Known | None, ruling: Ruling) -> Candidate:
    """Keeps the old version's dates where the candidate names none, so that no date is lost."""
    day = ruling.occasion.session_date.astimezone(UTC).date()
    unstated = candidate.event_date_start.date() == day == candidate.event_date_end.date()
    if known is None or not unstated:
        return candidate
    return replace(candidate, event_date_start=known.start, event_date_end=known.end)
