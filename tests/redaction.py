"""What a deletion may leave of messages."""

from collections.abc import Sequence

from hitherto.core.history.redaction import REDACTED


def require_left(told: Sequence[str], texts: Sequence[str]) -> None:
    """See that messages are as they were told, but for sentences that were taken out."""
    for before, after in zip(told, texts, strict=True):
        kept = [part.strip() for part in after.split(REDACTED)]
        redacted = REDACTED in after and all(one in before for one in kept)
        assert before == after or redacted
