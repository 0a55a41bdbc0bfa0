"""Webhooks over the admin API and the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import Clock
from tests.fakes import HashEmbedder
from tests.receiving import receiving
from tests.server.conftest import Project
from typer.testing import CliRunner

from hitherto import Parts
from hitherto.cli import app

ADDRESS = "https://receiver.test/events"
ALL = [
    "merge_conflict.created",
    "merge_conflict.resolved",
    "merge_conflict.failed",
    "session.processed",
    "session.failed",
]


class Receiver:
    """Keeps what it is sent, and answers with a status."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.status_code = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.status_code)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def parts(clock: Clock, receiver: Receiver) -> Parts:
    return Parts(
        embedder=HashEmbedder(), clock=clock, webhook_transport=httpx.MockTransport(receiver)
    )


@pytest.fixture
def webhooks(project: Project) -> str:
    return f"/admin/v1/projects/{project.project_id}/webhooks"


async def made(administrator: httpx.AsyncClient, webhooks: str, **body: Any) -> dict[str, Any]:
    answer = await administrator.post(webhooks, json={"url": ADDRESS} | body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_webhook_is_created_read_changed_and_deleted(
    administrator: httpx.AsyncClient, webhooks: str, project: Project
) -> None:
    created = await made(administrator, webhooks)
    webhook = created["webhook"]
    assert created["secret"].startswith("whsec_")
    assert webhook.pop("created_at").endswith("Z")
    assert webhook == {
        "webhook_id": webhook["webhook_id"],
        "project_id": project.project_id,
        "url": ADDRESS,
        "event_types": ALL,
        "enabled": True,
        "disabled_reason": None,
    }
    one = f"{webhooks}/{webhook['webhook_id']}"
    read = await administrator.get(one)
    listed = await administrator.get(webhooks)
    assert listed.json()["webhooks"] == [read.json()["webhook"]]
    assert created["secret"] not in read.text + listed.text
    body = {"event_types": ["session.failed", "merge_conflict.created", "session.failed"]}
    changed = (await administrator.patch(one, json=body)).json()["webhook"]
    assert changed["event_types"] == ["merge_conflict.created", "session.failed"]
    off = (await administrator.patch(one, json={"enabled": False})).json()["webhook"]
    assert off == changed | {"enabled": False}
    moved = (await administrator.patch(one, json={"url": "http://198.41.0.4:8080/in"})).json()
    assert moved["webhook"] == off | {"url": "http://198.41.0.4:8080/in"}
    assert (await administrator.delete(one)).status_code == 204
    assert (await administrator.get(one)).status_code == 404
    assert (await administrator.get(webhooks)).json() == {"webhooks": []}


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "ftp://receiver.test/",
        "receiver.test/events",
        "//receiver.test",
        "http://",
        "http:///events",
        "https://user:secret-word@receiver.test/",
        "https://secret-word@receiver.test/",
        "https://user:secret-word@receiver.test:port/",
        "https://receiver.test:99999/",
        "https://receiver.test:0/",
        "https://receiver test/",
        "https:\\\\receiver.test\\",
        "http://[::1",
        "http://xn--/",
        "https://receiver.test/\n",
        "https://receiver.test/" + "x" * 2_048,
        "file:///etc/passwd",
        7,
        None,
    ],
)
@pytest.mark.refused_unread
async def test_an_address_that_cannot_be_sent_to_or_holds_a_password_is_refused(
    administrator: httpx.AsyncClient, webhooks: str, url: Any
) -> None:
    answer = await administrator.post(webhooks, json={"url": url})
    assert answer.status_code == 422
    if isinstance(url, str) and "secret-word" in url:
        assert "secret-word" not in answer.text
    kept = await made(administrator, webhooks)
    one = f"{webhooks}/{kept['webhook']['webhook_id']}"
    expected = 200 if url is None else 422
    assert (await administrator.patch(one, json={"url": url})).status_code == expected
    assert (await administrator.get(one)).json()["webhook"] == kept["webhook"]


@pytest.mark.parametrize("types", [[], ["nothing.happened"], "session.failed", [7]])
@pytest.mark.refused_unread
async def test_unknown_events_are_refused(
    administrator: httpx.AsyncClient, webhooks: str, types: Any
) -> None:
    answer = await administrator.post(webhooks, json={"url": ADDRESS, "event_types": types})
    assert answer.status_code == 422


async def test_a_rotation_shows_another_secret(
    administrator: httpx.AsyncClient, webhooks: str, receiver: Receiver
) -> None:
    created = await made(administrator, webhooks)
    one = f"{webhooks}/{created['webhook']['webhook_id']}"
    rotated = (await administrator.post(f"{one}/rotate-secret")).json()
    assert rotated["webhook"] == created["webhook"]
    assert rotated["secret"] != created["secret"]
    await administrator.post(f"{one}/test")
    assert receiver.requests[0].headers["webhook-signature"].count("v1,") == 2


@pytest.mark.parametrize("status_code", [200, 204, 302, 410, 500])
async def test_a_test_event_is_sent_at_once_and_changes_nothing(
    administrator: httpx.AsyncClient, webhooks: str, receiver: Receiver, status_code: int
) -> None:
    webhook = (await made(administrator, webhooks))["webhook"]
    one = f"{webhooks}/{webhook['webhook_id']}"
    receiver.status_code = status_code
    answer = (await administrator.post(f"{one}/test")).json()
    accepted = status_code < 300
    reason = None if accepted else f"answered with {status_code}"
    assert answer == {"status_code": status_code, "failure_reason": reason}
    (request,) = receiver.requests
    event = json.loads(request.content)
    assert event["type"] == "webhook.test"
    assert event["data"] == {"webhook_id": webhook["webhook_id"]}
    assert request.headers["webhook-id"] == event["id"]
    assert (await administrator.get(one)).json()["webhook"] == webhook
    log = (await administrator.get(f"{one}/deliveries")).json()
    assert log == {"deliveries": [], "total": 0, "has_more": False}


async def test_the_log_shows_what_was_told_newest_first_and_nothing_that_was_said(
    administrator: httpx.AsyncClient,
    http: httpx.AsyncClient,
    webhooks: str,
    receiver: Receiver,
    system: Any,
    project: Project,
) -> None:
    webhook = (await made(administrator, webhooks))["webhook"]
    receiver.status_code = 500
    await http.post("/api/v1/users", json={"custom_user_id": "alice"})
    for text in "I live in Porto.", "I have a dog.":
        body = (await http.post("/api/v1/users/alice/sessions", json={})).json()
        session = f"/api/v1/users/alice/sessions/{body['session']['session_id']}"
        await http.post(f"{session}/add-message", json={"message": text, "role": "user"})
        await http.post(f"{session}/process")
        await system.engine(project.project_id).wait_until_processed(timeout_s=10)
    await system.webhooks.stop()
    page = (
        await administrator.get(
            f"{webhooks}/{webhook['webhook_id']}/deliveries", params={"limit": 1}
        )
    ).json()
    assert (page["total"], page["has_more"], len(page["deliveries"])) == (2, True, 1)
    whole = await administrator.get(f"{webhooks}/{webhook['webhook_id']}/deliveries")
    newest, oldest = whole.json()["deliveries"]
    assert newest == page["deliveries"][0]
    assert newest["created_at"] > oldest["created_at"]
    assert (oldest["event_type"], oldest["status"]) == ("session.processed", "PENDING")
    assert oldest["attempts"] == 1
    assert oldest["answer"] == {"status_code": 500, "failure_reason": "answered with 500"}
    assert "alice" not in whole.text
    assert "Porto" not in whole.text


async def test_a_webhook_is_known_only_in_its_project(
    administrator: httpx.AsyncClient, webhooks: str
) -> None:
    webhook_id = (await made(administrator, webhooks))["webhook"]["webhook_id"]
    other = (await administrator.post("/admin/v1/projects", json={"name": "other"})).json()
    of_other = f"/admin/v1/projects/{other['project']['project_id']}/webhooks"
    for where, name in (of_other, webhook_id), (webhooks, "nothing"), (webhooks, "%ED%A0%80"):
        one = f"{where}/{name}"
        for method, address in (
            ("GET", one),
            ("PATCH", one),
            ("DELETE", one),
            ("POST", f"{one}/rotate-secret"),
            ("POST", f"{one}/test"),
            ("GET", f"{one}/deliveries"),
        ):
            body = {"enabled": False} if method == "PATCH" else None
            answer = await administrator.request(method, address, json=body)
            assert answer.status_code == 404, address
            assert isinstance(answer.json()["detail"], str)
    assert (await administrator.get(of_other)).json() == {"webhooks": []}
    assert (await administrator.get(f"{webhooks}/{webhook_id}")).json()["webhook"]["enabled"]
    assert (await administrator.get("/admin/v1/projects/nothing/webhooks")).status_code == 404


async def test_a_key_of_a_project_does_not_reach_its_webhooks(
    http: httpx.AsyncClient, webhooks: str
) -> None:
    assert (await http.get(webhooks)).status_code == 401
    assert (await http.post(webhooks, json={"url": ADDRESS})).status_code == 401


# The command line


@pytest.fixture
def run(path: Path) -> Callable[..., Any]:
    def call(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["webhooks", *arguments, f"--db={path}"])

    return call


@pytest.mark.parametrize(("status_code", "exit_code"), [(204, 0), (307, 1), (500, 1)])
def test_the_command_line_creates_tests_lists_and_deletes(
    run: Callable[..., Any], status_code: int, exit_code: int
) -> None:
    with receiving(status_code) as receiver:
        created = json.loads(
            run("create", receiver.address, "--event=session.failed", "--json").stdout
        )
        webhook_id = created["webhook"]["webhook_id"]
        assert created["webhook"]["event_types"] == ["session.failed"]
        assert created["secret"].startswith("whsec_")
        tested = run("test", webhook_id)
        assert tested.exit_code == exit_code, tested.output
        assert str(status_code) in tested.output
        assert receiver.received.qsize() == 1
        assert json.loads(run("test", webhook_id, "--json").stdout)["status_code"] == status_code
    unreachable = run("test", webhook_id)
    assert unreachable.exit_code == 1
    assert unreachable.stderr.startswith(
        "hitherto: not accepted: no answer: no connection could be made"
    )
    assert unreachable.stderr.count("\n") == 1
    listed = run("list")
    assert webhook_id in listed.stdout
    assert "session.failed" in listed.stdout
    assert created["secret"] not in listed.stdout
    assert run("delete", webhook_id).exit_code == 0
    assert "There are no webhooks" in run("list").stdout
    gone = run("delete", webhook_id)
    assert (gone.exit_code, gone.stderr) == (1, f"hitherto: Webhook {webhook_id} not found\n")


def test_the_command_line_shows_the_secret_once_and_refuses_what_is_no_address(
    run: Callable[..., Any],
) -> None:
    created = run("create", ADDRESS)
    assert created.exit_code == 0
    assert "secret      whsec_" in created.stdout
    assert "only now" in created.stderr
    assert json.loads(run("list", "--json").stdout)[0]["event_types"] == ALL
    refused = run("create", "https://user:secret-word@receiver.test/")
    assert refused.exit_code == 1
    assert "secret-word" not in refused.output
    assert run("create", ADDRESS, "--event=nothing").exit_code == 2
