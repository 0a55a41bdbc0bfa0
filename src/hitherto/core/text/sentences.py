"""Sentence boundaries."""

import re
from collections.abc import Iterator
from typing import Final

_SENTENCE_END: Final = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？；])|(?<!\s)\s*\n\s*")


def sentence_spans(content: str) -> Iterator[tuple[int, int]]:
    """Yields the character spans of a text's sentences, which are the whole text together."""
    start = 0
    for match in _SENTENCE_END.finditer(content):
        if match.end() > start:
            yield start, match.end()
            start = match.end()
    if start < len(content):
        yield start, len(content)
