"""Version chains: order, numbers, state at a date, effects of a deletion.

A chain is linked by `previous_id`, from a version to the one it superseded. Chains are ordered by
their links and never by date, because sessions may be processed in any order. They can fork: one
version may have been superseded by several current ones. Versions are never changed here; an edit
says what the store has to change.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hitherto.errors import InternalServerError, MemoryNotFoundError
from hitherto.models import MemoryVersion


@dataclass(frozen=True, slots=True)
class ChainEdit:
    """Changes of the store, in any order, within one transaction.

    deleted: ids of rows to remove, in the requested order.
    relinks: id of a remaining version to its new `previous_id`.
    revived: ids of versions that become current again; their expiry and its reason are cleared.
    """

    deleted: tuple[str, ...] = ()
    relinks: Mapping[str, str | None] = field(default_factory=dict)
    revived: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Insertion:
    """Position of an older version: its own link, and the changed links."""

    previous_id: str | None
    relinks: Mapping[str, str | None]


class Chains:
    """Version chains of one user.

    A link to a missing version ends the chain. Raises `InternalServerError` if links form a cycle,
    naming a version in it.
    """

    def __init__(self, versions: Mapping[str, MemoryVersion]) -> None:
        self._versions = versions
        self._successors = _successors(_links(versions))
        self._numbers: dict[str, int] = {}
        for memory_id in versions:
            self._number(memory_id)
        self._heights: dict[str, int] = {}
        for memory_id in sorted(versions, key=lambda other_id: -self._numbers[other_id]):
            above = (self._heights[other_id] for other_id in self._successors.get(memory_id, ()))
            self._heights[memory_id] = 1 + max(above, default=-1)

    def _number(self, memory_id: str) -> None:
        """Number a version and all before it."""
        path: dict[str, None] = {}
        current_id: str | None = memory_id
        while (
            current_id is not None
            and current_id in self._versions
            and current_id not in self._numbers
        ):
            if current_id in path:
                raise InternalServerError(
                    f"The versions of memory {current_id} form a cycle; report it"
                )
            path[current_id] = None
            current_id = self._versions[current_id].previous_id
        before = self._numbers.get(current_id, 0) if current_id is not None else 0
        for number, path_id in enumerate(reversed(path), start=before + 1):
            self._numbers[path_id] = number

    def history(self, memory_id: str) -> tuple[MemoryVersion, ...]:
        """Return the version and its predecessors, newest first."""
        return tuple(_history(self._versions, memory_id))

    def family(self, memory_id: str) -> frozenset[str]:
        """Return all versions of the memory that a version belongs to."""
        root = self.history(memory_id)[-1].memory_id
        return frozenset({root, *_descendants(root, self._successors)})

    def version_number(self, memory_id: str) -> int:
        """Return the version's position in its history; the oldest is 1."""
        require(self._versions, memory_id)
        return self._numbers[memory_id]

    def total_versions(self, memory_id: str) -> int:
        """Return the length of the longest chain through the version."""
        require(self._versions, memory_id)
        return self._numbers[memory_id] + self._heights[memory_id]

    def current_from(self, memory_id: str) -> tuple[MemoryVersion, ...]:
        """Return the current versions that followed from a version, by id.

        There are several if the chain forks, and none if every branch ended in a version that
        expired without a successor.
        """
        require(self._versions, memory_id)
        branches = _descendants(memory_id, self._successors)
        return tuple(
            self._versions[branch_id]
            for branch_id in sorted({memory_id, *branches})
            if self._versions[branch_id].expired_at is None
        )

    def as_of(self, instant: datetime) -> tuple[MemoryVersion, ...]:
        """Return the newest version of each branch that was stated until an instant.

        Dates are those of the sessions (`created_at`). A version that expired without a successor
        counts until `expired_at`.
        """
        stated = {
            version.memory_id
            for version in self._versions.values()
            if version.created_at <= instant
        }
        replaced: set[str] = set()
        for memory_id in stated:
            previous_id = self._versions[memory_id].previous_id
            while (
                previous_id is not None
                and previous_id in self._versions
                and previous_id not in replaced
            ):
                replaced.add(previous_id)
                previous_id = self._versions[previous_id].previous_id
        newest = []
        for memory_id in sorted(stated - replaced):
            version = self._versions[memory_id]
            ended = not self._successors.get(memory_id) and version.expired_at is not None
            if not ended or (version.expired_at is not None and instant < version.expired_at):
                newest.append(version)
        return tuple(newest)


def delete(versions: Mapping[str, MemoryVersion], memory_id: str) -> ChainEdit:
    """Delete one version.

    Its successors are linked to its predecessor. If it was current, its predecessor is current
    again, unless that one has another successor.
    """
    require(versions, memory_id)
    return _delete_each(versions, [memory_id])


def delete_session(
    versions: Mapping[str, MemoryVersion], session_id: str, further: Iterable[str] = ()
) -> ChainEdit:
    """Delete every version that a session created, and further ones, each as `delete` does."""
    created = {
        memory_id for memory_id, version in versions.items() if version.session_id == session_id
    }
    return _delete_each(versions, sorted(created.union(further)))


def delete_with_previous(versions: Mapping[str, MemoryVersion], memory_id: str) -> ChainEdit:
    """Delete a version and all its predecessors; its successors start a new chain.

    Predecessors that it shares with another branch are deleted, too.
    """
    deleted = tuple(version.memory_id for version in Chains(versions).history(memory_id))
    successors = _successors(_links(versions))
    new_roots = {after for deleted_id in deleted for after in successors.get(deleted_id, ())} - set(
        deleted
    )
    return ChainEdit(deleted, dict.fromkeys(sorted(new_roots)))


def insert_before(
    versions: Mapping[str, MemoryVersion], memory_id: str, successor_id: str, said_at: datetime
) -> Insertion:
    """Insert a superseded version into the history of `successor_id` by its date.

    memory_id: the new version's id. said: its session's date. It goes above the nearest
    predecessor that was not said later.
    """
    walk = _history(versions, successor_id)
    above = next(walk).memory_id
    for version in walk:
        if version.created_at <= said_at:
            return Insertion(version.memory_id, {above: memory_id})
        above = version.memory_id
    return Insertion(None, {above: memory_id})


def join(
    versions: Mapping[str, MemoryVersion], memory_id: str, replaced: Sequence[str]
) -> Insertion:
    """Link one new version to all the versions that it supersedes.

    A version has one predecessor, so the chains of the superseded ones are put after each other, in
    the order given. A chain that shares its oldest version with an earlier one stays where it is.
    """
    if not replaced:
        raise ValueError(f"Version {memory_id} supersedes nothing, so there is nothing to join")
    first, *others = replaced
    if not others:
        return Insertion(first, {})
    relinks: dict[str, str | None] = {}
    oldest = _oldest(versions, first)
    roots = {oldest}
    for other_id in others:
        root = _oldest(versions, other_id)
        if root not in roots:
            relinks[oldest] = other_id
            oldest = root
        roots.add(root)
    return Insertion(first, relinks)


def require(versions: Mapping[str, MemoryVersion], memory_id: str) -> MemoryVersion:
    """Return the version with an id. Raises MemoryNotFoundError."""
    if memory_id not in versions:
        raise MemoryNotFoundError(f"Memory {memory_id} not found")
    return versions[memory_id]


def _history(versions: Mapping[str, MemoryVersion], memory_id: str) -> Iterator[MemoryVersion]:
    """Yield a version and its predecessors, newest first."""
    version: MemoryVersion | None = require(versions, memory_id)
    seen: set[str] = set()
    while version is not None:
        if version.memory_id in seen:
            raise InternalServerError(f"The versions of memory {memory_id} form a cycle; report it")
        seen.add(version.memory_id)
        yield version
        before = version.previous_id
        version = None if before is None else versions.get(before)


def _oldest(versions: Mapping[str, MemoryVersion], memory_id: str) -> str:
    """Return the first version of a memory; histories with the same one share versions."""
    *_, oldest = _history(versions, memory_id)
    return oldest.memory_id


def _links(versions: Mapping[str, MemoryVersion]) -> dict[str, str | None]:
    """Return each version's predecessor, None if it is missing."""
    return {
        memory_id: version.previous_id if version.previous_id in versions else None
        for memory_id, version in versions.items()
    }


def _successors(links: Mapping[str, str | None]) -> dict[str, list[str]]:
    successors: dict[str, list[str]] = {}
    for memory_id in sorted(links):
        previous = links[memory_id]
        if previous is not None:
            successors.setdefault(previous, []).append(memory_id)
    return successors


def _descendants(memory_id: str, successors: Mapping[str, Sequence[str]]) -> set[str]:
    descendants: set[str] = set()
    waiting = [memory_id]
    while waiting:
        for successor_id in successors.get(waiting.pop(), ()):
            if successor_id not in descendants:
                descendants.add(successor_id)
                waiting.append(successor_id)
    return descendants


def _delete_each(versions: Mapping[str, MemoryVersion], memory_ids: Iterable[str]) -> ChainEdit:
    """Delete several versions by the rule for one; the order does not matter."""
    Chains(versions)  # refuses circles before anything is decided
    links = _links(versions)
    successors = {other_id: set(after) for other_id, after in _successors(links).items()}
    current = {other_id for other_id, version in versions.items() if version.expired_at is None}
    deleted: list[str] = []
    for memory_id in memory_ids:
        previous = links.pop(memory_id)
        after = successors.pop(memory_id, set())
        for other_id in after:
            links[other_id] = previous
        if previous is not None:
            siblings = successors.setdefault(previous, set())
            siblings.discard(memory_id)
            siblings |= after
            if memory_id in current and not siblings:
                current.add(previous)
        deleted.append(memory_id)
    relinks = {
        other_id: link
        for other_id, link in links.items()
        if versions[other_id].previous_id != link and versions[other_id].previous_id in versions
    }
    revived = (
        other_id
        for other_id in sorted(links)
        if other_id in current and versions[other_id].expired_at is not None
    )
    return ChainEdit(tuple(deleted), relinks, tuple(revived))
