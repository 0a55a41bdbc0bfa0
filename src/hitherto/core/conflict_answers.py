"""Check the answers to a merge conflict's questions, in the contract's order and words.

Clients tell the errors apart by phrases in their texts, and look for them in a fixed order. So what
is quoted must not hold a phrase that is looked for before the error's own.
"""

import re
from collections.abc import Iterable, Sequence

from hitherto.core import arguments
from hitherto.errors import (
    MergeConflictAlreadyResolvedError,
    MergeConflictInvalidAnswerError,
    MergeConflictInvalidQuestionsError,
    MergeConflictMissingAnswersError,
    ValidationError,
)
from hitherto.models import MergeConflictAnswer, MergeConflictQuestion

_TOLD_APART_BY = re.compile(
    "(already) (resolved)|(Invalid) (questions provided)"
    "|(Missing) (answers for the following questions)"
)


def well_formed(answers: object, max_chars: int) -> tuple[MergeConflictAnswer, ...]:
    """Return answers whose parts are texts of at most `max_chars`, one per question.

    Raises ValidationError.
    """
    if isinstance(answers, str) or not isinstance(answers, Sequence):
        raise ValidationError(f"answers must be a list, not {type(answers).__name__}")
    seen: set[str] = set()
    for item in answers:
        if not isinstance(item, MergeConflictAnswer):
            raise ValidationError(
                f"answers must hold MergeConflictAnswer objects, not {type(item).__name__}"
            )
        arguments.text(item.question, "question", max_chars)
        arguments.text(item.answer, "answer", max_chars)
        if item.message is not None:
            arguments.text(item.message, "message", max_chars)
        if item.question in seen:
            raise ValidationError(
                f"answers has two answers to the question {item.question!r}; give one"
            )
        seen.add(item.question)
    return tuple(answers)


def already_resolved(merge_conflict_id: str) -> MergeConflictAlreadyResolvedError:
    """Return the error for a conflict that was answered before."""
    return MergeConflictAlreadyResolvedError(
        f"Merge conflict {merge_conflict_id} is already resolved"
    )


def check(
    questions: Sequence[MergeConflictQuestion], answers: Sequence[MergeConflictAnswer]
) -> None:
    """Raise MergeConflictInvalidQuestionsError, ...MissingAnswersError, ...InvalidAnswerError."""
    options = {item.question: item.options for item in questions}
    foreign = [item.question for item in answers if item.question not in options]
    if foreign:
        raise MergeConflictInvalidQuestionsError(
            "Invalid questions provided. The following questions do not match the original "
            f"questions: {_listed(foreign)}"
        )
    answered = {item.question for item in answers}
    missing = [question for question in options if question not in answered]
    if missing:
        raise MergeConflictMissingAnswersError(
            f"Missing answers for the following questions: {_listed(missing)}"
        )
    for item in answers:
        if item.answer not in options[item.question]:
            raise MergeConflictInvalidAnswerError(
                f"Invalid answer '{_quoted(item.answer)}' for question "
                f"'{_quoted(item.question)}'. Valid options are: "
                f"{_listed(options[item.question])}"
            )


def _listed(texts: Iterable[str]) -> str:
    return repr([_quoted(text) for text in texts])


def _quoted(text: str) -> str:
    """Return the text with a hyphen in phrases by which clients recognise an error."""
    return _TOLD_APART_BY.sub(lambda match: match[0].replace(" ", "-", 1), text)
