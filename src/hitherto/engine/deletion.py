"""Effects of a deletion on the rows that stay."""

from collections.abc import Callable, Collection, Mapping, Set
from datetime import datetime

from hitherto.core.history.redaction import REDACTED, Redactor
from hitherto.core.history.version_chains import ChainEdit
from hitherto.core.reconciliation.conflict_redaction import redact_conflicts
from hitherto.store import UserRows


def apply_edit(user: UserRows, edit: ChainEdit) -> int:
    """Write a change of version chains; return the user's revision that contains it."""
    revision = user.advance(removed=True)
    for memory_id, previous_id in edit.relinks.items():
        user.memories.relink(memory_id, previous_id, revision)
    for memory_id in edit.revived:
        user.memories.revive(memory_id, revision)
    for memory_id in edit.deleted:
        user.memories.delete(memory_id)
    return revision


def redact_merge_conflicts(
    user: UserRows,
    memory_ids: Collection[str],
    redactor: Redactor,
    contents: Set[str],
    now: datetime,
    except_session_id: str | None = None,
) -> int:
    """Remove deleted memories from merge conflicts; return the number of changed conflicts.

    contents: of the deleted versions. except_session_id: a session whose conflicts stay as they
    are, because they are deleted with it.
    """
    conflicts = [
        conflict for conflict in user.conflicts.stored() if conflict.session_id != except_session_id
    ]
    redactions = list(redact_conflicts(conflicts, memory_ids, redactor, contents))
    for redaction in redactions:
        if redaction.is_deleted:
            user.conflicts.delete(redaction.merge_conflict_id)
            continue
        user.conflicts.rewrite(redaction)
        if redaction.is_due:
            user.conflicts.answer(redaction.merge_conflict_id, (), now)
    if redactions:
        user.conflicts.notify_workers()
    return len(redactions)


def redact_reasons(
    user: UserRows, redactor: Redactor, sibling_ids: Collection[str], revision: int
) -> None:
    """Remove quotations of deleted memories from the reasons of memories and of failures.

    sibling_ids: remaining versions of the memories of which versions were deleted.
    """
    for session_id, reason in user.sessions.failure_reasons():
        redacted = redactor.redact(reason, REDACTED)
        if redacted != reason:
            user.sessions.replace_failure_reason(session_id, redacted)
    for reasons in user.memories.reasons():
        is_sibling = reasons.memory_id in sibling_ids
        quotes, quotes_in_doubt = (
            bool(text) and redactor.quotes(text or "", reasons.content, is_sibling=is_sibling)
            for text in (reasons.reason, reasons.doubt_reason)
        )
        if quotes or quotes_in_doubt:
            user.memories.replace_reasons(
                reasons.memory_id,
                REDACTED if quotes else reasons.reason,
                REDACTED if quotes_in_doubt else reasons.doubt_reason,
                revision,
            )


def delete_quarantined(
    user: UserRows, grounds: Mapping[str, Collection[int]], redact: Callable[[str], str]
) -> int:
    """Delete quarantined statements that repeat deleted content; return their number.

    grounds: by session, the positions of the messages that deleted memories rest on. redact:
    removes deleted content from a text.
    """
    deleted = 0
    for session_id, positions in grounds.items():
        for statement in user.quarantine.of_session(session_id):
            repeats = redact(statement.content) != statement.content
            if repeats and not set(statement.positions).isdisjoint(positions):
                user.quarantine.delete(statement.quarantine_id, session_id)
                deleted += 1
    return deleted
