"""Compare two statements: equal content, more content, or contradiction.

The first argument is the newer statement throughout; nothing here is symmetric.
"""

from dataclasses import dataclass
from enum import StrEnum

from hitherto.core.statements.attribute_types import Kind, Reading, Statement
from hitherto.core.statements.predicate import Polarity, Tense
from hitherto.core.statements.regions import is_region, is_wide
from hitherto.core.text.english_words import NAMED_PETS, RELATIVES, SOLE_RELATIVES, word_set
from hitherto.core.text.terms import stem


class Fit(StrEnum):
    """Relation between the values of two readings of one attribute."""

    SAME = "same"
    NARROWER = "narrower"
    WIDER = "wider"
    OTHER = "other"
    UNSURE = "unsure"


def compare_values(new: Reading, old: Reading) -> Fit:
    """Compare the values of two readings: NARROWER says more, UNSURE may be same or other."""
    if new.values == old.values:
        return Fit.SAME
    kind = new.trait.kind
    if kind is Kind.NAMES:
        return _fit_names(new, old)
    if kind is Kind.DATE:
        return _fit_dates(new.values, old.values)
    if kind is Kind.NUMBER:
        return Fit.OTHER
    first, second = frozenset(new.values), frozenset(old.values)
    if first >= second:
        return Fit.NARROWER if first > second else Fit.SAME
    if first < second:
        return Fit.WIDER
    if new.attribute == "relationship status":
        return Fit.OTHER if new.values[:1] != old.values[:1] else Fit.UNSURE
    return Fit.UNSURE if first & second else Fit.OTHER


def _fit_names(new: Reading, old: Reading) -> Fit:
    if not new.values or not old.values:
        return Fit.UNSURE
    first, second = new.values[0], old.values[0]
    if first == second:
        return Fit.NARROWER if len(new.values) > len(old.values) else Fit.WIDER
    if first in old.values:
        return Fit.WIDER
    if second in new.values:
        return Fit.NARROWER
    words, other_words = frozenset(first.split()), frozenset(second.split())
    if words > other_words:
        return Fit.NARROWER
    if words < other_words:
        return Fit.WIDER
    if new.attribute in {"residence", "birthplace"}:
        unlike = is_region(first) != is_region(second) or is_wide(first) or is_wide(second)
        return Fit.UNSURE if unlike else Fit.OTHER
    if new.attribute == "name" and (words & other_words or first[:2] == second[:2]):
        return Fit.UNSURE  # a short form or another spelling of one name
    return Fit.UNSURE if words & other_words else Fit.OTHER


def _fit_dates(new: tuple[str, ...], old: tuple[str, ...]) -> Fit:
    parts, old_parts = ({part[0]: part for part in values} for values in (new, old))
    shared = parts.keys() & old_parts.keys()
    if any(parts[key] != old_parts[key] for key in shared):
        return Fit.OTHER
    if parts.keys() > old_parts.keys():
        return Fit.NARROWER
    return Fit.WIDER if parts.keys() < old_parts.keys() else Fit.UNSURE


_TURNING = frozenset(
    map(
        stem,
        word_set(
            """less than except but only unless hardly never without instead rarely sometimes almost
            another second third fourth other new too again additional extra next not stopped no
            longer until formerly"""
        ),
    )
)
"""Stems that make a longer statement say something else than the shorter one inside it."""

_NEGATING = frozenset(map(stem, word_set("not no longer never stopped formerly")))


def is_event(statement: Statement) -> bool:
    """Return whether a statement is about an event, not a state or a plan."""
    reading = statement.reading
    return reading.tense is Tense.PAST and not reading.single_valued


def _is_inside(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """Return whether `part` is a subsequence of `whole`."""
    rest = iter(whole)
    return all(term in rest for term in part)


def covers(statement: Statement, other: Statement) -> bool:
    """Return whether `statement` says all that `other` says, about the same and in the same sense.

    Dates are not looked at: two events in the same words may still be two events. The same content
    says the same, even if a clause and a text of it are read differently.
    """
    if statement.content == other.content:
        return True
    if statement.terms == other.terms and statement.reading.polarity == other.reading.polarity:
        return statement.reading.tense is other.reading.tense
    denied = statement.reading.polarity is not Polarity.ASSERTS
    turning = _TURNING - _NEGATING if denied else _TURNING  # the polarities are compared below
    if (statement.term_set - other.term_set) & turning:
        return False
    if not other.details <= statement.term_set:
        return False
    return all(_is_said(reading, statement) for reading in other.readings)


def _is_said(reading: Reading, statement: Statement) -> bool:
    for own in statement.readings:
        if own.subject != reading.subject or own.attribute != reading.attribute:
            continue
        if own.polarity is not reading.polarity or not _same_sense(own, reading):
            continue
        close = compare_values(own, reading)
        if close is Fit.NARROWER and own.trait.kind is not Kind.TERMS:
            return True
        # The order of the words counts, save in a list of things liked: "tea to coffee".
        ordered = own.single_valued or own.attribute == "like" or own.values == reading.values
        if close is Fit.SAME and (ordered or _is_inside(reading.values, own.values)):
            return True
        if close is Fit.NARROWER and (
            own.trait.single_valued or _is_extended(reading.values, own.values)
        ):
            return True
    return False


_MOST_WORDS_BETWEEN = 3


def _is_extended(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """Return whether `whole` is `part` with more behind it, or with a few words put in.

    "Loves fantasy" is not what "loves how a passion for fantasy brings people together" adds to.
    """
    if whole[: len(part)] == part:
        return True
    return len(whole) - len(part) <= _MOST_WORDS_BETWEEN and _is_inside(part, whole)


def _same_sense(own: Reading, reading: Reading) -> bool:
    """Return whether both are plans, or neither is and no beginning separates them."""
    if own.tense is reading.tense:
        return (own.cue == "started") <= (reading.cue == "started") or own.single_valued
    return own.single_valued and Tense.FUTURE not in {own.tense, reading.tense}


class Change(StrEnum):
    """Kind of clash: time has passed, or one of the statements is untrue."""

    TIME = "time"
    TRUTH = "truth"


@dataclass(frozen=True, slots=True)
class Clash:
    """Reason why two statements cannot both hold, as an attribute and a sentence."""

    change: Change
    attribute: str
    why: str


@dataclass(frozen=True, slots=True)
class Times:
    """Order of two statements: the newer one's day is later, or they are of one day."""

    later: bool
    same_day: bool


def find_clash(new: Statement, old: Statement, times: Times) -> Clash | None:
    """Return why two statements cannot both hold; None if they can, or in doubt.

    A statement that also says something else, which the new one does not touch, can always hold:
    its other half would be lost.
    """
    first_clash: Clash | None = None
    untouched = []
    for old_reading in old.readings:
        mine = [r for r in new.readings if _same_topic(r, old_reading)]
        clashes = [c for r in mine if (c := _clash(r, old_reading, times)) is not None]
        if clashes:
            first_clash = first_clash or clashes[0]
        elif not any(compare_values(r, old_reading) in {Fit.SAME, Fit.NARROWER} for r in mine):
            untouched.append(old_reading)
    if first_clash is None or any(
        not _goes_with(r.attribute, first_clash.attribute) for r in untouched
    ):
        return None
    return first_clash


def _same_topic(new: Reading, old: Reading) -> bool:
    return new.subject == old.subject and new.attribute == old.attribute


def _goes_with(attribute: str, other: str) -> bool:
    """Return whether one attribute changes with the other, as a job does with the employer."""
    return {attribute, other} <= {"employer", "job"}


def _clash(new: Reading, old: Reading, times: Times) -> Clash | None:
    if Tense.FUTURE in {new.tense, old.tense}:
        return None
    if new.polarity is Polarity.ASSERTS and old.polarity is Polarity.ASSERTS:
        return _other_value(new, old, times) if new.single_valued else None
    if new.polarity is Polarity.ENDED and old.polarity is Polarity.ASSERTS:
        return _end(new, old)
    if new.polarity is Polarity.DENIES and old.polarity is Polarity.ASSERTS:
        return _denial(new, old, times)
    if new.polarity is Polarity.ASSERTS:
        return _return(new, old, times)
    return None


def _other_value(new: Reading, old: Reading, times: Times) -> Clash | None:
    """Return the clash of two values where an attribute holds one at a time."""
    if compare_values(new, old) is not Fit.OTHER:
        return None
    trait, topic = new.trait, f"{new.subject}: {new.attribute}"
    values = f"{' '.join(old.values)} before, {' '.join(new.values)} now"
    change = Clash(Change.TIME, new.attribute, f"{topic} changed ({values}; {new.cue or 'later'})")
    conflict = Clash(Change.TRUTH, new.attribute, f"{topic} cannot be both ({values})")
    if new.attribute == "age":
        return _other_age(new, old, times, change, conflict)
    if new.cue is not None and (not trait.immutable or new.cue in {"changed", "now"}):
        return change
    if not is_sole(new.subject):
        return None
    if trait.immutable:
        return conflict
    if trait.silent and times.later and new.tense is Tense.PRESENT:
        return change
    both_hold = new.tense is Tense.PRESENT and old.tense is Tense.PRESENT and old.cue is None
    return conflict if trait.strict and times.same_day and both_hold else None


def _other_age(
    new: Reading, old: Reading, times: Times, change: Clash, conflict: Clash
) -> Clash | None:
    """Return the clash of two ages: they grow, and differ on no single day."""
    if not is_sole(new.subject):
        return None
    if times.same_day and new.cue is None:
        return conflict
    return change if int(new.values[0]) > int(old.values[0]) else None


def is_sole(subject: str) -> bool:
    """Return whether a subject is only one person: the user, a mother, someone named."""
    words = subject.split()
    if words[:1] != ["user's"]:
        return bool(subject)
    head = next((i for i, w in enumerate(words) if w in RELATIVES or w in NAMED_PETS), len(words))
    return head < len(words) and (head + 1 < len(words) or words[head] in SOLE_RELATIVES)


def _holds(reading: Reading) -> bool:
    """Return whether a reading is a lasting state, which alone can end."""
    return reading.tense is Tense.PRESENT or reading.single_valued


_VALUELESS_ENDS = frozenset({"employer", "job", "smoke"})


def _end(new: Reading, old: Reading) -> Clash | None:
    """Return the clash of an end with what held."""
    if not _holds(old):
        return None
    why = Clash(Change.TIME, new.attribute, f"{new.subject}: {new.attribute} ended ({new.cue})")
    if not new.values:
        own = new.attribute.partition(":")[0] in {"possession", "pet", "relative"}
        return why if new.attribute in _VALUELESS_ENDS or own or not old.values else None
    return why if compare_values(old, new) in {Fit.SAME, Fit.NARROWER} else None


def _denial(new: Reading, old: Reading, times: Times) -> Clash | None:
    """Return the clash of a denial with what was asserted."""
    if compare_values(new, old) is not Fit.SAME or not (_holds(old) and _holds(new)):
        return None
    topic = f"{new.subject}: {new.attribute}"
    if new.trait.timeless or new.immutable:
        return Clash(Change.TRUTH, new.attribute, f"{topic} was asserted and is now denied")
    if times.later:
        return Clash(Change.TIME, new.attribute, f"{topic} holds no more")
    if times.same_day:
        return Clash(Change.TRUTH, new.attribute, f"{topic} was asserted and denied on one day")
    return None


def _return(new: Reading, old: Reading, times: Times) -> Clash | None:
    """Return the clash of an assertion with what was denied or had ended."""
    close = compare_values(new, old)
    if close not in {Fit.SAME, Fit.NARROWER} or not _holds(new):
        return None
    topic = f"{new.subject}: {new.attribute}"
    if new.cue is not None:
        return Clash(Change.TIME, new.attribute, f"{topic} holds again ({new.cue})")
    if old.polarity is Polarity.ENDED or close is not Fit.SAME:
        return None
    if new.trait.timeless or new.immutable:
        return Clash(Change.TRUTH, new.attribute, f"{topic} was denied and is now asserted")
    if times.later:
        return Clash(Change.TIME, new.attribute, f"{topic} holds by now")
    if times.same_day:
        return Clash(Change.TRUTH, new.attribute, f"{topic} was denied and asserted on one day")
    return None
