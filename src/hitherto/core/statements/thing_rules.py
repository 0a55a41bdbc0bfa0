"""Rules that read possessions, likes, food, changes, and "User's X is Y".

A rule takes a body (a verb phrase, see `predicate`) and its clause, and gives the readings it is
sure of, or none.
"""

import re
from dataclasses import replace

from hitherto.core.statements.attribute_types import Reading, Trait, trait_of
from hitherto.core.statements.people_rules import (
    LIST,
    NUMBERS,
    add_cue,
    date_parts,
    make_reading,
    mark_ended,
    noun_phrase,
    read_employment,
    read_state,
    text_before,
)
from hitherto.core.statements.predicate import Polarity, Predicate, Tense
from hitherto.core.text.english import NAMED_PETS, RELATIVES, UNITS, word_set
from hitherto.core.text.terms import (
    name_runs,
    stem,
    terms_of,
    without_vague_time,
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


def _kind_of(noun: str) -> str:
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
    kind = _kind_of(bare)
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
    kind = _kind_of(bare)
    if not kind or (match and match["det"].lower() in {"a", "an", "some", "several", "many"}):
        return []
    modifiers = tuple(term for term in terms_of(bare) if term != kind.partition(":")[2])
    return [make_reading(mark_ended(clause, verb), kind, modifiers)]


_DISLIKES = frozenset(map(stem, ("dislike", "hate", "detest", "loathe")))


def read_liking(body: str, clause: Predicate) -> list[Reading]:
    """Read likes and dislikes as one attribute of opposite polarity."""
    verb, _, what = body.partition(" ")
    if not what:
        return []
    if stem(verb.lower()) in _DISLIKES:
        if clause.polarity is not Polarity.ASSERTS:
            return []
        clause = replace(clause, polarity=Polarity.DENIES)
    values = tuple(term for term in terms_of(what) if term != "to")
    return [make_reading(clause, "like", values)] if values else []


def read_eating(body: str, clause: Predicate) -> list[Reading]:
    """Read what is eaten; to eat meat again also ends a diet without meat."""
    _, _, what = body.partition(" ")
    values = terms_of(noun_phrase(what))
    if not values or values[0] == "out":
        return []
    readings = [make_reading(clause, "eat", terms_of(what))]
    if values[0] == "fish" and re.search(r"\b(?:but|still|yet|and) (?:still )?no meat\b", what):
        readings.append(make_reading(clause, "diet", ("pescatarian",)))
    takes_up = clause.cue in {"again", "started", "now"} and clause.polarity is Polarity.ASSERTS
    if values == ("meat",) and takes_up and clause.tense is not Tense.FUTURE:
        readings.append(make_reading(clause, "diet", ("omnivore",)))
    return readings


_SWITCH = re.compile(
    r"^(?:switched|changed|upgraded|moved|converted|transitioned|migrated)(?: \w+){0,2}? "
    r"from (?P<old>.+?) to (?P<new>.+)$"
    r"|^replaced (?:his |her |their |the )?(?P<old2>.+?) (?:with|by) (?P<new2>.+)$"
    r"|^(?:traded|swapped|exchanged)(?: in)? (?:his |her |their |the )?"
    r"(?P<old3>.+?) for (?P<new3>.+)$",
    re.DOTALL,
)


def read_switch(body: str, clause: Predicate) -> list[Reading]:
    """Read "switched from X to Y" and "replaced X with Y"."""
    match = _SWITCH.match(body)
    if match is None or clause.polarity is not Polarity.ASSERTS:
        return []
    old = match["old"] or match["old2"] or match["old3"]
    new = match["new"] or match["new2"] or match["new3"]
    made = make_reading(add_cue(clause, body.split()[0]), "switch", terms_of(noun_phrase(new)))
    return [replace(made, replaced=terms_of(noun_phrase(old)))]


_OWNED_BE = re.compile(
    r"^(?:(?P<be>is|are|was|were)(?P<now> now)?|(?P<changed>(?:has )?(?:changed|switched) to|became"
    r"|has become))(?: on| in)? (?P<value>.+)$"
)
_OWNED = {
    "name": "name", "full name": "name", "first name": "first name", "last name": "surname",
    "surname": "surname", "birthday": "birthday", "birth date": "birthday",
    "date of birth": "birthday", "birthdate": "birthday", "birthplace": "birthplace",
    "place of birth": "birthplace", "age": "age", "job": "job", "profession": "job",
    "occupation": "job", "job title": "job", "employer": "employer",
    "phone number": "phone number", "email": "email", "email address": "email",
    "address": "address", "home address": "address", "blood type": "blood type",
    "blood group": "blood type", "diet": "diet", "marital status": "relationship status",
}  # fmt: skip


def read_owned(body: str, clause: Predicate) -> list[Reading]:
    """Read "User's X is Y"."""
    match = _OWNED_BE.match(body)
    if match is None:
        return []
    if match["now"] or match["changed"]:
        clause = add_cue(clause, "now" if match["now"] else "changed")
    value = match["value"]
    noun = re.sub(r"^(?:own|current|new|old) ", "", clause.owned)
    favourite = re.match(r"(?:all-time )?favou?rite (?P<what>.+)$", noun)
    if favourite and match["be"] not in {"was", "were", "are"}:
        return [make_reading(clause, "favourite:" + " ".join(terms_of(favourite["what"])),
                     terms_of(noun_phrase(value)))]  # fmt: skip
    attribute = _OWNED.get(noun)
    if attribute is None or match["be"] in {"were", "are"}:
        return []
    return _owned_value(attribute, value, replace(clause, tense=Tense.PRESENT)
                        if match["changed"] else clause)  # fmt: skip


def _owned_value(attribute: str, value: str, clause: Predicate) -> list[Reading]:
    if attribute == "birthday":
        parts = date_parts(value)
        return [make_reading(clause, attribute, parts)] if parts else []
    if attribute in {"name", "birthplace", "employer"}:
        runs = name_runs(noun_phrase(value))
        return [make_reading(clause, attribute, runs)] if runs else []
    if attribute == "age":
        number = re.match(r"\d{1,3}\b", value)
        return [make_reading(clause, attribute, (number[0],))] if number else []
    if attribute in {"relationship status", "diet"}:
        return read_state("is " + value, clause)
    if attribute in {"email", "phone number"}:
        return [make_reading(clause, attribute, (value.lower(),))]
    return [make_reading(clause, attribute, terms_of(noun_phrase(value)))]


def read_relative(body: str, clause: Predicate) -> list[Reading]:
    """Read "User's dog is named Rex", "User's dog Rex died" as something about the user's dog."""
    words = clause.subject.split()
    position = next((i for i, w in enumerate(words) if w in RELATIVES or w in NAMED_PETS), 0)
    if words[:1] != ["user's"] or not position:
        return []
    kind = _kind_of(words[position])
    name = " ".join(words[position + 1 :])
    modifiers = tuple(stem(word) for word in words[1:position] if word != "new")
    user = replace(clause, subject="user", owned="")
    if "new" in words[1:position]:
        user = add_cue(user, "new")
    if re.match(r"^(?:died|passed away|is dead)\b", body) and kind.startswith("pet:"):
        values = (name, *modifiers) if name else modifiers
        return [make_reading(mark_ended(user, "died"), kind, values)]
    named = re.match(r"^is (?:named |called )?(?P<name>[A-Z][\w-]*(?: [A-Z][\w-]*)*)$", body)
    if clause.owned == "name":
        named = re.match(r"^is (?P<name>[A-Z][\w-]*(?: [A-Z][\w-]*)*)$", body)
    elif clause.owned or (named and name):
        return []
    if named and clause.polarity is Polarity.ASSERTS:
        return [make_reading(user, kind, (named["name"].lower(), *modifiers))]
    return []


_LIGHT_VERBS = frozenset({"is", "are", "was", "were", "has", "have", "had", "be"})


def read_generic(body: str, clause: Predicate) -> Reading:
    """Read a verb without a rule as its stem and the terms after it."""
    words = words_of(body)
    if clause.owned:
        return make_reading(clause, "owned:" + " ".join(terms_of(clause.owned)), terms_of(body))
    if not words:
        return make_reading(clause, "", ())
    verb, rest = words[0].lower(), body.partition(words[0])[2]
    attribute = verb if verb in _LIGHT_VERBS else stem(verb)
    if trait_of(attribute) != Trait():  # who counts calories or names a boat has no such attribute
        attribute = f"verb:{attribute}"
    return make_reading(clause, attribute, terms_of(without_vague_time(rest)))


def read_given_up(body: str, clause: Predicate) -> list[Reading]:
    """Read "quit cigarettes" and "gave up coffee": a habit of that thing ends."""
    match = re.match(r"^(?P<cue>quit|gave up|given up|stopped)\s++(?P<what>[\w -]+)$", body)
    if match is None:
        return []
    readings = read_employment(body, clause)
    if readings or match["cue"] == "stopped":
        return readings
    values = terms_of(noun_phrase(match["what"]))
    return [make_reading(mark_ended(clause, match["cue"]), "*", values)] if values else []
