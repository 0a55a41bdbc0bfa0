"""What has to go from a user's other texts when memories are deleted: the sentences they rest on.

A memory is told in other words than the messages that it was found in, so a sentence counts as its
ground when it has half of the memory's words, or a name or number that only the deleted memories
have. Where no sentence of a message that was evidence is its ground, the whole message goes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from recollect.core.passages import sentence_spans
from recollect.core.reading.wording import name_runs, terms_of

REDACTED = "[deleted]"
"""What stands where a sentence stood."""

GROUND_SHARE = 0.5
"""Share of a memory's words that a sentence has which is its ground."""

_LEAST_TERMS = 2
"""A sentence that is no evidence has to share so many words: one could be anybody's."""

_EVERYBODYS = frozenset(terms_of("User assistant"))

_NUMBER = re.compile(r"\d[\d.,]*")


@dataclass(frozen=True, slots=True)
class Erasure:
    """Which sentences are the ground of deleted memories.

    deleted: the terms of each of them, without those of versions that stay in the same memories.
    rare: names and numbers of theirs, in lower case, that no memory has which stays.
    """

    deleted: tuple[frozenset[str], ...]
    rare: frozenset[str]

    def message(self, text: str, *, is_evidence: bool) -> str:
        """A message without its grounds; is_evidence: whether a deleted memory rests on it."""
        left = self._without(text, 1 if is_evidence else _LEAST_TERMS, REDACTED)
        return REDACTED if is_evidence and left == text and self.deleted else left

    def summary(self, text: str) -> str:
        """A summary without the sentences that say what is deleted; "" if none is left."""
        return " ".join(self._without(text, _LEAST_TERMS, "").split())

    def _without(self, text: str, least_terms: int, mark: str) -> str:
        parts = [text[start:end] for start, end in sentence_spans(text)]
        return "".join(
            _marked(part, mark) if self._is_ground(part, least_terms) else part for part in parts
        )

    def _is_ground(self, sentence: str, least_terms: int) -> bool:
        if self.rare and self.rare & _marks(sentence):
            return True
        terms = frozenset(terms_of(sentence))
        return any(
            len(one & terms) >= max(GROUND_SHARE * len(one), min(least_terms, len(one)))
            for one in self.deleted
        )


def erasure(deleted: Sequence[str], kept: Sequence[str], others: Iterable[str]) -> Erasure:
    """What deleting versions takes with it.

    deleted: their contents; kept: of the versions that stay in the same memories; others: of all
    memories that stay.
    """
    staying: set[str] = set()
    for content in (*kept, *others):
        staying |= _marks(content)
    rare = set[str]().union(*map(_marks, deleted)) - staying
    known = _EVERYBODYS.union(*map(terms_of, kept))
    terms = (frozenset(terms_of(content)) - known for content in deleted)
    return Erasure(tuple(one for one in terms if one), frozenset(rare))


def _marks(text: str) -> set[str]:
    """The names and numbers of a text, in lower case, word by word."""
    names = {word.removesuffix("'s") for run in name_runs(text) for word in run.split()}
    return names | set(_NUMBER.findall(text))


def _marked(sentence: str, mark: str) -> str:
    """The mark in place of a sentence, with the space that stood behind it."""
    return mark + sentence[len(sentence.rstrip()) :]
