"""Rankings, excerpts and hops over indexes whose vectors count words."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zlib import crc32

import numpy as np
import pytest

from hitherto.core.recall import multi_hop, ranking
from hitherto.core.recall.excerpts import Excerpt, is_filler, select_excerpts, with_answers
from hitherto.core.recall.index import (
    MemoryIndex,
    MemoryRow,
    MessageIndex,
    SessionPassages,
    SummaryIndex,
    append_memories,
    append_sessions,
    append_summaries,
    build_memory_index,
    build_message_index,
    build_summary_index,
)
from hitherto.core.recall.passages import cut
from hitherto.core.recall.query_plan import QueryPlan, plan
from hitherto.core.recall.ranking import Ranked, connected_memories
from hitherto.core.text.tokens import terms
from hitherto.models import Message, MessageRole

DIMENSIONS = 256
START = date(2025, 1, 6)
TODAY = date(2025, 6, 18)


def embed(texts: Sequence[str]) -> np.ndarray:
    """Unit vectors in which texts are as near as they share terms."""
    vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
    for vector, text in zip(vectors, texts, strict=True):
        for term in terms(text):
            vector[crc32(term.encode()) % DIMENSIONS] += 1.0
        vector[0] += 0.1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def session(week: int, *contents: str) -> SessionPassages:
    """A session `week` weeks after START; user and assistant take turns."""
    day = START + timedelta(weeks=week)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    roles = (MessageRole.USER, MessageRole.ASSISTANT)
    messages = [Message(roles[n % 2], content, noon) for n, content in enumerate(contents)]
    passages = cut(messages)
    return SessionPassages(day, messages, passages, embed([p.text for p in passages]))


def index_of(*sessions: SessionPassages) -> MessageIndex:
    return build_message_index(sessions, DIMENSIONS)


def ask(question: str, index: MessageIndex | None = None) -> tuple[QueryPlan, np.ndarray]:
    people = index.speakers if index is not None else ()
    planned = plan(question, today=TODAY, people=people)
    return planned, embed(planned.dense_queries)


def rank_messages(
    planned: QueryPlan, vectors: np.ndarray, index: MessageIndex, **bounds: Any
) -> list[Ranked]:
    dense, lexical = ranking.dense_scores(vectors, index), ranking.lexical_scores(planned, index)
    return ranking.rank_messages(planned, dense, lexical, index, **bounds)


def explore(
    planned: QueryPlan, vectors: np.ndarray, index: MessageIndex, **bounds: Any
) -> multi_hop.Exploration:
    lexical = ranking.lexical_scores(planned, index)
    return multi_hop.explore(planned, vectors, lexical, index, **bounds)


def rank_memories(
    planned: QueryPlan, vectors: np.ndarray, index: MemoryIndex, **bounds: Any
) -> list[Ranked]:
    covered = ranking.term_coverage(planned, index.lexical)
    bounds = {"threshold": 0.6, "min_top_k": 15, "max_top_k": 50} | bounds
    return ranking.rank_memories(planned, vectors, covered, index, **bounds)


def rank_summaries(
    planned: QueryPlan, vectors: np.ndarray, index: SummaryIndex, **bounds: Any
) -> list[Ranked]:
    covered = ranking.term_coverage(planned, index.lexical)
    bounds = {"threshold": 0.5, "limit": 5} | bounds
    return ranking.rank_summaries(planned, vectors, covered, index, **bounds)


def rows(ranked: Sequence[Ranked]) -> list[int]:
    return [entry.row for entry in ranked]


TALKS = (
    session(0, "I adopted a parrot called Kiwi.", "Congratulations on the new bird!"),
    session(1, "Which glue is best for oak?", "Use hide glue for oak, never epoxy glue."),
    session(9, "We sailed around Elba last week.", "That sounds windy and wonderful."),
)


def test_the_message_that_answers_comes_first() -> None:
    index = index_of(*TALKS)
    assert rank_messages(*ask("What is my parrot called?"), index)[0].row == 0
    assert rank_messages(*ask("Where did I go sailing?"), index)[0].row == 4


def test_the_side_that_is_asked_for_comes_first() -> None:
    index = index_of(*TALKS)
    assert rank_messages(*ask("Which glue did you recommend for oak?"), index)[0].row == 3
    assert rank_messages(*ask("What did I ask about glue for oak?"), index)[0].row == 2


def test_the_person_who_is_asked_about_comes_first() -> None:
    index = index_of(
        session(0, "Ana: I play the cello.", "Bo: I play the cello too."),
        session(1, "Ana: Nice weather.", "Bo: Yes, very."),
    )
    assert index.speakers == ("ana", "bo")
    assert rank_messages(*ask("What does Ana play?", index), index)[0].row == 0
    assert rank_messages(*ask("What does Bo play?", index), index)[0].row == 1


def test_one_pasted_prefix_makes_nobody_a_person() -> None:
    chats = [session(week, *["I read a book.", "Nice."] * 30) for week in range(2)]
    pasted = session(3, "Prompt: write a poem about oak", "Here it is.")
    index = index_of(*chats, pasted)
    assert index.speakers == ("prompt",)
    assert index.people() == ()
    assert not index.is_between_people
    assert index_of(session(0, "Ana: Hello there", "Bo: Hi Ana")).people() == ("ana", "bo")


@pytest.mark.parametrize("role", ["User", "Assistant", "System", "Аssistant", "AI Bot"])
def test_a_role_in_front_of_messages_is_no_name(role: str) -> None:
    assert index_of(session(0, f"{role}: I play the cello.", "Nice.")).speakers == ()


def test_between_people_a_question_ranks_below_what_was_said() -> None:
    index = index_of(
        session(0, "Ana: Which bird did the neighbours adopt?", "Bo: I had soup for lunch."),
        session(1, "Ana: The neighbours did adopt a green bird.", "Bo: How lovely."),
    )
    assert index.is_between_people
    assert index.questions.tolist() == [1.0, 0.0, 0.0, 1.0]
    assert rank_messages(*ask("Which bird did the neighbours adopt?", index), index)[0].row == 2


def test_between_people_the_session_of_the_best_message_comes_first() -> None:
    index = index_of(
        session(0, "Ana: We fed the parrot seeds.", "Bo: My kayak trip was windy and long."),
        session(1, "Ana: The bus was late today.", "Bo: My kayak trip was windy and long."),
    )
    ranked = rows(rank_messages(*ask("What did the parrot eat?", index), index))
    assert ranked.index(1) < ranked.index(3)


def test_a_caption_behind_a_question_is_no_statement() -> None:
    index = index_of(
        session(0, "Ana: Do you like it? [a photo of a red bicycle]", "Bo: I do. Where is it?")
    )
    assert index.questions.tolist() == [1.0, 1.0]
    assert index_of(session(0, "Ana: I sold my red bicycle. And you?", "Bo: Fine.")).questions[
        0
    ] == pytest.approx(0.5)


def test_the_day_that_is_asked_about_comes_first() -> None:
    index = index_of(*(session(week, "I baked a cake.", "Yum.") for week in range(12)))
    ranked = rank_messages(*ask("Which cake did I bake on 17 February 2025?"), index)
    assert ranked[0].row == 2 * 6
    assert len(ranked) == 24


def test_a_long_message_needs_more_to_win() -> None:
    padding = " ".join(f"Filler sentence number {n} says little." for n in range(80))
    index = index_of(
        session(0, f"{padding} My locker code is written on the fridge. {padding}", "Ok."),
        session(1, "My locker code is written on the fridge.", "Ok."),
    )
    assert rank_messages(*ask("Where is my locker code written?"), index)[0].row == 2


def test_a_ranking_is_bounded_and_descending() -> None:
    ranked = rank_messages(*ask("parrot"), index_of(*TALKS), limit=4)
    assert len(ranked) == 4
    assert [entry.score for entry in ranked] == sorted((e.score for e in ranked), reverse=True)
    assert all(0.0 <= entry.similarity <= 1.0 for entry in ranked)


def test_nothing_is_found_in_nothing() -> None:
    planned, vectors = ask("parrot")
    assert rank_messages(planned, vectors, index_of()) == []
    assert explore(planned, vectors, index_of()).messages == []
    assert rank_memories(planned, vectors, build_memory_index([], embed([]), DIMENSIONS)) == []
    assert (
        rank_summaries(planned, vectors, build_summary_index([], [], embed([]), DIMENSIONS)) == []
    )


def test_blank_messages_are_kept_as_rows_and_rank_last() -> None:
    index = index_of(session(0, "   ", "I adopted a parrot.", "Fine."))
    ranked = rank_messages(*ask("Who adopted a parrot?"), index)
    assert rows(ranked)[0] == 1
    assert len(ranked) == 3


def test_appending_sessions_gives_the_index_of_all() -> None:
    grown = index_of()
    for talk in TALKS:
        grown = append_sessions(grown, [talk])
    whole = index_of(*TALKS)
    planned, vectors = ask("Which glue did you recommend?")
    assert rank_messages(planned, vectors, grown) == rank_messages(planned, vectors, whole)
    assert grown.session_days.tolist() == whole.session_days.tolist()
    assert append_sessions(whole, []) is whole


def test_appending_chats_between_people_gives_the_index_of_all() -> None:
    chats = [
        session(week, f"Ana: I saw {animal} and rain.", "Bo: Where was that?")
        for week, animal in enumerate(("owls", "foxes", "storks"))
    ]
    grown = index_of()
    for chat in chats:
        grown = append_sessions(grown, [chat])
    found, vectors = ask("Where did Ana see foxes?", grown)
    assert rank_messages(found, vectors, grown) == rank_messages(found, vectors, index_of(*chats))


FACTS = (
    "User adopted a parrot called Kiwi",
    "User works as a nurse in Graz",
    "User sailed around Elba with friends",
    "User's parrot Kiwi learned to whistle",
)


def memories(*contents: str, superseded: int | None = None) -> MemoryIndex:
    listed = [
        MemoryRow(content, day, day, day, current=n != superseded)
        for n, content in enumerate(contents)
        for day in [START + timedelta(weeks=8 * n)]
    ]
    return build_memory_index(listed, embed(contents), DIMENSIONS)


def test_memories_above_the_threshold_are_kept_and_topped_up() -> None:
    planned, vectors = ask("What is my parrot Kiwi called?")
    index = memories(*FACTS)
    strict = rank_memories(planned, vectors, index, min_top_k=0)
    assert set(rows(strict)) == {0, 3}
    assert all(entry.similarity >= 0.6 for entry in strict)
    assert len(rank_memories(planned, vectors, index, min_top_k=3)) == 3
    assert len(rank_memories(planned, vectors, index, min_top_k=15)) == 4
    assert len(rank_memories(planned, vectors, index, min_top_k=0, max_top_k=1)) == 1


def test_memories_are_in_the_order_of_their_similarity() -> None:
    ranked = rank_memories(*ask("Where did I sail with friends?"), memories(*FACTS))
    similarities = [entry.similarity for entry in ranked]
    assert ranked[0].row == 2
    assert similarities == sorted(similarities, reverse=True)
    assert similarities[0] > 0.6 > 0.3 > similarities[-1]


def test_superseded_memories_are_not_ranked() -> None:
    index = memories(*FACTS, superseded=0)
    assert 0 not in rows(rank_memories(*ask("parrot called Kiwi"), index))


def test_superseding_takes_a_row_out_of_the_ranking() -> None:
    day = TODAY
    index = append_memories(
        memories(*FACTS),
        [MemoryRow("User works as a doctor in Graz", day, day, day)],
        embed(["User works as a doctor in Graz"]),
        superseded=[1],
    )
    ranked = rows(rank_memories(*ask("Where do I work in Graz?"), index))
    assert ranked[0] == 4
    assert 1 not in ranked


def test_only_superseding_keeps_the_rows() -> None:
    index = append_memories(memories(*FACTS), [], embed([]), superseded=[2])
    assert index.current.tolist() == [True, True, False, True]


def test_a_date_lifts_memories_and_hides_none() -> None:
    index = memories(*["User went for a swim"] * 4)
    ranked = rank_memories(*ask("Did I swim on 28 April 2025?"), index)
    assert rows(ranked) == [2, 0, 1, 3]


def test_a_date_without_memories_does_not_empty_the_answer() -> None:
    ranked = rank_memories(*ask("What was my parrot called in May 1999?"), memories(*FACTS))
    assert len(ranked) == 4


def test_summaries_below_the_threshold_are_left_out() -> None:
    contents = ["The user adopted a parrot called Kiwi.", "The user sailed around Elba."]
    index = build_summary_index(contents[:1], [START], embed(contents[:1]), DIMENSIONS)
    index = append_summaries(index, contents[1:], [TODAY], embed(contents[1:]))
    assert rows(rank_summaries(*ask("What is my parrot called?"), index)) == [0]


def test_a_broad_question_gets_the_newest_summaries() -> None:
    contents = [f"The user talked about topic{n}." for n in range(9)]
    days = [START + timedelta(weeks=n) for n in range(9)]
    index = build_summary_index(contents, days, embed(contents), DIMENSIONS)
    ranked = rank_summaries(*ask("What do you know about me?"), index, limit=3)
    assert rows(ranked) == [8, 7, 6]


def test_connections_follow_the_ranking_and_are_listed_once() -> None:
    index = memories("a", "b", "c", "d", "e", superseded=4)
    connections = {0: (1, 2, 3, 4), 2: (0, 1), 1: (0, 2), 3: (0,), 4: (0,)}
    assert connected_memories(index, [2, 0], connections) == {2: [1], 0: [3]}
    assert connected_memories(index, [2, 0], connections, limit=1) == {2: [1]}
    assert connected_memories(index, [2, 0], connections, limit=0) == {}


def test_connections_are_followed_to_a_depth_nearest_first() -> None:
    index = memories("a", "b", "c", "d", "e")
    connections = {0: (1,), 1: (0, 2), 2: (1, 3), 3: (2, 0)}
    assert connected_memories(index, [0], connections, depth=1) == {0: [1]}
    assert connected_memories(index, [0], connections, depth=2) == {0: [1], 1: [2]}
    assert connected_memories(index, [0], connections, depth=9) == {0: [1], 1: [2], 2: [3]}
    assert connected_memories(index, [0], connections, depth=9, limit=2) == {0: [1], 1: [2]}


def test_excerpts_fill_the_budget_best_first_and_come_in_order() -> None:
    index = index_of(*TALKS)
    _, vectors = ask("parrot")
    ranked = [Ranked(4, 3, 0), Ranked(0, 2, 0), Ranked(3, 1, 0)]
    chosen = select_excerpts(ranked, index, [30] * 6, 100, vectors, heading_tokens=10)
    assert chosen == [
        Excerpt(0, 0, len("I adopted a parrot called Kiwi."), True),
        Excerpt(4, 0, len("We sailed around Elba last week."), True),
    ]


def test_a_message_that_does_not_fit_leaves_room_for_the_next() -> None:
    index = index_of(*TALKS)
    _, vectors = ask("parrot")
    ranked = [Ranked(0, 3, 0), Ranked(1, 2, 0), Ranked(2, 1, 0)]
    tokens = [50, 49, 30, 0, 0, 0]
    chosen = select_excerpts(ranked, index, tokens, 100, vectors, heading_tokens=5)
    assert [excerpt.row for excerpt in chosen] == [0, 2]


def test_of_an_overlong_message_the_best_span_is_shown() -> None:
    before = " ".join(f"Sentence {n} is about nothing much at all." for n in range(60))
    target = "The secret ingredient of the goulash is caraway."
    content = f"{before} {target} {before}"
    index = index_of(session(0, "Tell me about goulash.", content))
    _, vectors = ask("Which secret ingredient does goulash have?")
    chosen = select_excerpts([Ranked(1, 1, 0)], index, [10, 1_200], 1_000, vectors)
    assert len(chosen) == 1
    assert not chosen[0].whole
    assert target in content[chosen[0].start : chosen[0].end]
    assert chosen[0].end - chosen[0].start <= len(content) * 500 / 1_200 + 1


@pytest.mark.parametrize("budget", [0, 15])
def test_no_budget_gives_no_excerpts(budget: int) -> None:
    index = index_of(*TALKS)
    planned, vectors = ask("parrot")
    ranked = rank_messages(planned, vectors, index)
    assert select_excerpts(ranked, index, [20] * 6, budget, vectors) == []


def test_a_second_hop_follows_what_the_first_hits_are_about() -> None:
    index = index_of(
        session(0, "My sister's flatmate is Quentin.", "Nice."),
        *(session(week, f"Chatter number {week} on weather.", "Sure.") for week in range(1, 40)),
        session(40, "Quentin drives a yellow tractor.", "Really?"),
    )
    planned, vectors = ask("What does my sister's flatmate drive around?")
    once = explore(planned, vectors, index, hops=1)
    twice = explore(planned, vectors, index, hops=2)
    assert once.messages == rank_messages(planned, vectors, index)
    assert rows(twice.messages)[0] == 0
    assert 80 in rows(twice.messages)[:4]
    assert "quentin" in twice.hops[1].terms
    assert len(set(rows(twice.messages))) == len(twice.messages)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "  ",
        "Hi",
        "Hello there!",
        "Thank you so much!",
        "You're welcome!",
        "Continue",
        "Go on.",
        "Ana: Hey Bo!",
        "Bo: Good night, take care",
        "ok thanks bye",
    ],
)
def test_greetings_thanks_and_requests_to_go_on_are_fillers(content: str) -> None:
    assert is_filler(content, {"ana", "bo"})


@pytest.mark.parametrize(
    "content",
    [
        "Yes",
        "No, thanks",
        "Graz",
        "At nine",
        "Good morning, I moved.",
        "Hey Bo, rent went up",
        "Next Friday",
        "42",
        "ありがとう",
        "Thank you for the book",
        "hello " * 9,
    ],
)
def test_an_answer_is_no_filler(content: str) -> None:
    assert not is_filler(content, {"ana", "bo"})


def test_a_short_answer_follows_its_question() -> None:
    index = index_of(
        session(0, "Where do you live?", "Graz", "I see.", "Fine."),
        session(1, "Which one?", "word " * 60),
        session(2, "And you?"),
    )
    asking = {0, 4, 6}
    ranked = [Ranked(row, 1.0 - place / 10, 0.5) for place, row in enumerate((3, 0, 4, 6, 2))]
    ordered = with_answers(ranked, index, lambda row: row in asking)
    assert rows(ordered) == [3, 0, 1, 4, 6, 2]
    assert ordered[2] == Ranked(1, ordered[1].score, 0.5)
    later = [Ranked(3, 1.0, 0.5)] * 9 + [Ranked(0, 0.1, 0.5)]
    assert rows(with_answers(later, index, lambda row: row in asking)) == [3, 0]


def test_a_search_is_the_same_each_time() -> None:
    index = index_of(*TALKS)
    planned, vectors = ask("glue for oak")
    assert explore(planned, vectors, index, hops=3) == explore(planned, vectors, index, hops=3)


def test_a_question_about_another_person_lowers_what_is_known_of_the_user() -> None:
    talk = index_of(session(0, "Ana: I adopted a parrot.", "Bo: I went sailing."))
    facts = [
        MemoryRow("User went sailing with friends", START, START, START),
        MemoryRow("Bo went sailing on a lake", START, START, START),
    ]
    index = build_memory_index(facts, embed([fact.content for fact in facts]), DIMENSIONS)
    planned, vectors = ask("Where did Bo go sailing?", talk)
    assert ranking.other_person(planned, talk) == "bo"
    plain = {entry.row: entry.similarity for entry in rank_memories(planned, vectors, index)}
    ranked = rank_memories(planned, vectors, index, other_person="bo")
    assert rows(ranked) == [1, 0]
    assert ranked[0].similarity == plain[1]
    assert ranked[1].similarity < plain[0] / 2
    assert ranking.other_person(ask("What did Ana adopt?", talk)[0], talk) == ""
    assert ranking.other_person(ask("What did Bo and Ana do?", talk)[0], talk) == ""
