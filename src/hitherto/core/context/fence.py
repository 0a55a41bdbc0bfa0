"""Separate recalled text from the structure of a context.

A context goes into a model's system prompt, and anyone may have written the recalled text. So that
no recalled text can pass for structure or for an instruction, it stands between two tags that it
cannot write itself, and none of its lines begins at column 0 as a structural line does.
"""

import re

from hitherto.core.text.caches import remembered
from hitherto.core.text.invisible import without_invisible
from hitherto.core.text.lookalikes import folded, letters_of

RECALLED_MEMORY = "recalled_memory"
VERSION_HISTORY = "version_history"
VERSION = "version_"
MERGE_CONFLICT_HISTORY = "merge_conflict_history"

FENCE_OPENING = f"<{RECALLED_MEMORY}>"
FENCE_CLOSING = f"</{RECALLED_MEMORY}>"

CONTINUATION = "    "
"""Indentation of the second and further lines of a recalled text."""

DEFANGED = "("
"""Replacement of an angle bracket that would open one of the tags above."""

_ANGLES = (
    "<\uff1c\ufe64\u2039\u2329\u3008\u27e8\u276c\u276e\u2770\u02c2\u1438\u227a\u226a\u22d6\u22d8"
    "\u29fc\u00ab\u300a\u27ea\u2991\u2a9d\u2aa1\u2768\U0001d236\u16b2\u2264\u2266\u2a7d\ufe3d\ufe3f"
)
"""Characters that look like "<" in common fonts; a model may read them so."""
_OPENING = re.compile(
    # A model also reads an entity or an escape as a bracket.
    rf"[{_ANGLES}]|&(?:amp;)*(?:lt|lang|#0*60|#x0*3c);?|%(?:25)*3c|\\(?:u00|x)3c",
    re.IGNORECASE,
)
_ENDS = frozenset(DEFANGED + ">\uff1e\ufe65\u203a\u232a\u3009\u27e9\u276d\u276f\u2771")
_SPELLINGS = {
    "a": "[a4]",
    "d": "(?:d|cl)",
    "e": "[e3]",
    "g": "[g9]",
    "i": "[il1]",
    "l": "[li1]",
    "m": "(?:m|rn|nn)",
    "o": "[o0]",
    "s": "[s5]",
    "t": "[t7]",
}
"""Characters that stand for a letter of a tag, beyond those that look alike."""
_TAG_CHARS = 64
"""Letters behind a bracket that are read; the longest tag has 21, of two letters each at most."""


def _spelling(tag: str) -> str:
    return "".join(_SPELLINGS.get(letter, letter) for letter in tag if letter != "_")


_TAG = re.compile(
    # A bar in front reads as a letter: "<|recalled_memory|>".
    "[il]{0,2}(?:"
    + "|".join(
        [
            _spelling(RECALLED_MEMORY),
            _spelling(VERSION_HISTORY),
            _spelling(VERSION) + r"\d",
            _spelling(MERGE_CONFLICT_HISTORY),
        ]
    )
    + ")"
)
_LABEL_WORDS = 6
_LABEL_CHARS = 40
_ROLE_LINE = re.compile(r"(?:user|assistant)\s*[(:]")
_LABEL_LINE = re.compile(
    r"(?:content|reason|event date|created at|expired at|note|proposed memory"
    r"|conflicting memories|questions)\s*:"
)
_SECTION_LINE = re.compile(r"#\s|##+\s*(?:summary|ongoing conversation|merge conflict|excerpt)\b")
_SESSION_MEMORIES_LINE = re.compile(r"##+\s*memories from this session")


def defang(text: str) -> str:
    """Return the text without invisible characters, with `(` for brackets of the fence's tags.

    A tag is recognised through odd spacing and case, letters and brackets that look alike, digits
    for letters, marks between letters, and brackets written as entities. Takes linear time.
    """
    visible = without_invisible(text)
    return _OPENING.sub(
        lambda match: DEFANGED if _opens_tag(visible, match.end()) else match.group(), visible
    )


def has_tag(text: str) -> bool:
    """Return whether a text has something that reads like one of the fence's tags."""
    visible = without_invisible(text)
    return any(_opens_tag(visible, match.end()) for match in _OPENING.finditer(visible))


def indent_continuation(text: str) -> str:
    """Return a recalled text for a place after a label: its further lines are indented."""
    return f"\n{CONTINUATION}".join(defang(text).splitlines())


@remembered(maxsize=8_192)
def paragraph(text: str) -> str:
    """Return a recalled text as one line, for a place after a number or a label."""
    return " ".join(defang(text).splitlines())


def standing_paragraph(text: str) -> str:
    """Return a recalled text as one line, indented if it begins like a structural line."""
    line = paragraph(text)
    start = _label(line)
    labelled = _ROLE_LINE.match(start) or _LABEL_LINE.match(start)
    return line if line[:1].isalpha() and not labelled else f"{CONTINUATION}{line}"


def markdown_lines(text: str) -> list[str]:
    """Return the lines of a Markdown text, indenting those that read like the context's structure.

    Its headings of level 2 and below, lists and tables stay as they are.
    """
    return [_markdown_line(line) for line in defang(text).splitlines()]


def _markdown_line(line: str) -> str:
    start = _label(line)
    structural = (
        _ROLE_LINE.match(start)
        or _SECTION_LINE.match(start)
        or _SESSION_MEMORIES_LINE.match(start)
        or start == "#"
    )
    return f"{CONTINUATION}{line}" if structural else line


def _opens_tag(text: str, start: int) -> bool:
    """Return whether the letters and digits from `start` on spell a tag, ignoring marks.

    The next bracket ends them, so no part of a text is read twice for brackets.
    """
    spelled = ""
    for position in range(start, len(text)):
        character = text[position]
        if character in _ENDS or _OPENING.match(text, position):
            break
        spelled += "l" if character == "|" else letters_of(character)
        if len(spelled) >= _TAG_CHARS:
            break
    return _TAG.match(spelled) is not None


def _label(line: str) -> str:
    """Return the beginning of a line as it reads: its first words, with one space between."""
    return folded(" ".join(line.split(maxsplit=_LABEL_WORDS)[:_LABEL_WORDS])[:_LABEL_CHARS])
