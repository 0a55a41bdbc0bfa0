"""Laws of version chains under any sequence of edits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hitherto.core.history.version_chains import (
    ChainEdit,
    Chains,
    delete,
    delete_session,
    delete_with_previous,
    insert_before,
    join,
)
from hitherto.models import ExpirationReason, MemoryVersion

DAY = datetime(2024, 5, 1, tzinfo=UTC)
EXPIRED = datetime(2026, 1, 1, tzinfo=UTC)
Versions = dict[str, MemoryVersion]


@st.composite
def forests(draw: st.DrawFn) -> Versions:
    """Chains with forks: every version may have any earlier one as its predecessor."""
    size = draw(st.integers(1, 14))
    links = [draw(st.none() | st.integers(0, i - 1)) if i else None for i in range(size)]
    superseded = {link for link in links if link is not None}
    versions = {}
    for i, link in enumerate(links):
        said_at = DAY + timedelta(days=draw(st.integers(0, 9)))
        is_superseded = i in superseded
        versions[f"m{i}"] = MemoryVersion(
            f"m{i}",
            f"s{draw(st.integers(0, 3))}",
            f"User says {i}",
            said_at,
            said_at,
            said_at,
            None if link is None else f"m{link}",
            EXPIRED if is_superseded else None,
            ExpirationReason.TEMPORAL_CONFLICT if is_superseded else None,
        )
    return versions


def applied(versions: Versions, edit: ChainEdit) -> Versions:
    """Apply an edit as a store does."""
    kept = dict(versions)
    for memory_id, previous_id in edit.relinks.items():
        kept[memory_id] = replace(kept[memory_id], previous_id=previous_id)
    for memory_id in edit.revived:
        kept[memory_id] = replace(kept[memory_id], expired_at=None, expiration_reason=None)
    for memory_id in edit.deleted:
        del kept[memory_id]
    return kept


def current_ids(versions: Versions) -> set[str]:
    return {version.memory_id for version in versions.values() if version.expired_at is None}


def assert_whole(versions: Versions) -> None:
    """No link points to nothing, and exactly the versions without a successor are current."""
    linked = {version.previous_id for version in versions.values()} - {None}
    assert linked <= versions.keys()
    assert current_ids(versions) == versions.keys() - linked


@given(forests(), st.data())
def test_chains_stay_whole_under_any_deletions(versions: Versions, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 6))):
        if not versions:
            break
        version_id = data.draw(st.sampled_from(sorted(versions)))
        edits = [
            delete(versions, version_id),
            delete_with_previous(versions, version_id),
            delete_session(versions, versions[version_id].session_id),
        ]
        versions = applied(versions, data.draw(st.sampled_from(edits)))
        assert version_id not in versions
        assert_whole(versions)


@given(forests(), st.data())
def test_deleting_a_session_is_deleting_its_versions_one_by_one_in_any_order(
    versions: Versions, data: st.DataObject
) -> None:
    session_id = data.draw(st.sampled_from(sorted({v.session_id for v in versions.values()})))
    at_once = applied(versions, delete_session(versions, session_id))
    mine = sorted(version_id for version_id, v in versions.items() if v.session_id == session_id)
    stepwise = versions
    for version_id in data.draw(st.permutations(mine)):
        stepwise = applied(stepwise, delete(stepwise, version_id))
    assert at_once == stepwise


@given(forests(), st.data())
def test_deleting_one_version_keeps_the_order_of_the_others(
    versions: Versions, data: st.DataObject
) -> None:
    deleted_id = data.draw(st.sampled_from(sorted(versions)))
    kept = applied(versions, delete(versions, deleted_id))
    before, after = Chains(versions), Chains(kept)
    for item in kept:
        expected = [v.memory_id for v in before.history(item) if v.memory_id != deleted_id]
        assert [v.memory_id for v in after.history(item)] == expected


@given(forests())
def test_numbers_run_without_gaps_down_every_history(versions: Versions) -> None:
    chains = Chains(versions)
    for version in versions:
        history = chains.history(version)
        numbers = [chains.version_number(v.memory_id) for v in history]
        assert numbers == list(range(len(history), 0, -1))
        assert chains.total_versions(version) >= chains.version_number(version)
        assert all(v.expired_at is None for v in chains.current_from(version))


@given(forests())
def test_after_everything_was_said_what_is_known_is_what_is_current(versions: Versions) -> None:
    chains = Chains(versions)
    current_at = {item.memory_id for item in chains.as_of(DAY + timedelta(days=99))}
    assert current_at == current_ids(versions)


@given(forests(), st.data())
def test_a_predecessor_put_in_later_keeps_chains_whole(
    versions: Versions, data: st.DataObject
) -> None:
    successor = data.draw(st.sampled_from(sorted(current_ids(versions))))
    said_at = DAY + timedelta(days=data.draw(st.integers(0, 9)))
    edit = insert_before(versions, "new", successor, said_at)
    grown = versions | {
        "new": replace(
            versions[successor],
            memory_id="new",
            previous_id=edit.previous_id,
            created_at=said_at,
            expired_at=EXPIRED,
        )
    }
    grown = applied(grown, ChainEdit(relinks=edit.relinks))
    assert_whole(grown)
    assert "new" in {item.memory_id for item in Chains(grown).history(successor)}


@given(forests(), st.data())
def test_joined_histories_run_in_no_circle_and_lose_nothing(
    versions: Versions, data: st.DataObject
) -> None:
    current = sorted(current_ids(versions))
    replaced = data.draw(st.lists(st.sampled_from(current), min_size=1, unique=True))
    place = join(versions, "new", replaced)
    grown = dict(versions)
    for version_id in replaced:
        grown[version_id] = replace(grown[version_id], expired_at=EXPIRED)
    newest = replace(versions[replaced[0]], memory_id="new", previous_id=place.previous_id)
    grown = applied(grown | {"new": newest}, ChainEdit(relinks=place.relinks))
    chains = Chains(grown)
    for version_id in versions:
        before = {v.memory_id for v in Chains(versions).history(version_id)}
        assert before <= {v.memory_id for v in chains.history(version_id)}
