"""List, read and answer merge conflicts."""

from typing import Annotated

from fastapi import APIRouter, Query

from hitherto.server.authentication import Api, ProjectRoute
from hitherto.server.error_responses import error_responses
from hitherto.server.parameters import ConflictId, ListMergeConflictsQuery, UserId
from hitherto.wire import (
    MergeConflictEnvelope,
    MergeConflictList,
    QuestionAnswers,
    ResolveMergeConflict,
)

router = APIRouter(
    prefix="/users/{custom_user_id}/merge-conflicts",
    tags=["Merge conflicts"],
    route_class=ProjectRoute,
    responses=error_responses(404),
)


@router.get("")
async def list_merge_conflicts(
    custom_user_id: UserId, query: Annotated[ListMergeConflictsQuery, Query()], api: Api
) -> MergeConflictList:
    """List a user's merge conflicts. Ordered by `resolved_at`, unresolved ones come last."""
    page = await api.list_merge_conflicts(
        custom_user_id,
        offset=query.offset,
        limit=query.limit,
        status=query.status,
        sort_by=query.sort_by,
        sort_order=query.sort_order,
    )
    return MergeConflictList.from_model(page)


@router.get("/{conflict_id}")
async def get_merge_conflict(
    custom_user_id: UserId, conflict_id: ConflictId, api: Api
) -> MergeConflictEnvelope:
    """Read a merge conflict."""
    return MergeConflictEnvelope.from_model(
        await api.get_merge_conflict(custom_user_id, conflict_id)
    )


@router.post("/{conflict_id}/resolve", responses=error_responses(400, 413))
async def resolve_merge_conflict(
    custom_user_id: UserId,
    conflict_id: ConflictId,
    body: ResolveMergeConflict | QuestionAnswers,
    api: Api,
) -> MergeConflictEnvelope:
    """Answer all questions of a pending conflict; the answers are applied in the background."""
    conflict = await api.resolve_merge_conflict(custom_user_id, conflict_id, body.to_models())
    return MergeConflictEnvelope.from_model(conflict)
