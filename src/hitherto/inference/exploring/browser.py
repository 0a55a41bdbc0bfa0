"""Interface of an explorer to one user's memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hitherto.core.recall.query_plan import QueryPlan


class ItemKind(StrEnum):
    """Kind of an item, which decides how it is opened."""

    MEMORY = "memory"
    MESSAGE = "message"
    SUMMARY = "summary"
    CONFLICT = "merge conflict"


@dataclass(frozen=True, slots=True)
class Item:
    """Item of a user's memory, to be read and cited.

    item_id: of the memory version, the merge conflict, or the session of a message or a summary.
    position: a message's place in its session, from 0; start: where in the message `text` begins.
    source: the day, and who said it. details: what else there is to know of it, for the explorer.
    text: word for word.
    """

    kind: ItemKind
    item_id: str
    source: str
    text: str
    details: str = ""
    position: int = 0
    start: int = 0


class MemoryBrowser(Protocol):
    """Memory of one user at one revision; methods block on CPU work, for milliseconds.

    Lists are bounded and come best first, where there is a best.
    """

    @property
    def people(self) -> Collection[str]:
        """Lower-case names of those who speak in the user's sessions."""
        ...

    def memories(self, plan: QueryPlan, *, superseded: bool = False) -> Sequence[Item]:
        """Return memories that fit a plan, with superseded ones on request."""
        ...

    def versions(self, memory: Item) -> Sequence[Item]:
        """A memory and the versions before it, newest first."""
        ...

    def connections(self, memory: Item) -> Sequence[Item]:
        """Return the current memories connected to a memory."""
        ...

    def summaries(self, plan: QueryPlan) -> Sequence[Item]:
        """Return summaries that fit a plan."""
        ...

    def messages(self, plan: QueryPlan) -> Sequence[Item]:
        """Return messages that fit a plan, of the plan's role if it has one."""
        ...

    def transcript(self, item: Item, start: int | None) -> Sequence[Item]:
        """Return messages in order, from a position (from 0) or around an item."""
        ...

    def conflicts(self) -> Sequence[Item]:
        """Return the unresolved merge conflicts."""
        ...

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text."""
        ...


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words of an item, exactly as they are in it."""

    item: Item
    words: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence of the explorer, with at least one quotation that shows it."""

    statement: str
    evidence: tuple[Quotation, ...]


@dataclass(frozen=True, slots=True)
class Explored:
    """Result of an exploration.

    findings, changes: each with its evidence. working_out: steps of a count or a calculation.
    missing: what was looked for and is not there.
    unknown: how many citations named nothing that was shown; they are left out. unsupported: how
    many statements are left out because no evidence of theirs was left.
    steps: what was done, for people to read.
    failure: why there is no answer; empty where there is one.
    """

    findings: tuple[Fact, ...] = ()
    working_out: tuple[str, ...] = ()
    changes: tuple[Fact, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: int = 0
    unsupported: int = 0
    steps: tuple[str, ...] = ()
    failure: str = ""
