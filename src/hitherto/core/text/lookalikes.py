"""Fold characters to the Latin letter, digit or mark that they look like."""

import unicodedata

from hitherto.core.text.caches import remembered

_CAPITALS = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧАВЕЗКМНОРСТУХ", "abezhikmnoptyxabe3kmhopctyx", strict=True))
"""Greek and Cyrillic capitals that look like another letter than their small form does."""
_LETTERS = {
    "a": "аɑαᴀᎪꭺ⍺ꓮÅ∀",
    "b": "ЬьвВʙβᏴᗷꓐ",
    "c": "сϲᴄⅽꮯꓚᏟƈ",
    "d": "ԁɗᴅⅾꓓᎠᗪđ",
    "e": "еєεℯ℮ɛᴇҽꓰᎬꮛ∃",
    "f": "ƒꜰꓝſ",
    "g": "ɡցɢԍꓖᏀᎶ",
    "h": "һнհʜℎꓧᎻнԋ",
    "i": "іıɩɪιӏǀᎥꙇꓲ∣│",
    "j": "јϳᴊꓙᎫ",
    "k": "кκᴋꓗᏦ",
    "l": "ⅼʟɭꓡᏞłι",
    "m": "мᴍⅿꓟᎷϻɱ",
    "n": "пηոɴꓠոиɲ",
    "o": "оοσօᴏ০०௦٥ꓳØøѳ○◯θ",
    "p": "рρᴘꓑᏢ",
    "q": "ԛգ",
    "r": "гʀꓣᎡɾɼяᴦꭈꮁ",
    "s": "ѕꜱʂꓢᏚՏ§",
    "t": "тτᴛꓔᎢŧ†",
    "u": "υսᴜꓴ",
    "v": "νѵᴠⅴꓦᏙ∨",
    "w": "ԝшѡᴡꓪᎳω",
    "x": "хχ×ⅹꓫ",
    "y": "уүγʏꓬᎩყ¥",
    "z": "ᴢꓜᏃ",
}
_MARKS = {
    "'": "‘’‚‛′ʹʻʼ`´",
    '"': "“”„‟«»″〝〞",
    "-": "‐‑‒–—―−",
}
_FOLDS = _CAPITALS | {
    lookalike: plain
    for folds in (_LETTERS, _MARKS)
    for plain, alike in folds.items()
    for lookalike in alike
}
LOOKALIKES = {ord(lookalike): plain for lookalike, plain in _FOLDS.items()}
"""For `str.translate`: letters of other alphabets and marks to the plain ones they look like."""
_NEGATIVE_LETTERS = ((0x1F150, 26), (0x1F170, 26), (0x1F1E6, 26))
"""Blocks of letters in discs and squares and of regional indicators, which NFKC leaves alone."""


@remembered(maxsize=8_192)
def letters_of(character: str) -> str:
    """Return the lower-case Latin letters and digits that a character reads as; "" for a mark.

    Accents are left out. A letter of an alphabet that does not look Latin stays itself.
    """
    return "".join(letter for letter in _folded(character) if letter.isalnum())


@remembered(maxsize=1_024)
def folded(text: str) -> str:
    """Return a short text in lower case, with one form of each letter and without accents."""
    return "".join(map(_folded, text))


def _folded(character: str) -> str:
    if character in _FOLDS:
        return _FOLDS[character]
    for first, count in _NEGATIVE_LETTERS:
        if first <= ord(character) < first + count:
            return chr(ord("a") + ord(character) - first)
    spread = unicodedata.normalize("NFKD", character)
    return "".join(
        _FOLDS.get(part) or "".join(_FOLDS.get(small, small) for small in part.casefold())
        for part in spread
        if unicodedata.category(part)[0] not in "MC"
    )
