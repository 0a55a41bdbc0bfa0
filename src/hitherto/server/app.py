"""HTTP application: routes, errors, limits and the OpenAPI document."""

from functools import cache
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from hitherto.server import documentation
from hitherto.server.admin import admin_router
from hitherto.server.authentication import ADMIN_SECURITY, PROJECT_SECURITY, SECURITY_SCHEMES
from hitherto.server.error_responses import error_responses, install_error_answers
from hitherto.server.hosts import ANY_HOST
from hitherto.server.middleware import install_middleware
from hitherto.server.paths import ADMIN_PREFIX, API_PREFIX
from hitherto.server.routes import API_ROUTERS, health_router
from hitherto.server.state import MemorySystem
from hitherto.settings import Settings

NO_TELEMETRY: Any = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI's own OpenTelemetry, off: it would export paths with user ids, queries and error texts as
soon as an SDK is installed. Releases of FastAPI without it ignore the argument."""

_SECURITY = ((API_PREFIX, PROJECT_SECURITY), (ADMIN_PREFIX, ADMIN_SECURITY))


class Application(FastAPI):
    """FastAPI with an OpenAPI document that names the headers which its routes read."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            document["components"]["securitySchemes"] = SECURITY_SCHEMES
            for path, operations in document["paths"].items():
                for prefix, security in _SECURITY:
                    if path.startswith(prefix):
                        for operation in operations.values():
                            operation["security"] = security
        return super().openapi()


def create_app(
    system: MemorySystem,
    settings: Settings | None = None,
    *,
    hosts: frozenset[str] = frozenset({ANY_HOST}),
) -> FastAPI:
    """Return the application that serves a system. Its caller closes the system afterwards.

    hosts: names that the application answers for; any, where another server in front checks them.
    """
    chosen = Settings() if settings is None else settings
    app = Application(
        telemetry=NO_TELEMETRY,
        title="Hitherto",
        version=version("hitherto"),
        summary="Long-term memory for applications on language models.",
        description=documentation.INTRODUCTION,
        openapi_tags=documentation.TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.system = system
    app.state.settings = chosen
    app.router.routes.extend(_routes())
    documentation.add_page(app)
    install_error_answers(app)
    install_middleware(app, chosen, hosts=hosts)
    return app


@cache
def _routes() -> list[BaseRoute]:
    """Return all routes, the same for every application of a process: making them takes 50 ms."""
    root = APIRouter(generate_unique_id_function=_operation_id)
    # Flat, and the busiest first: a router within a router is matched again at each level.
    for router in API_ROUTERS:
        root.include_router(
            router, prefix=API_PREFIX, responses=error_responses(401, 422, 429, 500, 503)
        )
    root.include_router(admin_router)
    root.include_router(health_router)
    return root.routes


def _operation_id(route: APIRoute) -> str:
    return route.name
