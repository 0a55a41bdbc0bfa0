"""What the parameters of a context mean."""

from typing import Any

import httpx
import pytest
from tests.server.conftest import http_for_fake

from hitherto.api import ContextRequest
from hitherto.core import arguments
from hitherto.models import ContextMetadata, ContextResponse, RecallStrategy

PATH = "/api/v1/users/alice/sessions/s/context"


class Recording:
    """An engine that checks what it is asked, as the real one does, and keeps it."""

    def __init__(self) -> None:
        self.asked: list[ContextRequest] = []

    async def get_context(
        self, user_id: str, session_id: str, request: ContextRequest
    ) -> ContextResponse:
        self.asked.append(arguments.context_request(request))
        return ContextResponse(True, "text", ContextMetadata(RecallStrategy.BALANCED))


async def ask(query: str) -> tuple[httpx.Response, list[ContextRequest]]:
    engine = Recording()
    async with http_for_fake(engine) as http:
        response = await http.get(f"{PATH}?{query}")
    return response, engine.asked


@pytest.mark.parametrize(
    ("query", "request_"),
    [
        ("", ContextRequest()),
        ("recall_strategy=deep", ContextRequest(RecallStrategy.AGENTIC)),
        ("recall_strategy=auto", ContextRequest(RecallStrategy.AUTO)),
        ("threshold=0.3", ContextRequest(memories_threshold=0.3, summaries_threshold=0.3)),
        (
            "threshold=0.3&summaries_threshold=0.7",
            ContextRequest(memories_threshold=0.3, summaries_threshold=0.7),
        ),
        (
            "min_top_k=5&max_top_k=100&last_n_messages=100&last_n_summaries=20",
            ContextRequest(min_top_k=5, max_top_k=100, last_n_messages=100, last_n_summaries=20),
        ),
        (
            "timezone=America%2FNew_York&include_system_prompt=false&include_metadata_ids=true",
            ContextRequest(
                timezone="America/New_York", include_system_prompt=False, include_metadata_ids=True
            ),
        ),
        ("max_tokens=2000", ContextRequest(max_tokens=2000)),
        ("stream=false&nonsense=1", ContextRequest()),
    ],
)
async def test_parameters_become_the_request(query: str, request_: ContextRequest) -> None:
    response, asked = await ask(query)
    assert response.status_code == 200
    assert asked == [request_]


@pytest.mark.parametrize(
    "query",
    [
        "recall_strategy=deeper",
        "recall_strategy=",
        "min_top_k=4",
        "min_top_k=51",
        "max_top_k=9",
        "max_top_k=101",
        "min_top_k=40&max_top_k=30",
        "min_top_k=many",
        "memories_threshold=0.19",
        "memories_threshold=nan",
        "summaries_threshold=0.81",
        "threshold=0.1",
        "last_n_messages=0",
        "last_n_messages=101",
        "last_n_summaries=21",
        "timezone=Mars/Olympus",
        "timezone=",
        "max_tokens=127",
        "include_metadata_ids=perhaps",
        "stream=perhaps",
    ],
)
async def test_what_is_out_of_range_is_422(query: str) -> None:
    response, _ = await ask(query)
    assert response.status_code == 422
    for mistake in response.json()["detail"]:
        assert mistake["loc"][0] == "query"


async def test_all_fields_are_there_whether_they_are_null_or_not() -> None:
    response, _ = await ask("")
    answer: Any = response.json()
    assert answer.keys() == {
        "is_final",
        "context",
        "status_update_message",
        "error_message",
        "metadata",
    }
    assert answer["metadata"] == {
        "recall_strategy_used": "balanced",
        "memory_ids": None,
        "session_ids": None,
        "agent_reasoning": None,
        "vector_search_queries": None,
        "keywords": None,
        "session_summaries_search_queries": None,
        "date_range_filters": None,
        "planned_by": None,
        "explored_by": None,
        "fallback_reason": None,
    }
