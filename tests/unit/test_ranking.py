"""Normalisation, fusion, priors and similarity."""

import numpy as np
import pytest

from hitherto.core.recall.scoring import (
    best_of_groups,
    best_rows,
    calibrate,
    coverage,
    fuse,
    min_max,
    nearness,
    sum_windows,
)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_min_max_stretches_to_one() -> None:
    assert min_max(floats(2, 4, 3)).tolist() == [0.0, 1.0, 0.5]


def test_equal_scores_carry_no_signal() -> None:
    assert min_max(floats(7, 7)).tolist() == [0.0, 0.0]
    assert min_max(floats()).tolist() == []


def test_fusion_keeps_how_far_ahead_the_best_is() -> None:
    first, second = floats(10, 1, 0), floats(0, 0.6, 1)
    assert int(fuse([(1.0, first), (1.0, second)]).argmax()) == 0
    assert int(fuse([(0.0, first), (1.0, second)]).argmax()) == 2


def test_best_rows_are_in_order_and_ties_by_row() -> None:
    assert best_rows(floats(1, 3, 2, 3, 0), 3).tolist() == [1, 3, 2]
    assert best_rows(floats(1, 1, 1), 2).tolist() == [0, 1]
    assert best_rows(floats(1, 2), 9).tolist() == [1, 0]
    assert best_rows(floats(1, 2), 0).tolist() == []


def test_the_best_chunk_stands_for_its_message() -> None:
    groups = np.array([0, 0, 2], np.int32)
    starts = np.array([0, 2])
    assert best_of_groups(floats(1, 5, 3), groups, starts, 4, -1).tolist() == [5, -1, 3, -1]


def test_a_chunk_for_each_message_is_its_message() -> None:
    groups = np.arange(3, dtype=np.int32)
    assert best_of_groups(floats(1, 5, 3), groups, np.arange(3), 3, -1).tolist() == [1, 5, 3]


def test_windows_end_where_the_session_ends() -> None:
    counts = floats(1, 2, 4, 8)[np.newaxis]
    sessions = np.array([0, 0, 0, 1], np.int32)
    assert sum_windows(counts, sessions, 1).tolist() == [[3, 7, 6, 8]]
    assert sum_windows(counts, sessions, 9).tolist() == [[7, 7, 7, 8]]


def test_nearness_fades_with_the_days_outside_of_a_range() -> None:
    first, last = np.array([10, 15, 23, 90], np.int32), np.array([12, 15, 23, 90], np.int32)
    near = nearness(first, last, 12, 16, days=14.0)
    assert near == pytest.approx([1.0, 1.0, 0.5, 0.0])


def test_coverage_is_the_share_of_the_term_weight() -> None:
    presence = np.array([[True, False, True], [False, False, True]])
    assert coverage(presence, floats(3, 1)).tolist() == [0.75, 0.0, 1.0]
    assert coverage(np.zeros((0, 3), np.bool_), floats()).tolist() == [0.0, 0.0, 0.0]


def test_similarity_means_what_the_thresholds_say() -> None:
    cosines, covered = floats(0.55, 0.40, 0.10, 0.0), floats(0.5, 0.35, 0.05, 0.0)
    answer, related, random, unrelated = calibrate(cosines, covered)
    assert answer > 0.8 > related > 0.6
    assert 0.2 > random > unrelated > 0.0


def test_a_bonus_moves_similarity_but_keeps_it_below_one() -> None:
    plain = calibrate(floats(0.3), floats(0.2))
    lifted = calibrate(floats(0.3), floats(0.2), floats(1.0))
    assert plain[0] < lifted[0] < 1.0
