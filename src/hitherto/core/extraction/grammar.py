"""Words of English sentences: tokens, verb forms, and turning the first person into the third.

A token is a word, a number with its unit, a punctuation mark, or a placeholder of one private-use
character that stands for a date found earlier. Contractions are taken apart ("don't" -> "do",
"n't"), so that every rule sees the same words.
"""

import re
from collections.abc import Sequence

from hitherto.core.text import english_words as english

_TOKEN = re.compile(r"[$€£]?\w+(?:[-'./:&@]\w+|,\d+)*[+#%]*|[\ue000-\uf8ff]|[^\w\s]")
_SHORT = {
    "im": "i 'm", "ive": "i 've", "dont": "do n't", "didnt": "did n't", "doesnt": "does n't",
    "cant": "can n't", "wont": "will n't", "isnt": "is n't", "wasnt": "was n't", "arent": "are n't",
    "havent": "have n't", "hasnt": "has n't", "wouldnt": "would n't", "couldnt": "could n't",
    "hes": "he 's", "shes": "she 's", "thats": "that 's",
    "theyre": "they 're", "theres": "there 's",
    "gonna": "going to", "wanna": "want to", "gotta": "have to", "gimme": "give me", "u": "you",
    "cannot": "can n't", "can't": "can n't", "won't": "will n't", "shan't": "shall n't",
    "ain't": "am n't", "cuz": "because", "cos": "because", "coz": "because", "'cause": "because",
    "bc": "because", "w": "with", "w/": "with", "ur": "your", "rn": "now", "prob": "probably",
    "probs": "probably", "rlly": "really", "bday": "birthday", "mister": "Mr", "tho": "though",
}  # fmt: skip
_ENDINGS = re.compile(r"^(.+?)(n't|'m|'re|'ve|'d|'ll)$")
_PRONOUN_S = re.compile(r"^(he|she|it|that|there|what|who|here|everything|everyone)'s$")
_OPENING = frozenset("([")
_CLOSING = frozenset(",.;:!?)]%")
_IS_NEXT = english.word_set("""
    a an the not n't going been got my in at from also so very really now coming still always
""")


def tokenise(text: str) -> list[str]:
    """Split text into tokens, contractions taken apart and chat spellings written out."""
    raw = _TOKEN.findall(text.replace("’", "'").replace("‘", "'").replace("'cause", "because"))
    tokens: list[str] = []
    for index, word in enumerate(raw):
        tokens.extend(_split_contraction(word, raw[index + 1] if index + 1 < len(raw) else ""))
    return _repair(_fix_word_order(tokens))


_TAKES_TO = frozenset(["want", "need", "plan", "hope", "try", "decided", "planned", "wanted"])
_NOT_MISSPELT = frozenset(["own", "open", "live", "dry", "mean", "better", "lead", "deliver"])
_UNITS = frozenset(["day", "days", "week", "weeks", "month", "months", "year", "years"])


def _fix_word_order(tokens: Sequence[str]) -> list[str]:
    """Correct word orders of other languages.

    "I have 28 years" -> "I am 28 years", "I don't can" -> "I can not", "I like very much X" ->
    "I really like X".
    """
    out = list(tokens)
    low = [token.lower() for token in tokens]
    for index in range(len(low) - 2):
        if low[index : index + 3] == ["do", "n't", "can"]:
            out[index : index + 3] = ["can", "n't", ""]
        aged = low[index] == "have" and low[index + 1].isdigit() and low[index + 2] == "years"
        if aged and low[index + 3 : index + 4] in ([], [","], ["."], ["and"], ["old"]):
            out[index] = "am"
        if low[index] in ("like", "love", "enjoy") and low[index + 1 : index + 3] == [
            "very",
            "much",
        ]:
            out[index : index + 3] = ["really", out[index], ""]
    return [token for token in out if token]


def _repair(tokens: Sequence[str]) -> list[str]:
    """Correct omissions and repetitions of learners and hasty writers.

    "want write" -> "want to write", "have finish" -> "have finished", "since two years" -> "for two
    years", "is is" -> "is".
    """
    out: list[str] = []
    for index, token in enumerate(tokens):
        low = token.lower()
        before = out[-1].lower() if out else ""
        if low == before and low.isalpha() and low not in ("had", "that", "very", "so", "really"):
            continue
        if low in english.AUXILIARIES and out[-2:-1] == [token] and before in (",", "."):
            out.pop()
        elif low == "since" and _is_followed_by_span(tokens, index):
            out.append("for")
        else:
            out.extend(_add_missing(token, out))
    return out


def _add_missing(token: str, before: Sequence[str]) -> list[str]:
    """Return a verb behind "I want" or "I have" with its missing "to" or ending."""
    low = token.lower()
    if low not in english.PLAIN_VERBS or low in _NOT_MISSPELT or len(before) < 2:
        return [token]
    if before[-2].lower() not in ("i", "we"):
        return [token]
    if before[-1].lower() in _TAKES_TO:
        return ["to", token]
    if before[-1].lower() in ("have", "'ve"):
        irregular = english.IRREGULAR.get(low)
        return [irregular[1] if irregular else low + ("d" if low.endswith("e") else "ed")]
    return [token]


def _is_followed_by_span(tokens: Sequence[str], index: int) -> bool:
    """Return whether "two years" follows, and no "ago" behind it."""
    following = [word.lower() for word in tokens[index + 1 : index + 4]]
    return not _UNITS.isdisjoint(following[1:2]) and "ago" not in following


def _split_contraction(word: str, following: str) -> list[str]:
    low = word.lower()
    if low in _SHORT:
        return _SHORT[low].split()
    if "'" not in low:
        return [word]
    if match := _PRONOUN_S.match(low):
        return [word[: match.end(1)], "'s"]
    if match := _ENDINGS.match(low):
        return [word[: match.end(1)], match[2]]
    if low.endswith("'s") and (following.lower() in _IS_NEXT or following.endswith("ing")):
        return [word[:-2], "'s"]
    return [word]


def join(tokens: Sequence[str]) -> str:
    """Write tokens as a sentence, without spaces before closing punctuation."""
    text = ""
    for token in tokens:
        glued = not text or token in _CLOSING or text[-1] in _OPENING or token.startswith("'")
        text += token if glued else f" {token}"
    return text


def is_word(token: str) -> bool:
    """Return whether the token is a word or number, not a mark or a date."""
    return token[0].isalnum() or token[0] in "$€£'"


def is_date(token: str) -> bool:
    """Return whether the token stands for a date."""
    return "\ue000" <= token[0] <= "\uf8ff"


def is_adverb(token: str) -> bool:
    """Return whether the word may stand between a subject and its verb."""
    low = token.lower()
    if low in english.ADVERBS or low.endswith("%"):
        return True
    return low.endswith("ly") and len(low) > 4 and low not in english.NOT_ADVERBS


def is_past(token: str) -> bool:
    """Return whether the word is a past form, though it may be a participle too."""
    low = token.lower()
    if low in english.PASTS or low in ("was", "were", "did", "had"):
        return True
    return low.endswith("ed") and len(low) > 3 and low not in english.NOT_PAST_ED


def is_gerund(token: str) -> bool:
    """Return whether the word is an -ing form of a verb."""
    low = token.lower()
    return low.endswith("ing") and len(low) > 4 and low not in english.NOT_GERUNDS


def is_participle(token: str) -> bool:
    """Return whether the word can follow "have"."""
    low = token.lower()
    return low in english.PARTICIPLES or is_past(low)


def base_of_third(token: str) -> str | None:
    """Return the base of a verb in the third person ("hates" -> "hate"), else None."""
    low = token.lower()
    if not low.endswith("s") or low.endswith("ss"):
        return None
    if low in ("has", "does", "goes"):
        return {"has": "have", "does": "do", "goes": "go"}[low]
    for base in (low[:-1], low[:-2], low[:-3] + "y" if low.endswith("ies") else ""):
        if base in english.VERBS and third_person(base) == low:
            return base
    return None


def third_person(base: str) -> str:
    """Return the third person singular of a verb's base form ("study" -> "studies")."""
    special = {"have": "has", "do": "does", "be": "is", "go": "goes"}
    if base in special:
        return special[base]
    if base.endswith(("s", "sh", "ch", "x", "z", "o")):
        return base + "es"
    if base.endswith("y") and len(base) > 1 and base[-2] not in "aeiou":
        return base[:-1] + "ies"
    return base + "s"


def is_finite(tokens: Sequence[str], index: int) -> bool:
    """Return whether the token can be the finite verb of a clause whose subject precedes it."""
    low = tokens[index].lower()
    if low in english.AUXILIARIES:
        return low not in ("be", "been", "being")
    before = tokens[index - 1].lower() if index else ""
    after = tokens[index + 1].lower() if index + 1 < len(tokens) else ""
    if before in english.DETERMINERS and before not in ("this", "that", "both", "all"):
        return False
    if is_past(low):
        return after not in english.AUXILIARIES
    base = base_of_third(low)
    if base is not None:
        return after not in english.AUXILIARIES or base not in english.NOUN_LIKE_VERBS
    return low in english.VERBS and (
        (before.endswith("s") and not before.endswith("'s"))
        or before in ("children", "people", "kids")
    )


def skip_adverbs(tokens: Sequence[str], index: int) -> int:
    """Return the first index from `index` without an adverb or a date."""
    while index < len(tokens) and (is_adverb(tokens[index]) or is_date(tokens[index])):
        index += 1
    return index


def _agree(tokens: list[str], index: int, *, plural: bool) -> str:
    """Return the verb at `index` as it reads behind a third-person subject."""
    low = tokens[index].lower()
    singular = not plural
    if low in ("am", "'m", "are", "'re"):
        return "is" if singular else "are"
    if low == "were":
        return "was" if singular else "were"
    if low in ("have", "'ve"):
        return "has" if singular else "have"
    if low in ("'ll", "shall"):
        return "will"
    if low in ("'s", "'d"):
        return _expand_contraction(tokens, index)
    if low in english.MODALS or low in ("has", "is", "was", "does"):
        return low
    gerund = low.endswith("ing") and low not in english.VERBS
    if plural or is_past(low) or gerund or base_of_third(low):
        return (
            _agree_unchanged(tokens, index)
            if singular and low in english.UNCHANGED_PASTS
            else tokens[index]
        )
    return third_person(low) if low.isalpha() else tokens[index]


_PERFECT = frozenset(
    ["been", "got", "gotten", "had", "become", "started", "moved", "decided", "begun", "lost",
     "bought", "found", "finished", "graduated", "turned", "joined", "left", "passed", "stopped"]
)  # fmt: skip


def _expand_contraction(tokens: list[str], index: int) -> str:
    """Write out 's and 'd as "is", "has", "had" or "would", by the next word."""
    following = skip_adverbs(tokens, index + 1)
    word = tokens[following].lower() if following < len(tokens) else ""
    if tokens[index].lower() == "'s":
        return "has" if word in _PERFECT else "is"
    return "had" if word in ("been", "better", "had") or is_participle(word) else "would"


def _agree_unchanged(tokens: list[str], index: int) -> str:
    """Return a verb such as "read", which is present if it is a habit."""
    words = {token.lower() for token in tokens}
    if words & {"usually", "always", "often", "every", "sometimes", "normally"}:
        return third_person(tokens[index].lower())
    return tokens[index]


def _drop_fillers(tokens: Sequence[str]) -> list[str]:
    """Return the tokens without "just", "actually" and the like around the verb.

    "like" is a filler only before the verb.
    """
    out: list[str] = []
    verb = skip_adverbs(tokens, 0)
    for index, token in enumerate(tokens):
        low = token.lower()
        if low == "just" and index > verb:
            continue
        if low in english.DROPPED_ADVERBS and (low != "like" or index < verb) and index <= verb + 3:
            continue
        out.append(token)
    return out


_SUBJECT_FOLLOWERS = ("and", "or", "but")


def agree_verbs(tokens: list[str], *, plural: bool) -> list[str]:
    """Make the verbs of a predicate ("don't eat or drink") agree with a third-person subject."""
    out = _drop_fillers(tokens)
    index = skip_adverbs(out, 0)
    if index >= len(out):
        return out
    original = out[index].lower()
    if original == "got" and not tense_is_past(out):
        out[index] = original = "have"
    agreed = _agree(out, index, plural=plural)
    out[index] = agreed
    if agreed != original and original in english.VERBS and not plural:
        for position in range(index + 1, len(out)):
            word = out[position].lower()
            if word in english.PLAIN_VERBS and out[position - 1].lower() in _SUBJECT_FOLLOWERS:
                out[position] = third_person(word)
    return ["not" if token == "n't" else token for token in out]


def tense_is_past(predicate: Sequence[str]) -> bool:
    """Return whether the predicate is past, which decides which May "in May" is.

    Present perfect counts as past; "have a test", "have to" and "got a test" do not.
    """
    index = skip_adverbs(predicate, 0)
    if index >= len(predicate):
        return False
    low = predicate[index].lower()
    following = skip_adverbs(predicate, index + 1)
    word = predicate[following].lower() if following < len(predicate) else ""
    if english.PLANNING_VERBS & {token.lower() for token in predicate[: index + 4]}:
        return False
    if low in ("have", "has", "'ve", "'s"):
        return word != "got" and (is_participle(word) or word in ("been", "had"))
    if (
        low == "got"
        and word in ("a", "an", "my", "another")
        and any(token.lower() in english.EVENT_NOUNS for token in predicate[index : index + 6])
    ):
        return False
    if low == "'d":
        return _expand_contraction(list(predicate), index) == "had"
    if low in english.UNCHANGED_PASTS and "every" in predicate:
        return False
    return is_past(low)


_FIRST = {
    "my": "their", "mine": "theirs", "me": "them", "myself": "themselves", "our": "their",
    "ours": "theirs", "us": "them", "ourselves": "themselves",
}  # fmt: skip
_NAMED = {
    "my": "User's", "mine": "User's", "me": "User", "myself": "User", "our": "User's",
    "ours": "User's", "us": "User and others", "ourselves": "User and others",
}  # fmt: skip


def to_third_person(tokens: Sequence[str], *, about_user: bool, group: str = "") -> list[str]:
    """Turn first-person words into the third person.

    about_user: whether the subject of the clause is the user, so that "my" can be "their" without
        doubt; otherwise the user is named.
    group: who "we" are in a subordinate clause; "" means the user and others.
    """
    table = _FIRST if about_user else _NAMED
    out: list[str] = []
    index = 0
    while index < len(tokens):
        low = tokens[index].lower()
        if low in ("i", "we"):
            end = _predicate_end(tokens, index + 1)
            plural = low == "we"
            out.append((group or "User and others") if plural else "User")
            inner = agree_verbs(list(tokens[index + 1 : end]), plural=plural)
            out.extend(to_third_person(inner, about_user=True, group=group))
            index = end
            continue
        out.append(table.get(low, "not" if low == "n't" else tokens[index]))
        index += 1
    return out


def _predicate_end(tokens: Sequence[str], index: int) -> int:
    while index < len(tokens) and tokens[index].lower() not in ("i", "we"):
        index += 1
    return index
