"""Signatures that are written out more than once agree with their declaration."""

import asyncio
import inspect
import re
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_type_hints

import pytest

from hitherto import AsyncSession, AsyncUser, Session, User
from hitherto.api import MIN_AUTO_PROCESS_S, ContextRequest, MemoryApi
from hitherto.client.http_api import HttpApi
from hitherto.core.arguments import CONTEXT_RANGES
from hitherto.engine import Engine
from hitherto.models import RecallStrategy, SessionModel, SessionStatus

NOW = datetime(2025, 1, 6, tzinfo=UTC)
SESSION = SessionModel("s", "alice", SessionStatus.PENDING, {}, NOW, None, None)
METHODS = {
    f"{kind.__name__}.{name}": getattr(kind, name)
    for kind in (Session, AsyncSession)
    for name in ("get_context", "get_context_stream")
}
OTHERS = {
    "recall_strategy": RecallStrategy.AGENTIC,
    "min_top_k": 6,
    "max_top_k": 60,
    "memories_threshold": 0.3,
    "summaries_threshold": 0.4,
    "last_n_messages": 7,
    "last_n_summaries": 8,
    "timezone": "Europe/Lisbon",
    "include_system_prompt": False,
    "include_metadata_ids": True,
    "max_tokens": 900,
}
"""A value of each parameter that is not its default, all of them different."""


RANGE = re.compile(r"(\w+) \(([\d.]+)-([\d.]+)\)")


class Recording:
    """A connection that keeps what the interface is asked, in place of asking it."""

    def __init__(self) -> None:
        self.requests: list[ContextRequest] = []

    def call(self, work: Any) -> Any:
        return work(self)

    stream = call

    def get_context(self, user_id: str, session_id: str, request: ContextRequest) -> Any:
        self.requests.append(request)
        return asyncio.sleep(0)

    get_context_stream = get_context


@pytest.mark.parametrize("name", METHODS)
def test_a_signature_is_that_of_the_declaration(name: str) -> None:
    signature = inspect.signature(METHODS[name])
    given = [(each.name, each.default) for each in list(signature.parameters.values())[1:]]
    declared = [(field.name, field.default) for field in fields(ContextRequest)]
    # The contract's own client takes None for the time zone, too.
    assert given == [(key, None if key == "timezone" else value) for key, value in declared]
    types = get_type_hints(METHODS[name])
    declared_types = get_type_hints(ContextRequest) | {"timezone": str | None}
    assert {key: types[key] for key in declared_types} == declared_types


@pytest.mark.parametrize("name", METHODS)
async def test_each_argument_arrives_under_its_name(name: str) -> None:
    kind: Any = AsyncSession if name.startswith("Async") else Session
    connection = Recording()
    session = kind(connection, SESSION)
    for arguments in (OTHERS, {}):
        answer = METHODS[name](session, **arguments)
        if inspect.isawaitable(answer):
            await answer
    assert connection.requests == [ContextRequest(**OTHERS), ContextRequest()]


@pytest.mark.parametrize("name", ["Session.get_context", "AsyncSession.get_context"])
def test_the_docstring_has_the_declared_ranges(name: str) -> None:
    text = (inspect.getdoc(METHODS[name]) or "").replace(",000", "000")
    written = {
        parameter: (float(least), float(most)) for parameter, least, most in RANGE.findall(text)
    }
    assert written == CONTEXT_RANGES


@pytest.mark.parametrize("kind", [Engine, HttpApi])
def test_an_implementation_has_the_signatures_of_the_protocol(kind: type[Any]) -> None:
    differing = {}
    for name, declared in inspect.getmembers(MemoryApi, inspect.isfunction):
        if name.startswith("_") or name == "close":
            continue
        parameters = inspect.signature(getattr(kind, name)).parameters
        if parameters != inspect.signature(declared).parameters:
            differing[name] = list(parameters.values())
    assert differing == {}


@pytest.mark.parametrize("kind", [User, AsyncUser])
def test_a_session_is_processed_after_the_declared_time(kind: type[Any]) -> None:
    parameter = inspect.signature(kind.create_session).parameters["auto_process_after_seconds"]
    assert parameter.default == MIN_AUTO_PROCESS_S
