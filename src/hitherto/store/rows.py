"""Between rows and nouns: instants are microseconds, JSON is text, vectors are float16 bytes."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hitherto.errors import StoreError
from hitherto.models import (
    ApiKey,
    Category,
    ExpirationReason,
    GenerationPreferences,
    MemoryVersion,
    Message,
    MessageRole,
    Project,
    Quarantined,
    QuarantineKind,
    SaidBy,
    SessionModel,
    SessionStatus,
    UserModel,
    Webhook,
    WebhookAnswer,
    WebhookDelivery,
    WebhookDeliveryStatus,
    WebhookEventType,
)
from hitherto.store.database import Row

E = TypeVar("E", bound=Enum)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


_SCANNED = 200
"""Rows that are read at once where all are looked through: 13 MB with the largest metadata."""

_LAST_INSTANT = 2**63 - 1


def scanned(run: Callable[..., list[Row]], name: str, id_column: str) -> Iterator[Row]:
    """Yield all rows of a paged statement, newest first, read in parts."""
    part = run(name, created_at=_LAST_INSTANT, before_id="", limit=_SCANNED)
    while part:
        yield from part
        last = part[-1]
        part = run(name, created_at=last["created_at"], before_id=last[id_column], limit=_SCANNED)


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 UTC of an aware instant; exact."""
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the UTC instant of stored microseconds. Raises StoreError."""
    try:
        return _EPOCH + micros * _MICROSECOND
    except OverflowError as error:
        raise damaged(f"the instant {micros}") from error


def damaged(what: str) -> StoreError:
    """Return the error for a value that no release has written."""
    return StoreError(f"the database holds {what[:200]}; the file is damaged; restore a copy")


def is_storable(text: object) -> bool:
    """Return whether a text column can hold the value; other values are in no row."""
    if not isinstance(text, str) or "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def optional_instant(micros: int | None) -> datetime | None:
    """`from_micros` where the column may be empty."""
    return None if micros is None else from_micros(micros)


def to_json(value: Any) -> str:
    """Return JSON text as stored: no spaces, all scripts unescaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def same_json(first: Any, second: Any) -> bool:
    """Return whether two values are the same JSON, in any key order; 1 differs from true."""
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def from_json(text: str) -> Any:
    """Return the value that `to_json` stored. Raises StoreError."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise damaged("JSON that cannot be read") from error


def member(kind: type[E], value: str) -> E:
    """Return the enumeration member of a stored value. Raises StoreError."""
    try:
        return kind(value)
    except ValueError as error:
        raise damaged(f"{value!a} for a {kind.__name__}") from error


def to_bytes(vector: NDArray[np.float32]) -> bytes:
    """Return a vector as stored: float16, little endian; changes a cosine by less than 0.001."""
    return vector.astype("<f2").tobytes()


def to_matrix(blobs: Sequence[bytes], dimension: int) -> NDArray[np.float32]:
    """Stored vectors as float32 (n, dimension), rows unit-norm again. Raises StoreError."""
    if any(len(blob) != 2 * dimension for blob in blobs):
        raise damaged(f"a vector that has not {dimension} numbers")
    if not blobs:
        return np.zeros((0, dimension), np.float32)
    stored = np.frombuffer(b"".join(blobs), "<f2").reshape(len(blobs), dimension)
    if not np.isfinite(stored).all():
        raise damaged("a vector with an infinite number")
    matrix = stored.astype(np.float32)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix /= np.maximum(norms, np.float32(1e-12))
    return matrix


def to_user(row: Row) -> UserModel:
    """A row of `users`."""
    flag = row["merge_conflict_enabled"]
    return UserModel(
        user_id=row["custom_user_id"],
        metadata=from_json(row["metadata"]),
        merge_conflict_enabled=None if flag is None else flag == 1,
        created_at=from_micros(row["created_at"]),
        last_active_at=from_micros(row["last_active_at"]),
        timezone=row["timezone"],
    )


def shown_reason(reason: str | None) -> str | None:
    """Return why work failed, as tenants may read it.

    Earlier releases stored what other systems said, together with their addresses.
    """
    if reason is None or "://" not in reason:
        return reason
    return "an error that an earlier release recorded; process it again to see the reason"


def to_session(row: Row, custom_user_id: str) -> SessionModel:
    """A row of `sessions`."""
    return SessionModel(
        session_id=row["session_id"],
        user_id=custom_user_id,
        status=member(SessionStatus, row["status"]),
        metadata=from_json(row["metadata"]),
        created_at=from_micros(row["created_at"]),
        processed_at=optional_instant(row["processed_at"]),
        auto_process_after_seconds=row["auto_process_after_s"],
        failure_reason=shown_reason(row["failure_reason"]),
        quarantined_count=row["quarantined_count"],
        processing_note=row["processing_note"],
        timezone=row["timezone"],
    )


def to_message(row: Row) -> Message:
    """A row of `messages`."""
    return Message(member(MessageRole, row["role"]), row["content"], from_micros(row["added_at"]))


def to_version(row: Row) -> MemoryVersion:
    """A row of `memories`, without its evidence."""
    reason = row["expiration_reason"]
    return MemoryVersion(
        memory_id=row["memory_id"],
        session_id=row["session_id"],
        content=row["content"],
        event_date_start=from_micros(row["event_date_start"]),
        event_date_end=from_micros(row["event_date_end"]),
        created_at=from_micros(row["created_at"]),
        previous_id=row["previous_id"],
        expired_at=optional_instant(row["expired_at"]),
        expiration_reason=None if reason is None else member(ExpirationReason, reason),
        merge_conflict_id=row["merge_conflict_id"],
        said_by=SaidBy.QUOTED if row["is_quoted"] else member(SaidBy, row["said_by"]),
        confidence=row["confidence"],
        model=row["model"],
        prompt_hash=row["prompt_hash"],
        doubted_by=row["doubted_by"],
        doubt_reason=row["doubt_reason"],
        doubted_at=optional_instant(row["doubted_at"]),
    )


def from_said_by(said_by: SaidBy) -> dict[str, Any]:
    """Return the columns that say where a memory comes from.

    A quoted statement stands in a message of the user, so it is stored as said by the user, quoted.
    """
    is_quoted = said_by is SaidBy.QUOTED
    return {"said_by": (SaidBy.USER if is_quoted else said_by).value, "is_quoted": int(is_quoted)}


def to_quarantined(row: Row) -> Quarantined:
    """A row of `quarantine`."""
    return Quarantined(
        quarantine_id=row["quarantine_id"],
        session_id=row["session_id"],
        content=row["content"],
        kind=member(QuarantineKind, row["kind"]),
        reason=row["reason"],
        said_by=member(SaidBy, row["said_by"]),
        positions=tuple(from_json(row["positions"])),
        quarantined_at=from_micros(row["quarantined_at"]),
    )


def to_project(row: Row) -> Project:
    """A row of `projects`."""
    return Project(
        project_id=row["project_id"],
        name=row["name"],
        merge_conflict_enabled=row["merge_conflict_enabled"] == 1,
        created_at=from_micros(row["created_at"]),
    )


def to_key(row: Row) -> ApiKey:
    """A row of `api_keys`, without the hash."""
    return ApiKey(
        key_id=row["key_id"],
        project_id=row["project_id"],
        name=row["name"],
        hint=row["hint"],
        created_at=from_micros(row["created_at"]),
        revoked_at=optional_instant(row["revoked_at"]),
    )


def to_category(row: Row) -> Category:
    """A row of `categories`."""
    return Category(
        category_id=row["category_id"],
        name=row["name"],
        description=row["description"],
        created_at=from_micros(row["created_at"]),
    )


def preferences_to_json(preferences: GenerationPreferences) -> str:
    """Return generation preferences as stored: an object of the non-empty lists."""
    return to_json({name: texts for name, texts in asdict(preferences).items() if texts})


def to_preferences(text: str) -> GenerationPreferences:
    """Return what `preferences_to_json` stored. Raises StoreError."""
    try:
        return GenerationPreferences(
            **{name: tuple(texts) for name, texts in from_json(text).items()}
        )
    except (AttributeError, TypeError) as error:
        raise damaged("generation preferences that cannot be read") from error


def to_webhook(row: Row) -> Webhook:
    """A row of `webhooks`, without its secrets."""
    return Webhook(
        webhook_id=row["webhook_id"],
        project_id=row["project_id"],
        url=row["url"],
        event_types=tuple(member(WebhookEventType, name) for name in from_json(row["event_types"])),
        enabled=row["enabled"] == 1,
        created_at=from_micros(row["created_at"]),
        disabled_reason=row["disabled_reason"],
    )


def to_webhook_delivery(row: Row) -> WebhookDelivery:
    """A row of `webhook_deliveries`."""
    attempted_at = optional_instant(row["attempted_at"])
    reason = row["failure_reason"]
    return WebhookDelivery(
        event_id=row["event_id"],
        event_type=member(WebhookEventType, row["event_type"]),
        status=member(WebhookDeliveryStatus, row["status"]),
        created_at=from_micros(row["created_at"]),
        attempts=row["attempts"],
        due_at=optional_instant(row["due_at"]),
        attempted_at=attempted_at,
        answer=None
        if reason is None and attempted_at is None
        else WebhookAnswer(row["status_code"], reason),
    )
