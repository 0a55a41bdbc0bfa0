"""A server that answers as it is told, and the parts of a client that never waits."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from hitherto import HttpParts
from hitherto.client.http_api import HttpApi, open_http

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]

USER = {
    "custom_user_id": "alice",
    "metadata": {"plan": "pro"},
    "merge_conflict_enabled": None,
    "created_at": "2025-03-14T10:00:00Z",
    "last_active_at": "2025-03-14T10:00:00+00:00",
}
SESSION = {
    "session_id": "s-1",
    "user_id": "alice",
    "status": "pending",
    "metadata": {},
    "created_at": "2025-03-14T10:00:00Z",
    "processed_at": None,
    "auto_process_after_seconds": 600,
}
CONFLICT = {
    "id": "c-1",
    "conflict_id": "c-1",
    "project_user_session_id": "s-1",
    "proposed_memory_content": "User lives in Porto.",
    "conflicting_memories": [],
    "clarifying_questions": [{"question": "Where?", "options": ["Porto", "Lisbon"]}],
    "status": "PENDING",
    "created_at": "2025-03-14T10:00:00Z",
    "resolved_at": None,
}


class Scripted(httpx.AsyncBaseTransport):
    """Gives the answers in turn, the last one again and again, and keeps what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waits_s: list[float] = []
        self._ids = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return answer(request)

    async def sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)

    def new_id(self) -> str:
        self._ids += 1
        return f"id-{self._ids}"

    @property
    def parts(self) -> HttpParts:
        return HttpParts(
            transport=self,
            sleep=self.sleep,
            chance=lambda: 0.5,
            monotonic=lambda: sum(self.waits_s),
            new_id=self.new_id,
        )

    @property
    def api(self) -> HttpApi:
        return open_http("http://memory.test", "rai_key", "p-1", 30.0, self.parts)

    @property
    def request(self) -> httpx.Request:
        """The only request that was made."""
        (request,) = self.requests
        return request

    @property
    def body(self) -> Any:
        return json.loads(self.request.content)


def answer(status: int, body: Any = None, **headers: str) -> httpx.Response:
    """A JSON answer; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is None:
        return httpx.Response(status, headers=named)
    return httpx.Response(status, json=body, headers=named)


def user_answer(status: int = 200) -> httpx.Response:
    return answer(status, {"user": USER})


def session_answer(code: int = 200, /, **fields: Any) -> httpx.Response:
    return answer(code, {"session": SESSION | fields})
