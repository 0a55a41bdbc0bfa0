"""Recognises what Hitherto itself has served when it comes back in a message.

Applications paste contexts into conversations, and assistants repeat what they were told. Learned
again, an old statement would look new: it would move dates, and an outdated version would take the
place of the current one. So served text is taken out before a session is understood. What a person
says in words of their own is left alone, also where it is known already.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import nlargest

from hitherto.core.context import layout
from hitherto.core.context.fence import FENCE_CLOSING, FENCE_OPENING
from hitherto.core.statements import reader
from hitherto.core.statements.comparison import covers
from hitherto.core.text.english import MONTHS, WEEKDAYS
from hitherto.core.text.sentences import sentences
from hitherto.core.text.terms import terms_of
from hitherto.models import Candidate, MemoryVersion, Message, MessageRole, SaidBy

MIN_SUMMARY_WORDS = 5
"""Shorter sentences of summaries are anybody's."""

MIN_MEMORY_WORDS = 2
ALIKE = 0.5
"""Share of a statement's words that a memory must hold to be compared with it in full."""

MAX_COMPARED = 100
"""Most memories that one statement is compared with in full: those that share most words."""

_FENCED = re.compile(
    rf"{re.escape(FENCE_OPENING)}.*?(?:{re.escape(FENCE_CLOSING)}|\Z)", re.DOTALL | re.IGNORECASE
)
_HEADINGS = frozenset(
    {
        layout.MEMORIES,
        layout.SUMMARIES,
        layout.EXCERPTS,
        layout.ONGOING,
        layout.CONFLICTS,
        layout.RECENT_MESSAGES,
        layout.RECENT_SUMMARIES,
        layout.SESSION_MEMORIES,
        layout.NO_MEMORIES,
        layout.MEMORIES_LEFT_OUT,
        layout.NO_SUMMARIES,
        layout.NO_SESSION_MEMORIES,
        layout.MESSAGES_NOT_REQUESTED,
        layout.NO_RECENT_MESSAGES,
        layout.SUMMARIES_NOT_REQUESTED,
        layout.NO_RECENT_SUMMARIES,
    }
)
_DAY = rf"(?:{'|'.join(WEEKDAYS)}), (?:{'|'.join(MONTHS)}) \d{{1,2}}(?:st|nd|rd|th), \d{{1,4}}"
_SERVED_LINE = re.compile(
    rf"\s*\d+(?:\.\d+)*\. .*(?:\(Similarity: \d\.\d{{4}}\)|\[Event Date: {_DAY}|\[Version \d+\])"
    rf"|\s*\d+\. (?>.*?\(Event Date: {_DAY}).*\bExpired at: "
    r"|\s*## (?:Summary|Excerpt|Ongoing Conversation|Merge Conflict) \d+ \("
    r"|\s*</?(?:version_history|version_\d+|merge_conflict_history)>"
    rf"|\s*(?:USER|ASSISTANT) \(at {_DAY} at .{{1,24}}\): "
)
"""What nobody but `layout` writes."""
_SUMMARY_HEADING = re.compile(r"\s*## Summary \d+ \(")
_INSIDE = re.compile(
    r"(?:USER|ASSISTANT): |(?:Content|Reason|Event Date|Created at|Expired at|Note|Said by"
    r"|Doubtful since|Proposed memory|Conflicting memories|Questions): ?|    |- |\d+(?:\.\d+)*\. "
    rf"|## {_DAY}\Z|…\Z"
)
"""What a line of a context begins with, which may stand elsewhere too."""
_NUMBERED = re.compile(r"\A\s*(?:[-*•]|\d+(?:\.\d+)*[.)])\s+")
_NOTE = re.compile(r"\((?:Similarity|Event Date|said by|imported|quoted)\b|\[(?=[A-Z])")
"""What a note behind a memory begins with; the second kind ends with its bracket."""
_QUOTATION = re.compile(r"“([^”]*)(?:”|\Z)")
_QUOTES = " \t\"'“”‘’`*_"


@dataclass(frozen=True, slots=True)
class Served:
    """What can come back: the keys of memories' texts and of the sentences of summaries.

    quoted_sentences: what summaries quote. These are somebody's own words, which may be said again,
        so they only come back together with other sentences.
    prompt_lines: lines of the system prompts, stripped.
    """

    memories: frozenset[str]
    summary_sentences: frozenset[str]
    quoted_sentences: frozenset[str] = frozenset()
    prompt_lines: frozenset[str] = frozenset()


def served(
    versions: Iterable[MemoryVersion], summaries: Iterable[str], prompts: Iterable[str] = ()
) -> Served:
    """Collect what a user's contexts may have shown: memories, summaries and system prompts."""
    memories = {_key(version.content) for version in versions}
    summarised: set[str] = set()
    quoted: set[str] = set()
    for summary in summaries:
        summarised.update(map(_key, sentences(summary)))
        for quotation in _QUOTATION.findall(summary):
            quoted.update(map(_key, sentences(quotation)))
    return Served(
        frozenset(key for key in memories if len(key.split()) >= MIN_MEMORY_WORDS),
        frozenset(key for key in summarised - quoted if len(key.split()) >= MIN_SUMMARY_WORDS),
        frozenset(key for key in quoted if len(key.split()) >= MIN_SUMMARY_WORDS),
        frozenset(line.strip() for text in prompts for line in text.splitlines() if line.strip()),
    )


def without_echoes(messages: Sequence[Message], known: Served) -> list[Message]:
    """The messages without what was served; positions stay, and a message may become empty."""
    return [_without(message, known) for message in messages]


class Memories:
    """What is remembered of a user, read once for all statements that are compared with it.

    Versions that hold no more count too: what an assistant repeats is no news.
    """

    def __init__(self, versions: Iterable[MemoryVersion]) -> None:
        self._contents = [version.content for version in versions]
        self._statements: dict[int, reader.Statement] = {}

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(map(_key, self._contents))

    @cached_property
    def _terms(self) -> list[frozenset[str]]:
        return [frozenset(terms_of(content)) for content in self._contents]

    def say(self, content: str) -> bool:
        """Return whether a memory says all that a statement says, in whatever words."""
        if _key(content) in self._keys:
            return True
        statement = reader.read(content)
        return any(
            covers(self._statement(position), statement)
            for position in self._alike(statement.term_set)
        )

    def _statement(self, position: int) -> reader.Statement:
        if position not in self._statements:
            self._statements[position] = reader.read(self._contents[position])
        return self._statements[position]

    def _alike(self, terms: frozenset[str]) -> list[int]:
        """Positions of memories that share at least `ALIKE` of these terms, most shared first."""
        shared = [len(terms & other) for other in self._terms]
        alike = (at for at, count in enumerate(shared) if count >= ALIKE * len(terms))
        return nlargest(MAX_COMPARED, alike, key=lambda position: shared[position])


def is_echo(candidate: Candidate, messages: Sequence[Message], memories: Memories) -> bool:
    """Whether the assistant only repeats what is remembered, in whatever words."""
    return is_said_by_assistant(candidate, messages) and memories.say(candidate.content)


def is_said_by_assistant(candidate: Candidate, messages: Sequence[Message]) -> bool:
    """Whether nothing that the user said stands behind a statement, whatever it claims."""
    roles = {messages[at].role for at in candidate.evidence if at < len(messages)}
    return candidate.said_by is SaidBy.ASSISTANT or roles == {MessageRole.ASSISTANT}


def _without(message: Message, known: Served) -> Message:
    text = _FENCED.sub("\n", message.content)
    lines = list(_own_lines(text.split("\n"), known))
    content = "\n".join(lines)
    if content == message.content:
        return message
    return replace(message, content=content.strip("\n"))


def _own_lines(lines: Sequence[str], known: Served) -> Iterator[str]:
    """The lines that were not served. A block runs from a served line while its form goes on."""
    in_block = after_summary = False
    for line in lines:
        stripped = line.strip()
        if not stripped:
            if not in_block:
                yield line
            continue
        if stripped in _HEADINGS or _SERVED_LINE.match(line) or stripped in known.prompt_lines:
            in_block = stripped not in known.prompt_lines
            after_summary = _SUMMARY_HEADING.match(line) is not None
            continue
        if in_block and (after_summary or _INSIDE.match(line)):
            after_summary = False
            continue
        in_block = False
        kept = _own_sentences(line, known)
        if kept:
            yield kept


def _own_sentences(line: str, known: Served) -> str:
    """A line without the sentences that are memories or of summaries, word for word."""
    if _is_served(line, known):
        return ""
    parts = sentences(line)
    kept = [part for part in parts if not _is_served(part, known)]
    if len(kept) < len(parts):
        kept = [part for part in kept if _key(part) not in known.quoted_sentences]
    return line if len(kept) == len(parts) else " ".join(kept)


def _is_served(text: str, known: Served) -> bool:
    key = _key(text)
    return key in known.memories or key in known.summary_sentences


def _key(text: str) -> str:
    """What two copies of a text share: without number, marks around it, case and full stop."""
    bare = _without_notes(_NUMBERED.sub("", text)).strip(_QUOTES).casefold()
    bare = bare.removeprefix("the ") if bare.startswith("the user") else bare
    return " ".join(bare.split()).rstrip(".!…").strip(_QUOTES)


def _without_notes(text: str) -> str:
    """The text without the notes on its last line that stand behind a memory's content."""
    end = len(text.rstrip())
    is_bracketed = text.endswith("]", 0, end)
    for note in _NOTE.finditer(text, text.rfind("\n", 0, end) + 1, end):
        if note[0] != "[" or is_bracketed:
            return text[: note.start()].rstrip()
    return text
