"""Memories from a conversation without a model: what the user said about themselves.

Rules over closed word classes turn the user's own sentences into third-person statements with
absolute dates. What is not understood is left out: a wrong memory costs more than a missing one.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from hitherto.core.dates.calendar import EARLIEST
from hitherto.core.dates.mentions import DateMention, find_dates
from hitherto.core.extraction import clauses, grammar, message_filter
from hitherto.core.extraction.coreference import (
    DiscourseState,
    normalise_names,
    note_object,
    note_own,
)
from hitherto.core.extraction.date_direction import direction_of
from hitherto.core.extraction.subjects import USER, Predication, interpret
from hitherto.core.extraction.third_person import (
    is_worth_keeping,
    render,
    resolve_references,
    split_company,
)
from hitherto.core.text.english_words import PARTNERS, SHORT_MONTHS
from hitherto.core.text.sentences import spoken_sentences
from hitherto.models import Candidate, Clause, Message, MessageRole

_PLACEHOLDERS = 0xE000
_MAX_DATES = 200
MAX_TOKENS = 150
"""Sentences of more words and marks are lists, tables or noise."""
_PREFIX = re.compile(r"\A[ \t]*([^\W\d_][\w.'-]{0,30}(?: [^\W\d_][\w.'-]{0,30})?):[ \t]+")
_NOUN_CONTEXT = re.compile(r"\b(?:for|of|from|to|about|than|until|during|by|through|as of)\Z", re.I)


def extract(messages: Sequence[Message], session_date: datetime) -> list[Candidate]:
    """Extract the statements that the user makes about themselves and their own.

    messages: the whole session in order; only `USER` messages are sources.
    session_date: the day from which "yesterday" is seen, and the event date of statements that
        name none.

    The same statement said twice is one candidate with both messages as evidence. The result is in
    the order in which things were said.
    """
    today = session_date.astimezone(UTC).date() if session_date.tzinfo else session_date.date()
    state = DiscourseState()
    prefix = speaker_prefix(messages)
    merged: dict[str, _Stated] = {}
    partners: dict[str, int] = {}
    for position, message in enumerate(messages):
        if message.role is not MessageRole.USER:
            continue
        text = message.content
        if prefix and text.lstrip().startswith(prefix):
            text = text.lstrip()[len(prefix) :]
        for clause, first, last in _message_statements(text, today, state):
            _merge(merged, clause, first, last, position)
        state.end_message()
        partners |= dict.fromkeys(PARTNERS & state.nouns.keys() - partners.keys(), position)
    contents = " ".join(merged)
    for noun, position in partners.items():
        if noun not in contents:
            _merge(merged, Clause(USER, f"has a {noun}"), today, today, position)
    return [
        Candidate(
            stated.clause.text,
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

    clause: Clause
    first: date
    last: date
    positions: dict[int, None]


def _merge(
    merged: dict[str, _Stated], clause: Clause, first: date, last: date, position: int
) -> None:
    stated = merged.setdefault(clause.text.lower(), _Stated(clause, first, last, {}))
    stated.positions[position] = None


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(0, 0, 0), UTC)


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), UTC)


def _message_statements(
    text: str, today: date, state: DiscourseState
) -> Iterator[tuple[Clause, date, date]]:
    """Return the statements of one message, each with its first and last day."""
    spoken = message_filter.spoken_text(text)
    if not message_filter.is_english(spoken):
        return
    for sentence in spoken_sentences(spoken):
        stated = message_filter.statement_part(sentence)
        if stated and message_filter.is_english(stated):
            yield from _sentence_statements(stated, today, state)
        if len(stated) * 2 < len(sentence) <= message_filter.MAX_SENTENCE_CHARS:
            note_own(grammar.tokenise(sentence), state)
            yield from ((clause, today, today) for clause in state.introduced)
            state.introduced.clear()


def _sentence_statements(
    stated: str, today: date, state: DiscourseState
) -> Iterator[tuple[Clause, date, date]]:
    marked, spans = _mark_dates(stated, today)
    previous: Predication | None = None
    tokens = grammar.tokenise(marked)
    if len(tokens) > MAX_TOKENS:
        return
    whole, relatives = clauses.without_relatives(normalise_names(tokens))
    for index, clause in enumerate([*clauses.split_clauses(whole), *relatives]):
        predication = interpret(clause, state, previous, opening=index == 0)
        yield from ((content, today, today) for content in state.introduced)
        state.introduced.clear()
        previous = predication
        if predication is None:
            continue
        predication = resolve_references(predication, state)
        kept = split_company(predication) if is_worth_keeping(predication) else []
        note_object(predication.predicate, state, of_user=predication.about_user)
        past = grammar.tense_is_past(predication.predicate)
        for written in [render(part, state) for part in kept]:
            if len(written) > 1:
                yield _write_dates(written, spans, today, state, past=past)


def _mark_dates(text: str, today: date) -> tuple[str, list[str]]:
    """Return the text with a private-use character for each date, and the dates."""
    spans: list[str] = []
    out: list[str] = []
    end = 0
    ahead = find_dates(text, today, prefers="future")
    behind = find_dates(text, today, prefers="past")
    for mention in _merge_mentions(behind, ahead)[:_MAX_DATES]:
        out += [text[end : mention.start], f" {chr(_PLACEHOLDERS + len(spans))} "]
        spans.append(text[mention.start : mention.end])
        end = mention.end
    out.append(text[end:])
    return "".join(out), spans


def _merge_mentions(behind: list[DateMention], ahead: list[DateMention]) -> list[DateMention]:
    """Return the dates of both readings in order, those of the past first."""
    taken = {position for mention in behind for position in range(mention.start, mention.end)}
    further = [mention for mention in ahead if not taken & {mention.start, mention.end - 1}]
    return sorted([*behind, *further], key=lambda mention: mention.start)


_SAME_TIME = [["that", unit] for unit in ("day", "week", "weekend", "month", "year")]


def _repeated_date(last: DateMention, unit: str) -> DateMention | None:
    """Return the date that "that week" repeats; None where the last date is wider."""
    day = last.last + timedelta(days=1) if last.kind == "before" else last.first
    if unit.lower() == "week" and last.kind in ("day", "week", "before"):
        return find_dates("this week", day, prefers="past")[0]
    return last if unit.lower() == last.kind else None


_YEARLY = re.compile(
    r"\b(?:birthday|anniversary|name[- ]day) (?:is|falls|was)(?: always)?\Z|\bborn\Z", re.IGNORECASE
)
_BARE_DAY = re.compile(
    r"\A(?!.*\b(?:\d{4}|last|next|this)\b)"
    rf".*(?:\b(?:{'|'.join(SHORT_MONTHS)})|/\d)",
    re.IGNORECASE | re.DOTALL,
)
"""A day of every year, as in a birthday."""
_DAY_OF_YEAR = re.compile(r" \d{4}\Z")


def _yearly_day(words: Sequence[str], span: str, mention: DateMention) -> str:
    """Return the day without a year if it is a birthday or the like, else ""."""
    if mention.kind != "day" or not _BARE_DAY.search(span):
        return ""
    return _DAY_OF_YEAR.sub("", mention.phrase) if _YEARLY.search(grammar.join(words)) else ""


def _write_dates(
    tokens: list[str], spans: Sequence[str], today: date, state: DiscourseState, *, past: bool
) -> tuple[Clause, date, date]:
    """Write the dates out, and return the statement's clause and days.

    past: whether the predicate is past.
    """
    mentioned: list[DateMention] = []
    words: list[str] = []
    for token in tokens:
        if not grammar.is_date(token):
            words.append(token)
            if state.last_date and [word.lower() for word in words[-2:]] in _SAME_TIME:
                same = _repeated_date(state.last_date, words[-1])
                if same is not None:
                    mentioned.append(same)
                    words[-2:] = [same.phrase]
            continue
        span = spans[ord(token) - _PLACEHOLDERS]
        mentions = find_dates(span, today, prefers=direction_of(words, span, past=past))
        if not mentions:
            words.append(span)
            continue
        yearly = _yearly_day(words, span, mentions[0])
        if yearly:
            words.append(yearly)
            continue
        if mentioned and mentions[0].kind == "vague":
            continue
        if not span.lower().startswith("from the 1"):
            mentioned.append(mentions[0])
        words = words[:-2] if words[-2:] == ["on", "a"] else words
        bare = bool(words) and _NOUN_CONTEXT.search(words[-1]) is not None
        words.append(mentions[0].noun if bare else mentions[0].phrase)
    subject = tokens[0][0].upper() + tokens[0][1:]
    mark, _, predicate = grammar.join(words)[len(subject) :].partition(" ")
    clause = Clause(subject + mark, predicate)
    if not mentioned:
        return clause, today, today
    mention = state.last_date = mentioned[0]
    first = mention.first
    if mention.kind in ("before",) and first == EARLIEST:
        first = mention.last
    return clause, first, mention.last
