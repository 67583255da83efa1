"""A pipeline ends with a Sync, and nothing is sent behind it.

psycopg sends a Flush behind it, to which PostgreSQL answers nothing. PgBouncer by transaction may have brought the
Sync's answer by then, and have taken the connection back: it takes the Flush for the beginning of a next transaction,
gives a connection for it, and waits for an end that comes with this client's next statement, or never. (psycopg 3.3,
PgBouncer 1.24.)
"""

from psycopg._pipeline_base import BasePipeline
from psycopg.abc import PQGen
from psycopg.generators import send


def end_with_sync() -> None:
    """For all pipelines of this process, asynchronous ones and `executemany` too."""
    BasePipeline._exit_gen = _sync_and_fetch  # type: ignore[method-assign]


def _sync_and_fetch(self: BasePipeline) -> PQGen[None]:
    try:
        self._enqueue_sync()
        yield from self._communicate_gen()
    finally:
        yield from send(self.pgconn)  # what the socket had no room for: the Flush took it along
        yield from self._fetch_gen(flush=False)
