"""Sessions that say more than a conversation does."""

from pathlib import Path

from tests.fakes import HashEmbedder
from tests.statement_models import PlainModel
from tests.unit.test_many_statements import word

from hitherto import AsyncHitherto, MessageRole, Parts, Settings
from hitherto.core.safety.screening import MAX_STATEMENTS

FURTHER = 17
PARTS = Parts(HashEmbedder(), statement_model=PlainModel())


async def test_what_is_beyond_the_bound_is_counted_and_its_messages_are_recalled(
    path: Path,
) -> None:
    possessions = [word(number) for number in range(MAX_STATEMENTS + FURTHER)]
    settings = Settings(poll_interval_s=0.02)
    async with AsyncHitherto(path, settings=settings, parts=PARTS) as memory:
        user = await memory.create_user("alice")
        session = await user.create_session()
        for begin in range(0, len(possessions), 200):
            text = " ".join(
                f"I have a {possession}." for possession in possessions[begin : begin + 200]
            )
            await session.add_message(MessageRole.USER, text)
        await session.process()
        await memory.wait_until_processed(timeout_s=60)
        await session.refresh()
        assert (session.processing_note or "").startswith(f"{FURTHER} statements were left out")
        listed = await user.list_memories(limit=1)
        assert listed.total == MAX_STATEMENTS
        assert possessions[-1] in listed.items[0].content
        asking = await user.create_session()
        await asking.add_message(MessageRole.USER, f"Do I have a {possessions[0]}?")
        assert possessions[0] in (await asking.get_context()).context


async def test_a_chain_of_changes_in_one_session_is_one_memory(path: Path) -> None:
    towns = [word(number).title() for number in range(300)]
    settings = Settings(poll_interval_s=0.02)
    async with AsyncHitherto(path, settings=settings, parts=PARTS) as memory:
        user = await memory.create_user("alice")
        session = await user.create_session()
        text = " ".join(f"I moved to {town}." for town in towns)
        await session.add_message(MessageRole.USER, text)
        await session.process()
        await memory.wait_until_processed(timeout_s=60)
        await session.refresh()
        assert session.processing_note is None
        (item,) = (await user.list_memories()).items
        assert item.content == f"User moved to {towns[-1]}"
        assert [version.content for version in item.previous_versions] == [
            f"User moved to {town}" for town in reversed(towns[:-1])
        ]
