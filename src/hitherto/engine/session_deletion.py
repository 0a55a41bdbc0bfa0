"""Deletion of sessions, also from memories that other sessions share."""

import asyncio
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from hitherto.core.extraction.extract import extract
from hitherto.core.history import version_chains
from hitherto.core.history.redaction import borrowed, erasure
from hitherto.core.text.terms import terms_of
from hitherto.engine.deletion import apply_edit, redact_merge_conflicts, redact_reasons
from hitherto.engine.resources import Resources
from hitherto.errors import UnavailableError
from hitherto.models import DeletionReport, ExpirationReason, MemoryVersion, SessionStatus
from hitherto.store import ProjectUsers, RecordedEmbedder, UserRows
from hitherto.store.rows import to_bytes

TRIES = 5
"""Times that a deletion is worked out anew because other memories had to be reworded meanwhile."""


@dataclass(frozen=True, slots=True)
class _Wording:
    """Contents that have to be embedded, and the embedder of the database."""

    embedder: RecordedEmbedder
    contents: frozenset[str]


class Leaving:
    """Deletes sessions of one project's users."""

    def __init__(self, resources: Resources, project_id: str) -> None:
        self._resources = resources
        self._project_id = project_id

    async def delete_session(self, user_id: str, session_id: str) -> DeletionReport:
        """Delete a session with everything learned from it.

        Raises UserNotFoundError, SessionNotFoundError, EmbedderError, and UnavailableError when
        the user's memories do not stop changing.
        """
        vectors: dict[tuple[RecordedEmbedder, str], bytes] = {}
        for _ in range(TRIES):

            def work(tx: ProjectUsers) -> tuple[list[str], DeletionReport | _Wording]:
                user = tx.user(user_id)
                before = user.revision()
                report = self._write(user, session_id, vectors)
                # Of a session that told nothing yet no copy has anything.
                return [user.user_id] if user.revision() != before else [], report

            (outdated, report), pending = await self._resources.store.delete(
                lambda tx: work(tx.users(self._project_id))
            )
            if isinstance(report, DeletionReport):
                self._resources.forget(outdated)
                return replace(report, pending=pending)
            made = await asyncio.to_thread(self._embedded, report)
            vectors.update({(report.embedder, one): vector for one, vector in made.items()})
        raise UnavailableError(
            "the user's memories kept changing while a session was being deleted; nothing was: "
            "try again"
        )

    def _embedded(self, wording: _Wording) -> dict[str, bytes]:
        made_by, contents = wording.embedder, sorted(wording.contents)
        vectors = self._resources.embedders.of(made_by.name, made_by.dimension).embed(contents)
        return {one: to_bytes(row) for one, row in zip(contents, vectors, strict=True)}

    def _write(
        self, user: UserRows, session_id: str, vectors: Mapping[tuple[RecordedEmbedder, str], bytes]
    ) -> DeletionReport | _Wording:
        """Delete it; or nothing, and say what has to be embedded before."""
        now, embedder = self._resources.clock(), user.embedder()
        session = user.sessions.get(session_id)
        report = user.contents(session_id, now)
        if session.status is not SessionStatus.PROCESSED and not report.memories:
            user.sessions.delete(session_id)
            return report
        versions = user.memories.versions()
        edit, kin, reworded = _edit(user, versions, session_id)
        missing = {one for one in reworded.values() if (embedder, one) not in vectors}
        if missing:
            return _Wording(embedder, frozenset(missing))
        gone = [versions[one].content for one in edit.deleted]
        staying = [one for one in versions.values() if one.memory_id not in edit.deleted]
        erased = erasure(
            gone,
            [reworded.get(one, versions[one].content) for one in kin],
            [reworded.get(one.memory_id, one.content) for one in staying],
        )
        changed = redact_merge_conflicts(
            user, edit.deleted, erased, frozenset(gone), now, except_session_id=session_id
        )
        # Also without memories, so that no working set keeps the messages.
        revision = apply_edit(user, edit)
        for memory_id, content in reworded.items():
            user.memories.reword(memory_id, content, vectors[embedder, content], revision)
        redact_reasons(user, erased, kin, revision)
        user.sessions.delete(session_id)
        return replace(
            report,
            memories=len(edit.deleted),
            merge_conflicts=report.merge_conflicts + changed,
            reworded_memories=len(reworded),
        )


def _edit(
    user: UserRows, versions: Mapping[str, MemoryVersion], session_id: str
) -> tuple[version_chains.ChainEdit, Set[str], dict[str, str]]:
    """Return the change of the chains, the remaining versions, and their new contents.

    A version that joined statements of this and of another session keeps the other's; if these
    cannot be separated, the version is deleted, too.
    """
    chain = version_chains.Chains(versions)
    edit = version_chains.delete_session(versions, session_id)
    reworded: dict[str, str] = {}
    while True:
        gone = set(edit.deleted)
        kin = {one for deleted in edit.deleted for one in chain.family(deleted)} - gone
        lost = set()
        for one in sorted(kin - reworded.keys()):
            joined = _joined(chain.history(one), gone)
            own = _own_content(user, versions[one], joined, session_id)
            if own is None:
                lost.add(one)
            elif own != versions[one].content:
                reworded[one] = own
        if not lost:
            return edit, kin, reworded
        edit = version_chains.delete_session(versions, session_id, gone | lost)


def _joined(history: Sequence[MemoryVersion], gone: Set[str]) -> list[str]:
    """Return deleted contents that the first version of a history may be joined from."""
    found = []
    for version in history[1:]:
        if version.expiration_reason is not ExpirationReason.ADDITION_TO_EXISTING_MEMORY:
            break
        if version.memory_id in gone:
            found.append(version.content)
    return found


def _own_content(
    user: UserRows, version: MemoryVersion, joined: Sequence[str], session_id: str
) -> str | None:
    """Return a version's content without deleted parts; None if nothing remains."""
    if not borrowed(version.content, joined, ()):
        return version.content
    grounds = {version.session_id, *(item.session_id for item in version.evidence)} - {session_id}
    sessions = {one: user.messages.of_session(one) for one in sorted(grounds)}
    support = [message.content for messages in sessions.values() for message in messages]
    if not borrowed(version.content, joined, support):
        return version.content
    terms = frozenset(terms_of(version.content))
    said = [
        candidate.content
        for one, messages in sessions.items()
        for candidate in extract(messages, user.sessions.get(one).created_at)
        if frozenset(terms_of(candidate.content)) <= terms
    ]
    return max(said, key=lambda content: len(terms_of(content)), default=None)
