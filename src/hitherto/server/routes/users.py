"""Create, list, read, change and delete users."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from hitherto.server.authentication import Api, ProjectRoute
from hitherto.server.error_responses import error_responses
from hitherto.server.parameters import DeleteQuery, IdempotencyKey, ListUsersQuery, UserId
from hitherto.server.routes.deletions import deletion_answer, deletion_responses
from hitherto.wire import CreateUser, UpdateUser, UserEnvelope, UserList

router = APIRouter(prefix="/users", tags=["Users"], route_class=ProjectRoute)


@router.post(
    "",
    status_code=201,
    responses=error_responses(409, 413),
    response_model_exclude_unset=True,
)
async def create_user(
    body: CreateUser, api: Api, idempotency_key: IdempotencyKey = None
) -> UserEnvelope:
    """Create a user."""
    user = await api.create_user(
        body.custom_user_id,
        metadata=body.metadata,
        merge_conflict_enabled=body.merge_conflict_enabled,
        timezone=body.timezone,
        idempotency_key=idempotency_key,
    )
    return UserEnvelope.from_model(user)


@router.get("", response_model_exclude_unset=True)
async def list_users(query: Annotated[ListUsersQuery, Query()], api: Api) -> UserList:
    """List users, newest first."""
    page = await api.list_users(
        offset=query.offset,
        limit=query.limit,
        metadata_filter=query.metadata_filter,
        partial_user_id=query.partial_user_id,
    )
    return UserList.from_model(page)


@router.get("/{custom_user_id}", responses=error_responses(404), response_model_exclude_unset=True)
async def get_user(custom_user_id: UserId, api: Api) -> UserEnvelope:
    """Read a user."""
    return UserEnvelope.from_model(await api.get_user(custom_user_id))


@router.put(
    "/{custom_user_id}",
    responses=error_responses(404, 409, 413),
    response_model_exclude_unset=True,
)
async def update_user(custom_user_id: UserId, body: UpdateUser, api: Api) -> UserEnvelope:
    """Replace a user's metadata, rename the user, switch merge conflicts, or set the time zone.

    Sessions and memories follow a new id; the old one is then unknown.
    """
    user = await api.update_user(
        custom_user_id,
        new_metadata=body.new_metadata,
        new_user_id=body.new_custom_user_id,
        merge_conflict_enabled=body.switch,
        timezone=body.zone,
    )
    return UserEnvelope.from_model(user)


@router.delete("/{custom_user_id}", **deletion_responses(404))
async def delete_user(
    custom_user_id: UserId, query: Annotated[DeleteQuery, Query()], api: Api
) -> Response:
    """Delete a user with all sessions, messages, memories and merge conflicts."""
    return deletion_answer(await api.delete_user(custom_user_id), query.report)
