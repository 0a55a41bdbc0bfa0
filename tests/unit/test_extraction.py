"""Extraction of statements about the user from messages."""

from datetime import UTC, date, datetime

import pytest
from tests.statement_models import ToldModel

from hitherto.core.extraction.extract import extract, speaker_prefix
from hitherto.core.extraction.rewriting import rewrite
from hitherto.models import Message, MessageRole

FRIDAY = datetime(2025, 3, 14, 10, tzinfo=UTC)


def _session(*texts: str, role: MessageRole = MessageRole.USER) -> list[Message]:
    return [Message(role, text, FRIDAY) for text in texts]


def _rewritten(text: str) -> list[str]:
    return [clause.text for clause, _, _ in rewrite(text, FRIDAY.date()).clauses]


def _contents(*texts: str) -> list[str]:
    """Return what is remembered if every sentence is to be kept."""
    found = extract(_session(*texts), FRIDAY, ToldModel(*texts))
    return [candidate.content for candidate in found]


CERTAIN = [
    ("I've been living in Lisbon since March.",
     ["User has been living in Lisbon since March 2025"]),
    ("I don't eat meat", ["User does not eat meat"]),
    ("I no longer eat meat.", ["User no longer eats meat"]),
    ("I'm 34 and I work as a teacher", ["User is 34", "User works as a teacher"]),
    ("I moved to Porto and started at Siemens",
     ["User moved to Porto", "User started at Siemens"]),
    ("Lisbon is my favourite city", ["User's favourite city is Lisbon"]),
    ("It's my birthday tomorrow", ["User's birthday is on 15 March 2025"]),
    ("Imogen is a friend of mine.", ["User's friend is Imogen"]),
    ("My brother he lives in Madrid", ["User's brother lives in Madrid"]),
    ("Fish I don't like", ["User does not like fish"]),
    ("im 22 i work at tesco", ["User is 22", "User works at tesco"]),
    ("I have type 2 diabetes and take metformin",
     ["User has type 2 diabetes", "User takes metformin"]),
    ("I just bought a Tesla!", ["User bought a Tesla"]),
    ("I play the oboe.", ["User plays the oboe"]),
    ("I go to a gym in Lisbon.", ["User goes to a gym in Lisbon"]),
    ("My birthday is on 4 May.", ["User's birthday is on 4 May"]),
    ("My wife's birthday is on the 3rd of June.", ["User's wife's birthday is on 3 June"]),
    ("I was born on 4 May 1990.", ["User was born on 4 May 1990"]),
]  # fmt: skip

UNCERTAIN = [
    "I used to smoke but I quit smoking in 2019",
    "My sister Ana is visiting in May and she loves hiking.",
    "My manager, Gwen, says I can swap shifts.",
    "When I was 12, I played chess.",
    "Me and my brother run a bakery.",
    "My cat is called Luna. She is 5.",
    "booked for the 27th of June",
    "had a lurcher best mate i ever had",
    "I told Anton I don't want kids",
    "I like it.",
    "I started climbing before I moved here",
    "no museums, we both hate museums",
    "I am vegetarian since five years",
    "I guess I'm vegan",
    "My mother tongue is Finnish.",
    "Ich wohne seit März in Berlin und arbeite bei Siemens.",
    "私は東京に住んでいます。",
]


@pytest.mark.parametrize(("text", "statements"), CERTAIN)
def test_certain_shapes_are_written_in_the_third_person(text: str, statements: list[str]) -> None:
    assert _rewritten(text) == statements
    assert _contents(text) == statements


@pytest.mark.parametrize("text", UNCERTAIN)
def test_everything_else_stays_in_the_users_words(text: str) -> None:
    assert _rewritten(text) == []


def test_own_words_are_quoted() -> None:
    assert _contents("My manager, Gwen, says I can swap shifts.") == [
        'User said: "My manager, Gwen, says I can swap shifts."'
    ]


DAYS = [
    ("I moved to Porto last month", date(2025, 2, 1), date(2025, 2, 28)),
    ("I bought a bike two weeks ago", date(2025, 2, 28), date(2025, 2, 28)),
    ("I'm moving to Rome in two weeks", date(2025, 3, 28), date(2025, 3, 28)),
    ("I like tea", date(2025, 3, 14), date(2025, 3, 14)),
]


@pytest.mark.parametrize(("text", "first", "last"), DAYS)
def test_the_tense_of_the_clause_decides_where_its_date_lies(
    text: str, first: date, last: date
) -> None:
    (candidate,) = extract(_session(text), FRIDAY, ToldModel(text))
    assert str(candidate.event_date_start) == f"{first} 00:00:00+00:00"
    assert str(candidate.event_date_end) == f"{last} 23:59:59+00:00"


def test_what_the_model_does_not_keep_is_left_out() -> None:
    assert extract(_session("I live in Rome"), FRIDAY, ToldModel("I live in Faro")) == []


def test_only_the_users_messages_are_sources() -> None:
    model = ToldModel("I live in Rome", "I live in Faro")
    messages = _session("I live in Rome", role=MessageRole.ASSISTANT)
    (candidate,) = extract([*messages, *_session("I live in Faro")], FRIDAY, model)
    assert (candidate.content, candidate.evidence) == ("User lives in Faro", (1,))
    assert extract(messages, FRIDAY, model) == []


def test_a_statement_said_twice_is_one_with_both_messages_as_evidence() -> None:
    messages = _session("I like tea.", "ok", "So, I like tea!")
    (candidate,) = extract(messages, FRIDAY, ToldModel("I like tea"))
    assert candidate.evidence == (0, 2)


def test_the_speakers_name_in_front_of_messages_is_not_a_statement() -> None:
    messages = _session("Caroline: I moved to Oslo.", "Caroline: My cat is ill.", "Caroline: Hi!")
    assert speaker_prefix(messages) == "Caroline:"
    model = ToldModel("I moved to Oslo.", "My cat is ill.")
    contents = [candidate.content for candidate in extract(messages, FRIDAY, model)]
    assert contents == ["User moved to Oslo", 'User said: "My cat is ill."']
