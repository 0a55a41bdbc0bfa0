"""Deletion of memories, also from the messages and summaries that state them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hitherto.core.extraction import summaries
from hitherto.core.history import version_chains
from hitherto.core.history.redaction import Redactor, redactor_for, without_marks
from hitherto.core.recall import passages
from hitherto.core.recall.passages import Passage
from hitherto.core.text.quotation import words_to_embed
from hitherto.engine.deletion import (
    apply_edit,
    delete_quarantined,
    redact_merge_conflicts,
    redact_reasons,
)
from hitherto.engine.resources import Resources
from hitherto.errors import UnavailableError
from hitherto.models import DeletionReport, Message
from hitherto.store import ProjectUsers, RecordedEmbedder, StoredPassage
from hitherto.store.rows import to_bytes
from hitherto.threads import in_thread

ATTEMPTS = 5
"""Attempts of a deletion. One fails if the user's memories change while it is computed."""


@dataclass(frozen=True, slots=True)
class _SourceSession:
    """A session that deleted memories came from. evidence: positions of messages they rest on.

    contents: of the memories that stay and that it created, by id.
    """

    session_id: str
    created_at: datetime
    messages: Sequence[Message]
    summary: str | None
    evidence: frozenset[int]
    contents: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _DeletionState:
    """State from which a deletion is computed. revision: the user's when it was read.

    user_id: the store's. contents: of the versions that are deleted. siblings: ids of the remaining
    versions of the same memories. unprocessed: session, position and content of messages of
    sessions that are not processed.
    """

    user_id: str
    revision: int
    embedder: RecordedEmbedder
    edit: version_chains.ChainEdit
    redactor: Redactor
    contents: frozenset[str]
    siblings: frozenset[str]
    sources: Sequence[_SourceSession]
    unprocessed: Sequence[tuple[str, int, str]]


@dataclass(frozen=True, slots=True)
class _SessionChange:
    """Changes of a session. changed: new texts of messages, by position.

    passages: of all its messages, embedded. summary: new text and vector; None if it stays.
    """

    session_id: str
    changed: Mapping[int, str]
    passages: Sequence[StoredPassage]
    summary: tuple[str, bytes] | None


@dataclass(frozen=True, slots=True)
class _TextChanges:
    """Texts to write. redactor: with the sentences removed from the evidence.

    unprocessed: changed messages of sessions that are not processed. reworded: id, new content and
    vector of memories that stay, but lose words before their own.
    """

    redactor: Redactor
    sessions: Sequence[_SessionChange]
    reworded: Sequence[tuple[str, str, bytes]]
    unprocessed: Sequence[tuple[str, int, str]]


class MemoryDeletion:
    """Deletes memories of one project's users."""

    def __init__(self, resources: Resources, project_id: str) -> None:
        self._resources = resources
        self._project_id = project_id

    async def delete_memory(
        self, user_id: str, memory_id: str, with_previous: bool
    ) -> DeletionReport:
        """Delete a version, or it and all earlier ones, with every sentence that states it.

        Raises UserNotFoundError, MemoryNotFoundError, EmbedderError, and UnavailableError when the
        user's memories do not stop changing.
        """
        store = self._resources.store
        for _ in range(ATTEMPTS):
            state = await store.read(
                lambda tx: _read_state(
                    tx.users(self._project_id), user_id, memory_id, with_previous
                )
            )
            changes = await in_thread(self._compute_changes, state)

            def work(
                tx: ProjectUsers, state: _DeletionState = state, changes: _TextChanges = changes
            ) -> DeletionReport | None:
                return self._write(tx, user_id, state, changes)

            async with self._resources.write_shares.use(self._project_id):
                report, pending = await store.delete(lambda tx: work(tx.users(self._project_id)))
            if report is not None:
                self._resources.forget([state.user_id])
                return replace(report, pending=pending)
        raise UnavailableError(
            "the user's memories kept changing during the deletion; nothing was deleted: try again"
        )

    def _compute_changes(self, state: _DeletionState) -> _TextChanges:
        """Compute the changes, with new embeddings; blocking."""
        redactor = state.redactor.with_removed(
            sentence
            for source in state.sources
            for position in source.evidence
            for sentence in state.redactor.grounds(source.messages[position].content)
        )
        unprocessed = [
            (session_id, position, redactor.redact_elsewhere(content))
            for session_id, position, content in state.unprocessed
        ]
        return _TextChanges(
            redactor,
            [self._change_session(source, redactor, state.embedder) for source in state.sources],
            self._reword(state, redactor),
            [
                (session_id, position, text)
                for (session_id, position, text), (*_, before) in zip(
                    unprocessed, state.unprocessed, strict=True
                )
                if text != before
            ],
        )

    def _reword(self, state: _DeletionState, redactor: Redactor) -> list[tuple[str, str, bytes]]:
        reworded = {
            memory_id: redactor.redact_context(content)
            for source in state.sources
            for memory_id, content in source.contents.items()
            if redactor.redact_context(content) != content
        }
        embedder = self._resources.embedders.of(state.embedder.name, state.embedder.dimension)
        vectors = embedder.embed([words_to_embed(content) for content in reworded.values()])
        return [
            (memory_id, content, to_bytes(row))
            for (memory_id, content), row in zip(reworded.items(), vectors, strict=True)
        ]

    def _change_session(
        self, source: _SourceSession, redactor: Redactor, made_by: RecordedEmbedder
    ) -> _SessionChange:
        texts = [
            redactor.redact_evidence(item.content)
            if position in source.evidence
            else redactor.redact(item.content)
            for position, item in enumerate(source.messages)
        ]
        changed = {
            position: text
            for position, (text, item) in enumerate(zip(texts, source.messages, strict=True))
            if text != item.content
        }
        messages = [
            replace(item, content=text) for text, item in zip(texts, source.messages, strict=True)
        ]
        cut = passages.cut(messages) if changed else []
        summary = _summary(source, messages, redactor)
        embedder = self._resources.embedders.of(made_by.name, made_by.dimension)
        vectors = embedder.embed([*(item.text for item in cut), *([summary] if summary else [])])
        stored = [
            _stored_passage(source.session_id, item, to_bytes(row))
            for item, row in zip(cut, vectors, strict=False)
        ]
        rewritten = None
        if summary is not None:
            rewritten = (summary, to_bytes(vectors[-1]) if summary else b"")
        return _SessionChange(source.session_id, changed, stored, rewritten)

    def _write(
        self, tx: ProjectUsers, user_id: str, state: _DeletionState, changes: _TextChanges
    ) -> DeletionReport | None:
        user = tx.user(user_id)
        if user.revision().number != state.revision or user.embedder() != state.embedder:
            return None
        now = self._resources.clock()
        redactor, sessions, unprocessed = (
            changes.redactor,
            changes.sessions,
            changes.unprocessed,
        )
        changed_conflicts = redact_merge_conflicts(
            user, state.edit.deleted, redactor, state.contents, now
        )
        revision = apply_edit(user, state.edit)
        for memory_id, content, vector in changes.reworded:
            user.memories.reword(memory_id, content, vector, revision)
        for session in sessions:
            for position, text in session.changed.items():
                user.messages.redact(session.session_id, position, text)
            if session.changed:
                user.passages.delete(session.session_id)
                user.passages.insert(session.session_id, session.passages, revision)
            if session.summary is not None:
                user.summaries.replace(session.session_id, *session.summary, revision)
        for session_id, position, text in unprocessed:
            user.messages.redact(session_id, position, text)
        user.sessions.interrupt({session_id for session_id, _, _ in unprocessed})
        redact_reasons(user, redactor, state.siblings, revision)
        quarantined = delete_quarantined(
            user,
            {session.session_id: session.evidence for session in state.sources},
            redactor.redact_summary,
        )
        return DeletionReport(
            deleted_at=now,
            memories=len(state.edit.deleted),
            redacted_messages=sum(len(session.changed) for session in sessions) + len(unprocessed),
            rewritten_summaries=sum(session.summary is not None for session in sessions),
            merge_conflicts=changed_conflicts,
            quarantined=quarantined,
            reworded_memories=len(changes.reworded),
        )


def _summary(source: _SourceSession, messages: Sequence[Message], redactor: Redactor) -> str | None:
    """Return the new summary of a session, "" for none; None if it stays."""
    if source.summary is None:
        return None
    redacted = redactor.redact_summary(source.summary)
    if redacted == " ".join(source.summary.split()):
        return None
    if redacted and not summaries.is_own(source.summary, source.created_at):
        return redacted
    # Without the deleted parts, quoted sentences would be torn. Without a summary, the rest of the
    # session would be recalled less.
    remaining = [replace(message, content=without_marks(message.content)) for message in messages]
    remaining = [message for message in remaining if message.content]
    contents = [redactor.redact_context(content) for content in source.contents.values()]
    return summaries.summarise(remaining, contents, source.created_at)


def _read_state(
    tx: ProjectUsers, user_id: str, memory_id: str, with_previous: bool
) -> _DeletionState:
    user = tx.user(user_id)
    versions = user.memories.versions()
    delete = version_chains.delete_with_previous if with_previous else version_chains.delete
    edit = delete(versions, memory_id)
    deleted_versions = [versions[memory_id] for memory_id in edit.deleted]
    chain = version_chains.Chains(versions)
    family = {memory_id for deleted in edit.deleted for memory_id in chain.family(deleted)}
    staying = {
        memory_id: version
        for memory_id, version in versions.items()
        if memory_id not in edit.deleted
    }
    positions_by_session: dict[str, set[int]] = {}
    for version in deleted_versions:
        for item in version.evidence:
            positions_by_session.setdefault(item.session_id, set()).add(item.position)
    return _DeletionState(
        user_id=user.user_id,
        revision=user.revision().number,
        embedder=user.embedder(),
        edit=edit,
        contents=frozenset(version.content for version in deleted_versions),
        redactor=redactor_for(
            [version.content for version in deleted_versions],
            [version.content for memory_id, version in staying.items() if memory_id in family],
            [version.content for memory_id, version in staying.items() if memory_id not in family],
        ),
        siblings=frozenset(staying.keys() & family),
        sources=[
            _SourceSession(
                session_id,
                user.sessions.read_at(session_id),
                user.messages.of_session(session_id),
                user.summaries.get(session_id),
                frozenset(positions),
                {
                    memory_id: version.content
                    for memory_id, version in staying.items()
                    if version.session_id == session_id
                },
            )
            for session_id, positions in sorted(positions_by_session.items())
        ],
        unprocessed=user.messages.unprocessed(),
    )


def _stored_passage(session_id: str, passage: Passage, vector: bytes) -> StoredPassage:
    return StoredPassage(
        session_id, passage.position, passage.kind, passage.start, passage.end, vector
    )
