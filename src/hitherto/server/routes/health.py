"""Health checks, without a key: liveness and readiness."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import Field

from hitherto.errors import StoreError, UnavailableError
from hitherto.server.error_responses import error_responses, public_message
from hitherto.server.paths import LIVE_PATH, READY_PATH
from hitherto.server.state import system_of
from hitherto.wire import WireModel

router = APIRouter(tags=["Health"])


class Health(WireModel):
    """Answer of a healthy service."""

    status: Literal["ok"] = Field(default="ok", description="Always `ok`.")


@router.get(LIVE_PATH)
async def get_health() -> Health:
    """Check that the process answers."""
    return Health()


@router.get(READY_PATH, responses=error_responses(503))
async def get_readiness(request: Request) -> Health:
    """Check that the database answers, too."""
    try:
        await system_of(request).check()
    except StoreError as error:
        # Load balancers look for 503.
        raise UnavailableError(public_message(request.scope, error), 503) from error
    return Health()
