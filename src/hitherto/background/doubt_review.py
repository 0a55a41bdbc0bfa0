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
    dated: DatedPlan,
    working: UserIndex,
    inference: ChargedInference,
    now: datetime,
    max_memories: int,
) -> Reviewed:
    """Return the doubts that a plan causes; without changes, no review runs.

    now: end of its retired memories. max_memories: memories to examine, those nearest to the
    changes.
    """
    consequences = await in_thread(_consequences, dated, working, now, max_memories)
    if not consequences.changes:
        return Reviewed(())
    changed_ids = [change.old.memory_id for change in consequences.changes]
    connected = working.connected_with(changed_ids)
    required = connected | {doubt.memory_id for doubt in consequences.doubts}
    memories = await in_thread(_near, changed_ids, required, working, max_memories)
    return await inference.ask(lambda chosen: chosen.review(consequences, memories, connected))


def _consequences(
    dated: DatedPlan, working: UserIndex, now: datetime, max_memories: int
) -> Consequences:
    def near(changed_ids: Sequence[str]) -> list[MemoryVersion]:
        existing = _near(changed_ids, frozenset(), working, max_memories)
        return [item.memory for item in existing]

    return doubt.of_plan(
        dated.plan,
        dated.said_at,
        working.versions,
        working.last_said,
        [(memory_id, now) for memory_id in dated.retired],
        near,
    )


def _near(
    changed_ids: Sequence[str], required: Set[str], working: UserIndex, max_memories: int
) -> list[ExistingMemory]:
    """Return the current memories nearest to the changed ones, and the required ones."""
    vectors = working.vectors_of(changed_ids)
    return working.existing_memories(
        vectors, max_memories, lambda version: version.memory_id in required
    )[0]
