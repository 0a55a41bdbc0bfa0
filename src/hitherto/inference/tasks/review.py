"""Review of doubts: the changes of a session and dependent memories, in one call.

The prompt is bounded: `MOST_CHANGES` changes and `MOST_HELD` memories. Memories that the rules
doubt come first, then connected ones, then the most similar ones. A memory that cannot be doubtful
is not shown, so the model cannot name it.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import zip_longest
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from hitherto.core.context.fence import FENCE_CLOSING, FENCE_OPENING, paragraph
from hitherto.core.dates.formatting import day_beside
from hitherto.core.extraction import grounding
from hitherto.core.reconciliation.doubt import Change, Consequences, Doubt, Reviewed
from hitherto.core.reconciliation.reconcile import ExistingMemory
from hitherto.core.safety import injection_patterns
from hitherto.core.text.terms import terms_of
from hitherto.inference.tasks.reconciliation import TERM_WEIGHT
from hitherto.models import MemoryVersion

MOST_CHANGES = 12
MOST_HELD = 30
MAX_SHOWN_CHARS = 400
"""Maximum characters of a content; so a prompt has at most some 25,000."""

MAX_REASON_CHARS = 200
UNEXPLAINED = "it may have depended on what changed"
"""Replaces a reason that adds to the memory and the change, or that is an instruction."""


class Finding(BaseModel):
    """A memory that may hold no more."""

    model_config = ConfigDict(extra="ignore")

    memory: Annotated[int, Field(description="Number of the held memory.")]
    change: Annotated[int, Field(description="Number of the change that it depended on.")]
    reason: Annotated[str, Field(description="What it depended on, in a few words.")] = ""


class Findings(BaseModel):
    """The memories that may hold no more; all others stand."""

    model_config = ConfigDict(extra="ignore")

    doubtful: list[Finding]


@dataclass(frozen=True, slots=True)
class ReviewInput:
    """Input of one call: changes, then memories, numbered from 1."""

    changes: tuple[Change, ...]
    memories: tuple[MemoryVersion, ...]

    def change_at(self, number: int) -> Change | None:
        """Return the change under a number of the prompt."""
        return self.changes[number - 1] if 1 <= number <= len(self.changes) else None

    def memory_at(self, number: int) -> MemoryVersion | None:
        """Return the memory under a number of the prompt."""
        offset = number - len(self.changes) - 1
        return self.memories[offset] if 0 <= offset < len(self.memories) else None


def review_input(
    consequences: Consequences, existing: Sequence[ExistingMemory], connected: Set[str]
) -> ReviewInput:
    """Choose the memories to show. connected: ids of memories connected with a changed one."""
    changes = consequences.changes[:MOST_CHANGES]
    by_id = {item.memory.memory_id: item.memory for item in existing}
    causes = {change.cause for change in changes}
    marked = [doubt.memory_id for doubt in consequences.doubts if doubt.cause in causes]
    chosen = dict.fromkeys(marked[:MOST_HELD])
    for memory_id in (*sorted(connected), *_nearest(changes, existing)):
        if len(chosen) == MOST_HELD:
            break
        memory = by_id.get(memory_id)
        if memory is not None and any(consequences.may_doubt(memory, change) for change in changes):
            chosen[memory_id] = None
    memories = sorted(
        (by_id[memory_id] for memory_id in chosen),
        key=lambda memory: (memory.created_at, memory.memory_id),
    )
    return ReviewInput(changes, tuple(memories))


def _nearest(changes: Sequence[Change], existing: Sequence[ExistingMemory]) -> Iterator[str]:
    """Return ids of existing memories, the most similar of each change in turn."""
    rows = {memory.memory.memory_id: row for row, memory in enumerate(existing)}
    if not rows:
        return
    vectors = np.vstack([memory.vector for memory in existing])
    terms = [frozenset(terms_of(memory.memory.content)) for memory in existing]
    orders: list[NDArray[np.int64]] = []
    for change in changes:
        wanted = frozenset(terms_of(f"{change.old.content} {change.content}"))
        likeness = TERM_WEIGHT * np.array([len(own & wanted) for own in terms], np.float32)
        likeness /= max(1, len(wanted))
        row = rows.get(change.old.memory_id)
        if row is not None:
            likeness += vectors @ vectors[row]
        orders.append(np.argsort(-likeness, kind="stable"))
    for same_ranks in zip_longest(*orders):
        for position in same_ranks:
            yield existing[position].memory.memory_id


def content(review_input: ReviewInput) -> str:
    """Return the prompt text: changes and memories, fenced."""
    parts = [FENCE_OPENING, "Changes:"]
    for number, change in enumerate(review_input.changes, start=1):
        before = paragraph(change.old.content)[:MAX_SHOWN_CHARS]
        after = paragraph(change.content)[:MAX_SHOWN_CHARS]
        now = "" if change.content == change.old.content else f" | now: {after}"
        parts.append(f"{number}. (said {change.since.date().isoformat()}) no longer: {before}{now}")
    parts.append("Held memories:")
    for number, memory in enumerate(review_input.memories, start=len(review_input.changes) + 1):
        text = paragraph(memory.content)[:MAX_SHOWN_CHARS]
        said_on = day_beside(memory.created_at, review_input.changes[0].since)
        parts.append(f"{number}. (said {said_on.isoformat()}) {text}")
    return "\n".join([*parts, FENCE_CLOSING])


def problem(findings: Findings, review_input: ReviewInput) -> str | None:
    """Return what the model should repair in a well-formed answer."""
    wrong = []
    for finding in findings.doubtful:
        if review_input.memory_at(finding.memory) is None:
            wrong.append(f"There is no held memory {finding.memory}.")
        if review_input.change_at(finding.change) is None:
            wrong.append(f"There is no change {finding.change}.")
    return " ".join(wrong[:6]) or None


def read(findings: Findings, review_input: ReviewInput, consequences: Consequences) -> Reviewed:
    """Return the doubts after the review.

    Memories the model saw but did not name are kept; for those it did not see, the rules decide.
    """
    seen = {memory.memory_id for memory in review_input.memories}
    marked = {doubt.memory_id for doubt in consequences.doubts}
    doubts = {
        doubt.memory_id: doubt for doubt in consequences.doubts if doubt.memory_id not in seen
    }
    for finding in findings.doubtful:
        memory = review_input.memory_at(finding.memory)
        change = review_input.change_at(finding.change)
        if memory is None or change is None:
            continue
        if memory.memory_id not in marked and not consequences.may_doubt(memory, change):
            continue
        reason = f"{_reason(finding.reason, memory, change)}: “{change.content}”"
        doubt = Doubt(memory.memory_id, change.cause, reason, change.since)
        doubts.setdefault(memory.memory_id, doubt)
    return Reviewed(tuple(doubts.values()))


def _reason(given: str, memory: MemoryVersion, change: Change) -> str:
    """Return the model's reason if it is safe to show in contexts."""
    reason = " ".join(given.split()).rstrip(".:")
    sources = f"{memory.content} {change.old.content} {change.content}"
    sound = (
        0 < len(reason) <= MAX_REASON_CHARS
        and injection_patterns.find_injection(reason) is None
        and grounding.adds_nothing(reason, sources)
    )
    return reason if sound else UNEXPLAINED
