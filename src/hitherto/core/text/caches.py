"""Caches of what was read off texts, which all can be emptied: texts may be deleted.

A cache whose keys are words of users is made here, so that none of them outlives a deletion.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_emptied: list[Callable[[], Any]] = []


def remembered(maxsize: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Keep the last results of a pure function of texts, until `forget_texts`."""

    def decorated(function: Callable[P, T]) -> Callable[P, T]:
        cached = lru_cache(maxsize)(function)
        _emptied.append(cached.cache_clear)
        return cached  # type: ignore[return-value]

    return decorated


def forget_texts() -> None:
    """Empty every cache of this process that holds words of users."""
    for empty in _emptied:
        empty()
