"""Callers at the same time: real threads, each with its own connection to the database."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from django.db import connection, connections

Result = TypeVar("Result")
PATIENCE = 60  # seconds; on a busy machine much takes long


@contextmanager
def callers() -> Iterator[Callable[[Callable[[], Result]], "Future[Result]"]]:
    """Gives `start(act)`; what is started has ended when the block is left."""
    with ThreadPoolExecutor(max_workers=16) as pool:

        def start(act: Callable[[], Result]) -> "Future[Result]":
            return pool.submit(_with_own_connection, act)

        yield start


def at_once(*acts: Callable[[], Result]) -> list[Result]:
    """What each gives, in their order."""
    with callers() as start:
        return [future.result(PATIENCE) for future in [start(act) for act in acts]]


def _with_own_connection(act: Callable[[], Result]) -> Result:
    try:
        return act()
    finally:
        connections.close_all()


@contextmanager
def row_held(table: str, pk: int | str) -> Iterator[None]:
    """Another connection holds the row's lock, so that who needs it waits until the block is left."""
    with another_connection() as holder, holder.transaction():
        holder.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", [pk])  # noqa: S608
        yield


@contextmanager
def another_connection() -> Iterator["psycopg.Connection[Any]"]:
    wanted = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    with psycopg.connect(**{name: wanted[name] for name in names if name in wanted}, autocommit=True) as other:
        yield other


def await_waiting(count: int = 1) -> list[int]:
    """The process ids of connections to this database that wait for a lock, once there are so many."""
    return _await(lambda waiting: len(waiting) >= count)


def _await(enough: Callable[[list[int]], bool]) -> list[int]:
    """Those that wait, once they are `enough`."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + PATIENCE
    with another_connection() as onlooker:
        while True:
            waiting = [pid for (pid,) in onlooker.execute(query)]
            if enough(waiting):
                return waiting
            if time.monotonic() > deadline:
                raise AssertionError(f"nobody else came to wait for a lock; these do: {waiting}")
            time.sleep(0.01)


@contextmanager
def table_held(table: str) -> Iterator[None]:
    """Another connection lets nobody write to the table, so that who would waits until the block is left."""
    with another_connection() as holder, holder.transaction():
        holder.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        yield


def in_turn(first: Callable[[], Result], second: Callable[[], Result], *, at: str = "audit_auditentry") -> list[Result]:
    """What each gives, where the second came while the first was in the middle of its transaction.

    There, where it writes to this table, the first is held until the second waits too, for the first or at the same
    place, or has ended. (An act writes to the audit trail when it has taken its locks.)
    """
    with callers() as start:
        with table_held(at):
            futures = [start(first)]
            await_waiting(1)
            futures.append(start(second))
            _await(lambda waiting: futures[1].done() or len(waiting) > 1)
        return [future.result(2 * PATIENCE) for future in futures]


def crossed(act: Callable[[], Result], table: str, pk: int | str) -> Result:
    """What `act` gives after a deadlock.

    It has locked this row when it comes to the audit trail, which another connection holds that waits for the row. The
    act came to wait as the last, so PostgreSQL ends it, and the other connection gets the row.
    """
    with callers() as start, another_connection() as other:
        with row_held(table, pk):
            acting = start(act)
            await_waiting(1)
            other.execute("SET deadlock_timeout = '1h'")
            other.execute("BEGIN")
            other.execute("LOCK TABLE audit_auditentry IN EXCLUSIVE MODE")
            crossing = start(lambda: other.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", [pk]))  # noqa: S608
            await_waiting(2)
        crossing.result(PATIENCE)
        other.execute("COMMIT")
        return acting.result(PATIENCE)
