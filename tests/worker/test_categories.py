"""Categories and preferences of a project, as processing applies them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Clock
from tests.fakes import HashEmbedder

from hitherto import Parts, Settings
from hitherto.admin_api import AdminApi
from hitherto.api import MemoryApi
from hitherto.core.reconciliation.categories import EmbeddedCategory
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.inference import LocalInference
from hitherto.models import (
    GenerationPreferences,
    MergeConflictAnswer,
    MessageRole,
    UserMemoryItem,
)
from hitherto.system import open_system


class WordInference(LocalInference):
    """Inference whose categories are named in the content; waits for a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.reached = asyncio.Event()
        self.vectors: dict[str, Any] = {}

    async def categorise(
        self, contents: Sequence[str], vectors: Any, categories: Sequence[EmbeddedCategory]
    ) -> list[list[str]]:
        assert len(contents) == len(vectors)
        self.vectors.update({category.category.name: category.vector for category in categories})
        self.reached.set()
        await self.gate.wait()
        names = [category.category.name for category in categories]
        categories_of = [[name for name in names if name in text.split()] for text in contents]
        return [[*names, "a name of its own"] for names in categories_of]


class Service:
    """A memory with its administration."""

    def __init__(self, api: MemoryApi, admin: AdminApi, inference: WordInference) -> None:
        self.api, self.admin, self.inference = api, admin, inference

    async def category(self, name: str) -> str:
        made = await self.admin.create_category(DEFAULT_PROJECT_ID, name)
        return made.category_id

    async def begin(self, text: str, day: int = 1) -> None:
        session = await self.api.create_session(
            "alice", custom_created_at_utc=datetime(2024, 1, day, tzinfo=UTC)
        )
        await self.api.add_message("alice", session.session_id, MessageRole.USER, text)
        await self.api.process("alice", session.session_id)

    async def add_session(self, text: str, day: int = 1) -> None:
        await self.begin(text, day)
        await self.api.wait_until_processed(timeout_s=20)

    async def memories(self) -> dict[str, UserMemoryItem]:
        return {item.content: item for item in (await self.api.list_memories("alice")).items}


@pytest.fixture
async def service(path: Path, settings: Settings, clock: Clock) -> AsyncIterator[Service]:
    inference = WordInference()
    system = await open_system(path, settings, Parts(HashEmbedder(), inference, clock))
    api = system.engine(DEFAULT_PROJECT_ID)
    await api.create_user("alice", merge_conflict_enabled=True)
    yield Service(api, system.admin, inference)
    inference.gate.set()
    await system.close()


async def test_new_memories_get_categories_and_old_ones_do_not(service: Service) -> None:
    await service.add_session("I have two cats.")
    await service.category("cats")
    await service.category("dogs")
    await service.add_session("I have three dogs. I live in Porto.", day=2)
    categories_of = {
        content: item.categories for content, item in (await service.memories()).items()
    }
    assert categories_of == {
        "User has two cats": [],
        "User has three dogs": ["dogs"],
        "User lives in Porto": [],
    }


async def test_each_version_has_categories_of_its_own(service: Service) -> None:
    await service.category("Porto")
    await service.category("Lisbon")
    await service.add_session("I live in Porto.", day=1)
    (old,) = (await service.memories()).values()
    await service.add_session("I moved to Lisbon.", day=9)
    (new,) = (await service.memories()).values()
    assert new.categories == ["Lisbon"]
    assert (await service.api.get_memory("alice", old.memory_id)).categories == ["Porto"]


async def test_what_settling_a_conflict_brings_has_categories(service: Service) -> None:
    await service.category("June")
    await service.category("cats")
    await service.add_session("I was born on 3 May 1990.", day=1)
    await service.add_session("I was born on 4 June 1990.", day=2)
    (conflict,) = (await service.api.list_merge_conflicts("alice")).items
    (clarifying,) = conflict.clarifying_questions
    answers = [MergeConflictAnswer(clarifying.question, clarifying.options[1], "I have two cats.")]
    await service.api.resolve_merge_conflict("alice", conflict.id, answers)
    await service.api.wait_until_processed(timeout_s=20)
    categories_of = {
        content: item.categories for content, item in (await service.memories()).items()
    }
    assert categories_of == {
        "User was born on 4 June 1990": ["June"],
        "User has two cats": ["cats"],
    }


async def test_a_category_deleted_in_mid_work_is_left_out(service: Service) -> None:
    cats = await service.category("cats")
    await service.category("two")
    service.inference.gate.clear()
    await service.begin("I have two cats.")
    await asyncio.wait_for(service.inference.reached.wait(), 20)
    await service.admin.delete_category(DEFAULT_PROJECT_ID, cats)
    service.inference.gate.set()
    await service.api.wait_until_processed(timeout_s=20)
    assert (await service.memories())["User has two cats"].categories == ["two"]


async def test_a_changed_description_is_embedded_anew(service: Service) -> None:
    cats = await service.category("cats")
    await service.add_session("I have two cats.")
    before = service.inference.vectors["cats"]
    await service.admin.update_category(DEFAULT_PROJECT_ID, cats, description="pets that purr")
    await service.add_session("I have three dogs.", day=2)
    after = service.inference.vectors["cats"]
    assert before.shape == after.shape
    assert (before != after).any()


async def test_an_example_of_what_not_to_keep_is_not_kept(service: Service) -> None:
    unwanted = GenerationPreferences(negative_examples=("User has two cats.",))
    await service.admin.replace_generation_preferences(DEFAULT_PROJECT_ID, unwanted)
    await service.add_session("I have two cats. I live in Porto.")
    assert set(await service.memories()) == {"User lives in Porto"}
