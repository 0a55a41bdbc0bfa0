"""Readings of single statements."""

from datetime import UTC, datetime

import pytest
from tests.statement_models import ToldModel

from hitherto.core.extraction.extract import extract
from hitherto.core.statements.comparison import Times, find_clash
from hitherto.core.statements.reader import Polarity, Tense, read, read_candidate, read_clause
from hitherto.models import Candidate, Clause, Message, MessageRole

ASSERTS, DENIES, ENDED = Polarity.ASSERTS, Polarity.DENIES, Polarity.ENDED
PAST, PRESENT, FUTURE = Tense.PAST, Tense.PRESENT, Tense.FUTURE


@pytest.mark.parametrize(
    ("content", "attribute", "values"),
    [
        ("User lives in Lisbon", "residence", ("lisbon",)),
        ("User is based in Lisbon", "residence", ("lisbon",)),
        ("User has lived in New York since 2015", "residence", ("new york",)),
        ("User and her husband live in Lisbon, Portugal", "residence", ("lisbon", "portugal")),
        ("User and others live in Lisbon", "residence", ("lisbon",)),
        ("User works for Siemens", "employer", ("siemens",)),
        ("User works as a nurse", "job", ("nurs",)),
        ("User is a nurse", "job", ("nurs",)),
        ("User's name is Maria", "name", ("maria",)),
        ("User's birthday is on 3 May", "birthday", ("m5", "d3")),
        ("User was born on May 3rd, 1990", "birthday", ("y1990", "m5", "d3")),
        ("User was born on 1990-05-03", "birthday", ("y1990", "m5", "d3")),
        ("User was born in Lisbon", "birthplace", ("lisbon",)),
        ("User is 34 years old", "age", ("34",)),
        ("User is 34", "age", ("34",)),
        ("User is married to Tom", "relationship status", ("married", "tom")),
        ("User is vegetarian", "diet", ("vegetarian",)),
        ("User follows a vegan diet", "diet", ("vegan",)),
        ("User is allergic to peanuts", "allergy:peanut", ("peanut",)),
        ("User has a peanut allergy", "allergy:peanut", ("peanut",)),
        ("User's favourite colour is green", "favourite:colour", ("green",)),
        ("User's favorite color is green", "favourite:colour", ("green",)),
        ("User has a dog", "pet:dog", ()),
        ("User has a dog named Rex", "pet:dog", ("rex",)),
        ("User's dog is named Rex", "pet:dog", ("rex",)),
        ("User's sister is named Ana", "relative:sister", ("ana",)),
        ("User owns a red car", "possession:car", ("red",)),
        ("User has two cats", "count:cat", ("2",)),
        ("User's phone number is 555 0100", "phone number", ("555 0100",)),
        ("User loves jazz", "like", ("jazz",)),
    ],
)
def test_a_state_is_read_as_attribute_and_value(
    content: str, attribute: str, values: tuple[str, ...]
) -> None:
    reading = read(content).reading
    assert (reading.attribute, reading.values) == (attribute, values)
    assert (reading.subject, reading.polarity, reading.cue) == ("user", ASSERTS, None)


@pytest.mark.parametrize(
    ("content", "attribute", "values", "cue"),
    [
        ("User moved to Porto on 14 March 2025", "residence", ("porto",), "moved"),
        ("User now lives in Porto", "residence", ("porto",), "now"),
        ("User is now a teacher", "job", ("teacher",), "now"),
        ("User started working at Bosch", "employer", ("bosch",), "started"),
        ("User got a job at Bosch in March 2024", "employer", ("bosch",), "got"),
        ("User became a vegan", "diet", ("vegan",), "became"),
        ("User has decided to go vegan", "diet", ("vegan",), "became"),
        ("User turned 35", "age", ("35",), "turned"),
        ("User got married to Tom", "relationship status", ("married", "tom"), "got"),
        ("User's favourite colour changed to blue", "favourite:colour", ("blue",), "changed"),
        ("User's new boss is Harriet", "relative:boss", ("harriet",), "new"),
    ],
)
def test_a_change_is_read_with_its_cue(
    content: str, attribute: str, values: tuple[str, ...], cue: str
) -> None:
    reading = read(content).reading
    assert (reading.attribute, reading.values, reading.cue) == (attribute, values, cue)
    assert reading.polarity is ASSERTS
    assert reading.tense is not FUTURE


@pytest.mark.parametrize(
    ("content", "attribute", "values"),
    [
        ("User no longer eats meat", "eat", ("meat",)),
        ("User does not eat meat anymore", "eat", ("meat",)),
        ("User used to play tennis", "play", ("tenni",)),
        ("User used to live in Berlin", "residence", ("berlin",)),
        ("User quit smoking", "smoke", ()),
        ("User stopped going to yoga", "go", ("yoga",)),
        ("User is no longer vegetarian", "diet", ("vegetarian",)),
        ("User is no longer allergic to peanuts", "allergy:peanut", ("peanut",)),
        ("User outgrew her peanut allergy", "allergy:peanut", ("peanut",)),
        ("User sold the car", "possession:car", ()),
        ("User sold her red car", "possession:car", ("red",)),
        ("User quit her job at Siemens", "employer", ("siemens",)),
        ("User was laid off from Siemens", "employer", ("siemens",)),
        ("User's dog Rex died", "pet:dog", ("rex",)),
    ],
)
def test_an_end_is_read_as_ended(content: str, attribute: str, values: tuple[str, ...]) -> None:
    reading = read(content).reading
    assert (reading.attribute, reading.values) == (attribute, values)
    assert reading.polarity is ENDED
    assert reading.cue


@pytest.mark.parametrize(
    ("content", "attribute"),
    [
        ("User is not allergic to peanuts", "allergy:peanut"),
        ("User isn't allergic to peanuts", "allergy:peanut"),
        ("User does not like coffee", "like"),
        ("User hates coffee", "like"),
        ("User never eats meat", "eat"),
    ],
)
def test_a_denial_is_read_as_denied(content: str, attribute: str) -> None:
    reading = read(content).reading
    assert (reading.attribute, reading.polarity) == (attribute, DENIES)


@pytest.mark.parametrize(
    "content",
    [
        "User plans to move to Rome",
        "User is moving to Rome",
        "User will move to Rome",
        "User wants to move to Rome",
        "User and others are moving to Rome",
        "User is thinking of moving to Rome",
        "User would like to move to Rome",
    ],
)
def test_a_plan_lies_in_the_future_and_changes_nothing(content: str) -> None:
    reading = read(content).reading
    assert reading.tense is FUTURE
    assert reading.cue is None


@pytest.mark.parametrize(
    ("content", "subject", "attribute"),
    [
        ("User's sister Ana lives in Berlin", "user's sister ana", "residence"),
        ("User's sister, Ana, works at Bosch", "user's sister ana", "employer"),
        ("User's mom lives in Berlin", "user's mother", "residence"),
        ("User's sister's birthday is on 5 June", "user's sister", "birthday"),
        ("Ana is a nurse", "ana", "job"),
    ],
)
def test_statements_about_others_keep_their_subject(
    content: str, subject: str, attribute: str
) -> None:
    reading = read(content).reading
    assert (reading.subject, reading.attribute) == (subject, attribute)


def test_one_statement_can_have_several_readings() -> None:
    work = read("User works at Siemens as a nurse")
    assert [(r.attribute, r.values) for r in work.readings] == [
        ("employer", ("siemens",)),
        ("job", ("nurs",)),
    ]
    allergies = read("User is allergic to peanuts and shellfish")
    assert [r.attribute for r in allergies.readings] == ["allergy:peanut", "allergy:shellfish"]


@pytest.mark.parametrize(
    "content",
    [
        "User joined Toastmasters",
        "User left Lisbon early because of rain",
        "User lived in Berlin for three years",
        "User worked at Siemens for a year",
        "User moved in with her boyfriend",
        "User is a big fan of jazz",
        "User bought a second car",
        "User adopted a second cat",
        "User works from home",
        "User is used to long winters",
        "User stopped by the bakery",
    ],
)
def test_what_only_looks_like_a_single_valued_fact_is_read_generically(content: str) -> None:
    assert not any(r.single_valued and r.polarity is ASSERTS for r in read(content).readings)


def test_what_is_single_valued_and_what_never_changes() -> None:
    assert read("User lives in Lisbon").reading.single_valued
    assert not read("User likes jazz").reading.single_valued
    assert not read("User has a dog named Rex").reading.single_valued
    for content in ("User was born on 3 May 1990", "User was born in Lisbon", "User's name is Eva"):
        assert read(content).reading.immutable
    assert not read("User lives in Lisbon").reading.immutable


def test_what_was_left_is_read_beside_what_was_taken_up() -> None:
    moved = read("User moved from Berlin to Lisbon").reading
    assert (moved.values, moved.replaced) == (("lisbon",), ("berlin",))
    switched = read("User switched from Android to an iPhone").reading
    assert (switched.values, switched.replaced) == (("iphon",), ("android",))


def test_a_date_is_a_detail_of_a_move_and_none_of_a_birthday() -> None:
    assert "2025" in read("User moved to Porto on 14 March 2025").details
    assert not read("User was born on 3 May 1990").details


@pytest.mark.parametrize("content", ["", "User", "User.", "…", "42", "User's", "the user is", "Ω"])
def test_any_text_gives_a_statement(content: str) -> None:
    assert read(content).readings


@pytest.mark.parametrize(
    ("old", "new", "attribute"),
    [
        ("User counts calories", "User counts steps", "verb:count"),
        ("User named their boat Luna", "User's name is Maria", "verb:name"),
        ("User addressed the board", "User addressed the staff", "verb:address"),
        ("Age: the risk grows", "Age: forty", "verb:age"),
        ("User aged a cheese", "User is 34", "verb:age"),
        ("User emailed Ana", "User's email is a@b.org", "verb:email"),
    ],
)
def test_a_verb_is_no_attribute_of_the_same_name(old: str, new: str, attribute: str) -> None:
    earlier, later = read(old), read(new)
    assert earlier.reading.attribute == attribute
    assert not earlier.reading.single_valued
    for times in (Times(True, False), Times(False, True)):
        assert find_clash(later, earlier, times) is None


FRIDAY = datetime(2025, 3, 14, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "I moved to Porto.",
        "I no longer eat meat.",
        "My dad's name is Tom.",
        "My brother lives in Leeds.",
        "My favourite city is Lisbon.",
    ],
)
def test_a_clause_is_read_as_its_text_is(text: str) -> None:
    (candidate,) = extract([Message(MessageRole.USER, text, FRIDAY)], FRIDAY, ToldModel(text))
    assert candidate.clause is not None
    assert candidate.clause.text == candidate.content
    assert read_candidate(candidate) == read(candidate.content)


@pytest.mark.parametrize(
    ("subject", "predicate", "about", "attribute"),
    [
        ("User's hobbies", "are chess and tennis", "user", "owned:hobbi"),
        ("User's dog food", "is Acme", "user", "owned:dog food"),
        ("User's friend from work", "moved to Leeds", "user's friend", "residence"),
        ("User's teacher Mrs. Patel", "moved to Leeds", "user's teacher", "residence"),
        ("User and some friends from church", "moved to Leeds", "user", "residence"),
        ("User and their wife Eva's flat", "is green", "user", "owned:flat"),
        ("User's parents", "are retired", "user's parents", "are"),
        ("User's mum Jo's favourite colour", "is green", "user's mother jo", "favourite:colour"),
        ("The band", "plays in Leeds", "the band", "play"),
    ],
)
def test_the_subject_of_a_clause_is_not_guessed(
    subject: str, predicate: str, about: str, attribute: str
) -> None:
    statement = read_clause(Clause(subject, predicate))
    assert statement.content == f"{subject} {predicate}"
    assert (statement.reading.subject, statement.reading.attribute) == (about, attribute)


def test_a_candidate_without_a_clause_is_read_by_its_text() -> None:
    candidate = Candidate("User works at Siemens", FRIDAY, FRIDAY, (0,))
    assert read_candidate(candidate) == read("User works at Siemens")
