"""Review of memories that a plan makes doubtful, by rules or a model."""

from collections.abc import Sequence, Set
from datetime import datetime

from hitherto.background.dated_plan import DatedPlan
from hitherto.core.reconciliation import doubt
from hitherto.core.reconciliation.doubt import Consequences, Reviewed
from hitherto.core.reconciliation.reconcile import ExistingMemory
from hitherto.engine.metered_inference import ChargedInference
from hitherto.memory_index import UserIndex
from hitherto.models import MemoryVersion
from hitherto.threads import in_thread


async def review(
    dated: DatedPlan, working: UserIndex, inference: ChargedInference, now: datetime, most: int
) -> Reviewed:
    """Return the doubts that a plan causes; without changes, no review runs.

    now: when its retired memories end. most: largest number of memories to examine, those nearest
    to the changes.
    """
    consequences = await in_thread(_consequences, dated, working, now, most)
    if not consequences.changes:
        return Reviewed(())
    gone = [change.old.memory_id for change in consequences.changes]
    connected = working.connected_with(gone)
    needed = connected | {one.memory_id for one in consequences.doubts}
    held = await in_thread(_near, gone, needed, working, most)
    return await inference.ask(lambda asked: asked.review(consequences, held, connected))


def _consequences(dated: DatedPlan, working: UserIndex, now: datetime, most: int) -> Consequences:
    def among(gone: Sequence[str]) -> list[MemoryVersion]:
        return [one.memory for one in _near(gone, frozenset(), working, most)]

    return doubt.of_plan(
        dated.plan,
        dated.said_at,
        working.versions,
        working.last_said,
        [(memory_id, now) for memory_id in dated.retired],
        among,
    )


def _near(
    gone: Sequence[str], needed: Set[str], working: UserIndex, most: int
) -> list[ExistingMemory]:
    """Return the current memories nearest to the changes, and the required ones."""
    vectors = working.vectors_of(gone)
    return working.existing_memories(vectors, most, lambda one: one.memory_id in needed)[0]
