"""Order in which the parts of a context get tokens of its budget."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hitherto.core.context.recalled_data import ContextParts, RecalledMemory
from hitherto.core.context.sections import Draft, MemoryDraft
from hitherto.core.context.token_budget import Piece

MEMORY_SHARE = 0.12
"""Share of the budget that excerpts leave to strong memories at first. Excerpts have the evidence
word for word; a memory states a change, or a fact that no shown excerpt has, in some 35 tokens. The
share is enough for about the best six in a context of 2,000 tokens."""

CONFLICT_SHARE = 0.25
"""Share for pending conflicts before everything else, because the model has to ask about them."""

REQUESTED_SHARE = 0.5
"""Share for conflicts, recent messages and recent summaries together at first. The caller asked for
them by number, but recalled memories need room, too."""

MEMORY_FLOOR = 0.3
"""Similarity below which a memory costs no tokens of a budget: 90 to 98 % of random messages are
below it, and about a sixth of the evidence (`docs/measurements/recall.md`)."""

NOTE_SHARE = 0.04
"""Share that excerpts leave to notes behind quotations and to the best summary at first."""

BEST_MEMORIES = 3
"""Memories that come before the best summary."""

LIST_SHARE = 0.6
"""Share for the dated list, which comes before the excerpts that it stands for."""

ANALYSIS_SHARE = 0.5
"""Share for an analysis before the excerpts."""


def candidates(draft: Draft, tokens: int) -> Iterator[tuple[Piece, int]]:
    """Yield the pieces in order of usefulness, each with the tokens to reserve.

    tokens: of the whole budget. It is lazy, because later candidates depend on the pieces added
    before.
    """
    requested = [
        *draft.recent_messages,
        *(item.text for item in draft.recent_summaries),
    ]
    strong: list[MemoryDraft] = []
    weak: list[MemoryDraft] = []
    for item in draft.memories:
        (strong if is_strong(item.memory, draft.parts) else weak).append(item)
    yield from _with_reserve(draft.conflicts, round(tokens * (1 - CONFLICT_SHARE)))
    yield from _with_reserve(requested, round(tokens * (1 - REQUESTED_SHARE)))
    yield from in_order(
        draft.analysis, round(tokens * (1 - ANALYSIS_SHARE)) if draft.excerpts else 0
    )
    yield from _with_reserve(draft.dated_list, round(tokens * (1 - LIST_SHARE)))
    yield from _excerpts(draft, round(tokens * _kept_share(draft, bool(strong))))
    yield from _lines(draft, strong[:1])
    yield from _notes(draft)
    yield from _lines(draft, strong[1:BEST_MEMORIES])
    yield from _with_reserve([item.text for item in draft.summaries[:1]], 0)
    yield from _lines(draft, strong[BEST_MEMORIES:])
    yield from _excerpts(draft, 0)
    yield from _with_reserve(draft.dated_list, 0)
    yield from _notes(draft)
    yield from in_order(draft.analysis, 0)
    yield from _lines(draft, weak)
    yield from _with_reserve([*draft.conflicts, *requested], 0)
    yield from _with_reserve((item.text for item in draft.summaries), 0)
    yield from _with_reserve(draft.ongoing, 0)
    yield from ((item.line, 0) for item in draft.memories)
    yield from _with_reserve(_connected_lines(draft.memories), 0)
    for summary in [*draft.summaries, *draft.recent_summaries]:
        if summary.text.is_shown:
            yield from _with_reserve(summary.memories, 0)
    yield from in_order(draft.asking, 0)


def _excerpts(draft: Draft, reserve: int) -> Iterator[tuple[Piece, int]]:
    """Yield the excerpts, without those that the dated list shows."""
    for excerpt, piece in draft.excerpts:
        if not draft.is_listed(excerpt):
            yield piece, reserve


def is_strong(memory: RecalledMemory, parts: ContextParts) -> bool:
    """Return whether a memory is similar enough to the question to be worth its tokens early."""
    return (memory.similarity or 0.0) >= parts.memories_threshold


def without_weak_memories(parts: ContextParts) -> ContextParts:
    """Return the parts without memories below the floor, which tell nothing about the question."""
    floor = min(MEMORY_FLOOR, parts.memories_threshold)
    kept = (memory for memory in parts.memories if (memory.similarity or 0.0) >= floor)
    return replace(parts, memories=tuple(kept))


def _with_reserve(pieces: Iterable[Piece], reserve: int) -> Iterator[tuple[Piece, int]]:
    return ((piece, reserve) for piece in pieces)


def in_order(pieces: Iterable[Piece], reserve: int) -> Iterator[tuple[Piece, int]]:
    """Yield pieces that make sense only in order, up to the first that is not shown."""
    for piece in pieces:
        yield piece, reserve
        if not piece.is_shown:
            return


def _kept_share(draft: Draft, has_strong: bool) -> float:
    """Return the share of the budget that excerpts leave at first."""
    if has_strong:
        return MEMORY_SHARE
    return NOTE_SHARE if draft.notes or draft.summaries else 0.0


def _lines(draft: Draft, memories: Iterable[MemoryDraft]) -> Iterator[tuple[Piece, int]]:
    """Yield memories, each with its former values, unless shown excerpts state all of it."""
    for item in memories:
        if draft.is_covered(item.memory):
            continue
        yield item.line, 0
        if item.history is not None and item.line.is_shown:
            yield item.history, 0


def _notes(draft: Draft) -> Iterator[tuple[Piece, int]]:
    """Yield the notes behind the shown excerpts, best excerpt first."""
    for note in draft.notes:
        if note.is_useful:
            yield note.text, 0


def _connected_lines(drafts: list[MemoryDraft]) -> Iterator[Piece]:
    """Yield the memories connected to shown ones, nearest first below each."""
    for draft in drafts:
        if draft.line.is_shown:
            yield from (child.line for child in draft.children)
            yield from _connected_lines(draft.children)
