"""How deletions are answered: with nothing, as the public contract says, or with a report."""

from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse

from hitherto import models, wire
from hitherto.server.errors import documented


def documented_deletion(*errors: int) -> dict[str, Any]:
    """What a route that deletes says of its answers, errors by status."""
    report = {200: {"model": wire.DeletionReport, "description": "What was deleted."}}
    return {
        "status_code": 204,
        "response_model": None,
        "responses": {**report, **documented(*errors)},
    }


def answered(report: models.DeletionReport, wanted: bool) -> Response:
    """204 and no body, or the report where it was asked for."""
    if not wanted:
        return Response(status_code=204)
    return JSONResponse(wire.DeletionReport.from_model(report).model_dump(mode="json"))
