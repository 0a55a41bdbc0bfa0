"""Relation of a candidate to the memories nearest in meaning, by the statement model.

It decides where rules have no say: unless both statements are read exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitherto.core.reconciliation.statement_index import Item
from hitherto.core.statements.learned import RELATIONS, StatementModel, StatementPair
from hitherto.core.statements.reader import Statement
from hitherto.core.text.quotation import quotation_of, words_to_embed
from hitherto.core.text.terms import stem, terms_of

MOST_COMPARED = 8
"""Memories that a candidate is compared with, 3 ms each: those nearest in meaning."""
LEAST_SIMILAR = 0.3
"""Cosine from which two statements are compared."""
MOST_CHANGED = 2
"""Memories that a statement may change or end: the nearest of those compared."""
CERTAIN = 0.7
"""Least probability with which a memory is taken for changed, ended or contradicted."""
CERTAIN_WITHIN = 0.9
"""Least probability within one session, in which people seldom change what they said."""
CERTAINLY_SAME = 0.75
"""Least probability with which a candidate is left out as already remembered."""


_EVERYBODYS = frozenset(
    map(stem, ("user", "i", "im", "ive", "my", "me", "we", "our", "us", "now", "again", "it"))
)


@dataclass(frozen=True, slots=True)
class Related:
    """Memories that a candidate says again, changes or ends, contradicts, and adds to."""

    same: tuple[Item, ...] = ()
    changed: tuple[Item, ...] = ()
    contradicted: tuple[Item, ...] = ()
    extended: tuple[Item, ...] = ()


def nearest(
    vector: NDArray[np.float32], vectors: NDArray[np.float32], items: Sequence[Item]
) -> list[Item]:
    """Return the items nearest in meaning, the nearest first.

    vector: (dimension,) of a statement. vectors: (n, dimension), row `item.order` for each item.
    """
    if not items:
        return []
    # All rows at once: to take out those of the items would copy them for every candidate.
    cosines = (vectors @ vector)[[item.order for item in items]]
    ranked = np.argsort(-cosines, kind="stable")[:MOST_COMPARED]
    return [items[row] for row in ranked if cosines[row] >= LEAST_SIMILAR]


def relate(statement: Statement, near: Sequence[Item], model: StatementModel) -> Related:
    """Return how a later statement relates to earlier ones."""
    open_to_model = [item for item in near if not (statement.exact and item.statement.exact)]
    pairs = [_pair(item.statement.content, statement.content) for item in open_to_model]
    probabilities = model.relate(pairs)
    same, changed, contradicted, extended = [], [], [], []
    for item, row in zip(open_to_model, probabilities, strict=True):
        chance = dict(zip(RELATIONS, row.tolist(), strict=True))
        is_near = item in near[:MOST_CHANGED] and _share_words(item, statement)
        is_near = is_near and not _is_context(item.statement.content, statement.content)
        least = CERTAIN_WITHIN if item.of_session else CERTAIN
        if is_near and chance["replaces"] + chance["ends"] >= least:
            changed.append(item)
        elif chance["conflicts"] >= CERTAIN:
            contradicted.append(item)
        elif chance["same"] >= CERTAINLY_SAME:
            same.append(item)
        elif chance["unrelated"] < 1 - CERTAIN:
            extended.append(item)
    return Related(tuple(same), tuple(changed), tuple(contradicted), tuple(extended))


def _share_words(item: Item, statement: Statement) -> bool:
    """Return whether two statements, with the words before them, share one that carries content.

    True in other scripts, which may have no spaces.
    """
    earlier, later = words_to_embed(item.statement.content), words_to_embed(statement.content)
    if not later.isascii():
        return True
    return bool(frozenset(terms_of(earlier)) & frozenset(terms_of(later)) - _EVERYBODYS)


def _is_context(earlier: str, later: str) -> bool:
    """Return whether one of two statements stands before the other's words, in one breath."""
    old, new = quotation_of(earlier), quotation_of(later)
    if old is None or new is None:
        return False
    return any(
        words.strip(" .,;!") in context
        for words, context in ((new.words, old.context), (old.words, new.context))
    )


def is_changed_by(earlier: Statement, later: Statement, model: StatementModel) -> bool:
    """Return whether a later statement replaces or ends an earlier one."""
    return bool(model.relate([_pair(earlier.content, later.content)])[0, 3:5].sum() >= CERTAIN)


def _pair(earlier: str, later: str) -> StatementPair:
    old, new = quotation_of(earlier), quotation_of(later)
    return StatementPair(
        earlier if old is None else old.words,
        later if new is None else new.words,
        "" if old is None else old.context,
        "" if new is None else new.context,
    )
