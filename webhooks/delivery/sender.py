"""The HTTP client of deliveries: one POST to a receiver that may be slow, broken or hostile, and what came of it.

Every attempt is bounded in time by the clock, and in memory by what is read of the answer. Where it goes is judged
three times (webhooks.addresses): the URL when it is parsed, the addresses of its name when they are looked up, and each
address before it is dialled. Redirects are not followed, proxies not asked, cookies not kept.
"""

import asyncio
import errno
import math
import socket
import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from time import monotonic
from types import TracebackType
from typing import Any, Self

import structlog
from aiohttp import (
    AddrInfoType,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError

from webhooks.addresses import Refused, is_inward, parse
from webhooks.delivery.resolver import Exhausted, Inward, Resolver

logger = structlog.get_logger(__name__)

MAX_ANSWER = 16 * 1024
KEPT_ANSWER = 1024
ANSWER_SECONDS = 2.0
"""How long an answer's body is waited for: its status has already told what is to be known."""

MAX_INTERIM = 20
MAX_RETRY_AFTER = 24 * 60 * 60.0
KEEPALIVE_SECONDS = 15.0
MAX_KEPT = 1_000
"""Connections that are kept for the next delivery, of all receivers together."""
HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "Agency-Webhooks/1.0",
}
OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""What the operating system says where this machine is short of something."""
LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt. `error` is empty where there was an answer, else one stable word:

    `invalid` (the URL), `inward`, `dns`, `refused`, `unreachable`, `tls`, `timeout`, `reset`, `protocol` (no HTTP),
    `local` (our own want of resources), `internal` (a fault in this program).
    """

    started_at: datetime
    duration_ms: int
    address: str | None
    """The address that was really dialled."""

    status: int | None
    error: str
    answer: bytes
    """How the answer's body began."""

    retry_after: float | None
    """In how many seconds the receiver asks to be tried again."""

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def ours(self) -> bool:
        """Whether the attempt failed by a fault of ours, and so costs the receiver none."""
        return self.error == LOCAL


class Sender:
    """Posts to receivers, many at once. To be entered (`async with`) in the event loop that it is used in.

    `timeout` bounds an attempt as a whole. Callers keep to `connections` posts at once: more wait for their turn, and
    their time runs. `trust` is what `tls_context` gives, with the authorities of one's own added to the public ones.
    """

    def __init__(
        self,
        *,
        timeout: float = 15.0,
        connect_timeout: float = 5.0,
        allow_private: bool,
        connections: int = 500,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._allow_private = allow_private
        self._connections = connections
        self._trust = trust

    async def __aenter__(self) -> Self:
        self._resolver = Resolver(timeout=self._connect_timeout, allow_private=self._allow_private)
        self._session = ClientSession(
            connector=_Connector(
                resolver=self._resolver,
                use_dns_cache=False,
                socket_factory=self._socket,
                limit=self._connections,
                keepalive_timeout=KEEPALIVE_SECONDS,
                ssl=self._trust or _public_trust(),
            ),
            request_class=_Request,
            response_class=_Response,
            headers=HEADERS,
            timeout=ClientTimeout(sock_connect=self._connect_timeout, ceil_threshold=math.inf),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=MAX_ANSWER,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        await self._resolver.close()

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Outcome:
        """One attempt. Raises nothing but CancelledError.

        A connection that was kept alive may be closed by the receiver in the moment that it is used again. That says
        nothing about the receiver, so it is tried once more.
        """
        exchange = _Exchange()
        _current.set(exchange)
        try:
            async with asyncio.timeout(self._timeout) as limit:
                await self._exchange(exchange, limit, url, headers, body)
                if exchange.stale:
                    await self._exchange(exchange, limit, url, headers, body)
        except TimeoutError:
            exchange.error = "timeout"
        return exchange.outcome()

    async def _exchange(
        self, exchange: "_Exchange", limit: asyncio.Timeout, url: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Raises TimeoutError and CancelledError; what else happens is told to the exchange."""
        exchange.begin()
        whole = False
        try:
            target = parse(url, allow_private=self._allow_private)
            response = await self._session.post(target, data=body, headers=headers, allow_redirects=False)
            exchange.response = response
            whole = await _read(response, exchange, limit) and not exchange.unsent
        except Refused as refusal:
            exchange.error = "inward" if refusal.code == "inward" else "invalid"
        except TimeoutError:
            raise
        except (ClientError, OSError) as failure:
            exchange.error = _word(failure)
        except Exception:
            logger.exception("delivery_fault")
            exchange.error = "internal"
        finally:
            if not whole:
                exchange.drop()

    def _socket(self, dialled: AddrInfoType) -> socket.socket:
        """The last guard: sees every address that is dialled, however it was come by."""
        family, kind, protocol, _, address = dialled
        if not self._allow_private and is_inward(str(address[0])):
            raise Inward
        made = socket.socket(family, kind, protocol)
        _current.get().dialled(str(address[0]))
        return made


def tls_context() -> ssl.SSLContext:
    """Certificates and host names are verified; TLS 1.2 or later."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


@cache
def _public_trust() -> ssl.SSLContext:
    """One for the process: to read all authorities takes longer than many deliveries."""
    return tls_context()


# The first that fits.
WORDS: tuple[tuple[type[Exception], str], ...] = (
    (Exhausted, LOCAL),
    (Inward, "inward"),
    (ClientSSLError, "tls"),
    (ClientConnectorDNSError, "dns"),
    (ConnectionRefusedError, "refused"),
    (TimeoutError, "timeout"),
    (ConnectionError, "reset"),
    (ServerDisconnectedError, "reset"),
    (ClientConnectorError, "unreachable"),
    (ClientOSError, "reset"),
)


class _Exchange:
    """What is known of an attempt so far."""

    __slots__ = ("_address", "_began", "_reused", "_started_at", "_transport", "answer", "error", "response")

    def __init__(self) -> None:
        self._started_at = datetime.now(UTC)
        self._began = monotonic()
        self.begin()

    def begin(self) -> None:
        self._transport: asyncio.Transport | None = None
        self.response: ClientResponse | None = None
        self._address: str | None = None
        self._reused = True
        self.error = ""
        self.answer = b""

    def dialled(self, address: str) -> None:
        self._address = address
        self._reused = False

    def connected(self, transport: asyncio.Transport | None) -> None:
        self._transport = transport
        if transport is not None and (peer := transport.get_extra_info("peername")):
            self._address = str(peer[0])

    @property
    def stale(self) -> bool:
        """Whether nothing came of it but that a kept connection had been closed."""
        return self._reused and self.response is None and self.error == "reset"

    @property
    def unsent(self) -> bool:
        """Whether the receiver has answered what it has not read to the end."""
        return self._transport is not None and self._transport.get_write_buffer_size() > 0

    def drop(self) -> None:
        """Gives the connection up at once, not after what is still unsent, or a farewell, has been waited for."""
        if self.response is not None:
            self.response.close()
        if self._transport is not None:
            self._transport.abort()

    def outcome(self) -> Outcome:
        response = self.response
        return Outcome(
            started_at=self._started_at,
            duration_ms=round((monotonic() - self._began) * 1000),
            address=self._address,
            status=response.status if response else None,
            error="" if response else self.error,
            answer=self.answer[:KEPT_ANSWER],
            retry_after=_retry_after(response.headers.get("Retry-After")) if response else None,
        )


# Set where an attempt begins and read in the client's own code, down to the tasks that it dials from.
_current: ContextVar[_Exchange] = ContextVar("exchange")


class _Connector(TCPConnector):
    """Keeps MAX_KEPT connections at most; aiohttp keeps one for each receiver that there was in KEEPALIVE_SECONDS."""

    def _release(self, key: ConnectionKey, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        is_full = sum(map(len, self._conns.values())) >= MAX_KEPT
        super()._release(key, protocol, should_close=should_close or is_full)


class _Request(ClientRequest):
    """Tells the exchange its connection, a kept one too."""

    async def send(self, conn: Connection) -> ClientResponse:
        _current.get().connected(conn.transport)
        return await super().send(conn)


class _Response(ClientResponse):
    """Passes over some interim answers (1xx), and gives a receiver up that says one after the other: thousands of them
    come at a time, and the loop has nothing else to do as long as that goes on."""

    async def start(self, connection: Connection) -> ClientResponse:
        protocol: Any = connection.protocol
        read, left = protocol.read, MAX_INTERIM + 1

        async def read_one() -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise HttpProcessingError(message="interim answers without end")
            return await read()

        protocol.read = read_one
        try:
            return await super().start(connection)
        finally:
            protocol.read = read


async def _read(response: ClientResponse, exchange: _Exchange, limit: asyncio.Timeout) -> bool:
    """Reads the answer's beginning, for a short while. True where that was all of it."""
    content = response.content
    if not content.is_eof():
        soon = asyncio.get_running_loop().time() + ANSWER_SECONDS
        limit.reschedule(min(limit.when() or soon, soon))
    while len(exchange.answer) < MAX_ANSWER:
        piece = await content.read(MAX_ANSWER - len(exchange.answer))
        if not piece:
            return True
        exchange.answer += piece
    return content.at_eof()


def _word(failure: ClientError | OSError) -> str:
    cause = failure.os_error if isinstance(failure, ClientConnectorError) else failure
    if isinstance(cause, OSError) and cause.errno in OURS:
        return LOCAL
    return next((word for kind, word in WORDS if isinstance(cause, kind) or isinstance(failure, kind)), "protocol")


def _retry_after(value: str | None) -> float | None:
    """Seconds or an HTTP date; what is neither is passed over."""
    if value is None:
        return None
    if value.removeprefix("-").isdecimal() and value.isascii():
        seconds = float(value)
    else:
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
