"""Hitherto embedded, with one file: messages, then `process`, then `get_context`."""

from collections.abc import Sequence
from datetime import datetime

from system import Message, Place

from hitherto import Hitherto, RecallStrategy, Session, Settings, User


class HithertoFile:
    """A user for each user, a session for each session, a session of its own for each question."""

    def __init__(self, place: Place) -> None:
        settings = Settings(cache_dir=place.cache_dir)
        self._memory = Hitherto(place.folder / "memory.db", settings=settings)
        self._users: dict[str, User] = {}
        self._sessions: dict[tuple[str, str], Session] = {}
        self._question: Session | None = None

    def add(self, user_id: str, session: str, messages: Sequence[Message]) -> None:
        if user_id not in self._users:
            self._users[user_id] = self._memory.create_user(user_id)
        if (user_id, session) not in self._sessions:
            self._sessions[user_id, session] = self._users[user_id].create_session(
                auto_process_after_seconds=None,
                custom_created_at_utc=datetime.fromisoformat(messages[0].created_at),
            )
        for message in messages:
            self._sessions[user_id, session].add_message(message.role, message.content)

    def settle(self) -> None:
        for session in self._sessions.values():
            session.process()
        self._memory.wait_until_processed()

    def prepare(self, user_id: str, question: str, asked_at: str) -> None:
        if self._question is not None:
            self._question.delete()
        self._question = self._users[user_id].create_session(
            auto_process_after_seconds=None, custom_created_at_utc=datetime.fromisoformat(asked_at)
        )
        self._question.add_message("user", question)

    def search(self, user_id: str, question: str, budget_tokens: int, hits: int) -> list[str]:
        response = self._question.get_context(
            RecallStrategy.LOW_LATENCY, max_tokens=budget_tokens, include_system_prompt=False
        )
        return [response.context]

    def close(self) -> None:
        self._memory.close()


open_system = HithertoFile
