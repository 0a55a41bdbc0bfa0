"""Contexts: one read, then one computation."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from zoneinfo import ZoneInfo

from hitherto.api import ContextRequest
from hitherto.core import arguments
from hitherto.core.recall import query_plan
from hitherto.core.recall.query_plan import QueryPlan
from hitherto.engine.context_call import (
    ContextCall,
    ContextState,
    choose_strategy,
    conversation_now,
    split_question,
)
from hitherto.engine.context_metadata import MetadataBuilder
from hitherto.engine.memory_browser import IndexedMemoryBrowser
from hitherto.engine.progress import ProgressReporter, Report
from hitherto.engine.transactions import ProjectTransactions
from hitherto.inference.exploring.browser import Explored
from hitherto.inference.ledger import Account, charged_to
from hitherto.memory_index import UserIndex
from hitherto.models import (
    ContextMetadata,
    ContextResponse,
    MergeConflictStatus,
    Message,
    RecallStrategy,
)
from hitherto.prompts import system_prompt
from hitherto.store import ProjectUsers, Transaction
from hitherto.threads import in_thread

PREVIOUS_MESSAGES = 6
"""Messages before the question that may complete it: three exchanges."""

LEAST_MESSAGE_TOKENS = 16
"""WordPiece tokens of the speaker and the time in front of a shown message are at least these."""

ALL_MESSAGES = 2**31 - 1

FIRST_STEP = "Planning the search"
"""Message of a stream's first event."""


class Contexts(ProjectTransactions):
    """Makes contexts."""

    async def get_context(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> ContextResponse:
        return await self._context(user_id, session_id, arguments.context_request(request), None)

    async def get_context_stream(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> AsyncGenerator[ContextResponse, None]:
        checked = arguments.context_request(request)
        # A missing user or session is an error before the first event. The first event then comes
        # at once, because large indexes and models may take many seconds.
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
        index_cache = self._resources.index_cache

        def work(tx: ProjectUsers) -> ContextState:
            user = tx.user(user_id)
            session, recorded_at = user.sessions.get_recorded(session_id)
            return ContextState(
                internal_user_id=user.user_id,
                session=session,
                zone=user.zone(session) or ZoneInfo("UTC"),
                recorded_at=recorded_at,
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
                delta=index_cache.delta(user),
            )

        def read(tx: Transaction) -> ContextState:
            return work(tx.users(self._project_id))

        def compose(state: ContextState) -> ContextResponse:
            index = index_cache.refresh(state.internal_user_id, state.delta)
            plan = _quick_plan(state, index)
            strategy = request.recall_strategy
            recorders = _begin(report, request, strategy, plan)
            now = conversation_now(state, self._resources.clock())
            call = ContextCall(state, index, request, plan, strategy, *recorders, now)
            return self._resources.composer.compose(call)

        store = self._resources.store
        is_quick = request.recall_strategy is RecallStrategy.LOW_LATENCY
        if is_quick and not self._resources.embedders.is_remote():
            async with self._share():
                return await store.read_then(read, compose)
        async with self._share():
            state = await store.read(read)
        if is_quick:
            # A remote embedder may wait for a network, which must not block the store's threads.
            return await in_thread(compose, state)
        account = Account(self._project_id, state.internal_user_id, state.session.session_id)
        with charged_to(account):
            return await self._planned_context(state, request, report)

    async def _planned_context(
        self, state: ContextState, request: ContextRequest, report: Report | None
    ) -> ContextResponse:
        """Return a context with the inference's plan, and its exploration if it is AGENTIC."""
        question, previous = _question(state)
        plan = await self._resources.inference.plan(
            question, state.today, previous, _speakers(state)
        )
        strategy = choose_strategy(request.recall_strategy, plan)
        metadata, progress = _begin(report, request, strategy, plan)
        async with self._share():
            index = await in_thread(
                self._resources.index_cache.refresh, state.internal_user_id, state.delta
            )
        now = conversation_now(state, self._resources.clock())
        call = ContextCall(state, index, request, plan, strategy, metadata, progress, now)
        explored = None
        if strategy is RecallStrategy.AGENTIC:
            if plan.question:
                explored = await self._explore(call)
            metadata.record_exploration(explored)
            progress.report_exploration(explored)
        async with self._computing():
            return await in_thread(self._resources.composer.compose, call, explored)

    def _computing(self) -> AbstractAsyncContextManager[None]:
        """Hold a thread of the project's share, unless the time is spent waiting for a network."""
        if self._resources.embedders.is_remote():
            return contextlib.nullcontext()
        return self._share()

    async def _explore(self, call: ContextCall) -> Explored | None:
        """Return a model's findings in the user's memory; None if no model explores."""
        state = call.state
        browser = IndexedMemoryBrowser(
            call.index,
            await in_thread(self._resources.composer.embedder_of, call.index),
            call.zone,
            ongoing=state.ongoing,
            conflicts=state.conflicts,
        )
        return await self._resources.inference.explore(
            call.plan,
            state.today,
            _question(state)[1],
            browser,
            call.progress.report_step,
        )


def _begin(
    report: Report | None, request: ContextRequest, strategy: RecallStrategy, plan: QueryPlan
) -> tuple[MetadataBuilder, ProgressReporter]:
    metadata = MetadataBuilder(strategy, plan, is_detailed=request.include_metadata_ids)
    progress = ProgressReporter(report, metadata)
    progress.report_plan(plan)
    return metadata, progress


def _messages_needed(request: ContextRequest) -> int:
    """Return how many messages of the asking session its context can use."""
    if request.recall_strategy is RecallStrategy.AGENTIC:
        return PREVIOUS_MESSAGES + 1
    if request.max_tokens is None:
        return ALL_MESSAGES
    return max(PREVIOUS_MESSAGES + 1, request.max_tokens // LEAST_MESSAGE_TOKENS)


def _question(state: ContextState) -> tuple[str, Sequence[Message]]:
    """Return the question and the messages that may complete it."""
    return split_question(state.messages[-(PREVIOUS_MESSAGES + 1) :])


def _first_event(requested: RecallStrategy) -> ContextResponse:
    """Return the first event of a stream; the strategy for AUTO is not chosen yet."""
    used = None if requested is RecallStrategy.AUTO else ContextMetadata(requested)
    return ContextResponse(False, None, used, status_update_message=FIRST_STEP)


def _quick_plan(state: ContextState, index: UserIndex) -> QueryPlan:
    question, previous = _question(state)
    today = state.today
    return query_plan.plan(question, today=today, previous=previous, people=index.messages.people())


def _speakers(state: ContextState) -> Sequence[str]:
    """Return the people of the cached index; new ones follow with the next refresh."""
    return () if state.delta.base is None else state.delta.base.messages.people()
