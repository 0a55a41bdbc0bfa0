"""LangGraph's InMemoryStore with an index; nothing is left of it when the process ends."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from embedder import DIMENSION, open_embedder
from langgraph.store.base import BaseStore, PutOp
from langgraph.store.memory import InMemoryStore
from system import Message, Place, Unprepared


def index(place: Place) -> Any:
    """The index of a store: the common embedder over the field `text`.

    The field is named again with each message: the store on SQLite does not look at `fields`, and
    would embed the JSON around the text.
    """
    embedder = open_embedder(place.cache_dir)

    def embed(texts: Sequence[str]) -> list[list[float]]:
        return embedder.embed(texts).tolist()

    return {"dims": DIMENSION, "embed": embed, "fields": ["text"]}


class LangGraphStore(Unprepared):
    """A namespace for each user."""

    def __init__(self, store: BaseStore) -> None:
        self._store = store

    def add(self, user_id: str, session: str, messages: Sequence[Message]) -> None:
        # A batch in which a text stands twice is refused by the store in memory.
        left = list(messages)
        while left:
            batch = {message.dated: message for message in left}
            self._put(user_id, list(batch))
            kept = {id(message) for message in batch.values()}
            left = [message for message in left if id(message) not in kept]

    def search(self, user_id: str, question: str, budget_tokens: int, hits: int) -> list[str]:
        found = self._store.search(self._namespace(user_id), query=question, limit=hits)
        return [item.value["text"] for item in found]

    def close(self) -> None:
        pass

    def _put(self, user_id: str, texts: Sequence[str]) -> None:
        space = self._namespace(user_id)
        self._store.batch(
            [PutOp(space, str(uuid4()), {"text": text}, index=["text"]) for text in texts]
        )

    def _namespace(self, user_id: str) -> tuple[str, ...]:
        return ("messages", user_id.replace(".", "-"))


def open_system(place: Place) -> LangGraphStore:
    """Opens the store in memory."""
    return LangGraphStore(InMemoryStore(index=index(place)))
