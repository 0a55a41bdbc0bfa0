"""Remove invisible characters, which hide text from people and show it to a model.

Kept is what a script needs: a joiner inside an emoji or behind a letter of a joining script, one
variation selector behind a visible character, and the tag characters of the three flags that
Unicode recommends for interchange.
"""

import re

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
_RUN = re.compile(rf"[{_INVISIBLE}]+")
_JOINERS = "\u200c\u200d"
_EMOJI_JOINER = "\u200d"
_EMOJI = re.compile(
    "[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff]"  # pictographs, their modifiers, flags
)
_JOINING_LETTER = re.compile(
    # Arabic to Samaritan, Indic to Tibetan, Myanmar, Khmer to Balinese, and their later blocks.
    "[\u0600-\u08ff\u0900-\u0fff\u1000-\u109f\u1700-\u1c4f\ua800-\ua9ff\uaa60-\uabff"
    "\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff\U0001e900-\U0001e95f]"
)
_IDEOGRAPH = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_BLACK_FLAG = "\U0001f3f4"
_FLAG_TAGS = frozenset(
    "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)


def without_invisible(text: str) -> str:
    """Return the text without invisible characters, except those that its script needs."""
    if text.isascii():
        return text
    return _RUN.sub(_needed, text)


def _needed(run: re.Match[str]) -> str:
    """Return what to keep of a run: selector and joiner, or a flag's tags."""
    text, hidden = run.string, run[0]
    before = text[run.start() - 1] if run.start() else ""
    after = text[run.end()] if run.end() < len(text) else ""
    if before == _BLACK_FLAG and hidden in _FLAG_TAGS:
        return hidden
    kept = hidden[0] if _is_selector(hidden[0], before) else ""
    rest = hidden[len(kept) :]
    if rest and rest[0] in _JOINERS and _joins(rest[0], before, after):
        kept += rest[0]
    return kept


def _is_selector(character: str, before: str) -> bool:
    if "\ufe00" <= character <= "\ufe0f":
        return before.isprintable() and not before.isspace() and before != ""
    if "\u180b" <= character <= "\u180f":
        return "\u1800" <= before <= "\u18af"
    return "\U000e0100" <= character <= "\U000e01ef" and _IDEOGRAPH.match(before) is not None


def _joins(character: str, before: str, after: str) -> bool:
    if _JOINING_LETTER.match(before):
        return True
    emoji = _EMOJI.match(before) is not None and _EMOJI.match(after) is not None
    return emoji and character == _EMOJI_JOINER
