"""Properties of the hash embedder that tests rely on."""

import numpy as np
from tests.fakes import HashEmbedder

from hitherto.embedding import Embedder, EmbedderIdentity


def test_it_fulfils_the_protocol_and_names_itself() -> None:
    embedder: Embedder = HashEmbedder()
    assert embedder.identity == EmbedderIdentity("hash-64", 64)
    assert HashEmbedder(256).identity == EmbedderIdentity("hash-256", 256)


def test_vectors_are_float32_of_length_one_and_the_same_in_any_company() -> None:
    embedder = HashEmbedder()
    texts = ["I moved to Berlin.", "", "half a pair \ud83d", "x" * 5_000]
    vectors = embedder.embed(texts)
    assert vectors.shape == (4, 64)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    for row, text in enumerate(texts):
        assert np.array_equal(embedder.embed_query(text), vectors[row])
    assert embedder.embed([]).shape == (0, 64)


def test_the_vector_of_a_text_is_fixed_across_processes() -> None:
    vector = HashEmbedder().embed_query("Berlin")
    assert int(np.abs(vector).argmax()) == 33


def test_texts_that_share_words_are_closer() -> None:
    moved, moving, cat = HashEmbedder(256).embed(
        ["I moved to Berlin", "moving to Berlin soon", "the cat likes tuna"]
    )
    assert moved @ moving > moved @ cat + 0.2


def test_it_counts_words_and_punctuation() -> None:
    assert HashEmbedder().count_tokens("Hi, you two.") == 5
    assert HashEmbedder().count_tokens("") == 0
