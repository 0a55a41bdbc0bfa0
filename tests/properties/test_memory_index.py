"""A memory index that grew step by step recalls exactly what one built from scratch does."""

import asyncio
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.conftest import Clock
from tests.fakes import HashEmbedder

from hitherto import MessageRole, RecallStrategy, SessionStatus, Settings
from hitherto.api import ContextRequest
from hitherto.engine import DEFAULT_PROJECT_ID, Engine, Resources, prepare
from hitherto.inference import LocalInference
from hitherto.memory_index import IndexCache, UserIndex
from hitherto.models import ContextResponse
from hitherto.store import Store, open_database
from hitherto.system import EmbeddedEngine, System

USERS = ("alice", "bruno")
SAID = (
    "I live in Porto.",
    "I moved to Lisbon last Friday.",
    "I moved to Berlin in May.",
    "My sister Ana lives in Berlin.",
    "My sister Ana moved to Rome.",
    "My sister Ana plays the cello.",
    "My sister Ana has a dog called Rex.",
    "My sister Ana is allergic to peanuts.",
    "I have two cats.",
    "I work as a nurse at the Santa Maria hospital.",
    "I quit my job and work as a teacher now.",
    "My dog is called Rex and he is afraid of thunder.",
    "I am allergic to peanuts.",
    "On 3 May 2024 I ran a marathon with Ana. It rained all day and I loved it.",
    "What should I cook tonight?",
)
QUESTIONS = ("Where does Ana live now?", "What changed about my work?", "How many pets do I have?")
FIRST_DAY = datetime(2024, 2, 1, tzinfo=UTC)
DIMENSION = 64

users = st.sampled_from(USERS)
added = st.tuples(
    st.just("tell"),
    users,
    st.lists(st.sampled_from(SAID), min_size=1, max_size=3),
    st.integers(0, 300),
)
deleted = st.tuples(
    st.sampled_from(("delete memory", "delete history", "delete session")),
    users,
    st.integers(0, 1_000),
)
looked = st.tuples(st.just("look"), users)
steps = st.lists(st.one_of(added, added, deleted, looked), min_size=3, max_size=9)


@dataclass
class Memory:
    """Engines over one store: each keeps its indexes in another way."""

    worker: EmbeddedEngine
    resources: Resources
    patient: Engine
    forgetful: Engine
    questions: dict[str, list[str]]

    def afresh(self, limit_bytes: int = 2**30) -> Engine:
        """An engine over the same store that has seen nothing yet."""
        index_cache = IndexCache(limit_bytes)
        return Engine(replace(self.resources, index_cache=index_cache))


async def opened() -> Memory:
    ids = iter(range(1_000_000))
    resources = Resources(
        store=Store(open_database(":memory:")),
        embedder=HashEmbedder(DIMENSION),
        inference=LocalInference(),
        index_cache=IndexCache(2**30),
        settings=Settings(),
        clock=Clock(),
        # Like a UUID, an id says nothing about when it was given.
        new_id=lambda: f"{zlib.crc32(str(next(ids)).encode()):010}",
    )
    await prepare(resources, DEFAULT_PROJECT_ID)
    system = System(resources)
    worker = EmbeddedEngine(system)
    system.start()
    questions: dict[str, list[str]] = {}
    for name in USERS:
        await worker.create_user(name)
        for question in QUESTIONS:
            session = await worker.create_session(name)
            await worker.add_message(name, session.session_id, MessageRole.USER, question)
            questions.setdefault(name, []).append(session.session_id)
    memory = Memory(worker, resources, worker, worker, questions)
    memory.patient, memory.forgetful = memory.afresh(), memory.afresh(limit_bytes=1)
    return memory


async def take(memory: Memory, step: tuple[object, ...]) -> None:
    """Make a change of the memory; a deletion without a target changes nothing."""
    match step:
        case ("tell", str(name), list(texts), int(day)):
            session = await memory.worker.create_session(
                name, custom_created_at_utc=FIRST_DAY + timedelta(days=day)
            )
            for text in texts:
                await memory.worker.add_message(
                    name, session.session_id, MessageRole.USER, str(text)
                )
                await memory.worker.add_message(
                    name, session.session_id, MessageRole.ASSISTANT, "I see, tell me more."
                )
            await memory.worker.process(name, session.session_id)
            await memory.worker.wait_until_processed(timeout_s=20)
        case ("delete session", str(name), int(choice)):
            page = await memory.worker.list_sessions(
                name, limit=100, status_filter=[SessionStatus.PROCESSED]
            )
            if page.items:
                chosen = page.items[choice % len(page.items)]
                await memory.worker.delete_session(name, chosen.session_id)
        case (str(kind), str(name), int(choice)):
            items = (await memory.worker.list_memories(name, limit=200)).items
            if items:
                await memory.worker.delete_memory(
                    name,
                    items[choice % len(items)].memory_id,
                    delete_previous_versions=kind == "delete history",
                )


async def contexts(engine: Engine, memory: Memory, name: str) -> list[ContextResponse]:
    """Return the contexts for the user's questions, with every strategy."""
    return [
        await engine.get_context(
            name,
            session_id,
            ContextRequest(
                strategy,
                memories_threshold=0.2,
                summaries_threshold=0.2,
                last_n_summaries=3,
                include_metadata_ids=True,
            ),
        )
        for session_id in memory.questions[name]
        for strategy in (RecallStrategy.BALANCED, RecallStrategy.AGENTIC)
    ]


async def user_index(engine: Engine, name: str) -> UserIndex:
    resources = engine._resources
    user_id, delta = await resources.store.read(
        lambda tx: (
            tx.users(DEFAULT_PROJECT_ID).user(name).user_id,
            resources.index_cache.delta(tx.users(DEFAULT_PROJECT_ID).user(name)),
        )
    )
    return resources.index_cache.refresh(user_id, delta)


async def compare(memory: Memory, name: str) -> None:
    fresh = memory.afresh()
    expected = await contexts(fresh, memory, name)
    built = await user_index(fresh, name)
    for engine in (memory.patient, memory.worker, memory.forgetful):
        assert await contexts(engine, memory, name) == expected
        grown = await user_index(engine, name)
        assert grown.revision == built.revision
        assert grown.sessions == built.sessions
        assert grown.memory_ids == built.memory_ids
        assert grown.versions == built.versions
        assert grown.connections == built.connections
        assert grown.session_memories == built.session_memories
        assert (grown.memories.vectors.floats() == built.memories.vectors.floats()).all()
        assert (grown.memories.current == built.memories.current).all()
        assert (
            grown.messages.chunk_vectors.floats() == built.messages.chunk_vectors.floats()
        ).all()
        assert grown.message_sessions == built.message_sessions


@given(steps)
@example(
    [
        step
        for number, text in enumerate(text for text in SAID if "My sister Ana" in text)
        for step in (("tell", "alice", [text], number), ("look", "alice"))
    ]
)
@settings(max_examples=20)
def test_a_grown_index_recalls_what_a_fresh_one_does(
    taken: list[tuple[object, ...]],
) -> None:
    async def run() -> None:
        memory = await opened()
        try:
            for step in (*taken, *(("look", name) for name in USERS)):
                if step[0] == "look":
                    await compare(memory, str(step[1]))
                else:
                    await take(memory, step)
        finally:
            await memory.worker.close()

    asyncio.run(run())
