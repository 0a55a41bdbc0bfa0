"""Check that a session supports the memories that a model extracted from it.

A model invents now and then: a number, a name or a date that is in no message, or a statement that
shares no word with its evidence. Such a memory is worth less than none. The checks lean towards
keeping: other forms of a word, numbers in words, and dates near a stated one count as stated.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property

from hitherto.core.dates.mentions import find_dates
from hitherto.core.text.english_words import MONTH_NAMES, ORDINALS, TENS, UNITS
from hitherto.core.text.languages import is_english
from hitherto.core.text.terms import name_runs, words_of
from hitherto.core.text.tokens import terms as content_terms


class Flaw(StrEnum):
    """Kind of content that a memory has and its evidence lacks."""

    WORDS = "no word in common"
    NUMBER = "a number"
    NAME = "a name"
    DATE = "a date"


_NUMBER_WORDS = {
    **{word: value for value, word in enumerate(UNITS)},
    **{word: 10 * value for value, word in enumerate(TENS, start=2)},
    **{word: value for value, word in enumerate(ORDINALS, start=1)},
    "couple": 2, "both": 2, "twice": 2, "pair": 2, "thrice": 3, "dozen": 12, "hundred": 100,
    "thousand": 1_000, "million": 1_000_000, "half": 0.5, "quarter": 0.25,
}  # fmt: skip
_SCALES = {"k": 1_000, "m": 1_000_000, "million": 1_000_000, "thousand": 1_000, "hundred": 100}
_NUMBER = re.compile(
    r"(?<![\w.])(\d+(?:[.,]\d+)*)(?:(?:st|nd|rd|th|s)\b|\s?(k|m|million|thousand|hundred)\b)?",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"\b(\d{1,2})(?:[:.](\d{2}))?\s?(am|pm|a\.m|p\.m)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_SPAN = re.compile(
    r"\b(?:day|week|month|year|decade|fortnight|weekend|night|morning|summer|winter|spring"
    r"|autumn|fall|recently|lately|ago|since|always|so far|now|soon|later|earlier|before|after"
    r"|yesterday|today|tomorrow|tonight)s?\b",
    re.IGNORECASE,
)
_NOT_SAID = frozenset(content_terms("user assistant"))
_PARTS = re.compile(r"[-'.]")
_FIGURES = re.compile(r"[.,]")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_BEGINNING_CHARS = (3, 4)
"""Leading characters that another form of a name must share; the second for longer names."""
_CLOSE_DAYS = 45
"""Maximum days between a stated date and one that follows from it ("the week after")."""


@dataclass(frozen=True, slots=True)
class SaidWords:
    """Words of texts in lower case, by the first text with each.

    beginnings: what words begin with, in the same way. until: the last text whose words count.
    """

    words: Mapping[str, int]
    beginnings: Mapping[str, int]
    until: int

    @classmethod
    def of(cls, texts: Sequence[str]) -> "SaidWords":
        """Return the words of texts, their parts and the initials of names; each is read once."""
        return cls.of_sets([_words_and_initials(text) for text in texts])

    @classmethod
    def of_sets(cls, texts: Sequence[Set[str]]) -> "SaidWords":
        """Return the same for texts given as sets of words."""
        words: dict[str, int] = {}
        beginnings: dict[str, int] = {}
        for position, text in enumerate(texts):
            for word in text:
                words.setdefault(word, position)
                for chars in _BEGINNING_CHARS:
                    beginnings.setdefault(word[:chars], position)
        return cls(words, beginnings, len(texts) - 1)

    def __contains__(self, word: str) -> bool:
        return self.words.get(word, self.until + 1) <= self.until

    def has_beginning(self, beginning: str) -> bool:
        """Return whether a word begins so; only lengths of `_BEGINNING_CHARS` are indexed."""
        return self.beginnings.get(beginning, self.until + 1) <= self.until


def _words(text: str) -> Set[str]:
    return {word.lower().removesuffix("'s") for word in words_of(text)}


def _words_and_initials(text: str) -> Set[str]:
    words = _words(text)
    parts = {part for word in words for part in _PARTS.split(word) if part}
    return words | parts | {"".join(word[0] for word in run.split()) for run in name_runs(text)}


@dataclass(frozen=True)
class Evidence:
    """Evidence of a memory. messages: those that it names, and what each of them answers.

    words: of all that was said in the session until then, which explains a "she" or a "there".
    today: the session's day.
    """

    messages: str
    words: SaidWords
    today: date

    @cached_property
    def english(self) -> bool:
        """Return whether words and dates can be read at all."""
        return is_english(self.messages)

    @cached_property
    def terms(self) -> Set[str]:
        """Return the stems of the messages' words."""
        return frozenset(content_terms(self.messages))

    @cached_property
    def numbers(self) -> Set[float]:
        """Return all numbers of the messages, and the year of the session."""
        return {*numbers_in(self.messages), float(self.today.year)}

    @cached_property
    def written_numbers(self) -> Set[float]:
        """Return the numbers in all forms in which they may be written."""
        return _written(self.numbers)

    @cached_property
    def ranges(self) -> Sequence[tuple[date, date]]:
        """Return the days near the messages' dates, as sorted ranges that do not overlap."""
        near = timedelta(days=_CLOSE_DAYS)
        near_days = set()
        for prefers in ("past", "future"):
            for mention in find_dates(self.messages, self.today, prefers=prefers):
                start, end = mention.first, mention.last
                slack = max(near, end - start) if end.year - start.year < 50 else near
                near_days.add(
                    (start - min(slack, start - date.min), end + min(slack, date.max - end))
                )
        ranges: list[tuple[date, date]] = []
        for start, end in sorted(near_days):
            if ranges and start <= ranges[-1][1]:
                ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
            else:
                ranges.append((start, end))
        return ranges

    @cached_property
    def names_time(self) -> bool:
        """Return whether the messages name a month or a span of time."""
        text = self.messages.lower()
        return any(month in text for month in MONTH_NAMES) or _SPAN.search(text) is not None


def find_flaw(content: str, first: date, last: date, evidence: Evidence) -> Flaw | None:
    """Return the flaw of a memory, None if it has none. first, last: when it happened."""
    if evidence.english and is_english(content):
        own = frozenset(content_terms(content)) - _NOT_SAID
        alike = set(_stated_numbers(content)) & evidence.numbers
        if own and own.isdisjoint(evidence.terms) and not alike:
            return Flaw.WORDS
    if not _date_given(first, last, evidence):
        return Flaw.DATE
    rest = content
    for mention in reversed(find_dates(content, evidence.today, prefers="past")):
        figures = _stated_numbers(content[mention.start : mention.end])
        is_stated = bool(figures) and _are_given(figures, evidence.written_numbers)
        happened = mention.first <= last and first <= mention.last
        if not (is_stated or happened or _date_given(mention.first, mention.last, evidence)):
            return Flaw.DATE
        rest = f"{rest[: mention.start]} {rest[mention.end :]}"
    if not _are_given(_stated_numbers(rest), evidence.written_numbers):
        return Flaw.NUMBER
    return Flaw.NAME if invented_names(content, evidence.words) else None


def numbers_in(text: str) -> list[float]:
    """Return the numbers of a text, in figures and words, with 24-hour clock hours."""
    numbers: list[float] = []
    for match in _NUMBER.finditer(text):
        value = _figure(match[1])
        if value is not None:
            numbers += [value, value * _SCALES[match[2].lower()]] if match[2] else [value]
            numbers += [float(part) for part in _FIGURES.split(match[1]) if part]
    for match in _CLOCK.finditer(text):
        hour = int(match[1]) % 12 + (12 if match[3][0].lower() == "p" else 0)
        numbers += [float(hour), float(int(match[1]))]
    previous: float | None = None
    for word in _WORD.findall(text.lower()):
        value = _NUMBER_WORDS.get(word)
        if value is not None:
            numbers.append(float(value))
            if previous is not None:
                compound = previous * value if word in _SCALES else previous + value
                numbers.append(compound)
        previous = None if value is None else float(value)
    return numbers


def invented_names(content: str, sources: SaidWords) -> list[str]:
    """Return the words of names in a content that no source has in any form."""
    runs = name_runs(_without_subject(content))
    return [word for run in runs for word in run.split() if not _is_said(word, sources)]


def find_loss(content: str, *sources: str) -> str | None:
    """Return what merged content lacks or adds, compared with its sources; None if nothing."""
    source_words = SaidWords.of_sets([_words(source) for source in sources])
    numbers = {number for source in sources for number in numbers_in(source)}
    if not numbers >= set(numbers_in(content)):
        return "a number that neither says"
    if invented_names(content, source_words):
        return "a name that neither says"
    own_words = SaidWords.of_sets([_words(content)])
    own_terms = frozenset(content_terms(content))
    for source in sources:
        if not set(numbers_in(source)) <= set(numbers_in(content)):
            return f"no longer a number of “{source}”"
        if invented_names(source, own_words):
            return f"no longer a name of “{source}”"
        terms = frozenset(content_terms(source))
        if len(terms - own_terms) > len(terms) * 0.4:
            return f"too little of “{source}”"
    if len(own_terms - frozenset(content_terms(" ".join(sources)))) > 2:
        return "words that neither says"
    return None


def adds_nothing(content: str, sources: str) -> bool:
    """Return whether every number and name of a content stands in its sources."""
    given = _are_given(_stated_numbers(content), _written(numbers_in(sources)))
    return given and not invented_names(content, SaidWords.of_sets([_words(sources)]))


def _without_subject(content: str) -> str:
    """Return the content without its first word, which is a capital by its place only."""
    return content.strip().partition(" ")[2]


def _is_said(name: str, sources: SaidWords) -> bool:
    if name in sources or len(name) < 2:
        return True
    if all(part in sources for part in _PARTS.split(name) if part):
        return True
    # "Spanish" from "Spain", "Anna's" from "Anna": what begins alike is one name in other forms.
    shortest, longest = _BEGINNING_CHARS
    return len(name) >= 4 and sources.has_beginning(
        name[: max(shortest, min(longest, len(name) - 1))]
    )


def _figure(text: str) -> float | None:
    plain = text.rstrip(".,")
    if _GROUPED.fullmatch(plain):
        plain = plain.replace(",", "")
    try:
        return float(plain.replace(",", "."))
    except ValueError:
        return None


def _stated_numbers(content: str) -> list[float]:
    """Return the numbers that evidence must have: figures, and words from two on."""
    figures = [_figure(match[1]) for match in _NUMBER.finditer(content)]
    counted = {*UNITS[2:], *TENS, "dozen"}
    spelled = [
        float(_NUMBER_WORDS[word]) for word in _WORD.findall(content.lower()) if word in counted
    ]
    return [number for number in figures if number is not None] + spelled


def _written(numbers: Iterable[float]) -> Set[float]:
    """Return numbers as they may be written: "$1.2k" in full, years without a century."""
    return {
        form
        for number in numbers
        for form in (number, number * 1_000, number * 1_000_000, number + 1_900, number + 2_000)
    }


def _are_given(numbers: Iterable[float], written: Set[float]) -> bool:
    return all(number in {0, 1} or number in written for number in numbers)


def _date_given(first: date, last: date, evidence: Evidence) -> bool:
    if first <= evidence.today <= last and last - first <= timedelta(days=1):
        return True
    if not evidence.english:
        return True
    if not evidence.ranges:
        return evidence.names_time
    until_last = bisect_right(evidence.ranges, last, key=lambda days: days[0])
    return until_last > 0 and first <= evidence.ranges[until_last - 1][1]
