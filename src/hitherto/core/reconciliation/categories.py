"""Assign categories to memories by similarity of meaning and words.

The similarity of a memory and a category says little by itself, because a memory in general words
is similar to everything. So a category fits if its similarity is above the memory's average.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitherto.core.text.terms import terms_of
from hitherto.models import Category

ENOUGH = 0.09
"""Minimum similarity above a memory's average."""

SHARED_WORD = 0.15
"""Bonus to the cosine for shared words, one or several."""

UNRELATED = 0.08
"""Cosine of an unrelated memory and category.

It counts as one more category, so that a single category has something to be compared with. The
three constants gave the best F1 under all-MiniLM-L6-v2 on the development half of evals/categories:
0.84 with all eight categories, 0.74 with random choices of them.
"""


@dataclass(frozen=True, slots=True)
class EmbeddedCategory:
    """Category with the mean of the vectors of its `texts`: (dim,) float32."""

    category: Category
    vector: NDArray[np.float32]


def texts(category: Category) -> tuple[str, ...]:
    """Return the texts to embed for a category: its name, and its name with its description.

    Underscores are spaces. The mean of both finds more than either: descriptions list examples, and
    other things are nearer to the name.
    """
    name = category.name.replace("_", " ").strip()
    description = category.description.strip()
    return (name, f"{name}: {description}") if description else (name,)


def fitting(
    contents: Sequence[str],
    vectors: NDArray[np.float32],
    categories: Sequence[EmbeddedCategory],
) -> list[list[str]]:
    """Return the names of the categories that fit each content, best first, or none.

    vectors: (contents, dim) float32, unit rows.
    """
    if not categories or not contents:
        return [[] for _ in contents]
    cosines = vectors @ np.stack([embedded.vector for embedded in categories]).T
    words = [frozenset(terms_of(texts(embedded.category)[-1])) for embedded in categories]
    fitting_names = []
    for row, content in enumerate(contents):
        own = frozenset(terms_of(content))
        shared = np.array([not own.isdisjoint(others) for others in words])
        likeness = cosines[row] + SHARED_WORD * shared
        above = likeness - (likeness.sum() + UNRELATED) / (len(categories) + 1)
        best_first = sorted(range(len(categories)), key=lambda column: (-above[column], column))
        fitting_names.append(
            [categories[i].category.name for i in best_first if above[i] >= ENOUGH]
        )
    return fitting_names
