"""Argument checks, before anything is read or written."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar, get_type_hints

from hitherto.api import MAX_AUTO_PROCESS_S, MIN_AUTO_PROCESS_S, ContextRequest
from hitherto.core.dates import formatting
from hitherto.errors import ValidationError
from hitherto.models import GenerationPreferences, MessageRole, Metadata, RecallStrategy

MAX_ID_CHARS = 255
MAX_KEY_CHARS = 255
MAX_NAME_CHARS = 255
MAX_DESCRIPTION_CHARS = 2_000
MAX_PREFERENCE_CHARS = 2_000
MAX_PREFERENCES = 100
_NOT_IN_IDS = re.compile(r"[/?#\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|%[0-9A-Fa-f]{2}")
"""Characters that released clients cannot send in a path: they escape neither `/ ? #` nor `%`
before two hexadecimal digits, and Node reads a backslash as `/`."""

_NOT_IN_TEXT = re.compile(r"[\x00\ud800-\udfff]")

E = TypeVar("E", bound=StrEnum)


def user_id(value: object) -> str:
    """Check an application's id: 1-255 characters that a URL's path keeps unchanged.

    So every client addresses the user by it, and no other user.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValidationError(f"user_id must be a non-empty string, not {value!r}")
    if len(value) > MAX_ID_CHARS:
        raise ValidationError(
            f"user_id has {len(value):,} characters; at most {MAX_ID_CHARS} are accepted"
        )
    match = _NOT_IN_IDS.search(value)
    if match:
        raise ValidationError(
            f"user_id {value!a} holds {match[0]!a}, which clients cannot send in a URL; leave out "
            "/ ? # and \\, control characters, and % before two hexadecimal digits"
        )
    if value != value.strip():
        raise ValidationError(
            f"user_id {value!a} starts or ends with a blank, which clients drop from a URL; "
            "remove it"
        )
    if value in (".", ".."):
        raise ValidationError(f"user_id {value!r} cannot be part of a URL; choose another")
    return value


def content(value: object, max_chars: int) -> str:
    """Return a message's text: storable, not blank, at most `max_chars`.

    No NUL, and no half of a surrogate pair.
    """
    if not isinstance(value, str):
        raise ValidationError(f"content must be a string, not {type(value).__name__}")
    if not value.strip():
        raise ValidationError("content is empty; a message needs at least one visible character")
    if len(value) > max_chars:
        raise ValidationError(
            f"content has {len(value):,} characters; at most {max_chars:,} are accepted "
            "(HITHERTO_MAX_MESSAGE_CHARS); split the message"
        )
    match = _NOT_IN_TEXT.search(value)
    if match:
        raise ValidationError(
            f"content holds {match[0]!a} at character {match.start()}, which is not text; "
            "decode the input properly or replace the character"
        )
    return value


def text(value: object, name: str, max_chars: int) -> str:
    """Return a storable text: no NUL, no lone surrogate, at most `max_chars`."""
    if not isinstance(value, str):
        raise ValidationError(f"{name} must be a string, not {type(value).__name__}")
    if len(value) > max_chars:
        raise ValidationError(
            f"{name} has {len(value):,} characters; at most {max_chars:,} are accepted"
        )
    match = _NOT_IN_TEXT.search(value)
    if match:
        raise ValidationError(f"{name} holds {match[0]!a}, which is not text; remove it")
    return value


def present_text(value: object, name: str, max_chars: int) -> str:
    """Return a storable text with at least one visible character."""
    if not text(value, name, max_chars).strip():
        raise ValidationError(f"{name} is empty; give it at least one visible character")
    return str(value)


def name(value: object, what: str) -> str:
    """Return a name of 1-255 characters, stripped."""
    trimmed = value.strip() if isinstance(value, str) else value
    return present_text(trimmed, what, MAX_NAME_CHARS)


def description(value: object) -> str:
    """Return a category's description of at most 2,000 characters, stripped."""
    trimmed = value.strip() if isinstance(value, str) else value
    return text(trimmed, "description", MAX_DESCRIPTION_CHARS)


def idempotency_key(value: object) -> str | None:
    """Return a key of 1-255 characters that identifies a repeated call, or None."""
    if value is None:
        return None
    if value == "":
        raise ValidationError("idempotency_key is empty; give 1-255 characters, or none")
    return text(value, "idempotency_key", MAX_KEY_CHARS)


def texts(value: object, name: str) -> tuple[str, ...]:
    """Return several texts to filter by, none for None."""
    if value is None:
        return ()
    given = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else (None,)
    if not all(isinstance(item, str) for item in given):
        raise ValidationError(f"{name} must be a list of strings, not {value!r}")
    return given


def generation_preferences(value: GenerationPreferences) -> GenerationPreferences:
    """Return checked preferences: six lists of at most 100 texts of 1-2,000 characters."""
    kept: dict[str, tuple[str, ...]] = {}
    for item in fields(GenerationPreferences):
        given = texts(getattr(value, item.name), item.name)
        if len(given) > MAX_PREFERENCES:
            raise ValidationError(
                f"{item.name} has {len(given):,} texts; at most {MAX_PREFERENCES} are accepted"
            )
        kept[item.name] = tuple(
            present_text(preference, f"{item.name}[{position}]", MAX_PREFERENCE_CHARS)
            for position, preference in enumerate(given)
        )
    return GenerationPreferences(**kept)


def role(value: object) -> MessageRole:
    """Return a message's role, given as the enumeration or as its value."""
    return member(MessageRole, value, "role")


def member(kind: type[E], value: object, name: str) -> E:
    """Return a member of an enumeration, given as such or by its value."""
    if isinstance(value, str):
        try:
            return kind(value)
        except ValueError:
            pass
    allowed = ", ".join(repr(item.value) for item in kind)
    raise ValidationError(f"{name} must be one of {allowed}, not {value!r}")


def metadata(value: Metadata | None, max_bytes: int, name: str = "metadata") -> Metadata:
    """Return a copy of a JSON object of at most `max_bytes`; None gives an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValidationError(f"{name} must be a dictionary, not {type(value).__name__}")
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        size_bytes = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"{name} cannot be written as JSON: {error}") from error
    if "\\u0000" in text:
        raise ValidationError(f"{name} holds a NUL character; remove it")
    if size_bytes > max_bytes:
        raise ValidationError(
            f"{name} has {size_bytes:,} bytes of JSON; at most {max_bytes:,} are accepted "
            "(HITHERTO_MAX_METADATA_BYTES)"
        )
    copied: dict[str, Any] = json.loads(text)
    return copied


def utc_instant(value: datetime | None, name: str) -> datetime | None:
    """Return an instant that states its time zone as UTC."""
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise ValidationError(f"{name} must be a datetime, not {type(value).__name__}")
    if value.utcoffset() is None:
        raise ValidationError(
            f"{name} {value.isoformat()} has no timezone; give it tzinfo=datetime.UTC"
        )
    if value.utcoffset() != timedelta(0):
        raise ValidationError(
            f"{name} {value.isoformat()} is not in UTC; convert it with .astimezone(datetime.UTC)"
        )
    return value


def auto_process_after_s(value: object) -> int | None:
    """Return seconds of inactivity before processing: 600 or more, or None for never."""
    if value is None:
        return None
    return whole(value, "auto_process_after_seconds", MIN_AUTO_PROCESS_S, MAX_AUTO_PROCESS_S)


def whole(value: object, name: str, least: int, most: int) -> int:
    """Return a whole number in a range, both ends included."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValidationError(f"{name} must be a whole number, not {value!r}")
    if not least <= value <= most:
        raise ValidationError(f"{name} must lie between {least:,} and {most:,}, not {value:,}")
    return value


def number(value: object, name: str, least: float, most: float) -> float:
    """Return a number in a range, both ends included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValidationError(f"{name} must be a number, not {value!r}")
    if not least <= value <= most:
        raise ValidationError(f"{name} must lie between {least} and {most}, not {value}")
    return float(value)


def page(offset: object, limit: object, most: int) -> None:
    """Check offset and limit of a page."""
    whole(offset, "offset", 0, 2**31 - 1)
    whole(limit, "limit", 1, most)


def optional_flag(value: object, name: str) -> bool | None:
    """Return True, False, or None for an inherited setting."""
    if value is None or isinstance(value, bool):
        return value
    raise ValidationError(f"{name} must be True, False or None, not {value!r}")


def timezone(value: object) -> str:
    """Return the name of an IANA time zone."""
    if not isinstance(value, str) or not value:
        raise ValidationError(
            f"timezone must be an IANA name such as 'Europe/Lisbon' or 'UTC', not {value!r}"
        )
    formatting.zone_of(text(value, "timezone", MAX_NAME_CHARS))
    return value


def optional_timezone(value: object) -> str | None:
    """Return the name of an IANA time zone, or None for an inherited one."""
    return None if value is None else timezone(value)


def context_request(request: ContextRequest) -> ContextRequest:
    """Return a request with checked ranges and its strategy as a member."""
    strategy = member(RecallStrategy, request.recall_strategy, "recall_strategy")
    for name, (least, most) in CONTEXT_RANGES.items():
        value = getattr(request, name)
        if value is not None or getattr(ContextRequest, name) is not None:
            check = number if isinstance(least, float) else whole
            check(value, name, least, most)
    if request.min_top_k > request.max_top_k:
        raise ValidationError(
            f"min_top_k {request.min_top_k} is above max_top_k {request.max_top_k}; "
            "lower it or raise the other"
        )
    optional_timezone(request.timezone)
    return replace(request, recall_strategy=strategy)


def _declared_ranges() -> dict[str, tuple[Any, Any]]:
    ranges = {}
    for name, hint in get_type_hints(ContextRequest, include_extras=True).items():
        (declared,) = hint.__metadata__
        ends = {
            end: getattr(rule, end)
            for rule in declared.metadata
            for end in ("ge", "le")
            if hasattr(rule, end)
        }
        if ends:
            ranges[name] = (ends["ge"], ends["le"])
    return ranges


CONTEXT_RANGES = _declared_ranges()
"""Minimum and maximum of each parameter of a context that has a range, by name."""
