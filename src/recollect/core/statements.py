"""What of a predication is worth keeping, and how it is written in the third person."""

import re
from collections.abc import Sequence

from recollect.core import grammar
from recollect.core import lexicon as lx
from recollect.core.predications import Predication
from recollect.core.referents import Scene
from recollect.core.speech import QUOTE_MARK

MAX_WORDS = 40
"""Statements longer than this are run-on sentences, which say too many things at once."""

_CHAT_VERBS = frozenset(
    [
        "think",
        "guess",
        "suppose",
        "mean",
        "wonder",
        "assume",
        "agree",
        "appreciate",
        "figure",
        "bet",
        "promise",
        "swear",
        "apologise",
        "apologize",
        "thank",
        "thought",
        "meant",
        "guessed",
        "assumed",
        "believe",
        "feel'like",
        "wondered",
        "asked",
        "ask",
        "tell",
        "doubt",
        "hear",
        "see",
        "imagine",
        "understand",
        "noticed",
        "wish",
        "forgot",
    ]
)
_CHAT = re.compile(
    r"(?:(?:am|'m|was) (?:just |really |also |so |very |not )*(?:wondering|thinking (?:about|if|that)"
    r"|hoping|asking|curious"
    r"|sorry|sure|glad|happy (?:to|that|with)|good|fine|ok|okay|done|back|here|kidding|joking"
    r"|saying|afraid|aware|confused|right|wrong|interested in (?:learning|knowing|hearing)|guessing"
    r"|impressed|grateful|thankful|stuck|all ears|all set|leaning|open to|torn|having"
    r" (?:trouble|problems) (?:understanding|with the)|looking forward to (?:it|that|hearing|trying)"
    r"|excited to (?:try|see|hear|learn)|looking for (?:some |any |a few |more )?(?:advice|tips|ideas"
    r"|suggestions|recommendations|information|help|ways)|not sure|trying to (?:understand|figure"
    r"|find out|decide))\b"
    r"|(?:'ll|will) (?:\w+ )?(?:try|check|let you|mention|suggest|send|bring|ask|tell|look|see|do|keep|consider|give|think|remember|make"
    r" sure|definitely|go with|take|be sure|have to|report|get back)\b"
    r"|(?:have|had|'ve|got) (?:a |another |one more |some |no |heard |tried that)*(?:question|idea"
    r"|feeling|thought|doubt|clue|questions)"
    r"|(?:need|want|'d (?:like|love)) (?:to (?:know|understand|ask|see if|make sure|check)|some|help"
    r"|advice|you|your|more|it|a (?:few|list|recipe|plan|summary|hand)|ideas|suggestions)\b"
    r"|(?:do|did|does|can|could) n't (?:know|understand|think|mean|care|remember|see|want to bother"
    r"|wait|believe|tell|say|agree|mind|get it|figure|imagine|help)"
    r"|can (?!n't|speak|play|swim|drive|cook|read|only|finally)"
    r"|(?:like|love|hate|get|got|enjoy|do|did|know|tried|need|want) (?:it|that|this|them|those|the (?:idea"
    r"|sound)|how|what|your)(?: idea| too| a lot| so much| one)?(?:\Z| (?!\w+ \w+ \w+))"
    r"|know (?:that|what|how much|it|right|why|about that)\b|never thought|hope (?:it|that|this|you|so"
    r"|to hear|things|the|everything)\b|look forward|(?:am|'m) (?:so |very |really )*(?:sorry|glad)"
    r"|would (?!like|love|prefer)|'d (?!like|love|prefer|rather|been|better|\w+ed\b)"
    r"|(?:will|'ll) (?:probably )?(?:need|want) (?:to|it|that)\b(?! \w+ \w+ \w+))",
    re.IGNORECASE,
)
_BARE_OBJECTS = frozenset(["it", "that", "this", "them", "those", "these", "so", "one", "ones"])
_TRAILING = frozenset(
    [
        "there",
        "and",
        "but",
        "or",
        "so",
        "because",
        "though",
        "too",
        "lol",
        "haha",
        "ok",
        "then",
        "right",
        "anyway",
        "however",
        "well",
        "btw",
        "that",
        "which",
        "to",
        "tbh",
        "ngl",
        "lmao",
        "already",
        "either",
    ]
)


def is_worth_keeping(said: Predication) -> bool:
    """Whether the predication tells something about the user, not about the conversation."""
    low = [token.lower() for token in said.predicate]
    if not low or {"you", "your", "yours", QUOTE_MARK} & set(low):
        return False
    if "you" in said.subject.lower().split():
        return False
    place = grammar.skip_adverbs(low, 0)
    if place >= len(low):
        return False
    if _is_hypothetical(low, place):
        return False
    if not said.first_person:
        return len([word for word in low[place:] if grammar.is_word(word)]) > 1 or any(
            grammar.is_date(word) for word in low
        )
    core = [word for word in low if not grammar.is_adverb(word) or word in ("n't", "not")]
    text = " ".join(core)
    if core and (core[0] in _CHAT_VERBS or _CHAT.match(text)):
        return False
    return _has_content(low, place)


def _is_hypothetical(low: Sequence[str], place: int) -> bool:
    verb = low[place]
    after = low[place + 1] if place + 1 < len(low) else ""
    if {"maybe", "perhaps"} & set(low[: place + 3]):
        return True
    if verb == "were" and "if" in low:
        return True
    if verb in lx.HYPOTHETICAL:
        return not (verb == "would" and after in ("like", "love", "prefer"))
    return verb == "if"


def _has_content(low: Sequence[str], place: int) -> bool:
    """Whether something is left that is understood without the sentences around it."""
    rest = [word for word in low[place + 1 :] if not grammar.is_adverb(word)]
    rest = [word for word in rest if word not in lx.AUXILIARIES and word not in ("to", "n't")]
    if rest and rest[0] in _BARE_OBJECTS:
        return False
    empty = lx.PREPOSITIONS | lx.DETERMINERS | lx.PRONOUN_SUBJECTS | _BARE_OBJECTS
    words = [word for word in rest if word not in empty and grammar.is_word(word)]
    return bool(words) or (low[place] not in lx.AUXILIARIES and any(map(grammar.is_date, rest)))


def render(said: Predication, scene: Scene) -> list[str]:
    """The statement's tokens, in the third person, dates still as placeholders."""
    predicate = _resolved(_trimmed(said.predicate), said, scene)
    if said.first_person or said.plural:
        predicate = grammar.agree_verbs(predicate, plural=said.plural)
    else:
        predicate = grammar.agree_verbs(predicate, plural=False)
    predicate = _dates_last(predicate)
    words = grammar.to_third_person(predicate, about_user=said.about_user, group=scene.we())
    tokens = [said.subject, *_without_cannot(words)]
    while len(tokens) > 1 and (
        tokens[-1].lower() in _TRAILING
        or not (grammar.is_word(tokens[-1]) or grammar.is_date(tokens[-1]))
    ):
        if tokens[-1] in (")", "%"):
            break
        tokens.pop()
    return tokens if len(tokens) <= MAX_WORDS else []


def _without_cannot(words: Sequence[str]) -> list[str]:
    out: list[str] = []
    for word in words:
        if word == "not" and out and out[-1] == "can":
            out[-1] = "cannot"
        else:
            out.append(word)
    return out


def _dates_last(predicate: Sequence[str]) -> list[str]:
    """Dates in front of the verb go to the end, where their wording reads well."""
    place = grammar.skip_adverbs(predicate, 0)
    dates = [token for token in predicate[:place] if grammar.is_date(token)]
    rest = [token for token in predicate[:place] if not grammar.is_date(token)]
    return [*rest, *predicate[place:], *dates]


_CUTS = frozenset(["which", "who", "whom", "where", "whose"])


def _trimmed(predicate: Sequence[str]) -> list[str]:
    """Without relative clauses behind a comma, asides and long reasons."""
    tokens = list(predicate)
    for place, token in enumerate(tokens):
        low = token.lower()
        after = tokens[place + 1].lower() if place + 1 < len(tokens) else ""
        if token == "," and after in _CUTS:
            return [*tokens[:place], *_late_dates(tokens[place:])[:0]]
        if low in ("because", "so", "since") and place > 1 and len(tokens) - place > 12:
            return tokens[:place]
    return tokens


def _late_dates(tokens: Sequence[str]) -> list[str]:
    return [token for token in tokens if grammar.is_date(token)]


def _resolved(predicate: list[str], said: Predication, scene: Scene) -> list[str]:
    """Put what "it", "her", "Ana" stand for into the place of the verb's object."""
    out: list[str] = []
    for place, token in enumerate(predicate):
        low = token.lower()
        after = predicate[place + 1] if place + 1 < len(predicate) else "."
        referent = scene.names.get(low) if token[0].isupper() else None
        owned = place > 0 and referent is not None and referent.noun == predicate[place - 1].lower()
        if low in ("him", "it", "them") or (low == "her" and not _opens_noun(after)):
            referent = scene.resolve(low)
        if referent is None or owned or referent.phrase == said.subject:
            out.append(token)
        else:
            out.append(referent.as_object(about_user=said.about_user))
    return out


def _opens_noun(token: str) -> bool:
    low = token.lower()
    closed = low in lx.PREPOSITIONS or low in lx.CONJUNCTIONS or low in lx.DETERMINERS
    return grammar.is_word(token) and not closed and not grammar.is_adverb(token) and low != "to"
