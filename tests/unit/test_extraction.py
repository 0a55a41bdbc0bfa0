"""Extraction of statements about the user from messages."""

from datetime import UTC, datetime

import pytest

from hitherto.core.extraction.extract import extract, speaker_prefix
from hitherto.models import Message, MessageRole

FRIDAY = datetime(2025, 3, 14, 10, tzinfo=UTC)


def _session(*texts: str, role: MessageRole = MessageRole.USER) -> list[Message]:
    return [Message(role, text, FRIDAY) for text in texts]


def _contents(*texts: str) -> list[str]:
    return [candidate.content for candidate in extract(_session(*texts), FRIDAY)]


SAID = [
    ("I've been living in Lisbon since March.",
     ["User has been living in Lisbon since March 2025"]),
    ("I don't eat meat", ["User does not eat meat"]),
    ("I no longer eat meat.", ["User no longer eats meat"]),
    ("I just bought a Tesla!", ["User bought a Tesla"]),
    ("I'm 34 and I work as a teacher", ["User is 34", "User works as a teacher"]),
    ("I moved to Porto and started at Siemens",
     ["User moved to Porto", "User started at Siemens"]),
    ("I used to smoke but I quit smoking in 2019",
     ["User used to smoke", "User quit smoking in 2019"]),
    ("I want to visit Rome and learn Italian",
     ["User wants to visit Rome", "User wants to learn Italian"]),
    ("My sister Ana is visiting in May and she loves hiking.",
     ["User has a sister named Ana", "User's sister Ana is visiting in May 2025",
      "User's sister Ana loves hiking"]),
    ("My wife and I are expecting our first baby in July!",
     ["User and their wife are expecting their first baby in July 2025"]),
    ("by the way, my dog Rex turned 3 yesterday",
     ["User has a dog named Rex", "User's dog Rex turned 3 on 13 March 2025"]),
    ("My manager, Gwen, says I can swap shifts.",
     ["User's manager is Gwen", "User's manager Gwen says User can swap shifts"]),
    ("My daughter, who is seven, plays chess.",
     ["User's daughter plays chess", "User's daughter is seven"]),
    ("When I was 12, I played chess.", ["User played chess when User was 12"]),
    ("Last Friday I went to Rome", ["User went to Rome on Friday, 7 March 2025"]),
    ("Lisbon is my favourite city", ["User's favourite city is Lisbon"]),
    ("It's my birthday tomorrow", ["User's birthday is on 15 March 2025"]),
    ("Just got back from Rome!", ["User got back from Rome"]),
    ("I can't stand rooibos and I hate jazz",
     ["User cannot stand rooibos", "User hates jazz"]),
    ("I don't drink coffee anymore, I gave it up in February",
     ["User does not drink coffee anymore", "User gave coffee up in February 2025"]),
    ("im in year 10 btw and i wanna be a vet", ["User is in year 10", "User wants to be a vet"]),
    ("I'm on a diet now.", ["User is on a diet now"]),
    ("I shall be in Bath, where I own a house", ["User will be in Bath"]),
    ("Me and my brother run a bakery.", ["User and their brother run a bakery"]),
    ("My cat is called Luna. She is 5.", ["User's cat is called Luna", "User's cat Luna is 5"]),
    ("Imogen is a friend of mine.", ["User's friend is Imogen"]),
    ("I was in Rome in May. I met Leo there", ["User was in Rome in May 2024",
                                               "User met Leo in Rome"]),
    ("The wedding is on 7 June.", ["User's wedding is on 7 June 2025"]),
    ("You can call me Sam.", ["User's name is Sam"]),
    ("i finally passed my driving test yday omg",
     ["User finally passed their driving test on 13 March 2025"]),
    ("im 22 i work at tesco lol", ["User is 22", "User works at tesco"]),
    ("I have type 2 diabetes and take metformin",
     ["User has type 2 diabetes", "User takes metformin"]),
    ("I taught myself to cook", ["User taught themselves to cook"]),
    ("I sometimes bring work home", ["User sometimes brings work home"]),
    ("Since January we live in a flat in Bath",
     ["User and others live in a flat in Bath since January 2025"]),
    ("Next month my brother Leo starts a course",
     ["User has a brother named Leo", "User's brother Leo starts a course in April 2025"]),
    ("I live in Bath with my partner Noa",
     ["User's partner is Noa", "User lives in Bath", "User lives with their partner Noa"]),
    ("I have a sister. Her name is Ana. She lives in Oslo.",
     ["User has a sister", "User has a sister named Ana", "User's sister Ana lives in Oslo"]),
    ("I've played chess since I was six", ["User has played chess since User was six"]),
    ("I stopped eating cheese because it upsets my stomach",
     ["User stopped eating cheese because it upsets their stomach"]),
    ("Carrots and peas are my favourite vegetables",
     ["User's favourite vegetables are Carrots and peas"]),
    ("Budget is 900 euros", ["User's budget is 900 euros"]),
]  # fmt: skip

HASTY = [
    ("im 16 my dog is called rex hes a lab",
     ["User is 16", "User's dog is called rex", "User's dog is a lab"]),
    ("dont like mushrooms, love olives tho",
     ["User does not like mushrooms", "User loves olives"]),
    ("we have 3 kids and a dog named max",
     ["User has a dog named Max", "User and others have 3 kids"]),
    ("my brother leo is so loud he woke my cat yesterday",
     ["User has a brother named Leo", "User's brother Leo woke User's cat on 13 March 2025"]),
    ("work at a bakery", ["User works at a bakery"]),
    ("My mum she work in a bank", ["User's mum works in a bank"]),
    ("My brother he lives in Madrid", ["User's brother lives in Madrid"]),
    ("I am vegetarian since five years", ["User is vegetarian for five years"]),
    ("I want learn Dutch", ["User wants to learn Dutch"]),
    ("I have finish the school", ["User has finished the school"]),
    ("I have 28 years.", ["User is 28 years"]),
    ("I don't can eat milk products", ["User cannot eat milk products"]),
    ("I like very much the football", ["User really likes the football"]),
    ("Fish I don't like", ["User does not like fish"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "statements"), SAID)
def test_what_the_user_says_is_written_in_the_third_person(
    text: str, statements: list[str]
) -> None:
    assert _contents(text) == statements


@pytest.mark.parametrize(("text", "statements"), HASTY)
def test_hasty_writing_and_the_writing_of_learners_is_understood(
    text: str, statements: list[str]
) -> None:
    assert _contents(text) == statements


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("My birthday is on 4 May.", "User's birthday is on 4 May"),
        ("My wife's birthday is on the 3rd of June.", "User's wife's birthday is on 3 June"),
        ("Our anniversary is September 12", "User's anniversary is on 12 September"),
        ("I was born on 4 May", "User was born on 4 May"),
    ],
)
def test_a_day_of_every_year_is_told_without_a_year(text: str, content: str) -> None:
    candidate = extract(_session(text), FRIDAY)[-1]
    assert candidate.content == content
    assert candidate.event_date_start.date() == candidate.event_date_end.date() == FRIDAY.date()


def test_a_birthday_with_its_year_or_a_party_keeps_the_year() -> None:
    assert _contents("I was born on 4 May 1990.") == ["User was born on 4 May 1990"]
    assert _contents("My birthday party is on 4 May") == ["User's birthday party is on 4 May 2025"]


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("I'm planning a trip to Japan in April, can you suggest hotels?",
         ["User is planning a trip to Japan in April 2025"]),
        ("As a nurse, I work long shifts. What should I eat?",
         ["User is a nurse", "User works long shifts"]),
        ("Since I'm vegetarian, what should I cook tonight?", ["User is vegetarian"]),
        ("My favourite colour is blue, what's yours?", ["User's favourite colour is blue"]),
    ],
)  # fmt: skip
def test_facts_inside_requests_are_kept(text: str, statements: list[str]) -> None:
    assert _contents(text) == statements


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, that sounds great!", "Can you help me write an email?", "Good morning!",
        "If I were rich, I would buy a boat", "I wish I had a dog.", "Maybe I could go to Rome",
        "I think that's a good idea.", "I like it.", "I'll try that.", "I'm not sure.",
        "What did I say about my diet?", "Lisbon is the capital of Portugal.", "I see.",
        "Tell me about the war of 1812", "I need some advice", "I have a question",
        "I'm looking for some good restaurant recommendations", "It was great.",
        "I love your answer", "How do I fix my bike",
        "I just wanted to say hi", "I got a physical copy", "I want to pass it on to others",
        "I'd love to try it.", "I knew it would be hard", "I got great news on Friday",
        "We haven't talked in a few days", "I started on a book", "We last spoke on Monday",
        "I am determined to make it work.", "I have some of my favorites on there",
        "I don't feel like I'm making progress", "I've heard great things about it",
        "I'm so proud of her", "I felt accepted", "I've never been there",
        '"I was born in a lighthouse and I married a fisherman," says the label.',
        "```\nI am code = 1\n```", "> I live in Rome",
        "Proofread this paragraph:\nI grew up in a small village. My father was a baker.",
        "Can you check these lyrics?\n\nI left my heart in Crail\nI lost my boots",
    ],
)  # fmt: skip
def test_what_states_nothing_about_the_user_is_left_out(text: str) -> None:
    assert _contents(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Ich wohne seit März in Berlin und arbeite bei Siemens.",
        "Eu moro em Lisboa desde março e trabalho como enfermeira.",
        "Me gusta mucho el café y vivo en Madrid con mi hermana.",
        "私は東京に住んでいます。",
        "Я живу в Москве и работаю врачом.",
    ],
)
def test_other_languages_are_left_out_entirely(text: str) -> None:
    assert _contents(text) == []


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("I moved to Porto last month", "2025-02-01", "2025-02-28"),
        ("I bought a bike two weeks ago", "2025-02-28", "2025-02-28"),
        ("I have a test on Friday", "2025-03-21", "2025-03-21"),
        ("I got a test on Monday", "2025-03-17", "2025-03-17"),
        ("I've already booked 13 to 16 June off", "2025-06-13", "2025-06-16"),
        ("I have to finish my thesis before April", "2025-03-14", "2025-03-31"),
        ("I recently started yoga", "2025-03-07", "2025-03-13"),
        ("I'm moving in two weeks", "2025-03-28", "2025-03-28"),
        ("I lost 5 kilos in two weeks", "2025-03-14", "2025-03-14"),
        ("I am recovering from an operation which I had on 2 February", "2025-02-02", "2025-02-02"),
        ("Before, from 2018 until 2022, I was working in Oslo", "2018-01-01", "2022-12-31"),
        ("I play chess on Sunday nights", "2025-03-14", "2025-03-14"),
        ("I like tea", "2025-03-14", "2025-03-14"),
    ],
)
def test_the_tense_of_the_clause_decides_where_its_date_lies(
    text: str, first: str, last: str
) -> None:
    (candidate,) = extract(_session(text), FRIDAY)
    assert str(candidate.event_date_start) == f"{first} 00:00:00+00:00"
    assert str(candidate.event_date_end) == f"{last} 23:59:59+00:00"


def test_only_the_users_messages_are_sources() -> None:
    messages = _session("I live in Rome", role=MessageRole.ASSISTANT)
    assert (
        extract([*messages, *_session("I live in Faro")], FRIDAY)[0].content == "User lives in Faro"
    )
    assert extract(messages, FRIDAY) == []


def test_a_statement_said_twice_is_one_with_both_messages_as_evidence() -> None:
    (candidate,) = extract(_session("I like tea.", "ok", "As I said, I like tea"), FRIDAY)
    assert candidate.evidence == (0, 2)


def test_a_name_stands_for_the_relation_it_was_introduced_with() -> None:
    assert _contents("My brother Leo is a chef.", "Leo moved to Oslo last month.")[-1] == (
        "User's brother Leo moved to Oslo in February 2025"
    )


def test_the_speakers_name_in_front_of_messages_is_not_a_statement() -> None:
    messages = _session("Caroline: I moved to Oslo.", "Caroline: My cat Tom is 3.", "Caroline: Hi!")
    assert speaker_prefix(messages) == "Caroline:"
    contents = [candidate.content for candidate in extract(messages, FRIDAY)]
    assert contents == ["User moved to Oslo", "User has a cat named Tom", "User's cat Tom is 3"]


def test_a_pronoun_without_an_antecedent_is_not_guessed() -> None:
    assert _contents("She moved to Oslo.", "They are retired.") == []


def test_that_week_is_the_week_of_the_date_before() -> None:
    (_, candidate) = extract(_session("I fly to Oslo on 3 April and I'm on call that week"), FRIDAY)
    assert str(candidate.event_date_start.date()) == "2025-03-31"
    assert str(candidate.event_date_end.date()) == "2025-04-06"
