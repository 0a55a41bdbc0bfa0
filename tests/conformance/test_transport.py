"""Checks 1 to 18: what holds for every request, whatever it asks for."""

import http.client
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from tests.conformance.drivers import (
    ALL,
    NODE,
    PY,
    RELEASED,
    REMOTE,
    Driver,
    Raw,
    raw_client,
    remote_driver,
)
from tests.conformance.node_client import NodeClient
from tests.conformance.service import QUICK, Credentials, Service, serving
from tests.databases import NewDatabase

from hitherto import Parts
from hitherto.inference import LocalInference

NO_KEY = "rai_" + "0" * 40
UNUSUAL_IDS = ("Jörg Müller", "花子 山田", "a+b=c&d@e:f;g,h", "zoë😀", "100%", "50% off")
UNADDRESSABLE = ("/", "?", "#", "\\", "%41", "%2F")
"""Parts of an id that the released clients send as they are, so that they mean something else."""


def is_refusal(answer: httpx.Response, status: int) -> bool:
    """Whether an answer is this error, with its text where clients look for it."""
    return answer.status_code == status and isinstance(answer.json()["detail"], str)


def paths_of(user: str, session: str) -> list[tuple[str, str]]:
    """Every path that can be read, with the method."""
    return [
        ("GET", "/users"),
        ("GET", user),
        ("GET", f"{user}/sessions"),
        ("GET", session),
        ("GET", f"{session}/messages"),
        ("GET", f"{session}/context"),
        ("GET", f"{user}/memories"),
        ("GET", f"{user}/memory/{uuid.UUID(int=1)}"),
        ("GET", f"{user}/messages?limit=5"),
        ("GET", f"{user}/merge-conflicts"),
        ("GET", f"{user}/merge-conflicts/{uuid.UUID(int=1)}"),
        ("GET", "/system-prompt"),
    ]


@pytest.mark.check(1)
@pytest.mark.drivers(*REMOTE)
async def test_a_key_with_its_project_is_served(driver: Driver) -> None:
    await driver.client.create_user("alice")
    assert (await driver.client.get_user("alice")).user_id == "alice"


@pytest.mark.check(1)
async def test_header_names_may_be_written_in_any_case(raw: Raw) -> None:
    path = urlsplit(raw.credentials.base_url)
    for spelling in (str.lower, str.upper, str.title):
        connection = http.client.HTTPConnection(str(path.hostname), path.port, timeout=10)
        headers = {spelling(name): value for name, value in raw.credentials.headers.items()}
        connection.request("GET", "/api/v1/users", headers=headers)
        assert connection.getresponse().status == 200, headers
        connection.close()


@pytest.mark.check(2)
@pytest.mark.drivers(*REMOTE)
async def test_a_client_with_an_unknown_key_is_not_let_in(
    driver: Driver, service: Service, credentials: Credentials
) -> None:
    unknown = Credentials(credentials.base_url, NO_KEY, credentials.project_id)
    async with remote_driver(driver.name, service, unknown) as stranger:
        with pytest.raises(stranger.errors.AuthenticationError) as refused:
            await stranger.client.create_user("alice")
    assert refused.value.http_status == 401


@pytest.mark.check(2)
@pytest.mark.parametrize("missing", ["X-Recallr-Api-Key", "X-Recallr-Project-Id"])
async def test_a_missing_header_is_answered_with_401_on_every_path(raw: Raw, missing: str) -> None:
    user = await raw.user()
    session = await raw.session(user)
    kept = {name: value for name, value in raw.credentials.headers.items() if name != missing}
    async with httpx.AsyncClient(base_url=raw.credentials.base_url) as stranger:
        for method, path in paths_of(user, session):
            answer = await stranger.request(method, f"/api/v1{path}", headers=kept)
            assert is_refusal(answer, 401), path
        answer = await stranger.post("/api/v1/users", json={}, headers=kept)
        assert is_refusal(answer, 401)


@pytest.mark.check(2)
async def test_unknown_keys_are_answered_with_401(raw: Raw) -> None:
    for key in (NO_KEY, "", "rai_", raw.credentials.api_key[:-1], raw.credentials.api_key + "0"):
        answer = await raw.get("/users", headers={"X-Recallr-Api-Key": key})
        assert is_refusal(answer, 401), key


@pytest.mark.check(2)
async def test_a_revoked_key_is_answered_with_401(raw: Raw) -> None:
    made = raw.service.admin.create_key(raw.credentials.project_id, name="for a while")
    headers = {"X-Recallr-Api-Key": made.api_key}
    assert (await raw.get("/users", headers=headers)).status_code == 200
    raw.service.admin.revoke_key(made.key.key_id)
    assert is_refusal(await raw.get("/users", headers=headers), 401)


@pytest.mark.check(3)
@pytest.mark.drivers(*REMOTE)
async def test_a_client_with_the_key_of_another_project_is_not_let_in(
    driver: Driver, service: Service, credentials: Credentials
) -> None:
    other = service.project("another")
    mixed = Credentials(credentials.base_url, other.api_key, credentials.project_id)
    async with remote_driver(driver.name, service, mixed) as stranger:
        with pytest.raises(stranger.errors.AuthenticationError):
            await stranger.client.list_users()


@pytest.mark.check(3)
async def test_project_ids_that_are_none_are_answered_with_401(raw: Raw) -> None:
    for project_id in (str(uuid.UUID(int=7)), "not a uuid", "", "null", "1"):
        answer = await raw.get("/users", headers={"X-Recallr-Project-Id": project_id})
        assert is_refusal(answer, 401), project_id


@pytest.mark.check(4)
async def test_keys_begin_with_the_prefix_that_clients_insist_on(service: Service) -> None:
    keys = [service.project().api_key for _ in range(2)]
    assert all(key.startswith("rai_") and len(key) > 30 for key in keys)
    assert keys[0] != keys[1]
    with pytest.raises(ValueError, match="rai_"):
        NodeClient("other_key", "p", service.base_url)


@pytest.mark.check(5)
async def test_every_answer_with_a_body_is_a_json_object(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.session(user, "I live in Porto.")
    for method, path in paths_of(user, session):
        assert is_object(await raw.request(method, path)), path
    unknown = [f"{user}/nothing", "/nothing", "/users/nobody/sessions/none/nothing"]
    for path in unknown:
        answer = await raw.get(path)
        assert is_object(answer), path
        assert is_refusal(answer, 404), path
    for url in ("/", "/api", "/api/v2/users", "/users"):
        answer = await raw.http.get(url)
        assert answer.status_code != 404 or is_object(answer), url


@pytest.mark.check(5)
async def test_wrong_methods_and_bodies_are_answered_with_objects(raw: Raw) -> None:
    user = await raw.user()
    for method, path in [("PATCH", "/users"), ("DELETE", "/users"), ("POST", user)]:
        answer = await raw.request(method, path)
        assert is_object(answer), path
        assert is_refusal(answer, 405), path
    for content in (b"", b"{", b"[]", b'"text"', b"null", b"\xff\xfe", b"{} {}"):
        answer = await raw.post(
            "/users", content=content, headers={"Content-Type": "application/json"}
        )
        assert is_object(answer), content
        assert answer.status_code == 422, content


@pytest.mark.check(5)
async def test_a_body_beyond_all_bounds_is_answered_with_an_object(raw: Raw) -> None:
    answer = await raw.post(
        "/users", json={"custom_user_id": "alice", "metadata": {"much": "x" * 20_000_000}}
    )
    assert answer.status_code in (413, 422)
    assert is_object(answer)


def is_object(answer: httpx.Response) -> bool:
    """Whether the body is a JSON object and says so."""
    kind = answer.headers["content-type"].partition(";")[0]
    return kind == "application/json" and isinstance(answer.json(), dict)


@pytest.mark.check(6)
async def test_204_has_no_body(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.told(user, "I live in Porto.")
    (memory,) = (await raw.get(f"{user}/memories")).json()["items"]
    for path in (f"{user}/memory/{memory['memory_id']}", session, user):
        answer = await raw.delete(path)
        assert (answer.status_code, answer.content) == (204, b""), path


@pytest.mark.check(7)
async def test_nothing_redirects(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.session(user)
    for method, path in paths_of(user, session):
        bare, _, query = path.partition("?")
        answer = await raw.request(method, path)
        assert answer.status_code in (200, 404), path
        for variant in (f"{bare}/?{query}", f"/{bare}?{query}"):
            other = await raw.request(method, variant)
            assert not 300 <= other.status_code < 400, variant


@pytest.mark.check(8)
@pytest.mark.drivers(NODE)
async def test_a_client_that_sends_a_body_with_everything_is_served(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    session = await user.create_session()
    await session.refresh()
    await session.delete()
    await user.delete()
    assert (await driver.client.list_users()).total == 0


@pytest.mark.check(8)
async def test_bodies_of_get_and_delete_are_accepted(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.session(user)
    headers = {"Content-Type": "application/json"}
    for method, path in paths_of(user, session):
        plain = await raw.request(method, path)
        answer = await raw.request(method, path, content=b"{}", headers=headers)
        assert answer.status_code == plain.status_code, path
        assert answer.status_code in (200, 404), path
    for path in (session, user):
        answer = await raw.request("DELETE", path, content=b"{}", headers=headers)
        assert answer.status_code == 204, path


@pytest.mark.check(9)
async def test_a_get_may_name_a_content_type_and_have_no_body(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.session(user)
    for method, path in paths_of(user, session):
        answer = await raw.request(method, path, headers={"Content-Type": "application/json"})
        assert answer.status_code in (200, 404), path


@pytest.mark.check(9)
@pytest.mark.drivers(*PY)
async def test_the_clients_that_do_so_are_served(driver: Driver) -> None:
    await driver.client.create_user("alice")
    assert (await driver.client.list_users()).total == 1


@pytest.mark.check(10)
async def test_process_may_be_called_without_a_body(raw: Raw) -> None:
    user = await raw.user()
    for content in (b"", b"{}"):
        session = await raw.session(user, "I live in Porto.")
        answer = await raw.post(
            f"{session}/process", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.request.headers["content-length"] == str(len(content))
        assert answer.status_code == 200, content
        assert await raw.settled(session) == "processed"


@pytest.mark.check(10)
@pytest.mark.drivers(*RELEASED)
async def test_the_released_clients_can_process(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    await driver.told(user, "I live in Porto.")


@pytest.mark.check(11)
@pytest.mark.parametrize("user_id", UNUSUAL_IDS)
async def test_ids_may_hold_spaces_and_letters_of_all_alphabets(
    driver: Driver, user_id: str
) -> None:
    await is_reachable(driver, user_id)


async def is_reachable(driver: Driver, user_id: str) -> None:
    """Check that a user of this id can be made, used and deleted."""
    user = await driver.client.create_user(user_id)
    assert user.user_id == user_id
    assert (await driver.client.get_user(user_id)).user_id == user_id
    session = await user.create_session()
    await driver.say(session, "Hello.")
    assert (await user.get_last_n_messages(1)).messages[0].content == "Hello."
    assert (await driver.client.list_users()).users[0].user_id == user_id
    await user.delete()
    with pytest.raises(driver.errors.UserNotFoundError):
        await driver.client.get_user(user_id)


@pytest.mark.check(11)
@pytest.mark.parametrize("user_id", UNUSUAL_IDS)
async def test_paths_are_utf_8_once_unescaped(raw: Raw, user_id: str) -> None:
    await raw.user(user_id)
    answer = await raw.get(f"/users/{quote(user_id, safe='')}")
    assert answer.json()["user"]["custom_user_id"] == user_id


@pytest.mark.check(12)
@pytest.mark.parametrize("mark", UNADDRESSABLE)
@pytest.mark.drivers(*ALL)
async def test_ids_that_no_path_can_hold_are_refused(driver: Driver, mark: str) -> None:
    unreachable = f"team{mark}alice"
    with pytest.raises(driver.errors.ValidationError):
        await driver.client.create_user(unreachable)
    user = await driver.client.create_user("alice")
    with pytest.raises(driver.errors.ValidationError):
        await user.update(new_user_id=unreachable)
    assert [one.user_id for one in (await driver.client.list_users()).users] == ["alice"]


@pytest.mark.check(12)
@pytest.mark.parametrize("mark", UNADDRESSABLE)
async def test_ids_that_no_path_can_hold_are_answered_with_422(raw: Raw, mark: str) -> None:
    answer = await raw.post("/users", json={"custom_user_id": f"a{mark}b"})
    assert answer.status_code == 422
    user = await raw.user()
    answer = await raw.put(user, json={"new_custom_user_id": f"a{mark}b"})
    assert answer.status_code == 422
    assert (await raw.get(user)).status_code == 200


@pytest.mark.check(13)
async def test_what_is_out_of_range_is_answered_with_an_array(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.session(user)
    answers = [
        await raw.get("/users?limit=0"),
        await raw.get("/users?limit=many"),
        await raw.get("/users?metadata_filter=%7B"),
        await raw.get(f"{session}/context?min_top_k=51"),
        await raw.get(f"{session}/context?min_top_k=50&max_top_k=10"),
        await raw.get(f"{session}/context?timezone=Mars%2FBase"),
        await raw.get("/system-prompt?recall_strategy=best"),
        await raw.post("/users", json={}),
        await raw.post("/users", json={"custom_user_id": "a/b"}),
        await raw.post("/users", json={"custom_user_id": "b", "metadata": [1]}),
        await raw.post(f"{user}/sessions", json={"auto_process_after_seconds": 1}),
        await raw.post(f"{session}/add-message", json={"message": "x", "role": "system"}),
        await raw.post(f"{session}/add-message", json={"message": "", "role": "user"}),
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.request.url
        problems = answer.json()["detail"]
        assert problems, answer.request.url
        for problem in problems:
            assert isinstance(problem["loc"], list), answer.request.url
            assert all(isinstance(part, str | int) for part in problem["loc"])
            assert isinstance(problem["msg"], str)
            assert isinstance(problem["type"], str)


@pytest.mark.check(13)
@pytest.mark.drivers(*ALL)
async def test_what_is_out_of_range_is_a_validation_error(driver: Driver) -> None:
    user = await driver.client.create_user("alice")
    with pytest.raises(driver.errors.ValidationError) as refused:
        await driver.client.list_users(limit=0)
    assert refused.value.http_status == 422
    with pytest.raises(driver.errors.ValidationError):
        await user.create_session(auto_process_after_seconds=599)


@pytest.fixture(scope="module")
def limited(new_shared_database: NewDatabase) -> Iterator[Service]:
    """A server that takes few requests from each key."""
    settings = QUICK.model_copy(update={"rate_limit_per_minute": FEW})
    with serving(new_shared_database(), settings=settings) as service:
        yield service


FEW = 3


@pytest.mark.check(14)
@pytest.mark.drivers(*RELEASED)
async def test_too_many_requests_are_a_rate_limit_error(driver: Driver, limited: Service) -> None:
    async with remote(driver.name, limited) as hasty, remote(driver.name, limited) as other:
        for _ in range(FEW):
            await hasty.client.list_users()
        with pytest.raises(hasty.errors.RateLimitError) as refused:
            await hasty.client.list_users()
        assert refused.value.http_status == 429
        assert (await other.client.list_users()).total == 0


@pytest.mark.check(14)
async def test_too_many_requests_are_told_when_to_come_back(limited: Service) -> None:
    async with raw_client(limited, limited.project()) as raw:
        answers = [await raw.get("/users") for _ in range(FEW + 1)]
        assert [answer.status_code for answer in answers] == [200] * FEW + [429]
        assert is_refusal(answers[-1], 429)
        assert is_object(answers[-1])
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


class FailingPlan(LocalInference):
    """Fails in a way that nobody has foreseen, whenever a question is looked at."""

    def plan(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError(SECRET)


SECRET = "the password of the database"


@pytest.fixture(scope="module")
def broken(new_shared_database: NewDatabase) -> Iterator[Service]:
    """A server whose contexts fail."""
    with serving(new_shared_database(), parts=Parts(inference=FailingPlan())) as service:
        yield service


@asynccontextmanager
async def remote(name: str, service: Service) -> AsyncIterator[Driver]:
    """A driver of a new project of a server."""
    async with remote_driver(name, service, service.project()) as driver:
        yield driver


@pytest.mark.check(15)
@pytest.mark.drivers(*REMOTE)
async def test_an_unforeseen_failure_is_an_internal_server_error(
    driver: Driver, broken: Service
) -> None:
    async with remote(driver.name, broken) as client:
        user = await client.client.create_user("alice")
        session = await user.create_session()
        await client.say(session, "Where do I live?")
        with pytest.raises(client.errors.InternalServerError) as failed:
            await session.get_context()
    assert failed.value.http_status == 500
    assert SECRET not in str(failed.value)


@pytest.mark.check(15)
async def test_an_unforeseen_failure_gives_nothing_away(broken: Service) -> None:
    async with raw_client(broken, broken.project()) as raw:
        user = await raw.user()
        session = await raw.session(user, "Where do I live?")
        answer = await raw.get(f"{session}/context")
        assert is_refusal(answer, 500)
        assert is_object(answer)
        for hidden in (SECRET, "RuntimeError", "Traceback", "hitherto"):
            assert hidden not in answer.text
        assert (await raw.get(user)).status_code == 200


@pytest.mark.check(16)
async def test_what_is_unknown_is_ignored(raw: Raw) -> None:
    user = await raw.user("alice", favourite_colour="blue", id=7)
    session = await raw.session(user, status="processed", colour={"deep": [1]})
    answers = [
        await raw.put(user, json={"colour": "red"}),
        await raw.put(session, json={"colour": "red"}),
        await raw.post(
            f"{session}/add-message", json={"message": "Hi.", "role": "user", "tone": "warm"}
        ),
        await raw.get("/users?colour=blue&colour=red&x%5B%5D=1"),
        await raw.get(f"{session}/context?colour=blue"),
        await raw.get(f"{user}/memories?colour=blue"),
        await raw.post(f"{session}/process", json={"colour": "blue"}),
    ]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert (await raw.get(user)).json()["user"]["metadata"] == {}


@pytest.mark.check(17)
async def test_every_timestamp_is_in_utc_and_says_so(raw: Raw) -> None:
    user = await raw.user()
    session = await raw.told(
        user, "I moved to Porto last week.", custom_created_at_utc="2025-01-06T15:45:00Z"
    )
    await raw.told(user, "I moved to Lisbon.", custom_created_at_utc="2025-02-06T15:45:00Z")
    seen: dict[str, int] = {}
    for path in (user, "/users", session, f"{user}/sessions", f"{session}/messages"):
        count_instants((await raw.get(path)).json(), seen)
    count_instants((await raw.get(f"{user}/memories")).json(), seen)
    count_instants((await raw.get(f"{user}/messages?limit=5")).json(), seen)
    wanted = {
        "created_at",
        "last_active_at",
        "timestamp",
        "event_date_start",
        "event_date_end",
        "expired_at",
    }
    assert wanted <= set(seen)


def count_instants(value: Any, seen: dict[str, int]) -> None:
    """Check every field that is named as an instant, at any depth, and count it."""
    if isinstance(value, list):
        for item in value:
            count_instants(item, seen)
    if not isinstance(value, dict):
        return
    for name, held in value.items():
        if isinstance(held, str) and (name.endswith(("_at", "timestamp")) or "_date_" in name):
            assert datetime.fromisoformat(held).utcoffset() == timedelta(0), (name, held)
            assert held.endswith(("Z", "+00:00")), (name, held)
            seen[name] = seen.get(name, 0) + 1
        count_instants(held, seen)


@pytest.mark.check(18)
async def test_no_particular_user_agent_is_needed(raw: Raw) -> None:
    for agent in ("", "curl/8", "RecallrAI-Python-SDK/0.2.0", "RecallrAI-Node-SDK/0.6.6"):
        answer = await raw.get("/users", headers={"User-Agent": agent})
        assert answer.status_code == 200, agent
    address = urlsplit(raw.credentials.base_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    connection.request("GET", "/api/v1/users", headers=raw.credentials.headers)
    answered = connection.getresponse()
    assert answered.status == 200
    assert json.loads(answered.read())["total"] == 0
    connection.close()
