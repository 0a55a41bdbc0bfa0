"""Label of a memory that somebody other than the user said."""

from hitherto.models import MemoryVersion, SaidBy

_SAID_BY = {
    SaidBy.ASSISTANT: " (said by the assistant)",
    SaidBy.IMPORTED: " (imported)",
    SaidBy.QUOTED: " (quoted, not said by the user)",
}


def origin(version: MemoryVersion) -> str:
    """Return who said a version, behind a space; "" where that was the user."""
    return _SAID_BY.get(version.said_by, "")
