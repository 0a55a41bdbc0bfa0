"""Settlement of doubts, by rules, by later statements of the user."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hitherto.core.reconciliation.doubt_settlement import settle_doubts
from hitherto.core.reconciliation.reconcile import Decision, ExistingMemory, Insert, Plan, Supersede
from hitherto.models import Candidate, ExpirationReason, MemoryVersion, SaidBy

SAID = datetime(2025, 1, 6, tzinfo=UTC)
DOUBTED = SAID + timedelta(days=30)
LATER = DOUBTED + timedelta(days=30)
GYM = "User goes to a gym in Lisbon"
HALL = "User's gym is in Lisbon"


def existing(content: str = GYM, doubted_at: datetime | None = DOUBTED) -> ExistingMemory:
    version = MemoryVersion(content, "s", content, SAID, SAID, SAID, doubted_at=doubted_at)
    return ExistingMemory(version, np.zeros(2, np.float32))


def decision(
    content: str,
    *memories: ExistingMemory,
    at: datetime = LATER,
    by: SaidBy = SaidBy.USER,
) -> Decision:
    plan = Plan((Insert(Candidate(content, at, at, (0,), by), "new"),), ())
    return settle_doubts(plan, memories or [existing()], at).decisions[0]


@pytest.mark.parametrize("doubted", [GYM, HALL])
@pytest.mark.parametrize(
    "content",
    [
        "User cancelled their Lisbon gym",
        "User cancelled their gym membership in Lisbon",
        "User has cancelled the gym",
        "User cancelled the gym today",
        "User quit the gym in Lisbon",
        "User gave up the gym in Lisbon",
        "User does not go to the gym in Lisbon anymore",
        "User stopped going to the gym in Lisbon",
    ],
)
def test_an_end_of_what_it_names_ends_a_doubtful_memory(content: str, doubted: str) -> None:
    result = decision(content, existing(doubted))
    assert isinstance(result, Supersede)
    assert (result.replaces, result.reason) == ((doubted,), ExpirationReason.TEMPORAL_CONFLICT)
    assert isinstance(decision(content, existing(doubted, None)), Insert), "not in doubt"


@pytest.mark.parametrize("doubted", [GYM, HALL])
@pytest.mark.parametrize(
    "content", ["User still uses the gym in Lisbon", "User still goes to the gym in Lisbon"]
)
def test_that_it_is_still_so_is_its_next_version(content: str, doubted: str) -> None:
    result = decision(content, existing(doubted))
    assert isinstance(result, Supersede)
    assert result.replaces == (doubted,)
    assert result.reason is ExpirationReason.ADDITION_TO_EXISTING_MEMORY
    assert result.candidate.content == content


@pytest.mark.parametrize(
    "content",
    [
        "User cancelled their gym in Porto",
        "User wants to quit the gym in Lisbon",
        "User did not go to the gym in Lisbon",
        "User has not cancelled the gym in Lisbon",
        "User is not going to the gym in Lisbon today",
        "User does not like the gym in Lisbon",
        "User lost their keys at the gym in Lisbon",
        "User still has friends in Lisbon",
        "User goes to the cinema in Lisbon",
        "User's sister cancelled the gym in Lisbon",
    ],
)
def test_whatever_else_is_said_leaves_the_doubt(content: str) -> None:
    assert isinstance(decision(content), Insert)


def test_only_the_user_settles_a_doubt_and_only_after_the_change() -> None:
    content = "User has cancelled the gym"
    assert isinstance(decision(content, at=DOUBTED), Insert)
    assert isinstance(decision(content, at=SAID), Insert)
    assert isinstance(decision(content, by=SaidBy.ASSISTANT), Insert)


def test_one_end_ends_all_that_it_names_and_each_memory_ends_once() -> None:
    both = (existing(), existing(HALL))
    result = decision("User has cancelled the gym", *both)
    assert isinstance(result, Supersede)
    assert result.replaces == (GYM, HALL)
    candidate = Candidate("User has cancelled the gym", LATER, LATER, (0,))
    plan = settle_doubts(Plan((Insert(candidate, "a"), Insert(candidate, "b")), ()), both, LATER)
    assert isinstance(plan.decisions[1], Insert)
    taken = Supersede(candidate, (GYM,), ExpirationReason.TEMPORAL_CONFLICT, "why")
    plan = settle_doubts(Plan((taken, Insert(candidate, "b")), ()), [existing()], LATER)
    assert isinstance(plan.decisions[1], Insert)
