"""Sessions and merge conflicts of a user.

Made from the async source by `scripts/unasync.py`; never edited.
"""

from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any

from hitherto.api import UNSET, ContextRequest, Unset
from hitherto.client.event_loop import Connection
from hitherto.models import (
    ContextResponse,
    DeletionReport,
    MemoryRelationship,
    MergeConflictAnswer,
    MergeConflictConflictingMemory,
    MergeConflictModel,
    MergeConflictNewMemory,
    MergeConflictQuestion,
    MergeConflictStatus,
    MessageRole,
    Metadata,
    RecallStrategy,
    SessionMessagesList,
    SessionModel,
    SessionStatus,
)


class Session:
    """A conversation: messages go in, context comes out, processing updates the memories."""

    def __init__(self, connection: Connection, model: SessionModel) -> None:
        self._connection = connection
        self._model = model

    @property
    def session_id(self) -> str:
        """Unique id of the session."""
        return self._model.session_id

    @property
    def user_id(self) -> str:
        """Id of the user."""
        return self._model.user_id

    @property
    def status(self) -> SessionStatus:
        """Status at the last read."""
        return self._model.status

    @property
    def metadata(self) -> Metadata:
        """Metadata that the application attached."""
        return self._model.metadata

    @property
    def created_at(self) -> datetime:
        """Date of the conversation, UTC."""
        return self._model.created_at

    @property
    def processed_at(self) -> datetime | None:
        """Time of processing, UTC; None before."""
        return self._model.processed_at

    @property
    def auto_process_after_seconds(self) -> int | None:
        """Seconds of inactivity before it is processed by itself; None when switched off."""
        return self._model.auto_process_after_seconds

    @property
    def failure_reason(self) -> str | None:
        """Why the last attempt to process it failed; None if none failed."""
        return self._model.failure_reason

    @property
    def processing_note(self) -> str | None:
        """Reason for a fallback to rules, or number of left out statements; None for neither."""
        return self._model.processing_note

    @property
    def session_summary(self) -> str | None:
        """Summary of the conversation; None unless `get_session` was asked for it."""
        return self._model.session_summary

    @property
    def memories(self) -> list[MemoryRelationship] | None:
        """Current memories of the session; None unless `get_session` was asked for them."""
        return self._model.memories

    @property
    def timezone(self) -> str | None:
        """IANA name of the zone in which its days are read; None is the user's."""
        return self._model.timezone

    def update(
        self,
        new_metadata: Metadata | None = None,
        timezone: str | Unset | None = UNSET,
    ) -> None:
        """Replace the metadata completely, or set the zone; what is not given stays.

        timezone: once the session is processed, it changes only what contexts show.
        Raises UserNotFoundError, SessionNotFoundError, ValidationError.
        """
        if new_metadata is None and isinstance(timezone, Unset):
            return
        self._model = self._connection.call(
            lambda api: api.update_session(
                self.user_id, self.session_id, new_metadata, timezone=timezone
            )
        )

    def refresh(self) -> None:
        """Read the session again. Raises UserNotFoundError, SessionNotFoundError."""
        self._model = self._connection.call(
            lambda api: api.get_session(self.user_id, self.session_id)
        )

    def delete(self) -> DeletionReport:
        """Delete the session, its messages, summary, and the memories that it created.

        Raises UserNotFoundError, SessionNotFoundError.
        """
        return self._connection.call(lambda api: api.delete_session(self.user_id, self.session_id))

    def add_message(
        self, role: MessageRole, content: str, idempotency_key: str | None = None
    ) -> None:
        """Append a message; it is on disk when this returns.

        idempotency_key: as for `create_user`, within the session.
        Raises UserNotFoundError, SessionNotFoundError, ValidationError, and
        InvalidSessionStateError once processing has begun.

        Example:
            session.add_message(MessageRole.USER, "I moved to Lisbon last Friday.")
        """
        self._connection.call(
            lambda api: api.add_message(
                self.user_id, self.session_id, role, content, idempotency_key=idempotency_key
            )
        )

    def get_messages(self, offset: int = 0, limit: int = 50) -> SessionMessagesList:
        """A page of messages in the order in which they were added. limit: 1-500.

        Raises UserNotFoundError, SessionNotFoundError.
        """
        return self._connection.call(
            lambda api: api.get_messages(self.user_id, self.session_id, offset=offset, limit=limit)
        )

    def get_context(  # noqa: PLR0913  the contract's own parameters
        self,
        recall_strategy: RecallStrategy = RecallStrategy.BALANCED,
        min_top_k: int = 15,
        max_top_k: int = 50,
        memories_threshold: float = 0.6,
        summaries_threshold: float = 0.5,
        last_n_messages: int | None = None,
        last_n_summaries: int | None = None,
        timezone: str | None = None,
        include_system_prompt: bool = True,
        include_metadata_ids: bool = False,
        max_tokens: int | None = None,
    ) -> ContextResponse:
        """Return what a model should know about the user now, as text for its prompt.

        recall_strategy: LOW_LATENCY (a few milliseconds), BALANCED, AGENTIC (follows connections),
            or AUTO, which picks one by the question.
        min_top_k (5-50): fewest memories. max_top_k (10-100): most memories.
        memories_threshold (0.2-0.8), summaries_threshold (0.2-0.8): similarity that they must
            reach; below it, memories only top up to min_top_k.
        last_n_messages (1-100), last_n_summaries (1-20): also show the latest of other sessions.
        timezone: IANA name of the zone in which timestamps are shown; None is the session's, or
            else the user's, or else UTC.
        max_tokens (128-1,000,000): the text never exceeds this, system prompt included.
        Raises UserNotFoundError, SessionNotFoundError, ValidationError.

        Example:
            context = session.get_context(timezone="Europe/Lisbon").context
        """
        request = ContextRequest(
            recall_strategy=recall_strategy,
            min_top_k=min_top_k,
            max_top_k=max_top_k,
            memories_threshold=memories_threshold,
            summaries_threshold=summaries_threshold,
            last_n_messages=last_n_messages,
            last_n_summaries=last_n_summaries,
            timezone=timezone,
            include_system_prompt=include_system_prompt,
            include_metadata_ids=include_metadata_ids,
            max_tokens=max_tokens,
        )
        return self._connection.call(
            lambda api: api.get_context(self.user_id, self.session_id, request)
        )

    def get_context_stream(  # noqa: PLR0913  the contract's own parameters
        self,
        recall_strategy: RecallStrategy = RecallStrategy.BALANCED,
        min_top_k: int = 15,
        max_top_k: int = 50,
        memories_threshold: float = 0.6,
        summaries_threshold: float = 0.5,
        last_n_messages: int | None = None,
        last_n_summaries: int | None = None,
        timezone: str | None = None,
        include_system_prompt: bool = True,
        include_metadata_ids: bool = False,
        max_tokens: int | None = None,
    ) -> Generator[ContextResponse, None, None]:
        """Yield progress of a context, then the context.

        The parameters are those of `get_context`. Yields responses with `is_final` false and a
        `status_update_message`; with include_metadata_ids their metadata has what is known so far.
        The last one has `is_final` true and the context, or an `error_message` if a server failed
        halfway. Closing the generator stops the work.
        Raises what `get_context` raises, and ConnectionError if the stream breaks off.

        Example:
            for event in session.get_context_stream(RecallStrategy.AGENTIC):
                print(event.context if event.is_final else event.status_update_message)
        """
        request = ContextRequest(
            recall_strategy=recall_strategy,
            min_top_k=min_top_k,
            max_top_k=max_top_k,
            memories_threshold=memories_threshold,
            summaries_threshold=summaries_threshold,
            last_n_messages=last_n_messages,
            last_n_summaries=last_n_summaries,
            timezone=timezone,
            include_system_prompt=include_system_prompt,
            include_metadata_ids=include_metadata_ids,
            max_tokens=max_tokens,
        )
        return self._connection.stream(
            lambda api: api.get_context_stream(self.user_id, self.session_id, request)
        )

    def process(self) -> None:
        """Start processing and return at once: PROCESSING now, PROCESSED (or FAILED) later.

        Raises UserNotFoundError, SessionNotFoundError, and InvalidSessionStateError for a session
        that is being processed or was.

        Example:
            session.process()
        """
        self._model = self._connection.call(lambda api: api.process(self.user_id, self.session_id))

    def __repr__(self) -> str:
        return f"<Session {self.session_id} of {self.user_id!r}, {self.status.value}>"


class MergeConflict:
    """Two statements that cannot both be true, with the questions that resolve the conflict."""

    def __init__(self, connection: Connection, user_id: str, model: MergeConflictModel) -> None:
        self._connection = connection
        self._user_id = user_id
        self._model = model

    @property
    def conflict_id(self) -> str:
        """Unique id of the conflict."""
        return self._model.id

    @property
    def user_id(self) -> str:
        """Id of the user."""
        return self._user_id

    @property
    def session_id(self) -> str:
        """Id of the session in which the conflict arose."""
        return self._model.project_user_session_id

    @property
    def status(self) -> MergeConflictStatus:
        """Status at the last read; only a PENDING conflict can be resolved."""
        return self._model.status

    @property
    def proposed_memory_content(self) -> str | None:
        """Statement that is not remembered yet; None once the conflict is resolved."""
        return self._model.proposed_memory_content

    @property
    def conflicting_memories(self) -> list[MergeConflictConflictingMemory]:
        """Memories that the statement contradicts, each with the reason."""
        return self._model.conflicting_memories

    @property
    def clarifying_questions(self) -> list[MergeConflictQuestion]:
        """Questions to answer, each with its options."""
        return self._model.clarifying_questions

    @property
    def created_at(self) -> datetime:
        """Time at which the conflict arose, UTC."""
        return self._model.created_at

    @property
    def resolved_at(self) -> datetime | None:
        """Time of the resolution, UTC; None before."""
        return self._model.resolved_at

    @property
    def new_memories(self) -> list[MergeConflictNewMemory] | None:
        """Memories that the resolution created; None before."""
        return self._model.new_memories

    @property
    def resolution_data(self) -> dict[str, Any] | None:
        """Given answers, under `question_answers`; None before."""
        return self._model.resolution_data

    @property
    def failure_reason(self) -> str | None:
        """Why applying the answers failed; None if it did not."""
        return self._model.failure_reason

    def resolve(self, answers: Sequence[MergeConflictAnswer]) -> None:
        """Answer all questions and return at once: IN_QUEUE now, RESOLVED (or FAILED) later.

        answers: one for each question, which is repeated word for word with one of its options.
        Raises UserNotFoundError, MergeConflictNotFoundError, MergeConflictAlreadyResolvedError,
        MergeConflictInvalidQuestionsError, MergeConflictMissingAnswersError,
        MergeConflictInvalidAnswerError.

        Example:
            question = conflict.clarifying_questions[0]
            conflict.resolve([MergeConflictAnswer(question.question, question.options[0])])
        """
        self._model = self._connection.call(
            lambda api: api.resolve_merge_conflict(self._user_id, self.conflict_id, answers)
        )

    def refresh(self) -> None:
        """Read the conflict again. Raises UserNotFoundError, MergeConflictNotFoundError."""
        self._model = self._connection.call(
            lambda api: api.get_merge_conflict(self._user_id, self.conflict_id)
        )

    def __repr__(self) -> str:
        return f"<MergeConflict {self.conflict_id} of {self._user_id!r}, {self.status.value}>"
