"""Routes of `/api/v1`, and health checks."""

from hitherto.server.routes import contexts, health, memories, merge_conflicts, sessions, users

__all__ = ["API_ROUTERS", "health_router"]

API_ROUTERS = (
    contexts.router,
    sessions.router,
    memories.router,
    users.router,
    merge_conflicts.router,
)
"""Operations of the public contract."""

health_router = health.router
