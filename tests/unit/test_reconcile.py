"""Reconciliation of new statements with memories."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.statement_models import KeepAll, ToldModel

from hitherto.core.extraction.extract import extract
from hitherto.core.reconciliation.conflict_questions import BOTH, NEITHER
from hitherto.core.reconciliation.reconcile import (
    Decision,
    ExistingMemory,
    Ignore,
    Insert,
    InsertHistorical,
    Plan,
    RaiseConflict,
    Supersede,
    reconcile,
)
from hitherto.models import (
    Candidate,
    Evidence,
    ExpirationReason,
    MemoryVersion,
    Message,
    MessageRole,
)

FIRST = datetime(2024, 1, 1, 10, tzinfo=UTC)
ADDITION = ExpirationReason.ADDITION_TO_EXISTING_MEMORY
TEMPORAL = ExpirationReason.TEMPORAL_CONFLICT
MERGE = ExpirationReason.MERGE_CONFLICT
DIM = 64


def on(day: int) -> datetime:
    return FIRST + timedelta(days=day)


def vector(position: int) -> np.ndarray:
    unit = np.zeros(DIM, np.float32)
    unit[position % DIM] = 1.0
    return unit


def statement(content: str, day: int, event_day: int | None = None) -> Candidate:
    event = on(day if event_day is None else event_day)
    return Candidate(
        content,
        event.replace(hour=0),
        event.replace(hour=23, minute=59, second=59),
        (0,),
    )


def existing(
    content: str, day: int = 0, memory_id: str = "m0", event_day: int | None = None
) -> ExistingMemory:
    stated = statement(content, day, event_day)
    session = f"session of day {day}"
    memory = MemoryVersion(
        memory_id,
        session,
        content,
        stated.event_date_start,
        stated.event_date_end,
        on(day),
        evidence=(Evidence(session, 0),),
    )
    return ExistingMemory(memory, vector(sum(map(ord, memory_id))))


def weigh(
    memories: Sequence[ExistingMemory],
    contents: Sequence[str | Candidate],
    *,
    day: int = 60,
    conflicts: bool = False,
) -> Plan:
    stated = [
        statement(content, day) if isinstance(content, str) else content for content in contents
    ]
    vectors = np.array([vector(7 + 11 * i) for i in range(len(stated))]).reshape(len(stated), DIM)
    return reconcile(
        memories,
        stated,
        vectors,
        session_id="the session",
        session_created_at=on(day),
        conflicts_enabled=conflicts,
        model=ToldModel(),
    )


def one(before: str, now: str, **options: int) -> Decision:
    (decision,) = weigh([existing(before)], [now], **options).decisions
    return decision


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("User lives in Lisbon", "User lives in Lisbon"),
        ("User lives in Lisbon", "User is based in Lisbon"),
        ("User moved to Porto", "User lives in Porto"),
        ("User lives in Lisbon, Portugal", "User lives in Lisbon"),
        ("User has a dog named Rex", "User has a dog"),
        ("User has a dog named Rex", "User's dog is named Rex"),
        ("User's sister is named Ana", "User has a sister named Ana"),
        ("User is allergic to peanuts", "User has a peanut allergy"),
        ("User likes coffee and tea", "User likes tea and coffee"),
        ("User was born on 3 May 1990", "User's birthday is on May 3rd"),
        ("User no longer eats meat", "User does not eat meat anymore"),
        ("User plans to visit Japan", "User plans to visit Japan"),
    ],
)
def test_a_restatement_is_ignored(before: str, now: str) -> None:
    decision = one(before, now)
    assert isinstance(decision, Ignore)
    assert decision.because == "m0"


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("User has a dog", "User has a dog named Rex"),
        ("User works at Siemens", "User works at Siemens as a nurse"),
        ("User lives in Lisbon", "User moved to Lisbon on 14 March 2022"),
        ("User's name is Maria", "User's name is Maria Santos"),
        ("User's birthday is on 3 May", "User was born on 3 May 1990"),
        ("User loves coffee", "User loves coffee and tea"),
        ("User plays tennis", "User plays tennis every Sunday"),
    ],
)
def test_more_detail_supersedes_as_an_addition(before: str, now: str) -> None:
    decision = one(before, now)
    assert isinstance(decision, Supersede)
    assert (decision.replaces, decision.reason) == (("m0",), ADDITION)
    assert decision.candidate.content == now


def test_two_details_of_one_fact_are_merged_so_that_none_is_lost() -> None:
    decision = one("User works at Siemens as a nurse", "User works at Siemens in Munich")
    assert isinstance(decision, Supersede)
    assert decision.reason is ADDITION
    assert decision.candidate.content == "User works at Siemens as a nurse in Munich"


def test_an_addition_without_a_date_keeps_the_date_of_what_it_adds_to() -> None:
    before = existing("User moved to Lisbon", day=20, event_day=5)
    (decision,) = weigh([before], ["User moved to Lisbon with Tom"]).decisions
    assert isinstance(decision, Supersede)
    assert decision.candidate.event_date_start == before.memory.event_date_start


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("User lives in Lisbon", "User moved to Porto"),
        ("User lives in Lisbon", "User lives in Porto"),
        ("User lives in Lisbon with Tom", "User and others moved to Porto"),
        ("User works at Siemens", "User started working at Bosch"),
        ("User works at Siemens as a nurse", "User quit her job at Siemens"),
        ("User is a nurse", "User is now a teacher"),
        ("User works at Siemens as a nurse", "User retired"),
        ("User eats meat", "User no longer eats meat"),
        ("User no longer eats meat", "User eats meat again"),
        ("User is vegetarian", "User started eating meat again"),
        ("User is vegetarian", "User became a vegan"),
        ("User plays tennis every Sunday", "User used to play tennis"),
        ("User smokes ten cigarettes a day", "User quit smoking"),
        ("User drinks coffee", "User gave up coffee"),
        ("User started a pottery class", "User has quit the pottery class"),
        ("User owns a red car", "User sold the car"),
        ("User has a dog named Rex", "User's dog Rex died"),
        ("User has two cats", "User has three cats"),
        ("User is single", "User got married to Tom"),
        ("User is 34 years old", "User turned 35"),
        ("User's favourite colour is green", "User's favourite colour is now blue"),
        ("User is allergic to peanuts", "User is no longer allergic to peanuts"),
        ("User uses Android", "User switched from Android to an iPhone"),
        ("User's sister Ana lives in Berlin", "User's sister Ana moved to Hamburg"),
        ("User's boss is Martin", "User's new boss is Harriet"),
        ("User loves coffee", "User hates coffee"),
    ],
)
def test_a_change_over_time_supersedes(before: str, now: str) -> None:
    decision = one(before, now)
    assert isinstance(decision, Supersede)
    assert (decision.replaces, decision.reason) == (("m0",), TEMPORAL)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("User lives in Lisbon", "User plans to move to Porto"),
        ("User plans to move to Porto", "User lives in Lisbon"),
        ("User plans to move to Porto", "User moved to Porto"),
        ("User lives in Lisbon", "User lives in Portugal"),
        ("User lives in Lisbon", "User moved to a bigger apartment"),
        ("User lives in Lisbon", "User used to live in Berlin"),
        ("User lives in Lisbon", "User's sister Ana moved to Hamburg"),
        ("User's sister lives in Berlin", "User's sister lives in Hamburg"),
        ("User's sister is named Ana", "User's sister is named Clara"),
        ("User has a dog named Rex", "User has a dog named Max"),
        ("User has two cats", "User adopted a second cat"),
        ("User has a dog", "User has a second dog"),
        ("User works as a nurse", "User is a teacher"),
        ("User works at Siemens", "User joined Toastmasters"),
        ("User likes jazz", "User likes rock"),
        ("User likes jazz", "User likes jazz less than rock"),
        ("User loves fantasy", "User loves how a passion for fantasy brings people together"),
        ("User prefers tea to coffee", "User prefers coffee to tea"),
        ("User visited Paris", "User visited Paris with Ana"),
        ("User visited Paris", "User visited Rome"),
        ("User played tennis with Tom", "User no longer plays tennis"),
        ("User plays tennis", "User no longer plays tennis on Sundays with Tom"),
        ("User's name is Alexander", "User's name is Alex"),
        ("User was born in Lisbon", "User was born in Portugal"),
        ("User is allergic to peanuts and shellfish", "User is not allergic to peanuts"),
        ("User is a fan of jazz", "User is a fan of opera"),
    ],
)
def test_in_doubt_a_statement_is_inserted_beside_what_is_held(before: str, now: str) -> None:
    assert isinstance(one(before, now), Insert)


def test_an_event_of_another_day_is_another_event() -> None:
    assert isinstance(one("User ran a marathon", "User ran a marathon"), Insert)
    same_day = weigh(
        [existing("User ran a marathon", 3)], [statement("User ran a marathon", 60, 3)]
    )
    assert isinstance(same_day.decisions[0], Ignore)


def test_an_old_move_told_later_does_not_displace_where_the_user_lives_now() -> None:
    (decision,) = weigh(
        [existing("User lives in Lisbon")], [statement("User moved to Berlin in 2015", 60, -3000)]
    ).decisions
    assert isinstance(decision, Insert)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("User lives in Lisbon", "User lives in Porto"),
        ("User moved to Porto", "User lives in Lisbon"),
        ("User no longer eats meat", "User eats meat"),
    ],
)
def test_a_session_processed_late_puts_its_fact_into_the_past(before: str, now: str) -> None:
    (decision,) = weigh([existing(before, day=100)], [now], day=60).decisions
    assert isinstance(decision, InsertHistorical)
    assert (decision.successor, decision.reason) == ("m0", TEMPORAL)


def test_detail_from_an_earlier_session_is_kept_beside_and_connected() -> None:
    plan = weigh(
        [existing("User lives in Lisbon", day=100)], ["User lives in Lisbon with Tom"], day=60
    )
    assert isinstance(plan.decisions[0], Insert)
    assert plan.connections == (("m0", 0),)


CONTRADICTIONS = [
    ("User was born on 3 May 1990", "User was born on 4 May 1990", NEITHER),
    ("User's name is Eva", "User's name is Maria", NEITHER),
    ("User was born in Lisbon", "User was born in Porto", NEITHER),
    ("User is allergic to peanuts", "User is not allergic to peanuts", NEITHER),
    ("User is not allergic to peanuts", "User is allergic to peanuts", NEITHER),
]


@pytest.mark.parametrize(("before", "now", "last"), CONTRADICTIONS)
def test_a_contradiction_is_asked_about(before: str, now: str, last: str) -> None:
    (decision,) = weigh([existing(before)], [now], conflicts=True).decisions
    assert isinstance(decision, RaiseConflict)
    assert [pair.ref for pair in decision.contradicted] == ["m0"]
    (question,) = decision.questions
    assert question.options == [before, now, last]
    assert before in question.question
    assert now in question.question


@pytest.mark.parametrize(("before", "now", "last"), CONTRADICTIONS)
def test_without_questions_the_later_word_wins_a_contradiction(
    before: str, now: str, last: str
) -> None:
    (decision,) = weigh([existing(before)], [now]).decisions
    assert isinstance(decision, Supersede)
    assert (decision.replaces, decision.reason) == (("m0",), MERGE)
    (late,) = weigh([existing(before, day=100)], [now]).decisions
    assert isinstance(late, InsertHistorical)
    assert late.reason is MERGE


def test_two_values_on_one_day_contradict_unless_a_word_says_that_it_changed() -> None:
    both = ["User lives in Lisbon", "User lives in Porto"]
    conflict = weigh([], both, conflicts=True).decisions[1]
    assert isinstance(conflict, RaiseConflict)
    assert conflict.contradicted[0].ref == 0
    assert conflict.questions[0].options == [*both, BOTH, NEITHER]
    resolved = weigh([], both).decisions[1]
    assert isinstance(resolved, Supersede)
    assert (resolved.replaces, resolved.reason) == ((0,), MERGE)
    moved = weigh([], ["User lives in Lisbon", "User moved to Porto"], conflicts=True).decisions[1]
    assert isinstance(moved, Supersede)
    assert (moved.replaces, moved.reason) == ((0,), TEMPORAL)


def test_what_waits_in_a_conflict_is_not_asked_about_twice() -> None:
    again = "User was born on 4 May 1990"
    plan = weigh([existing("User was born on 3 May 1990")], [again, again], conflicts=True)
    assert isinstance(plan.decisions[0], RaiseConflict)
    assert isinstance(plan.decisions[1], Ignore)
    assert plan.decisions[1].because == 0


def test_the_end_of_one_of_two_cars_supersedes_neither() -> None:
    cars = [existing("User owns a red car"), existing("User owns a blue car", memory_id="m1")]
    assert isinstance(weigh(cars, ["User sold the car"]).decisions[0], Insert)
    (red,) = weigh(cars, ["User sold the red car"]).decisions
    assert isinstance(red, Supersede)
    assert red.replaces == ("m0",)


def test_every_stale_duplicate_is_superseded_at_once() -> None:
    stale = [existing("User lives in Lisbon"), existing("User lives in Braga", 1, "m1")]
    (decision,) = weigh(stale, ["User moved to Porto"]).decisions
    assert isinstance(decision, Supersede)
    assert decision.replaces == ("m1", "m0")


def test_an_expired_version_of_another_session_is_never_touched() -> None:
    superseded = existing("User lives in Lisbon")
    expired = MemoryVersion(
        **{
            **{name: getattr(superseded.memory, name) for name in superseded.memory.__slots__},
            "expired_at": on(9),
            "expiration_reason": TEMPORAL,
        }
    )
    for now in ("User moved to Porto", "User lives in Lisbon"):
        (decision,) = weigh([ExistingMemory(expired, superseded.vector)], [now]).decisions
        assert isinstance(decision, Insert)


def test_a_shared_name_connects_and_nothing_else_does_without_likeness() -> None:
    memories = [existing("User's dog Rex is a beagle"), existing("User likes jazz", 0, "m1")]
    plan = weigh(memories, ["User took Rex to the vet"])
    assert plan.connections == (("m0", 0),)


def test_likeness_connects_without_a_name() -> None:
    before = existing("User likes jazz")
    plan = reconcile(
        [before],
        [statement("User enjoys concerts", 60)],
        before.vector[np.newaxis],
        session_id="the session",
        session_created_at=on(60),
        conflicts_enabled=False,
        model=ToldModel(),
    )
    assert plan.connections == (("m0", 0),)


def test_no_memory_gets_more_than_five_connections() -> None:
    memories = [existing(f"User met Rex at place {i}", 0, f"m{i}") for i in range(12)]
    plan = weigh(memories, ["User walks Rex at night"])
    assert len(plan.connections) == 5


def test_what_was_superseded_is_not_connected() -> None:
    plan = weigh([existing("User lives in Lisbon")], ["User moved from Lisbon to Porto"])
    assert isinstance(plan.decisions[0], Supersede)
    assert plan.connections == ()


def test_no_candidates_give_an_empty_plan() -> None:
    assert weigh([existing("User lives in Lisbon")], []) == Plan((), ())


@pytest.mark.parametrize(
    "text",
    [
        "I have a little doll. It always made me feel better. My little dudes got a new tank.",
        "Some friends from church and I went camping last weekend.",
        "My teacher Mrs. Patel has been very helpful to me.",
        "I no longer eat meat, and we used to live in Rome.",
    ],
)
def test_a_clause_is_known_again_by_the_text_that_was_stored(text: str) -> None:
    candidates = extract([Message(MessageRole.USER, text, on(60))], on(60), KeepAll())
    assert candidates
    stored = [existing(item.content, 60, f"m{number}") for number, item in enumerate(candidates)]
    dated = [
        ExistingMemory(
            replace(
                memory.memory,
                event_date_start=item.event_date_start,
                event_date_end=item.event_date_end,
            ),
            memory.vector,
        )
        for memory, item in zip(stored, candidates, strict=True)
    ]
    decisions = weigh(dated, candidates).decisions
    assert [type(decision) for decision in decisions] == [Ignore] * len(candidates)
