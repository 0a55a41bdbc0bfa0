"""List, read, confirm, end and delete memories."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from hitherto.server.authentication import Api, ProjectRoute
from hitherto.server.error_responses import InvalidCategories, error_responses
from hitherto.server.parameters import (
    DeleteMemoryQuery,
    GetMemoryQuery,
    ListDoubtfulMemoriesQuery,
    ListMemoriesQuery,
    MemoryId,
    UserId,
)
from hitherto.server.routes.deletions import deletion_answer, deletion_responses
from hitherto.wire import Memory, MemoryList

router = APIRouter(
    prefix="/users/{custom_user_id}",
    tags=["Memories"],
    route_class=ProjectRoute,
    responses=error_responses(404),
)

_UNKNOWN_CATEGORIES: dict[int | str, dict[str, Any]] = {
    400: {
        "model": InvalidCategories,
        "description": "The filter names categories that the project does not have.",
    }
}


@router.get("/memories", responses=_UNKNOWN_CATEGORIES)
async def list_memories(
    custom_user_id: UserId, query: Annotated[ListMemoriesQuery, Query()], api: Api
) -> MemoryList:
    """List a user's current memories, newest first."""
    page = await api.list_memories(
        custom_user_id,
        offset=query.offset,
        limit=query.limit,
        categories=query.categories,
        session_id_filter=query.session_id_filter,
        session_metadata_filter=query.session_metadata_filter,
        include_previous_versions=query.include_previous_versions,
        include_connected_memories=query.include_connected_memories,
    )
    return MemoryList.from_model(page)


@router.get("/doubtful-memories")
async def list_doubtful_memories(
    custom_user_id: UserId, query: Annotated[ListDoubtfulMemoriesQuery, Query()], api: Api
) -> MemoryList:
    """List a user's current memories that are in doubt, the latest doubt first.

    Of Hitherto alone, not of the public contract.
    """
    page = await api.list_doubtful_memories(custom_user_id, offset=query.offset, limit=query.limit)
    return MemoryList.from_model(page)


@router.get("/memory/{memory_id}")
async def get_memory(
    custom_user_id: UserId,
    memory_id: MemoryId,
    query: Annotated[GetMemoryQuery, Query()],
    api: Api,
) -> Memory:
    """Read one version of a memory, current or superseded."""
    memory = await api.get_memory(
        custom_user_id,
        memory_id,
        include_previous_versions=query.include_previous_versions,
        include_connected_memories=query.include_connected_memories,
    )
    return Memory.from_model(memory)


@router.post("/memory/{memory_id}/confirm")
async def confirm_memory(custom_user_id: UserId, memory_id: MemoryId, api: Api) -> Memory:
    """Clear the doubt about a memory.

    A memory that is not in doubt stays as it is. Of Hitherto alone, not of the public contract.
    """
    return Memory.from_model(await api.confirm_memory(custom_user_id, memory_id))


@router.post("/memory/{memory_id}/end")
async def end_memory(custom_user_id: UserId, memory_id: MemoryId, api: Api) -> Memory:
    """Expire a memory that is no longer true, without a later version.

    It can still be read by its id. Of Hitherto alone, not of the public contract.
    """
    return Memory.from_model(await api.end_memory(custom_user_id, memory_id))


@router.delete("/memory/{memory_id}", **deletion_responses())
async def delete_memory(
    custom_user_id: UserId,
    memory_id: MemoryId,
    query: Annotated[DeleteMemoryQuery, Query()],
    api: Api,
) -> Response:
    """Delete one version of a memory, or that version and all earlier ones.

    The previous version becomes current again, or the next version becomes the first. Sentences of
    messages and summaries that state the deleted content are deleted, too.
    """
    report = await api.delete_memory(
        custom_user_id, memory_id, delete_previous_versions=query.delete_previous_versions
    )
    return deletion_answer(report, query.report)
