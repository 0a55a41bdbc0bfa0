"""Contexts, at once or as events, and the prompts that introduce them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from hitherto.server.authentication import Api, ProjectRoute
from hitherto.server.error_responses import error_responses
from hitherto.server.parameters import ContextQuery, SessionId, SystemPromptQuery, UserId
from hitherto.server.state import settings_of
from hitherto.server.streaming import context_stream
from hitherto.server.work_limit import release_at_last_event
from hitherto.wire import Context, SystemPrompt

router = APIRouter(tags=["Context"], route_class=ProjectRoute)

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The context; with `stream=true`, server-sent events, each a `data:` line "
        "with an object of the same shape, of which the last one has `is_final` true.",
        "content": {
            "text/event-stream": {
                "itemSchema": {
                    "type": "object",
                    "required": ["data"],
                    "properties": {
                        "data": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "contentSchema": {"$ref": "#/components/schemas/Context"},
                        }
                    },
                }
            }
        },
    }
}


@router.get(
    "/users/{custom_user_id}/sessions/{session_id}/context",
    response_model=Context,
    responses=error_responses(404) | _EVENTS,
)
async def get_context(
    custom_user_id: UserId,
    session_id: SessionId,
    query: Annotated[ContextQuery, Query()],
    api: Api,
    request: Request,
) -> Context | Response:
    """Return a text with what a model should know about the user now.

    A session of any status has one.
    """
    context_request = query.to_request()
    if query.stream:
        return await context_stream(
            release_at_last_event(
                api.get_context_stream(custom_user_id, session_id, context_request), request.scope
            ),
            request.scope,
            context_request.recall_strategy,
            settings_of(request).stream_ping_s,
        )
    return Context.from_model(await api.get_context(custom_user_id, session_id, context_request))


@router.get("/system-prompt")
async def get_system_prompt(query: Annotated[SystemPromptQuery, Query()], api: Api) -> SystemPrompt:
    """Return the prompt that explains contexts to a model, for contexts that come without it."""
    return SystemPrompt(system_prompt=await api.system_prompt(query.recall_strategy))
