"""Change of a database's embedder while it is served.

The vectors of the coming embedder are stored in a second slot, user by user, in small transactions,
while servers read and sessions are processed. New sessions get their second vectors in the next
round. When none is missing, one transaction makes the coming embedder current and invalidates every
memory index; then the old vectors are deleted. The database records each step, so the change can be
interrupted at any point and continues there.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hitherto.core.recall import passages
from hitherto.core.recall.calibration import Calibration, match_spreads, spread_of
from hitherto.core.text.quotation import words_to_embed
from hitherto.embedding import Embedder, EmbedderIdentity, calibration_of
from hitherto.errors import EmbedderError
from hitherto.store import (
    EmbedderRows,
    MissingVector,
    RecordedEmbedder,
    SampledPassage,
    Store,
    Transaction,
)
from hitherto.store.repositories.embedders import COMING, GOING
from hitherto.store.rows import to_bytes, to_matrix
from hitherto.threads import in_thread

BATCH = 128
"""Vectors of each kind that are computed between two transactions, which takes seconds."""

SAMPLED_USERS = 64
SAMPLED_PASSAGES = 4_096
"""Sample from which the calibration is estimated."""

STRIDES = (1 / 2, 1 / 3, 1 / 5, 2 / 7, 3 / 11, 5 / 13)
"""Distances of the passages of random pairs, as shares of the sample.

Several, because similar passages can follow each other at equal distances.
"""

PAUSE_S = 0.05
"""Pause between two rounds over the users, in which new sessions get their vectors."""


class Phase(StrEnum):
    """Phase of a change of the embedder."""

    EMBEDDING = "embedding"
    CLEARING = "clearing"
    DONE = "done"


class _EndedError(EmbedderError):
    """Another process has switched, or cancelled the change."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a change. done, total: vectors of the coming embedder; total can grow."""

    phase: Phase
    done: int = 0
    total: int = 0


Report = Callable[[Progress], None]


def _ignore(_progress: Progress) -> None:
    return


class Reembedding:
    """Change of the embedder, run in one process while servers continue.

    store: open. embedder: the coming one. report: receives each step, on the event loop.
    """

    def __init__(self, store: Store, embedder: Embedder, report: Report = _ignore) -> None:
        self._store = store
        self._embedder = embedder
        self._report = report
        self._progress = Progress(Phase.EMBEDDING)

    async def run(self) -> Calibration:
        """Compute missing vectors, switch, clear; continue a change that was interrupted.

        Returns the new embedder's calibration. Raises EmbedderError for a database without an
        embedder, while another change is under way, and if texts cannot be embedded.
        """
        try:
            coming = await self._begin()
            while coming is not None and not await self._switch(coming):
                await self._fill(coming)
        except _EndedError:
            if not await self._store.read(lambda tx: self._is_current(tx.embedders)):
                raise
        await clear(self._store, self._report_phase)
        self._report_phase(Progress(Phase.DONE))
        current = await self._store.read(lambda tx: tx.embedders.embedder())
        return Calibration() if current is None else current.calibration

    def _is_current(self, tx: EmbedderRows) -> bool:
        """Return whether the new embedder is current."""
        current = tx.embedder()
        if current is None:
            raise EmbedderError("the database has no vectors yet; open it with the new embedder")
        return _identity(current) == self._embedder.identity

    async def _begin(self) -> RecordedEmbedder | None:
        """Record the coming embedder, or return its record; None if it is the current one."""
        await clear(self._store, self._report_phase)
        identity = self._embedder.identity

        def work(tx: EmbedderRows) -> RecordedEmbedder | None:
            if self._is_current(tx):
                return None
            recorded = tx.embedder(COMING)
            if recorded is None:
                recorded = tx.begin(str(identity))
            if _identity(recorded) != identity:
                raise EmbedderError(
                    f"a change to {recorded} is under way; finish it with `hitherto reembed --to "
                    f"{recorded.name}`, or cancel it with `hitherto reembed --cancel`"
                )
            return recorded

        coming = await self._store.write(lambda tx: work(tx.embedders))
        if coming is None:
            return None
        total, missing = await self._store.read(lambda tx: tx.embedders.count_vectors(coming.slot))
        self._report_progress(Progress(Phase.EMBEDDING, total - missing, total))
        return coming

    async def _fill(self, coming: RecordedEmbedder) -> None:
        """Compute missing vectors in one round over the users."""
        after = ""
        while (user_id := await self._store.read(_waiting_after(after))) is not None:
            await self._fill_user(user_id, coming)
            after = user_id
        await asyncio.sleep(PAUSE_S)

    async def _fill_user(self, user_id: str, coming: RecordedEmbedder) -> None:
        vectors: list[tuple[MissingVector, bytes]] = []
        while True:
            batch = await self._store.write(_store_vectors(user_id, coming, vectors))
            if not batch:
                return
            vectors = await self._embed(batch)
            done = self._progress.done + len(vectors)
            total = max(self._progress.total, done)
            self._report_progress(Progress(Phase.EMBEDDING, done, total))

    async def _embed(
        self, batch: Sequence[tuple[MissingVector, str]]
    ) -> list[tuple[MissingVector, bytes]]:
        texts = [text for _, text in batch]
        vectors = await in_thread(self._embedder.embed, texts)
        return [
            (missing, to_bytes(vector)) for (missing, _), vector in zip(batch, vectors, strict=True)
        ]

    async def _switch(self, coming: RecordedEmbedder) -> bool:
        """Switch, unless vectors are still missing."""
        if await self._store.read(lambda tx: tx.embedders.waiting_user("")) is not None:
            return False
        calibration = await self._calibration(coming)

        def work(tx: EmbedderRows) -> bool:
            _require(tx, coming)
            tx.calibrate(coming.slot, calibration)
            return tx.switch(coming)

        return await self._store.write(lambda tx: work(tx.embedders))

    async def _calibration(self, coming: RecordedEmbedder) -> Calibration:
        """Return the coming embedder's own calibration, or one estimated from users' passages.

        With too few passages, it is estimated from fixed sentences.
        """
        own_calibration = self._embedder.identity.calibration
        if own_calibration is not None:
            return own_calibration
        current, samples = await self._store.read(lambda tx: _sample(tx.embedders))
        calibration = await in_thread(estimate_calibration, samples, current, coming)
        if calibration is not None:
            return calibration
        return await in_thread(calibration_of, self._embedder)

    def _report_phase(self, progress: Progress) -> None:
        self._report_progress(replace(self._progress, phase=progress.phase))

    def _report_progress(self, progress: Progress) -> None:
        self._progress = progress
        self._report(progress)


async def cancel(store: Store, report: Report = _ignore) -> RecordedEmbedder | None:
    """Cancel the running change and delete its vectors; None if there is none."""

    def work(tx: EmbedderRows) -> RecordedEmbedder | None:
        coming = tx.embedder(COMING)
        if coming is not None:
            tx.cancel(coming)
        return coming

    cancelled = await store.write(lambda tx: work(tx.embedders))
    await clear(store, report)
    return cancelled


async def clear(store: Store, report: Report = _ignore) -> None:
    """Delete the vectors of an unused embedder, user by user."""
    going = await store.read(lambda tx: tx.embedders.embedder(GOING))
    if going is None:
        return
    report(Progress(Phase.CLEARING))
    after: str | None = ""
    while after is not None:
        after = await store.write(_clear_next_user(going, after))


def estimate_calibration(
    samples: Sequence[Sequence[SampledPassage]],
    current: RecordedEmbedder,
    coming: RecordedEmbedder,
) -> Calibration | None:
    """Return the calibration that spreads users' passages as the current embedder does.

    samples: of each user, session by session, in order. Neighbours are consecutive passages of a
    session; random pairs are passages of different sessions, `STRIDES` apart in the sample. None
    if there are too few of either, or if they differ too little. Blocking, CPU only.
    """
    flat = [sample for of_user in samples for sample in of_user]
    if len(flat) < 2:
        return None
    sessions = np.unique([sample.session_id for sample in flat], return_inverse=True)[1]
    near = np.flatnonzero(sessions[:-1] == sessions[1:])
    left = np.tile(np.arange(len(flat)), len(STRIDES))
    strides = [round(share * len(flat)) for share in STRIDES]
    right = (left + np.repeat(strides, len(flat))) % len(flat)
    apart = np.flatnonzero(sessions[left] != sessions[right])
    spreads = []
    for embedder in (current, coming):
        vectors = to_matrix([sample.vectors[embedder.slot] for sample in flat], embedder.dimension)
        # The current embedder is on the reference's scale; the scale of the coming one is unknown.
        scale = embedder.calibration if embedder is current else Calibration()
        spreads.append(
            spread_of(
                scale.apply(_products(vectors, left[apart], right[apart])),
                scale.apply(_products(vectors, near, near + 1)),
            )
        )
    if spreads[0] is None or spreads[1] is None:
        return None
    return match_spreads(spreads[1], spreads[0])


def _products(
    vectors: NDArray[np.float32], left: NDArray[np.intp], right: NDArray[np.intp]
) -> NDArray[np.float32]:
    return np.asarray(np.einsum("nd,nd->n", vectors[left], vectors[right]), np.float32)


def _identity(recorded: RecordedEmbedder) -> EmbedderIdentity:
    return EmbedderIdentity(recorded.name, recorded.dimension)


def _require(tx: EmbedderRows, coming: RecordedEmbedder) -> None:
    """Raise EmbedderError if another process cancelled or finished the change."""
    recorded = tx.embedder(COMING)
    if recorded is None or (recorded.name, recorded.slot) != (coming.name, coming.slot):
        raise _EndedError(f"the change to {coming} was ended by another process")


def _waiting_after(after: str) -> Callable[[Transaction], str | None]:
    return lambda tx: tx.embedders.waiting_user(after)


def _store_vectors(
    user_id: str, coming: RecordedEmbedder, vectors: Sequence[tuple[MissingVector, bytes]]
) -> Callable[[Transaction], list[tuple[MissingVector, str]]]:
    """Store vectors and read the next missing ones; without any, the user is complete."""

    def work(transaction: Transaction) -> list[tuple[MissingVector, str]]:
        tx = transaction.embedders
        tx.hold(user_id)
        _require(tx, coming)
        tx.store_vectors(user_id, coming.slot, vectors)
        missing = tx.missing(user_id, coming.slot, BATCH)
        if not missing:
            tx.complete(user_id)
        return list(_with_texts(tx, user_id, missing))

    return work


def _with_texts(
    tx: EmbedderRows, user_id: str, missing: Sequence[MissingVector]
) -> Iterator[tuple[MissingVector, str]]:
    """Pair each missing vector with its text; passages are cut as in processing."""
    spans: dict[str, dict[tuple[int, str, int, int], str]] = {}
    contents: dict[str, list[str]] = {}
    for vector in missing:
        if vector.text is not None:
            yield vector, words_to_embed(vector.text)
            continue
        session_id, position = vector.key["session_id"], vector.key["position"]
        if session_id not in spans:
            messages = tx.messages(user_id, session_id)
            contents[session_id] = [message.content for message in messages]
            spans[session_id] = {
                (cut.position, cut.kind, cut.start, cut.end): cut.text
                for cut in passages.cut(messages)
            }
        # An earlier release may have cut other passages; then the span itself is embedded.
        plain = contents[session_id][position][vector.start_char : vector.end_char]
        key = (position, vector.kind, vector.start_char, vector.end_char)
        yield vector, spans[session_id].get(key, plain)


def _clear_next_user(going: RecordedEmbedder, after: str) -> Callable[[Transaction], str | None]:
    """Clear the next user's vectors; after the last user, delete the embedder."""

    def work(transaction: Transaction) -> str | None:
        tx = transaction.embedders
        if tx.embedder(GOING) != going:
            return None
        user_id = tx.next_user(after)
        if user_id is None:
            tx.forget(going)
            return None
        tx.clear_vectors(user_id, going.slot)
        return user_id

    return work


def _sample(tx: EmbedderRows) -> tuple[RecordedEmbedder, list[Sequence[SampledPassage]]]:
    """Return the current embedder and chunks of some users, with both vectors of each."""
    samples: list[Sequence[SampledPassage]] = []
    remaining, user_id = SAMPLED_PASSAGES, tx.next_user("")
    while user_id is not None and remaining > 0 and len(samples) < SAMPLED_USERS:
        samples.append(tx.sample(user_id, min(remaining, SAMPLED_PASSAGES // 8)))
        remaining -= len(samples[-1])
        user_id = tx.next_user(user_id)
    return tx.require(), samples
