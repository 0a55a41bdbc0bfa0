"""Rules that read personal data: age, birth, name, relationship status, allergies, diet."""

import re
from dataclasses import replace

from hitherto.core.statements.attribute_types import Reading
from hitherto.core.statements.employment_rules import (
    lost_job_readings,
    occupation_readings,
    work_readings,
)
from hitherto.core.statements.phrases import (
    LIST,
    PLACE_END,
    add_cue,
    date_parts,
    make_reading,
    mark_ended,
    noun_phrase,
    text_before,
)
from hitherto.core.statements.predicate import Predicate, Tense
from hitherto.core.statements.residence_rules import home_readings
from hitherto.core.text.english_words import MONTH_NAMES, word_set
from hitherto.core.text.terms import (
    name_runs,
    terms_of,
    without_vague_time,
)

_DIETS = word_set("vegetarian vegan pescatarian omnivore flexitarian carnivore")
_OTHER_DIETS = word_set(
    """keto paleo gluten-free dairy-free low-carb halal kosher plant-based lactose-free
    sugar-free"""
)
_STATUSES = {
    "married": "married", "engaged": "engaged", "divorced": "divorced", "single": "single",
    "dating": "dating", "separated": "separated", "widowed": "widowed", "widow": "widowed",
    "widower": "widowed", "seeing": "dating",
}  # fmt: skip
_STATUS = re.compile(
    r"^(?:(?:is|are|got|was|became|get|gets|be) )?(?:recently |happily |newly )?(?P<status>"
    + "|".join(_STATUSES)
    + r")(?: (?:to|with|from) (?P<to>.+))?(?P<whom> [A-Z].*)?$",
    re.DOTALL,
)
_AGE = re.compile(
    r"^(?:is|turned|turns) (?:about )?(?P<age>\d{1,3})(?: years?[- ]old| years? of age)?$"
)
_ALLERGIC = re.compile(
    r"^is (?:(?P<how>severely|very|mildly|slightly|highly) )?allergic to (?P<what>.+)$"
    r"|^(?:has|have|had|developed|outgrew|lost) (?:an? |his |her |their )?(?:severe |mild |bad )?"
    r"(?:(?P<pre>.+?) allerg(?:y|ies)|allerg(?:y|ies) to (?P<post>.+))$"
)
_DIET = re.compile(
    r"^(?:is|became|went|goes|going|turned|being|becoming|go|follows|followed|follow|has|eats"
    r"|eating|tries|on)(?: on)? (?:an? )?(?:strict(?:ly)? |mostly )?(?P<diet>[\w-]+)(?: diet)?$"
)
_NAMED = re.compile(r"^is (?:named|called) (?P<name>.+)$")
_FROM_HOME = re.compile(r"^is based (?:in|out of) (?P<place>.+)$")
_BORN = re.compile(r"^(?:was |is )?born(?: and raised)?\b(?P<rest>.*)$")


def read_state(body: str, clause: Predicate) -> list[Reading]:
    """Read what somebody is, got or became."""
    plain = without_vague_time(body).strip()
    if match := _ALLERGIC.match(plain):
        return _allergies(match, body, clause)
    if match := _AGE.match(noun_phrase(plain)):
        turned = body.startswith("turn")
        return [
            make_reading(add_cue(clause, "turned") if turned else clause, "age", (match["age"],))
        ]
    if match := _STATUS.match(text_before(_STATUS_END, plain)):
        return _relationship(match, plain, clause)
    if match := _BORN.match(body):
        return _birth(match["rest"], clause)
    if match := _NAMED.match(plain):
        runs = name_runs(noun_phrase(match["name"]))
        return [make_reading(clause, "name", runs)] if runs else []
    if match := _FROM_HOME.match(plain):
        return home_readings(match["place"], clause, ())
    if re.match(r"^is employed\b", plain):
        return work_readings(plain.split(" ", 1)[1], clause)
    return (
        _diet(plain, clause)
        or occupation_readings(plain, clause)
        or lost_job_readings(body, clause)
    )


_STATUS_END = re.compile(r",|\b(?:on|since|in|for|at|because|after|but|and|when)\b")


def _allergies(match: re.Match[str], body: str, clause: Predicate) -> list[Reading]:
    what = noun_phrase(match["what"] or match["pre"] or match["post"])
    if body.startswith("developed"):
        clause = add_cue(clause, "developed")
    if body.startswith(("outgrew", "lost")):
        clause = mark_ended(clause, "outgrew")
    items = [terms_of(item) for item in LIST.split(what)]
    return [make_reading(clause, "allergy:" + " ".join(item), item) for item in items if item]


def _relationship(match: re.Match[str], body: str, clause: Predicate) -> list[Reading]:
    status = _STATUSES[match["status"].lower()]
    whom = name_runs(match["to"] or match["whom"] or "")
    if body.startswith(("got ", "became ", "gets ", "get ")):
        clause = replace(add_cue(clause, "got"), polarity=clause.polarity)
    return [make_reading(clause, "relationship status", (status, *whom[:1]))]


def _birth(rest: str, clause: Predicate) -> list[Reading]:
    readings = []
    parts = date_parts(rest)
    if parts:
        readings.append(make_reading(clause, "birthday", parts))
    match = _BIRTHPLACE.search(rest)
    runs = name_runs(text_before(PLACE_END, match["place"])) if match else ()
    if runs:
        readings.append(make_reading(clause, "birthplace", runs))
    return readings


_BIRTHPLACE = re.compile(rf"\bin (?P<place>(?!{'|'.join(MONTH_NAMES)})[A-Z].*)", re.IGNORECASE)


def _diet(body: str, clause: Predicate) -> list[Reading]:
    match = _DIET.match(noun_phrase(body))
    if match is None:
        return []
    diet = match["diet"].lower()
    if body.startswith(("became", "went", "turned", "becom")):
        clause = add_cue(clause, "became")
    if body.startswith("went") and clause.tense is Tense.PAST:
        clause = replace(clause, tense=Tense.PRESENT)
    if diet in _DIETS:
        return [make_reading(clause, "diet", (diet,))]
    return [make_reading(clause, "diet:" + diet, (diet,))] if diet in _OTHER_DIETS else []
