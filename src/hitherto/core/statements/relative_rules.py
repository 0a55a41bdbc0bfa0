"""Rules that read names of the user's relatives and pets."""

import re
from dataclasses import replace

from hitherto.core.statements.attribute_types import Reading
from hitherto.core.statements.phrases import (
    add_cue,
    make_reading,
    mark_ended,
)
from hitherto.core.statements.possession_rules import kind_of
from hitherto.core.statements.predicate import Polarity, Predicate
from hitherto.core.text.english_words import NAMED_PETS, RELATIVES
from hitherto.core.text.terms import (
    stem,
)


def read_relative(body: str, clause: Predicate) -> list[Reading]:
    """Read "User's dog is named Rex", "User's dog Rex died" as something about the user's dog."""
    words = clause.subject.split()
    position = next((i for i, w in enumerate(words) if w in RELATIVES or w in NAMED_PETS), 0)
    if words[:1] != ["user's"] or not position:
        return []
    kind = kind_of(words[position])
    name = " ".join(words[position + 1 :])
    modifiers = tuple(stem(word) for word in words[1:position] if word != "new")
    user = replace(clause, subject="user", owned="")
    if "new" in words[1:position]:
        user = add_cue(user, "new")
    if re.match(r"^(?:died|passed away|is dead)\b", body) and kind.startswith("pet:"):
        values = (name, *modifiers) if name else modifiers
        return [make_reading(mark_ended(user, "died"), kind, values)]
    named = re.match(r"^is (?:named |called )?(?P<name>[A-Z][\w-]*(?: [A-Z][\w-]*)*)$", body)
    if clause.owned == "name":
        named = re.match(r"^is (?P<name>[A-Z][\w-]*(?: [A-Z][\w-]*)*)$", body)
    elif clause.owned or (named and name):
        return []
    if named and clause.polarity is Polarity.ASSERTS:
        return [make_reading(user, kind, (named["name"].lower(), *modifiers))]
    return []
