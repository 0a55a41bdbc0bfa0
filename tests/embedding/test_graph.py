"""Graph: equal to the published model, and the loss of rounding to int8."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import safetensors.numpy
from numpy.typing import NDArray
from tests.embedding import numpy_bert
from tokenizers import Tokenizer

from hitherto.embedding import LocalEmbedder
from hitherto.embedding.graph import build_graph, round_columns, round_table
from hitherto.onnx_runtime import onnxruntime

SENTENCES = [
    "My dog is afraid of thunder.",
    "We booked the ferry to Naxos for the second week of August, and Maria pays for the rooms.",
    "Yes.",
    "The doctor said I should cut down on salt.",
    "Ich habe gestern ein neues Fahrrad gekauft.",
    "Can you remind me what I named my sourdough starter?",
    "Rent is 1,250 euros a month, due on the 3rd.",
    "After eleven years at the bank she quit and opened a small bookshop near the harbour.",
]


@pytest.fixture(scope="module")
def weights(weights_dir: Path) -> dict[str, NDArray[np.float32]]:
    tensors: dict[str, NDArray[np.float32]] = safetensors.numpy.load_file(
        weights_dir / "model.safetensors"
    )
    return tensors


@pytest.fixture(scope="module")
def fp32_vectors(weights: dict[str, NDArray[np.float32]], weights_dir: Path) -> NDArray[np.float32]:
    model = build_graph(weights)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return np.stack([session.run(None, {"ids": row[None]})[0][0] for row in token_ids(weights_dir)])


def token_ids(weights_dir: Path) -> list[NDArray[np.int64]]:
    tokenizer = Tokenizer.from_file(str(weights_dir / "tokenizer.json"))
    tokenizer.no_padding()
    return [np.array(tokenizer.encode(text).ids, np.int64) for text in SENTENCES]


def test_the_graph_agrees_with_an_independent_forward_pass_over_a_padded_batch(
    weights: dict[str, NDArray[np.float32]],
    weights_dir: Path,
    fp32_vectors: NDArray[np.float32],
) -> None:
    rows = token_ids(weights_dir)[:3]
    ids = np.zeros((3, max(row.size for row in rows)), np.int64)
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : row.size] = row
        mask[number, : row.size] = 1
    expected = numpy_bert.embed(weights, ids, mask)
    np.testing.assert_allclose(fp32_vectors[:3], expected, atol=2e-6)


def test_int8_vectors_point_where_fp32_vectors_do(
    embedder: LocalEmbedder, fp32_vectors: NDArray[np.float32]
) -> None:
    cosines = (embedder.embed(SENTENCES) * fp32_vectors).sum(axis=1)
    assert cosines.mean() >= 0.98
    assert cosines.min() >= 0.96


def matrices(shape: tuple[int, int]) -> list[NDArray[np.float32]]:
    chance = np.random.default_rng(7)
    drawn = [chance.normal(size=shape).astype(np.float32) * scale for scale in (1e-30, 0.04, 1e30)]
    edges = [np.zeros(shape, np.float32), np.full(shape, 3, np.float32), -(drawn[1] ** 2)]
    return [*drawn, *edges]


@pytest.mark.parametrize("number", range(6))
def test_rounding_a_column_keeps_it_within_half_a_step(number: int) -> None:
    matrix = matrices((50, 8))[number]
    rounded, scales = round_columns(matrix)
    assert rounded.dtype == np.int8
    assert np.abs(rounded).max() <= 64
    np.testing.assert_allclose(rounded * scales, matrix, rtol=0, atol=0.501 * scales.max())


@pytest.mark.parametrize("number", range(6))
def test_rounding_a_table_keeps_it_within_a_step_and_zero_exact(number: int) -> None:
    table = matrices((50, 8))[number]
    rounded, scale, zero = round_table(table)
    restored = (rounded.astype(np.float64) - zero) * scale
    np.testing.assert_allclose(restored, table, rtol=0, atol=1.01 * scale)
    assert (restored[table == 0] == 0).all()
