"""Days of a month as English words: "the twelfth", "twenty-first"."""

from hitherto.core.text.english_words import ORDINALS

_DAY_WORDS = {word: number for number, word in enumerate(ORDINALS, start=1)}
_DAY_WORDS |= {"twentieth": 20, "thirtieth": 30, "thirty first": 31}
_DAY_WORDS |= {f"twenty {word}": 20 + number for number, word in enumerate(ORDINALS[:9], start=1)}
LATER_WORDS = "|".join(word.replace(" ", "[ -]") for word in reversed([*_DAY_WORDS][2:]))
"""Days in words from the third on; "first" and "second" are too often no days."""
DAY_WORD_RE = rf"(?P<day>{LATER_WORDS}|first|second)"
LATER_WORD_RE = rf"(?P<day>{LATER_WORDS})"


def day_number(words: str) -> int:
    """Return the day of a month that figures or an ordinal say."""
    return int(words) if words.isdigit() else _DAY_WORDS[words.lower().replace("-", " ")]
