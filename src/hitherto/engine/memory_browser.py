"""View of one user's memory for an explorer: search, read, follow links."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np

from hitherto.core.dates.formatting import event_days, local_day
from hitherto.core.recall import excerpts, ranking
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.core.recall.scoring import Floats
from hitherto.core.text.tokens import content_tokens, stems
from hitherto.embedding import Embedder
from hitherto.inference.exploring.browser import Item, ItemKind
from hitherto.memory_index import IndexedSession, UserIndex
from hitherto.models import MemoryVersion, MergeConflictModel, Message, MessageRole, SaidBy
from hitherto.store import OngoingSession

MOST_MEMORIES = 15
MOST_SUMMARIES = 5
MOST_MESSAGES = 12
MOST_CONNECTIONS = 20
MOST_VERSIONS = 20
MOST_CONFLICTS = 10
READ_AT_ONCE = 10
BEFORE_IN_TRANSCRIPT = 3
"""Items per answer, and messages that are read before the requested one."""

RANKED_MESSAGES = 80
MESSAGES_TOKENS = 900
"""Messages ranked for a search, and tokens of those shown. Long messages show their best part."""

ONGOING_READ = 200
ONGOING_FOUND = 3
"""Latest messages of unprocessed sessions that a search reads, and those that it shows."""

LONGEST_READ_CHARS = 1_500


class IndexedMemoryBrowser:
    """Implements the explorer's `MemoryBrowser` on a memory index. Blocking, CPU only.

    ongoing: the user's unprocessed sessions, without the one that asks.
    """

    def __init__(
        self,
        index: UserIndex,
        embedder: Embedder,
        zone: ZoneInfo,
        *,
        ongoing: Sequence[OngoingSession] = (),
        conflicts: Sequence[MergeConflictModel] = (),
    ) -> None:
        self._index = index
        self._embedder = embedder
        self._zone = zone
        self._ongoing = ongoing
        self._conflicts = conflicts
        self._sessions = {session.session_id: session for session in index.sessions}

    @property
    def people(self) -> Collection[str]:
        return self._index.messages.people()

    def memories(self, plan: QueryPlan, *, superseded: bool = False) -> Sequence[Item]:
        index = self._index.memories
        if superseded:
            index = replace(index, current=np.ones_like(index.current))
        ranked = ranking.rank_memories(
            plan,
            self._vectors(plan),
            ranking.term_coverage(plan, index.lexical),
            index,
            threshold=0.0,
            min_top_k=0,
            max_top_k=MOST_MEMORIES,
        )
        return [self._memory(self._index.memory_ids[ranked_memory.row]) for ranked_memory in ranked]

    def versions(self, memory: Item) -> Sequence[Item]:
        history = self._index.history(memory.item_id)
        return [self._memory(version.memory_id) for version in history[:MOST_VERSIONS]]

    def connections(self, memory: Item) -> Sequence[Item]:
        rows = self._index.connections.get(self._index.memory_rows[memory.item_id], ())
        current = [row for row in dict.fromkeys(rows) if self._index.memories.current[row]]
        return [self._memory(self._index.memory_ids[row]) for row in current[:MOST_CONNECTIONS]]

    def summaries(self, plan: QueryPlan) -> Sequence[Item]:
        ranked = ranking.rank_summaries(
            plan,
            self._vectors(plan),
            ranking.term_coverage(plan, self._index.summaries.lexical),
            self._index.summaries,
            threshold=0.0,
            limit=MOST_SUMMARIES,
        )
        return [
            self._summary(self._index.sessions[ranked_summary.row]) for ranked_summary in ranked
        ]

    def messages(self, plan: QueryPlan) -> Sequence[Item]:
        index, vectors = self._index.messages, self._vectors(plan)
        ranked = ranking.rank_messages(
            plan,
            ranking.dense_scores(vectors, index),
            ranking.lexical_scores(plan, index),
            index,
            len(index.is_user) if plan.role else RANKED_MESSAGES,
        )
        if plan.role is not None:
            wanted = plan.role is MessageRole.USER
            ranked = [item for item in ranked if bool(index.is_user[item.row]) is wanted]
        best = ranked[:MOST_MESSAGES]
        tokens = index.estimated_tokens()
        spans = excerpts.select_excerpts(best, index, tokens, MESSAGES_TOKENS, vectors)
        rank_by_row = {item.row: rank for rank, item in enumerate(best)}
        items = [
            self._message(self._index.message(span.row), span.start, span.end)
            for span in sorted(spans, key=lambda span: rank_by_row[span.row])
        ]
        return [*self._ongoing_messages(plan), *items]

    def transcript(self, item: Item, start: int | None) -> Sequence[Item]:
        session_id, position = item.item_id, item.position
        if item.kind is ItemKind.MEMORY:
            version = self._index.versions[item.item_id]
            session_id = version.session_id
            evidence = [source for source in version.evidence if source.session_id == session_id]
            position = evidence[0].position if evidence else 0
        ongoing = next((other for other in self._ongoing if other.session_id == session_id), None)
        session = (
            self._sessions.get(session_id) if ongoing is None else _as_indexed(ongoing, self._zone)
        )
        if session is None:
            return []
        first = max(0, position - BEFORE_IN_TRANSCRIPT) if start is None else start
        messages = session.messages[first : first + READ_AT_ONCE]
        return [
            self._message((session, number, message), 0, LONGEST_READ_CHARS)
            for number, message in enumerate(messages, start=first)
        ]

    def conflicts(self) -> Sequence[Item]:
        return [self._conflict(conflict) for conflict in self._conflicts[:MOST_CONFLICTS]]

    def count_tokens(self, text: str) -> int:
        return self._embedder.count_tokens(text)

    def _vectors(self, plan: QueryPlan) -> Floats:
        return self._embedder.embed(plan.dense_queries)

    def _ongoing_messages(self, plan: QueryPlan) -> list[Item]:
        """Return the messages of unprocessed sessions that share most words with a plan."""
        wanted = {*plan.terms, *plan.added_terms}
        latest = [
            (session, position)
            for session in (_as_indexed(ongoing, self._zone) for ongoing in self._ongoing)
            for position in range(len(session.messages))
        ][-ONGOING_READ:]
        matches = []
        for session, position in latest:
            message = session.messages[position]
            if plan.role in (None, message.role):
                words = content_tokens(message.content[:LONGEST_READ_CHARS])
                matches.append((len(wanted.intersection(stems(words))), session, position))
        matches.sort(key=lambda match: -match[0])
        return [
            self._message((session, position, session.messages[position]), 0, LONGEST_READ_CHARS)
            for count, session, position in matches[:ONGOING_FOUND]
            if count
        ]

    def _memory(self, memory_id: str) -> Item:
        version = self._index.versions[memory_id]
        return Item(
            ItemKind.MEMORY,
            memory_id,
            f"Memory of {local_day(version.created_at, self._zone)}, {_origin(version)}",
            version.content,
            self._memory_details(version),
        )

    def _memory_details(self, version: MemoryVersion) -> str:
        days = event_days(version.event_date_start, version.event_date_end, join_same=True)
        number = len(self._index.history(version.memory_id))
        row = self._index.memory_rows[version.memory_id]
        details = [f"event date {days}", f"version {number}"]
        if version.expired_at is not None:
            reason = version.expiration_reason
            details.append(
                f"no longer current since {local_day(version.expired_at, self._zone)}"
                f"{'' if reason is None else f' ({reason.value})'}"
            )
        if connected := len(self._index.connections.get(row, ())):
            details.append(f"{connected} connected")
        return "; ".join(details)

    def _summary(self, session: IndexedSession) -> Item:
        return Item(
            ItemKind.SUMMARY,
            session.session_id,
            f"Summary of {local_day(session.created_at, self._zone)}",
            session.summary,
            f"{len(session.messages)} messages",
        )

    def _message(self, location: tuple[IndexedSession, int, Message], start: int, end: int) -> Item:
        session, position, message = location
        text = message.content[start:end]
        details = [f"message {position + 1} of {len(session.messages)}"]
        if len(text.strip()) < len(message.content.strip()):
            details.append("a part of it")
        return Item(
            ItemKind.MESSAGE,
            session.session_id,
            f"{local_day(session.created_at, self._zone)}, {message.role.upper()}",
            text,
            "; ".join(details),
            position,
            start,
        )

    def _conflict(self, conflict: MergeConflictModel) -> Item:
        against = " / ".join(memory.content for memory in conflict.conflicting_memories)
        return Item(
            ItemKind.CONFLICT,
            conflict.id,
            f"Open contradiction of {local_day(conflict.created_at, self._zone)}",
            f"{conflict.proposed_memory_content or 'none'} / against: {against}",
        )


def _as_indexed(ongoing: OngoingSession, zone: ZoneInfo) -> IndexedSession:
    """Return an unprocessed session in the form of a processed one; it has no rows."""
    return IndexedSession(
        ongoing.session_id,
        ongoing.created_at,
        zone,
        "",
        tuple(ongoing.messages),
        first_row=-1,
    )


def _origin(version: MemoryVersion) -> str:
    if version.said_by is SaidBy.QUOTED:
        return "quoted, not said by the user"
    return f"from {version.said_by.upper()}"
