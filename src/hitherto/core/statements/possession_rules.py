"""Rules that read possessions and pets."""

import re

from hitherto.core.statements.attribute_types import Reading
from hitherto.core.statements.personal_rules import read_state
from hitherto.core.statements.phrases import (
    LIST,
    NUMBERS,
    make_reading,
    mark_ended,
    noun_phrase,
    text_before,
)
from hitherto.core.statements.predicate import Predicate
from hitherto.core.text.english_words import NAMED_PETS, RELATIVES, UNITS, word_set
from hitherto.core.text.terms import (
    name_runs,
    stem,
    terms_of,
    words_of,
)

_HAVE = word_set(
    """has have had owns own owned owning having got gets buys buying bought purchased acquired
    adopted rescued drives driving possesses"""
)
_GOT = word_set("got gets bought buying purchased acquired adopted rescued")
_LOSE = re.compile(
    r"^(?P<verb>sold|sells|gave away|got rid of|donated|scrapped|totalled|totaled|returned"
    r"|threw (?:away|out)|cancelled|canceled)\s+(?P<what>.+)$"
)
_DETERMINER = re.compile(
    rf"^(?P<det>an?|the|his|her|their|another|{'|'.join(UNITS[1:11])}|\d{{1,3}}"
    r"|several|many|some|no|any)\s+(?P<rest>.+)$",
    re.IGNORECASE,
)
_NAMED_TAIL = re.compile(r"(?:,)? (?:named|called|whose name is) (?P<names>[A-Z].*)$", re.DOTALL)
_ORDINAL = re.compile(
    r"\b(?:second|third|fourth|fifth|another|new|other|additional|extra|more|next|first)\b",
    re.IGNORECASE,
)
_THINGS = word_set(
    """car bike bicycle motorcycle motorbike scooter van truck boat house apartment flat condo
    piano guitar violin laptop computer tablet camera watch phone tv television console
    membership subscription cabin cottage caravan camper drone printer keyboard drum drums
    treadmill telescope ebike e-bike suv sedan jeep"""
)


def _head(noun: str) -> str:
    """Return the last word of a noun phrase as a stem."""
    words = words_of(noun)
    return stem(words[-1].lower()) if words else ""


def kind_of(noun: str) -> str:
    """Return the attribute of a possession: "pet:dog", "relative:sister", "possession:car"."""
    words = words_of(noun)
    if not words:
        return ""
    last = words[-1].lower()
    single = last.removesuffix("s")
    if last in NAMED_PETS or single in NAMED_PETS:
        return "pet:" + stem(last)
    if last in RELATIVES or single in RELATIVES:
        return "relative:" + stem(last)
    return "possession:" + stem(last) if last in _THINGS or single in _THINGS else ""


def read_possession(body: str, clause: Predicate) -> list[Reading]:
    """Read "has a dog named Rex", "sold the car", "has two cats"."""
    if match := _LOSE.match(body):
        return _lost(match["verb"], match["what"], clause)
    verb, _, what = body.partition(" ")
    if verb.lower() not in _HAVE or not what:
        return []
    health = read_state(body, clause)
    if health:
        return health
    return _had(verb.lower(), what, clause)


def _had(verb: str, what: str, clause: Predicate) -> list[Reading]:
    named = _NAMED_TAIL.search(what)
    names = name_runs(named["names"]) if named else ()
    noun = noun_phrase(what[: named.start()] if named else what)
    match = _DETERMINER.match(noun)
    if match is None:
        return []
    number = NUMBERS.get(match["det"].lower(), match["det"])
    bare = match["rest"]
    kind = kind_of(bare)
    if verb in _GOT:
        # To get one more is an event; what was held before stays.
        return []
    if number.isdigit() and number != "1" and " " not in bare and not names:
        return [make_reading(clause, "count:" + _head(bare), (number,))]
    if not kind or number.isdigit() or _ORDINAL.search(what) or LIST.search(bare):
        return []
    modifiers = tuple(term for term in terms_of(bare) if term != kind.partition(":")[2])
    return [make_reading(clause, kind, (*names, *modifiers))]


_RECEIVER = re.compile(r"(?<=\s)(?:to|for|at|in)\b")


def _lost(verb: str, what: str, clause: Predicate) -> list[Reading]:
    noun = text_before(_RECEIVER, noun_phrase(what))
    match = _DETERMINER.match(noun)
    bare = match["rest"] if match else noun
    kind = kind_of(bare)
    if not kind or (match and match["det"].lower() in {"a", "an", "some", "several", "many"}):
        return []
    modifiers = tuple(term for term in terms_of(bare) if term != kind.partition(":")[2])
    return [make_reading(mark_ended(clause, verb), kind, modifiers)]
