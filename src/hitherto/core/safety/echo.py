"""Detection of echoes: served text that comes back in a message.

Applications paste contexts into conversations, and assistants repeat what they read in them.
Learned again, an old statement would look new: it would move dates, and an outdated version would
supersede the current one. So served text is removed before extraction. A statement that a user
makes in their own words is kept, even if a memory says it already.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import nlargest

from hitherto.core.context import wording
from hitherto.core.context.fence import FENCE_CLOSING, FENCE_OPENING
from hitherto.core.statements import reader
from hitherto.core.statements.comparison import covers
from hitherto.core.text.english_words import MONTHS, WEEKDAYS
from hitherto.core.text.sentences import sentences
from hitherto.core.text.terms import terms_of
from hitherto.models import Candidate, MemoryVersion, Message, MessageRole, SaidBy

MIN_SUMMARY_WORDS = 5
"""Words from which a sentence of a summary counts as served; shorter ones are common phrases."""

MIN_MEMORY_WORDS = 2
_FEWEST_WORDS = min(MIN_SUMMARY_WORDS, MIN_MEMORY_WORDS)
ALIKE = 0.5
"""Share of a statement's words that a memory must share to be compared with it in full."""

MAX_COMPARED = 100
"""Most memories that one statement is compared with in full: those that share most words."""

_FENCED = re.compile(
    rf"{re.escape(FENCE_OPENING)}.*?(?:{re.escape(FENCE_CLOSING)}|\Z)", re.DOTALL | re.IGNORECASE
)
_HEADINGS = frozenset(
    {
        wording.MEMORIES,
        wording.SUMMARIES,
        wording.EXCERPTS,
        wording.ONGOING,
        wording.CONFLICTS,
        wording.RECENT_MESSAGES,
        wording.RECENT_SUMMARIES,
        wording.SESSION_MEMORIES,
        wording.HISTORY_LEGEND,
        wording.CONNECTION_LEGEND,
        wording.DOUBT_LEGEND,
        wording.CONFLICT_LEGEND,
        wording.NO_MEMORIES,
        wording.MEMORIES_LEFT_OUT,
        wording.NO_SUMMARIES,
        wording.NO_SESSION_MEMORIES,
        wording.MESSAGES_NOT_REQUESTED,
        wording.NO_RECENT_MESSAGES,
        wording.SUMMARIES_NOT_REQUESTED,
        wording.NO_RECENT_SUMMARIES,
    }
)
_DAY = rf"(?:{'|'.join(WEEKDAYS)}), (?:{'|'.join(MONTHS)}) \d{{1,2}}(?:st|nd|rd|th), \d{{1,4}}"
_SHORT_DAY = (
    rf"(?:{'|'.join(day[:3] for day in WEEKDAYS)}) \d{{2}}"
    rf" (?:{'|'.join(month[:3] for month in MONTHS)}) \d{{1,4}}"
)
_SERVED_LINE = re.compile(
    r"\s*\d+(?:\.\d+)*\. .*(?:\(Similarity: \d\.\d\d(?:\d\d)?\)|\[Version \d+\]"
    rf"|\[Event Date: (?:{_DAY}|{_SHORT_DAY}))"
    rf"|\s*\d+\. (?>.*?\(Event Date: {_DAY}).*\bExpired at: "
    r"|\s*## (?:Summary|Excerpt|Ongoing Conversation|Merge Conflict) \d+ \("
    r"|\s*</?(?:version_history|version_\d+|merge_conflict_history)>"
    rf"|\s*(?:USER|ASSISTANT) \(at {_DAY} at .{{1,24}}\): "
    rf"|\s*Now: (?:{'|'.join(WEEKDAYS)}) \d{{1,2}} (?:{'|'.join(MONTHS)}) \d{{1,4}}, \d\d:\d\d \("
)
"""Lines that only `wording` writes."""
_SUMMARY_HEADING = re.compile(r"\s*## Summary \d+ \(")
_INSIDE = re.compile(
    r"(?:USER|ASSISTANT): |(?:Content|Reason|Event Date|Created at|Expired at|Note|Said by"
    r"|Doubtful since|Proposed memory|Conflicting memories|Questions): ?|    |- |\d+(?:\.\d+)*\. "
    rf"|## (?:{_DAY}|{_SHORT_DAY})\Z|…\Z"
)
"""Beginnings of lines of a context that other texts can have too."""
_QUOTED_DAY = re.compile(rf"\s*## {_SHORT_DAY}\s*\Z")
_NAMED_LINE = re.compile(r"[^\W\d_][\w.'’-]*(?: [^\W\d_][\w.'’-]*){0,2}: ")
"""Beginning of an excerpt that a name stands in front of, in place of its role."""
_NUMBERED = re.compile(r"\A\s*(?:[-*•]|\d+(?:\.\d+)*[.)])\s+")
_NOTE = re.compile(r"\((?:Similarity|Event Date|said by|imported|quoted)\b|\[(?=[A-Z])")
"""Beginnings of a note behind a memory; a note of the second kind ends with its bracket."""
_QUOTATION = re.compile(r"“([^”]*)(?:”|\Z)")
_QUOTES = " \t\"'“”‘’`*_"


@dataclass(frozen=True, slots=True)
class Served:
    """Served text that can come back: keys of memories and of sentences of summaries.

    quoted_sentences: quotations in summaries. A person can say the same words again, so these count
        as served only together with other sentences.
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


def without_echoes(messages: Sequence[Message], served_text: Served) -> list[Message]:
    """Return the messages without served text; positions stay, and a message can become empty."""
    return [_without(message, served_text) for message in messages]


class Memories:
    """Memories of a user, read once for all statements that are compared with them.

    Superseded versions count too: what an assistant repeats is not new.
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
        """Return whether a memory says all that a statement says, even in other words."""
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
        """Return the positions of memories that share `ALIKE` of the terms, most shared first."""
        shared = [len(terms & other) for other in self._terms]
        alike = (at for at, count in enumerate(shared) if count >= ALIKE * len(terms))
        return nlargest(MAX_COMPARED, alike, key=lambda position: shared[position])


def is_echo(candidate: Candidate, messages: Sequence[Message], memories: Memories) -> bool:
    """Return whether only the assistant makes a statement, and a memory says it already."""
    return is_said_by_assistant(candidate, messages) and memories.say(candidate.content)


def is_said_by_assistant(candidate: Candidate, messages: Sequence[Message]) -> bool:
    """Return whether a statement rests on no message of the user, whatever it claims."""
    roles = {messages[at].role for at in candidate.evidence if at < len(messages)}
    return candidate.said_by is SaidBy.ASSISTANT or roles == {MessageRole.ASSISTANT}


def _without(message: Message, served_text: Served) -> Message:
    text = _FENCED.sub("\n", message.content)
    lines = list(_own_lines(text.split("\n"), served_text))
    content = "\n".join(lines)
    if content == message.content:
        return message
    return replace(message, content=content.strip("\n"))


def _own_lines(lines: Sequence[str], served_text: Served) -> Iterator[str]:
    """Yield the lines that were not served.

    A block of served lines continues as long as its lines have the form of a context.
    """
    in_block = after_summary = in_excerpts = False
    for line in lines:
        stripped = line.strip()
        if not stripped:
            if not in_block:
                yield line
            continue
        if (
            stripped in _HEADINGS
            or _SERVED_LINE.match(line)
            or stripped in served_text.prompt_lines
        ):
            in_block = stripped not in served_text.prompt_lines
            after_summary = _SUMMARY_HEADING.match(line) is not None
            in_excerpts = False
            continue
        is_named = in_excerpts and _NAMED_LINE.match(line) is not None
        if in_block and (after_summary or is_named or _INSIDE.match(line)):
            in_excerpts = in_excerpts or _QUOTED_DAY.match(line) is not None
            after_summary = False
            continue
        in_block = in_excerpts = False
        kept = _own_sentences(line, served_text)
        if kept:
            yield kept


def _own_sentences(line: str, served_text: Served) -> str:
    """Return a line without the sentences that memories or summaries contain word for word."""
    if _is_served(line, served_text):
        return ""
    parts = sentences(line)
    if len(parts) == 1:
        return line
    kept = [part for part in parts if not _is_served(part, served_text)]
    if len(kept) < len(parts):
        kept = [part for part in kept if _key(part) not in served_text.quoted_sentences]
    return line if len(kept) == len(parts) else " ".join(kept)


def _is_served(text: str, served_text: Served) -> bool:
    # A key has no more words than its text, and making it is what takes time.
    if len(text.split(maxsplit=_FEWEST_WORDS)) < _FEWEST_WORDS:
        return False
    key = _key(text)
    return key in served_text.memories or key in served_text.summary_sentences


def _key(text: str) -> str:
    """Return a key that copies of a text share: without number, quotes, case and full stop."""
    bare = _without_notes(_NUMBERED.sub("", text)).strip(_QUOTES).casefold()
    bare = bare.removeprefix("the ") if bare.startswith("the user") else bare
    return " ".join(bare.split()).rstrip(".!…").strip(_QUOTES)


def _without_notes(text: str) -> str:
    """Return the text without the notes behind a memory on its last line."""
    end = len(text.rstrip())
    is_bracketed = text.endswith("]", 0, end)
    for note in _NOTE.finditer(text, text.rfind("\n", 0, end) + 1, end):
        if note[0] != "[" or is_bracketed:
            return text[: note.start()].rstrip()
    return text
