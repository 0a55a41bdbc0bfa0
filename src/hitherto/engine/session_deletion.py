"""Deletion of sessions, also from memories that other sessions share."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime

from hitherto.core.extraction.extract import extract
from hitherto.core.history import version_chains
from hitherto.core.history.redaction import borrowed_terms, redactor_for
from hitherto.core.text.quotation import words_to_embed
from hitherto.core.text.terms import terms_of
from hitherto.engine.deletion import apply_edit, redact_merge_conflicts, redact_reasons
from hitherto.engine.resources import Resources
from hitherto.errors import UnavailableError
from hitherto.models import (
    DeletionReport,
    ExpirationReason,
    MemoryVersion,
    Message,
    SessionStatus,
)
from hitherto.store import ProjectUsers, RecordedEmbedder, UserRows
from hitherto.store.rows import to_bytes
from hitherto.threads import in_thread
from hitherto.trained import statement_model

ATTEMPTS = 5
"""Attempts of a deletion. One fails if further texts must be read or need new vectors."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Another session that a joined memory rests on."""

    messages: tuple[Message, ...]
    read_at: datetime


@dataclass(slots=True)
class _Read:
    """Results of models on texts, made outside of transactions.

    vectors: of contents, as stored, by the database's embedder. statements: contents that were
    extracted from sessions.
    """

    vectors: dict[tuple[RecordedEmbedder, str], bytes] = field(default_factory=dict)
    statements: dict[_Source, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _ToRead:
    """Texts that the models have to read first; embedder: that of the database."""

    embedder: RecordedEmbedder
    contents: frozenset[str] = frozenset()
    sources: frozenset[_Source] = frozenset()


class SessionDeletion:
    """Deletes sessions of one project's users."""

    def __init__(self, resources: Resources, project_id: str) -> None:
        self._resources = resources
        self._project_id = project_id

    async def delete_session(self, user_id: str, session_id: str) -> DeletionReport:
        """Delete a session with everything learned from it.

        Raises UserNotFoundError, SessionNotFoundError, EmbedderError, and UnavailableError when
        the user's memories do not stop changing.
        """
        read = _Read()
        for _ in range(ATTEMPTS):

            def work(tx: ProjectUsers) -> tuple[list[str], DeletionReport | _ToRead]:
                user = tx.user(user_id)
                before = user.revision()
                report = self._write(user, session_id, read)
                # An unprocessed session is in no cached index, so none needs to be dropped.
                return [user.user_id] if user.revision() != before else [], report

            async with self._resources.write_shares.use(self._project_id):
                (outdated, report), pending = await self._resources.store.delete(
                    lambda tx: work(tx.users(self._project_id))
                )
            if isinstance(report, DeletionReport):
                self._resources.forget(outdated)
                return replace(report, pending=pending)
            await in_thread(self._read_further, report, read)
        raise UnavailableError(
            "the user's memories kept changing during the deletion of a session; "
            "nothing was deleted: try again"
        )

    def _read_further(self, missing: _ToRead, read: _Read) -> None:
        """Add what is missing; blocking."""
        made_by, contents = missing.embedder, sorted(missing.contents)
        words = [words_to_embed(content) for content in contents]
        vectors = self._resources.embedders.of(made_by.name, made_by.dimension).embed(words)
        for content, row in zip(contents, vectors, strict=True):
            read.vectors[made_by, content] = to_bytes(row)
        model = self._resources.statement_model or statement_model()
        for source in missing.sources:
            candidates = extract(source.messages, source.read_at, model)
            read.statements[source] = [candidate.content for candidate in candidates]

    def _write(self, user: UserRows, session_id: str, read: _Read) -> DeletionReport | _ToRead:
        """Delete the session; or nothing, and return what must be read first."""
        now, embedder = self._resources.clock(), user.embedder()
        session = user.sessions.get(session_id)
        report = user.contents(session_id, now)
        if session.status is not SessionStatus.PROCESSED and not report.memories:
            user.sessions.delete(session_id)
            return report
        versions = user.memories.versions()
        sources = _Sources(user, read.statements)
        edit, siblings, reworded = _edit(sources, versions, session_id)
        if sources.unread:
            return _ToRead(embedder, sources=frozenset(sources.unread))
        missing = {text for text in reworded.values() if (embedder, text) not in read.vectors}
        if missing:
            return _ToRead(embedder, frozenset(missing))
        deleted = [versions[memory_id].content for memory_id in edit.deleted]
        remaining = [
            version for version in versions.values() if version.memory_id not in edit.deleted
        ]
        redactor = redactor_for(
            deleted,
            [reworded.get(memory_id, versions[memory_id].content) for memory_id in siblings],
            [reworded.get(version.memory_id, version.content) for version in remaining],
        )
        changed = redact_merge_conflicts(
            user, edit.deleted, redactor, frozenset(deleted), now, except_session_id=session_id
        )
        # Also without deleted memories: cached indexes have the messages.
        revision = apply_edit(user, edit)
        for memory_id, content in reworded.items():
            user.memories.reword(memory_id, content, read.vectors[embedder, content], revision)
        redact_reasons(user, redactor, siblings, revision)
        user.sessions.delete(session_id)
        return replace(
            report,
            memories=len(edit.deleted),
            merge_conflicts=report.merge_conflicts + changed,
            reworded_memories=len(reworded),
        )


@dataclass(slots=True)
class _Sources:
    """Sessions that joined memories rest on. unread: those whose statements are still needed."""

    user: UserRows
    statements: Mapping[_Source, Sequence[str]]
    unread: set[_Source] = field(default_factory=set)

    def of(self, version: MemoryVersion, session_id: str) -> list[_Source]:
        """Return the sessions of a version, other than the one that is deleted."""
        ids = {version.session_id, *(item.session_id for item in version.evidence)} - {session_id}
        return [
            _Source(
                tuple(self.user.messages.of_session(source_id)),
                self.user.sessions.read_at(source_id),
            )
            for source_id in sorted(ids)
        ]


def _edit(
    sources: _Sources, versions: Mapping[str, MemoryVersion], session_id: str
) -> tuple[version_chains.ChainEdit, Set[str], dict[str, str]]:
    """Return the change of the chains, the remaining versions, and their new contents.

    A version that joined statements of this and of another session keeps the other's; if these
    cannot be separated, the version is deleted, too.
    """
    chain = version_chains.Chains(versions)
    edit = version_chains.delete_session(versions, session_id)
    reworded: dict[str, str] = {}
    while True:
        deleted_ids = set(edit.deleted)
        families = (chain.family(deleted_id) for deleted_id in edit.deleted)
        siblings = set().union(*families) - deleted_ids
        lost = set()
        for sibling_id in sorted(siblings - reworded.keys()):
            deleted_contents = _deleted_additions(chain.history(sibling_id), deleted_ids)
            own = _own_content(sources, versions[sibling_id], deleted_contents, session_id)
            if own is None:
                lost.add(sibling_id)
            elif own != versions[sibling_id].content:
                reworded[sibling_id] = own
        if not lost:
            return edit, siblings, reworded
        edit = version_chains.delete_session(versions, session_id, deleted_ids | lost)


def _deleted_additions(history: Sequence[MemoryVersion], deleted_ids: Set[str]) -> list[str]:
    """Return deleted contents that the first version of a history may be joined from."""
    contents = []
    for version in history[1:]:
        if version.expiration_reason is not ExpirationReason.ADDITION_TO_EXISTING_MEMORY:
            break
        if version.memory_id in deleted_ids:
            contents.append(version.content)
    return contents


def _own_content(
    sources: _Sources, version: MemoryVersion, deleted_contents: Sequence[str], session_id: str
) -> str | None:
    """Return a version's content without deleted parts; None if nothing remains.

    The content stays while statements of its sources are unread.
    """
    if not borrowed_terms(version.content, deleted_contents, ()):
        return version.content
    sessions = sources.of(version, session_id)
    evidence = [message.content for session in sessions for message in session.messages]
    if not borrowed_terms(version.content, deleted_contents, evidence):
        return version.content
    unread = {session for session in sessions if session not in sources.statements}
    if unread:
        sources.unread |= unread
        return version.content
    terms = frozenset(terms_of(version.content))
    alternatives = [
        content
        for session in sessions
        for content in sources.statements[session]
        if frozenset(terms_of(content)) <= terms
    ]
    return max(alternatives, key=lambda content: len(terms_of(content)), default=None)
