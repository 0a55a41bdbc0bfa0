"""Cosines of one embedder on the scale of another."""

import numpy as np
import pytest

from hitherto.core.recall.calibration import (
    FEWEST_PAIRS,
    HIGHEST,
    LOWEST,
    PROBE_PAIRS,
    UNCHANGED,
    Calibration,
    Spread,
    comparable,
    match_spreads,
    probe_spread,
    probe_texts,
    spread_of,
)
from hitherto.core.recall.quantised_vectors import no_vectors


def unit(count: int, dimension: int, shared: float = 0.0) -> np.ndarray:
    """Return fixed unit vectors whose first component is the root of `shared`."""
    rest = np.random.default_rng(7).normal(size=(count, dimension - 1))
    rest *= np.sqrt(1 - shared) / np.linalg.norm(rest, axis=1, keepdims=True)
    first = np.full((count, 1), np.sqrt(shared))
    return np.hstack([first, rest]).astype(np.float32)


def test_a_spread_is_brought_onto_another() -> None:
    line = match_spreads(Spread(apart=0.7, near=0.9), Spread(apart=0.1, near=0.6))
    assert line is not None
    moved = line.apply(np.array([0.7, 0.9, 0.8], np.float32))
    np.testing.assert_allclose(moved, [0.1, 0.6, 0.35], atol=1e-6)


@pytest.mark.parametrize(
    ("own", "reference"),
    [
        (Spread(0.5, 0.51), Spread(0.1, 0.6)),
        (Spread(0.5, 0.3), Spread(0.1, 0.6)),
        (Spread(0.1, 0.6), Spread(0.5, 0.51)),
    ],
)
def test_what_tells_nothing_apart_is_brought_onto_nothing(own: Spread, reference: Spread) -> None:
    assert match_spreads(own, reference) is None


def test_calibrated_cosines_stay_within_bounds_and_are_float32() -> None:
    moved = Calibration(5.0, -3.0).apply(np.array([-1.0, 0.6, 1.0], np.float32))
    np.testing.assert_allclose(moved, [LOWEST, 0.0, HIGHEST], atol=1e-6)
    assert moved.dtype == np.float32


def test_the_references_own_calibration_changes_nothing() -> None:
    cosines = np.array([-1.0, 0.3], np.float32)
    assert UNCHANGED.apply(cosines) is cosines
    vectors = unit(4, 8)
    assert comparable(vectors, UNCHANGED) is vectors


def test_a_spread_is_the_middle_of_the_one_and_the_upper_end_of_the_other() -> None:
    apart = np.linspace(0.0, 0.2, 101, dtype=np.float32)
    near = np.linspace(0.0, 1.0, 101, dtype=np.float32)
    spread = spread_of(apart, near)
    assert spread is not None
    assert (spread.apart, spread.near) == (pytest.approx(0.1), pytest.approx(0.9))


@pytest.mark.parametrize(("apart", "near"), [(FEWEST_PAIRS - 1, 999), (999, FEWEST_PAIRS - 1)])
def test_a_spread_of_a_few_pairs_is_none(apart: int, near: int) -> None:
    assert spread_of(np.zeros(apart, np.float32), np.ones(near, np.float32)) is None


def test_the_probe_is_measured_within_its_pairs_and_across_them() -> None:
    texts = probe_texts()
    assert len(set(texts)) == 2 * len(PROBE_PAIRS)
    assert texts[:2] == list(PROBE_PAIRS[0])
    pairs = np.eye(len(PROBE_PAIRS), dtype=np.float32).repeat(2, axis=0)
    assert probe_spread(pairs) == Spread(apart=0.0, near=1.0)


@pytest.mark.parametrize(
    "line", [Calibration(0.5, 0.3), Calibration(4.0, -3.0), Calibration(1.2, 0.0)]
)
def test_products_of_comparable_vectors_are_calibrated_cosines(line: Calibration) -> None:
    vectors = unit(200, 64, shared=0.75)
    made = comparable(vectors, line)
    apart = ~np.eye(len(vectors), dtype=bool)
    wanted = line.scale * (vectors @ vectors.T) + line.offset
    np.testing.assert_allclose((made @ made.T)[apart], wanted[apart], atol=0.05)
    assert made.dtype == np.float32


def test_comparable_vectors_of_few_or_no_rows_are_finite() -> None:
    line = Calibration(4.0, -3.0)
    assert comparable(np.zeros((0, 4), np.float32), line).shape == (0, 4)
    assert np.isfinite(comparable(unit(1, 4), line)).all()
    opposite = np.array([[1.0, 0.0], [-1.0, 0.0]], np.float32)
    assert np.isfinite(comparable(opposite, line)).all()


def test_vectors_give_calibrated_products_however_they_are_cut_and_grown() -> None:
    line = Calibration(2.0, -0.5)
    rows = unit(6, 16)
    kept = no_vectors(16, line).append(rows[:2]).append(rows[2:])
    wanted = line.apply(rows @ rows[0])
    np.testing.assert_allclose(kept.products(rows[0]), wanted, atol=0.01)
    np.testing.assert_allclose(kept.part(slice(1, 4)).products(rows[0]), wanted[1:4], atol=0.01)


def test_a_query_of_zeros_looks_for_nothing() -> None:
    kept = no_vectors(16, Calibration(2.0, -0.5)).append(unit(6, 16))
    assert kept.products(np.zeros(16, np.float32)).tolist() == [0.0] * 6
