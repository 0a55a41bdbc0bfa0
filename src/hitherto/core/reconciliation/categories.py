"""Gives memories the categories that fit them, by likeness in meaning and in words.

How alike a memory and a category are says little by itself: a memory in general words is like
everything. So a category fits that is more like the memory than categories are on the whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitherto.core.text.terms import terms_of
from hitherto.models import Category

ENOUGH = 0.09
"""How far above the ordinary the likeness has to be."""

SHARED_WORD = 0.15
"""What sharing a word adds to the cosine, be it one or several."""

UNRELATED = 0.08
"""Cosine of a memory and a category that have nothing to do with each other.

It counts as one more category, so that a project that has a single one has something to compare it
with. The three constants gave the best F1 under all-MiniLM-L6-v2 on the development half of
evals/categories: 0.84 with all eight categories, 0.74 with random choices of them.
"""


@dataclass(frozen=True, slots=True)
class EmbeddedCategory:
    """A category with the mean of the vectors of its `texts`: (dim,) float32."""

    category: Category
    vector: NDArray[np.float32]


def texts(category: Category) -> tuple[str, ...]:
    """What is embedded of a category: its name, and name and description, if it has one.

    Underscores are spaces. The mean of both finds more than either: descriptions list examples,
    and what is not among them is nearer to the name.
    """
    name = category.name.replace("_", " ").strip()
    description = category.description.strip()
    return (name, f"{name}: {description}") if description else (name,)


def fitting(
    contents: Sequence[str],
    vectors: NDArray[np.float32],
    categories: Sequence[EmbeddedCategory],
) -> list[list[str]]:
    """The names of the categories that fit each content, the best first; none may fit.

    vectors: (contents, dim) float32, unit rows.
    """
    if not categories or not contents:
        return [[] for _ in contents]
    cosines = vectors @ np.stack([one.vector for one in categories]).T
    words = [frozenset(terms_of(texts(one.category)[-1])) for one in categories]
    found = []
    for row, content in enumerate(contents):
        own = frozenset(terms_of(content))
        shared = np.array([not own.isdisjoint(others) for others in words])
        likeness = cosines[row] + SHARED_WORD * shared
        above = likeness - (likeness.sum() + UNRELATED) / (len(categories) + 1)
        best_first = sorted(range(len(categories)), key=lambda column: (-above[column], column))
        found.append([categories[i].category.name for i in best_first if above[i] >= ENOUGH])
    return found
