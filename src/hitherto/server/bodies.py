"""Read the bodies of requests within limits on size, time and memory.

A short body that arrives at once is read without a reservation. Any other one first reserves memory
for its declared length. Reservations are limited in number and in bytes, in total and per owner:
the address of the caller, and its key.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from hitherto.errors import OverloadedError, RecallrAIError
from hitherto.server.error_responses import BUSY, RETRY_AFTER_S

UNRESERVED_BYTES = 16_384
"""Longest body without a reservation; nearly all messages are shorter."""

UNRESERVED_S = 1.0
"""Seconds in which such a body has to arrive: several round trips around the world."""

BODY_TIMEOUT_S = 10.0
"""Seconds for a body, in addition to those for its bytes at `MIN_BODY_BYTES_PER_S`."""

MIN_BODY_BYTES_PER_S = 65_536
"""Half a megabit per second, slower than the uplink of a machine that calls an API."""

MAX_BODIES = 512
"""Reservations at once: as many as one released client opens connections."""

BODIES_IN_MEMORY = 16
"""Bodies of the largest size that fit into the memory for reservations: 64 MB by default."""

OWNER_SHARE = 0.5
"""Share of each limit that one owner may use, so that others can still send."""

MAX_WAIT_S = 10.0
"""Longest wait for a reservation: a third of the 30 s after which the released clients give up."""

_MAX_LENGTH_DIGITS = 19
"""Digits of a number with 63 bits. Python refuses to parse thousands of them."""

_ALL = ""
"""Owner of all reservations, for the total limits."""


class DisconnectedError(Exception):
    """Raised when the client closed the connection before its request was complete."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Memory for one body. owners: those whose shares it counts towards."""

    owners: tuple[str, ...]
    size_bytes: int


class BodyMemory:
    """Reservations of memory for bodies, and the queue for them."""

    def __init__(self, max_bytes: int, max_bodies: int = MAX_BODIES) -> None:
        self._max_bytes = max_bytes
        self._max_bodies = max_bodies
        self._bytes: Counter[str] = Counter()
        self._bodies: Counter[str] = Counter()
        self._queue: dict[asyncio.Future[None], Reservation] = {}

    @property
    def reserved_bytes(self) -> int:
        """Total bytes of the reservations."""
        return self._bytes[_ALL]

    async def reserve(self, owners: Sequence[str], size_bytes: int) -> Reservation:
        """Wait for memory for a body and reserve it. Short bodies may overtake long ones."""
        reservation = Reservation((_ALL, *owners), size_bytes)
        if self._fits(reservation):
            self._take(reservation)
            return reservation
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue[granted] = reservation
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.release(reservation)
            raise
        finally:
            self._queue.pop(granted, None)
        return reservation

    def release(self, reservation: Reservation) -> None:
        """Free the memory, and grant waiting reservations that fit now."""
        for owner in reservation.owners:
            self._bytes[owner] -= reservation.size_bytes
            self._bodies[owner] -= 1
            if not self._bodies[owner]:
                del self._bytes[owner], self._bodies[owner]
        for granted, waiting in list(self._queue.items()):
            if self._fits(waiting) and not granted.done():
                self._take(waiting)
                granted.set_result(None)

    def _fits(self, reservation: Reservation) -> bool:
        size_bytes = reservation.size_bytes
        for owner in reservation.owners:
            share = 1.0 if owner == _ALL else OWNER_SHARE
            if self._bodies[owner] + 1 > self._max_bodies * share:
                return False
            if self._bytes[owner] + size_bytes > self._max_bytes * share:
                return False
        return True

    def _take(self, reservation: Reservation) -> None:
        for owner in reservation.owners:
            self._bytes[owner] += reservation.size_bytes
            self._bodies[owner] += 1


@dataclass(frozen=True, slots=True)
class Body:
    """A complete body, and the memory that is reserved for it until its request is done."""

    content: bytes
    reservation: Reservation | None


class BodyReader:
    """Reads bodies within limits on size, time and memory."""

    def __init__(
        self,
        max_bytes: int,
        *,
        unreserved_s: float = UNRESERVED_S,
        timeout_s: float = BODY_TIMEOUT_S,
        max_wait_s: float = MAX_WAIT_S,
    ) -> None:
        self._max_bytes = max_bytes
        self._unreserved_s = unreserved_s
        self._timeout_s = timeout_s
        self._max_wait_s = max_wait_s
        self.memory = BodyMemory(BODIES_IN_MEMORY * max_bytes)

    async def read(self, scope: Scope, receive: Receive, owners: Sequence[str]) -> Body:
        """Return the body of a request; `release` it when the request is done.

        Raises RecallrAIError with status 413 or 408, OverloadedError if there is no memory for the
        body, and DisconnectedError.
        """
        declared = Headers(scope=scope).get("content-length", "")
        is_number = declared.isdecimal() and len(declared) <= _MAX_LENGTH_DIGITS
        size_bytes = int(declared) if is_number else self._max_bytes
        if size_bytes > self._max_bytes:
            raise self._too_large()
        content = bytearray()
        if await self._read_unreserved(receive, content):
            return Body(bytes(content), None)
        try:
            async with asyncio.timeout(self._max_wait_s):
                reservation = await self.memory.reserve(owners, size_bytes)
        except TimeoutError as error:
            raise OverloadedError(BUSY, retry_after_s=RETRY_AFTER_S) from error
        try:
            await self._read_reserved(receive, content)
            return Body(bytes(content), reservation)
        except BaseException:
            self.memory.release(reservation)
            raise

    def release(self, body: Body) -> None:
        """Free the memory of a body."""
        if body.reservation is not None:
            self.memory.release(body.reservation)

    async def _read_unreserved(self, receive: Receive, content: bytearray) -> bool:
        """Read what arrives at once; return whether the body is complete."""
        try:
            async with asyncio.timeout(self._unreserved_s):
                while len(content) <= UNRESERVED_BYTES:
                    if await self._is_last(receive, content):
                        return True
        except TimeoutError:
            pass
        return False

    async def _read_reserved(self, receive: Receive, content: bytearray) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            async with asyncio.timeout(self._timeout_s) as deadline:
                while not await self._is_last(receive, content):
                    allowed_s = self._timeout_s + len(content) / MIN_BODY_BYTES_PER_S
                    deadline.reschedule(began_s + allowed_s)
        except TimeoutError as error:
            raise RecallrAIError("The body of the request did not arrive in time", 408) from error

    async def _is_last(self, receive: Receive, content: bytearray) -> bool:
        """Append the next part of a body; return whether it is the last one."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        content += message.get("body", b"")
        if len(content) > self._max_bytes:
            raise self._too_large()
        return not message.get("more_body", False)

    def _too_large(self) -> RecallrAIError:
        return RecallrAIError(
            f"The body of a request may have at most {self._max_bytes} bytes", 413
        )
