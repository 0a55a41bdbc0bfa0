"""Bounded search in hops: the subjects of the first hits become the next query."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hitherto.core.recall.bm25 import LexicalIndex, inverse_frequency
from hitherto.core.recall.index import MessageIndex
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.core.recall.ranking import (
    LexicalScores,
    Ranked,
    dense_scores,
    lexical_scores,
    rank_messages,
)
from hitherto.core.recall.scoring import Floats, best_rows

SEEDS: Final = 3
"""Hits that a hop starts from: the best that no earlier hop started from."""

HOP_TERMS: Final = 6
"""Rarest terms of the seeds that a hop searches for, in addition to the question's own."""

STRIDE: Final = 4
"""Every so many messages, one comes from a later hop; the others from the first ranking."""


@dataclass(frozen=True, slots=True)
class Hop:
    """Step of a multi-hop search.

    seeds: message rows that it started from; none for the first. terms: stems searched for.
    found_rows: message rows that are in the ranking since this step, best first.
    """

    seeds: tuple[int, ...]
    terms: tuple[str, ...]
    found_rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Exploration:
    """Result of a multi-hop search: messages, best first, and its hops."""

    messages: list[Ranked]
    hops: tuple[Hop, ...]


def explore(
    plan: QueryPlan,
    query_vectors: Floats,
    lexical: LexicalScores,
    index: MessageIndex,
    *,
    hops: int = 2,
    limit: int = 200,
) -> Exploration:
    """Search for the plan, then for the subjects of the best hits, and interleave the rankings.

    lexical: of the same plan. Deterministic and bounded: a hop costs as much as the lexical side of
    one ranking. One hop is `rank_messages`. Measured on chats, the second hop gives 0.7 points more
    of the evidence within 1,650 tokens and nothing within 3,400, and a third nothing: both are
    within the noise. A hop adds the seeds' terms and keeps the question's vectors: the seeds' own
    vectors were measured and add nothing to the windows.
    """
    dense = dense_scores(query_vectors, index)
    ranking = rank_messages(plan, dense, lexical, index, limit)
    steps = [Hop((), plan.terms, tuple(entry.row for entry in ranking[:SEEDS]))]
    used: set[int] = set()
    for _ in range(1, hops):
        seeds = tuple([entry.row for entry in ranking if entry.row not in used][:SEEDS])
        used.update(seeds)
        terms = _seed_terms(index.lexical, seeds, plan.terms)
        wider = replace(plan, terms=(*plan.terms, *terms))
        hop = rank_messages(wider, dense, lexical_scores(wider, index), index, limit)
        merged = _interleave(ranking, hop, limit)
        earlier_rows = {entry.row for entry in ranking[:50]}
        found_rows = tuple(entry.row for entry in merged[:50] if entry.row not in earlier_rows)
        steps.append(Hop(seeds, terms, found_rows))
        ranking = merged
    if plan.added_terms:
        named = _rank_by_added_terms(plan, index, ranking, limit)
        steps.append(Hop((), plan.added_terms, tuple(entry.row for entry in named)))
        ranking = _interleave(ranking, named, limit)
    return Exploration(ranking, tuple(steps))


def _rank_by_added_terms(
    plan: QueryPlan, index: MessageIndex, ranking: Sequence[Ranked], limit: int
) -> list[Ranked]:
    """Rank the messages with added terms by their words alone, best first.

    A model expects these words in the answer, which may not be about the subject of the question.
    Each gets the score of the place that it takes in the ranking; messages ranked higher already
    are left out.
    """
    lexical = lexical_scores(replace(plan, terms=plan.added_terms), index)
    scores = np.where((lexical.counts > 0).any(axis=0), lexical.scores, -np.inf)
    most = min(limit // STRIDE, int(np.isfinite(scores).sum()))
    rank_by_row = {entry.row: rank for rank, entry in enumerate(ranking)}
    named: list[Ranked] = []
    for row in best_rows(scores.astype(np.float32), most).tolist():
        rank = STRIDE * (len(named) + 1) - 2
        if rank_by_row.get(row, limit) > rank and ranking:
            score = ranking[min(rank, len(ranking) - 1)].score
            named.append(Ranked(row, score, 0.0))
    return named


def _seed_terms(
    lexical: LexicalIndex, seeds: Sequence[int], query_terms: Sequence[str]
) -> tuple[str, ...]:
    """Return the rarest terms of the seeds that occur in other messages, too."""
    documents = len(lexical.lengths)
    weights: dict[str, float] = {}
    left_out = frozenset(query_terms)
    for row in seeds:
        for term in lexical.document_terms(row):
            documents_with_term = len(lexical.postings(term)[0])
            if term not in left_out and documents_with_term > 1:
                weights[term] = weights.get(term, 0.0) + inverse_frequency(
                    documents_with_term, documents
                )
    return tuple(sorted(weights, key=lambda term: (-weights[term], term))[:HOP_TERMS])


def _interleave(first: Sequence[Ranked], second: Sequence[Ranked], limit: int) -> list[Ranked]:
    """Insert an entry of the second ranking after every `STRIDE - 1` of the first.

    Each row is listed once.
    """
    merged: dict[int, Ranked] = {}
    others = iter(second)
    for entry in first:
        merged.setdefault(entry.row, entry)
        if len(merged) % STRIDE == STRIDE - 1:
            new = next((other for other in others if other.row not in merged), None)
            if new is not None:
                merged[new.row] = new
    return list(merged.values())[:limit]
