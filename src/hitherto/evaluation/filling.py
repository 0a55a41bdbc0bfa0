"""Import of conversations into a memory, as an application imports its history."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

from hitherto.client import Hitherto, Session, User
from hitherto.errors import TimeoutError as WaitTimeoutError
from hitherto.errors import UserNotFoundError, ValidationError
from hitherto.evaluation.conversations import Conversation, Turn
from hitherto.models import SessionStatus

QUESTION_METADATA = {"evaluation": "question"}
"""Marks the sessions in which questions are asked."""

_FILL_KEY = "evaluation_content"
_COMPLETE_KEY = "evaluation_complete"
_LOOK_INTERVAL_S = 1.0
_PAGE = 100

Report = Callable[[int], None]
"""Receives the number of further conversations or sessions that are done."""


@dataclass(frozen=True, slots=True)
class Filling:
    """Result of an import with its duration.

    added, reused: conversations. failed_sessions: sessions that ended as FAILED, of all of them.
    """

    added: int
    reused: int
    failed_sessions: int
    adding_s: float
    processing_s: float


def fill_memory(
    memory: Hitherto,
    conversations: Sequence[Conversation],
    speaker_names: bool | None,
    on_added: Report,
    on_processed: Report,
) -> Filling:
    """Add the conversations that the memory does not have yet, and process their sessions.

    speaker_names: whether messages begin with "Name: "; None: unless speakers are User/Assistant.
    A conversation that an earlier run left half done is deleted and added again. Raises
    ValidationError where the memory holds something else under a conversation's id.
    """
    started = perf_counter()
    users: dict[str, User] = {}
    waiting: list[Session] = []
    fresh: list[User] = []
    for conversation in conversations:
        content_id = _content_id(conversation, speaker_names)
        user = _filled_user(memory, conversation.user_id, content_id)
        if user is None:
            user = memory.create_user(
                conversation.user_id, metadata={_FILL_KEY: content_id, _COMPLETE_KEY: False}
            )
            waiting.extend(_add_sessions(user, conversation, speaker_names))
            fresh.append(user)
        users[conversation.user_id] = user
        on_added(1)
    added = perf_counter()
    on_processed(sum(len(conversation.sessions) for conversation in conversations) - len(waiting))
    for session in waiting:
        session.process()
    _wait(memory, fresh, on_processed)
    for user in fresh:
        user.update(new_metadata={**user.metadata, _COMPLETE_KEY: True})
    failed = sum(_count(user, SessionStatus.FAILED) for user in users.values())
    return Filling(
        added=len(fresh),
        reused=len(users) - len(fresh),
        failed_sessions=failed,
        adding_s=added - started,
        processing_s=perf_counter() - added,
    )


def message_content(turn: Turn, with_name: bool) -> str:
    """Return the message of a turn."""
    return turn.line if with_name else turn.content


def _content_id(conversation: Conversation, speaker_names: bool | None) -> str:
    names = "names" if _with_names(conversation, speaker_names) else "no-names"
    return f"{conversation.digest}:{names}"


def _with_names(conversation: Conversation, speaker_names: bool | None) -> bool:
    return conversation.has_names if speaker_names is None else speaker_names


def _filled_user(memory: Hitherto, user_id: str, content_id: str) -> User | None:
    """Return the user if the conversation is there in full, without questions left over."""
    try:
        user = memory.get_user(user_id)
    except UserNotFoundError:
        return None
    if user.metadata.get(_FILL_KEY) != content_id:
        raise ValidationError(
            f"the memory has other content for user {user_id!r}; give another --db, or the"
            " conversations and --speaker-names that it was filled with"
        )
    if not user.metadata.get(_COMPLETE_KEY):
        user.delete()
        return None
    while left_over := user.list_sessions(limit=_PAGE, metadata_filter=QUESTION_METADATA).sessions:
        for session in left_over:
            session.delete()
    return user


def _add_sessions(
    user: User, conversation: Conversation, speaker_names: bool | None
) -> Iterator[Session]:
    with_name = _with_names(conversation, speaker_names)
    for dated in conversation.sessions:
        session = user.create_session(
            auto_process_after_seconds=None, custom_created_at_utc=dated.created_at
        )
        for turn in dated.turns:
            session.add_message(turn.role, message_content(turn, with_name))
        yield session


def _wait(memory: Hitherto, users: Sequence[User], on_processed: Report) -> None:
    """Return when nothing is due any more, and reports meanwhile how far it is."""
    reported = 0
    is_working = True
    while is_working:
        is_working = not _is_finished(memory)
        done = sum(
            _count(user, SessionStatus.PROCESSED) + _count(user, SessionStatus.FAILED)
            for user in users
        )
        on_processed(done - reported)
        reported = done


def _is_finished(memory: Hitherto) -> bool:
    try:
        memory.wait_until_processed(timeout_s=_LOOK_INTERVAL_S)
    except WaitTimeoutError:
        return False
    return True


def _count(user: User, status: SessionStatus) -> int:
    return user.list_sessions(limit=1, status_filter=[status]).total
