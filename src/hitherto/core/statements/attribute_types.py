"""Types of what is read: traits of attributes, readings, statements."""

from dataclasses import dataclass
from enum import StrEnum

from hitherto.core.statements.predicate import Polarity, Tense
from hitherto.core.text.caches import remembered
from hitherto.core.text.english_words import SOLE_RELATIVES
from hitherto.core.text.terms import stem


class Kind(StrEnum):
    """Way to compare the values of an attribute."""

    TERMS = "terms"
    NAMES = "names"
    DATE = "date"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Trait:
    """Properties of an attribute.

    single_valued: it holds one value at a time. immutable: the value never changes.
    timeless: having it or not is not expected to change ("allergic to peanuts").
    silent: another value in a later session means a change even if no word says so.
    strict: two values on one day cannot both hold.
    """

    single_valued: bool = False
    immutable: bool = False
    timeless: bool = False
    silent: bool = False
    strict: bool = False
    kind: Kind = Kind.TERMS


_TRAITS = {
    "residence": Trait(single_valued=True, silent=True, strict=True, kind=Kind.NAMES),
    "dwelling": Trait(single_valued=True),
    "employer": Trait(single_valued=True, silent=True, strict=True, kind=Kind.NAMES),
    "job": Trait(single_valued=True),
    "name": Trait(single_valued=True, immutable=True, kind=Kind.NAMES),
    "birthday": Trait(single_valued=True, immutable=True, kind=Kind.DATE),
    "birthplace": Trait(single_valued=True, immutable=True, kind=Kind.NAMES),
    "blood type": Trait(single_valued=True, immutable=True),
    "age": Trait(single_valued=True, silent=True, strict=True, kind=Kind.NUMBER),
    "relationship status": Trait(single_valued=True, silent=True, strict=True),
    "diet": Trait(single_valued=True, silent=True),
    "phone number": Trait(single_valued=True, silent=True),
    "email": Trait(single_valued=True, silent=True),
    "address": Trait(single_valued=True, silent=True),
}
_FAMILY_TRAITS = {
    "allergy": Trait(timeless=True),
    "favourite": Trait(single_valued=True, silent=True),
    "count": Trait(single_valued=True, silent=True, kind=Kind.NUMBER),
}
_SOLE_RELATIVE = Trait(single_valued=True, kind=Kind.NAMES)
_SOLE_ATTRIBUTES = frozenset("relative:" + stem(relative) for relative in SOLE_RELATIVES)
_NO_TRAIT = Trait()


@remembered(maxsize=4096)
def trait_of(attribute: str) -> Trait:
    """Return the trait of an attribute; that of unknown ones claims nothing."""
    if attribute in _SOLE_ATTRIBUTES:
        return _SOLE_RELATIVE
    trait = _TRAITS.get(attribute)
    return trait or _FAMILY_TRAITS.get(attribute.partition(":")[0], _NO_TRAIT)


@dataclass(frozen=True, slots=True)
class Reading:
    """Attribute of a subject, with the values that a statement gives.

    subject: "user", "user's sister ana", ... lower case.
    attribute: "residence", "favourite:colour", ..., or a verb's stem, which is "verb:name" where
        the stem alone is another attribute.
    values: stems, or lower-case names where the attribute's kind is NAMES, most specific first.
    cue: the word that says that something changed ("moved", "now", "sold", ...), if any.
    replaced: what the statement says was left ("moved from Berlin"), compared like the values.
    """

    subject: str
    attribute: str
    values: tuple[str, ...]
    polarity: Polarity = Polarity.ASSERTS
    tense: Tense = Tense.PRESENT
    cue: str | None = None
    replaced: tuple[str, ...] = ()

    @property
    def trait(self) -> Trait:
        """Return the attribute's trait; none for relatives' names, as there may be two sisters."""
        if self.attribute == "name" and self.subject != "user":
            return _NO_TRAIT
        return trait_of(self.attribute)

    @property
    def single_valued(self) -> bool:
        """Return whether the attribute holds one value at a time."""
        return self.trait.single_valued

    @property
    def immutable(self) -> bool:
        """Return whether the attribute's value never changes."""
        return self.trait.immutable


@dataclass(frozen=True, slots=True)
class Statement:
    """Statement as it was read, with what reconciliation compares.

    terms: stems of its content words in order. names: its proper names, lower case.
    topics: what it is about apart from the user: its names, and other people and pets by relation.
    readings: at least one, the main one first. details: the terms that no reading uses up.
    exact: whether a rule knows what it says; the readings of other statements are generic.
    """

    content: str
    terms: tuple[str, ...]
    term_set: frozenset[str]
    names: frozenset[str]
    topics: frozenset[str]
    readings: tuple[Reading, ...]
    details: frozenset[str]
    exact: bool = False

    @property
    def reading(self) -> Reading:
        """Return the main reading."""
        return self.readings[0]
