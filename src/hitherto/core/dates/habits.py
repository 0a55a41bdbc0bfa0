"""English days of every week: "Mon-Fri", "tues thurs and sat", "every friday"."""

import re
from typing import Final

from hitherto.core.text.english_words import DAY_NAMES, SHORT_DAYS

_DAY: Final = (
    rf"(?:{'|'.join(DAY_NAMES)}|tues|thurs|thur|{'|'.join(SHORT_DAYS)})s?\b\.?"
    r"(?:[ ](?:morning|afternoon|evening|night)s?\b)?"
)
_JOINED: Final = (
    r"(?:[ ]{0,2}(?:[,/&+–-]|\b(?:and|or|to|thru|through|till?|until)\b)){1,2}[ ]{0,2}(?:on[ ])?"
)
_HABIT: Final = re.compile(
    rf"\b{_DAY}(?:{_JOINED}{_DAY}|[ ]{_DAY})+|\b(?:my|our|your|his|her|their|its|an?)[ ]{_DAY}"
    rf"|\bthe[ ]{_DAY}(?![ ](?:before|after|of|the|following|in|next)\b)",
    re.IGNORECASE,
)
_NOT_BEFORE: Final = re.compile(
    r"\b(?:last|next|this|past|coming|from|between)[ ]{1,3}\Z", re.IGNORECASE
)
_DATE_AFTER: Final = re.compile(r",?[ ]{1,3}(?:the[ ])?\d")
_BEFORE_CHARS: Final = 16


def habit_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of weekdays that are days of every week.

    They are in lists ("tues and thurs") and in "my Friday class" and "the
    Saturday session".

    Not where the first is a certain one ("last Monday and Tuesday"), or where a range is spelled
    out ("from Monday to Thursday"); a weekday with a date belongs to that date.
    """
    spans = []
    for match in _HABIT.finditer(text):
        start, end = match.span()
        if _NOT_BEFORE.search(text, max(0, start - _BEFORE_CHARS), start):
            continue
        if _DATE_AFTER.match(text, end) is None:
            spans.append((start, end))
    return spans
