"""Whom a clause is about and what it says of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from hitherto.core.extraction import grammar
from hitherto.core.extraction.clauses import finite_verb
from hitherto.core.extraction.coreference import (
    Referent,
    Scene,
    gender_of,
    introduction,
    is_living,
    note_own,
    own_noun_phrase,
)
from hitherto.core.text import english as lx

USER = "User"


@dataclass(frozen=True, slots=True)
class Predication:
    """A subject and what is said of it.

    subject: as it is written; about_user: whether it is the user (alone or with others), so that
    "my" can be written "their". predicate: tokens in the first person still, verb first.
    """

    subject: str
    predicate: tuple[str, ...]
    about_user: bool
    plural: bool = False
    first_person: bool = False


_SUBORDINATORS = frozenset(
    [
        "when",
        "while",
        "after",
        "before",
        "as",
        "since",
        "until",
        "whenever",
        "once",
        "during",
        "every",
        "each",
    ]
)


def interpret(
    clause: Sequence[str], scene: Scene, previous: Predication | None, *, opening: bool
) -> Predication | None:
    """Find whom a clause is about; None where that is neither the user nor somebody of theirs.

    previous: the clause before it in the same sentence, whose subject a clause without one shares.
    opening: whether the clause begins its sentence.
    """
    moved = _front_moved(_group_marked(_unframed(list(clause)), scene))
    spoken_of = scene.resolve(moved[0]) if moved and moved[0].lower() in ("he", "she") else None
    tokens = note_own(moved, scene)
    if spoken_of is not None:
        scene.mention(spoken_of)
    scene.clock += 1
    while tokens and (not grammar.is_word(tokens[0]) or tokens[0].lower() in lx.CONJUNCTIONS):
        if grammar.is_date(tokens[0]):
            break
        tokens.pop(0)
    if len(tokens) < 2:
        return None
    _note_called(tokens, scene)
    tokens = _object_last(_with_owner(_with_third_person(tokens)))
    found = _by_pronoun(tokens, scene) or _by_noun(tokens, scene)
    if found is None and _predicate_first(tokens):
        found = _shared(tokens, previous) if not opening else _dropped_subject(tokens)
    return found


_OWN_ATTRIBUTES = frozenset(
    ["budget", "age", "height", "weight", "job", "hobbies", "hobby", "allergies", "birthday",
     "name", "goal", "occupation", "profession", "hometown", "nationality"]
)  # fmt: skip


def _with_owner(tokens: list[str]) -> list[str]:
    """ "Budget is 2,000" -> "my budget is 2,000"."""
    bare = tokens[0].lower() in _OWN_ATTRIBUTES and tokens[1].lower() in ("is", "'s", "are")
    return ["my", tokens[0].lower(), *tokens[1:]] if bare and len(tokens) > 2 else tokens


def _with_third_person(tokens: list[str]) -> list[str]:
    """ "my wife Eva work", "my mum she work" -> "my wife Eva works", as learners leave it out."""
    if tokens[0].lower() != "my":
        return tokens
    for place in range(1, min(4, len(tokens) - 1)):
        if gender_of(tokens[place]) in ("f", "m", "person", "pet"):
            break
    else:
        return tokens
    verb = place + 1
    while verb < len(tokens) - 1 and (
        tokens[verb][0].isupper() or tokens[verb] in (",", "he", "she")
    ):
        verb += 1
    low = tokens[verb].lower()
    if low in lx.AUXILIARIES:
        kept = [token for token in tokens[:verb] if token not in ("he", "she")]
        return [*kept, *tokens[verb:]] if len(kept) < verb else tokens
    doubled = {"he", "she"} & set(tokens[:verb])
    if doubled and (grammar.is_past(low) or grammar.base_of_third(low)):
        return [*(token for token in tokens[:verb] if token not in ("he", "she")), *tokens[verb:]]
    if low not in lx.VERBS or grammar.is_past(low) or verb + 1 >= len(tokens):
        return tokens
    following = tokens[verb + 1].lower()
    closed = following in lx.PREPOSITIONS or following in lx.DETERMINERS or following == "to"
    if not (doubled or closed):
        return tokens
    kept = [token for token in tokens[:verb] if token not in ("he", "she")]
    return [*kept, grammar.third_person(low), *tokens[verb + 1 :]]


_TASTES = frozenset(["like", "love", "hate", "eat", "drink", "enjoy", "prefer", "adore", "speak"])


def _object_last(tokens: list[str]) -> list[str]:
    """ "Canteens I don't like" -> "I don't like canteens"."""
    low = [token.lower() for token in tokens[:4]]
    places = [at for at in (1, 2, 3) if at < len(low) and low[at] == "i"]
    if not places or tokens[-1].lower() not in _TASTES or len(tokens) - places[0] > 5:
        return tokens
    what = tokens[: places[0]]
    if any(not grammar.is_word(word) or word.lower() in _NO_OBJECTS for word in what):
        return tokens
    return [*tokens[places[0] :], what[0].lower() if len(what[0]) > 1 else what[0], *what[1:]]


_NO_OBJECTS = (
    lx.PREPOSITIONS | lx.CONJUNCTIONS | lx.ADVERBS | lx.PRONOUN_SUBJECTS | lx.AUXILIARIES
    | {"what", "which", "the", "how", "when", "as", "if", "than", "things", "something"}
)  # fmt: skip

_FRAMES = frozenset(["say", "admit", "think", "guess", "suppose", "believe", "know"])


def _unframed(tokens: list[str]) -> list[str]:
    """ "I must say I love it" -> "I love it"."""
    if not tokens or tokens[0].lower() != "i":
        return tokens
    for place in range(1, min(5, len(tokens) - 1)):
        if tokens[place].lower() in _FRAMES:
            begin = place + 1 + (tokens[place + 1].lower() == "that")
            if begin < len(tokens) and tokens[begin].lower() in ("i", "my", "we"):
                return tokens[begin:]
    return tokens


def _note_called(tokens: Sequence[str], scene: Scene) -> None:
    """Note the name that "my cat is called Luna" or "my wife's name is Eva" gives."""
    low = [token.lower() for token in tokens[:8]]
    if low[0] != "my" or not tokens[-1][0].isalpha():
        return
    for place in range(2, len(low)):
        noun = low[place - 2].removesuffix("'s") if low[place - 1] == "name" else low[place - 2]
        verb = low[place] in ("is", "'s") if low[place - 1] == "name" else low[place] in _CALLED
        if verb and is_living(noun) and place + 1 < len(tokens) and tokens[place + 1][0].isupper():
            name = tokens[place + 1]
            scene.named(name, Referent(f"{USER}'s {noun} {name}", gender_of(noun), noun, own=True))
            return


_CALLED = frozenset(["called", "named"])


def _group_marked(tokens: list[str], scene: Scene) -> list[str]:
    """ "My wife and I ..." -> "we ...", noting who "we" are."""
    low = [token.lower() for token in tokens[:9]]
    for place, word in enumerate(low):
        if word == "and" and place + 1 < len(low) and low[place + 1] == "i":
            partner, end = tokens[:place], place + 2
            break
    else:
        if low[:2] not in (["me", "and"], ["i", "and"]):
            return tokens
        owned = own_noun_phrase(tokens, 2) if low[2:3] == ["my"] else None
        verb = owned[0] if owned is not None else finite_verb(tokens, 2)
        if verb is None:
            return tokens
        partner, end = tokens[2:verb], verb
    while partner and partner[0] == ",":
        partner = partner[1:]
    if (
        not partner
        or len(partner) > 5
        or any(grammar.is_finite(partner, i) for i in range(1, len(partner)))
    ):
        return tokens
    first = partner[0].lower()
    if first in lx.PRONOUN_SUBJECTS or (first != "my" and not partner[0][0].isupper()):
        return tokens
    known = scene.names.get(partner[0].lower()) if len(partner) == 1 else None
    if known is not None:
        phrase = known.as_object(about_user=True)
    else:
        noted = note_own(partner, scene)
        phrase = grammar.join(grammar.to_third_person(noted, about_user=True))
    scene.group = f"{USER} and {phrase}"
    return ["we", *tokens[end:]]


_EMPTY_FRONT = lx.DROPPED_ADVERBS | {"so", "then", "well", "also"}


def _front_moved(tokens: list[str]) -> list[str]:
    """Move what stands before "I" or "my" behind the clause: "When I was 12, I played chess"."""
    if not tokens or tokens[0].lower() in lx.PRONOUN_SUBJECTS | {"my", "our"}:
        return tokens
    first = tokens[0].lower()
    if first == "there" and tokens[1].lower() in ("i", "we"):
        return [*tokens[1:], "there"]
    fronted = first in lx.PREPOSITIONS or first in _SUBORDINATORS or grammar.is_adverb(tokens[0])
    if not fronted and not grammar.is_date(tokens[0]):
        return tokens
    limit = min(len(tokens) - 1, 16)
    commas = [place for place in range(1, limit) if tokens[place] == ","]
    places = [place + 1 for place in commas] or list(range(1, min(limit, 8)))
    for place in places:
        if tokens[place].lower() in ("i", "we", "my", "our", "he", "she"):
            head = [token for token in tokens[:place] if token != ","]
            head = [token for token in head if token.lower() not in _EMPTY_FRONT]
            if not head:
                return tokens[place:]
            if len(head) > 1 and tokens[1] == ",":
                head = head[1:]
            if not grammar.is_date(head[0]):
                head[0] = head[0].lower()
            if first == "if":
                return tokens
            if head[-1].lower() in lx.PREPOSITIONS:
                continue
            return [*tokens[place:], *head]
    return tokens


def _by_pronoun(tokens: list[str], scene: Scene) -> Predication | None:
    low = tokens[0].lower()
    rest = tuple(tokens[1:])
    if low == "i":
        return Predication(USER, rest, True, first_person=True)
    if low == "we":
        group = scene.we()
        return Predication(group, rest, True, plural=True, first_person=True)
    if low in ("he", "she", "they", "it", "who"):
        if low == "it" and "my" in rest[:4]:
            return _turned(tokens)
        referent = scene.resolve(low)
        if referent is None:
            return None
        if _is_christened(tokens, referent, scene):
            return None
        scene.mention(referent)
        if referent.gender in ("thing", "things") and not _tells_of_user(referent, rest):
            return None
        return Predication(referent.phrase, rest, False, plural=referent.plural)
    if low in ("her", "his", "their") and (verb := finite_verb(tokens, 0)) is not None:
        referent = scene.resolve(low)
        if referent is None or verb < 2:
            return None
        named = [USER, tokens[verb], "called", *tokens[verb + 1 :]]
        if tokens[1:verb] == ["name"] and _is_christened(named, referent, scene):
            return None
        owned = grammar.join(tokens[1:verb])
        plural = gender_of(tokens[verb - 1]) in ("people", "things")
        return Predication(f"{referent.phrase}'s {owned}", tuple(tokens[verb:]), False, plural)
    return None


def _tells_of_user(referent: Referent, predicate: Sequence[str]) -> bool:
    """Whether what is said of a thing concerns the user, and lastingly where it is not theirs."""
    if not {"me", "my", "i"} & set(predicate):
        return False
    first = predicate[0].lower()
    passing = first in lx.AUXILIARIES or grammar.is_past(first)
    return referent.phrase.startswith(USER) or not passing


def _is_christened(tokens: Sequence[str], referent: Referent, scene: Scene) -> bool:
    """Take "she's called Ana" as the name of the relation or animal spoken of before."""
    low = [token.lower() for token in tokens[:3]]
    if low[1:2] not in (["is"], ["'s"]) or low[2:3] not in (["called"], ["named"]):
        return False
    if not referent.own or len(tokens) not in (4, 5) or not is_living(referent.noun):
        return False
    if referent.phrase.split()[-1].lower() != referent.noun:
        return False
    name = " ".join(token[0].upper() + token[1:] for token in tokens[3:])
    phrase = referent.phrase.removeprefix(f"{USER}'s ").split()
    scene.introduced.append(introduction(phrase, referent.noun, name))
    scene.named(
        name, Referent(f"{referent.phrase} {name}", referent.gender, referent.noun, own=True)
    )
    return True


def _by_noun(tokens: list[str], scene: Scene) -> Predication | None:
    low = tokens[0].lower()
    if low in ("my", "our"):
        verb = finite_verb(tokens, 0)
        if verb is None or tokens[1].lower() in lx.CHAT_NOUNS or verb < 2:
            return None
        words = [token for token in tokens[1:verb] if token != ","]
        while words and grammar.is_adverb(words[-1]):
            words.pop()
        dates = [token for token in words if grammar.is_date(token)]
        words = [token for token in words if not grammar.is_date(token)]
        if not words:
            return None
        owner = scene.group if low == "our" and scene.group else USER
        subject = f"{owner}'s {grammar.join(grammar.to_third_person(words, about_user=False))}"
        plural = gender_of(words[-1]) in ("people", "things") or "and" in words
        known = scene.nouns.get(words[-1].lower()) or scene.names.get(words[-1].lower())
        if known is None and all(said.phrase != subject for _, said in scene.recent):
            scene.mention(Referent(subject, gender_of(words[-1]), words[-1].lower(), own=True))
        return Predication(subject, (*tokens[verb:], *dates), False, plural)
    return _by_name(tokens, scene) or _of_mine(tokens, scene) or _turned(tokens)


def _by_name(tokens: list[str], scene: Scene) -> Predication | None:
    name = tokens[0].lower()
    place = 1
    referent = scene.names.get(name) or scene.names.get(name.removesuffix("'s"))
    if referent is None and name == "the" and len(tokens) > 2:
        referent, place = scene.nouns.get(tokens[1].lower()), 2
    if referent is None:
        return _by_event(tokens) if name == "the" else None
    if name.endswith("'s") and name not in scene.names:
        verb = finite_verb(tokens, 0)
        if verb is None or verb < 2:
            return None
        subject = f"{referent.phrase}'s {grammar.join(tokens[1:verb])}"
        return Predication(subject, tuple(tokens[verb:]), False)
    verb = grammar.skip_adverbs(tokens, place)
    if verb >= len(tokens) or not grammar.is_finite(tokens, verb):
        return None
    scene.mention(referent)
    return Predication(referent.phrase, tuple(tokens[place:]), False, referent.plural)


def _of_mine(tokens: list[str], scene: Scene) -> Predication | None:
    """ "Imogen is a friend of mine" -> the user's friend is Imogen."""
    low = [token.lower() for token in tokens]
    if low[-2:] != ["of", "mine"] or len(low) < 6 or low[-4] not in ("a", "an"):
        return None
    name, noun = tokens[: len(tokens) - 5], low[-3]
    if low[-5] not in ("is", "'s") or not all(word[0].isupper() for word in name):
        return None
    full = " ".join(name)
    scene.named(full, Referent(f"{USER}'s {noun} {full}", gender_of(noun), noun, own=True))
    return Predication(f"{USER}'s {noun}", ("is", *name), False)


def _by_event(tokens: list[str]) -> Predication | None:
    """ "The exam is on 12 June" tells when an event of the user's is, if it has a date."""
    verb = finite_verb(tokens, 0)
    if verb is None or not 2 <= verb <= 4 or not any(map(grammar.is_date, tokens)):
        return None
    if tokens[verb - 1].lower() not in lx.EVENT_NOUNS:
        return None
    return Predication(f"{USER}'s {grammar.join(tokens[1:verb])}", tuple(tokens[verb:]), False)


_EMPTY_ROLES = frozenset(
    ["thing", "things", "jam", "rock", "rocks", "favorite", "favourite", "favorites", "favourites",
     "one", "ones", "everything", "world", "life", "latest", "first", "turn"]
)  # fmt: skip
_POINTERS = frozenset(["that", "this", "there", "what", "here", "these", "those", "where", "which"])


def _turned(tokens: list[str]) -> Predication | None:
    """ "Lisbon is my favourite city" -> the user's favourite city is Lisbon."""
    low = [token.lower() for token in tokens[:12]]
    for verb in ("is", "'s", "was", "are"):
        if verb in low[1:8] and low[low.index(verb, 1) + 1 : low.index(verb, 1) + 2] == ["my"]:
            place = low.index(verb, 1)
            break
    else:
        return None
    what, rest = tokens[:place], tokens[place + 2 :]
    if (
        not rest
        or rest[0].lower() in lx.CHAT_NOUNS
        or rest[-1].lower() in _EMPTY_ROLES
        or what[0].lower() in _POINTERS
    ):
        return None
    dates = [token for token in rest if grammar.is_date(token)]
    words = [token for token in rest if not grammar.is_date(token)]
    if what[0].lower() == "it":
        return (
            Predication(f"{USER}'s {grammar.join(words)}", ("is", *dates), False) if dates else None
        )
    if any(token.lower() in lx.PREPOSITIONS or token == "," for token in words):
        return None
    verb = "is" if verb == "'s" else verb
    subject = f"{USER}'s {grammar.join(words)}"
    if what[0].lower() in ("he", "she", "they", "who") or what[0] in (USER, f"{USER}'s"):
        return None
    return Predication(subject, (verb, *what, *dates), False, plural=verb == "are")


def _predicate_first(tokens: Sequence[str]) -> bool:
    place = grammar.skip_adverbs(tokens, 0)
    if place >= len(tokens):
        return False
    low = tokens[place].lower()
    if grammar.is_gerund(low):
        return True
    known = low in lx.VERBS or grammar.base_of_third(low) is not None
    fan = "fan" in tokens[:4]
    return fan or known or grammar.is_past(low) or low in lx.AUXILIARIES or low in lx.ADJECTIVES


def _shared(tokens: Sequence[str], previous: Predication | None) -> Predication | None:
    """A further predicate of the subject before, with its auxiliaries where it has none."""
    if previous is None:
        return None
    place = grammar.skip_adverbs(tokens, 0)
    low = tokens[place].lower()
    carried: list[str] = ["have"] if low == "been" else []
    if low == "be":
        carried = _carried_auxiliaries(previous.predicate, low)
        if not carried:
            return None
    if low not in lx.AUXILIARIES:
        carried = _carried_auxiliaries(previous.predicate, low)
    if grammar.is_gerund(low) and not (carried and _verbless(tokens, place + 1)):
        return None
    bare = low in lx.VERBS and low not in lx.AUXILIARIES and not grammar.is_past(low)
    if bare and not carried:
        first = grammar.skip_adverbs(previous.predicate, 0)
        verb = previous.predicate[first].lower() if first < len(previous.predicate) else ""
        if verb not in lx.VERBS or "to" in previous.predicate[:4]:
            return None
    if grammar.base_of_third(low) is not None and previous.first_person:
        return None
    return Predication(
        previous.subject, (*carried, *tokens), previous.about_user, previous.plural,
        previous.first_person,
    )  # fmt: skip


def _verbless(tokens: Sequence[str], start: int) -> bool:
    return not any(grammar.is_finite(tokens, place) for place in range(start, len(tokens)))


def _carried_auxiliaries(predicate: Sequence[str], verb: str) -> list[str]:
    """What of "have been", "am", "want to" the parallel verb needs in front."""
    low = [token.lower() for token in predicate]
    if grammar.is_gerund(verb):
        ends = [place for place, word in enumerate(low) if grammar.is_gerund(word)]
        return list(predicate[: ends[0]]) if ends else []
    if grammar.is_past(verb) or grammar.base_of_third(verb):
        first = grammar.skip_adverbs(predicate, 0)
        perfect = first < len(low) and low[first] in ("have", "'ve", "has")
        perfect = perfect and first + 1 < len(low) and grammar.is_participle(low[first + 1])
        return list(predicate[: first + 1]) if perfect else []
    for place in range(min(6, len(low))):
        if low[place] in lx.MODALS:
            return list(predicate[: place + 1])
        if low[place] == "to" and place + 1 < len(low) and low[place + 1] in lx.VERBS:
            return list(predicate[: place + 1])
        if low[place] == "n't":
            return [] if verb in _TASTES else list(predicate[: place + 1])
    return []


_NOT_TASTED = frozenset(
    ["you", "them", "him", "her", "me", "us", "how", "what", "when", "to", "seeing", "hearing", ","]
)  # fmt: skip
_STATED_NEGATED = frozenset(["like", "eat", "drink", "have", "want", "smoke", "own"])


def _dropped_subject(tokens: list[str]) -> Predication | None:
    """ "Just moved to Berlin", "Starting lessons in May": spoken without "I"."""
    tokens = [tokens[0].lower(), *tokens[1:]]
    place = grammar.skip_adverbs(tokens, 0)
    low = tokens[place].lower()
    if low in ("big", "huge") and "fan" in tokens[:3]:
        return Predication(USER, ("am", "a", *tokens), True, first_person=True)
    if tokens[:3] == ["not", "a", "fan"]:
        return Predication(USER, ("am", *tokens), True, first_person=True)
    negated = place + 2 < len(tokens) and tokens[place + 1] == "n't"
    if low == "been":
        return Predication(USER, ("have", *tokens), True, first_person=True)
    if negated and (low in ("have", "ca", "can") or tokens[place + 2].lower() in _STATED_NEGATED):
        return Predication(USER, tuple(tokens), True, first_person=True)
    if low in lx.ADJECTIVES:
        return Predication(USER, ("am", *tokens), True, first_person=True)
    after = tokens[place + 1].lower() if place + 1 < len(tokens) else "the"
    settled = low in ("live", "work", "study") and after in ("at", "in", "for", "as", "near")
    closed = after in lx.DETERMINERS or after in lx.PRONOUN_SUBJECTS or after in _NOT_TASTED
    told = any(grammar.is_finite(tokens, spot) for spot in range(place + 1, len(tokens)))
    closed = closed or told or after in lx.CONJUNCTIONS
    if settled or (low in ("love", "hate", "dislike", "prefer") and not closed):
        return Predication(USER, tuple(tokens), True, first_person=True)
    verbs = [spot for spot in range(place + 1, len(tokens)) if grammar.is_finite(tokens, spot)]
    if (
        low.endswith("ing")
        and not verbs
        and low.removesuffix("ing") not in ("th", "noth", "someth")
    ):
        stem = low.removesuffix("ing")
        if stem in lx.VERBS or stem + "e" in lx.VERBS or stem[:-1] in lx.VERBS:
            return Predication(USER, ("am", *tokens), True, first_person=True)
        return None
    plain_past = low in lx.PASTS and low not in lx.UNCHANGED_PASTS and low not in ("found", "left")
    regular = low.endswith("ed") and (low[:-2] in lx.VERBS or low[:-1] in lx.VERBS)
    if (plain_past or regular) and len(tokens) > place + 2 and tokens[place + 1].lower() != "on":
        return Predication(USER, tuple(tokens), True, first_person=True)
    return None
