"""Choose the lines of a dated list: words of messages that match a listing question."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hitherto.core.recall.excerpts import is_filler
from hitherto.core.recall.index import MessageIndex
from hitherto.core.recall.passages import without_speaker, word_count
from hitherto.core.recall.ranking import Ranked, mixed_query
from hitherto.core.recall.scoring import Floats, best_of_groups, min_max
from hitherto.core.text.sentences import whole_sentence_spans
from hitherto.core.text.tokens import content_tokens, terms
from hitherto.models import MessageRole

Span = tuple[int, int]
"""Characters of a message's content."""

FLOOR: Final = 0.2
"""Similarity below which a message is not listed. Of what answers listing questions 3 to 4 % is
below it, and of the other candidates 43 % (`docs/measurements/recall.md`)."""

OBJECT_WEIGHT: Final = 0.6
"""Weight of the similarity to the words asked about, without those of the question, in the order
of the candidates."""

MAX_LINES: Final = 200
"""Maximum lines of a list: as many as are compared with each other for repeats."""

LONGEST_LINE_WORDS: Final = 40
"""Maximum words of a line; of a longer message only the part nearest to the question is listed."""

LONGEST_TURN_WORDS: Final = 100
"""Maximum words of a line in a chat between people, whose turns are mostly about one thing."""

KEPT_SHARE: Final = 0.8
"""Share of the words that the line of a short message keeps at least, so that it can stand for the
excerpt of that message."""

REPEATED_SHARE: Final = 0.8
"""Share of common terms from which on two lines say the same."""


@dataclass(frozen=True, slots=True)
class Line:
    """Words of a message, in characters of its content, that a dated list shows.

    row: of the message index. starts_mid, ends_mid: whether words before or after it are left out
        that say something. repeats: rows of messages with nearly the same words.
    """

    row: int
    start: int
    end: int
    starts_mid: bool
    ends_mid: bool
    repeats: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Plain:
    """Words that say little about a sentence, and those that say that it is asked for.

    names: words that name people, in lower case. terms: of the question, without names.
    """

    names: Collection[str]
    terms: frozenset[str]


def choose_lines(
    ranked: Sequence[Ranked],
    index: MessageIndex,
    content_of: Callable[[int], str],
    query_vectors: Floats,
    object_vector: Floats,
    *,
    role: MessageRole | None,
    query_terms: Sequence[str],
    names: Collection[str] = (),
) -> list[Line]:
    """Return the lines of a list, best first: one of each message that says something.

    ranked: the messages, best first.
    query_vectors: of `plan.dense_queries`. object_vector: (d,), of the words asked about.
    role: whose messages are listed; None for everyone's. query_terms: of the plan.
    names: words that name people, in lower case. Near-repeats are one line.
    """
    name_terms = {term for name in names for term in terms(name)}
    plain = _Plain(names, frozenset(query_terms) - name_terms)
    candidates = [
        item for item in ranked if item.similarity >= FLOOR and _has_role(item, index, role)
    ]
    lines: list[Line] = []
    terms_of_lines: list[frozenset[str]] = []
    for row, span in _by_object(candidates, index, query_vectors, object_vector):
        content = content_of(row)
        line = _line(row, content, span, plain)
        if line is None:
            continue
        words = frozenset(terms(without_speaker(content[line.start : line.end])))
        same = next(
            (n for n, other in enumerate(terms_of_lines) if _is_repeated(words, other)), None
        )
        if same is not None:
            lines[same] = replace(lines[same], repeats=(*lines[same].repeats, row))
            continue
        lines.append(line)
        terms_of_lines.append(words)
        if len(lines) == MAX_LINES:
            break
    return lines


def _has_role(item: Ranked, index: MessageIndex, role: MessageRole | None) -> bool:
    return role is None or bool(index.is_user[item.row]) is (role is MessageRole.USER)


def _by_object(
    candidates: Sequence[Ranked],
    index: MessageIndex,
    query_vectors: Floats,
    object_vector: Floats,
) -> list[tuple[int, Span]]:
    """Return rows and their best parts, by their scores and their similarity to the object."""
    if not candidates:
        return []
    products = index.chunk_vectors.products(object_vector)
    lowest = float(products.min())
    nearest = best_of_groups(
        products, index.chunk_of, index.chunk_starts, len(index.is_user), lowest
    )
    rows = np.array([item.row for item in candidates])
    scores = np.array([item.score for item in candidates], np.float32)
    scores += np.float32(OBJECT_WEIGHT) * min_max(nearest)[rows]
    cosines = products + index.chunk_vectors.products(mixed_query(query_vectors))
    order = rows[np.argsort(-scores, kind="stable")]
    borders = index.chunk_of.searchsorted([order, order + 1])
    return [
        (row, _best_part(index, slice(first, end), cosines, int(index.word_counts[row])))
        for row, first, end in zip(order.tolist(), *borders.tolist(), strict=True)
        if first < end
    ]


def _best_part(index: MessageIndex, chunks: slice, cosines: Floats, words: int) -> Span:
    """Return the chunks around the best one, the better side first, up to the longest line."""
    spans = index.chunk_spans[chunks]
    own = cosines[chunks]
    longest = LONGEST_TURN_WORDS if index.is_between_people else LONGEST_LINE_WORDS
    most = longest / max(words, 1) * int(spans[-1, 1] - spans[0, 0])
    first = last = int(own.argmax())
    while True:
        sides = [
            (float(own[new]), min(first, new), max(last, new))
            for new in (first - 1, last + 1)
            if 0 <= new < len(spans)
            and spans[max(last, new), 1] - spans[min(first, new), 0] <= most
        ]
        if not sides:
            return int(spans[first, 0]), int(spans[last, 1])
        _, first, last = max(sides)


def _line(row: int, content: str, span: Span, plain: _Plain) -> Line | None:
    """Return the words of a message for the list, None if they only greet or ask."""
    start, end = span
    kept = _without_ends(content, span, plain)
    if kept is None:
        return None
    return Line(row, *kept, starts_mid=start > 0, ends_mid=end < len(content.rstrip()))


def _without_ends(content: str, span: Span, plain: _Plain) -> Span | None:
    """Return a span of a text without the useless sentences at its ends.

    All sentences between those that have words of the question are kept. Of a whole message, and of
    a part without such words, at least `KEPT_SHARE` is kept.
    """
    spans = [
        (span[0] + start, span[0] + end)
        for start, end in whole_sentence_spans(content[span[0] : span[1]])
    ]
    telling = [_tells(content[start:end].strip(), plain.names) for start, end in spans]
    if not any(telling):
        return None
    counts = [word_count(content[start:end]) for start, end in spans]
    matching = [not plain.terms.isdisjoint(terms(content[start:end])) for start, end in spans]
    is_part = span[0] > 0 or span[1] < len(content.rstrip())
    least = 0.0 if is_part and any(matching) else KEPT_SHARE * sum(counts)
    first, last, left = 0, len(spans) - 1, sum(counts)
    for is_worth in (telling, matching):
        while first < last and not is_worth[last] and left - counts[last] >= least:
            left -= counts[last]
            last -= 1
        while first < last and not is_worth[first] and left - counts[first] >= least:
            left -= counts[first]
            first += 1
    words = content[spans[first][0] : spans[last][1]]
    start = spans[first][0] + len(words) - len(words.lstrip())
    return start, spans[first][0] + len(words.rstrip())


def _tells(sentence: str, names: Collection[str]) -> bool:
    spoken = without_speaker(sentence)
    if spoken.endswith("?") or is_filler(spoken, names):
        return False
    return len({word for word in content_tokens(spoken) if word not in names}) > 1


def _is_repeated(words: frozenset[str], other: frozenset[str]) -> bool:
    common = len(words & other)
    return common >= REPEATED_SHARE * (len(words) + len(other) - common)
