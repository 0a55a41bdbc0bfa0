"""Vectors in a byte for each dimension."""

import numpy as np

from hitherto.core.recall.quantised_vectors import Vectors, no_vectors

DIMENSION = 384


def unit_vectors(count: int, seed: int = 7) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def coded(matrix: np.ndarray) -> Vectors:
    return no_vectors(matrix.shape[1]).append(matrix)


def test_products_are_those_of_float32_within_two_thousandths() -> None:
    matrix, query = unit_vectors(500), unit_vectors(1, seed=8)[0]
    assert np.abs(coded(matrix).products(query) - matrix @ query).max() < 0.002


def test_a_vector_is_nearest_to_itself() -> None:
    matrix = unit_vectors(200)
    vectors = coded(matrix)
    assert all(vectors.products(row).argmax() == number for number, row in enumerate(matrix))


def test_products_take_a_quarter_of_the_memory_and_come_back_as_floats() -> None:
    matrix = unit_vectors(100)
    vectors = coded(matrix)
    assert vectors.nbytes < matrix.nbytes / 3.9
    assert np.abs(vectors.floats() - matrix).max() < 0.002


def test_appending_gives_the_vectors_of_all() -> None:
    matrix = unit_vectors(10)
    grown = coded(matrix[:4]).append(matrix[4:])
    assert len(grown) == 10
    assert (grown.floats() == coded(matrix).floats()).all()
    assert (grown.part(slice(2, 5)).floats() == grown.floats()[2:5]).all()


def test_nothing_and_zero_have_no_product() -> None:
    query = unit_vectors(1)[0]
    assert no_vectors(DIMENSION).products(query).shape == (0,)
    assert coded(np.zeros((2, DIMENSION), np.float32)).products(query).tolist() == [0.0, 0.0]
    assert coded(unit_vectors(2)).products(np.zeros(DIMENSION, np.float32)).tolist() == [0.0, 0.0]
