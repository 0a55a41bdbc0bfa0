"""Recognise questions that ask for all instances of something, their number or their order."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from hitherto.core.text.english_words import (
    ARTICLES,
    DEMONSTRATIVES,
    FORMS_OF_BE,
    FORMS_OF_DO,
    FORMS_OF_HAVE,
    ORDINALS,
    PARTICIPLES,
    POSSESSIVES,
    SUBJECT_PRONOUNS,
    word_set,
)

LONGEST_PHRASE_WORDS: Final = 6
"""Words between "which" and the verb that are searched for a plural."""

LONGEST_SUBJECT_WORDS: Final = 5
"""Words between "have" and its participle that are searched: "Where have my two brothers been"."""

_WORD: Final = re.compile(r"\w+(?:['’]\w+)*")
_CLAUSE_END: Final = re.compile(
    r"[.!?;:]\s|[,]\s(?=(?:and )?(?:what|which|who|how|where|in)\b)", re.I
)
_VERBS: Final = FORMS_OF_BE | FORMS_OF_HAVE | FORMS_OF_DO | {"can", "could", "will", "would"}
_HAVE: Final = word_set("have has had")
_OPENING: Final = word_set(
    "please and so then also in on at to for from with by of during can could would will you"
)
_PLURALS: Final = word_set("people children women men mice feet teeth all both")
_KINDS: Final = (["kinds"], ["types"], ["sorts"])
_NO_PLURALS: Final = word_set(
    "news always series business address bus gas yes its his hers this is was has does thus plus"
    " campus status class boss dress process access bonus focus virus"
)
_RESULTS: Final = word_set("parked put left kept hidden moved stored saved placed laid set gone")
"""Participles behind "where has ..." that ask for the place in which something is now."""

_SPAN_UNITS: Final = word_set("seconds minutes hours days weeks months years nights")
_SPAN_WORDS: Final = word_set("ago passed elapsed before after between since until till apart old")
_TOTAL: Final = re.compile(
    r"\b(?:in total|total (?:number|amount|cost|costs|price|sum|time|count|distance|weight)"
    r"|altogether|all in all|combined|(?:what|what's) (?:is|was|were)? ?(?:my|the|our) average)\b",
    re.I,
)
_ORDER: Final = re.compile(
    r"\b(?:what|which) (?:chronological )?order\b|\bin (?:chronological )?order[:.?]"
    r"|\bchronological"
    r"|\bfrom (?:the )?(?:first|earliest|oldest|latest|newest|most recent) to\b"
    r"|\A(?:\w+ ){0,4}(?:sort|arrange|rank|put) (?:my|our|the|these|those|them|all)\b.*\b"
    r"(?:order|by|earliest|first)\b",
    re.I,
)
_COMPARED: Final = word_set("first last earlier later sooner earliest latest before after")
_SEQUENCE: Final = frozenset(ORDINALS) | {"last", "latest", "earliest", "newest", "oldest"}
_NOT_AN_EVENT: Final = word_set("name names thing place part half season time step week")
_LISTED: Final = re.compile(
    r"\A(?:\w+ ){0,5}(?:(?:list|name|enumerate|count|tell me|show me|give me|remind me of)"
    r" (?:me )?(?:all|every|each)\b|list (?:me )?(?:the|my|our|any)\b"
    r"|(?:give|show|make|write|send) (?:me )?(?:a|the) (?:full |complete )?list of\b)",
    re.I,
)


def is_listing(question: str) -> bool:
    """Return whether a question asks for all instances of something, their number or order.

    Spans of time ("how many days ago") are computed from two events, so they are none.
    """
    return any(_asks_for_all(clause) for clause in _clauses(question))


def _clauses(question: str) -> Iterator[str]:
    start = 0
    for match in _CLAUSE_END.finditer(question):
        yield question[start : match.end()].strip(" ,")
        start = match.end()
    yield question[start:].strip()


def _asks_for_all(clause: str) -> bool:
    words = [word.lower().replace("’", "'") for word in _WORD.findall(clause)]
    if not words:
        return False
    if _TOTAL.search(clause) or _ORDER.search(clause) or _LISTED.search(clause):
        return True
    first = next((n for n, word in enumerate(words) if word not in _OPENING), len(words))
    words = words[first:]
    if words[:1] == ["how"]:
        return _counts(words)
    if words[:1] and words[0] in {"what", "which", "who", "where", "what's", "who's"}:
        return (
            _names_plural(words)
            or _asks_perfect(words)
            or _asks_for_place_in_order(words)
            or words[1:2] == ["all"]
        )
    return False


def _counts(words: Sequence[str]) -> bool:
    """Return whether a question with "how" counts events or things."""
    if words[1:2] == ["often"]:
        return words[2:3] != ["do"] and words[2:3] != ["does"]
    if words[1:2] != ["many"]:
        return False
    is_span = words[2:3] != [] and words[2] in _SPAN_UNITS
    return not is_span or not _SPAN_WORDS.intersection(words[3:])


def _names_plural(words: Sequence[str]) -> bool:
    """Return whether a plural stands before the verb or behind "are"."""
    if words[0] in {"which", "what"}:
        phrase = words[1 : 2 + LONGEST_PHRASE_WORDS]
        if (phrase[:1] == ["of"] and words[0] == "which") or phrase[:1] in _KINDS:
            return True
        for number, word in enumerate(phrase):
            if word in _VERBS:
                if number and _is_plural(phrase[number - 1]):
                    return True
                break
    if words[0] != "where" and words[1:2] in (["are"], ["were"]):
        phrase = words[2 : 2 + LONGEST_PHRASE_WORDS]
        is_noun = phrase[:1] and phrase[0] not in SUBJECT_PRONOUNS | DEMONSTRATIVES | {"there"}
        return bool(is_noun) and any(_is_plural(word) for word in phrase)
    return False


def _asks_perfect(words: Sequence[str]) -> bool:
    """Return whether a question asks what somebody has done so far: "what have I cooked"."""
    rest = words[2:] if words[1:2] == ["all"] else words[1:]
    if not rest or rest[0] not in _HAVE:
        return False
    if words[0] == "who":
        return bool(rest[1:]) and _is_participle(rest[1])
    subject = rest[1 : 2 + LONGEST_SUBJECT_WORDS]
    verb = next((word for word in subject[1:] if _is_participle(word)), "")
    return bool(verb) and not (words[0] == "where" and verb in _RESULTS)


def _asks_for_place_in_order(words: Sequence[str]) -> bool:
    """Return whether a question compares in time or asks for the first or last event."""
    if "or" in words and _COMPARED.intersection(words):
        return True
    if words[0].endswith("'s"):
        rest = list(words[1:])
    elif words[1:2] and words[1] in FORMS_OF_BE:
        rest = list(words[2:])
    else:
        return False
    while rest and (rest[0] in POSSESSIVES | ARTICLES | {"very"} or rest[0].endswith("'s")):
        rest.pop(0)
    is_about_one = rest[-1:] == ["about"]
    return (
        len(rest) > 1 and rest[0] in _SEQUENCE and rest[1] not in _NOT_AN_EVENT and not is_about_one
    )


def _is_plural(word: str) -> bool:
    if word in _PLURALS:
        return True
    return (
        len(word) > 3 and word.endswith("s") and word[-2] not in "su'" and word not in _NO_PLURALS
    )


def _is_participle(word: str) -> bool:
    return word in PARTICIPLES or (word.endswith("ed") and len(word) > 3)
