"""What is read from a request before a route sees it."""

import json

import httpx
import pytest

from hitherto.server.requests import current_query, parse_json

USERS = "/api/v1/users"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("query", "current"),
    [
        (b"", b""),
        (b"limit=5", b"limit=5"),
        (b"categories[]=a&categories[]=b", b"categories=a&categories=b"),
        (b"categories%5B%5D=a", b"categories=a"),
        (b"categories%5b%5d=a", b"categories=a"),
        (b"metadata_filter=%5B%5D", b"metadata_filter=%5B%5D"),
        (b"q=a%5B%5D=b", b"q=a%5B%5D=b"),
        (b"flag[]", b"flag"),
        (
            b"threshold=0.4",
            b"threshold=0.4&memories_threshold=0.4&summaries_threshold=0.4",
        ),
        (
            b"memories_threshold=0.7&threshold=0.4",
            b"memories_threshold=0.7&threshold=0.4&summaries_threshold=0.4",
        ),
        (
            b"delete_all_versions=true",
            b"delete_all_versions=true&delete_previous_versions=true",
        ),
    ],
)
def test_brackets_are_dropped_and_older_names_get_their_successors(
    query: bytes, current: bytes
) -> None:
    assert current_query(query) == current


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"NaN",
        b'{"a": Infinity}',
        b'"\\ud800"',
        b'{"\\udc00": 1}',
        b'"\\u0000"',
        b'{"\\u0000": 1}',
        b'[[{"a": "b\\u0000"}]]',
        b'"\x00"',
        b'"\xff"',
        b"[" * 100_000,
        b"9" * 5_000,
    ],
)
def test_what_cannot_be_stored_as_text_is_not_json_to_us(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


def test_an_escaped_backslash_before_u0000_is_text() -> None:
    assert parse_json(rb'"\\u0000"') == "\\u0000"


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse_json(rb'"\ud83d\ude00"') == "😀"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"alice"',
        b"[" * 100_000,
        b'{"custom_user_id": "\\ud800"}',
        b'{"custom_user_id": "a\\u0000"}',
        b'{"custom_user_id": "a", "metadata": {"x": NaN}}',
        b'{"custom_user_id": "a", "metadata": {"x": "\\ud800"}}',
        b'{"custom_user_id": "a", "metadata": {"x": 1e999}}',
        b'{"custom_user_id": "a", "metadata": []}',
        b'{"custom_user_id": "a", "merge_conflict_enabled": "yes"}',
        b'{"custom_user_id": 7}',
        b'{"custom_user_id": ""}',
        b'{"custom_user_id": "."}',
        b'{"custom_user_id": "a/b"}',
        b"\xff\xfe",
    ],
)
async def test_a_body_that_cannot_be_taken_is_422_with_a_list(
    http: httpx.AsyncClient, body: bytes
) -> None:
    response = await http.post(USERS, content=body, headers=JSON)
    assert response.status_code == 422
    for mistake in response.json()["detail"]:
        assert mistake["loc"][0] == "body"
        assert mistake["msg"]
        assert mistake["type"]


async def test_a_body_that_is_not_said_to_be_json_is_422(http: httpx.AsyncClient) -> None:
    body = json.dumps({"custom_user_id": "alice"})
    response = await http.post(USERS, content=body, headers={"Content-Type": "text/plain"})
    assert response.status_code == 422


@pytest.mark.parametrize(
    "address",
    [
        f"{USERS}?partial_user_id=%00",
        f"{USERS}/a%00b",
        f"{USERS}/alice/memories?categories=%00",
        f"{USERS}/alice/memories?session_id_filter[]=%00",
        f"{USERS}/alice/sessions/%00",
    ],
)
async def test_nul_in_an_address_is_422(http: httpx.AsyncClient, address: str) -> None:
    assert (await http.get(address)).status_code == 422


@pytest.mark.parametrize("value", ["[1]", "7", "null", "{", '{"a": "\\ud800"}', '{"a": NaN}', ""])
@pytest.mark.parametrize(
    ("address", "name"),
    [
        (USERS, "metadata_filter"),
        (f"{USERS}/alice/sessions", "metadata_filter"),
        (f"{USERS}/alice/memories", "session_metadata_filter"),
    ],
)
async def test_a_filter_that_is_no_object_is_422(
    http: httpx.AsyncClient, address: str, name: str, value: str
) -> None:
    response = await http.get(address, params={name: value})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["query", name]


async def test_older_names_of_fields_are_read(http: httpx.AsyncClient) -> None:
    created = await http.post(USERS, json={"user_id": "alice"})
    assert created.status_code == 201
    assert created.json()["user"]["custom_user_id"] == "alice"
    renamed = await http.put(f"{USERS}/alice", json={"new_user_id": "bob"})
    assert renamed.json()["user"]["custom_user_id"] == "bob"
    sessions = f"{USERS}/bob/sessions"
    off = await http.post(sessions, json={"auto_process_after_minutes": -1})
    assert off.json()["session"]["auto_process_after_seconds"] is None
    minutes = await http.post(sessions, json={"auto_process_after_minutes": 20})
    assert minutes.json()["session"]["auto_process_after_seconds"] == 1200
    short = await http.post(sessions, json={"auto_process_after_minutes": 9})
    assert short.status_code == 422


async def test_automatic_processing_is_600_seconds_unless_null_switches_it_off(
    http: httpx.AsyncClient,
) -> None:
    await http.post(USERS, json={"custom_user_id": "alice"})
    sessions = f"{USERS}/alice/sessions"
    default = await http.post(sessions, json={})
    assert default.json()["session"]["auto_process_after_seconds"] == 600
    off = await http.post(sessions, json={"auto_process_after_seconds": None})
    assert off.json()["session"]["auto_process_after_seconds"] is None


@pytest.mark.parametrize(
    "given", ["2025-06-15T14:30:00+02:00", "2025-06-15T14:30:00", "2025-06-15", 1750000000, True]
)
async def test_a_date_that_does_not_say_that_it_is_utc_is_422(
    http: httpx.AsyncClient, given: object
) -> None:
    await http.post(USERS, json={"custom_user_id": "alice"})
    body = {"custom_created_at_utc": given}
    response = await http.post(f"{USERS}/alice/sessions", json=body)
    assert response.status_code == 422


async def test_unknown_fields_and_parameters_are_ignored(http: httpx.AsyncClient) -> None:
    body = {"custom_user_id": "alice", "colour": "red"}
    assert (await http.post(f"{USERS}?colour=red", json=body)).status_code == 201


async def test_bodies_of_get_and_delete_are_ignored(http: httpx.AsyncClient) -> None:
    await http.post(USERS, json={"custom_user_id": "alice"})
    for method, status in (("GET", 200), ("DELETE", 204)):
        response = await http.request(method, f"{USERS}/alice", content=b"{not json", headers=JSON)
        assert response.status_code == status
