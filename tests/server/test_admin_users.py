"""Users through the admin API, also those from earlier releases whose ids no path keeps."""

import httpx
import pytest
from tests.server.conftest import Project

from hitherto.system import System

OLD_IDS = ["bob ", " bob", "a%20b", "a%2Fb", "a%2fb", "a\\b", "%2e", "\u00a0x"]


@pytest.fixture
def address(project: Project) -> str:
    return f"/admin/v1/projects/{project.project_id}"


@pytest.fixture
async def old_users(system: System, project: Project) -> None:
    """A user of each old id, and the ones whom clients would take them for."""
    for number, user_id in enumerate([*OLD_IDS, "bob", "a b"]):
        await system.resources.store.write(
            lambda tx, user_id=user_id, number=number: tx.users(project.project_id).create_user(
                f"internal-{number}", user_id, {"id": user_id}, None, system.resources.clock(), None
            )
        )


@pytest.mark.usefixtures("old_users")
@pytest.mark.parametrize("user_id", OLD_IDS)
async def test_a_user_with_any_id_is_read_renamed_and_deleted(
    administrator: httpx.AsyncClient, address: str, user_id: str
) -> None:
    asked = {"custom_user_id": user_id}
    read = await administrator.get(f"{address}/user", params=asked)
    assert read.json()["user"]["metadata"] == {"id": user_id}
    renamed = await administrator.patch(
        f"{address}/user", params=asked, json={"new_custom_user_id": "renamed"}
    )
    assert renamed.status_code == 200
    assert renamed.json()["user"] == read.json()["user"] | {"custom_user_id": "renamed"}
    assert (await administrator.get(f"{address}/user", params=asked)).status_code == 404
    deleted = await administrator.delete(
        f"{address}/user", params={"custom_user_id": "renamed", "report": True}
    )
    assert (deleted.status_code, deleted.json()["users"]) == (200, 1)
    others = (await administrator.get(f"{address}/users", params={"limit": 50})).json()
    assert {user["custom_user_id"] for user in others["users"]} == {
        *OLD_IDS,
        "bob",
        "a b",
    } - {user_id}


@pytest.mark.usefixtures("old_users")
async def test_a_user_with_any_id_is_deleted_without_a_report(
    administrator: httpx.AsyncClient, address: str
) -> None:
    for user_id in OLD_IDS:
        deleted = await administrator.delete(f"{address}/user", params={"custom_user_id": user_id})
        assert (deleted.status_code, deleted.content) == (204, b"")
    left = (await administrator.get(f"{address}/users")).json()["users"]
    assert {user["custom_user_id"] for user in left} == {"bob", "a b"}


@pytest.mark.usefixtures("old_users")
async def test_metadata_and_the_switch_of_a_user_are_changed(
    administrator: httpx.AsyncClient, address: str
) -> None:
    asked = {"custom_user_id": "a%2Fb"}
    changed = await administrator.patch(
        f"{address}/user",
        params=asked,
        json={"new_metadata": {"plan": "pro"}, "merge_conflict_enabled": True},
    )
    user = changed.json()["user"]
    assert (user["metadata"], user["merge_conflict_enabled"]) == ({"plan": "pro"}, True)
    found = await administrator.get(f"{address}/users", params={"partial_user_id": "%2F"})
    assert [each["custom_user_id"] for each in found.json()["users"]] == ["a%2fb", "a%2Fb"]


@pytest.mark.usefixtures("old_users")
async def test_a_new_id_has_to_be_one_that_a_path_keeps(
    administrator: httpx.AsyncClient, address: str
) -> None:
    asked = {"custom_user_id": "bob "}
    for new_id, status in (("a\\b ", 422), ("bob", 409)):
        refused = await administrator.patch(
            f"{address}/user", params=asked, json={"new_custom_user_id": new_id}
        )
        assert refused.status_code == status
    assert (await administrator.get(f"{address}/user", params=asked)).status_code == 200


@pytest.mark.usefixtures("old_users")
async def test_an_embedded_program_reaches_them_too(system: System, project: Project) -> None:
    api = system.engine(project.project_id)
    for user_id in OLD_IDS:
        session = await api.create_session(user_id)
        assert (await api.get_session(user_id, session.session_id)).user_id == user_id
        await api.delete_user(user_id)
    assert (await api.list_users()).total == 2


async def test_users_of_a_project_that_is_not_there_and_of_no_id_are_refused(
    administrator: httpx.AsyncClient, anonymous: httpx.AsyncClient, address: str
) -> None:
    for path in ("/users", "/user?custom_user_id=bob"):
        absent = await administrator.get(f"/admin/v1/projects/nothing{path}")
        assert absent.status_code == 404
        assert (await anonymous.get(f"{address}{path}")).status_code == 401
    assert (await administrator.get(f"{address}/user")).status_code == 422
    assert (await administrator.get(f"{address}/user?custom_user_id=")).status_code == 422
    assert (await administrator.get(f"{address}/user?custom_user_id=bob")).status_code == 404
