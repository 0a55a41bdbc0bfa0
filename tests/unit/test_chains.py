"""Version chains and what deletions do to them."""

from datetime import UTC, datetime, timedelta

import pytest

from hitherto.core.history.version_chains import (
    Chains,
    delete,
    delete_session,
    delete_with_previous,
    insert_before,
    join,
)
from hitherto.errors import InternalServerError, MemoryNotFoundError
from hitherto.models import ExpirationReason, MemoryVersion

DAY = datetime(2024, 5, 1, 9, tzinfo=UTC)
EXPIRED = datetime(2026, 1, 1, tzinfo=UTC)


def version(
    memory_id: str,
    previous_id: str | None = None,
    *,
    expired: bool = False,
    day: int = 0,
    session_id: str = "s",
) -> MemoryVersion:
    said_at = DAY + timedelta(days=day)
    return MemoryVersion(
        memory_id,
        session_id,
        f"User says {memory_id}",
        said_at,
        said_at,
        said_at,
        previous_id,
        EXPIRED if expired else None,
        ExpirationReason.TEMPORAL_CONFLICT if expired else None,
    )


def user(*versions: MemoryVersion) -> dict[str, MemoryVersion]:
    return {item.memory_id: item for item in versions}


LINE = user(
    version("v1", expired=True, day=1),
    version("v2", "v1", expired=True, day=2),
    version("v3", "v2", expired=True, day=3),
    version("v4", "v3", day=4),
)
FORK = user(
    version("root", expired=True, day=1),
    version("left", "root", day=2),
    version("right", "root", expired=True, day=3),
    version("top", "right", day=4),
)


def test_history_runs_from_the_version_to_the_oldest() -> None:
    chains = Chains(LINE)
    assert [item.memory_id for item in chains.history("v3")] == ["v3", "v2", "v1"]


def test_numbers_count_from_the_oldest_and_totals_follow_the_longest_branch() -> None:
    chains = Chains(FORK)
    assert {item: chains.version_number(item) for item in FORK} == {
        "root": 1,
        "left": 2,
        "right": 2,
        "top": 3,
    }
    assert {item: chains.total_versions(item) for item in FORK} == {
        "root": 3,
        "left": 2,
        "right": 3,
        "top": 3,
    }


def test_an_old_version_leads_to_every_current_one_of_its_branches() -> None:
    chains = Chains(FORK)
    assert [item.memory_id for item in chains.current_from("root")] == ["left", "top"]
    assert [item.memory_id for item in chains.current_from("top")] == ["top"]


def test_as_of_shows_what_had_been_said_by_then() -> None:
    def known_ids(day: int) -> list[str]:
        return [item.memory_id for item in Chains(FORK).as_of(DAY + timedelta(days=day))]

    assert known_ids(0) == []
    assert known_ids(1) == ["root"]
    assert known_ids(2) == ["left"]
    assert known_ids(3) == ["left", "right"]
    assert known_ids(9) == ["left", "top"]


def test_as_of_follows_the_chain_where_sessions_were_processed_out_of_order() -> None:
    late = user(version("old", expired=True, day=5), version("new", "old", day=2))
    visible = Chains(late).as_of(DAY + timedelta(days=6))
    assert [item.memory_id for item in visible] == ["new"]


def test_a_missing_predecessor_ends_the_chain() -> None:
    chains = Chains(user(version("v2", "gone")))
    assert chains.version_number("v2") == 1
    assert len(chains.history("v2")) == 1


def test_a_circle_is_refused_by_name() -> None:
    circle = user(version("a", "b"), version("b", "a"))
    with pytest.raises(InternalServerError, match="form a cycle"):
        Chains(circle)
    with pytest.raises(InternalServerError, match="form a cycle"):
        delete(circle, "a")


def test_an_unknown_id_is_not_found() -> None:
    for ask in (Chains(LINE).history, Chains(LINE).version_number, Chains(LINE).total_versions):
        with pytest.raises(MemoryNotFoundError):
            ask("nobody")
    with pytest.raises(MemoryNotFoundError):
        delete(LINE, "nobody")


def test_deleting_the_latest_version_brings_its_predecessor_back() -> None:
    edit = delete(LINE, "v4")
    assert (edit.deleted, dict(edit.relinks), edit.revived) == (("v4",), {}, ("v3",))


def test_deleting_a_middle_version_links_its_neighbours() -> None:
    edit = delete(LINE, "v2")
    assert (edit.deleted, dict(edit.relinks), edit.revived) == (("v2",), {"v3": "v1"}, ())


def test_deleting_the_first_version_makes_the_next_one_first() -> None:
    assert dict(delete(LINE, "v1").relinks) == {"v2": None}


def test_deleting_the_only_version_leaves_nothing_to_do() -> None:
    edit = delete(user(version("v1")), "v1")
    assert (edit.deleted, dict(edit.relinks), edit.revived) == (("v1",), {}, ())


def test_deleting_the_latest_with_previous_versions_removes_the_chain() -> None:
    edit = delete_with_previous(LINE, "v4")
    assert set(edit.deleted) == {"v1", "v2", "v3", "v4"}
    assert (dict(edit.relinks), edit.revived) == ({}, ())


def test_deleting_a_middle_version_with_previous_ones_keeps_what_followed() -> None:
    edit = delete_with_previous(LINE, "v2")
    assert set(edit.deleted) == {"v1", "v2"}
    assert (dict(edit.relinks), edit.revived) == ({"v3": None}, ())


def test_a_predecessor_stays_superseded_while_another_branch_supersedes_it() -> None:
    assert delete(FORK, "left").revived == ()
    assert delete(FORK, "top").revived == ("right",)


def test_deleting_where_a_chain_forks_links_both_branches() -> None:
    grown = FORK | user(version("trunk", expired=True), version("root", "trunk", expired=True))
    assert dict(delete(grown, "root").relinks) == {"left": "trunk", "right": "trunk"}


def test_deleting_a_session_applies_the_rule_to_each_of_its_versions() -> None:
    mixed = user(
        version("a1", expired=True),
        version("a2", "a1", expired=True, session_id="gone"),
        version("a3", "a2", session_id="gone"),
        version("b1", expired=True, session_id="gone"),
        version("b2", "b1"),
    )
    edit = delete_session(mixed, "gone")
    assert set(edit.deleted) == {"a2", "a3", "b1"}
    assert (dict(edit.relinks), edit.revived) == ({"b2": None}, ("a1",))


def test_deleting_both_branches_of_a_fork_brings_the_root_back() -> None:
    both = user(
        version("root", expired=True),
        version("left", "root", session_id="gone"),
        version("right", "root", session_id="gone"),
    )
    assert delete_session(both, "gone").revived == ("root",)


def test_an_older_version_goes_into_the_history_by_its_date() -> None:
    between = insert_before(LINE, "new", "v4", DAY + timedelta(days=2, hours=1))
    assert (between.previous_id, dict(between.relinks)) == ("v2", {"v3": "new"})
    first = insert_before(LINE, "new", "v4", DAY)
    assert (first.previous_id, dict(first.relinks)) == (None, {"v1": "new"})


def test_superseding_two_memories_puts_one_history_behind_the_other() -> None:
    two = user(version("a1", expired=True), version("a2", "a1"), version("b1"))
    links = join(two, "new", ["a2", "b1"])
    assert (links.previous_id, dict(links.relinks)) == ("a2", {"a1": "b1"})


def test_histories_that_meet_already_are_left_as_they_are() -> None:
    links = join(FORK, "new", ["left", "top"])
    assert (links.previous_id, dict(links.relinks)) == ("left", {})
