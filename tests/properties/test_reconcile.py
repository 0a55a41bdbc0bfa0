"""Laws of reconciliation, whatever is held and whatever is said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.statement_models import ToldModel

from hitherto.core.history.version_chains import insert_before, join
from hitherto.core.reconciliation.reconcile import (
    ExistingMemory,
    Ignore,
    InsertHistorical,
    Plan,
    RaiseConflict,
    Ref,
    Supersede,
    reconcile,
)
from hitherto.core.reconciliation.statement_index import Item, StatementIndex
from hitherto.core.statements.comparison import Times, covers, find_clash
from hitherto.core.statements.reader import read
from hitherto.models import Candidate, Evidence, MemoryVersion

FIRST = datetime(2024, 1, 1, 10, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIM = 8

PLACES = ["Lisbon", "Porto", "Berlin", "Portugal"]
CONTENTS = [
    *(f"User lives in {place}" for place in PLACES),
    *(f"User moved to {place}" for place in PLACES),
    *(f"User plans to move to {place}" for place in PLACES),
    "User lives in Lisbon with Tom",
    "User lives in Lisbon near the river",
    "User used to live in Berlin",
    "User works at Siemens",
    "User works at Siemens as a nurse",
    "User works at Siemens in Munich",
    "User quit her job at Siemens",
    "User started working at Bosch",
    "User retired",
    "User is a nurse",
    "User is now a teacher",
    "User is vegetarian",
    "User became a vegan",
    "User eats meat",
    "User no longer eats meat",
    "User started eating meat again",
    "User has a dog",
    "User has a dog named Rex",
    "User has a dog named Max",
    "User's dog Rex died",
    "User was born on 3 May 1990",
    "User was born on 4 May 1990",
    "User's birthday is on 3 May",
    "User is allergic to peanuts",
    "User is not allergic to peanuts",
    "User is no longer allergic to peanuts",
    "User likes coffee",
    "User likes coffee and tea",
    "User hates coffee",
    "User ran a marathon",
    "User ran a marathon with Ana",
    "User owns a red car",
    "User owns a car",
    "User sold the car",
    "User's sister Ana lives in Berlin",
    "User's sister Ana moved to Hamburg",
    "User is 34 years old",
    "User turned 35",
]
SIMILAR = [
    f"User {verb} {objects}"
    for verb in ("likes", "has", "drinks", "no longer drinks", "joined", "plays", "stopped playing")
    for objects in ("tea", "tea and milk", "milk", "green tea and milk", "tea with Ana", "Ana")
]
"""Statements of attributes with several values, some of which contain those of others."""


def vector(content: str) -> np.ndarray:
    """A unit vector that depends on the content alone."""
    raw = np.array([1 + (sum(map(ord, content)) * (i + 3)) % 17 for i in range(DIM)], np.float32)
    return raw / np.linalg.norm(raw)


def statement(content: str, said_at: datetime, position: int, days_back: int = 0) -> Candidate:
    event = said_at - timedelta(days=days_back)
    end = event.replace(hour=23, minute=59, second=59)
    return Candidate(content, event.replace(hour=0), end, (position,))


@st.composite
def memories(draw: st.DrawFn) -> list[ExistingMemory]:
    contents = draw(st.lists(st.sampled_from(CONTENTS), max_size=10))
    memories = []
    for i, content in enumerate(contents):
        day = draw(st.integers(0, 40))
        said_at = FIRST + timedelta(days=day)
        candidate = statement(content, said_at, 0, draw(st.sampled_from([0, 0, 0, 30])))
        memory = MemoryVersion(
            f"m{i:02}",
            f"s{day}",
            content,
            candidate.event_date_start,
            candidate.event_date_end,
            said_at,
            evidence=(Evidence(f"s{day}", 0),),
        )
        memories.append(ExistingMemory(memory, vector(content)))
    return memories


@st.composite
def sessions(draw: st.DrawFn) -> tuple[datetime, list[Candidate]]:
    said_at = FIRST + timedelta(days=draw(st.integers(0, 60)), hours=1)
    contents = draw(st.lists(st.sampled_from(CONTENTS), max_size=8))
    backs = [draw(st.sampled_from([0, 0, 0, 5, 400])) for _ in contents]
    pairs = zip(contents, backs, strict=True)
    return said_at, [
        statement(candidate, said_at, i, back) for i, (candidate, back) in enumerate(pairs)
    ]


def planned(
    existing: list[ExistingMemory],
    session: tuple[datetime, list[Candidate]],
    conflicts: bool = False,
) -> Plan:
    said_at, candidates = session
    vectors = np.array([vector(candidate.content) for candidate in candidates], np.float32)
    return reconcile(
        existing,
        candidates,
        vectors.reshape(len(candidates), DIM),
        session_id="the session",
        session_created_at=said_at,
        conflicts_enabled=conflicts,
        model=ToldModel(),
    )


def stored(
    existing: list[ExistingMemory], session: tuple[datetime, list[Candidate]], plan: Plan
) -> dict[str, MemoryVersion]:
    """Return the versions that a store has after a plan."""
    versions = {item.memory.memory_id: item.memory for item in existing}
    ids: dict[int, str] = {}

    def memory_id_of(ref: Ref) -> str:
        return ids[ref] if isinstance(ref, int) else ref

    for i, decision in enumerate(plan.decisions):
        candidate = decision.candidate
        evidence = tuple(Evidence("the session", at) for at in candidate.evidence)
        if isinstance(decision, Ignore):
            ids[i] = memory_id_of(decision.because)
            version = versions[ids[i]]
            both = tuple(dict.fromkeys(version.evidence + evidence))
            versions[ids[i]] = replace(version, evidence=both)
            continue
        ids[i] = f"new{i:02}"
        new = MemoryVersion(
            ids[i],
            "the session",
            candidate.content,
            candidate.event_date_start,
            candidate.event_date_end,
            session[0],
            evidence=evidence,
        )
        if isinstance(decision, InsertHistorical):
            edit = insert_before(versions, ids[i], decision.successor, session[0])
            new = replace(new, expired_at=NOW, expiration_reason=decision.reason)
        elif isinstance(decision, Supersede):
            replaced = [memory_id_of(ref) for ref in decision.replaces]
            edit = join(versions, ids[i], replaced)
            for old_id in replaced:
                assert versions[old_id].expired_at is None
                versions[old_id] = replace(
                    versions[old_id], expired_at=NOW, expiration_reason=decision.reason
                )
        else:
            versions[ids[i]] = new
            continue
        for memory_id, link in edit.relinks.items():
            versions[memory_id] = replace(versions[memory_id], previous_id=link)
        versions[ids[i]] = replace(new, previous_id=edit.previous_id)
    return versions


def held_from(versions: dict[str, MemoryVersion]) -> list[ExistingMemory]:
    """Return the existing memories: current ones, and those of the same session."""
    return [
        ExistingMemory(version, vector(version.content))
        for version in versions.values()
        if version.expired_at is None or "the session" in {e.session_id for e in version.evidence}
    ]


@given(memories(), sessions(), st.booleans(), st.randoms())
def test_a_plan_does_not_depend_on_the_order_of_what_is_held(
    existing: list[ExistingMemory],
    session: tuple[datetime, list[Candidate]],
    conflicts: bool,
    chance: object,
) -> None:
    shuffled = list(existing)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert planned(existing, session, conflicts) == planned(shuffled, session, conflicts)


@given(memories(), sessions(), st.booleans())
def test_every_reference_was_given_and_nothing_is_superseded_twice(
    existing: list[ExistingMemory], session: tuple[datetime, list[Candidate]], conflicts: bool
) -> None:
    plan = planned(existing, session, conflicts)
    known_refs: set[Ref] = {item.memory.memory_id for item in existing}
    superseded: list[Ref] = []
    assert [d.candidate.evidence for d in plan.decisions] == [c.evidence for c in session[1]]
    for i, decision in enumerate(plan.decisions):
        refs: tuple[Ref, ...] = ()
        if isinstance(decision, Ignore):
            refs = (decision.because,)
        elif isinstance(decision, InsertHistorical):
            refs = (decision.successor,)
        elif isinstance(decision, RaiseConflict):
            refs = tuple(pair.ref for pair in decision.contradicted)
            assert conflicts
            assert len(refs) == len(decision.questions) > 0
            texts = [question.question for question in decision.questions]
            assert all(2 <= len(set(q.options)) <= 4 for q in decision.questions)
            assert len(set(texts)) == len(texts)
        elif isinstance(decision, Supersede):
            refs = decision.replaces
            assert refs
            superseded.extend(refs)
        assert set(refs) <= known_refs
        assert decision.why
        known_refs.add(i)
    assert len(superseded) == len(set(superseded))


@given(memories(), sessions())
def test_the_same_session_a_second_time_changes_nothing(
    existing: list[ExistingMemory], session: tuple[datetime, list[Candidate]]
) -> None:
    once = stored(existing, session, planned(existing, session))
    again = planned(held_from(once), session)
    assert all(isinstance(decision, Ignore) for decision in again.decisions)
    assert again.connections == ()
    assert stored(held_from(once), session, again) == {
        item.memory.memory_id: item.memory for item in held_from(once)
    }


@given(memories(), sessions())
def test_chains_stay_whole_whatever_is_said(
    existing: list[ExistingMemory], session: tuple[datetime, list[Candidate]]
) -> None:
    versions = stored(existing, session, planned(existing, session))
    linked = {version.previous_id for version in versions.values()} - {None}
    current = {version.memory_id for version in versions.values() if version.expired_at is None}
    assert current == versions.keys() - linked


@given(memories(), sessions())
def test_an_earlier_session_never_displaces_a_later_fact_unless_both_are_timeless(
    existing: list[ExistingMemory], session: tuple[datetime, list[Candidate]]
) -> None:
    plan = planned(existing, session)
    versions = {item.memory.memory_id: item.memory for item in existing}
    for decision in plan.decisions:
        if isinstance(decision, Supersede):
            for ref in decision.replaces:
                if isinstance(ref, str) and versions[ref].created_at > session[0]:
                    assert "born" in decision.candidate.content


@given(memories(), sessions())
def test_connections_are_few_distinct_and_between_what_is_current(
    existing: list[ExistingMemory], session: tuple[datetime, list[Candidate]]
) -> None:
    plan = planned(existing, session)
    superseded = {r for d in plan.decisions if isinstance(d, Supersede) for r in d.replaces}
    stored_refs = {
        i for i, d in enumerate(plan.decisions) if not isinstance(d, Ignore | InsertHistorical)
    } | {item.memory.memory_id for item in existing}
    ends = [ref for pair in plan.connections for ref in pair]
    assert set(ends) <= stored_refs - superseded
    assert all(ends.count(ref) <= 5 for ref in ends)
    assert len({frozenset(pair) for pair in plan.connections}) == len(plan.connections)
    assert all(len(set(pair)) == 2 for pair in plan.connections)


def test_every_statement_that_bears_on_another_is_near_it() -> None:
    statements = [read(content) for content in [*CONTENTS, *SIMILAR]]
    for held_one in statements:
        index = StatementIndex()
        index.add(Item("m0", 0, held_one, FIRST, FIRST, FIRST, False, frozenset(), True))
        for new in statements:
            bears = (
                covers(new, held_one)
                or covers(held_one, new)
                or any(
                    find_clash(new, held_one, Times(later, same_day)) is not None
                    or find_clash(held_one, new, Times(later, same_day)) is not None
                    for later, same_day in ((True, False), (False, True), (False, False))
                )
            )
            assert not bears or index.near(new), (held_one.content, new.content)
