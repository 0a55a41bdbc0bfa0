"""Recalled data that a context may show: memories, summaries, excerpts, conversations."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from hitherto.models import (
    MemoryVersion,
    MergeConflictModel,
    Message,
    MessageRole,
    UserMessage,
)


@dataclass(frozen=True, slots=True)
class RecalledMemory:
    """A memory with its whole history and the memories connected to it.

    history: every version, newest first; never empty. The newest one's id stands for the memory.
    similarity: 0 to 1; None for a connected memory.
    other_numbers: current versions of memories that give another number for the same thing.
    """

    history: tuple[MemoryVersion, ...]
    similarity: float | None = None
    children: tuple["RecalledMemory", ...] = ()
    other_numbers: tuple[MemoryVersion, ...] = ()


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
    speaker: the name that the content begins with ("Ana" in "Ana: I moved"), if it is that of a
        person of the user's chats; "" for none.
    starts_mid, ends_mid: whether words of the message before or after `content` are left out.
    read_in: zone in which the days of the session were read; None for that of the context.
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
    speaker: str = ""
    read_in: ZoneInfo | None = None


@dataclass(frozen=True, slots=True)
class ListedLine:
    """Line of a dated list.

    excerpt: the words of the message that the list shows, without the speaker's name before them.
    repeated_at: the dates of conversations in which nearly the same was said.
    """

    excerpt: Excerpt
    repeated_at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """Findings in Markdown. cited: (line of the text from 0, id of the memory it states)."""

    text: str
    cited: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ContextParts:
    """Everything that a context may show.

    memories, summaries, excerpts, dated_list: most useful first.
    dated_list: for a question that asks for all instances of something, their number or order.
    now: shown in the first line; None for no such line.
    memories_threshold: similarity from which on a memory is strong.
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
    dated_list: tuple[ListedLine, ...] = ()
    memories_threshold: float = 0.0
    now: datetime | None = None
