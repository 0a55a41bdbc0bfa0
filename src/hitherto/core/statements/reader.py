"""Reader of third-person statements: subject, attribute, values.

A reading is exact or it is generic: where no rule knows the verb, the attribute is the verb's stem
and nothing is claimed about how many values it can hold.
"""

import re
from collections.abc import Callable, Mapping

from hitherto.core.statements.attribute_rules import read_generic, read_owned
from hitherto.core.statements.attribute_types import Kind, Reading, Statement, Trait, trait_of
from hitherto.core.statements.employment_rules import read_employment, read_task
from hitherto.core.statements.personal_rules import read_state
from hitherto.core.statements.phrases import NUMBERS
from hitherto.core.statements.possession_rules import read_possession
from hitherto.core.statements.predicate import (
    Polarity,
    Predicate,
    Tense,
    analyse_clause,
    analyse_text,
)
from hitherto.core.statements.preference_rules import (
    read_eating,
    read_given_up,
    read_liking,
    read_switch,
)
from hitherto.core.statements.relative_rules import read_relative
from hitherto.core.statements.residence_rules import read_residence
from hitherto.core.text.caches import remembered
from hitherto.core.text.english_words import MONTH_NAMES
from hitherto.core.text.quotation import Quotation, quotation_of
from hitherto.core.text.terms import names_of, stem, terms_of
from hitherto.models import Candidate, Clause

__all__ = [
    "Kind",
    "Polarity",
    "Reading",
    "Statement",
    "Tense",
    "Trait",
    "read",
    "read_candidate",
    "read_clause",
    "trait_of",
]

_Rule = Callable[[str, Predicate], list[Reading]]
"""Function of a body (a verb phrase, see `predicate`) and its clause; returns certain readings."""

_RULES_OF_VERBS: tuple[tuple[str, tuple[_Rule, ...]], ...] = (
    ("lives live living lived resides residing resided relocated relocating relocate settled",
     (read_residence,)),
    ("moved move moving moves", (read_residence, read_switch)),
    ("works work working worked employed accepted landed found resigned joined",
     (read_employment,)),
    ("started starts starting", (read_employment,)),
    ("retired", (read_employment, read_state)),
    ("quit left lost gave given stopped",
     (read_employment, read_state, read_given_up,
      read_possession)),
    ("is are was were became become becoming turned turns went goes go follows follow followed "
     "born married engaged divorced separated dating seeing being developed outgrew promoted "
     "retrained qualified tries", (read_state,)),
    ("got gets",
     (read_state, read_employment, read_possession)),
    ("has have had owns own owned owning having buys buying bought purchased acquired adopted "
     "rescued drives driving possesses sold sells donated scrapped totalled totaled returned "
     "threw cancelled canceled", (read_possession, read_employment)),
    ("likes like loves love enjoys enjoy liked loved enjoyed adores adore dislikes dislike hates "
     "hate hated detests loathes liking loving enjoying", (read_liking,)),
    ("does do doing", (read_task,)),
    ("eats eat eating", (read_state, read_eating)),
    ("switched changed upgraded converted transitioned migrated replaced traded swapped exchanged",
     (read_switch, read_state)),
)  # fmt: skip
_RULES: Mapping[str, tuple[_Rule, ...]] = {
    verb: rules for verbs, rules in _RULES_OF_VERBS for verb in verbs.split()
}

_TRIGGERS = {
    family: frozenset(map(stem, words.split()))
    for family, words in {
        "residence": "live reside base locate move relocate settle to from back",
        "dwelling": "live move to",
        "employer": "work employ for job start company",
        "job": "work become job get",
        "name": "name call",
        "birthday": "born birthday birth date",
        "birthplace": "born",
        "age": "year old turn age",
        "relationship status": "get to with",
        "diet": "diet follow become go",
        "allergy": "allergy allergic to",
        "favourite": "favourite",
        "possession": "buy get purchase possess",
        "pet": "name call",
        "relative": "name call",
        "like": "like love enjoy adore",
    }.items()
}  # Words that only carry an attribute and are no detail of it.
_NO_WORDS: frozenset[str] = frozenset()


def _readings(clause: Predicate) -> list[Reading]:
    about_relative = read_relative(clause.body, clause)
    if about_relative:
        return about_relative
    if clause.owned:
        return read_owned(clause.body, clause)
    first = clause.body.split(maxsplit=1)[0].lower() if clause.body else ""
    for rule in _RULES.get(first, ()):
        readings = rule(clause.body, clause)
        if readings:
            return readings
    return []


_CUE_WORDS = frozenset(
    map(
        stem,
        (
            *("no", "longer", "anymore", "any", "more", "not", "used", "started", "began", "again"),
            *("quit", "stopped", "instead", "gave", "up", "now", "changed", "to"),
        ),
    )
)


def _used_up(reading: Reading) -> frozenset[str]:
    """Return the terms of a reading: its values, its attribute's name, its triggers."""
    family, _, rest = reading.attribute.partition(":")
    words = {reading.attribute, *rest.split()}
    for text in (*reading.values, *reading.replaced, reading.subject, family):
        words.update(terms_of(text))
        words.update(text.split())
    if reading.polarity is not Polarity.ASSERTS or reading.cue:
        words |= _CUE_WORDS
        words.update(map(stem, (reading.cue or "").split()))
    return frozenset(words) | _TRIGGERS.get(family, _NO_WORDS)


_DATE_TERM = re.compile(r"\d+(?:st|nd|rd|th)?")
_MONTH_TERMS = frozenset(map(stem, MONTH_NAMES))


def _is_detail(term: str, kinds: frozenset[Kind]) -> bool:
    """Return whether an unread term is a detail, not part of a date or number."""
    if Kind.DATE in kinds and (term in _MONTH_TERMS or _DATE_TERM.fullmatch(term)):
        return False
    return not (Kind.NUMBER in kinds and term in NUMBERS)


def _people_and_pets(readings: tuple[Reading, ...]) -> frozenset[str]:
    """Return the other subjects of readings: "user's sister ana", "user's dog"."""
    subjects = {reading.subject for reading in readings} - {"user", ""}
    for reading in readings:
        family, _, kind = reading.attribute.partition(":")
        if family in {"relative", "pet"}:
            subjects.add(f"user's {kind}")
    return frozenset(subjects)


@remembered(maxsize=20_000)
def read(content: str) -> Statement:
    """Return what a statement says; text that no rule knows is read generically.

    Cached, since the same memories are read again for every session: 50 microseconds each, or 2 kB.
    """
    quotation = quotation_of(content)
    return _statement(content, analyse_text(content)) if quotation is None else _quoted(quotation)


@remembered(maxsize=2_000)
def read_clause(clause: Clause) -> Statement:
    """Return what a clause says, in the same way as `read`."""
    return _statement(clause.text, analyse_clause(clause))


def read_candidate(candidate: Candidate) -> Statement:
    """Return what a candidate says: by its clause if it has one, else by its text."""
    return read(candidate.content) if candidate.clause is None else read_clause(candidate.clause)


def _statement(content: str, clause: Predicate) -> Statement:
    exact_readings = tuple(_readings(clause))
    readings = exact_readings or (read_generic(clause.body, clause),)
    terms = terms_of(re.sub(r"^\W*(?:the )?user(?:'s|’s)?\b", "", content, flags=re.IGNORECASE))
    term_set = frozenset(terms)
    used: frozenset[str] = frozenset().union(*map(_used_up, readings))
    kinds = frozenset(reading.trait.kind for reading in readings)
    details = frozenset(term for term in term_set - used if _is_detail(term, kinds))
    names = names_of(content)
    topics = names | _people_and_pets(readings)
    return Statement(
        content, terms, term_set, names, topics, readings, details, bool(exact_readings)
    )


def _quoted(quotation: Quotation) -> Statement:
    """Return own words as a statement, whose sense is left to the statement model."""
    terms, names = terms_of(quotation.words), names_of(quotation.words)
    reading = Reading("user", "said", terms, tense=Tense.PAST)
    return Statement(
        quotation.content, terms, frozenset(terms), names, names, (reading,), frozenset()
    )
