"""Webhooks go to public addresses only: checked when one is made, and when one is connected to."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import START, Clock
from tests.fakes import HashEmbedder
from tests.receiving import Receiver, receiving
from typer.testing import CliRunner

from hitherto import Parts, Settings
from hitherto.cli import app
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.engine.webhook_http import Sender
from hitherto.engine.webhook_targets import Address, TargetPolicy
from hitherto.engine.webhook_transport import REFUSED, CheckedTransport, Gate
from hitherto.errors import ValidationError
from hitherto.models import WebhookAnswer
from hitherto.system import System, open_system

PUBLIC = "198.41.0.4"
SECRET = "whsec_c2VjcmV0"
CERTIFICATE = Path(__file__).parent / "certificates" / "receiver_test.pem"

OWN_ADDRESSES = [
    "127.0.0.1",
    "127.1",
    "127.0.0.53",
    "0x7f000001",
    "0x7f.0.0.1",
    "2130706433",
    "017700000001",
    "0.0.0.0",
    "0",
    "127.0.0.1.",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "127\u30020\u30020\u30021",
    "127\uff0e0\uff0e0\uff0e1",
    "localhost",
    "LocalHost",
]
OTHERS_ADDRESSES = [
    "10.0.0.7",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "168.63.129.16",
    "224.0.0.251",
    "255.255.255.255",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[ff02::1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a00:7::]",
]


class Names:
    """A resolver whose answers are given: the next ones for each question, the last for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if not answer:
            raise OSError("no such name")
        return [ip_address(text) for text in answer]


@contextlib.asynccontextmanager
async def sending(
    names: Names | None = None, policy: TargetPolicy | None = None
) -> AsyncIterator[Sender]:
    sender = Sender(policy=policy, resolve=names)
    yield sender
    await sender.close()


async def posted(sender: Sender, url: str) -> WebhookAnswer:
    return await sender.post(url, "event", b"{}", [SECRET], START, 5.0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(204) as found:
        yield found


def port_of(receiver: Receiver) -> int:
    return httpx.URL(receiver.address).port or 0


@pytest.mark.parametrize("host", OWN_ADDRESSES + OTHERS_ADDRESSES)
async def test_no_connection_is_made_to_an_address_that_is_not_public(
    host: str, receiver: Receiver
) -> None:
    async with sending() as sender:
        url = f"http://{host}:{port_of(receiver)}/events"
        assert (await posted(sender, url)).failure_reason == f"not sent: {REFUSED}"
        assert await sender.refusal(url) == REFUSED
    assert receiver.received.empty()


async def test_a_name_that_changes_its_meaning_is_not_connected_to(receiver: Receiver) -> None:
    names = Names([PUBLIC], ["127.0.0.1"])
    async with sending(names) as sender:
        url = f"http://receiver.test:{port_of(receiver)}/events"
        assert await sender.refusal(url) is None
        answer = await posted(sender, url)
    assert answer.failure_reason == f"not sent: {REFUSED}"
    assert receiver.received.empty()


async def test_a_name_is_resolved_once_for_a_request_and_keeps_its_host(receiver: Receiver) -> None:
    names = Names(["127.0.0.1"], [PUBLIC])
    async with sending(names, TargetPolicy(loopback=True)) as sender:
        port = port_of(receiver)
        answer = await posted(sender, f"http://receiver.test:{port}/events?a=b")
    assert answer == WebhookAnswer(204)
    assert names.asked == ["receiver.test"]
    headers, body = receiver.received.get(timeout=5)
    assert headers["host"] == f"receiver.test:{port}"
    assert body == b"{}"


async def test_of_several_addresses_those_that_are_public_are_tried(receiver: Receiver) -> None:
    names = Names(["10.0.0.7", "169.254.169.254", "127.0.0.2", "127.0.0.1"])
    async with sending(names, TargetPolicy(loopback=True)) as sender:
        # Nothing listens at the second loopback address.
        answer = await posted(sender, f"http://receiver.test:{port_of(receiver)}/events")
    assert answer == WebhookAnswer(204)


@pytest.mark.parametrize("addresses", [["10.0.0.7"], ["::1", "fe80::1", "127.0.0.1"]])
async def test_a_name_with_private_addresses_only_is_refused(addresses: list[str]) -> None:
    async with sending(Names(addresses)) as sender:
        assert await sender.refusal("https://internal.test/") == REFUSED
        answer = await posted(sender, "https://internal.test/")
    assert answer.failure_reason == f"not sent: {REFUSED}"


async def test_a_name_without_an_address_may_be_given_and_is_no_answer_yet() -> None:
    async with sending(Names([])) as sender:
        assert await sender.refusal("https://coming.test/") is None
        answer = await posted(sender, "https://coming.test/")
    assert answer.failure_reason == "no answer: the name cannot be resolved"


async def test_a_name_server_that_hangs_holds_up_neither_a_webhook_nor_its_creation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hitherto.engine.webhook_http.CHECKING_TIMEOUT_S", 0.01)

    async def hang(host: str, port: int) -> list[Address]:
        await asyncio.Event().wait()
        return []

    sender = Sender(resolve=hang)
    assert await sender.refusal("https://slow.test/") is None
    answer = await sender.post("https://slow.test/", "event", b"{}", [SECRET], START, 0.01)
    assert answer.failure_reason == "no answer within 0.01 s"
    await sender.close()


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    with receiving(307) as moved:
        async with sending(policy=TargetPolicy(loopback=True)) as sender:
            answer = await posted(sender, moved.address)
    assert answer.status_code == 307
    assert moved.received.qsize() == 1
    assert receiver.received.empty()


async def test_a_setting_opens_all_addresses(receiver: Receiver) -> None:
    async with sending(policy=TargetPolicy(private=True)) as sender:
        for host in ("127.0.0.1", "127.1", "0.0.0.0", "2130706433", "localhost"):
            answer = await posted(sender, f"http://{host}:{port_of(receiver)}/events")
            assert answer == WebhookAnswer(204), host
        assert await sender.refusal("http://10.0.0.7/") is None


@pytest.fixture
async def secure(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a receiver on this machine that proves to be receiver.test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_tls_checks_the_name_and_not_the_address_that_is_connected_to(secure: int) -> None:
    trusted = ssl.create_default_context(cafile=str(CERTIFICATE))
    gate = Gate(TargetPolicy(loopback=True), Names(["127.0.0.1"]))
    async with httpx.AsyncClient(transport=CheckedTransport(gate, trusted)) as client:
        answer = await client.post(f"https://receiver.test:{secure}/", content=b"{}")
        assert answer.status_code == 204
    async with httpx.AsyncClient(transport=CheckedTransport(gate, trusted)) as client:
        for host in ("other.test", "127.0.0.1"):
            with pytest.raises(httpx.ConnectError, match=r"(?i)mismatch|not valid for"):
                await client.post(f"https://{host}:{secure}/", content=b"{}")


async def test_a_certificate_that_is_not_trusted_is_said_to_be_so(secure: int) -> None:
    async with sending(Names(["127.0.0.1"]), TargetPolicy(loopback=True)) as sender:
        answer = await posted(sender, f"https://receiver.test:{secure}/")
    assert (answer.failure_reason or "").startswith("no answer: TLS failed")


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A proxy that the environment names, on this machine."""
    with receiving(204) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port_of(proxy)}")
        monkeypatch.setenv("no_proxy", "direct.test")
        yield proxy


async def test_a_proxy_is_used_whatever_its_own_address_and_for_names_and_public_addresses_only(
    proxied: Receiver, receiver: Receiver
) -> None:
    names = Names(["127.0.0.1"])
    async with sending(names) as sender:
        for url in ("http://receiver.test/events", f"http://{PUBLIC}/events"):
            assert await sender.refusal(url) is None
            assert await posted(sender, url) == WebhookAnswer(204)
        for host in [*OWN_ADDRESSES, *OTHERS_ADDRESSES]:
            answer = await posted(sender, f"http://{host}:{port_of(receiver)}/events")
            assert answer.failure_reason == f"not sent: {REFUSED}"
        assert names.asked == []
        direct = await posted(sender, f"http://direct.test:{port_of(receiver)}/events")
        assert direct.failure_reason == f"not sent: {REFUSED}"
        assert names.asked == ["direct.test"]
    assert proxied.received.qsize() == 2
    assert receiver.received.empty()


async def test_connections_are_kept_for_each_receiver_and_bounded(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    monkeypatch.setattr("hitherto.engine.webhook_http.MAX_IDLE_CLIENTS", 3)
    names = Names(["127.0.0.1"])
    async with sending(names, TargetPolicy(loopback=True)) as sender:
        urls = [f"http://r{number}.test:{port_of(receiver)}/" for number in range(5)]
        for url in [*urls, *urls]:
            # As many as the receiver's queue takes, two of them to the same one.
            answers = await asyncio.gather(posted(sender, url), posted(sender, url))
            assert answers == [WebhookAnswer(204)] * 2
        assert len(sender._idle) == 3


@pytest.fixture
def opened(path: Path, clock: Clock) -> Callable[..., Any]:
    """Opens a memory with settings."""

    @contextlib.asynccontextmanager
    async def open_with(**settings: Any) -> AsyncIterator[System]:
        parts = Parts(embedder=HashEmbedder(), clock=clock)
        chosen = Settings(poll_interval_s=0.02, worker=False, **settings)
        system = await open_system(path, chosen, parts)
        yield system
        await system.close()

    return open_with


@pytest.mark.parametrize("host", OWN_ADDRESSES)
async def test_a_service_for_other_machines_takes_no_webhook_on_its_own(
    opened: Callable[..., Any], host: str
) -> None:
    async with opened(host="0.0.0.0") as system:
        with pytest.raises(ValidationError, match="not a public one; HITHERTO_WEBHOOK_PRIVATE"):
            await system.admin.create_webhook(DEFAULT_PROJECT_ID, f"http://{host}:9/")
        kept = await system.admin.create_webhook(DEFAULT_PROJECT_ID, f"https://{PUBLIC}/")
        with pytest.raises(ValidationError, match="not a public one"):
            await system.admin.update_webhook(
                DEFAULT_PROJECT_ID, kept.webhook.webhook_id, url=f"https://{host}/"
            )
        assert await system.admin.list_webhooks(DEFAULT_PROJECT_ID) == [kept.webhook]


async def test_a_service_for_this_machine_sends_to_it_and_not_to_its_networks(
    opened: Callable[..., Any], receiver: Receiver
) -> None:
    async with opened() as system:
        made = await system.admin.create_webhook(DEFAULT_PROJECT_ID, receiver.address)
        answer = await system.admin.send_test_event(DEFAULT_PROJECT_ID, made.webhook.webhook_id)
        assert answer == WebhookAnswer(204)
        for host in ("10.0.0.7", "169.254.169.254", "[fe80::1]", "0.0.0.0"):
            with pytest.raises(ValidationError, match="not a public one"):
                await system.admin.create_webhook(DEFAULT_PROJECT_ID, f"http://{host}/")


async def test_a_webhook_of_an_earlier_release_is_not_sent_to_either(
    opened: Callable[..., Any], receiver: Receiver
) -> None:
    async with opened(webhook_private_targets=True, host="0.0.0.0") as system:
        made = await system.admin.create_webhook(DEFAULT_PROJECT_ID, receiver.address)
    async with opened(host="0.0.0.0") as system:
        answer = await system.admin.send_test_event(DEFAULT_PROJECT_ID, made.webhook.webhook_id)
    assert answer == WebhookAnswer(None, f"not sent: {REFUSED}")
    assert receiver.received.empty()


def test_the_command_line_goes_by_the_same_settings(
    path: Path, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    def create(url: str) -> Any:
        return CliRunner().invoke(app, ["webhooks", "create", url, "--db", str(path)])

    assert create(receiver.address).exit_code == 0
    refused = create("http://10.0.0.7/")
    assert refused.exit_code == 1
    assert "HITHERTO_WEBHOOK_PRIVATE_TARGETS" in refused.stderr
    monkeypatch.setenv("HITHERTO_HOST", "0.0.0.0")
    assert create(receiver.address).exit_code == 1
    monkeypatch.setenv("HITHERTO_WEBHOOK_PRIVATE_TARGETS", "true")
    assert create("http://10.0.0.7/").exit_code == 0
