"""Whose words a question asks for, and which of its words are only about asking."""

from datetime import date

import pytest

from hitherto.core.recall.query_plan import QueryPlan, plan
from hitherto.models import MessageRole


def ask(question: str) -> QueryPlan:
    return plan(question, today=date(2026, 3, 3))


@pytest.mark.parametrize(
    ("question", "role"),
    [
        (
            "In which order did I bring up my hobbies over our conversations?",
            MessageRole.USER,
        ),
        ("Which worries have I shared in our recent chats?", MessageRole.USER),
        ("What did I say about Ines in the previous conversation?", MessageRole.USER),
        ("In our last discussion I mentioned a clinic; where is it?", MessageRole.USER),
        ("What was the name of the clinic from our last discussion?", MessageRole.ASSISTANT),
        ("About our last chat: which wine did you suggest?", MessageRole.ASSISTANT),
        ("In that earlier conversation I asked for names; what did you offer, and what did"
         " you say about the first?", MessageRole.ASSISTANT),
        ("Which trail did we find?", None),
    ],
)  # fmt: skip
def test_whose_words_are_asked_for(question: str, role: MessageRole | None) -> None:
    assert ask(question).role is role


@pytest.mark.parametrize(
    ("question", "kept", "dropped"),
    [
        ("Which gardens did I visit in spring? List only three items.", "garden", "item"),
        ("Can you walk me through the order in which I planted the beds?", "plant", "walk"),
        ("Which sides of my move did I bring up throughout our conversations?", "move", "bring"),
        ("Can you summarise the different aspects of my training plan?", "train", "aspect"),
        ("Give me an overview of my garden project", "garden", "overview"),
        ("Which pets and plants have I mentioned, in order?", "plant", "order"),
        ("What did Olga cook for us? Please answer in one short sentence.", "olga", "sentenc"),
    ],
)
def test_words_about_asking_are_not_searched_for(question: str, kept: str, dropped: str) -> None:
    read = ask(question)
    assert kept in read.terms
    assert dropped not in read.terms
    assert dropped not in read.dense_queries[0].lower()


@pytest.mark.parametrize(
    ("question", "kept"),
    [
        ("Which pizza did I order?", "order"),
        ("What is on the list?", "list"),
        ("Give me a list.", "list"),
        ("Which items did I bring to the picnic?", "bring"),
        ("Which book should I list first? My landlord asked for items.", "item"),
        ("What did the overview of the plan say?", "plan"),
    ],
)
def test_words_that_are_the_subject_stay(question: str, kept: str) -> None:
    assert kept in ask(question).terms


def test_names_and_days_are_read_from_the_whole_question() -> None:
    read = ask("Which fairs did I visit? Answer for Oslo in May 2025 only.")
    assert "oslo" in read.names
    assert read.dates[0].first == date(2025, 5, 1)
