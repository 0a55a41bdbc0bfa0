"""The routes of `/api/v1`, and those that watch the service."""

from fastapi import APIRouter

from recollect.server.errors import documented
from recollect.server.routes import contexts, health, memories, merge_conflicts, sessions, users

__all__ = ["API_PREFIX", "api_router", "health_router"]

API_PREFIX = "/api/v1"

health_router = health.router


def api_router() -> APIRouter:
    """All operations of the public contract."""
    router = APIRouter(prefix=API_PREFIX, responses=documented(401, 422, 429, 500, 503))
    for part in (users, sessions, contexts, memories, merge_conflicts):
        router.include_router(part.router)
    return router
