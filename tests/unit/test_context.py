"""Full form of a context, line by line."""

from datetime import UTC, datetime, timedelta

import pytest

from hitherto.core.context.recalled_data import (
    Analysis,
    ContextParts,
    Conversation,
    Excerpt,
    RecalledMemory,
    RecalledSummary,
)
from hitherto.core.context.render import render
from hitherto.core.context.sections import Rendered
from hitherto.errors import ValidationError
from hitherto.models import (
    ExpirationReason,
    MemoryVersion,
    MergeConflictConflictingMemory,
    MergeConflictModel,
    MergeConflictQuestion,
    MergeConflictStatus,
    Message,
    MessageRole,
    UserMessage,
)

MONDAY = datetime(2025, 1, 6, 20, 45, tzinfo=UTC)
SAID = "Monday, January 6th, 2025 at 3:45 PM EST"
DAY = "Monday, January 6th, 2025"


def version(
    memory_id: str,
    content: str,
    *,
    expired: ExpirationReason | None = None,
    merge_conflict_id: str | None = None,
) -> MemoryVersion:
    return MemoryVersion(
        memory_id=memory_id,
        session_id="s1",
        content=content,
        event_date_start=datetime(2025, 1, 6, tzinfo=UTC),
        event_date_end=datetime(2025, 1, 6, 23, 59, 59, tzinfo=UTC),
        created_at=MONDAY,
        expired_at=MONDAY + timedelta(days=1) if expired else None,
        expiration_reason=expired,
        merge_conflict_id=merge_conflict_id,
    )


def memory(
    memory_id: str, similarity: float | None = None, *children: RecalledMemory
) -> RecalledMemory:
    return RecalledMemory((version(memory_id, f"User has {memory_id}."),), similarity, children)


def full(parts: ContextParts, timezone: str = "America/New_York") -> Rendered:
    return render(parts, timezone=timezone, max_tokens=None, count_tokens=len)


def memory_numbers(text: str) -> list[str]:
    """Number and content of each listed memory."""
    return [line.split(" [")[0].split(" (")[0] for line in text.splitlines() if "[Version" in line]


def test_nothing_recalled_leaves_the_headings_with_their_lines() -> None:
    rendered = full(ContextParts())
    assert rendered.text == (
        "<recalled_memory>\n"
        "# Here are the relevant memories that will help you to answer the user's query:\n\n"
        "No memories found.\n\n"
        "# Here are some summaries of the previous relevant conversations with their respective"
        " memories:\n\n"
        "No relevant session summaries found.\n\n\n\n"
        "# Here are some ongoing conversations with the user:\n\n\n"
        "# Here are some recent conversations you had with the user:\n"
        "No recent user messages requested.\n\n\n"
        "# Here are the summaries of some recent conversations you had with the user:\n"
        "No recent session summaries requested.\n"
        "</recalled_memory>\n"
    )
    assert rendered == Rendered(rendered.text, (), (), None)


def test_a_memory_shows_its_line_and_its_only_version() -> None:
    text = full(ContextParts(memories=(memory("a dog", 0.83125),))).text
    assert (
        "query:\n\n"
        f"1. User has a dog. (Similarity: 0.8313) [Event Date: {DAY} to {DAY}] [Version 1]\n"
        "<version_history>\n"
        "<version_1>\n"
        "Content: User has a dog.\n"
        "Reason: INITIAL_MEMORY\n"
        f"Event Date: {DAY} to {DAY}\n"
        f"Created at: {SAID}\n"
        "Expired at: none\n"
        "</version_1>\n"
        "</version_history>\n\n"
        "# Here are some summaries"
    ) in text


def test_a_history_runs_newest_first_and_says_why_each_version_was_superseded() -> None:
    history = (
        version("v3", "User has a cat."),
        version("v2", "User has two dogs.", expired=ExpirationReason.MERGE_CONFLICT),
        version("v1", "User has a dog.", expired=ExpirationReason.ADDITION_TO_EXISTING_MEMORY),
    )
    text = full(ContextParts(memories=(RecalledMemory(history, 0.5),))).text
    expired = "Tuesday, January 7th, 2025 at 3:45 PM EST"
    assert "[Version 3]\n<version_history>\n<version_3>\nContent: User has a cat.\n" in text
    assert "Reason: CURRENT_VERSION\n" in text
    assert (
        "</version_3>\n"
        "<version_2>\n"
        "Content: User has two dogs.\n"
        "Reason: MERGE_CONFLICT\n"
        f"Event Date: {DAY} to {DAY}\n"
        f"Created at: {SAID}\n"
        f"Expired at: {expired}\n"
        "Note: This version was superseded when a merge conflict was resolved.\n"
        "<merge_conflict_history>\n"
        "No resolved merge conflict found for this version.\n"
        "</merge_conflict_history>\n"
        "</version_2>\n"
        "<version_1>\n"
        "Content: User has a dog.\n"
        "Reason: ADDITION_TO_EXISTING_MEMORY\n"
    ) in text
    assert text.count("<version_history>") == 1


def test_a_version_settled_by_a_conflict_names_the_conflict() -> None:
    resolved = version(
        "v1", "Old.", expired=ExpirationReason.MERGE_CONFLICT, merge_conflict_id="conflict-7"
    )
    text = full(
        ContextParts(memories=(RecalledMemory((version("v2", "New."), resolved), 0.5),))
    ).text
    assert "Settled by merge conflict conflict-7.\n" in text
    assert "No resolved merge conflict" not in text


def test_memories_are_numbered_by_descending_similarity_two_blank_lines_apart() -> None:
    rendered = full(ContextParts(memories=(memory("a", 0.4), memory("b", 0.9), memory("c", 0.4))))
    assert memory_numbers(rendered.text) == ["1. User has b.", "2. User has a.", "3. User has c."]
    assert "</version_history>\n\n\n2. User has a." in rendered.text
    assert rendered.memory_ids == ("b", "a", "c")


def test_connected_memories_follow_their_parent_with_nested_numbers() -> None:
    tree = memory("b", 0.5, memory("c", 0.9, memory("d"), memory("e")), memory("f"))
    rendered = full(ContextParts(memories=(memory("a", 0.9), tree)))
    assert memory_numbers(rendered.text) == [
        "1. User has a.",
        "2. User has b.",
        "2.1. User has c.",
        "2.1.1. User has d.",
        "2.1.2. User has e.",
        "2.2. User has f.",
    ]
    assert "</version_history>\n\n2.1. User has c. [Event Date:" in rendered.text
    assert rendered.memory_ids == ("a", "b", "c", "d", "e", "f")


def test_a_memory_is_listed_once_also_when_connections_run_in_circles() -> None:
    circle = memory("a", 0.9, memory("b", None, memory("a", None, memory("b")), memory("c")))
    rendered = full(ContextParts(memories=(circle, memory("c", 0.8), memory("a", 0.7))))
    assert memory_numbers(rendered.text) == ["1. User has a.", "1.1. User has b.", "2. User has c."]


def test_connections_are_followed_four_levels_down() -> None:
    chain = memory("m6")
    for depth in reversed(range(6)):
        chain = memory(f"m{depth}", 0.5, chain)
    numbers = [
        number.split(". ")[0] for number in memory_numbers(full(ContextParts((chain,))).text)
    ]
    assert numbers == ["1", "1.1", "1.1.1", "1.1.1.1", "1.1.1.1.1"]


def test_summaries_stand_with_their_memories() -> None:
    superseded = version("m1", "User has a dog.", expired=ExpirationReason.TEMPORAL_CONFLICT)
    summaries = (
        RecalledSummary(
            "s1", MONDAY, "User spoke of pets.", 0.7, (superseded, version("m2", "B."))
        ),
        RecalledSummary("s2", MONDAY, "User spoke of work.", 0.6),
    )
    rendered = full(ContextParts(summaries=summaries))
    assert (
        "memories:\n\n"
        f"## Summary 1 (Created at: {SAID})\n"
        "User spoke of pets.\n\n"
        "### Memories from this session:\n"
        f"1. User has a dog. (Event Date: {DAY} to {DAY}, Created at: {SAID},"
        " Expired at: Tuesday, January 7th, 2025 at 3:45 PM EST)\n"
        f"2. B. (Event Date: {DAY} to {DAY}, Created at: {SAID}, Expired at: none)\n\n\n"
        f"## Summary 2 (Created at: {SAID})\n"
        "User spoke of work.\n\n"
        "### Memories from this session:\n"
        "No memories found from this session.\n\n\n\n"
        "# Here are some ongoing"
    ) in rendered.text
    assert rendered.session_ids == ("s1", "s2")
    assert rendered.memory_ids == ("m1", "m2")


def test_excerpts_are_grouped_by_session_in_date_order() -> None:
    def excerpt(session: str, days: int, position: int, **more: object) -> Excerpt:
        role = MessageRole.ASSISTANT if position % 2 else MessageRole.USER
        when = MONDAY + timedelta(days=days)
        return Excerpt(session, when, position, role, f"{session} {position}", 0.5, **more)  # type: ignore[arg-type]

    excerpts = (
        excerpt("late", 1, 3),
        excerpt("early", 0, 2, offset=40, starts_mid=True, ends_mid=True),
        excerpt("late", 1, 0),
        excerpt("early", 0, 2),
        excerpt("late", 1, 3),
    )
    rendered = full(ContextParts(excerpts=excerpts))
    assert (
        "found.\n\n\n"
        "# Here are some excerpts of past conversations with the user:\n\n"
        f"## Excerpt 1 (Conversation of {SAID})\n"
        "USER: early 2\n"
        "USER: …early 2…\n\n"
        "## Excerpt 2 (Conversation of Tuesday, January 7th, 2025 at 3:45 PM EST)\n"
        "USER: late 0\n"
        "ASSISTANT: late 3\n\n\n\n"
        "# Here are some ongoing"
    ) in rendered.text
    assert rendered.session_ids == ("early", "late")


def test_ongoing_conversations_are_shown_whole_newest_first() -> None:
    older = Conversation("s1", MONDAY, (Message(MessageRole.USER, "Hello", MONDAY),))
    newer = Conversation(
        "s2",
        MONDAY + timedelta(days=1),
        (
            Message(MessageRole.USER, "One\ntwo", MONDAY),
            Message(MessageRole.ASSISTANT, "Three", MONDAY),
        ),
    )
    rendered = full(ContextParts(ongoing=(older, newer)))
    assert (
        "# Here are some ongoing conversations with the user:\n\n"
        "## Ongoing Conversation 1 (Started: Tuesday, January 7th, 2025 at 3:45 PM EST)\n"
        f"USER (at {SAID}): One\n    two\n"
        f"ASSISTANT (at {SAID}): Three\n\n"
        f"## Ongoing Conversation 2 (Started: {SAID})\n"
        f"USER (at {SAID}): Hello\n\n\n"
        "# Here are some recent"
    ) in rendered.text
    assert rendered.session_ids == ("s2", "s1")


def test_pending_conflicts_show_what_the_model_has_to_ask() -> None:
    conflict = MergeConflictModel(
        id="conflict-1",
        project_user_session_id="s1",
        proposed_memory_content="User is vegan.",
        conflicting_memories=[
            MergeConflictConflictingMemory(
                memory_id="m1",
                content="User loves steak.",
                reason="Vegans eat no meat",
                event_date_start=datetime(2025, 1, 6, tzinfo=UTC),
                event_date_end=datetime(2025, 1, 6, 23, 59, 59, tzinfo=UTC),
                created_at=MONDAY,
            )
        ],
        clarifying_questions=[MergeConflictQuestion("Do you eat meat?", ["Yes", "No", "Rarely"])],
        status=MergeConflictStatus.PENDING,
        created_at=MONDAY,
    )
    text = full(ContextParts(conflicts=(conflict,))).text
    assert (
        "ongoing conversations with the user:\n\n\n"
        "# Here are some pending merge conflicts to clarify with the user:\n\n"
        f"## Merge Conflict 1 (Id: conflict-1, Found: {SAID})\n"
        "Proposed memory: User is vegan.\n"
        "Conflicting memories:\n"
        f"1. User loves steak. (Reason: Vegans eat no meat, Event Date: {DAY} to {DAY},"
        f" Created at: {SAID})\n"
        "Questions:\n"
        "1. Do you eat meat?\n"
        "- Yes\n- No\n- Rarely\n\n\n"
        "# Here are some recent conversations"
    ) in text


def test_requested_recent_messages_and_summaries_take_the_place_of_their_lines() -> None:
    messages = (
        UserMessage(MessageRole.USER, "Hello", MONDAY, "s1"),
        UserMessage(MessageRole.ASSISTANT, "Hi", MONDAY, "s1"),
        UserMessage(MessageRole.USER, "Again", MONDAY, "s2"),
    )
    recent = (RecalledSummary("s3", MONDAY, "User said hello."),)
    rendered = full(ContextParts(recent_messages=messages, recent_summaries=recent))
    assert (
        "recent conversations you had with the user:\n"
        f"USER (at {SAID}): Hello\n"
        f"ASSISTANT (at {SAID}): Hi\n\n"
        f"USER (at {SAID}): Again\n\n\n"
        "# Here are the summaries of some recent conversations you had with the user:\n"
        f"## Summary 1 (Created at: {SAID})\n"
        "User said hello.\n"
    ) in rendered.text
    assert "requested" not in rendered.text
    assert rendered.session_ids == ("s1", "s2", "s3")


def test_requested_but_missing_messages_are_not_called_unrequested() -> None:
    text = full(ContextParts(recent_messages=(), recent_summaries=())).text
    assert "No recent user messages found.\n" in text
    assert "No recent session summaries found.\n" in text


def test_an_analysis_takes_the_place_of_memories_and_summaries() -> None:
    parts = ContextParts(
        memories=(memory("a", 0.9),),
        analysis=Analysis("## Key Findings\n\n- User has a dog.\n", ((2, "a"),)),
    )
    rendered = full(parts)
    assert rendered.text.startswith(
        "<recalled_memory>\n## Key Findings\n\n- User has a dog.\n\n# Here are some ongoing"
    )
    assert rendered.memory_ids == ("a",)


def test_every_timestamp_is_shown_in_the_asked_zone() -> None:
    parts = ContextParts(
        memories=(memory("a", 0.9),),
        summaries=(RecalledSummary("s1", MONDAY, "Pets.", 0.5, (version("m", "X."),)),),
        excerpts=(Excerpt("s1", MONDAY, 0, MessageRole.USER, "Hi", 0.5),),
    )
    tokyo = full(parts, "Asia/Tokyo").text
    assert "Created at: Tuesday, January 7th, 2025 at 5:45 AM JST" in tokyo
    assert "(Conversation of Tuesday, January 7th, 2025 at 5:45 AM JST)" in tokyo
    assert " UTC" not in tokyo
    assert f"[Event Date: {DAY} to {DAY}]" in tokyo


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="Mars/Olympus"):
        full(ContextParts(), "Mars/Olympus")


def test_the_system_prompt_stands_three_newlines_before_the_same_text() -> None:
    parts = ContextParts(memories=(memory("a", 0.9),))
    prompted = render(
        parts, timezone="UTC", max_tokens=None, count_tokens=len, system_prompt="Read this."
    )
    assert prompted.text == "Read this.\n\n\n" + full(parts, "UTC").text
