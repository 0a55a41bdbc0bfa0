"""Parts of a context that fit into a token budget, and their order."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from hitherto.core.context.recalled_data import (
    Analysis,
    ContextParts,
    Conversation,
    Excerpt,
    RecalledMemory,
    RecalledSummary,
)
from hitherto.core.context.render import MINIMUM_BODY_TOKENS, render
from hitherto.core.context.sections import Rendered
from hitherto.core.dates.formatting import short_days
from hitherto.errors import ValidationError
from hitherto.models import (
    Evidence,
    ExpirationReason,
    MemoryVersion,
    MergeConflictModel,
    MergeConflictQuestion,
    MergeConflictStatus,
    Message,
    MessageRole,
    UserMessage,
)

MONDAY = datetime(2025, 1, 6, 20, 45, tzinfo=UTC)


def count_tokens(text: str) -> int:
    """Words and punctuation marks: additive over lines, as the local tokenizer is."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def version(
    memory_id: str, session: str, position: int, *, superseded: bool = False
) -> MemoryVersion:
    return MemoryVersion(
        memory_id=memory_id,
        session_id=session,
        content=f"User {memory_id} did something on that day.",
        event_date_start=datetime(2025, 1, 6, tzinfo=UTC),
        event_date_end=datetime(2025, 1, 6, 23, 59, 59, tzinfo=UTC),
        created_at=MONDAY,
        expired_at=MONDAY if superseded else None,
        expiration_reason=ExpirationReason.TEMPORAL_CONFLICT if superseded else None,
        evidence=(Evidence(session, position),),
    )


def memories(count: int) -> tuple[RecalledMemory, ...]:
    """Memories whose evidence no excerpt shows."""
    return tuple(
        RecalledMemory((version(f"m{index}", "elsewhere", index),), 1 - index / 100)
        for index in range(count)
    )


def excerpts(count: int, words: int = 20) -> tuple[Excerpt, ...]:
    return tuple(
        Excerpt(
            f"s{index % 10}",
            MONDAY + timedelta(days=index % 10),
            index,
            MessageRole.USER,
            f"evidence{index} " + "word " * words,
            1 - index / 100,
        )
        for index in range(count)
    )


def within(parts: ContextParts, max_tokens: int, system_prompt: str = "") -> Rendered:
    rendered = render(
        parts,
        timezone="America/New_York",
        max_tokens=max_tokens,
        count_tokens=count_tokens,
        system_prompt=system_prompt,
    )
    assert rendered.tokens == count_tokens(rendered.text)
    assert rendered.tokens <= max_tokens
    return rendered


def shown_evidence(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"evidence(\d+)", text)]


def test_a_budget_that_everything_fits_gives_the_full_form() -> None:
    parts = ContextParts(memories=memories(3), excerpts=excerpts(3))
    full = render(parts, timezone="UTC", max_tokens=None, count_tokens=count_tokens)
    fitted = render(parts, timezone="UTC", max_tokens=5000, count_tokens=count_tokens)
    assert fitted.text == full.text
    assert fitted.tokens == count_tokens(full.text)
    assert full.tokens is None


def test_excerpts_take_most_of_a_budget_and_memories_come_first_in_the_text() -> None:
    rendered = within(ContextParts(memories=memories(50), excerpts=excerpts(200)), 2000)
    head, tail = rendered.text.split("# Here are some excerpts")
    assert count_tokens(tail) / 2000 > 0.83
    assert 0.08 < count_tokens(head) / 2000 < 0.17
    assert rendered.tokens is not None
    assert rendered.tokens > 1960
    assert rendered.memory_ids == tuple(f"m{index}" for index in range(len(rendered.memory_ids)))


def test_the_short_form_has_no_history_and_shows_a_single_day_once() -> None:
    text = within(ContextParts(memories=memories(1), excerpts=excerpts(200)), 1000).text
    assert (
        "1. User m0 did something on that day. (Similarity: 1.00) [Event Date: Mon 06 Jan 2025]\n"
    ) in text
    assert "<version_history>" not in text
    assert "\n\n## Mon 06 Jan 2025\nUSER: evidence0 " in text


def test_a_name_stands_for_the_role_in_the_short_form_alone() -> None:
    named = tuple(
        replace(excerpt, content=f"Ana: {excerpt.content}", speaker="Ana")
        for excerpt in excerpts(100)
    )
    assert "\nAna: evidence0 " in within(ContextParts(excerpts=named), 500).text
    assert "\nUSER: Ana: evidence0 " in within(ContextParts(excerpts=named[:2]), 500).text


def test_weak_memories_come_after_the_excerpts() -> None:
    listed = memories(30)
    weak = ContextParts(memories=listed, excerpts=excerpts(200), memories_threshold=1.1)
    assert within(weak, 2000).memory_ids == ()
    mixed = replace(weak, memories_threshold=0.98)
    assert within(mixed, 2000).memory_ids == ("m0", "m1", "m2")
    few = replace(weak, excerpts=excerpts(20))
    assert len(within(few, 2000).memory_ids) == 30


def test_memories_below_the_floor_are_left_out_where_not_everything_fits() -> None:
    listed = tuple(replace(memory, similarity=0.29) for memory in memories(20))
    parts = ContextParts(memories=listed, excerpts=excerpts(2), memories_threshold=0.6)
    assert within(parts, 900).memory_ids == ()
    assert within(replace(parts, memories_threshold=0.2), 900).memory_ids
    assert len(within(parts, 5000).memory_ids) == 20


def changed_memory(similarity: float = 0.8) -> RecalledMemory:
    return RecalledMemory(
        (version("new", "s7", 901), version("old", "s1", 1, superseded=True)), similarity
    )


def test_the_history_of_the_best_memory_and_a_summary_come_before_the_last_excerpts() -> None:
    summaries = (RecalledSummary("s5", MONDAY, "User spoke of pets.", 0.6),)
    parts = ContextParts(
        memories=(changed_memory(), *memories(9)), excerpts=excerpts(200), summaries=summaries
    )
    text = within(parts, 1000).text
    assert "[Earlier: “User old" in text
    assert "User spoke of pets." in text
    assert 20 < len(shown_evidence(text)) < 40


def test_a_quoted_former_value_has_the_later_one_behind_it_unless_that_is_listed() -> None:
    parts = ContextParts(
        memories=(changed_memory(0.4),), excerpts=excerpts(200), memories_threshold=0.6
    )
    text = within(parts, 1000).text
    note = " [Later: “User new did something on that day.” (Mon 06 Jan 2025)]\n"
    assert re.search(rf"evidence1 [word ]*{re.escape(note)}", text)
    listed = within(replace(parts, memories_threshold=0.3), 1000).text
    assert "[Earlier: “User old" in listed
    assert "[Later:" not in listed


def test_a_quoted_memory_gives_its_day_to_the_quotation() -> None:
    day = datetime(2025, 1, 3, tzinfo=UTC)
    stated = replace(version("m", "s0", 0), event_date_start=day, event_date_end=day)
    parts = ContextParts(memories=(RecalledMemory((stated,), 0.9),), excerpts=excerpts(200))
    rendered = within(parts, 1000)
    assert re.search(r"evidence0 [word ]* \[Fri 03 Jan 2025\]\n", rendered.text)
    assert rendered.memory_ids == ()
    same_day = RecalledMemory((version("m", "s0", 0),), 0.9)
    assert "[Mon" not in within(replace(parts, memories=(same_day,)), 1000).text


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ("I saw Ana yesterday.", " [yesterday: Sun 05 Jan 2025]"),
        ("Last night it rained.", " [Last night: Sun 05 Jan 2025]"),
        ("We hiked last weekend.", " [last weekend: Sat 04 to Sun 05 Jan 2025]"),
        ("I ran two days ago and I run tomorrow.", " [two days ago: Sat 04 Jan 2025;"),
        ("I run tomorrow, yes, tomorrow.", " [tomorrow: Tue 07 Jan 2025]"),
    ],
)
def test_a_relative_day_is_resolved_behind_its_excerpt(said: str, note: str) -> None:
    first = replace(excerpts(1)[0], content=said)
    parts = ContextParts(excerpts=(first, *excerpts(100)[1:]))
    for text in (within(parts, 600).text, within(ContextParts(excerpts=(first,)), 400).text):
        assert f"\nUSER: {said}{note}" in text


@pytest.mark.parametrize(
    "said",
    [
        "I go next Friday.",
        "It was a few weeks ago.",
        "Every last Friday we dance.",
        "I ran.",
        "On Friday I ran.",
        "It was two weeks ago.",
        "That was recently.",
    ],
)
def test_an_uncertain_day_is_not_resolved(said: str) -> None:
    first = replace(excerpts(1)[0], content=said)
    text = within(ContextParts(excerpts=(first, *excerpts(100)[1:])), 600).text
    assert f"\nUSER: {said}\n" in text


def test_a_day_that_is_resolved_is_not_noted_again() -> None:
    day = datetime(2025, 1, 5, tzinfo=UTC)
    stated = replace(version("m", "s0", 0), event_date_start=day, event_date_end=day)
    first = replace(excerpts(1)[0], content="I saw Ana yesterday.")
    parts = ContextParts(
        memories=(RecalledMemory((stated,), 0.9),), excerpts=(first, *excerpts(100)[1:])
    )
    assert within(parts, 600).text.count("05 Jan 2025") == 1


@pytest.mark.parametrize(
    ("first", "last", "note"),
    [
        (6, 26, "[until Sun 26 Jan 2025]"),
        (8, 26, "[Wed 08 to Sun 26 Jan 2025]"),
        (3, 5, "[Fri 03 to Sun 05 Jan 2025]"),
    ],
)
def test_a_range_from_the_day_of_the_heading_on_has_its_end_alone(
    first: int, last: int, note: str
) -> None:
    stated = replace(
        version("m", "s0", 0),
        event_date_start=datetime(2025, 1, first, tzinfo=UTC),
        event_date_end=datetime(2025, 1, last, 23, 59, 59, tzinfo=UTC),
    )
    parts = ContextParts(memories=(RecalledMemory((stated,), 0.9),), excerpts=excerpts(200))
    assert re.search(rf"evidence0 [word ]* {re.escape(note)}\n", within(parts, 1000).text)


@pytest.mark.parametrize(
    ("last", "written"),
    [
        ((2025, 12, 30), "Tue 30 Dec 2025"),
        ((2025, 12, 31), "Tue 30 to Wed 31 Dec 2025"),
        ((2026, 1, 2), "Tue 30 Dec 2025 to Fri 02 Jan 2026"),
        ((2026, 12, 30), "Tue 30 Dec 2025 to Wed 30 Dec 2026"),
    ],
)
def test_days_in_short_name_month_and_year_once(last: tuple[int, int, int], written: str) -> None:
    assert short_days(date(2025, 12, 30), date(*last)) == written
    assert short_days(date(2025, 11, 29), date(2025, 12, 1)) == "Sat 29 Nov to Mon 01 Dec 2025"


def counted(memory_id: str, content: str, day: int, similarity: float) -> RecalledMemory:
    stated = replace(
        version(memory_id, f"s{day}", 999),
        content=content,
        event_date_start=datetime(2025, 1, day, tzinfo=UTC),
        event_date_end=datetime(2025, 1, day, 23, 59, 59, tzinfo=UTC),
    )
    return RecalledMemory((stated,), similarity)


def test_successive_numbers_of_one_thing_are_one_line_newest_first() -> None:
    given = (
        counted("m1", "User has 17 postcards in the collection.", 3, 0.9),
        counted("m2", "User's sister lives in Oslo.", 4, 0.8),
        counted("m3", "User has twenty-five postcards in the collection.", 9, 0.7),
        counted("m4", "User has 30 postcards in the collection now.", 15, 0.6),
    )
    rendered = within(ContextParts(memories=given, excerpts=excerpts(200)), 1000)
    assert (
        "1. User has 30 postcards in the collection now. (Similarity: 0.90)"
        " [Event Date: Wed 15 Jan 2025] [Other number:"
        " “User has twenty-five postcards in the collection.” (Thu 09 Jan 2025);"
        " “User has 17 postcards in the collection.” (Fri 03 Jan 2025)]\n"
    ) in rendered.text
    assert set(rendered.memory_ids) == {"m1", "m2", "m3", "m4"}


def test_a_number_with_former_values_stays_apart() -> None:
    old = counted("m1", "User has 17 postcards.", 3, 0.9)
    older = replace(old.history[0], memory_id="m0", content="User has 9 postcards.")
    changed = replace(old, history=(old.history[0], older))
    given = (changed, counted("m2", "User has 25 postcards.", 9, 0.8))
    text = within(ContextParts(memories=given, excerpts=excerpts(200)), 1000).text
    assert "Other number" not in text
    assert "[Earlier: “User has 9 postcards.”" in text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("User has 17 postcards.", "User has 17 postcards from Rome."),
        ("User has 2 cats.", "User owns 3 bicycles."),
        ("User has a dog.", "User has 2 dogs."),
        ("User ran 5 km with Ana on the beach.", "User paid 5,000 for the car of Ben."),
    ],
)
def test_other_memories_are_not_joined(one: str, other: str) -> None:
    given = (counted("m1", one, 3, 0.9), counted("m2", other, 9, 0.8))
    text = within(ContextParts(memories=given, excerpts=excerpts(200)), 1000).text
    assert "Other number" not in text
    assert "\n2. " in text


def test_the_best_memorys_history_comes_before_the_thirtieth_excerpt() -> None:
    parts = ContextParts(memories=(changed_memory(),), excerpts=excerpts(200))
    counts = []
    for budget in range(200, 2000, 50):
        text = within(parts, budget).text
        counts.append(len(shown_evidence(text)))
        assert counts[-1] < 30 or "[Earlier: " in text
    assert counts[0] < 30 <= counts[-1]
    assert "[Earlier: " in within(parts, 500).text


def test_a_contradiction_that_nobody_settled_is_not_called_earlier() -> None:
    new, old = changed_memory().history
    contradicted = replace(old, expiration_reason=ExpirationReason.MERGE_CONFLICT)
    parts = ContextParts(memories=(RecalledMemory((new, contradicted), 0.9),))
    text = within(replace(parts, excerpts=excerpts(200)), 1000).text
    assert "[Contradicts, not settled: “User old did something on that day.”" in text
    settled = RecalledMemory((new, replace(contradicted, merge_conflict_id="c1")), 0.9)
    parts = replace(parts, memories=(settled,), excerpts=excerpts(200))
    assert "[Earlier: “User old" in within(parts, 1000).text


def test_empty_sections_are_left_out_of_the_short_form() -> None:
    text = within(ContextParts(excerpts=excerpts(200)), 500).text
    assert re.findall(r"^#.*", text, re.MULTILINE)[0].startswith("# Here are the relevant memories")
    assert "No memories found." in text
    assert "requested" not in text
    assert "summaries" not in text


def test_excerpts_are_bought_in_order_and_one_that_does_not_fit_is_passed_over() -> None:
    few = excerpts(6)
    giant = Excerpt("s99", MONDAY, 0, MessageRole.USER, "evidence99 " + "word " * 900, 0.99)
    shown_excerpts = shown_evidence(
        within(ContextParts(excerpts=(few[0], giant, *few[1:])), 300).text
    )
    assert sorted(shown_excerpts) == [0, 1, 2, 3, 4, 5]
    tight = shown_evidence(within(ContextParts(excerpts=few), 150).text)
    assert sorted(tight) == list(range(len(tight)))
    assert 0 < len(tight) < 6


def test_a_memory_whose_evidence_is_shown_is_left_out_unless_it_changed() -> None:
    shown_excerpts = excerpts(200)
    stable = RecalledMemory((version("stable", "s0", 0),), 0.9)
    changed = RecalledMemory(
        (version("changed", "s1", 1), version("older", "s1", 1, superseded=True)), 0.8
    )
    uncovered = RecalledMemory((version("uncovered", "s1", 999),), 0.7)
    rendered = within(
        ContextParts(memories=(stable, changed, uncovered), excerpts=shown_excerpts), 1000
    )
    assert {0, 1} <= set(shown_evidence(rendered.text))
    assert rendered.memory_ids == ("changed", "uncovered")
    assert "1. User changed did something" in rendered.text


def test_a_part_of_a_message_does_not_stand_for_the_memory_it_backs() -> None:
    part = Excerpt("s0", MONDAY, 0, MessageRole.USER, "evidence0 word", 1.0, ends_mid=True)
    stable = RecalledMemory((version("stable", "s0", 0),), 0.9)
    rendered = within(ContextParts(memories=(stable,), excerpts=(part, *excerpts(200)[1:])), 1000)
    assert rendered.memory_ids == ("stable",)


@pytest.mark.parametrize("similarity", [0.9, 0.05])
def test_left_out_memories_are_not_called_missing(similarity: float) -> None:
    stable = RecalledMemory((version("stable", "s0", 0),), similarity)
    text = within(ContextParts(memories=(stable,), excerpts=excerpts(200)), 500).text
    assert "Left out to fit the token budget.\n" in text
    assert "No memories found." not in text


def test_what_is_left_goes_to_summaries_and_histories() -> None:
    changed = RecalledMemory(
        (version("new", "s1", 1), version("old", "s1", 0, superseded=True)), 0.8
    )
    summaries = (RecalledSummary("s5", MONDAY, "User spoke of pets.", 0.6),)
    parts = ContextParts(
        memories=(changed,),
        excerpts=excerpts(2),
        summaries=summaries,
        ongoing=(Conversation("s6", MONDAY, (Message(MessageRole.USER, "word " * 400, MONDAY),)),),
    )
    rendered = within(parts, 350)
    assert "User spoke of pets." in rendered.text
    assert (
        "[Event Date: Mon 06 Jan 2025]"
        " [Earlier: “User old did something on that day.” (Mon 06 Jan 2025)]\n"
    ) in rendered.text
    assert rendered.session_ids == ("s5", "s0", "s1")


def test_pending_conflicts_and_requested_messages_are_bought_before_excerpts() -> None:
    conflict = MergeConflictModel(
        id="conflict-1",
        project_user_session_id="s1",
        proposed_memory_content="User is vegan.",
        conflicting_memories=[],
        clarifying_questions=[MergeConflictQuestion("Do you eat meat?", ["Yes", "No"])],
        status=MergeConflictStatus.PENDING,
        created_at=MONDAY,
    )
    messages = tuple(
        UserMessage(MessageRole.USER, f"recent{index} " + "word " * 20, MONDAY, "s1")
        for index in range(50)
    )
    parts = ContextParts(excerpts=excerpts(100), conflicts=(conflict,), recent_messages=messages)
    text = within(parts, 800).text
    assert "Do you eat meat?" in text
    recent = [int(number) for number in re.findall(r"recent(\d+)", text)]
    assert recent == list(range(50 - len(recent), 50))
    assert 3 <= len(recent) <= 10
    assert len(shown_evidence(text)) > 5


def test_the_newest_messages_of_an_ongoing_conversation_are_kept() -> None:
    lines = tuple(
        Message(MessageRole.USER, f"line{index} " + "word " * 20, MONDAY) for index in range(50)
    )
    text = within(ContextParts(ongoing=(Conversation("s1", MONDAY, lines),)), 400).text
    kept = [int(number) for number in re.findall(r"line(\d+)", text)]
    assert kept == list(range(50 - len(kept), 50))
    assert kept


def asking(count: int, words: int) -> Conversation:
    """Return the asking conversation, with numbered messages of so many words."""
    lines = tuple(
        Message(MessageRole.USER, f"turn{index} " + "word " * words, MONDAY)
        for index in range(count)
    )
    return Conversation("asking", MONDAY, lines, is_asking=True)


def turns(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"turn(\d+)", text)]


def test_the_conversation_that_asks_is_bought_last_and_loses_its_oldest_messages() -> None:
    without = within(ContextParts(excerpts=excerpts(100)), 1_000)
    beside = within(ContextParts(excerpts=excerpts(100), ongoing=(asking(50, 20),)), 1_000)
    assert shown_evidence(beside.text) == shown_evidence(without.text)
    few = within(ContextParts(excerpts=excerpts(5), ongoing=(asking(50, 20),)), 1_000)
    alone = within(ContextParts(excerpts=excerpts(5)), 1_000)
    assert shown_evidence(few.text) == shown_evidence(alone.text)
    kept = turns(few.text)
    assert kept == list(range(50 - len(kept), 50))
    assert 5 < len(kept) < 50


def test_a_long_conversation_that_asks_leaves_the_rest_its_full_form() -> None:
    parts = ContextParts(excerpts=excerpts(5))
    rest = within(parts, 1_000).text
    assert "## Excerpt 1" in rest
    text = within(replace(parts, ongoing=(asking(50, 20),)), 1_000).text
    assert shown_evidence(text) == shown_evidence(rest)
    assert "## Excerpt 1" in text
    assert turns(text)
    long = within(replace(parts, ongoing=(asking(2, 3_000),)), 1_000).text
    assert long == rest


def test_a_message_of_the_conversation_that_asks_is_not_left_out_between_others() -> None:
    conversation = asking(3, 5)
    first, _, last = conversation.messages
    middle = Message(MessageRole.USER, "turn1 " + "word " * 2_000, MONDAY)
    parts = ContextParts(ongoing=(replace(conversation, messages=(first, middle, last)),))
    assert turns(within(parts, 500).text) == [2]


def test_an_analysis_is_cut_at_a_line_and_says_so() -> None:
    lines = [f"- finding{index} " + "word " * 10 for index in range(100)]
    parts = ContextParts(analysis=Analysis("\n".join(lines)), excerpts=excerpts(100))
    text = within(parts, 1000).text
    numbers = [int(number) for number in re.findall(r"finding(\d+)", text)]
    assert numbers == list(range(len(numbers)))
    assert 25 < len(numbers) < 45
    assert "\n…\n\n\n# Here are some excerpts" in text


def test_an_analysis_that_fits_is_not_marked_as_cut() -> None:
    parts = ContextParts(analysis=Analysis("- one finding"), excerpts=excerpts(100))
    assert "…" not in within(parts, 600).text


def test_connected_memories_are_bought_last_and_keep_their_numbers() -> None:
    parent = RecalledMemory(
        (version("parent", "s9", 900),), 0.9, (RecalledMemory((version("child", "s9", 901),)),)
    )
    lines = tuple(Message(MessageRole.USER, "word " * 500, MONDAY) for _ in range(3))
    parts = ContextParts(memories=(parent,), ongoing=(Conversation("s1", MONDAY, lines),))
    rendered = within(parts, 200)
    assert rendered.memory_ids == ("parent", "child")
    assert "\n\n1.1. User child did" in rendered.text


def test_the_system_prompt_is_paid_from_the_budget() -> None:
    parts = ContextParts(excerpts=excerpts(100))
    prompt = "Read this. " * 50
    prompted = within(parts, 600, prompt)
    assert prompted.text.startswith(f"{prompt}\n\n\n<recalled_memory>\n")
    assert len(prompted.text) - len(prompt) < len(within(parts, 600).text)


def test_a_budget_below_the_minimum_names_the_smallest_that_works() -> None:
    with pytest.raises(ValidationError, match=f"at least {MINIMUM_BODY_TOKENS}$"):
        within(ContextParts(), MINIMUM_BODY_TOKENS - 1)
    within(ContextParts(), MINIMUM_BODY_TOKENS)


def test_a_prompt_that_leaves_too_little_names_the_way_out() -> None:
    prompt = "word " * 100
    with pytest.raises(ValidationError, match=r"at least 164.*include_system_prompt=False"):
        within(ContextParts(), 163, prompt)
    within(ContextParts(), 164, prompt)


def test_a_counter_that_charges_more_for_the_whole_is_never_exceeded() -> None:
    def dear(text: str) -> int:
        return count_tokens(text) + text.count("\n") * 3

    parts = ContextParts(memories=memories(20), excerpts=excerpts(50))
    rendered = render(parts, timezone="UTC", max_tokens=600, count_tokens=dear)
    assert rendered.tokens == dear(rendered.text)
    assert rendered.tokens <= 600
    assert shown_evidence(rendered.text)


def test_each_line_is_counted_once() -> None:
    counted: list[str] = []

    def recording(text: str) -> int:
        counted.append(text)
        return count_tokens(text)

    parts = ContextParts(memories=memories(50), excerpts=excerpts(50))
    render(parts, timezone="UTC", max_tokens=900, count_tokens=recording)
    assert len(counted) == len(set(counted))
