"""Lists with filters: read in parts, counted to the end, and ended in time."""

from itertools import count

import pytest

from hitherto.engine.transactions import FILTER_DEADLINE_S, page_of, within_deadline
from hitherto.errors import ValidationError


@pytest.mark.parametrize(
    ("offset", "limit", "items", "has_more"),
    [
        (0, 3, [0, 1, 2], True),
        (8, 3, [8, 9], False),
        (7, 3, [7, 8, 9], False),
        (10, 3, [], False),
        (99, 3, [], False),
    ],
)
def test_a_page_of_what_is_found_one_by_one(
    offset: int, limit: int, items: list[int], has_more: bool
) -> None:
    page = page_of(iter(range(10)), offset, limit)
    assert (page.items, page.total, page.has_more) == (items, 10, has_more)


def test_nothing_found_is_an_empty_page() -> None:
    page = page_of(iter(()), 0, 3)
    assert (page.items, page.total, page.has_more) == ([], 0, False)


def test_a_filter_that_looks_for_too_long_is_ended_and_says_how_far_it_came() -> None:
    seconds = count()
    items = within_deadline(range(1_000_000), "sessions", lambda: float(next(seconds)))
    compared: list[int] = []
    with pytest.raises(ValidationError, match=r"was stopped after 5 s and 5 sessions"):
        compared.extend(items)
    assert compared == [0, 1, 2, 3, 4]


def test_a_filter_that_ends_in_time_gives_everything() -> None:
    assert list(within_deadline(range(7), "users", lambda: FILTER_DEADLINE_S)) == [*range(7)]
