"""Statements of one transaction, bound to one user."""

from collections.abc import Iterable, Mapping
from typing import Any

from hitherto.store.database import Row, Run
from hitherto.store.embedders import RecordedEmbedder, in_slot, recorded_embedder


class UserRun:
    """Run statements with one user's id in each, so that callers cannot forget it."""

    def __init__(self, run: Run, user_id: str) -> None:
        self._statements = run
        self._embedder: RecordedEmbedder | None = None
        self.user_id = user_id

    def __call__(self, name: str, /, **parameters: Any) -> list[Row]:
        return self._statements(name, user_id=self.user_id, **parameters)

    def many(self, name: str, parameters: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement once for each set of parameters."""
        self._statements.many(name, [{"user_id": self.user_id, **row} for row in parameters])

    def note_replacement(self) -> None:
        """Note that the transaction overwrites a text of the user, as `Run` does."""
        self._statements.note_replacement()

    def embedder(self) -> RecordedEmbedder:
        """Return the embedder that made the vectors of this state. Raises StoreError for none."""
        if self._embedder is None:
            self._embedder = recorded_embedder(self("current_embedder"))
        return self._embedder

    def in_slot(self, vector: bytes) -> Mapping[str, bytes | None]:
        """Return the parameters that store a vector of the current embedder."""
        return in_slot(self.embedder().slot, vector)
