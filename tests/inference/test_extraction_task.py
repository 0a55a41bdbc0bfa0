"""Extraction by a model: parts of a session, and merging of the answers."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from hitherto.inference.tasks.extraction import (
    CHUNK_CHARS,
    MAX_JOINED_CHARS,
    MAX_MEMORIES,
    OVERLAP_CHARS,
    FoundInSession,
    FoundMemory,
    ProjectPreferences,
    chunks,
    content,
    join_summaries,
    read,
)
from hitherto.models import Extraction, GenerationPreferences, Message, MessageRole

DAY = datetime(2025, 3, 14, 23, 30, tzinfo=UTC)
NO_WISHES = ProjectPreferences(GenerationPreferences(), ())


def make_messages(*texts: str, role: MessageRole = MessageRole.USER) -> list[Message]:
    return [Message(role, text, DAY) for text in texts]


def extracted(messages: list[Message], *memories: FoundMemory) -> Extraction:
    result = FoundInSession(memories=list(memories), summary="All of it.")
    return read([result], chunks(messages), messages, DAY, NO_WISHES)


def test_a_session_without_messages_has_no_parts() -> None:
    assert chunks([]) == []
    assert read([], [], [], DAY, NO_WISHES) == Extraction((), "", 0)


@given(st.lists(st.integers(0, 3 * CHUNK_CHARS), max_size=12))
def test_every_message_is_read_once_and_no_part_is_too_long(lengths: list[int]) -> None:
    messages = make_messages(
        *(chr(97 + index % 26) * length for index, length in enumerate(lengths))
    )
    parts = chunks(messages)
    read_back = ["" for _ in messages]
    for part in parts:
        assert sum(len(line.text) for line in part.lines) <= CHUNK_CHARS
        assert sum(len(line.text) for line in part.earlier) <= OVERLAP_CHARS
        for line in part.lines:
            read_back[line.position] += line.text
    assert read_back == [message.content for message in messages]


def test_messages_are_cut_at_their_borders_where_that_is_possible() -> None:
    parts = chunks(make_messages("a" * 15_000, "b" * 15_000, "c" * 5_000))
    assert [[line.position for line in part.lines] for part in parts] == [[0], [1, 2]]
    assert [(line.position, len(line.text)) for line in parts[1].earlier] == [(0, OVERLAP_CHARS)]


def test_wishes_take_a_bounded_part_of_the_prompt_and_each_list_keeps_its_first() -> None:
    many = tuple(f"{number} {'x' * 480}" for number in range(100))
    lists = dict.fromkeys(GenerationPreferences.__slots__, many)
    wishes = ProjectPreferences(GenerationPreferences(**lists), ())
    text = content(chunks(make_messages("Hello"))[0], DAY, wishes)
    assert len(text) < 21_000
    assert text.count("- 0 xxx") == 6


def test_the_day_is_that_of_the_session_where_none_is_named() -> None:
    memory = FoundMemory(statement="User has a dog.", evidence=[1])
    candidate = extracted(make_messages("I have a dog"), memory).candidates[0]
    assert candidate.content == "User has a dog"
    assert candidate.event_date_start == datetime(2025, 3, 14, tzinfo=UTC)
    assert candidate.event_date_end == datetime(2025, 3, 14, 23, 59, 59, tzinfo=UTC)


def test_one_day_is_a_range_and_a_range_is_put_in_order() -> None:
    def days(first: date | None, last: date | None) -> tuple[date, date]:
        memory = FoundMemory(
            statement="User moved", evidence=[1], event_start=first, event_end=last
        )
        candidate = extracted(make_messages("I moved last May"), memory).candidates[0]
        return candidate.event_date_start.date(), candidate.event_date_end.date()

    first, last = date(2024, 5, 1), date(2024, 5, 31)
    assert days(first, None) == (first, first)
    assert days(None, last) == (last, last)
    assert days(last, first) == (first, last)


def test_the_same_statement_is_one_candidate_with_all_its_evidence() -> None:
    result = extracted(
        make_messages("I have a dog", "yes, a dog I have"),
        FoundMemory(statement="User has a dog", evidence=[1]),
        FoundMemory(statement="The user has a dog.", evidence=[2]),
    )
    assert [candidate.evidence for candidate in result.candidates] == [(0, 1)]


def test_who_said_it_is_whose_messages_are_the_evidence() -> None:
    messages = [
        *make_messages("I have a dog"),
        *make_messages("I bake bread", role=MessageRole.ASSISTANT),
    ]
    result = extracted(
        messages,
        FoundMemory(statement="User has a dog", evidence=[1], said_by="assistant"),
        FoundMemory(statement="Assistant bakes bread", evidence=[2], said_by="user"),
        FoundMemory(statement="Assistant bakes for the dog", evidence=[1, 2], said_by="assistant"),
    )
    roles = {candidate.content: candidate.said_by for candidate in result.candidates}
    assert roles == {
        "User has a dog": MessageRole.USER,
        "Assistant bakes bread": MessageRole.ASSISTANT,
        "Assistant bakes for the dog": MessageRole.ASSISTANT,
    }


def test_what_is_dropped_is_counted() -> None:
    result = extracted(
        make_messages("I have a dog"),
        FoundMemory(statement="User has a dog", evidence=[1]),
        FoundMemory(statement="User has 7 dogs", evidence=[1]),
        FoundMemory(statement="User has a dog and a cat", evidence=[]),
        FoundMemory(statement="User has dogs", evidence=[4]),
        FoundMemory(statement=f"User has a dog {'and ' * 200}", evidence=[1]),
        FoundMemory(statement="User may have a dog", evidence=[1], confidence=0.3),
    )
    assert ([candidate.content for candidate in result.candidates], result.dropped) == (
        ["User has a dog"],
        5,
    )


def test_more_than_can_be_true_of_one_part_is_not_taken() -> None:
    many = [
        FoundMemory(statement=f"User has a dog {chr(97 + n % 26) * (n + 1)}", evidence=[1])
        for n in range(MAX_MEMORIES + 5)
    ]
    result = extracted(make_messages("I have a dog"), *many)
    assert (len(result.candidates), result.dropped) == (MAX_MEMORIES, 5)


@given(st.lists(st.text("ab. ", max_size=900), max_size=30))
def test_the_summary_of_many_parts_is_bounded_and_of_their_words(summaries: list[str]) -> None:
    text = join_summaries(summaries)
    assert len(text) <= MAX_JOINED_CHARS + len(summaries) * 3
    assert set(text) <= set("ab. …")


def test_a_summary_is_cut_at_the_end_of_a_sentence() -> None:
    parts = [f"{word} went home. {'And so on ' * 300}" for word in ("Ana", "Ben")]
    assert join_summaries(parts) == "Ana went home. Ben went home."
    assert join_summaries(["a" * 3_000, "b" * 3_000]) == f"{'a' * 998} … {'b' * 998} …"
