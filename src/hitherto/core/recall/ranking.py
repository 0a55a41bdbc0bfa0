"""Rank one user's messages, memories and summaries for a query plan, without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hitherto.core.recall.bm25 import LexicalIndex, count_scores, inverse_frequency
from hitherto.core.recall.index import AROUND, MemoryIndex, MessageIndex, SummaryIndex
from hitherto.core.recall.query_plan import DateRange, QueryPlan
from hitherto.core.recall.scoring import (
    Floats,
    Ints,
    best_of_groups,
    best_rows,
    calibrate,
    coverage,
    fuse,
    min_max,
    nearness,
    sum_windows,
)
from hitherto.core.text.tokens import terms
from hitherto.models import MessageRole

SPREAD: Final = 0.3
"""Share of all further dense queries in a cosine; the first query has the rest."""

DATE_DAYS: Final = 14.0
"""Distance in days from a range at which the date prior is 0: people talk about events days
later."""

DATE_BONUS: Final = 1.0
"""Bonus inside the logistic of `calibrate` for an event within the days asked about."""

PERSON_MALUS: Final = 2.0
"""Taken off inside the logistic of `calibrate` where a question is about another person than the
user: 0.87 becomes 0.48."""

BROAD_BONUS: Final = 4.0
"""Bonus of a broad question for the newest summary: enough to pass the default threshold without
any similarity. It falls to half of that for the oldest."""

NO_COSINE: Final = -1.0
"""Dense score of a message without a passage: no cosine is lower."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Row of an index with its place in the ranking.

    score: orders the ranking; comparable within one answer only.
    similarity: 0 to 1, comparable between questions (see `ranking.calibrate`); memories and
        summaries are ranked by it.
    """

    row: int
    score: float
    similarity: float


@dataclass(frozen=True, slots=True)
class MessageWeights:
    """Weights of the signals in `rank_messages`.

    chunk, window, turn, around: dense over chunks and windows, BM25 over the message and over it
        with two messages to each side; each is normalised to 0..1 first.
    role, speaker, date: added where the prior holds in full.
    length: subtracted for each doubling of a message beyond `PLAIN_WORDS`.
    session: the best score of a message of the same session, by `MESSAGE_WEIGHTS`.
    content, question: `contents` and `questions` of `MessageIndex`; the latter is subtracted.

    These are round values near the optimum of two development sets. docs/recall.md has the effect
    of each there, and how far tuning on one half carried to the other.
    """

    chunk: float = 1.0
    window: float = 0.7
    turn: float = 0.7
    around: float = 0.5
    role: float = 0.6
    speaker: float = 0.8
    date: float = 0.8
    length: float = 0.3
    session: float = 0.0
    content: float = 0.0
    question: float = 0.0


MESSAGE_WEIGHTS: Final = MessageWeights()

CHAT_WEIGHTS: Final = MessageWeights(
    chunk=0.6,
    window=0.7,
    turn=0.2,
    around=0.7,
    date=0.75,
    length=0.0,
    session=0.65,
    content=0.55,
    question=0.35,
)
"""For chats between people, whose turns are short: evidence clusters in sessions, and questions
carry no facts. Between a user and an assistant neither holds."""


@dataclass(frozen=True, slots=True)
class DenseScores:
    """Each message's best chunk and its window as cosines with the query vectors: two (m,)."""

    chunk: Floats
    window: Floats


def dense_scores(query_vectors: Floats, index: MessageIndex) -> DenseScores:
    """Return the dense side of `rank_messages`.

    query_vectors: of `plan.dense_queries`, in that order: (queries, d), unit length.
    A message without a window is its own; one without passages scores like the worst.
    """
    messages = len(index.is_user)
    query = mixed_query(query_vectors)
    chunks = index.chunk_vectors.products(query)
    chunk = best_of_groups(chunks, index.chunk_of, index.chunk_starts, messages, NO_COSINE)
    window = chunk.copy()
    window[index.window_of] = index.window_vectors.products(query)
    present = chunk > NO_COSINE
    if not present.all() and present.any():
        chunk[~present] = chunk[present].min()
        window[~present] = window[present].min()
    return DenseScores(chunk, window)


@dataclass(frozen=True, slots=True)
class LexicalScores:
    """Lexical signals and priors of each message, without the query's vectors.

    counts: (terms, m), occurrences of each of the plan's terms. scores: (m,), the lexical signals
    and the priors by `MESSAGE_WEIGHTS`. chat_scores: the same by `CHAT_WEIGHTS`, without `session`;
    None unless the messages are a chat between people.
    """

    counts: Floats
    scores: Floats
    chat_scores: Floats | None = None


def lexical_scores(plan: QueryPlan, index: MessageIndex) -> LexicalScores:
    """Return the part of `rank_messages` that needs no vectors, so it runs during embedding."""
    counts = index.lexical.counts(plan.terms)
    lengths = index.lexical.lengths
    if not len(lengths):
        return LexicalScores(counts, np.zeros(0, np.float32))
    table = sum_windows(counts, index.session_of, AROUND)
    turn, around = count_scores(counts, lengths), count_scores(table, index.around_lengths)

    def weighted(weights: MessageWeights) -> Floats:
        scores = fuse([(weights.turn, turn), (weights.around, around)])
        _add_priors(scores, plan, index, weights)
        return scores

    chat_scores = weighted(CHAT_WEIGHTS) if index.is_between_people else None
    return LexicalScores(counts, weighted(MESSAGE_WEIGHTS), chat_scores)


def rank_messages(
    plan: QueryPlan,
    dense: DenseScores,
    lexical: LexicalScores,
    index: MessageIndex,
    limit: int = 200,
) -> list[Ranked]:
    """Return the best messages, best first; dense and lexical: both sides of the same plan."""
    if not len(index.is_user):
        return []
    scores = _fused(dense, lexical, index)
    rows = best_rows(scores, limit)
    covered = coverage(lexical.counts[:, rows] > 0, _term_weights(plan.terms, index.lexical))
    similarities = calibrate(dense.chunk[rows], covered)
    return [
        Ranked(row, score, similarity)
        for row, score, similarity in zip(
            rows.tolist(), scores[rows].tolist(), similarities.tolist(), strict=True
        )
    ]


def _fused(dense: DenseScores, lexical: LexicalScores, index: MessageIndex) -> Floats:
    """Return the score of each message: (m,)."""

    def weighted(weights: MessageWeights) -> Floats:
        return fuse([(weights.chunk, dense.chunk), (weights.window, dense.window)])

    scores = weighted(MESSAGE_WEIGHTS) + lexical.scores
    if lexical.chat_scores is None:
        return scores
    session_of = index.session_of
    starts = np.flatnonzero(np.diff(session_of, prepend=-1))
    sessions = len(index.session_days)
    best = best_of_groups(min_max(scores), session_of, starts, sessions, 0.0)
    session = np.float32(CHAT_WEIGHTS.session) * best[session_of]
    return weighted(CHAT_WEIGHTS) + lexical.chat_scores + session


def term_coverage(plan: QueryPlan, lexical: LexicalIndex) -> Floats:
    """Return the share of the plan's term weight that each document has: (n,) in 0..1.

    Added terms can lift a share, and never lower one.
    """
    covered = _share(plan.terms, lexical)
    if not plan.added_terms:
        return covered
    return np.maximum(covered, _share((*plan.terms, *plan.added_terms), lexical))


def _share(query_terms: Sequence[str], lexical: LexicalIndex) -> Floats:
    return coverage(lexical.counts(query_terms) > 0, _term_weights(query_terms, lexical))


def rank_memories(
    plan: QueryPlan,
    query_vectors: Floats,
    covered: Floats,
    index: MemoryIndex,
    *,
    threshold: float,
    min_top_k: int,
    max_top_k: int,
    other_person: str = "",
) -> list[Ranked]:
    """Return the best current memories by similarity, best first.

    covered: `term_coverage` of the same plan. other_person: see `other_person`.
    At most `max_top_k`: those at or above the threshold, topped up with the next best to
    `min_top_k`. A date asked about lifts similarities by its event dates and leaves none out. A
    question about another person than the user lowers those of memories without the name.
    """
    similar = index.vectors.products(mixed_query(query_vectors))
    bonus = _date_bonus(plan.dates, index.first_days, index.last_days)
    if other_person:
        is_other = np.ones(len(bonus), np.bool_)
        for term in terms(other_person):
            is_other[index.lexical.postings(term)[0]] = False
        bonus -= np.float32(PERSON_MALUS) * is_other
    similarities = calibrate(similar, covered, bonus)
    similarities[~index.current] = -1.0
    return _above(similarities, threshold, min_top_k, min(max_top_k, int(index.current.sum())))


def other_person(plan: QueryPlan, index: MessageIndex) -> str:
    """Return the speaker that a question is about, other than the user, or "".

    Memories say "User ..." of the person whose messages have the role of the user.
    """
    named = _named_speakers(plan, index)
    if len(named) != 1 or not index.is_between_people:
        return ""
    spoken = index.is_user[index.speaker_of == named[0]]
    return "" if 2 * int(spoken.sum()) > len(spoken) else index.speakers[named[0]]


def rank_summaries(
    plan: QueryPlan,
    query_vectors: Floats,
    covered: Floats,
    index: SummaryIndex,
    *,
    threshold: float,
    limit: int,
) -> list[Ranked]:
    """Return the summaries at or above the threshold by similarity, best first, at most `limit`.

    covered: `term_coverage` of the same plan.
    A broad question, which is similar to none, is answered with the newest.
    """
    similar = index.vectors.products(mixed_query(query_vectors))
    bonus = _date_bonus(plan.dates, index.days, index.days)
    if plan.broad:
        newness = min_max(index.days.astype(np.float32))
        bonus += np.float32(BROAD_BONUS / 2) * (1 + newness)
    similarities = calibrate(similar, covered, bonus)
    return _above(similarities, threshold, 0, limit)


def connected_memories(
    index: MemoryIndex,
    rows: Sequence[int],
    connections: Mapping[int, Sequence[int]],
    *,
    depth: int = 1,
    limit: int = 20,
) -> dict[int, list[int]]:
    """Return the memories below each row: connected ones that are listed nowhere else.

    rows: the ranked memories, best first. connections: the connected rows of a row. Each memory is
    listed once, below the best memory that it is connected to. Memories connected to the rows come
    before those connected to the former, `depth` times, and `limit` bounds all of them together.
    Rows that are not current are left out.
    """
    below: dict[int, list[int]] = {}
    listed = set(rows)
    level = list(rows)
    for _ in range(depth):
        next_level: list[int] = []
        for row in level:
            for other in connections.get(row, ()):
                if len(listed) - len(rows) == limit:
                    return below
                if other not in listed and index.current[other]:
                    listed.add(other)
                    below.setdefault(row, []).append(other)
                    next_level.append(other)
        level = next_level
    return below


def mixed_query(query_vectors: Floats) -> Floats:
    """Mix the dense queries into one vector: (queries, d) to (d,).

    Its product with a passage is the mix of the queries' cosines, at the cost of one query. The
    best query of each passage instead measures the same.
    """
    first: Floats = query_vectors[0]
    if len(query_vectors) == 1:
        return first
    others = query_vectors[1:].mean(axis=0)
    return np.asarray(np.float32(1.0 - SPREAD) * first + np.float32(SPREAD) * others, np.float32)


def _date_bonus(dates: Sequence[DateRange], first: Ints, last: Ints) -> Floats:
    return np.float32(DATE_BONUS) * _nearest(dates, first, last)


def _above(similarities: Floats, threshold: float, least: int, most: int) -> list[Ranked]:
    """Return the best rows at or above the threshold, topped up to `least`, at most `most`."""
    rows = best_rows(similarities, most)
    kept = max(int((similarities[rows] >= threshold).sum()), least)
    return [
        Ranked(row, similarity, similarity)
        for row, similarity in zip(
            rows[:kept].tolist(), similarities[rows[:kept]].tolist(), strict=True
        )
    ]


def _add_priors(
    scores: Floats, plan: QueryPlan, index: MessageIndex, weights: MessageWeights
) -> None:
    """Add the priors to the scores, in place: speaker, role, dates, what a message is like."""
    named = _named_speakers(plan, index)
    if len(named) == 1:
        scores += np.float32(weights.speaker) * (index.speaker_of == named[0])
    elif not named:
        scores += _role_prior(plan.role, index, weights.role)
    if plan.dates:
        near = _nearest(plan.dates, index.session_days, index.session_days)
        scores += np.float32(weights.date) * near[index.session_of]
    if weights.length:
        scores -= np.float32(weights.length) * index.doublings
    if weights.content:
        scores += np.float32(weights.content) * index.contents
    if weights.question:
        scores -= np.float32(weights.question) * index.questions


def _named_speakers(plan: QueryPlan, index: MessageIndex) -> list[int]:
    """Return the numbers of the speakers that a question names."""
    return [
        number
        for number, speaker in enumerate(index.speakers)
        if speaker in plan.names or speaker.split()[0] in plan.names
    ]


def _role_prior(role: MessageRole | None, index: MessageIndex, weight: float) -> Floats:
    """Return the prior for the role whose words are asked for: (m,).

    A question without a role is mostly about the user, which counts half; unless the messages are a
    chat between people: then both are asked about alike.
    """
    if role is None:
        weight = 0.0 if index.is_between_people else 0.5 * weight
    is_asked_role = index.is_user if role is not MessageRole.ASSISTANT else ~index.is_user
    return is_asked_role.astype(np.float32) * np.float32(weight)


def _nearest(dates: Sequence[DateRange], first: Ints, last: Ints) -> Floats:
    """Return how near each item's days are to the nearest range, 0 to 1."""
    near = np.zeros(len(first), np.float32)
    for wanted in dates:
        start, end = wanted.first.toordinal(), wanted.last.toordinal()
        np.maximum(near, nearness(first, last, start, end, DATE_DAYS), out=near)
    return near


def _term_weights(query_terms: Sequence[str], lexical: LexicalIndex) -> Floats:
    documents = len(lexical.lengths)
    return np.array(
        [
            inverse_frequency(max(len(lexical.postings(term)[0]), 1), documents)
            for term in query_terms
        ],
        np.float32,
    )
