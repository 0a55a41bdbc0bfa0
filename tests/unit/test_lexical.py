"""Tokens, terms and BM25."""

import math

import numpy as np
import pytest

from hitherto.core.recall.bm25 import build_lexical_index, count_scores, inverse_frequency
from hitherto.core.text.tokens import content_tokens, terms, tokenise


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't stop!", ["don't", "stop"]),
        ("It’s Zoë’s café", ["it's", "zoë's", "café"]),
        ("ﬁne Ｗｉｄｅ", ["fine", "wide"]),
        ("東京に", ["東京", "京に"]),
        ("猫", ["猫"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("Привет, мир", ["привет", "мир"]),
        ("mix日本語text", ["mix", "日本", "本語", "text"]),
        ("snake_case 5km", ["snake", "case", "5km"]),
        ("", []),
    ],
)
def test_text_is_split_into_lower_case_words(text: str, tokens: list[str]) -> None:
    assert tokenise(text) == tokens


def test_terms_are_stems_without_stop_words() -> None:
    assert terms("I was running with the dogs") == ["run", "dog"]


def test_a_possessive_is_the_same_term_as_its_owner() -> None:
    assert content_tokens("Zoë's sister’s car") == ["zoë", "sister", "car"]


def test_scores_agree_with_the_formula() -> None:
    documents = [["kayak", "red", "kayak"], ["kayak"], ["tea", "green"]]
    scores = build_lexical_index(documents).scores(["kayak"], k1=1.2, b=0.9)
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))

    def bm25(count: int, length: int) -> float:
        return idf * count * 2.2 / (count + 1.2 * (0.1 + 0.9 * length / 2))

    assert scores == pytest.approx([bm25(2, 3), bm25(1, 1), 0.0])
    assert scores.dtype == np.float32


def test_scores_from_a_table_of_counts_are_the_same() -> None:
    index = build_lexical_index([["a", "b"], ["b", "b", "c"], [], ["d"]])
    wanted = ["b", "c", "unseen"]
    table = index.counts(wanted)
    assert table.tolist() == [[1, 2, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert count_scores(table, index.lengths) == pytest.approx(index.scores(wanted))


def test_appending_one_by_one_gives_the_index_of_all() -> None:
    documents = [[f"t{n % 7}", f"t{n % 3}", "all"] for n in range(100)]
    grown = build_lexical_index([])
    for document in documents:
        grown = grown.append([document])
    whole = build_lexical_index(documents)
    wanted = ["t0", "t5", "all"]
    assert grown.scores(wanted) == pytest.approx(whole.scores(wanted))
    assert grown.counts(wanted).tolist() == whole.counts(wanted).tolist()
    assert sorted(grown.document_terms(42)) == sorted({"t0", "all"})


def test_appending_one_by_one_keeps_few_segments() -> None:
    index = build_lexical_index([])
    for number in range(300):
        index = index.append([[f"t{number}"]])
    assert len(index.segments) <= 10


def test_appending_leaves_the_index_before_as_it_was() -> None:
    before = build_lexical_index([["tea"], ["milk"]])
    expected = before.scores(["tea"]).tolist()
    after = before.append([["tea", "tea"]])
    assert before.scores(["tea"]).tolist() == expected
    assert len(after.scores(["tea"])) == 3


def test_an_empty_index_has_no_scores() -> None:
    assert build_lexical_index([]).scores(["tea"]).shape == (0,)
    assert build_lexical_index([]).counts(["tea"]).shape == (1, 0)


def test_documents_without_terms_score_nothing() -> None:
    assert build_lexical_index([[], []]).scores(["tea"]).tolist() == [0.0, 0.0]


def test_a_term_in_no_document_weighs_nothing() -> None:
    assert inverse_frequency(0, 10) == 0.0
    assert inverse_frequency(1, 10) > inverse_frequency(9, 10) > 0.0
