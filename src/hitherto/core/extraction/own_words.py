"""Pieces of users' messages that say something lasting about them, in their own words.

The statement model scores every token of a message. A sentence is cut at its marks where one part
is to be kept and another is not; what is kept stays as it was written, without markup.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from hitherto.core.statements.learned import ReadMessage, StatementModel
from hitherto.core.text.date_names import MONTHS
from hitherto.core.text.invisible import without_invisible
from hitherto.core.text.sentences import whole_sentence_spans
from hitherto.models import Message, MessageRole

MAX_MESSAGE_CHARS = 20_000
"""Longer messages are pasted documents; only their beginning is read."""
MAX_SENTENCE_CHARS = 600
"""No spoken sentence is longer; what is longer is a list, a log or a table."""

CONTEXT_MESSAGES = 4
"""Messages before one that it is read with."""
CONTEXT_CHARS = 300
"""Characters of each of them: the beginning of the user's; of the assistant's the end as well."""
_BEGINNING = 100

MAX_CONTEXT_CHARS = 240
"""Characters before a piece in its message that may explain it."""

LEAST_KEPT = 2.0
"""Least logit of what is kept: see docs/measurements/statements.md."""
LEAST_CERTAIN = -1.0
"""Least logit of what is kept if it can be rewritten: such plain statements are rarely in doubt."""
_SHORT_WORDS = 5
"""Words of an answer that says nothing without its question."""
_ONE_WORD = re.compile(r"[\w'-]{1,40}+[.!]{0,3}", re.ASCII)
"""Single words, which say nothing without a question, in scripts with spaces."""

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_QUOTED = re.compile(r'(?<![\w"“])["“«„][^"“”«»„\n]{12,2000}["”»“]')
_PASTED_LINE = re.compile(r"^[ \t]*[>|].*$", re.MULTILINE)
_CUT = re.compile(
    r"[,;:][\"')\]]{0,3}(?=\s)|(?<!\s)\s++(?:[-–—]{1,3}(?=\s)|\()|—|\)|[、，；：。]|\.{2,}+|…"
    r"|(?<!\s)\s++(?=(?:and|but|so|because|cause|cuz|bc|und|aber|weil|y|pero|porque|et|mais|car|e|mas|ma)\s)"
)
_MARKUP = re.compile(r"(?:\*\*|__|~~)|(?<!\w)[*_](?=\w)|(?<=[\w.!?])[*_](?!\w)")
_MONTHS = "|".join(form for month in MONTHS["de"] for form in month)
_LEADING = re.compile(
    rf"(?:[\s,;:.!?\-–—*•#)\]>、，。；：]|\d{{1,2}}(?:\)|\.(?!\s(?:{_MONTHS})))\s"
    r"|(?:and|but|so|also|oh|well|btw|by the way|anyway|plus|und|aber|y|pero|et|mais|mas)"
    r"(?=[\s,]))+",
    re.IGNORECASE,
)
_TALK = re.compile(r",? (?:by the way|btw|lol|haha|tho|fyi)(?=[.! ]{0,3}\Z)", re.IGNORECASE)
"""Turns of conversation at the end of a piece, which say nothing."""
_TRAILING = " \t\r\n,;:-–—*•([、，；："
_QUESTION_END = re.compile(r"[?？]")


@dataclass(frozen=True, slots=True)
class Kept:
    """Words of a message that are kept.

    words: as written, without markup. score: logit that they are to be kept. time: see
        `learned`. question, after: see `Quotation`; where they say little without.
    """

    words: str
    score: float
    time: str
    question: str = ""
    after: str = ""

    @property
    def is_alone(self) -> bool:
        """Return whether the words are kept without any before them."""
        return not (self.question or self.after)


def context_of(before: Sequence[tuple[bool, str]]) -> str:
    """Return the end of the conversation before a message, as the statement model reads it.

    before: the earlier messages in order, and whether the user sent them.
    """
    earlier_turns = []
    for by_user, text in before[-CONTEXT_MESSAGES:]:
        excerpt = text
        if len(text) > CONTEXT_CHARS:
            behind = "" if by_user else " ... " + text[_BEGINNING - CONTEXT_CHARS :]
            excerpt = text[: CONTEXT_CHARS if by_user else _BEGINNING] + behind
        earlier_turns.append(("user: " if by_user else "assistant: ") + excerpt)
    return " ".join(earlier_turns)


def kept_words(
    messages: Sequence[Message],
    position: int,
    model: StatementModel,
    prefix: str = "",
    topic: str = "",
) -> list[Kept]:
    """Return what is to be kept of a user's message, in order; see `is_sure`.

    prefix: the speaker's name in front of it. topic: what was kept last and says by itself what it
    is about. Takes time linear in the message's length, of which
    at most `MAX_MESSAGE_CHARS` are read.
    """
    text = _spoken(messages[position].content, prefix)
    earlier_turns = [
        (message.role is MessageRole.USER, message.content)
        for message in messages[max(0, position - CONTEXT_MESSAGES) : position]
    ]
    read = model.read(text, context_of(earlier_turns))
    masked = _masked(text)
    collected = _Collected(text, read, _question_before(messages, position), topic)
    for start, end in whole_sentence_spans(text):
        if end - start > MAX_SENTENCE_CHARS or any(a < end and start < b for a, b in masked):
            collected.skip()
            continue
        collected.starts.append(start)
        for first, behind in _pieces(text, start, end, read):
            piece = _kept(text, first, behind, read)
            if piece is not None:
                collected.add(piece, first, behind)
    return collected.kept


@dataclass(slots=True)
class _Collected:
    """Pieces of a message that are kept so far.

    question: of the assistant before the message, or "". topic: what was kept last and can be
    understood alone. starts: of the message's sentences so far, from the topic if it is among them.
    """

    text: str
    read: ReadMessage
    question: str
    topic: str
    kept: list[Kept] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    has_topic: bool = False

    def skip(self) -> None:
        """Pass over a sentence that explains nothing."""
        self.starts.clear()
        self.has_topic = False

    def add(self, piece: Kept, start: int, end: int) -> None:
        """Keep a piece, with the words before it that it needs."""
        is_first = not clean(self.text[:start])
        if is_first and self.question and len(piece.words.split()) <= _SHORT_WORDS:
            piece = replace(piece, question=self.question)
        elif self.read.needs_context(*_without_marks(self.text, start, end)):
            piece = self._with_context(piece, start)
        if piece.is_alone and _ONE_WORD.fullmatch(piece.words):
            return
        self.kept.append(piece)
        if piece.is_alone:
            self.topic, self.has_topic, self.starts[:] = piece.words, True, [start]

    def _with_context(self, piece: Kept, start: int) -> Kept:
        """Return a piece with the words before it back to the topic, or with the question."""
        near = [first for first in self.starts if start - first <= MAX_CONTEXT_CHARS]
        after = clean(self.text[near[0] : start]).replace('"', "'") if near else ""
        if self.has_topic and near[:1] == self.starts[:1]:
            return replace(piece, after=after)
        if self.question:
            return replace(piece, question=self.question, after=after)
        return replace(piece, after=" … ".join(words for words in (self.topic, after) if words))


def is_sure(piece: Kept) -> bool:
    """Return whether a piece is kept even if it cannot be rewritten."""
    return piece.score >= LEAST_KEPT


def _spoken(content: str, prefix: str) -> str:
    text = content[:MAX_MESSAGE_CHARS]
    if prefix and text.lstrip().startswith(prefix):
        text = text.lstrip()[len(prefix) :]
    return text


def _masked(text: str) -> list[tuple[int, int]]:
    """Return the spans of code, quotations and quoted lines."""
    return [
        match.span() for form in (_CODE, _QUOTED, _PASTED_LINE) for match in form.finditer(text)
    ]


def _pieces(text: str, start: int, end: int, read: ReadMessage) -> Iterator[tuple[int, int]]:
    """Yield the runs of a sentence's parts that are worth keeping."""
    marks = [start, *(match.end() for match in _CUT.finditer(text, start, end)), end]
    parts = [(first, behind) for first, behind in pairwise(marks) if behind > first]
    gains: list[float] = []
    for first, behind in parts:
        inner = _without_marks(text, first, behind)
        first_token, after_tokens = read.tokens(*inner)
        gains.append(
            (after_tokens - first_token) * read.keep(*inner) if after_tokens > first_token else 0.0
        )
    yield from ((parts[first][0], parts[behind - 1][1]) for first, behind in _best_runs(gains))


def _best_runs(gains: Sequence[float]) -> list[tuple[int, int]]:
    """Return all maximal runs of positive sum.

    Ruzzo and Tompa 1999, "A Linear Time Algorithm for Finding All Maximal Scoring Subsequences".
    """
    runs: list[_Run] = []
    total = 0.0
    for index, gain in enumerate(gains):
        before, total = total, total + gain
        if gain <= 0:
            continue
        run = _Run(index, index + 1, before, total)
        while (left := _below(runs, run.before)) is not None and runs[left].total < run.total:
            run = _Run(runs[left].start, index + 1, runs[left].before, run.total)
            del runs[left:]
        runs.append(run)
    return [(run.start, run.end) for run in runs]


@dataclass(frozen=True, slots=True)
class _Run:
    """Parts from `start` to before `end`; sums of all gains before them, and with them."""

    start: int
    end: int
    before: float
    total: float


def _below(runs: Sequence[_Run], bound: float) -> int | None:
    """Return the last run before which the sum was below a bound."""
    return next((n for n in reversed(range(len(runs))) if runs[n].before < bound), None)


def _without_marks(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span without marks and white space at its ends."""
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return start, end


def _kept(text: str, start: int, end: int, read: ReadMessage) -> Kept | None:
    inner = _without_marks(text, start, end)
    score = read.keep(*inner)
    words = clean(text[start:end])
    if score < LEAST_CERTAIN or not words or words.endswith(("?", "？")):
        return None
    return Kept(words, score, read.time(*inner))


def _question_before(messages: Sequence[Message], position: int) -> str:
    """Return the last question of the assistant's message just before, or ""."""
    if not position or messages[position - 1].role is not MessageRole.ASSISTANT:
        return ""
    earlier = messages[position - 1].content[-MAX_SENTENCE_CHARS:]
    questions = [
        clean(earlier[start:end])
        for start, end in whole_sentence_spans(earlier)
        if _QUESTION_END.search(earlier, start, end)
    ]
    return questions[-1].replace('"', "") if questions else ""


def clean(words: str) -> str:
    """Return words without markup, invisible characters, and marks and "and" at their borders."""
    text = " ".join(_MARKUP.sub("", without_invisible(words)).split())
    leading = _LEADING.match(text)
    text = text[leading.end() :] if leading is not None else text
    return _TALK.sub("", text).rstrip(_TRAILING)
