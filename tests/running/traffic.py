"""A caller who never pauses, in front of whom servers are replaced as behind a load balancer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

from .conftest import Serve, Server, free_port, wait_for

Act = Callable[[str], object]
"""What is called for again and again, at a server of this address; what it raises is a failure."""


@dataclass
class Traffic:
    server: Server
    act: Act
    rounds: int = 0
    failures: list[Exception] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def run(self) -> None:
        while not self.over.is_set():
            try:
                self.act(self.server.url)
            except Exception as failure:  # noqa: BLE001 (whatever it is, the caller saw it)
                self.failures.append(failure)
            self.rounds += 1

    def roll(self, serve: Serve, database_url: str, redis_url: str, **settings: str) -> None:
        """A server with these settings takes over; the one before gets no more calls, and then is told to end."""
        before = self.server
        self.server = serve(database_url, redis_url, PORT=free_port(), **settings)
        self.go_on()
        before.process.terminate()
        before.process.wait(30)
        self.go_on()

    def go_on(self) -> None:
        """Until a round that began after this ended."""
        until = self.rounds + 2
        wait_for(lambda: self.rounds >= until, 60)


@contextmanager
def calling(server: Server, act: Act) -> Iterator[Traffic]:
    """In the block, the act is done all the time; afterwards it never failed."""
    traffic = Traffic(server, act)
    thread = Thread(target=traffic.run)
    thread.start()
    try:
        traffic.go_on()
        yield traffic
        traffic.go_on()
    finally:
        traffic.over.set()
        thread.join()
    for failure in traffic.failures:
        raise failure
