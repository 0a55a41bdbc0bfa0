"""Contexts: one read, then one computation."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from hitherto.api import ContextRequest
from hitherto.core import arguments
from hitherto.core.dates.formatting import zone_of
from hitherto.core.recall import query_plan
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.engine.context_composer import ContextState, asked, routed
from hitherto.engine.memory_browser import IndexedMemoryBrowser
from hitherto.engine.progress import Progress, Report
from hitherto.engine.transactions import Transacting
from hitherto.inference.exploring.browser import Explored
from hitherto.inference.ledger import Account, charged_to
from hitherto.memory_index import WorkingSet
from hitherto.models import (
    ContextMetadata,
    ContextResponse,
    MergeConflictStatus,
    Message,
    RecallStrategy,
)
from hitherto.prompts import system_prompt
from hitherto.store import ProjectUsers, Transaction

PREVIOUS_MESSAGES = 6
"""Messages before the question that may complete it: three exchanges."""

LEAST_MESSAGE_TOKENS = 16
"""WordPiece tokens of the speaker and the time in front of a shown message are at least these."""

ALL_MESSAGES = 2**31 - 1

FIRST_STEP = "Planning the search"
"""Message of a stream's first event."""


class Contexts(Transacting):
    """Makes contexts."""

    async def get_context(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> ContextResponse:
        return await self._context(user_id, session_id, arguments.context_request(request), None)

    async def get_context_stream(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> AsyncGenerator[ContextResponse, None]:
        checked = arguments.context_request(request)
        # What is not there is an error before the first event. The first event then comes at once:
        # loading a large user, a planning model and an exploring one may take many seconds.
        await self._read(lambda tx: tx.user(user_id).sessions.get(session_id))
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[ContextResponse | None] = asyncio.Queue()

        def report(event: ContextResponse) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        making = loop.create_task(self._context(user_id, session_id, checked, report))
        making.add_done_callback(lambda _: events.put_nowait(None))
        try:
            yield _first_event(checked.recall_strategy)
            while (event := await events.get()) is not None:
                yield event
            yield await making
        finally:
            making.cancel()

    async def system_prompt(self, recall_strategy: RecallStrategy) -> str:
        strategy = arguments.member(RecallStrategy, recall_strategy, "recall_strategy")
        return system_prompt(
            RecallStrategy.BALANCED if strategy is RecallStrategy.AUTO else strategy
        )

    async def _context(
        self, user_id: str, session_id: str, request: ContextRequest, report: Report | None
    ) -> ContextResponse:
        working_sets = self._resources.working_sets

        def work(tx: ProjectUsers) -> ContextState:
            user = tx.user(user_id)
            return ContextState(
                internal_user_id=user.user_id,
                session=user.sessions.get(session_id),
                messages=user.messages.latest_of_session(session_id, _messages_needed(request)),
                ongoing=user.messages.ongoing(session_id),
                conflicts=[
                    conflict
                    for conflict in user.conflicts.all()
                    if conflict.status is MergeConflictStatus.PENDING
                ],
                recent=None
                if request.last_n_messages is None
                else user.messages.latest_except(session_id, request.last_n_messages),
                delta=working_sets.delta(user),
            )

        def read(tx: Transaction) -> ContextState:
            return work(tx.users(self._project_id))

        def compose(state: ContextState) -> ContextResponse:
            working = working_sets.refresh(state.internal_user_id, state.delta)
            plan = _quick_plan(state, working)
            steps = Progress(report, request, request.recall_strategy, plan)
            return self._resources.composer.compose(state, working, request, plan, steps)

        store = self._resources.store
        is_quick = request.recall_strategy is RecallStrategy.LOW_LATENCY
        if is_quick and not self._resources.embedders.is_remote():
            return await store.read_then(read, compose)
        state = await store.read(read)
        if is_quick:
            # The store's threads are for the store; this one waits for a network.
            return await asyncio.to_thread(compose, state)
        account = Account(self._project_id, state.internal_user_id, state.session.session_id)
        with charged_to(account):
            return await self._thought_out(state, request, report)

    async def _thought_out(
        self, state: ContextState, request: ContextRequest, report: Report | None
    ) -> ContextResponse:
        """A context for which there is time to think: planned, and explored if it is AGENTIC."""
        working_sets = self._resources.working_sets
        question, previous = _asked(state)
        plan = await self._resources.inference.plan(
            question, state.session.created_at.date(), previous, _speakers(state)
        )
        steps = Progress(report, request, routed(request.recall_strategy, plan), plan)
        working = await asyncio.to_thread(working_sets.refresh, state.internal_user_id, state.delta)
        explored = None
        if steps.strategy is RecallStrategy.AGENTIC:
            if plan.question:
                explored = await self._explored(state, working, request, plan, steps)
            steps.explored(explored)
        return await asyncio.to_thread(
            self._resources.composer.compose, state, working, request, plan, steps, explored
        )

    async def _explored(
        self,
        state: ContextState,
        working: WorkingSet,
        request: ContextRequest,
        plan: QueryPlan,
        steps: Progress,
    ) -> Explored | None:
        """Return a model's findings in the user's memory; None if no model explores."""
        library = IndexedMemoryBrowser(
            working,
            await asyncio.to_thread(self._resources.composer.embedder_of, working),
            zone_of(request.timezone),
            ongoing=state.ongoing,
            conflicts=state.conflicts,
        )
        return await self._resources.inference.explore(
            plan,
            state.session.created_at.date(),
            _asked(state)[1],
            library,
            steps.exploring,
        )


def _messages_needed(request: ContextRequest) -> int:
    """Return how many messages of the asking session its context can use."""
    if request.recall_strategy is RecallStrategy.AGENTIC:
        return PREVIOUS_MESSAGES + 1
    if request.max_tokens is None:
        return ALL_MESSAGES
    return max(PREVIOUS_MESSAGES + 1, request.max_tokens // LEAST_MESSAGE_TOKENS)


def _asked(state: ContextState) -> tuple[str, Sequence[Message]]:
    """Return the question and the messages that may complete it."""
    return asked(state.messages[-(PREVIOUS_MESSAGES + 1) :])


def _first_event(requested: RecallStrategy) -> ContextResponse:
    """Return the event that begins a stream; which strategy AUTO becomes is not known yet."""
    used = None if requested is RecallStrategy.AUTO else ContextMetadata(requested)
    return ContextResponse(False, None, used, status_update_message=FIRST_STEP)


def _quick_plan(state: ContextState, working: WorkingSet) -> QueryPlan:
    question, previous = _asked(state)
    today = state.session.created_at.date()
    return query_plan.plan(
        question, today=today, previous=previous, people=working.messages.speakers
    )


def _speakers(state: ContextState) -> Sequence[str]:
    """Return the speakers of the cached index; new ones follow with the next refresh."""
    return () if state.delta.base is None else state.delta.base.messages.speakers
