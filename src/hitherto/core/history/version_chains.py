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

    A link to a version that is not there ends the chain. Raises `InternalServerError` where links
    run in a circle, naming a version in it.
    """

    def __init__(self, versions: Mapping[str, MemoryVersion]) -> None:
        self._versions = versions
        self._successors = _successors(_links(versions))
        self._numbers: dict[str, int] = {}
        for memory_id in versions:
            self._number(memory_id)
        self._heights: dict[str, int] = {}
        for memory_id in sorted(versions, key=lambda one: -self._numbers[one]):
            above = (self._heights[one] for one in self._successors.get(memory_id, ()))
            self._heights[memory_id] = 1 + max(above, default=-1)

    def _number(self, memory_id: str) -> None:
        """Numbers a version and all before it."""
        path: dict[str, None] = {}
        here: str | None = memory_id
        while here is not None and here in self._versions and here not in self._numbers:
            if here in path:
                raise InternalServerError(f"The versions of memory {here} link in a circle")
            path[here] = None
            here = self._versions[here].previous_id
        before = self._numbers.get(here, 0) if here is not None else 0
        for number, one in enumerate(reversed(path), start=before + 1):
            self._numbers[one] = number

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

        Several where the chain forks; none where every branch ended in a version that expired
        without a successor.
        """
        require(self._versions, memory_id)
        branches = _descendants(memory_id, self._successors)
        return tuple(
            self._versions[one]
            for one in sorted({memory_id, *branches})
            if self._versions[one].expired_at is None
        )

    def as_of(self, instant: datetime) -> tuple[MemoryVersion, ...]:
        """Return the newest version of each branch that was stated until an instant.

        Dates are those of the sessions (`created_at`). A version that expired without a successor
        counts until `expired_at`.
        """
        said = {one.memory_id for one in self._versions.values() if one.created_at <= instant}
        replaced: set[str] = set()
        for memory_id in said:
            here = self._versions[memory_id].previous_id
            while here is not None and here in self._versions and here not in replaced:
                replaced.add(here)
                here = self._versions[here].previous_id
        found = []
        for memory_id in sorted(said - replaced):
            version = self._versions[memory_id]
            ended = not self._successors.get(memory_id) and version.expired_at is not None
            if not ended or (version.expired_at is not None and instant < version.expired_at):
                found.append(version)
        return tuple(found)


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
    created = {one for one, version in versions.items() if version.session_id == session_id}
    return _delete_each(versions, sorted(created.union(further)))


def delete_with_previous(versions: Mapping[str, MemoryVersion], memory_id: str) -> ChainEdit:
    """Delete a version and all its predecessors; its successors start a new chain.

    Predecessors shared with another branch are deleted too: deleting a memory with its past deletes
    that past everywhere.
    """
    gone = tuple(version.memory_id for version in Chains(versions).history(memory_id))
    successors = _successors(_links(versions))
    cut = {after for one in gone for after in successors.get(one, ())} - set(gone)
    return ChainEdit(gone, dict.fromkeys(sorted(cut)))


def insert_before(
    versions: Mapping[str, MemoryVersion], memory_id: str, successor_id: str, said: datetime
) -> Insertion:
    """Insert a superseded version into the history of `successor_id` by its date.

    memory_id: the new version's id. said: its session's date. It goes above the nearest
    predecessor that was not said later.
    """
    walk = _history(versions, successor_id)
    above = next(walk).memory_id
    for version in walk:
        if version.created_at <= said:
            return Insertion(version.memory_id, {above: memory_id})
        above = version.memory_id
    return Insertion(None, {above: memory_id})


def join(
    versions: Mapping[str, MemoryVersion], memory_id: str, replaced: Sequence[str]
) -> Insertion:
    """Links one new version to all the versions that it supersedes.

    A version has one predecessor, so the chains of the superseded ones are put behind each other,
    in the order given; a chain that already ends in another's past is left where it is.
    """
    if not replaced:
        raise ValueError(f"Version {memory_id} supersedes nothing, so there is nothing to join")
    first, *others = replaced
    if not others:
        return Insertion(first, {})
    relinks: dict[str, str | None] = {}
    oldest = _oldest(versions, first)
    roots = {oldest}
    for one in others:
        root = _oldest(versions, one)
        if root not in roots:
            relinks[oldest] = one
            oldest = root
        roots.add(root)
    return Insertion(first, relinks)


def require(versions: Mapping[str, MemoryVersion], memory_id: str) -> MemoryVersion:
    """Return the version with an id. Raises MemoryNotFoundError."""
    if memory_id not in versions:
        raise MemoryNotFoundError(f"Memory {memory_id} not found")
    return versions[memory_id]


def _history(versions: Mapping[str, MemoryVersion], memory_id: str) -> Iterator[MemoryVersion]:
    """A version and its predecessors, newest first."""
    version: MemoryVersion | None = require(versions, memory_id)
    seen: set[str] = set()
    while version is not None:
        if version.memory_id in seen:
            raise InternalServerError(f"The versions of memory {memory_id} link in a circle")
        seen.add(version.memory_id)
        yield version
        before = version.previous_id
        version = None if before is None else versions.get(before)


def _oldest(versions: Mapping[str, MemoryVersion], memory_id: str) -> str:
    """Return the first version of a memory; histories with the same one share versions."""
    *_, oldest = _history(versions, memory_id)
    return oldest.memory_id


def _links(versions: Mapping[str, MemoryVersion]) -> dict[str, str | None]:
    """Each version's predecessor, None where it is not there."""
    return {
        one: version.previous_id if version.previous_id in versions else None
        for one, version in versions.items()
    }


def _successors(links: Mapping[str, str | None]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in sorted(links):
        previous = links[one]
        if previous is not None:
            found.setdefault(previous, []).append(one)
    return found


def _descendants(memory_id: str, successors: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [memory_id]
    while waiting:
        for one in successors.get(waiting.pop(), ()):
            if one not in found:
                found.add(one)
                waiting.append(one)
    return found


def _delete_each(versions: Mapping[str, MemoryVersion], gone: Iterable[str]) -> ChainEdit:
    """Applies the rule for one version to each of several; the order does not matter."""
    Chains(versions)  # refuses circles before anything is decided
    links = _links(versions)
    successors = {one: set(after) for one, after in _successors(links).items()}
    current = {one for one, version in versions.items() if version.expired_at is None}
    deleted: list[str] = []
    for memory_id in gone:
        previous = links.pop(memory_id)
        after = successors.pop(memory_id, set())
        for one in after:
            links[one] = previous
        if previous is not None:
            siblings = successors.setdefault(previous, set())
            siblings.discard(memory_id)
            siblings |= after
            if memory_id in current and not siblings:
                current.add(previous)
        deleted.append(memory_id)
    relinks = {
        one: link
        for one, link in links.items()
        if versions[one].previous_id != link and versions[one].previous_id in versions
    }
    revived = (
        one for one in sorted(links) if one in current and versions[one].expired_at is not None
    )
    return ChainEdit(tuple(deleted), relinks, tuple(revived))
