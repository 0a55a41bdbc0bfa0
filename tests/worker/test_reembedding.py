"""Changes of the embedder during reads and writes, interrupted at any point."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from click.testing import Result
from tests import databases
from tests.conftest import Clock
from tests.databases import SQLITE, NewDatabase, rows
from tests.embedding.endpoint import Answer, Endpoint, right
from tests.fakes import HashEmbedder
from tests.statement_models import PlainModel
from typer.testing import CliRunner

from hitherto import AsyncHitherto, Parts, RecallStrategy, SessionStatus, Settings
from hitherto.background.reembedding import Phase, Progress, Reembedding, cancel
from hitherto.cli import app
from hitherto.core.recall import passages, query_plan, ranking
from hitherto.core.recall.calibration import Calibration, probe_texts
from hitherto.core.text.quotation import said_words
from hitherto.embedding import Embedder, EmbedderIdentity
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.errors import EmbedderChangedError, EmbedderError
from hitherto.inference import LocalInference
from hitherto.memory_index import IndexCache
from hitherto.models import Message, MessageRole
from hitherto.store import Store, Transaction, open_database
from hitherto.store.migrate import migrations
from hitherto.store.rows import to_bytes

T = TypeVar("T")

OLD, NEW, THIRD = HashEmbedder(64), HashEmbedder(32), HashEmbedder(48)
SAID = {
    "alice": [
        ["I live in Porto.", "My sister Ana plays the cello.", "I am allergic to peanuts."],
        [
            "I work as a nurse at the Santa Maria hospital. My shifts end at six.",
            "I have two cats.",
        ],
    ],
    "bruno": [["My dog is called Rex and he is afraid of thunder.", "I moved to Lisbon in May."]],
}
ALL_MEMORIES = "select * from memories"
PLACES = (
    *("harbour", "museum", "library", "market", "park", "garden"),
    *("bridge", "tower", "mill", "church", "pier"),
)
MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
QUESTION = "Where does my sister who plays the cello live, and what does my dog fear?"


class GoneError(Exception):
    """Simulated end of the process."""


class Failing(Store):
    """Store that fails before or after the n-th transaction of the embedders."""

    def __init__(self, path: Path, at: int, *, after: bool) -> None:
        super().__init__(open_database(path))
        self._left, self._after = at, after

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return await self._counted(super().read(work))

    async def write(self, work: Callable[[Transaction], T]) -> T:
        return await self._counted(super().write(work))

    async def _counted(self, transaction: Coroutine[Any, Any, T]) -> T:
        self._left -= 1
        if self._left == 0 and not self._after:
            transaction.close()
            raise GoneError
        response = await transaction
        if self._left == 0:
            raise GoneError
        return response


class Squeezed:
    """Finds everything alike: its cosines are those of another, brought nearer to 1."""

    def __init__(self, inner: HashEmbedder, share: float) -> None:
        self._inner, self._share = inner, share
        dimension = inner.identity.dimension + 1
        self.identity = EmbedderIdentity(f"squeezed-{share}", dimension, None)

    def embed(self, texts: Sequence[str]) -> Any:
        alike = np.full((len(texts), 1), np.sqrt(1 - self._share), np.float32)
        return np.hstack([np.float32(np.sqrt(self._share)) * self._inner.embed(texts), alike])

    def embed_query(self, text: str) -> Any:
        return self.embed([text])[0]

    def count_tokens(self, text: str) -> int:
        return self._inner.count_tokens(text)


class Named(HashEmbedder):
    """Embedder with the usual vectors under another name."""

    def __init__(self, name: str) -> None:
        super().__init__(64)
        self._identity = EmbedderIdentity(name, 64)


class Unreachable(HashEmbedder):
    """Embeds what is stored, and no question."""

    def embed_query(self, text: str) -> Any:
        raise EmbedderError("the line is dead")


@asynccontextmanager
async def opened(
    path: Path, settings: Settings, embedder: Embedder, following: Embedder | None = None
) -> AsyncIterator[AsyncHitherto]:
    parts = Parts(
        embedder=embedder,
        next_embedder=following,
        clock=Clock(),
        statement_model=PlainModel(),
    )
    async with AsyncHitherto(path, settings=settings, parts=parts) as memory:
        yield memory


@asynccontextmanager
async def store_of(path: Path) -> AsyncIterator[Store]:
    store = Store(open_database(path))
    try:
        await store.open()
        yield store
    finally:
        await store.close()


async def add_sessions(memory: AsyncHitherto, name: str, texts: Sequence[str]) -> Any:
    """A session of a user, due for processing."""
    existing = {user.user_id: user for user in (await memory.list_users()).users}
    user = existing.get(name) or await memory.create_user(name)
    session = await user.create_session(custom_created_at_utc=MONDAY)
    for text in texts:
        await session.add_message(MessageRole.USER, text)
    await session.process()
    return session


async def context(memory: AsyncHitherto, name: str = "alice", **named: Any) -> Any:
    """Return the context for a question, in a session that is deleted afterwards."""
    user = await memory.get_user(name)
    session = await user.create_session(auto_process_after_seconds=600)
    await session.add_message(MessageRole.USER, QUESTION)
    response = await session.get_context(**{"memories_threshold": 0.2} | named)
    await session.delete()
    return response


async def change(path: Path, embedder: Embedder) -> Calibration:
    async with store_of(path) as store:
        return await Reembedding(store, embedder).run()


def uncalibrate(path: Path) -> None:
    databases.change(path, "update embedders set scale = 1, shift = 0")


def embedders(path: Path) -> dict[str, str]:
    return {row["state"]: row["identity"] for row in rows(path, "select * from embedders")}


def expected(path: Path, embedder: Embedder) -> dict[tuple[Any, ...], bytes]:
    """By row, the vector that an embedder makes of its text."""
    texts: dict[tuple[Any, ...], str] = {}
    for row in rows(path, "select * from memories"):
        texts["memories", row["memory_id"]] = said_words(row["content"])
    for row in rows(path, "select * from summaries"):
        texts["summaries", row["session_id"]] = row["content"]
        messages = [
            Message(MessageRole(record["role"]), record["content"], MONDAY)
            for record in rows(path, "select * from messages order by position")
            if record["session_id"] == row["session_id"]
        ]
        for ordinal, cut in enumerate(passages.cut(messages)):
            texts["passages", row["session_id"], cut.position, ordinal] = cut.text
    return {key: to_bytes(embedder.embed_query(text)) for key, text in texts.items()}


def stored(path: Path, column: str) -> dict[tuple[Any, ...], bytes]:
    """By row, the vector of a slot; rows without one are left out."""
    keys = {
        "memories": ("memory_id",),
        "summaries": ("session_id",),
        "passages": ("session_id", "position", "ordinal"),
    }
    return {
        (table, *(row[name] for name in names)): row[column]
        for table, names in keys.items()
        for row in rows(path, f"select * from {table}")
        if row[column]
    }


def assert_all_of(path: Path, embedder: Embedder, slot: int) -> None:
    """Every vector is the embedder's, and no trace of another is left."""
    columns = ("vector", "second_vector")
    assert embedders(path) == {"current": str(embedder.identity)}
    assert stored(path, columns[slot]) == expected(path, embedder)
    assert stored(path, columns[1 - slot]) == {}


@pytest.fixture
async def filled(path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("hitherto.background.reembedding.BATCH", 4)
    monkeypatch.setattr("hitherto.background.reembedding.PAUSE_S", 0)
    async with opened(path, settings, OLD) as memory:
        for name, sessions in SAID.items():
            for texts in sessions:
                await add_sessions(memory, name, texts)
        await memory.wait_until_processed(timeout_s=20)
    return path


async def test_every_vector_is_made_anew_and_the_old_ones_go(
    filled: Path, settings: Settings
) -> None:
    assert_all_of(filled, OLD, 0)
    progress: list[Progress] = []
    async with store_of(filled) as store:
        await Reembedding(store, NEW, progress.append).run()
    assert_all_of(filled, NEW, 1)
    total = len(expected(filled, NEW))
    embedding = [step.done for step in progress if step.phase is Phase.EMBEDDING]
    assert embedding == sorted(embedding)
    assert (embedding[0], embedding[-1]) == (0, total)
    assert {step.total for step in progress if step.total} == {total}
    assert progress[-1] == Progress(Phase.DONE, total, total)
    async with opened(filled, settings, NEW) as memory:
        assert "cello" in (await context(memory)).context
        await add_sessions(memory, "bruno", ["I bought a bicycle."])
        await memory.wait_until_processed(timeout_s=20)
    assert_all_of(filled, NEW, 1)


async def test_a_database_changes_back_and_forth(filled: Path) -> None:
    for embedder, slot in ((NEW, 1), (THIRD, 0), (OLD, 1)):
        await change(filled, embedder)
        assert_all_of(filled, embedder, slot)
    await change(filled, OLD)
    assert_all_of(filled, OLD, 1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_change_interrupted_anywhere_goes_on_and_serves_meanwhile(
    filled: Path,
    settings: Settings,
    new_database: NewDatabase,
    database_kind: str,
    after: bool,
) -> None:
    interruptions = 0
    # What a transaction leaves is the same on both; on a server each try takes a second.
    step = 1 if database_kind == SQLITE else 4
    while True:
        path = new_database()
        databases.copy(filled, path)
        store = Failing(path, interruptions + 1, after=after)
        await store.open()
        try:
            await Reembedding(store, NEW).run()
        except GoneError:
            interruptions += step
        else:
            break
        finally:
            await store.close()
        if interruptions // step % 4 == 1:
            async with opened(path, settings, OLD, NEW) as memory:
                assert "cello" in (await context(memory)).context
                await add_sessions(memory, "alice", [f"I painted {interruptions} doors green."])
                await memory.wait_until_processed(timeout_s=20)
        if "going" in embedders(path):
            await change(path, THIRD)
            assert_all_of(path, THIRD, 0)
        else:
            await change(path, NEW)
            assert_all_of(path, NEW, 1)
    assert interruptions > 15


async def test_an_embedder_that_fails_leaves_the_change_to_be_gone_on_with(filled: Path) -> None:
    class Dying(HashEmbedder):
        left = 2

        def embed(self, texts: Sequence[str]) -> Any:
            self.left -= 1
            if self.left < 0:
                raise EmbedderError("the quota is used up")
            return super().embed(texts)

    with pytest.raises(EmbedderError, match="quota"):
        await change(filled, Dying(32))
    assert embedders(filled) == {"current": "hash-64/64", "coming": "hash-32/32"}
    begun = len(stored(filled, "second_vector"))
    assert 0 < begun < len(expected(filled, NEW))
    progress: list[Progress] = []
    async with store_of(filled) as store:
        await Reembedding(store, NEW, progress.append).run()
    assert progress[0].done == begun
    assert_all_of(filled, NEW, 1)


async def test_a_change_can_be_given_up(filled: Path, settings: Settings) -> None:
    async with opened(filled, settings, OLD) as memory:
        before = (await context(memory)).context
    async with store_of(filled) as store:
        assert await cancel(store) is None
    failing = Failing(filled, 9, after=True)
    await failing.open()
    with pytest.raises(GoneError):
        await Reembedding(failing, NEW).run()
    await failing.close()
    assert stored(filled, "second_vector")
    async with store_of(filled) as store:
        with pytest.raises(EmbedderError, match="a change to hash-32/32 is under way"):
            await Reembedding(store, THIRD).run()
        given_up = await cancel(store)
    assert str(given_up) == "hash-32/32"
    assert_all_of(filled, OLD, 0)
    async with opened(filled, settings, OLD) as memory:
        assert (await context(memory)).context == before
    await change(filled, THIRD)
    assert_all_of(filled, THIRD, 1)


async def test_a_change_that_is_given_up_while_it_runs_stops(filled: Path) -> None:
    class Cancelled(HashEmbedder):
        calls = 0

        def embed(self, texts: Sequence[str]) -> Any:
            self.calls += 1
            if self.calls == 2:
                asyncio.run(self.give_up())
            return super().embed(texts)

        async def give_up(self) -> None:
            async with store_of(filled) as store:
                await cancel(store)

    with pytest.raises(EmbedderError, match="ended by another process"):
        await change(filled, Cancelled(32))
    assert_all_of(filled, OLD, 0)


async def test_two_processes_may_make_the_same_change(filled: Path) -> None:
    assert set(await asyncio.gather(*(change(filled, NEW) for _ in range(3)))) == {Calibration()}
    assert_all_of(filled, NEW, 1)


async def test_what_is_said_and_asked_meanwhile_is_answered_from_one_set_at_any_time(
    filled: Path, settings: Settings
) -> None:
    """Request contexts of alice and add messages of bruno all the time."""
    answers: list[str] = []
    answered, ended = asyncio.Semaphore(0), asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow(HashEmbedder):
        def embed(self, texts: Sequence[str]) -> Any:
            # Waits until more was said and asked, so that the change does not outrun both.
            asyncio.run_coroutine_threadsafe(said_and_asked(), loop).result(20)
            return super().embed(texts)

    async with opened(filled, settings, OLD, NEW) as memory:

        async def said_and_asked() -> None:
            if len(rows(filled, "select * from sessions")) < 12:
                await add_sessions(memory, "bruno", [f"I met Clara {len(answers)} times."])
                await memory.wait_until_processed(timeout_s=20)
            for _ in range(2):
                await answered.acquire()

        async def keep_asking() -> None:
            while not ended.is_set():
                answers.append((await context(memory, max_tokens=2_000)).context)
                answered.release()

        before = (await context(memory, max_tokens=2_000)).context
        asking = asyncio.create_task(keep_asking())
        await change(filled, Slow(32))
        ended.set()
        await asking
        after = (await context(memory, max_tokens=2_000)).context
        assert before != after
        kinds = [answer == after for answer in answers]
        assert set(answers) <= {before, after}
        assert kinds == sorted(kinds)
        assert kinds.count(False) > 3
        bruno = await memory.get_user("bruno")
        statuses = {session.status for session in (await bruno.list_sessions(limit=50)).sessions}
        assert statuses == {SessionStatus.PROCESSED}
    assert_all_of(filled, NEW, 1)


async def test_a_server_without_the_new_embedder_says_so_and_fails_no_session(
    filled: Path, settings: Settings
) -> None:
    async with opened(filled, settings, OLD) as memory:
        await context(memory)
        await change(filled, NEW)
        with pytest.raises(EmbedderChangedError, match=r"hash-32/32, this is hash-64/64.*reembed"):
            await context(memory)
        session = await add_sessions(memory, "bruno", ["I bought a bicycle."])
        await asyncio.sleep(10 * settings.poll_interval_s)
        await session.refresh()
        assert session.status is SessionStatus.PROCESSING
    with pytest.raises(EmbedderError, match="hash-32/32, this is hash-64/64"):
        async with opened(filled, settings, OLD) as memory:
            await memory.list_users()
    async with opened(filled, settings, NEW) as memory:
        await memory.wait_until_processed(timeout_s=20)
        (user,) = [u for u in (await memory.list_users()).users if u.user_id == "bruno"]
        sessions = (await user.list_sessions()).sessions
        assert {item.status for item in sessions} == {SessionStatus.PROCESSED}
    assert_all_of(filled, NEW, 1)


async def test_a_session_whose_embedder_changed_in_mid_work_is_begun_anew(
    filled: Path, settings: Settings
) -> None:
    class Changing(HashEmbedder):
        changed = False

        def embed(self, texts: Sequence[str]) -> Any:
            if not self.changed:
                self.changed = True
                asyncio.run(change(filled, NEW))
            return super().embed(texts)

    async with opened(filled, settings, Changing(64), NEW) as memory:
        await add_sessions(memory, "alice", ["I bought a bicycle."])
        await memory.wait_until_processed(timeout_s=20)
    assert_all_of(filled, NEW, 1)
    assert any("bicycle" in row["content"] for row in rows(filled, ALL_MEMORIES))
    assert {row["failures"] for row in rows(filled, "select * from sessions")} == {0}


async def test_vectors_of_the_old_embedder_are_not_stored_after_the_switch(
    filled: Path, settings: Settings
) -> None:
    class Late(LocalInference):
        changed = False

        async def reconcile(self, *arguments: Any, **named: Any) -> Any:
            if not self.changed:
                self.changed = True
                await change(filled, NEW)
            return await super().reconcile(*arguments, **named)

    parts = Parts(embedder=OLD, next_embedder=NEW, inference=Late(), clock=Clock())
    async with AsyncHitherto(filled, settings=settings, parts=parts) as memory:
        await add_sessions(memory, "alice", ["I bought a bicycle."])
        await memory.wait_until_processed(timeout_s=20)
    assert_all_of(filled, NEW, 1)
    assert {row["failures"] for row in rows(filled, "select * from sessions")} == {0}


async def test_a_session_processed_just_before_the_switch_holds_it_up(
    filled: Path, settings: Settings
) -> None:
    loop = asyncio.get_running_loop()
    async with opened(filled, settings, OLD) as memory:

        class Probed(Squeezed):
            """Embedder that adds a session when the fixed sentences are embedded."""

            def embed(self, texts: Sequence[str]) -> Any:
                if texts[0] == probe_texts()[0] and not self.has_added:
                    self.has_added = True
                    asyncio.run_coroutine_threadsafe(self.add_session(), loop).result(20)
                return super().embed(texts)

            async def add_session(self) -> None:
                await add_sessions(memory, "alice", ["I bought a bicycle."])
                await memory.wait_until_processed(timeout_s=20)

            has_added = False

        probe_spread = Probed(OLD, 0.5)
        await change(filled, probe_spread)
        assert probe_spread.has_added
    assert_all_of(filled, probe_spread, 1)


@pytest.fixture
async def talkative(path: Path, settings: Settings) -> Path:
    """Enough passages for a calibration to be read off them."""
    async with opened(path, settings, OLD) as memory:
        for day in range(8):
            here, there = PLACES[day], PLACES[(3 * day + 5) % 11]
            texts = [f"The {here} {turn} was far from the {there}." for turn in range(10)]
            texts += [f"I own {day + 2} boats and a {here}.", f"My brother runs the {there}."]
            await add_sessions(memory, "alice", texts)
        await memory.wait_until_processed(timeout_s=20)
    return path


async def similarities(path: Path, embedder: Embedder) -> dict[str, float]:
    """Return the similarities of alice's memories to a question."""
    async with store_of(path) as store:
        index_cache = IndexCache(2**24)
        delta = await store.read(
            lambda tx: index_cache.delta(tx.users(DEFAULT_PROJECT_ID).user("alice"))
        )
    working = index_cache.refresh("alice", delta)
    question = "Who runs the museum?"
    plan = query_plan.plan(question, today=MONDAY.date(), previous=(), people=())
    ranked = ranking.rank_memories(
        plan,
        embedder.embed([question]),
        ranking.term_coverage(plan, working.memories.lexical),
        working.memories,
        threshold=0.0,
        min_top_k=15,
        max_top_k=50,
    )
    return {working.memory_ids[item.row]: item.similarity for item in ranked}


async def test_thresholds_mean_the_same_under_an_embedder_that_finds_everything_alike(
    talkative: Path,
) -> None:
    before = await similarities(talkative, OLD)
    assert max(before.values()) > 0.6
    assert min(before.values()) < 0.2
    for share in (0.25, 0.6):
        squeezed = Squeezed(OLD, share)
        line = await change(talkative, squeezed)
        assert line.scale == pytest.approx(1 / share, rel=0.05)
        assert line.offset == pytest.approx(1 - 1 / share, abs=0.05)
        assert await similarities(talkative, squeezed) == pytest.approx(before, abs=0.05)
    uncalibrate(talkative)
    assert await similarities(talkative, squeezed) != pytest.approx(before, abs=0.05)
    assert await change(talkative, OLD) == Calibration()
    assert await similarities(talkative, OLD) == before


async def test_memories_are_connected_as_under_the_reference(
    talkative: Path, settings: Settings, new_database: NewDatabase
) -> None:
    made: list[set[frozenset[str]]] = []
    squeezed = Squeezed(OLD, 0.25)
    for embedder, calibrated in ((OLD, True), (squeezed, True), (squeezed, False)):
        path = new_database()
        databases.copy(talkative, path)
        await change(path, embedder)
        if not calibrated:
            uncalibrate(path)
        async with opened(path, settings, embedder) as memory:
            await add_sessions(
                memory, "alice", ["I own 2 old boats and a harbour.", "I have a garden."]
            )
            await memory.wait_until_processed(timeout_s=20)
        contents = {row["memory_id"]: row["content"] for row in rows(path, ALL_MEMORIES)}
        made.append(
            {
                frozenset((contents[row["memory_id"]], contents[row["connected_id"]]))
                for row in rows(path, "select * from memory_connections")
            }
        )
    # What vectors have in common is taken off, a little more of those that have more of it.
    assert len(made[0] ^ made[1]) <= 1
    assert len(made[0] ^ made[2]) > 5


async def test_a_small_database_is_calibrated_by_the_probe(filled: Path, path: Path) -> None:
    line = await change(filled, Squeezed(OLD, 0.5))
    assert line.scale > 1.5
    row = rows(path, "select * from embedders")[0]
    assert (row["scale"], row["shift"]) == (line.scale, line.offset)


async def test_a_new_database_is_calibrated_when_it_is_made(path: Path, settings: Settings) -> None:
    async with opened(path, settings, Squeezed(OLD, 0.5)) as memory:
        await add_sessions(memory, "alice", SAID["alice"][0])
        await memory.wait_until_processed(timeout_s=20)
        assert "cello" in (await context(memory)).context
    assert rows(path, "select * from embedders")[0]["scale"] > 1.5


async def test_a_question_that_cannot_be_embedded_is_answered_by_its_words(
    filled: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(filled, settings, Unreachable(64)) as memory:
        user = await memory.get_user("alice")
        session = await user.create_session()
        await session.add_message(MessageRole.USER, "Who plays the cello?")
        events = [event async for event in session.get_context_stream(summaries_threshold=0.8)]
        assert "No relevant session summaries found." not in events[-1].context
        assert "cello" in events[-1].context
        assert "the embedder gave no vectors" in events[-1].metadata.fallback_reason
        assert "the line is dead" not in repr(events)
        assert "the line is dead" in caplog.text
        messages = [event.status_update_message for event in events[:-1]]
        assert "The embedder does not answer; searching by words alone" in messages


async def test_a_database_of_an_earlier_release_keeps_its_embedder(
    path: Path, settings: Settings
) -> None:
    before = next(step.version for step in migrations() if step.name == "embedders") - 1
    databases.migrate_to(path, before)
    databases.change(path, "insert into properties (name, value) values ('embedder', 'hash-64/64')")
    with pytest.raises(EmbedderError, match="hash-64/64, this is hash-32/32"):
        async with opened(path, settings, NEW) as memory:
            await memory.list_users()
    async with opened(path, settings, OLD) as memory:
        assert (await memory.list_users()).total == 0
    assert embedders(path) == {"current": "hash-64/64"}


async def test_a_database_without_vectors_is_not_changed(path: Path) -> None:
    with pytest.raises(EmbedderError, match="no vectors yet"):
        await change(path, NEW)


async def test_a_memory_of_a_remote_embedder_answers_while_it_is_away(path: Path) -> None:
    endpoint = Endpoint()
    settings = Settings(
        embedder="openai:tiny",
        embedder_base_url=endpoint.url,
        embedder_timeout_s=0.2,
        poll_interval_s=0.02,
    )
    try:
        async with AsyncHitherto(path, settings=settings) as memory:
            for texts in SAID["alice"]:
                await add_sessions(memory, "alice", texts)
            await memory.wait_until_processed(timeout_s=20)
            response = await context(memory, recall_strategy=RecallStrategy.LOW_LATENCY)
            assert "cello" in response.context
            assert response.metadata.fallback_reason is None
    finally:
        endpoint.close()
    assert stored(path, "vector") == expected(path, OLD)
    async with AsyncHitherto(path, settings=settings) as memory:
        for strategy in RecallStrategy:
            response = await context(memory, recall_strategy=strategy)
            assert "cello" in response.context
            assert "the embedder gave no vectors" in response.metadata.fallback_reason


@pytest.fixture
def served(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """An endpoint that the settings name, for the database that they name."""
    endpoint = Endpoint()
    monkeypatch.setenv("HITHERTO_EMBEDDER_BASE_URL", endpoint.url)
    monkeypatch.setenv("HITHERTO_DB", str(filled))
    yield endpoint
    endpoint.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["reembed", *arguments])


def test_the_command_changes_the_embedder_and_says_what_is_to_be_set(
    served: Endpoint, filled: Path
) -> None:
    result = run("--to", "openai:tiny")
    assert result.exit_code == 0, result.output
    count = len(expected(filled, OLD))
    assert f"embedder is openai:tiny/64: {count} texts embedded in" in result.stdout
    assert "HITHERTO_EMBEDDER=openai:tiny" in result.stdout
    assert_all_of(filled, Named("openai:tiny"), 1)
    again = run("--to", "openai:tiny")
    assert again.exit_code == 0
    assert "0 texts embedded" in again.stdout


def test_the_command_gives_a_change_up_and_goes_on_with_one(served: Endpoint, filled: Path) -> None:
    assert "No change of the embedder is in progress." in run("--cancel").stdout
    served.script = [right] * 3 + [lambda _: Answer(400, "out of order")]
    failed = run("--to", "openai:tiny")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert "answered 400: out of order" in failed.stderr
    assert "The change to openai:tiny/64 is cancelled" in run("--cancel").stdout
    assert_all_of(filled, OLD, 0)
    served.script = [right] * 3 + [lambda _: Answer(400, "out of order")]
    run("--to", "openai:tiny")
    done = len(stored(filled, "second_vector"))
    result = run("--to", "openai:tiny")
    assert f"{len(expected(filled, OLD)) - done} texts embedded" in result.stdout
    assert_all_of(filled, Named("openai:tiny"), 1)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "why"),
    [
        ((), 2, "either --to EMBEDDER or --cancel"),
        (("--to", "local", "--cancel"), 2, "either --to EMBEDDER or --cancel"),
        (("--to", "word2vec:big"), 1, "there is no embedder 'word2vec:big'"),
        (("--to", "local", "--db", "nowhere.db"), 1, "there is no database at nowhere.db"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    filled: Path, tmp_path: Path, arguments: tuple[str, ...], exit_code: int, why: str
) -> None:
    result = run("--db", str(filled), *arguments)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert why in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert_all_of(filled, OLD, 0)
