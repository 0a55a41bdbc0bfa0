"""Arrays that recall ranks: messages, memories and summaries of one user.

Indexes are immutable; the `append_...` functions return a larger one. Rows are in the order of
appending. The caller knows what a row stands for (session id and position, memory id).
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hitherto.core.recall.bm25 import LexicalIndex, build_lexical_index
from hitherto.core.recall.passages import (
    Passage,
    PassageKind,
    speaker_names,
    without_speaker,
    word_count,
)
from hitherto.core.recall.quantised_vectors import Floats, Vectors, no_vectors
from hitherto.core.recall.scoring import sum_windows
from hitherto.core.text.sentences import sentences
from hitherto.core.text.tokens import content_tokens, terms
from hitherto.models import Message, MessageRole

Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

AROUND: Final = 2
"""Messages to each side in the wider lexical signal."""

TOKENS_PER_WORD: Final = 1.3
"""WordPiece tokens of a word of English with its punctuation."""

PLAIN_WORDS: Final = 40
"""Longer messages are ranked lower."""

PERSON_SHARE: Final = 0.01
"""Share of messages from which a speaker counts as a person; a pasted "Prompt: ..." does not."""

_CAPTION: Final = re.compile(r"(?<!\s)\s*\[[^\[\]]*\]\s*\Z")
"""Caption of a picture at the end of a message, as exports of chats write it."""


@dataclass(frozen=True, slots=True)
class SessionPassages:
    """Session as it is indexed.

    day: of the session's `created_at`.
    passages: what `passages.cut(messages)` returned when it was processed.
    vectors: of those passages, in that order: float32 (passages, dimensions), unit length.
    """

    day: date
    messages: Sequence[Message]
    passages: Sequence[Passage]
    vectors: Floats


@dataclass(frozen=True, slots=True)
class MessageIndex:
    """Index of a user's messages: m messages in s sessions, c chunks, w windows.

    Rows are in the order of the sessions given, and of their messages. With `MAX_CHUNKS` chunks of
    384 dimensions a message takes at most 5 kB, a short one 0.8 kB.

    chunk_vectors, chunk_of, chunk_spans: c vectors, the (c,) row of its message, ascending, and its
        (c, 2) characters of the message's content. chunk_starts: where a new message begins.
    window_vectors, window_of: w vectors and the (w,) row of its message, ascending.
    is_user, word_counts: (m,).
    doublings: (m,) how often a message is as long again as a plain one.
    session_of: (m,) ascending, index into session_days.
    speaker_of: (m,) index into speakers, -1 where the content names none.
    speakers: names in lower case.
    contents: (m,) how much a message says: log(1 + distinct terms) / 3, names of speakers left out;
        0 where it has no speaker.
    questions: (m,) 1 for a message that only asks, 0.5 for one that ends with a question, else 0; 0
        where it has no speaker.
    session_days: (s,) proleptic ordinals.
    lexical: of the messages' contents.
    around_lengths: (m,) terms of each message and of those `AROUND` it.
    """

    chunk_vectors: Vectors
    chunk_of: Ints
    chunk_starts: Rows
    chunk_spans: Ints
    window_vectors: Vectors
    window_of: Ints
    is_user: Flags
    word_counts: Ints
    doublings: Floats
    session_of: Ints
    speaker_of: Ints
    speakers: tuple[str, ...]
    contents: Floats
    questions: Floats
    session_days: Ints
    lexical: LexicalIndex
    around_lengths: Floats

    @property
    def is_between_people(self) -> bool:
        """Return whether this is a chat between people: half of the messages name their speaker."""
        return 2 * int((self.speaker_of >= 0).sum()) >= max(len(self.speaker_of), 1)

    def people(self) -> tuple[str, ...]:
        """Return the speakers with at least `PERSON_SHARE` of the messages."""
        counts = np.bincount(self.speaker_of + 1, minlength=len(self.speakers) + 1)[1:]
        least = PERSON_SHARE * len(self.speaker_of)
        return tuple(
            name
            for name, count in zip(self.speakers, counts.tolist(), strict=True)
            if count >= least
        )

    def estimated_tokens(self) -> Ints:
        """Return the approximate number of tokens of each message: (m,).

        It is exact enough to choose excerpts; a caller's bound is kept by real counts.
        """
        return (self.word_counts * TOKENS_PER_WORD).astype(np.int32)


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """Memory version as it is indexed; `first` and `last` are its event days.

    current: not superseded by a later version.
    """

    content: str
    first: date
    last: date
    created: date
    current: bool = True


@dataclass(frozen=True, slots=True)
class MemoryIndex:
    """A user's memory versions: n rows.

    vectors: n. first_days, last_days, created_days: (n,) proleptic ordinals. current: (n,).
    """

    vectors: Vectors
    first_days: Ints
    last_days: Ints
    created_days: Ints
    current: Flags
    lexical: LexicalIndex


@dataclass(frozen=True, slots=True)
class SummaryIndex:
    """Summaries of a user's sessions: n rows.

    vectors: n. days: (n,) proleptic ordinals of the sessions' days.
    """

    vectors: Vectors
    days: Ints
    lexical: LexicalIndex


def build_message_index(sessions: Sequence[SessionPassages], dimensions: int) -> MessageIndex:
    """Return the index of the sessions' messages; of none, an empty one."""
    vectors, numbers = no_vectors(dimensions), np.empty(0, np.int32)
    empty = MessageIndex(
        chunk_vectors=vectors,
        chunk_of=numbers,
        chunk_starts=np.empty(0, np.intp),
        chunk_spans=np.empty((0, 2), np.int32),
        window_vectors=vectors,
        window_of=numbers,
        is_user=np.empty(0, np.bool_),
        word_counts=numbers,
        doublings=np.empty(0, np.float32),
        session_of=numbers,
        speaker_of=numbers,
        speakers=(),
        contents=np.empty(0, np.float32),
        questions=np.empty(0, np.float32),
        session_days=numbers,
        lexical=build_lexical_index([]),
        around_lengths=np.empty(0, np.float32),
    )
    return append_sessions(empty, sessions)


def append_sessions(index: MessageIndex, sessions: Sequence[SessionPassages]) -> MessageIndex:
    """Return the index with more sessions after the present ones.

    Costs the terms of the new messages and one copy of the arrays (3 ms for 12 MB).
    """
    if not sessions:
        return index
    messages = [message for session in sessions for message in session.messages]
    names = [name for session in sessions for name in speaker_names(session.messages)]
    lowered = [None if name is None else name.lower() for name in names]
    speakers = tuple(dict.fromkeys((*index.speakers, *(name for name in lowered if name))))
    numbers: dict[str | None, int] = {name: number for number, name in enumerate(speakers)}
    sizes = [len(session.messages) for session in sessions]
    starts = len(index.is_user) + np.cumsum([0, *sizes[:-1]])
    chunk_of, spans, chunk_vectors = _passages(sessions, starts.tolist(), PassageKind.CHUNK)
    window_of, _, window_vectors = _passages(sessions, starts.tolist(), PassageKind.WINDOW)
    session_numbers = np.arange(len(sessions), dtype=np.int32) + len(index.session_days)
    all_chunk_of = _concatenate(index.chunk_of, chunk_of)
    word_counts = _concatenate(index.word_counts, [word_count(m.content) for m in messages])
    session_of = np.concatenate([index.session_of, np.repeat(session_numbers, sizes)])
    documents = [terms(message.content) for message in messages]
    lexical = index.lexical.append(documents)
    contents, questions = _said_and_asked(messages, lowered, documents, speakers)
    return MessageIndex(
        chunk_vectors=_append(index.chunk_vectors, chunk_vectors),
        chunk_of=all_chunk_of,
        chunk_starts=np.flatnonzero(np.diff(all_chunk_of, prepend=-1)),
        chunk_spans=np.concatenate([index.chunk_spans, np.array(spans, np.int32).reshape(-1, 2)]),
        window_vectors=_append(index.window_vectors, window_vectors),
        window_of=_concatenate(index.window_of, window_of),
        is_user=np.concatenate(
            [index.is_user, [message.role is MessageRole.USER for message in messages]]
        ).astype(np.bool_),
        word_counts=word_counts,
        doublings=np.log2(np.maximum(word_counts / np.float32(PLAIN_WORDS), 1.0)).astype(
            np.float32
        ),
        session_of=session_of,
        speaker_of=_concatenate(index.speaker_of, [numbers.get(name, -1) for name in lowered]),
        speakers=speakers,
        contents=np.concatenate([index.contents, contents]),
        questions=np.concatenate([index.questions, questions]),
        session_days=_concatenate(index.session_days, [s.day.toordinal() for s in sessions]),
        lexical=lexical,
        around_lengths=sum_windows(lexical.lengths.astype(np.float32), session_of, AROUND),
    )


def _said_and_asked(
    messages: Sequence[Message],
    names: Sequence[str | None],
    documents: Sequence[Sequence[str]],
    speakers: Collection[str],
) -> tuple[Floats, Floats]:
    """Return `contents` and `questions` of messages with these speakers and terms."""
    name_words = {word for name in speakers for word in name.split()}
    name_terms = {term for name in speakers for term in terms(name)}
    contents = np.zeros(len(messages), np.float32)
    questions = np.zeros(len(messages), np.float32)
    for number, (message, name) in enumerate(zip(messages, names, strict=True)):
        if name is not None:
            contents[number] = np.log1p(len({*documents[number]} - name_terms)) / 3
            questions[number] = _asking(without_speaker(message.content), name_words)
    return contents, questions


def _asking(content: str, names: Collection[str]) -> float:
    """Return how much of a text only asks.

    1 if all of its sentences ask or say little, 0.5 if it ends with a question, else 0.
    """
    spoken = sentences(_CAPTION.sub("", content))
    if all(
        sentence.endswith("?")
        or len({word for word in content_tokens(sentence) if word not in names}) <= 1
        for sentence in spoken
    ):
        return 1.0
    return 0.5 if spoken[-1].endswith("?") else 0.0


def build_memory_index(
    memories: Sequence[MemoryRow], vectors: Floats, dimensions: int
) -> MemoryIndex:
    """Return the index of memory versions; vectors: (memories, dimensions), unit length."""
    numbers = np.empty(0, np.int32)
    empty = MemoryIndex(
        vectors=no_vectors(dimensions),
        first_days=numbers,
        last_days=numbers,
        created_days=numbers,
        current=np.empty(0, np.bool_),
        lexical=build_lexical_index([]),
    )
    return append_memories(empty, memories, vectors)


def append_memories(
    index: MemoryIndex,
    memories: Sequence[MemoryRow],
    vectors: Floats,
    superseded: Sequence[int] = (),
) -> MemoryIndex:
    """Return the index with more versions behind, and the `superseded` rows no longer current."""
    current = np.concatenate([index.current, [row.current for row in memories]]).astype(np.bool_)
    current[list(superseded)] = False
    if not memories:
        return replace(index, current=current)
    return MemoryIndex(
        vectors=index.vectors.append(vectors),
        first_days=_concatenate(index.first_days, [row.first.toordinal() for row in memories]),
        last_days=_concatenate(index.last_days, [row.last.toordinal() for row in memories]),
        created_days=_concatenate(
            index.created_days, [row.created.toordinal() for row in memories]
        ),
        current=current,
        lexical=index.lexical.append([terms(row.content) for row in memories]),
    )


def build_summary_index(
    contents: Sequence[str], days: Sequence[date], vectors: Floats, dimensions: int
) -> SummaryIndex:
    """Return the index of summaries; vectors: (summaries, dimensions), unit length."""
    empty = SummaryIndex(no_vectors(dimensions), np.empty(0, np.int32), build_lexical_index([]))
    return append_summaries(empty, contents, days, vectors)


def append_summaries(
    index: SummaryIndex, contents: Sequence[str], days: Sequence[date], vectors: Floats
) -> SummaryIndex:
    """Return the index with more summaries after the present ones."""
    if not contents:
        return index
    return SummaryIndex(
        vectors=index.vectors.append(vectors),
        days=_concatenate(index.days, [day.toordinal() for day in days]),
        lexical=index.lexical.append([terms(content) for content in contents]),
    )


def _passages(
    sessions: Sequence[SessionPassages], starts: Sequence[int], kind: PassageKind
) -> tuple[list[int], list[tuple[int, int]], list[Floats]]:
    """Return message rows, spans, and vectors by session, of all passages of a kind."""
    rows: list[int] = []
    spans: list[tuple[int, int]] = []
    vectors: list[Floats] = []
    for session, start in zip(sessions, starts, strict=True):
        chosen = [n for n, passage in enumerate(session.passages) if passage.kind is kind]
        rows.extend(start + session.passages[n].position for n in chosen)
        spans.extend((session.passages[n].start, session.passages[n].end) for n in chosen)
        if chosen:
            vectors.append(session.vectors[chosen])
    return rows, spans, vectors


def _append(present: Vectors, added: Sequence[Floats]) -> Vectors:
    return present.append(np.concatenate(added)) if added else present


def _concatenate(present: Ints, added: Sequence[int]) -> Ints:
    return np.concatenate([present, np.array(added, np.int32)])
