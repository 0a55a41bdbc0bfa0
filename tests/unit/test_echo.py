"""Served text that comes back is recognised; what a person says is not taken for it."""

from datetime import UTC, datetime

import pytest

from hitherto.core.context import recalled_data, render
from hitherto.core.safety import echo
from hitherto.models import (
    Candidate,
    MemoryVersion,
    Message,
    MessageRole,
    RecallStrategy,
    SaidBy,
    UserMessage,
)
from hitherto.prompts import system_prompt, system_prompts

NOW = datetime(2025, 3, 14, 10, 0, tzinfo=UTC)


def version(content: str, **others: object) -> MemoryVersion:
    return MemoryVersion(content, "s1", content, NOW, NOW, NOW, **others)  # type: ignore[arg-type]


HELD = (version("User lives in Porto."), version("User's sister Ana plays the drums"))
SUMMARY = "The user told about a move to Porto and asked for a good gym."
KNOWN = echo.served(HELD, [SUMMARY], system_prompts())


def make_message(text: str, role: MessageRole = MessageRole.USER) -> Message:
    return Message(role, text, NOW)


def own(text: str) -> str:
    return echo.without_echoes([make_message(text)], KNOWN)[0].content


def rendered(max_tokens: int | None) -> str:
    parts = recalled_data.ContextParts(
        memories=tuple(recalled_data.RecalledMemory((item,), 0.7) for item in HELD),
        summaries=(recalled_data.RecalledSummary("s1", NOW, SUMMARY, 0.6, HELD),),
        excerpts=(
            recalled_data.Excerpt(
                "s1", NOW, 0, MessageRole.USER, "I moved to Porto.\nIt rains.", 0.5
            ),
        ),
        ongoing=(recalled_data.Conversation("s2", NOW, (make_message("I look for a gym."),)),),
        now=NOW,
        recent_messages=(UserMessage(MessageRole.USER, "I take the tram.", NOW, "s1"),),
    )
    rendered_context = render.render(
        parts, timezone="UTC", max_tokens=max_tokens, count_tokens=lambda text: len(text) // 4
    )
    return rendered_context.text


@pytest.mark.parametrize("max_tokens", [None, 400])
def test_a_whole_context_is_taken_out(max_tokens: int | None) -> None:
    served = rendered(max_tokens)
    assert "Porto" in served
    assert own(f"{served}\nI have a new job.") == "I have a new job."


@pytest.mark.parametrize("max_tokens", [None, 400])
def test_a_context_without_its_fence_is_taken_out_too(max_tokens: int | None) -> None:
    inner = rendered(max_tokens).replace("<recalled_memory>", "").replace("</recalled_memory>", "")
    left = own(f"{inner}\nQuestion: I have a new job, what now?")
    assert left == "Question: I have a new job, what now?"


def test_excerpts_under_names_are_taken_out_without_their_fence() -> None:
    block = "# Here are some excerpts of past conversations with the user:\n\n## Fri 14 Mar 2025\n"
    named = f"{block}Ana: I moved to Porto.\n    It rains.\nUSER: Good.\nMaria Luz: Yes."
    assert own(f"{named}\nI have a new job.") == "I have a new job."
    assert own("Ana: I moved.") == "Ana: I moved."


def test_a_fence_that_is_not_closed_runs_to_the_end() -> None:
    assert own("I have a dog.\n<recalled_memory>\n1. User has a cat.") == "I have a dog."


def test_a_closing_tag_alone_is_no_echo() -> None:
    assert own("</recalled_memory> I have a dog.") == "</recalled_memory> I have a dog."


def test_the_system_prompt_is_taken_out() -> None:
    prompt = system_prompt(RecallStrategy.BALANCED)
    assert own(f"{prompt}\n\nI have a dog.").strip() == "I have a dog."


@pytest.mark.parametrize(
    "text",
    [
        "User lives in Porto.",
        "- The user lives in Porto",
        "3. User lives in Porto. (Similarity: 0.8712) [Event Date: Friday, March 14th, 2025]",
        "3. User lives in Porto. (Similarity: 0.87) [Event Date: Fri 14 Mar 2025]"
        " [Earlier: “User lives in Faro.” (Mon 06 Jan 2025)]",
        "Now: Friday 14 March 2025, 10:00 (Europe/Berlin)",
        "“User lives in Porto”",
        SUMMARY,
    ],
)
def test_a_memory_or_a_summary_word_for_word_is_taken_out(text: str) -> None:
    assert own(text) == ""
    assert own(f"I have a dog.\n{text}") == "I have a dog."


def test_what_a_summary_quotes_may_be_said_again_but_not_with_the_summary() -> None:
    summary = (
        "On Friday, 14 March 2025 the user opened with: “Good morning to you. I go to a gym in"
        " Porto. It rains a lot there.” User goes to a gym in Porto."
    )
    served_text = echo.served((), [summary])
    for text, left in (
        ("I go to a gym in Porto.", "I go to a gym in Porto."),
        (summary, ""),
        (f"It rains. {summary}", "It rains."),
    ):
        (message,) = echo.without_echoes([make_message(text)], served_text)
        assert message.content == left


@pytest.mark.parametrize(
    "text",
    [
        "I live in Porto.",
        "My sister Ana plays the drums",
        "I moved to Porto.\nIt rains.",
        "Content: none of your business",
        "1. eggs\n2. milk",
        "# Plan\n\nI moved.",
        "    indented\n\nlines",
        "User experience is my field.",
    ],
)
def test_what_a_person_says_stays_as_it_is(text: str) -> None:
    message = make_message(text)
    assert echo.without_echoes([message], KNOWN) == [message]


def test_the_assistant_repeating_a_memory_in_other_words_is_an_echo() -> None:
    messages = [
        make_message("You live in Porto, don't you?", MessageRole.ASSISTANT),
        make_message("I do."),
    ]
    repeated = Candidate("User lives in Porto", NOW, NOW, (0,))
    assert echo.is_echo(repeated, messages, echo.Memories(HELD))
    news = Candidate("Assistant promised a list of gyms", NOW, NOW, (0,), SaidBy.ASSISTANT)
    assert not echo.is_echo(news, messages, echo.Memories(HELD))


def test_a_version_that_holds_no_more_is_an_echo_too() -> None:
    old = version("User lives in Lisbon", expired_at=NOW)
    messages = [make_message("You live in Lisbon.", MessageRole.ASSISTANT)]
    repeated = Candidate("User lives in Lisbon", NOW, NOW, (0,), SaidBy.ASSISTANT)
    assert echo.is_echo(repeated, messages, echo.Memories([old]))


def test_the_user_saying_a_memory_again_is_no_echo() -> None:
    messages = [make_message("I live in Porto."), make_message("Noted.", MessageRole.ASSISTANT)]
    again = Candidate("User lives in Porto", NOW, NOW, (0,))
    assert not echo.is_echo(again, messages, echo.Memories(HELD))
