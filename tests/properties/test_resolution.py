"""Properties of resolutions of merge conflicts, for any memories, answers and comments."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import HashEmbedder

from hitherto.core.reconciliation.conflict_questions import BOTH, NEITHER
from hitherto.core.reconciliation.conflict_resolution import (
    AnsweredConflict,
    Resolution,
    Verdict,
    resolve,
)
from hitherto.core.reconciliation.reconcile import (
    Decision,
    ExistingMemory,
    Ignore,
    InsertHistorical,
    RaiseConflict,
    Supersede,
)
from hitherto.models import (
    Candidate,
    ExpirationReason,
    MemoryVersion,
    MergeConflictAnswer,
    MergeConflictQuestion,
)

START = datetime(2025, 1, 1, 9, tzinfo=UTC)
EMBEDDER = HashEmbedder()
CONTENTS = [
    "User was born on 3 May 1990",
    "User was born on 4 May 1990",
    "User was born on 4 May 1990 in Porto",
    "User lives in Porto",
    "User lives in Lisbon",
    "User moved to Faro",
    "User is allergic to peanuts",
    "User is not allergic to peanuts",
    "User has two cats",
]
contents = st.sampled_from(CONTENTS)
days = st.integers(0, 30).map(lambda number: START + timedelta(days=number))


@st.composite
def memories(draw: st.DrawFn) -> dict[str, MemoryVersion]:
    found: dict[str, MemoryVersion] = {}
    for number in range(draw(st.integers(0, 5))):
        at = draw(days)
        previous = None
        if found and draw(st.booleans()):
            previous = draw(st.sampled_from(sorted(found)))
            found[previous] = replace(
                found[previous],
                expired_at=at,
                expiration_reason=draw(st.sampled_from(list(ExpirationReason))),
            )
        memory_id = f"m{number}"
        found[memory_id] = MemoryVersion(
            memory_id, "s0", draw(contents), at, at, at, previous_id=previous
        )
    return found


@st.composite
def contests(draw: st.DrawFn) -> AnsweredConflict:
    at, proposed = draw(days), draw(contents)
    ids = tuple(draw(st.lists(st.sampled_from(["m0", "m1", "m2", "gone"]), unique=True)))
    asked = tuple(
        MergeConflictQuestion(f"{item}?", ["the other", proposed, BOTH, NEITHER]) for item in ids
    )
    answers = (
        MergeConflictAnswer(item.question, draw(st.sampled_from(item.options))) for item in asked
    )
    return AnsweredConflict(
        "c0", "s1", at, Candidate(proposed, at, at, (0,)), asked, ids, tuple(answers), draw(days)
    )


def settle(
    versions: dict[str, MemoryVersion], contest: AnsweredConflict, said: list[str]
) -> tuple[Resolution, set[str]]:
    current = [version for version in versions.values() if version.expired_at is None]
    held = [ExistingMemory(version, EMBEDDER.embed_query(version.content)) for version in current]
    statements = [Candidate(text, contest.answered_at, contest.answered_at, (0,)) for text in said]
    vectors = EMBEDDER.embed([contest.proposed.content, *said])
    found = resolve(held, versions, contest, statements, vectors)
    return found, {version.memory_id for version in current}


def replaced(decision: Decision) -> list[str | int]:
    return list(decision.replaces) if isinstance(decision, Supersede) else []


@given(memories(), contests(), st.lists(contents, max_size=3))
def test_what_expires_was_current_and_expires_once(
    versions: dict[str, MemoryVersion], contest: AnsweredConflict, said: list[str]
) -> None:
    found, current = settle(versions, contest, said)
    gone: list[str | int] = list(found.retired)
    for index, decision in enumerate(found.plan.decisions):
        gone += replaced(decision)
        refs = replaced(decision)
        refs += [decision.because] if isinstance(decision, Ignore) else []
        refs += [decision.successor] if isinstance(decision, InsertHistorical) else []
        assert all(ref in current if isinstance(ref, str) else ref < index for ref in refs)
        assert not isinstance(decision, RaiseConflict)
    assert len(gone) == len(set(gone))
    assert len(found.origins) == len(found.said_at) == len(found.plan.decisions)


@given(memories(), contests(), st.lists(contents, max_size=3))
def test_what_an_answer_affirms_never_expires_as_untrue(
    versions: dict[str, MemoryVersion], contest: AnsweredConflict, said: list[str]
) -> None:
    found, _ = settle(versions, contest, said)
    affirmed = {
        memory_id
        for memory_id, verdict in zip(contest.contradicted, contest.verdicts(), strict=True)
        if verdict in {Verdict.HELD, Verdict.BOTH}
    }
    assert affirmed.isdisjoint(found.retired)
    for decision in found.plan.decisions:
        if isinstance(decision, Supersede) and not affirmed.isdisjoint(decision.replaces):
            assert decision.reason is not ExpirationReason.MERGE_CONFLICT


@given(memories(), contests(), st.lists(contents, max_size=3))
def test_the_proposed_statement_is_decided_by_all_answers(
    versions: dict[str, MemoryVersion], contest: AnsweredConflict, said: list[str]
) -> None:
    found, _ = settle(versions, contest, said)
    accepted = set(contest.verdicts()) <= {Verdict.PROPOSED, Verdict.BOTH}
    assert found.origins.count(0) == accepted
    assert list(found.origins) == sorted(found.origins)
    for decision, origin in zip(found.plan.decisions, found.origins, strict=True):
        if origin:
            assert decision.candidate.evidence == ()
