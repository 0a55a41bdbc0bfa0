"""Cutting a sentence into clauses, each with one subject and one predicate."""

from collections.abc import Sequence

from hitherto.core.extraction import grammar
from hitherto.core.text import english_words as english


def without_relatives(tokens: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Cut ", who is 12," and ", which ..." out of a sentence.

    Returns the sentence without them, and the ones with "who" as clauses of their own.
    """
    kept: list[str] = []
    relatives: list[list[str]] = []
    index = 0
    while index < len(tokens):
        following = tokens[index + 1].lower() if index + 1 < len(tokens) else ""
        if tokens[index] != "," or following not in ("who", "which", "whose", "where"):
            kept.append(tokens[index])
            index += 1
            continue
        end = index + 2
        while end < len(tokens) and tokens[end] not in (",", ")", "-", "–", "—"):
            end += 1
        if following in ("who", "which"):
            relatives.append(list(tokens[index + 1 : end]))
        ahead = end + 1 < len(tokens) and tokens[end] == ","
        joins = ahead and (tokens[end + 1].lower() in english.CONJUNCTIONS or len(kept) > 6)
        index = end if joins else end + 1
    return kept, relatives


_CONNECTORS = frozenset(
    [",", "and", "but", "so", "because", "then", "-", "–", "—", "(", ")", ":", "yet", "plus",
     "although", "though", "&", "also", "as", "since", "while", "hence", "/", "like"]
)  # fmt: skip
_STRONG = frozenset(["and", "but", "then", ",", "&", "plus"])
_SUBORDINATE = frozenset(["because", "as", "since", "while", "although", "though", "like"])


def split_clauses(tokens: Sequence[str]) -> list[list[str]]:
    """Cut a sentence into clauses; one without a subject of its own begins with its verb."""
    clauses: list[list[str]] = []
    start = index = 0
    while index < len(tokens):
        if index > start and _runs_on(tokens[start:index], tokens, index):
            clauses.append(list(tokens[start:index]))
            start = index
        if index == start or not _connects(tokens, index):
            index += 1
            continue
        end = index
        while end < len(tokens) and tokens[end].lower() in _CONNECTORS:
            end += 1
        words = {token.lower() for token in tokens[index:end]}
        if _begins_clause(tokens, end, words, tokens[start:index]):
            clauses.append(list(tokens[start:index]))
            start = end
        index = max(end, index + 1)
    clauses.append(list(tokens[start:]))
    return [clause for clause in clauses if clause]


_OPEN = english.word_set("""
    that what when if because how where why which who since as while before after until so and think
    know hope guess said feel than like everything all way time thing one or but told says every
    whenever anything something then once the a an
""")


def _connects(tokens: Sequence[str], index: int) -> bool:
    """Return whether the token may separate clauses, as "so" of "is so old" does not."""
    low, before = tokens[index].lower(), tokens[index - 1].lower()
    if low == "like":
        return before in (",", "-", "–")
    if low == "so":
        return before not in english.AUXILIARIES and not grammar.is_adverb(before)
    return low in _CONNECTORS


_RUNNING = frozenset(["i", "he", "she", "my", "we"])


def _runs_on(before: Sequence[str], tokens: Sequence[str], index: int) -> bool:
    """Return whether a sentence begins without a mark before it: "im 22 i work at".

    Not behind a noun with an article, where it is rather a relative clause ("the book i read").
    """
    if len(before) < 3 or before[0] not in _RUNNING:
        return False
    if tokens[index] == "my":
        open_end = (
            before[-1] in english.PREPOSITIONS or before[-1] in english.VERBS | english.AUXILIARIES
        )
        open_end = open_end or grammar.is_past(before[-1]) or grammar.is_gerund(before[-1])
        return not (open_end or before[-1] in _OPEN | _CONNECTORS | {"n't", "not"}) and (
            not grammar.is_adverb(before[-1]) and finite_verb(tokens, index) is not None
        )
    if tokens[index] not in ("i", "he", "she"):
        return False
    if tokens[index] != "i" and tokens[index + 1 : index + 2] in (["'s"], ["is"]):
        return _has_verb(before) and before[-1].lower() not in _OPEN | _CONNECTORS
    if tokens[index] != "i" and not (
        index + 1 < len(tokens) and grammar.is_finite(tokens, index + 1) and _has_verb(before)
    ):
        return False
    if before[-1].lower() in _OPEN | _CONNECTORS or grammar.is_adverb(before[-1]):
        return False
    return not {"the", "a", "an", "this", "that", "some", "any", "when", "if"} & set(before[-4:])


def _begins_clause(
    tokens: Sequence[str], index: int, connectors: set[str], before: Sequence[str]
) -> bool:
    if index >= len(tokens):
        return "like" not in connectors
    if _is_subordinate(tokens, index, connectors):
        return False
    if connectors == {","} and _is_fronted(before):
        return False
    if tokens[index].lower() == "there" and tokens[index + 1 : index + 2] in (["I"], ["i"], ["we"]):
        return True
    own = grammar.skip_adverbs(tokens, index)
    if own < len(tokens) and begins_with_subject(tokens, own):
        return not _joins_subjects(tokens, index, before)
    if not connectors & _STRONG:
        return False
    if own < len(tokens) and _opens_fronted_clause(tokens, own):
        return True
    if before[0].lower() in ("my", "our", "the", "her", "his") and not _has_verb(before):
        return False
    return _continues(tokens, index, before)


def _is_subordinate(tokens: Sequence[str], index: int, connectors: set[str]) -> bool:
    """Return whether the connector continues a clause: "as a nurse", "since I was six"."""
    if connectors & _SUBORDINATE and tokens[index].lower() not in ("i", "my", "we", "our"):
        return True
    return "," not in connectors and ("like" in connectors or _is_since(tokens, index, connectors))


def _opens_fronted_clause(tokens: Sequence[str], index: int) -> bool:
    """Return whether "in May I ..." begins here: a preposition, "I", then a verb."""
    if tokens[index].lower() not in english.PREPOSITIONS:
        return False
    for position in range(index + 1, min(index + 6, len(tokens) - 1)):
        if tokens[position].lower() in ("i", "we"):
            return True
        if grammar.is_finite(tokens, position):
            return False
    return False


def _is_since(tokens: Sequence[str], index: int, connectors: set[str]) -> bool:
    """Return whether "since I was six" says from when on, not why."""
    is_past = index + 1 < len(tokens) and grammar.is_past(tokens[index + 1])
    return "since" in connectors and tokens[index].lower() in ("i", "we") and is_past


_OPENERS = frozenset(["when", "while", "after", "before", "until", "once", "whenever", "if"])


def _is_fronted(before: Sequence[str]) -> bool:
    """Return whether the words before a comma are like "When I was 12", "Last Friday"."""
    first = before[0].lower()
    if first in _OPENERS:
        return "," not in before or before[1] == ","
    fronted = first in english.PREPOSITIONS or grammar.is_adverb(first) or grammar.is_date(first)
    return fronted and not _has_verb(before)


def _has_verb(tokens: Sequence[str]) -> bool:
    if any(token.lower() in ("i", "we", "he", "she", "they") for token in tokens[:-1]):
        return True
    return any(grammar.is_finite(tokens, index) for index in range(1, len(tokens)))


def _joins_subjects(tokens: Sequence[str], index: int, before: Sequence[str]) -> bool:
    """Return whether a subject continues one without a verb: "my wife and I are"."""
    if tokens[index].lower() in ("he", "she", "they", "it", "we"):
        return False
    return not _has_verb(before) and tokens[index - 1].lower() in ("and", "&")


def begins_with_subject(tokens: Sequence[str], index: int) -> bool:
    """Return whether a subject with its finite verb begins at the token."""
    low = tokens[index].lower()
    following = grammar.skip_adverbs(tokens, index + 1)
    if low in english.PRONOUN_SUBJECTS and following < len(tokens):
        if low in ("i", "we", "he", "she", "they"):
            return True
        return grammar.is_finite(tokens, following)
    return finite_verb(tokens, index) is not None


def finite_verb(tokens: Sequence[str], start: int) -> int | None:
    """Return the index of the finite verb behind the noun phrase at `start`, if any."""
    low = tokens[start].lower()
    if low in english.PREPOSITIONS or low in english.AUXILIARIES or not tokens[start][0].isalpha():
        return None
    if low not in english.DETERMINERS and (grammar.is_past(low) or low in english.VERBS):
        return None
    limit = 9 if low in english.DETERMINERS else 4
    index = start + 1
    while index < min(len(tokens), start + limit):
        token = tokens[index]
        if token == "," and index + 2 < len(tokens) and "," in tokens[index + 2 : index + 5]:
            index = tokens.index(",", index + 1) + 1
            continue
        named = token.lower() in ("called", "named") and low in ("a", "an")
        if (
            named
            or token in (",", "(", ")", ":")
            or token.lower() in ("that", "who", "which", "if", "i")
        ):
            return None
        adverb = grammar.is_adverb(token) or grammar.is_date(token)
        if not adverb and grammar.is_finite(tokens, index):
            return index
        index += 1
    return None


def _continues(tokens: Sequence[str], index: int, before: Sequence[str]) -> bool:
    """Return whether the words behind the connector are a further predicate of the same subject."""
    position = grammar.skip_adverbs(tokens, index)
    if position >= len(tokens) or not before:
        return False
    if tokens[index - 1] == "," and not _INNER.isdisjoint(token.lower() for token in before):
        return False
    low = tokens[position].lower()
    if low in english.AUXILIARIES and low not in ("be", "being"):
        return True
    is_complete = _has_complement(tokens, position)
    past = any(map(grammar.is_past, before))
    if grammar.is_past(low):
        return past and (low in english.PASTS or is_complete or position + 1 >= len(tokens))
    if grammar.is_gerund(low):
        return is_complete and any(map(grammar.is_gerund, before))
    if past or (low not in english.VERBS and grammar.base_of_third(low) is None):
        return False
    return is_complete or low not in english.NOUN_LIKE_VERBS or _is_listed_taste(tokens, index)


_INNER = frozenset(["because", "that", "who", "if", "when"])


def _has_complement(tokens: Sequence[str], verb: int) -> bool:
    """Return whether a date or closed-class word follows, as it seldom follows a noun."""
    following = tokens[verb + 1].lower() if verb + 1 < len(tokens) else ""
    closed = following in english.DETERMINERS or following in english.PREPOSITIONS
    return closed or following[:1] >= "\ue000" or following in ("to", "me")


def _is_listed_taste(tokens: Sequence[str], index: int) -> bool:
    """Return whether ", love chess" stands behind a comma."""
    position = grammar.skip_adverbs(tokens, index)
    following = tokens[position + 1] if position + 1 < len(tokens) else ""
    is_taste = tokens[position].lower() in ("love", "hate", "like")
    return is_taste and tokens[index - 1] == "," and following[:1].isalpha()
