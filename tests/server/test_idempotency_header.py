"""Calls that are made again with the same `Idempotency-Key`."""

import httpx
import pytest

USERS = "/api/v1/users"


def key(value: str) -> dict[str, str]:
    return {"Idempotency-Key": value}


async def test_what_is_asked_again_with_the_same_key_is_done_once(http: httpx.AsyncClient) -> None:
    user = {"custom_user_id": "alice"}
    first = await http.post(USERS, json=user, headers=key("u"))
    again = await http.post(USERS, json=user, headers=key("u"))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    sessions = f"{USERS}/alice/sessions"
    first = await http.post(sessions, json={}, headers=key("s"))
    again = await http.post(sessions, json={}, headers=key("s"))
    assert first.json() == again.json()
    messages = f"{sessions}/{first.json()['session']['session_id']}"
    message = {"message": "I like tea.", "role": "user"}
    for _ in range(2):
        added = await http.post(f"{messages}/add-message", json=message, headers=key("m"))
        assert added.status_code == 200
    assert (await http.get(f"{messages}/messages")).json()["total"] == 1


async def test_another_body_with_the_same_key_is_422(http: httpx.AsyncClient) -> None:
    await http.post(USERS, json={"custom_user_id": "alice"})
    sessions = f"{USERS}/alice/sessions"
    await http.post(sessions, json={}, headers=key("s"))
    response = await http.post(sessions, json={"metadata": {"a": 1}}, headers=key("s"))
    assert response.status_code == 422
    assert isinstance(response.json()["detail"], list)


@pytest.mark.parametrize("value", ["", "x" * 256])
async def test_a_key_that_is_no_key_is_422(http: httpx.AsyncClient, value: str) -> None:
    response = await http.post(USERS, json={"custom_user_id": "alice"}, headers=key(value))
    assert response.status_code == 422
