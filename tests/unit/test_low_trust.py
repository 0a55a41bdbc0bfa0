"""Statements of low trust change nothing that the user said."""

from datetime import UTC, datetime

import numpy as np
import pytest

from hitherto.core.reconciliation.reconcile import (
    Contradicted,
    Decision,
    ExistingMemory,
    Ignore,
    Insert,
    InsertHistorical,
    Plan,
    RaiseConflict,
    Supersede,
)
from hitherto.core.safety import low_trust
from hitherto.models import Candidate, ExpirationReason, MemoryVersion, SaidBy

NOW = datetime(2025, 3, 14, 10, 0, tzinfo=UTC)
CHANGED = ExpirationReason.TEMPORAL_CONFLICT
VECTOR = np.ones(4, np.float32) / 2


def statement(content: str, said_by: SaidBy = SaidBy.USER) -> Candidate:
    return Candidate(content, NOW, NOW, (0,), said_by)


def version(content: str, said_by: SaidBy = SaidBy.USER, memory_id: str = "m") -> MemoryVersion:
    return MemoryVersion(memory_id, "s", content, NOW, NOW, NOW, said_by=said_by)


def existing(content: str, said_by: SaidBy = SaidBy.USER, memory_id: str = "m") -> ExistingMemory:
    return ExistingMemory(version(content, said_by, memory_id), VECTOR)


def decisions_on(candidate: Candidate) -> list[Decision]:
    return [
        Supersede(candidate, ("m",), CHANGED, "moved"),
        InsertHistorical(candidate, "m", CHANGED, "moved before"),
        RaiseConflict(candidate, (Contradicted("m", "another place"),), (), "another place"),
    ]


@pytest.mark.parametrize("number", range(3))
def test_the_assistants_words_change_nothing_that_the_user_said(number: int) -> None:
    decision = decisions_on(statement("User lives in Oslo", SaidBy.ASSISTANT))[number]
    plan = Plan((decision,), ())
    (kept,) = low_trust.protect_user_statements(
        plan, {"m": version("User lives in Porto")}
    ).decisions
    assert isinstance(kept, Insert)
    own = version("User lives in Porto", SaidBy.ASSISTANT)
    assert low_trust.protect_user_statements(plan, {"m": own}) == plan


@pytest.mark.parametrize("number", range(3))
def test_the_users_own_words_do(number: int) -> None:
    plan = Plan((decisions_on(statement("User lives in Oslo"))[number],), ())
    assert low_trust.protect_user_statements(plan, {"m": version("User lives in Porto")}) == plan


def test_the_assistant_does_not_overrule_what_the_user_says_in_the_same_session() -> None:
    own_plan = Insert(statement("User lives in Porto"), "new")
    reported = Supersede(statement("User lives in Oslo", SaidBy.ASSISTANT), (0,), CHANGED, "moved")
    decisions = low_trust.protect_user_statements(Plan((own_plan, reported), ()), {}).decisions
    assert [type(decision) for decision in decisions] == [Insert, Insert]


def test_a_quoted_statement_stands_beside_what_it_contradicts() -> None:
    quoted = statement("User lives in Oslo", SaidBy.QUOTED)
    plan, kept = low_trust.with_quoted(Plan((), ()), [existing("User lives in Porto")], [quoted])
    (decision,) = plan.decisions
    assert isinstance(decision, Insert)
    assert kept == (0,)


def test_a_quoted_statement_that_the_user_said_is_left_out_and_backs_nothing() -> None:
    quoted = statement("User lives in Porto", SaidBy.QUOTED)
    plan, kept = low_trust.with_quoted(Plan((), ()), [existing("User lives in Porto")], [quoted])
    assert (plan.decisions, kept) == ((), ())
    own_plan = Plan((Insert(statement("User lives in Porto"), "new"),), ())
    assert low_trust.with_quoted(own_plan, [], [quoted]) == (own_plan, ())


def test_a_quoted_statement_said_again_only_adds_evidence_to_the_quoted_one() -> None:
    quoted = statement("User lives in Oslo", SaidBy.QUOTED)
    before = [existing("User lives in Oslo", SaidBy.QUOTED)]
    plan, kept = low_trust.with_quoted(Plan((), ()), before, [quoted, quoted])
    assert [type(decision) for decision in plan.decisions] == [Ignore, Ignore]
    assert kept == (0, 1)
    assert all(
        isinstance(decision, Ignore) and decision.because == "m" for decision in plan.decisions
    )


def test_what_the_user_says_takes_the_place_of_the_same_that_was_quoted() -> None:
    own_plan = Plan((Insert(statement("User lives in Oslo"), "new"),), ())
    before = [
        existing("User lives in Oslo", SaidBy.QUOTED),
        existing("User likes tea", memory_id="n"),
    ]
    plan, kept = low_trust.with_quoted(own_plan, before, [])
    (decision,) = plan.decisions
    assert isinstance(decision, Supersede)
    assert decision.replaces == ("m",)
    assert decision.reason is ExpirationReason.ADDITION_TO_EXISTING_MEMORY
    assert kept == ()


def test_the_assistant_does_not_confirm_what_was_quoted() -> None:
    reported = Plan((Insert(statement("User lives in Oslo", SaidBy.ASSISTANT), "new"),), ())
    before = [existing("User lives in Oslo", SaidBy.QUOTED)]
    assert low_trust.with_quoted(reported, before, [])[0] == reported


def test_quoted_memories_are_not_reconciled_with() -> None:
    own, quoted = existing("User likes tea"), existing("User likes gin", SaidBy.QUOTED, "n")
    assert low_trust.without_quoted([own, quoted]) == [own]
    first, last = statement("a", SaidBy.QUOTED), statement("b")
    assert low_trust.quoted_last([first, last]) == (last, first)
