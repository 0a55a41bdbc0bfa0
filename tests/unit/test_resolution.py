"""Settling a merge conflict: answers in, a plan against the memories of that moment out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes import HashEmbedder
from tests.statement_models import ToldModel

from hitherto.core.conflict_answers import check, well_formed
from hitherto.core.reconciliation.conflict_questions import (
    BOTH,
    NEITHER,
    DatedStatement,
    distinct,
    question,
    reason,
)
from hitherto.core.reconciliation.conflict_resolution import (
    AnsweredConflict,
    Resolution,
    Verdict,
    resolve,
)
from hitherto.core.reconciliation.reconcile import (
    ExistingMemory,
    Ignore,
    Insert,
    InsertHistorical,
    Supersede,
)
from hitherto.core.statements.reader import read
from hitherto.errors import (
    MergeConflictInvalidAnswerError,
    MergeConflictInvalidQuestionsError,
    MergeConflictMissingAnswersError,
    ValidationError,
)
from hitherto.models import (
    Candidate,
    ExpirationReason,
    MemoryVersion,
    MergeConflictAnswer,
    MergeConflictQuestion,
)

FIRST = datetime(2025, 1, 1, 9, tzinfo=UTC)
MERGE = ExpirationReason.MERGE_CONFLICT
ADDITION = ExpirationReason.ADDITION_TO_EXISTING_MEMORY
TEMPORAL = ExpirationReason.TEMPORAL_CONFLICT
OLD, NEW = "User was born on 3 May 1990", "User was born on 4 May 1990"
EMBEDDER = HashEmbedder()


def day(number: int) -> datetime:
    return FIRST + timedelta(days=number)


def version(memory_id: str, content: str, said_day: int = 0, **fields: object) -> MemoryVersion:
    at = day(said_day)
    current = MemoryVersion(memory_id, "s0", content, at, at, at)
    return replace(current, **fields)  # type: ignore[arg-type]


def candidate(content: str, said_day: int) -> Candidate:
    return Candidate(content, day(said_day), day(said_day), (0,))


def answered(
    *verdicts: str, proposed: str = NEW, ids: Sequence[str] = ("m0", "m1", "m2")
) -> AnsweredConflict:
    """A conflict of day 10, answered on day 20; a verdict names the option chosen."""
    options = {"held": "the held one", "proposed": proposed, "both": BOTH, "neither": NEITHER}
    clarifying = tuple(
        MergeConflictQuestion(f"Question {number}?", list(options.values()))
        for number in range(len(verdicts))
    )
    return AnsweredConflict(
        merge_conflict_id="c0",
        session_id="s1",
        session_created_at=day(10),
        proposed=candidate(proposed, 10),
        questions=clarifying,
        contradicted=tuple(ids[: len(verdicts)]),
        answers=tuple(
            MergeConflictAnswer(item.question, options[verdict])
            for item, verdict in zip(clarifying, verdicts, strict=True)
        ),
        answered_at=day(20),
    )


def resolve_with(
    versions: Sequence[MemoryVersion], of: AnsweredConflict, statements: Sequence[str] = ()
) -> Resolution:
    existing = [
        ExistingMemory(item, EMBEDDER.embed_query(item.content))
        for item in versions
        if item.expired_at is None
    ]
    candidates = [candidate(text, 20) for text in statements]
    vectors = EMBEDDER.embed([of.proposed.content, *statements])
    return resolve(
        existing, {item.memory_id: item for item in versions}, of, candidates, vectors, ToldModel()
    )


# One question


def test_the_held_statement_is_right() -> None:
    resolution = resolve_with([version("m0", OLD)], answered("held"))
    assert resolution.plan.decisions == resolution.retired == ()


def test_the_proposed_statement_is_right() -> None:
    resolution = resolve_with([version("m0", OLD)], answered("proposed"))
    (decision,) = resolution.plan.decisions
    assert isinstance(decision, Supersede)
    assert (decision.candidate.content, decision.replaces) == (NEW, ("m0",))
    assert decision.reason is MERGE
    assert decision.candidate.evidence == (0,)
    assert (resolution.origins, resolution.said_at, resolution.retired) == ((0,), (day(10),), ())


def test_the_proposed_statement_is_right_although_it_was_said_earlier() -> None:
    resolution = resolve_with([version("m0", OLD, said_day=15)], answered("proposed"))
    assert isinstance(resolution.plan.decisions[0], Supersede)


def test_both_are_right() -> None:
    lives = [version("m0", "User lives in Porto")]
    resolution = resolve_with(lives, answered("both", proposed="User lives in Lisbon"))
    assert isinstance(resolution.plan.decisions[0], Insert)
    assert resolution.retired == ()
    assert resolution.plan.connections == (("m0", 0),)


def test_neither_is_right() -> None:
    resolution = resolve_with([version("m0", OLD)], answered("neither"))
    assert resolution.plan.decisions == ()
    assert resolution.retired == ("m0",)


# Several questions


@pytest.mark.parametrize(
    ("verdicts", "accepted", "replaced_ids"),
    [
        (("proposed", "proposed"), True, {"m0", "m1"}),
        (("proposed", "both"), True, {"m0"}),
        (("both", "both"), True, set()),
        (("held", "held"), False, set()),
        (("held", "neither"), False, {"m1"}),
        (("neither", "neither"), False, {"m0", "m1"}),
        (("proposed", "held"), False, {"m0"}),
        (("proposed", "neither"), False, {"m0", "m1"}),
    ],
)
def test_each_memory_is_judged_by_its_own_answer_and_the_proposed_one_by_all(
    verdicts: tuple[str, ...], accepted: bool, replaced_ids: set[str]
) -> None:
    existing = [
        version("m0", "User lives in Porto"),
        version("m1", "User lives in Faro", said_day=1),
    ]
    resolution = resolve_with(existing, answered(*verdicts, proposed="User lives in Lisbon"))
    assert len(resolution.plan.decisions) == accepted
    replaced = {
        ref
        for decision in resolution.plan.decisions
        if isinstance(decision, Supersede)
        for ref in decision.replaces
    }
    assert replaced | set(resolution.retired) == replaced_ids
    assert not (accepted and resolution.retired)


def test_the_newest_of_those_replaced_comes_first() -> None:
    existing = [
        version("m0", "User lives in Porto"),
        version("m1", "User lives in Faro", said_day=1),
    ]
    resolution = resolve_with(
        existing, answered("proposed", "proposed", proposed="User lives in Lisbon")
    )
    (decision,) = resolution.plan.decisions
    assert isinstance(decision, Supersede)
    assert decision.replaces == ("m1", "m0")


# What happened meanwhile


def test_a_memory_that_got_detail_meanwhile_is_judged_by_its_current_version() -> None:
    versions = [
        version("m0", OLD, expired_at=day(12), expiration_reason=ADDITION),
        version("m9", f"{OLD} in Porto", said_day=12, previous_id="m0"),
    ]
    (decision,) = resolve_with(versions, answered("proposed")).plan.decisions
    assert isinstance(decision, Supersede)
    assert decision.replaces == ("m9",)
    assert resolve_with(versions, answered("neither")).retired == ("m9",)
    assert resolve_with(versions, answered("held")).retired == ()


def test_a_memory_that_time_superseded_meanwhile_keeps_its_successor() -> None:
    versions = [
        version("m0", "User lives in Porto", expired_at=day(12), expiration_reason=TEMPORAL),
        version("m9", "User moved to Faro", said_day=12, previous_id="m0"),
    ]
    resolution = resolve_with(versions, answered("proposed", proposed="User lives in Lisbon"))
    (decision,) = resolution.plan.decisions
    assert isinstance(decision, InsertHistorical)
    assert (decision.successor, decision.reason) == ("m9", TEMPORAL)
    assert resolution.retired == ()
    assert resolve_with(versions, answered("neither")).retired == ()


def test_a_memory_deleted_meanwhile_leaves_the_answer_about_the_proposed_one() -> None:
    (decision,) = resolve_with([], answered("proposed")).plan.decisions
    assert isinstance(decision, Insert)
    for verdict in ("held", "neither"):
        resolution = resolve_with([], answered(verdict))
        assert resolution.plan.decisions == resolution.retired == ()


def test_what_was_proposed_and_said_again_meanwhile_is_not_stored_twice() -> None:
    versions = [version("m0", OLD), version("m9", NEW, said_day=15)]
    resolution = resolve_with(versions, answered("proposed"))
    (decision,) = resolution.plan.decisions
    assert isinstance(decision, Ignore)
    assert decision.because == "m9"
    assert resolution.retired == ("m0",)


def test_two_memories_that_became_one_are_affirmed_by_one_of_two_answers() -> None:
    added = {"expired_at": day(12), "expiration_reason": ADDITION}
    versions = [
        version("m0", "User lives in Porto", **added),
        version("m1", "User lives in Porto", previous_id="m0", **added),
        version("m9", "User lives in Porto with Tom", said_day=12, previous_id="m1"),
    ]
    resolution = resolve_with(
        versions, answered("neither", "held", proposed="User lives in Lisbon")
    )
    assert resolution.retired == ()


# What was said beside the answers


def test_a_message_says_how_it_is_in_truth() -> None:
    truth = "User was born on 5 May 1990"
    resolution = resolve_with([version("m0", OLD)], answered("neither"), [truth])
    (decision,) = resolution.plan.decisions
    assert isinstance(decision, Supersede)
    assert (decision.candidate.content, decision.replaces) == (truth, ("m0",))
    assert decision.reason is MERGE
    assert decision.candidate.evidence == ()
    assert (resolution.origins, resolution.said_at, resolution.retired) == ((1,), (day(20),), ())


def test_a_message_about_something_else_takes_the_place_of_nothing() -> None:
    resolution = resolve_with([version("m0", OLD)], answered("neither"), ["User has two cats"])
    assert isinstance(resolution.plan.decisions[0], Insert)
    assert resolution.retired == ("m0",)


@pytest.mark.parametrize("verdict", ["held", "proposed"])
def test_a_message_that_speaks_against_the_answer_is_not_stored(verdict: str) -> None:
    resolution = resolve_with(
        [version("m0", OLD)], answered(verdict), ["User was born on 5 May 1990"]
    )
    assert all(decision.candidate.content == NEW for decision in resolution.plan.decisions)
    assert resolution.retired == ()


@pytest.mark.parametrize(
    ("verdict", "denied"), [("held", NEW), ("proposed", OLD), ("neither", OLD)]
)
def test_a_message_that_repeats_what_the_answer_denies_is_not_stored(
    verdict: str, denied: str
) -> None:
    resolution = resolve_with([version("m0", OLD)], answered(verdict), [denied])
    assert denied not in [decision.candidate.content for decision in resolution.plan.decisions]


def test_a_message_that_repeats_the_proposed_statement_rests_on_it() -> None:
    resolution = resolve_with([version("m0", OLD)], answered("proposed"), [NEW])
    accepted, repeated = resolution.plan.decisions
    assert isinstance(accepted, Supersede)
    assert isinstance(repeated, Ignore)
    assert repeated.because == 0


def test_a_message_adds_to_what_was_affirmed() -> None:
    resolution = resolve_with([version("m0", OLD)], answered("held"), [f"{OLD} in Porto"])
    (decision,) = resolution.plan.decisions
    assert isinstance(decision, Supersede)
    assert (decision.replaces, decision.reason) == (("m0",), ADDITION)
    resolution = resolve_with([version("m0", OLD)], answered("proposed"), [f"{NEW} in Porto"])
    _, added = resolution.plan.decisions
    assert isinstance(added, Supersede)
    assert (added.replaces, added.reason) == ((0,), ADDITION)


def test_references_skip_what_is_not_stored() -> None:
    texts = ["User was born on 5 May 1990", "User has two cats", "User has two cats"]
    resolution = resolve_with([version("m0", OLD)], answered("held"), texts)
    inserted, repeated = resolution.plan.decisions
    assert isinstance(inserted, Insert)
    assert isinstance(repeated, Ignore)
    assert repeated.because == 0
    assert resolution.origins == (2, 3)


def test_blank_messages_say_nothing() -> None:
    of = answered("held", "held")
    answers = (replace(of.answers[0], message="  "), replace(of.answers[1], message="Hm."))
    assert replace(of, answers=answers).messages() == ("Hm.",)


def test_the_order_of_the_answers_does_not_matter() -> None:
    of = answered("held", "neither")
    assert of.verdicts() == (Verdict.HELD, Verdict.NEITHER)
    assert replace(of, answers=of.answers[::-1]).verdicts() == of.verdicts()


# Questions


def dated_statement(content: str, number: int) -> DatedStatement:
    return DatedStatement(read(content), day(number))


def test_a_question_stands_alone_and_reads_naturally() -> None:
    clarifying = question(dated_statement(OLD, 4), dated_statement(NEW, 40), "birthday")
    assert clarifying.question == (
        "When were you born? What was noted on 5 January 2025, “User was born on 3 May 1990”, "
        "does not agree with what was noted on 10 February 2025, “User was born on 4 May 1990”."
    )
    assert clarifying.options == [OLD, NEW, NEITHER]


def test_a_question_about_one_day_names_it_once() -> None:
    clarifying = question(
        dated_statement("User lives in Porto.", 4),
        dated_statement("User lives in Faro", 4),
        "residence",
    )
    assert clarifying.question == (
        "Where do you live? Two things noted on 5 January 2025 do not agree: "
        "“User lives in Porto” and “User lives in Faro”."
    )
    assert clarifying.options == ["User lives in Porto.", "User lives in Faro", BOTH, NEITHER]


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("User owns a cat", "User does not own a cat"),
        ("User's sister Ana lives in Porto", "User's sister Ana lives in Faro"),
        ("User is allergic to peanuts", "User is not allergic to peanuts"),
        ("User likes jazz", "User does not like jazz"),
    ],
)
def test_a_question_shows_no_name_of_an_attribute(first: str, other: str) -> None:
    attribute = read(first).reading.attribute
    clarifying = question(dated_statement(first, 1), dated_statement(other, 1), attribute)
    lead = clarifying.question.partition("?")[0]
    assert ":" not in lead
    assert attribute not in lead.lower().split()
    assert ":" not in reason(dated_statement(first, 1), dated_statement(other, 1), attribute)


def test_a_reason_tells_a_denial_from_another_value() -> None:
    yes, no = (
        dated_statement("User is allergic to nuts", 1),
        dated_statement("User is not allergic to nuts", 2),
    )
    assert reason(yes, no, "allergy:nut") == "The proposed statement denies what this one says."
    assert reason(no, yes, "allergy:nut") == "The proposed statement asserts what this one says."
    assert reason(dated_statement(OLD, 1), dated_statement(NEW, 2), "birthday") == (
        "Both name a date of birth, and not the same."
    )


def test_two_questions_never_have_the_same_words() -> None:
    first = MergeConflictQuestion("Which?", ["a", "b"])
    other = MergeConflictQuestion("What?", ["a", "b"])
    assert [item.question for item in distinct([first, other, first, first])] == [
        "Which?",
        "What?",
        "Which? (2)",
        "Which? (3)",
    ]


# Answers

ASKED = [MergeConflictQuestion("One?", ["a", "b"]), MergeConflictQuestion("Two?", ["c", "d"])]


def answers(**given: str) -> list[MergeConflictAnswer]:
    return [MergeConflictAnswer(f"{name}?", option) for name, option in given.items()]


def test_complete_answers_are_accepted_in_any_order() -> None:
    check(ASKED, answers(Two="d", One="a"))


def test_the_errors_have_the_words_of_the_contract_and_come_in_its_order() -> None:
    with pytest.raises(MergeConflictInvalidQuestionsError) as foreign:
        check(ASKED, answers(Three="a", One="x"))
    assert foreign.value.message == (
        "Invalid questions provided. The following questions do not match the original "
        "questions: ['Three?']"
    )
    with pytest.raises(MergeConflictMissingAnswersError) as missing:
        check(ASKED, answers(One="x"))
    assert missing.value.message == "Missing answers for the following questions: ['Two?']"
    with pytest.raises(MergeConflictInvalidAnswerError) as invalid:
        check(ASKED, answers(One="x", Two="c"))
    assert invalid.value.message == (
        "Invalid answer 'x' for question 'One?'. Valid options are: ['a', 'b']"
    )
    errors = (foreign, missing, invalid)
    assert [error.value.http_status for error in errors] == [400, 400, 400]


PHRASES = [
    "already resolved",
    "Invalid questions provided",
    "Missing answers for the following questions",
]


def test_what_is_quoted_is_never_taken_for_an_earlier_error() -> None:
    text = ". ".join(PHRASES)
    clarifying = [MergeConflictQuestion(text, [text]), MergeConflictQuestion("Two?", [text])]
    with pytest.raises(MergeConflictInvalidQuestionsError) as foreign:
        check(ASKED, [MergeConflictAnswer(text, "a")])
    with pytest.raises(MergeConflictMissingAnswersError) as missing:
        check(clarifying, answers(Two=text))
    with pytest.raises(MergeConflictInvalidAnswerError) as invalid:
        check(clarifying, [MergeConflictAnswer(text, f"{text}!"), *answers(Two=text)])
    for error, earlier in ((foreign, 1), (missing, 2), (invalid, 3)):
        for phrase in PHRASES[:earlier]:
            own = error.value.message.startswith(phrase)
            assert error.value.message.count(phrase) == own, phrase


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a", "must be a list"),
        ([{"question": "One?", "answer": "a"}], "must hold MergeConflictAnswer objects"),
        (answers(One="a") + answers(One="b"), "two answers to the question 'One\\?'"),
        ([MergeConflictAnswer("One?", 3)], "answer must be a string"),  # type: ignore[arg-type]
        ([MergeConflictAnswer("One?", "a", "x" * 11)], "message has 11 characters"),
        ([MergeConflictAnswer("One?", "a", "\0")], "message holds"),
    ],
)
def test_answers_that_are_none_are_named(given: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        well_formed(given, 10)
