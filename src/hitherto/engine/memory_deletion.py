"""Deletes memories together with what they were found in: sentences of messages and summaries."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hitherto.core.extraction import summaries
from hitherto.core.history import version_chains
from hitherto.core.history.redaction import Erasure, erasure, unmarked
from hitherto.core.recall import passages
from hitherto.core.recall.passages import Passage
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

TRIES = 5
"""Times that a deletion is worked out anew because the user's memories moved meanwhile."""


@dataclass(frozen=True, slots=True)
class _Told:
    """A session that deleted memories were found in. evidence: the messages that they rest on.

    contents: of the memories that it created and that stay.
    """

    session_id: str
    created_at: datetime
    messages: Sequence[Message]
    summary: str | None
    evidence: frozenset[int]
    contents: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Situation:
    """State from which a deletion is computed. revision: the user's when it was read.

    user_id: the store's. contents: of the versions that are deleted. kin: ids of the versions of
    the same memories that stay. unprocessed: session, position and content of other messages.
    """

    user_id: str
    revision: int
    embedder: RecordedEmbedder
    edit: version_chains.ChainEdit
    erasure: Erasure
    contents: frozenset[str]
    kin: frozenset[str]
    told: Sequence[_Told]
    unprocessed: Sequence[tuple[str, int, str]]


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """A session as it is to be. changed: the messages that have another text, by position.

    passages: of all its messages, embedded. summary: None where it stays; with its vector.
    """

    session_id: str
    changed: Mapping[int, str]
    passages: Sequence[StoredPassage]
    summary: tuple[str, bytes] | None


@dataclass(frozen=True, slots=True)
class _Rewriting:
    """Texts to write. erasure: with the sentences removed from the evidence.

    waiting: messages of sessions that are not processed that have another text.
    """

    erasure: Erasure
    sessions: Sequence[_Rewritten]
    waiting: Sequence[tuple[str, int, str]]


class Erasing:
    """Deletes memories of one project's users."""

    def __init__(self, resources: Resources, project_id: str) -> None:
        self._resources = resources
        self._project_id = project_id

    async def delete_memory(
        self, user_id: str, memory_id: str, with_previous: bool
    ) -> DeletionReport:
        """Delete a version, or it and those before it, with every sentence that says it.

        Raises UserNotFoundError, MemoryNotFoundError, EmbedderError, and UnavailableError when the
        user's memories do not stop changing.
        """
        store = self._resources.store
        for _ in range(TRIES):
            found = await store.read(
                lambda tx: _situation(tx.users(self._project_id), user_id, memory_id, with_previous)
            )
            rewriting = await asyncio.to_thread(self._rewriting, found)

            def work(
                tx: ProjectUsers, found: _Situation = found, rewriting: _Rewriting = rewriting
            ) -> DeletionReport | None:
                return self._write(tx, user_id, found, rewriting)

            report, pending = await store.delete(lambda tx: work(tx.users(self._project_id)))
            if report is not None:
                self._resources.forget([found.user_id])
                return replace(report, pending=pending)
        raise UnavailableError(
            "the user's memories kept changing while one was being deleted; nothing was: try again"
        )

    def _rewriting(self, found: _Situation) -> _Rewriting:
        """Compute the changes, with new embeddings; blocking."""
        further = found.erasure.with_removed(
            sentence
            for told in found.told
            for position in told.evidence
            for sentence in found.erasure.grounds(told.messages[position].content)
        )
        left = [
            (session_id, position, further.elsewhere(content))
            for session_id, position, content in found.unprocessed
        ]
        return _Rewriting(
            further,
            [self._rewritten(told, further, found.embedder) for told in found.told],
            [
                (session_id, position, text)
                for (session_id, position, text), (*_, before) in zip(
                    left, found.unprocessed, strict=True
                )
                if text != before
            ],
        )

    def _rewritten(self, told: _Told, further: Erasure, made_by: RecordedEmbedder) -> _Rewritten:
        texts = [
            further.evidence(one.content)
            if position in told.evidence
            else further.beside(one.content)
            for position, one in enumerate(told.messages)
        ]
        changed = {
            position: text
            for position, (text, one) in enumerate(zip(texts, told.messages, strict=True))
            if text != one.content
        }
        messages = [
            replace(one, content=text) for text, one in zip(texts, told.messages, strict=True)
        ]
        cut = passages.cut(messages) if changed else []
        summary = _summary(told, messages, further)
        embedder = self._resources.embedders.of(made_by.name, made_by.dimension)
        vectors = embedder.embed([*(one.text for one in cut), *([summary] if summary else [])])
        stored = [
            _stored(told.session_id, one, to_bytes(row))
            for one, row in zip(cut, vectors, strict=False)
        ]
        rewritten = None
        if summary is not None:
            rewritten = (summary, to_bytes(vectors[-1]) if summary else b"")
        return _Rewritten(told.session_id, changed, stored, rewritten)

    def _write(
        self, tx: ProjectUsers, user_id: str, found: _Situation, rewriting: _Rewriting
    ) -> DeletionReport | None:
        user = tx.user(user_id)
        if user.revision().number != found.revision or user.embedder() != found.embedder:
            return None
        now = self._resources.clock()
        erased, sessions, waiting = rewriting.erasure, rewriting.sessions, rewriting.waiting
        settled = redact_merge_conflicts(user, found.edit.deleted, erased, found.contents, now)
        revision = apply_edit(user, found.edit)
        for one in sessions:
            for position, text in one.changed.items():
                user.messages.redact(one.session_id, position, text)
            if one.changed:
                user.passages.delete(one.session_id)
                user.passages.insert(one.session_id, one.passages, revision)
            if one.summary is not None:
                user.summaries.replace(one.session_id, *one.summary, revision)
        for session_id, position, text in waiting:
            user.messages.redact(session_id, position, text)
        user.sessions.interrupt({session_id for session_id, _, _ in waiting})
        redact_reasons(user, erased, found.kin, revision)
        dropped = delete_quarantined(
            user, {one.session_id: one.evidence for one in found.told}, erased.summary
        )
        return DeletionReport(
            deleted_at=now,
            memories=len(found.edit.deleted),
            redacted_messages=sum(len(one.changed) for one in sessions) + len(waiting),
            rewritten_summaries=sum(one.summary is not None for one in sessions),
            merge_conflicts=settled,
            quarantined=dropped,
        )


def _summary(told: _Told, messages: Sequence[Message], erased: Erasure) -> str | None:
    """Return the session's new summary, "" for none; None if it stays."""
    if told.summary is None:
        return None
    left = erased.summary(told.summary)
    if left == " ".join(told.summary.split()):
        return None
    if left and not summaries.is_own(told.summary, told.created_at):
        return left
    # What is left of sentences in quotation marks would be torn; and no summary at all would take
    # the other messages of the session out of what can be recalled.
    heard = [replace(one, content=unmarked(one.content)) for one in messages]
    heard = [one for one in heard if one.content]
    return summaries.summarise(heard, told.contents, told.created_at)


def _situation(tx: ProjectUsers, user_id: str, memory_id: str, with_previous: bool) -> _Situation:
    user = tx.user(user_id)
    versions = user.memories.versions()
    delete = version_chains.delete_with_previous if with_previous else version_chains.delete
    edit = delete(versions, memory_id)
    gone = [versions[one] for one in edit.deleted]
    chain = version_chains.Chains(versions)
    family = {one for deleted in edit.deleted for one in chain.family(deleted)}
    staying = {one: version for one, version in versions.items() if one not in edit.deleted}
    grounds: dict[str, set[int]] = {}
    for version in gone:
        for item in version.evidence:
            grounds.setdefault(item.session_id, set()).add(item.position)
    return _Situation(
        user_id=user.user_id,
        revision=user.revision().number,
        embedder=user.embedder(),
        edit=edit,
        contents=frozenset(version.content for version in gone),
        erasure=erasure(
            [version.content for version in gone],
            [version.content for one, version in staying.items() if one in family],
            [version.content for one, version in staying.items() if one not in family],
        ),
        kin=frozenset(staying.keys() & family),
        told=[
            _Told(
                session_id,
                user.sessions.get(session_id).created_at,
                user.messages.of_session(session_id),
                user.summaries.get(session_id),
                frozenset(positions),
                [one.content for one in staying.values() if one.session_id == session_id],
            )
            for session_id, positions in sorted(grounds.items())
        ],
        unprocessed=user.messages.unprocessed(),
    )


def _stored(session_id: str, passage: Passage, vector: bytes) -> StoredPassage:
    return StoredPassage(
        session_id, passage.position, passage.kind, passage.start, passage.end, vector
    )
