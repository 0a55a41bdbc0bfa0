"""What users tell in the checks, and what the rule-based inference makes of it.

Every memory of these checks comes about the way an application's does: somebody says something, and
the session is processed.
"""

from datetime import datetime
from typing import Any

from tests.conformance.drivers import Driver, Raw

FIRST_DAY = "2024-01-05T09:00:00+00:00"
SECOND_DAY = "2024-06-05T09:00:00+00:00"
THIRD_DAY = "2025-01-05T09:00:00+00:00"

MOVES = (
    (FIRST_DAY, ("I live in Porto.", "I have a dog.", "My birthday is on 3 May 1990.")),
    (SECOND_DAY, ("I moved to Lisbon.", "I have a dog named Rex.")),
    (
        THIRD_DAY,
        (
            "I moved to Braga.",
            "I was born on 4 June 1990.",
            "I have a sister named Ana.",
            "My sister Ana lives in Berlin.",
            "My sister Ana plays the cello.",
        ),
    ),
)
"""Leaves a chain of three (Porto, Lisbon, Braga: TEMPORAL_CONFLICT), one of two that grew
(ADDITION_TO_EXISTING_MEMORY), one of two that contradict each other (MERGE_CONFLICT, where
conflicts are off), and three connected memories about Ana."""

TOWNS = (
    ("2023-01-05T09:00:00+00:00", "I live in Porto."),
    ("2023-06-05T09:00:00+00:00", "I moved to Lisbon."),
    ("2024-01-05T09:00:00+00:00", "I moved to Braga."),
    ("2024-06-05T09:00:00+00:00", "I moved to Faro."),
)
"""Four sessions that leave one memory with four versions."""

FACTS = (
    "I play the cello on Sundays.",
    "I am allergic to peanuts.",
    "I work as a nurse.",
    "I own a red bicycle.",
    "I like green tea.",
    "I speak Danish.",
    "I grow tomatoes on my balcony.",
    "I have two cats named Kiwi and Plum.",
    "I hate flying.",
    "I run five kilometres every Monday.",
    "I studied chemistry in Lyon.",
    "I drive an old van.",
    "I collect stamps.",
    "I own a telescope.",
    "I bake bread every weekend.",
    "I am learning to juggle.",
    "I am married to Rui.",
    "I sing in a choir.",
    "I fear spiders.",
    "I have a brother in Porto.",
    "I practise yoga every Friday.",
    "I teach chess at a school.",
)
"""Facts that leave more than twenty memories, none of which is about Ana."""

BIRTHDAY = ("My birthday is on 3 May 1990.", "I was born on 4 June 1990.")
BLOOD_TYPE = ("My blood type is A positive.", "My blood type is O negative.")
"""Two statements each that cannot both be true and that no lapse of time explains."""


async def moved(raw: Raw, user_id: str = "alice", **body: Any) -> tuple[str, list[str]]:
    """A user who told `MOVES`; the paths of the user and of the sessions."""
    user = await raw.user(user_id, **body)
    sessions = [
        await raw.told(user, *texts, custom_created_at_utc=day, metadata={"visit": number})
        for number, (day, texts) in enumerate(MOVES, start=1)
    ]
    return user, sessions


async def moved_by(driver: Driver, user_id: str = "alice", **named: Any) -> tuple[Any, list[Any]]:
    """`moved` through a driver; the user and the sessions."""
    user = await driver.client.create_user(user_id, **named)
    sessions = [
        await driver.told(
            user,
            *texts,
            custom_created_at_utc=datetime.fromisoformat(day),
            metadata={"visit": visit},
        )
        for visit, (day, texts) in enumerate(MOVES, start=1)
    ]
    return user, sessions


async def contradicted(
    raw: Raw, *pairs: tuple[str, str], user_id: str = "alice", **body: Any
) -> str:
    """A user who said the first statement of each pair, and the second ones later; their path."""
    user = await raw.user(user_id, **({"merge_conflict_enabled": True} | body))
    await raw.told(user, *(first for first, _ in pairs), custom_created_at_utc=FIRST_DAY)
    for _, second in pairs:
        await raw.told(user, second, custom_created_at_utc=SECOND_DAY)
    return user


async def contradicted_by(driver: Driver, *pairs: tuple[str, str], user_id: str = "alice") -> Any:
    """`contradicted` through a driver; the user."""
    user = await driver.client.create_user(user_id, merge_conflict_enabled=True)
    day = datetime.fromisoformat(FIRST_DAY)
    await driver.told(user, *(first for first, _ in pairs), custom_created_at_utc=day)
    day = datetime.fromisoformat(SECOND_DAY)
    for _, second in pairs:
        await driver.told(user, second, custom_created_at_utc=day)
    return user


async def memories(raw: Raw, user: str, **params: Any) -> list[dict[str, Any]]:
    """A user's current memories, as JSON."""
    answer = await raw.get(f"{user}/memories", params={"limit": 200} | params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def memory_about(raw: Raw, user: str, word: str) -> dict[str, Any]:
    """The one current memory whose content has a word."""
    found = [item for item in await memories(raw, user) if word in item["content"]]
    assert len(found) == 1, [item["content"] for item in found]
    return found[0]


async def conflicts(raw: Raw, user: str, **params: Any) -> list[dict[str, Any]]:
    """A user's merge conflicts, as JSON."""
    answer = await raw.get(f"{user}/merge-conflicts", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["conflicts"]
    return found


async def context(raw: Raw, session: str, **params: Any) -> str:
    """The text of a context, without the system prompt unless it is asked for."""
    answer = await raw.get(f"{session}/context", params={"include_system_prompt": False} | params)
    assert answer.status_code == 200, answer.text
    text: str = answer.json()["context"]
    return text


async def asked(raw: Raw, user: str, *texts: str, **params: Any) -> str:
    """The text of a context for a new session in which the user said this."""
    return await context(raw, await raw.session(user, *texts), **params)


async def memory(raw: Raw, user: str, memory_id: str) -> dict[str, Any]:
    """One version of a memory, as JSON."""
    answer = await raw.get(f"{user}/memory/{memory_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
