"""A summary of a session without a model: what it was about, put together from its own words."""

import re
from collections.abc import Sequence
from datetime import datetime

from recollect.models import Candidate, Message, MessageRole

MAX_CHARS = 800
"""Summaries of the hosted product have 550 to 839 characters; this keeps to their upper end."""

QUOTED_CHARS = 160
"""How much of one message is quoted: about two lines."""

_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")


def summarise(
    messages: Sequence[Message], candidates: Sequence[Candidate], session_date: datetime
) -> str:
    """One paragraph of at most `MAX_CHARS`: how the session began, what the user told, what was
    asked and answered last. A session of one message gives its beginning; none gives "".
    """
    if not messages:
        return ""
    day = f"{session_date:%A}, {session_date.day} {session_date:%B} {session_date.year}"
    # A message of which only served text was left out is empty.
    told = [item for item in messages if item.content.strip()] or messages
    opening = next((item for item in told if item.role is MessageRole.USER), told[0])
    parts = [f"On {day} the {opening.role.value} opened with: “{_excerpt(opening.content)}”"]
    parts += [f"{candidate.content}." for candidate in candidates]
    questions = [
        sentence
        for message in messages
        if message.role is MessageRole.USER and message is not opening
        for sentence in _sentences(message.content)
        if sentence.endswith("?") and len(sentence) > QUOTED_CHARS // 8
    ]
    parts += [f"User asked: “{_excerpt(question)}”" for question in questions]
    answer = next((item for item in told if item.role is MessageRole.ASSISTANT), None)
    if answer is not None and answer is not opening:
        parts.insert(1, f"Assistant answered: “{_excerpt(answer.content)}”")
    return _joined(parts)


def _joined(parts: Sequence[str]) -> str:
    kept: list[str] = []
    room = MAX_CHARS
    for part in parts:
        if len(part) + 1 <= room:
            kept.append(part)
            room -= len(part) + 1
    return " ".join(kept)


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    if len(flat) <= QUOTED_CHARS:
        return flat
    cut = flat.rfind(" ", 0, QUOTED_CHARS)
    return flat[: cut if cut > 0 else QUOTED_CHARS] + " …"
