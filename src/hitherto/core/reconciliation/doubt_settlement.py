"""Settles doubts by what the user says later in other words than those that are remembered.

Reconciliation by rules supersedes only what a statement contradicts exactly, because a memory that
was never questioned should not go for less. One that is in doubt is asked less of: that its ground
has changed speaks against it already. So an end of the things that it names ends it, and a "still"
about them is its next version.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hitherto.core.reconciliation.reconcile import ExistingMemory, Insert, Plan, Supersede
from hitherto.core.statements.reader import Polarity, Statement, Tense, read, read_candidate
from hitherto.core.text.english import word_set
from hitherto.core.text.terms import stem
from hitherto.models import ExpirationReason, SaidBy

_ENDING = frozenset(map(stem, word_set("cancel quit resign terminate finish drop")))
"""Verbs that end what they are about, where nothing says more exactly what they do."""

_CARRYING = frozenset(
    map(
        stem,
        word_set(
            "user go goes going use uses do does be is are has have visit visits attend attends"
            " train trains see sees take takes keep keeps to with at for from any more anymore no"
            " longer not never still stop stopped give gave given up membership subscription"
            " contract every each"
        ),
    )
)
"""What a statement says of a thing without naming another one."""

_FOR_ONCE = re.compile(r"\b(?:today|tonight|tomorrow|this (?:\w+)|yet|right now)\b", re.IGNORECASE)
_STILL = re.compile(r"\bstill\b", re.IGNORECASE)


def settled(plan: Plan, held: Sequence[ExistingMemory], session_date: datetime) -> Plan:
    """The plan in which statements that would stand beside a doubtful memory settle it.

    session_date: when they were said; they settle only what was in doubt before that.
    """
    taken = {ref for one in plan.decisions if isinstance(one, Supersede) for ref in one.replaces}
    open_ones = [
        (one.memory.memory_id, read(one.memory.content))
        for one in held
        if one.memory.expired_at is None
        and one.memory.doubted_at is not None
        and one.memory.doubted_at < session_date
        and one.memory.memory_id not in taken
    ]
    if not open_ones:
        return plan
    decisions = []
    for decision in plan.decisions:
        settling = _settling(decision, open_ones) if isinstance(decision, Insert) else None
        decisions.append(decision if settling is None else settling)
        if settling is not None:
            open_ones = [one for one in open_ones if one[0] not in settling.replaces]
    return replace(plan, decisions=tuple(decisions))


def _settling(decision: Insert, open_ones: Sequence[tuple[str, Statement]]) -> Supersede | None:
    candidate = decision.candidate
    if candidate.said_by is not SaidBy.USER:
        return None
    said = read_candidate(candidate)
    if _is_end(said):
        things = said.term_set - _CARRYING - _ENDING
        over = tuple(ref for ref, doubted in open_ones if things and things <= doubted.term_set)
        if over:
            why = "says that what was in doubt is over"
            return Supersede(candidate, over, ExpirationReason.TEMPORAL_CONFLICT, why)
    elif _STILL.search(candidate.content) and said.reading.tense is Tense.PRESENT:
        for ref, doubted in open_ones:
            if said.reading.polarity is Polarity.ASSERTS and _holds(doubted, said):
                reason = ExpirationReason.ADDITION_TO_EXISTING_MEMORY
                return Supersede(candidate, (ref,), reason, "says that what was in doubt holds")
    return None


def _is_end(said: Statement) -> bool:
    """Whether it says that something of the user's is over now."""
    reading = said.reading
    if reading.subject != "user" or reading.tense is Tense.FUTURE:
        return False
    if reading.polarity is Polarity.ASSERTS:
        return reading.tense is Tense.PAST and reading.attribute in _ENDING
    if reading.polarity is Polarity.ENDED:
        return True
    return reading.tense is Tense.PRESENT and _FOR_ONCE.search(said.content) is None


def _holds(doubted: Statement, said: Statement) -> bool:
    """Whether a statement names all that a doubtful memory does."""
    things = doubted.term_set - _CARRYING
    alike = doubted.reading.attribute == said.reading.attribute
    return bool(things) and things <= said.term_set and (len(things) > 1 or alike)
