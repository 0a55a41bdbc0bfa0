"""Check that `render` returns the examples in docs/context.md."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hitherto.core.context.recalled_data import (
    ContextParts,
    Conversation,
    Excerpt,
    ListedLine,
    RecalledMemory,
    RecalledSummary,
)
from hitherto.core.context.render import render
from hitherto.models import (
    Evidence,
    ExpirationReason,
    MemoryVersion,
    Message,
    MessageRole,
)

PAGE = Path(__file__).parents[2] / "docs" / "context.md"
FIRST = datetime(2025, 1, 6, 20, 45, tzinfo=UTC)
SECOND = FIRST + timedelta(days=20)
THIRD = FIRST + timedelta(days=30)


def version(memory_id: str, content: str, said_at: datetime, position: int) -> MemoryVersion:
    day = said_at.replace(hour=0, minute=0)
    return MemoryVersion(
        memory_id=memory_id,
        session_id="s1",
        content=content,
        event_date_start=day,
        event_date_end=day + timedelta(hours=23, minutes=59, seconds=59),
        created_at=said_at,
        expired_at=SECOND if memory_id == "m1" else None,
        expiration_reason=ExpirationReason.TEMPORAL_CONFLICT if memory_id == "m1" else None,
        evidence=(Evidence("s1" if said_at == FIRST else "s2", position),),
    )


def example() -> ContextParts:
    lisbon = version("m1", "User lives in Lisbon.", FIRST, 0)
    porto = version("m2", "User lives in Porto.", SECOND, 2)
    sister = version("m3", "User's sister Ana lives in Porto.", SECOND, 4)
    tram = version("m4", "User takes the tram to work.", FIRST, 2)
    return ContextParts(
        memories=(
            RecalledMemory((porto, lisbon), 0.8712, (RecalledMemory((sister,)),)),
            RecalledMemory((tram,), 0.6404),
        ),
        summaries=(RecalledSummary("s2", SECOND, "User moved house.", 0.5731, (porto,)),),
        excerpts=(
            Excerpt("s2", SECOND, 2, MessageRole.USER, "We moved to Porto last week.", 0.9),
            Excerpt("s2", SECOND, 3, MessageRole.ASSISTANT, "How is it?\nAny boxes left?", 0.7),
            Excerpt("s1", FIRST, 2, MessageRole.USER, "I take the tram to work.", 0.6),
        ),
        ongoing=(
            Conversation("s3", THIRD, (Message(MessageRole.USER, "Looking for a gym.", THIRD),)),
        ),
        now=THIRD,
    )


def words(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


def test_the_page_shows_the_full_form_and_the_short_form() -> None:
    examples = re.findall(
        r"^```text\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    zone = "America/New_York"
    full = render(example(), timezone=zone, max_tokens=None, count_tokens=words)
    short = render(example(), timezone=zone, max_tokens=200, count_tokens=words)
    assert [examples[0], examples[2]] == [full.text, short.text]


def test_the_page_shows_the_line_of_a_memory_in_doubt() -> None:
    examples = re.findall(
        r"^```text\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    gym = replace(
        version("m4", "User goes to a gym in Lisbon", FIRST, 0),
        doubted_by="m2",
        doubt_reason="where the user lives changed: “User moved to Porto”",
        doubted_at=SECOND,
    )
    parts = ContextParts(memories=(RecalledMemory((gym,), 0.731),))
    text = render(parts, timezone="America/New_York", max_tokens=None, count_tokens=words).text
    assert examples[1] in text


def test_the_page_shows_a_dated_list() -> None:
    examples = re.findall(
        r"^```text\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    turin = FIRST + timedelta(days=3)
    said = (
        ("s1", turin, 0, "I ran in Turin with my sister.", False),
        ("s2", SECOND, 2, "I also ran the night race yesterday.", True),
        ("s2", SECOND, 4, "The half marathon in March is booked.", False),
    )
    lines = [
        ListedLine(
            Excerpt(session_id, day, position, MessageRole.USER, content, 0.9, starts_mid=is_part),
            (SECOND + timedelta(days=2),) if position == 4 else (),
        )
        for session_id, day, position, content, is_part in said
    ]
    parts = ContextParts(dated_list=tuple(lines))
    text = render(parts, timezone="America/New_York", max_tokens=None, count_tokens=words).text
    assert examples[-1] in text
