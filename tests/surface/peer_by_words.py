"""A peer for the test of the comparison: it finds the messages that share most words."""

import re
from collections.abc import Sequence

from system import Message, Place, Unprepared  # type: ignore[import-not-found]


class PeerByWords(Unprepared):  # type: ignore[misc]
    """Keeps the texts of each user in a list, and in a file, so that it has data on disk."""

    def __init__(self, place: Place) -> None:
        self._file = place.folder / "told.txt"
        self._told: dict[str, list[str]] = {}

    def add(self, user_id: str, session: str, messages: Sequence[Message]) -> None:
        texts = [message.dated for message in messages]
        self._told.setdefault(user_id, []).extend(texts)
        with self._file.open("a") as file:
            file.writelines(f"{text}\n" for text in texts)

    def search(self, user_id: str, question: str, budget_tokens: int, hits: int) -> list[str]:
        wanted = words(question)
        told = self._told[user_id]
        return sorted(told, key=lambda text: len(words(text) & wanted), reverse=True)[:hits]

    def close(self) -> None:
        pass


def words(text: str) -> set[str]:
    """The words of a text."""
    return set(re.findall(r"\w+", text.lower()))


open_system = PeerByWords
