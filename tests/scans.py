"""How PostgreSQL finds rows, as it counts it: also within functions, and in whatever role."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def scans_counted(table: str, *indexes: str) -> Iterator[dict[str, int]]:
    """Gives, once the block is left, how often the whole table was read in it, and how often each index."""
    scans: dict[str, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {table}")
        before = {name: _scans(name) for name in (table, *indexes)}
    yield scans
    scans.update({name: _scans(name) - count for name, count in before.items()})


def _scans(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_get_xact_numscans(%s::regclass)", [name])
        return cursor.fetchone()[0]


def plan_of(sql: str) -> str:
    """How PostgreSQL would answer it."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(line for (line,) in cursor.fetchall())
