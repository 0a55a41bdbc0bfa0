"""Decide whose words a statement rests on: the user's own, or quoted, pasted and reported ones.

The classifier judges by the form of the messages and by the statement itself. A statement that is
clearly not the user's own is quarantined; an unclear one is kept with low trust.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from hitherto.core.safety.classifier import Classifier, ScoredMessage
from hitherto.core.safety.features import (
    EARLIER_MESSAGES,
    Likenesses,
    describe_message,
    describe_reply,
)
from hitherto.models import Candidate, Message, MessageRole

LOW_TRUST = -0.5
"""Log-odds from which a statement is not trusted: the highest quarter step at which at most 15 % of
the attacks of an author that the classifier was not trained on stay below it."""
FOREIGN = 3.75
"""Log-odds from which a statement is kept out: the lowest quarter step at which at most 2 % of an
untrained author's look-alikes are above it."""

FOREIGN_REPORT = 0.0
"""Log-odds from which the assistant reports a text rather than speaks for itself."""

MAX_EVIDENCE = 16
"""Messages of a candidate's evidence that are examined, the last ones."""

MAX_BEFORE = 30
"""Messages before a message that are searched for earlier ones of the user."""

_LABEL = re.compile(r"[^\W\d_][\w .'-]{0,40}: ")
"""Label of a speaker in an exported chat, such as "Ada Lim: "."""


class Provenance(StrEnum):
    """Origin of the words that a statement rests on."""

    OWN = "own"
    UNSURE = "unsure"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Provenance of a statement, and the segment that it rests on most."""

    provenance: Provenance
    words: str


class Judge:
    """Judges the statements of one session; every message is read once."""

    def __init__(self, messages: Sequence[Message], classifier: Classifier) -> None:
        self._messages = messages
        self._classifier = classifier
        self._label = len(_label(messages))
        self._scored: dict[int, ScoredMessage | None] = {}

    def verdict(self, candidate: Candidate) -> Verdict:
        """Return whose words a candidate rests on.

        A candidate without evidence, as in a comment on the answers to a merge conflict, is the
        user's own.
        """
        positions = sorted({at for at in candidate.evidence if at < len(self._messages)})
        evidence = [self._message(at) for at in positions[-MAX_EVIDENCE:]]
        scored = [message for message in evidence if message is not None]
        if not scored:
            return Verdict(Provenance.OWN, "")
        if not any(message.is_user for message in scored):
            return _of_assistant(candidate, scored)
        score = self._classifier.judge(candidate.content, scored)
        return Verdict(_provenance(score), _closest(candidate, scored)[0])

    def _message(self, position: int) -> ScoredMessage | None:
        if position not in self._scored:
            self._scored[position] = self._score(position)
        return self._scored[position]

    def _score(self, position: int) -> ScoredMessage | None:
        message = self._messages[position]
        is_user = message.role is MessageRole.USER
        described = (
            describe_message(message.content[self._label :], self._earlier(position))
            if is_user
            else describe_reply(message.content)
        )
        if not described:
            return None
        segments = tuple(item.segment for item in described)
        scores = np.array([self._classifier.score(item) for item in described])
        return ScoredMessage(position, is_user, segments, Likenesses(segments), scores)

    def _earlier(self, position: int) -> tuple[str, ...]:
        """Return the user's last messages before a message."""
        contents: list[str] = []
        for message in reversed(self._messages[max(0, position - MAX_BEFORE) : position]):
            if message.role is MessageRole.USER and len(contents) < EARLIER_MESSAGES:
                contents.append(message.content[self._label :])
        return tuple(reversed(contents))


def _label(messages: Sequence[Message]) -> str:
    """Return the label that all messages of the user begin with, "" without one.

    A label needs two messages: a name before a single one can announce somebody else's words.
    """
    contents = [message.content for message in messages if message.role is MessageRole.USER]
    match = _LABEL.match(contents[0]) if len(contents) > 1 else None
    if match is None:
        return ""
    return match[0] if all(content.startswith(match[0]) for content in contents) else ""


def _provenance(score: float) -> Provenance:
    if score >= FOREIGN:
        return Provenance.FOREIGN
    return Provenance.UNSURE if score >= LOW_TRUST else Provenance.OWN


def _of_assistant(candidate: Candidate, scored: Sequence[ScoredMessage]) -> Verdict:
    """Return the verdict on a statement of the assistant alone; a report is unsure."""
    words, score = _closest(candidate, scored)
    is_report = score >= FOREIGN_REPORT and candidate.content.startswith("User")
    return Verdict(Provenance.UNSURE if is_report else Provenance.OWN, words)


def _closest(candidate: Candidate, scored: Sequence[ScoredMessage]) -> tuple[str, float]:
    """Return the segment nearest to a candidate and its score; of equals, the most foreign."""
    best, text, score = (-1.0, 0.0), "", 0.0
    for message in scored:
        fits = message.likenesses.of(candidate.content)
        index = int(np.lexsort((message.scores, fits))[-1])
        rank = (float(fits[index]), float(message.scores[index]))
        if rank > best:
            best, text, score = rank, message.segments[index].text, rank[1]
    return text, score
