"""Decide whose words a statement rests on: the user's own, or quoted, pasted and reported ones.

The classifier judges by the form of the messages and by the statement itself. What is clearly not
the user's own is kept out; what cannot be told apart is kept with low trust.
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
    described,
    described_report,
)
from hitherto.models import Candidate, Message, MessageRole

LOW_TRUST = -0.5
"""Log-odds from which a statement is not trusted: the highest quarter step at which at most 15 % of
the attacks of an author that the classifier was not trained on stay below it."""
FOREIGN = 3.75
"""Log-odds from which a statement is kept out: the lowest quarter step at which at most 2 % of an
untrained author's look-alikes are above it."""

FOREIGN_REPORT = 0.0
"""Log-odds from which the assistant passes on what a text says, and speaks not for itself."""


MAX_EVIDENCE = 16
"""Messages of a candidate's evidence that are looked at, the last ones."""

MAX_BEFORE = 30
"""Messages before one that are looked through for the user's earlier ones."""

_LABEL = re.compile(r"[^\W\d_][\w .'-]{0,40}: ")
"""What a chat puts before the messages of a speaker, such as "Ada Lim: "."""


class Provenance(StrEnum):
    """Whose words a statement rests on."""

    OWN = "own"
    UNSURE = "unsure"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whose words a statement rests on, and the words that tell most of it."""

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

        A candidate without evidence, which was said beside the answers to a merge conflict, has
        none of anybody else.
        """
        positions = sorted({at for at in candidate.evidence if at < len(self._messages)})
        found = [self._message(at) for at in positions[-MAX_EVIDENCE:]]
        scored = [one for one in found if one is not None]
        if not scored:
            return Verdict(Provenance.OWN, "")
        if not any(one.is_user for one in scored):
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
        found = (
            described(message.content[self._label :], self._earlier(position))
            if is_user
            else described_report(message.content)
        )
        if not found:
            return None
        segments = tuple(one.segment for one in found)
        scores = np.array([self._classifier.score(one) for one in found])
        return ScoredMessage(position, is_user, segments, Likenesses(segments), scores)

    def _earlier(self, position: int) -> tuple[str, ...]:
        """Return the user's last messages before a message."""
        found: list[str] = []
        for message in reversed(self._messages[max(0, position - MAX_BEFORE) : position]):
            if message.role is MessageRole.USER and len(found) < EARLIER_MESSAGES:
                found.append(message.content[self._label :])
        return tuple(reversed(found))


def _label(messages: Sequence[Message]) -> str:
    """Return the name that all of the user's messages begin with, "" for none or one message.

    A name before a single message may announce somebody else's words.
    """
    contents = [one.content for one in messages if one.role is MessageRole.USER]
    found = _LABEL.match(contents[0]) if len(contents) > 1 else None
    return found[0] if found and all(one.startswith(found[0]) for one in contents) else ""


def _provenance(score: float) -> Provenance:
    if score >= FOREIGN:
        return Provenance.FOREIGN
    return Provenance.UNSURE if score >= LOW_TRUST else Provenance.OWN


def _of_assistant(candidate: Candidate, scored: Sequence[ScoredMessage]) -> Verdict:
    """Return the verdict on what only the assistant says: a report is nobody's own statement."""
    words, score = _closest(candidate, scored)
    is_report = score >= FOREIGN_REPORT and candidate.content.startswith("User")
    return Verdict(Provenance.UNSURE if is_report else Provenance.OWN, words)


def _closest(candidate: Candidate, scored: Sequence[ScoredMessage]) -> tuple[str, float]:
    """Return the segment that a candidate rests on most, or else the most foreign one, scored."""
    best, text, found = (-1.0, 0.0), "", 0.0
    for message in scored:
        fits = message.likenesses.of(candidate.content)
        place = int(np.lexsort((message.scores, fits))[-1])
        rank = (float(fits[place]), float(message.scores[place]))
        if rank > best:
            best, text, found = rank, message.segments[place].text, rank[1]
    return text, found
