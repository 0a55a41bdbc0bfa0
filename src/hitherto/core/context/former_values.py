"""Former values of a memory in the compact form: behind its line, and behind quotations."""

from hitherto.core.context.fence import paragraph
from hitherto.core.context.said_by import origin
from hitherto.core.dates.formatting import short_event_days
from hitherto.models import ExpirationReason, MemoryVersion

MAX_FORMER_VALUES = 4
"""Maximum of former values in a memory's line."""


def earlier(history: tuple[MemoryVersion, ...]) -> str:
    """Return the former values of a memory with their days, newest first, behind a space.

    What a later statement only contradicted is not called earlier: neither is known to be true.
    """
    former = history[1 : 1 + MAX_FORMER_VALUES]
    notes = []
    for label, is_contradicted in (("Earlier", False), ("Contradicts, not settled", True)):
        values = [
            _quoted(version) for version in former if _is_contradicted(version) is is_contradicted
        ]
        if values:
            notes.append(f" [{label}: {'; '.join(values)}]")
    return "".join(notes)


def other_numbers(versions: tuple[MemoryVersion, ...]) -> str:
    """Return other numbers for the same thing with their days, newest first, behind a space."""
    values = [_quoted(version) for version in versions[:MAX_FORMER_VALUES]]
    return f" [Other number: {'; '.join(values)}]" if values else ""


def later(history: tuple[MemoryVersion, ...]) -> str:
    """Return the current value, behind a space, for a quotation of a former one."""
    return f" [Later: {_quoted(history[0])}]"


def _quoted(version: MemoryVersion) -> str:
    days = short_event_days(version.event_date_start, version.event_date_end)
    return f"“{paragraph(version.content)}”{origin(version)} ({days})"


def _is_contradicted(version: MemoryVersion) -> bool:
    """Return whether a later statement contradicts a former version, and no answer settled it."""
    reason = version.expiration_reason
    return reason is ExpirationReason.MERGE_CONFLICT and version.merge_conflict_id is None
