"""Side of a date without a year, ahead or behind, by the verb before it.

"The deadline was moved to 15 May" is in the past tense and speaks of a day ahead. What is open, as
in "wanted to leave on 15 May", is left to the nearest such day.
"""

from collections.abc import Sequence

from hitherto.core.dates.mentions import Direction
from hitherto.core.extraction import grammar
from hitherto.core.text import english_words as english
from hitherto.core.text.english_words import word_set

_MOVES = word_set("""
    moved pushed shifted changed delayed extended deferred prolonged brought fixed set confirmed
    approved adjourned put rebooked renewed
""")
"""Verbs that give something a day of its own: "to" and "until" name that day."""
_COMMITS = word_set("agreed decided promised arranged vowed resolved volunteered chose committed")
_INTENDS = word_set("""
    wanted hoped planned intended meant supposed going expected needed due asked told tried wished
    offered aimed chance plan plans idea ready allowed
""")
_ACQUIRES = word_set("bought got found received accepted secured ordered won scored")
_TICKETS = word_set("""
    ticket tickets flight flights seat seats reservation booking slot appointment invitation invite
""")
_JOINS = word_set("signed entered joined registered applied")
_STARTS = word_set("""
    starting beginning ending expiring opening closing leaving arriving departing moving coming
""")
_SUBJECTS = english.SUBJECT_PRONOUNS | word_set("user who which that")
_CLAUSES = word_set("that because if which")
_TARGETS = word_set("to for until till through")
_PASSIVES = word_set("was were been got")
_SURE_MODALS = english.MODALS - word_set("would could")


def direction_of(words: Sequence[str], span: str, *, past: bool) -> Direction:
    """Return where a date lies.

    words: the clause in front of it, in the third person, the subject as the first. span: the date
        as written. past: whether the clause's own predicate is past, for a date in front of it.
    """
    low = [word.lower() for word in words]
    head = grammar.skip_adverbs(low, 1)
    if head >= len(low):
        return "past" if past else "future"
    first_of_span = span.split()[0].lower() if span.split() else ""
    target = low[-1] if low[-1] in _TARGETS else first_of_span
    index = _governing(low, head)
    if index is None:
        return "future"
    if index == head and not past:
        direction: Direction = "nearest" if low[head] in ("would", "could", "'d") else "future"
    else:
        direction = _of_verb(low, index, target)
    if direction != "past":
        return direction
    return _of_rest(low, index)


def _governing(low: Sequence[str], head: int) -> int | None:
    """Return the finite verb nearest to the date; None for a present one behind "that"."""
    for index in range(len(low) - 1, head, -1):
        if low[index] in _CLAUSES and len(low) - index > 2 and low[index - 1] not in _CLAUSES:
            return None
        before = index - 1
        while before > head and low[before] in english.ADVERBS:
            before -= 1
        if low[before] in _SUBJECTS and before > head and _is_finite(low[index]):
            return index
    return head


def _is_finite(word: str) -> bool:
    return word in english.FORMS_OF_BE | english.MODALS | {"have", "has"} or grammar.is_past(word)


def _of_verb(low: Sequence[str], index: int, target: str) -> Direction:
    """Return where the date lies by the finite verb and its objects."""
    verb, group = low[index], set(low[index : index + 5])
    if verb in _SURE_MODALS or verb in ("is", "are", "am"):
        return "future"
    if verb in ("would", "could", "'d"):
        return "nearest"
    if group & english.PLANNING_VERBS:
        return "nearest" if verb == "had" else "future"
    if target in _TARGETS and group & _MOVES:
        return "nearest" if verb == "had" else "future"
    if target == "for" or (target == "from" and group & _PASSIVES):
        return "nearest"
    objects = set(low[index + 1 :])
    if verb in _ACQUIRES and objects & (_TICKETS | english.EVENT_NOUNS):
        return "future" if objects & _TICKETS else "nearest"
    if verb in _JOINS and objects & english.EVENT_NOUNS:
        return "nearest"
    return "past"


def _of_rest(low: Sequence[str], index: int) -> Direction:
    """Return where the date lies by a verb without tense behind a past one."""
    for at in range(len(low) - 1, index, -1):
        word = low[at]
        if word == "to" and at + 1 < len(low) and low[at + 1] in english.VERBS:
            governors = set(low[index:at])
            if governors & _COMMITS:
                return "future"
            is_open = governors & _INTENDS or low[at - 1] in ("was", "were")
            return "nearest" if is_open else "past"
        if grammar.is_gerund(word) and (low[at - 1] == "," or _is_start(low, at, index)):
            return "nearest"
        if word == "due":
            return "nearest"
    return "past"


def _is_start(low: Sequence[str], at: int, verb: int) -> bool:
    """Return whether a gerund says when its noun begins: "an offer starting on"."""
    return low[at] in _STARTS and at > verb + 1
