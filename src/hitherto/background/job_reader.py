"""Extraction for a job, from a session or from the answers to a merge conflict.

Reconciliation with the user's memories and writing follow later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from hitherto.background.jobs import ConflictJob, Job, SessionJob
from hitherto.background.plan_writer import Findings
from hitherto.background.stored_fields import FieldBuilder
from hitherto.core.dates.formatting import in_zone
from hitherto.core.history.redaction import without_marks
from hitherto.core.recall import passages
from hitherto.core.reconciliation.conflict_resolution import AnsweredConflict
from hitherto.core.safety import echo, low_trust
from hitherto.core.safety.injection_patterns import QuarantineReason
from hitherto.core.safety.screening import Screened, screen
from hitherto.engine.metered_inference import ChargedInference
from hitherto.errors import RecallrAIError
from hitherto.memory_index import UserIndex
from hitherto.models import Candidate, Category, GenerationPreferences, Message, MessageRole
from hitherto.prompts import system_prompts
from hitherto.store import JobRows, RecordedEmbedder, StoredPassage, Work
from hitherto.store.rows import to_bytes
from hitherto.threads import in_thread
from hitherto.trained import provenance_classifier


class LeaseLostError(RecallrAIError):
    """Another worker has the job now, or it was deleted; the result is dropped."""


@dataclass(frozen=True, slots=True)
class JobState:
    """State of the rows that a job is about, read when it begins.

    messages: of a session. conflict: None for a session. read_in: zone in
    which its days are read; None if none was given.
    """

    project_id: str
    messages: Sequence[Message]
    conflict: AnsweredConflict | None
    conflicts_enabled: bool
    categories: Sequence[Category]
    preferences: GenerationPreferences
    embedder: RecordedEmbedder
    read_in: ZoneInfo | None

    @property
    def zone(self) -> tzinfo:
        """Zone in which days are read."""
        return self.read_in or UTC


def read_state(tx: JobRows, work: Work) -> JobState:
    """Read the rows that a job is about. Raises LeaseLostError if they were deleted."""
    user = tx.user(work)
    read_in = user.zone(user.sessions.get(work.session_id))
    zone = read_in or UTC
    conflict = None
    if work.merge_conflict_id is not None:
        conflict = user.conflicts.answered(work.merge_conflict_id, work.created_at)
        if conflict is None:
            raise LeaseLostError(f"{work} was deleted")
        conflict = replace(
            conflict,
            session_created_at=in_zone(conflict.session_created_at, zone),
            answered_at=in_zone(conflict.answered_at, zone),
        )
    return JobState(
        user.project_id,
        user.messages.of_session(work.session_id) if conflict is None else (),
        conflict,
        tx.merge_conflicts_enabled(user),
        tx.categories(user),
        tx.generation_preferences(user),
        user.embedder(),
        read_in,
    )


class JobReader:
    """Extracts and embeds statements from a session, or from the answers to a merge conflict."""

    def __init__(self, field_builder: FieldBuilder) -> None:
        self._field_builder = field_builder

    async def read(
        self, work: Work, state: JobState, index: UserIndex, inference: ChargedInference
    ) -> Job:
        """Return the job of a session or of an answered merge conflict.

        index: of the user's memories. Raises what the inference raises.
        """
        if state.conflict is None:
            return await self._read_session(work, state, index, inference)
        return await self._read_answers(state.conflict, state, index, inference)

    async def _read_session(
        self, work: Work, state: JobState, index: UserIndex, inference: ChargedInference
    ) -> SessionJob:
        """Extract statements and summary of a session, and cut its messages into passages."""
        said_at = in_zone(work.created_at, state.zone)
        screened = await self._extract(state.messages, said_at, state, index, inference)
        findings = await in_thread(self._findings, work, state, screened)
        return SessionJob(work, findings, state.conflicts_enabled)

    def _findings(self, work: Work, state: JobState, screened: Screened) -> Findings:
        """Cut the messages of a session into passages, and embed these and what was extracted."""
        candidates, summary = screened.candidates, screened.summary
        cut = passages.cut(state.messages)
        texts = [candidate.content for candidate in candidates] + [item.text for item in cut]
        to_embed = [*texts, summary] if summary else texts
        vectors = self._field_builder.embed_now(state.embedder, to_embed)
        first_passage, after_passages = len(candidates), len(candidates) + len(cut)
        return Findings(
            read_in=state.read_in,
            candidates=candidates,
            vectors=vectors[:first_passage],
            summary=summary,
            summary_vector=vectors[-1] if summary else None,
            passages=[
                StoredPassage(
                    work.session_id, item.position, item.kind, item.start, item.end, to_bytes(row)
                )
                for item, row in zip(cut, vectors[first_passage:after_passages], strict=True)
            ],
            quarantined=screened.quarantined,
            note=screened.note,
        )

    async def _read_answers(
        self,
        conflict: AnsweredConflict,
        state: JobState,
        index: UserIndex,
        inference: ChargedInference,
    ) -> ConflictJob:
        """Extract the statements in the comments on the answers, dated as the answers are."""
        statements: list[Candidate] = []
        quarantined: list[tuple[Candidate, QuarantineReason]] = []
        for text in conflict.messages():
            message = Message(MessageRole.USER, text, conflict.answered_at)
            screened = await self._extract([message], conflict.answered_at, state, index, inference)
            statements += screened.candidates
            # The positions are those of the one message, not of the session's.
            quarantined += [
                (replace(candidate, evidence=()), reason)
                for candidate, reason in screened.quarantined
            ]
        statements = list(low_trust.quoted_last(statements))
        texts = [conflict.proposed.content, *(statement.content for statement in statements)]
        vectors = await self._field_builder.embed(state.embedder, texts)
        return ConflictJob(conflict, statements, vectors, quarantined)

    async def _extract(
        self,
        messages: Sequence[Message],
        said_at: datetime,
        state: JobState,
        index: UserIndex,
        inference: ChargedInference,
    ) -> Screened:
        """Extract statements and summary of messages, without those that must not become memories.

        index: of the earlier memories; a statement that only repeats one is left out.
        """
        new_messages = await in_thread(_without_echoes, messages, index)
        extraction = await inference.ask(
            lambda chosen: chosen.extract(
                new_messages, said_at, preferences=state.preferences, categories=state.categories
            )
        )
        classifier = provenance_classifier()
        return await in_thread(
            screen, extraction, new_messages, index.versions.values(), said_at, classifier
        )


def _without_echoes(messages: Sequence[Message], index: UserIndex) -> list[Message]:
    summaries = (session.summary for session in index.sessions)
    unmarked = [replace(message, content=without_marks(message.content)) for message in messages]
    return echo.without_echoes(
        unmarked, echo.served(index.versions.values(), summaries, system_prompts())
    )
