"""Tokens, stop words and stems of a text, in any script."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

import Stemmer

from hitherto.core.text.normal_form import nfkc

_STEMMER: Final = Stemmer.Stemmer("english", 0)

_FUNCTION_WORDS: Final = """
    a an the this that these those such same other another each every either neither both all any
    some no none not nor only own more most much many few less least lot lots several enough
    i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his
    himself she her hers herself it its itself they them their theirs themselves one ones someone
    somebody something anyone anybody anything everyone everybody everything nobody nothing
    who whom whose which what when where why how
    am is are was were be been being do does did done doing have has had having will would shall
    should can could may might must ought
    and or but if then else than so because as while until since though although whether
    of at by for with without about against between into through during before after above below
    to from up down in out on off over under again further upon within along across around toward
    towards onto via per
    here there now just too very also even still yet ever never always already quite rather really
    maybe perhaps well oh ok okay yes yeah hey hi hello please thanks thank wow haha
    let lets got get gets getting go going goes gone tell told know like said say says
    i'm i've i'd i'll you're you've you'd you'll he's he'd he'll she's she'd she'll it's it'd it'll
    we're we've we'd we'll they're they've they'd they'll that's that'd that'll there's here's
    what's who's where's when's how's why's let's don't doesn't didn't isn't aren't wasn't weren't
    won't wouldn't can't cannot couldn't shouldn't haven't hasn't hadn't mustn't ain't
    s t d m re ve ll
"""
_STOP_WORDS: Final = frozenset(_FUNCTION_WORDS.split())

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
    """Splits text into lower-case words (NFKC), in order, nothing left out but punctuation.

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
    """Returns the tokens that carry meaning: without stop words, a possessive's ending dropped."""
    return [token.removesuffix("'s") for token in tokenise(text) if token not in _STOP_WORDS]


def stems(tokens: Sequence[str]) -> list[str]:
    """Returns the Snowball stem of each token, English rules; other scripts pass unchanged."""
    stemmed: list[str] = _STEMMER.stemWords(tokens)
    return stemmed


def terms(text: str) -> list[str]:
    """Returns what is indexed and searched: stems of the tokens that carry meaning, in order."""
    return stems(content_tokens(text))


def distinct(items: Iterable[str]) -> tuple[str, ...]:
    """Returns the items in order, each once."""
    return tuple(dict.fromkeys(items))
