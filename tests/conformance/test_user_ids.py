"""Ids of users on their way into a path: whatever creation accepts leads both clients to that user.

The Python client is the released one; how the Node client writes a path is pinned to what Node's
own URL parser returns.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.conformance.drivers import RELEASED, Driver, Raw
from tests.conformance.node_wire import target_of

from hitherto.core import arguments
from hitherto.errors import ValidationError

USERS = "/api/v1/users/"

PATHS = {
    "bob ": "bob",
    " bob": "%20bob",
    "a%20b": "a%20b",
    "a%2Fb": "a%2Fb",
    "a\\b": "a/b",
    "a\tb": "ab",
    "a|b": "a|b",
    "a[b]": "a[b]",
    "a^b": "a^b",
    "a`b": "a%60b",
    "a{b}": "a%7Bb%7D",
    'a"b': "a%22b",
    "a<b>": "a%3Cb%3E",
    "a'b": "a'b",
    "50%": "50%",
    "%zz": "%zz",
    "a;b=c": "a;b=c",
    "a:b@c": "a:b@c",
    "a+b": "a+b",
    "é": "%C3%A9",
    "a\u00a0": "a%C2%A0",
    "\u3000a": "%E3%80%80a",
    ".": "",
    "...": "...",
    "%2e": "",
}
"""What Node 20 makes of an id at the end of a path: `new URL(...).pathname`."""

PIECES = st.sampled_from(
    [
        *"%\\/?#.:;@&=+,!$'()*[]|^`{}<>\"~ \t\u00a0\u3000\u2028é用",
        "%2",
        "%2F",
        "%20",
        "%e",
        "2e",
        "..",
    ]
)
IDS = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=8).map("".join)


def accepted(user_id: str) -> bool:
    try:
        arguments.user_id(user_id)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("user_id", PATHS)
def test_the_node_client_writes_paths_as_nodes_parser_does(user_id: str) -> None:
    assert target_of(USERS + user_id) == USERS + PATHS[user_id]


def test_what_node_is_said_to_do_is_what_it_does() -> None:
    """Where there is a Node to ask; the table above was made by one."""
    if (node := shutil.which("node")) is None:
        return
    code = f"""
        const paths = process.argv.slice(1).map(id => new URL('http://h{USERS}' + id).pathname);
        process.stdout.write(JSON.stringify(paths));
    """
    done = subprocess.run([node, "-e", code, "--", *PATHS], capture_output=True, check=True)
    assert json.loads(done.stdout) == [USERS + path for path in PATHS.values()]


def paths_of(user_id: str) -> Iterator[str]:
    """The path of a user and of their sessions, as each client sends it and the server reads it."""
    for path in (USERS + user_id, f"{USERS}{user_id}/sessions"):
        yield unquote(httpx.URL(f"http://host{path}").raw_path.decode("ascii"))
        yield unquote(target_of(path))


@settings(max_examples=300, suppress_health_check=[HealthCheck.filter_too_much])
@given(IDS.filter(accepted))
@example("50%")
@example("a%2")
@example("...")
def test_both_clients_address_any_accepted_id(user_id: str) -> None:
    end = f"{user_id}/sessions"
    assert set(paths_of(user_id)) == {USERS + user_id, USERS + end}


@given(IDS)
def test_what_is_refused_would_not_arrive_or_is_no_text(user_id: str) -> None:
    """No id is refused for nothing, but for those with blanks or invisible line ends."""
    if accepted(user_id) or user_id != user_id.strip() or not user_id:
        return
    if any(character in "\x7f\u2028\u2029" or character < " " for character in user_id):
        return
    if any("\x80" <= character <= "\x9f" for character in user_id):
        return
    fitting = {USERS + user_id, f"{USERS}{user_id}/sessions"}
    arriving = set(paths_of(user_id))
    assert arriving != fitting or any(character in user_id for character in "/?#")


@pytest.mark.drivers(*RELEASED)
async def test_every_accepted_id_of_a_kind_leads_to_its_user(driver: Driver) -> None:
    ids = [
        user_id
        for user_id in (*PATHS, "a b", "100% me", "用户 1", "x" * 255, "😀")
        if accepted(user_id)
    ]
    for user_id in ids:
        await driver.client.create_user(user_id, metadata={"id": user_id})
    for user_id in ids:
        user = await driver.client.get_user(user_id)
        assert (user.user_id, user.metadata) == (user_id, {"id": user_id})
        assert (await user.create_session()).session_id
    for user_id in ids:
        await (await driver.client.get_user(user_id)).delete()
    assert (await driver.client.list_users()).total == 0


@pytest.mark.parametrize("user_id", ["bob ", " bob", "a%20b", "a%2Fb", "a\\b", ".", "%2e", "a\tb"])
async def test_an_id_that_would_lead_elsewhere_is_refused_with_the_reason(
    raw: Raw, user_id: str
) -> None:
    await raw.post("/users", json={"custom_user_id": "bob"})
    created = await raw.post("/users", json={"custom_user_id": user_id})
    renamed = await raw.put("/users/bob", json={"new_custom_user_id": user_id})
    for refused in (created, renamed):
        assert refused.status_code == 422
        assert "user_id" in refused.text
    assert (await raw.get("/users")).json()["total"] == 1
