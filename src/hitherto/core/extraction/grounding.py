"""Does what a session says support a memory that a model found in it?

A model invents now and then. What it invents is most often seen by a number, a name or a date that
nobody said, or by a statement that shares no word with the messages it names as its evidence. Such
a memory is worth less than none. The checks lean towards keeping: other forms of a word, numbers
in words, and whatever follows from a date that was said count as said.
"""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property

from hitherto.core.dates.calendar import MONTHS
from hitherto.core.dates.mentions import find_dates
from hitherto.core.extraction.message_filter import is_english
from hitherto.core.text.terms import name_runs, words_of
from hitherto.core.text.tokens import terms as content_terms


class Flaw(StrEnum):
    """What a memory says that its evidence does not."""

    WORDS = "no word in common"
    NUMBER = "a number"
    NAME = "a name"
    DATE = "a date"


_UNITS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_NUMBER_WORDS = {
    **{word: value for value, word in enumerate(_UNITS)},
    **{word: 10 * value for value, word in enumerate(_TENS, start=2)},
    "couple": 2, "both": 2, "twice": 2, "pair": 2, "thrice": 3, "dozen": 12, "hundred": 100,
    "thousand": 1_000, "million": 1_000_000, "half": 0.5, "quarter": 0.25,
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10,
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
_CLOSE_DAYS = 45
"""How far from a date that was said a date may lie that follows from it ("the week after")."""


@dataclass(frozen=True)
class Evidence:
    """What was said. messages: those that a memory names, and what each of them answers.

    session: all that was said in the session until then, which explains a "she" or a "there".
    today: the session's day.
    """

    messages: str
    session: str
    today: date

    @cached_property
    def english(self) -> bool:
        """Whether words and dates can be read at all."""
        return is_english(self.messages)

    @cached_property
    def terms(self) -> Set[str]:
        """Stems of what the messages say."""
        return frozenset(content_terms(self.messages))

    @cached_property
    def numbers(self) -> Set[float]:
        """All numbers of the messages, and the year of the session."""
        return {*numbers_in(self.messages), float(self.today.year)}

    @cached_property
    def ranges(self) -> Sequence[tuple[date, date]]:
        """The dates that the messages name, read as past and as coming."""
        return [
            (mention.first, mention.last)
            for prefers in ("past", "future")
            for mention in find_dates(self.messages, self.today, prefers=prefers)
        ]

    @cached_property
    def words(self) -> Set[str]:
        """The words of the session in lower case, and the initials of its names."""
        found = {word.lower().removesuffix("'s") for word in words_of(self.session)}
        parts = {part for word in found for part in re.split(r"[-'.]", word) if part}
        initials = {"".join(word[0] for word in run.split()) for run in name_runs(self.session)}
        return found | parts | initials


def flaw(content: str, first: date, last: date, evidence: Evidence) -> Flaw | None:
    """What speaks against a memory, None where nothing does. first, last: when it happened."""
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
        said = bool(figures) and all(_is_given(number, evidence.numbers) for number in figures)
        happened = mention.first <= last and first <= mention.last
        if not (said or happened or _date_given(mention.first, mention.last, evidence)):
            return Flaw.DATE
        rest = f"{rest[: mention.start]} {rest[mention.end :]}"
    if not all(_is_given(number, evidence.numbers) for number in _stated_numbers(rest)):
        return Flaw.NUMBER
    return Flaw.NAME if invented_names(content, evidence.words) else None


def numbers_in(text: str) -> list[float]:
    """The numbers of a text, in figures and in words; of a clock time also the 24-hour hour."""
    found: list[float] = []
    for match in _NUMBER.finditer(text):
        value = _figure(match[1])
        if value is not None:
            found += [value, value * _SCALES[match[2].lower()]] if match[2] else [value]
            found += [float(part) for part in re.split(r"[.,]", match[1]) if part]
    for match in _CLOCK.finditer(text):
        hour = int(match[1]) % 12 + (12 if match[3][0].lower() == "p" else 0)
        found += [float(hour), float(int(match[1]))]
    previous: float | None = None
    for word in _WORD.findall(text.lower()):
        value = _NUMBER_WORDS.get(word)
        if value is not None:
            found.append(float(value))
            if previous is not None:
                compound = previous * value if word in _SCALES else previous + value
                found.append(compound)
        previous = None if value is None else float(value)
    return found


def invented_names(content: str, said: Set[str]) -> list[str]:
    """The words of names in a content that were not said, in any form."""
    runs = name_runs(_without_subject(content))
    return [word for run in runs for word in run.split() if not _is_said(word, said)]


def loses(content: str, *sources: str) -> str | None:
    """What a content merged from several lacks of them, or adds to them; None if it is sound."""
    said = {word.lower().removesuffix("'s") for source in sources for word in words_of(source)}
    numbers = {number for source in sources for number in numbers_in(source)}
    if not numbers >= set(numbers_in(content)):
        return "a number that neither says"
    if invented_names(content, said):
        return "a name that neither says"
    own_words = {word.lower().removesuffix("'s") for word in words_of(content)}
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
    """Whether every number and name of a content stands in its sources."""
    allowed = set(numbers_in(sources))
    said = {word.lower().removesuffix("'s") for word in words_of(sources)}
    given = all(_is_given(number, allowed) for number in _stated_numbers(content))
    return given and not invented_names(content, said)


def _without_subject(content: str) -> str:
    """The content without its first word, which is a capital by its place only."""
    return content.strip().partition(" ")[2]


def _is_said(name: str, said: Set[str]) -> bool:
    if name in said or len(name) < 2:
        return True
    parts = re.split(r"[-'.]", name)
    if all(part in said for part in parts if part):
        return True
    # "Spanish" from "Spain", "Anna's" from "Anna": what begins alike is one name in other forms.
    shared = max(3, min(4, len(name) - 1))
    return len(name) >= 4 and any(word[:shared] == name[:shared] for word in said)


def _figure(text: str) -> float | None:
    plain = text.rstrip(".,")
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", plain):
        plain = plain.replace(",", "")
    try:
        return float(plain.replace(",", "."))
    except ValueError:
        return None


def _stated_numbers(content: str) -> list[float]:
    """What has to have been said: figures, and words from two to the tens."""
    figures = [_figure(match[1]) for match in _NUMBER.finditer(content)]
    counted = {*_UNITS[2:], *_TENS, "dozen"}
    spelled = [
        float(_NUMBER_WORDS[word]) for word in _WORD.findall(content.lower()) if word in counted
    ]
    return [number for number in figures if number is not None] + spelled


def _is_given(number: float, allowed: Set[float]) -> bool:
    # "$1.2k" may be written out, and a year may have lost its century.
    return number in {0, 1} or any(
        number in {value, value * 1_000, value * 1_000_000, value + 1_900, value + 2_000}
        for value in allowed
    )


def _date_given(first: date, last: date, evidence: Evidence) -> bool:
    if first <= evidence.today <= last and last - first <= timedelta(days=1):
        return True
    if not evidence.english:
        return True
    near = timedelta(days=_CLOSE_DAYS)
    for start, end in evidence.ranges:
        slack = max(near, end - start) if end.year - start.year < 50 else near
        if start - min(slack, start - date.min) <= last and first <= end + slack:
            return True
    if evidence.ranges:
        return False
    named_month = any(month.lower() in evidence.messages.lower() for month in MONTHS)
    return named_month or _SPAN.search(evidence.messages) is not None
