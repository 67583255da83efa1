"""How many rows a list has, kept beside it: counting a million of them for each page costs more than the page.

A model says by `kept_total` whose its rows are and in which parts they are counted. Triggers add what a statement
changes to `Total`, in its transaction: so a total is exact in every snapshot, whoever writes, and undone by a rollback.

Writers never wait for one another here. What is kept of a list and part is the sum of any number of rows; a writer adds
to one that nobody else holds (SKIP LOCKED), and where there is none, makes one. There are never more than there were
writers at once, and `fold` makes one of them again.

A long list is counted by segments, so that a page in its middle is found without walking there (api.segments).
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, transaction
from django.db.migrations import RunSQL
from django.db.migrations.operations.base import Operation
from django.db.models import Model

from api.indexes import patiently
from api.statements import Query
from api.triggers import after

ACTIVE, DEACTIVATED = "active", "deactivated"
WHOLE = ("",)
"""The one part of a list that is not kept in parts."""


def part_of(is_active: str) -> str:
    """The parts of what can be deactivated."""
    return f"CASE WHEN {is_active} THEN '{ACTIVE}' ELSE '{DEACTIVATED}' END"


@dataclass(frozen=True, slots=True)
class Kept:
    """How a model's rows are counted: SQL expressions over one of them."""

    owner: str
    """Whose list it stands in."""
    key: str
    """The column that the list is in the order of, unique in it: a number or a UUID."""
    part: str = "''"
    """What a list can be narrowed to and still be counted at once."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """One owner's list of a model's rows."""

    model: type[Model]
    owner: Any

    def shares(self, parts: Sequence[str]) -> Query:
        """What is kept of these parts. Each is a parameter of its own: an array is planned for as if it had ten."""
        sql = SHARES.format(parts=", ".join(["%s"] * len(parts)))
        return Query(sql, [self.model._meta.db_table, str(self.owner), *parts])


@dataclass(frozen=True, slots=True)
class Drift:
    """Where what is kept is not what there is."""

    listed: str
    owner: str
    part: str
    missing: int
    """How many rows there are more than were kept."""


FIRST_START = UUID(int=0)
"""Where the first segment of every list starts."""
SHARES = "SELECT start, amount FROM api_total WHERE listed = %s AND owner = %s AND part IN ({parts})"
# A key that is a number is kept as the UUID of the same digits: these are in its order.
COLUMNS = "({owner})::text, ({part})::text, lpad(replace(({key})::text, '-', ''), 32, '0')::uuid"
SEGMENTS = "SELECT owner, array_agg(start ORDER BY start) FROM api_segment WHERE listed = '{table}'"
START = f"COALESCE(starts[width_bucket(of_key, starts)], '{FIRST_START}')"
"""Of the segment that `of_key` lies in, of SEGMENTS (of_owner, starts)."""
# As totals began. Since there are segments, triggers do what api.segments says.
ADD = """
    CREATE FUNCTION api_total_add(of_list text, of_owner text, of_part text, more bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
    BEGIN
        UPDATE api_total SET amount = amount + more WHERE id = (
            SELECT id FROM api_total WHERE listed = of_list AND owner = of_owner AND part = of_part
            LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
        );
        IF NOT FOUND THEN
            INSERT INTO api_total (listed, owner, part, amount) VALUES (of_list, of_owner, of_part, more);
        END IF;
    END $$
"""
CHANGED = """
    PERFORM api_total_add('{table}', of_owner, of_part, sum(one)::bigint)
    FROM ({rows}) AS changed (of_owner, of_part, one) GROUP BY of_owner, of_part HAVING sum(one) <> 0;
"""
REPAIR = """
    WITH there ({by}, amount) AS ({there}), kept AS (
        SELECT {by}, SUM(amount)::bigint AS amount FROM api_total WHERE listed = '{table}' GROUP BY {by}
    )
    INSERT INTO api_total (listed, {by}, amount)
    SELECT '{table}', {by}, COALESCE(there.amount, 0) - COALESCE(kept.amount, 0)
    FROM there FULL JOIN kept USING ({by})
    WHERE COALESCE(there.amount, 0) <> COALESCE(kept.amount, 0)
    RETURNING listed, owner, part, amount
"""
BY_SEGMENT = f"""
    SELECT of_owner, of_part, {START}, COUNT(*)
    FROM (SELECT {COLUMNS} FROM {{table}}) AS rows (of_owner, of_part, of_key)
        LEFT JOIN ({SEGMENTS} GROUP BY owner) AS segments (of_owner, starts) USING (of_owner)
    GROUP BY 1, 2, 3
"""  # noqa: S608 - SQL of ours
# Only what nobody holds, and so without waiting: who writes meanwhile makes a row anew.
FOLD = """
    WITH many AS (
        SELECT listed, owner, part, start FROM api_total GROUP BY 1, 2, 3, 4 HAVING COUNT(*) > 1 OR SUM(amount) = 0
    ), gone AS (
        DELETE FROM api_total WHERE id IN (
            SELECT id FROM api_total JOIN many USING (listed, owner, part, start) FOR UPDATE OF api_total SKIP LOCKED
        ) RETURNING listed, owner, part, start, amount
    )
    INSERT INTO api_total (listed, owner, part, start, amount)
    SELECT listed, owner, part, start, SUM(amount) FROM gone GROUP BY 1, 2, 3, 4 HAVING SUM(amount) <> 0
"""


def kept_by_triggers(table: str, kept: Kept) -> list[Operation]:
    """The operations of a migration that keep a table's totals from then on.

    They lock the table until the migration is committed, a moment later: so every row is either there by then, for
    `counted_so_far` in the next migration, or counted by these.
    """
    return [after(event, table, name, body) for event, name, body in begun_triggers(table, kept)]


def begun_triggers(table: str, kept: Kept) -> Iterable[tuple[str, str, str]]:
    """Event, name and body of each trigger, as they were before there were segments."""
    for event, rows in rows_changed(f"({kept.owner})::text, ({kept.part})::text").items():
        yield event, f"{table}_total_{event.lower()}", CHANGED.format(table=table, rows=rows)


def rows_changed(columns: str) -> dict[str, str]:
    """The query of what each kind of statement adds, and takes away."""
    added = f"SELECT {columns}, 1 FROM new_rows"  # noqa: S608 - SQL of ours
    removed = f"SELECT {columns}, -1 FROM old_rows"  # noqa: S608
    return {"INSERT": added, "UPDATE": f"{added} UNION ALL {removed}", "DELETE": removed}


def counted_so_far(table: str, kept: Kept) -> list[Operation]:
    """The operations of the migration after that, which must be `atomic = False`. What is there already is counted in
    one snapshot, beside whoever writes, as `recount` does."""
    there = f"SELECT ({kept.owner})::text, ({kept.part})::text, COUNT(*) FROM {table} GROUP BY 1, 2"  # noqa: S608
    return patiently([RunSQL(REPAIR.format(table=table, by="owner, part", there=there), RunSQL.noop)])


def recount(table: str, kept: Kept) -> list[Drift]:
    """Counts what there is, and brings what is kept in line; gives what was not.

    In one snapshot, in which each writer is seen with what it keeps or not at all: so nobody is locked out, and what is
    found missing is missing whatever is written meanwhile.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('recount', 0))")  # else two mend it twice
        there = BY_SEGMENT.format(table=table, **asdict(kept))
        cursor.execute(REPAIR.format(table=table, by="owner, part, start", there=there))
        return [Drift(*row) for row in cursor.fetchall()]


def recount_all() -> list[Drift]:
    return [drift for model, kept in all_kept() for drift in recount(model._meta.db_table, kept)]


def fold() -> None:
    """Makes one row again of those that writers at the same time left."""
    with connection.cursor() as cursor:
        cursor.execute(FOLD)


def all_kept() -> Iterable[tuple[type[Model], Kept]]:
    return ((model, model.kept_total) for model in apps.get_models() if hasattr(model, "kept_total"))
