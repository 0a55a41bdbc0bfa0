"""Vectors, categories and dates with which the memories of a plan are stored."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hitherto.background.dated_plan import DatedPlan
from hitherto.background.plan_writer import StoredFields, rewritten_contents
from hitherto.core.recall.calibration import comparable
from hitherto.core.reconciliation import categories, reconcile
from hitherto.core.reconciliation.categories import EmbeddedCategory
from hitherto.core.text.quotation import words_to_embed
from hitherto.embedding import Embedders
from hitherto.engine.metered_inference import ChargedInference
from hitherto.models import Category
from hitherto.store import RecordedEmbedder
from hitherto.threads import in_thread

KEPT_CATEGORIES = 4_096
"""Vectors of categories that are cached: 1.5 kB each."""


class FieldBuilder:
    """Embeds the contents of a plan's decisions and finds their categories."""

    def __init__(self, embedders: Embedders) -> None:
        self._embedders = embedders
        self._category_vector = lru_cache(maxsize=KEPT_CATEGORIES)(self._embed_category)

    async def embed(self, made_by: RecordedEmbedder, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of texts, by the embedder of the database: (texts, dimension)."""
        return await in_thread(self.embed_now, made_by, texts)

    async def build(
        self,
        dated: DatedPlan,
        made_by: RecordedEmbedder,
        project_categories: Sequence[Category],
        inference: ChargedInference,
    ) -> list[StoredFields]:
        """Return the stored fields of each decision's content."""
        vectors = list(dated.vectors)
        changed = rewritten_contents(dated.plan, dated.contents)
        if changed:
            made = await self.embed(made_by, list(changed.values()))
            for index, vector in zip(changed, made, strict=True):
                vectors[index] = vector
        ids = {category.name: category.category_id for category in project_categories}
        named = await self._name_categories(
            dated.plan.decisions, vectors, made_by, project_categories, inference
        )
        return [
            StoredFields(vector, [ids[name] for name in names if name in ids], said_at)
            for vector, names, said_at in zip(vectors, named, dated.said_at, strict=True)
        ]

    async def _name_categories(
        self,
        decisions: Sequence[reconcile.Decision],
        vectors: Sequence[NDArray[np.float32]],
        made_by: RecordedEmbedder,
        project_categories: Sequence[Category],
        inference: ChargedInference,
    ) -> list[Sequence[str]]:
        """Return the category names of each decision: its own, or else those that fit."""
        uncategorised = [
            number
            for number, decision in enumerate(decisions)
            if decision.candidate.categories is None
        ]
        named = [decision.candidate.categories or () for decision in decisions]
        if not project_categories or not uncategorised:
            return [*named]
        contents = [decisions[number].candidate.content for number in uncategorised]
        stacked = np.stack([vectors[number] for number in uncategorised])
        adjusted, fitted = await in_thread(
            self._embed_categories, made_by, project_categories, stacked
        )
        fitting = await inference.ask(lambda chosen: chosen.categorise(contents, adjusted, fitted))
        filled: list[Sequence[str]] = [*named]
        for number, names in zip(uncategorised, fitting, strict=True):
            filled[number] = names
        return filled

    def _embed_categories(
        self,
        made_by: RecordedEmbedder,
        project_categories: Sequence[Category],
        vectors: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], list[EmbeddedCategory]]:
        """Return the vectors of contents and categories on a comparable scale."""
        rows = [
            self._category_vector(made_by, categories.texts(category))
            for category in project_categories
        ]
        adjusted = comparable(np.vstack([vectors, *rows]), made_by.calibration)
        return adjusted[: len(vectors)], [
            EmbeddedCategory(category, vector)
            for category, vector in zip(project_categories, adjusted[len(vectors) :], strict=True)
        ]

    def _embed_category(
        self, made_by: RecordedEmbedder, texts: tuple[str, ...]
    ) -> NDArray[np.float32]:
        return np.asarray(self.embed_now(made_by, texts).mean(axis=0), np.float32)

    def embed_now(self, made_by: RecordedEmbedder, texts: Sequence[str]) -> NDArray[np.float32]:
        """Do what `embed` does, on the calling thread.

        Of quotations only the words, see `words_to_embed`.
        """
        words = [words_to_embed(text) for text in texts]
        return self._embedders.of(made_by.name, made_by.dimension).embed(words)
