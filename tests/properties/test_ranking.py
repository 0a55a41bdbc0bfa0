"""Properties of the rankers over arbitrary scores and texts."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hitherto.core.recall.bm25 import build_lexical_index
from hitherto.core.recall.passages import MAX_CHUNKS, chunk_spans
from hitherto.core.recall.scoring import best_rows, calibrate, min_max, sum_windows
from hitherto.core.text.tokens import terms, tokenise

SCORES = arrays(np.float32, st.integers(0, 60), elements=st.floats(-10, 10, width=32))
DOCUMENTS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=8), max_size=30)


@given(SCORES, st.integers(0, 70))
def test_best_rows_are_the_front_of_a_stable_sort(scores: np.ndarray, limit: int) -> None:
    expected = sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:limit]
    assert best_rows(scores, limit).tolist() == expected


@given(SCORES)
def test_min_max_stays_within_bounds_and_keeps_the_order(scores: np.ndarray) -> None:
    stretched = min_max(scores)
    assert all(0.0 <= value <= 1.0 for value in stretched)
    order = np.argsort(scores, kind="stable")
    assert (np.diff(stretched[order]) >= 0).all()


@given(
    st.lists(st.tuples(st.floats(-1, 1, width=32), st.floats(0, 1, width=32)), min_size=1),
    st.floats(0, 0.5, width=32),
)
def test_similarity_rises_with_both_sides(pairs: list[tuple[float, float]], more: float) -> None:
    cosines, covered = np.array(pairs, np.float32).T
    plain = calibrate(cosines, covered)
    assert ((plain > 0) & (plain < 1)).all()
    assert (calibrate(cosines + np.float32(more), covered) >= plain).all()
    assert (calibrate(cosines, covered + np.float32(more)) >= plain).all()


@given(DOCUMENTS, st.lists(st.integers(0, 30), max_size=4))
def test_an_index_does_not_depend_on_how_it_was_appended(
    documents: list[list[str]], cuts: list[int]
) -> None:
    grown = build_lexical_index([])
    start = 0
    for end in [*sorted(min(cut, len(documents)) for cut in cuts), len(documents)]:
        grown = grown.append(documents[start:end])
        start = end
    whole = build_lexical_index(documents)
    assert np.array_equal(grown.counts("abc"), whole.counts("abc"))
    assert np.allclose(grown.scores("abc"), whole.scores("abc"))
    assert np.array_equal(grown.lengths, whole.lengths)


@given(DOCUMENTS, st.integers(0, 3))
def test_windowed_counts_are_sums_over_neighbours(documents: list[list[str]], reach: int) -> None:
    counts = build_lexical_index(documents).counts("ab")
    sessions = np.arange(len(documents), dtype=np.int32) // 4
    for row in range(len(documents)):
        near = [
            other
            for other in range(len(documents))
            if abs(other - row) <= reach and sessions[other] == sessions[row]
        ]
        assert (sum_windows(counts, sessions, reach)[:, row] == counts[:, near].sum(axis=1)).all()


@given(st.text(max_size=400))
def test_chunks_cover_any_text_in_order(text: str) -> None:
    spans = chunk_spans(text)
    assert len(spans) <= MAX_CHUNKS
    assert all(start < end for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    covered = "".join(text[start:end] for start, end in spans)
    assert "".join(covered.split()) == "".join(text.split())


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_text_is_split_like_any_other(text: str) -> None:
    assert [*tokenise(text), "ø"] == tokenise(f"{text} ø")


@given(st.text(max_size=200))
def test_tokens_of_any_text_are_stable_under_tokenising_again(text: str) -> None:
    tokens = tokenise(text)
    assert all(token and token.strip() == token for token in tokens)
    assert len(terms(text)) <= len(tokens)
