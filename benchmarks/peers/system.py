"""What a system must be able to do to be measured, and what it is given.

Only the standard library is imported here, so that every environment can import it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """What one speaker said. `created_at`: when its session was, ISO 8601.

    content: as an application passes it on beside the role. dated: the same behind the day and the
    speaker's name, for a store that keeps nothing but a text.
    """

    role: str
    content: str
    dated: str
    created_at: str


class System(Protocol):
    """One system with a folder of its own, opened and empty."""

    def add(self, user_id: str, session: str, messages: Sequence[Message]) -> None:
        """Adds messages of one session of one user; returns when they are acknowledged."""
        ...

    def settle(self) -> None:
        """Returns when everything that was added can be found."""
        ...

    def prepare(self, user_id: str, question: str, asked_at: str) -> None:
        """Does what an application has done before it searches; it is not timed."""
        ...

    def search(self, user_id: str, question: str, budget_tokens: int, hits: int) -> list[str]:
        """Returns texts, best first; a system with a budget of its own gives one context."""
        ...

    def close(self) -> None:
        """Lets go of the folder."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a system works. cache_dir: holds the graph of the embedder that all of them use."""

    folder: Path
    cache_dir: Path


class Unprepared:
    """What most systems need not do."""

    def settle(self) -> None:
        """Nothing: what was added can be found."""

    def prepare(self, user_id: str, question: str, asked_at: str) -> None:
        """Nothing: a search needs no preparation."""
