"""What is deleted is gone from the files as well."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from tests.conftest import Clock
from tests.databases import Location, traces, values
from tests.fakes import HashEmbedder

from hitherto import (
    Hitherto,
    MergeConflictAnswer,
    MergeConflictStatus,
    Parts,
    Settings,
    User,
)
from hitherto.inference import LocalInference
from hitherto.models import Candidate, Extraction, Message
from hitherto.store.address import is_postgresql
from hitherto.store.rows import to_bytes

WORD = "Quokkaville"


@pytest.mark.parametrize("what", ["user", "session"])
def test_a_deletion_leaves_no_trace_in_the_files(
    path: Location, settings: Settings, parts: Parts, what: str
) -> None:
    with Hitherto(path, settings=settings, parts=parts) as memory:
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
    with Hitherto(path, settings=settings, parts=parts) as memory:
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


def test_memories_of_one_sentence_leave_the_rest_of_its_message(
    path: Location, settings: Settings, parts: Parts
) -> None:
    with Hitherto(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        session = user.create_session()
        session.add_message(
            "user", f"I live in {WORD} and I work as a nurse. My dog is called Bica."
        )
        session.process()
        memory.wait_until_processed(timeout_s=20)
        held = [one for one in user.list_memories().items if "Bica" not in one.content]
        assert len(held) == 2
        for one in held:
            user.delete_memory(one.memory_id)
        (left,) = session.get_messages().messages
        assert left.content == "[deleted] My dog is called Bica."
        assert traces(path, WORD) == 0
        assert ["Bica" in one.content for one in user.list_memories().items] == [True]


def session_summary(user: User, session_id: str) -> str:
    return user.get_session(session_id, include_summary=True).session_summary or ""


def test_a_deleted_version_takes_only_what_it_added(
    path: Location, settings: Settings, parts: Parts
) -> None:
    with Hitherto(path, settings=settings, parts=parts) as memory:
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
    with Hitherto(path, settings=settings, parts=parts) as memory:
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
    with Hitherto(path, settings=settings, parts=parts) as memory:
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


def test_words_of_an_answered_conflict_go_with_the_memory_that_they_made(
    path: Location, settings: Settings, parts: Parts
) -> None:
    with Hitherto(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice", merge_conflict_enabled=True)
        for told in ("I was born in Porto.", "I was born in Faro."):
            session = user.create_session()
            session.add_message("user", told)
            session.process()
            memory.wait_until_processed(timeout_s=20)
        (conflict,) = user.list_merge_conflicts().conflicts
        (asked,) = conflict.clarifying_questions
        message = f"I live in {WORD} now. Nothing else."
        conflict.resolve([MergeConflictAnswer(asked.question, asked.options[0], message)])
        memory.wait_until_processed(timeout_s=20)
        (held,) = [one for one in user.list_memories().items if WORD in one.content]
        assert user.delete_memory(held.memory_id).merge_conflicts == 1
        assert traces(path, WORD) == 0
        conflict.refresh()
        assert conflict.status is MergeConflictStatus.RESOLVED
        assert conflict.resolution_data is not None
        (answer,) = conflict.resolution_data["question_answers"]
        assert answer["message"] == "[deleted] Nothing else."


def tell(memory: Hitherto, user: User, *told: str, role: str = "user") -> str:
    """Tell something in a session of its own and have it processed; returns the session's id."""
    session = user.create_session()
    for one in told:
        session.add_message(role, one)
    session.process()
    memory.wait_until_processed(timeout_s=20)
    return session.session_id


@pytest.mark.parametrize("what", ["session", "memory"])
def test_reasons_of_what_stays_do_not_quote_what_was_deleted(
    path: Location, settings: Settings, parts: Parts, what: str
) -> None:
    with Hitherto(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        first = tell(memory, user, f"I live in {WORD}.")
        tell(memory, user, "I moved to Lisbon.")
        ((reason,),) = values(path, "select reason from memories where expired_at is null")
        assert WORD.lower() in reason
        (moved,) = user.list_memories().items
        assert moved.previous_versions is not None
        if what == "session":
            user.get_session(first).delete()
        else:
            user.delete_memory(moved.previous_versions[0].memory_id)
        assert traces(path, WORD) == 0
        assert [one.content for one in user.list_memories().items] == ["User moved to Lisbon"]


def test_what_a_deleted_session_added_to_a_memory_of_another_goes(
    path: Location, settings: Settings, parts: Parts
) -> None:
    with Hitherto(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        first = tell(memory, user, f"I work at Siemens in {WORD}.")
        tell(memory, user, "I work at Siemens as a nurse.")
        (joined,) = user.list_memories().items
        assert joined.content == f"User works at Siemens as a nurse in {WORD}"
        report = user.get_session(first).delete()
        assert (report.memories, report.reworded_memories) == (1, 1)
        assert traces(path, WORD) == 0
        (left,) = user.list_memories().items
        assert left.memory_id == joined.memory_id
        assert left.content == "User works at Siemens as a nurse"
        (row,) = values(path, "select vector from memories")
        assert bytes(row[0]) == to_bytes(HashEmbedder().embed_query(left.content))


def test_what_waits_to_be_processed_does_not_bring_a_deleted_memory_back(
    path: Location, settings: Settings, parts: Parts
) -> None:
    with Hitherto(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        tell(memory, user, f"My dog Bica and I live in {WORD}.", f"I live in {WORD}.")
        waiting = user.create_session()
        waiting.add_message("user", f"As I said, I live in {WORD}. I live with my dog.")
        redacted = 0
        for one in user.list_memories().items:
            if WORD in one.content:
                redacted += user.delete_memory(one.memory_id).redacted_messages
        assert redacted >= 1
        assert traces(path, WORD) == 0
        told = waiting.get_messages().messages
        assert [one.content for one in told] == ["[deleted] I live with my dog."]
        waiting.process()
        memory.wait_until_processed(timeout_s=20)
        assert traces(path, WORD) == 0


def test_a_whole_message_that_is_deleted_is_quoted_by_no_summary(
    path: Location, settings: Settings, clock: Clock
) -> None:
    parts = Parts(HashEmbedder(), ForeignInference(), clock)
    with Hitherto(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        session_id = tell(
            memory, user, f"Ich wohne bei meiner Schwester in {WORD}.", "The zephyr blows hard."
        )
        (held,) = user.list_memories().items
        user.delete_memory(held.memory_id)
        assert traces(path, WORD) == 0
        assert traces(path, "Schwester") == 0
        told = user.get_session(session_id).get_messages().messages
        assert [one.content for one in told] == ["[deleted]", "The zephyr blows hard."]
        assert "zephyr" in session_summary(user, session_id)
        asking = user.create_session()
        asking.add_message("user", "How does the zephyr blow?")
        assert "The zephyr blows hard." in (asking.get_context().context or "")


class ForeignInference(LocalInference):
    """Understands one sentence, in words of its own."""

    async def extract(
        self, messages: Sequence[Message], session_date: datetime, **named: Any
    ) -> Extraction:
        found = await super().extract(messages, session_date, **named)
        told = Candidate("User shares a home with a sibling", session_date, session_date, (0,))
        return Extraction((told,), found.summary)


def test_no_vector_of_what_was_deleted_is_left(
    path: Location, settings: Settings, parts: Parts
) -> None:
    with Hitherto(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice")
        message = f"I live in {WORD}. I have a dog called Bica."
        session_id = tell(memory, user, message)
        summary = session_summary(user, session_id)
        (held,) = [one for one in user.list_memories().items if WORD in one.content]
        gone = {
            to_bytes(HashEmbedder().embed_query(text))
            for text in (message, message.split(". ")[0] + ".", held.content, summary)
        }
        assert len(gone & vectors(path)) >= 3
        user.delete_memory(held.memory_id)
        assert not gone & vectors(path)


def vectors(path: Location) -> set[bytes]:
    return {
        bytes(row[0])
        for table in ("memories", "passages", "summaries")
        for row in values(path, f"select vector from {table}")
    }


def test_the_report_says_what_holds_deleted_words_and_they_go_when_it_ends(
    path: Location, settings: Settings, parts: Parts
) -> None:
    if is_postgresql(path):
        with Hitherto(path, settings=settings, parts=parts) as memory:
            report = memory.create_user("alice").delete()
            assert "hitherto vacuum" in report.pending[0]
        return
    with Hitherto(path, settings=settings, parts=parts) as memory:
        user = memory.create_user("alice", metadata={"town": WORD})
        with another_process_reading(path) as other:
            report = user.delete()
            assert "write-ahead log" in report.pending[0]
            assert traces(path, WORD) > 0
            # It keeps the file open, and only ends to read it.
            print("end", file=other.stdin, flush=True)
            assert other.stdout is not None
            assert other.stdout.readline() == "ended\n"
            deadline = time.monotonic() + 20
            while traces(path, WORD) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert traces(path, WORD) == 0
        assert memory.create_user("bob").delete().pending == ()


READER = """
import sqlite3, sys
reader = sqlite3.connect(sys.argv[1], isolation_level=None)
reader.execute("begin")
reader.execute("select count(*) from users").fetchone()
print("reads", flush=True)
sys.stdin.readline()
reader.execute("commit")
print("ended", flush=True)
sys.stdin.readline()
"""


@contextmanager
def another_process_reading(path: Location) -> Iterator[subprocess.Popen[str]]:
    """A program that has the file open, and reads it as it is now until it gets a line."""
    command = [sys.executable, "-c", READER, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "reads\n"
        yield other
        other.kill()
