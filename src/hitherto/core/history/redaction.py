"""Redaction: sentences to remove from other texts when memories are deleted.

A memory is worded differently from the messages that it was extracted from. So a sentence is its
ground if it has half of the memory's words, or a name or number that only the deleted memories
have. If no sentence of an evidence message is a ground, the whole message goes, unless it was
redacted before: then the ground was removed with a memory that rested on the same sentence.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from hitherto.core.text.quotation import quotation_of, said_words, without_context
from hitherto.core.text.sentences import whole_sentence_spans
from hitherto.core.text.terms import name_runs, terms_of, words_of

REDACTED = "[deleted]"
"""Replacement of a removed sentence."""

GROUND_SHARE = 0.5
"""Minimum share of a memory's words in a sentence that is its ground."""

QUOTED_SHARE = 0.75
"""Minimum share of a sentence's words in a removed sentence for it to be a quotation."""

_LEAST_TERMS = 2
"""Minimum shared words of a sentence that is no evidence: a single one may be a coincidence."""

_EVERYBODYS = frozenset(terms_of("User assistant"))

_NUMBER = re.compile(r"\d[\d.,]*")


@dataclass(frozen=True, slots=True)
class Redactor:
    """Redaction of texts for deleted memories.

    deleted: the terms of each of them, without those of remaining versions of the same memories.
    whole: all their terms. rare: their names and numbers, in lower case, that no remaining memory
    has. removed: the terms of each sentence that was removed from their evidence.
    """

    deleted: tuple[frozenset[str], ...]
    whole: tuple[frozenset[str], ...]
    rare: frozenset[str]
    removed: tuple[frozenset[str], ...] = ()

    def grounds(self, evidence: str) -> list[str]:
        """Return the sentences that a deleted memory rests on.

        All if none states it; none if that may be because the message was redacted before.
        """
        sentences = _sentences(evidence)
        grounds = [sentence for sentence in sentences if self._is_ground(sentence, 1)]
        return grounds or (sentences if self._rests_on_all(evidence) else [])

    def with_removed(self, sentences: Iterable[str]) -> "Redactor":
        """Return the redaction that also removes repetitions of these sentences."""
        term_sets = (frozenset(terms_of(terms)) - _EVERYBODYS for terms in sentences)
        return replace(
            self, removed=tuple(terms for terms in term_sets if len(terms) >= _LEAST_TERMS)
        )

    def redact_evidence(self, text: str) -> str:
        """Return a message that a deleted memory rests on, without its grounds."""
        redacted = self._without(text, 1, REDACTED)
        return REDACTED if redacted == text and self._rests_on_all(text) else redacted

    def redact(self, text: str, mark: str = REDACTED) -> str:
        """Redact a text that is not evidence itself."""
        return self._without(text, _LEAST_TERMS, mark)

    def redact_context(self, content: str) -> str:
        """Return a remaining memory, alone if words before its own state deleted content."""
        quotation = quotation_of(content)
        context = quotation.context if quotation is not None else ""
        return without_context(content) if self.redact(context) != context else content

    def redact_summary(self, text: str) -> str:
        """Return a summary without the sentences that state deleted content; "" if none is left."""
        return " ".join(self.redact(text, "").split())

    def redact_elsewhere(self, text: str) -> str:
        """Redact a text of another session.

        Half of the words do not suffice there: "my dog is called Rex" may be about another dog.
        """
        return _replace_sentences(text, self.states, REDACTED)

    def states(self, text: str) -> bool:
        """Return whether a text states a deleted memory, or part of it with its name."""
        terms = frozenset(terms_of(text))
        is_named = bool(self.rare & _marks(text))
        return any(
            len(memory_terms & terms)
            >= (_LEAST_TERMS if is_named else max(_LEAST_TERMS, len(memory_terms)))
            for memory_terms in self.whole
        )

    def quotes(self, reason: str, own: str, *, is_sibling: bool) -> bool:
        """Return whether the reason of a remaining memory quotes a deleted one.

        own: its content. is_sibling: whether it is a version of the same memory as a deleted one,
        so that any of its words may be quoted. Such notes have names in lower case.
        """
        if self.rare & {word.lower() for word in words_of(reason)}:
            return True
        quoted = frozenset(terms_of(reason)) - frozenset(terms_of(own)) - _EVERYBODYS
        if is_sibling:
            return any(memory_terms & quoted for memory_terms in self.whole)
        return any(
            len(memory_terms) >= _LEAST_TERMS and memory_terms <= quoted
            for memory_terms in self.whole
        )

    def _rests_on_all(self, evidence: str) -> bool:
        """Return whether evidence without a ground goes as a whole."""
        return bool(self.deleted) and REDACTED not in evidence

    def _without(self, text: str, least_terms: int, mark: str) -> str:
        return _replace_sentences(
            text, lambda sentence: self._is_ground(sentence, least_terms), mark
        )

    def _is_ground(self, sentence: str, least_terms: int) -> bool:
        if self.rare and self.rare & _marks(sentence):
            return True
        terms = frozenset(terms_of(sentence)) - _EVERYBODYS
        if any(
            len(other_terms & terms)
            >= max(GROUND_SHARE * len(other_terms), min(least_terms, len(other_terms)))
            for other_terms in self.deleted
        ):
            return True
        return any(
            len(other_terms & terms) >= max(GROUND_SHARE * len(other_terms), _LEAST_TERMS)
            or len(other_terms & terms) >= max(QUOTED_SHARE * len(terms), _LEAST_TERMS)
            for other_terms in self.removed
        )


def redactor_for(deleted: Sequence[str], kept: Sequence[str], others: Iterable[str]) -> Redactor:
    """Return the redaction for deleted versions.

    deleted: their contents; kept: of the remaining versions of the same memories; others: of all
    other memories.
    """
    remaining: set[str] = set()
    for content in (*kept, *others):
        remaining |= _marks(said_words(content))
    words = [said_words(content) for content in deleted]
    rare = set[str]().union(*map(_marks, words)) - remaining
    kept_terms = _EVERYBODYS.union(*(terms_of(said_words(content)) for content in kept))
    whole = tuple(frozenset(terms_of(content)) - _EVERYBODYS for content in words)
    return Redactor(
        tuple(terms - kept_terms for terms in whole if terms - kept_terms),
        tuple(terms for terms in whole if terms),
        frozenset(rare),
    )


def without_marks(text: str) -> str:
    """Return a text without marks of redaction, which say nothing and begin no sentence."""
    return text.replace(REDACTED, "").strip() if REDACTED in text else text


def borrowed_terms(content: str, deleted: Iterable[str], support: Iterable[str]) -> frozenset[str]:
    """Return the terms that a version took from deleted ones and no remaining text states.

    support: the messages of the sessions that the version rests on.
    """
    taken = frozenset[str]().union(*map(terms_of, deleted)) & frozenset(terms_of(content))
    return taken - _EVERYBODYS - frozenset[str]().union(*map(terms_of, support))


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in whole_sentence_spans(text)]


def _replace_sentences(text: str, is_removed: Callable[[str], bool], mark: str) -> str:
    return "".join(
        _mark(sentence, mark) if is_removed(sentence) else sentence for sentence in _sentences(text)
    )


def _marks(text: str) -> set[str]:
    """Return names and numbers of a text, in lower case, word by word."""
    names = {word.removesuffix("'s") for run in name_runs(text) for word in run.split()}
    return names | set(_NUMBER.findall(text))


def _mark(sentence: str, mark: str) -> str:
    """Return the mark for a sentence, with the space after it."""
    return mark + sentence[len(sentence.rstrip()) :]
