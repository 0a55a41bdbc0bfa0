"""BM25 over one user's documents.

bm25s weighs its postings while it builds them, so k1, b and the statistics are frozen, each new
document means building again, and there are no plain counts to add up over neighbouring messages.
Here the postings keep counts in immutable segments: appending costs about what is new, statistics
are exact at every query, and windows of any width are scored from the same postings.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Segment:
    """Postings of a run of documents; `offsets[i]` to `offsets[i + 1]` are those of term i."""

    first_row: int
    documents: int
    term_ids: dict[str, int]
    offsets: NDArray[np.int64]
    rows: Ints
    counts: Floats


@dataclass(frozen=True, slots=True)
class LexicalIndex:
    """Term counts of n documents, in rows 0 to n - 1. Immutable.

    lengths: (n,) terms in each document.
    """

    lengths: Ints
    segments: tuple[_Segment, ...]

    def append(self, documents: Sequence[Sequence[str]]) -> "LexicalIndex":
        """Return a new index with more documents, each a list of terms, after the present ones.

        Segments double in size from the last to the first, so n documents added one by one are
        merged about log2(n) times each, and a query visits as many segments.
        """
        if not documents:
            return self
        segment = _segment(len(self.lengths), documents)
        kept = list(self.segments)
        while kept and kept[-1].documents <= 2 * segment.documents:
            segment = _merge(kept.pop(), segment)
        added = np.fromiter((len(document) for document in documents), np.int32, len(documents))
        return LexicalIndex(np.concatenate([self.lengths, added]), (*kept, segment))

    def postings(self, term: str) -> tuple[Ints, Floats]:
        """Return the rows that have the term, ascending, and how often each has it."""
        rows: list[Ints] = []
        counts: list[Floats] = []
        for segment in self.segments:
            number = segment.term_ids.get(term)
            if number is not None:
                span = slice(segment.offsets[number], segment.offsets[number + 1])
                rows.append(segment.rows[span])
                counts.append(segment.counts[span])
        if not rows:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        return np.concatenate(rows), np.concatenate(counts)

    def document_terms(self, row: int) -> list[str]:
        """Return the distinct terms of one document; costs a look at its segment's postings."""
        for segment in self.segments:
            if segment.first_row <= row < segment.first_row + segment.documents:
                positions = np.flatnonzero(segment.rows == row)
                numbers = np.searchsorted(segment.offsets, positions, side="right") - 1
                names = list(segment.term_ids)
                return [names[number] for number in numbers]
        return []

    def counts(self, query_terms: Sequence[str]) -> Floats:
        """Return how often each document has each term: (terms, n)."""
        table = np.zeros((len(query_terms), len(self.lengths)), np.float32)
        for line, term in zip(table, query_terms, strict=True):
            rows, counts = self.postings(term)
            line[rows] = counts
        return table

    def scores(self, query_terms: Sequence[str], k1: float = 1.2, b: float = 0.9) -> Floats:
        """Return BM25 of every document: (n,), 0 where no term occurs.

        Robertson and Zaragoza (2009), with the idf that never falls below 0:
        log(1 + (n - df + 0.5) / (df + 0.5)).
        """
        total = np.zeros(len(self.lengths), np.float32)
        if not len(total):
            return total
        norms = _norms(self.lengths, k1, b)
        for term in query_terms:
            rows, counts = self.postings(term)
            weight = inverse_frequency(len(rows), len(total)) * (k1 + 1.0)
            total[rows] += np.float32(weight) * counts / (counts + norms[rows])
        return total


def build_lexical_index(documents: Sequence[Sequence[str]]) -> LexicalIndex:
    """Return the index of documents, each a list of terms."""
    return LexicalIndex(np.empty(0, np.int32), ()).append(documents)


def inverse_frequency(documents_with_term: int, documents: int) -> float:
    """Return BM25's weight of a term, 0 if no document has it.

    The weight is log(1 + (n - df + 0.5) / (df + 0.5)).
    """
    if not documents_with_term:
        return 0.0
    rarity = (documents - documents_with_term + 0.5) / (documents_with_term + 0.5)
    return float(np.log1p(rarity))


def count_scores(counts: Floats, lengths: Floats | Ints, k1: float = 1.2, b: float = 0.9) -> Floats:
    """Return BM25 from a table of counts (terms, n), such as one summed over windows: (n,)."""
    documents = counts.shape[1]
    if not documents or not counts.shape[0]:
        return np.zeros(documents, np.float32)
    norms = _norms(lengths, k1, b)
    total = np.zeros(documents, np.float32)
    # Term by term, so that the working data stays in the processor's cache.
    for line in counts:
        weight = inverse_frequency(int(np.count_nonzero(line)), documents) * (k1 + 1.0)
        saturated = line + norms
        np.divide(line, saturated, out=saturated)
        saturated *= np.float32(weight)
        total += saturated
    return total


def _norms(lengths: Floats | Ints, k1: float, b: float) -> Floats:
    """Return k1 (1 - b + b length / mean length), kept above 0."""
    mean = max(float(lengths.mean()), 1.0)
    norms = k1 * (1.0 - b) + (k1 * b / mean) * lengths
    return np.maximum(norms.astype(np.float32), np.float32(1e-6))


def _segment(first_row: int, documents: Sequence[Sequence[str]]) -> _Segment:
    """Return the postings of the documents, whose rows begin at first_row."""
    term_ids: dict[str, int] = {}
    numbers: list[int] = []
    rows: list[int] = []
    counts: list[int] = []
    for row, document in enumerate(documents, first_row):
        tally = Counter(document)
        numbers.extend([term_ids.setdefault(term, len(term_ids)) for term in tally])
        rows.extend([row] * len(tally))
        counts.extend(tally.values())
    return _sorted_segment(
        (first_row, len(documents)),
        term_ids,
        np.array(numbers, np.int64),
        np.array(rows, np.int32),
        np.array(counts, np.float32),
    )


def _merge(first: _Segment, second: _Segment) -> _Segment:
    """Return both segments as one; the second's rows follow the first's."""
    term_ids = dict(first.term_ids)
    renumbered = np.fromiter(
        (term_ids.setdefault(term, len(term_ids)) for term in second.term_ids),
        np.int64,
        len(second.term_ids),
    )
    numbers = np.concatenate(
        [
            np.repeat(np.arange(len(first.term_ids)), np.diff(first.offsets)),
            np.repeat(renumbered, np.diff(second.offsets)),
        ]
    )
    return _sorted_segment(
        (first.first_row, first.documents + second.documents),
        term_ids,
        numbers,
        np.concatenate([first.rows, second.rows]),
        np.concatenate([first.counts, second.counts]),
    )


def _sorted_segment(
    extent: tuple[int, int],
    term_ids: dict[str, int],
    numbers: NDArray[np.int64],
    rows: Ints,
    counts: Floats,
) -> _Segment:
    """Sort postings by term; rows within a term keep their ascending order."""
    order = np.argsort(numbers, kind="stable")
    offsets = np.zeros(len(term_ids) + 1, np.int64)
    np.cumsum(np.bincount(numbers, minlength=len(term_ids)), out=offsets[1:])
    return _Segment(extent[0], extent[1], term_ids, offsets, rows[order], counts[order])
