"""Forms of English verbs that are known to say something about a user."""

from collections.abc import Sequence

from hitherto.core.text import english_words as english

_ADVERBS = english.ADVERBS - english.word_set("""
    maybe perhaps probably both all no not n't so then well first later too very quite soon twice
    longer kinda sorta pretty once ever
""")
_PAIRS = (["no", "longer"], ["hardly", "ever"])
_IRREGULAR_PASTS = {past: base for base, (past, _) in english.IRREGULAR.items()}


def third_person(base: str) -> str:
    """Return the third person singular of a verb's base form ("study" -> "studies")."""
    special = {"have": "has", "do": "does", "go": "goes"}
    if base in special:
        return special[base]
    if base.endswith(("s", "sh", "ch", "x", "z", "do")):
        return base + "es"
    if base.endswith("y") and base[-2:-1] not in "aeiou":
        return base[:-1] + "ies"
    return base + "s"


def base_of_third(word: str) -> str | None:
    """Return the base of a known verb in the third person ("hates" -> "hate"), else None."""
    candidates = (word[:-1], word[:-2], f"{word[:-3]}y", "have" if word == "has" else "")
    return next(
        (base for base in candidates if base in english.VERBS and third_person(base) == word), None
    )


def base_of_past(word: str) -> str | None:
    """Return the base of a known verb in the past ("went" -> "go"), else None."""
    base = _IRREGULAR_PASTS.get(word) or _base_of_regular(word)
    return base if base in english.VERBS else None


def base_of_form(word: str) -> str:
    """Return the base of a verb's past or participle, or the word itself."""
    return english.VERB_OF_FORM.get(word) or _base_of_regular(word) or word


def is_only_past(word: str) -> bool:
    """Return whether a word can only be a finite verb ("went"), no participle, noun or base."""
    return word in english.PASTS - english.PARTICIPLES - english.NOUN_LIKE_PASTS - {"got"}


def is_participle(word: str) -> bool:
    """Return whether a word can follow "have"."""
    return word in english.PARTICIPLES or (word.endswith("ed") and len(word) > 4)


def _base_of_regular(word: str) -> str | None:
    """Return the base of "worked", "moved", "studied" or "planned"."""
    if not word.endswith("ed"):
        return None
    doubled = word[:-3] if word[-3:-2] == word[-4:-3] else ""
    candidates = (word[:-2], word[:-1], f"{word[:-3]}y" if word.endswith("ied") else "", doubled)
    verbs = english.VERBS | english.VERBS_OF_TALK
    return next((base for base in candidates if base in verbs), None)


def behind_adverbs(words: Sequence[str], index: int) -> int:
    """Return the index behind the adverb at `index`, if one is there."""
    if list(words[index : index + 2]) in _PAIRS:
        return index + 2
    return index + (index < len(words) and words[index] in _ADVERBS)
