"""The embedder alone: what every system here takes at least. Nothing is kept and nothing found."""

from collections.abc import Sequence

from embedder import open_embedder
from system import Message, Place, Unprepared


class EmbedderAlone(Unprepared):
    """Embeds and forgets."""

    def __init__(self, place: Place) -> None:
        self._embedder = open_embedder(place.cache_dir)

    def add(self, user_id: str, session: str, messages: Sequence[Message]) -> None:
        self._embedder.embed([message.dated for message in messages])

    def search(self, user_id: str, question: str, budget_tokens: int, hits: int) -> list[str]:
        self._embedder.embed_query(question)
        return []

    def close(self) -> None:
        pass


open_system = EmbedderAlone
