"""Sessions, their messages and their processing."""

from enum import Enum
from typing import Annotated

from fastapi import APIRouter, Query, Response

from hitherto.server.authentication import Api, ProjectRoute
from hitherto.server.error_responses import error_responses
from hitherto.server.parameters import (
    DeleteQuery,
    GetSessionQuery,
    IdempotencyKey,
    LastMessagesQuery,
    ListMessagesQuery,
    ListSessionsQuery,
    SessionId,
    UserId,
)
from hitherto.server.routes.deletions import deletion_answer, deletion_responses
from hitherto.wire import (
    AddMessage,
    CreateSession,
    Detail,
    SessionEnvelope,
    SessionList,
    SessionMessageList,
    UpdateSession,
    UserMessageList,
)

router = APIRouter(
    prefix="/users/{custom_user_id}", route_class=ProjectRoute, responses=error_responses(404)
)

_SESSIONS: list[str | Enum] = ["Sessions"]
_MESSAGES: list[str | Enum] = ["Messages"]


@router.post(
    "/sessions",
    status_code=201,
    tags=_SESSIONS,
    responses=error_responses(413),
    response_model_exclude_unset=True,
)
async def create_session(
    custom_user_id: UserId, body: CreateSession, api: Api, idempotency_key: IdempotencyKey = None
) -> SessionEnvelope:
    """Create a session."""
    session = await api.create_session(
        custom_user_id,
        metadata=body.metadata,
        auto_process_after_seconds=body.auto_process_after_seconds,
        custom_created_at_utc=body.custom_created_at_utc,
        timezone=body.timezone,
        idempotency_key=idempotency_key,
    )
    return SessionEnvelope.from_model(session)


@router.get("/sessions", tags=_SESSIONS, response_model_exclude_unset=True)
async def list_sessions(
    custom_user_id: UserId, query: Annotated[ListSessionsQuery, Query()], api: Api
) -> SessionList:
    """List a user's sessions, newest first."""
    page = await api.list_sessions(
        custom_user_id,
        offset=query.offset,
        limit=query.limit,
        metadata_filter=query.metadata_filter,
        status_filter=query.status_filter,
    )
    return SessionList.from_model(page)


@router.get("/sessions/{session_id}", tags=_SESSIONS, response_model_exclude_unset=True)
async def get_session(
    custom_user_id: UserId,
    session_id: SessionId,
    query: Annotated[GetSessionQuery, Query()],
    api: Api,
) -> SessionEnvelope:
    """Read a session, with its summary and the memories it created if asked for."""
    session = await api.get_session(
        custom_user_id,
        session_id,
        include_summary=query.include_summary,
        include_memories=query.include_memories,
    )
    return SessionEnvelope.from_model(
        session, with_summary=query.include_summary, with_memories=query.include_memories
    )


@router.put(
    "/sessions/{session_id}",
    tags=_SESSIONS,
    responses=error_responses(413),
    response_model_exclude_unset=True,
)
async def update_session(
    custom_user_id: UserId, session_id: SessionId, body: UpdateSession, api: Api
) -> SessionEnvelope:
    """Replace a session's metadata, or set its time zone."""
    session = await api.update_session(
        custom_user_id, session_id, body.new_metadata, timezone=body.zone
    )
    return SessionEnvelope.from_model(session)


@router.delete("/sessions/{session_id}", tags=_SESSIONS, **deletion_responses())
async def delete_session(
    custom_user_id: UserId,
    session_id: SessionId,
    query: Annotated[DeleteQuery, Query()],
    api: Api,
) -> Response:
    """Delete a session, its messages, summary, merge conflicts, and the memories it created.

    Versions that those memories had superseded become current again.
    """
    return deletion_answer(await api.delete_session(custom_user_id, session_id), query.report)


@router.post(
    "/sessions/{session_id}/add-message", tags=_MESSAGES, responses=error_responses(400, 413)
)
async def add_message(
    custom_user_id: UserId,
    session_id: SessionId,
    body: AddMessage,
    api: Api,
    idempotency_key: IdempotencyKey = None,
) -> Detail:
    """Append a message to a pending session; the message is durable when the answer comes."""
    await api.add_message(
        custom_user_id, session_id, body.role, body.message, idempotency_key=idempotency_key
    )
    return Detail(detail="Message added")


@router.post("/sessions/{session_id}/process", tags=_SESSIONS, responses=error_responses(400))
async def process_session(custom_user_id: UserId, session_id: SessionId, api: Api) -> Detail:
    """Turn a session into memories in the background; poll its status for the end."""
    await api.process(custom_user_id, session_id)
    return Detail(detail="Processing started")


@router.get("/sessions/{session_id}/messages", tags=_MESSAGES)
async def list_session_messages(
    custom_user_id: UserId,
    session_id: SessionId,
    query: Annotated[ListMessagesQuery, Query()],
    api: Api,
) -> SessionMessageList:
    """List the messages of a session, oldest first."""
    page = await api.get_messages(
        custom_user_id, session_id, offset=query.offset, limit=query.limit
    )
    return SessionMessageList.from_model(page)


@router.get("/messages", tags=_MESSAGES)
async def list_last_messages(
    custom_user_id: UserId, query: Annotated[LastMessagesQuery, Query()], api: Api
) -> UserMessageList:
    """List the last messages of a user over all sessions, oldest first."""
    return UserMessageList.from_model(await api.get_last_n_messages(custom_user_id, query.limit))
