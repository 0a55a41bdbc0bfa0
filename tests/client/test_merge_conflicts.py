"""Merge conflicts from their question to their settlement, on a whole memory."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests import databases
from tests.conftest import Clock
from tests.fakes import HashEmbedder
from tests.statement_models import PlainModel

from hitherto import Parts, Settings
from hitherto.api import ContextRequest, MemoryApi
from hitherto.core.reconciliation.conflict_questions import BOTH, NEITHER
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import (
    MergeConflictAlreadyResolvedError,
    MergeConflictInvalidAnswerError,
    MergeConflictInvalidQuestionsError,
    MergeConflictMissingAnswersError,
    MergeConflictNotFoundError,
    UserNotFoundError,
    ValidationError,
)
from hitherto.inference import LocalInference
from hitherto.models import (
    Evidence,
    ExpirationReason,
    MergeConflictAnswer,
    MergeConflictModel,
    MergeConflictStatus,
    MessageRole,
    UserMemoryItem,
)
from hitherto.system import System, open_system

DAY = datetime(2025, 1, 5, 12, tzinfo=UTC)
OLD, NEW = "My birthday is on 3 May 1990.", "I was born on 4 June 1990."


class BrokenInference(LocalInference):
    """Fails to settle a number of times, then works."""

    def __init__(self) -> None:
        super().__init__(PlainModel())
        self.failures_left = 0

    async def resolve(self, *arguments: Any, **named: Any) -> Any:
        if self.failures_left:
            self.failures_left -= 1
            raise ValueError("the oracle is silent")
        return await super().resolve(*arguments, **named)


class Life:
    """One user's life, as the API sees it."""

    def __init__(self, system: System, inference: BrokenInference) -> None:
        self.system = system
        self.inference = inference
        self.api: MemoryApi = system.engine(DEFAULT_PROJECT_ID)

    async def tell(self, *texts: str, day: int = 0) -> str:
        session = await self.api.create_session(
            "alice", custom_created_at_utc=DAY + timedelta(days=day)
        )
        for text in texts:
            await self.api.add_message("alice", session.session_id, MessageRole.USER, text)
        await self.api.process("alice", session.session_id)
        await self.settled()
        return session.session_id

    async def settled(self) -> None:
        await self.api.wait_until_processed(timeout_s=20)

    async def conflict(self) -> MergeConflictModel:
        (found,) = (await self.api.list_merge_conflicts("alice")).items
        return found

    async def answer(
        self, conflict: MergeConflictModel, *choices: int | str, message: str | None = None
    ) -> MergeConflictModel:
        """Answer the questions in order, each by an option or its number; wait for the result."""
        answers = [
            MergeConflictAnswer(
                asked.question,
                choice if isinstance(choice, str) else asked.options[choice],
                message,
            )
            for asked, choice in zip(conflict.clarifying_questions, choices, strict=True)
        ]
        queued = await self.api.resolve_merge_conflict("alice", conflict.id, answers)
        assert queued.status is MergeConflictStatus.IN_QUEUE
        assert (queued.resolved_at, queued.new_memories) == (None, None)
        await self.settled()
        return await self.api.get_merge_conflict("alice", conflict.id)

    async def memories(self) -> list[UserMemoryItem]:
        return (await self.api.list_memories("alice", limit=200)).items

    async def contents(self) -> set[str]:
        return {item.content for item in await self.memories()}


@pytest.fixture
async def life(path: Path, settings: Settings, clock: Clock) -> AsyncIterator[Life]:
    inference = BrokenInference()
    system = await open_system(
        path, settings, Parts(HashEmbedder(), inference, clock, statement_model=PlainModel())
    )
    found = Life(system, inference)
    await found.api.create_user("alice", merge_conflict_enabled=True)
    yield found
    await system.close()


@pytest.fixture
async def born(life: Life) -> Life:
    """A life with two dates of birth, of which one waits."""
    await life.tell(OLD)
    await life.tell("Good morning!", NEW, day=30)
    return life


async def test_a_conflict_waits_with_its_question_and_changes_nothing(born: Life) -> None:
    conflict = await born.conflict()
    assert conflict.status is MergeConflictStatus.PENDING
    assert (conflict.new_memories, conflict.resolution_data) == (None, None)
    (contradicted,) = conflict.conflicting_memories
    assert contradicted.reason == "Both name a date of birth, and not the same."
    (asked,) = conflict.clarifying_questions
    assert asked.question.startswith("When were you born? What was noted on 5 January 2025, ")
    assert asked.options == [contradicted.content, conflict.proposed_memory_content, NEITHER]
    (held,) = await born.memories()
    assert held.memory_id == contradicted.memory_id
    assert held.merge_conflict_in_progress


async def test_the_proposed_statement_takes_the_place_of_the_held_one(born: Life) -> None:
    before = await born.conflict()
    (old,) = await born.memories()
    done = await born.answer(before, 1)
    assert done.status is MergeConflictStatus.RESOLVED
    assert done.resolved_at is not None
    (new,) = await born.memories()
    assert new.content == before.proposed_memory_content
    assert (new.version_number, new.total_versions) == (2, 2)
    assert not new.merge_conflict_in_progress
    assert (new.session_id, new.created_at) == (
        before.project_user_session_id,
        DAY + timedelta(days=30),
    )
    assert new.evidence == (Evidence(before.project_user_session_id, 1),)
    assert done.new_memories is not None
    assert [item.memory_id for item in done.new_memories] == [new.memory_id]
    assert done.resolution_data == {
        "question_answers": [
            {
                "question": before.clarifying_questions[0].question,
                "answer": before.proposed_memory_content,
                "message": None,
            }
        ]
    }
    expired = await born.api.get_memory("alice", old.memory_id)
    assert expired.expiration_reason is ExpirationReason.MERGE_CONFLICT
    assert expired.merge_conflict_id == done.id
    assert expired.expired_at is not None
    assert new.previous_versions is not None
    assert new.previous_versions[0].merge_conflict_id == done.id


async def test_the_held_statement_stays(born: Life) -> None:
    (old,) = await born.memories()
    done = await born.answer(await born.conflict(), 0)
    (item,) = await born.memories()
    assert (item.memory_id, item.merge_conflict_in_progress) == (old.memory_id, False)
    assert (done.status, done.new_memories) == (MergeConflictStatus.RESOLVED, [])


async def test_both_statements_stand_beside_each_other(life: Life) -> None:
    await life.tell("I live in Porto. I live in Lisbon.")
    await life.answer(await life.conflict(), BOTH)
    assert await life.contents() == {"User lives in Porto", "User lives in Lisbon"}
    for item in await life.memories():
        assert item.connected_memories is not None
        assert len(item.connected_memories) == 1


async def test_neither_statement_leaves_an_expired_version_without_successor(born: Life) -> None:
    (old,) = await born.memories()
    done = await born.answer(await born.conflict(), NEITHER)
    assert await born.memories() == []
    assert done.new_memories == []
    expired = await born.api.get_memory("alice", old.memory_id)
    assert (expired.version_number, expired.total_versions) == (1, 1)
    assert expired.expiration_reason is ExpirationReason.MERGE_CONFLICT
    assert expired.merge_conflict_id == done.id
    # What is told about it later starts afresh.
    await born.tell("I was born on 9 May 1990.", day=60)
    assert [item.version_number for item in await born.memories()] == [1]


async def test_a_message_says_how_it_is_in_truth(born: Life, clock: Clock) -> None:
    (old,) = await born.memories()
    done = await born.answer(
        await born.conflict(), NEITHER, message="Neither. I was born on 9 May 1990."
    )
    (item,) = await born.memories()
    assert item.content == "User was born on 9 May 1990"
    assert (item.version_number, item.total_versions) == (2, 2)
    assert item.created_at.date() == clock().date()
    assert item.evidence == ()
    assert done.new_memories is not None
    assert [new.content for new in done.new_memories] == [item.content]
    assert (await born.api.get_memory("alice", old.memory_id)).merge_conflict_id == done.id


async def test_a_message_adds_to_the_answer_or_is_only_kept_with_it(born: Life) -> None:
    done = await born.answer(await born.conflict(), 1, message="Sure. I have two cats.")
    assert "User has two cats" in await born.contents()
    assert done.new_memories is not None
    assert len(done.new_memories) == 2
    assert done.resolution_data is not None
    assert done.resolution_data["question_answers"][0]["message"] == "Sure. I have two cats."


async def test_what_was_connected_stays_connected(life: Life) -> None:
    await life.tell("My sister is called Ana. I live with my sister Ana in Porto.")
    await life.tell(OLD, NEW, day=1)
    conflict = await life.conflict()
    before = await life.api.get_memory("alice", conflict.conflicting_memories[0].memory_id)
    await life.answer(conflict, 1)
    (new,) = [item for item in await life.memories() if "born" in item.content]
    assert {one.memory_id for one in before.connected_memories or ()} <= {
        one.memory_id for one in new.connected_memories or ()
    }


async def test_a_context_shows_what_came_out(born: Life) -> None:
    conflict = await born.conflict()

    async def context() -> str:
        session = await born.api.create_session("alice")
        await born.api.add_message(
            "alice", session.session_id, MessageRole.USER, "When is my birthday?"
        )
        found = await born.api.get_context("alice", session.session_id, ContextRequest())
        await born.api.delete_session("alice", session.session_id)
        return found.context or ""

    question = conflict.clarifying_questions[0].question
    assert question in await context()
    await born.answer(conflict, 1)
    told = await context()
    assert question not in told
    assert "4 June 1990" in told


async def test_a_memory_deleted_meanwhile_does_not_come_back(born: Life) -> None:
    (old,) = await born.memories()
    conflict = await born.conflict()
    report = await born.api.delete_memory("alice", old.memory_id)
    assert report.merge_conflicts == 1
    # No question is left, so what was proposed is weighed anew by itself.
    await born.api.wait_until_processed(timeout_s=20)
    assert await born.contents() == {conflict.proposed_memory_content}
    done = await born.api.get_merge_conflict("alice", conflict.id)
    assert done.status is MergeConflictStatus.RESOLVED
    assert (done.conflicting_memories, done.clarifying_questions) == ([], [])


async def test_a_memory_superseded_meanwhile_is_judged_by_what_it_says_now(life: Life) -> None:
    await life.tell("I live in Porto. I live in Lisbon.")
    conflict = await life.conflict()
    await life.tell("I moved to Faro.", day=30)
    await life.answer(conflict, 1)
    (item,) = await life.memories()
    assert "Faro" in item.content
    assert item.total_versions == 3


async def test_the_deletion_of_its_session_takes_a_conflict_with_it(born: Life) -> None:
    conflict = await born.conflict()
    await born.api.delete_session("alice", conflict.project_user_session_id)
    with pytest.raises(MergeConflictNotFoundError):
        await born.api.get_merge_conflict("alice", conflict.id)
    (held,) = await born.memories()
    assert not held.merge_conflict_in_progress


@pytest.mark.parametrize(("choice", "left"), [(1, 1), (2, 0)])
async def test_a_deleted_session_leaves_no_version_with_its_conflict(
    born: Life, choice: int, left: int
) -> None:
    (old,) = await born.memories()
    conflict = await born.answer(await born.conflict(), choice)
    await born.api.delete_session("alice", conflict.project_user_session_id)
    assert len(await born.memories()) == left
    assert (await born.api.get_memory("alice", old.memory_id)).merge_conflict_id is None


async def test_the_same_contradiction_is_not_asked_about_twice(born: Life) -> None:
    await born.tell(NEW, day=60)
    conflict = await born.conflict()
    await born.answer(conflict, 0)
    await born.tell(NEW, day=90)
    assert (await born.api.list_merge_conflicts("alice")).total == 2


async def test_two_conflicts_about_one_memory_are_settled_one_after_the_other(born: Life) -> None:
    await born.tell("I was born on 7 July 1990.", day=60)
    second, first = (await born.api.list_merge_conflicts("alice")).items
    await born.answer(first, 1)
    await born.answer(second, 1)
    (item,) = await born.memories()
    assert "7 July" in item.content
    assert item.total_versions == 3


async def test_one_of_two_answers_at_once_is_taken(born: Life) -> None:
    conflict = await born.conflict()
    (asked,) = conflict.clarifying_questions

    async def answer(choice: int) -> MergeConflictModel:
        given = [MergeConflictAnswer(asked.question, asked.options[choice])]
        return await born.api.resolve_merge_conflict("alice", conflict.id, given)

    outcomes = await asyncio.gather(*(answer(n % 3) for n in range(6)), return_exceptions=True)
    refused = [one for one in outcomes if isinstance(one, MergeConflictAlreadyResolvedError)]
    assert len(refused) == 5
    assert refused[0].message == f"Merge conflict {conflict.id} is already resolved"
    await born.settled()
    assert (await born.conflict()).status is MergeConflictStatus.RESOLVED


async def test_wrong_answers_are_refused_and_change_nothing(born: Life) -> None:
    conflict = await born.conflict()
    (asked,) = conflict.clarifying_questions
    right = MergeConflictAnswer(asked.question, asked.options[0])
    wrong: Sequence[tuple[type[Exception], list[MergeConflictAnswer]]] = [
        (MergeConflictInvalidQuestionsError, [right, MergeConflictAnswer("Why?", "a")]),
        (MergeConflictMissingAnswersError, []),
        (MergeConflictInvalidAnswerError, [MergeConflictAnswer(asked.question, "perhaps")]),
        (ValidationError, [right, right]),
    ]
    for kind, given in wrong:
        with pytest.raises(kind):
            await born.api.resolve_merge_conflict("alice", conflict.id, given)
    assert await born.conflict() == conflict
    with pytest.raises(MergeConflictNotFoundError):
        await born.api.resolve_merge_conflict("alice", "nothing", [right])
    with pytest.raises(UserNotFoundError):
        await born.api.resolve_merge_conflict("bruno", conflict.id, [right])
    await born.answer(conflict, 0)
    # The state comes before the questions.
    with pytest.raises(MergeConflictAlreadyResolvedError):
        await born.api.resolve_merge_conflict("alice", conflict.id, [])


async def test_a_failure_is_tried_again(born: Life) -> None:
    born.inference.failures_left = 2
    done = await born.answer(await born.conflict(), 1)
    assert (done.status, done.failure_reason) == (MergeConflictStatus.RESOLVED, None)
    assert len(await born.memories()) == 1


async def test_what_fails_for_good_says_why_and_can_be_tried_again(born: Life) -> None:
    (old,) = await born.memories()
    born.inference.failures_left = Settings().max_failures
    failed = await born.answer(await born.conflict(), 1)
    assert failed.status is MergeConflictStatus.FAILED
    assert failed.failure_reason == "ValueError: an unexpected error; the log has the details"
    (held,) = await born.memories()
    assert (held.memory_id, held.merge_conflict_in_progress) == (old.memory_id, True)
    again = await born.system.admin.retry_merge_conflict(DEFAULT_PROJECT_ID, "alice", failed.id)
    assert (again.status, again.failure_reason) == (MergeConflictStatus.IN_QUEUE, None)
    await born.settled()
    assert (await born.conflict()).status is MergeConflictStatus.RESOLVED
    with pytest.raises(MergeConflictAlreadyResolvedError):
        await born.system.admin.retry_merge_conflict(DEFAULT_PROJECT_ID, "alice", failed.id)


async def test_conflicts_are_listed_by_state_and_date(born: Life) -> None:
    await born.tell("I was born on 7 July 1990.", day=60)
    await born.tell("I was born on 8 August 1990.", day=61)
    third, second, first = (await born.api.list_merge_conflicts("alice")).items
    await born.answer(second, 0)
    await born.answer(first, 0)

    async def listed(**named: Any) -> list[str]:
        return [one.id for one in (await born.api.list_merge_conflicts("alice", **named)).items]

    assert await listed(sort_order="asc") == [first.id, second.id, third.id]
    assert await listed(sort_by="resolved_at") == [first.id, second.id, third.id]
    assert await listed(sort_by="resolved_at", sort_order="asc") == [second.id, first.id, third.id]
    assert await listed(status=MergeConflictStatus.PENDING) == [third.id]
    wrong: Mapping[str, str] = {"sort_by": "id", "sort_order": "up", "status": "pending"}
    for name, value in wrong.items():
        with pytest.raises(ValidationError, match=name):
            await listed(**{name: value})


async def test_the_rows_of_a_settlement_go_with_the_user(born: Life, path: Path) -> None:
    await born.answer(await born.conflict(), 1)
    await born.api.delete_user("alice")
    for table in ("merge_conflicts", "merge_conflict_memories", "merge_conflict_new_memories"):
        assert databases.count(path, table) == 0
