"""Splits a third-person statement into who it is about and what is said: polarity, tense, cue.

What is left of the statement is its body, which starts with a verb in some form: "no longer plays
tennis" gives the body "plays tennis" with the polarity ENDED and the cue "no longer".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from hitherto.core.text.english_words import (
    CONJUNCTIONS,
    NAMED_PETS,
    NOUN_LIKE_PASTS,
    PASTS,
    PREPOSITIONS,
    RELATIVES,
    SAME_RELATIVE,
    word_set,
)
from hitherto.models import Clause

_PAST_FORMS = (PASTS - NOUN_LIKE_PASTS) | {"were"}


class Polarity(StrEnum):
    """Claim of a statement: something holds, does not hold, or holds no more."""

    ASSERTS = "asserts"
    DENIES = "denies"
    ENDED = "ended"


class Tense(StrEnum):
    """Tense: present for states and habits, past for events, future for plans."""

    PAST = "past"
    PRESENT = "present"
    FUTURE = "future"


@dataclass(frozen=True, slots=True)
class Predicate:
    """Subject and body of a statement: the verb phrase without negation and modality.

    subject: "user", "user's sister ana", ... lower case. owned: for "User's favourite colour is
    green" the thing owned, "favourite colour"; the body is then "is green". plural: "User and Ana".
    """

    subject: str
    owned: str
    body: str
    plural: bool = False
    polarity: Polarity = Polarity.ASSERTS
    tense: Tense = Tense.PRESENT
    cue: str | None = None


_USER = re.compile(r"^(?:the )?user(?P<own>'s)?\s+", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:(?:as of|since|in|on|by|from|until|during|after|before)\b[^,]{1,40},\s*"
    r"|(?:actually|recently|currently|now|today|yesterday|also|apparently|fortunately"
    r"|unfortunately|nowadays),?\s+)(?=(?:the )?user\b)",
    re.IGNORECASE,
)
_TOGETHER = re.compile(
    r"^and (?:others|(?:his|her|their|the user's)(?: \w+){1,2}?(?: [A-Z]\w+)?|[A-Z]\w+)"
    r"(?= [a-z]+)\s+"
)
_SINGULAR = {"are": "is", "have": "has", "were": "was"}
_AUXILIARIES = word_set(
    """is are was were has had have will would can could may might should does do did no never used
    wants plans hopes likes loves also just recently now currently still always often isn't aren't
    wasn't doesn't didn't hasn't don't won't"""
)
_APPOSED = re.compile(r"^,\s*(?P<name>[A-Z][\w'-]*(?: [A-Z][\w'-]*)*)\s*,\s*")
_NAME = re.compile(r"^(?P<name>[A-Z][\w-]*(?: [A-Z][\w-]*)*)(?P<own>'s)?(?=[\s,])")


def _starts_verb(word: str) -> bool:
    """Return whether a word inside a subject phrase can only start the verb."""
    low = word.lower()
    return (
        low in _AUXILIARIES
        or low in _PAST_FORMS
        or (len(low) > 3 and low.endswith("ed"))
        or (len(low) > 3 and low.endswith("s") and not low.endswith(("ss", "'s", "us")))
    )


def _find_relative(words: Sequence[str], after: str) -> tuple[str, bool, str] | None:
    """Find the relative or pet that "User's ..." begins with, among its first three words.

    words: of the phrase behind "User's"; after: what follows them. Returns the subject, whether
    something of theirs follows, and the rest of the text; None where there is none.
    """
    for position, word in enumerate(words[:3]):
        plain = word.rstrip(",").removesuffix("'s").lower()
        if plain not in RELATIVES and plain not in NAMED_PETS:
            continue
        head = SAME_RELATIVE.get(plain, plain)
        lead = [w.lower() for w in words[:position] if w.lower() not in {"own", "dear", "beloved"}]
        subject = " ".join(["user's", *lead, head])
        rest = " ".join([*words[position + 1 :], after] if after else words[position + 1 :])
        if word.endswith("'s"):
            return subject, True, rest
        if word.endswith(","):
            rest = ", " + rest
        named = _APPOSED.match(rest) or _NAME.match(rest)
        if named is None:
            return subject, False, rest
        owns = bool(named.groupdict().get("own"))
        return f"{subject} {named['name'].lower()}", owns, rest[named.end() :].lstrip(" ,")
    return None


def _owned_subject(rest: str) -> tuple[str, str, str]:
    """Split what follows "User's" into subject, thing owned and body."""
    relative = _find_relative(rest.split(), "")
    if relative is None:
        return "user", *_noun_then_verb(rest)
    subject, owns, after = relative
    return (subject, *_noun_then_verb(after)) if owns else (subject, "", after)


def _noun_then_verb(text: str) -> tuple[str, str]:
    """Split "favourite colour is green" before its verb; the noun is lower case."""
    words = text.split()
    for position in range(1, len(words)):
        if _starts_verb(words[position]):
            return " ".join(words[:position]).lower(), " ".join(words[position:])
    return text.lower(), ""


def _split_subject(text: str) -> Predicate:
    match = _USER.match(text)
    if match is None:
        named = _NAME.match(text)
        if named is None or named["own"]:
            return Predicate("", "", text)
        return Predicate(named["name"].lower(), "", text[named.end() :].strip())
    rest = text[match.end() :]
    if match["own"]:
        return Predicate(*_owned_subject(rest))
    together = _TOGETHER.match(rest)
    if together:
        return Predicate("user", "", _singular(rest[together.end() :]), plural=True)
    return Predicate("user", "", rest)


def _singular(body: str) -> str:
    verb, _, after = body.partition(" ")
    return f"{_SINGULAR.get(verb, verb)} {after}"


def _known_subject(subject: str, body: str) -> Predicate:
    """Return the predicate of a subject and a body."""
    if subject == "User":
        return Predicate("user", "", body)
    own, _, phrase = subject.partition("'s ")
    if subject.startswith("User and "):
        return Predicate("user", phrase.lower(), body if phrase else _singular(body), plural=True)
    if own != "User":
        return Predicate(subject.lower(), "", body)
    relative = _find_relative(phrase.split(), body)
    if relative is None:
        return Predicate("user", phrase.lower(), body)
    relation, owns, after = relative
    further = after.removesuffix(body).strip(" ,")
    if owns or not further:
        return Predicate(relation, further.lower(), body)
    # "User's friend from work" and "User's teacher Mrs. Patel" are people, "dog food" is no dog.
    if further[0].isupper() or further.split()[0].lower() in _MODIFIERS:
        return Predicate(relation, "", body)
    return Predicate("user", phrase.lower(), body)


_MODIFIERS = PREPOSITIONS | CONJUNCTIONS


_ADVERB = re.compile(
    r"^(?:(?P<now>now|these days|nowadays)|(?P<again>once again)|currently|just|recently|finally"
    r"|still|also|already|actually|really|usually|often|always|sometimes|generally|regularly"
    r"|typically|mostly|mainly|normally|officially|happily|probably|both|definitely|absolutely"
    r"|especially|particularly|simply|truly|even|then|soon|eventually|permanently|temporarily)\b"
    r",?\s+",
    re.IGNORECASE,
)
_AUXILIARY_ADVERB = re.compile(
    r"^(?P<aux>is|are|was|has|have|can)\s+"
    r"(?P<adverb>now|currently|still|also|just|recently|finally|actually)\s+",
    re.IGNORECASE,
)
_PLAN = re.compile(
    r"^(?:will(?: be)?|plans? (?:to|on)|planned (?:to|on)|is planning(?: to| on)?|is going to"
    r"|was going to|wants? to|wanted to|would(?: like| love| prefer)?(?: to)?|hope[sd]? to"
    r"|is hoping to|intend(?:s|ed)? to|is (?:thinking|dreaming) (?:of|about)|thinks about"
    r"|(?:is )?consider(?:s|ed|ing)|is about to|might|may|could|should|dream(?:s|ed) (?:of|about)"
    r"|wish(?:es|ed)? (?:to|for)|is (?:supposed|set|scheduled|due|expected|ready) to|needs? to"
    r"|needed to|(?:has|have|had) to"
    r"|(?:has )?decided (?:not )?to(?! (?:go|become) (?:an? )?(?:veg|pesc))"
    r"|is looking (?:to|for|into|forward to)"
    r"|looks forward to|is (?:trying|hoping|deciding|preparing|saving(?: up)?|excited|eager) (?:to"
    r"|for)|expects? to|aims? to|is(?= (?:moving|leaving|starting|getting|switching|relocating"
    r"|quitting|joining|retiring|travell?ing|flying|going)\b)|is not sure|wonders|asked|asks)"
    r"(?:\s+|$)",
    re.IGNORECASE,
)
_DECIDED = re.compile(r"^(?:has )?decided to (?=go|become)", re.IGNORECASE)
_USED_TO = re.compile(r"^(?:used to|formerly|previously)\s+", re.IGNORECASE)
_NO_LONGER = re.compile(r"^(?:(?P<aux>is|are|has|does|do|can) )?no longer\s+", re.IGNORECASE)
_STOPPED = re.compile(
    r"^(?:has |have )?(?P<cue>stopped|quit|gave up|given up|ceased|got out of)\s+(?=\w+ing\b)",
    re.IGNORECASE,
)
_STARTED = re.compile(
    r"^(?:has |have )?(?:started|began|begun|resumed|took up|taken up|went back to|gone back to"
    r"|is back to|got into|gotten into)\s+(?:to )?"
    r"(?=(?!(?:a|an|the|his|her|their|at|as|with|new|on|in|work)\b)\w+)",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"^(?P<aux>is|are|was|were|does|do|did|has|have|had|can|could|will|would)(?:n't| not)\s+"
    r"|^(?P<cannot>cannot|can't|won't)\s+|^(?:(?:has|have|had) )?never\s+"
    r"|^(?P<having>has|have|owns?) no\s+",
    re.IGNORECASE,
)
_KEPT_AUXILIARIES = frozenset({"is", "are", "was", "were", "has", "have", "had", "own", "owns"})
_ANYMORE = re.compile(r"(?:,\s++|(?<![\s,])\s++)(?:anymore|any more|any longer)\b", re.IGNORECASE)
_TAIL_CUE = re.compile(
    r"(?<!\s)\s++(?P<cue>again|instead|now|nowadays|these days)\b(?=\W*$| in\b| on\b|,)",
    re.IGNORECASE,
)
_PROGRESSIVE = re.compile(
    r"^(?:is|are|(?:has|have) been) (?!(?:being|interesting|amazing|boring|caring|loving|outgoing"
    r"|hardworking|willing)\b)(?=\w+ing\b)",
    re.IGNORECASE,
)
_PERFECT = re.compile(
    r"^(?:has|have|had) (?!been\b)(?=\w+(?:ed|en)\b|(?:gone|begun|become|done|"
    + "|".join(sorted(_PAST_FORMS - {"had", "was", "were"}))
    + r")\b)",
    re.IGNORECASE,
)
_PERFECT_STATE = re.compile(
    r"^(?:has|have) (?=(?:lived|worked|been|owned|known|loved|had)\b)", re.IGNORECASE
)


def _strip_adverbs(clause: Predicate) -> Predicate:
    body = _AUXILIARY_ADVERB.sub(r"\g<adverb> \g<aux> ", clause.body)
    if body.startswith("can ") and not body.startswith("can not "):
        body = body[4:]
    clause = replace(clause, body=body)
    while match := _ADVERB.match(clause.body):
        cue = "now" if match["now"] else ("again" if match["again"] else clause.cue)
        body = _AUXILIARY_ADVERB.sub(r"\g<adverb> \g<aux> ", clause.body[match.end() :])
        clause = replace(clause, body=body, cue=cue)
    return clause


def _strip_end(clause: Predicate) -> Predicate | None:
    """Strip "no longer", "used to", "stopped ...ing" from the body; None if there is none."""
    body = clause.body
    if match := _NO_LONGER.match(body):
        aux = (match["aux"] or "").lower()
        verb = f"{aux} " if aux in _KEPT_AUXILIARIES else ""
        rest, cue = verb + body[match.end() :], "no longer"
    elif match := _USED_TO.match(body):
        rest, cue = re.sub(r"^be\b", "is", body[match.end() :]), "used to"
    elif match := _STOPPED.match(body):
        rest, cue = body[match.end() :], match["cue"].lower()
    else:
        return None
    return replace(clause, body=rest, polarity=Polarity.ENDED, cue=cue)


def _strip_negation(clause: Predicate) -> Predicate:
    """Strip "does not", "never", "no longer" from the body and set the polarity."""
    end = _strip_end(clause)
    if end is not None:
        return end
    match = _NOT.match(clause.body)
    if match is None:
        return clause
    rest, tense = clause.body[match.end() :], clause.tense
    aux = (match["aux"] or match["having"] or "").lower()
    if aux in _KEPT_AUXILIARIES:
        rest = f"{aux} {rest}"
    if aux in {"did", "was", "were", "had"}:
        tense = Tense.PAST
    if aux in {"will", "would"} or (match["cannot"] or "").lower() == "won't":
        tense = Tense.FUTURE
    anymore = _ANYMORE.search(rest)
    if anymore:
        rest = rest[: anymore.start()] + rest[anymore.end() :]
        return replace(clause, body=rest, polarity=Polarity.ENDED, cue="no longer")
    return replace(clause, body=rest, polarity=Polarity.DENIES, tense=tense)


def _tense_of(body: str) -> Tense:
    """Return past for a verb in a past form, else present."""
    first = body.split(maxsplit=1)[0].lower() if body.strip() else ""
    past = first in _PAST_FORMS or (first.endswith("ed") and first not in {"need", "feed"})
    return Tense.PAST if past else Tense.PRESENT


def _strip_modality(clause: Predicate) -> Predicate:
    """Strip plans, beginnings, progressives and perfects from the body; set the tense."""
    if match := _PLAN.match(clause.body):
        return replace(clause, body=clause.body[match.end() :], tense=Tense.FUTURE, cue=None)
    if match := _DECIDED.match(clause.body):
        return replace(clause, body=clause.body[match.end() :], cue="became")
    clause = _strip_adverbs(_strip_negation(clause))
    if match := _STARTED.match(clause.body):
        cue = "started" if clause.polarity is Polarity.ASSERTS else clause.cue
        return replace(clause, body=clause.body[match.end() :], cue=cue)
    if match := _PROGRESSIVE.match(clause.body):
        return _strip_adverbs(replace(clause, body=clause.body[match.end() :]))
    if match := _PERFECT_STATE.match(clause.body):
        rest = re.sub(r"^been\b", "is", clause.body[match.end() :])
        return _strip_adverbs(replace(clause, body=rest))
    if match := _PERFECT.match(clause.body):
        clause = _strip_adverbs(replace(clause, body=clause.body[match.end() :]))
    if clause.polarity is Polarity.ENDED or clause.tense is not Tense.PRESENT:
        return clause
    return replace(clause, tense=_tense_of(clause.body))


def analyse_text(content: str) -> Predicate:
    """Return the predicate of a text about the user, or about its first name."""
    text = _plain(content)
    lead = _LEAD.match(text)
    late_cue: str | None = None
    if lead:
        late_cue = "now" if lead[0].lower().startswith(("now", "as of", "since")) else None
        text = text[lead.end() :]
    return _without_modality(_split_subject(text), late_cue)


def analyse_clause(clause: Clause) -> Predicate:
    """Return the predicate of a clause, whose subject need not be looked for."""
    return _without_modality(_known_subject(_plain(clause.subject), _plain(clause.predicate)))


def _plain(text: str) -> str:
    return " ".join(text.replace("’", "'").split()).rstrip(" .!;")


def _without_modality(clause: Predicate, late_cue: str | None = None) -> Predicate:
    clause = _strip_adverbs(clause)
    tail = _TAIL_CUE.search(clause.body)
    if tail:
        late_cue = tail["cue"].lower()
        clause = replace(clause, body=clause.body[: tail.start()] + clause.body[tail.end() :])
    clause = _strip_modality(clause)
    if clause.cue is None and clause.tense is not Tense.FUTURE and late_cue:
        clause = replace(clause, cue="now" if late_cue in {"nowadays", "these days"} else late_cue)
    return clause
