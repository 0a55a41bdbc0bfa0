"""Memory behind a server: each call of `MemoryApi` is a request of the public contract.

Arguments are checked by the rules of the embedded system before anything is sent, so a mistake
gives the same error at once. The server checks them again.
"""

import asyncio
import builtins
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar

import pydantic

from hitherto import wire
from hitherto.api import MIN_AUTO_PROCESS_S, UNSET, ContextRequest, Page, SortBy, SortOrder, Unset
from hitherto.client.error_mapping import ErrorContext
from hitherto.client.http_paths import conflict_path, memory_path, session_path, user_path
from hitherto.client.http_transport import HttpParts, Query, Request, Transport, json_of, path_of
from hitherto.core import arguments
from hitherto.core.conflict_answers import well_formed
from hitherto.core.metadata_filters import MetadataFilter
from hitherto.errors import (
    ConnectionError,
    InvalidCategoriesError,
    TimeoutError,
    UserNotFoundError,
)
from hitherto.models import (
    ContextResponse,
    DeletionReport,
    MergeConflictAnswer,
    MergeConflictModel,
    MergeConflictStatus,
    MessageRole,
    Metadata,
    RecallStrategy,
    SessionMessagesList,
    SessionModel,
    SessionStatus,
    UserMemoriesList,
    UserMemoryItem,
    UserMessagesList,
    UserModel,
)

UNBOUNDED = sys.maxsize
"""No limit: the server has a setting for the length of texts and metadata, and checks it."""

PAGE_SIZE = 100
"""Users of a page: the maximum of the contract."""

USERS_AT_ONCE = 8
"""Users whose sessions are asked for at the same time while waiting."""

FIRST_POLL_S = 0.1
MAX_POLL_S = 5.0
"""Pauses between polls of sessions in work: the first and the longest; they double."""

END_S = 0.1
"""Seconds that a stream may take to end after its last event."""

W = TypeVar("W", bound=wire.WireModel)


def open_http(
    base_url: str, api_key: str, project_id: str, timeout_s: float, parts: HttpParts | None
) -> "HttpApi":
    """Return the API of a server; the first call sends the first request.

    timeout_s: for connecting, and for each wait for a part of an answer.
    """
    return HttpApi(Transport(base_url, api_key, project_id, timeout_s, parts or HttpParts()))


class HttpApi:
    """A memory that a server keeps.

    Requests that change nothing, deletions, and those that create something (they carry an
    idempotency key) are sent up to three times when the connection fails or the server is busy;
    all others only if the server cannot have begun.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create_user(
        self,
        user_id: str,
        *,
        metadata: Metadata | None = None,
        merge_conflict_enabled: bool | None = None,
        timezone: str | None = None,
        idempotency_key: str | None = None,
    ) -> UserModel:
        body: dict[str, Any] = {
            "custom_user_id": arguments.user_id(user_id),
            "metadata": _object(metadata),
        }
        flag = arguments.optional_flag(merge_conflict_enabled, "merge_conflict_enabled")
        if flag is not None:
            body["merge_conflict_enabled"] = flag
        zone = arguments.optional_timezone(timezone)
        if zone is not None:
            body["timezone"] = zone
        request = Request(
            "POST",
            path_of("users"),
            ErrorContext(),
            body=body,
            idempotency_key=self._key(idempotency_key),
        )
        return (await self._ask(wire.UserEnvelope, request)).to_model()

    async def get_user(self, user_id: str) -> UserModel:
        request = Request("GET", user_path(user_id), ErrorContext(user_id))
        return (await self._ask(wire.UserEnvelope, request)).to_model()

    async def list_users(
        self,
        *,
        offset: int = 0,
        limit: int = 10,
        metadata_filter: dict[str, Any] | None = None,
        partial_user_id: str | None = None,
    ) -> Page[UserModel]:
        part = arguments.text(partial_user_id or "", "partial_user_id", arguments.MAX_ID_CHARS)
        query: Query = {
            **_page(offset, limit, 100),
            "metadata_filter": _filter(metadata_filter, "metadata_filter"),
            "partial_user_id": part or None,
        }
        request = Request("GET", path_of("users"), ErrorContext(), query)
        return (await self._ask(wire.UserList, request)).to_model()

    async def update_user(
        self,
        user_id: str,
        *,
        new_metadata: Metadata | None = None,
        new_user_id: str | None = None,
        merge_conflict_enabled: bool | Unset | None = UNSET,
        timezone: str | Unset | None = UNSET,
    ) -> UserModel:
        body: dict[str, Any] = {}
        if new_metadata is not None:
            body["new_metadata"] = _object(new_metadata)
        if new_user_id is not None:
            body["new_custom_user_id"] = arguments.user_id(new_user_id)
        if not isinstance(merge_conflict_enabled, Unset):
            body["merge_conflict_enabled"] = arguments.optional_flag(
                merge_conflict_enabled, "merge_conflict_enabled"
            )
        if not isinstance(timezone, Unset):
            body["timezone"] = arguments.optional_timezone(timezone)
        request = Request("PUT", user_path(user_id), ErrorContext(user_id), body=body)
        return (await self._ask(wire.UserEnvelope, request)).to_model()

    async def delete_user(self, user_id: str) -> DeletionReport:
        request = Request("DELETE", user_path(user_id), ErrorContext(user_id), _REPORTED)
        return await self._delete(request)

    async def create_session(
        self,
        user_id: str,
        *,
        metadata: Metadata | None = None,
        auto_process_after_seconds: int | None = MIN_AUTO_PROCESS_S,
        custom_created_at_utc: datetime | None = None,
        timezone: str | None = None,
        idempotency_key: str | None = None,
    ) -> SessionModel:
        created_at = arguments.utc_instant(custom_created_at_utc, "custom_created_at_utc")
        body: dict[str, Any] = {
            "metadata": _object(metadata),
            "auto_process_after_seconds": arguments.auto_process_after_s(
                auto_process_after_seconds
            ),
        }
        if created_at is not None:
            body["custom_created_at_utc"] = created_at.isoformat()
        zone = arguments.optional_timezone(timezone)
        if zone is not None:
            body["timezone"] = zone
        request = Request(
            "POST",
            user_path(user_id, "sessions"),
            ErrorContext(user_id),
            body=body,
            idempotency_key=self._key(idempotency_key),
        )
        return _session_of(user_id, await self._ask(wire.SessionEnvelope, request))

    async def get_session(
        self,
        user_id: str,
        session_id: str,
        *,
        include_summary: bool = False,
        include_memories: bool = False,
    ) -> SessionModel:
        query: Query = {
            "include_summary": include_summary or None,
            "include_memories": include_memories or None,
        }
        request = Request("GET", *session_path(user_id, session_id), query)
        return _session_of(user_id, await self._ask(wire.SessionEnvelope, request))

    async def list_sessions(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 10,
        metadata_filter: dict[str, Any] | None = None,
        status_filter: Sequence[SessionStatus] | None = None,
    ) -> Page[SessionModel]:
        query: Query = {
            **_page(offset, limit, 100),
            "metadata_filter": _filter(metadata_filter, "metadata_filter"),
            "status_filter": [
                arguments.member(SessionStatus, status, "status_filter").value
                for status in status_filter or ()
            ],
        }
        request = Request("GET", user_path(user_id, "sessions"), ErrorContext(user_id), query)
        page = (await self._ask(wire.SessionList, request)).to_model()
        return replace(page, items=[_with_user(user_id, session) for session in page.items])

    async def update_session(
        self,
        user_id: str,
        session_id: str,
        new_metadata: Metadata | None = None,
        *,
        timezone: str | Unset | None = UNSET,
    ) -> SessionModel:
        body: dict[str, Any] = {}
        if new_metadata is not None:
            body["new_metadata"] = _object(new_metadata)
        if not isinstance(timezone, Unset):
            body["timezone"] = arguments.optional_timezone(timezone)
        request = Request("PUT", *session_path(user_id, session_id), body=body)
        return _session_of(user_id, await self._ask(wire.SessionEnvelope, request))

    async def delete_session(self, user_id: str, session_id: str) -> DeletionReport:
        request = Request("DELETE", *session_path(user_id, session_id), _REPORTED)
        return await self._delete(request)

    async def add_message(
        self,
        user_id: str,
        session_id: str,
        role: MessageRole,
        content: str,
        *,
        idempotency_key: str | None = None,
    ) -> None:
        request = Request(
            "POST",
            *session_path(user_id, session_id, "add-message"),
            body={
                "message": arguments.content(content, UNBOUNDED),
                "role": arguments.role(role),
            },
            idempotency_key=self._key(idempotency_key),
        )
        await self._transport.send(request)

    async def get_messages(
        self, user_id: str, session_id: str, *, offset: int = 0, limit: int = 50
    ) -> SessionMessagesList:
        query = _page(offset, limit, 500)
        request = Request("GET", *session_path(user_id, session_id, "messages"), query)
        return (await self._ask(wire.SessionMessageList, request)).to_model()

    async def get_last_n_messages(self, user_id: str, n: int) -> UserMessagesList:
        query: Query = {"limit": arguments.whole(n, "n", 1, 100)}
        request = Request("GET", user_path(user_id, "messages"), ErrorContext(user_id), query)
        return (await self._ask(wire.UserMessageList, request)).to_model()

    async def process(self, user_id: str, session_id: str) -> SessionModel:
        request = Request("POST", *session_path(user_id, session_id, "process"))
        await self._transport.send(request)
        return await self.get_session(user_id, session_id)

    async def wait_until_processed(self, *, timeout_s: float | None = None) -> None:
        """Return once a look at all users of the project finds no session PROCESSING.

        The contract can only be asked user by user: a look costs a request for each user, eight at
        a time, and one for every hundred users; there are two looks if the first finds sessions in
        work, and between them only their users are asked. Where there are many users, `refresh()`
        of the sessions in question costs less. A PENDING session whose inactivity has just run out
        is not seen. Raises TimeoutError.
        """
        deadline = None if timeout_s is None else self._transport.parts.monotonic() + timeout_s
        while busy := await self._busy_users(await self._all_user_ids()):
            delay_s = FIRST_POLL_S
            while busy:
                await self._pause(delay_s, deadline, len(busy))
                delay_s = min(2 * delay_s, MAX_POLL_S)
                busy = await self._busy_users(busy)

    async def get_context(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> ContextResponse:
        http_request = Request(
            "GET", *session_path(user_id, session_id, "context"), _context_query(request)
        )
        return (await self._ask(wire.Context, http_request)).to_model()

    async def get_context_stream(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> AsyncGenerator[ContextResponse, None]:
        query = {**_context_query(request), "stream": True}
        http_request = Request(
            "GET", *session_path(user_id, session_id, "context"), query, streamed=True
        )
        last: ContextResponse | None = None
        async with (
            self._transport.stream(http_request) as pieces,
            aclosing(_events(pieces)) as events,
        ):
            async for data in events:
                event = _parse(wire.Context, data, http_request.path).to_model()
                if event.is_final:
                    last = event
                    await _read_to_end(events)
                    break
                yield event
        if last is None:
            raise ConnectionError(
                f"the stream of {http_request.path} ended before its last event; try again"
            )
        # After the stream is closed: a caller that stops reading here leaves no open connection.
        yield last

    async def system_prompt(self, recall_strategy: RecallStrategy) -> str:
        strategy = arguments.member(RecallStrategy, recall_strategy, "recall_strategy")
        query: Query = {"recall_strategy": strategy.value}
        request = Request("GET", path_of("system-prompt"), ErrorContext(), query)
        return (await self._ask(wire.SystemPrompt, request)).system_prompt

    async def list_memories(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 20,
        categories: Sequence[str] | None = None,
        session_id_filter: Sequence[str] | None = None,
        session_metadata_filter: dict[str, Any] | None = None,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> UserMemoriesList:
        query: Query = {
            **_page(offset, limit, 200),
            "categories": arguments.texts(categories, "categories"),
            "session_id_filter": arguments.texts(session_id_filter, "session_id_filter"),
            "session_metadata_filter": _filter(session_metadata_filter, "session_metadata_filter"),
            "include_previous_versions": include_previous_versions,
            "include_connected_memories": include_connected_memories,
        }
        subject = ErrorContext(user_id, refused=InvalidCategoriesError)
        request = Request("GET", user_path(user_id, "memories"), subject, query)
        return (await self._ask(wire.MemoryList, request)).to_model()

    async def get_memory(
        self,
        user_id: str,
        memory_id: str,
        *,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> UserMemoryItem:
        query: Query = {
            "include_previous_versions": include_previous_versions,
            "include_connected_memories": include_connected_memories,
        }
        request = Request("GET", *memory_path(user_id, memory_id), query)
        return (await self._ask(wire.Memory, request)).to_model()

    async def list_doubtful_memories(
        self, user_id: str, *, offset: int = 0, limit: int = 20
    ) -> UserMemoriesList:
        path, query = user_path(user_id, "doubtful-memories"), _page(offset, limit, 200)
        request = Request("GET", path, ErrorContext(user_id), query)
        return (await self._ask(wire.MemoryList, request)).to_model()

    async def confirm_memory(self, user_id: str, memory_id: str) -> UserMemoryItem:
        request = Request("POST", *memory_path(user_id, memory_id, "confirm"))
        return (await self._ask(wire.Memory, request)).to_model()

    async def end_memory(self, user_id: str, memory_id: str) -> UserMemoryItem:
        request = Request("POST", *memory_path(user_id, memory_id, "end"))
        return (await self._ask(wire.Memory, request)).to_model()

    async def delete_memory(
        self, user_id: str, memory_id: str, *, delete_previous_versions: bool = False
    ) -> DeletionReport:
        query: Query = {**_REPORTED, "delete_previous_versions": delete_previous_versions}
        request = Request("DELETE", *memory_path(user_id, memory_id), query)
        return await self._delete(request)

    async def list_merge_conflicts(
        self,
        user_id: str,
        *,
        offset: int = 0,
        limit: int = 10,
        status: MergeConflictStatus | None = None,
        sort_by: SortBy = "created_at",
        sort_order: SortOrder = "desc",
    ) -> Page[MergeConflictModel]:
        wanted = None if status is None else arguments.member(MergeConflictStatus, status, "status")
        query: Query = {
            **_page(offset, limit, 100),
            "status": wanted,
            "sort_by": sort_by,
            "sort_order": sort_order,
        }
        request = Request(
            "GET", user_path(user_id, "merge-conflicts"), ErrorContext(user_id), query
        )
        return (await self._ask(wire.MergeConflictList, request)).to_model()

    async def get_merge_conflict(self, user_id: str, merge_conflict_id: str) -> MergeConflictModel:
        request = Request("GET", *conflict_path(user_id, merge_conflict_id))
        return (await self._ask(wire.MergeConflictEnvelope, request)).to_model()

    async def resolve_merge_conflict(
        self, user_id: str, merge_conflict_id: str, answers: Sequence[MergeConflictAnswer]
    ) -> MergeConflictModel:
        answer_bodies = [
            {"question": item.question, "answer": item.answer, "message": item.message}
            for item in well_formed(answers, UNBOUNDED)
        ]
        request = Request(
            "POST",
            *conflict_path(user_id, merge_conflict_id, "resolve"),
            body={"answers": {"question_answers": answer_bodies}},
        )
        return (await self._ask(wire.MergeConflictEnvelope, request)).to_model()

    async def close(self) -> None:
        """Close the connections; the server goes on."""
        await self._transport.close()

    async def _ask(self, answer: type[W], request: Request) -> W:
        response = await self._transport.send(request)
        return _parse(answer, response.content, request.path)

    async def _delete(self, request: Request) -> DeletionReport:
        response = await self._transport.send(request)
        if response.status_code != HTTPStatus.OK:
            return DeletionReport()
        return _parse(wire.DeletionReport, response.content, request.path).to_model()

    def _key(self, idempotency_key: str | None) -> str:
        return self._transport.parts.new_id() if idempotency_key is None else idempotency_key

    async def _all_user_ids(self) -> list[str]:
        user_ids: dict[str, None] = {}
        page = await self.list_users(limit=PAGE_SIZE)
        offset = 0
        while page.items:
            user_ids |= dict.fromkeys(user.user_id for user in page.items)
            offset += len(page.items)
            if not page.has_more:
                break
            page = await self.list_users(offset=offset, limit=PAGE_SIZE)
        return list(user_ids)

    async def _busy_users(self, user_ids: Sequence[str]) -> list[str]:
        """Return the users with a session in PROCESSING; a deleted user has none."""
        slots = asyncio.Semaphore(USERS_AT_ONCE)

        async def busy(user_id: str) -> bool:
            async with slots:
                try:
                    page = await self.list_sessions(
                        user_id, limit=1, status_filter=[SessionStatus.PROCESSING]
                    )
                except UserNotFoundError:
                    return False
                return page.total > 0

        busy_flags = await asyncio.gather(*(busy(user_id) for user_id in user_ids))
        return [user_id for user_id, is_busy in zip(user_ids, busy_flags, strict=True) if is_busy]

    async def _pause(self, delay_s: float, deadline: float | None, busy: int) -> None:
        parts = self._transport.parts
        left_s = delay_s if deadline is None else min(delay_s, deadline - parts.monotonic())
        if left_s <= 0:
            raise TimeoutError(
                f"sessions of {busy:,} users are still being processed; allow more time"
            )
        await parts.sleep(left_s)


_REPORTED: Query = {"report": True}


def _object(value: Metadata | None) -> Metadata:
    return arguments.metadata(value, UNBOUNDED)


def _page(offset: int, limit: int, most: int) -> dict[str, int]:
    arguments.page(offset, limit, most)
    return {"offset": offset, "limit": limit}


def _filter(value: dict[str, Any] | None, name: str) -> str | None:
    metadata_filter = MetadataFilter(value, name)
    return json_of(metadata_filter.wanted) if metadata_filter else None


def _context_query(request: ContextRequest) -> dict[str, Any]:
    checked = arguments.context_request(request)
    return asdict(checked) | {"recall_strategy": checked.recall_strategy.value}


def _with_user(user_id: str, session: SessionModel) -> SessionModel:
    """Return a session with its user, whose id only our own server names."""
    return session if session.user_id else replace(session, user_id=user_id)


def _session_of(user_id: str, envelope: wire.SessionEnvelope) -> SessionModel:
    return _with_user(user_id, envelope.to_model())


def _parse(answer: type[W], content: str | bytes, path: str) -> W:
    try:
        return answer.model_validate_json(content)
    except pydantic.ValidationError as error:
        raise ConnectionError(
            f"the answer to {path} is not an answer of Hitherto ({error.error_count()} faults, "
            f"first: {error.errors()[0]['msg']}); check the address"
        ) from error


async def _events(pieces: AsyncIterator[str]) -> AsyncGenerator[str, None]:
    """Yield the contents of `data:` lines; lines end with a line feed."""
    rest = ""
    async for piece in pieces:
        *lines, rest = (rest + piece).split("\n")
        for line in lines:
            if line.startswith("data:"):
                yield line.removeprefix("data:").strip()


async def _read_to_end(events: AsyncIterator[str]) -> None:
    """Read a stream to its end, for at most `END_S`, so that its connection is reusable."""
    with suppress(builtins.TimeoutError, ConnectionError, TimeoutError):
        async with asyncio.timeout(END_S):
            async for _ in events:
                pass
