"""`python -m bench.receiver`: takes deliveries, and costs so little that it is not what is measured.

It prints its port, answers each POST with 204 and keeps connections alive. With `hang` it answers none, until SIGUSR1:
then those that wait, and all that come.
"""

import asyncio
import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
BACKLOG = 4_096


class Receiver(asyncio.Protocol):
    """One connection."""

    hangs = False
    waiting: set["Receiver"] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._got = b""

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (head := self._got.find(b"\r\n\r\n")) >= 0:
            end = head + 4 + int(LENGTH.search(self._got, 0, head + 4)[1])
            if len(self._got) < end:
                return
            self._got = self._got[end:]
            if self.hangs:
                self.waiting.add(self)
            else:
                self._transport.write(ANSWER)

    def connection_lost(self, failure: Exception | None) -> None:
        self.waiting.discard(self)

    @classmethod
    def wake(cls) -> None:
        cls.hangs = False
        for one in cls.waiting:
            one._transport.write(ANSWER)
        cls.waiting.clear()


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A receiver in a process of its own, and the URL that it is reached by."""
    receiver = subprocess.Popen([sys.executable, "-m", __name__, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        yield receiver, f"http://127.0.0.1:{receiver.stdout.readline().strip()}"
    finally:
        receiver.kill()
        receiver.wait()


async def main(hangs: bool) -> None:
    Receiver.hangs = hangs
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, Receiver.wake)
    server = await loop.create_server(Receiver, "127.0.0.1", 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main("hang" in sys.argv))
