"""Render a context: recalled data as text for a language model, within a token budget.

`render` is the entry point. Its input (`ContextParts`) is ranked already; it decides which parts
are shown, in which form, and where. `docs/context.md` shows the layout.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from hitherto.core.context import wording
from hitherto.core.context.fence import (
    FENCE_CLOSING,
    FENCE_OPENING,
    markdown_lines,
    standing_paragraph,
)
from hitherto.core.context.token_budget import CountTokens, Piece, TokenBudget, show_all, write
from hitherto.core.context.wording import Wording
from hitherto.core.dates.formatting import zone_of
from hitherto.errors import ValidationError
from hitherto.models import (
    MemoryVersion,
    MergeConflictModel,
    Message,
    MessageRole,
    UserMessage,
)

PROMPT_SEPARATOR = "\n\n\n"
"""Separator of the system prompt and the recalled text; released clients use the same."""

MINIMUM_BODY_TOKENS = 64
"""Minimum useful size: the fence, the first heading and one short line."""

CHILD_DEPTH = 4
"""Levels of connected memories below a memory."""

MEMORY_SHARE = 0.12
"""Share of the budget that excerpts leave to memories at first. Excerpts have the evidence word for
word; a memory states a change, or a fact that no shown excerpt has, in some 35 tokens. The share is
enough for about the best six in a context of 2,000 tokens."""

CONFLICT_SHARE = 0.25
"""Share for pending conflicts before everything else, because the model has to ask about them."""

REQUESTED_SHARE = 0.5
"""Share for conflicts, recent messages and recent summaries together at first. The caller asked for
them by number, but recalled memories need room, too."""

FITTING_CHARACTERS_PER_TOKEN = 5
"""A text with more characters per token of the budget is not tried in its full form: English in
this layout has about four, and counting a text that cannot fit is the slowest step of all."""

MEMORY_CHARACTERS = 300
"""Characters of a memory's full form in addition to its content, which it shows twice."""

ANALYSIS_SHARE = 0.5
"""Share for an analysis before the excerpts."""


@dataclass(frozen=True, slots=True)
class RecalledMemory:
    """A memory with its whole history and the memories connected to it.

    history: every version, newest first; never empty. The newest one's id stands for the memory.
    similarity: 0 to 1; None for a connected memory.
    """

    history: tuple[MemoryVersion, ...]
    similarity: float | None = None
    children: tuple["RecalledMemory", ...] = ()


@dataclass(frozen=True, slots=True)
class RecalledSummary:
    """Summary of a past session, with all memory versions that the session created.

    created_at: the session's date. similarity: 0 to 1; None without a comparison.
    """

    session_id: str
    created_at: datetime
    content: str
    similarity: float | None = None
    memories: tuple[MemoryVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """Unprocessed session, with its messages in order.

    is_asking: whether the context is for this session. Its application has the messages, so a token
        budget spends on them last.
    """

    session_id: str
    started_at: datetime
    messages: tuple[Message, ...]
    is_asking: bool = False


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Message of a past session, or a part of one, word for word.

    position: the message's place in its session, from 0.
    offset: where `content` starts in the message, in characters; orders the parts of one message.
    starts_mid, ends_mid: whether words of the message before or after `content` are left out.
    """

    session_id: str
    session_created_at: datetime
    position: int
    role: MessageRole
    content: str
    score: float
    offset: int = 0
    starts_mid: bool = False
    ends_mid: bool = False


@dataclass(frozen=True, slots=True)
class Analysis:
    """Findings in Markdown. cited: (line of the text from 0, id of the memory it states)."""

    text: str
    cited: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ContextParts:
    """Everything that a context may show.

    memories, summaries, excerpts: most useful first.
    conflicts: the pending ones.
    recent_messages: oldest first; None if the caller did not ask for them.
    recent_summaries: newest first; None if the caller did not ask for them.
    analysis: the agentic strategy's findings, instead of memories and summaries.
    """

    memories: tuple[RecalledMemory, ...] = ()
    summaries: tuple[RecalledSummary, ...] = ()
    excerpts: tuple[Excerpt, ...] = ()
    ongoing: tuple[Conversation, ...] = ()
    conflicts: tuple[MergeConflictModel, ...] = ()
    recent_messages: tuple[UserMessage, ...] | None = None
    recent_summaries: tuple[RecalledSummary, ...] | None = None
    analysis: Analysis | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """Finished text, and the ids of its content.

    memory_ids, session_ids: in the order of their first appearance, each once.
    tokens: of the whole text; None without a budget, when nothing is counted.
    """

    text: str
    memory_ids: tuple[str, ...]
    session_ids: tuple[str, ...]
    tokens: int | None


def render(
    parts: ContextParts,
    *,
    timezone: str | ZoneInfo,
    max_tokens: int | None,
    count_tokens: CountTokens,
    system_prompt: str = "",
) -> Rendered:
    """Render recalled data, within a token budget if there is one.

    max_tokens: never exceeded, `system_prompt` included. If everything fits in its full form, that
        is the result; otherwise the most useful lines are bought first, in a shorter form.
    count_tokens: of any text; called once per line and a few times for the whole.
    system_prompt: stands in front of the recalled text; empty for none.

    Raises ValidationError for an unknown time zone, and for a budget that leaves the recalled text
    less than `MINIMUM_BODY_TOKENS`.
    """
    zone = zone_of(timezone)
    prefix = f"{system_prompt}{PROMPT_SEPARATOR}" if system_prompt else ""
    if max_tokens is None:
        draft = _Draft(parts, Wording(zone, compact=False))
        show_all(draft.body)
        return draft.rendered(draft.text(prefix), None)
    prompt_tokens = count_tokens(prefix) if prefix else 0
    _check_budget(max_tokens, prompt_tokens, MINIMUM_BODY_TOKENS)
    full = _full_form(parts, zone, prefix, max_tokens, count_tokens)
    if full is not None:
        return full
    draft = _Draft(parts, Wording(zone, compact=True))
    budget = TokenBudget(draft.body, max_tokens - count_tokens(draft.text(prefix)), count_tokens)
    budget.add(_candidates(draft, budget.tokens))
    return _fit_to_budget(draft, budget, prefix, max_tokens, count_tokens)


def _fit_to_budget(
    draft: "_Draft", budget: TokenBudget, prefix: str, max_tokens: int, count_tokens: CountTokens
) -> Rendered:
    """Return the text of a draft; if it is too long, without the pieces added last.

    Raises ValidationError if it is too long without any.
    """
    while True:
        text = draft.text(prefix)
        tokens = count_tokens(text)
        if tokens <= max_tokens:
            return draft.rendered(text, tokens)
        if not budget.undo(tokens - max_tokens):
            prompt_tokens = count_tokens(prefix) if prefix else 0
            _check_budget(max_tokens, prompt_tokens, tokens - prompt_tokens)


def _check_budget(max_tokens: int, prompt_tokens: int, body_tokens: int) -> None:
    """Raise ValidationError unless prompt and body fit."""
    smallest = prompt_tokens + body_tokens
    if max_tokens >= smallest:
        return
    remedy = f"ask for at least {smallest}"
    if prompt_tokens:
        remedy += (
            f", of which the system prompt takes {prompt_tokens},"
            " or pass include_system_prompt=False"
        )
    raise ValidationError(f"max_tokens={max_tokens} is too small for a context; {remedy}")


def _full_form(
    parts: ContextParts, zone: ZoneInfo, prefix: str, max_tokens: int, count_tokens: CountTokens
) -> Rendered | None:
    """Return the full form if it fits, else None.

    It is not counted if its length rules that out. It may have only the newest messages of the
    conversation that asks.
    """
    most_characters = max_tokens * FITTING_CHARACTERS_PER_TOKEN
    recalled = sum(len(excerpt.content) for excerpt in parts.excerpts)
    recalled += sum(2 * len(memory.history[0].content) for memory in parts.memories)
    recalled += MEMORY_CHARACTERS * len(parts.memories)
    if recalled > most_characters:
        return None
    draft = _Draft(parts, Wording(zone, compact=False))
    show_all(draft.body)
    draft.leave_out_asking()
    text = draft.text(prefix)
    if len(text) > most_characters:
        return None
    tokens = count_tokens(text)
    if tokens > max_tokens:
        return None
    if not draft.asking:
        return draft.rendered(text, tokens)
    budget = TokenBudget(draft.body, max_tokens - tokens, count_tokens)
    budget.add(_in_order(draft.asking, 0))
    return _fit_to_budget(draft, budget, prefix, max_tokens, count_tokens)


@dataclass(frozen=True, slots=True)
class _MemoryDraft:
    """Pieces of one listed memory: its line, its history, its connected memories.

    history: None if there is none, or if it is part of the line (the full form).
    """

    memory: RecalledMemory
    line: Piece
    history: Piece | None
    children: list["_MemoryDraft"]


@dataclass(frozen=True, slots=True)
class _SummaryDraft:
    """Pieces of one summary: its text, and the memories of its session."""

    text: Piece
    memories: list[Piece]


@dataclass(slots=True)
class _Draft:
    """Pieces that a context may show, in their order in the text.

    The lists are in order of usefulness. In the full form, an empty section has a line that says
    so; in the compact one, only the section of memories does.
    """

    parts: ContextParts
    wording: Wording
    body: Piece = field(init=False)
    memories: list[_MemoryDraft] = field(default_factory=list, init=False)
    analysis: list[Piece] = field(default_factory=list, init=False)
    cut: Piece | None = field(default=None, init=False)
    summaries: list[_SummaryDraft] = field(default_factory=list, init=False)
    excerpts: list[tuple[Excerpt, Piece]] = field(default_factory=list, init=False)
    ongoing: list[Piece] = field(default_factory=list, init=False)
    asking: list[Piece] = field(default_factory=list, init=False)
    conflicts: list[Piece] = field(default_factory=list, init=False)
    recent_messages: list[Piece] = field(default_factory=list, init=False)
    recent_summaries: list[_SummaryDraft] = field(default_factory=list, init=False)
    _asking_heading: Piece | None = field(default=None, init=False)
    _memory_ids: list[tuple[Piece, str]] = field(default_factory=list, init=False)
    _session_ids: list[tuple[Piece, str]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.body = Piece(FENCE_OPENING, is_shown=True)
        parts = self.parts
        if parts.analysis is None:
            self._add_memories()
            self._add_relevant_summaries()
        else:
            self._add_analysis(parts.analysis)
        self._add_excerpts()
        self._add_ongoing()
        self._add_conflicts()
        self._add_recent_messages()
        self._add_recent_summaries()

    def text(self, prefix: str) -> str:
        """Return the whole text of the shown pieces; it ends with one newline."""
        if self.cut is not None:
            self.cut.is_shown = not all(line.is_shown for line in self.analysis)
        return f"{prefix}{write(self.body)}\n{FENCE_CLOSING}\n"

    def rendered(self, text: str, tokens: int | None) -> Rendered:
        """Return the result: a text of this draft with the ids of its content."""
        return Rendered(text, _shown_ids(self._memory_ids), _shown_ids(self._session_ids), tokens)

    def _section(self, heading: str, gap: int, when_empty: str = "") -> Piece:
        return self.body.add(Piece(heading, gap=gap, when_empty=when_empty))

    def _add_memories(self) -> None:
        given = self.parts.memories
        empty = wording.MEMORIES_LEFT_OUT if given else wording.NO_MEMORIES
        section = self._section(wording.MEMORIES, 1, f"\n\n{empty}")
        section.is_shown = True
        roots = {memory.history[0].memory_id: memory for memory in reversed(given)}
        ranked = list(dict.fromkeys(memory.history[0].memory_id for memory in given))
        listed = set(roots)
        drafts = {}
        for memory_id in sorted(
            ranked, key=lambda memory_id: -(roots[memory_id].similarity or 0.0)
        ):
            drafts[memory_id] = self._memory(section, roots[memory_id], listed, depth=0)
        self.memories = [drafts[memory_id] for memory_id in ranked]

    def _memory(
        self, under: Piece, memory: RecalledMemory, listed: set[str], depth: int
    ) -> _MemoryDraft:
        """Draft a memory and, below it, connected memories that are not listed yet."""
        history = memory.history
        text = self.wording.memory(history, memory.similarity if depth == 0 else None)
        if not self.wording.compact:
            # Shown in full or not at all, so one piece is enough.
            text = f"{text}\n{self.wording.history(history)}"
        line = Piece(text, number="1", gap_first=2, gap=3)
        if depth:
            line = Piece(text, number="1.1", gap_first=2, gap=2)
        under.add(line)
        self._memory_ids.append((line, history[0].memory_id))
        block = None
        if self.wording.compact and len(history) > 1:
            block = line.add(Piece(self.wording.history(history)))
        children = []
        for child in memory.children if depth < CHILD_DEPTH else ():
            child_id = child.history[0].memory_id
            if child_id not in listed:
                listed.add(child_id)
                children.append(self._memory(line, child, listed, depth + 1))
        return _MemoryDraft(memory, line, block, children)

    def _add_relevant_summaries(self) -> None:
        section = self._section(wording.SUMMARIES, 2, f"\n\n{wording.NO_SUMMARIES}")
        self.summaries = [self._summary(section, summary, 2) for summary in self.parts.summaries]

    def _summary(self, section: Piece, summary: RecalledSummary, gap_first: int) -> _SummaryDraft:
        created = self.wording.timestamp(summary.created_at)
        heading = section.add(
            Piece(
                f" (Created at: {created})",
                lead="## Summary ",
                number="1",
                gap_first=gap_first,
                gap=3,
            )
        )
        text = heading.add(Piece(standing_paragraph(summary.content)))
        self._session_ids.append((text, summary.session_id))
        empty = f"\n{wording.NO_SESSION_MEMORIES}"
        memories = heading.add(Piece(wording.SESSION_MEMORIES, gap=2, when_empty=empty))
        lines = []
        for version in summary.memories:
            lines.append(memories.add(Piece(self.wording.session_memory(version), number="1")))
            self._memory_ids.append((lines[-1], version.memory_id))
        return _SummaryDraft(text, lines)

    def _add_analysis(self, analysis: Analysis) -> None:
        lines = markdown_lines(analysis.text.rstrip()) or [wording.NO_MEMORIES]
        self.analysis = [self.body.add(Piece(line)) for line in lines]
        self._memory_ids += [(self.analysis[line], cited) for line, cited in analysis.cited]
        if self.wording.compact:
            self.cut = self.body.add(Piece(wording.ELLIPSIS))

    def _add_excerpts(self) -> None:
        if not self.parts.excerpts:
            return
        section = self._section(wording.EXCERPTS, 3)
        pieces: dict[tuple[str, int, int], Piece] = {}
        headings: dict[str, Piece] = {}
        for excerpt in sorted(self.parts.excerpts, key=_date_order):
            heading = headings.get(excerpt.session_id)
            if heading is None:
                lead, rest = self.wording.excerpt_heading(excerpt.session_created_at)
                number = "" if self.wording.compact else "1"
                heading = Piece(rest, lead=lead, number=number, gap_first=2, gap=2)
                headings[excerpt.session_id] = section.add(heading)
                self._session_ids.append((heading, excerpt.session_id))
            key = (excerpt.session_id, excerpt.position, excerpt.offset)
            if key not in pieces:
                text = self.wording.excerpt(
                    excerpt.role, excerpt.content, excerpt.starts_mid, excerpt.ends_mid
                )
                pieces[key] = heading.add(Piece(text))
        self.excerpts = [
            (excerpt, pieces[excerpt.session_id, excerpt.position, excerpt.offset])
            for excerpt in self.parts.excerpts
        ]

    def _add_ongoing(self) -> None:
        if self.wording.compact and not self.parts.ongoing:
            return
        section = self._section(wording.ONGOING, 4 if self.parts.analysis is None else 2)
        newest_first = sorted(
            self.parts.ongoing, key=lambda conversation: conversation.started_at, reverse=True
        )
        for conversation in newest_first:
            heading = section.add(
                Piece(
                    f" (Started: {self.wording.timestamp(conversation.started_at)})",
                    lead="## Ongoing Conversation ",
                    number="1",
                    gap_first=2,
                    gap=2,
                )
            )
            self._session_ids.append((heading, conversation.session_id))
            lines = [heading.add(Piece(self.wording.message(m))) for m in conversation.messages]
            if conversation.is_asking:
                self.asking, self._asking_heading = lines[::-1], heading
            else:
                self.ongoing.extend(reversed(lines))

    def leave_out_asking(self) -> None:
        """Hide the conversation that asks."""
        if self._asking_heading is not None:
            for piece in (self._asking_heading, *self.asking):
                piece.is_shown = False

    def _add_conflicts(self) -> None:
        if not self.parts.conflicts:
            return
        section = self._section(wording.CONFLICTS, 3)
        for conflict in self.parts.conflicts:
            text = self.wording.conflict(conflict)
            self.conflicts.append(
                section.add(Piece(text, lead="## Merge Conflict ", number="1", gap_first=2, gap=2))
            )

    def _add_recent_messages(self) -> None:
        messages = self.parts.recent_messages
        empty = wording.MESSAGES_NOT_REQUESTED if messages is None else wording.NO_RECENT_MESSAGES
        section = self._section(wording.RECENT_MESSAGES, 3, f"\n{empty}")
        session_id = None
        for message in messages or ():
            gap = 1 if message.session_id == session_id else 2
            session_id = message.session_id
            line = section.add(Piece(self.wording.message(message), gap=gap))
            self._session_ids.append((line, session_id))
            self.recent_messages.insert(0, line)

    def _add_recent_summaries(self) -> None:
        summaries = self.parts.recent_summaries
        empty = (
            wording.SUMMARIES_NOT_REQUESTED if summaries is None else wording.NO_RECENT_SUMMARIES
        )
        section = self._section(wording.RECENT_SUMMARIES, 3, f"\n{empty}")
        self.recent_summaries = [self._summary(section, summary, 1) for summary in summaries or ()]

    def is_covered(self, memory: RecalledMemory) -> bool:
        """Return whether shown excerpts state all of a memory.

        That is so if it never changed and is not in doubt.
        """
        current = memory.history[0]
        if len(memory.history) > 1 or not current.evidence or current.doubted_at is not None:
            return False
        shown_messages = {
            (excerpt.session_id, excerpt.position)
            for excerpt, piece in self.excerpts
            if piece.is_shown and not (excerpt.starts_mid or excerpt.ends_mid)
        }
        return all(
            (evidence.session_id, evidence.position) in shown_messages
            for evidence in current.evidence
        )


def _candidates(draft: _Draft, tokens: int) -> Iterator[tuple[Piece, int]]:
    """Yield the pieces in order of usefulness, each with the tokens to reserve.

    tokens: of the whole budget. It is lazy, because later candidates depend on the pieces added
    before.
    """
    requested = [
        *draft.recent_messages,
        *(item.text for item in draft.recent_summaries),
    ]
    excerpts = [piece for _, piece in draft.excerpts]
    yield from _with_reserve(draft.conflicts, round(tokens * (1 - CONFLICT_SHARE)))
    yield from _with_reserve(requested, round(tokens * (1 - REQUESTED_SHARE)))
    yield from _in_order(draft.analysis, round(tokens * (1 - ANALYSIS_SHARE)) if excerpts else 0)
    yield from _with_reserve(excerpts, round(tokens * MEMORY_SHARE) if draft.memories else 0)
    yield from ((item.line, 0) for item in draft.memories if not draft.is_covered(item.memory))
    yield from _with_reserve(excerpts, 0)
    yield from _in_order(draft.analysis, 0)
    yield from _with_reserve([*draft.conflicts, *requested], 0)
    yield from _with_reserve((item.text for item in draft.summaries), 0)
    yield from _with_reserve(_histories(draft.memories), 0)
    yield from _with_reserve(draft.ongoing, 0)
    yield from ((item.line, 0) for item in draft.memories)
    yield from _with_reserve(_connected_lines(draft.memories), 0)
    for summary in [*draft.summaries, *draft.recent_summaries]:
        if summary.text.is_shown:
            yield from _with_reserve(summary.memories, 0)
    yield from _in_order(draft.asking, 0)


def _with_reserve(pieces: Iterable[Piece], reserve: int) -> Iterator[tuple[Piece, int]]:
    return ((piece, reserve) for piece in pieces)


def _in_order(pieces: Iterable[Piece], reserve: int) -> Iterator[tuple[Piece, int]]:
    """Yield pieces that make sense only in order, up to the first that is not shown."""
    for piece in pieces:
        yield piece, reserve
        if not piece.is_shown:
            return


def _histories(drafts: list[_MemoryDraft]) -> Iterator[Piece]:
    """Yield the histories of the shown memories."""
    for draft in drafts:
        if draft.history is not None and draft.line.is_shown:
            yield draft.history


def _connected_lines(drafts: list[_MemoryDraft]) -> Iterator[Piece]:
    """Yield the memories connected to shown ones, nearest first below each."""
    for draft in drafts:
        if draft.line.is_shown:
            yield from (child.line for child in draft.children)
            yield from _connected_lines(draft.children)


def _date_order(excerpt: Excerpt) -> tuple[datetime, str, int, int]:
    return (excerpt.session_created_at, excerpt.session_id, excerpt.position, excerpt.offset)


def _shown_ids(ids: list[tuple[Piece, str]]) -> tuple[str, ...]:
    """Return the ids of shown pieces, each once."""
    return tuple(dict.fromkeys(item_id for piece, item_id in ids if piece.is_shown))
