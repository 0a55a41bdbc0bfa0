"""Merge two statements of one fact into one without loss, if that is safe."""

import re

from hitherto.core.statements.comparison import covers
from hitherto.core.statements.reader import Statement, read

_JOINERS = frozenset({"with", "as", "in", "at", "near", "since", "together", "outside"})
_LONGEST = 240
"""Characters. A merged statement must still fit into one line of a context."""


def merged_content(old: Statement, new: Statement) -> str | None:
    """Return one content for two statements with the same beginning and different additions.

    "User works at Siemens as a nurse" and "User works at Siemens in Munich" give "User works at
    Siemens as a nurse in Munich". None if the beginnings differ, if either addition is more than
    one phrase, if both additions begin with the same word and so answer the same question, or if
    the result does not read as a statement of both.
    """
    first, second = old.content.rstrip(" .").split(), new.content.rstrip(" .").split()
    shared = 0
    while shared < min(len(first), len(second)) and first[shared] == second[shared]:
        shared += 1
    tail, addition = first[shared:], second[shared:]
    if shared < 3 or not tail or not addition or tail[0] == addition[0]:
        return None
    if tail[0] not in _JOINERS or addition[0] not in _JOINERS:
        return None
    if any(re.search(r"[,;:]|^(?:and|but|who|which|that)$", word) for word in tail + addition):
        return None
    value = {word for values in old.reading.values for word in values.split()}
    lead = " ".join(first[:shared]).lower()
    if not all(word in lead for word in value):
        return None
    for words in ([*first, *addition], [*second, *tail]):
        content = " ".join(words)
        merged = read(content)
        if len(content) <= _LONGEST and covers(merged, old) and covers(merged, new):
            return content
    return None
