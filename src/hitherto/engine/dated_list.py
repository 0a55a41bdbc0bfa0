"""Dated list of the messages that match a listing question."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hitherto.core.context.recalled_data import Excerpt, ListedLine
from hitherto.core.recall.event_list import Line, choose_lines
from hitherto.core.recall.passages import named_speaker, without_speaker
from hitherto.core.recall.ranking import Ranked
from hitherto.engine.context_call import ContextCall
from hitherto.models import MessageRole

LIST_TOKENS = 1_500
"""Tokens of a list if the caller sets no bound."""

LINE_TOKENS = 20
"""Tokens of a short line; as many lines are offered as fit if all are this short."""


def dated_list(
    call: ContextCall,
    ranked: Sequence[Ranked],
    query_vectors: NDArray[np.float32],
    object_vector: NDArray[np.float32],
) -> tuple[ListedLine, ...]:
    """Return the lines for a listing question, best first; none for another question.

    In a chat with an assistant, only the words of the role that is asked about are listed.
    """
    if not call.plan.listing:
        return ()
    messages = call.index.messages
    people = messages.people() if messages.is_between_people else ()
    lines = choose_lines(
        ranked,
        messages,
        lambda row: call.index.message(row)[2].content,
        query_vectors,
        object_vector,
        role=None if messages.is_between_people else call.plan.role or MessageRole.USER,
        query_terms=call.plan.terms,
        names={word for name in people for word in name.split()},
    )
    most = (call.request.max_tokens or LIST_TOKENS) // LINE_TOKENS
    best = len(lines)
    return tuple(_listed(call, line, best - rank, people) for rank, line in enumerate(lines[:most]))


def _listed(call: ContextCall, line: Line, score: float, people: Sequence[str]) -> ListedLine:
    index = call.index
    session, position, message = index.message(line.row)
    name = named_speaker(message.content)
    is_named = name.lower() in people
    start = line.start
    if is_named:
        start = max(start, len(message.content) - len(without_speaker(message.content)))
    excerpt = Excerpt(
        session_id=session.session_id,
        session_created_at=session.created_at,
        read_in=session.read_in,
        position=position,
        role=message.role,
        content=message.content[start : line.end],
        score=score,
        offset=start,
        starts_mid=line.starts_mid,
        ends_mid=line.ends_mid,
        speaker=name if is_named else "",
    )
    repeated_at = {index.message(row)[0].created_at for row in line.repeats}
    return ListedLine(excerpt, tuple(sorted(repeated_at - {session.created_at})))
