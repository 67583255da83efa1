"""Long lists, counted by segments: where the page at an offset lies is seen from their totals (api.statements), and
only the rows of its segment that come before it are walked through.

A segment is where a key is between its start and the next one's. Triggers count each row in its own, so that the totals
of segments are as exact as those of lists (api.totals).
"""

from dataclasses import asdict
from typing import Any, cast
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.migrations.operations.base import Operation
from django.db.models import Model
from psycopg.errors import LockNotAvailable

from api.totals import COLUMNS, FIRST_START, SEGMENTS, START, Kept, all_kept, begun_triggers, rows_changed
from api.triggers import after_changed

ROWS = 2_500
"""Of a segment; it is cut when it has twice as many. Walking through one takes a millisecond or two where a policy is
asked of each row, and adding up the totals of a list of a million a tenth of that."""
ADD = """
    CREATE FUNCTION api_total_add(of_list text, of_owner text, of_part text, of_start uuid, more bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
    BEGIN
        UPDATE api_total SET amount = amount + more WHERE id = (
            SELECT id FROM api_total
            WHERE listed = of_list AND owner = of_owner AND part = of_part AND start = of_start
            LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
        );
        IF NOT FOUND THEN
            INSERT INTO api_total (listed, owner, part, start, amount)
            VALUES (of_list, of_owner, of_part, of_start, more);
        END IF;
    END $$
"""
# The segment of each row: one by one where there are a few rows, and where there are many, those of each owner at once.
EACH = f"""
    SELECT of_owner, of_part, COALESCE((
        SELECT start FROM api_segment WHERE owner = of_owner AND listed = '{{table}}' AND start <= of_key
        ORDER BY start DESC LIMIT 1
    ), '{FIRST_START}'), one FROM ({{rows}}) AS changed (of_owner, of_part, of_key, one)
"""  # noqa: S608 - SQL of ours
ALL = f"""
    WITH changed (of_owner, of_part, of_key, one) AS MATERIALIZED ({{rows}}),
    segments (of_owner, starts) AS MATERIALIZED (
        {SEGMENTS} AND owner = ANY (ARRAY(SELECT DISTINCT of_owner FROM changed)) GROUP BY owner
    )
    SELECT of_owner, of_part, {START}, one FROM changed LEFT JOIN segments USING (of_owner)
"""  # noqa: S608
ADD_UP = """
    PERFORM api_total_add('{table}', of_owner, of_part, of_start, sum(one)::bigint)
    FROM ({counted}) AS counted (of_owner, of_part, of_start, one)
    GROUP BY of_owner, of_part, of_start HAVING sum(one) <> 0;
"""
CHANGED = f"""
    IF (SELECT COUNT(*) FROM (SELECT FROM {{changed}} LIMIT 10) AS few) < 10 THEN
        {ADD_UP.format(table="{table}", counted=EACH)}
    ELSE
        {ADD_UP.format(table="{table}", counted=ALL)}
    END IF;
"""  # noqa: S608
# PostgreSQL keeps the plans of a function's queries, also those made while there were few segments. With these settings
# a kept plan finds each segment by index, and joins many by hash, from the first day on.
PLANNED = "SET enable_sort = off SET enable_nestloop = off"
PATIENCE = "500ms"
"""How long a cut waits for whoever is writing to the table. Those who come to write meanwhile wait behind it."""
LONG = "SELECT owner, start FROM api_total WHERE listed = %s GROUP BY owner, start HAVING SUM(amount) > %s"
REST = "{table} WHERE {owner} = %(of)s AND {key} >= %(from)s ORDER BY {key}"
# The first rows stay, and what is counted of all others goes to the new segment: only those are read.
CUT = f"""
    WITH kept AS (
        SELECT part, SUM(amount)::bigint AS amount FROM api_total
        WHERE listed = '{{table}}' AND owner = %(owner)s AND start = %(start)s GROUP BY part
    ), stays AS (
        SELECT part, COUNT(*) AS amount FROM (SELECT ({{part}})::text FROM {REST} LIMIT %(rows)s) AS first (part)
        GROUP BY part
    ), new AS (
        INSERT INTO api_segment (listed, owner, start)
        SELECT '{{table}}', of_owner, of_key
        FROM (SELECT {COLUMNS} FROM {REST} LIMIT 1 OFFSET %(rows)s) AS next (of_owner, of_part, of_key)
        WHERE (SELECT SUM(amount) FROM kept) > 2 * %(rows)s
        RETURNING start
    ), moved AS (
        SELECT part, kept.amount - COALESCE(stays.amount, 0) AS amount FROM kept LEFT JOIN stays USING (part)
    ), counted AS (
        INSERT INTO api_total (listed, owner, part, start, amount)
        SELECT '{{table}}', %(owner)s, part, new.start, amount FROM moved, new
        UNION ALL SELECT '{{table}}', %(owner)s, part, %(start)s, -amount FROM moved, new
    )
    SELECT start FROM new
"""  # noqa: S608


def counted_by_segment(table: str, kept: Kept) -> list[Operation]:
    """The operations of a migration that let the triggers of `kept_by_triggers` count in segments."""
    rows = rows_changed(COLUMNS.format(**asdict(kept)))
    return [
        after_changed(
            name,
            CHANGED.format(table=table, rows=rows[event], changed="old_rows" if event == "DELETE" else "new_rows"),
            from_body=from_body,
            settings=PLANNED,
        )
        for event, name, from_body in begun_triggers(table, kept)
    ]


def divide() -> None:
    """Cuts every segment that has become long, while the service is in use; where a table is too busy, another day."""
    for model, kept in all_kept():
        with connection.cursor() as cursor:
            cursor.execute(LONG, [model._meta.db_table, 2 * ROWS])
            found = cursor.fetchall()
        try:
            for owner, start in found:
                while start is not None:
                    start = _cut(model, kept, owner, start)
        except OperationalError as failure:
            if not isinstance(failure.__cause__, LockNotAvailable):
                raise


def _cut(model: type[Model], kept: Kept, owner: str, start: UUID) -> UUID | None:
    """Where the new segment starts; None if this one is not long.

    Nobody writes to the table meanwhile, some milliseconds. So what is counted is all there is; and whoever writes next
    begins after that, and counts in the new segment. (In the default isolation level, as everybody here.)
    """
    table = model._meta.db_table
    of, first = (cast(Any, model._meta.get_field(name)).to_python for name in (kept.owner, kept.key))
    values = {"owner": owner, "start": start, "rows": ROWS, "of": of(owner), "from": first(start.hex)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(CUT.format(table=table, **asdict(kept)), values)
        return next((new for (new,) in cursor), None)
