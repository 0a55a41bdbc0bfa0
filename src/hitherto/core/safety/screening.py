"""What of an extraction may be weighed against the memories: its quarantine, echoes, provenance."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hitherto.core.reconciliation.reconcile import Decision, Insert, Plan, Supersede
from hitherto.core.safety import echo, quarantine
from hitherto.core.safety.injection import Sign
from hitherto.models import (
    Candidate,
    Extraction,
    MemoryVersion,
    Message,
    MessageRole,
    SaidBy,
)

MAX_STATEMENTS = 1_000
"""Maximum statements of a session that can become memories: the latest ones.

In 17 conversations of LoCoMo and LongMemEval, a session gives 18 at most.
"""


@dataclass(frozen=True, slots=True)
class Screened:
    """An extraction without what must not be learned.

    quarantined: the statements kept out, each with what gave it away. echoes: how many statements
    only repeated what had been served. note: how many statements were left out, and why; None for
    none.
    """

    candidates: tuple[Candidate, ...]
    summary: str
    quarantined: tuple[tuple[Candidate, Sign], ...] = ()
    echoes: int = 0
    note: str | None = None


def screen(
    extraction: Extraction,
    messages: Sequence[Message],
    versions: Iterable[MemoryVersion],
    session_date: datetime,
) -> Screened:
    """Sort out what an inference found in a session.

    messages: those that it was given. versions: all that is remembered. Of more than
    `MAX_STATEMENTS`, those said first are left out: what was said last is how things stand.
    """
    count = len(extraction.candidates)
    judge = quarantine.Judge(messages)
    memories = echo.Memories(versions)
    kept: list[Candidate] = []
    quarantined: list[tuple[Candidate, Sign]] = []
    echoes = 0
    for found in extraction.candidates[-MAX_STATEMENTS:]:
        candidate = with_speaker(found, messages)
        sign = judge.sign(candidate)
        if sign is not None:
            quarantined.append((candidate, sign))
        elif echo.is_echo(candidate, messages, memories):
            echoes += 1
        else:
            kept.append(candidate)
    otherwise = f"A conversation with the user on {session_date.date().isoformat()}."
    summary = extraction.summary and quarantine.without_instructions(extraction.summary, otherwise)
    return Screened(tuple(kept), summary, tuple(quarantined), echoes, _note(count - MAX_STATEMENTS))


def _note(left_out: int) -> str | None:
    if left_out <= 0:
        return None
    return (
        f"{left_out:,} statements were left out, those said first: a session can give "
        f"{MAX_STATEMENTS:,} memories. Its messages can be recalled all the same; start a new "
        "session for each conversation"
    )


def with_speaker(candidate: Candidate, messages: Sequence[Message]) -> Candidate:
    """The candidate as said by the assistant where only the assistant's messages say it."""
    if not echo.is_said_by_assistant(candidate, messages):
        return candidate
    return replace(candidate, said_by=MessageRole.ASSISTANT)


def trusted(plan: Plan, versions: Mapping[str, MemoryVersion]) -> Plan:
    """The plan where the assistant's words take the place of nothing that the user said.

    Such a statement stands beside what is held; both are shown with who said them.
    """
    decisions = tuple(_trusted(decision, versions) for decision in plan.decisions)
    return replace(plan, decisions=decisions)


def _trusted(decision: Decision, versions: Mapping[str, MemoryVersion]) -> Decision:
    if not isinstance(decision, Supersede) or decision.candidate.said_by is MessageRole.USER:
        return decision
    replaced = [versions[ref] for ref in decision.replaces if isinstance(ref, str)]
    if all(version.said_by is SaidBy.ASSISTANT for version in replaced):
        return decision
    return Insert(decision.candidate, f"said by the assistant alone: {decision.why}")
