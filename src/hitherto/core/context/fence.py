"""Keeps recalled text apart from the structure around it.

A context goes into a model's system prompt, and what it recalls was written by anyone. So that no
recalled text can pass for structure or for an instruction, it stands between two tags that it
cannot write itself, and none of its lines begins at column 0 the way a structural line does.
"""

import re
import unicodedata

from hitherto.core.text.caches import remembered

RECALLED_MEMORY = "recalled_memory"
VERSION_HISTORY = "version_history"
VERSION = "version_"
MERGE_CONFLICT_HISTORY = "merge_conflict_history"

FENCE_OPENING = f"<{RECALLED_MEMORY}>"
FENCE_CLOSING = f"</{RECALLED_MEMORY}>"

CONTINUATION = "    "
"""What the second and every further line of a recalled text begins with."""

DEFANGED = "("
"""Takes the place of the angle bracket that would open one of the tags above."""

# What looks like "<" in common fonts, each of which a model may read as an opening bracket.
_ANGLES = "<＜﹤‹〈〈⟨❬❮❰˂ᐸ≺⋖⧼«《⟪"
# The cheap test: an angle bracket with the first letter of a tag, or any non-ASCII character
# (which may stand for such a letter), behind it.
_SUSPECT = re.compile(rf"[{_ANGLES}](?=[\s/\\_\-]{{0,40}}(?:[rvmRVM]|[^\x00-\x7f]))")
_TAG_WINDOW = 80
_TAG_LETTERS = re.compile(
    "|".join(
        [
            RECALLED_MEMORY.replace("_", ""),
            VERSION_HISTORY.replace("_", ""),
            VERSION.replace("_", "") + r"\d",
            MERGE_CONFLICT_HISTORY.replace("_", ""),
        ]
    )
)
_LABEL_WINDOW = 40
_ROLE_LINE = re.compile(r"(?:user|assistant)\s*[(:]")
_LABEL_LINE = re.compile(
    r"(?:content|reason|event date|created at|expired at|note|proposed memory"
    r"|conflicting memories|questions)\s*:"
)
_SECTION_LINE = re.compile(r"#\s|##+\s*(?:summary|ongoing conversation|merge conflict|excerpt)\b")
_SESSION_MEMORIES_LINE = re.compile(r"##+\s*memories from this session")


def defang(text: str) -> str:
    """The text, with `(` for every bracket that would open one of this module's tags.

    Also seen: odd spacing, case, full-width and zero-width characters, brackets that look alike.
    """
    if not _SUSPECT.search(text):
        return text
    return _SUSPECT.sub(
        lambda found: DEFANGED if _opens_tag(text, found.end()) else found.group(), text
    )


def continued(text: str) -> str:
    """A recalled text behind a label: its further lines are indented, the rest is as it was."""
    return f"\n{CONTINUATION}".join(defang(text).splitlines())


@remembered(maxsize=8_192)
def paragraph(text: str) -> str:
    """A recalled text as one line, for what stands behind a number or a label."""
    return " ".join(defang(text).splitlines())


def standing_paragraph(text: str) -> str:
    """A recalled text as one line of its own, indented if it begins like a structural line."""
    line = paragraph(text)
    start = _folded(line[:_LABEL_WINDOW])
    labelled = _ROLE_LINE.match(start) or _LABEL_LINE.match(start)
    return line if line[:1].isalpha() and not labelled else f"{CONTINUATION}{line}"


def markdown_lines(text: str) -> list[str]:
    """The lines of a Markdown text; those that read like the context's own structure are indented.

    Its headings of level 2 and below, lists and tables stay as they are.
    """
    return [_markdown_line(line) for line in defang(text).splitlines()]


def _markdown_line(line: str) -> str:
    start = _folded(line[:_LABEL_WINDOW])
    structural = (
        _ROLE_LINE.match(start)
        or _SECTION_LINE.match(start)
        or _SESSION_MEMORIES_LINE.match(start)
        or start == "#"
    )
    return f"{CONTINUATION}{line}" if structural else line


def _opens_tag(text: str, start: int) -> bool:
    """Whether the letters and digits from `start` on spell a tag, separators aside."""
    spelled = []
    for character in _folded(text[start : start + _TAG_WINDOW]):
        if character.isalnum():
            spelled.append(character)
        elif not _separates(character):
            break
    return _TAG_LETTERS.match("".join(spelled)) is not None


def _separates(character: str) -> bool:
    return character.isspace() or character in "/\\_-" or unicodedata.category(character)[0] in "CM"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
