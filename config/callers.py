"""gunicorn's worker with threads, where nobody waits for callers who are slow, say nothing or do not hang up.

As it comes, a thread waits for ever for the end of a head, and five seconds for its beginning; and the one loop that
takes all connections waits for each caller who was told that the connection closes to close it too.
"""

import socket
import time
from collections import deque
from typing import Any, ClassVar

from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers import gthread

MOST_UNREAD = 32_768
"""Bytes of a body that was not read: gunicorn takes so many off the connection, and keeps it."""
FAREWELL_SECONDS = 5
"""For a caller who is told that the connection closes: to send the rest, so that the answer is heard, and to close."""


class Unreader(SocketUnreader):
    """Reads a head until its time is over: from then on it is as if the caller had hung up."""

    head_until: float | None = None

    def chunk(self, size_hint: int | None = None) -> bytes:
        if self.head_until is None:
            return super().chunk(size_hint)
        self.sock.settimeout(max(self.head_until - time.monotonic(), 0.001))
        try:
            return super().chunk(size_hint)
        except TimeoutError:
            return b""


class Connection(gthread.TConn):
    worker: "Worker"

    def init(self) -> None:
        """Called when a request begins to come."""
        super().init()
        if not isinstance(self.parser.unreader, Unreader):
            self.parser.unreader = Unreader(self.sock)
        self.parser.unreader.head_until = time.monotonic() + Worker.stall_seconds

    def wait_for_data(self, timeout: float) -> bool:
        """Not in a thread: the loop sees when there is something."""
        return super().wait_for_data(0)

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self.worker.bid_farewell(self.sock)
        else:
            super().close()


gthread.TConn = Connection  # by this name gunicorn makes them


class Worker(gthread.ThreadWorker):
    stall_seconds: ClassVar[float]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._leaving: deque[tuple[float, socket.socket]] = deque()

    def handle(self, conn: Connection) -> Any:
        conn.worker = self
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """A connection that will not be kept is not said to be."""
        req.unreader.head_until = None
        req.unreader.sock.settimeout(self.stall_seconds)
        asked = req.should_close
        req.should_close = lambda: asked() or _is_much_unread(req.body.reader)
        return super().handle_request(req, conn)

    # --- farewells, by the loop ---------------------------------------------------------------------

    def bid_farewell(self, sock: socket.socket) -> None:
        """What still comes is read, for as long as the caller has: a connection closed over it is reset, and what was
        answered may be lost (RFC 9112 §9.6)."""
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            sock.close()
            return
        sock.setblocking(False)
        self._leaving.append((time.monotonic() + FAREWELL_SECONDS, sock))
        self.poller.register(sock, gthread.selectors.EVENT_READ, self._hear_out)
        self._part(beyond=self.worker_connections)

    def _hear_out(self, sock: socket.socket) -> None:
        try:
            if sock.recv(MOST_UNREAD):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._forget(sock)

    def murder_pending(self) -> None:
        """Called at least once a second."""
        super().murder_pending()
        self._part(beyond=self.worker_connections)

    def _part(self, *, beyond: int) -> None:
        """From those who have left already, whose time is over, or who are too many."""
        while self._leaving:
            until, sock = self._leaving[0]
            if sock.fileno() >= 0 and until > time.monotonic() and len(self._leaving) <= beyond:
                break
            self._leaving.popleft()
            self._forget(sock)

    def _forget(self, sock: socket.socket) -> None:
        if sock.fileno() >= 0:
            self.poller.unregister(sock)
            sock.close()


def _is_much_unread(reader: Any) -> bool:
    if isinstance(reader, ChunkedReader):
        return reader.parser is not None
    return isinstance(reader, LengthReader) and reader.length > MOST_UNREAD
