"""Scoring of contexts by the gold turns and answers that they contain."""

import pytest

from hitherto.evaluation.scoring import score_context

TURN = "We finally repainted the old boat shed in dark green last weekend"


def contains_turn(context: str, turn: str = TURN) -> bool:
    return score_context(context, [turn], None, 0).ev_recall == 1.0


def test_a_turn_that_stands_in_the_context_is_held() -> None:
    assert contains_turn(f"Nora: {TURN}! [a shed]")


def test_case_punctuation_and_character_forms_do_not_matter() -> None:
    assert contains_turn(TURN.upper().replace(" ", " - ").replace("L", "Ｌ"))


def test_the_same_words_in_another_order_are_not_the_turn() -> None:
    assert not contains_turn(" ".join(reversed(TURN.split())))


def test_sixty_per_cent_of_the_runs_are_enough_and_less_is_not() -> None:
    words = [f"w{number}" for number in range(14)]  # ten runs of five words
    assert contains_turn(" ".join(words[:10]), " ".join(words))  # six of them
    assert not contains_turn(" ".join(words[:9]), " ".join(words))  # five


def test_a_run_that_the_turn_repeats_counts_each_time() -> None:
    phrase = "row row row your boat"
    turn = f"{phrase} {phrase} and then home"
    # Nine runs, of which six stand in a context that holds the phrase twice.
    assert contains_turn(f"{phrase} {phrase}", turn)
    assert not contains_turn(phrase, turn)


def test_a_turn_of_fewer_than_five_words_must_stand_whole() -> None:
    assert contains_turn("and then: Sounds good to me. Bye", "Sounds good to me!")
    assert not contains_turn("it sounds good to all", "Sounds good to me!")


def test_a_short_turn_is_not_found_inside_words() -> None:
    assert not contains_turn("the artist", "art")


def test_a_turn_without_words_is_never_held() -> None:
    assert not contains_turn("anything", "!!!")
    assert not contains_turn("", "!!!")


def test_nothing_is_held_by_an_empty_context() -> None:
    score = score_context("", [TURN, "Yes."], "yes", 0)
    assert (score.ev_recall, score.ev_all, score.answer_in) == (0.0, False, False)


def test_recall_is_a_share_and_all_needs_each() -> None:
    score = score_context(TURN, [TURN, "A turn that is not there at all."], None, 12)
    assert (score.ev_recall, score.ev_all, score.tokens) == (0.5, False, 12)


def test_without_evidence_there_is_no_recall() -> None:
    score = score_context(TURN, [], None, 0)
    assert score.ev_recall is None
    assert score.ev_all is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Dark green.", True),
        ("green dark", False),
        ("the old boat shed in dark", True),
        ("the old boat shed in dark green", None),
        ("", None),
        ("?!", None),
        (None, None),
    ],
)
def test_answers_of_up_to_six_words_are_looked_for(
    answer: str | None, expected: bool | None
) -> None:
    assert score_context(TURN, [], answer, 0).answer_in is expected
