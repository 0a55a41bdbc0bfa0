"""Memories from a conversation without a language model: what the user said about themselves.

A learned model chooses the pieces of the user's messages, in any of its languages. They are kept in
the user's own words, with the days that they name; only English pieces of certain shapes are
rewritten in the third person.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from hitherto.core.dates.certain import SIDES, certain_dates, reader_of
from hitherto.core.dates.mentions import DateMention
from hitherto.core.extraction.own_words import Kept, is_sure, kept_words
from hitherto.core.extraction.rewriting import rewrite
from hitherto.core.extraction.tenses import past_dates
from hitherto.core.statements.learned import StatementModel
from hitherto.core.text.languages import ENGLISH, languages_of
from hitherto.core.text.quotation import Quotation
from hitherto.models import Candidate, Clause, Message, MessageRole

_PREFIX = re.compile(r"\A[ \t]*([^\W\d_][\w.'-]{0,30}(?: [^\W\d_][\w.'-]{0,30})?):[ \t]+")
_YEAR = re.compile(r"\d{4}")
_FIGURES = re.compile(r"(\d{1,2})/\d{1,2}/\d{4}\Z")
_AND = re.compile(r",? and (?=(?:I|I'm|I've|i|im|i'm|ive|my) )")
"""Between clauses that each have "I" or "my" as the subject."""


def extract(
    messages: Sequence[Message], session_date: datetime, model: StatementModel
) -> list[Candidate]:
    """Extract the statements that the user makes about themselves and their own.

    messages: the whole session in order; only `USER` messages are sources.
    session_date: in the zone of the user. Its day is the one from which "yesterday" is seen, and
        the event date of statements that name none.

    The same statement said twice is one candidate with both messages as evidence. The result is in
    the order in which things were said.
    """
    today = session_date.date()
    prefix = speaker_prefix(messages)
    merged: dict[str, _Stated] = {}
    topic = ""
    for position, message in enumerate(messages):
        if message.role is MessageRole.USER:
            for piece in kept_words(messages, position, model, prefix, topic):
                topic = piece.words if piece.is_alone else topic
                for stated in _statements(piece, message.content, today):
                    statement = merged.setdefault(stated.content.lower(), stated)
                    statement.positions[position] = None
    return [
        Candidate(
            stated.content,
            _start_of(stated.first),
            _end_of(stated.last),
            tuple(stated.positions),
            clause=stated.clause,
        )
        for stated in merged.values()
    ]


def speaker_prefix(messages: Sequence[Message]) -> str:
    """Return the "Name: " that chat exports put before the user's messages, or ""."""
    texts = [message.content for message in messages if message.role is MessageRole.USER]
    prefixes = Counter(match[0].strip() for text in texts if (match := _PREFIX.match(text)))
    if not prefixes:
        return ""
    prefix, count = prefixes.most_common(1)[0]
    return prefix if count >= 2 and count * 2 > len(texts) else ""


@dataclass(slots=True)
class _Stated:
    """Statement with its first and last day, and the positions of its messages."""

    content: str
    first: date
    last: date
    positions: dict[int, None]
    clause: Clause | None = None


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(0, 0, 0), UTC)


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), UTC)


def _statements(piece: Kept, message: str, today: date) -> Iterator[_Stated]:
    """Yield a piece in the third person, or in its own words if it is sure."""
    is_english = languages_of(piece.words, message)[:1] == (ENGLISH,)
    clauses = _AND.split(piece.words) if is_english and piece.is_alone else []
    rewritten = [rewrite(clause, today, piece.time) for clause in clauses]
    plain = [item for item in rewritten if item is not None]
    if plain and len(plain) == len(clauses):
        for item in plain:
            yield _Stated(item.clause.text, item.first, item.last, {}, item.clause)
    elif is_sure(piece):
        dates = _dates_of(piece, message, today)
        words, first, last = _with_days(piece, dates, today)
        yield _Stated(Quotation(words, piece.question, piece.after).content, first, last, {})


def _dates_of(piece: Kept, message: str, today: date) -> list[DateMention]:
    """Return the certain dates of a piece, in the language that it is most likely in.

    Of several languages, that which reads most of its characters as dates counts.
    """
    dates: list[DateMention] = []
    most = 0
    for language in languages_of(piece.words, message):
        clauses = past_dates(piece.words, today) if language == ENGLISH else None
        read = certain_dates(piece.words, today, piece.time, reader_of(language), clauses)
        chars = sum(mention.end - mention.start for mention in read)
        if chars > most:
            dates, most = read, chars
    return dates


def _with_days(piece: Kept, dates: Sequence[DateMention], today: date) -> tuple[str, date, date]:
    """Return the words with open days in brackets, and the first and last day."""
    out: list[str] = []
    named: list[DateMention] = []
    end = 0
    for mention in dates:
        if mention.kind == "vague":
            continue
        named.append(mention)
        if _leaves_open(piece.words[mention.start : mention.end], mention):
            out += [piece.words[end : mention.end], f" [{mention.noun}]"]
            end = mention.end
    words = "".join([*out, piece.words[end:]])
    if not named:
        return words, today, today
    about = _on_its_side(named, piece.time, today)
    return words, about.first, about.last


def _leaves_open(written: str, mention: DateMention) -> bool:
    """Return whether a date lacks its year, or has its day in front of its month."""
    figures = _FIGURES.match(written)
    if figures is not None:
        return int(figures[1]) != mention.first.month
    return _YEAR.search(written) is None


def _on_its_side(named: Sequence[DateMention], time: str, today: date) -> DateMention:
    """Return the first date that lies where a piece says, or else the first."""
    side = SIDES.get(time)
    for mention in named:
        if (side == "past" and mention.first <= today) or (
            side == "future" and mention.last >= today
        ):
            return mention
    return named[0]
