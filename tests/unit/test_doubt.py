"""Memories that a change makes doubtful, and others."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from hitherto.core.reconciliation.doubt import Change, Doubt, doubts, of_plan
from hitherto.core.reconciliation.reconcile import Decision, Ignore, Plan, Supersede
from hitherto.models import Candidate, ExpirationReason, MemoryVersion

SAID = datetime(2025, 1, 6, tzinfo=UTC)
LATER = SAID + timedelta(days=30)
GYM = "User goes to the gym in Lisbon"


def version(content: str, created_at: datetime = SAID) -> MemoryVersion:
    return MemoryVersion(content, "s", content, created_at, created_at, created_at)


HOME = version("User lives in Lisbon")
MOVED = Change(HOME, "User moved to Porto", 0, LATER)


def found(*current: MemoryVersion, change: Change = MOVED, **others: object) -> list[Doubt]:
    arguments = {"last_said": {}, "certain": frozenset()} | others
    return doubts([change], current, **arguments)  # type: ignore[arg-type]


def test_a_doubt_names_the_change_and_its_day() -> None:
    (doubt,) = found(version(GYM))
    assert doubt == Doubt(GYM, 0, "where the user lives changed: “User moved to Porto”", LATER)


@pytest.mark.parametrize(
    "content",
    [
        "User was born in Lisbon",
        "User visited a museum in Lisbon",
        "User likes Lisbon",
        "User's sister lives in Lisbon",
        "User goes to a gym in Porto",
        "User is allergic to nuts",
    ],
)
def test_what_does_not_depend_on_the_place_is_left_alone(content: str) -> None:
    assert found(version(content)) == []


def test_what_was_said_with_or_after_the_change_is_certain() -> None:
    assert found(version(GYM, LATER)) == []
    assert found(version(GYM), last_said={GYM: LATER + timedelta(days=1)}) == []
    assert found(version(GYM), certain=frozenset({GYM})) == []


def test_a_memory_that_is_in_doubt_keeps_its_first_reason() -> None:
    doubted = MemoryVersion(
        GYM, "s", GYM, SAID, SAID, SAID, doubted_by="x", doubt_reason="y", doubted_at=SAID
    )
    assert found(doubted) == []


def plan_of(*decisions: Decision) -> Plan:
    return Plan(decisions, ())


def superseding(content: str, old: MemoryVersion, reason: ExpirationReason) -> Supersede:
    return Supersede(Candidate(content, LATER, LATER, (0,)), (old.memory_id,), reason, "why")


def doubted(plan: Plan, *current: MemoryVersion) -> list[str]:
    versions = {item.memory_id: item for item in current}
    said_at = [LATER] * len(plan.decisions)
    return [doubt.memory_id for doubt in of_plan(plan, said_at, versions, dict).doubts]


def test_a_plan_that_supersedes_puts_in_doubt_what_depended_on_it() -> None:
    moved = superseding("User moved to Porto", HOME, ExpirationReason.TEMPORAL_CONFLICT)
    assert doubted(plan_of(moved), HOME, version(GYM)) == [GYM]


def test_a_detail_that_is_added_changes_nothing() -> None:
    added = superseding(
        "User lives in Alfama, Lisbon", HOME, ExpirationReason.ADDITION_TO_EXISTING_MEMORY
    )
    assert doubted(plan_of(added), HOME, version(GYM)) == []


def test_what_the_same_session_affirms_is_not_put_in_doubt() -> None:
    moved = superseding("User moved to Porto", HOME, ExpirationReason.TEMPORAL_CONFLICT)
    affirmed = Ignore(Candidate(GYM, LATER, LATER, (1,)), GYM, "known")
    assert doubted(plan_of(moved, affirmed), HOME, version(GYM)) == []


def test_a_memory_that_is_false_puts_in_doubt_what_depended_on_it() -> None:
    versions = {item.memory_id: item for item in (HOME, version(GYM))}
    retired = [(HOME.memory_id, LATER)]
    (doubt,) = of_plan(plan_of(), [], versions, dict, retired).doubts
    assert (doubt.memory_id, doubt.cause) == (GYM, HOME.memory_id)


def test_only_what_it_is_given_to_look_through_is_put_in_doubt() -> None:
    moved = superseding("User moved to Porto", HOME, ExpirationReason.TEMPORAL_CONFLICT)
    versions = {item.memory_id: item for item in (HOME, version(GYM))}
    requested: list[list[str]] = []

    def among(ended: Sequence[str]) -> list[MemoryVersion]:
        requested.append(list(ended))
        return []

    found = of_plan(plan_of(moved), [LATER], versions, dict, (), among)
    assert (found.doubts, requested) == ((), [[HOME.memory_id]])
    assert [change.content for change in found.changes] == ["User moved to Porto"]
    assert of_plan(plan_of(), [], versions, dict, (), among).changes == ()
