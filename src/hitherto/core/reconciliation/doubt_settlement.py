"""Settle doubts by later statements of the user, worded differently.

Reconciliation by rules supersedes only what a statement contradicts exactly, because a certain
memory should not be lost for less. For a memory in doubt less is needed, because its ground has
changed already. So a statement that ends the things it names ends it, and one with "still" about
them is its next version.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hitherto.core.reconciliation.reconcile import ExistingMemory, Insert, Plan, Supersede
from hitherto.core.statements.reader import Polarity, Statement, Tense, read, read_candidate
from hitherto.core.text.english_words import word_set
from hitherto.core.text.terms import stem
from hitherto.models import ExpirationReason, SaidBy

_ENDING = frozenset(map(stem, word_set("cancel quit resign terminate finish drop")))
"""Verbs that end their object."""

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
"""Words that name no further object."""

_FOR_ONCE = re.compile(r"\b(?:today|tonight|tomorrow|this (?:\w+)|yet|right now)\b", re.IGNORECASE)
_STILL = re.compile(r"\bstill\b", re.IGNORECASE)


def settle_doubts(plan: Plan, existing: Sequence[ExistingMemory], session_date: datetime) -> Plan:
    """Return the plan with inserted statements that settle a doubt as its successors.

    session_date: when they were said; they settle only doubts from before that.
    """
    taken = {ref for item in plan.decisions if isinstance(item, Supersede) for ref in item.replaces}
    doubtful = [
        (item.memory.memory_id, read(item.memory.content))
        for item in existing
        if item.memory.expired_at is None
        and item.memory.doubted_at is not None
        and item.memory.doubted_at < session_date
        and item.memory.memory_id not in taken
    ]
    if not doubtful:
        return plan
    decisions = []
    for decision in plan.decisions:
        settlement = _settle(decision, doubtful) if isinstance(decision, Insert) else None
        decisions.append(decision if settlement is None else settlement)
        if settlement is not None:
            doubtful = [item for item in doubtful if item[0] not in settlement.replaces]
    return replace(plan, decisions=tuple(decisions))


def _settle(decision: Insert, doubtful: Sequence[tuple[str, Statement]]) -> Supersede | None:
    candidate = decision.candidate
    if candidate.said_by is not SaidBy.USER:
        return None
    stated = read_candidate(candidate)
    if _is_end(stated):
        terms = stated.term_set - _CARRYING - _ENDING
        ended = tuple(ref for ref, doubted in doubtful if terms and terms <= doubted.term_set)
        if ended:
            why = "says that a doubtful memory is over"
            return Supersede(candidate, ended, ExpirationReason.TEMPORAL_CONFLICT, why)
    elif _STILL.search(candidate.content) and stated.reading.tense is Tense.PRESENT:
        for ref, doubted in doubtful:
            if stated.reading.polarity is Polarity.ASSERTS and _holds(doubted, stated):
                reason = ExpirationReason.ADDITION_TO_EXISTING_MEMORY
                return Supersede(candidate, (ref,), reason, "confirms a doubtful memory")
    return None


def _is_end(stated: Statement) -> bool:
    """Return whether a statement says that something of the user's is over."""
    reading = stated.reading
    if reading.subject != "user" or reading.tense is Tense.FUTURE:
        return False
    if reading.polarity is Polarity.ASSERTS:
        return reading.tense is Tense.PAST and reading.attribute in _ENDING
    if reading.polarity is Polarity.ENDED:
        return True
    return reading.tense is Tense.PRESENT and _FOR_ONCE.search(stated.content) is None


def _holds(doubted: Statement, stated: Statement) -> bool:
    """Return whether a statement names everything that a doubtful memory names."""
    terms = doubted.term_set - _CARRYING
    is_same_attribute = doubted.reading.attribute == stated.reading.attribute
    return bool(terms) and terms <= stated.term_set and (len(terms) > 1 or is_same_attribute)
