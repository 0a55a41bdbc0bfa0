"""Properties of resolutions of merge conflicts, for any memories, answers and comments."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import HashEmbedder
from tests.statement_models import ToldModel

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
    versions: dict[str, MemoryVersion] = {}
    for number in range(draw(st.integers(0, 5))):
        at = draw(days)
        previous = None
        if versions and draw(st.booleans()):
            previous = draw(st.sampled_from(sorted(versions)))
            versions[previous] = replace(
                versions[previous],
                expired_at=at,
                expiration_reason=draw(st.sampled_from(list(ExpirationReason))),
            )
        memory_id = f"m{number}"
        versions[memory_id] = MemoryVersion(
            memory_id, "s0", draw(contents), at, at, at, previous_id=previous
        )
    return versions


@st.composite
def answered_conflicts(draw: st.DrawFn) -> AnsweredConflict:
    at, proposed = draw(days), draw(contents)
    ids = tuple(draw(st.lists(st.sampled_from(["m0", "m1", "m2", "gone"]), unique=True)))
    questions = tuple(
        MergeConflictQuestion(f"{item}?", ["the other", proposed, BOTH, NEITHER]) for item in ids
    )
    answers = (
        MergeConflictAnswer(item.question, draw(st.sampled_from(item.options)))
        for item in questions
    )
    return AnsweredConflict(
        "c0",
        "s1",
        at,
        Candidate(proposed, at, at, (0,)),
        questions,
        ids,
        tuple(answers),
        draw(days),
    )


def settle(
    versions: dict[str, MemoryVersion], conflict: AnsweredConflict, comments: list[str]
) -> tuple[Resolution, set[str]]:
    current = [version for version in versions.values() if version.expired_at is None]
    existing = [
        ExistingMemory(version, EMBEDDER.embed_query(version.content)) for version in current
    ]
    statements = [
        Candidate(text, conflict.answered_at, conflict.answered_at, (0,)) for text in comments
    ]
    vectors = EMBEDDER.embed([conflict.proposed.content, *comments])
    resolution = resolve(existing, versions, conflict, statements, vectors, ToldModel())
    return resolution, {version.memory_id for version in current}


def replaced(decision: Decision) -> list[str | int]:
    return list(decision.replaces) if isinstance(decision, Supersede) else []


@given(memories(), answered_conflicts(), st.lists(contents, max_size=3))
def test_what_expires_was_current_and_expires_once(
    versions: dict[str, MemoryVersion], conflict: AnsweredConflict, comments: list[str]
) -> None:
    resolution, current = settle(versions, conflict, comments)
    replaced_refs: list[str | int] = list(resolution.retired)
    for index, decision in enumerate(resolution.plan.decisions):
        replaced_refs += replaced(decision)
        refs = replaced(decision)
        refs += [decision.because] if isinstance(decision, Ignore) else []
        refs += [decision.successor] if isinstance(decision, InsertHistorical) else []
        assert all(ref in current if isinstance(ref, str) else ref < index for ref in refs)
        assert not isinstance(decision, RaiseConflict)
    assert len(replaced_refs) == len(set(replaced_refs))
    assert len(resolution.origins) == len(resolution.said_at) == len(resolution.plan.decisions)


@given(memories(), answered_conflicts(), st.lists(contents, max_size=3))
def test_what_an_answer_affirms_never_expires_as_untrue(
    versions: dict[str, MemoryVersion], conflict: AnsweredConflict, comments: list[str]
) -> None:
    resolution, _ = settle(versions, conflict, comments)
    affirmed = {
        memory_id
        for memory_id, verdict in zip(conflict.contradicted, conflict.verdicts(), strict=True)
        if verdict in {Verdict.HELD, Verdict.BOTH}
    }
    assert affirmed.isdisjoint(resolution.retired)
    for decision in resolution.plan.decisions:
        if isinstance(decision, Supersede) and not affirmed.isdisjoint(decision.replaces):
            assert decision.reason is not ExpirationReason.MERGE_CONFLICT


@given(memories(), answered_conflicts(), st.lists(contents, max_size=3))
def test_the_proposed_statement_is_decided_by_all_answers(
    versions: dict[str, MemoryVersion], conflict: AnsweredConflict, comments: list[str]
) -> None:
    resolution, _ = settle(versions, conflict, comments)
    accepted = set(conflict.verdicts()) <= {Verdict.PROPOSED, Verdict.BOTH}
    assert resolution.origins.count(0) == accepted
    assert list(resolution.origins) == sorted(resolution.origins)
    for decision, origin in zip(resolution.plan.decisions, resolution.origins, strict=True):
        if origin:
            assert decision.candidate.evidence == ()
