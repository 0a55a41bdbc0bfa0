"""Statements in the user's own words, and how a memory holds them."""

import re
from dataclasses import dataclass
from typing import Final

_HEAD: Final = 'User said: "'
_ASKED: Final = '" (asked: "'
_NOTE: Final = re.compile(r" ?\[[^\[\]]{1,80}\]")


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words of the user; question: what they answer, or ""."""

    words: str
    question: str = ""

    @property
    def content(self) -> str:
        """Return the text of a memory of these words."""
        return (
            f'{_HEAD}{self.words}{_ASKED}{self.question}")'
            if self.question
            else (f'{_HEAD}{self.words}"')
        )


def quotation_of(content: str) -> Quotation | None:
    """Return the words that a memory quotes, without notes in brackets; None for another form."""
    if not content.startswith(_HEAD):
        return None
    quoted = content[len(_HEAD) :].removesuffix(".")
    if quoted.endswith('")') and _ASKED in quoted:
        words, _, question = quoted[:-2].rpartition(_ASKED)
        return Quotation(without_notes(words), question)
    return Quotation(without_notes(quoted[:-1])) if quoted.endswith('"') else None


def without_notes(words: str) -> str:
    """Return words without the days that are noted in brackets behind them."""
    return _NOTE.sub("", words)


def said_words(content: str) -> str:
    """Return the words that a memory quotes, or all of another form's content."""
    quotation = quotation_of(content)
    return content if quotation is None else quotation.words
