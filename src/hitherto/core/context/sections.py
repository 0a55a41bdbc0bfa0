"""Sections of a context in their order in the text, as a tree of pieces."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from hitherto.core.context import former_values, wording
from hitherto.core.context.fence import (
    FENCE_CLOSING,
    FENCE_OPENING,
    markdown_lines,
    standing_paragraph,
)
from hitherto.core.context.recalled_data import (
    Analysis,
    ContextParts,
    Excerpt,
    RecalledMemory,
    RecalledSummary,
)
from hitherto.core.context.token_budget import Piece, write
from hitherto.core.context.wording import Wording
from hitherto.core.dates.formatting import short_local_day

MAX_NOTE_CHARS = 240
"""Characters at the end of an excerpt that may have resolved days already."""

LISTED_SHARE = 0.75
"""Share of an excerpt from which on a line of the dated list stands for it."""

CHILD_DEPTH = 4
"""Levels of connected memories below a memory."""


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


@dataclass(frozen=True, slots=True)
class MemoryDraft:
    """Pieces of one listed memory: its line, its history, its connected memories.

    history: None if there is none, or if it is part of the line (the full form).
    """

    memory: RecalledMemory
    line: Piece
    history: Piece | None
    children: list["MemoryDraft"]


@dataclass(frozen=True, slots=True)
class SummaryDraft:
    """Pieces of one summary: its text, and the memories of its session."""

    text: Piece
    memories: list[Piece]


@dataclass(frozen=True, slots=True)
class Note:
    """Note behind an excerpt, from a memory that rests on it.

    line: of that memory, which makes the note needless where it is shown; None if there is none.
    """

    excerpt: Piece
    text: Piece
    line: Piece | None

    @property
    def is_useful(self) -> bool:
        """Return whether the excerpt is shown and the memory is not."""
        return self.excerpt.is_shown and not (self.line is not None and self.line.is_shown)


@dataclass(slots=True)
class Draft:
    """Pieces that a context may show, in their order in the text.

    The lists are in order of usefulness. In the full form, an empty section has a line that says
    so; in the compact one, only the section of memories does.
    leaves_out: whether `parts` lack memories that were found.
    """

    parts: ContextParts
    wording: Wording
    leaves_out: bool = False
    body: Piece = field(init=False)
    memories: list[MemoryDraft] = field(default_factory=list, init=False)
    analysis: list[Piece] = field(default_factory=list, init=False)
    cut: Piece | None = field(default=None, init=False)
    summaries: list[SummaryDraft] = field(default_factory=list, init=False)
    excerpts: list[tuple[Excerpt, Piece]] = field(default_factory=list, init=False)
    dated_list: list[Piece] = field(default_factory=list, init=False)
    notes: list[Note] = field(default_factory=list, init=False)
    ongoing: list[Piece] = field(default_factory=list, init=False)
    asking: list[Piece] = field(default_factory=list, init=False)
    conflicts: list[Piece] = field(default_factory=list, init=False)
    recent_messages: list[Piece] = field(default_factory=list, init=False)
    recent_summaries: list[SummaryDraft] = field(default_factory=list, init=False)
    _whole_messages: dict[tuple[str, int], list[Piece]] = field(default_factory=dict, init=False)
    _listed: dict[tuple[str, int], tuple[Excerpt, Piece]] = field(default_factory=dict, init=False)
    _asking_heading: Piece | None = field(default=None, init=False)
    _memory_ids: list[tuple[Piece, str]] = field(default_factory=list, init=False)
    _session_ids: list[tuple[Piece, str]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.body = Piece(FENCE_OPENING, is_shown=True)
        parts = self.parts
        self._add_dated_list()
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
        preamble = "".join(f"{line}\n" for line in self._preamble())
        return f"{prefix}{preamble}{write(self.body)}\n{FENCE_CLOSING}\n"

    def _preamble(self) -> Iterator[str]:
        """Yield when it is, and what explains the shown parts that are not plain."""
        if self.parts.now is not None:
            yield self.wording.now(self.parts.now)
        if any(line.is_shown for line in self.dated_list):
            yield wording.LIST_LEGEND
        listed = list(_shown_memories(self.memories))
        if not self.wording.compact and any(len(item.memory.history) > 1 for item in listed):
            yield wording.HISTORY_LEGEND
        if any(child.line.is_shown for item in listed for child in item.children):
            yield wording.CONNECTION_LEGEND
        if any(item.memory.history[0].doubted_at is not None for item in listed):
            yield wording.DOUBT_LEGEND
        if any(conflict.is_shown for conflict in self.conflicts):
            yield wording.CONFLICT_LEGEND

    def rendered(self, text: str, tokens: int | None) -> Rendered:
        """Return the result: a text of this draft with the ids of its content."""
        return Rendered(text, _shown_ids(self._memory_ids), _shown_ids(self._session_ids), tokens)

    def _section(self, heading: str, gap: int, when_empty: str = "") -> Piece:
        return self.body.add(Piece(heading, gap=gap, when_empty=when_empty))

    def _add_dated_list(self) -> None:
        if not self.parts.dated_list:
            return
        section = self._section(wording.DATED_LIST, 1)
        pieces = {}
        days: dict[str, Piece] = {}
        for line in sorted(self.parts.dated_list, key=lambda line: _date_order(line.excerpt)):
            day = self.wording.listed_day(line)
            if day not in days:
                days[day] = section.add(Piece(day, gap_first=2))
            piece = days[day].add(Piece(self.wording.listed(line), gap_first=0))
            message = line.excerpt.session_id, line.excerpt.position
            pieces[message] = piece
            self._listed[message] = line.excerpt, piece
            self._session_ids.append((piece, line.excerpt.session_id))
            if not (line.excerpt.starts_mid or line.excerpt.ends_mid):
                self._whole_messages.setdefault(message, []).append(piece)
        self.dated_list = [
            pieces[line.excerpt.session_id, line.excerpt.position] for line in self.parts.dated_list
        ]

    def is_listed(self, excerpt: Excerpt) -> bool:
        """Return whether the shown part of the dated list has most of an excerpt."""
        message = excerpt.session_id, excerpt.position
        return self._has_line_for(excerpt) and self._listed[message][1].is_shown

    def _has_line_for(self, excerpt: Excerpt) -> bool:
        listed = self._listed.get((excerpt.session_id, excerpt.position))
        if listed is None:
            return False
        return len(listed[0].content) >= LISTED_SHARE * len(excerpt.content)

    def _add_memories(self) -> None:
        given = self.parts.memories
        is_left_out = given or self.leaves_out
        empty = wording.MEMORIES_LEFT_OUT if is_left_out else wording.NO_MEMORIES
        section = self._section(wording.MEMORIES, 3, f"\n\n{empty}")
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
    ) -> MemoryDraft:
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
        others = memory.other_numbers
        if self.wording.compact and (len(history) > 1 or others):
            text = f"{former_values.earlier(history)}{former_values.other_numbers(others)}"
            block = line.add(Piece(text, gap_first=0, gap=0))
            self._memory_ids += [(block, version.memory_id) for version in others]
        children = []
        for child in memory.children if depth < CHILD_DEPTH else ():
            child_id = child.history[0].memory_id
            if child_id not in listed:
                listed.add(child_id)
                children.append(self._memory(line, child, listed, depth + 1))
        return MemoryDraft(memory, line, block, children)

    def _add_relevant_summaries(self) -> None:
        section = self._section(wording.SUMMARIES, 2, f"\n\n{wording.NO_SUMMARIES}")
        self.summaries = [self._summary(section, summary, 2) for summary in self.parts.summaries]

    def _summary(self, section: Piece, summary: RecalledSummary, gap_first: int) -> SummaryDraft:
        heading = section.add(
            Piece(
                self.wording.summary_heading(summary.created_at),
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
        return SummaryDraft(text, lines)

    def _add_analysis(self, analysis: Analysis) -> None:
        lines = markdown_lines(analysis.text.rstrip()) or [wording.NO_MEMORIES]
        self.analysis = [self.body.add(Piece(line)) for line in lines]
        self.analysis[0].gap = 3
        self._memory_ids += [(self.analysis[line], cited) for line, cited in analysis.cited]
        if self.wording.compact:
            self.cut = self.body.add(Piece(wording.ELLIPSIS))

    def _add_excerpts(self) -> None:
        # The full form shows the whole list, so what it has most of is known before.
        given = [
            excerpt
            for excerpt in self.parts.excerpts
            if self.wording.compact or not self._has_line_for(excerpt)
        ]
        if not given:
            return
        section = self._section(wording.EXCERPTS, 3)
        pieces: dict[tuple[str, int, int], Piece] = {}
        headings: dict[str, Piece] = {}
        for excerpt in sorted(given, key=_date_order):
            heading = headings.get(excerpt.session_id)
            if heading is None:
                lead, rest = self.wording.excerpt_heading(excerpt.session_created_at)
                number = "" if self.wording.compact else "1"
                heading = Piece(rest, lead=lead, number=number, gap_first=2, gap=2)
                headings[excerpt.session_id] = section.add(heading)
                self._session_ids.append((heading, excerpt.session_id))
            key = (excerpt.session_id, excerpt.position, excerpt.offset)
            if key not in pieces:
                pieces[key] = heading.add(Piece(self.wording.excerpt(excerpt)))
        self.excerpts = [
            (excerpt, pieces[excerpt.session_id, excerpt.position, excerpt.offset])
            for excerpt in given
        ]
        for excerpt, piece in self.excerpts:
            if not (excerpt.starts_mid or excerpt.ends_mid):
                message = excerpt.session_id, excerpt.position
                self._whole_messages.setdefault(message, []).append(piece)
        if self.wording.compact:
            self._add_notes()

    def _add_notes(self) -> None:
        """Add to excerpts what the memories know that rest on them: days, and later values."""
        lines = {item.memory.history[0].memory_id: item.line for item in self.memories}
        notes: dict[tuple[str, int], dict[str, Piece | None]] = {}
        for memory in self.parts.memories:
            current, *former = memory.history
            line = lines.get(current.memory_id)
            texts = [] if former else [(current, self.wording.day_note(current))]
            texts += [
                (version, former_values.later(memory.history))
                for version in former
                if version.session_id != current.session_id
            ]
            for version, text in texts:
                # What was said again in a later session is not about the day of the first time.
                for evidence in version.evidence:
                    if evidence.session_id == version.session_id:
                        stated = notes.setdefault((evidence.session_id, evidence.position), {})
                        stated[text] = line
        for excerpt, piece in (*self._listed.values(), *self.excerpts):
            if excerpt.starts_mid or excerpt.ends_mid:
                continue
            said_on = f" [{short_local_day(excerpt.session_created_at, self.wording.zone)}]"
            for text, line in notes.get((excerpt.session_id, excerpt.position), {}).items():
                if text != said_on and text[2:-1] not in piece.rest[-MAX_NOTE_CHARS:]:
                    note = piece.add(Piece(text, gap_first=0, gap=0))
                    self.notes.append(Note(piece, note, line))

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
        is_changed = len(memory.history) > 1 or memory.other_numbers
        if is_changed or not current.evidence or current.doubted_at is not None:
            return False
        return all(
            any(
                piece.is_shown
                for piece in self._whole_messages.get((evidence.session_id, evidence.position), ())
            )
            for evidence in current.evidence
        )


def _shown_memories(drafts: Iterable[MemoryDraft]) -> Iterator[MemoryDraft]:
    """Yield the shown memories, connected ones too."""
    for draft in drafts:
        if draft.line.is_shown:
            yield draft
            yield from _shown_memories(draft.children)


def _date_order(excerpt: Excerpt) -> tuple[datetime, str, int, int]:
    return (excerpt.session_created_at, excerpt.session_id, excerpt.position, excerpt.offset)


def _shown_ids(ids: list[tuple[Piece, str]]) -> tuple[str, ...]:
    """Return the ids of shown pieces, each once."""
    return tuple(dict.fromkeys(item_id for piece, item_id in ids if piece.is_shown))
