"""Read a question by rules: subjects, people, speaker, dates."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from hitherto.core.dates.mentions import find_dates
from hitherto.core.recall.asking import without_asking
from hitherto.core.recall.listing_questions import is_listing
from hitherto.core.text.english_words import DAY_NAMES, MONTH_NAMES
from hitherto.core.text.tokens import content_tokens, distinct, stems
from hitherto.models import Message, MessageRole, UnderstoodBy

MAX_DENSE_QUERIES: Final = 5
"""Maximum texts that a wide plan embeds; each takes about 1.5 ms."""

MAX_SUMMARY_QUERIES: Final = 3
MAX_ADDED_KEYWORDS: Final = 12
MAX_RANGES: Final = 4
LONGEST_QUESTION_CHARS: Final = 4_000
"""Characters of a question that are read. Of a longer one, half from each end."""

LONGEST_QUERY_CHARS: Final = 300
"""Limits on a model's additions to a plan, and on the length of each text."""

LONGEST_RANGE_DAYS: Final = 400
"""Longer ranges are ignored, because they cover nearly everything."""

_ASSISTANT: Final = re.compile(
    r"\byou(?:'ve| have| had)?(?: (?:also|just|once|previously|earlier|originally))*"
    r" (?:said|told|gave|given|suggest\w*d|recommend\w*d|mention\w*d|provid\w*d|list(?:ed)?|advised"
    r"|explained|described|shared|wrote|written|came up|made|created|named|offered|proposed"
    r"|pointed|showed|shown|helped|answered|called|referred|talked|discussed)\b"
    r"|\bdid you (?:\w+ )?(?:say|tell|give|suggest|recommend|mention|provide|list|advise|explain"
    r"|describe|share|write|name|propose|show|call|answer)\b"
    r"|\byour (?:last |previous |earlier )?(?:suggestion|recommendation|advice|answer|reply"
    r"|response|list|explanation)s?\b",
    re.IGNORECASE,
)
_CONVERSATION: Final = re.compile(
    r"\b(?:our|the|that) (?:last|previous|earlier|prior) (?:chat|conversation|discussion)s?\b"
    r"|\bour (?:recent |past )?(?:chat|conversation|discussion|session|talk)s?\b",
    re.IGNORECASE,
)
_SAID_BY_USER: Final = re.compile(
    r"\bI(?:'ve| have| had)?(?: (?:also|just|once|previously|earlier))?"
    r" (?:brought up|mentioned|said|told|asked|talked|discussed|shared|described|raised|expressed"
    r"|noted|preferred|requested)\b"
    r"|\b(?:did|have) I (?:\w+ )?(?:bring|mention(?:ed)?|say|said|tell|told|ask(?:ed)?"
    r"|talk(?:ed)?|discuss(?:ed)?|shared?|described?|raised?|express(?:ed)?|noted?|prefer(?:red)?"
    r"|request(?:ed)?|brought)\b",
    re.IGNORECASE,
)
_REMIND: Final = re.compile(r"\bremind me\b", re.IGNORECASE)
_USER: Final = re.compile(r"\b(?:I|[Mm]y|me|mine|myself)\b")
_PAST: Final = re.compile(
    r"\b(?:used to|previous(?:ly)?|former(?:ly)?|originally|initially|at first|earlier|before"
    r"|back then|in the past|no longer|any ?more|chang(?:e|es|ed|ing)|switch(?:ed)?|evolv\w+"
    r"|differ\w*|compared|history)\b",
    re.IGNORECASE,
)
_COUNTING: Final = re.compile(
    r"\b(?:how (?:many|much|often|long|far|old)|number of|in total|altogether|total|count|list|all"
    r"|every|each|order of|first to last|earliest to latest|between|since|combined"
    r"|average|sum|percentage|times)\b"
    # The first "which" alone: an "and" behind a later one stands behind it too.
    r"|\A(?>.*?\bwhich ).*\band\b",
    re.IGNORECASE,
)
_BROAD: Final = re.compile(
    r"\b(?:everything|overview|summar\w+|recap|in general|overall|(?:what|all) (?:do )?you know"
    r"|tell me about (?:me|myself)|who am I|what have we|catch me up)\b",
    re.IGNORECASE,
)
_LEAN: Final = re.compile(
    r"^(?:and|or|but|what about|how about|why|also|then|so|same)\b"
    r"|\b(?:it|that|those|these|they|them|he|him|his|she|her|hers|there|one|ones)\b",
    re.IGNORECASE,
)
_PREAMBLE: Final = re.compile(
    r"\b(?:I(?:'m| am| was|'ve been| have been)? (?:just )?"
    r"(?:wonder|curious|think|thought|look|go|try)(?:ing|ed)?"
    r"(?: (?:back|through|over|at|about|if|to remember|to recall|of|whether)){0,3}"
    r"(?: (?:you could|you can|you))?"
    r"|(?:can|could|would|will|do) you (?:please )?(?:remind me|tell me|remember|recall|help me"
    r"(?: remember| recall)?|let me know)(?: (?:of|about|what|again|if|that|which))*"
    r"|(?:please )?remind me(?: (?:of|about|again))*|I remember(?: that)?|if I remember correctly"
    r"|(?:in |from |at |about |during )?(?:our|the|that)"
    r" (?:last|previous|earlier|prior|past|recent) (?:chat|conversation|discussion|session|talk)s?"
    r"(?: (?:about|on|regarding))?"
    r"|(?:you|we) (?:also )?(?:mentioned|said|told me|talked about|discussed|suggested|recommended)"
    r"(?: (?:about|that))?)\b",
    re.IGNORECASE,
)
_ASKING: Final = """
    remind remember recall wonder wondering mention mentioned suggest suggested recommend
    recommended recommendation recommendations conversation chat discussion discussed previous
    previously last earlier talked looking thinking curious specific provided"""
_QUESTION_WORDS: Final = frozenset(_ASKING.split())
"""Words about asking and talking, which answers do not have."""

_CALENDAR: Final = frozenset((*MONTH_NAMES, *DAY_NAMES))
_STARTS_QUESTION: Final = re.compile(
    r"^(?:(?:in|on|at|for|from|to|with|by|of) )?(?:what|which|who|whom|whose|when|where|why|how)"
    r"(?: (?:many|much|often|long|old|far|kind|type|sort|of|else|time|day|date|year|month)){0,3}\b",
    re.IGNORECASE,
)
_AUXILIARY: Final = re.compile(
    r"\b(?:do|does|did|is|are|was|were|has|have|had|can|could|will|would|should|might)\b ?",
    re.IGNORECASE,
)
_CONJUNCTION: Final = re.compile(r"(?:[,;] (?:and|or|then|but) |[;?] | and | or |, )")
_CAPITALISED: Final = re.compile(r"(?<![\w'’])[^\W\d_a-z][\w-]*[^\W_](?:['’]s)?(?!\w)")
_POSSESSIVE: Final = re.compile(r"['’]s$")
_WORD: Final = re.compile(r"\w+(?:['’]\w+)?")


@dataclass(frozen=True, slots=True)
class DateRange:
    """Days that a question asks about, inclusive. They move ranks and exclude nothing."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """Search that a question asks for.

    question: as asked, on one line, and shortened to `LONGEST_QUESTION_CHARS`.
    dense_queries: the texts to embed as queries, the most faithful first; never empty.
    terms: stems for the lexical search, distinct, in order.
    keywords: the words of the terms, for people to read.
    names: capitalised names in the question, lower case, in order.
    role: whose words are asked for: ASSISTANT for "you suggested ...", USER for "my ...", None if
        it is about anyone or anything.
    dates: the days asked about, if any.
    about_past: asks for the past or for a change: superseded memories may be worth a line.
    counting: asks for all instances ("how many", "how long between"): breadth before depth.
    broad: asks for everything or an overview: summaries are worth more.
    listing: asks for all instances, their number or their order: a dated list of them is shown.
    object_query: text to embed for that list, the words asked about without names of people.
    added_terms: terms that a model adds. They lift messages that have them and lower no message
        that has the question's own: messages are ranked without them first.
    summary_queries: texts to search summaries for, in addition to the question; if there are none,
        the dense queries are used.
    planned_by: who read the question. fallback: why the rules did, though a model was asked to.
    """

    question: str
    dense_queries: tuple[str, ...]
    terms: tuple[str, ...]
    keywords: tuple[str, ...]
    names: tuple[str, ...]
    role: MessageRole | None
    dates: tuple[DateRange, ...]
    about_past: bool
    counting: bool
    broad: bool
    listing: bool = False
    object_query: str = ""
    added_terms: tuple[str, ...] = ()
    summary_queries: tuple[str, ...] = ()
    planned_by: UnderstoodBy = UnderstoodBy.RULES
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Result of a model's reading of a question; unchecked, and of any length.

    said_by: whose words are asked for, None for anyone's. The rest as in `QueryPlan`.
    """

    queries: Sequence[str] = ()
    keywords: Sequence[str] = ()
    summary_queries: Sequence[str] = ()
    dates: Sequence[DateRange] = ()
    said_by: MessageRole | None = None
    about_past: bool = False
    counting: bool = False
    broad: bool = False


def combine(ruled: QueryPlan, reading: Reading) -> QueryPlan:
    """Add a model's reading of a question to the rules' plan, within bounds.

    Nothing of the rules' plan is removed: the question itself stays the first query, and only its
    variants are replaced by the model's queries.
    """
    main, *variants = ruled.dense_queries
    keywords = _keywords(reading.keywords, ruled.keywords)
    terms = distinct(stems([word for text in keywords for word in content_tokens(text)]))
    added = tuple(term for term in terms if term not in ruled.terms)[:MAX_ADDED_KEYWORDS]
    is_about_assistant = MessageRole.ASSISTANT in (ruled.role, reading.said_by)
    return replace(
        ruled,
        dense_queries=distinct((main, *_texts(reading.queries), *variants))[:MAX_DENSE_QUERIES],
        keywords=(*ruled.keywords, *keywords),
        role=MessageRole.ASSISTANT if is_about_assistant else reading.said_by or ruled.role,
        dates=tuple(dict.fromkeys((*ruled.dates, *_ranges(reading.dates)))),
        about_past=ruled.about_past or reading.about_past,
        counting=ruled.counting or reading.counting,
        broad=ruled.broad or reading.broad,
        added_terms=added,
        summary_queries=distinct((main, *_texts(reading.summary_queries)))[:MAX_SUMMARY_QUERIES]
        if reading.summary_queries
        else (),
        planned_by=UnderstoodBy.MODEL,
    )


def _texts(texts: Sequence[str]) -> Iterator[str]:
    """Yield texts to search for: on one line, bounded, not empty."""
    for text in texts[: 2 * MAX_DENSE_QUERIES]:
        line = " ".join(text[: 2 * LONGEST_QUERY_CHARS].split())[:LONGEST_QUERY_CHARS]
        if line:
            yield line


def _keywords(keywords: Sequence[str], present: Sequence[str]) -> tuple[str, ...]:
    lowered = (text.lower() for text in _texts(keywords[:MAX_ADDED_KEYWORDS]))
    return distinct(word for word in lowered if word not in present)[:MAX_ADDED_KEYWORDS]


def _ranges(ranges: Sequence[DateRange]) -> Iterator[DateRange]:
    for days in ranges[:MAX_RANGES]:
        if 0 <= (days.last - days.first).days <= LONGEST_RANGE_DAYS:
            yield days


def plan(
    question: str,
    *,
    today: date,
    previous: Sequence[Message] = (),
    people: Collection[str] = (),
    wide: bool = False,
) -> QueryPlan:
    """Return the plan of a question by rules.

    previous: the messages of the session before the question, oldest first; they complete a
        question that cannot stand alone ("And her sister?").
    people: lower-case names of those who speak in the user's sessions (`MessageIndex.speakers`).
        In the dense queries "I" and "my" take their place, where a name would draw in all that its
        owner said and heard; and they are names even at the start of a sentence.
    wide: False gives one dense query (LOW_LATENCY); True adds variants (BALANCED, AGENTIC): the
        parts of a compound question, its keywords, and the statement that would answer it.
    """
    question = _shorten(" ".join(question.split()))
    people = {*people, *(word for name in people for word in name.split()[:1])}
    completed = without_asking(_complete(question, previous))
    tokens = content_tokens(completed)
    content_words = [token for token in tokens if token not in _QUESTION_WORDS] or tokens
    keywords = distinct(content_words)
    names = _names(question, people)
    main = _in_first_person(completed, people)
    listing = is_listing(question)
    return QueryPlan(
        question=question,
        dense_queries=_variants(main, keywords, people) if wide else (main,),
        terms=distinct(stems(keywords)),
        keywords=keywords,
        names=names,
        role=_role(question),
        dates=_dates(question, today),
        about_past=_PAST.search(question) is not None,
        counting=_COUNTING.search(question) is not None,
        broad=_BROAD.search(question) is not None or not keywords,
        listing=listing,
        object_query=_object(keywords, people) or main if listing else "",
    )


def _shorten(question: str) -> str:
    """Return a question within the bound: the beginning and the end of a long one."""
    if len(question) <= LONGEST_QUESTION_CHARS:
        return question
    half = LONGEST_QUESTION_CHARS // 2
    return f"{question[:half].rsplit(' ', 1)[0]} {question[-half:].split(' ', 1)[-1]}"


def _complete(question: str, previous: Sequence[Message]) -> str:
    """Put the user's last message in front of a question that refers to it."""
    if len(content_tokens(question)) > 4 or not _LEAN.search(question):
        return question
    user_messages = [message.content for message in previous if message.role is MessageRole.USER]
    if not user_messages:
        return question
    return f"{' '.join(user_messages[-1][:LONGEST_QUESTION_CHARS].split()[:60])} {question}"


def _names(question: str, people: Collection[str]) -> tuple[str, ...]:
    names = []
    for match in _CAPITALISED.finditer(question):
        name = _POSSESSIVE.sub("", match[0]).lower()
        before = _last_visible(question, match.start())
        starts = not before or before in ".!?"
        if name in people or (not starts and name not in _CALENDAR):
            names.append(name)
    return distinct(names)


def _last_visible(text: str, end: int) -> str:
    """Return the last character before `end` that is not white space, or ""."""
    while end and text[end - 1].isspace():
        end -= 1
    return text[end - 1 : end]


def _in_first_person(text: str, people: Collection[str]) -> str:
    """Replace names of people by "I" and "my", as those people would say it themselves."""
    if not people:
        return text

    def person(match: re.Match[str]) -> str:
        name = _POSSESSIVE.sub("", match[0])
        if name.lower() not in people:
            return match[0]
        return "I" if name == match[0] else "my"

    return _WORD.sub(person, text)


def _role(question: str) -> MessageRole | None:
    if _ASSISTANT.search(question):
        return MessageRole.ASSISTANT
    if _CONVERSATION.search(question):
        return MessageRole.USER if _SAID_BY_USER.search(question) else MessageRole.ASSISTANT
    if _REMIND.search(question) and not _USER.search(_PREAMBLE.sub(" ", question)):
        return MessageRole.ASSISTANT
    return MessageRole.USER if _USER.search(question) else None


def _dates(question: str, today: date) -> tuple[DateRange, ...]:
    return tuple(
        DateRange(mention.first, mention.last)
        for mention in find_dates(question, today, prefers="past")
        if (mention.last - mention.first).days <= LONGEST_RANGE_DAYS
    )


def _object(keywords: Sequence[str], people: Collection[str]) -> str:
    return " ".join(word for word in keywords if word not in people)


def _variants(main: str, keywords: Sequence[str], people: Collection[str]) -> tuple[str, ...]:
    words = _object(keywords, people)
    stripped = [words] if " " in words else []
    return distinct((main, *_statements(main), *stripped, *_parts(main)))[:MAX_DENSE_QUERIES]


def _statements(question: str) -> Iterator[str]:
    """Yield the statement that would answer the question, as far as word order gives it."""
    bare = " ".join(_PREAMBLE.sub(" ", question).split()).strip(" ,.?!")
    rest = _STARTS_QUESTION.sub("", bare).strip()
    statement = _AUXILIARY.sub("", rest, count=1).strip()
    if statement and len(statement.split()) > 1:
        yield statement


def _parts(question: str) -> Iterator[str]:
    """Yield the parts of a compound question with at least two content words each."""
    parts = [part.strip(" ,.?!") for part in _CONJUNCTION.split(question)]
    if len(parts) > 1:
        yield from (part for part in parts if len(content_tokens(part)) > 1)
