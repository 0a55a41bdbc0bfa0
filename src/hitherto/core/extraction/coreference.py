"""Coreference: what "she", "it" or "Ana" stand for in a conversation."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from hitherto.core.dates.mentions import DateMention
from hitherto.core.extraction import grammar
from hitherto.core.text import english_words as english
from hitherto.models import Clause

Gender = Literal["f", "m", "person", "pet", "thing", "people", "things"]
_PRONOUNS: dict[str, tuple[Gender, ...]] = {
    "she": ("f", "person", "pet"), "her": ("f", "person", "pet"),
    "he": ("m", "person", "pet"), "him": ("m", "person", "pet"), "his": ("m", "person", "pet"),
    "it": ("thing", "pet"), "its": ("thing", "pet"),
    "they": ("people", "things"), "them": ("people", "things"), "their": ("people",),
    "who": ("f", "m", "person", "people", "pet"),
}  # fmt: skip
MAX_AGE = 3
MAX_THING_AGE = 2
"""A thing is meant by "it" only within this many clauses of its mention."""


@dataclass(frozen=True, slots=True)
class Entity:
    """Person, animal or thing that was mentioned.

    phrase: how it reads as a subject ("User's sister Ana"); own: whether it is the user's, so that
    it reads "their sister Ana" where the user is the subject.
    """

    phrase: str
    gender: Gender
    noun: str
    own: bool = False

    def as_object(self, *, about_user: bool) -> str:
        """Return the phrase behind a verb."""
        if self.own and about_user:
            return "their" + self.phrase.removeprefix("User's")
        return self.phrase

    @property
    def plural(self) -> bool:
        """Return whether verbs agree with it in the plural."""
        return self.gender in ("people", "things")


@dataclass(slots=True)
class DiscourseState:
    """Mentions of a session so far; each extraction has its own."""

    names: dict[str, Entity] = field(default_factory=dict)
    nouns: dict[str, Entity] = field(default_factory=dict)
    recent: list[tuple[int, Entity]] = field(default_factory=list)
    introduced: list[Clause] = field(default_factory=list)
    group: str = ""
    location: tuple[int, str] = (-9, "")
    last_date: DateMention | None = None
    clock: int = 0

    def mention(self, entity: Entity) -> None:
        """Note that an entity was just mentioned."""
        self.recent = [entry for entry in self.recent[-12:] if entry[1] != entity]
        self.recent.append((self.clock, entity))
        if entity.gender not in ("thing", "things"):
            self.nouns[entity.noun] = entity

    def has_mentioned(self, phrase: str) -> bool:
        """Return whether a subject was mentioned lately, in these words."""
        return any(entity.phrase == phrase for _, entity in self.recent)

    def note_name(self, name: str, entity: Entity) -> None:
        """Note an entity with its name."""
        self.names[name.lower()] = entity
        self.mention(entity)

    def resolve(self, pronoun: str) -> Entity | None:
        """Return the last mention that fits a pronoun; None if none is near."""
        wanted = _PRONOUNS.get(pronoun.lower(), ())
        for index, (mentioned_at, entity) in enumerate(reversed(self.recent)):
            if entity.gender not in wanted:
                continue
            near = self.clock - mentioned_at <= MAX_AGE
            if entity.gender in ("thing", "things"):
                near = self.clock - mentioned_at <= MAX_THING_AGE and index <= 1
                return entity if near else None
            return entity if near or entity.gender in ("f", "m") else None
        return None

    def current_place(self) -> str:
        """Return the last place mentioned, "" if that is too long ago."""
        mentioned_at, name = self.location
        return name if self.clock - mentioned_at <= MAX_AGE else ""

    def group_name(self) -> str:
        """Return who "we" are: the group of the message, or a partner just mentioned."""
        if self.group:
            return self.group
        for mentioned_at, entity in reversed(self.recent):
            if self.clock - mentioned_at <= MAX_AGE and entity.noun in english.PARTNERS:
                return f"User and {entity.as_object(about_user=True)}"
        return "User and others"


def gender_of(noun: str) -> Gender:
    """Return the gender of a noun, which decides its pronoun."""
    low = noun.lower()
    singular = low.removesuffix("s")
    plural = low.endswith("s") and low not in ("boss", "sis")
    if low in ("children", "kids", "parents", "twins", "grandkids"):
        return "people"
    if low in english.PEOPLE or singular in english.PEOPLE:
        if plural:
            return "people"
        return "f" if low in english.FEMALE else "m" if low in english.MALE else "person"
    if low in english.PETS or singular in english.PETS:
        return "people" if plural else "pet"
    return "things" if plural and not low.endswith("ss") else "thing"


def is_living(noun: str) -> bool:
    """Return whether the noun is a relation or an animal."""
    return gender_of(noun) not in ("thing", "things")


def _is_name(tokens: Sequence[str], index: int) -> bool:
    """Return whether the token behind a relation or an animal is its name."""
    if index >= len(tokens) or not tokens[index][0].isalpha():
        return False
    token = tokens[index]
    if token[0].isupper() and token.lower() not in english.FUNCTION_WORDS:
        return token not in ("I",) and "'" not in token[-2:]
    low = token.lower()
    if low in _NO_NAMES or grammar.is_adverb(token) or low.endswith("ing"):
        return False
    if grammar.is_past(token) or grammar.base_of_third(low):
        return False
    following = tokens[index + 1] if index + 1 < len(tokens) else ","
    closed = following == "," or (index + 1 < len(tokens) and grammar.is_finite(tokens, index + 1))
    return closed or grammar.is_adverb(following)


_NO_NAMES = english.FUNCTION_WORDS | english.AUXILIARIES | english.VERBS | english.PREPOSITIONS
_NO_NAMES |= english.CONJUNCTIONS | english.PRONOUN_SUBJECTS


def own_noun_phrase(tokens: Sequence[str], start: int) -> tuple[int, list[str], str, str] | None:
    """Read "my sister Ana", "my cat, Pickle," at `start`.

    Returns the place behind it, its words behind the possessive, its noun and its name ("" without
    one); None where no relation or animal is named.
    """
    words: list[str] = []
    index = start + 1
    while index < min(len(tokens), start + 5) and grammar.is_word(tokens[index]):
        noun = tokens[index]
        words.append(english.CHAT_RELATIVES.get(noun.lower(), noun))
        index += 1
        following = tokens[index].lower() if index < len(tokens) else ""
        if is_living(noun) and not is_living(following or "x"):
            index, name = _name_at(tokens, index)
            return index, words, words[-1].lower(), name
        if noun.lower() in english.PREPOSITIONS:
            return None
        if following == "," and index + 1 < len(tokens) and tokens[index + 1][0].isupper():
            end, name = _name_at(tokens, index)
            if name and (end < len(tokens) or tokens[-1] == ",") and tokens[end - 1] == ",":
                return end, words, noun.lower(), name
    return None


def _name_at(tokens: Sequence[str], index: int) -> tuple[int, str]:
    comma = index < len(tokens) and tokens[index] == ","
    begin = index + comma
    if begin < len(tokens) and tokens[begin].lower() in ("called", "named"):
        begin += 1
    if begin < len(tokens) and tokens[begin].lower() in ("him", "her", "it", "them", "me", "us"):
        return index, ""
    if not _is_name(tokens, begin) or (comma and not tokens[begin][0].isupper()):
        return index, ""
    end = begin + 1
    while end < len(tokens) and end < begin + 3 and tokens[end][0].isupper() and tokens[end] != "I":
        end += 1
    closed = end >= len(tokens) or tokens[end] == ","
    if comma and not closed:
        return index, ""
    name = " ".join(token[0].upper() + token[1:] for token in tokens[begin:end])
    return (end + 1 if comma and end < len(tokens) else end), name


def introduction(words: Sequence[str], noun: str, name: str) -> Clause:
    """Return the statement that a name belongs to a relation or an animal of the user's."""
    phrase = " ".join(words)
    unique = noun in english.SINGLE_RELATIONS or words[0].lower() in (
        "best",
        "eldest",
        "oldest",
        "youngest",
    )
    if unique or len(words) > 1:
        return Clause(f"User's {phrase}", f"is {name}")
    article = "an" if phrase[0].lower() in "aeiou" else "a"
    return Clause("User", f"has {article} {phrase} named {name}")


def note_own(tokens: Sequence[str], state: DiscourseState) -> list[str]:
    """Note the relations and animals of a clause, and return it with their names."""
    out: list[str] = []
    index = 0
    while index < len(tokens):
        phrase_found = (
            own_noun_phrase(tokens, index) if tokens[index].lower() in ("my", "our") else None
        )
        if phrase_found is None:
            _note_second_pet(tokens, index, state)
            out.append(tokens[index])
            index += 1
            continue
        end, words, noun, name = phrase_found
        phrase = " ".join(["User's", *words, *([name] if name else [])])
        mentioned = state.nouns.get(noun)
        if mentioned is not None and not name and mentioned.phrase.startswith(phrase):
            phrase = mentioned.phrase
        gender = gender_of(noun)
        if name and gender in ("thing", "things"):
            gender = "person"
        entity = Entity(phrase, gender, noun, own=True)
        if name:
            if name.lower() not in state.names:
                state.introduced.append(introduction(words, noun, name))
            state.note_name(name, entity)
        else:
            state.mention(entity)
        out.extend(["my", *phrase.split()[1:]])
        index = end
    return out


def introduces_pet(tokens: Sequence[str], index: int) -> bool:
    """Return whether "and a gecko called Kevin" begins at the index."""
    words = [token.lower() for token in tokens[index : index + 5]]
    if len(words) < 5 or words[0] != "and" or words[1] not in ("a", "an"):
        return False
    return words[3] in ("called", "named") and is_living(words[2])


def _note_second_pet(tokens: Sequence[str], index: int, state: DiscourseState) -> None:
    """Note "and a gecko called Kevin" behind another possession."""
    words = [token.lower() for token in tokens[index : index + 5]]
    if introduces_pet(tokens, index) and state.names.get(words[4]) is None:
        name = tokens[index + 4][0].upper() + tokens[index + 4][1:]
        phrase = f"User's {words[2]} {name}"
        state.note_name(name, Entity(phrase, gender_of(words[2]), words[2], own=True))
        state.introduced.append(introduction([words[2]], words[2], name))


def normalise_names(tokens: Sequence[str]) -> list[str]:
    """Attach names behind commas to their nouns, so that commas only separate clauses."""
    return _turn_names(_split_verb(_name_appositions(tokens)))


def _name_appositions(tokens: Sequence[str]) -> list[str]:
    """ "a daughter, Zarina" -> "a daughter named Zarina"; "my sister Ana's in" -> "Ana is in"."""
    out = list(tokens)
    for index in range(1, len(out) - 2):
        comma = index + 1 + (out[index + 1] == "together")
        if comma + 1 >= len(out) or out[comma] != "," or not out[comma + 1][0].isupper():
            continue
        last = comma + 2 >= len(out) or out[comma + 2] in (",", "and")
        if last and is_living(out[index]) and out[index - 1].lower() in ("a", "an"):
            return [*out[: index + 1], "named", *out[comma + 1 :]]
    return out


def _split_verb(tokens: list[str]) -> list[str]:
    """ "my sister Ana's in Rome" -> "my sister Ana is in Rome"."""
    for index in range(2, len(tokens) - 1):
        word = tokens[index]
        near = "my" in (tokens[index - 1].lower(), tokens[index - 2].lower())
        spoken = word.endswith("'s") and word[0].isupper() and near
        if spoken and tokens[index + 1].lower() in english.PREPOSITIONS and index < 4:
            return [*tokens[:index], word[:-2], "'s", *tokens[index + 1 :]]
    return tokens


def _turn_names(tokens: Sequence[str]) -> list[str]:
    """ "Dr Mistry, my GP, has" -> "my GP, Dr Mistry, has"."""
    for index in range(1, len(tokens) - 2):
        if tokens[index] != "," or tokens[index + 1].lower() != "my":
            continue
        begin = index
        while begin > 0 and tokens[begin - 1][0].isupper() and index - begin < 3:
            begin -= 1
        end = index + 2
        while end < len(tokens) and end < index + 6 and tokens[end] != ",":
            end += 1
        if begin < index and end < len(tokens) and tokens[begin] != "I":
            own = ["my", *tokens[index + 2 : end], ",", *tokens[begin:index], ","]
            return [*tokens[:begin], *own, *tokens[end + 1 :]]
    return list(tokens)


def _note_place(tokens: Sequence[str], state: DiscourseState) -> None:
    for index in range(len(tokens) - 1):
        if tokens[index].lower() in ("in", "to", "at", "from", "visit", "visited", "visiting"):
            end = index + 1
            while end < len(tokens) and tokens[end][0].isupper() and tokens[end] != "I":
                end += 1
            if end > index + 1:
                state.location = (state.clock, " ".join(tokens[index + 1 : end]))


def _object_span(tokens: Sequence[str]) -> tuple[int, int]:
    """Return the token range of the predicate's object."""
    index = grammar.skip_adverbs(tokens, 0)
    while index + 1 < len(tokens) and tokens[index].lower() in _VERB_GROUP:
        index = grammar.skip_adverbs(tokens, index + 1)
    first = tokens[index].lower() if index < len(tokens) else ""
    index += not (first in english.DETERMINERS or first[:1].isdigit())
    while index < len(tokens) and _precedes_object(tokens[index]):
        index += 1
    begin = index
    while index < len(tokens) and index < begin + 5 and _in_noun_phrase(tokens, index, begin):
        index += 1
    return begin, index


def note_object(tokens: Sequence[str], state: DiscourseState, *, of_user: bool) -> None:
    """Note the predicate's object, for a later "it" or "them", and a name given in it.

    of_user: whether the subject is the user, so that "has a sister" makes her the user's.
    """
    _note_place(tokens, state)
    begin, end = _object_span(tokens)
    phrase = list(tokens[begin:end]) or _gerund_taken_up(tokens, begin)
    if not phrase or grammar.is_date(phrase[-1]):
        return
    noun = phrase[-1].lower()
    gender = gender_of(noun)
    if phrase[0].lower() == "my" and len(phrase) > 1:
        state.mention(Entity(f"User's {' '.join(phrase[1:])}", gender, noun, own=True))
        return
    is_named = _follows_name(tokens, end)
    had = {"have", "'ve", "got"} & {token.lower() for token in tokens[:begin]}
    if of_user and had and is_living(noun) and not is_named:
        state.mention(_own_entity(phrase, noun))
        return
    phrase = _as_definite(phrase)
    if not _can_be_meant(phrase, noun):
        return
    if is_named and end + 1 < len(tokens):
        name = tokens[end + 1][0].upper() + tokens[end + 1][1:]
        state.note_name(name, Entity(f"User's {noun} {name}", gender, noun, own=True))
    else:
        state.mention(Entity(" ".join(phrase), gender, noun))


def _gerund_taken_up(tokens: Sequence[str], begin: int) -> list[str]:
    """Return the "running" of "took up running", which precedes the object range."""
    is_taken_up = 2 <= begin <= len(tokens) and tokens[begin - 2].lower() in _TAKING_UP
    return [tokens[begin - 1]] if is_taken_up and grammar.is_gerund(tokens[begin - 1]) else []


def _as_definite(phrase: list[str]) -> list[str]:
    """Return a noun phrase as it is said again: "a car" -> "the car"."""
    if phrase[0].lower() in ("a", "an", "another", "some"):
        phrase = ["the", *phrase[1:]] if len(phrase) > 1 else []
    if phrase and (phrase[0][0].isdigit() or phrase[0].lower() in _COUNTS):
        return ["the", *phrase]
    return phrase


def _can_be_meant(phrase: Sequence[str], noun: str) -> bool:
    """Return whether a later "it" may stand for the phrase."""
    if not phrase or phrase[0].lower() in _NO_THING or not noun[0].isalpha():
        return False
    if grammar.is_past(noun) or noun in english.AUXILIARIES | english.ADJECTIVES | _QUALITIES:
        return False
    return len(phrase) > 1 or noun not in english.VERBS


_QUALITIES = frozenset(
    ["ok", "okay", "ready", "hard", "great", "good", "nice", "amazing", "awesome", "fun", "happy",
     "sad", "proud", "busy", "sure", "bad", "easy", "best", "better", "fine", "free", "new", "old"]
)  # fmt: skip
"""Words behind "is" that no "it" stands for."""


def _own_entity(phrase: Sequence[str], noun: str) -> Entity:
    """Return the relation or animal of "I have a little sister" as the user's."""
    words = [
        word for word in phrase if word.lower() not in english.DETERMINERS and word[0].isalpha()
    ]
    return Entity(f"User's {' '.join(words or [noun])}", gender_of(noun), noun, own=True)


def _follows_name(tokens: Sequence[str], index: int) -> bool:
    return index < len(tokens) and tokens[index].lower() in ("named", "called")


_VERB_GROUP = english.AUXILIARIES | {
    "n't",
    "not",
    "to",
    "going",
    "used",
    "want",
    "like",
    "love",
    "been",
}
_TAKING_UP = english.word_set("up start started love like enjoy hate stopped quit tried loves")
_COUNTS = frozenset(["two", "three", "four", "five", "six", "several", "many", "both"])
_NO_THING = english.word_set("""
    my our their it them him her me us that this you no every each any what how i we there so very
    too not back home here away together
""")


def _precedes_object(token: str) -> bool:
    low = token.lower()
    verbal = low in english.AUXILIARIES or low in ("to", "up", "out", "down", "off", "n't", "not")
    return (
        verbal
        or low.endswith("ing")
        or grammar.is_adverb(low)
        or low in english.PLAIN_VERBS
        or low in english.PARTICIPLES
    )


def _in_noun_phrase(tokens: Sequence[str], index: int, begin: int) -> bool:
    token = tokens[index]
    low = token.lower()
    if not grammar.is_word(token) or low in english.PREPOSITIONS or low in english.CONJUNCTIONS:
        return False
    if low in ("named", "called", "that", "which", "who", "to", "when", "if", "anymore", "again"):
        return False
    return index == begin or not (grammar.is_adverb(token) or low in english.DETERMINERS)
