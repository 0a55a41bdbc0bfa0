"""What is deleted is gone from the files as well."""

import sqlite3
from contextlib import closing

import pytest
from tests.databases import Location, traces

from recollect import MergeConflictStatus, Parts, Recollect, Settings, User
from recollect.store.address import is_postgresql

WORD = "Quokkaville"


@pytest.mark.parametrize("what", ["user", "session"])
def test_a_deletion_leaves_no_trace_in_the_files(
    path: Location, settings: Settings, parts: Parts, what: str
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


def test_a_deleted_memory_leaves_no_trace_and_the_rest_of_its_message_stays(
    path: Location, settings: Settings, parts: Parts
) -> None:
    with Recollect(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        session = user.create_session()
        session.add_message("user", f"I live in {WORD}. I have a dog called Bica.")
        session.add_message("assistant", f"How is {WORD}? And how is the dog?")
        session.process()
        memory.wait_until_processed(timeout_s=20)
        held = {item.content: item for item in user.list_memories().items}
        assert session_summary(user, session.session_id).count(WORD) > 0
        report = user.delete_memory(held[f"User lives in {WORD}"].memory_id)
        assert (report.memories, report.redacted_messages, report.rewritten_summaries) == (1, 2, 1)
        assert report.deleted_at is not None
        assert traces(path, WORD) == 0
        assert [m.content for m in session.get_messages().messages] == [
            "[deleted] I have a dog called Bica.",
            "[deleted] And how is the dog?",
        ]
        assert [item.content for item in user.list_memories().items] == [
            "User has a dog called Bica"
        ]
        assert "Bica" in session_summary(user, session.session_id)
        asking = user.create_session()
        asking.add_message("user", "What is my dog called, and where do I live?")
        context = asking.get_context().context
        assert "Bica" in context
        assert WORD not in context


def session_summary(user: User, session_id: str) -> str:
    return user.get_session(session_id, include_summary=True).session_summary or ""


def test_a_deleted_version_takes_only_what_it_added(
    path: Location, settings: Settings, parts: Parts
) -> None:
    with Recollect(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        for told in ("I live in Porto.", f"I moved to {WORD}. It rains."):
            session = user.create_session()
            session.add_message("user", told)
            session.process()
            memory.wait_until_processed(timeout_s=20)
        (moved,) = user.list_memories().items
        assert moved.total_versions == 2
        user.delete_memory(moved.memory_id)
        assert [item.content for item in user.list_memories().items] == ["User lives in Porto"]
        assert traces(path, WORD) == 0
        assert traces(path, "I live in Porto.") > 0
        told_last = user.get_session(session.session_id).get_messages().messages
        assert [m.content for m in told_last] == ["[deleted] It rains."]


def test_a_merge_conflict_does_not_quote_a_deleted_memory(
    path: Location, settings: Settings, parts: Parts
) -> None:
    with Recollect(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice", merge_conflict_enabled=True)
        for told in (f"I was born in {WORD}.", "I was born in Faro."):
            session = user.create_session()
            session.add_message("user", told)
            session.process()
            memory.wait_until_processed(timeout_s=20)
        (conflict,) = user.list_merge_conflicts().conflicts
        (held,) = [one for one in user.list_memories().items if WORD in one.content]
        assert user.delete_memory(held.memory_id).merge_conflicts == 1
        memory.wait_until_processed(timeout_s=20)
        conflict.refresh()
        assert conflict.status is MergeConflictStatus.RESOLVED
        assert traces(path, WORD) == 0
        assert ["Faro" in item.content for item in user.list_memories().items] == [True]


def test_reports_count_what_was_deleted(path: Location, settings: Settings, parts: Parts) -> None:
    with Recollect(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        for told in ("I live in Porto. I have a dog.", "I like custard tarts."):
            session = user.create_session()
            session.add_message("user", told)
            session.add_message("assistant", "Noted.")
            session.process()
            memory.wait_until_processed(timeout_s=20)
        one = session.delete()
        assert (one.users, one.sessions, one.messages) == (0, 1, 2)
        assert (one.memories, one.summaries) == (1, 1)
        all_of_it = user.delete()
        assert (all_of_it.users, all_of_it.sessions, all_of_it.messages) == (1, 1, 2)
        assert all_of_it.memories == 2


def test_a_log_that_somebody_reads_is_told_of_and_emptied_later(
    path: Location, settings: Settings, parts: Parts
) -> None:
    if is_postgresql(path):
        with Recollect(path, settings=settings, parts=parts) as memory:
            report = memory.create_user("alice").delete()
            assert "recollect vacuum" in report.pending[0]
        return
    with Recollect(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice", metadata={"town": WORD})
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("begin")
            reader.execute("select count(*) from users").fetchone()
            report = user.delete()
            assert "write-ahead log" in report.pending[0]
        assert memory.create_user("bob").delete().pending == ()
        assert traces(path, WORD) == 0
