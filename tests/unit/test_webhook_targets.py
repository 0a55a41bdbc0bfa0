"""Which addresses webhooks may be sent to."""

import ipaddress

import pytest

from hitherto import Settings
from hitherto.engine.webhook_targets import (
    TargetPolicy,
    is_local_name,
    is_public,
    literal_address,
    policy_of,
)

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:1.1.1.1",
    "64:ff9b::1.1.1.1",
    "2002:101:101::1",
    "2606:4700:4700::1111",
    "2a00:1450::8a",
]
NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.7",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:0.0.0.0",
    "::ffff:10.0.0.7",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.7",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1.1.1.1",
    "100::1",
    "2001::1",
    "2001:0:53aa:64c:0:1:2:3",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:7::",
    "2002:a9fe:a9fe::",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_of_the_public_internet_are_allowed(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert is_public(address)
    assert TargetPolicy().allows(address)


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_all_others_are_refused_unless_a_setting_allows_them(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert not is_public(address)
    assert not TargetPolicy().allows(address)
    assert TargetPolicy(private=True).allows(address)


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_loopback_alone_is_allowed_for_a_service_that_only_this_machine_reaches(text: str) -> None:
    address = ipaddress.ip_address(text)
    loopback = text in {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"}
    assert TargetPolicy(loopback=True).allows(address) is loopback


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0X7F.0.0.0x1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("10.7", "10.0.0.7"),
        ("0", "0.0.0.0"),
        ("127.0.0.1.", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::ffff:7f00:1", "::ffff:127.0.0.1"),
        ("0:0:0:0:0:ffff:127.0.0.1", "::ffff:127.0.0.1"),
    ],
)
def test_every_form_of_an_address_is_read(host: str, meant: str) -> None:
    assert literal_address(host) == ipaddress.ip_address(meant)


@pytest.mark.parametrize("host", ["", "a", "receiver.test", "1.2.3.4.5", "256.0.0.1", "0x", "1e3"])
def test_a_name_is_no_address(host: str) -> None:
    assert literal_address(host) is None


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.0.0.53", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.7", False),
        ("memory.example", False),
        ("", False),
    ],
)
def test_a_service_may_send_to_its_machine_if_it_listens_only_there(
    host: str, loopback: bool
) -> None:
    assert policy_of(Settings(host=host)) == TargetPolicy(loopback=loopback)
    opened = policy_of(Settings(host=host, webhook_private_targets=True))
    assert opened == TargetPolicy(private=True, loopback=loopback)


def test_names_of_this_machine_are_known() -> None:
    assert all(map(is_local_name, ["localhost", "LOCALHOST", "localhost.", "a.localhost"]))
    assert not any(map(is_local_name, ["localhost.test", "notlocalhost", ""]))
