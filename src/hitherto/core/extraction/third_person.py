"""What of a predication is worth keeping, and how it is written in the third person."""

import re
from collections.abc import Sequence
from dataclasses import replace

from hitherto.core.extraction import grammar
from hitherto.core.extraction.coreference import Scene, introduces
from hitherto.core.extraction.message_filter import QUOTE_MARK
from hitherto.core.extraction.subjects import Predication
from hitherto.core.text import english as lx

MAX_WORDS = 40
"""Statements longer than this are run-on sentences, which say too many things at once."""

_CHAT_VERBS = frozenset(
    ["think", "guess", "suppose", "mean", "wonder", "assume", "agree", "appreciate", "figure",
     "bet", "promise", "swear", "apologise", "apologize", "thank", "thought", "meant", "guessed",
     "assumed", "believe", "wondered", "asked", "ask", "tell", "doubt", "hear", "see", "imagine",
     "understand", "noticed", "wish", "forgot", "admire", "second", "sound",
     "realize", "realise", "realized", "realised", "knew", "remember",
     "remembered", "mentioned"]
)  # fmt: skip
_ADVICE = (
    r"(?:advice|tips?|ideas?|suggestions?|recommendations?|recs|resources|information|info|help"
    r"|feedback|guidance|inspiration|clarification|details|examples|options|recipes?)"
)
_CHAT_AM = (
    r"wondering|thinking (?:about (?:it|that)|if|that)|hoping|asking|curious|sorry|sure|glad"
    r"|happy (?:to|that|with|for)|good|fine|ok|okay|done|back|here|kidding|joking|saying"
    r"|afraid(?! of)|fed up"
    r"|aware|confused|right|wrong|interested in (?:learning|knowing|hearing)|guessing|impressed"
    r"|grateful|thankful|stuck|all (?:ears|set|about)|leaning|open to|torn|blessed|lucky|thrilled"
    r"|stoked|pumped|up for|feeling|a bit|ready|here for|rooting|excited|hopeful|inspired|amazed"
    r"|having (?:trouble|problems) (?:understanding|with the)|looking forward"
    r"|trying to (?:understand|figure|find out|decide)|going to (?:keep|try|check|look|give|do)"
    rf"|looking (?:for|to)(?: \S+){{0,9}} {_ADVICE}"
)
_CHAT = re.compile(
    rf"(?:(?:am|'m|was) (?:a bit |"
    rf"(?:just|really|also|so|very|not|n't|always|super) )*(?:{_CHAT_AM})\b"
    r"|(?:'ll|will) (?:\w+ )?(?:try|check|let you|mention|suggest|send|bring|ask|tell|look|see|do"
    r"|keep|consider|give|think|remember|make sure|definitely|go with|take|be sure|have to|report"
    r"|get back|start by|explore|work (?:my|on)|stick|use)\b"
    r"|(?:have|had|'ve|got) (?:a |another |one more |some |no |heard |tried that |got )*"
    r"(?:questions?|idea|feeling|thought|doubt|clue)\b"
    r"|(?:need|want|'d (?:like|love)) (?:to (?:know|understand|ask|see if|make sure|check)|some"
    r"|help|advice|you|your|more|it|a (?:few|list|recipe|plan|summary|hand)|ideas|suggestions)\b"
    rf"|(?:need|want|could use)(?: \S+){{0,6}} {_ADVICE}\b"
    r"|(?:do|did|does|can|could) n't (?:know|understand|think|mean|care|remember|see|want to bother"
    r"|wait|believe|tell|say|agree|mind|get it|figure|imagine|help)\b"
    r"|can (?!n't|speak|play|swim|drive|cook|read|only|finally)"
    r"|(?:like|love|hate|get|got|enjoy|do|did|know|tried|need|want) (?:it|that|this|them|those|how"
    r"|what|your)(?: idea| too| a lot| so much| one)?(?:\Z| (?!\w+ \w+ \w+))"
    r"|(?:like|love) (?:the|both|all) (?:\w+ ){0,3}"
    r"(?:idea|sound|structure|theme|suggestions?|options?|concept|way|approach|first|second|plan)\b"
    r"|want(?:ed)? to (?:say|tell|thank|chat|catch up|check in|follow up|wish|congratulate)\b"
    r"|(?:have|has|had|'ve) n't (?:talked|chatted|spoken|seen you|caught up)\b"
    r"|(?:last )?(?:talked|chatted|spoke|caught up)(?: last| again)?(?:\Z| (?!to|with|about|at))"
    r"|last spoke\b"
    r"|'d rather not be\b|(?:do|did) have (?:a |an |some |one )?question"
    r"|(?:feel|felt) (?:(?:so|really|very|super) )?\w+\Z"
    r"|(?:do n't |did n't )?(?:feel|felt) like (?:i|we)\b"
    r"|(?:have|had) to (?:say|admit|agree)\b|(?:am|'m) (?:still )?on cloud nine"
    r"|(?:am|'m) off\b"
    r"|(?:would|'d|want to|wanted to)(?: like| love)?(?: to)? (?:learn more|hear|know|find out"
    r"|get (?:some|more|your))\b"
    r"|hope (?!to\b)|know (?:that|what|how much|it|right|why|about that)\b|never thought"
    r"|look forward"
    r"|would (?!like|love|prefer)|'d (?!like|love|prefer|rather|been|better|\w+ed\b))",
    re.IGNORECASE,
)
_POINTING = frozenset(["this", "that", "these", "those"])
_BARE_OBJECTS = frozenset(
    [
        "something",
        "anything",
        "nothing",
        "stuff",
        "it",
        "that",
        "this",
        "them",
        "those",
        "these",
        "so",
        "one",
        "ones",
    ]
)
_TRAILING = frozenset(
    [
        "there",
        "both",
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
        "like",
        "as",
        "such",
        "lmao",
        "already",
        "either",
    ]
)


_VAGUE_OBJECTS = frozenset(
    ["copy", "one", "ones", "lot", "lots", "ton", "tons", "bit", "few", "some", "more", "blast",
     "time", "chance", "break", "setback", "update", "picture", "pic", "pics", "photo", "photos",
     "progress", "stuff", "thing", "things", "way", "difference", "impact", "moment", "news", "fun",
     "luck", "color", "colour", "colors", "colours", "texture", "vibe", "vibes", "look", "success"]
)  # fmt: skip
"""Objects that leave open what is meant, unless something behind them says it."""
_UNNAMED = frozenset(
    ["book", "movie", "film", "song", "recipe", "project", "event", "article", "video", "podcast",
     "show", "game", "story", "class", "place", "post", "series", "documentary"]
)  # fmt: skip
_ENCOUNTERED = frozenset(
    ["read", "watched", "started", "found", "saw", "finished", "attended", "heard", "tried", "went",
     "came", "discovered", "checked", "played", "listened", "did", "has", "have",
     "seen", "watching", "reading", "working", "got"]
)  # fmt: skip


def _is_vague(low: Sequence[str], place: int) -> bool:
    """Whether the object stands for something that the statement does not name."""
    words = [word for word in low[place:] if not grammar.is_date(word)]
    words = [word for word in words if not grammar.is_adverb(word)]
    while words and words[-1] in lx.PREPOSITIONS | {"together", "too", "yet", ","}:
        words.pop()
    if len(words) < 2:
        return False
    often = words[-1] == "time" and "a" not in words
    habit = len(words) > 4 or words[0] in lx.INTRANSITIVE_HABITS
    often = often or (words[-2:] == ["a", "lot"] and habit)
    if len(words) <= 6 and words[-1] in _VAGUE_OBJECTS and "my" not in words and not often:
        return words[0] not in ("am", "is", "'m", "'s", "are")
    article = words[-2] in ("a", "an", "the", "another", "this", "that")
    return words[-1] in _UNNAMED and article and bool(_ENCOUNTERED & set(words))


_ATTRIBUTES = frozenset(
    ["great", "good", "new", "nice", "amazing", "awesome", "more", "much", "lots", "lot", "hard",
     "fun", "best", "bad", "different", "ready", "important", "excited", "proud", "happy", "busy",
     "passionate", "able", "interested", "hear", "heard", "time", "back"]
)  # fmt: skip
_CLAUSE_OPENERS = frozenset(
    ["when", "if", "because", "as", "since", "that", "how", "while", "so", "think", "says", "until",
     "where", "what", "once", "though", "although", ",", "whether"]
)  # fmt: skip


def _points_outside(low: Sequence[str], place: int) -> bool:
    """Whether an "it" or "them" stands for something that the statement does not name."""
    for at in range(place + 1, len(low)):
        word = low[at]
        following = low[at + 1] if at + 1 < len(low) else "."
        if word in ("these", "those") and following in ("one", "ones", "."):
            return True
        if word in ("it", "its", "them", "theirs"):
            spoken = [low[spot] for spot in range(place, at) if _can_be_meant(low, spot, place)]
            plural = [_is_several(noun) for noun in spoken]
            several = "and" in low[place:at] or any(plural) if word[0] != "i" else not all(plural)
            if not (spoken and several) and not (
                low[at - 1] in _CLAUSE_OPENERS
                and grammar.is_finite(low, at + 1 - (following == "."))
            ):
                return True
    return False


def _is_several(word: str) -> bool:
    many = word.endswith("s") and not word.endswith("ss")
    return many or word in ("people", "children", "family", "team", "women", "men")


def _can_be_meant(low: Sequence[str], spot: int, place: int) -> bool:
    """Whether a later "it" may stand for the word; `place` is that of the verb."""
    word = low[spot]
    before = low[spot - 1] if spot > place else "to"
    if word in lx.VERBS and (before in ("to", "n't") or before in lx.AUXILIARIES):
        return False
    if not grammar.is_word(word) or word in _ATTRIBUTES or grammar.is_adverb(word):
        return False
    verbal = word in lx.VERBS and word not in lx.NOUN_LIKE_VERBS
    verbal = verbal or grammar.is_past(word) or word in lx.PARTICIPLES or grammar.is_gerund(word)
    closed = word in lx.PREPOSITIONS or word in lx.DETERMINERS or word in lx.CONJUNCTIONS
    closed = closed or word in lx.PRONOUN_SUBJECTS or word in lx.AUXILIARIES or word in ("me", "to")
    return not (verbal or closed)


def _tells_of_others(low: Sequence[str], place: int) -> bool:
    """Whether what is said of somebody of the user's is more than talk or a judgement."""
    if (
        low[place] in ("says", "said")
        and len(low) - place < 6
        and not {"i", "my", "he", "she", "they"} & set(low)
    ):
        return False
    after = low[place + 1] if place + 1 < len(low) else ""
    if low[place] in ("is", "'s", "was") and after in ("so", "both"):
        return False
    if low[-2:] == ["me", "thinking"] or "thinking" in low[place + 2 : place + 3]:
        return False
    if after in ("it", "them", "him", "that", "this") and len(low) - place < 4:
        return False
    return len([word for word in low[place:] if grammar.is_word(word)]) > 1 or any(
        grammar.is_date(word) for word in low
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
    if _is_hypothetical(low, place) or _is_vague(low, place) or _points_outside(low, place):
        return False
    if not said.first_person:
        return _tells_of_others(low, place)
    if low[place] in ("am", "'m", "was") and low[place + 1 : place + 2] == ["so"]:
        return False
    core = [word for word in low if not grammar.is_adverb(word) or word in ("n't", "not")]
    text = " ".join(core)
    dated = any(grammar.is_date(word) for word in low)
    if core and core[0] in ("will", "'ll") and not dated and "probably" not in low:
        return core[1:2] in (["be"], ["need"], ["have"]) and _has_content(low, place)
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
    rest = [word for word in low[place:] if not grammar.is_adverb(word)]
    while rest and (rest[0] in lx.AUXILIARIES or rest[0] in ("to", "n't", "used", "going")):
        rest = rest[1:]
    verbal = rest and (rest[0] in lx.VERBS or grammar.is_participle(rest[0]))
    if rest and (verbal or grammar.is_gerund(rest[0]) or low[place] not in lx.AUXILIARIES):
        if rest[0] in lx.INTRANSITIVE_HABITS and len(rest) == 1:
            return True
        rest = rest[1:]
    if rest and rest[0] in _BARE_OBJECTS:
        following = rest[1] if len(rest) > 1 else "."
        if rest[0] not in _POINTING or not _opens_noun(following):
            return False
    empty = lx.PREPOSITIONS | lx.DETERMINERS | lx.PRONOUN_SUBJECTS | _BARE_OBJECTS
    words = [word for word in rest if word not in empty and grammar.is_word(word)]
    return bool(words) or any(map(grammar.is_date, rest))


def resolved(said: Predication, scene: Scene) -> Predication:
    """The predication with what its pronouns stand for, as far as that is known."""
    return replace(said, predicate=tuple(_resolved(_trimmed(said.predicate), said, scene)))


def render(said: Predication, scene: Scene) -> list[str]:
    """The statement's tokens, in the third person, dates still as placeholders."""
    predicate = list(said.predicate)
    if said.first_person or said.plural:
        predicate = grammar.agree_verbs(predicate, plural=said.plural)
    else:
        predicate = grammar.agree_verbs(predicate, plural=False)
    predicate = _dates_last(predicate)
    words = grammar.to_third_person(predicate, about_user=said.about_user, group=scene.we())
    tokens = [said.subject, *_without_cannot(words)]
    if tokens[-1].lower() in ("a", "an", "the", "my", "their", "your", "there", "of", "than"):
        return []
    while len(tokens) > 1 and (
        tokens[-1].lower() in _TRAILING
        or not (grammar.is_word(tokens[-1]) or grammar.is_date(tokens[-1]))
    ):
        if tokens[-1] in (")", "%"):
            break
        tokens.pop()
    return tokens if len(tokens) <= MAX_WORDS else []


_LIVING = frozenset(["live", "lives", "living", "lived"])


def without_company(said: Predication) -> list[Predication]:
    """ "live in Leeds with my partner" -> "live in Leeds" and "live with my partner".

    Where one lives and with whom change at different times, so they are two statements. Others are
    returned as they are.
    """
    tokens = list(said.predicate)
    low = [token.lower() for token in tokens]
    verb = next((at for at, word in enumerate(low) if word in _LIVING), None)
    if verb is None or "with" not in low[verb:] or not said.about_user:
        return [said]
    begin = low.index("with", verb)
    end = begin + 1
    while end < len(low) and low[end] not in lx.PREPOSITIONS and grammar.is_word(tokens[end]):
        end += 1
    dates = [token for token in tokens[end:] if grammar.is_date(token)]
    place = [*tokens[:begin], *tokens[end:]]
    somewhere = {"in", "at", "on", "near", "outside"} & set(low[verb + 1 : begin] + low[end:])
    people = any(word in lx.PEOPLE for word in low[begin + 1 : end])
    if not (somewhere and people) or "," in low[begin:end] or {"i", "we", "and"} & set(low[verb:]):
        return [said]
    company = [*tokens[: verb + 1], *tokens[begin:end], *dates]
    return [replace(said, predicate=tuple(place)), replace(said, predicate=tuple(company))]


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
    if place + 2 < len(predicate) and grammar.is_date(predicate[place + 1]):
        place += 2 if predicate[place].lower() in lx.AUXILIARIES else 0
    dates = [token for token in predicate[:place] if grammar.is_date(token)]
    rest = [token for token in predicate[:place] if not grammar.is_date(token)]
    return [*rest, *predicate[place:], *dates]


_CUTS = frozenset(["which", "who", "whom", "where", "whose"])


def _trimmed(predicate: Sequence[str]) -> list[str]:
    """Without relative clauses behind a comma, asides and long reasons."""
    tokens = list(predicate)
    verbs = (place for place in reversed(range(len(tokens))) if grammar.is_finite(tokens, place))
    last_verb = next(verbs, -1)
    for place, token in enumerate(tokens):
        low = token.lower()
        after = tokens[place + 1].lower() if place + 1 < len(tokens) else ""
        if token in ("-", "–", "—", "...", "…") and place > 1:
            return tokens[:place]
        if token == "," and after in _CUTS:
            return tokens[:place]
        if low == "and" and place > 1 and introduces(tokens, place):
            return tokens[:place]
        verbless = last_verb < place + 2
        reason = low == "because" and after not in lx.PRONOUN_SUBJECTS | {"of"}
        if reason and place > 1 and verbless:
            return tokens[:place]
        if token == "," and verbless and after in ("though", "although", "while", "because"):
            return tokens[:place]
        if low in ("because", "so", "since") and place > 1 and len(tokens) - place > 12:
            return tokens[:place]
    return tokens


def _resolved(predicate: list[str], said: Predication, scene: Scene) -> list[str]:
    """Put what "it", "her", "Ana" stand for into the place of the verb's object."""
    out: list[str] = []
    given = predicate
    verb = grammar.skip_adverbs(predicate, 0)
    alone = verb + 1 >= len(predicate) or grammar.is_date(predicate[verb + 1])
    if verb < len(predicate) and predicate[verb].lower() in ("quit", "stopped") and alone:
        predicate = [*predicate[: verb + 1], "it", *predicate[verb + 1 :]]
    about = re.split(r"'s | ", said.subject)
    for place, token in enumerate(predicate):
        low = token.lower()
        after = predicate[place + 1] if place + 1 < len(predicate) else "."
        referent = scene.names.get(low) if token[0].isupper() else None
        owned = place > 0 and referent is not None and referent.noun == predicate[place - 1].lower()
        possessive = low in ("her", "his") and _opens_noun(after)
        if low in ("him", "it", "them", "her", "his"):
            referent = scene.resolve(low) if not possessive or said.about_user else None
            inserted = predicate is not given and place == verb + 1 and low == "it"
            if inserted and referent is None:
                continue
        if low == "there" and place > verb and predicate[place - 1].lower() == "it":
            continue
        if (
            low == "there"
            and scene.there()
            and place > verb
            and out[-1].lower() not in (",", "from")
        ):
            moving = {token.lower() for token in out} & _MOVING
            out.extend(["to" if moving else "in", *scene.there().split()])
            continue
        owned = owned or (referent is not None and bool({referent.noun} & set(about)))
        owned = owned or (place > 0 and predicate[place - 1].lower() in ("called", "named"))
        if referent is None or owned or referent.phrase == said.subject:
            out.append(token)
        else:
            phrase = referent.as_object(about_user=said.about_user)
            out.extend(phrase.split())
            if possessive:
                out[-1] += "'s"
    return out


_MOVING = frozenset(
    ["go", "goes", "going", "went", "gone", "move", "moved", "moving", "fly", "flew", "flying",
     "travel", "travelled", "traveled", "drive", "drove", "been", "return", "returned"]
)  # fmt: skip


def _opens_noun(token: str) -> bool:
    low = token.lower()
    closed = low in lx.PREPOSITIONS or low in lx.CONJUNCTIONS or low in lx.DETERMINERS
    return grammar.is_word(token) and not closed and not grammar.is_adverb(token) and low != "to"
