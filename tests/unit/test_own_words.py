"""Pieces of messages that are kept in the user's own words."""

from datetime import UTC, datetime

import pytest
from tests.statement_models import ToldModel

from hitherto.core.extraction.extract import extract
from hitherto.core.extraction.own_words import clean, context_of, kept_words
from hitherto.core.text.quotation import Quotation, quotation_of
from hitherto.models import Message, MessageRole

FRIDAY = datetime(2025, 3, 14, 10, tzinfo=UTC)
USER, ASSISTANT = MessageRole.USER, MessageRole.ASSISTANT


def _messages(*texts: str) -> list[Message]:
    """Return messages of the assistant (those that begin with "A:") and of the user."""
    return [
        Message(ASSISTANT, text[2:], FRIDAY) if text[:2] == "A:" else Message(USER, text, FRIDAY)
        for text in texts
    ]


def _kept(text: str, *phrases: str) -> list[str]:
    messages = _messages(text)
    return [piece.words for piece in kept_words(messages, 0, ToldModel(*phrases))]


CUT = [
    ("I grow dahlias, any tips against slugs?", ["I grow dahlias"], ["I grow dahlias"]),
    ("Quick one: what is oat milk? We run a café in Graz - and thanks!",
     ["We run a café in Graz"], ["We run a café in Graz"]),
    ("Thanks! I teach maths and my husband paints.",
     ["I teach maths and my husband paints."], ["I teach maths and my husband paints."]),
    ("ok so I was in Rome, which was hot, and met Leo",
     ["I was in Rome, which was hot, and met Leo"], ["I was in Rome, which was hot, and met Leo"]),
    ("Ich wohne in Köln、日本語を勉強しています。ok?",
     ["Ich wohne in Köln", "日本語を勉強しています"],
     ["Ich wohne in Köln、日本語を勉強しています。"]),
    ("- **I keep bees**\n- what is mead?", ["I keep bees"], ["I keep bees"]),
    ("I keep bees?", ["I keep bees"], []),
    ("```\nI keep bees\n```\nI sell honey.", ["I keep bees", "I sell honey."], ["I sell honey."]),
    ("> I keep bees\nI sell honey.", ["I keep bees", "I sell honey."], ["I sell honey."]),
    ('My boss wrote "I quit smoking last week", lovely.', ["I quit smoking last week"], []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "phrases", "kept"), CUT)
def test_what_is_kept_is_cut_at_marks(text: str, phrases: list[str], kept: list[str]) -> None:
    assert _kept(text, *phrases) == kept


UNCLEAR = [
    (["I got a cat. She is five."], ["I got a cat.", "She is five."],
     'User said: "She is five." (after: "I got a cat.")'),
    (["I got a cat. Grey. She is five."], ["I got a cat.", "She is five."],
     'User said: "She is five." (after: "I got a cat. Grey.")'),
    (["What is oat milk? She is five."], ["She is five."],
     'User said: "She is five." (after: "What is oat milk?")'),
    (["I got a cat (what is the one thing that I need to buy?), she is five"],
     ["I got a cat", "she is five"],
     'User said: "she is five" (after: "I got a cat (what is the one thing that I need to buy?)")'),
    (["A:Nice. How old is the cat?", "She is five."], ["She is five."],
     'User said: "She is five." (asked: "How old is the cat?")'),
    (["A:How old is the cat?", "Let me see. She is five."], ["She is five."],
     'User said: "She is five." (asked: "How old is the cat?", then: "Let me see.")'),
    (["I got a cat.", "A:Nice.", "She is five."], ["I got a cat.", "She is five."],
     'User said: "She is five." (after: "I got a cat.")'),
    (["I got a cat. " + "x " * 200 + ". She is five."], ["She is five."],
     'User said: "She is five."'),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "phrases", "content"), UNCLEAR)
def test_words_that_need_others_keep_those_before(
    texts: list[str], phrases: list[str], content: str
) -> None:
    model = ToldModel(*phrases, unclear=[phrase for phrase in phrases if "he is" in phrase])
    found = [item.content for item in extract(_messages(*texts), FRIDAY, model)]
    assert found[-1] == content
    quotation = quotation_of(content)
    assert quotation is not None
    assert quotation.content == content


def test_a_short_answer_keeps_its_question() -> None:
    messages = _messages("A:Nice! And where do you live?", "Graz, why?")
    piece = kept_words(messages, 1, ToldModel("Graz"))[0]
    assert (piece.words, piece.question) == ("Graz", "where do you live?")
    assert kept_words(_messages("Graz, why?"), 0, ToldModel("Graz")) == []
    long = _messages("A:Where do you live?", "I live near Graz with my aunt.")
    assert kept_words(long, 1, ToldModel(long[1].content))[0].question == ""


def test_the_conversation_before_is_read_along() -> None:
    model = ToldModel()
    kept_words(_messages("Hi", "A:Hello", "I am a diver"), 2, model)
    assert model.read_texts == [("I am a diver", "user: Hi assistant: Hello")]
    long = "a" * 500 + "b" * 500
    assert len(context_of([(True, long)])) < 320
    assert context_of([(False, long)]).endswith("b" * 200)


def test_only_the_beginning_of_a_long_message_is_read() -> None:
    model = ToldModel()
    kept_words(_messages("word " * 100_000), 0, model)
    assert len(model.read_texts[0][0]) == 20_000


CLEANED = [
    ("**I live in _Bergen_**,", "I live in Bergen"),
    ("- my config is in ~/.config_dir/a_b", "my config is in ~/.config_dir/a_b"),
    ("and I work 9am-5pm -", "I work 9am-5pm"),
    ("1. I sa\u200bil", "I sail"),
    ("und ich  segle", "ich segle"),
]


@pytest.mark.parametrize(("words", "cleaned"), CLEANED)
def test_markup_is_taken_off_and_nothing_else(words: str, cleaned: str) -> None:
    assert clean(words) == cleaned


def test_days_are_noted_in_brackets_by_the_time_that_is_spoken_of() -> None:
    def content(text: str, time: str) -> tuple[str, str]:
        model = ToldModel(text, times={text: time})
        found = extract(_messages(text), FRIDAY, model)[0]
        return found.content, found.event_date_start.date().isoformat()

    moved = content("the deadline got moved to 2 May, phew", "future")
    assert moved == (
        'User said: "the deadline got moved to 2 May [2 May 2025], phew"', "2025-05-02"
    )  # fmt: skip
    assert content("handed it in on 2 May, phew", "past")[1] == "2024-05-02"
    written = content("handed it in on 2 May 2023, phew", "past")
    assert written == ('User said: "handed it in on 2 May 2023, phew"', "2023-05-02")


@pytest.mark.parametrize(
    "quotation",
    [
        Quotation("I sail"),
        Quotation("near Graz", "Where do you live?"),
        Quotation('they call me "Doc"'),
        Quotation("a\nb", "c?"),
    ],
)
def test_a_memory_gives_back_the_words_that_it_quotes(quotation: Quotation) -> None:
    assert quotation_of(quotation.content) == quotation


def test_other_memories_quote_nothing() -> None:
    assert quotation_of("User said that they sail") is None
    assert quotation_of('User said: "I sail on Friday [7 March 2025]"') == Quotation(
        "I sail on Friday"
    )
