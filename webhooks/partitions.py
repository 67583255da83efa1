"""Tables by month: events and attempts, which only grow, are dropped a month at a time instead of row by row.

Their ids are UUIDs of version 7, which begin with the time in milliseconds. So a month is a range of ids, the id alone
stays the primary key, and a row is found by it without asking every month.

Workers do not own the tables: functions of the database's add and drop months, and nothing else (api.policies).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError, migrations, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import LockNotAvailable

TABLES = ("webhooks_event", "webhooks_attempt")
MONTHS_AHEAD = 12
"""So many are kept ready: a clock process that is down for less loses nothing."""
PATIENCE = "500ms"
"""How long adding or dropping a month waits for whoever uses the table, a back-up for example. All who come to use it
meanwhile wait behind it."""


class Busy(Exception):
    """Somebody uses the table; another day will do."""


class CreatePartitionedModel(migrations.CreateModel):
    """In a migration: Django's CREATE TABLE, as the head of partitions by id. The partitions come by `make_ready`."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        sql, params = schema_editor.table_sql(model)
        schema_editor.execute(f"{sql} PARTITION BY RANGE (id)", params)


def first_id(moment: datetime) -> UUID:
    """The lowest id that a row of this moment can have; the lowest of all for one before 1970."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def make_first(connection: BaseDatabaseWrapper, now: datetime) -> None:
    """In the migration that makes the tables: their owner makes their first months."""
    with connection.cursor() as cursor:
        for table, name, first, last in _months(now):
            cursor.execute(f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{first}') TO ('{last}')")


def make_ready(connection: BaseDatabaseWrapper, now: datetime) -> None:
    """Creates what is missing of this month's partitions and the next months'. Raises Busy."""
    for month in _months(now):
        _change(connection, "SELECT partition_added(%s, %s, %s, %s)", month)


def over(connection: BaseDatabaseWrapper, table: str, moment: datetime) -> list[str]:
    """The partitions of `table` that hold nothing as young as `moment`, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relid::regclass::text FROM pg_partition_tree(%s) WHERE isleaf ORDER BY relid::regclass::text",
            [table],
        )
        names = [name for (name,) in cursor.fetchall()]
    return [name for name in names if name < _name(table, _month_of(moment))]


def drop(connection: BaseDatabaseWrapper, table: str, name: str) -> None:
    """The partition with all its rows. Raises Busy, and IntegrityError where something still refers to one of them."""
    _change(connection, "SELECT partition_dropped(%s, %s)", [table, name])


def _change(connection: BaseDatabaseWrapper, query: str, values: Sequence[Any]) -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            cursor.execute(query, values)
    except OperationalError as failure:
        if isinstance(failure.__cause__, LockNotAvailable):
            raise Busy from failure
        raise


def _months(now: datetime) -> Iterator[tuple[str, str, UUID, UUID]]:
    """Of each table and month: the table, the partition's name, and from which id to which it goes."""
    begin = _month_of(now)
    for _ in range(MONTHS_AHEAD + 1):
        end = datetime(begin.year + begin.month // 12, begin.month % 12 + 1, 1, tzinfo=UTC)
        for table in TABLES:
            yield table, _name(table, begin), first_id(begin), first_id(end)
        begin = end


def _month_of(moment: datetime) -> datetime:
    return datetime(moment.year, moment.month, 1, tzinfo=UTC)


def _name(table: str, month: datetime) -> str:
    return f"{table}_{month:%Y_%m}"
