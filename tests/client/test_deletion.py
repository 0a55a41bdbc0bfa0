"""What is deleted is gone from the files as well."""

from pathlib import Path

import pytest
from tests.databases import traces

from recollect import Parts, Recollect, Settings

WORD = "Quokkaville"


@pytest.mark.parametrize("what", ["user", "session"])
def test_a_deletion_leaves_no_trace_in_the_files(
    path: Path, settings: Settings, parts: Parts, what: str
) -> None:
    with Recollect(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        kept = memory.create_user("bob").create_session()
        kept.add_message("user", "I live in Faro.")
        session = user.create_session()
        session.add_message("user", f"I live in {WORD} with two cats.")
        session.process()
        memory.wait_until_processed(timeout_s=20)
        assert traces(path, WORD) > 0
        (user if what == "user" else session).delete()
        assert traces(path, WORD) == 0
        assert kept.get_messages().total == 1


def test_a_deleted_memory_leaves_only_the_message_it_came_from(
    path: Path, settings: Settings, parts: Parts
) -> None:
    with Recollect(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        session = user.create_session()
        session.add_message("user", f"I live in {WORD}.")
        session.process()
        memory.wait_until_processed(timeout_s=20)
        (held,) = user.list_memories().items
        user.delete_memory(held.memory_id)
        assert user.list_memories().total == 0
        assert [m.content for m in session.get_messages().messages] == [f"I live in {WORD}."]
