"""Subject and predicate of a clause."""

from collections.abc import Sequence
from dataclasses import dataclass

from hitherto.core.extraction import grammar
from hitherto.core.extraction.clauses import finite_verb
from hitherto.core.extraction.coreference import (
    DiscourseState,
    Entity,
    gender_of,
    introduction,
    is_living,
    note_own,
    own_noun_phrase,
)
from hitherto.core.text import english_words as english

USER = "User"


@dataclass(frozen=True, slots=True)
class Predication:
    """Subject and predicate of a clause, the predicate in the first person.

    subject: as it is written; about_user: whether it is the user (alone or with others), so that
    "my" can be written "their". predicate: tokens in the first person still, verb first.
    """

    subject: str
    predicate: tuple[str, ...]
    about_user: bool
    plural: bool = False
    first_person: bool = False


_SUBORDINATORS = english.word_set("""
    when while after before as since until whenever once during every each
""")


def interpret(
    clause: Sequence[str], state: DiscourseState, previous: Predication | None, *, opening: bool
) -> Predication | None:
    """Return subject and predicate of a clause; None if it is about strangers.

    previous: the clause before it in the same sentence, whose subject a clause without one shares.
    opening: whether the clause begins its sentence.
    """
    moved = _move_front(_mark_group(_strip_frame(list(clause)), state))
    spoken_of = state.resolve(moved[0]) if moved and moved[0].lower() in ("he", "she") else None
    tokens = note_own(moved, state)
    if spoken_of is not None:
        state.mention(spoken_of)
    state.clock += 1
    while tokens and (not grammar.is_word(tokens[0]) or tokens[0].lower() in english.CONJUNCTIONS):
        if grammar.is_date(tokens[0]):
            break
        tokens.pop(0)
    if len(tokens) < 2:
        return None
    _note_called(tokens, state)
    tokens = _move_object(_add_owner(_add_ending(tokens)))
    predication = _read_pronoun(tokens, state) or _read_noun(tokens, state)
    if predication is None and _predicate_first(tokens):
        predication = _share_subject(tokens, previous) if not opening else _restore_subject(tokens)
    return predication


_OWN_ATTRIBUTES = frozenset(
    ["budget", "age", "height", "weight", "job", "hobbies", "hobby", "allergies", "birthday",
     "name", "goal", "occupation", "profession", "hometown", "nationality"]
)  # fmt: skip


def _add_owner(tokens: list[str]) -> list[str]:
    """ "Budget is 2,000" -> "my budget is 2,000"."""
    bare = tokens[0].lower() in _OWN_ATTRIBUTES and tokens[1].lower() in ("is", "'s", "are")
    return ["my", tokens[0].lower(), *tokens[1:]] if bare and len(tokens) > 2 else tokens


def _add_ending(tokens: list[str]) -> list[str]:
    """Add the ending that learners leave out: "my mum she work" -> "my mum works"."""
    noun = _own_living(tokens)
    if noun is None:
        return tokens
    verb = noun + 1
    while verb < len(tokens) - 1 and (
        tokens[verb][0].isupper() or tokens[verb] in (",", "he", "she")
    ):
        verb += 1
    subject = [token for token in tokens[:verb] if token not in ("he", "she")]
    is_doubled = len(subject) < verb
    low = tokens[verb].lower()
    if low in english.AUXILIARIES or grammar.is_past(low) or grammar.base_of_third(low):
        return [*subject, *tokens[verb:]] if is_doubled else tokens
    if low not in english.VERBS or verb + 1 >= len(tokens):
        return tokens
    if not (is_doubled or _follows_verb(tokens[verb + 1].lower())):
        return tokens
    return [*subject, grammar.third_person(low), *tokens[verb + 1 :]]


def _own_living(tokens: Sequence[str]) -> int | None:
    """Return where the relation or animal of "my ..." stands, among its first words."""
    if tokens[0].lower() != "my":
        return None
    indexes = range(1, min(4, len(tokens) - 1))
    return next(
        (at for at in indexes if gender_of(tokens[at]) in ("f", "m", "person", "pet")), None
    )


def _follows_verb(low: str) -> bool:
    return low in english.PREPOSITIONS or low in english.DETERMINERS or low == "to"


_TASTES = frozenset(["like", "love", "hate", "eat", "drink", "enjoy", "prefer", "adore", "speak"])


def _move_object(tokens: list[str]) -> list[str]:
    """ "Canteens I don't like" -> "I don't like canteens"."""
    low = [token.lower() for token in tokens[:4]]
    indexes = [at for at in (1, 2, 3) if at < len(low) and low[at] == "i"]
    if not indexes or tokens[-1].lower() not in _TASTES or len(tokens) - indexes[0] > 5:
        return tokens
    what = tokens[: indexes[0]]
    if any(not grammar.is_word(word) or word.lower() in _NO_OBJECTS for word in what):
        return tokens
    return [*tokens[indexes[0] :], what[0].lower() if len(what[0]) > 1 else what[0], *what[1:]]


_NO_OBJECTS = (
    english.PREPOSITIONS | english.CONJUNCTIONS | english.ADVERBS | english.PRONOUN_SUBJECTS
    | english.AUXILIARIES
    | {"what", "which", "the", "how", "when", "as", "if", "than", "things", "something"}
)  # fmt: skip

_FRAMES = frozenset(["say", "admit", "think", "guess", "suppose", "believe", "know"])


def _strip_frame(tokens: list[str]) -> list[str]:
    """ "I must say I love it" -> "I love it"."""
    if not tokens or tokens[0].lower() != "i":
        return tokens
    for index in range(1, min(5, len(tokens) - 1)):
        if tokens[index].lower() in _FRAMES:
            begin = index + 1 + (tokens[index + 1].lower() == "that")
            if begin < len(tokens) and tokens[begin].lower() in ("i", "my", "we"):
                return tokens[begin:]
    return tokens


def _note_called(tokens: Sequence[str], state: DiscourseState) -> None:
    """Note the name that "my cat is called Luna" or "my wife's name is Eva" gives."""
    low = [token.lower() for token in tokens[:8]]
    if low[0] != "my" or not tokens[-1][0].isalpha():
        return
    for index in range(2, len(low)):
        noun = low[index - 2].removesuffix("'s") if low[index - 1] == "name" else low[index - 2]
        verb = low[index] in ("is", "'s") if low[index - 1] == "name" else low[index] in _CALLED
        if verb and is_living(noun) and index + 1 < len(tokens) and tokens[index + 1][0].isupper():
            name = tokens[index + 1]
            state.note_name(
                name, Entity(f"{USER}'s {noun} {name}", gender_of(noun), noun, own=True)
            )
            return


_CALLED = frozenset(["called", "named"])


def _mark_group(tokens: list[str], state: DiscourseState) -> list[str]:
    """ "My wife and I ..." -> "we ...", noting who "we" are."""
    span = _partner_span(tokens)
    if span is None:
        return tokens
    begin, partner_end, end = span
    partner = tokens[begin:partner_end]
    while partner and partner[0] == ",":
        partner = partner[1:]
    if not _is_partner(partner):
        return tokens
    entity = state.names.get(partner[0].lower()) if len(partner) == 1 else None
    if entity is not None:
        phrase = entity.as_object(about_user=True)
    else:
        named = note_own(partner, state)
        phrase = grammar.join(grammar.to_third_person(named, about_user=True))
    state.group = f"{USER} and {phrase}"
    return ["we", *tokens[end:]]


def _partner_span(tokens: Sequence[str]) -> tuple[int, int, int] | None:
    """Return the range of X in "X and I" or "me and X", and its end."""
    low = [token.lower() for token in tokens[:9]]
    for index, word in enumerate(low[:-1]):
        if word == "and" and low[index + 1] == "i":
            return 0, index, index + 2
    if low[:2] not in (["me", "and"], ["i", "and"]):
        return None
    owned = own_noun_phrase(tokens, 2) if low[2:3] == ["my"] else None
    verb = owned[0] if owned is not None else finite_verb(tokens, 2)
    return None if verb is None else (2, verb, verb)


def _is_partner(words: Sequence[str]) -> bool:
    """Return whether the words name somebody: "my wife", "Ana"."""
    if not words or len(words) > 5:
        return False
    if any(grammar.is_finite(words, index) for index in range(1, len(words))):
        return False
    first = words[0].lower()
    return first == "my" or (words[0][0].isupper() and first not in english.PRONOUN_SUBJECTS)


_EMPTY_FRONT = english.DROPPED_ADVERBS | {"so", "then", "well", "also"}


def _move_front(tokens: list[str]) -> list[str]:
    """Move words before "I" or "my" behind the clause: "When I was 12, I played"."""
    if not tokens or not _is_front(tokens[0]):
        return tokens
    for index in _ends_of_front(tokens):
        if tokens[index].lower() not in ("i", "we", "my", "our", "he", "she"):
            continue
        head = _front(tokens[:index])
        if not head:
            return tokens[index:]
        if head[-1].lower() not in english.PREPOSITIONS:
            return [*tokens[index:], *head]
    return tokens


def _is_front(token: str) -> bool:
    low = token.lower()
    if low in english.PRONOUN_SUBJECTS or low in ("my", "our"):
        return False
    opens = low in english.PREPOSITIONS or low in _SUBORDINATORS
    return opens or grammar.is_adverb(token) or grammar.is_date(token)


def _ends_of_front(tokens: Sequence[str]) -> Sequence[int]:
    """Return where the clause may begin: behind commas, else at any next word."""
    limit = min(len(tokens) - 1, 16)
    behind = [index + 1 for index in range(1, limit) if tokens[index] == ","]
    return behind or range(1, min(limit, 8))


def _front(tokens: Sequence[str]) -> list[str]:
    """Return the words in front of a clause as they read behind it."""
    head = [token for token in tokens if token != "," and token.lower() not in _EMPTY_FRONT]
    if len(head) > 1 and tokens[1:2] == [","]:
        head = head[1:]
    if head and not grammar.is_date(head[0]):
        head[0] = head[0].lower()
    return head


def _read_pronoun(tokens: list[str], state: DiscourseState) -> Predication | None:
    low = tokens[0].lower()
    rest = tuple(tokens[1:])
    if low == "i":
        return Predication(USER, rest, True, first_person=True)
    if low == "we":
        group = state.group_name()
        return Predication(group, rest, True, plural=True, first_person=True)
    if low in ("he", "she", "they", "it", "who"):
        if low == "it" and "my" in rest[:4]:
            return _read_turned_around(tokens)
        entity = state.resolve(low)
        if entity is None:
            return None
        if _note_naming(tokens, entity, state):
            return None
        state.mention(entity)
        if entity.gender in ("thing", "things") and not _concerns_user(entity, rest):
            return None
        return Predication(entity.phrase, rest, False, plural=entity.plural)
    if low in ("her", "his", "their") and (verb := finite_verb(tokens, 0)) is not None:
        entity = state.resolve(low)
        if entity is None or verb < 2:
            return None
        named = [USER, tokens[verb], "called", *tokens[verb + 1 :]]
        if tokens[1:verb] == ["name"] and _note_naming(named, entity, state):
            return None
        owned = grammar.join(tokens[1:verb])
        plural = gender_of(tokens[verb - 1]) in ("people", "things")
        return Predication(f"{entity.phrase}'s {owned}", tuple(tokens[verb:]), False, plural)
    return None


def _concerns_user(entity: Entity, predicate: Sequence[str]) -> bool:
    """Return whether a clause about a thing concerns the user.

    What is not the user's must concern them lastingly.
    """
    if not {"me", "my", "i"} & set(predicate):
        return False
    first = predicate[0].lower()
    passing = first in english.AUXILIARIES or grammar.is_past(first)
    return entity.phrase.startswith(USER) or not passing


def _note_naming(tokens: Sequence[str], entity: Entity, state: DiscourseState) -> bool:
    """Note the name that "she's called Ana" gives to somebody mentioned before."""
    low = [token.lower() for token in tokens[:3]]
    if low[1:2] not in (["is"], ["'s"]) or low[2:3] not in (["called"], ["named"]):
        return False
    if not entity.own or len(tokens) not in (4, 5) or not is_living(entity.noun):
        return False
    if entity.phrase.split()[-1].lower() != entity.noun:
        return False
    name = " ".join(token[0].upper() + token[1:] for token in tokens[3:])
    phrase = entity.phrase.removeprefix(f"{USER}'s ").split()
    state.introduced.append(introduction(phrase, entity.noun, name))
    state.note_name(name, Entity(f"{entity.phrase} {name}", entity.gender, entity.noun, own=True))
    return True


def _read_noun(tokens: list[str], state: DiscourseState) -> Predication | None:
    if tokens[0].lower() in ("my", "our"):
        return _read_possessive(tokens, state)
    return _read_name(tokens, state) or _read_of_mine(tokens, state) or _read_turned_around(tokens)


def _read_possessive(tokens: list[str], state: DiscourseState) -> Predication | None:
    """Read "my sister works", "our flat is in Leeds"."""
    verb = finite_verb(tokens, 0)
    if verb is None or verb < 2 or tokens[1].lower() in english.CHAT_NOUNS:
        return None
    words = [token for token in tokens[1:verb] if token != ","]
    while words and grammar.is_adverb(words[-1]):
        words.pop()
    dates = [token for token in words if grammar.is_date(token)]
    words = [token for token in words if not grammar.is_date(token)]
    if not words:
        return None
    owner = state.group if tokens[0].lower() == "our" and state.group else USER
    subject = f"{owner}'s {grammar.join(grammar.to_third_person(words, about_user=False))}"
    gender, noun = gender_of(words[-1]), words[-1].lower()
    if noun not in state.nouns and noun not in state.names and not state.has_mentioned(subject):
        state.mention(Entity(subject, gender, noun, own=True))
    plural = gender in ("people", "things") or "and" in words
    return Predication(subject, (*tokens[verb:], *dates), False, plural)


def _read_name(tokens: list[str], state: DiscourseState) -> Predication | None:
    name = tokens[0].lower()
    index = 1
    entity = state.names.get(name) or state.names.get(name.removesuffix("'s"))
    if entity is None and name == "the" and len(tokens) > 2:
        entity, index = state.nouns.get(tokens[1].lower()), 2
    if entity is None:
        return _read_event(tokens) if name == "the" else None
    if name.endswith("'s") and name not in state.names:
        verb = finite_verb(tokens, 0)
        if verb is None or verb < 2:
            return None
        subject = f"{entity.phrase}'s {grammar.join(tokens[1:verb])}"
        return Predication(subject, tuple(tokens[verb:]), False)
    verb = grammar.skip_adverbs(tokens, index)
    if verb >= len(tokens) or not grammar.is_finite(tokens, verb):
        return None
    state.mention(entity)
    return Predication(entity.phrase, tuple(tokens[index:]), False, entity.plural)


def _read_of_mine(tokens: list[str], state: DiscourseState) -> Predication | None:
    """ "Imogen is a friend of mine" -> the user's friend is Imogen."""
    low = [token.lower() for token in tokens]
    if low[-2:] != ["of", "mine"] or len(low) < 6 or low[-4] not in ("a", "an"):
        return None
    name, noun = tokens[: len(tokens) - 5], low[-3]
    if low[-5] not in ("is", "'s") or not all(word[0].isupper() for word in name):
        return None
    full = " ".join(name)
    state.note_name(full, Entity(f"{USER}'s {noun} {full}", gender_of(noun), noun, own=True))
    return Predication(f"{USER}'s {noun}", ("is", *name), False)


def _read_event(tokens: list[str]) -> Predication | None:
    """Read "The exam is on 12 June" as an event of the user's."""
    verb = finite_verb(tokens, 0)
    if verb is None or not 2 <= verb <= 4 or not any(map(grammar.is_date, tokens)):
        return None
    if tokens[verb - 1].lower() not in english.EVENT_NOUNS:
        return None
    return Predication(f"{USER}'s {grammar.join(tokens[1:verb])}", tuple(tokens[verb:]), False)


_EMPTY_ROLES = frozenset(
    ["thing", "things", "jam", "rock", "rocks", "favorite", "favourite", "favorites", "favourites",
     "one", "ones", "everything", "world", "life", "latest", "first", "turn"]
)  # fmt: skip
_POINTERS = frozenset(["that", "this", "there", "what", "here", "these", "those", "where", "which"])


def _read_turned_around(tokens: list[str]) -> Predication | None:
    """ "Lisbon is my favourite city" -> the user's favourite city is Lisbon."""
    index = _copula_before_my(tokens)
    if index is None:
        return None
    what, rest = tokens[:index], tokens[index + 2 :]
    if not rest or _is_empty_role(rest) or what[0].lower() in _POINTERS:
        return None
    dates = [token for token in rest if grammar.is_date(token)]
    words = [token for token in rest if not grammar.is_date(token)]
    subject = f"{USER}'s {grammar.join(words)}"
    if what[0].lower() == "it":
        return Predication(subject, ("is", *dates), False) if dates else None
    if any(token.lower() in english.PREPOSITIONS or token == "," for token in words):
        return None
    if what[0].lower() in ("he", "she", "they", "who") or what[0] in (USER, f"{USER}'s"):
        return None
    verb = tokens[index].lower().replace("'s", "is")
    return Predication(subject, (verb, *what, *dates), False, plural=verb == "are")


def _copula_before_my(tokens: Sequence[str]) -> int | None:
    """Return where "is my" stands; of each form only the first one counts."""
    low = [token.lower() for token in tokens[:12]]
    for verb in ("is", "'s", "was", "are"):
        if verb in low[1:8]:
            index = low.index(verb, 1)
            if low[index + 1 : index + 2] == ["my"]:
                return index
    return None


def _is_empty_role(role: Sequence[str]) -> bool:
    """Return whether "my ..." says nothing lasting: "my question", "my favourite"."""
    return role[0].lower() in english.CHAT_NOUNS or role[-1].lower() in _EMPTY_ROLES


def _predicate_first(tokens: Sequence[str]) -> bool:
    index = grammar.skip_adverbs(tokens, 0)
    if index >= len(tokens):
        return False
    low = tokens[index].lower()
    if grammar.is_gerund(low):
        return True
    is_verb = low in english.VERBS or grammar.base_of_third(low) is not None
    fan = "fan" in tokens[:4]
    return (
        fan
        or is_verb
        or grammar.is_past(low)
        or low in english.AUXILIARIES
        or low in english.ADJECTIVES
    )


def _share_subject(tokens: Sequence[str], previous: Predication | None) -> Predication | None:
    """Read a further predicate of the previous subject, with shared auxiliaries."""
    if previous is None:
        return None
    index = grammar.skip_adverbs(tokens, 0)
    low = tokens[index].lower()
    carried: list[str] = ["have"] if low == "been" else []
    if low == "be":
        carried = _shared_auxiliaries(previous.predicate, low)
        if not carried:
            return None
    if low not in english.AUXILIARIES:
        carried = _shared_auxiliaries(previous.predicate, low)
    if grammar.is_gerund(low) and not (carried and _is_verbless(tokens, index + 1)):
        return None
    bare = low in english.VERBS and low not in english.AUXILIARIES and not grammar.is_past(low)
    if bare and not carried:
        first = grammar.skip_adverbs(previous.predicate, 0)
        verb = previous.predicate[first].lower() if first < len(previous.predicate) else ""
        if verb not in english.VERBS or "to" in previous.predicate[:4]:
            return None
    if grammar.base_of_third(low) is not None and previous.first_person:
        return None
    return Predication(
        previous.subject, (*carried, *tokens), previous.about_user, previous.plural,
        previous.first_person,
    )  # fmt: skip


def _is_verbless(tokens: Sequence[str], start: int) -> bool:
    return not any(grammar.is_finite(tokens, index) for index in range(start, len(tokens)))


def _shared_auxiliaries(predicate: Sequence[str], verb: str) -> list[str]:
    """Return the "have been", "am", "want to" that a parallel verb shares."""
    low = [token.lower() for token in predicate]
    if grammar.is_gerund(verb):
        ends = [index for index, word in enumerate(low) if grammar.is_gerund(word)]
        return list(predicate[: ends[0]]) if ends else []
    if grammar.is_past(verb) or grammar.base_of_third(verb):
        first = grammar.skip_adverbs(predicate, 0)
        perfect = first < len(low) and low[first] in ("have", "'ve", "has")
        perfect = perfect and first + 1 < len(low) and grammar.is_participle(low[first + 1])
        return list(predicate[: first + 1]) if perfect else []
    for index in range(min(6, len(low))):
        if low[index] in english.MODALS:
            return list(predicate[: index + 1])
        if low[index] == "to" and index + 1 < len(low) and low[index + 1] in english.VERBS:
            return list(predicate[: index + 1])
        if low[index] == "n't":
            return [] if verb in _TASTES else list(predicate[: index + 1])
    return []


_STATED_NEGATED = frozenset(["like", "eat", "drink", "have", "want", "smoke", "own"])


def _restore_subject(tokens: list[str]) -> Predication | None:
    """Read "Just moved to Berlin", "Starting lessons in May", spoken without "I"."""
    tokens = [tokens[0].lower(), *tokens[1:]]
    start = _unspoken_start(tokens, grammar.skip_adverbs(tokens, 0))
    if start is None:
        return None
    return Predication(USER, (*start, *tokens), True, first_person=True)


def _unspoken_start(tokens: Sequence[str], verb: int) -> tuple[str, ...] | None:
    """Return what the speaker left out behind "I"; None where the user is not the subject."""
    low = tokens[verb].lower()
    if low in ("big", "huge") and "fan" in tokens[:3]:
        return ("am", "a")
    if tokens[:3] == ["not", "a", "fan"] or low in english.ADJECTIVES:
        return ("am",)
    if low == "been":
        return ("have",)
    if _is_negated_habit(tokens, verb) or _is_stated_habit(tokens, verb):
        return ()
    if low.endswith("ing"):
        return ("am",) if _is_activity(tokens, verb) else None
    return () if _is_past_event(tokens, verb) else None


def _is_negated_habit(tokens: Sequence[str], verb: int) -> bool:
    """Return whether it is like "don't like ...", "can't ..."."""
    if verb + 2 >= len(tokens) or tokens[verb + 1] != "n't":
        return False
    low = tokens[verb].lower()
    return low in ("have", "ca", "can") or tokens[verb + 2].lower() in _STATED_NEGATED


_NOT_TASTED = (
    english.DETERMINERS
    | english.PRONOUN_SUBJECTS
    | english.OBJECT_PRONOUNS
    | english.CONJUNCTIONS
    | {"how", "what", "when", "to", "seeing", "hearing", ","}
)


def _is_stated_habit(tokens: Sequence[str], verb: int) -> bool:
    """Return whether it is like "live in Leeds", "love chess"."""
    low = tokens[verb].lower()
    after = tokens[verb + 1].lower() if verb + 1 < len(tokens) else "the"
    if low in ("live", "work", "study"):
        return after in ("at", "in", "for", "as", "near")
    tastes = low in ("love", "hate", "dislike", "prefer")
    return tastes and after not in _NOT_TASTED and _is_verbless(tokens, verb + 1)


def _is_activity(tokens: Sequence[str], verb: int) -> bool:
    """Return whether it is like "starting lessons in May"."""
    stem = tokens[verb].lower().removesuffix("ing")
    forms = {stem, stem + "e", stem[:-1]}
    is_verb = stem not in ("th", "noth", "someth") and bool(forms & english.VERBS)
    return is_verb and _is_verbless(tokens, verb + 1)


def _is_past_event(tokens: Sequence[str], verb: int) -> bool:
    """Return whether it is like "moved to Berlin"."""
    low = tokens[verb].lower()
    if len(tokens) <= verb + 2 or tokens[verb + 1].lower() == "on":
        return False
    if low in english.PASTS:
        return low not in english.UNCHANGED_PASTS and low not in ("found", "left")
    return low.endswith("ed") and (low[:-2] in english.VERBS or low[:-1] in english.VERBS)
