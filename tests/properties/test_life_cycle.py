"""Any sequence of calls leaves the memory as a few dictionaries say it should be."""

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.conftest import Clock
from tests.fakes import HashEmbedder
from tests.redaction import require_left

from hitherto import Hitherto, Parts, SessionStatus, Settings
from hitherto.errors import (
    InvalidSessionStateError,
    MemoryNotFoundError,
    RecallrAIError,
    SessionNotFoundError,
    UserAlreadyExistsError,
    UserNotFoundError,
)
from hitherto.models import UserMemoryItem

NAMES = ("alice", "Alicia", "bruno", "Übermut 100%_")
TEXTS = (
    "I have a cousin in Porto.",
    "I have a cousin in Faro.",
    "I live in Lisbon.",
    "I moved to Berlin.",
    "Good morning!",
    "I work as a nurse.",
)

names = st.sampled_from(NAMES)
metadata = st.fixed_dictionaries(
    {}, optional={"plan": st.sampled_from(("free", "pro")), "tags": st.just(["a", {"b": None}])}
)
filters = st.none() | st.fixed_dictionaries({"plan": st.sampled_from(("free", "pro"))})
texts = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3)
choices = st.integers(0, 1_000)
offsets = st.integers(0, 4)
limits = st.integers(1, 4)


@dataclass
class ModelSession:
    """A session as it should be."""

    metadata: dict[str, Any]
    status: SessionStatus = SessionStatus.PENDING
    messages: list[str] = field(default_factory=list)


@dataclass
class ModelUser:
    """A user as it should be; sessions by id, oldest first."""

    metadata: dict[str, Any]
    sessions: dict[str, ModelSession] = field(default_factory=dict)
    texts_so_far: list[tuple[str, str]] = field(default_factory=list)


def contains(stored: dict[str, Any], wanted: dict[str, Any] | None) -> bool:
    return all(key in stored and stored[key] == value for key, value in (wanted or {}).items())


def has_users(machine: "LifeCycle") -> bool:
    return bool(machine.users)


def has_sessions(machine: "LifeCycle") -> bool:
    return any(user.sessions for user in machine.users.values())


class LifeCycle(RuleBasedStateMachine):
    """Compare calls of the sync client with the same calls on dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = Clock()
        self.memory = self.opened()
        self.users: dict[str, ModelUser] = {}

    def opened(self) -> Hitherto:
        return Hitherto(
            Path(self.folder.name) / "memory.db",
            settings=Settings(),
            parts=Parts(HashEmbedder(), clock=self.clock),
        )

    def teardown(self) -> None:
        self.memory.close()
        self.folder.cleanup()

    def refused(self, kind: type[RecallrAIError], call: Any) -> None:
        with pytest.raises(kind) as raised:
            call()
        assert type(raised.value) is kind

    def chosen(self, choice: int) -> tuple[str, str]:
        """A session of any user: the user's name and the session's id."""
        sessions_of_users = [
            (name, session) for name, user in self.users.items() for session in user.sessions
        ]
        return sessions_of_users[choice % len(sessions_of_users)]

    def named(self, choice: int) -> str:
        """Return the name of an existing user."""
        return list(self.users)[choice % len(self.users)]

    @initialize(name=names)
    def begin(self, name: str) -> None:
        self.create_user(name, {})

    # Users

    @rule(name=names, metadata=metadata)
    def create_user(self, name: str, metadata: dict[str, Any]) -> None:
        if name in self.users:
            self.refused(UserAlreadyExistsError, lambda: self.memory.create_user(name, metadata))
            return
        user = self.memory.create_user(name, metadata)
        assert (user.user_id, user.metadata) == (name, metadata)
        self.users[name] = ModelUser(metadata)

    @rule(name=names, new_name=names, metadata=st.none() | metadata)
    def update_user(self, name: str, new_name: str, metadata: dict[str, Any] | None) -> None:
        if name not in self.users:
            self.refused(UserNotFoundError, lambda: self.memory.get_user(name))
            return
        user = self.memory.get_user(name)
        if new_name != name and new_name in self.users:
            self.refused(
                UserAlreadyExistsError,
                lambda: user.update(new_metadata=metadata, new_user_id=new_name),
            )
            assert self.memory.get_user(name).metadata == self.users[name].metadata
            return
        user.update(new_metadata=metadata, new_user_id=new_name)
        # Renaming does not change whose turn it is in a list: it goes by creation.
        self.users = {
            new_name if user_name == name else user_name: model
            for user_name, model in self.users.items()
        }
        if metadata is not None:
            self.users[new_name].metadata = metadata
        assert user.user_id == new_name

    @rule(name=names)
    def delete_user(self, name: str) -> None:
        if name not in self.users:
            return
        user = self.memory.get_user(name)
        user.delete()
        del self.users[name]
        for call in (user.refresh, user.create_session, user.list_memories, user.delete):
            self.refused(UserNotFoundError, call)

    # Sessions

    @precondition(has_users)
    @rule(choice=choices, metadata=metadata)
    def create_session(self, choice: int, metadata: dict[str, Any]) -> None:
        self.start(self.named(choice), metadata)

    def start(self, name: str, metadata: dict[str, Any]) -> str:
        session = self.memory.get_user(name).create_session(None, metadata)
        assert session.status is SessionStatus.PENDING
        self.users[name].sessions[session.session_id] = ModelSession(metadata)
        return session.session_id

    @precondition(has_sessions)
    @rule(choice=choices, texts=texts)
    def add_messages(self, choice: int, texts: list[str]) -> None:
        self.add(*self.chosen(choice), texts)

    def add(self, name: str, session_id: str, texts: list[str]) -> None:
        session = self.memory.get_user(name).get_session(session_id)
        model = self.users[name].sessions[session_id]
        for text in texts:
            if model.status is not SessionStatus.PENDING:
                self.refused(
                    InvalidSessionStateError, lambda text=text: session.add_message("user", text)
                )
                continue
            session.add_message("user", text)
            model.messages.append(text)
            self.users[name].texts_so_far.append((session_id, text))

    @precondition(has_sessions)
    @rule(choice=choices)
    def process(self, choice: int) -> None:
        self.have_processed(*self.chosen(choice))

    def have_processed(self, name: str, session_id: str) -> None:
        session = self.memory.get_user(name).get_session(session_id)
        model = self.users[name].sessions[session_id]
        if model.status is SessionStatus.PROCESSED:
            self.refused(InvalidSessionStateError, session.process)
            return
        session.process()
        self.memory.wait_until_processed(timeout_s=20)
        session.refresh()
        assert session.status is SessionStatus.PROCESSED
        model.status = SessionStatus.PROCESSED

    @precondition(has_users)
    @rule(choice=choices, metadata=metadata, texts=texts)
    def add_conversation(self, choice: int, metadata: dict[str, Any], texts: list[str]) -> None:
        """A whole conversation in one step, since most that can go wrong needs memories."""
        name = self.named(choice)
        session_id = self.start(name, metadata)
        self.add(name, session_id, texts)
        self.have_processed(name, session_id)

    @precondition(has_sessions)
    @rule(choice=choices, metadata=metadata)
    def update_session(self, choice: int, metadata: dict[str, Any]) -> None:
        name, session_id = self.chosen(choice)
        self.memory.get_user(name).get_session(session_id).update(metadata)
        self.users[name].sessions[session_id].metadata = metadata

    @precondition(has_sessions)
    @rule(choice=choices)
    def delete_session(self, choice: int) -> None:
        name, session_id = self.chosen(choice)
        session = self.memory.get_user(name).get_session(session_id)
        session.delete()
        model = self.users[name]
        del model.sessions[session_id]
        model.texts_so_far = [
            (other, text) for other, text in model.texts_so_far if other != session_id
        ]
        for call in (session.refresh, session.get_messages, session.process, session.delete):
            self.refused(SessionNotFoundError, call)

    # Memories

    @precondition(has_users)
    @rule(choice=choices, with_previous=st.booleans())
    def delete_memory(self, choice: int, with_previous: bool) -> None:
        stored = [
            (name, item)
            for name in self.users
            for item in self.memory.get_user(name).list_memories(limit=200).items
        ]
        if not stored:
            return
        name, item = stored[choice % len(stored)]
        user = self.memory.get_user(name)
        user.delete_memory(item.memory_id, delete_previous_versions=with_previous)
        deleted_ids = [item.memory_id]
        if with_previous:
            deleted_ids += [earlier.memory_id for earlier in item.previous_versions or ()]
        for memory_id in deleted_ids:
            self.refused(MemoryNotFoundError, lambda one=memory_id: user.get_memory(one))
        self.read_redacted(name)

    def read_redacted(self, name: str) -> None:
        """Take over what is left of a user's messages: what they said, but for some sentences."""
        model, user = self.users[name], self.memory.get_user(name)
        left = {}
        for session_id, session in model.sessions.items():
            page = user.get_session(session_id).get_messages(limit=500).messages
            texts = [message.content for message in page]
            require_left(session.messages, texts)
            session.messages[:] = texts
            left[session_id] = iter(texts)
        model.texts_so_far[:] = [
            (session_id, next(left[session_id])) for session_id, _ in model.texts_so_far
        ]

    @rule()
    def reopen(self) -> None:
        self.memory.close()
        self.memory = self.opened()

    # What must hold

    @rule(
        offset=offsets, limit=limits, wanted=filters, part=st.sampled_from(("", "ALI", "%_", "x"))
    )
    def list_users(self, offset: int, limit: int, wanted: dict[str, Any] | None, part: str) -> None:
        expected = [
            name
            for name, user in reversed(self.users.items())
            if contains(user.metadata, wanted) and part.casefold() in name.casefold()
        ]
        page = self.memory.list_users(offset, limit, wanted, part)
        assert [user.user_id for user in page.users] == expected[offset : offset + limit]
        assert (page.total, page.has_more) == (len(expected), offset + limit < len(expected))

    @precondition(has_users)
    @rule(
        choice=choices,
        offset=offsets,
        limit=limits,
        wanted=filters,
        statuses=st.none() | st.sets(st.sampled_from(SessionStatus)),
    )
    def list_sessions(
        self,
        choice: int,
        offset: int,
        limit: int,
        wanted: dict[str, Any] | None,
        statuses: set[SessionStatus] | None,
    ) -> None:
        name = self.named(choice)
        expected = [
            (session_id, session.status, session.metadata)
            for session_id, session in reversed(self.users[name].sessions.items())
            if contains(session.metadata, wanted) and (not statuses or session.status in statuses)
        ]
        page = self.memory.get_user(name).list_sessions(
            offset, limit, wanted, None if statuses is None else sorted(statuses)
        )
        listed = [(item.session_id, item.status, item.metadata) for item in page.sessions]
        assert listed == expected[offset : offset + limit]
        assert (page.total, page.has_more) == (len(expected), offset + limit < len(expected))

    @precondition(has_sessions)
    @rule(choice=choices, offset=offsets, limit=limits)
    def list_messages(self, choice: int, offset: int, limit: int) -> None:
        name, session_id = self.chosen(choice)
        user = self.memory.get_user(name)
        added = self.users[name].sessions[session_id].messages
        page = user.get_session(session_id).get_messages(offset, limit)
        assert [message.content for message in page.messages] == added[offset : offset + limit]
        assert (page.total, page.has_more) == (len(added), offset + limit < len(added))
        last = [
            (item.session_id, item.content) for item in user.get_last_n_messages(limit).messages
        ]
        assert last == self.users[name].texts_so_far[-limit:]

    @precondition(has_users)
    @rule(choice=choices, offset=offsets, limit=limits)
    def list_memories(self, choice: int, offset: int, limit: int) -> None:
        name = self.named(choice)
        user = self.memory.get_user(name)
        model = self.users[name]
        everything = user.list_memories(limit=200)
        assert everything.total == len(everything.items)
        page = user.list_memories(offset, limit)
        assert page.items == everything.items[offset : offset + limit]
        assert page.has_more == (offset + limit < everything.total)
        for item in everything.items:
            self.check_memory(item, model)
            assert user.get_memory(item.memory_id) == item
        for session_id in model.sessions:
            of_session = user.list_memories(limit=200, session_id_filter=[session_id]).items
            assert of_session == [one for one in everything.items if one.session_id == session_id]
        free = user.list_memories(limit=200, session_metadata_filter={"plan": "free"}).items
        assert free == [
            one
            for one in everything.items
            if model.sessions[one.session_id].metadata.get("plan") == "free"
        ]

    def check_memory(self, item: UserMemoryItem, model: ModelUser) -> None:
        """A current memory rests on messages that are there, of processed sessions."""
        assert item.expired_at is None
        assert model.sessions[item.session_id].status is SessionStatus.PROCESSED
        assert item.evidence
        for place in item.evidence:
            assert place.position < len(model.sessions[place.session_id].messages)
        previous = item.previous_versions or []
        assert [message.version_number for message in previous] == list(
            range(item.version_number - 1, 0, -1)
        )
        assert item.has_previous_versions == bool(previous)

    @invariant()
    def nobody_is_missing(self) -> None:
        page = self.memory.list_users(limit=100)
        assert [user.user_id for user in page.users] == list(reversed(self.users))


LifeCycle.TestCase.settings = settings(max_examples=20, stateful_step_count=40)
TestLifeCycle = LifeCycle.TestCase
