"""Third-person rewriting of English sentences of one plain clause.

"I live in Porto." becomes "User lives in Porto". A sentence is rewritten only if all of it has a
known shape: "I", or "my" with a role or thing; at most an adverb; a known verb; and a rest without
other pronouns, further clauses, marks and joining words. All else stays in the user's own words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from hitherto.core.extraction.clause_dates import is_date, mask_dates, write_dates
from hitherto.core.extraction.verb_forms import (
    base_of_form,
    base_of_past,
    base_of_third,
    behind_adverbs,
    is_only_past,
    third_person,
)
from hitherto.core.text import english_words as english
from hitherto.models import Clause

MAX_CHARS: Final = 160
MAX_WORDS: Final = 14
_MOST_OWNED: Final = 5
"""Words of "very best friend Ana Costa"."""

_WORD: Final = r"[$€£]?\w+(?:['./:@&-]\w+|,\d{3})*[%+]?"
_PLAIN: Final = re.compile(rf"{_WORD}(?: (?:{_WORD}|[\ue000-\uf8ff]))+")
_GERMAN_IN: Final = re.compile(r"[Ii]m [^\W\d_a-z]")
"""Perhaps "im Mai", which is German, and not "I'm"."""
_WRITTEN_OUT: Final = {
    "im": "I am", "i'm": "I am", "ive": "I have", "i've": "I have", "i'll": "I will",
    "dont": "do not", "doesnt": "does not", "didnt": "did not", "isnt": "is not", "can't": "cannot",
    "wasnt": "was not", "havent": "have not", "cant": "cannot", "won't": "will not",
    "wont": "will not", "name's": "name is",
}  # fmt: skip

_HELPING: Final = english.word_set("am is are was were have has had do does did can cannot will")
_OF_OTHERS: Final = english.word_set("is are were has does")
"""Forms that do not follow "I"."""
_TAKES_BASE: Final = english.FORMS_OF_DO | english.word_set("can cannot will")
_AGREEING: Final = {"am": "is", "have": "has", "do": "does"}
_FILLERS: Final = english.word_set("actually literally basically honestly")
_FREQUENT: Final = english.word_set("always usually often sometimes rarely every")
_WITH_NUMBER: Final = english.word_set("am is was turn turns turned weigh weighs")
"""Verbs behind which a number stands for itself; "I have two" leaves open of what."""

_OF_USER: Final = english.PEOPLE | english.PETS
_CLOSED: Final = english.CLOSED_CLASSES - set(english.UNITS)
_OPEN: Final = english.PERSONAL | english.JOINING | english.TALK
"""Words that refer to something else, join clauses, or belong to the conversation."""
_NO_NOUNS: Final = _CLOSED | _HELPING | _OPEN | english.ADVERBS
_NEVER_LAST: Final = (_CLOSED - english.PARTICLES) | english.word_set("to been not")
_NEVER_OWNED: Final = english.CLOSED_CLASSES | english.word_set("not been got")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A sentence in the third person, and the first and last day that it speaks of."""

    clause: Clause
    first: date
    last: date


def rewrite(sentence: str, today: date, time: str) -> Rewritten | None:
    """Rewrite a sentence that a user said on a day; None if it has another shape.

    time: that it speaks of, see `learned`. Where tense and time leave open on which side of today
    a date lies, nothing is rewritten.
    """
    text = " ".join(sentence.replace("’", "'").split()).rstrip(".!")
    if len(text) > MAX_CHARS or any(map(is_date, text)):
        return None
    masked, dates = mask_dates(text, today)
    if _PLAIN.fullmatch(masked) is None or len(masked.split()) > MAX_WORDS:
        return None
    if _GERMAN_IN.match(text):
        return None
    words = [part for word in masked.split() for part in _written_out(word)]
    is_user = words[0] in ("I", "i")
    end = 1 if is_user else _end_of_owned(words)
    predicate = _predicate(words[end:], is_user=is_user) if end else None
    if predicate is None:
        return None
    subject = "User" if is_user else " ".join(["User's", *words[1:end]])
    dated = write_dates(subject, predicate, dates, today, time)
    if dated is None:
        return None
    return Rewritten(Clause(subject, dated.predicate), dated.first, dated.last)


def _written_out(word: str) -> list[str]:
    low = word.lower()
    if low in _WRITTEN_OUT:
        return _WRITTEN_OUT[low].split()
    return [word[:-3], "not"] if low.endswith("n't") else [word]


def _end_of_owned(words: Sequence[str]) -> int | None:
    """Return the index of the verb behind "my sister Ana"."""
    if words[0] not in ("My", "my"):
        return None
    for end in range(2, min(len(words), _MOST_OWNED + 2)):
        head = _head(words[1:end])
        verb = behind_adverbs(words, end)
        if head is not None and verb < len(words) and _is_finite(words[verb], head):
            return end
    return None


def _head(owned: Sequence[str]) -> str | None:
    """Return the noun of "little sister" or "sister Ana Costa"; None for others."""
    count = next((at for at, word in enumerate(owned) if _is_name(word)), len(owned))
    nouns, names = [word.lower() for word in owned[:count]], owned[count:]
    if not 0 < count <= 3 or len(names) > 2 or not all(map(_is_name, names)):
        return None
    if names and nouns[-1] not in _OF_USER:
        return None
    head = nouns[-1]
    of_talk = any(word.removesuffix("s") in english.VERBS_OF_TALK for word in nouns[1:])
    if of_talk or head.endswith("'s") or head in english.CHAT_NOUNS:
        return None
    return head if _NO_NOUNS.isdisjoint(nouns) and not any(map(is_date, owned)) else None


def _is_name(word: str) -> bool:
    """Return whether a word is written like a name, unlike "Mum" in "my Mum"."""
    return word[0].isupper() and not word.isupper() and word.lower() not in _OF_USER


def _is_finite(word: str, head: str) -> bool:
    """Return whether a word behind a noun can only be its verb."""
    if word in _HELPING:
        return word != "am"
    is_person = head in _OF_USER
    base = base_of_third(word) or base_of_past(word)
    if base is None:
        return head in english.SEVERAL and word in english.VERBS
    return is_person or base in english.VERBS_OF_THINGS or is_only_past(word)


def _predicate(words: Sequence[str], *, is_user: bool) -> list[str] | None:
    """Return a predicate in the third person, with masked dates; None if not plain.

    is_user: whether "I" is its subject, and not "my ...", whose verb has its form already.
    """
    at = behind_adverbs(words, 0)
    if at >= len(words):
        return None
    verb = words[at]
    behind = _behind_helping if verb in _HELPING else _behind_verb
    rest = behind(words, at, is_user=is_user)
    third = _third_of(verb, words) if is_user else verb
    if third is None or rest is None or not _is_plain(rest, is_user=is_user):
        return None
    if len(rest) == 1 and _is_number(rest[0]) and verb not in _WITH_NUMBER:
        return None
    own = {"my": "their", "our": "their"} if is_user else {"my": "User's"}
    before = [word for word in words[:at] if word != "just"]
    written = [*before, third, *(own.get(word, word) for word in words[at + 1 :])]
    return [word for word in written if word not in _FILLERS]


def _behind_helping(words: Sequence[str], at: int, *, is_user: bool) -> Sequence[str] | None:
    """Return what follows "do not eat" or "have"; None where that is not known."""
    verb, negated = words[at], words[at + 1 : at + 2] == ["not"]
    main = behind_adverbs(words, at + 1 + negated)
    if main >= len(words) or (is_user and verb in _OF_OTHERS):
        return None
    if verb in _TAKES_BASE and (
        negated or verb not in english.FORMS_OF_DO or words[main] in english.VERBS
    ):
        return _behind_verb(words, main, is_user=True) if words[main] in english.VERBS else None
    is_talk = base_of_form(words[main]) in english.VERBS_OF_TALK
    rest = words[main + (words[main] == "been") :]
    if is_talk or not rest or (len(rest) == 1 and rest[0] in english.PARTICLES):
        return None
    is_mood = is_user and rest[0] in english.MOODS and rest[1:2] != ["of"]
    return None if is_mood else rest


def _behind_verb(words: Sequence[str], at: int, *, is_user: bool) -> Sequence[str] | None:
    """Return what follows a known verb that is no helping one; None for others."""
    verb, rest = words[at], words[at + 1 :]
    base = verb if verb in english.VERBS else base_of_past(verb)
    base = base if is_user or base else base_of_third(verb)
    if base is None or (rest[:1] == ["to"] and not english.VERBS_OF_TALK.isdisjoint(rest[1:2])):
        return None
    if rest and base != "get" and base_of_past(rest[0]):
        return None
    if is_user and (base == "need" or (base == "want" and rest[:1] != ["to"])):
        return None
    alone = base in english.INTRANSITIVE_HABITS or (not is_user and base in english.VERBS_OF_THINGS)
    return rest if rest or alone else None


def _third_of(verb: str, words: Sequence[str]) -> str | None:
    """Return a verb behind "I" as it reads behind "User"; None where its tense is open."""
    if verb in _HELPING:
        return _AGREEING.get(verb, verb)
    if verb in english.UNCHANGED_PASTS:
        is_habit = not _FREQUENT.isdisjoint(words)
        return third_person(verb) if is_habit else ("quit" if verb == "quit" else None)
    return verb if base_of_past(verb) else third_person(verb)


def _is_plain(rest: Sequence[str], *, is_user: bool) -> bool:
    """Return whether the words behind a verb are no clause and understood by themselves."""
    if rest and rest[-1] in _NEVER_LAST:
        return False
    if rest.count("my") + rest.count("our") > 1 or (not is_user and "our" in rest):
        return False
    return all(_fits(rest, at) for at in range(len(rest)))


def _fits(rest: Sequence[str], at: int) -> bool:
    word, before = rest[at], rest[at - 1] if at else ""
    following = rest[at + 1] if at + 1 < len(rest) else "."
    low = word if len(word) > 1 and word.isupper() else word.lower()
    base, _, ending = low.partition("'")
    if ending and (ending != "s" or following in _NEVER_OWNED or not following[0].isalpha()):
        return ending == "s" and is_date(following)
    if low == "as":
        return following in ("a", "an")
    if low == "one":
        is_counted = following[0].isalpha() and following not in _NEVER_OWNED
        return is_counted and before not in english.DETERMINERS
    if base in _HELPING | english.MODALS:
        return before == "to"
    return (base not in _OPEN or (before, low) == ("every", "other")) and not is_only_past(base)


def _is_number(word: str) -> bool:
    return word[0].isdigit() or word in english.UNITS
