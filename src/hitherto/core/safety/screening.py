"""Screen the statements of a session: quarantine injections, drop echoes, mark quotations.

A statement is quarantined when its own words match one of the `injection_patterns`, or when the
words that it rests on are clearly not the user's own (`provenance`). The messages stay in the
transcript. A statement of unclear provenance is kept as quoted. If all messages of a statement
match an injection pattern, an unclear one is quarantined and any other is kept as quoted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hitherto.core.safety import echo, injection_patterns, low_trust
from hitherto.core.safety.classifier import Classifier
from hitherto.core.safety.injection_patterns import QuarantineReason
from hitherto.core.safety.provenance import Judge, Provenance
from hitherto.core.text.quotation import Quotation, quotation_of, without_context
from hitherto.core.text.sentences import sentences
from hitherto.core.text.terms import terms_of
from hitherto.models import (
    Candidate,
    Extraction,
    MemoryVersion,
    Message,
    QuarantineKind,
    SaidBy,
)

MAX_STATEMENTS = 1_000
"""Maximum statements of a session that can become memories: the latest ones.

In 17 conversations of LoCoMo and LongMemEval, a session gives 18 at most.
"""

MAX_COMPARED = 64
"""Statements that a summary is compared with, and messages of a statement that are matched."""

CONTEXT_MESSAGES = 4
"""Messages before a statement's own, from which the words before a quotation may come."""

ALIKE = 0.8
"""Share of the words of the shorter text from which a sentence and a statement say the same."""


@dataclass(frozen=True, slots=True)
class Screened:
    """An extraction without statements that must not become memories.

    quarantined: statements, each with the reason. echoes: number of statements that only repeated
    served text. note: how many statements were left out, and why; None for none.
    """

    candidates: tuple[Candidate, ...]
    summary: str
    quarantined: tuple[tuple[Candidate, QuarantineReason], ...] = ()
    echoes: int = 0
    note: str | None = None


def screen(
    extraction: Extraction,
    messages: Sequence[Message],
    versions: Iterable[MemoryVersion],
    session_date: datetime,
    classifier: Classifier,
) -> Screened:
    """Screen the statements that an inference extracted from a session; quoted ones come last.

    messages: those that the inference read. versions: all versions of the user's memories. Of more
    than `MAX_STATEMENTS`, the earliest are left out: the latest are the current ones.
    """
    count = len(extraction.candidates)
    screening = _Screening(messages, classifier)
    memories = echo.Memories(versions)
    kept: list[Candidate] = []
    quarantined: list[tuple[Candidate, QuarantineReason]] = []
    echoes = 0
    for extracted in extraction.candidates[-MAX_STATEMENTS:]:
        candidate = with_speaker(screening.with_own_context(extracted), messages)
        judged = screening.judge(candidate)
        if isinstance(judged, QuarantineReason):
            quarantined.append((candidate, judged))
        elif echo.is_echo(judged, messages, memories):
            echoes += 1
        else:
            kept.append(judged)
    distrusted = [candidate for candidate, _ in quarantined]
    distrusted += [candidate for candidate in kept if low_trust.is_quoted(candidate.said_by)]
    otherwise = f"A conversation with the user on {session_date.date().isoformat()}."
    summary = extraction.summary and trusted_summary(extraction.summary, distrusted, otherwise)
    note = _note(count - MAX_STATEMENTS)
    return Screened(low_trust.quoted_last(kept), summary, tuple(quarantined), echoes, note)


def trusted_summary(summary: str, distrusted: Sequence[Candidate], otherwise: str) -> str:
    """Return a summary without sentences that are injections or repeat distrusted statements.

    otherwise: returned if no sentence is left.
    """
    contents = [frozenset(terms_of(item.content)) for item in distrusted[-MAX_COMPARED:]]
    parts = sentences(summary)
    kept = [part for part in parts if not _is_distrusted(part, contents)]
    if len(kept) == len(parts) and injection_patterns.find_injection(summary) is None:
        return summary
    return " ".join(kept) or otherwise


def _is_distrusted(sentence: str, contents: Sequence[frozenset[str]]) -> bool:
    if injection_patterns.find_injection(sentence) is not None:
        return True
    terms = frozenset(terms_of(sentence))
    return any(
        terms and len(terms & content) >= ALIKE * min(len(terms), len(content))
        for content in contents
        if content
    )


class _Screening:
    """Judges the statements of one session; every message is read once."""

    def __init__(self, messages: Sequence[Message], classifier: Classifier) -> None:
        self._messages = messages
        self._judge = Judge(messages, classifier)
        self._injections: dict[int, QuarantineReason | None] = {}

    def judge(self, candidate: Candidate) -> Candidate | QuarantineReason:
        """Return the reason to quarantine a statement, or the statement with its speaker.

        An injection in all of its messages makes a statement one step less trusted. Words before a
        quotation are judged by `with_own_context`.
        """
        injection = injection_patterns.find_injection(candidate.content)
        if injection is not None:
            return injection
        words = replace(candidate, content=without_context(candidate.content))
        verdict, taint = self._judge.verdict(words), self._taint(candidate)
        if verdict.provenance is Provenance.FOREIGN:
            return taint or QuarantineReason(
                QuarantineKind.THIRD_PARTY, injection_patterns.shorten_quote(verdict.words)
            )
        if verdict.provenance is Provenance.UNSURE and taint is not None:
            return taint
        if verdict.provenance is Provenance.UNSURE or taint is not None:
            return replace(candidate, said_by=SaidBy.QUOTED)
        return candidate

    def with_own_context(self, candidate: Candidate) -> Candidate:
        """Return a candidate; alone if the words before its own are not clearly the user's."""
        quotation = quotation_of(candidate.content)
        if quotation is None or not quotation.context or not candidate.evidence:
            return candidate
        last = max(candidate.evidence)
        before = replace(
            candidate,
            content=Quotation(quotation.after).content,
            evidence=tuple(range(max(0, last - CONTEXT_MESSAGES), last + 1)),
            clause=None,
        )
        judged = self.judge(before) if quotation.after else candidate
        is_own = isinstance(judged, Candidate) and judged.said_by is candidate.said_by
        return (
            candidate if is_own else replace(candidate, content=without_context(candidate.content))
        )

    def _taint(self, candidate: Candidate) -> QuarantineReason | None:
        """Return the first injection in a statement's messages if all of them have one."""
        injections = [
            self._injection_in(at) for at in candidate.evidence[:MAX_COMPARED] if at < self._count
        ]
        return injections[0] if injections and all(injections) else None

    @property
    def _count(self) -> int:
        return len(self._messages)

    def _injection_in(self, position: int) -> QuarantineReason | None:
        if position not in self._injections:
            self._injections[position] = injection_patterns.find_injection(
                self._messages[position].content
            )
        return self._injections[position]


def _note(left_out: int) -> str | None:
    if left_out <= 0:
        return None
    return (
        f"{left_out:,} statements were left out, the earliest ones: a session can give at most "
        f"{MAX_STATEMENTS:,} memories. Its messages can still be recalled; start a new session "
        "for each conversation"
    )


def with_speaker(candidate: Candidate, messages: Sequence[Message]) -> Candidate:
    """Return the candidate, said by the assistant if only the assistant's messages say it."""
    if not echo.is_said_by_assistant(candidate, messages):
        return candidate
    return replace(candidate, said_by=SaidBy.ASSISTANT)
