"""Whatever is asked of the service, it answers as its OpenAPI document says, and never with 500."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.conformance.service import OnLoop, Service, serving
from tests.databases import NewDatabase
from tests.server.conftest import FakeSystem

from hitherto import Parts, Settings
from hitherto.server import create_app
from hitherto.server.routes.health import LIVE_PATH, READY_PATH

EXAMPLES = 5
EXAMPLES_WITHOUT_KEY = 2

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    allow_header_conformance,
]
"""That valid data is accepted is not among them: what is stored decides that too."""

ONE_WORLD = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
"""All requests to an operation go to the same project, as those of a client do."""

RARELY_POSSIBLE = {
    "POST /api/v1/users/{custom_user_id}/merge-conflicts/{conflict_id}/resolve",
    "POST /admin/v1/projects/{project_id}/users/{custom_user_id}/sessions/{session_id}/retry",
    "POST /admin/v1/projects/{project_id}/users/{custom_user_id}"
    "/merge-conflicts/{conflict_id}/retry",
}
"""Operations that succeed only with the right words, or on what has failed."""


DOCUMENT = create_app(FakeSystem(None), Settings()).openapi()


def loaded(phases: list[str], examples: int) -> Any:
    """The document of the application, and how much to make of it."""
    generation = {"max-examples": examples, "deterministic": True, "database": "none"}
    config = SchemathesisConfig.from_dict(
        {
            "generation": generation | {"with-security-parameters": False},
            "phases": {
                name: {"enabled": name in phases} for name in ("examples", "coverage", "fuzzing")
            },
        }
    )
    return schemathesis.openapi.from_dict(deepcopy(DOCUMENT), config=config)


everything = loaded(["examples", "coverage", "fuzzing"], EXAMPLES)
valid = loaded(["examples", "fuzzing"], EXAMPLES_WITHOUT_KEY).exclude(path=[LIVE_PATH, READY_PATH])


@dataclass
class World:
    """A project with something of each kind, and what was answered about it."""

    base_url: str
    headers: dict[str, str]
    unknown: list[dict[str, str]]
    ids: dict[str, str]
    statuses: set[int] = field(default_factory=set)
    asked: int = 0

    def aim(self, case: Any) -> None:
        """Have most paths name what is there, by a rule that shrinking cannot upset."""
        if sum(len(str(value)) for value in case.path_parameters.values()) % 4:
            case.path_parameters = {name: self.ids[name] for name in case.path_parameters}
            # Some operations name the user in the query. An empty id stays: it is to be refused.
            named = (case.query or {}).get("custom_user_id")
            if isinstance(named, str) and named:
                case.query["custom_user_id"] = self.ids["custom_user_id"]


@pytest.fixture(scope="module")
def service(new_shared_database: NewDatabase) -> Iterator[Service]:
    # Webhooks of any address are made here, and none of them is to be sent to.
    parts = Parts(webhook_transport=httpx.MockTransport(lambda _: httpx.Response(204)))
    with serving(new_shared_database(), parts=parts) as running:
        yield running


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as kept_alive:
        yield kept_alive


@pytest.fixture(scope="module")
def lasting_world(service: Service) -> World:
    """The world of requests that change nothing."""
    return new_world(service)


@pytest.fixture
def world(service: Service, lasting_world: World, request: pytest.FixtureRequest) -> World:
    """A world without answers so far, of the test's own if the test may change it."""
    refused = request.node.originalname == "test_nothing_is_answered_without_a_valid_key"
    if refused or request.node.operation_label.startswith("GET "):
        return replace(lasting_world, statuses=set())
    return new_world(service)


def new_world(service: Service) -> World:
    held = service.project("fuzzed")
    engine = OnLoop(service.system.engine(held.project_id), service.loop)
    key = service.admin.create_key(held.project_id)
    revoked = service.project()
    admin = {"X-Hitherto-Admin-Key": service.admin.create_admin_key().api_key}
    webhook = service.admin.create_webhook(held.project_id, "https://receiver.test/").webhook
    category = service.admin.create_category(held.project_id, "Hobbies")
    with httpx.Client(base_url=f"{service.base_url}/api/v1", headers=held.headers) as http:
        http.post("/users", json={"custom_user_id": "alice", "merge_conflict_enabled": True})
        for text in ("My birthday is on 3 May 1990.", "I was born on 4 June 1990."):
            started = http.post("/users/alice/sessions", json={}).json()["session"]["session_id"]
            said = {"message": text, "role": "user"}
            http.post(f"/users/alice/sessions/{started}/add-message", json=said)
            http.post(f"/users/alice/sessions/{started}/process")
            engine.wait_until_processed(timeout_s=20)
        memory = http.get("/users/alice/memories").json()["items"][0]["memory_id"]
        conflict = http.get("/users/alice/merge-conflicts").json()["conflicts"][0]["id"]
        pending = http.post("/users/alice/sessions", json={}).json()["session"]["session_id"]
    foreign = service.project("foreign")
    service.admin.revoke_key(service.admin.list_keys(revoked.project_id)[0].key_id)
    return World(
        service.base_url,
        held.headers | admin,
        [
            {},
            {"X-Recallr-Project-Id": held.project_id},
            held.headers | {"X-Recallr-Project-Id": foreign.project_id},
            revoked.headers,
            {"X-Hitherto-Admin-Key": held.api_key},
            {"Authorization": f"Bearer {held.api_key}"},
        ],
        {
            "custom_user_id": "alice",
            "session_id": pending,
            "memory_id": memory,
            "conflict_id": conflict,
            "project_id": held.project_id,
            "key_id": key.key.key_id,
            "category_id": category.category_id,
            "webhook_id": webhook.webhook_id,
        },
    )


@pytest.fixture
def reached(world: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """The world, of which something must have been found in the end."""
    yield world
    operation = request.node.operation_label
    assert operation in RARELY_POSSIBLE or any(status < 300 for status in world.statuses)


@everything.parametrize()
@ONE_WORLD
def test_every_answer_is_documented(case: Any, reached: World, session: requests.Session) -> None:
    reached.aim(case)
    answer = case.call_and_validate(
        base_url=reached.base_url, session=session, headers=reached.headers, checks=CHECKS
    )
    reached.statuses.add(answer.status_code)


def elsewhere(number: int) -> dict[str, str]:
    """An address of its own for each call, so that none is refused for the number of the others."""
    high, low = divmod(number, 256)
    return {"X-Forwarded-For": f"198.18.{high % 256}.{low}"}


@valid.parametrize()
@ONE_WORLD
def test_nothing_is_answered_without_a_valid_key(
    case: Any, world: World, session: requests.Session
) -> None:
    world.aim(case)
    world.asked += 1
    answer = case.call_and_validate(
        base_url=world.base_url,
        session=session,
        headers=world.unknown[world.asked % len(world.unknown)] | elsewhere(world.asked),
        checks=[not_a_server_error, content_type_conformance, response_schema_conformance],
    )
    assert answer.status_code == 401
