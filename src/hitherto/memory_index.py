"""Memory index: arrays of one user's memory for recall, cached and refreshed by revision.

A `UserIndex` is immutable. `IndexCache.delta` reads the changes since the cached copy inside a
transaction; `IndexCache.refresh` adds them. So a context never uses a state older than its own
transaction, whichever process wrote last.
"""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hitherto.core.dates.formatting import in_zone
from hitherto.core.recall import index
from hitherto.core.recall.calibration import comparable
from hitherto.core.recall.passages import Passage, PassageKind
from hitherto.core.recall.quantised_vectors import no_vectors
from hitherto.core.reconciliation.reconcile import ExistingMemory
from hitherto.models import Evidence, MemoryVersion, Message
from hitherto.store import RecordedEmbedder, Revision, StoredPassage, StoredSummary, UserRows
from hitherto.store.rows import damaged, to_matrix


@dataclass(frozen=True, slots=True)
class IndexedSession:
    """A processed session; its messages are rows `first_row` and following of the index.

    read_in: zone in which its days were read; None if none was given.
    """

    session_id: str
    created_at: datetime
    read_in: ZoneInfo | None
    summary: str
    messages: tuple[Message, ...]
    first_row: int

    @property
    def day(self) -> date:
        """Day of the session, in the zone in which it was read, or UTC."""
        return in_zone(self.created_at, self.read_in or UTC).date()


@dataclass(frozen=True, slots=True)
class UserIndex:
    """Everything that can be recalled about one user, at one revision.

    sessions: in the order of summaries' rows; message_sessions: for each message row its session.
    memory_ids: for each memory row its id. connections: for each memory row the connected rows.
    embedder: made all vectors. size_bytes: approximate size in memory.
    """

    revision: Revision
    embedder: RecordedEmbedder
    sessions: tuple[IndexedSession, ...]
    messages: index.MessageIndex
    message_sessions: tuple[int, ...]
    memory_ids: tuple[str, ...]
    memory_rows: Mapping[str, int]
    versions: Mapping[str, MemoryVersion]
    memories: index.MemoryIndex
    summaries: index.SummaryIndex
    connections: Mapping[int, tuple[int, ...]]
    session_memories: Mapping[str, tuple[str, ...]]
    size_bytes: int

    def message(self, row: int) -> tuple[IndexedSession, int, Message]:
        """Return session, position and message of a row of the message index."""
        session = self.sessions[self.message_sessions[row]]
        position = row - session.first_row
        return session, position, session.messages[position]

    def history(self, memory_id: str) -> tuple[MemoryVersion, ...]:
        """Return a version and the versions it superseded, newest first.

        The history ends at a link to a missing version.
        """
        versions = [self.versions[memory_id]]
        while (previous := versions[-1].previous_id) is not None and previous in self.versions:
            versions.append(self.versions[previous])
        return tuple(versions)

    def last_said(self) -> dict[str, datetime]:
        """Return when each version on processed sessions was last stated."""
        days = {session.session_id: session.created_at for session in self.sessions}
        last_by_memory: dict[str, datetime] = {}
        for memory_id, version in self.versions.items():
            evidence_dates = [
                days[item.session_id] for item in version.evidence if item.session_id in days
            ]
            if evidence_dates:
                last_by_memory[memory_id] = max(evidence_dates)
        return last_by_memory

    def nearest_rows(
        self, vectors: NDArray[np.float32], most: int, needed: Callable[[MemoryVersion], bool]
    ) -> NDArray[np.intp]:
        """Return the rows of current memories nearest to any vector, and the required rows.

        vectors: (n, dimension). All current ones, where there are no more than `most`.
        """
        current = self.current()
        rows = np.array([self.memory_rows[version.memory_id] for version in current], np.intp)
        if len(rows) <= most:
            return rows
        nearness = np.full(len(self.memory_ids), -2.0, np.float32)
        for vector in vectors:
            np.maximum(nearness, self.memories.vectors.products(vector), out=nearness)
        nearest = rows[np.argpartition(-nearness[rows], most)[:most]]
        own = [self.memory_rows[version.memory_id] for version in current if needed(version)]
        return np.union1d(nearest, np.array(own, np.intp))

    def current(self) -> list[MemoryVersion]:
        """Return versions without a successor, in row order."""
        versions = (self.versions[memory_id] for memory_id in self.memory_ids)
        return [version for version in versions if version.expired_at is None]

    def existing_memories(
        self,
        vectors: NDArray[np.float32],
        most: int,
        needed: Callable[[MemoryVersion], bool],
    ) -> tuple[list[ExistingMemory], NDArray[np.float32]]:
        """Return current memories and new vectors, scaled so that thresholds on products hold.

        Of many memories only the `most` nearest to the new vectors, and the needed ones. Others
        change nothing, and the work must not grow with the years.
        """
        memories = self.memories.vectors
        chosen = self.nearest_rows(vectors, most, needed)
        adjusted = comparable(
            np.vstack([memories.part(chosen).floats(), vectors]), memories.calibration
        )
        existing = [
            ExistingMemory(self.versions[self.memory_ids[row]], adjusted[position])
            for position, row in enumerate(chosen)
        ]
        return existing, adjusted[len(chosen) :]

    def vectors_of(self, memory_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of some memories: (memory_ids, dimension)."""
        rows = np.array([self.memory_rows[memory_id] for memory_id in memory_ids], np.intp)
        return self.memories.vectors.part(rows).floats()

    def connected_with(self, memory_ids: Iterable[str]) -> set[str]:
        """Return the ids of memories connected with any of these."""
        rows = [
            self.memory_rows[memory_id] for memory_id in memory_ids if memory_id in self.memory_rows
        ]
        return {
            self.memory_ids[connected_row]
            for row in rows
            for connected_row in self.connections.get(row, ())
        }


@dataclass(frozen=True, slots=True)
class IndexDelta:
    """Rows of a user after revision `base`; all rows without a base."""

    base: UserIndex | None
    revision: Revision
    embedder: RecordedEmbedder
    memories: Sequence[tuple[MemoryVersion, bytes]]
    evidence: Mapping[str, tuple[Evidence, ...]]
    connections: Sequence[tuple[str, str]]
    summaries: Sequence[StoredSummary]
    messages: Mapping[str, Sequence[Message]]
    passages: Sequence[StoredPassage]


class IndexCache:
    """Cached indexes of the users served last, within a bound of bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._sets: OrderedDict[str, UserIndex] = OrderedDict()
        self._changing = threading.Lock()
        self._outdated = False

    def delta(self, user: UserRows) -> IndexDelta:
        """Read the changes since the cached copy; blocking, inside a transaction."""
        revision, embedder = user.revision(), user.embedder()
        with self._changing:
            base = self._sets.get(user.user_id)
        if base is not None and base.revision.number < revision.rebuilt_at:
            # A change of the embedder rebuilds every user, so a base has the same one.
            base = None
            with self._changing:
                self._outdated = True
        if base is not None and base.revision.number >= revision.number:
            return IndexDelta(base, base.revision, embedder, (), {}, (), (), {}, ())
        since = 0 if base is None else base.revision.number
        return IndexDelta(
            base,
            revision,
            embedder,
            user.memories.since(since),
            user.memories.evidence_since(since),
            user.memories.connections_since(since),
            user.summaries.since(since),
            user.messages.since(since),
            user.passages.since(since),
        )

    def refresh(self, user_id: str, delta: IndexDelta) -> UserIndex:
        """Return the index with the delta, cached for the next call; blocking, CPU only.

        Raises StoreError for rows of a damaged database.
        """
        if delta.base is not None and delta.base.revision == delta.revision:
            refreshed = delta.base
        else:
            try:
                refreshed = _extended(delta.base or _empty(delta.embedder), delta)
            except KeyError as error:
                # Foreign keys keep rows from missing what they refer to.
                raise damaged(f"rows that refer to the missing {error}") from error
        with self._changing:
            cached = self._sets.get(user_id)
            if cached is None or cached.revision.number <= refreshed.revision.number:
                self._sets[user_id] = refreshed
            self._sets.move_to_end(user_id)
            if cached is not refreshed:
                self._evict()
        return refreshed

    def _evict(self) -> None:
        total = sum(index.size_bytes for index in self._sets.values())
        while total > self._limit_bytes and len(self._sets) > 1:
            total -= self._sets.popitem(last=False)[1].size_bytes

    def forget(self, user_id: str) -> None:
        """Drop a user's copy, because data of the user was deleted."""
        with self._changing:
            self._sets.pop(user_id, None)

    def revisions(self) -> dict[str, int]:
        """Return the users with a cached index, each with its revision."""
        with self._changing:
            return {user_id: index.revision.number for user_id, index in self._sets.items()}

    def take_outdated(self) -> bool:
        """Return whether a cached index contained rows that another process deleted."""
        with self._changing:
            outdated, self._outdated = self._outdated, False
        return outdated


def _empty(embedder: RecordedEmbedder) -> UserIndex:
    dimension = embedder.dimension
    none = np.zeros((0, dimension), np.float32)
    vectors = no_vectors(dimension, embedder.calibration)
    return UserIndex(
        revision=Revision(0, 0),
        embedder=embedder,
        sessions=(),
        messages=replace(
            index.build_message_index((), dimension),
            chunk_vectors=vectors,
            window_vectors=vectors,
        ),
        message_sessions=(),
        memory_ids=(),
        memory_rows={},
        versions={},
        memories=replace(index.build_memory_index((), none, dimension), vectors=vectors),
        summaries=replace(index.build_summary_index((), (), none, dimension), vectors=vectors),
        connections={},
        session_memories={},
        size_bytes=0,
    )


def _extended(base: UserIndex, delta: IndexDelta) -> UserIndex:
    dimension = delta.embedder.dimension
    sessions, message_sessions = _with_sessions(base, delta)
    added = sessions[len(base.sessions) :]
    messages = index.append_sessions(base.messages, _indexable(added, delta, dimension))
    summaries = index.append_summaries(
        base.summaries,
        [session.summary for session in added],
        [session.day for session in added],
        to_matrix([summary.vector for summary in delta.summaries], dimension),
    )
    fresh = [pair for pair in delta.memories if pair[0].memory_id not in base.memory_rows]
    superseded = [
        base.memory_rows[version.memory_id]
        for version, _ in delta.memories
        if version.memory_id in base.memory_rows and version.expired_at is not None
    ]
    memories = index.append_memories(
        base.memories,
        [_memory_row(version) for version, _ in fresh],
        to_matrix([vector for _, vector in fresh], dimension),
        superseded,
    )
    memory_ids = base.memory_ids + tuple(version.memory_id for version, _ in fresh)
    memory_rows = {memory_id: row for row, memory_id in enumerate(memory_ids)}
    session_memories: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    session_memories.update(base.session_memories)
    for version, _ in fresh:
        session_memories[version.session_id] += (version.memory_id,)
    versions = dict(base.versions)
    written = {version.memory_id: version for version, _ in delta.memories}
    for memory_id in dict.fromkeys((*written, *delta.evidence)):
        earlier_evidence = versions[memory_id].evidence if memory_id in base.versions else ()
        version = written[memory_id] if memory_id in written else versions[memory_id]
        evidence = earlier_evidence + delta.evidence.get(memory_id, ())
        versions[memory_id] = replace(version, evidence=evidence)
    connections = dict(base.connections)
    for first, second in delta.connections:
        for source_id, target_id in ((first, second), (second, first)):
            row = memory_rows[source_id]
            connections[row] = (*connections.get(row, ()), memory_rows[target_id])
    return UserIndex(
        revision=delta.revision,
        embedder=delta.embedder,
        sessions=sessions,
        messages=messages,
        message_sessions=message_sessions,
        memory_ids=memory_ids,
        memory_rows=memory_rows,
        versions=versions,
        memories=memories,
        summaries=summaries,
        connections=connections,
        session_memories=dict(session_memories),
        size_bytes=_size_bytes(messages, memories, summaries, sessions, len(connections)),
    )


def _with_sessions(
    base: UserIndex, delta: IndexDelta
) -> tuple[tuple[IndexedSession, ...], tuple[int, ...]]:
    sessions = list(base.sessions)
    message_sessions = list(base.message_sessions)
    for summary in delta.summaries:
        messages = tuple(delta.messages[summary.session_id])
        sessions.append(
            IndexedSession(
                summary.session_id,
                summary.created_at,
                summary.read_in,
                summary.content,
                messages,
                len(message_sessions),
            )
        )
        message_sessions += [len(sessions) - 1] * len(messages)
    return tuple(sessions), tuple(message_sessions)


def _indexable(
    sessions: Sequence[IndexedSession], delta: IndexDelta, dimension: int
) -> list[index.SessionPassages]:
    grouped: defaultdict[str, list[StoredPassage]] = defaultdict(list)
    for passage in delta.passages:
        grouped[passage.session_id].append(passage)
    return [
        index.SessionPassages(
            session.day,
            session.messages,
            [
                Passage(
                    stored.position,
                    PassageKind(stored.kind),
                    stored.start_char,
                    stored.end_char,
                    "",
                )
                for stored in grouped[session.session_id]
            ],
            to_matrix([stored.vector for stored in grouped[session.session_id]], dimension),
        )
        for session in sessions
    ]


def _memory_row(version: MemoryVersion) -> index.MemoryRow:
    return index.MemoryRow(
        content=version.content,
        first=version.event_date_start.date(),
        last=version.event_date_end.date(),
        created=version.created_at.date(),
        current=version.expired_at is None,
    )


def _size_bytes(
    messages: index.MessageIndex,
    memories: index.MemoryIndex,
    summaries: index.SummaryIndex,
    sessions: Sequence[IndexedSession],
    connections: int,
) -> int:
    vectors = (
        messages.chunk_vectors.nbytes
        + messages.window_vectors.nbytes
        + memories.vectors.nbytes
        + summaries.vectors.nbytes
    )
    # Measured with tracemalloc: two bytes per character for the text and its share of the lexical
    # index, and 400 bytes for the objects of each message and memory.
    characters = sum(
        len(session.summary) + sum(len(message.content) for message in session.messages)
        for session in sessions
    )
    rows = len(memories.first_days) + len(messages.is_user)
    return int(vectors + 2 * characters + 400 * rows + 100 * connections)
