"""Vectors and token counts of the local embedder."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hitherto.embedding import Embedder, EmbedderIdentity, LocalEmbedder

ODD_TEXTS = [
    "",
    " \n\t ",
    "\0",
    "before\0after",
    "half a pair \ud83d of surrogates",
    "\udfff",
    "Ich wohne seit März in Köln.",
    "我搬到了柏林。",
    "私は寿司が好きです",
    "Я люблю горы",
    "أحب القهوة",
    "ผมชอบอาหารไทย",
    "👩‍👩‍👧‍👦 🎉",
    "e\u0301" * 50,
    "[CLS] [SEP] [PAD] [UNK] [MASK]",
    "word " * 200_000,
    "x" * 1_000_000,
]


def cosine(embedder: LocalEmbedder, left: str, right: str) -> float:
    return float(embedder.embed_query(left) @ embedder.embed_query(right))


def test_it_fulfils_the_protocol_and_names_itself(embedder: LocalEmbedder) -> None:
    as_protocol: Embedder = embedder
    assert as_protocol.identity == EmbedderIdentity("all-minilm-l6-v2-int8", 384)


def test_vectors_are_float32_of_length_one_in_the_order_of_the_texts(
    embedder: LocalEmbedder,
) -> None:
    texts = ["short", "a text that is quite a bit longer than the others " * 5, "of middle length"]
    vectors = embedder.embed(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    for row, text in enumerate(texts):
        query = embedder.embed_query(text)
        assert query.dtype == np.float32
        assert query.shape == (384,)
        assert np.array_equal(vectors[row], query)


def test_no_texts_give_no_rows(embedder: LocalEmbedder) -> None:
    vectors = embedder.embed([])
    assert vectors.shape == (0, 384)
    assert vectors.dtype == np.float32


def test_a_vector_does_not_depend_on_its_neighbours_or_the_number_of_threads(
    embedder: LocalEmbedder,
) -> None:
    text = "My sister moved to Lisbon in spring."
    neighbours = ["!", "word " * 300, "我搬到了柏林。", "0 1 2 3 4 5 6 7 8 9"] * 5
    alone = embedder.embed([text])[0]
    among_others = embedder.embed([*neighbours, text, *neighbours])[len(neighbours)]
    assert np.array_equal(alone, among_others)


def test_calls_from_many_threads_agree_with_calls_from_one(embedder: LocalEmbedder) -> None:
    texts = [f"On day {number} we walked {number * 3} kilometres." for number in range(40)]
    expected = embedder.embed(texts)
    with ThreadPoolExecutor(8) as pool:
        vectors = list(pool.map(embedder.embed_query, texts))
        counts = list(pool.map(embedder.count_tokens, texts))
    assert np.array_equal(np.stack(vectors), expected)
    assert counts == [embedder.count_tokens(text) for text in texts]


@pytest.mark.parametrize("text", ODD_TEXTS, ids=lambda text: ascii(text[:12]))
def test_every_text_has_a_vector_and_a_count(embedder: LocalEmbedder, text: str) -> None:
    vector = embedder.embed([text, "neighbour"])[0]
    assert abs(float(np.linalg.norm(vector)) - 1.0) < 1e-5
    assert embedder.count_tokens(text) >= 0


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("I moved to Berlin last year.", "She lives in Berlin now.", "The cat likes tuna."),
        ("My daughter plays the violin.", "Our child makes music.", "The car needs new tyres."),
        ("I am allergic to peanuts.", "Which foods must I avoid?", "When does the train leave?"),
        ("We got married in June.", "When was the wedding?", "What is the wifi password?"),
    ],
)
def test_texts_of_like_meaning_are_closer(
    embedder: LocalEmbedder, text: str, near: str, far: str
) -> None:
    assert cosine(embedder, text, near) > cosine(embedder, text, far) + 0.1


def test_words_after_the_128th_token_still_count(embedder: LocalEmbedder) -> None:
    start = "apple " * 150
    assert cosine(embedder, start, start + "locomotive " * 80) < 0.95


def test_words_after_the_254th_token_do_not_count(embedder: LocalEmbedder) -> None:
    start = "apple " * 254
    assert np.array_equal(
        embedder.embed_query(start), embedder.embed_query(start + "locomotive " * 80)
    )


def test_leading_white_space_does_not_push_the_text_out_of_sight(embedder: LocalEmbedder) -> None:
    text = "The key is under the mat."
    assert np.array_equal(embedder.embed_query(text), embedder.embed_query("\n" * 10_000 + text))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("hello", 1),
        ("Hello, world!", 4),
        ("我搬到了柏林。", 7),
        ("apple " * 1_000, 1_000),
    ],
)
def test_tokens_are_counted_over_the_whole_text(
    embedder: LocalEmbedder, text: str, count: int
) -> None:
    assert embedder.count_tokens(text) == count


def test_no_token_reaches_over_a_line_break(embedder: LocalEmbedder) -> None:
    lines = [*(text[:2_000] for text in ODD_TEXTS), "- A line, and", "  (another) one ...", "##s"]
    pairs = [(left, right) for left in lines for right in lines]
    assert [
        (left, right)
        for left, right in pairs
        if embedder.count_tokens(f"{left}\n{right}")
        != embedder.count_tokens(left) + embedder.count_tokens(right)
    ] == []


def test_a_word_that_the_vocabulary_cannot_spell_counts_by_its_length(
    embedder: LocalEmbedder,
) -> None:
    assert embedder.count_tokens("ผมชอบอาหารไทยมาก") == 8
    assert embedder.count_tokens("x7Qa" * 1_000) >= 1_000
    assert embedder.count_tokens("🎉") == 1
