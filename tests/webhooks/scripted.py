"""Receivers on this machine that do as a drill tells them, and remember all that came."""

import asyncio
import ssl
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.webhooks.receivers import response


@dataclass(frozen=True)
class Hit:
    """One POST that a receiver read to its end."""

    path: str
    headers: dict[str, str]
    """Their names in lower case."""
    body: bytes
    at: float
    """In Unix seconds."""

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Act = Callable[[Hit, asyncio.StreamWriter], Awaitable[None]]
"""What a receiver does once it has read a POST."""


def answer(status: int = 200, body: bytes = b"", after: float = 0, **headers: str) -> Act:
    async def act(_: Hit, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after)
        writer.write(response(status, body, **headers))

    return act


def calls(act: Callable[[], object]) -> Act:
    """Does something instead of answering."""

    async def call(_: Hit, writer: asyncio.StreamWriter) -> None:
        act()
        writer.transport.abort()

    return call


async def hang(_: Hit, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


def drip(beginning: bytes) -> Act:
    """Begins like this, and goes on a byte at a time without end."""

    async def act(_: Hit, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.05)

    return act


drip_head = drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")
drip_body = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")


async def ten_gigabytes(_: Hit, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n")
    while True:
        writer.write(b"a" * 65_536)
        await writer.drain()


async def compression_bomb(_: Hit, writer: asyncio.StreamWriter) -> None:
    """Two megabytes that unpack to two gigabytes."""
    packer = zlib.compressobj(9, wbits=31)
    piece = bytes(2**20)
    bomb = b"".join(packer.compress(piece) for _ in range(16)) + packer.flush()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(128):  # gzip members may follow each other
        writer.write(b"%x\r\n%b\r\n" % (len(bomb), bomb))
        await writer.drain()
    writer.write(b"0\r\n\r\n")


@dataclass
class Gate:
    """An answer that is held back until the gate is opened."""

    then: Act = field(default_factory=answer)
    opened: threading.Event = field(default_factory=threading.Event)
    waiting: int = 0

    async def __call__(self, hit: Hit, writer: asyncio.StreamWriter) -> None:
        self.waiting += 1
        while not self.opened.is_set():
            await asyncio.sleep(0.01)
        self.waiting -= 1
        await self.then(hit, writer)

    def open(self) -> None:
        self.opened.set()


@dataclass
class Receiver:
    """Does for each path what `plans` has for it; answers 200 where that is nothing."""

    port: int = 0
    hits: list[Hit] = field(default_factory=list)
    plans: dict[str, Act] = field(default_factory=lambda: defaultdict(answer))

    def url(self, path: str, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def at(self, path: str) -> list[Hit]:
        return [hit for hit in self.hits if hit.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                hit = await _read(reader)
                self.hits.append(hit)
                await self.plans[hit.path](hit, writer)
                await writer.drain()
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Hit:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Hit(first.split()[1], headers, body, time.time())


@contextmanager
def receiving(*, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Receiver]:
    """A receiver in a thread of its own."""
    receiver = Receiver()
    loop = asyncio.new_event_loop()
    server: Any = loop.run_until_complete(asyncio.start_server(receiver.serve, "127.0.0.1", port, ssl=tls))
    receiver.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(_end, loop)
        thread.join(10)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.call_soon(loop.stop)
