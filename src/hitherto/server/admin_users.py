"""Users in the admin API, addressed by a query parameter instead of the path.

A query can carry any id. Ids that clients cannot carry in a path are refused today, but users from
earlier releases may have one.
"""

from enum import Enum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from hitherto.api import MemoryApi
from hitherto.server.authentication import Admin, AdminRoute
from hitherto.server.error_responses import error_responses
from hitherto.server.parameters import DeleteQuery, ListUsersQuery, ProjectId
from hitherto.server.routes.deletions import deletion_answer, deletion_responses
from hitherto.server.state import system_of
from hitherto.wire import UpdateUser, UserEnvelope, UserList

_USERS: list[str | Enum] = ["Admin: users"]

users_router = APIRouter(prefix="/projects/{project_id}", route_class=AdminRoute, tags=_USERS)

QueriedUserId = Annotated[
    str,
    Query(
        alias="custom_user_id",
        min_length=1,
        description="The id that the application gave, with any characters.",
        examples=["a%2Fb"],
    ),
]


async def _users_of(project_id: ProjectId, request: Request, admin: Admin) -> MemoryApi:
    """Return the API of a project's users. Raises ProjectNotFoundError."""
    await admin.get_project(project_id)
    return system_of(request).engine(project_id)


Users = Annotated[MemoryApi, Depends(_users_of)]


@users_router.get("/users", responses=error_responses(404), response_model_exclude_unset=True)
async def list_project_users(query: Annotated[ListUsersQuery, Query()], users: Users) -> UserList:
    """List the users of a project, newest first."""
    page = await users.list_users(
        offset=query.offset,
        limit=query.limit,
        metadata_filter=query.metadata_filter,
        partial_user_id=query.partial_user_id,
    )
    return UserList.from_model(page)


@users_router.get("/user", responses=error_responses(404), response_model_exclude_unset=True)
async def get_project_user(custom_user_id: QueriedUserId, users: Users) -> UserEnvelope:
    """Read a user."""
    return UserEnvelope.from_model(await users.get_user(custom_user_id))


@users_router.patch(
    "/user", responses=error_responses(404, 409, 413), response_model_exclude_unset=True
)
async def update_project_user(
    custom_user_id: QueriedUserId, body: UpdateUser, users: Users
) -> UserEnvelope:
    """Rename a user, replace their metadata, switch merge conflicts, or set the time zone."""
    user = await users.update_user(
        custom_user_id,
        new_metadata=body.new_metadata,
        new_user_id=body.new_custom_user_id,
        merge_conflict_enabled=body.switch,
        timezone=body.zone,
    )
    return UserEnvelope.from_model(user)


@users_router.delete("/user", **deletion_responses(404))
async def delete_project_user(
    custom_user_id: QueriedUserId, query: Annotated[DeleteQuery, Query()], users: Users
) -> Response:
    """Delete a user with all sessions, messages, memories and merge conflicts."""
    return deletion_answer(await users.delete_user(custom_user_id), query.report)
