"""No request returns, counts or changes anything of another project, or of another user."""

import itertools
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.service import Credentials, OnLoop, Service, serving
from tests.conformance.stories import BIRTHDAY
from tests.databases import NewDatabase

USERS = ("alice", "bruno")
"""The same names in every project."""

PROJECTS = 3
ID_KINDS = ("session", "memory", "conflict")


@dataclass(frozen=True)
class Owned:
    """What a user of a project has: ids by kind, a word that only they have said, their project."""

    project: int
    user: str
    word: str
    ids: dict[str, str]


@dataclass(frozen=True)
class Operation:
    """One of the 22: `{user}` and `{id}` stand in the path; kind: of what the id is."""

    method: str
    path: str
    kind: str | None = None
    body: Any = None
    params: Any = None

    def filled(self, **words: str) -> tuple[str, Any]:
        """Path and body with the words put into their places."""
        path, body = self.path, json.dumps(self.body)
        for name, word in words.items():
            path = path.replace(f"{{{name}}}", word)
            body = body.replace(f"{{{name}}}", word)
        return path, json.loads(body)


OPERATIONS = (
    Operation("POST", "/users", body={"custom_user_id": "{user}"}),
    Operation("GET", "/users", params={"limit": 100}),
    Operation("GET", "/users/{user}"),
    Operation("PUT", "/users/{user}", body={"new_metadata": {"by": "{mark}"}}),
    Operation("DELETE", "/users/{user}"),
    Operation("POST", "/users/{user}/sessions", body={"metadata": {"by": "{mark}"}}),
    Operation("GET", "/users/{user}/sessions", params={"limit": 100}),
    Operation("GET", "/users/{user}/sessions/{id}", "session", params={"include_memories": True}),
    Operation("PUT", "/users/{user}/sessions/{id}", "session", {"new_metadata": {"by": "{mark}"}}),
    Operation("DELETE", "/users/{user}/sessions/{id}", "session"),
    Operation(
        "POST",
        "/users/{user}/sessions/{id}/add-message",
        "session",
        {"message": "{mark}", "role": "user"},
    ),
    Operation("POST", "/users/{user}/sessions/{id}/process", "session"),
    Operation("GET", "/users/{user}/sessions/{id}/messages", "session"),
    Operation(
        "GET",
        "/users/{user}/sessions/{id}/context",
        "session",
        params={"last_n_messages": 100, "last_n_summaries": 20, "include_metadata_ids": True},
    ),
    Operation("GET", "/users/{user}/memories", params={"limit": 200}),
    Operation("GET", "/users/{user}/memory/{id}", "memory"),
    Operation("GET", "/users/{user}/doubtful-memories", params={"limit": 200}),
    Operation("POST", "/users/{user}/memory/{id}/confirm", "memory"),
    Operation("POST", "/users/{user}/memory/{id}/end", "memory"),
    Operation("DELETE", "/users/{user}/memory/{id}", "memory"),
    Operation("GET", "/users/{user}/messages", params={"limit": 100}),
    Operation("GET", "/users/{user}/merge-conflicts", params={"limit": 100}),
    Operation("GET", "/users/{user}/merge-conflicts/{id}", "conflict"),
    Operation(
        "POST",
        "/users/{user}/merge-conflicts/{id}/resolve",
        "conflict",
        {"question_answers": [{"question": "Why?", "answer": "{mark}"}]},
    ),
    Operation("GET", "/system-prompt"),
)

ADMIN = (
    Operation("GET", "/projects/{project}/counters"),
    Operation("GET", "/projects/{project}/keys"),
    Operation("GET", "/projects/{project}/categories"),
    Operation("POST", "/projects/{project}/categories", body={"name": "{mark}"}),
    Operation("PUT", "/projects/{project}/generation-preferences", body={"topics": ["{mark}"]}),
    Operation("PATCH", "/projects/{project}", body={"name": "{mark}"}),
    Operation("POST", "/projects/{project}/keys", body={"name": "{mark}"}),
    Operation("POST", "/projects/{project}/users/{user}/sessions/{id}/retry", "session"),
    Operation("POST", "/projects/{project}/users/{user}/merge-conflicts/{id}/retry", "conflict"),
)
"""Calls of the admin API that name one project."""


class World:
    """Projects with users of the same names, each of whom said a word of their own."""

    def __init__(self, service: Service, http: httpx.Client) -> None:
        self._service = service
        self.http = http
        self.admin = {"X-Hitherto-Admin-Key": service.admin.create_admin_key().api_key}
        self.projects = [service.project() for _ in range(PROJECTS)]
        self.owned = [self._told(number, user) for number in range(PROJECTS) for user in USERS]

    def _told(self, number: int, user: str) -> Owned:
        held = self.projects[number]
        word = f"w{uuid.uuid4().hex[:12]}"
        self.ask(held, "POST", "/users", {"custom_user_id": user, "merge_conflict_enabled": True})
        for text in (f"I have a dog named {word}.", BIRTHDAY[0]), (BIRTHDAY[1],), (word,):
            path = f"/users/{user}/sessions"
            made = self.ask(held, "POST", path, {"metadata": {"word": word}})
            session_id = made.json()["session"]["session_id"]
            for one in text:
                said = {"message": one, "role": "user"}
                self.ask(held, "POST", f"{path}/{session_id}/add-message", said)
            if text != (word,):
                self.ask(held, "POST", f"{path}/{session_id}/process")
                engine = self._service.system.engine(held.project_id)
                OnLoop(engine, self._service.loop).wait_until_processed(timeout_s=20)
        memory = self.ask(held, "GET", f"/users/{user}/memories").json()["items"][0]
        conflict = self.ask(held, "GET", f"/users/{user}/merge-conflicts").json()["conflicts"][0]
        ids = (session_id, memory["memory_id"], conflict["id"])
        return Owned(number, user, word, dict(zip(ID_KINDS, ids, strict=True)))

    def ask(
        self, held: Credentials, method: str, path: str, body: Any = None, params: Any = None
    ) -> httpx.Response:
        answer = self.http.request(
            method, f"/api/v1{path}", headers=held.headers, json=body, params=params
        )
        assert answer.status_code < 500
        return answer

    def make(
        self, mine: Owned, operation: Operation, owner: Owned, given: Credentials | None = None
    ) -> httpx.Response:
        """Make a call under a user's name, with an id of what the owner has."""
        path, body = operation.filled(
            user=mine.user,
            id=owner.ids.get(operation.kind or "", ""),
            mark=f"mark of {mine.word}",
        )
        credentials = given or self.projects[mine.project]
        return self.ask(credentials, operation.method, path, body, operation.params)

    def seen_by(self, owned: Owned) -> list[Any]:
        """All that a user can see of what is theirs."""
        held = self.projects[owned.project]
        user, ids = f"/users/{owned.user}", owned.ids
        pages = (
            user,
            f"{user}/sessions",
            f"{user}/sessions/{ids['session']}/messages",
            f"{user}/memories",
            f"{user}/messages",
            f"{user}/merge-conflicts",
        )
        return [self.ask(held, "GET", page).json() for page in pages]

    def all_seen(self) -> list[Any]:
        """What each of the users can see."""
        return [self.seen_by(owned) for owned in self.owned]

    def shown_to_admin(self, project_id: str) -> list[Any]:
        """What the admin API shows of a project."""
        parts = ("", "/counters", "/keys", "/categories", "/generation-preferences")
        return [
            self.http.get(f"/admin/v1/projects/{project_id}{part}", headers=self.admin).json()
            for part in parts
        ]

    def restore(self, owned: Owned) -> None:
        """Give a user again what calls of their own have deleted."""
        held = self.projects[owned.project]
        user = f"/users/{owned.user}"
        paths = (
            f"/sessions/{owned.ids['session']}",
            f"/memory/{owned.ids['memory']}",
            f"/merge-conflicts/{owned.ids['conflict']}",
        )
        if {self.ask(held, "GET", user + path).status_code for path in paths} != {200}:
            self.ask(held, "DELETE", user)
            self.owned[self.owned.index(owned)] = self._told(owned.project, owned.user)


@pytest.fixture(scope="module")
def service(new_shared_database: NewDatabase) -> Iterator[Service]:
    with serving(new_shared_database()) as running:
        yield running


@pytest.fixture(scope="module")
def world(service: Service) -> Iterator[World]:
    addresses = itertools.count()

    def come_from_elsewhere(request: httpx.Request) -> None:
        """Keep calls with wrong keys from being refused for their number."""
        high, low = divmod(next(addresses), 256)
        request.headers["X-Forwarded-For"] = f"198.18.{high}.{low}"

    hooks = {"request": [come_from_elsewhere]}
    with httpx.Client(base_url=service.base_url, event_hooks=hooks) as http:
        yield World(service, http)


def pair(world: World, choice: int, other: int) -> tuple[Owned, Owned]:
    """Two different users, of the same project or of two."""
    mine = world.owned[choice % len(world.owned)]
    others = [owned for owned in world.owned if owned is not mine]
    return mine, others[other % len(others)]


@settings(max_examples=30)
@given(
    choice=st.integers(0, 5),
    other=st.integers(0, 4),
    calls=st.lists(st.sampled_from(OPERATIONS), min_size=3, max_size=8),
)
def test_a_request_touches_only_what_belongs_to_its_user_and_project(
    world: World, choice: int, other: int, calls: list[Operation]
) -> None:
    mine, theirs = pair(world, choice, other)
    before = world.seen_by(theirs)
    for operation in calls:
        answer = world.make(mine, operation, mine)
        for stranger in world.owned:
            # The list of users is of the whole project.
            shared = operation.path == "/users" and stranger.project == mine.project
            if stranger is not mine and not shared:
                assert stranger.word not in answer.text
                assert not any(one in answer.text for one in stranger.ids.values())
        if operation.method == "GET" and operation.path == "/users":
            assert answer.json()["total"] <= len(USERS)
    assert world.seen_by(theirs) == before
    world.restore(mine)


def test_an_id_of_another_user_is_unknown_under_ones_own_name(world: World) -> None:
    before = world.all_seen()
    of_ids = [operation for operation in OPERATIONS if operation.kind]
    assert len(of_ids) == 13
    for mine, theirs in itertools.permutations(world.owned, 2):
        for operation in of_ids:
            answer = world.make(mine, operation, theirs)
            assert answer.status_code == 404
            assert answer.json()["detail"].endswith(f"{theirs.ids[operation.kind]} not found")
            assert "User" not in answer.json()["detail"]
    assert world.all_seen() == before
    for operation in of_ids:
        if operation.method == "GET":
            assert world.make(world.owned[0], operation, world.owned[0]).status_code == 200


def test_a_key_opens_its_own_project_only_and_a_revoked_one_opens_none(
    world: World, service: Service
) -> None:
    mine, held = world.owned[0], world.projects[0]
    revoked = service.admin.create_key(held.project_id)
    service.admin.revoke_key(revoked.key.key_id)
    before = world.all_seen()
    assert len(OPERATIONS) == 25
    for operation in OPERATIONS:
        for api_key, project_id in (
            (held.api_key, world.projects[1].project_id),
            (world.projects[1].api_key, held.project_id),
            (revoked.api_key, held.project_id),
            (world.admin["X-Hitherto-Admin-Key"], held.project_id),
            (held.api_key, str(uuid.UUID(int=0))),
        ):
            credentials = Credentials(service.base_url, api_key, project_id)
            answer = world.make(mine, operation, mine, credentials)
            assert answer.status_code == 401
            assert answer.json() == {"detail": "Invalid API key or project ID"}
    assert world.all_seen() == before


def test_a_key_that_is_revoked_stops_opening_with_the_next_request(
    world: World, service: Service
) -> None:
    made = service.admin.create_key(world.projects[0].project_id)
    credentials = Credentials(service.base_url, made.api_key, world.projects[0].project_id)
    assert world.ask(credentials, "GET", "/users").status_code == 200
    service.admin.revoke_key(made.key.key_id)
    assert world.ask(credentials, "GET", "/users").status_code == 401


def test_an_admin_call_touches_only_the_project_that_it_names(world: World) -> None:
    mine, theirs = world.owned[0], world.owned[-1]
    own, other = world.projects[0].project_id, world.projects[-1].project_id
    before = world.shown_to_admin(other)
    for operation in ADMIN:
        path, body = operation.filled(
            project=own, user=mine.user, id=theirs.ids.get(operation.kind or "", ""), mark="mark"
        )
        for headers in (world.admin, world.projects[0].headers):
            answer = world.http.request(
                operation.method, f"/admin/v1{path}", headers=headers, json=body
            )
            assert other not in answer.text
            if headers is not world.admin:
                assert answer.status_code == 401
            elif operation.kind:
                assert answer.status_code == 404
            else:
                assert answer.status_code in (200, 201)
    assert world.shown_to_admin(other) == before
