"""Which sentences a deletion removes from a text, and where a sentence ends for it."""

import pytest

from hitherto.core.history.redaction import REDACTED, redactor_for
from hitherto.core.text.sentences import whole_sentence_spans


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("I see Dr. Okafor today. I like tea.", ["I see Dr. Okafor today.", "I like tea."]),
        ("Ask Prof. Lind. She knows.", ["Ask Prof. Lind.", "She knows."]),
        ("We met at St. Olaf. It rained.", ["We met at St. Olaf.", "It rained."]),
        ("I bank with J. P. Morgan. Why?", ["I bank with J. P. Morgan.", "Why?"]),
        ("I rise at 5 a.m. on weekdays. Ugh.", ["I rise at 5 a.m. on weekdays.", "Ugh."]),
        ("I rise at 5 a.m. My cat, too.", ["I rise at 5 a.m.", "My cat, too."]),
        ("I left the U.S. My son stayed.", ["I left the U.S.", "My son stayed."]),
        ("I rise at 5 A.M. My cat, too.", ["I rise at 5 A.M.", "My cat, too."]),
        ("She has a Ph.D. My son has none.", ["She has a Ph.D.", "My son has none."]),
        ("I love J.R.R. Tolkien. Truly.", ["I love J.R.R. Tolkien.", "Truly."]),
        ("I eat nuts, e.g. Brazil nuts. Yum.", ["I eat nuts, e.g. Brazil nuts.", "Yum."]),
        ("My desk is no. 14 here. Hello.", ["My desk is no. 14 here.", "Hello."]),
        ("Married? No. My job is new.", ["Married?", "No.", "My job is new."]),
        ("She hates cats and so do I. We agree.", ["She hates cats and so do I.", "We agree."]),
        ("My doctor is Dr.\nThe next line", ["My doctor is Dr.", "The next line"]),
        ("I trust my Dr.", ["I trust my Dr."]),
    ],
)  # fmt: skip
def test_a_sentence_does_not_end_at_an_abbreviation(text: str, sentences: list[str]) -> None:
    spans = list(whole_sentence_spans(text))
    assert [text[start:end].strip() for start, end in spans] == sentences
    assert "".join(text[start:end] for start, end in spans) == text


def test_a_sentence_with_a_title_goes_as_a_whole() -> None:
    redactor = redactor_for(["User sees Dr. Okafor for migraine"], [], [])
    text = "My neurologist is Dr. Okafor. My sister plays the cello."
    assert redactor.redact_evidence(text) == f"{REDACTED} My sister plays the cello."


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_memories_of_one_sentence_take_only_that(order: tuple[int, int]) -> None:
    memories = ["User works as a nurse at Charite", "User's employer is in Berlin"]
    text = "I am a nurse at Charite in Berlin. My sister plays the cello. I like strong tea."
    for index in order:
        others = [content for content in memories if content != memories[index]]
        redactor = redactor_for([memories[index]], [], others)
        redactor = redactor.with_removed(redactor.grounds(text))
        text = redactor.redact_evidence(text)
        memories = [*others, ""]
        memories = memories if index == 0 else memories[::-1]
    assert text == f"{REDACTED} My sister plays the cello. I like strong tea."


def test_a_message_redacted_before_still_loses_what_states_the_memory() -> None:
    redactor = redactor_for(["User plays the cello"], [], [])
    text = f"{REDACTED} I have played the cello for years. I like strong tea."
    assert redactor.redact_evidence(text) == f"{REDACTED} I like strong tea."


def test_a_message_that_states_nothing_goes_as_a_whole_the_first_time() -> None:
    redactor = redactor_for(["User lives in Quokkaville"], [], [])
    assert redactor.grounds("Ich wohne hier. Es ist schoen.") != []
    assert redactor.redact_evidence("Ich wohne hier. Es ist schoen.") == REDACTED
    redacted = f"{REDACTED} Es ist schoen."
    assert redactor.grounds(redacted) == []
    assert redactor.redact_evidence(redacted) == redacted
