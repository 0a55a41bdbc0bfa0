"""Questions read by rules."""

from datetime import UTC, date, datetime

import pytest

from hitherto.core.recall.query_plan import MAX_DENSE_QUERIES, DateRange, plan
from hitherto.models import Message, MessageRole

TODAY = date(2025, 6, 18)
USER, ASSISTANT = MessageRole.USER, MessageRole.ASSISTANT


def make_message(role: MessageRole, content: str) -> Message:
    return Message(role, content, datetime(2025, 6, 18, tzinfo=UTC))


@pytest.mark.parametrize(
    ("question", "role"),
    [
        ("Which museum did you recommend for rainy days?", ASSISTANT),
        ("What was the second tip you gave me about sourdough?", ASSISTANT),
        ("In our last conversation about tents, which brand was best?", ASSISTANT),
        ("Can you remind me of the name of that glue?", ASSISTANT),
        ("Remind me where I parked my bike.", USER),
        ("Where did I park?", USER),
        ("My desk is a mess. Any ideas?", USER),
        ("Can you suggest a film I would like?", USER),
        ("Who repaired the boiler?", None),
    ],
)
def test_whose_words_are_asked_for(question: str, role: MessageRole | None) -> None:
    assert plan(question, today=TODAY).role is role


def test_terms_leave_out_words_about_asking() -> None:
    result = plan("Can you remind me which ferries you mentioned to Bornholm?", today=TODAY)
    assert result.keywords == ("ferries", "bornholm")
    assert result.terms == ("ferri", "bornholm")


def test_a_question_of_asking_words_alone_still_searches() -> None:
    assert plan("What did we discuss previously?", today=TODAY).terms


def test_names_are_capitalised_words_inside_a_sentence() -> None:
    result = plan("Yesterday was fun. When does Ines meet Omar's aunt in May?", today=TODAY)
    assert result.names == ("ines", "omar")


def test_a_known_person_is_a_name_at_the_start_too() -> None:
    assert plan("Ines moved where?", today=TODAY, people=["ines marquez"]).names == ("ines",)


def test_people_speak_in_the_first_person_on_the_dense_side() -> None:
    result = plan("Where did Ines buy Omar's lamp?", today=TODAY, people=["ines", "omar"])
    assert result.dense_queries == ("Where did I buy my lamp?",)
    assert {"ine", "omar"} <= set(result.terms)


def test_names_that_nobody_speaks_under_stay() -> None:
    assert plan("When was I in Lisbon?", today=TODAY).dense_queries == ("When was I in Lisbon?",)


def test_days_asked_about_are_found() -> None:
    result = plan("What did I cook in March 2024?", today=TODAY)
    assert result.dates == (DateRange(date(2024, 3, 1), date(2024, 3, 31)),)


def test_a_range_of_many_years_is_no_prior() -> None:
    assert plan("Where did I live before 2015?", today=TODAY).dates == ()


@pytest.mark.parametrize(
    ("question", "past", "counting", "broad"),
    [
        ("Where did I use to work? What changed?", True, False, False),
        ("How many concerts did I go to?", False, True, False),
        ("What do you know about me?", False, False, True),
        ("Who am I?", False, False, True),
        ("What is my favourite tea?", False, False, False),
    ],
)
def test_what_kind_of_answer_is_asked_for(
    question: str, past: bool, counting: bool, broad: bool
) -> None:
    result = plan(question, today=TODAY)
    assert (result.about_past, result.counting, result.broad) == (past, counting, broad)


def test_a_leaning_question_takes_the_last_user_message_with_it() -> None:
    previous = [
        make_message(USER, "I am packing for Iceland."),
        make_message(ASSISTANT, "How nice!"),
    ]
    result = plan("What did I take there?", today=TODAY, previous=previous)
    assert "iceland" in result.keywords
    assert "nice" not in result.keywords
    assert result.question == "What did I take there?"


def test_a_question_that_stands_alone_stays_alone() -> None:
    previous = [make_message(USER, "I am packing for Iceland.")]
    result = plan("Which dentist treated my broken molar?", today=TODAY, previous=previous)
    assert "iceland" not in result.keywords


def test_a_wide_plan_adds_variants_behind_the_same_first_query() -> None:
    question = "What boat did I rent in Split and which skipper sailed it?"
    narrow, wide = plan(question, today=TODAY), plan(question, today=TODAY, wide=True)
    assert narrow.dense_queries == wide.dense_queries[:1]
    assert "boat I rent in Split and which skipper sailed it" in wide.dense_queries
    assert "which skipper sailed it" in wide.dense_queries
    assert len(wide.dense_queries) <= MAX_DENSE_QUERIES
    assert narrow.terms == wide.terms


@pytest.mark.parametrize("question", ["", "?!", "the", "  \n"])
def test_an_empty_question_gives_a_plan_all_the_same(question: str) -> None:
    result = plan(question, today=TODAY, wide=True)
    assert len(result.dense_queries) == 1
    assert result.broad


def test_questions_in_other_scripts_have_terms() -> None:
    assert plan("私の猫の名前は何ですか？", today=TODAY).terms
    assert plan("Как зовут мою собаку?", today=TODAY).terms
