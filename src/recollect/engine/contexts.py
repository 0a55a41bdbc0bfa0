"""The engine's calls on contexts: one read, and one computation."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

from recollect.api import ContextRequest
from recollect.core import validation
from recollect.core.prompts import system_prompt
from recollect.engine.composer import ContextState
from recollect.engine.progress import Report
from recollect.engine.transacting import Transacting
from recollect.models import (
    ContextResponse,
    MergeConflictStatus,
    RecallStrategy,
)
from recollect.store import Tx

PREVIOUS_MESSAGES = 6
"""Messages before the question that may complete it: three exchanges."""


class Contexts(Transacting):
    """Makes contexts."""

    async def get_context(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> ContextResponse:
        return await self._context(user_id, session_id, _checked(request), None)

    async def get_context_stream(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> AsyncGenerator[ContextResponse, None]:
        checked = _checked(request)
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[ContextResponse | None] = asyncio.Queue()

        def report(event: ContextResponse) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        making = loop.create_task(self._context(user_id, session_id, checked, report))
        making.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            yield await making
        finally:
            making.cancel()

    async def system_prompt(self, recall_strategy: RecallStrategy) -> str:
        asked = validation.member(RecallStrategy, recall_strategy, "recall_strategy")
        return system_prompt(RecallStrategy.BALANCED if asked is RecallStrategy.AUTO else asked)

    async def _context(
        self, user_id: str, session_id: str, request: ContextRequest, report: Report | None
    ) -> ContextResponse:
        working_sets = self._resources.working_sets

        def work(tx: Tx) -> ContextState:
            user = tx.user(user_id)
            return ContextState(
                internal_user_id=user.user_id,
                session=user.session(session_id),
                messages=user.latest_session_messages(session_id, PREVIOUS_MESSAGES + 1),
                ongoing=user.ongoing_sessions(session_id),
                conflicts=[
                    conflict
                    for conflict in user.merge_conflicts()
                    if conflict.status is MergeConflictStatus.PENDING
                ],
                recent=None
                if request.last_n_messages is None
                else user.latest_messages_except(session_id, request.last_n_messages),
                delta=working_sets.delta(user),
            )

        def compose(state: ContextState) -> ContextResponse:
            working = working_sets.refresh(state.internal_user_id, state.delta)
            return self._resources.composer.compose(state, working, request, report)

        return await self._resources.store.read_then(self._project_id, work, compose)


def _checked(request: ContextRequest) -> ContextRequest:
    strategy = validation.member(RecallStrategy, request.recall_strategy, "recall_strategy")
    return validation.context_request(replace(request, recall_strategy=strategy))
