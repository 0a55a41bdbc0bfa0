"""Check of the messages that a deletion leaves."""

from collections.abc import Sequence

from hitherto.core.history.redaction import REDACTED


def require_left(originals: Sequence[str], texts: Sequence[str]) -> None:
    """Require messages to be unchanged except for removed sentences."""
    for before, after in zip(originals, texts, strict=True):
        kept = [part.strip() for part in after.split(REDACTED)]
        redacted = REDACTED in after and all(item in before for item in kept)
        assert before == after or redacted
