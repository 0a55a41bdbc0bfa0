"""Metadata filters: JSON containment in time linear in the compared values.

Metadata contain a filter if every key of the filter is there with a value that contains the
filter's value; a list contains another if each of its items is contained in one of its own. Types
are strict: 3 does not contain "3", and true is not 1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hitherto.errors import ValidationError

MAX_BYTES = 16_384
"""Maximum size of a filter as JSON: a quarter of what a request's headers may have."""

MAX_VALUES = 256
"""Maximum values in a filter, objects and lists included; one value is one bit while matching."""

MAX_DEPTH = 16
"""Maximum objects and lists around a value of a filter."""


@dataclass(slots=True)
class _Level:
    """Wanted values of a filter at one depth; each value is a bit.

    keys: by key, the values wanted under it. listed: those wanted in lists. objects, lists: each
    wanted object and list with the values wanted in it, which stand one level deeper.
    """

    scalars: dict[tuple[type, object], int] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    listed: int = 0
    objects: list[tuple[int, int]] = field(default_factory=list)
    lists: list[tuple[int, int]] = field(default_factory=list)


class MetadataFilter:
    """Checked filter by metadata. An empty one matches all metadata.

    Raises ValidationError for what is no JSON object, and for one that is too large.
    """

    def __init__(self, wanted: object, name: str) -> None:
        self.wanted: Mapping[str, Any] = _checked(wanted, name)
        self._levels: list[_Level] = []
        self._values = 0
        self._root = self._add(self.wanted, 0)

    def __bool__(self) -> bool:
        return bool(self.wanted)

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Return whether metadata contain the filter."""
        return bool(self._contained(metadata, 0) & self._root)

    def _add(self, value: object, depth: int) -> int:
        """Assign bits to a wanted value and to its parts; return the value's bit."""
        bit = 1 << self._values
        self._values += 1
        if depth == len(self._levels):
            self._levels.append(_Level())
        level = self._levels[depth]
        inside = 0
        if isinstance(value, Mapping):
            for key, item in value.items():
                item_bits = self._add(item, depth + 1)
                level.keys[key] = level.keys.get(key, 0) | item_bits
                inside |= item_bits
            level.objects.append((bit, inside))
        elif isinstance(value, list):
            for item in value:
                inside |= self._add(item, depth + 1)
            level.listed |= inside
            level.lists.append((bit, inside))
        else:
            key = (type(value), value)
            level.scalars[key] = level.scalars.get(key, 0) | bit
        return bit

    def _contained(self, value: object, depth: int) -> int:
        """Return the bits of the values wanted at a depth that a value contains."""
        if depth == len(self._levels):
            return 0
        level = self._levels[depth]
        if isinstance(value, Mapping):
            inside = 0
            for key in level.keys.keys() & value.keys():
                inside |= self._contained(value[key], depth + 1) & level.keys[key]
            return _complete(level.objects, inside)
        if isinstance(value, list):
            inside = 0
            for item in value if level.listed else ():
                inside |= self._contained(item, depth + 1)
                if inside & level.listed == level.listed:
                    break
            return _complete(level.lists, inside)
        return level.scalars.get((type(value), value), 0)


def _complete(wanted: list[tuple[int, int]], inside: int) -> int:
    """Return the bits of the wanted containers whose contents are all inside."""
    complete = 0
    for bit, needed in wanted:
        if needed & inside == needed:
            complete |= bit
    return complete


def _checked(value: object, name: str) -> Mapping[str, Any]:
    """Return a copy of a filter, as JSON has it."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValidationError(f"{name} must be a dictionary, not {type(value).__name__}")
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        size_bytes = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"{name} cannot be written as JSON: {error}") from error
    if size_bytes > MAX_BYTES:
        raise ValidationError(
            f"{name} has {size_bytes:,} bytes of JSON; at most {MAX_BYTES:,} are accepted"
        )
    copied: dict[str, Any] = json.loads(text)
    values, depth = _size(copied)
    if values > MAX_VALUES:
        raise ValidationError(
            f"{name} has {values:,} values; at most {MAX_VALUES} are accepted, objects and lists "
            "included"
        )
    if depth > MAX_DEPTH:
        raise ValidationError(f"{name} is nested {depth} deep; at most {MAX_DEPTH} are accepted")
    return copied


def _size(value: object) -> tuple[int, int]:
    """Return the number of values of a JSON value, itself included, and its depth."""
    count, depth, level = 0, 0, [value]
    while level:
        count += len(level)
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        depth += any(isinstance(item, dict | list) for item in level)
        level = inner
    return count, depth
