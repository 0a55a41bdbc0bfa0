"""What a person is asked about two statements that cannot both hold, and what they can answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hitherto.core.statements.reader import Polarity, Statement
from hitherto.models import MergeConflictQuestion

BOTH = "Both are true"
NEITHER = "Neither is true"

_ASKED = {
    "residence": "Where do you live?",
    "employer": "Where do you work?",
    "name": "What is your name?",
    "birthday": "When were you born?",
    "birthplace": "Where were you born?",
    "blood type": "What is your blood type?",
    "age": "How old are you?",
    "relationship status": "What is your relationship status?",
    "allergy": "Do you have this allergy?",
}
_NAMED = {
    "residence": "a home",
    "employer": "an employer",
    "name": "a name",
    "birthday": "a date of birth",
    "birthplace": "a place of birth",
    "blood type": "a blood type",
    "age": "an age",
    "relationship status": "a relationship status",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A statement, and when it was said."""

    statement: Statement
    at: datetime

    @property
    def content(self) -> str:
        """The statement's words."""
        return self.statement.content


def question(held: Said, proposed: Said, attribute: str) -> MergeConflictQuestion:
    """Ask a person which of two statements about them is right, in words to be passed on as such.

    The options are the held content, the proposed one, `BOTH` where it is not out of the question,
    and `NEITHER`. attribute: in what the two differ.
    """
    reading = held.statement.reading
    asked = "Which of these is right?"
    if all(said.statement.reading.subject == "user" for said in (held, proposed)):
        asked = _ASKED.get(attribute.partition(":")[0], asked)
    first, second = _quoted(held), _quoted(proposed)
    if held.at.date() == proposed.at.date():
        told = f"Two things noted on {_day(held.at)} do not agree: {first} and {second}."
    else:
        told = (
            f"What was noted on {_day(held.at)}, {first}, does not agree with what was noted on "
            f"{_day(proposed.at)}, {second}."
        )
    options = list(dict.fromkeys((held.content, proposed.content)))
    exclusive = reading.trait.immutable or reading.trait.timeless
    options += [NEITHER] if exclusive else [BOTH, NEITHER]
    return MergeConflictQuestion(f"{asked} {told}", options)


def reason(held: Said, proposed: Said, attribute: str) -> str:
    """Says in a sentence why the held statement and the proposed one cannot both hold."""
    one, other = held.statement.reading, proposed.statement.reading
    if one.polarity is not other.polarity:
        denies = "denies" if one.polarity is Polarity.ASSERTS else "asserts"
        return f"The proposed statement {denies} what this one says."
    named = _NAMED.get(attribute.partition(":")[0], "something of which there is only one")
    return f"Both name {named}, and not the same."


def distinct(asked: Sequence[MergeConflictQuestion]) -> tuple[MergeConflictQuestion, ...]:
    """The questions with a number behind each that has the words of an earlier one."""
    seen: dict[str, int] = {}
    found = []
    for one in asked:
        seen[one.question] = seen.get(one.question, 0) + 1
        number = seen[one.question]
        text = one.question if number == 1 else f"{one.question} ({number})"
        found.append(replace(one, question=text))
    return tuple(found)


def _quoted(said: Said) -> str:
    return f"“{said.content.strip().rstrip('.')}”"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B} {at.year}"
