"""Answers to deletions: none, as in the public contract, or a report."""

from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse

from hitherto import models, wire
from hitherto.server.error_responses import error_responses


def deletion_responses(*errors: int) -> dict[str, Any]:
    """Return the arguments that describe a deleting route's answers.

    errors: status codes that it may answer with.
    """
    report = {200: {"model": wire.DeletionReport, "description": "What was deleted."}}
    return {
        "status_code": 204,
        "response_model": None,
        "responses": {**report, **error_responses(*errors)},
    }


def deletion_answer(report: models.DeletionReport, wanted: bool) -> Response:
    """Return 204 without a body, or the report if it is wanted."""
    if not wanted:
        return Response(status_code=204)
    return JSONResponse(wire.DeletionReport.from_model(report).model_dump(mode="json"))
