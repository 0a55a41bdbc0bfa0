"""Call for a context: its rows, request, plan and strategy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hitherto.api import ContextRequest
from hitherto.core.dates.formatting import local_date, zone_of
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.engine.context_metadata import MetadataBuilder
from hitherto.engine.progress import ProgressReporter
from hitherto.memory_index import IndexDelta, UserIndex
from hitherto.models import (
    MergeConflictModel,
    Message,
    MessageRole,
    RecallStrategy,
    SessionModel,
    UserMessage,
)
from hitherto.store import OngoingSession

EXCERPT_TOKENS = {
    RecallStrategy.LOW_LATENCY: 1_500,
    RecallStrategy.BALANCED: 2_500,
    RecallStrategy.AGENTIC: 3_500,
}
"""Tokens of excerpts if the caller sets no bound: about thirty turns of a chat, and more for the
strategies that search further."""

OFFERED_SHARE = 1.1
"""Tokens of candidate excerpts, as a share of the caller's bound. More candidates than fit let the
renderer, which knows the cost of each part, use the whole bound."""


@dataclass(frozen=True, slots=True)
class ContextState:
    """Rows of one read transaction for a context.

    session, messages: the session that asks, and its newest messages, as many as may be shown.
    zone: in which the days of the session that asks are read. recorded_at: when it was created by
        the clock.
    ongoing: the other unprocessed sessions.
    """

    internal_user_id: str
    session: SessionModel
    zone: ZoneInfo
    recorded_at: datetime
    messages: Sequence[Message]
    ongoing: Sequence[OngoingSession]
    conflicts: Sequence[MergeConflictModel]
    recent: Sequence[UserMessage] | None
    delta: IndexDelta

    @property
    def today(self) -> date:
        """Day from which the question sees "yesterday": the session's, in its zone."""
        return local_date(self.session.created_at, self.zone)


@dataclass(frozen=True, slots=True)
class ContextCall:
    """Input of one context, with the recorders of its metadata and progress.

    index: the user's memory at the revision of `state`. plan: for the question of `state` (see
    `split_question`). strategy: the one that runs, so never AUTO (see `choose_strategy`). now: in
    the conversation that asks (see `conversation_now`).
    """

    state: ContextState
    index: UserIndex
    request: ContextRequest
    plan: QueryPlan
    strategy: RecallStrategy
    metadata: MetadataBuilder
    progress: ProgressReporter
    now: datetime

    @property
    def zone(self) -> ZoneInfo:
        """Zone of the times in the text."""
        requested = self.request.timezone
        return self.state.zone if requested is None else zone_of(requested)

    @property
    def excerpt_tokens(self) -> int:
        """Tokens of candidate excerpts."""
        if self.request.max_tokens is None:
            return EXCERPT_TOKENS[self.strategy]
        return int(self.request.max_tokens * OFFERED_SHARE)


def split_question(messages: Sequence[Message]) -> tuple[str, Sequence[Message]]:
    """Return the user's last message and the messages before it."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role is MessageRole.USER:
            return messages[index].content, messages[:index]
    return (messages[-1].content, messages[:-1]) if messages else ("", ())


def conversation_now(state: ContextState, now: datetime) -> datetime:
    """Return the time in the session that asks: `now`, unless the session was given a date.

    Then time has run from that date on since the session was created, as in a replay or an import.
    """
    return state.session.created_at + max(now - state.recorded_at, timedelta())


def choose_strategy(requested: RecallStrategy, plan: QueryPlan) -> RecallStrategy:
    """Return the strategy for AUTO: broader questions get a broader search."""
    if requested is not RecallStrategy.AUTO:
        return requested
    if plan.counting or plan.role is MessageRole.ASSISTANT:
        return RecallStrategy.AGENTIC
    if plan.about_past or plan.broad or plan.dates:
        return RecallStrategy.BALANCED
    return RecallStrategy.LOW_LATENCY
