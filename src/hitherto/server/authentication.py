"""Who may call: keys are checked before anything else of a request is looked at."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from hitherto.admin_api import AdminApi
from hitherto.api import MemoryApi
from hitherto.errors import AuthenticationError
from hitherto.server.requests import ReadRequest, refuse_nul
from hitherto.server.state import served_by

API_KEY_HEADER = "X-Recallr-Api-Key"
PROJECT_HEADER = "X-Recallr-Project-Id"
ADMIN_KEY_HEADER = "X-Hitherto-Admin-Key"

INVALID_KEY = "Invalid API key or project ID"
INVALID_ADMIN_KEY = "Invalid admin key"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

SECURITY_SCHEMES = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": API_KEY_HEADER,
        "description": "A key of the project; it begins with `rai_`.",
    },
    "ProjectId": {
        "type": "apiKey",
        "in": "header",
        "name": PROJECT_HEADER,
        "description": "The id of the project.",
    },
    "AdminKey": {
        "type": "apiKey",
        "in": "header",
        "name": ADMIN_KEY_HEADER,
        "description": "An admin key; it begins with `rca_`.",
    },
    "AdminBearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An admin key as a bearer token.",
    },
}
"""What the OpenAPI document says about the headers that the routes below read."""

PROJECT_SECURITY: list[dict[str, list[str]]] = [{"ApiKey": [], "ProjectId": []}]
"""Both are needed."""

ADMIN_SECURITY: list[dict[str, list[str]]] = [{"AdminKey": []}, {"AdminBearer": []}]
"""Either will do."""


class ProjectRoute(APIRoute):
    """A route for the callers of one project."""

    def get_route_handler(self) -> Handler:
        """FastAPI's handler behind the check of key and project."""
        handle = super().get_route_handler()

        async def authenticated(request: Request) -> Response:
            served = served_by(request)
            api_key = request.headers.get(API_KEY_HEADER, "")
            project_id = request.headers.get(PROJECT_HEADER, "")
            if not api_key or not project_id:
                raise AuthenticationError(INVALID_KEY)
            try:
                await served.admin.authenticate(api_key, project_id)
            except AuthenticationError as error:
                raise AuthenticationError(INVALID_KEY) from error
            request.state.api = served.engine(project_id)
            refuse_nul(request)
            return await handle(ReadRequest(request))

        return authenticated


class AdminRoute(APIRoute):
    """A route for whoever runs the service."""

    def get_route_handler(self) -> Handler:
        """FastAPI's handler behind the check of the admin key."""
        handle = super().get_route_handler()

        async def authenticated(request: Request) -> Response:
            admin_key = _admin_key(request)
            if not admin_key:
                raise AuthenticationError(INVALID_ADMIN_KEY)
            try:
                await served_by(request).admin.authenticate_admin(admin_key)
            except AuthenticationError as error:
                raise AuthenticationError(INVALID_ADMIN_KEY) from error
            refuse_nul(request)
            return await handle(ReadRequest(request))

        return authenticated


def _admin_key(request: Request) -> str:
    given = request.headers.get(ADMIN_KEY_HEADER)
    if given is not None:
        return given
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _memory_api(request: Request) -> MemoryApi:
    api: MemoryApi = request.state.api
    return api


async def _admin_api(request: Request) -> AdminApi:
    return served_by(request).admin


Api = Annotated[MemoryApi, Depends(_memory_api)]
"""The API for the users of the caller's project."""

Admin = Annotated[AdminApi, Depends(_admin_api)]
"""The admin API."""
