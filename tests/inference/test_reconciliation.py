"""New statements weighed by a model against the memories near them, over real HTTP."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.inference.scripted_sessions import (
    FRIDAY,
    add_session,
    contents,
    decisions_reply,
    memories_reply,
    memory,
    opened,
    stored,
)
from tests.scripted_model import Chats, Fails, ModelRequest, Refuses, Reply, ScriptedModel, Waits

from hitherto import (
    ExpirationReason,
    MergeConflictAnswer,
    MergeConflictStatus,
    SessionStatus,
)
from hitherto.inference.tasks.reconciliation import BATCH, MOST_HELD

LATER = FRIDAY + timedelta(days=30)
HELD = re.compile(r"^(\d+)\. \(said .*?\) (.*)$", re.MULTILINE)


def decision(new: int, action: str, *about: int, **further: Any) -> dict[str, Any]:
    return {"new": new, "action": action, "about": list(about), "reason": f"it is {action}"} | (
        further
    )


async def first(client: Any, user: Any, model: ScriptedModel) -> None:
    model.will(memories_reply(memory("User works at the Siemens plant")))
    await add_session(client, user, "I work at the Siemens plant.")


async def second(
    client: Any, user: Any, model: ScriptedModel, *replies: Reply, at: Any = LATER
) -> Any:
    model.will(memories_reply(memory("User works at the bakery in Porto")), *replies)
    return await add_session(client, user, "I work at the bakery in Porto.", at=at)


async def test_a_change_supersedes_what_it_ends(path: Path, model: ScriptedModel) -> None:
    async with opened(path, model) as client:
        user = await client.create_user("alice")
        await first(client, user, model)
        await second(client, user, model, decisions_reply(decision(2, "temporal_conflict", 1)))
        item = (await user.list_memories()).items[0]
        assert (item.content, item.total_versions) == ("User works at the bakery in Porto", 2)
        before = item.previous_versions[0]
        assert before.expiration_reason is ExpirationReason.TEMPORAL_CONFLICT
    content = model.requests[2].content
    assert HELD.findall(content) == [
        ("1", "User works at the Siemens plant"),
        ("2", "User works at the bakery in Porto"),
    ]
    # No id of ours leaves the house.
    assert before.memory_id not in content


async def test_a_repetition_adds_its_evidence_and_nothing_else(
    path: Path, model: ScriptedModel
) -> None:
    async with opened(path, model) as client:
        user = await client.create_user("alice")
        await first(client, user, model)
        session = await second(client, user, model, decisions_reply(decision(2, "ignore", 1)))
        item = (await user.list_memories()).items[0]
        assert (item.content, item.total_versions) == ("User works at the Siemens plant", 1)
        assert session.session_id in {evidence.session_id for evidence in item.evidence}


async def test_a_session_told_late_comes_before_what_replaced_it(
    path: Path, model: ScriptedModel
) -> None:
    async with opened(path, model) as client:
        user = await client.create_user("alice")
        await first(client, user, model)
        earlier = FRIDAY - timedelta(days=400)
        await second(
            client, user, model, decisions_reply(decision(2, "temporal_conflict", 1)), at=earlier
        )
        item = (await user.list_memories()).items[0]
        assert (item.content, item.total_versions) == ("User works at the Siemens plant", 2)
        assert item.previous_versions[0].content == "User works at the bakery in Porto"


async def test_a_contradiction_without_questions_supersedes_and_leaves_no_record(
    path: Path, model: ScriptedModel
) -> None:
    async with opened(path, model) as client:
        user = await client.create_user("alice")
        await first(client, user, model)
        await second(client, user, model, decisions_reply(decision(2, "merge_conflict", 1)))
        before = (await user.list_memories()).items[0].previous_versions[0]
        assert before.expiration_reason is ExpirationReason.MERGE_CONFLICT
        assert before.merge_conflict_id is None
        assert (await user.list_merge_conflicts()).total == 0


async def test_a_contradiction_is_asked_about_and_the_answer_settles_it(
    path: Path, model: ScriptedModel
) -> None:
    async with opened(path, model) as client:
        user = await client.create_user("alice", merge_conflict_enabled=True)
        await first(client, user, model)
        await second(client, user, model, decisions_reply(decision(2, "merge_conflict", 1)))
        assert await contents(user) == ["User works at the Siemens plant"]
        conflict = (await user.list_merge_conflicts()).conflicts[0]
        assert conflict.proposed_memory_content == "User works at the bakery in Porto"
        assert [item.reason for item in conflict.conflicting_memories] == ["it is merge_conflict"]
        model_request = conflict.clarifying_questions[0]
        assert model_request.options[:2] == [
            "User works at the Siemens plant",
            "User works at the bakery in Porto",
        ]
        model.will(memories_reply(memory("User starts work at five")))
        answer = MergeConflictAnswer(
            model_request.question, model_request.options[1], "I start work at five."
        )
        await conflict.resolve([answer])
        await client.wait_until_processed(timeout_s=20)
        await conflict.refresh()
        assert conflict.status is MergeConflictStatus.RESOLVED
        assert sorted(await contents(user)) == [
            "User starts work at five",
            "User works at the bakery in Porto",
        ]


MERGED = "User works at the Siemens plant and at the bakery in Porto"


@pytest.mark.parametrize(
    "bad",
    [
        decisions_reply(decision(2, "addition", 1, merged="User works at the Siemens plant")),
        decisions_reply(decision(2, "addition", 1, merged=f"{MERGED} since 2019")),
        decisions_reply(decision(2, "addition", 1, merged=f"{MERGED} in Spain")),
        decisions_reply(decision(2, "addition", 1)),
        decisions_reply(decision(2, "addition", 1, 2, merged=MERGED)),
        decisions_reply(decision(2, "temporal_conflict", 9)),
        decisions_reply(decision(2, "temporal_conflict", 2)),
        decisions_reply(decision(2, "ignore")),
        decisions_reply(decision(7, "insert")),
        decisions_reply(),
    ],
)
async def test_what_cannot_be_carried_out_is_repaired_or_else_inserted(
    path: Path, model: ScriptedModel, bad: Reply
) -> None:
    async with opened(path, model) as client:
        user = await client.create_user("alice")
        await first(client, user, model)
        await second(client, user, model, bad, bad, bad)
        assert sorted(await contents(user)) == [
            "User works at the Siemens plant",
            "User works at the bakery in Porto",
        ]
        assert len(model.requests) == 5
        bob = await client.create_user("bob")
        await first(client, bob, model)
        good = decisions_reply(decision(2, "addition", 1, merged=MERGED))
        await second(client, bob, model, bad, good)
        assert len(model.requests) == 9
        assert "bakery" in " ".join(await contents(bob))


async def test_an_addition_says_what_both_said(path: Path, model: ScriptedModel) -> None:
    async with opened(path, model) as client:
        user = await client.create_user("alice")
        await first(client, user, model)
        await second(
            client, user, model, decisions_reply(decision(2, "addition", 1, merged=MERGED))
        )
        item = (await user.list_memories()).items[0]
        assert (item.content, item.total_versions) == (MERGED, 2)


async def test_a_statement_may_build_on_an_earlier_one_of_its_session(
    path: Path, model: ScriptedModel
) -> None:
    model.will(
        memories_reply(
            memory("User has a dog named Rex", 1), memory("User has a dog named Rex, too", 3)
        ),
        decisions_reply(decision(1, "insert"), decision(2, "ignore", 1)),
    )
    async with opened(path, model) as client:
        user = await client.create_user("alice")
        await add_session(
            client, user, "I have a dog named Rex.", "Oh!", "Yes, a dog named Rex, too."
        )
        item = (await user.list_memories()).items[0]
        assert [evidence.position for evidence in item.evidence] == [0, 2]
        assert await contents(user) == ["User has a dog named Rex"]


@pytest.mark.parametrize("reply", [Chats("no"), Refuses(), Fails(500), Fails(429), Waits()])
async def test_a_failure_leaves_the_store_as_it_was(
    path: Path, model: ScriptedModel, reply: Reply
) -> None:
    async with opened(path, model, model_timeout_s=0.3) as client:
        user = await client.create_user("alice")
        await first(client, user, model)
        before = stored(path)
        model.otherwise = reply
        session = await second(client, user, model)
        assert session.status is SessionStatus.FAILED
        assert "openai:scripted" in session.failure_reason
        assert stored(path) == before


async def test_no_prompt_grows_with_what_is_remembered(path: Path, model: ScriptedModel) -> None:
    """Compare length and number of requests with eight times as many memories."""
    words = (
        *("red", "blue", "green", "grey", "pink", "gold", "lime", "navy"),
        *("teal", "plum", "rust", "sand", "jade", "ruby", "onyx", "mint"),
    )

    def answered(model_request: ModelRequest) -> Reply:
        if "New statements:" in model_request.content:
            numbers = HELD.findall(model_request.content.partition("New statements:")[2])
            return decisions_reply(*(decision(int(number), "insert") for number, _ in numbers))
        day = model_request.content.split(" box of ")[1].split(".")[0]
        return memories_reply(*(memory(f"User owns a {word} box of {day}") for word in words))

    model.otherwise = answered
    sizes: list[list[int]] = []
    async with opened(path, model) as client:
        user = await client.create_user("alice")
        for round_ in range(8):
            asked_before = len(model.requests)
            text = " ".join(f"I own a {word} box of paint{round_}." for word in words)
            session = await add_session(client, user, text, at=FRIDAY + timedelta(days=round_))
            assert session.status is SessionStatus.PROCESSED
            sizes.append([model_request.tokens for model_request in model.requests[asked_before:]])
        assert len(await contents(user)) == 8 * len(words)
    weighing = [
        model_request.content
        for model_request in model.requests
        if "New statements:" in model_request.content
    ]
    for content in weighing:
        existing, _, new = content.partition("New statements:")
        assert len(HELD.findall(existing)) <= MOST_HELD
        assert len(HELD.findall(new)) <= BATCH
    assert {len(size) for size in sizes} == {3}
    assert max(max(size) for size in sizes[4:]) <= max(sizes[3]) * 1.05
