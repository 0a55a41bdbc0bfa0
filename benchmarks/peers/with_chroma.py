"""Chroma on disk, with a collection for each user."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import chromadb
from chromadb import Collection, EmbeddingFunction
from chromadb.config import Settings
from embedder import open_embedder
from system import Message, Place, Unprepared


class LocalEmbedding(EmbeddingFunction[list[str]]):
    """The common embedder in Chroma's form."""

    def __init__(self, embedder: Any = None) -> None:
        self._embedder = embedder

    def __call__(self, input: list[str]) -> Any:
        return list(self._embedder.embed(input))

    @staticmethod
    def name() -> str:
        return "common"

    def get_config(self) -> dict[str, Any]:
        return {}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "LocalEmbedding":
        return LocalEmbedding()


class Chroma(Unprepared):
    """A collection for each user, compared by cosine."""

    def __init__(self, place: Place) -> None:
        self._embedding = LocalEmbedding(open_embedder(place.cache_dir))
        self._client = chromadb.PersistentClient(
            str(place.folder), settings=Settings(anonymized_telemetry=False)
        )
        self._collections: dict[str, Collection] = {}

    def add(self, user_id: str, session: str, messages: Sequence[Message]) -> None:
        self._collection(user_id).add(
            ids=[str(uuid4()) for _ in messages],
            documents=[message.dated for message in messages],
            metadatas=[{"session": session, "role": message.role} for message in messages],
        )

    def search(self, user_id: str, question: str, budget_tokens: int, hits: int) -> list[str]:
        found = self._collection(user_id).query(
            query_texts=[question], n_results=hits, include=["documents"]
        )
        return found["documents"][0]

    def close(self) -> None:
        self._client.close()

    def _collection(self, user_id: str) -> Collection:
        if user_id not in self._collections:
            self._collections[user_id] = self._client.get_or_create_collection(
                user_id.replace(":", "-"),
                embedding_function=self._embedding,
                configuration={"hnsw": {"space": "cosine"}},
            )
        return self._collections[user_id]


open_system = Chroma
