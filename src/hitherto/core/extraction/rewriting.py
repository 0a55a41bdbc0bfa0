"""Third-person rewriting of English sentences, for shapes that are read with certainty.

A piece of a message is rewritten only if all of it is: every clause says something that a rule of
`statements` reads exactly, and no word that carries content is left out. Everything else stays in
the user's own words.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from hitherto.core.dates.calendar import EARLIEST
from hitherto.core.dates.mentions import DateMention, find_dates
from hitherto.core.extraction import clauses, grammar, message_filter
from hitherto.core.extraction.coreference import (
    DiscourseState,
    normalise_names,
    note_object,
)
from hitherto.core.extraction.date_direction import direction_of
from hitherto.core.extraction.subjects import USER, Predication, interpret
from hitherto.core.extraction.third_person import (
    is_worth_keeping,
    render,
    resolve_references,
    split_company,
)
from hitherto.core.statements.reader import is_exact
from hitherto.core.text import english_words as english
from hitherto.core.text.english_words import SHORT_MONTHS
from hitherto.core.text.sentences import sentences
from hitherto.core.text.terms import stem, terms_of
from hitherto.models import Clause

_PLACEHOLDERS = 0xE000
_MAX_DATES = 200
MAX_TOKENS = 150
"""Sentences of more words and marks are lists, tables or noise."""
_NOUN_CONTEXT = re.compile(r"\b(?:for|of|from|to|about|than|until|during|by|through|as of)\Z", re.I)


_POINTING = english.word_set("it they them he him she her this that these those there one ones")
_JOINING = english.word_set("""
    unless if whenever before after until because so though although while than when as that which
    who where whether
""")
"""Words of a sentence that is more than one plain clause."""
_MARKS = frozenset(",()")
_SAYS_WHO = re.compile(r"\b(?:i|im|ive|my|mine|we|our)\b", re.IGNORECASE)
"""Words that say whose clause it is; "booked for the 27th" leaves that open."""
_UNSAID = frozenset(map(stem, ("i", "im", "ive", "my", "me", "mine", "we", "our", "us", "just")))


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Words as they were understood.

    clauses: third-person clauses that say all of the words, each with its first and last day; none
        if that is uncertain. days: what date expressions mean in their clauses, by their words in
        lower case; None for a day of every year. Expressions outside of clauses are left out.
    """

    clauses: list[tuple[Clause, date, date]]
    days: dict[str, DateMention | None]


def rewrite(words: str, today: date) -> Rewritten:
    """Rewrite the words that a user said on a day, as far as they are English."""
    clauses_found: list[tuple[Clause, date, date]] = []
    days: dict[str, DateMention | None] = {}
    spoken = message_filter.spoken_text(words)
    if not message_filter.is_english(spoken):
        return Rewritten([], {})
    spoken_parts = sentences(spoken)
    for sentence in spoken_parts:
        stated = message_filter.statement_part(sentence)
        if stated:
            clauses_found += _sentence_statements(stated, today, DiscourseState(), days)
    if len(spoken_parts) != 1 or _SAYS_WHO.search(spoken) is None:
        return Rewritten([], days)
    if not all(_is_certain(clause) for clause, _, _ in clauses_found):
        return Rewritten([], days)
    undated = _without_dates(spoken, today)
    if not _MARKS.isdisjoint(undated.strip(" ,")):
        return Rewritten([], days)
    terms = {*terms_of(undated)} - _UNSAID
    written = {term for clause, _, _ in clauses_found for term in terms_of(clause.text)}
    bases = (
        grammar.base_of_third(word)
        for clause, _, _ in clauses_found
        for word in clause.predicate.split()
    )
    written |= {stem(base) for base in bases if base is not None}
    return Rewritten(clauses_found if terms <= written else [], days)


def _is_certain(clause: Clause) -> bool:
    """Return whether a rule reads a clause, or it has a known verb and no pronoun."""
    words = clause.predicate.lower().split()
    exact = is_exact(clause)
    if USER in clause.predicate.split() or clause.subject.startswith("User and") > exact:
        return False
    if not _JOINING.isdisjoint([word for word in words if not (exact and word == "as")]):
        return False
    if exact:
        return True
    first = grammar.skip_adverbs(words, 0)
    verb = grammar.base_of_third(words[first]) or words[first] if first < len(words) else ""
    is_known = verb in english.VERBS or grammar.is_past(verb)
    owned = clause.subject.startswith(f"{USER}'s ")
    return (clause.subject == USER or owned) and is_known and _POINTING.isdisjoint(words)


def _without_dates(words: str, today: date) -> str:
    marked, _ = _mark_dates(words, today)
    return "".join(" " if grammar.is_date(mark) else mark for mark in marked)


def _sentence_statements(
    stated: str, today: date, state: DiscourseState, days: dict[str, DateMention | None]
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
                yield _write_dates(written, spans, today, state, days, past=past)


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
    tokens: list[str],
    spans: Sequence[str],
    today: date,
    state: DiscourseState,
    days: dict[str, DateMention | None],
    *,
    past: bool,
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
            days[span.lower()] = None
            words.append(yearly)
            continue
        if mentioned and mentions[0].kind == "vague":
            continue
        days[span.lower()] = mentions[0]
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
