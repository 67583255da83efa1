"""How many rows a list has, kept beside it: counting a million of them for each page costs more than the page.

A model says by `kept_total` whose its rows are and in which parts they are counted. Triggers add what a statement
changes to `Total`, in its transaction: so a total is exact in every snapshot, whoever writes, and undone by a rollback.

Writers never wait for one another here. What is kept of a list and part is the sum of any number of rows; a writer adds
to one that nobody else holds (SKIP LOCKED), and where there is none, makes one. There are never more than there were
writers at once, and `fold` makes one of them again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

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
"""The parts of a list that has none."""


def part_of(is_active: str) -> str:
    """The parts of what can be deactivated."""
    return f"CASE WHEN {is_active} THEN '{ACTIVE}' ELSE '{DEACTIVATED}' END"


@dataclass(frozen=True, slots=True)
class Kept:
    """How a model's rows are counted: SQL expressions over one of them."""

    owner: str
    """Whose list it stands in."""
    part: str = "''"
    """What a list can be narrowed to and still be counted at once."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """One owner's list of a model's rows."""

    model: type[Model]
    owner: Any

    def counted(self, parts: Sequence[str]) -> Query:
        """How many rows it has in these parts. Each is a parameter: PostgreSQL takes an array for one of ten."""
        sql = COUNTED.format(parts=", ".join(["%s"] * len(parts)))
        return Query(sql, [self.model._meta.db_table, str(self.owner), *parts])


@dataclass(frozen=True, slots=True)
class Drift:
    """Where what is kept is not what there is."""

    listed: str
    owner: str
    part: str
    missing: int
    """How many rows there are more than were kept."""


COUNTED = """
    SELECT COALESCE(SUM(amount), 0)::bigint AS total FROM api_total
    WHERE listed = %s AND owner = %s AND part IN ({parts})
"""
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
    WITH there (owner, part, amount) AS (
        SELECT ({owner})::text, ({part})::text, COUNT(*) FROM {table} GROUP BY 1, 2
    ), kept AS (
        SELECT owner, part, SUM(amount)::bigint AS amount FROM api_total WHERE listed = '{table}' GROUP BY 1, 2
    )
    INSERT INTO api_total (listed, owner, part, amount)
    SELECT '{table}', owner, part, COALESCE(there.amount, 0) - COALESCE(kept.amount, 0)
    FROM there FULL JOIN kept USING (owner, part)
    WHERE COALESCE(there.amount, 0) <> COALESCE(kept.amount, 0)
    RETURNING listed, owner, part, amount
"""
# Only what nobody holds, and so without waiting: who writes meanwhile makes a row anew.
FOLD = """
    WITH many AS (
        SELECT listed, owner, part FROM api_total GROUP BY 1, 2, 3 HAVING COUNT(*) > 1 OR SUM(amount) = 0
    ), gone AS (
        DELETE FROM api_total WHERE id IN (
            SELECT id FROM api_total JOIN many USING (listed, owner, part) FOR UPDATE OF api_total SKIP LOCKED
        ) RETURNING listed, owner, part, amount
    )
    INSERT INTO api_total (listed, owner, part, amount)
    SELECT listed, owner, part, SUM(amount) FROM gone GROUP BY 1, 2, 3 HAVING SUM(amount) <> 0
"""


def kept_by_triggers(table: str, kept: Kept) -> list[Operation]:
    """The operations of a migration that keep a table's totals from then on.

    They lock the table until the migration is committed, a moment later: so every row is either there by then, for
    `counted_so_far` in the next migration, or counted by these.
    """
    added = f"SELECT ({kept.owner})::text, ({kept.part})::text, 1 FROM new_rows"  # noqa: S608 - SQL of ours
    removed = f"SELECT ({kept.owner})::text, ({kept.part})::text, -1 FROM old_rows"  # noqa: S608
    rows = {"INSERT": added, "UPDATE": f"{added} UNION ALL {removed}", "DELETE": removed}
    return [
        after(event, table, f"{table}_total_{event.lower()}", CHANGED.format(table=table, rows=rows[event]))
        for event in rows
    ]


def counted_so_far(table: str, kept: Kept) -> list[Operation]:
    """The operations of the migration after that, which must be `atomic = False`. What is there already is counted in
    one snapshot, beside whoever writes, as `recount` does."""
    counted = REPAIR.format(table=table, owner=kept.owner, part=kept.part)
    return patiently([RunSQL(counted, RunSQL.noop)])


def recount(table: str, kept: Kept) -> list[Drift]:
    """Counts what there is, and brings what is kept in line; gives what was not.

    In one snapshot, in which each writer is seen with what it keeps or not at all: so nobody is locked out, and what is
    found missing is missing whatever is written meanwhile.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('recount', 0))")  # else two mend it twice
        cursor.execute(REPAIR.format(table=table, owner=kept.owner, part=kept.part))
        return [Drift(*row) for row in cursor.fetchall()]


def recount_all() -> list[Drift]:
    return [drift for model, kept in _all_kept() for drift in recount(model._meta.db_table, kept)]


def fold() -> None:
    """Makes one row again of those that writers at the same time left."""
    with connection.cursor() as cursor:
        cursor.execute(FOLD)


def _all_kept() -> Iterable[tuple[type[Model], Kept]]:
    return ((model, model.kept_total) for model in apps.get_models() if hasattr(model, "kept_total"))
