"""A user's passages and their vectors."""

from collections.abc import Sequence
from dataclasses import dataclass

from hitherto.store.repositories.user_run import UserRun


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as stored: `vector` is the stored bytes."""

    session_id: str
    position: int
    kind: str
    start_char: int
    end_char: int
    vector: bytes


class PassageRows:
    """Passages of one user's messages."""

    def __init__(self, run: UserRun) -> None:
        self._run = run

    def since(self, revision: int) -> list[StoredPassage]:
        """Passages written after a revision, by session, position and order."""
        return [
            StoredPassage(
                row["session_id"],
                row["position"],
                row["kind"],
                row["start_char"],
                row["end_char"],
                row["chosen_vector"],
            )
            for row in self._run("load_passages", since=revision, slot=self._run.embedder().slot)
        ]

    def insert(self, session_id: str, passages: Sequence[StoredPassage], revision: int) -> None:
        """Insert a session's passages in the order given."""
        self._run.many(
            "insert_passage",
            (
                {
                    "session_id": session_id,
                    "position": passage.position,
                    "ordinal": ordinal,
                    "kind": passage.kind,
                    "start_char": passage.start_char,
                    "end_char": passage.end_char,
                    "revision": revision,
                    **self._run.in_slot(passage.vector),
                }
                for ordinal, passage in enumerate(passages)
            ),
        )

    def delete(self, session_id: str) -> None:
        """Delete all passages of a session."""
        self._run("delete_passages", session_id=session_id)
