"""Filters by metadata find what the definition of containment says, in linear time."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.counting import calls_of

from hitherto.core.metadata_filters import MAX_BYTES, MAX_DEPTH, MAX_VALUES, MetadataFilter
from hitherto.errors import ValidationError

SCALARS = st.sampled_from([None, True, False, 0, 1, 2, 0.0, 1.0, 1.5, "", "0", "1", "true", "é"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def contains(holder: object, part: object) -> bool:
    """Return whether a value contains another one, by the definition."""
    if isinstance(part, Mapping):
        return isinstance(holder, Mapping) and all(
            key in holder and contains(holder[key], value) for key, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(holder, list) and all(
            any(contains(item, wanted) for item in holder) for wanted in part
        )
    if isinstance(part, bool) or isinstance(holder, bool):
        return part is holder
    return type(holder) is type(part) and holder == part


@st.composite
def parts(draw: st.DrawFn, value: Any) -> Any:
    """Something that a value contains, or nearly."""
    if isinstance(value, dict):
        kept = [key for key in value if draw(st.booleans())]
        return {key: draw(parts(value[key])) for key in kept}
    if isinstance(value, list):
        chosen = draw(st.lists(st.sampled_from(value), max_size=3)) if value else []
        return [draw(parts(item)) for item in chosen]
    return draw(SCALARS) if draw(st.integers(0, 7)) == 0 else value


@given(OBJECTS, OBJECTS)
def test_any_filter_finds_what_the_definition_says(metadata: Any, wanted: Any) -> None:
    assert MetadataFilter(wanted, "filter").matches(metadata) is contains(metadata, wanted)


@given(st.data())
def test_a_part_is_found_and_what_only_looks_like_one_is_not(data: st.DataObject) -> None:
    metadata = data.draw(OBJECTS)
    wanted = data.draw(parts(metadata))
    assert MetadataFilter(wanted, "filter").matches(metadata) is contains(metadata, wanted)


def several(inner: Any, number: int) -> dict[str, Any]:
    return {"a": [inner(n) for n in range(number)]}


HARD = {
    "numbers": (lambda n: n, lambda n: -n - 1),
    "words": (lambda n: f"w{n}", lambda n: f"v{n}"),
    "objects": (lambda n: {"k": n, "l": 1}, lambda n: {"k": -n - 1, "l": 1}),
    "objects with lists": (lambda n: {"k": [n, n + 1]}, lambda n: {"k": [n, n + 2]}),
    "lists": (lambda n: [n, n + 1], lambda n: [n, n + 2]),
    "empty objects": (lambda _: {}, lambda n: {"k": n}),
}


@pytest.mark.parametrize("kind", HARD)
def test_the_work_grows_with_the_metadata_and_not_with_both(kind: str) -> None:
    stored, requested = HARD[kind]

    def work(size: int, wanted: int) -> int:
        metadata, metadata_filter = (
            several(stored, size),
            MetadataFilter(several(requested, wanted), "filter"),
        )
        assert not metadata_filter.matches(metadata)
        return calls_of(lambda: metadata_filter.matches(metadata))

    assert work(2000, 8) < 2.2 * work(1000, 8)
    assert work(1000, 60) < 1.2 * work(1000, 8)


def nested(depth: int) -> dict[str, Any]:
    inner: Any = 1
    for number in range(depth):
        inner = [inner] if number % 2 else {"k": inner}
    return {"k": inner}


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (several(lambda n: n, MAX_VALUES), f"has {MAX_VALUES + 2} values"),
        ({str(n): {} for n in range(5 * MAX_VALUES)}, f"has {5 * MAX_VALUES + 1:,} values"),
        (nested(MAX_DEPTH), f"nested {MAX_DEPTH + 1} deep"),
        ({"k": "x" * MAX_BYTES}, f"has {MAX_BYTES + 9:,} bytes"),
        ({"k": float("nan")}, "cannot be written as JSON"),
        ({"k": object()}, "cannot be written as JSON"),
        ([1], "must be a dictionary, not list"),
        ("{}", "must be a dictionary, not str"),
    ],
)
def test_what_is_too_large_or_no_object_is_refused(wanted: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=f"the filter .*{says}"):
        MetadataFilter(wanted, "the filter")


@pytest.mark.parametrize(
    "wanted",
    [
        several(lambda n: n, MAX_VALUES - 2),
        nested(MAX_DEPTH - 1),
        {"k": "x" * (MAX_BYTES - 9)},
        {},
        None,
    ],
)
def test_what_is_within_the_bounds_is_taken(wanted: Any) -> None:
    metadata_filter = MetadataFilter(wanted, "filter")
    assert metadata_filter.matches(wanted or {"any": "thing"})
    assert bool(metadata_filter) is bool(wanted)


def test_metadata_nested_deeper_than_any_filter_are_compared() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = {"k": [deep]}
    assert MetadataFilter({"k": [{"k": []}]}, "filter").matches(deep)
    assert not MetadataFilter({"k": [{"k": [2]}]}, "filter").matches(deep)
