"""Terms and names of a statement.

Terms are Snowball stems without the words that carry no content. Words that turn a statement
round ("not", "from", "than", "without") are terms, so that two statements with the same terms in
the same order say the same thing.
"""

import re

import Stemmer

from hitherto.core.text.caches import remembered
from hitherto.core.text.english_words import (
    DAY_NAMES,
    LIGHT_WORDS,
    MONTH_NAMES,
    SPELLINGS,
    VERB_OF_FORM,
    word_set,
)

_WORD = re.compile(r"\w+(?:[-'.]\w+)*")


_BASE = VERB_OF_FORM | SPELLINGS

_NOT_NAMES = {"user", "users", "i", "am", "pm", "ok", *MONTH_NAMES, *DAY_NAMES}
_COMMON_IN_NAMES = word_set(
    """new san santa los las el la the saint st mr mrs ms dr university north south east west
    street park college school city great big"""
)

_VAGUE_TIME = re.compile(
    r"\b(?:(?:last|this|next|past|previous) (?:week(?:end)?|month|year|night|spring|summer|autumn"
    rf"|fall|winter|morning|evening|afternoon|{'|'.join(DAY_NAMES)})"
    r"|yesterday|today|tomorrow|tonight|these days|nowadays|right now|at the moment|at present"
    r"|(?:\w+ )?(?:days?|weeks?|months?|years?) ago)\b",
    re.IGNORECASE,
)


@remembered(maxsize=1 << 16)
def stem(word: str) -> str:
    """Return the stem of one lower-case English word, irregular forms included."""
    base = _BASE.get(word, word)
    return str(Stemmer.Stemmer("english", maxCacheSize=0).stemWord(base))


def _keeps_to(words: list[str], position: int) -> bool:
    """Return whether a "to" stands before a noun, not before a verb ("to swim")."""
    if position + 1 >= len(words):
        return False
    after = words[position + 1]
    return after[0].isupper() or after.lower() in {"the", "a", "an", "his", "her", "their"}


def words_of(text: str) -> list[str]:
    """Return the words as written, with straight apostrophes."""
    return _WORD.findall(text.replace("’", "'"))


def without_vague_time(text: str) -> str:
    """Return the text without words such as "last month": a memory's dates say that better."""
    return _VAGUE_TIME.sub(" ", text)


def terms_of(text: str) -> tuple[str, ...]:
    """Return the stems of the words that carry content, in order, repeats kept."""
    words = words_of(without_vague_time(text))
    terms = []
    for position, word in enumerate(words):
        low = word.lower()
        if low.endswith("n't") or low in {"cannot", "can't", "won't", "not"}:
            terms.append("not")
            continue
        low = low.split("'")[0]
        if low in LIGHT_WORDS or (low == "to" and not _keeps_to(words, position)):
            continue
        terms.append(stem(low))
    return tuple(terms)


def name_runs(text: str) -> tuple[str, ...]:
    """Return runs of capitalised words in order, lower case: "New York" as "new york".

    Months, days and the word "User" are no names. A comma or a lower-case word ends a run.
    """
    runs: list[str] = []
    run: list[str] = []
    end = -1
    plain = text.replace("’", "'")
    for match in _WORD.finditer(plain):
        word = match.group().removesuffix("'s")
        is_name = word[0].isupper() and word.lower() not in _NOT_NAMES
        if run and (not is_name or plain[end : match.start()] != " "):
            runs.append(" ".join(run))
            run = []
        if is_name:
            run.append(word.lower())
        end = match.end() if word == match.group() else -1
    if run:
        runs.append(" ".join(run))
    return tuple(runs)


def names_of(text: str) -> frozenset[str]:
    """Return the names in a text: runs, and their words unless as common as "new"."""
    runs = name_runs(text)
    parts = (part for run in runs for part in run.split() if len(part) > 1)
    return frozenset(runs) | frozenset(part for part in parts if part not in _COMMON_IN_NAMES)
