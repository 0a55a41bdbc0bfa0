"""The released Node client's objects, with the names of the Python client's methods.

So a check is written once for both. They check no shapes: a field that is missing reads as None.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from tests.conformance.node_wire import (
    InvalidCategoriesError,
    InvalidSessionStateError,
    MergeConflictAlreadyResolvedError,
    MergeConflictInvalidAnswerError,
    MergeConflictInvalidQuestionsError,
    MergeConflictMissingAnswersError,
    MergeConflictNotFoundError,
    RecallrAIError,
    SessionNotFoundError,
    UserAlreadyExistsError,
    UserNotFoundError,
    Wire,
    date_of,
    expected,
    instant,
    nested,
    plain,
    stringified,
)


def _read(data: Any, dates: Sequence[str]) -> SimpleNamespace:
    """An object's fields as attributes, those named as instants; others that are missing None."""
    return _Loose(
        **{name: date_of(value) if name in dates else value for name, value in data.items()}
    )


class _Loose(SimpleNamespace):
    """An object without a schema: what is not there is None."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


class NodeClient:
    """The client's root."""

    def __init__(
        self,
        api_key: str,
        project_id: str,
        base_url: str,
        timeout: float = 30,
        *,
        raw_brackets: bool = False,
    ) -> None:
        if not api_key.startswith("rai_"):
            raise ValueError("API key must start with 'rai_'")
        self.wire = Wire(api_key, project_id, base_url, timeout, raw_brackets)

    async def close(self) -> None:
        """Let go of the connections."""
        await self.wire.close()

    async def create_user(
        self,
        user_id: str,
        metadata: Mapping[str, Any] | None = None,
        merge_conflict_enabled: bool | None = None,
    ) -> "NodeUser":
        """POST /users, without the keys that are not set."""
        body = {
            "custom_user_id": user_id,
            "metadata": metadata,
            "merge_conflict_enabled": merge_conflict_enabled,
        }
        answer = await self.wire.send("POST", "/api/v1/users", body=body)
        data = expected(answer, 201, {409: UserAlreadyExistsError})
        return NodeUser(self.wire, _user_of(data))

    async def get_user(self, user_id: str) -> "NodeUser":
        """GET /users/{id}."""
        answer = await self.wire.send("GET", f"/api/v1/users/{user_id}")
        return NodeUser(self.wire, _user_of(expected(answer, 200, {404: UserNotFoundError})))

    async def list_users(
        self, offset: int = 0, limit: int = 10, metadata_filter: Mapping[str, Any] | None = None
    ) -> SimpleNamespace:
        """GET /users."""
        params = {"offset": offset, "limit": limit, "metadata_filter": _filter(metadata_filter)}
        data = expected(await self.wire.send("GET", "/api/v1/users", params), 200, {})
        users = [NodeUser(self.wire, _user_of(item)) for item in data["users"]]
        return SimpleNamespace(users=users, total=data.get("total"), has_more=data.get("has_more"))


def _filter(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else stringified(value)


def _user_of(data: Any) -> SimpleNamespace:
    return _read(data.get("user", data), ("created_at", "last_active_at"))


def _session_of(data: Any) -> SimpleNamespace:
    return _read(data.get("session", data), ("created_at",))


class NodeUser:
    """A user."""

    def __init__(self, wire: Wire, data: Any) -> None:
        self._wire = wire
        self._take(data)

    def _take(self, data: Any) -> None:
        self.user_id = data.custom_user_id
        self.metadata = data.metadata
        self.merge_conflict_enabled = data.merge_conflict_enabled
        self.created_at = data.created_at
        self.last_active_at = data.last_active_at

    @property
    def _path(self) -> str:
        return f"/api/v1/users/{self.user_id}"

    async def update(
        self,
        new_metadata: Mapping[str, Any] | None = None,
        new_user_id: str | None = None,
        merge_conflict_enabled: bool | None = None,
    ) -> None:
        """PUT /users/{id}."""
        body = {
            "new_metadata": new_metadata,
            "new_custom_user_id": new_user_id,
            "merge_conflict_enabled": merge_conflict_enabled,
        }
        known = {404: UserNotFoundError, 409: UserAlreadyExistsError}
        self._take(
            _user_of(expected(await self._wire.send("PUT", self._path, body=body), 200, known))
        )

    async def refresh(self) -> None:
        """GET /users/{id}."""
        answer = await self._wire.send("GET", self._path)
        self._take(_user_of(expected(answer, 200, {404: UserNotFoundError})))

    async def delete(self) -> None:
        """DELETE /users/{id}."""
        expected(await self._wire.send("DELETE", self._path), 204, {404: UserNotFoundError})

    async def create_session(
        self,
        auto_process_after_seconds: int = 600,
        metadata: Mapping[str, Any] | None = None,
        custom_created_at_utc: datetime | None = None,
    ) -> "NodeSession":
        """POST .../sessions."""
        body = {
            "auto_process_after_seconds": auto_process_after_seconds,
            "metadata": metadata or {},
            "custom_created_at_utc": custom_created_at_utc and instant(custom_created_at_utc),
        }
        answer = await self._wire.send("POST", f"{self._path}/sessions", body=body)
        data = expected(answer, 201, {404: UserNotFoundError})
        return NodeSession(self._wire, self.user_id, _session_of(data))

    async def get_session(self, session_id: str) -> "NodeSession":
        """GET .../sessions/{id}."""
        answer = await self._wire.send("GET", f"{self._path}/sessions/{session_id}")
        data = nested(answer, self.user_id, SessionNotFoundError)
        return NodeSession(self._wire, self.user_id, _session_of(data))

    async def list_sessions(
        self,
        offset: int = 0,
        limit: int = 10,
        metadata_filter: Mapping[str, Any] | None = None,
        status_filter: Sequence[Any] | None = None,
    ) -> SimpleNamespace:
        """GET .../sessions."""
        params = {
            "offset": offset,
            "limit": limit,
            "metadata_filter": _filter(metadata_filter),
            "status_filter": status_filter,
        }
        answer = await self._wire.send("GET", f"{self._path}/sessions", params)
        data = expected(answer, 200, {404: UserNotFoundError})
        sessions = [
            NodeSession(self._wire, self.user_id, _session_of(item)) for item in data["sessions"]
        ]
        return SimpleNamespace(
            sessions=sessions, total=data.get("total"), has_more=data.get("has_more")
        )

    async def list_memories(
        self,
        offset: int = 0,
        limit: int = 20,
        categories: Sequence[str] | None = None,
        session_id_filter: Sequence[str] | None = None,
        session_metadata_filter: Mapping[str, Any] | None = None,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> SimpleNamespace:
        """GET .../memories."""
        params = {
            "offset": offset,
            "limit": limit,
            "include_previous_versions": include_previous_versions,
            "include_connected_memories": include_connected_memories,
            "categories": categories,
            "session_id_filter": session_id_filter,
            "session_metadata_filter": _filter(session_metadata_filter),
        }
        status, data = await self._wire.send("GET", f"{self._path}/memories", params)
        if status == 400:
            detail = data["detail"]
            raise InvalidCategoriesError(detail["message"], status, detail["invalid_categories"])
        found = expected((status, data), 200, {404: UserNotFoundError})
        items = [_memory_of(item) for item in found["items"]]
        return SimpleNamespace(
            items=items, total=found.get("total"), has_more=found.get("has_more")
        )

    async def get_memory(
        self,
        memory_id: str,
        include_previous_versions: bool = True,
        include_connected_memories: bool = True,
    ) -> SimpleNamespace:
        """GET .../memory/{id}."""
        params = {
            "include_previous_versions": include_previous_versions,
            "include_connected_memories": include_connected_memories,
        }
        answer = await self._wire.send("GET", f"{self._path}/memory/{memory_id}", params)
        return _memory_of(expected(answer, 200, {}))

    async def delete_memory(self, memory_id: str, delete_previous_versions: bool = False) -> None:
        """DELETE .../memory/{id}."""
        params = {"delete_previous_versions": delete_previous_versions}
        answer = await self._wire.send("DELETE", f"{self._path}/memory/{memory_id}", params)
        expected(answer, 204, {})

    async def list_merge_conflicts(
        self,
        offset: int = 0,
        limit: int = 10,
        status: Any = None,
        sort_by: str = "created_at",
        sort_order: str = "desc",
    ) -> SimpleNamespace:
        """GET .../merge-conflicts."""
        params = {
            "offset": offset,
            "limit": limit,
            "sort_by": sort_by,
            "sort_order": sort_order,
            "status": status,
        }
        answer = await self._wire.send("GET", f"{self._path}/merge-conflicts", params)
        data = expected(answer, 200, {404: UserNotFoundError})
        conflicts = [
            NodeMergeConflict(self._wire, self.user_id, item) for item in data["conflicts"]
        ]
        return SimpleNamespace(
            conflicts=conflicts, total=data.get("total"), has_more=data.get("has_more")
        )

    async def get_merge_conflict(self, conflict_id: str) -> "NodeMergeConflict":
        """GET .../merge-conflicts/{id}."""
        answer = await self._wire.send("GET", f"{self._path}/merge-conflicts/{conflict_id}")
        data = nested(answer, self.user_id, MergeConflictNotFoundError)
        return NodeMergeConflict(self._wire, self.user_id, data.get("conflict", data))

    async def get_last_n_messages(self, n: int) -> SimpleNamespace:
        """GET /users/{id}/messages, refused here already when n is out of range."""
        if not 1 <= n <= 100:
            raise ValueError("n must be between 1 and 100")
        answer = await self._wire.send("GET", f"{self._path}/messages", {"limit": n})
        data = expected(answer, 200, {404: UserNotFoundError})
        return SimpleNamespace(messages=[_read(item, ("timestamp",)) for item in data["messages"]])


_MEMORY_DATES = ("event_date_start", "event_date_end", "created_at", "expired_at")


def _memory_of(data: Any) -> SimpleNamespace:
    read = _read(data, _MEMORY_DATES)
    for name in ("previous_versions", "connected_memories"):
        if data.get(name) is not None:
            setattr(read, name, [_read(item, _MEMORY_DATES) for item in data[name]])
    return read


class NodeSession:
    """A session."""

    def __init__(self, wire: Wire, user_id: str, data: Any) -> None:
        self._wire = wire
        self._user_id = user_id
        self._take(data)

    def _take(self, data: Any) -> None:
        self.session_id = data.session_id
        self.status = data.status
        self.created_at = data.created_at
        self.metadata = data.metadata

    @property
    def _path(self) -> str:
        return f"/api/v1/users/{self._user_id}/sessions/{self.session_id}"

    async def _call(
        self,
        method: str,
        suffix: str = "",
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        wanted: int = 200,
        known: Mapping[int, type[RecallrAIError]] | None = None,
    ) -> Any:
        answer = await self._wire.send(method, self._path + suffix, params, body)
        return nested(answer, self._user_id, SessionNotFoundError, known, wanted)

    async def add_message(self, role: Any, content: str) -> None:
        """POST .../add-message."""
        body = {"message": content, "role": role}
        await self._call("POST", "/add-message", body=body, known={400: InvalidSessionStateError})

    async def process(self) -> None:
        """POST .../process, with `{}`."""
        await self._call("POST", "/process", known={400: InvalidSessionStateError})

    async def update(self, new_metadata: Mapping[str, Any] | None = None) -> None:
        """PUT .../sessions/{id}."""
        data = await self._call("PUT", body={"new_metadata": new_metadata})
        self.metadata = _session_of(data).metadata

    async def refresh(self) -> None:
        """GET .../sessions/{id}."""
        self._take(_session_of(await self._call("GET")))

    async def delete(self) -> None:
        """DELETE .../sessions/{id}."""
        await self._call("DELETE", wanted=204)

    async def get_messages(self, offset: int = 0, limit: int = 50) -> SimpleNamespace:
        """GET .../messages."""
        data = await self._call("GET", "/messages", {"offset": offset, "limit": limit})
        messages = [_read(item, ("timestamp",)) for item in data["messages"]]
        return SimpleNamespace(
            messages=messages, total=data.get("total"), has_more=data.get("has_more")
        )

    async def get_context(self, **asked: Any) -> SimpleNamespace:
        """GET .../context, with the system prompt put before the text by the client itself."""
        params, prompts = await self._asked(asked)
        return _context_of(await self._call("GET", "/context", params), prompts)

    async def get_context_stream(self, **asked: Any) -> AsyncIterator[SimpleNamespace]:
        """GET .../context with `stream`; nothing at all where the server answers 404."""
        params, prompts = await self._asked(asked)
        async for line in self._wire.lines(f"{self._path}/context", params | {"stream": True}):
            if line.startswith("data:") and (payload := line.removeprefix("data:").strip()):
                yield _context_of(json.loads(payload), prompts)

    async def _asked(self, asked: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        params: dict[str, Any] = {
            "recall_strategy": "balanced",
            "min_top_k": 15,
            "max_top_k": 50,
            "memories_threshold": 0.6,
            "summaries_threshold": 0.5,
            "include_system_prompt": False,
            "include_metadata_ids": False,
        }
        params |= asked
        wants_prompt = asked.get("include_system_prompt", True)
        params["include_system_prompt"] = False
        strategy = plain(params["recall_strategy"])
        prompts: dict[str, str] = {}
        if wants_prompt:
            fetched = ("low_latency", "agentic") if strategy == "auto" else (strategy,)
            for name in fetched:
                prompts["agentic" if name == "agentic" else "structured"] = await self._wire.prompt(
                    name
                )
        return params, prompts


def _context_of(data: Any, prompts: Mapping[str, str]) -> SimpleNamespace:
    metadata = None if not data.get("metadata") else _read(data["metadata"], ())
    context = data.get("context")
    used = None if metadata is None else metadata.recall_strategy_used
    if used is not None and context is not None:
        prompt = prompts.get("agentic" if used == "agentic" else "structured")
        context = context if prompt is None else f"{prompt}\n\n\n{context}"
    return _Loose(
        is_final=data.get("is_final", False),
        context=context,
        metadata=metadata,
        status_update_message=data.get("status_update_message"),
        error_message=data.get("error_message"),
    )


_RESOLVE_TESTS = (
    ("already resolved", MergeConflictAlreadyResolvedError),
    ("Invalid questions provided", MergeConflictInvalidQuestionsError),
    ("Missing answers for the following questions", MergeConflictMissingAnswersError),
)


class NodeMergeConflict:
    """A merge conflict; `new_memories` is lost, as the released client loses it."""

    def __init__(self, wire: Wire, user_id: str, data: Any) -> None:
        self._wire = wire
        self.user_id = user_id
        self.conflict_id = data.get("id")
        self.project_user_session_id = data.get("project_user_session_id")
        self.proposed_memory_content = data.get("proposed_memory_content")
        self.conflicting_memories = [
            _read(item, _MEMORY_DATES) for item in data["conflicting_memories"]
        ]
        self.clarifying_questions = [_read(item, ()) for item in data["clarifying_questions"]]
        self.created_at = date_of(data.get("created_at"))
        self._take(data)

    def _take(self, data: Any) -> None:
        self.status = data.get("status")
        self.resolved_at = date_of(data.get("resolved_at"))
        self.resolution_data = data.get("resolution_data")

    @property
    def _path(self) -> str:
        return f"/api/v1/users/{self.user_id}/merge-conflicts/{self.conflict_id}"

    async def refresh(self) -> None:
        """GET .../merge-conflicts/{id}."""
        answer = await self._wire.send("GET", self._path)
        data = nested(answer, self.user_id, MergeConflictNotFoundError)
        self._take(data.get("conflict", data))

    async def resolve(self, answers: Sequence[Any]) -> None:
        """POST .../resolve; an answer's `message` is left out when it is None."""
        if self.status in ("RESOLVED", "FAILED"):
            raise MergeConflictAlreadyResolvedError("Merge conflict is already resolved", 400)
        given = []
        for item in answers:
            one = {"question": item.question, "answer": item.answer}
            given.append(one if item.message is None else one | {"message": item.message})
        body = {"answers": {"question_answers": given}}
        status, data = await self._wire.send("POST", f"{self._path}/resolve", body=body)
        if status == 400:
            raise _resolve_error(str(data.get("detail") or ""))
        found = nested((status, data), self.user_id, MergeConflictNotFoundError)
        self._take(found.get("conflict", found))


def _resolve_error(detail: str) -> RecallrAIError:
    for text, kind in _RESOLVE_TESTS:
        if text in detail:
            return kind(detail, 400)
    if "Invalid answer" in detail and "for question" in detail:
        return MergeConflictInvalidAnswerError(detail, 400)
    return RecallrAIError(detail, 400)
