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


def _rewritten(text: str, time: str = "now") -> str | None:
    rewritten = rewrite(text, FRIDAY.date(), time)
    return None if rewritten is None else rewritten.clause.text


def _contents(*texts: str) -> list[str]:
    """Return what is remembered if every sentence is to be kept."""
    found = extract(_session(*texts), FRIDAY, ToldModel(*texts))
    return [candidate.content for candidate in found]


PLAIN = [
    ("I live in Porto.", "User lives in Porto"),
    ("i teach maths at a secondary school", "User teaches maths at a secondary school"),
    ("I study law in Utrecht.", "User studies law in Utrecht"),
    ("I do yoga on Mondays.", "User does yoga on Mondays"),
    ("I go to a gym in Lisbon.", "User goes to a gym in Lisbon"),
    ("I wash my hair every other day.", "User washes their hair every other day"),
    ("I always read the news on paper.", "User always reads the news on paper"),
    ("I have coached my son's team since 2019.", "User has coached their son's team since 2019"),
    ("I've been living in Lisbon since March.", "User has been living in Lisbon since March 2025"),
    ("Im 22 years old", "User is 22 years old"),
    ("I'm allergic to shellfish.", "User is allergic to shellfish"),
    ("I don't eat meat", "User does not eat meat"),
    ("I no longer eat meat.", "User no longer eats meat"),
    ("I can't eat gluten.", "User cannot eat gluten"),
    ("I haven't smoked since 2018.", "User has not smoked since 2018"),
    ("I was never baptised.", "User was never baptised"),
    ("I moved to the US in 2012.", "User moved to the US in 2012"),
    ("I work in IT.", "User works in IT"),
    ("I live in \uff46 \uf900", "User lives in \uff46 \uf900"),
    ("I just bought a Tesla!", "User bought a Tesla"),
    ("I got the Thursday shift.", "User got the Thursday shift"),
    ("I lost ten kilos in two weeks.", "User lost ten kilos in two weeks"),
    ("I broke my wrist in May.", "User broke their wrist in May 2024"),
    ("My sister Ana lives in Braga.", "User's sister Ana lives in Braga"),
    ("My best friend Jo Hale teaches yoga.", "User's best friend Jo Hale teaches yoga"),
    ("My kids don't eat fish.", "User's kids do not eat fish"),
    ("My landlady has a key to my flat.", "User's landlady has a key to User's flat"),
    ("My laptop died yesterday.", "User's laptop died on 13 March 2025"),
    ("My name's Priya.", "User's name is Priya"),
    ("My mother tongue is Finnish.", "User's mother tongue is Finnish"),
    ("My birthday is on 4 May.", "User's birthday is on 4 May"),
    ("My wife's birthday is on the 3rd of June.", "User's wife's birthday is on 3 June"),
    ("I was born on 4 May 1990.", "User was born on 4 May 1990"),
    ("My birthday is on 4 May 1990.", "User's birthday is on 4 May 1990"),
]

PLANS = [
    ("I start a new job on Monday.", "User starts a new job on Monday, 17 March 2025"),
    ("My lease ends in August.", "User's lease ends in August 2025"),
    ("I have booked a hotel in Nice for 8 May.", "User has booked a hotel in Nice for 8 May 2025"),
    ("I want to move to Rome in June.", "User wants to move to Rome in June 2025"),
]

NOT_PLAIN = [
    "I sure hope so",
    "I last smoked in May.",
    "I second that.",
    "I like it.",
    "I gave it to my sister.",
    "I only ate one.",
    "I live there.",
    "I have two.",
    "I used to smoke but I quit smoking in 2019",
    "My sister Ana is visiting in May and she loves hiking.",
    "My manager, Gwen, says I can swap shifts.",
    "My manager says swaps are fine.",
    "My brother he lives in Madrid",
    "My sister too which is rare",
    "My dad's got no teeth",
    "My wife lost her job.",
    "My aunt Zofia",
    "When I was 12, I played chess.",
    "Me and my brother run a bakery.",
    "My brother and I run a bakery.",
    "I love cooking and hiking.",
    "My cat is called Luna. She is 5.",
    "I gave my parents my old car.",
    "I started climbing before I moved here",
    "I own the shop since Farid left",
    "I told Anton I don't want kids",
    "I guess I'm vegan",
    "I'd love to live in Japan.",
    "I should have moved years ago.",
    "I need a recipe for lentils.",
    "I'm wondering about tips for slugs.",
    "I put my mother in a home.",
    "I HATE CORIANDER",
    "I live alone (with two cats).",
    "I love January.",
    "I hate this spring.",
    "I'm taking Friday off.",
    "I fell on the ice this morning.",
    "I finally switched to R next month.",
    "I moved here recently in May.",
    "I am buying a new one in May.",
    "I worked from Monday to Thursday.",
    "I have \ue000",
    "I live in Porto \uf8ff",
    "I swim in the summer.",
    "I am going to Corsica for Christmas.",
    "I bought tickets for the opera on 30 May.",
    "booked for the 27th of June",
    "Lisbon is my favourite city",
    "Ich wohne seit März in Berlin und arbeite bei Siemens.",
    "I går var jeg i Oslo.",
    "im Urlaub gewesen",
    "私は東京に住んでいます。",
]


@pytest.mark.parametrize(("text", "statement"), PLAIN)
def test_a_plain_clause_is_written_in_the_third_person(text: str, statement: str) -> None:
    assert _rewritten(text) == statement
    assert _contents(text) == [statement]


@pytest.mark.parametrize(("text", "statement"), PLANS)
def test_a_day_to_come_is_written_out_if_the_model_reads_a_plan(text: str, statement: str) -> None:
    assert _rewritten(text, "future") == statement
    assert _rewritten(text, "past") is None


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_everything_else_stays_in_the_users_words(text: str) -> None:
    assert _rewritten(text) is None


@pytest.mark.parametrize("text", ["im ersten Lehrjahr", "im siebten Monat"])
def test_what_may_be_another_language_is_quoted(text: str) -> None:
    message = f"Ich bin Tischler, {text}"
    (candidate,) = extract(_session(message), FRIDAY, ToldModel(text))
    assert candidate.content == f'User said: "{text}"'


def test_clauses_joined_by_and_are_rewritten_if_each_is_plain() -> None:
    assert _contents("I'm 34 and I work as a nurse.") == ["User is 34", "User works as a nurse"]
    text = "I work as a nurse and I love it."
    assert _contents(text) == [f'User said: "{text}"']


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
    assert candidate.clause is not None
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
    assert contents == ["User moved to Oslo", "User's cat is ill"]
