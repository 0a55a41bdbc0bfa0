"""Connections to webhook receivers, made only to addresses that were checked.

A name is resolved once for each request, and the connection is made to one of the addresses found,
so a name cannot mean a public address when it is checked and another one when it is connected to.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from urllib.request import getproxies, proxy_bypass

import httpx

from hitherto.engine.webhook_targets import (
    Address,
    TargetPolicy,
    is_local_name,
    literal_address,
)

RESOLVERS = 8
"""Threads that resolve names: a slow name server must not hold up the threads of other work."""

CONNECT_TIMEOUT_S = 3.0
"""Seconds for one of several addresses to accept a connection before the next is tried."""

MAX_ADDRESSES = 4
"""Addresses of one name that are tried."""

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Function that resolves a name to addresses, the preferred first. Raises OSError for none."""


class TargetRefusedError(httpx.ConnectError):
    """Address that webhooks must not be sent to."""


class UnresolvedError(httpx.ConnectError):
    """Target name without an address."""


class Resolver:
    """Resolves names with the system's resolver, in threads of its own."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    async def __call__(self, host: str, port: int) -> list[Address]:
        """Return the addresses of a host. Raises OSError where there are none."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="hitherto-resolve")
        entries = await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        # A zone names a link of this machine; only link-local addresses have one.
        texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in entries)
        return [ip_address(text) for text in texts]

    def close(self) -> None:
        """End the threads without waiting for names that are being resolved."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


class Gate:
    """Decides where a request may go. resolve: returns the addresses of a name."""

    def __init__(self, policy: TargetPolicy, resolve: Resolve) -> None:
        self.policy = policy
        self._resolve = resolve

    async def addresses(self, url: httpx.URL) -> list[Address]:
        """Return the addresses of a URL that may be connected to.

        Raises TargetRefusedError where none of its addresses may, UnresolvedError for none at all.
        """
        host = url.raw_host.decode("ascii")
        literal = literal_address(host)
        if literal is not None:
            resolved: Sequence[Address] = [literal]
        else:
            try:
                resolved = await self._resolve(host, url.port or _port(url))
            except (OSError, UnicodeError, ValueError) as error:
                raise UnresolvedError("the name cannot be resolved") from error
        allowed = [address for address in resolved if self.policy.allows(address)]
        if not allowed:
            raise TargetRefusedError(REFUSED)
        return allowed[:MAX_ADDRESSES]

    def require_name(self, url: httpx.URL) -> None:
        """Refuse a name that is forbidden without resolving it, for a proxy that resolves.

        Raises TargetRefusedError.
        """
        host = url.raw_host.decode("ascii")
        literal = literal_address(host)
        local = is_local_name(host) and not (self.policy.private or self.policy.loopback)
        if local or (literal is not None and not self.policy.allows(literal)):
            raise TargetRefusedError(REFUSED)


REFUSED = (
    "the address is not a public one; HITHERTO_WEBHOOK_PRIVATE_TARGETS=true allows webhooks to "
    "private addresses"
)


class CheckedTransport(httpx.AsyncBaseTransport):
    """Sends the requests to one receiver, over connections to checked addresses.

    Use one for each receiver: connections are kept by address, and two receivers at one address
    must not share the connection on which only one of them proved who it is.
    """

    def __init__(self, gate: Gate, tls: ssl.SSLContext) -> None:
        self._gate = gate
        self._tls = tls
        self._direct = httpx.AsyncHTTPTransport(verify=tls)
        self._proxies: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises TargetRefusedError, and what httpx raises."""
        proxy = proxy_of(request.url)
        if proxy is not None:
            self._gate.require_name(request.url)
            if proxy not in self._proxies:
                self._proxies[proxy] = httpx.AsyncHTTPTransport(verify=self._tls, proxy=proxy)
            return await self._proxies[proxy].handle_async_request(request)
        addresses = await self._gate.addresses(request.url)
        for address in addresses[:-1]:
            try:
                return await self._direct.handle_async_request(
                    _at(request, address, CONNECT_TIMEOUT_S)
                )
            except (httpx.ConnectError, httpx.ConnectTimeout):
                # Nothing was sent yet, so nothing is sent twice.
                continue
        return await self._direct.handle_async_request(_at(request, addresses[-1], None))

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in (self._direct, *self._proxies.values()):
            await transport.aclose()


def proxy_of(url: httpx.URL) -> str | None:
    """Return the proxy that the environment names for a URL, as other programs read it."""
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if proxy is None or proxy_bypass(url.host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _at(request: httpx.Request, address: Address, connect_timeout_s: float | None) -> httpx.Request:
    """Return the request for one address; headers, body and the TLS name stay."""
    extensions = {**request.extensions}
    extensions["timeout"] = {**extensions.get("timeout", {}), "connect": connect_timeout_s}
    if request.url.scheme == "https":
        extensions["sni_hostname"] = request.url.raw_host.decode("ascii")
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions=extensions,
    )


def _port(url: httpx.URL) -> int:
    return 443 if url.scheme == "https" else 80
