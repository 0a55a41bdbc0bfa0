"""Keep statements of low trust from changing what the user said.

A statement of low trust was said by the assistant alone, or quoted by the user. It can become a
memory, and other statements of low trust can supersede it. It never supersedes, precedes,
contradicts or backs what the user said. Quoted statements are not reconciled at all: they are
inserted next to the existing memories, and a statement of the user that says the same supersedes
them.
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
"""Statements that a statement is compared with in full: those that share most of its terms."""

MAX_TERMS = 16
"""Terms of a statement by which others are looked up: the rarest ones."""

MAX_SHARING = 200
"""Statements that are examined for one term: the latest ones."""


def is_quoted(said_by: SaidBy) -> bool:
    """Return whether a statement of this origin stays out of reconciliation."""
    return said_by is SaidBy.QUOTED


def split_quoted(
    candidates: Sequence[Candidate],
) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """Return the candidates that are reconciled, and the quoted ones."""
    return (
        tuple(candidate for candidate in candidates if not is_quoted(candidate.said_by)),
        tuple(candidate for candidate in candidates if is_quoted(candidate.said_by)),
    )


def quoted_last(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates, the quoted ones behind all others."""
    own, quoted = split_quoted(candidates)
    return own + quoted


def without_quoted(existing: Sequence[ExistingMemory]) -> list[ExistingMemory]:
    """Return the memories that candidates are reconciled with: all but the quoted ones."""
    return [item for item in existing if not is_quoted(item.memory.said_by)]


def with_quoted(
    plan: Plan, existing: Sequence[ExistingMemory], quoted: Sequence[Candidate]
) -> tuple[Plan, tuple[int, ...]]:
    """Append decisions on the quoted candidates to the plan of the other candidates.

    existing: quoted memories included. A statement of the plan supersedes a quoted memory that says
    the same. A quoted candidate is left out if the user said it already, ignored if it was quoted
    already, and otherwise inserted. The second value are the indices of those that are not left
    out.
    """
    decisions = _supersede_quoted(plan.decisions, existing)
    if not quoted:
        return replace(plan, decisions=tuple(decisions)), ()
    own_statements = _Statements(
        [
            (item.memory.memory_id, read(item.memory.content))
            for item in existing
            if not is_quoted(item.memory.said_by)
        ]
        + [(index, read_candidate(item.candidate)) for index, item in enumerate(decisions)]
    )
    quoted_before = _quoted(existing)
    kept: list[int] = []
    for index, candidate in enumerate(quoted):
        statement = read_candidate(candidate)
        if own_statements.covering(statement) is not None:
            continue
        kept.append(index)
        same = quoted_before.covering(statement)
        if same is None:
            quoted_before.add(len(decisions), statement)
            decisions.append(Insert(candidate, "quoted, so it changes no existing memory"))
        else:
            decisions.append(Ignore(candidate, same, "quoted before"))
    return replace(plan, decisions=tuple(decisions)), tuple(kept)


def protect_user_statements(plan: Plan, versions: Mapping[str, MemoryVersion]) -> Plan:
    """Return the plan where statements of the assistant change nothing that the user said.

    Such a statement is inserted next to the existing memory; each is shown with its speaker.
    """
    origins: dict[Ref, SaidBy] = {
        version.memory_id: version.said_by for version in versions.values()
    }
    origins |= {index: item.candidate.said_by for index, item in enumerate(plan.decisions)}
    return replace(plan, decisions=tuple(_protected(item, origins) for item in plan.decisions))


class _Statements:
    """Index of statements by their terms, to look up those that cover another one.

    The cost of a look-up does not depend on the number of statements.
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
        """Return an indexed statement that says all that a statement says."""
        return next((ref for ref, other in self._near(statement) if covers(other, statement)), None)

    def covered_by(self, statement: Statement) -> Iterator[Ref]:
        """Yield the indexed statements that a statement says all of, each once."""
        return (ref for ref, other in self._near(statement) if covers(statement, other))

    def _near(self, statement: Statement) -> list[tuple[Ref, Statement]]:
        """Return the `MAX_COMPARED` statements that share most of the rarest terms."""
        postings = [rows for term in statement.term_set if (rows := self._by_term.get(term))]
        shared: Counter[int] = Counter()
        for rows in nsmallest(MAX_TERMS, postings, key=len):
            shared.update(rows[-MAX_SHARING:])
        near = nlargest(MAX_COMPARED, shared, key=lambda row: (shared[row], row))
        return [self._statements[row] for row in near]


def _quoted(existing: Sequence[ExistingMemory]) -> _Statements:
    """Return the current memories that were quoted."""
    return _Statements(
        [
            (item.memory.memory_id, read(item.memory.content))
            for item in existing
            if is_quoted(item.memory.said_by) and item.memory.expired_at is None
        ]
    )


def _supersede_quoted(
    decisions: Sequence[Decision], existing: Sequence[ExistingMemory]
) -> list[Decision]:
    """Return the decisions, where statements of the user supersede quoted memories they cover."""
    quoted = _quoted(existing)
    superseded: set[Ref] = set()
    changed: list[Decision] = []
    for decision in decisions:
        if isinstance(decision, Insert | Supersede) and decision.candidate.said_by is SaidBy.USER:
            statement = read_candidate(decision.candidate)
            refs = tuple(ref for ref in quoted.covered_by(statement) if ref not in superseded)
            superseded.update(refs)
            decision = _superseding(decision, refs)
        changed.append(decision)
    return changed


def _superseding(decision: Insert | Supersede, refs: tuple[Ref, ...]) -> Insert | Supersede:
    if not refs:
        return decision
    if isinstance(decision, Supersede):
        return replace(decision, replaces=(*decision.replaces, *refs))
    reason = ExpirationReason.ADDITION_TO_EXISTING_MEMORY
    return Supersede(decision.candidate, refs, reason, "the user says what was quoted before")


def _protected(decision: Decision, origins: Mapping[Ref, SaidBy]) -> Decision:
    if decision.candidate.said_by is SaidBy.USER:
        return decision
    match decision:
        case Supersede():
            changed = decision.replaces
        case InsertHistorical():
            changed = (decision.successor,)
        case RaiseConflict():
            changed = tuple(item.ref for item in decision.contradicted)
        case _:
            return decision
    if all(origins[ref] is SaidBy.ASSISTANT for ref in changed):
        return decision
    return Insert(decision.candidate, f"said by the assistant alone: {decision.why}")
