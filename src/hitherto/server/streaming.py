"""Contexts as server-sent events.

Each event is one line of ASCII: clients split lines on more characters than CR and LF, and decode
network chunks one by one. A comment is sent whenever nothing else was for a while, since clients
give up on a silent connection.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from starlette.responses import StreamingResponse
from starlette.types import Scope

from hitherto.errors import RecallrAIError
from hitherto.models import ContextMetadata, ContextResponse, RecallStrategy
from hitherto.server.error_responses import INTERNAL_ERROR, log_failure, public_message
from hitherto.wire import Context

PING = b": ping\n\n"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Caches keep nothing, and proxies pass each event on at once."""

Events = AsyncGenerator[ContextResponse, None]


async def context_stream(
    events: Events, scope: Scope, requested: RecallStrategy, ping_s: float
) -> StreamingResponse:
    """Answer with server-sent events, once the first of them is there.

    scope: the request's, for the log. requested: strategy in the metadata of a failure before any
        event with metadata.
    ping_s: seconds of silence after which a comment is sent.
    Raises what producing the first event raises, so that such a failure has its own status code.
    """
    stream = _Stream(events, await anext(events), scope, requested, ping_s)
    return StreamingResponse(stream.lines(), media_type="text/event-stream", headers=HEADERS)


def event_line(event: ContextResponse) -> bytes:
    """Return an event as it is sent."""
    written = json.dumps(Context.from_model(event).model_dump(mode="json"), ensure_ascii=True)
    return f"data: {written}\n\n".encode("ascii")


@dataclass(slots=True)
class _Stream:
    """Stream whose latest event is there and not sent yet."""

    events: Events
    latest: ContextResponse
    scope: Scope
    requested: RecallStrategy
    ping_s: float

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield all events, with comments in between; the last event is always final."""
        try:
            yield event_line(self.latest)
            while not self.latest.is_final:
                waiting = asyncio.ensure_future(anext(self.events))
                try:
                    while not (await asyncio.wait({waiting}, timeout=self.ping_s))[0]:
                        yield PING
                    self.latest = waiting.result()
                finally:
                    await _abandon(waiting)
                yield event_line(self.latest)
        except RecallrAIError as error:
            yield event_line(self._failure(public_message(self.scope, error)))
        except Exception as error:  # noqa: BLE001  the status is sent: only an event can report it
            log_failure(self.scope, error)
            yield event_line(self._failure(INTERNAL_ERROR))
        finally:
            await self.events.aclose()

    def _failure(self, message: str) -> ContextResponse:
        used = self.requested
        if self.latest.metadata is not None:
            used = self.latest.metadata.recall_strategy_used
        elif self.requested is RecallStrategy.AUTO:
            used = RecallStrategy.BALANCED
        return ContextResponse(
            is_final=True,
            context=None,
            metadata=ContextMetadata(recall_strategy_used=used),
            error_message=message,
        )


async def _abandon(waiting: "asyncio.Future[ContextResponse]") -> None:
    """Stop the work on an event that is no longer wanted."""
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
