"""How PostgreSQL finds rows, as it counts it: also within functions, and in whatever role."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from django.db import connection


@contextmanager
def scans_counted(table: str, *indexes: str) -> Iterator[dict[str, int]]:
    """Gives, once the block is left, how often the whole table was read in it, and how often each index."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {table}")
    with _counted("pg_stat_get_xact_numscans", (table, *indexes)) as scans:
        yield scans


@contextmanager
def rows_counted(table: str) -> Iterator[list[int]]:
    """Gives, once the block is left, how many rows of the table were read in it, or entries of its indexes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass", [table])
        indexes = [name for (name,) in cursor.fetchall()]
    rows: list[int] = []
    with _counted("pg_stat_get_xact_tuples_returned", (table, *indexes)) as counts:
        yield rows
    rows.append(sum(counts.values()))


def pages_counted(index: str) -> AbstractContextManager[dict[str, int]]:
    """Gives, once the block is left, how many pages of the index were looked at in it."""
    return _counted("pg_stat_get_xact_blocks_fetched", (index,))


@contextmanager
def _counted(function: str, names: Sequence[str]) -> Iterator[dict[str, int]]:
    def count(name: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s::regclass)", [name])
            return cursor.fetchone()[0]

    counts: dict[str, int] = {}
    before = {name: count(name) for name in names}
    yield counts
    counts.update({name: count(name) - earlier for name, earlier in before.items()})


def plan_of(sql: str) -> str:
    """How PostgreSQL would answer it."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(line for (line,) in cursor.fetchall())
