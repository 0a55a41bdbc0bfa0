"""Decisions by the statement model, where rules do not read both statements exactly."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.statement_models import ToldModel

from hitherto.core.reconciliation.learned_relations import MOST_COMPARED
from hitherto.core.reconciliation.reconcile import (
    ExistingMemory,
    Ignore,
    Insert,
    InsertHistorical,
    Plan,
    RaiseConflict,
    Supersede,
    reconcile,
)
from hitherto.core.text.quotation import Quotation
from hitherto.models import Candidate, Evidence, ExpirationReason, MemoryVersion

NOW = datetime(2026, 3, 14, 10, tzinfo=UTC)
BEFORE = NOW - timedelta(days=60)
OLD, NEW = "weighs me 94 kg", "91 kg by now"
TOLD = {(OLD, NEW): "replaces"}


def _memory(words: str, name: str = "m", at: datetime = BEFORE) -> ExistingMemory:
    content = words if words.startswith("User ") else Quotation(words).content
    version = MemoryVersion(
        memory_id=name,
        session_id="before",
        content=content,
        event_date_start=at,
        event_date_end=at,
        created_at=at,
        evidence=(Evidence("before", 0),),
    )
    return ExistingMemory(version, np.array([1, 0], np.float32))


def _plan(
    memories: list[ExistingMemory],
    words: str,
    relations: Mapping[tuple[str, str], str],
    *,
    conflicts: bool = False,
    likeness: float = 1.0,
    model: ToldModel | None = None,
) -> Plan:
    content = words if words.startswith("User ") else Quotation(words).content
    vector = np.array([[likeness, (1 - likeness**2) ** 0.5]], np.float32)
    return reconcile(
        memories,
        [Candidate(content, NOW, NOW, (0,))],
        vector,
        session_id="now",
        session_created_at=NOW,
        conflicts_enabled=conflicts,
        model=model or ToldModel(relations=relations),
    )


@pytest.mark.parametrize("relation", ["replaces", "ends"])
def test_another_value_or_an_end_supersedes(relation: str) -> None:
    (decision,) = _plan([_memory(OLD)], NEW, {(OLD, NEW): relation}).decisions
    assert isinstance(decision, Supersede)
    assert (decision.replaces, decision.reason) == (("m",), ExpirationReason.TEMPORAL_CONFLICT)
    assert decision.candidate.content == 'User said: "91 kg by now"'


def test_a_change_without_a_word_in_common_is_not_believed() -> None:
    told = {(OLD, "we moved again"): "replaces"}
    (decision,) = _plan([_memory(OLD)], "we moved again", told).decisions
    assert isinstance(decision, Insert)


def test_the_two_nearest_memories_can_change() -> None:
    nearer = [_memory(f"I own a boat {number}", f"a{number}") for number in range(2)]
    told = {(OLD, NEW): "replaces"}
    (decision,) = _plan([*nearer[:1], _memory(OLD)], NEW, told).decisions
    assert isinstance(decision, Supersede)
    (decision,) = _plan([*nearer, _memory(OLD)], NEW, told).decisions
    assert isinstance(decision, Insert)


def test_words_that_stand_before_others_are_not_changed_by_them() -> None:
    told = Quotation("I weigh 94 kg.").content
    explained = Quotation("94 kg is fine", after="I weigh 94 kg, as I said.").content
    relations = {
        ("94 kg is fine", "I weigh 94 kg."): "replaces",
        ("I weigh 94 kg.", "94 kg is fine"): "replaces",
        (OLD, "94 kg is fine"): "replaces",
    }
    for earlier, later in ((told, explained), (explained, told)):
        (decision,) = _plan([_memory(earlier)], later, relations).decisions
        assert isinstance(decision, Insert)
    (decision,) = _plan([_memory(OLD)], explained, relations).decisions
    assert isinstance(decision, Supersede)


@pytest.mark.parametrize(("session", "decided"), [("now", Insert), ("before", Supersede)])
def test_a_change_within_a_session_needs_more_certainty(session: str, decided: type) -> None:
    memory = replace(_memory(OLD).memory, session_id=session, evidence=(Evidence(session, 5),))
    likely = ToldModel(relations=TOLD, certainty=0.8)
    existing = ExistingMemory(memory, np.array([1, 0], np.float32))
    (decision,) = _plan([existing], NEW, {}, model=likely).decisions
    assert isinstance(decision, decided)


def test_the_same_again_is_ignored() -> None:
    (decision,) = _plan([_memory(OLD)], NEW, {(OLD, NEW): "same"}).decisions
    assert isinstance(decision, Ignore)
    assert decision.because == "m"


def test_more_of_it_is_inserted_and_connected() -> None:
    plan = _plan([_memory(OLD)], NEW, {(OLD, NEW): "adds"}, likeness=0.45)
    assert isinstance(plan.decisions[0], Insert)
    assert plan.connections == (("m", 0),)
    unrelated = _plan([_memory(OLD)], NEW, {}, likeness=0.45)
    assert isinstance(unrelated.decisions[0], Insert)
    assert unrelated.connections == ()


def test_a_contradiction_is_asked_about_or_only_connected() -> None:
    told = {(OLD, NEW): "conflicts"}
    (asked,) = _plan([_memory(OLD)], NEW, told, conflicts=True).decisions
    assert isinstance(asked, RaiseConflict)
    assert OLD in asked.questions[0].question
    assert NEW in asked.questions[0].question
    quiet = _plan([_memory(OLD)], NEW, told, likeness=0.45)
    assert isinstance(quiet.decisions[0], Insert)
    assert quiet.connections == (("m", 0),)


def test_a_session_of_the_past_becomes_history() -> None:
    later = _memory(OLD, at=NOW + timedelta(days=1))
    (decision,) = _plan([later], NEW, {(NEW, OLD): "replaces"}).decisions
    assert isinstance(decision, InsertHistorical)
    (decision,) = _plan([later], NEW, TOLD).decisions
    assert isinstance(decision, Insert)


def test_what_both_are_rules_certain_of_is_not_asked() -> None:
    model = ToldModel()
    _plan([_memory("User has a dog named Rex")], "User has a cat named Luna", {}, model=model)
    assert model.pairs == []
    _plan([_memory("User weighs 94 kg")], NEW, {}, model=model)
    assert [(pair.earlier, pair.later) for pair in model.pairs] == [("User weighs 94 kg", NEW)]


def test_only_the_nearest_memories_are_compared() -> None:
    model = ToldModel()
    memories = [_memory(f"{OLD} {number}", f"m{number:02}") for number in range(30)]
    _plan(memories, NEW, {}, model=model)
    assert len(model.pairs) == MOST_COMPARED
    _plan(memories, NEW, {}, model=model, likeness=0.05)
    assert len(model.pairs) == MOST_COMPARED


def test_the_question_and_the_words_are_given_to_the_model() -> None:
    model = ToldModel()
    reconcile(
        [_memory("I live near Graz [Graz, Austria]")],
        [Candidate(Quotation("Linz", "Where do you live?").content, NOW, NOW, (0,))],
        np.array([[1, 0]], np.float32),
        session_id="now",
        session_created_at=NOW,
        conflicts_enabled=False,
        model=model,
    )
    (pair,) = model.pairs
    assert (pair.earlier, pair.later, pair.later_context) == (
        "I live near Graz", "Linz", "Where do you live?",
    )  # fmt: skip
