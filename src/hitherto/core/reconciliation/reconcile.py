"""Decides what a session's statements do to what is remembered of a user.

Every statement gets one decision. Precision comes first: a memory is superseded only where both
statements were read exactly and cannot both hold now; in doubt the statement is inserted beside
what is there, because a duplicate costs a line of context and a false supersession costs a memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from hitherto.core.reconciliation.conflict_questions import Said, distinct, question, reason
from hitherto.core.reconciliation.connections import Entry, Pair, Ref, connect
from hitherto.core.reconciliation.merging import merged_content
from hitherto.core.reconciliation.statement_index import Item, StatementIndex
from hitherto.core.statements.comparison import (
    Change,
    Clash,
    Fit,
    Times,
    clash,
    covers,
    fit,
    is_event,
)
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
    """A version that is remembered.

    memory: a current version, or an expired one whose session or evidence is the session being
        weighed: those are never touched and only show what of the session is known already.
    vector: (dim,) float32 of unit length.
    """

    memory: MemoryVersion
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Insert:
    """The candidate becomes a memory of its own."""

    candidate: Candidate
    why: str


@dataclass(frozen=True, slots=True)
class Ignore:
    """The candidate says nothing new; its evidence is added to the memory `because`.

    An index names the earlier candidate that says it, which may itself wait in a conflict.
    """

    candidate: Candidate
    because: Ref
    why: str


@dataclass(frozen=True, slots=True)
class Supersede:
    """The candidate becomes the next version of what it takes the place of.

    candidate: what is to be stored. For an addition its content may be merged from both, and its
        dates may be those of the old version; where the content is not that of the candidate that
        was passed in, its vector has to be made anew.
    replaces: the superseded versions (or earlier candidates), at least one, the closest first.
    """

    candidate: Candidate
    replaces: tuple[Ref, ...]
    reason: ExpirationReason
    why: str


@dataclass(frozen=True, slots=True)
class InsertHistorical:
    """The candidate was said before `successor`, which has already taken its place.

    It is stored as an expired version in the successor's history (see `chains.insert_before`).
    """

    candidate: Candidate
    successor: str
    reason: ExpirationReason
    why: str


@dataclass(frozen=True, slots=True)
class Contradicted:
    """A memory (or an earlier candidate) that a candidate contradicts, and why."""

    ref: Ref
    why: str


@dataclass(frozen=True, slots=True)
class RaiseConflict:
    """The candidate waits until a person has answered the questions; what it contradicts stays.

    questions: one for each contradicted memory, in the same order, no two in the same words.
    """

    candidate: Candidate
    contradicted: tuple[Contradicted, ...]
    questions: tuple[MergeConflictQuestion, ...]
    why: str


Decision = Insert | Ignore | Supersede | InsertHistorical | RaiseConflict


@dataclass(frozen=True, slots=True)
class Plan:
    """One decision per candidate, in their order, and the connections that come with them.

    unusable: decisions of a model that could not be carried out; those candidates are inserted.
    """

    decisions: tuple[Decision, ...]
    connections: tuple[tuple[Ref, Ref], ...]
    unusable: int = 0


@dataclass(slots=True)
class _Desk:
    """What a plan is made from while it is made."""

    session_created_at: datetime
    conflicts_enabled: bool
    index: StatementIndex = field(default_factory=StatementIndex)
    doubts: list[Pair] = field(default_factory=list)


def reconcile(
    held: Sequence[ExistingMemory],
    candidates: Sequence[Candidate],
    vectors: NDArray[np.float32],
    *,
    session_id: str,
    session_created_at: datetime,
    conflicts_enabled: bool,
) -> Plan:
    """Weighs candidates in order against what is held, and each against those before it.

    vectors: (n, dim) float32, unit rows, one per candidate. The plan does not depend on the order
    of `held`. A reference in it is a memory id, or the index of an earlier candidate. Weighing the
    same session a second time ignores every candidate that the first time stored.
    """
    desk = _Desk(session_created_at, conflicts_enabled)
    ordered = sorted(held, key=lambda item: (item.memory.created_at, item.memory.memory_id))
    for order, one in enumerate(ordered):
        desk.index.add(_held_item(one, order, session_id))
    decisions: list[Decision] = []
    for index, candidate in enumerate(candidates):
        order = len(ordered) + index
        statement = read_candidate(candidate)
        decision = _decide(desk, candidate, statement, index)
        decisions.append(decision)
        _settle(desk, decision, statement, order, index)
    entries = _entries(desk, decisions, len(ordered))
    rows = [one.vector for one in ordered]
    stacked = np.vstack([*rows, vectors]) if len(candidates) else np.zeros((0, 1), np.float32)
    return Plan(tuple(decisions), connect(entries, stacked, desk.doubts))


def _held_item(held: ExistingMemory, order: int, session_id: str) -> Item:
    memory = held.memory
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


def _settle(desk: _Desk, decision: Decision, statement: Statement, order: int, index: int) -> None:
    """Make a decision visible to the candidates that follow. statement: the candidate's own."""
    if isinstance(decision, Ignore | InsertHistorical):
        return
    if isinstance(decision, Supersede):
        desk.index.remove(decision.replaces)
    candidate = decision.candidate
    is_merged = candidate.content != statement.content
    desk.index.add(
        Item(
            index,
            order,
            read(candidate.content) if is_merged else statement,
            candidate.event_date_start,
            candidate.event_date_end,
            desk.session_created_at,
            True,
            frozenset(candidate.evidence),
            not isinstance(decision, RaiseConflict),
        )
    )


def _entries(desk: _Desk, decisions: Sequence[Decision], first: int) -> list[Entry]:
    """The memories that will be current, as the connections want them."""
    return [
        Entry(item.ref, item.order, item.statement, is_new=item.order >= first)
        for item in desk.index.items.values()
        if item.open
    ]


def _decide(desk: _Desk, candidate: Candidate, statement: Statement, index: int) -> Decision:
    near = desk.index.near(statement)
    known = _restated(candidate, statement, near)
    if known is not None:
        return Ignore(candidate, known.ref, f"says nothing beyond “{known.statement.content}”")
    live = [item for item in near if item.open]
    parted = _parted(desk, candidate, statement, live)
    false = [pair for pair in parted if pair[1].change is Change.TRUTH]
    if false:
        return _contradiction(desk, candidate, statement, false)
    changed = [pair for pair in parted if pair[1].change is Change.TIME]
    changed = changed or _left_behind(desk, statement)
    if changed:
        refs = tuple(item.ref for item, _ in reversed(changed))
        why = changed[-1][1].why
        return Supersede(candidate, refs, ExpirationReason.TEMPORAL_CONFLICT, why)
    return (
        _preceding(desk, candidate, statement, live)
        or _addition(desk, candidate, statement, live, index)
        or Insert(candidate, "nothing held says this or speaks against it")
    )


def _effective(statement: Statement, end: datetime, said: datetime) -> datetime:
    """When a statement holds from: an event's own day, else the day on which it was said."""
    past = statement.reading.tense is Tense.PAST
    return min(end, said) if past else said


def _overlap(candidate: Candidate, item: Item) -> bool:
    return candidate.event_date_start <= item.end and item.start <= candidate.event_date_end


def _restated(candidate: Candidate, statement: Statement, near: Sequence[Item]) -> Item | None:
    """What already says all that the candidate says.

    First what rests on the same messages, so that a session weighed twice finds what it stored;
    then the same words; then what is current; the earliest of equals.
    """
    positions = frozenset(candidate.evidence)
    found: list[tuple[tuple[bool, bool, bool, int], Item]] = []
    for item in near:
        if not (item.open or item.of_session) or not covers(item.statement, statement):
            continue
        if is_event(statement) and not _overlap(candidate, item):
            continue
        other_words = item.statement.content != candidate.content
        rank = (not positions <= item.positions, other_words, not item.open, item.order)
        found.append((rank, item))
    return min(found, key=lambda one: one[0])[1] if found else None


_Parted = tuple[Item, Clash]


def _parted(
    desk: _Desk, candidate: Candidate, statement: Statement, live: Sequence[Item]
) -> list[_Parted]:
    """What the candidate cannot hold together with, now that it is the later word.

    A contradiction stands whatever the order in which the two were said. A change needs that the
    candidate's day is not before the other's, and that its session is not the earlier one.
    """
    now = desk.session_created_at
    since = _effective(statement, candidate.event_date_end, now).date()
    found: list[_Parted] = []
    for item in live:
        then = _effective(item.statement, item.end, item.created_at).date()
        times = Times(later=since > then, same_day=now.date() == item.created_at.date())
        parted = clash(statement, item.statement, times)
        if parted is None:
            continue
        in_order = since >= then and now >= item.created_at
        if parted.change is Change.TRUTH or in_order:
            found.append((item, parted))
    return _only_certain(found, statement)


_ONE_OF_MANY = frozenset({"possession", "pet", "relative", "employer"})


def _only_certain(found: list[_Parted], statement: Statement) -> list[_Parted]:
    """Leaves out the end of "the car" where more than one car is held."""
    ending = statement.reading.polarity.value == "ended"
    family = statement.reading.attribute.partition(":")[0]
    if statement.reading.cue == "retired":
        return found
    if ending and family in _ONE_OF_MANY and len(found) > 1:
        return []
    return found


_HABITS = frozenset({"drink", "eat", "smoke", "use", "play", "watch", "take", "consum"})
_TAKEN_UP = frozenset({"start", "begin", "join", "attend", "take"})


def _left_behind(desk: _Desk, statement: Statement) -> list[_Parted]:
    """What a switch "from X" or a given-up X leaves behind, if exactly one memory speaks of it."""
    reading = statement.reading
    if reading.attribute not in {"switch", "*"} or reading.tense is Tense.FUTURE:
        return []
    left = frozenset(reading.replaced if reading.attribute == "switch" else reading.values)
    found = []
    for item in desk.index.naming(reading.subject, left):
        own = item.statement.reading
        if not item.open:
            continue
        taken_up = own.attribute in _TAKEN_UP and len(left) > 1 and left <= frozenset(own.values)
        if own.tense is not Tense.PRESENT and not taken_up:
            continue
        if own.polarity.value != "asserts":
            continue
        if item.created_at > desk.session_created_at:
            continue
        held_now = own.attribute in _HABITS or own.attribute in {"have", "has", "own", "drive"}
        kind = own.attribute.partition(":")
        if (
            taken_up
            or (held_now and frozenset(own.values) == left)
            or (kind[0] == "possession" and {kind[2], *own.values} >= left)
        ):
            why = f"{reading.subject}: {' '.join(sorted(left))} given up ({reading.cue})"
            found.append((item, Clash(Change.TIME, own.attribute, why)))
    return found if len(found) == 1 else []


def _contradiction(
    desk: _Desk, candidate: Candidate, statement: Statement, false: Sequence[_Parted]
) -> Decision:
    why = false[0][1].why
    if desk.conflicts_enabled:
        new = Said(statement, desk.session_created_at)
        old = [(item.ref, Said(item.statement, item.created_at), c) for item, c in false]
        return RaiseConflict(
            candidate,
            tuple(Contradicted(ref, reason(one, new, c.attribute)) for ref, one, c in old),
            distinct([question(one, new, c.attribute) for _, one, c in old]),
            why,
        )
    newer = [item for item, _ in false if item.created_at > desk.session_created_at]
    if newer and isinstance(newer[0].ref, str):
        return InsertHistorical(candidate, newer[0].ref, ExpirationReason.MERGE_CONFLICT, why)
    refs = tuple(item.ref for item, _ in false)
    return Supersede(candidate, refs, ExpirationReason.MERGE_CONFLICT, why)


def _preceding(
    desk: _Desk, candidate: Candidate, statement: Statement, live: Sequence[Item]
) -> InsertHistorical | None:
    """The nearest later statement that has already taken the candidate's place, if any."""
    now = desk.session_created_at
    since = _effective(statement, candidate.event_date_end, now)
    found: tuple[datetime, Item, Clash] | None = None
    for item in live:
        then = _effective(item.statement, item.end, item.created_at)
        if item.created_at <= now or then.date() < since.date():
            continue
        times = Times(later=then.date() > since.date(), same_day=False)
        parted = clash(item.statement, statement, times)
        if parted is None or parted.change is not Change.TIME:
            continue
        if found is None or then < found[0]:
            found = (then, item, parted)
    if found is None or not isinstance(found[1].ref, str):
        return None
    reason = ExpirationReason.TEMPORAL_CONFLICT
    return InsertHistorical(candidate, found[1].ref, reason, found[2].why)


def _addition(
    desk: _Desk, candidate: Candidate, statement: Statement, live: Sequence[Item], index: int
) -> Supersede | None:
    """The next version of the one memory to which the candidate adds detail.

    Where it is not certain which memory that is, or that nothing of it would be lost, they are
    only connected.
    """
    found: list[tuple[Item, Candidate]] = []
    for item in live:
        fuller = _fuller(desk, candidate, statement, item)
        if fuller is None:
            continue
        dated = not is_event(statement) or _overlap(candidate, item)
        timely = item.created_at <= desk.session_created_at or statement.reading.immutable
        if dated and timely:
            found.append((item, fuller))
        else:
            desk.doubts.append((index, item.ref))
    if len(found) > 1 and not statement.reading.single_valued:
        desk.doubts.extend((index, item.ref) for item, _ in found)
        found = [pair for pair in found if covers(pair[0].statement, found[0][0].statement)][:1]
    if not found:
        return None
    item, stored = found[-1]
    why = f"adds detail to “{item.statement.content}”"
    return Supersede(stored, (item.ref,), ExpirationReason.ADDITION_TO_EXISTING_MEMORY, why)


def _fuller(
    desk: _Desk, candidate: Candidate, statement: Statement, item: Item
) -> Candidate | None:
    """The candidate as it says all that the item says, or None where that cannot be had."""
    if covers(statement, item.statement):
        return _with_dates(desk, candidate, item)
    new, old = statement.reading, item.statement.reading
    if (new.subject, new.attribute, new.polarity) != (old.subject, old.attribute, old.polarity):
        return None
    if not new.single_valued or new.tense is not old.tense or fit(new, old) is not Fit.SAME:
        return None
    content = merged_content(item.statement, statement)
    if content is None:
        return None
    return _with_dates(desk, replace(candidate, content=content, clause=None), item)


def _with_dates(desk: _Desk, candidate: Candidate, item: Item) -> Candidate:
    """Keep the old version's dates where the candidate names none, so that no date is lost."""
    day = desk.session_created_at.date()
    unstated = candidate.event_date_start.date() == day == candidate.event_date_end.date()
    if not unstated or not isinstance(item.ref, str):
        return candidate
    return replace(candidate, event_date_start=item.start, event_date_end=item.end)
