"""Rules that read "User's X is Y", and verbs without a rule."""

import re
from dataclasses import replace

from hitherto.core.statements.attribute_types import Reading, Trait, trait_of
from hitherto.core.statements.personal_rules import read_state
from hitherto.core.statements.phrases import (
    add_cue,
    date_parts,
    make_reading,
    noun_phrase,
)
from hitherto.core.statements.predicate import Predicate, Tense
from hitherto.core.text.terms import (
    name_runs,
    stem,
    terms_of,
    without_vague_time,
    words_of,
)

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
