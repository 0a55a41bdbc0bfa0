"""Baselines: contexts that recall is compared with."""

from datetime import UTC, datetime

import pytest

from hitherto.evaluation.baselines import Baseline, BaselineContexts
from hitherto.evaluation.conversations import Conversation, DatedSession, Turn
from hitherto.models import MessageRole

TEXTS = [
    ["The ferry leaves from the north pier at dawn", "Pack light"],
    ["Our tent has a hole near the door", "Buy tape for the tent tomorrow then"],
]


def words(text: str) -> int:
    return len(text.split())


@pytest.fixture
def contexts() -> BaselineContexts:
    sessions = tuple(
        DatedSession(
            number,
            datetime(2024, 6, number, 12, tzinfo=UTC),
            tuple(
                Turn(f"D{number}:{turn_number}", "Ada", MessageRole.USER, text, None)
                for turn_number, text in enumerate(texts, start=1)
            ),
        )
        for number, texts in enumerate(TEXTS, start=1)
    )
    return BaselineContexts(Conversation("set:one", sessions, (), True, ""), words)


def test_history_shows_every_turn_under_its_date_when_all_fit(contexts: BaselineContexts) -> None:
    assert contexts.context(Baseline.HISTORY, "", 1000).split("\n") == [
        "# Saturday, June 1st, 2024",
        "Ada: The ferry leaves from the north pier at dawn",
        "Ada: Pack light",
        "# Sunday, June 2nd, 2024",
        "Ada: Our tent has a hole near the door",
        "Ada: Buy tape for the tent tomorrow then",
    ]


def test_history_keeps_the_newest_turns_in_their_order(contexts: BaselineContexts) -> None:
    assert contexts.context(Baseline.HISTORY, "", 22).split("\n") == [
        "# Sunday, June 2nd, 2024",
        "Ada: Our tent has a hole near the door",
        "Ada: Buy tape for the tent tomorrow then",
    ]


def test_bm25_takes_the_best_match_first(contexts: BaselineContexts) -> None:
    assert contexts.context(Baseline.BM25, "When do the ferries leave the pier?", 16) == (
        "# Saturday, June 1st, 2024\nAda: The ferry leaves from the north pier at dawn"
    )


def test_bm25_leaves_out_turns_without_a_word_of_the_question(contexts: BaselineContexts) -> None:
    text = contexts.context(Baseline.BM25, "Is the tent broken?", 1000)
    assert "hole" in text
    assert "tape" in text
    assert "ferry" not in text


def test_bm25_of_a_question_without_matches_is_empty(contexts: BaselineContexts) -> None:
    assert contexts.context(Baseline.BM25, "Quantum chromodynamics?", 1000) == ""


def test_a_turn_that_is_too_long_is_passed_over(contexts: BaselineContexts) -> None:
    text = contexts.context(Baseline.HISTORY, "", 8)
    assert text == "# Saturday, June 1st, 2024\nAda: Pack light"


@pytest.mark.parametrize("baseline", list(Baseline))
@pytest.mark.parametrize("budget", [0, 1, 5, 9, 14, 20, 27, 35, 60])
def test_the_budget_is_never_exceeded(
    contexts: BaselineContexts, baseline: Baseline, budget: int
) -> None:
    assert words(contexts.context(baseline, "tent ferry pack tape Ada", budget)) <= budget
