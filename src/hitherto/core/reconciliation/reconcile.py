"""Decide how a session's statements change a user's memories.

Every statement gets one decision. Precision comes first: a memory is superseded only if both
statements were read exactly and cannot both be true now. Otherwise the statement is inserted next
to it, because a duplicate costs a line of context and a false supersession costs a memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from hitherto.core.dates.formatting import day_beside
from hitherto.core.reconciliation.conflict_questions import (
    DatedStatement,
    distinct,
    question,
    reason,
)
from hitherto.core.reconciliation.connections import Entry, Pair, Ref, connect
from hitherto.core.reconciliation.learned_relations import is_changed_by, nearest, relate
from hitherto.core.reconciliation.merging import merged_content
from hitherto.core.reconciliation.statement_index import Item, StatementIndex
from hitherto.core.statements.comparison import (
    Change,
    Clash,
    Fit,
    Times,
    compare_values,
    covers,
    find_clash,
    is_event,
)
from hitherto.core.statements.learned import StatementModel
from hitherto.core.statements.reader import Statement, Tense, read, read_candidate
from hitherto.models import Candidate, ExpirationReason, MemoryVersion, MergeConflictQuestion

__all__ = [
    "Contradicted",
    "Decision",
    "ExistingMemory",
    "Ignore",
    "Insert",
    "InsertHistorical",
    "Plan",
    "RaiseConflict",
    "Ref",
    "Supersede",
    "reconcile",
]


@dataclass(frozen=True, slots=True)
class ExistingMemory:
    """Version that is remembered.

    memory: a current version, or an expired one whose session or evidence is the reconciled
    session: those are never changed, and only show which statements of the session are stored
    already. vector: (dim,) float32 of unit length.
    """

    memory: MemoryVersion
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Insert:
    """Decision that the candidate becomes a new memory."""

    candidate: Candidate
    why: str


@dataclass(frozen=True, slots=True)
class Ignore:
    """Decision that the candidate is known; its evidence is added to the memory `because`.

    An index is that of the earlier candidate with the same content, which may itself wait in a
    conflict.
    """

    candidate: Candidate
    because: Ref
    why: str


@dataclass(frozen=True, slots=True)
class Supersede:
    """Decision that the candidate becomes the next version of the memories that it replaces.

    candidate: what to store. For an addition its content may be merged from both, and its dates may
    be those of the old version. If the content is not the candidate's own, it needs a new vector.
    replaces: the superseded versions (or earlier candidates), at least one, the closest first.
    """

    candidate: Candidate
    replaces: tuple[Ref, ...]
    reason: ExpirationReason
    why: str


@dataclass(frozen=True, slots=True)
class InsertHistorical:
    """Decision that the candidate was said before `successor`, which replaced it already.

    It is stored as an expired version in the successor's history (see
    `version_chains.insert_before`).
    """

    candidate: Candidate
    successor: str
    reason: ExpirationReason
    why: str


@dataclass(frozen=True, slots=True)
class Contradicted:
    """Memory (or an earlier candidate) that a candidate contradicts, and why."""

    ref: Ref
    why: str


@dataclass(frozen=True, slots=True)
class RaiseConflict:
    """Decision that the candidate waits for the user's answers; contradicted memories stay.

    questions: one for each contradicted memory, in the same order, no two in the same words.
    """

    candidate: Candidate
    contradicted: tuple[Contradicted, ...]
    questions: tuple[MergeConflictQuestion, ...]
    why: str


Decision = Insert | Ignore | Supersede | InsertHistorical | RaiseConflict


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions, one per candidate in their order, and their connections.

    unusable: decisions of a model that could not be carried out; those candidates are inserted.
    """

    decisions: tuple[Decision, ...]
    connections: tuple[tuple[Ref, Ref], ...]
    unusable: int = 0


@dataclass(slots=True)
class _PlanState:
    """State of a plan while it is built."""

    session_created_at: datetime
    conflicts_enabled: bool
    model: StatementModel
    vectors: NDArray[np.float32]
    index: StatementIndex = field(default_factory=StatementIndex)
    doubts: list[Pair] = field(default_factory=list)


def reconcile(
    existing: Sequence[ExistingMemory],
    candidates: Sequence[Candidate],
    vectors: NDArray[np.float32],
    *,
    session_id: str,
    session_created_at: datetime,
    conflicts_enabled: bool,
    model: StatementModel,
) -> Plan:
    """Decide on candidates in order, by existing memories and by earlier candidates.

    vectors: (n, dim) float32, unit rows, one per candidate. session_created_at: in the zone of the
    user, in which days are compared. The plan does not depend on the order
    of `existing`. A reference in it is a memory id, or the index of an earlier candidate.
    Reconciling the same session a second time ignores every candidate that the first time stored.
    """
    ordered = sorted(existing, key=lambda item: (item.memory.created_at, item.memory.memory_id))
    rows = [item.vector for item in ordered]
    stacked = np.vstack([*rows, vectors]) if len(candidates) else np.zeros((0, 1), np.float32)
    state = _PlanState(session_created_at, conflicts_enabled, model, stacked)
    for order, item in enumerate(ordered):
        state.index.add(_existing_item(item, order, session_id))
    decisions: list[Decision] = []
    for index, candidate in enumerate(candidates):
        order = len(ordered) + index
        statement = read_candidate(candidate)
        decision = _decide(state, candidate, statement, index, order)
        decisions.append(decision)
        _index_decision(state, decision, statement, order, index)
    entries = _entries(state, decisions, len(ordered))
    return Plan(tuple(decisions), connect(entries, stacked, state.doubts))


def _existing_item(existing: ExistingMemory, order: int, session_id: str) -> Item:
    memory = existing.memory
    sessions = {memory.session_id, *(evidence.session_id for evidence in memory.evidence)}
    return Item(
        memory.memory_id,
        order,
        read(memory.content),
        memory.event_date_start,
        memory.event_date_end,
        memory.created_at,
        session_id in sessions,
        frozenset(e.position for e in memory.evidence if e.session_id == session_id),
        memory.expired_at is None,
    )


def _index_decision(
    state: _PlanState, decision: Decision, statement: Statement, order: int, index: int
) -> None:
    """Index a decision for the following candidates. statement: the candidate's own."""
    if isinstance(decision, Ignore | InsertHistorical):
        return
    if isinstance(decision, Supersede):
        state.index.remove(decision.replaces)
    candidate = decision.candidate
    is_merged = candidate.content != statement.content
    state.index.add(
        Item(
            index,
            order,
            read(candidate.content) if is_merged else statement,
            candidate.event_date_start,
            candidate.event_date_end,
            state.session_created_at,
            True,
            frozenset(candidate.evidence),
            not isinstance(decision, RaiseConflict),
        )
    )


def _entries(state: _PlanState, decisions: Sequence[Decision], first: int) -> list[Entry]:
    """Return the memories that will be current, for `connect`."""
    return [
        Entry(item.ref, item.order, item.statement, is_new=item.order >= first)
        for item in state.index.items.values()
        if item.open
    ]


def _decide(
    state: _PlanState, candidate: Candidate, statement: Statement, index: int, order: int
) -> Decision:
    near = state.index.near(statement)
    restated = _find_restated(candidate, statement, near)
    if restated is not None:
        return Ignore(candidate, restated.ref, f"adds nothing to “{restated.statement.content}”")
    live = [item for item in near if item.open]
    clashes = _find_clashes(state, candidate, statement, live)
    contradictions = [pair for pair in clashes if pair[1].change is Change.TRUTH]
    if contradictions:
        return _contradiction(state, candidate, statement, contradictions)
    changes = [pair for pair in clashes if pair[1].change is Change.TIME]
    changes = changes or _find_given_up(state, statement)
    if changes:
        refs = tuple(item.ref for item, _ in reversed(changes))
        why = changes[-1][1].why
        return Supersede(candidate, refs, ExpirationReason.TEMPORAL_CONFLICT, why)
    return (
        _insert_historical(state, candidate, statement, live)
        or _add_detail(state, candidate, statement, live, index)
        or _by_model(state, candidate, statement, index, order)
        or Insert(candidate, "no existing memory states or contradicts it")
    )


def _by_model(
    state: _PlanState, candidate: Candidate, statement: Statement, index: int, order: int
) -> Decision | None:
    """Decide on a candidate by the statement model; None where nothing near bears on it."""
    live = [item for item in state.index.items.values() if item.open]
    near = nearest(state.vectors[order], state.vectors, live)
    now = state.session_created_at
    later = [item for item in near if item.created_at > now]
    for item in later:
        if isinstance(item.ref, str) and is_changed_by(statement, item.statement, state.model):
            reason = ExpirationReason.TEMPORAL_CONFLICT
            return InsertHistorical(candidate, item.ref, reason, f"changed by {_quote(item)}")
    related = relate(statement, [item for item in near if item not in later], state.model)
    if related.changed:
        refs = tuple(item.ref for item in related.changed)
        why = f"changes {_quote(related.changed[0])}"
        return Supersede(candidate, refs, ExpirationReason.TEMPORAL_CONFLICT, why)
    if related.same:
        return Ignore(candidate, related.same[0].ref, f"says again {_quote(related.same[0])}")
    if related.contradicted and state.conflicts_enabled:
        clashes = [
            (item, Clash(Change.TRUTH, "said", f"contradicts {_quote(item)}"))
            for item in related.contradicted
        ]
        return _contradiction(state, candidate, statement, clashes)
    state.doubts += [(index, item.ref) for item in (*related.contradicted, *related.extended)]
    return None


def _quote(item: Item) -> str:
    return f"“{item.statement.content}”"


def _true_since(statement: Statement, end: datetime, said_on: date) -> date:
    """Return since when a statement is true: an event's day, else the day it was said."""
    past = statement.reading.tense is Tense.PAST
    return min(end.date(), said_on) if past else said_on


def _overlap(candidate: Candidate, item: Item) -> bool:
    return candidate.event_date_start <= item.end and item.start <= candidate.event_date_end


def _find_restated(candidate: Candidate, statement: Statement, near: Sequence[Item]) -> Item | None:
    """Return the item that already states all of the candidate, if there is one.

    Items that rest on the same messages come first, so that a session processed twice finds its
    stored statements. Then come those with the same words, then current ones, then the earliest.
    """
    positions = frozenset(candidate.evidence)
    ranked: list[tuple[tuple[bool, bool, bool, int], Item]] = []
    for item in near:
        if not (item.open or item.of_session) or not covers(item.statement, statement):
            continue
        if is_event(statement) and not _overlap(candidate, item):
            continue
        other_words = item.statement.content != candidate.content
        rank = (not positions <= item.positions, other_words, not item.open, item.order)
        ranked.append((rank, item))
    return min(ranked, key=lambda entry: entry[0])[1] if ranked else None


_Difference = tuple[Item, Clash]


def _find_clashes(
    state: _PlanState, candidate: Candidate, statement: Statement, live: Sequence[Item]
) -> list[_Difference]:
    """Return the items that cannot be true together with the candidate, with the clash.

    A contradiction counts in any order of the two. A change counts only if the candidate's day is
    not before the item's, and its session is not the earlier one.
    """
    now = state.session_created_at
    since = _true_since(statement, candidate.event_date_end, now.date())
    clashes: list[_Difference] = []
    for item in live:
        said_on = day_beside(item.created_at, now)
        then = _true_since(item.statement, item.end, said_on)
        times = Times(later=since > then, same_day=now.date() == said_on)
        difference = find_clash(statement, item.statement, times)
        if difference is None:
            continue
        in_order = since >= then and now >= item.created_at
        if difference.change is Change.TRUTH or in_order:
            clashes.append((item, difference))
    return _only_certain(clashes, statement)


_ONE_OF_MANY = frozenset({"possession", "pet", "relative", "employer"})


def _only_certain(clashes: list[_Difference], statement: Statement) -> list[_Difference]:
    """Drop the end of "the car" if there are memories of more than one car."""
    ending = statement.reading.polarity.value == "ended"
    family = statement.reading.attribute.partition(":")[0]
    if statement.reading.cue == "retired":
        return clashes
    if ending and family in _ONE_OF_MANY and len(clashes) > 1:
        return []
    return clashes


_HABITS = frozenset({"drink", "eat", "smoke", "use", "play", "watch", "take", "consum"})
_TAKEN_UP = frozenset({"start", "begin", "join", "attend", "take"})


def _find_given_up(state: _PlanState, statement: Statement) -> list[_Difference]:
    """Return the memory that a switch "from X" ends, if exactly one names X."""
    reading = statement.reading
    if reading.attribute not in {"switch", "*"} or reading.tense is Tense.FUTURE:
        return []
    given_up = frozenset(reading.replaced if reading.attribute == "switch" else reading.values)
    clashes = []
    for item in state.index.naming(reading.subject, given_up):
        own = item.statement.reading
        if not item.open:
            continue
        taken_up = (
            own.attribute in _TAKEN_UP and len(given_up) > 1 and given_up <= frozenset(own.values)
        )
        if own.tense is not Tense.PRESENT and not taken_up:
            continue
        if own.polarity.value != "asserts":
            continue
        if item.created_at > state.session_created_at:
            continue
        held_now = own.attribute in _HABITS or own.attribute in {"have", "has", "own", "drive"}
        kind = own.attribute.partition(":")
        if (
            taken_up
            or (held_now and frozenset(own.values) == given_up)
            or (kind[0] == "possession" and {kind[2], *own.values} >= given_up)
        ):
            why = f"{reading.subject}: {' '.join(sorted(given_up))} given up ({reading.cue})"
            clashes.append((item, Clash(Change.TIME, own.attribute, why)))
    return clashes if len(clashes) == 1 else []


def _contradiction(
    state: _PlanState,
    candidate: Candidate,
    statement: Statement,
    contradictions: Sequence[_Difference],
) -> Decision:
    why = contradictions[0][1].why
    if state.conflicts_enabled:
        new = DatedStatement(statement, state.session_created_at)
        old = [
            (item.ref, DatedStatement(item.statement, item.created_at), difference)
            for item, difference in contradictions
        ]
        return RaiseConflict(
            candidate,
            tuple(
                Contradicted(ref, reason(existing, new, difference.attribute))
                for ref, existing, difference in old
            ),
            distinct(
                [question(existing, new, difference.attribute) for _, existing, difference in old]
            ),
            why,
        )
    newer = [item for item, _ in contradictions if item.created_at > state.session_created_at]
    if newer and isinstance(newer[0].ref, str):
        return InsertHistorical(candidate, newer[0].ref, ExpirationReason.MERGE_CONFLICT, why)
    refs = tuple(item.ref for item, _ in contradictions)
    return Supersede(candidate, refs, ExpirationReason.MERGE_CONFLICT, why)


def _insert_historical(
    state: _PlanState, candidate: Candidate, statement: Statement, live: Sequence[Item]
) -> InsertHistorical | None:
    """Return the nearest later statement that has already replaced the candidate, if any."""
    now = state.session_created_at
    since = _true_since(statement, candidate.event_date_end, now.date())
    nearest: tuple[tuple[date, datetime], Item, Clash] | None = None
    for item in live:
        then = _true_since(item.statement, item.end, day_beside(item.created_at, now))
        if item.created_at <= now or then < since:
            continue
        times = Times(later=then > since, same_day=False)
        difference = find_clash(item.statement, statement, times)
        if difference is None or difference.change is not Change.TIME:
            continue
        order = (then, item.created_at)
        if nearest is None or order < nearest[0]:
            nearest = (order, item, difference)
    if nearest is None or not isinstance(nearest[1].ref, str):
        return None
    reason = ExpirationReason.TEMPORAL_CONFLICT
    return InsertHistorical(candidate, nearest[1].ref, reason, nearest[2].why)


def _add_detail(
    state: _PlanState, candidate: Candidate, statement: Statement, live: Sequence[Item], index: int
) -> Supersede | None:
    """Return the next version of the one memory to which the candidate adds detail.

    If it is not certain which memory that is, or that none of its content is lost, they are only
    connected.
    """
    additions: list[tuple[Item, Candidate]] = []
    for item in live:
        fuller = _merge_with(state, candidate, statement, item)
        if fuller is None:
            continue
        dated = not is_event(statement) or _overlap(candidate, item)
        timely = item.created_at <= state.session_created_at or statement.reading.immutable
        if dated and timely:
            additions.append((item, fuller))
        else:
            state.doubts.append((index, item.ref))
    if len(additions) > 1 and not statement.reading.single_valued:
        state.doubts.extend((index, item.ref) for item, _ in additions)
        additions = [
            pair for pair in additions if covers(pair[0].statement, additions[0][0].statement)
        ][:1]
    if not additions:
        return None
    item, stored = additions[-1]
    why = f"adds detail to “{item.statement.content}”"
    return Supersede(stored, (item.ref,), ExpirationReason.ADDITION_TO_EXISTING_MEMORY, why)


def _merge_with(
    state: _PlanState, candidate: Candidate, statement: Statement, item: Item
) -> Candidate | None:
    """Return the candidate with all that the item states, or None if that is impossible."""
    if covers(statement, item.statement):
        return _with_dates(state, candidate, item)
    new, old = statement.reading, item.statement.reading
    if (new.subject, new.attribute, new.polarity) != (old.subject, old.attribute, old.polarity):
        return None
    if (
        not new.single_valued
        or new.tense is not old.tense
        or compare_values(new, old) is not Fit.SAME
    ):
        return None
    content = merged_content(item.statement, statement)
    if content is None:
        return None
    return _with_dates(state, replace(candidate, content=content, clause=None), item)


def _with_dates(state: _PlanState, candidate: Candidate, item: Item) -> Candidate:
    """Return the candidate with the old version's dates if it has none of its own."""
    day = state.session_created_at.date()
    unstated = candidate.event_date_start.date() == day == candidate.event_date_end.date()
    if not unstated or not isinstance(item.ref, str):
        return candidate
    return replace(candidate, event_date_start=item.start, event_date_end=item.end)
