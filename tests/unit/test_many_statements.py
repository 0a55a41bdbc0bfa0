"""Sessions and memories with very many statements: the work grows with their number alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.counting import calls_of
from tests.statement_models import KeepAll, ToldModel

from hitherto.core.extraction.extract import extract
from hitherto.core.history.version_chains import insert_before, join
from hitherto.core.reconciliation.connections import Entry, connect
from hitherto.core.reconciliation.doubt import MOST_CHANGES, Change, doubts
from hitherto.core.reconciliation.reconcile import Ignore, Plan, Supersede, reconcile
from hitherto.core.reconciliation.statement_index import MOST_NEAR, Item, StatementIndex
from hitherto.core.safety.classifier import (
    DENSE_FEATURES,
    SEGMENT_SLOTS,
    STATEMENT_SLOTS,
    Classifier,
)
from hitherto.core.safety.screening import MAX_STATEMENTS, screen
from hitherto.core.statements.reader import read
from hitherto.models import Candidate, Extraction, MemoryVersion, Message, MessageRole

NOW = datetime(2025, 3, 14, tzinfo=UTC)
OWN = Classifier(
    np.zeros(SEGMENT_SLOTS + 1, np.float32),
    np.array([0.0] * (STATEMENT_SLOTS + len(DENSE_FEATURES)) + [-1.0], np.float32),
)
"""Takes every statement for the user's own."""


def word(number: int) -> str:
    """A made-up word that no other number has."""
    return "".join("bcdfghjklm"[int(digit)] + "aeiou"[int(digit) % 5] for digit in f"{number:04}")


KINDS: dict[str, Callable[[int], str]] = {
    "moves": lambda n: f"User moved to {word(n).title()}",
    "plans": lambda n: f"User plans to move to {word(n).title()}",
    "likes what all like": lambda n: f"User likes tea and {word(n)}",
    "likes a few things": lambda n: f"User likes {word(n % 7)}, {word(n % 11)} and {word(n % 13)}",
    "someone's home": lambda n: f"User's sister lives in {word(n).title()}",
    "birthplaces": lambda n: f"User was born in {word(n).title()}",
    "possessions": lambda n: f"User has a {word(n)}",
    "what is given up": lambda n: f"User gave up {word(n)}",
    "what is drunk": lambda n: f"User drinks {word(n)}",
    "the same": lambda _: "User likes tea",
}


def candidates(kind: str, number: int) -> list[Candidate]:
    return [Candidate(KINDS[kind](n), NOW, NOW, (n,)) for n in range(number)]


def plan_of(stated: list[Candidate], *, conflicts: bool = False) -> Plan:
    vectors = np.full((len(stated), 4), 0.5, np.float32)
    return reconcile(
        [],
        stated,
        vectors,
        session_id="s",
        session_created_at=NOW,
        conflicts_enabled=conflicts,
        model=ToldModel(),
    )


def work_of(kind: str, number: int, *, conflicts: bool) -> int:
    """Return the calls that weighing statements takes when they are read already."""
    stated = candidates(kind, number)
    plan_of(stated, conflicts=conflicts)
    return calls_of(lambda: plan_of(stated, conflicts=conflicts))


@pytest.mark.parametrize(
    ("kind", "conflicts"), [*((kind, False) for kind in KINDS), ("birthplaces", True)]
)
def test_weighing_a_session_takes_work_in_proportion(kind: str, conflicts: bool) -> None:
    # Up to the bound each one is compared with half of the others, above it with all of the bound:
    # thrice the comparisons for twice the statements; without a bound it is four times.
    once = work_of(kind, MOST_NEAR, conflicts=conflicts)
    assert work_of(kind, 2 * MOST_NEAR, conflicts=conflicts) < 3.4 * once


def test_what_is_said_again_is_known_among_many() -> None:
    stated = [*candidates("plans", 3 * MOST_NEAR), *candidates("plans", 1)]
    assert isinstance(plan_of(stated).decisions[-1], Ignore)


def test_the_last_of_many_moves_supersedes_the_one_before_it() -> None:
    decisions = plan_of(candidates("moves", 2 * MOST_NEAR)).decisions
    assert [decision.replaces for decision in decisions if isinstance(decision, Supersede)] == [
        (n,) for n in range(2 * MOST_NEAR - 1)
    ]


def test_the_newest_of_many_are_near() -> None:
    index = StatementIndex()
    for order in range(2 * MOST_NEAR):
        stated = read(KINDS["plans"](order))
        index.add(Item(order, order, stated, NOW, NOW, NOW, True, frozenset(), True))
    result = [item.order for item in index.near(read(KINDS["plans"](3)))]
    assert result == [3, *range(MOST_NEAR, 2 * MOST_NEAR)]


def line(length: int) -> dict[str, MemoryVersion]:
    """Return the versions of a memory, each superseding the one before it."""
    return {
        f"v{n}": MemoryVersion(
            f"v{n}", "s", word(n), NOW, NOW, NOW + timedelta(n), f"v{n - 1}" if n else None
        )
        for n in range(length)
    }


def test_superseding_one_version_does_not_look_through_all_others() -> None:
    short, long = line(10), line(1000)
    assert calls_of(lambda: join(long, "new", ["v999"])) == calls_of(
        lambda: join(short, "new", ["v9"])
    )
    late = NOW + timedelta(days=5000)
    assert calls_of(lambda: insert_before(long, "new", "v999", late)) == calls_of(
        lambda: insert_before(short, "new", "v9", late)
    )


def paired(entries: int, new: int, vectors: np.ndarray) -> list[tuple[int, int]]:
    """Return the strongest pairs by comparing every pair."""
    cosines = np.round((vectors[-new:] @ vectors.T).astype(np.float64), 4)
    ranked = sorted(
        (-cosines[row, there], there, here)
        for row, here in enumerate(range(entries - new, entries))
        for there in range(here)
        if vectors[here] @ vectors[there] >= 0.65
    )
    degree = [0] * entries
    chosen = []
    for _, left, right in ranked:
        if degree[left] < 5 and degree[right] < 5:
            degree[left] += 1
            degree[right] += 1
            chosen.append((left, right))
    return chosen


@pytest.mark.parametrize("new", [1, 5, 30])
@pytest.mark.parametrize("seed", range(5))
def test_connections_are_those_of_all_pairs(new: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(0.7, 0.3, (300, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    stated = read("User likes tea")
    entries = [Entry(n, n, stated, is_new=n >= 300 - new) for n in range(300)]
    assert list(connect(entries, vectors, ())) == paired(300, new, vectors)


def test_a_doubtful_pair_with_the_first_memory_counts_as_any_other() -> None:
    vectors = np.eye(3, dtype=np.float32)
    stated = read("User likes tea")
    entries = [
        Entry("m0", 0, stated, False),
        Entry("m1", 1, stated, False),
        Entry(0, 2, stated, True),
    ]
    assert connect(entries, vectors, [(0, "m1")]) == (("m1", 0),)
    assert connect(entries, vectors, [(0, "m0")]) == (("m0", 0),)


def test_so_many_changes_are_followed_up_and_no_more() -> None:
    def memory(content: str, name: str) -> MemoryVersion:
        return MemoryVersion(name, "s", content, NOW, NOW, NOW)

    later = NOW + timedelta(days=9)
    nouns = range(MOST_CHANGES + 20)
    changes = [
        Change(
            memory(f"User has a dog named {word(n).title()}", f"old{n}"),
            f"User's dog {word(n).title()} died",
            n,
            later,
        )
        for n in nouns
    ]
    current = [memory(f"User walks {word(n).title()} at night", f"m{n}") for n in nouns]
    result = doubts(changes, current, {}, frozenset())
    assert [item.memory_id for item in result] == [f"m{n}" for n in range(MOST_CHANGES)]


def test_a_statement_made_in_many_messages_takes_work_in_proportion() -> None:
    def messages(number: int) -> list[Message]:
        return [Message(MessageRole.USER, "I like tea.", NOW)] * number

    extract(messages(9), NOW, KeepAll())
    once = calls_of(lambda: extract(messages(100), NOW, KeepAll()))
    assert calls_of(lambda: extract(messages(400), NOW, KeepAll())) < 4.5 * once
    assert extract(messages(100), NOW, KeepAll())[0].evidence == tuple(range(100))


@pytest.mark.parametrize("further", [0, 1, 2345])
def test_statements_beyond_the_bound_are_left_out_and_counted(further: int) -> None:
    stated = [
        Candidate(f"User likes {word(n)}", NOW, NOW, (0,)) for n in range(MAX_STATEMENTS + further)
    ]
    result = screen(
        Extraction(tuple(stated), ""),
        [Message(MessageRole.USER, "I like it.", NOW)],
        (),
        NOW,
        OWN,
    )
    assert list(result.candidates) == stated[further:]
    assert (result.note is None) == (further == 0)
    assert further == 0 or (result.note or "").startswith(f"{further:,} statements were left out")
