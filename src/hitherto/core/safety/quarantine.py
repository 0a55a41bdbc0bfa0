"""Keeps from memory what a session says to the machine, or what somebody else says in it.

A statement that was found in a session is judged by its own words and by the sentences that it
rests on. It is kept out when it is an instruction, when it rests on a sentence that is one, when
its message tries to pass for something other than a message, and when only quoted or pasted words
say it. It stays in the transcript.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hitherto.core.context.fence import has_tag
from hitherto.core.safety import injection
from hitherto.core.safety.injection import Sign
from hitherto.core.text.terms import terms_of
from hitherto.models import Candidate, Message, MessageRole, QuarantineKind

SUPPORT = 0.34
"""Share of a statement's words that a sentence holds at least to count as what it rests on."""

TAINTING = frozenset(
    {
        QuarantineKind.OVERRIDE,
        QuarantineKind.ROLE_PLAY,
        QuarantineKind.TOOL_CALL,
        QuarantineKind.MARKUP,
        QuarantineKind.SYSTEM_CLAIM,
    }
)
"""Kinds after which nothing in the message is taken as said in earnest."""

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_HTML = re.compile(r"<!--.*?(?:-->|\Z)|<(html|body|div|article|p|section)\b.*?(?:</\1>|\Z)", re.S)
_QUOTE = re.compile(
    r"(?:(?<=[\s(:,])|\A)(?:\"([^\"]{12,4000})\"|'([^'\n]{20,2000})'(?=[\s.,!?)]|\Z))"
)
_CLAUSE = re.compile(
    r"\b(?:i|i'm|i've|i'd|my|me|we|our|you|your|he|she|they|user|user's|customer|client)\b|\W(?:is"
    r"|are|was|has|must|should)\W",
    re.IGNORECASE,
)
_TEXTS = (
    r"(?:e-?mail|mail|letter|article|page|web ?page|website|web ?site|site|blog|post|review|text"
    r"|message|document|doc|pdf|transcript|report|minutes|note|lyrics|chapter|passage|paragraph"
    r"|log|ticket|tweet|comment|listing|newsletter|invitation|contract|readme|file|output"
    r"|result|snippet|excerpt|chat|conversation|thread|reply|ad|advert|leaflet|flyer|sms|caption"
    r"|poem|song|story|verse|essay|joke|speech|description|abstract|content|calendar (?:entry"
    r"|invite)|voicemail|memo)s?"
)
_GAP = r"\s{0,8}"
"""White space in a text that was collapsed before code and HTML were cut out of it."""
_PASTED = re.compile(
    "|".join(
        [
            # A task on a text, with the text behind the colon.
            r"\b(?:here(?:'s| is| are)|below is|following|attached|pasted?|forward(?:ed|ing)?"
            r"|summari[sz]e|translate|proof-?read|check|analy[sz]e|explain|this|these|look at"
            r"|review"
            rf"|rewrite|improve|shorten|tidy)\b[^\n:]{{0,80}}\b{_TEXTS}\b[^\n:]{{0,60}}:",
            # A text that is told of, on lines of its own.
            r"\b(?:got|get|received|found|read|sent|from|says)\b[^\n:]{0,80}\b"
            rf"{_TEXTS}\b[^\n:]{{0,60}}:[ \t]?\n",
            r"\b(?:below|following)\b[^\n:]{0,40}[:?.!]?[ \t]?\n",
            # What somebody else wrote or said.
            r"\b(?!(?:i|we|phone|app|screen|watch|scale|computer|laptop|car)\b)\w+ (?:just |then )?"
            r"(?:says?|said|reads?|states?|wrote|writes|goes|replied|answered|claims?|claimed"
            r"|texted"
            r"|posted|tweeted|messaged|e-?mailed|sang|shouted|(?:sent|texted|told"
            r"|messaged) (?:me|us)"
            rf"(?: this)?){_GAP}:",
            rf"(?<!-)-{{2,}}{_GAP}(?:original|forwarded) message|\bbegin forwarded message\b",
            rf"(?:\A|\n){_GAP}(?:from|subject|sent|reply-to){_GAP}: "
            rf"|\n{_GAP}dear [^\n]{{1,60}},{_GAP}\n",
            rf"(?:\A|\n){_GAP}(?:assistant|ai|chatgpt|claude|gemini|copilot|customer|support"
            rf"|agent){_GAP}: ",
        ]
    ),
    re.IGNORECASE,
)
_TOOL_OUTPUT = re.compile(
    r"\b(?:tool|search|web|browser|function|query|retrieved|page|file)[ _-](?:output|results?"
    r"|response|content|contents|documents?)\b[^\n:]{0,60}:|\b(?:the )?(?:website|web ?page|page"
    r"|article|e-?mail|letter|document|pdf|file) (?:says|said|reads|states"
    r"|contains|shows|lists)\b[^\n:]{0,40}:",
    re.IGNORECASE,
)
_OWN_TEXT = re.compile(
    r"\bmy (?:own )?(?:bio|profile|cv|r[ée]sum[ée]|introduction|intro|diary|journal|routine"
    r"|schedule|list|details|background|preferences|setup|plans?|notes|situation|info)\b"
    r"|\babout (?:me|myself|us)\b|\bi (?:wrote|drafted)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]]{0,2}\s+|\n+")
_THIRD_PERSON = re.compile(
    r"\b(?:the|this) (?:user|customer|client|account holder)\b|\Auser\b", re.I
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|i'd|i'll|my|me|we|our|us)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:st|nd|rd|th)?")
_MONTHS = frozenset(
    terms_of(
        "january february march april june july august september october november december"
        " monday tuesday wednesday thursday friday saturday sunday"
    )
)
_APOSTROPHES = str.maketrans("’‘‚“”„«»", '\'\'\'"""""')


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence of a message: its content words, and why it must not be learned, if so."""

    terms: frozenset[str]
    sign: Sign | None


class Judge:
    """Judges the statements of one session; each of its messages is read once.

    messages: those that the candidates' `evidence` counts in.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self._read: dict[int, _Reading] = {}

    def sign(self, candidate: Candidate) -> Sign | None:
        """Why a statement must not become a memory, or None.

        A statement that one of its messages says in earnest is kept, whatever the others are.
        """
        sign = injection.find(candidate.content)
        if sign is not None:
            return sign
        wanted = _content_terms(candidate.content)
        first: Sign | None = None
        for position in candidate.evidence:
            if position >= len(self._messages):
                continue
            sign = self._reading(position).sign(wanted)
            if sign is None:
                return None
            first = first or sign
        return first

    def _reading(self, position: int) -> "_Reading":
        if position not in self._read:
            message = self._messages[position]
            self._read[position] = _Reading(_read(message.content, message.role))
        return self._read[position]


def judge(candidate: Candidate, messages: Sequence[Message]) -> Sign | None:
    """Why one statement must not become a memory, or None; see `Judge`."""
    return Judge(messages).sign(candidate)


def without_instructions(summary: str, otherwise: str) -> str:
    """A summary without the sentences that are instructions; `otherwise` where none is left."""
    kept = [part for part in _sentences(summary) if injection.find(part) is None]
    if len(kept) == len(_sentences(summary)) and injection.find(summary) is None:
        return summary
    return " ".join(kept) or otherwise


class _Reading:
    """The sentences of one message: those that must not be learned, and the terms of the others."""

    def __init__(self, sentences: Sequence[_Sentence]) -> None:
        self._bad = [(one.terms, one.sign) for one in sentences if one.sign is not None]
        clean = [one.terms for one in sentences if one.sign is None] if self._bad else []
        self._clean = tuple(dict.fromkeys(clean))
        self._clean_terms = frozenset[str]().union(*clean)

    def sign(self, wanted: frozenset[str]) -> Sign | None:
        """Why the sentences that say this must not be learned, or None."""
        if not self._bad or not wanted:
            return None
        terms, sign = max(self._bad, key=lambda one: len(wanted & one[0]))
        shared = len(wanted & terms)
        if shared <= max((len(wanted & clean) for clean in self._clean), default=0):
            return None
        if shared < SUPPORT * len(wanted):
            return None
        if sign.kind is QuarantineKind.THIRD_PARTY and (wanted - terms) & self._clean_terms:
            # "My sister wrote: ..." makes "User's sister wrote ..." the user's own report.
            return None
        return sign


def _content_terms(text: str) -> frozenset[str]:
    return frozenset(
        term
        for term in terms_of(text)
        if term not in _MONTHS and term != "assist" and not _NUMBER.fullmatch(term)
    )


def _read(content: str, role: MessageRole) -> tuple[_Sentence, ...]:
    to_assistant = role is MessageRole.USER
    text = injection.collapsed(content[: injection.MAX_CHARS].translate(_APOSTROPHES))
    outside_code = content if has_tag(content) else _CODE.sub("\n", content)
    whole = injection.find(outside_code, to_assistant=to_assistant)
    taint = whole if whole is not None and whole.kind in TAINTING else None
    own, foreign = _parted(text, role)
    said = [_Sentence(_content_terms(part), taint or _sign(part, role)) for part in _sentences(own)]
    for piece in foreign:
        sign = taint or Sign(QuarantineKind.THIRD_PARTY, injection.quoted(piece))
        said += [_Sentence(_content_terms(part), sign) for part in _sentences(piece)]
    return tuple(said)


def _sign(sentence: str, role: MessageRole) -> Sign | None:
    found = injection.find(sentence, to_assistant=role is MessageRole.USER)
    if found is not None or role is not MessageRole.USER:
        return found
    if _THIRD_PERSON.search(sentence) and not _FIRST_PERSON.search(sentence):
        # Nobody speaks of themselves as "the user".
        return Sign(QuarantineKind.THIRD_PARTY, injection.quoted(sentence))
    return None


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def _parted(text: str, role: MessageRole) -> tuple[str, list[str]]:
    """What the speaker says, and the pieces that are quoted or pasted."""
    foreign: list[str] = []

    def take(match: re.Match[str]) -> str:
        foreign.append(match[0])
        return "\n"

    rest = _HTML.sub(take, _CODE.sub(take, text))
    rest = _without_paste(rest, foreign, _PASTED if role is MessageRole.USER else _TOOL_OUTPUT)

    def take_quote(match: re.Match[str]) -> str:
        inner = match[1] or match[2]
        if len(inner.split()) < 4 or not _CLAUSE.search(inner):
            return match[0]
        foreign.append(inner)
        return " "

    rest = _QUOTE.sub(take_quote, rest)
    return "\n".join(_unquoted_lines(rest, foreign)), foreign


def _without_paste(text: str, foreign: list[str], opening: re.Pattern[str]) -> str:
    """Cuts off what is pasted behind words that announce it; nothing tells where a paste ends."""
    own = [found.end() for found in _OWN_TEXT.finditer(text)]
    line = seen = 0
    for match in opening.finditer(text):
        line = max(line, text.rfind("\n", seen, match.start() + 1) + 1)
        seen = match.start() + 1
        before = bisect_right(own, match.end())
        if before and own[before - 1] > line:
            continue
        if not text[match.end() :].strip():
            return text
        foreign.append(text[match.end() :])
        return text[: match.end()]
    return text


def _unquoted_lines(text: str, foreign: list[str]) -> Iterator[str]:
    for line in text.split("\n"):
        if line.lstrip().startswith((">", "|")):
            foreign.append(line.lstrip("> |"))
        else:
            yield line
