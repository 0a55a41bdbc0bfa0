"""A summary of a session without a model: what it was about, put together from its own words."""

from collections.abc import Sequence
from datetime import datetime

from hitherto.core.text.sentences import sentences
from hitherto.models import Message, MessageRole

MAX_CHARS = 800
"""Summaries of the hosted product have 550 to 839 characters; this keeps to their upper end."""

QUOTED_CHARS = 160
"""How much of one message is quoted: about two lines."""


def is_own(summary: str, session_date: datetime) -> bool:
    """Whether a summary was put together here: it can be put together anew from what is left."""
    return summary.startswith(f"On {_day(session_date)} the ")


def summarise(
    messages: Sequence[Message], told_contents: Sequence[str], session_date: datetime
) -> str:
    """One paragraph of at most `MAX_CHARS`: how the session began, what the user told, what was
    asked and answered last. A session of one message gives its beginning; none gives "".
    """
    if not messages:
        return ""
    # A message of which only served text was left out is empty.
    told = [item for item in messages if item.content.strip()] or messages
    opening = next((item for item in told if item.role is MessageRole.USER), told[0])
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
    answer = next((item for item in told if item.role is MessageRole.ASSISTANT), None)
    if answer is not None and answer is not opening:
        parts.insert(1, f"Assistant answered: “{_excerpt(answer.content)}”")
    return _joined(parts)


def _day(date: datetime) -> str:
    return f"{date:%A}, {date.day} {date:%B} {date.year}"


def _joined(parts: Sequence[str]) -> str:
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
