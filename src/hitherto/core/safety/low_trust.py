"""Keep statements of low trust from changing what the user said.

A statement of low trust was said by the assistant alone, or quoted by the user. It may become a
memory, and others of low trust may take its place. It never supersedes, precedes, contradicts or
backs what the user said. Quoted statements are not even reconciled: they are stored beside what is
held, and a statement of the user that says the same takes their place.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import nlargest, nsmallest

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
)
from hitherto.core.statements.comparison import covers
from hitherto.core.statements.reader import Statement, read, read_candidate
from hitherto.models import Candidate, ExpirationReason, MemoryVersion, SaidBy

MAX_COMPARED = 25
"""Statements that one is compared with in full: those that share most of its terms."""

MAX_TERMS = 16
"""Terms of a statement by which others are found: the rarest ones."""

MAX_SHARING = 200
"""Statements that are looked at for one term: the latest ones."""


def is_quoted(said_by: SaidBy) -> bool:
    """Return whether a statement of this origin stays out of reconciliation."""
    return said_by is SaidBy.QUOTED


def parted(candidates: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """Return the candidates that are reconciled, and the quoted ones."""
    return (
        tuple(one for one in candidates if not is_quoted(one.said_by)),
        tuple(one for one in candidates if is_quoted(one.said_by)),
    )


def quoted_last(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates, the quoted ones behind all others."""
    own, quoted = parted(candidates)
    return own + quoted


def without_quoted(held: Sequence[ExistingMemory]) -> list[ExistingMemory]:
    """Return what candidates are reconciled with: all that is held except quoted memories."""
    return [one for one in held if not is_quoted(one.memory.said_by)]


def with_quoted(
    plan: Plan, held: Sequence[ExistingMemory], quoted: Sequence[Candidate]
) -> tuple[Plan, tuple[int, ...]]:
    """Return the plan of the other candidates with decisions on the quoted ones behind it.

    held: all that is held, quoted memories too. A memory that was quoted and that a statement of
    the plan says as well is superseded by it. A quoted candidate is left out where the user said it
    already, ignored where it was quoted already, and else inserted. The second value are the
    indices of those that are not left out.
    """
    decisions = _confirmed(plan.decisions, held)
    if not quoted:
        return replace(plan, decisions=tuple(decisions)), ()
    said = _Statements(
        [
            (one.memory.memory_id, read(one.memory.content))
            for one in held
            if not is_quoted(one.memory.said_by)
        ]
        + [(index, read_candidate(one.candidate)) for index, one in enumerate(decisions)]
    )
    before = _quoted(held)
    kept: list[int] = []
    for index, candidate in enumerate(quoted):
        statement = read_candidate(candidate)
        if said.covering(statement) is not None:
            continue
        kept.append(index)
        same = before.covering(statement)
        if same is None:
            before.add(len(decisions), statement)
            decisions.append(Insert(candidate, "quoted, so it stands beside what is held"))
        else:
            decisions.append(Ignore(candidate, same, "quoted before"))
    return replace(plan, decisions=tuple(decisions)), tuple(kept)


def trusted(plan: Plan, versions: Mapping[str, MemoryVersion]) -> Plan:
    """Return the plan where the assistant's words change nothing that the user said.

    Such a statement is inserted beside what is held; both are shown with who said them.
    """
    origins: dict[Ref, SaidBy] = {one.memory_id: one.said_by for one in versions.values()}
    origins |= {index: one.candidate.said_by for index, one in enumerate(plan.decisions)}
    return replace(plan, decisions=tuple(_trusted(one, origins) for one in plan.decisions))


class _Statements:
    """Statements by their terms, to find those that say what another one says.

    What one statement costs does not depend on how many there are.
    """

    def __init__(self, statements: Sequence[tuple[Ref, Statement]]) -> None:
        self._statements: list[tuple[Ref, Statement]] = []
        self._by_term: dict[str, list[int]] = {}
        for ref, statement in statements:
            self.add(ref, statement)

    def add(self, ref: Ref, statement: Statement) -> None:
        for term in statement.term_set:
            self._by_term.setdefault(term, []).append(len(self._statements))
        self._statements.append((ref, statement))

    def covering(self, statement: Statement) -> Ref | None:
        """Return what says all that a statement says."""
        return next((ref for ref, other in self._near(statement) if covers(other, statement)), None)

    def covered_by(self, statement: Statement) -> Iterator[Ref]:
        """Yield what a statement says all of, each once."""
        return (ref for ref, other in self._near(statement) if covers(statement, other))

    def _near(self, statement: Statement) -> list[tuple[Ref, Statement]]:
        """Return the `MAX_COMPARED` statements that share most of the rarest terms."""
        found = [places for term in statement.term_set if (places := self._by_term.get(term))]
        shared: Counter[int] = Counter()
        for places in nsmallest(MAX_TERMS, found, key=len):
            shared.update(places[-MAX_SHARING:])
        near = nlargest(MAX_COMPARED, shared, key=lambda place: (shared[place], place))
        return [self._statements[place] for place in near]


def _quoted(held: Sequence[ExistingMemory]) -> _Statements:
    """Return the current memories that were quoted."""
    return _Statements(
        [
            (one.memory.memory_id, read(one.memory.content))
            for one in held
            if is_quoted(one.memory.said_by) and one.memory.expired_at is None
        ]
    )


def _confirmed(decisions: Sequence[Decision], held: Sequence[ExistingMemory]) -> list[Decision]:
    """Return the decisions, where what the user says themselves supersedes what was quoted."""
    quoted = _quoted(held)
    taken: set[Ref] = set()
    confirmed: list[Decision] = []
    for decision in decisions:
        if isinstance(decision, Insert | Supersede) and decision.candidate.said_by is SaidBy.USER:
            said = read_candidate(decision.candidate)
            refs = tuple(ref for ref in quoted.covered_by(said) if ref not in taken)
            taken.update(refs)
            decision = _superseding(decision, refs)
        confirmed.append(decision)
    return confirmed


def _superseding(decision: Insert | Supersede, refs: tuple[Ref, ...]) -> Insert | Supersede:
    if not refs:
        return decision
    if isinstance(decision, Supersede):
        return replace(decision, replaces=(*decision.replaces, *refs))
    reason = ExpirationReason.ADDITION_TO_EXISTING_MEMORY
    return Supersede(decision.candidate, refs, reason, "the user says what was quoted before")


def _trusted(decision: Decision, origins: Mapping[Ref, SaidBy]) -> Decision:
    if decision.candidate.said_by is SaidBy.USER:
        return decision
    match decision:
        case Supersede():
            changed = decision.replaces
        case InsertHistorical():
            changed = (decision.successor,)
        case RaiseConflict():
            changed = tuple(one.ref for one in decision.contradicted)
        case _:
            return decision
    if all(origins[ref] is SaidBy.ASSISTANT for ref in changed):
        return decision
    return Insert(decision.candidate, f"said by the assistant alone: {decision.why}")
