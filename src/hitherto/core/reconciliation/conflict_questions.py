"""Questions for the user about two incompatible statements, and their options."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from hitherto.core.dates.formatting import day_beside
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
class DatedStatement:
    """Statement with the instant at which it was said."""

    statement: Statement
    at: datetime

    @property
    def content(self) -> str:
        """Words of the statement."""
        return self.statement.content


def question(
    existing: DatedStatement, proposed: DatedStatement, attribute: str
) -> MergeConflictQuestion:
    """Return the question which of two statements is right, worded for the user.

    The options are the existing content, the proposed one, `BOTH` unless that is impossible, and
    `NEITHER`. attribute: in which the two differ. Days are those of the zone in which the proposed
    statement is dated.
    """
    reading = existing.statement.reading
    text = "Which of these is right?"
    if all(dated.statement.reading.subject == "user" for dated in (existing, proposed)):
        text = _ASKED.get(attribute.partition(":")[0], text)
    first, second = _quote(existing), _quote(proposed)
    noted_on, proposed_on = day_beside(existing.at, proposed.at), proposed.at.date()
    if noted_on == proposed_on:
        statements = f"Two things noted on {_day(noted_on)} do not agree: {first} and {second}."
    else:
        statements = (
            f"What was noted on {_day(noted_on)}, {first}, does not agree with what was "
            f"noted on {_day(proposed_on)}, {second}."
        )
    options = list(dict.fromkeys((existing.content, proposed.content)))
    exclusive = reading.trait.immutable or reading.trait.timeless
    options += [NEITHER] if exclusive else [BOTH, NEITHER]
    return MergeConflictQuestion(f"{text} {statements}", options)


def reason(existing: DatedStatement, proposed: DatedStatement, attribute: str) -> str:
    """Return a sentence that says why the two statements cannot both be true."""
    old, new = existing.statement.reading, proposed.statement.reading
    if old.polarity is not new.polarity:
        denies = "denies" if old.polarity is Polarity.ASSERTS else "asserts"
        return f"The proposed statement {denies} what this one says."
    attribute_name = _NAMED.get(attribute.partition(":")[0], "something of which there is only one")
    return f"Both name {attribute_name}, and not the same."


def distinct(questions: Sequence[MergeConflictQuestion]) -> tuple[MergeConflictQuestion, ...]:
    """Return the questions, with a number after each that repeats an earlier one."""
    seen: dict[str, int] = {}
    numbered = []
    for question_asked in questions:
        seen[question_asked.question] = seen.get(question_asked.question, 0) + 1
        number = seen[question_asked.question]
        text = question_asked.question if number == 1 else f"{question_asked.question} ({number})"
        numbered.append(replace(question_asked, question=text))
    return tuple(numbered)


def _quote(dated: DatedStatement) -> str:
    return f"“{dated.content.strip().rstrip('.')}”"


def _day(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"
