"""Whether the service runs, and whether it can work; both need no key."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import Field

from hitherto.server.errors import documented
from hitherto.server.state import served_by
from hitherto.wire import WireModel

LIVE_PATH = "/healthz"
READY_PATH = "/readyz"

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
    await served_by(request).check()
    return Health()
