"""Composition of a context from a question: embed, rank, choose, render.

Everything here is computation; the engine runs it in a thread.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hitherto.api import ContextRequest
from hitherto.core.context import render
from hitherto.core.recall import excerpts, multi_hop, query_plan
from hitherto.core.recall import index as recall_index
from hitherto.core.recall import ranking as recall
from hitherto.core.recall.ranking import Ranked
from hitherto.embedding import Embedders, QuestionEmbedder
from hitherto.engine import progress
from hitherto.engine.analysis import analysis_of, explored_analysis
from hitherto.inference.exploring.browser import Explored, ItemKind
from hitherto.memory_index import Delta, IndexedSession, WorkingSet
from hitherto.models import (
    ContextResponse,
    MergeConflictModel,
    Message,
    MessageRole,
    RecallStrategy,
    SessionModel,
    SessionStatus,
    UserMessage,
)
from hitherto.prompts import system_prompt
from hitherto.store import OngoingSession

EXCERPT_TOKENS = {
    RecallStrategy.LOW_LATENCY: 1_500,
    RecallStrategy.BALANCED: 2_500,
    RecallStrategy.AGENTIC: 3_500,
}
"""Tokens of excerpts where the caller sets no bound: about thirty turns of a chat, and more for the
strategies that look further."""

HOPS = {
    RecallStrategy.LOW_LATENCY: 1,
    RecallStrategy.BALANCED: 2,
    RecallStrategy.AGENTIC: 3,
}
"""Rankings of the messages, each from what the one before found; see `docs/recall.md`."""

OFFERED_SHARE = 1.1
"""Excerpts offered for a caller's bound, as a share of it: more than fit, so that the rendering,
which knows what everything costs, can fill the bound to its end."""

FEWEST_RANKED = 50
SHORT_MESSAGE_TOKENS = 12
"""As many messages are ranked as would fit if all of them were as short as this."""

ROLE_TOKENS = 3
"""Tokens of the role in front of a line."""

COUNTED_LINES = 16_384
"""Lines whose numbers of tokens are remembered."""

CHILDREN = {
    RecallStrategy.LOW_LATENCY: 5,
    RecallStrategy.BALANCED: 20,
    RecallStrategy.AGENTIC: 20,
}
"""Most connected memories shown; the hosted product's answers have 0.2 on average in the fast
strategy and 2.4 in the balanced one, with a long tail."""

SUMMARIES = {
    RecallStrategy.LOW_LATENCY: 3,
    RecallStrategy.BALANCED: 5,
    RecallStrategy.AGENTIC: 5,
}
"""Most summaries shown; the hosted product's answers hold up to 5 and 7."""

LONGEST_CITED_CHARS = 2_000
"""A cited message is quoted whole up to this length, and from what was read of it if longer."""

PARALLEL_FROM = 20_000
"""Memories from which on they are ranked in parallel with the messages.

Below, a thread costs more than it saves; above, their vectors exceed the processor's cache."""

EMPTY_LISTING = 10
"""Excerpts shown when a session asks nothing yet."""


@dataclass(frozen=True, slots=True)
class ContextState:
    """Rows of one read transaction for a context.

    session, messages: the session that asks, and its newest messages, as many as may be shown.
    ongoing: the other unprocessed sessions.
    """

    internal_user_id: str
    session: SessionModel
    messages: Sequence[Message]
    ongoing: Sequence[OngoingSession]
    conflicts: Sequence[MergeConflictModel]
    recent: Sequence[UserMessage] | None
    delta: Delta


@dataclass(frozen=True, slots=True)
class _Found:
    messages: list[Ranked]
    memories: list[Ranked]
    summaries: list[Ranked]
    hops: tuple[multi_hop.Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class _LexicalSide:
    messages: recall.LexicalScores
    memories: NDArray[np.float32]
    summaries: NDArray[np.float32]

    def alone(self) -> "_LexicalSide":
        """Return lexical scores for use without vectors, weighted twice.

        So all words of a question pass every default threshold, and half of them give 0.5.
        """
        return replace(self, memories=2 * self.memories, summaries=2 * self.summaries)


@dataclass(frozen=True, slots=True)
class _QueryVectors:
    """Vectors of the plan's dense queries and of the summary queries; each (queries, d)."""

    dense: NDArray[np.float32]
    summaries: NDArray[np.float32]


class ContextComposer:
    """Composer of contexts, without state of any user.

    executor: runs one half of a computation while this thread does the other. parallel_from:
        memories from which on they are ranked there.
    """

    def __init__(
        self, embedders: Embedders, executor: Executor, parallel_from: int = PARALLEL_FROM
    ) -> None:
        self._executor = executor
        self._parallel_from = parallel_from
        self._embedders = embedders
        self._counted: dict[int, int] = {}

    def compose(
        self,
        state: ContextState,
        working: WorkingSet,
        request: ContextRequest,
        plan: query_plan.QueryPlan,
        steps: progress.Progress,
        explored: Explored | None = None,
    ) -> ContextResponse:
        """Compose the context of a session; blocking, CPU only.

        plan: what to look for (see `asked`). steps: receives progress and holds the strategy (see
        `routed`). explored: a model's findings, instead of the rules' analysis. Raises
        ValidationError if the system prompt alone exceeds max_tokens.
        """
        strategy = steps.strategy
        steps.searching(plan, len(working.memory_ids), len(working.message_sessions))
        # Embedding holds no interpreter lock, so the scores of the words cost no time of their own.
        scoring = self._executor.submit(_lexical_side, plan, working)
        embedder = self.embedder_of(working)
        vectors = _vectors(plan, embedder)
        lexical = scoring.result()
        if embedder.failure is not None:
            steps.searching_words_alone(embedder.failure)
            lexical = lexical.alone()
        found = (
            self._find(plan, vectors, lexical, working, request, strategy)
            if plan.question
            else _latest(working)
        )
        if steps.reports:
            steps.found(_reported(working, found))
        parts = self._parts(state, working, request, strategy, vectors.dense, found)
        if strategy is RecallStrategy.AGENTIC:
            parts = _analysed(parts, plan, explored, working)
        rendered = render.render(
            parts,
            timezone=request.timezone,
            max_tokens=request.max_tokens,
            count_tokens=self._count_tokens,
            system_prompt=system_prompt(strategy) if request.include_system_prompt else "",
        )
        return ContextResponse(
            is_final=True,
            context=rendered.text,
            metadata=steps.metadata(rendered.memory_ids, rendered.session_ids, found.hops),
        )

    def _find(
        self,
        plan: query_plan.QueryPlan,
        vectors: _QueryVectors,
        lexical: _LexicalSide,
        working: WorkingSet,
        request: ContextRequest,
        strategy: RecallStrategy,
    ) -> _Found:
        def noted() -> tuple[list[Ranked], list[Ranked]]:
            memories = recall.rank_memories(
                plan,
                vectors.dense,
                lexical.memories,
                working.memories,
                threshold=request.memories_threshold,
                min_top_k=request.min_top_k,
                max_top_k=request.max_top_k,
            )
            summaries = recall.rank_summaries(
                plan,
                vectors.summaries,
                lexical.summaries,
                working.summaries,
                threshold=request.summaries_threshold,
                limit=SUMMARIES[strategy],
            )
            return memories, summaries

        is_large = len(working.memory_ids) >= self._parallel_from
        ranking = self._executor.submit(noted) if is_large else None
        explored = multi_hop.explore(
            plan,
            vectors.dense,
            lexical.messages,
            working.messages,
            hops=HOPS[strategy],
            limit=max(FEWEST_RANKED, _excerpt_tokens(request, strategy) // SHORT_MESSAGE_TOKENS),
        )
        memories, summaries = noted() if ranking is None else ranking.result()
        return _Found(explored.messages, memories, summaries, explored.hops)

    def embedder_of(self, working: WorkingSet) -> QuestionEmbedder:
        """Return the embedder of an index's vectors, for the questions of one context.

        Raises EmbedderChangedError when this process does not have it.
        """
        made_by = working.embedder
        return QuestionEmbedder(self._embedders.of(made_by.name, made_by.dimension))

    def _count_tokens(self, text: str) -> int:
        """Count line by line: a text of lines that were just counted costs next to nothing.

        No token reaches over a line break, so the tokens of the lines are those of the text.
        """
        return sum(self._count_line(line) for line in text.split("\n") if line)

    def _count_line(self, line: str) -> int:
        # Kept by its hash: no word of a user stands here, so there is nothing to forget. Two of so
        # few lines have the same one in one of 10^11 processes.
        key = hash(line)
        tokens = self._counted.get(key)
        if tokens is None:
            tokens = self._embedders.count_tokens(line)
            if len(self._counted) >= COUNTED_LINES:
                self._counted.clear()
            self._counted[key] = tokens
        return tokens

    def _parts(
        self,
        state: ContextState,
        working: WorkingSet,
        request: ContextRequest,
        strategy: RecallStrategy,
        vectors: NDArray[np.float32],
        found: _Found,
    ) -> render.ContextParts:
        quoted = self._excerpts(working, request, strategy, vectors, found.messages)
        return render.ContextParts(
            memories=_recalled_memories(working, found.memories, CHILDREN[strategy]),
            summaries=tuple(
                _recalled_summary(working, working.sessions[ranked.row], ranked.similarity)
                for ranked in found.summaries
            ),
            excerpts=quoted,
            ongoing=tuple(_ongoing(state, strategy)),
            conflicts=tuple(state.conflicts),
            recent_messages=None if state.recent is None else tuple(state.recent),
            recent_summaries=None
            if request.last_n_summaries is None
            else _recent_summaries(working, request.last_n_summaries),
        )

    def _excerpts(
        self,
        working: WorkingSet,
        request: ContextRequest,
        strategy: RecallStrategy,
        vectors: NDArray[np.float32],
        ranked: Sequence[Ranked],
    ) -> tuple[render.Excerpt, ...]:
        chosen = excerpts.select_excerpts(
            ranked,
            working.messages,
            _estimated_tokens(working.messages),
            _excerpt_tokens(request, strategy),
            vectors,
        )
        scores = {item.row: item.score for item in ranked}
        quoted = []
        for span in chosen:
            session, position, message = working.message(span.row)
            quoted.append(
                render.Excerpt(
                    session_id=session.session_id,
                    session_created_at=session.created_at,
                    position=position,
                    role=message.role,
                    content=message.content[span.start : span.end],
                    score=scores[span.row],
                    offset=span.start,
                    starts_mid=not span.whole and span.start > 0,
                    ends_mid=not span.whole and span.end < len(message.content),
                )
            )
        return tuple(sorted(quoted, key=lambda excerpt: -excerpt.score))


def _ongoing(state: ContextState, strategy: RecallStrategy) -> Iterator[render.Conversation]:
    """Yield the unprocessed sessions; as in the hosted service, AGENTIC shows no asking one."""
    session = state.session
    is_shown = (
        strategy is not RecallStrategy.AGENTIC and session.status is not SessionStatus.PROCESSED
    )
    if is_shown and state.messages:
        messages = tuple(state.messages)
        yield render.Conversation(session.session_id, session.created_at, messages, is_asking=True)
    for other in state.ongoing:
        yield render.Conversation(other.session_id, other.created_at, tuple(other.messages))


def _analysed(
    parts: render.ContextParts,
    plan: query_plan.QueryPlan,
    explored: Explored | None,
    working: WorkingSet,
) -> render.ContextParts:
    """Return the parts with the analysis first, by a model or else by rules."""
    if explored is None or explored.failure:
        return replace(parts, analysis=analysis_of(parts, plan))
    return replace(
        parts,
        analysis=explored_analysis(explored),
        excerpts=_with_cited(parts.excerpts, explored, working),
    )


def _with_cited(
    found: Sequence[render.Excerpt], explored: Explored, working: WorkingSet
) -> tuple[render.Excerpt, ...]:
    """Return the excerpts, cited ones first: whole messages, or the part that the model read."""
    sessions = {session.session_id: session for session in working.sessions}
    best = max((excerpt.score for excerpt in found), default=0.0) + 1.0
    cited: dict[tuple[str, int], render.Excerpt] = {}
    for session_id, position, start in _cited_messages(explored, working):
        session = sessions.get(session_id)
        if session is None or (session_id, position) in cited:
            continue
        message = session.messages[position]
        content, offset = message.content, 0
        if len(content) > LONGEST_CITED_CHARS:
            content, offset = content[start : start + LONGEST_CITED_CHARS], start
        cited[session_id, position] = render.Excerpt(
            session_id=session_id,
            session_created_at=session.created_at,
            position=position,
            role=message.role,
            content=content,
            score=best,
            offset=offset,
            starts_mid=offset > 0,
            ends_mid=offset + len(content) < len(message.content),
        )
    others = (each for each in found if (each.session_id, each.position) not in cited)
    return (*cited.values(), *others)


def _cited_messages(explored: Explored, working: WorkingSet) -> Iterator[tuple[str, int, int]]:
    """Session, position and first character of the messages cited, or behind cited memories."""
    for fact in (*explored.findings, *explored.changes):
        for item in (quotation.item for quotation in fact.evidence):
            if item.kind is ItemKind.MESSAGE:
                yield item.item_id, item.position, item.start
            elif item.kind is ItemKind.MEMORY:
                for evidence in working.versions[item.item_id].evidence:
                    yield evidence.session_id, evidence.position, 0


def _excerpt_tokens(request: ContextRequest, strategy: RecallStrategy) -> int:
    if request.max_tokens is None:
        return EXCERPT_TOKENS[strategy]
    return int(request.max_tokens * OFFERED_SHARE)


def _estimated_tokens(index: recall_index.MessageIndex) -> NDArray[np.int32]:
    return index.estimated_tokens() + np.int32(ROLE_TOKENS)


def asked(messages: Sequence[Message]) -> tuple[str, Sequence[Message]]:
    """Return the user's last message and the messages before it."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role is MessageRole.USER:
            return messages[index].content, messages[:index]
    return (messages[-1].content, messages[:-1]) if messages else ("", ())


def routed(asked_for: RecallStrategy, plan: query_plan.QueryPlan) -> RecallStrategy:
    """Return the strategy for AUTO: broader questions get a broader search."""
    if asked_for is not RecallStrategy.AUTO:
        return asked_for
    if plan.counting or plan.role is MessageRole.ASSISTANT:
        return RecallStrategy.AGENTIC
    if plan.about_past or plan.broad or plan.dates:
        return RecallStrategy.BALANCED
    return RecallStrategy.LOW_LATENCY


def _vectors(plan: query_plan.QueryPlan, embedder: QuestionEmbedder) -> _QueryVectors:
    vectors = embedder.embed((*plan.dense_queries, *plan.summary_queries))
    dense = vectors[: len(plan.dense_queries)]
    return _QueryVectors(dense, vectors[len(dense) :] if plan.summary_queries else dense)


def _lexical_side(plan: query_plan.QueryPlan, working: WorkingSet) -> _LexicalSide:
    return _LexicalSide(
        recall.lexical_scores(plan, working.messages),
        recall.term_coverage(plan, working.memories.lexical),
        recall.term_coverage(plan, working.summaries.lexical),
    )


def _latest(working: WorkingSet) -> _Found:
    """Return the newest items, for a context without a question."""
    dates = {row: working.versions[key].created_at for key, row in working.memory_rows.items()}
    current = [working.memory_rows[version.memory_id] for version in working.current()]
    newest = sorted(current, key=lambda row: (dates[row], row), reverse=True)
    messages = range(len(working.message_sessions) - 1, -1, -1)[:EMPTY_LISTING]
    return _Found(
        [Ranked(row, float(row), 0.0) for row in messages],
        [Ranked(row, 0.0, 0.0) for row in newest[:EMPTY_LISTING]],
        [],
    )


def _recalled_memories(
    working: WorkingSet, ranked: Sequence[Ranked], most_children: int
) -> tuple[render.RecalledMemory, ...]:
    below = recall.connected_memories(
        working.memories,
        [item.row for item in ranked],
        working.connections,
        depth=render.CHILD_DEPTH,
        limit=most_children,
    )

    def recalled(row: int, similarity: float | None) -> render.RecalledMemory:
        return render.RecalledMemory(
            working.history(working.memory_ids[row]),
            similarity=similarity,
            children=tuple(recalled(child, None) for child in below.get(row, ())),
        )

    return tuple(recalled(item.row, item.similarity) for item in ranked)


def _recalled_summary(
    working: WorkingSet, session: IndexedSession, similarity: float | None
) -> render.RecalledSummary:
    return render.RecalledSummary(
        session_id=session.session_id,
        created_at=session.created_at,
        content=session.summary,
        similarity=similarity,
        memories=tuple(
            working.versions[memory_id]
            for memory_id in working.session_memories.get(session.session_id, ())
        ),
    )


def _recent_summaries(working: WorkingSet, count: int) -> tuple[render.RecalledSummary, ...]:
    newest = sorted(working.sessions, key=lambda item: (item.created_at, item.session_id))
    return tuple(_recalled_summary(working, item, None) for item in reversed(newest[-count:]))


def _reported(working: WorkingSet, found: _Found) -> progress.Found:
    sessions = [working.message_sessions[item.row] for item in found.messages]
    sessions += [item.row for item in found.summaries]
    return progress.Found(
        memory_ids=[working.memory_ids[item.row] for item in found.memories],
        session_ids=[working.sessions[number].session_id for number in dict.fromkeys(sessions)],
        memories=len(found.memories),
        summaries=len(found.summaries),
        messages=len(found.messages),
        hops=found.hops,
    )
