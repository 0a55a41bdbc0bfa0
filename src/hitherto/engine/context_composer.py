"""Composition of a context from a question: embed, rank, choose, render.

Everything here is computation; the engine runs it in a thread.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hitherto.core.context import recalled_data, render, sections
from hitherto.core.recall import excerpts, multi_hop
from hitherto.core.recall import index as recall_index
from hitherto.core.recall import ranking as recall
from hitherto.core.recall.passages import named_speaker
from hitherto.core.recall.ranking import Ranked
from hitherto.embedding import Embedders, QuestionEmbedder
from hitherto.engine.analysis import analysis_of, explored_analysis
from hitherto.engine.context_call import ContextCall
from hitherto.engine.dated_list import dated_list
from hitherto.inference.exploring.browser import Explored, ItemKind
from hitherto.memory_index import IndexedSession, UserIndex
from hitherto.models import ContextResponse, RecallStrategy, SessionStatus
from hitherto.prompts import system_prompt

HOPS = {
    RecallStrategy.LOW_LATENCY: 1,
    RecallStrategy.BALANCED: 2,
    RecallStrategy.AGENTIC: 3,
}
"""Rankings of the messages. Each starts from the results before it; see `docs/recall.md`."""

FEWEST_RANKED = 50
SHORT_MESSAGE_TOKENS = 12
"""Tokens of a short message; as many messages are ranked as fit if all are this short."""

SPEAKER_WORDS = 3
"""Maximum of words in the name that a message begins with."""

ROLE_TOKENS = 3
"""Tokens of the role in front of a line."""

COUNTED_LINES = 16_384
"""Lines whose numbers of tokens are cached."""

CHILDREN = {
    RecallStrategy.LOW_LATENCY: 5,
    RecallStrategy.BALANCED: 20,
    RecallStrategy.AGENTIC: 20,
}
"""Maximum of connected memories. The hosted product's answers have 0.2 on average in the fast
strategy and 2.4 in the balanced one, with a long tail."""

SUMMARIES = {
    RecallStrategy.LOW_LATENCY: 3,
    RecallStrategy.BALANCED: 5,
    RecallStrategy.AGENTIC: 5,
}
"""Maximum of summaries. The hosted product's answers have up to 5 and 7."""

LONGEST_CITED_CHARS = 2_000
"""A cited message is quoted whole up to this length. A longer one is quoted from the part that the
model read."""

PARALLEL_FROM = 20_000
"""From this number on, memories are ranked in parallel with the messages. Below it, a thread costs
more than it saves; above it, their vectors exceed the processor's cache."""

EMPTY_LISTING = 10
"""Items shown for a session without a question."""


@dataclass(frozen=True, slots=True)
class _Results:
    messages: list[Ranked]
    memories: list[Ranked]
    summaries: list[Ranked]
    hops: tuple[multi_hop.Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class _LexicalScores:
    messages: recall.LexicalScores
    memories: NDArray[np.float32]
    summaries: NDArray[np.float32]

    def alone(self) -> "_LexicalScores":
        """Return lexical scores for use without vectors, weighted twice.

        So all words of a question pass every default threshold, and half of them give 0.5.
        """
        return replace(self, memories=2 * self.memories, summaries=2 * self.summaries)


@dataclass(frozen=True, slots=True)
class _QueryVectors:
    """Vectors of the plan's dense queries and of the summary queries; each (queries, d).

    object: (d,), of the plan's object query; that of the question if there is none.
    """

    dense: NDArray[np.float32]
    summaries: NDArray[np.float32]
    object: NDArray[np.float32]


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

    def compose(self, call: ContextCall, explored: Explored | None = None) -> ContextResponse:
        """Compose the context of a session; blocking, CPU only.

        explored: a model's findings, which replace the rules' analysis. Raises ValidationError if
        the system prompt alone exceeds max_tokens.
        """
        index, plan = call.index, call.plan
        call.progress.report_search(plan, len(index.memory_ids), len(index.message_sessions))
        # Embedding releases the interpreter lock, so the lexical scores cost no extra time.
        scoring = self._executor.submit(_lexical_scores, call)
        embedder = self.embedder_of(index)
        vectors = _vectors(call, embedder)
        lexical = scoring.result()
        if embedder.failure is not None:
            call.metadata.add_fallback_reason(embedder.failure)
            call.progress.report_missing_vectors()
            lexical = lexical.alone()
        results = self._search(call, vectors, lexical) if plan.question else _latest(index)
        _report_results(call, results)
        parts = _parts(call, vectors, results)
        if call.strategy is RecallStrategy.AGENTIC:
            parts = _with_analysis(parts, call, explored)
        prompt = system_prompt(call.strategy) if call.request.include_system_prompt else ""
        rendered = render.render(
            parts,
            timezone=call.zone,
            max_tokens=call.request.max_tokens,
            count_tokens=self._count_tokens,
            system_prompt=prompt,
        )
        return ContextResponse(
            is_final=True,
            context=rendered.text,
            metadata=call.metadata.finish(rendered.memory_ids, rendered.session_ids, results.hops),
        )

    def _search(
        self, call: ContextCall, vectors: _QueryVectors, lexical: _LexicalScores
    ) -> _Results:
        index, request = call.index, call.request

        def rank_statements() -> tuple[list[Ranked], list[Ranked]]:
            memories = recall.rank_memories(
                call.plan,
                vectors.dense,
                lexical.memories,
                index.memories,
                threshold=request.memories_threshold,
                min_top_k=request.min_top_k,
                max_top_k=request.max_top_k,
                other_person=recall.other_person(call.plan, index.messages),
            )
            summaries = recall.rank_summaries(
                call.plan,
                vectors.summaries,
                lexical.summaries,
                index.summaries,
                threshold=request.summaries_threshold,
                limit=SUMMARIES[call.strategy],
            )
            return memories, summaries

        is_large = len(index.memory_ids) >= self._parallel_from
        ranking = self._executor.submit(rank_statements) if is_large else None
        found_messages = multi_hop.explore(
            call.plan,
            vectors.dense,
            lexical.messages,
            index.messages,
            hops=HOPS[call.strategy],
            limit=max(FEWEST_RANKED, call.excerpt_tokens // SHORT_MESSAGE_TOKENS),
        )
        memories, summaries = rank_statements() if ranking is None else ranking.result()
        return _Results(found_messages.messages, memories, summaries, found_messages.hops)

    def embedder_of(self, index: UserIndex) -> QuestionEmbedder:
        """Return the embedder of an index's vectors, for the questions of one context.

        Raises EmbedderChangedError when this process does not have it.
        """
        made_by = index.embedder
        return QuestionEmbedder(self._embedders.of(made_by.name, made_by.dimension))

    def _count_tokens(self, text: str) -> int:
        """Return the number of tokens, counted and cached line by line.

        No token spans a line break, so the tokens of the lines are those of the text.
        """
        return sum(self._count_line(line) for line in text.split("\n") if line)

    def _count_line(self, line: str) -> int:
        # Keyed by hash, so that no user text is retained. With at most 16,384 entries a collision
        # is negligible (about 1e-11).
        key = hash(line)
        tokens = self._counted.get(key)
        if tokens is None:
            tokens = self._embedders.count_tokens(line)
            if len(self._counted) >= COUNTED_LINES:
                self._counted.clear()
            self._counted[key] = tokens
        return tokens


def _report_results(call: ContextCall, results: _Results) -> None:
    if not call.progress.has_listener:
        return
    index = call.index
    sessions = [index.message_sessions[item.row] for item in results.messages]
    sessions += [item.row for item in results.summaries]
    call.progress.report_hops(results.hops)
    call.metadata.record_results(
        [index.memory_ids[item.row] for item in results.memories],
        [index.sessions[number].session_id for number in dict.fromkeys(sessions)],
    )
    call.progress.report_results(
        len(results.memories), len(results.summaries), len(results.messages)
    )


def _parts(
    call: ContextCall, vectors: _QueryVectors, results: _Results
) -> recalled_data.ContextParts:
    index, state, request = call.index, call.state, call.request
    return recalled_data.ContextParts(
        memories=_recalled_memories(index, results.memories, CHILDREN[call.strategy]),
        summaries=tuple(
            _recalled_summary(index, index.sessions[ranked.row], ranked.similarity)
            for ranked in results.summaries
        ),
        excerpts=_excerpts(call, vectors.dense, results.messages),
        dated_list=dated_list(call, results.messages, vectors.dense, vectors.object),
        now=call.now,
        memories_threshold=request.memories_threshold if call.plan.question else 0.0,
        ongoing=tuple(_ongoing(call)),
        conflicts=tuple(state.conflicts),
        recent_messages=None if state.recent is None else tuple(state.recent),
        recent_summaries=None
        if request.last_n_summaries is None
        else _recent_summaries(index, request.last_n_summaries),
    )


def _excerpts(
    call: ContextCall, vectors: NDArray[np.float32], ranked: Sequence[Ranked]
) -> tuple[recalled_data.Excerpt, ...]:
    index = call.index
    people = index.messages.people() if index.messages.is_between_people else ()
    ordered = excerpts.with_answers(
        _without_fillers(ranked, index, people),
        index.messages,
        lambda row: index.message(row)[2].content.rstrip().endswith("?"),
    )
    spans = excerpts.select_excerpts(
        ordered,
        index.messages,
        _estimated_tokens(index.messages),
        call.excerpt_tokens,
        vectors,
    )
    scores = {item.row: item.score for item in ordered}
    quoted = []
    for span in spans:
        session, position, message = index.message(span.row)
        content = message.content[span.start : span.end]
        name = named_speaker(content)
        quoted.append(
            recalled_data.Excerpt(
                session_id=session.session_id,
                session_created_at=session.created_at,
                read_in=session.read_in,
                position=position,
                role=message.role,
                content=content,
                score=scores[span.row],
                offset=span.start,
                starts_mid=not span.whole and span.start > 0,
                ends_mid=not span.whole and span.end < len(message.content),
                speaker=name if name.lower() in people and span.start == 0 else "",
            )
        )
    return tuple(sorted(quoted, key=lambda excerpt: -excerpt.score))


def _without_fillers(
    ranked: Sequence[Ranked], index: UserIndex, people: Sequence[str]
) -> list[Ranked]:
    """Return the messages that say something."""
    names = {word for name in people for word in name.split()}
    counts = index.messages.word_counts
    longest = excerpts.LONGEST_FILLER_WORDS + SPEAKER_WORDS
    return [
        item
        for item in ranked
        if counts[item.row] > longest
        or not excerpts.is_filler(index.message(item.row)[2].content, names)
    ]


def _ongoing(call: ContextCall) -> Iterator[recalled_data.Conversation]:
    """Yield the unprocessed sessions; as in the hosted service, AGENTIC shows no asking one."""
    state, session = call.state, call.state.session
    is_shown = (
        call.strategy is not RecallStrategy.AGENTIC
        and session.status is not SessionStatus.PROCESSED
    )
    if is_shown and state.messages:
        messages = tuple(state.messages)
        yield recalled_data.Conversation(
            session.session_id, session.created_at, messages, is_asking=True
        )
    for other in state.ongoing:
        yield recalled_data.Conversation(other.session_id, other.created_at, tuple(other.messages))


def _with_analysis(
    parts: recalled_data.ContextParts, call: ContextCall, explored: Explored | None
) -> recalled_data.ContextParts:
    """Return the parts with the analysis first, by a model or else by rules."""
    if explored is None or explored.failure:
        return replace(parts, analysis=analysis_of(parts, call.plan))
    return replace(
        parts,
        analysis=explored_analysis(explored),
        dated_list=(),
        excerpts=_with_cited(parts.excerpts, explored, call.index),
    )


def _with_cited(
    selected: Sequence[recalled_data.Excerpt], explored: Explored, index: UserIndex
) -> tuple[recalled_data.Excerpt, ...]:
    """Return the excerpts, cited ones first: whole messages, or the part that the model read."""
    sessions = {session.session_id: session for session in index.sessions}
    best = max((excerpt.score for excerpt in selected), default=0.0) + 1.0
    cited: dict[tuple[str, int], recalled_data.Excerpt] = {}
    for session_id, position, start in _cited_messages(explored, index):
        session = sessions.get(session_id)
        if session is None or (session_id, position) in cited:
            continue
        message = session.messages[position]
        content, offset = message.content, 0
        if len(content) > LONGEST_CITED_CHARS:
            content, offset = content[start : start + LONGEST_CITED_CHARS], start
        cited[session_id, position] = recalled_data.Excerpt(
            session_id=session_id,
            session_created_at=session.created_at,
            read_in=session.read_in,
            position=position,
            role=message.role,
            content=content,
            score=best,
            offset=offset,
            starts_mid=offset > 0,
            ends_mid=offset + len(content) < len(message.content),
        )
    others = (item for item in selected if (item.session_id, item.position) not in cited)
    return (*cited.values(), *others)


def _cited_messages(explored: Explored, index: UserIndex) -> Iterator[tuple[str, int, int]]:
    """Yield session, position and first character of cited messages and of memories' evidence."""
    for fact in (*explored.findings, *explored.changes):
        for item in (quotation.item for quotation in fact.evidence):
            if item.kind is ItemKind.MESSAGE:
                yield item.item_id, item.position, item.start
            elif item.kind is ItemKind.MEMORY:
                for evidence in index.versions[item.item_id].evidence:
                    yield evidence.session_id, evidence.position, 0


def _estimated_tokens(messages: recall_index.MessageIndex) -> NDArray[np.int32]:
    return messages.estimated_tokens() + np.int32(ROLE_TOKENS)


def _vectors(call: ContextCall, embedder: QuestionEmbedder) -> _QueryVectors:
    plan = call.plan
    objects = (plan.object_query,) if plan.object_query else ()
    vectors = embedder.embed((*plan.dense_queries, *plan.summary_queries, *objects))
    dense = vectors[: len(plan.dense_queries)]
    summaries = vectors[len(dense) :][: len(plan.summary_queries)]
    return _QueryVectors(
        dense, summaries if len(summaries) else dense, vectors[-1] if objects else dense[0]
    )


def _lexical_scores(call: ContextCall) -> _LexicalScores:
    plan, index = call.plan, call.index
    return _LexicalScores(
        recall.lexical_scores(plan, index.messages),
        recall.term_coverage(plan, index.memories.lexical),
        recall.term_coverage(plan, index.summaries.lexical),
    )


def _latest(index: UserIndex) -> _Results:
    """Return the newest items, for a context without a question."""
    dates = {row: index.versions[key].created_at for key, row in index.memory_rows.items()}
    current = [index.memory_rows[version.memory_id] for version in index.current()]
    newest = sorted(current, key=lambda row: (dates[row], row), reverse=True)
    messages = range(len(index.message_sessions) - 1, -1, -1)[:EMPTY_LISTING]
    return _Results(
        [Ranked(row, float(row), 0.0) for row in messages],
        [Ranked(row, 0.0, 0.0) for row in newest[:EMPTY_LISTING]],
        [],
    )


def _recalled_memories(
    index: UserIndex, ranked: Sequence[Ranked], most_children: int
) -> tuple[recalled_data.RecalledMemory, ...]:
    below = recall.connected_memories(
        index.memories,
        [item.row for item in ranked],
        index.connections,
        depth=sections.CHILD_DEPTH,
        limit=most_children,
    )

    def build(row: int, similarity: float | None) -> recalled_data.RecalledMemory:
        return recalled_data.RecalledMemory(
            index.history(index.memory_ids[row]),
            similarity=similarity,
            children=tuple(build(child, None) for child in below.get(row, ())),
        )

    return tuple(build(item.row, item.similarity) for item in ranked)


def _recalled_summary(
    index: UserIndex, session: IndexedSession, similarity: float | None
) -> recalled_data.RecalledSummary:
    return recalled_data.RecalledSummary(
        session_id=session.session_id,
        created_at=session.created_at,
        content=session.summary,
        similarity=similarity,
        memories=tuple(
            index.versions[memory_id]
            for memory_id in index.session_memories.get(session.session_id, ())
        ),
    )


def _recent_summaries(index: UserIndex, count: int) -> tuple[recalled_data.RecalledSummary, ...]:
    newest = sorted(index.sessions, key=lambda item: (item.created_at, item.session_id))
    return tuple(_recalled_summary(index, item, None) for item in reversed(newest[-count:]))
