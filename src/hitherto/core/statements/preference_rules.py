"""Rules that read likes, food, switches, and habits that end."""

import re
from dataclasses import replace

from hitherto.core.statements.attribute_types import Reading
from hitherto.core.statements.employment_rules import read_employment
from hitherto.core.statements.phrases import (
    add_cue,
    make_reading,
    mark_ended,
    noun_phrase,
)
from hitherto.core.statements.predicate import Polarity, Predicate, Tense
from hitherto.core.text.terms import (
    stem,
    terms_of,
)

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
