"""mem0 with `infer=False`: messages are kept as they are, in its default store, Qdrant on disk.

It makes clients for a language model and an embedder of OpenAI when it is opened; the first is
never asked, the second is replaced. Its own embedders are others' services or need their packages.
"""

from collections.abc import Sequence
from typing import Any

from embedder import DIMENSION, open_embedder
from mem0 import Memory
from mem0.embeddings.base import EmbeddingBase
from system import Message, Place, Unprepared


class LocalEmbedding(EmbeddingBase):
    """The common embedder in mem0's form."""

    def __init__(self, embedder: Any) -> None:
        super().__init__()
        self._embedder = embedder

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        return self._embedder.embed_query(text).tolist()

    def embed_batch(self, texts: list[str], memory_action: str | None = "add") -> list[list[float]]:
        return self._embedder.embed(texts).tolist()


class Mem0(Unprepared):
    """One memory for all users, who are told apart by `user_id`."""

    def __init__(self, place: Place) -> None:
        embedder = open_embedder(place.cache_dir)
        store = {
            "path": str(place.folder / "qdrant"),
            "on_disk": True,
            "embedding_model_dims": DIMENSION,
        }
        self._memory = Memory.from_config(
            {
                "vector_store": {"provider": "qdrant", "config": store},
                "history_db_path": str(place.folder / "history.db"),
            }
        )
        self._memory.embedding_model = LocalEmbedding(embedder)

    def add(self, user_id: str, session: str, messages: Sequence[Message]) -> None:
        told = [{"role": message.role, "content": message.dated} for message in messages]
        self._memory.add(told, user_id=user_id, run_id=session, infer=False)

    def search(self, user_id: str, question: str, budget_tokens: int, hits: int) -> list[str]:
        # Without a threshold: what is left of the budget may as well hold unlikely hits.
        found = self._memory.search(
            question, top_k=hits, filters={"user_id": user_id}, threshold=0.0
        )
        return [item["memory"] for item in found["results"]]

    def close(self) -> None:
        self._memory.close()
        self._memory.vector_store.client.close()


open_system = Mem0
