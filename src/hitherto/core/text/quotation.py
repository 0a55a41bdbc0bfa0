"""Statements in the user's own words, and how a memory holds them."""

import re
from dataclasses import dataclass
from typing import Final

_HEAD: Final = 'User said: "'
_ASKED: Final = '" (asked: "'
_THEN: Final = '", then: "'
_AFTER: Final = '" (after: "'
_END: Final = '")'
_NOTE: Final = re.compile(r" ?\[[^\[\]]{1,80}\]")


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words of the user, with those before them that a stranger needs to understand them.

    question: that the assistant asked before, or "". after: the user's own words before, or "".
    """

    words: str
    question: str = ""
    after: str = ""

    @property
    def content(self) -> str:
        """Return the text of a memory of these words."""
        content = _HEAD + self.words
        if self.question:
            content += _ASKED + self.question
        if self.after:
            content += (_THEN if self.question else _AFTER) + self.after
        return content + (_END if self.context else '"')

    @property
    def context(self) -> str:
        """Return the words of the assistant and the user before them, or ""."""
        return f"{self.question} {self.after}".strip()


def quotation_of(content: str) -> Quotation | None:
    """Return the words that a memory quotes, without notes in brackets; None for another form."""
    if not content.startswith(_HEAD):
        return None
    quoted = content[len(_HEAD) :].removesuffix(".")
    if quoted.endswith(_END):
        words, mark, question = quoted[: -len(_END)].rpartition(_ASKED)
        if mark:
            question, _, after = question.partition(_THEN)
            return Quotation(without_notes(words), question, without_notes(after))
        words, mark, after = quoted[: -len(_END)].rpartition(_AFTER)
        if mark:
            return Quotation(without_notes(words), after=without_notes(after))
    return Quotation(without_notes(quoted[:-1])) if quoted.endswith('"') else None


def without_context(content: str) -> str:
    """Return a memory that quotes words, with its notes, but without the words before its own."""
    for form in (_ASKED, _AFTER):
        words, mark, _ = content.rpartition(form)
        if mark and content.startswith(_HEAD):
            return f'{words}"'
    return content


def without_notes(words: str) -> str:
    """Return words without the days that are noted in brackets behind them."""
    return _NOTE.sub("", words)


def said_words(content: str) -> str:
    """Return the words that a memory quotes, or all of another form's content."""
    quotation = quotation_of(content)
    return content if quotation is None else quotation.words


def words_to_embed(content: str) -> str:
    """Return the words that a memory quotes, behind their context; another form's content whole.

    The frame would make all quotations alike.
    """
    quotation = quotation_of(content)
    return content if quotation is None else f"{quotation.context} {quotation.words}".strip()
