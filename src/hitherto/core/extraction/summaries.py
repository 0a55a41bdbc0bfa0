"""Summary of a session without a model, made of its own words."""

from collections.abc import Sequence
from datetime import datetime

from hitherto.core.text.sentences import sentences
from hitherto.models import Message, MessageRole

MAX_CHARS = 800
"""Summaries of the hosted product have 550 to 839 characters; this keeps to their upper end."""

QUOTED_CHARS = 160
"""Characters quoted of one message: about two lines."""


def is_own(summary: str, session_date: datetime) -> bool:
    """Return whether a summary was made here, and can be made again after a deletion."""
    return summary.startswith(f"On {_day(session_date)} the ")


def summarise(
    messages: Sequence[Message], told_contents: Sequence[str], session_date: datetime
) -> str:
    """Return one paragraph of at most `MAX_CHARS` on a session, "" if it has no message.

    It has the session's beginning, the first answer, the statements and the questions of the user.
    """
    if not messages:
        return ""
    # A message of which only served text was left out is empty.
    messages_with_text = [item for item in messages if item.content.strip()] or messages
    opening = next(
        (item for item in messages_with_text if item.role is MessageRole.USER),
        messages_with_text[0],
    )
    day, quoted = _day(session_date), _excerpt(opening.content)
    parts = [f"On {day} the {opening.role.value} opened with: “{quoted}”"]
    parts += [f"{content}." for content in told_contents]
    questions = [
        sentence
        for message in messages
        if message.role is MessageRole.USER and message is not opening
        for sentence in sentences(message.content)
        if sentence.endswith("?") and len(sentence) > QUOTED_CHARS // 8
    ]
    parts += [f"User asked: “{_excerpt(question)}”" for question in questions]
    answer = next((item for item in messages_with_text if item.role is MessageRole.ASSISTANT), None)
    if answer is not None and answer is not opening:
        parts.insert(1, f"Assistant answered: “{_excerpt(answer.content)}”")
    return _join_within(parts)


def _day(date: datetime) -> str:
    return f"{date:%A}, {date.day} {date:%B} {date.year}"


def _join_within(parts: Sequence[str]) -> str:
    kept: list[str] = []
    room = MAX_CHARS
    for part in parts:
        if len(part) + 1 <= room:
            kept.append(part)
            room -= len(part) + 1
    return " ".join(kept)


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    if len(flat) <= QUOTED_CHARS:
        return flat
    cut = flat.rfind(" ", 0, QUOTED_CHARS)
    return flat[: cut if cut > 0 else QUOTED_CHARS] + " …"
