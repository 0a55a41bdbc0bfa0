"""Messages cut into passages."""

from datetime import UTC, datetime

from hitherto.core.recall.passages import (
    CHUNK_WORDS,
    MAX_CHUNKS,
    PassageKind,
    chunk_spans,
    cut,
    speaker_names,
    word_count,
)
from hitherto.models import Message, MessageRole

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def make_messages(*contents: str) -> list[Message]:
    roles = (MessageRole.USER, MessageRole.ASSISTANT)
    return [Message(roles[n % 2], content, NOON) for n, content in enumerate(contents)]


def chunk_texts(content: str) -> list[str]:
    return [content[start:end] for start, end in chunk_spans(content)]


def test_a_short_message_is_one_chunk_without_surrounding_white_space() -> None:
    assert chunk_texts("  I bought a red kayak.\n") == ["I bought a red kayak."]


def test_a_long_message_is_cut_between_sentences() -> None:
    first = "On Saturday " + "we paddled " * 9 + "home."
    second = "After that " + "we cooked " * 9 + "soup."
    assert chunk_texts(f"{first} {second}") == [first, second]


def test_a_sentence_far_too_long_is_cut_between_words() -> None:
    texts = chunk_texts(" ".join(f"word{n}" for n in range(100)))
    assert len(texts) == 5
    assert all(word_count(text) == CHUNK_WORDS for text in texts)


def test_no_message_gives_more_chunks_than_the_bound() -> None:
    content = "\n".join(f"- item number {n} of a very long list." for n in range(900))
    assert 1 < len(chunk_spans(content)) <= MAX_CHUNKS


def test_chunks_leave_out_nothing_but_white_space() -> None:
    content = "One! Two? " + "three " * 50 + "\n\n四つ目の文です。五つ目。 end" + " tail" * 30
    joined_text = "".join(chunk_texts(content))
    assert "".join(joined_text.split()) == "".join(content.split())


def test_text_without_spaces_is_cut_too() -> None:
    assert len(chunk_spans("今日は新しい自転車を買いました" * 20)) > 1


def test_a_window_holds_the_messages_on_both_sides() -> None:
    passages = cut(make_messages("Any pets?", "A parrot named Kiwi.", "Lovely!"))
    windows = [passage for passage in passages if passage.kind is PassageKind.WINDOW]
    assert [window.position for window in windows] == [0, 1, 2]
    assert windows[1].text == "Any pets?\nA parrot named Kiwi.\nLovely!"
    assert (windows[1].start, windows[1].end) == (0, len("A parrot named Kiwi."))


def test_a_window_takes_the_nearest_words_of_long_neighbours() -> None:
    long = " ".join(f"w{n}" for n in range(500))
    middle = next(
        passage
        for passage in cut(make_messages(long, "Yes.", long))
        if passage.kind is PassageKind.WINDOW and passage.position == 1
    )
    assert "w499\nYes.\nw0" in middle.text
    assert "w250" not in middle.text


def test_blank_messages_have_no_passages() -> None:
    assert {passage.position for passage in cut(make_messages("Hello there.", " \n ", "Bye."))} == {
        0,
        2,
    }


def test_a_lone_short_message_has_no_window_to_repeat_it() -> None:
    assert [passage.kind for passage in cut(make_messages("I moved to Oslo."))] == [
        PassageKind.CHUNK
    ]


def test_speakers_are_read_from_an_exported_chat() -> None:
    chat = make_messages("Ana: hi!", "Bo Lind: hello", "Ana: news: I got the job", "Bo Lind: great")
    assert speaker_names(chat) == ["Ana", "Bo Lind", "Ana", "Bo Lind"]


def test_a_single_prefix_among_plain_messages_is_no_speaker() -> None:
    chat = make_messages("Note: buy milk", "Sure.", "What else?", "Bread.", "Thanks", "Welcome.")
    assert speaker_names(chat) == [None] * 6


def test_headings_that_keep_changing_are_no_speakers() -> None:
    chat = make_messages(
        "Name: Jo", "ok", "Age: forty", "ok", "Town: Bern", "ok", "Job: baker", "ok"
    )
    assert speaker_names(chat) == [None] * 8
