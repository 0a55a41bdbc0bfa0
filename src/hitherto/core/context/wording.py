"""Wording of a context: headings, and the text of one memory, message or conflict."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hitherto.core.context.fence import (
    MERGE_CONFLICT_HISTORY,
    VERSION,
    VERSION_HISTORY,
    indent_continuation,
    paragraph,
)
from hitherto.core.context.recalled_data import Excerpt, ListedLine
from hitherto.core.context.said_by import origin
from hitherto.core.dates.formatting import (
    event_days,
    local_date,
    local_day,
    local_now,
    local_timestamp,
    short_day,
    short_days,
    short_event_days,
    short_local_day,
)
from hitherto.core.dates.mentions import find_dates
from hitherto.core.text.caches import remembered
from hitherto.core.text.english_words import WEEKDAYS
from hitherto.models import (
    ExpirationReason,
    MemoryVersion,
    MergeConflictModel,
    Message,
    MessageRole,
    UserMessage,
)

MEMORIES = "# Here are the relevant memories that will help you to answer the user's query:"
SUMMARIES = (
    "# Here are some summaries of the previous relevant conversations with their respective"
    " memories:"
)
EXCERPTS = "# Here are some excerpts of past conversations with the user:"
DATED_LIST = "# Here are dated lines that match the query, in order of time:"
ONGOING = "# Here are some ongoing conversations with the user:"
CONFLICTS = "# Here are some pending merge conflicts to clarify with the user:"
RECENT_MESSAGES = "# Here are some recent conversations you had with the user:"
RECENT_SUMMARIES = "# Here are the summaries of some recent conversations you had with the user:"
SESSION_MEMORIES = "### Memories from this session:"

NO_MEMORIES = "No memories found."
MEMORIES_LEFT_OUT = "Left out to fit the token budget."
NO_SUMMARIES = "No relevant session summaries found."
NO_SESSION_MEMORIES = "No memories found from this session."
MESSAGES_NOT_REQUESTED = "No recent user messages requested."
NO_RECENT_MESSAGES = "No recent user messages found."
SUMMARIES_NOT_REQUESTED = "No recent session summaries requested."
NO_RECENT_SUMMARIES = "No recent session summaries found."

ELLIPSIS = "…"

HISTORY_LEGEND = (
    "Histories run newest first. Reason says why a version was replaced:"
    " ADDITION_TO_EXISTING_MEMORY added detail, with TEMPORAL_CONFLICT life moved on,"
    " MERGE_CONFLICT settled a contradiction."
)
LIST_LEGEND = "Several dated lines may be about one event, and some about something else."
CONNECTION_LEGEND = "1.1 is connected to 1."
DOUBT_LEGEND = "Doubtful: something it depended on has changed; ask before you rely on it."
CONFLICT_LEGEND = (
    "Merge conflicts: take neither side; when it matters, ask the user the question with its"
    " options."
)
"""Explanations in front of the recalled text, each only where it is needed."""

MAX_RESOLVED = 3
"""Maximum of relative days that are resolved behind one excerpt."""

_RELATIVE = re.compile(
    r"yesterday|tomorrow|last night|\b(?:last|this|this past) "
    rf"(?:weekend|week|{'|'.join(WEEKDAYS)})\b"
    r"|\bnext (?:weekend|week)\b|\b(?:two|three|four|five|six|[2-6]) days ago\b",
    re.IGNORECASE,
)
"""Words that mean certain days, seen from the day on which they were said. "Next Friday" does not
to all people."""

_SPEAKERS = {MessageRole.USER: "USER", MessageRole.ASSISTANT: "ASSISTANT"}


@dataclass(frozen=True, slots=True)
class Wording:
    """Texts for one time zone, in full, or shortened for a token budget (`compact`)."""

    zone: ZoneInfo
    compact: bool

    def memory(self, history: tuple[MemoryVersion, ...], similarity: float | None) -> str:
        """Return a memory's line without its number: content, similarity, event date, version.

        The compact form has no version: earlier values follow in the same line (`former_values`).
        """
        current = history[0]
        digits, version = (2, "") if self.compact else (4, f" [Version {len(history)}]")
        score = "" if similarity is None else f" (Similarity: {similarity:.{digits}f})"
        return (
            f". {paragraph(current.content)}{origin(current)}{score}"
            f" [Event Date: {self._days(current)}]{version}{self._doubt(current)}"
        )

    def day_note(self, version: MemoryVersion) -> str:
        """Return the days of an event, behind a space, for the words that state it.

        Of days that begin when the words were said, only the last.
        """
        first, last = (
            instant.astimezone(UTC).date()
            for instant in (version.event_date_start, version.event_date_end)
        )
        if first == local_date(version.created_at, self.zone) and first < last:
            return f" [until {short_day(last)}]"
        return f" [{self._days(version)}]"

    def now(self, now: datetime) -> str:
        """Return the line that says when it is."""
        return f"Now: {local_now(now, self.zone)}"

    def summary_heading(self, created_at: datetime) -> str:
        """Return the text behind the number of a summary."""
        if self.compact:
            return f" ({short_local_day(created_at, self.zone)})"
        return f" (Created at: {self.timestamp(created_at)})"

    def history(self, history: tuple[MemoryVersion, ...]) -> str:
        """Return the block of all versions of a memory, newest first."""
        return _history_block(self, history)

    def session_memory(self, version: MemoryVersion) -> str:
        """Return a memory's line under its session's summary, without its number."""
        return (
            f". {paragraph(version.content)}{origin(version)} (Event Date: {self._days(version)},"
            f" Created at: {self.timestamp(version.created_at)},"
            f" Expired at: {self._expiry(version)}){self._doubt(version)}"
        )

    def message(self, message: Message | UserMessage) -> str:
        """Return a message with its speaker and time."""
        speaker = _SPEAKERS[message.role]
        content = indent_continuation(message.content)
        return f"{speaker} (at {self.timestamp(message.timestamp)}): {content}"

    def excerpt(self, excerpt: Excerpt) -> str:
        """Return a message, or a part of one, of a past conversation.

        In the compact form the name that it begins with stands for the role.
        """
        before = ELLIPSIS if excerpt.starts_mid else ""
        after = ELLIPSIS if excerpt.ends_mid else ""
        text = f"{before}{indent_continuation(excerpt.content)}{after}{self._resolved(excerpt)}"
        return text if self.compact and excerpt.speaker else f"{_SPEAKERS[excerpt.role]}: {text}"

    def listed_day(self, line: ListedLine) -> str:
        """Return the day in front of the lines that were said on it."""
        return f"[{short_local_day(line.excerpt.session_created_at, self.zone)}]"

    def listed(self, line: ListedLine) -> str:
        """Return a line of the dated list without its day: a space, speaker and words."""
        excerpt = line.excerpt
        before = ELLIPSIS if excerpt.starts_mid else ""
        after = ELLIPSIS if excerpt.ends_mid else ""
        speaker = paragraph(excerpt.speaker) or _SPEAKERS[excerpt.role]
        days = dict.fromkeys(short_local_day(instant, self.zone) for instant in line.repeated_at)
        repeated = f" [again {', '.join(days)}]" if days else ""
        words = f"{before}{paragraph(excerpt.content)}{after}"
        return f" {speaker}: {words}{self._resolved(excerpt)}{repeated}"

    def _resolved(self, excerpt: Excerpt) -> str:
        """Return the days that words such as "yesterday" mean, behind a space; "" for none."""
        if _RELATIVE.search(excerpt.content) is None:
            return ""
        zone = excerpt.read_in or self.zone
        days = _resolved_days(excerpt.content, local_date(excerpt.session_created_at, zone))
        return f" [{'; '.join(days)}]" if days else ""

    def excerpt_heading(self, session_created_at: datetime) -> tuple[str, str]:
        """Return the texts before and after the number of an excerpt's conversation.

        The compact form is the day alone, without a number: 7 tokens instead of 21, for each of the
        about twenty conversations that a 2,000-token context quotes.
        """
        if self.compact:
            return "## ", short_local_day(session_created_at, self.zone)
        return "## Excerpt ", f" (Conversation of {self.timestamp(session_created_at)})"

    def conflict(self, conflict: MergeConflictModel) -> str:
        """Return a pending merge conflict, without its number."""
        lines = [
            f" (Id: {paragraph(conflict.id)}, Found: {self.timestamp(conflict.created_at)})",
            f"Proposed memory: {paragraph(conflict.proposed_memory_content or 'none')}",
            "Conflicting memories:",
        ]
        for number, memory in enumerate(conflict.conflicting_memories, start=1):
            days = event_days(
                memory.event_date_start, memory.event_date_end, join_same=self.compact
            )
            lines.append(
                f"{number}. {paragraph(memory.content)} (Reason: {paragraph(memory.reason)},"
                f" Event Date: {days}, Created at: {self.timestamp(memory.created_at)})"
            )
        lines.append("Questions:")
        for number, question in enumerate(conflict.clarifying_questions, start=1):
            lines.append(f"{number}. {paragraph(question.question)}")
            lines.extend(f"- {paragraph(option)}" for option in question.options)
        return "\n".join(lines)

    def timestamp(self, instant: datetime) -> str:
        """Return an instant in the zone of this context."""
        return local_timestamp(instant, self.zone)

    def version(self, version: MemoryVersion, number: int) -> str:
        """Return the block of one version. number: its position in the history, from 1."""
        lines = [
            f"<{VERSION}{number}>",
            f"Content: {paragraph(version.content)}{origin(version)}",
            f"Reason: {_reason(version, number)}",
            f"Event Date: {self._days(version)}",
            f"Created at: {self.timestamp(version.created_at)}",
            f"Expired at: {self._expiry(version)}",
        ]
        if version.expiration_reason is ExpirationReason.MERGE_CONFLICT:
            lines += _merge_conflict_history(version)
        return "\n".join([*lines, f"</{VERSION}{number}>"])

    def _days(self, version: MemoryVersion) -> str:
        if self.compact:
            return short_event_days(version.event_date_start, version.event_date_end)
        return event_days(version.event_date_start, version.event_date_end)

    def _doubt(self, version: MemoryVersion) -> str:
        """Return since when and why a current version is in doubt, "" if it is not."""
        if version.doubted_at is None or version.expired_at is not None:
            return ""
        since = local_day(version.doubted_at, self.zone)
        return f" [Doubtful since {since}: {paragraph(version.doubt_reason or 'unknown')}]"

    def _expiry(self, version: MemoryVersion) -> str:
        return "none" if version.expired_at is None else self.timestamp(version.expired_at)


@remembered(maxsize=4_096)
def _resolved_days(content: str, said_on: date) -> tuple[str, ...]:
    """Return the certain relative days of a text with their dates, at most `MAX_RESOLVED`."""
    resolved = {}
    for mention in find_dates(content, said_on, prefers="nearest"):
        words = " ".join(content[mention.start : mention.end].split())
        if _RELATIVE.fullmatch(words):
            resolved[words.lower()] = f"{words}: {short_days(mention.first, mention.last)}"
    return tuple(resolved.values())[:MAX_RESOLVED]


@remembered(maxsize=4_096)
def _history_block(wording: Wording, history: tuple[MemoryVersion, ...]) -> str:
    # The same memories are shown often to the same user; an entry takes 1 kB.
    blocks = [
        wording.version(version, len(history) - index) for index, version in enumerate(history)
    ]
    return "\n".join([f"<{VERSION_HISTORY}>", *blocks, f"</{VERSION_HISTORY}>"])


def _reason(version: MemoryVersion, number: int) -> str:
    """Return why a version was superseded; for others, their position in the history."""
    if version.expiration_reason is not None:
        return version.expiration_reason.value
    return "INITIAL_MEMORY" if number == 1 else "CURRENT_VERSION"


def _merge_conflict_history(version: MemoryVersion) -> list[str]:
    record = (
        "No resolved merge conflict found for this version."
        if version.merge_conflict_id is None
        else f"Settled by merge conflict {paragraph(version.merge_conflict_id)}."
    )
    return [
        "Note: This version was superseded when a merge conflict was resolved.",
        f"<{MERGE_CONFLICT_HISTORY}>",
        record,
        f"</{MERGE_CONFLICT_HISTORY}>",
    ]
