"""Whether the service runs, and whether it can work; both need no key."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import Field

from hitherto.errors import StoreError, UnavailableError
from hitherto.server.errors import documented, public_message
from hitherto.server.paths import LIVE_PATH, READY_PATH
from hitherto.server.state import served_by
from hitherto.wire import WireModel

router = APIRouter(tags=["Health"])


class Health(WireModel):
    """That the service is well."""

    status: Literal["ok"] = Field(default="ok", description="Always `ok`.")


@router.get(LIVE_PATH)
async def get_health() -> Health:
    """Tell that the process answers."""
    return Health()


@router.get(READY_PATH, responses=documented(503))
async def get_readiness(request: Request) -> Health:
    """Tell that the database answers too."""
    try:
        await served_by(request).check()
    except StoreError as error:
        # Load balancers look for 503.
        raise UnavailableError(public_message(request.scope, error), 503) from error
    return Health()
