"""Filter predications, and render them in the third person."""

import re
from collections.abc import Sequence
from dataclasses import replace

from hitherto.core.extraction import grammar
from hitherto.core.extraction.coreference import DiscourseState, Entity, introduces_pet
from hitherto.core.extraction.message_filter import QUOTE_MARK
from hitherto.core.extraction.subjects import Predication
from hitherto.core.text import english_words as english

MAX_WORDS = 40
"""Statements longer than this are run-on sentences, which say too many things at once."""

_CHAT_VERBS = english.word_set("""
    think guess suppose mean wonder assume agree appreciate figure bet promise swear apologise
    apologize thank thought meant guessed assumed believe wondered asked ask tell doubt hear see
    imagine understand noticed wish forgot admire second sound realize realise realized realised
    knew remember remembered mentioned
""")
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
_BARE_OBJECTS = english.word_set("""
    something anything nothing stuff it that this them those these so one ones
""")
_TRAILING = english.word_set("""
    there both and but or so because though too lol haha ok then right anyway however well btw that
    which to tbh ngl like as such lmao already either
""")


_VAGUE_OBJECTS = english.word_set("""
    copy one ones lot lots ton tons bit few some more blast time chance break setback update picture
    pic pics photo photos progress stuff thing things way difference impact moment news fun luck
    color colour colors colours texture vibe vibes look success
""")
"""Objects that leave open what is meant, unless something behind them says it."""
_UNNAMED = frozenset(
    ["book", "movie", "film", "song", "recipe", "project", "event", "article", "video", "podcast",
     "show", "game", "story", "class", "place", "post", "series", "documentary"]
)  # fmt: skip
_ENCOUNTERED = english.word_set("""
    read watched started found saw finished attended heard tried went came discovered checked played
    listened did has have seen watching reading working got
""")


def _is_vague(low: Sequence[str], index: int) -> bool:
    """Return whether the object stands for something that the statement does not name."""
    words = [word for word in low[index:] if not grammar.is_date(word)]
    words = [word for word in words if not grammar.is_adverb(word)]
    while words and words[-1] in english.PREPOSITIONS | {"together", "too", "yet", ","}:
        words.pop()
    if len(words) < 2:
        return False
    often = words[-1] == "time" and "a" not in words
    habit = len(words) > 4 or words[0] in english.INTRANSITIVE_HABITS
    often = often or (words[-2:] == ["a", "lot"] and habit)
    if len(words) <= 6 and words[-1] in _VAGUE_OBJECTS and "my" not in words and not often:
        return words[0] not in ("am", "is", "'m", "'s", "are")
    article = words[-2] in ("a", "an", "the", "another", "this", "that")
    return words[-1] in _UNNAMED and article and bool(_ENCOUNTERED & set(words))


_ATTRIBUTES = english.word_set("""
    great good new nice amazing awesome more much lots lot hard fun best bad different ready
    important excited proud happy busy passionate able interested hear heard time back
""")
_CLAUSE_OPENERS = frozenset(
    ["when", "if", "because", "as", "since", "that", "how", "while", "so", "think", "says", "until",
     "where", "what", "once", "though", "although", ",", "whether"]
)  # fmt: skip


def _points_outside(low: Sequence[str], index: int) -> bool:
    """Return whether an "it" or "them" stands for something that the statement does not name."""
    for at in range(index + 1, len(low)):
        word = low[at]
        following = low[at + 1] if at + 1 < len(low) else "."
        if word in ("these", "those") and following in ("one", "ones", "."):
            return True
        if word in ("it", "its", "them", "theirs"):
            spoken = [low[spot] for spot in range(index, at) if _can_be_meant(low, spot, index)]
            plural = [_is_several(noun) for noun in spoken]
            several = "and" in low[index:at] or any(plural) if word[0] != "i" else not all(plural)
            if not (spoken and several) and not (
                low[at - 1] in _CLAUSE_OPENERS
                and grammar.is_finite(low, at + 1 - (following == "."))
            ):
                return True
    return False


def _is_several(word: str) -> bool:
    many = word.endswith("s") and not word.endswith("ss")
    return many or word in ("people", "children", "family", "team", "women", "men")


def _can_be_meant(low: Sequence[str], spot: int, index: int) -> bool:
    """Return whether a later "it" may stand for the word at an index, behind a verb."""
    word = low[spot]
    before = low[spot - 1] if spot > index else "to"
    if word in english.VERBS and (before in ("to", "n't") or before in english.AUXILIARIES):
        return False
    if not grammar.is_word(word) or word in _NEVER_MEANT or grammar.is_adverb(word):
        return False
    return not (grammar.is_participle(word) or grammar.is_gerund(word))


_NEVER_MEANT = english.CLOSED_CLASSES | english.PRONOUN_SUBJECTS | english.AUXILIARIES
_NEVER_MEANT |= english.PLAIN_VERBS | _ATTRIBUTES | {"me", "to"}


def _says_enough(low: Sequence[str], index: int) -> bool:
    """Return whether a predicate about another person is more than talk or a judgement."""
    if (
        low[index] in ("says", "said")
        and len(low) - index < 6
        and not {"i", "my", "he", "she", "they"} & set(low)
    ):
        return False
    after = low[index + 1] if index + 1 < len(low) else ""
    if low[index] in ("is", "'s", "was") and after in ("so", "both"):
        return False
    if low[-2:] == ["me", "thinking"] or "thinking" in low[index + 2 : index + 3]:
        return False
    if after in ("it", "them", "him", "that", "this") and len(low) - index < 4:
        return False
    return len([word for word in low[index:] if grammar.is_word(word)]) > 1 or any(
        grammar.is_date(word) for word in low
    )


def is_worth_keeping(predication: Predication) -> bool:
    """Return whether a predication is about the user, not about the conversation."""
    low = [token.lower() for token in predication.predicate]
    if {"you", "your", "yours", QUOTE_MARK} & set(
        low
    ) or "you" in predication.subject.lower().split():
        return False
    index = grammar.skip_adverbs(low, 0)
    if index >= len(low):
        return False
    if _is_hypothetical(low, index) or _is_vague(low, index) or _points_outside(low, index):
        return False
    if not predication.first_person:
        return _says_enough(low, index)
    return not _is_chat(low, index) and _has_content(low, index)


def _is_chat(low: Sequence[str], index: int) -> bool:
    """Return whether a predicate of the user belongs to the conversation, as thanks do."""
    if low[index] in ("am", "'m", "was") and low[index + 1 : index + 2] == ["so"]:
        return True
    core = [word for word in low if not grammar.is_adverb(word) or word in ("n't", "not")]
    if core[:1] in (["will"], ["'ll"]) and not _is_scheduled(low):
        return core[1:2] not in (["be"], ["need"], ["have"])
    return bool(core) and (core[0] in _CHAT_VERBS or _CHAT.match(" ".join(core)) is not None)


def _is_scheduled(low: Sequence[str]) -> bool:
    return any(grammar.is_date(word) for word in low) or "probably" in low


def _is_hypothetical(low: Sequence[str], index: int) -> bool:
    verb = low[index]
    after = low[index + 1] if index + 1 < len(low) else ""
    if {"maybe", "perhaps"} & set(low[: index + 3]):
        return True
    if verb == "were" and "if" in low:
        return True
    if verb in english.HYPOTHETICAL:
        return not (verb == "would" and after in ("like", "love", "prefer"))
    return verb == "if"


def _has_content(low: Sequence[str], index: int) -> bool:
    """Return whether something is left that is understood without the sentences around it."""
    rest = [word for word in low[index:] if not grammar.is_adverb(word)]
    while rest and (rest[0] in english.AUXILIARIES or rest[0] in ("to", "n't", "used", "going")):
        rest = rest[1:]
    if rest and (low[index] not in english.AUXILIARIES or _is_verb(rest[0])):
        if rest[0] in english.INTRANSITIVE_HABITS and len(rest) == 1:
            return True
        rest = rest[1:]
    if rest and _is_bare_object(rest):
        return False
    words = [word for word in rest if word not in _EMPTY_WORDS and grammar.is_word(word)]
    return bool(words) or any(map(grammar.is_date, rest))


_EMPTY_WORDS = english.PREPOSITIONS | english.DETERMINERS | english.PRONOUN_SUBJECTS | _BARE_OBJECTS


def _is_verb(word: str) -> bool:
    return word in english.VERBS or grammar.is_participle(word) or grammar.is_gerund(word)


def _is_bare_object(words: Sequence[str]) -> bool:
    """Return whether an object such as "it" or "that" stands without a noun."""
    if words[0] not in _BARE_OBJECTS:
        return False
    following = words[1] if len(words) > 1 else "."
    return words[0] not in _POINTING or not _opens_noun(following)


def resolve_references(predication: Predication, state: DiscourseState) -> Predication:
    """Return the predication with what its pronouns stand for, as far as that is known."""
    return replace(
        predication,
        predicate=tuple(_replace_references(_trim(predication.predicate), predication, state)),
    )


def render(predication: Predication, state: DiscourseState) -> list[str]:
    """Return the statement's tokens, in the third person, dates still as placeholders."""
    predicate = list(predication.predicate)
    if predication.first_person or predication.plural:
        predicate = grammar.agree_verbs(predicate, plural=predication.plural)
    else:
        predicate = grammar.agree_verbs(predicate, plural=False)
    predicate = _move_dates(predicate)
    words = grammar.to_third_person(
        predicate, about_user=predication.about_user, group=state.group_name()
    )
    tokens = [predication.subject, *_join_cannot(words)]
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


def split_company(predication: Predication) -> list[Predication]:
    """ "live in Leeds with my partner" -> "live in Leeds" and "live with my partner".

    Home and company change at different times, so they are two statements. Others are returned as
    they are.
    """
    tokens = list(predication.predicate)
    low = [token.lower() for token in tokens]
    verb = next((at for at, word in enumerate(low) if word in _LIVING), None)
    if verb is None or "with" not in low[verb:] or not predication.about_user:
        return [predication]
    begin = low.index("with", verb)
    end = begin + 1
    while end < len(low) and low[end] not in english.PREPOSITIONS and grammar.is_word(tokens[end]):
        end += 1
    dates = [token for token in tokens[end:] if grammar.is_date(token)]
    index = [*tokens[:begin], *tokens[end:]]
    somewhere = {"in", "at", "on", "near", "outside"} & set(low[verb + 1 : begin] + low[end:])
    people = any(word in english.PEOPLE for word in low[begin + 1 : end])
    if not (somewhere and people) or "," in low[begin:end] or {"i", "we", "and"} & set(low[verb:]):
        return [predication]
    company = [*tokens[: verb + 1], *tokens[begin:end], *dates]
    return [
        replace(predication, predicate=tuple(index)),
        replace(predication, predicate=tuple(company)),
    ]


def _join_cannot(words: Sequence[str]) -> list[str]:
    out: list[str] = []
    for word in words:
        if word == "not" and out and out[-1] == "can":
            out[-1] = "cannot"
        else:
            out.append(word)
    return out


def _move_dates(predicate: Sequence[str]) -> list[str]:
    """Move dates in front of the verb to the end, where they read well."""
    index = grammar.skip_adverbs(predicate, 0)
    if index + 2 < len(predicate) and grammar.is_date(predicate[index + 1]):
        index += 2 if predicate[index].lower() in english.AUXILIARIES else 0
    dates = [token for token in predicate[:index] if grammar.is_date(token)]
    rest = [token for token in predicate[:index] if not grammar.is_date(token)]
    return [*rest, *predicate[index:], *dates]


_CUTS = frozenset(["which", "who", "whom", "where", "whose"])
MAX_REASON_WORDS = 12
"""Longer reasons are left out of a statement."""


def _trim(predicate: Sequence[str]) -> list[str]:
    """Cut relative clauses behind a comma, asides and long reasons."""
    tokens = list(predicate)
    verbs = (index for index in reversed(range(len(tokens))) if grammar.is_finite(tokens, index))
    last_verb = next(verbs, -1)
    for index in range(len(tokens)):
        if _opens_aside(tokens, index) or _opens_reason(tokens, index, last_verb):
            return tokens[:index]
    return tokens


def _opens_aside(tokens: Sequence[str], index: int) -> bool:
    if tokens[index] == ",":
        return tokens[index + 1 : index + 2] != [] and tokens[index + 1].lower() in _CUTS
    if index < 2:
        return False
    is_and = tokens[index].lower() == "and"
    return tokens[index] in ("-", "–", "—", "...", "…") or (
        is_and and introduces_pet(tokens, index)
    )


def _opens_reason(tokens: Sequence[str], index: int, last_verb: int) -> bool:
    """Return whether a reason begins that has no verb or is long."""
    low = tokens[index].lower()
    after = tokens[index + 1].lower() if index + 1 < len(tokens) else ""
    is_verbless = last_verb < index + 2
    if low == ",":
        return is_verbless and after in ("though", "although", "while", "because")
    if index < 2:
        return False
    if low in ("because", "so", "since") and len(tokens) - index > MAX_REASON_WORDS:
        return True
    return low == "because" and is_verbless and after not in english.PRONOUN_SUBJECTS | {"of"}


def _replace_references(
    predicate: list[str], predication: Predication, state: DiscourseState
) -> list[str]:
    """Replace "it", "her" or "Ana" behind the verb with what they stand for."""
    verb = grammar.skip_adverbs(predicate, 0)
    words = _with_object(predicate, verb)
    about = re.split(r"'s | ", predication.subject)
    out: list[str] = []
    for index, word in enumerate(words):
        if words is not predicate and index == verb + 1 and state.resolve("it") is None:
            continue
        if word.lower() == "there" and index > verb:
            out.extend(_place_meant(words, index, out, state))
            continue
        entity = _entity_of(words, index, predication, state)
        before = words[index - 1].lower() if index else ""
        if (
            entity is None
            or entity.noun in about
            or before in ("called", "named")
            or entity.phrase == predication.subject
        ):
            out.append(word)
            continue
        out.extend(entity.as_object(about_user=predication.about_user).split())
        if _is_possessive(words, index):
            out[-1] += "'s"
    return out


def _with_object(predicate: list[str], verb: int) -> list[str]:
    """ "quit" -> "quit it", so that what was quit is looked for; others as they are."""
    alone = verb + 1 >= len(predicate) or grammar.is_date(predicate[verb + 1])
    if verb < len(predicate) and predicate[verb].lower() in ("quit", "stopped") and alone:
        return [*predicate[: verb + 1], "it", *predicate[verb + 1 :]]
    return predicate


def _place_meant(
    words: Sequence[str], index: int, before: Sequence[str], state: DiscourseState
) -> list[str]:
    """Return what "there" behind a verb stands for, as it is written."""
    if words[index - 1].lower() == "it":
        return []
    if not state.current_place() or before[-1].lower() in (",", "from"):
        return [words[index]]
    is_moving = not _MOVING.isdisjoint(word.lower() for word in before)
    return ["to" if is_moving else "in", *state.current_place().split()]


def _entity_of(
    words: Sequence[str], index: int, predication: Predication, state: DiscourseState
) -> Entity | None:
    """Return what a pronoun or a name stands for, None where it stands for itself."""
    low = words[index].lower()
    if low in ("him", "it", "them", "her", "his"):
        is_other = _is_possessive(words, index) and not predication.about_user
        return None if is_other else state.resolve(low)
    entity = state.names.get(low) if words[index][0].isupper() else None
    if entity is not None and index and entity.noun == words[index - 1].lower():
        return None
    return entity


def _is_possessive(words: Sequence[str], index: int) -> bool:
    following = words[index + 1] if index + 1 < len(words) else "."
    return words[index].lower() in ("her", "his") and _opens_noun(following)


_MOVING = frozenset(
    ["go", "goes", "going", "went", "gone", "move", "moved", "moving", "fly", "flew", "flying",
     "travel", "travelled", "traveled", "drive", "drove", "been", "return", "returned"]
)  # fmt: skip


def _opens_noun(token: str) -> bool:
    low = token.lower()
    closed = low in english.CLOSED_CLASSES or low == "to"
    return grammar.is_word(token) and not closed and not grammar.is_adverb(token)
