"""Cutting a sentence into clauses, each with one subject and one predicate."""

from collections.abc import Sequence

from hitherto.core.extraction import grammar
from hitherto.core.text import english as lx


def without_relatives(tokens: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Take ", who is 12," and ", which ..." out of a sentence.

    Returns the sentence without them, and the ones with "who" as clauses of their own.
    """
    kept: list[str] = []
    relatives: list[list[str]] = []
    place = 0
    while place < len(tokens):
        following = tokens[place + 1].lower() if place + 1 < len(tokens) else ""
        if tokens[place] != "," or following not in ("who", "which", "whose", "where"):
            kept.append(tokens[place])
            place += 1
            continue
        end = place + 2
        while end < len(tokens) and tokens[end] not in (",", ")", "-", "–", "—"):
            end += 1
        if following in ("who", "which"):
            relatives.append(list(tokens[place + 1 : end]))
        ahead = end + 1 < len(tokens) and tokens[end] == ","
        joins = ahead and (tokens[end + 1].lower() in lx.CONJUNCTIONS or len(kept) > 6)
        place = end if joins else end + 1
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


_OPEN = frozenset(
    ["that", "what", "when", "if", "because", "how", "where", "why", "which", "who", "since",
     "as", "while", "before", "after", "until", "so", "and", "think", "know", "hope", "guess",
     "said", "feel", "than", "like", "everything", "all", "way", "time", "thing", "one", "or",
     "but", "told", "says", "every", "whenever", "anything", "something", "then", "once",
     "the", "a", "an"]
)  # fmt: skip


def _connects(tokens: Sequence[str], index: int) -> bool:
    """Whether the token may part clauses; "so" of "is so old" and "like" of "I like" do not."""
    low, before = tokens[index].lower(), tokens[index - 1].lower()
    if low == "like":
        return before in (",", "-", "–")
    if low == "so":
        return before not in lx.AUXILIARIES and not grammar.is_adverb(before)
    return low in _CONNECTORS


_RUNNING = frozenset(["i", "he", "she", "my", "we"])


def _runs_on(before: Sequence[str], tokens: Sequence[str], index: int) -> bool:
    """Whether a chat's "i" begins a sentence without a mark before it: "im 22 i work at ...".

    Not behind a noun with an article, where it is rather a relative clause ("the book i read").
    """
    if len(before) < 3 or before[0] not in _RUNNING:
        return False
    if tokens[index] == "my":
        open_end = before[-1] in lx.PREPOSITIONS or before[-1] in lx.VERBS | lx.AUXILIARIES
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
    if connectors & _SUBORDINATE and tokens[index].lower() not in ("i", "my", "we", "our"):
        return False
    if "," not in connectors and ("like" in connectors or _is_since(tokens, index, connectors)):
        return False
    if connectors == {","} and _is_fronted(before):
        return False
    if tokens[index].lower() == "there" and tokens[index + 1 : index + 2] in (["I"], ["i"], ["we"]):
        return True
    own = grammar.skip_adverbs(tokens, index)
    if own < len(tokens) and begins_with_subject(tokens, own):
        return not _joins_subjects(tokens, index, before)
    if own < len(tokens) and tokens[own].lower() in lx.PREPOSITIONS and connectors & _STRONG:
        later = range(own + 1, min(own + 6, len(tokens) - 1))
        spoken = [place for place in later if tokens[place].lower() in ("i", "we")]
        if spoken and not any(grammar.is_finite(tokens, at) for at in range(own + 1, spoken[0])):
            return True
    if before[0].lower() in ("my", "our", "the", "her", "his") and not _has_verb(before):
        return False
    return bool(connectors & _STRONG) and _continues(tokens, index, before)


def _is_since(tokens: Sequence[str], index: int, connectors: set[str]) -> bool:
    """Whether "since I was six" says from when on, not why."""
    told = index + 1 < len(tokens) and grammar.is_past(tokens[index + 1])
    return "since" in connectors and tokens[index].lower() in ("i", "we") and told


_OPENERS = frozenset(["when", "while", "after", "before", "until", "once", "whenever", "if"])


def _is_fronted(before: Sequence[str]) -> bool:
    """Whether the words in front of a comma are "When I was 12" or "Last Friday"."""
    first = before[0].lower()
    if first in _OPENERS:
        return "," not in before or before[1] == ","
    fronted = first in lx.PREPOSITIONS or grammar.is_adverb(first) or grammar.is_date(first)
    return fronted and not _has_verb(before)


def _has_verb(tokens: Sequence[str]) -> bool:
    if any(token.lower() in ("i", "we", "he", "she", "they") for token in tokens[:-1]):
        return True
    return any(grammar.is_finite(tokens, place) for place in range(1, len(tokens)))


def _joins_subjects(tokens: Sequence[str], index: int, before: Sequence[str]) -> bool:
    """ "my wife and I are ...": what stands before has no verb yet."""
    if tokens[index].lower() in ("he", "she", "they", "it", "we"):
        return False
    return not _has_verb(before) and tokens[index - 1].lower() in ("and", "&")


def begins_with_subject(tokens: Sequence[str], index: int) -> bool:
    """Whether a subject with its finite verb begins at the token."""
    low = tokens[index].lower()
    following = grammar.skip_adverbs(tokens, index + 1)
    if low in lx.PRONOUN_SUBJECTS and following < len(tokens):
        if low in ("i", "we", "he", "she", "they"):
            return True
        return grammar.is_finite(tokens, following)
    return finite_verb(tokens, index) is not None


def finite_verb(tokens: Sequence[str], start: int) -> int | None:
    """The place of the finite verb of the noun phrase that begins at `start`, if one follows."""
    low = tokens[start].lower()
    if low in lx.PREPOSITIONS or low in lx.AUXILIARIES or not tokens[start][0].isalpha():
        return None
    if low not in lx.DETERMINERS and (grammar.is_past(low) or low in lx.VERBS):
        return None
    limit = 9 if low in lx.DETERMINERS else 4
    place = start + 1
    while place < min(len(tokens), start + limit):
        token = tokens[place]
        if token == "," and place + 2 < len(tokens) and "," in tokens[place + 2 : place + 5]:
            place = tokens.index(",", place + 1) + 1
            continue
        named = token.lower() in ("called", "named") and low in ("a", "an")
        if (
            named
            or token in (",", "(", ")", ":")
            or token.lower() in ("that", "who", "which", "if", "i")
        ):
            return None
        adverb = grammar.is_adverb(token) or grammar.is_date(token)
        if not adverb and grammar.is_finite(tokens, place):
            return place
        place += 1
    return None


def _continues(tokens: Sequence[str], index: int, before: Sequence[str]) -> bool:
    """Whether the words behind the connector are a further predicate of the same subject."""
    place = grammar.skip_adverbs(tokens, index)
    if place >= len(tokens) or not before:
        return False
    low = tokens[place].lower()
    inner = {"because", "that", "who", "if", "when"} & {token.lower() for token in before}
    if inner and tokens[index - 1] == ",":
        return False
    if low in lx.AUXILIARIES and low not in ("be", "being"):
        return True
    following = tokens[place + 1].lower() if place + 1 < len(tokens) else ""
    complement = (
        following[:1] >= "\ue000"
        or following in lx.DETERMINERS
        or following in lx.PREPOSITIONS
        or following in ("to", "me")
    )
    past = any(grammar.is_past(token) for token in before)
    if grammar.is_past(low):
        return past and (low in lx.PASTS or complement or place + 1 >= len(tokens))
    if grammar.is_gerund(low):
        return complement and any(grammar.is_gerund(token) for token in before)
    known = low in lx.VERBS or grammar.base_of_third(low) is not None
    taste = low in ("love", "hate", "like") and tokens[index - 1] == "," and following[:1].isalpha()
    return known and not past and (complement or taste or low not in lx.NOUN_LIKE_VERBS)
