"""Tokens, stop words and stems of a text, in any script."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

import Stemmer

from hitherto.core.text.english_words import STOP_WORDS
from hitherto.core.text.normal_form import nfkc

_STEMMER: Final = Stemmer.Stemmer("english", 0)

_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Myanmar, Khmer, kana and Han: scripts that put no spaces between words."""

_MARKS: Final = "".join(
    chr(point)
    for block in (range(0x300, 0x2100), range(0xA66F, 0xAC00), range(0xFE20, 0xFE30))
    for point in block
    if unicodedata.category(chr(point)) in ("Mn", "Mc")
)
"""Combining marks: letters of Indic, Arabic or Hebrew words that `\\w` alone would split at."""

_TOKEN: Final = re.compile(
    rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])[^\W_{_UNSPACED}][{_MARKS}]*)+"
    rf"(?:'(?:[^\W_{_UNSPACED}][{_MARKS}]*)+)*"
)
_UNSPACED_START: Final = re.compile(f"[{_UNSPACED}]")
_ASCII_TOKEN: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*", re.ASCII)


def tokenise(text: str) -> list[str]:
    """Split text into lower-case words (NFKC), in order, nothing left out but punctuation.

    Runs of a script that puts no spaces between words (Han, kana, Thai, Lao, Khmer, Myanmar) give
    their overlapping pairs of characters; a character that stands alone gives itself.
    """
    if text.isascii():
        # The same, in a third of the time; most texts are.
        return _ASCII_TOKEN.findall(text.lower())
    text = nfkc(text).lower().replace("’", "'")
    tokens: list[str] = []
    for token in _TOKEN.findall(text):
        if len(token) > 2 and _UNSPACED_START.match(token):
            tokens.extend(token[i : i + 2] for i in range(len(token) - 1))
        else:
            tokens.append(token)
    return tokens


def content_tokens(text: str) -> list[str]:
    """Return the tokens that carry meaning: without stop words, a possessive's ending dropped."""
    return [token.removesuffix("'s") for token in tokenise(text) if token not in STOP_WORDS]


def stems(tokens: Sequence[str]) -> list[str]:
    """Return the Snowball stem of each token, English rules; other scripts pass unchanged."""
    stemmed: list[str] = _STEMMER.stemWords(tokens)
    return stemmed


def terms(text: str) -> list[str]:
    """Return the terms to index or search: stems of the tokens that carry meaning."""
    return stems(content_tokens(text))


def distinct(items: Iterable[str]) -> tuple[str, ...]:
    """Return the items in order, each once."""
    return tuple(dict.fromkeys(items))
