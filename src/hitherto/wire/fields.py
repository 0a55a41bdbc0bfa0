"""Field types and base classes of the JSON models."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    WithJsonSchema,
)

_DATE_AND_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")


class WireModel(BaseModel):
    """A JSON object of the contract. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _written_instant(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE_AND_TIME.match(value)):
        return value
    raise ValueError("must be a date and time in ISO 8601, such as 2025-01-06T15:45:00Z")


def _already_in_utc(value: datetime) -> datetime:
    if value.utcoffset() != timedelta(0):
        raise ValueError("must be in UTC: end it with Z or +00:00")
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An instant in ISO 8601 with its offset; always UTC once it is read."""

UtcInstant = Annotated[
    datetime,
    BeforeValidator(_written_instant),
    AfterValidator(_already_in_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": "(Z|[+-]00:?00)$"}),
]
"""An instant of a request, which must say itself that it is UTC."""

Object = dict[str, Any]
"""Any JSON object."""

USER_ID_SCHEMA: Object = {
    "minLength": 1,
    "maxLength": 255,
    "pattern": r"^(?!\.{1,2}$)(?!\s)(?!.*\s$)"
    r"(?:[^/?#\\%\u0000-\u001f\u007f-\u009f\u2028\u2029]|%(?![0-9A-Fa-f]{2}))+$",
}
"""Form of an id that an application chooses, for the OpenAPI document."""

TIMEZONE: Object = {"examples": ["Europe/Lisbon"], "minLength": 1, "maxLength": 255}
"""Form of the name of a time zone, for the OpenAPI document."""

VISIBLE: Object = {"pattern": r"\S"}
"""Form of a text that is not blank."""

EXAMPLE_SESSION_ID = "0198c6a2-5d1e-7c3a-9a4b-2f6d8e1b7c90"
EXAMPLE_MEMORY_ID = "0198c6a4-11f0-7b52-8c1d-4e7a9b3f6d21"
EXAMPLE_CONFLICT_ID = "0198c6a5-8a3c-7e94-b2f6-1d5c7a9e3b48"
