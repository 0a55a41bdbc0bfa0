"""The statement model that ships with the package."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hitherto import trained
from hitherto.core.statements.learned import RELATIONS, TOKEN_SCORES, ReadMessage, StatementPair
from hitherto.errors import InternalServerError
from hitherto.trained import statement_model
from hitherto.trained.onnx_statement_model import OnnxStatementModel

TEXT = "I moved to Graz in May. Can you recommend a café?"


def test_every_token_has_its_characters_and_scores() -> None:
    read = statement_model().read(TEXT, "")
    assert read.scores.shape == (len(read.offsets), TOKEN_SCORES)
    assert read.offsets[0, 0] == 0
    assert read.offsets[-1, 1] == len(TEXT)
    assert (np.diff(read.offsets[:, 0]) >= 0).all()


def test_a_fact_is_told_from_a_question() -> None:
    read = statement_model().read(TEXT, "")
    assert read.keep(0, 23) > 1 > -1 > read.keep(24, len(TEXT))
    assert read.time(0, 23) in ("past", "now")


def test_the_conversation_before_counts() -> None:
    alone = statement_model().read(TEXT, "")
    framed = statement_model().read(
        TEXT, "user: Let's play. You are an innkeeper and I am Sir Otto, a knight of fairyland."
    )
    assert framed.keep(0, 23) < alone.keep(0, 23)


def test_the_same_text_is_read_the_same_on_every_thread() -> None:
    model = statement_model()
    with ThreadPoolExecutor(4) as pool:
        scores = [read.scores for read in pool.map(lambda _: model.read(TEXT, ""), range(8))]
    assert all(np.array_equal(one, scores[0]) for one in scores)


@pytest.mark.parametrize("text", ["", " ", "\ud800", "\x00", "🤦🏽‍♂️" * 50, "मैं " * 200])
def test_any_text_is_read(text: str) -> None:
    read = statement_model().read(text, text)
    assert len(read.offsets) == len(read.scores)
    assert read.keep(0, 0) == float("-inf")


def test_a_long_text_is_read_in_windows() -> None:
    read = statement_model().read("I like tea. " * 300, "")
    assert len(read.scores) == len(read.offsets) > 1_000
    assert np.isfinite(read.scores).all()


def test_pairs_have_probabilities() -> None:
    pairs = [
        StatementPair("my sister Ana lives in Berlin", "Ana moved to Cologne"),
        StatementPair("I weigh 94 kg", "my sister works at a bank"),
        StatementPair("I have a dog named Rex", "Rex died on Sunday"),
    ]
    probabilities = statement_model().relate(pairs)
    assert probabilities.shape == (3, len(RELATIONS))
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    names = [RELATIONS[row] for row in probabilities.argmax(axis=1)]
    assert names == ["replaces", "unrelated", "ends"]
    assert statement_model().relate([]).shape == (0, len(RELATIONS))


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "STATEMENTS_SHA256", "0" * 64)
    with pytest.raises(InternalServerError, match=r"statements\.onnx"):
        OnnxStatementModel(trained.statement_graph())


def test_a_piece_is_scored_by_its_tokens() -> None:
    offsets = np.array([[0, 2], [2, 5], [6, 8]], np.int32)
    scores = np.zeros((3, TOKEN_SCORES), np.float32)
    scores[:, 0] = [3, 1, -2]
    read = ReadMessage(offsets, scores)
    assert read.tokens(0, 5) == (0, 2)
    assert read.tokens(3, 7) == (1, 3)
    assert read.keep(0, 5) == 2
    assert read.keep(6, 8) == -2
