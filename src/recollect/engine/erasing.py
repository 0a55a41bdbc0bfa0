"""Deletes memories together with what they were found in: sentences of messages and summaries."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from recollect.core import chains, passages
from recollect.core.erasure import Erasure, erasure
from recollect.core.passages import Passage
from recollect.engine.resources import Resources
from recollect.engine.transacting import apply_edit
from recollect.errors import UnavailableError
from recollect.models import DeletionReport, Message
from recollect.store import RecordedEmbedder, StoredPassage, Tx
from recollect.store.rows import to_bytes

TRIES = 5
"""Times that a deletion is worked out anew because the user's memories moved meanwhile."""


@dataclass(frozen=True, slots=True)
class _Told:
    """A session that deleted memories were found in. evidence: the messages that they rest on."""

    session_id: str
    messages: Sequence[Message]
    summary: str | None
    evidence: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Situation:
    """What a deletion is worked out from. revision: the user's when it was read.

    contents: of the versions that are deleted.
    """

    revision: int
    embedder: RecordedEmbedder
    edit: chains.ChainEdit
    erasure: Erasure
    contents: frozenset[str]
    told: Sequence[_Told]


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """A session as it is to be. changed: the messages that have another text, by position.

    passages: of all its messages, embedded. summary: None where it stays; with its vector.
    """

    session_id: str
    changed: Mapping[int, str]
    passages: Sequence[StoredPassage]
    summary: tuple[str, bytes] | None


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
                self._project_id, lambda tx: _situation(tx, user_id, memory_id, with_previous)
            )
            sessions = await asyncio.to_thread(self._rewritten, found)

            def work(
                tx: Tx, found: _Situation = found, sessions: Sequence[_Rewritten] = sessions
            ) -> DeletionReport | None:
                return self._write(tx, user_id, found, sessions)

            report, pending = await store.delete(self._project_id, work)
            if report is not None:
                self._resources.inference.forget()
                return replace(report, pending=pending)
        raise UnavailableError(
            "the user's memories kept changing while one was being deleted; nothing was: try again"
        )

    def _rewritten(self, found: _Situation) -> list[_Rewritten]:
        """The sessions that change, with what has to be embedded anew; blocking."""
        embedder = self._resources.embedders.of(found.embedder.name, found.embedder.dimension)
        sessions = []
        for told in found.told:
            texts = [
                found.erasure.message(one.content, is_evidence=position in told.evidence)
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
            summary = None if told.summary is None else found.erasure.summary(told.summary)
            if summary == told.summary:
                summary = None
            vectors = embedder.embed([*(one.text for one in cut), *([summary] if summary else [])])
            sessions.append(
                _Rewritten(
                    told.session_id,
                    changed,
                    [
                        _stored(told.session_id, one, to_bytes(row))
                        for one, row in zip(cut, vectors, strict=False)
                    ],
                    None
                    if summary is None
                    else (summary, to_bytes(vectors[-1]) if summary else b""),
                )
            )
        return sessions

    def _write(
        self, tx: Tx, user_id: str, found: _Situation, sessions: Sequence[_Rewritten]
    ) -> DeletionReport | None:
        user = tx.user(user_id)
        if user.revision().number != found.revision or user.embedder() != found.embedder:
            return None
        now = self._resources.clock()
        settled = user.withdraw_from_merge_conflicts(found.edit.deleted, found.contents, now)
        revision = apply_edit(user, found.edit)
        for one in sessions:
            for position, text in one.changed.items():
                user.redact_message(one.session_id, position, text)
            if one.changed:
                user.delete_passages(one.session_id)
                user.insert_passages(one.session_id, one.passages, revision)
            if one.summary is not None:
                user.replace_summary(one.session_id, *one.summary, revision)
        dropped = user.delete_quarantined(
            {one.session_id: one.evidence for one in found.told}, found.erasure.summary
        )
        return DeletionReport(
            deleted_at=now,
            memories=len(found.edit.deleted),
            redacted_messages=sum(len(one.changed) for one in sessions),
            rewritten_summaries=sum(one.summary is not None for one in sessions),
            merge_conflicts=settled,
            quarantined=dropped,
        )


def _situation(tx: Tx, user_id: str, memory_id: str, with_previous: bool) -> _Situation:
    user = tx.user(user_id)
    versions = user.versions()
    delete = chains.delete_with_previous if with_previous else chains.delete
    edit = delete(versions, memory_id)
    gone = [versions[one] for one in edit.deleted]
    chain = chains.Chains(versions)
    family = {one for deleted in edit.deleted for one in chain.family(deleted)}
    staying = {one: version for one, version in versions.items() if one not in edit.deleted}
    grounds: dict[str, set[int]] = {}
    for version in gone:
        for item in version.evidence:
            grounds.setdefault(item.session_id, set()).add(item.position)
    return _Situation(
        revision=user.revision().number,
        embedder=user.embedder(),
        edit=edit,
        contents=frozenset(version.content for version in gone),
        erasure=erasure(
            [version.content for version in gone],
            [version.content for one, version in staying.items() if one in family],
            [version.content for one, version in staying.items() if one not in family],
        ),
        told=[
            _Told(
                session_id,
                user.messages(session_id),
                user.session_summary(session_id),
                frozenset(positions),
            )
            for session_id, positions in sorted(grounds.items())
        ],
    )


def _stored(session_id: str, passage: Passage, vector: bytes) -> StoredPassage:
    return StoredPassage(
        session_id, passage.position, passage.kind, passage.start, passage.end, vector
    )
