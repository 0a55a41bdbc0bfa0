"""Choose the spans of recalled messages to show, within a token budget."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hitherto.core.recall.index import MessageIndex
from hitherto.core.recall.passages import without_speaker
from hitherto.core.recall.ranking import Ranked, mixed_query
from hitherto.core.recall.scoring import Floats, Ints
from hitherto.core.text.english_words import word_set
from hitherto.core.text.tokens import tokenise

HEADING_TOKENS: Final = 20
"""Cost of a session's heading: a date with weekday, time and zone has 17 to 20 WordPieces."""

LONGEST_SHARE: Final = 0.5
"""Share of the budget for one message. Of a longer message, the best span is shown.

Measured: with 0.2 or 0.35 answers of 300 to 500 tokens lose words that were asked for."""

SMALLEST_TOKENS: Final = 24
"""Shorter spans are not worth their cost."""


ANSWERED: Final = 6
"""Best messages whose answers are shown with them. The question in front of an answer as well
measures 0.4 points of evidence less in chats between people."""

LONGEST_ANSWER_WORDS: Final = 40

LONGEST_FILLER_WORDS: Final = 8

_FILLERS: Final = word_set(
    "hi hello hey hiya there again everyone all thanks thank thx you so very much a lot welcome ok"
    " okay great cool nice awesome perfect wow haha good morning afternoon evening night bye"
    " goodbye see soon later take care please continue go on next got it youre you're"
)
"""Words of greetings, thanks and requests to go on. "Yes" and "no" answer, so they are not here."""


def is_filler(content: str, names: Collection[str] = ()) -> bool:
    """Return whether a message only greets, thanks or asks to go on.

    names: words that name people, in lower case. An empty message is a filler.
    """
    words = tokenise(without_speaker(content))
    return len(words) <= LONGEST_FILLER_WORDS and all(
        word in _FILLERS or word in names for word in words
    )


def with_answers(
    ranked: Sequence[Ranked], index: MessageIndex, is_question: Callable[[int], bool]
) -> list[Ranked]:
    """Return the ranking with a short answer behind each question among the best messages.

    Each row is listed once, at its best place. is_question: whether a row's message ends with a
    question.
    """
    ordered: dict[int, Ranked] = {}
    for rank, item in enumerate(ranked):
        ordered.setdefault(item.row, item)
        if rank < ANSWERED and is_question(item.row):
            row = item.row + 1
            has_answer = (
                row < len(index.session_of)
                and index.session_of[row] == index.session_of[item.row]
                and index.word_counts[row] <= LONGEST_ANSWER_WORDS
            )
            if has_answer:
                ordered.setdefault(row, replace(item, row=row))
    return list(ordered.values())


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A span of a message's content, in characters.

    row: of the message index. whole: the span is all of the message, but for white space around.
    """

    row: int
    start: int
    end: int
    whole: bool


def select_excerpts(
    ranked: Sequence[Ranked],
    index: MessageIndex,
    token_counts: Sequence[int] | Ints,
    budget_tokens: int,
    query_vectors: Floats,
    heading_tokens: int = HEADING_TOKENS,
) -> list[Excerpt]:
    """Return the excerpts that fit the budget, taken in the order of the ranking.

    They are returned in the order of the index: grouped by session and in the order of messages.

    token_counts: (m,) tokens of each message as it is rendered. heading_tokens: additional cost of
    the first excerpt of each session. Of a message that takes more than `LONGEST_SHARE` of the
    budget, the span of chunks around the one nearest to the queries is returned.
    """
    rows = np.array([entry.row for entry in ranked], np.int32)
    first_chunks, end_chunks = index.chunk_of.searchsorted([rows, rows + 1])
    chosen: list[Excerpt] = []
    sessions: set[int] = set()
    left = budget_tokens
    most = int(LONGEST_SHARE * budget_tokens)
    for row, session, tokens, first, end in zip(
        rows.tolist(),
        index.session_of[rows].tolist(),
        np.asarray(token_counts)[rows].tolist(),
        first_chunks.tolist(),
        end_chunks.tolist(),
        strict=True,
    ):
        room = left - (0 if session in sessions else heading_tokens)
        if first == end:
            continue
        if tokens <= min(room, max(most, SMALLEST_TOKENS)):
            spans = index.chunk_spans
            excerpt = Excerpt(row, int(spans[first, 0]), int(spans[end - 1, 1]), True)
        elif room >= most:
            excerpt, tokens = _best_span(index, row, slice(first, end), tokens, most, query_vectors)
        else:
            continue
        chosen.append(excerpt)
        sessions.add(session)
        left = room - tokens
        if left < SMALLEST_TOKENS:
            break
    return sorted(chosen, key=lambda excerpt: excerpt.row)


def _best_span(
    index: MessageIndex, row: int, chunks: slice, tokens: int, most: int, query_vectors: Floats
) -> tuple[Excerpt, int]:
    """Grow a span from the message's best chunk to both sides, the better chunk first."""
    spans = index.chunk_spans[chunks]
    per_character = tokens / max(int(spans[-1, 1] - spans[0, 0]), 1)
    cosines = index.chunk_vectors.part(chunks).products(mixed_query(query_vectors))
    first = last = int(cosines.argmax())

    def cost(start: int, end: int) -> int:
        return int(np.ceil(per_character * (spans[end, 1] - spans[start, 0])))

    while True:
        sides = [
            (float(cosines[new]), min(first, new), max(last, new))
            for new in (first - 1, last + 1)
            if 0 <= new < len(spans) and cost(min(first, new), max(last, new)) <= most
        ]
        if not sides:
            break
        _, first, last = max(sides)
    start, end = int(spans[first, 0]), int(spans[last, 1])
    if cost(first, last) > most:
        end = start + int(most / per_character)
    whole = first == 0 and last == len(spans) - 1 and end == int(spans[-1, 1])
    return Excerpt(row, start, end, whole), min(cost(first, last), most)
