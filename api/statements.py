"""Queries that are composed once and executed many times.

Composing a query costs the ORM more than PostgreSQL needs to answer it. On the hottest paths (authentication, lists)
it is composed once a process, with a `Slot` in each place where a value belongs, and its SQL is kept. The ORM still
writes the SQL, and the same `visible_to` decides what a caller sees.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

from django.db import connection
from django.db.models import BigIntegerField, Expression, F, Field, Model, QuerySet, Window
from django.db.models.expressions import RawSQL
from django.db.models.functions import RowNumber
from django.db.models.sql import InsertQuery

from api.principals import ApiPrincipal


class Slot(Expression):
    """The place of a value that is named now and given at each execution."""

    def __init__(self, name: str, output_field: "Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", (self,)


class UnplannedSlot(Slot):
    """A slot whose value PostgreSQL's planner is not shown, where one plan is right for every value.

    Shown it, the planner makes a new plan for each value as long as it expects more of that than of one plan for all;
    and planning a list takes longer than reading a page of it.
    """

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "(SELECT %s)", (self,)


class Statement:
    """The SQL of a `values_list` queryset, kept.

    Rows come as the driver gives them, so columns whose field converts what it reads are refused (TypeError).
    """

    def __init__(self, rows: QuerySet[Any]) -> None:
        compiler = rows.query.get_compiler(connection=connection)
        self.sql, self._params = compiler.as_sql()
        if compiler.get_converters([column[0] for column in compiler.select]):
            raise TypeError("A kept statement cannot convert what it reads; use the queryset.")

    def execute(self, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows, with `values` in the slots."""
        return run(self.sql, self.filled(values))

    def filled(self, values: Mapping[str, Any]) -> list[Any]:
        return filled(self._params, values)


class InsertStatement:
    """The INSERT of one row, kept: of an instance with a slot, an expression or a value in each field."""

    def __init__(self, row: Model) -> None:
        query = InsertQuery(type(row))
        query.insert_values([field for field in row._meta.concrete_fields if not field.primary_key], [row], raw=True)
        [(self.sql, self._params)] = query.get_compiler(connection=connection).as_sql()

    def execute_soon(self, values: Mapping[str, Any]) -> None:
        """Inserts the row, and waits for no disk: should PostgreSQL crash within the second, the row may be gone.

        For what is made anew as easily: waiting takes longer than all else.
        """
        run(f"{self.sql} RETURNING set_config('synchronous_commit', 'off', true)", filled(self._params, values))


LISTED = "listed"
"""What the id of a listed row is called in an index of them."""
KEY: "Field[Any, Any]" = BigIntegerField()
"""Its type."""
FIRST_IDS = """
    WITH counted (total) AS MATERIALIZED (SELECT COALESCE(SUM(amount), 0)::bigint FROM ({shares}) shares),
    ids (id, place) AS (SELECT id, row_number() OVER () FROM ({forwards} LIMIT {limit:d}) forwards (id))
"""
# The page lies on a stretch of a segment or two, with so many rows before it and after it there. It is read from the
# nearer end: the last page costs what the first does. One of the two parts is not executed.
# How far in the page is stands in a query of its own: known to the planner, it would make a new plan each time.
DEEP_IDS = """
    WITH shares (start, amount) AS MATERIALIZED ({shares}),
    counted (total) AS MATERIALIZED (SELECT COALESCE(SUM(amount), 0)::bigint FROM shares),
    segments (start, until, amount, through) AS (
        SELECT start, lead(start) OVER in_order, SUM(amount)::bigint, (SUM(SUM(amount)) OVER in_order)::bigint
        FROM shares GROUP BY start WINDOW in_order AS (ORDER BY start)
    ), stretch (start, until, before, after) AS MATERIALIZED (
        SELECT (array_agg(start ORDER BY start))[1], (array_agg(until ORDER BY start DESC))[1],
            first - MIN(through - amount), MAX(through) - {limit:d} - first
        FROM segments, (SELECT %s::bigint) AS page (first)
        WHERE through > first AND through - amount < first + {limit:d} GROUP BY first
    ), ids (id, place) AS (
        SELECT id, row_number() OVER () FROM (
            {forwards} LIMIT {limit:d} OFFSET (SELECT before FROM stretch)
        ) forwards (id)
        WHERE (SELECT before <= after FROM stretch)
        UNION ALL (
            SELECT id, -row_number() OVER () FROM (
                {backwards} LIMIT {limit:d} OFFSET (SELECT greatest(0, after) FROM stretch)
            ) backwards (id)
            WHERE (SELECT before > after FROM stretch)
            LIMIT (SELECT {limit:d} + least(0, after) FROM stretch)
        )
    )
"""
# The keys at the ends of a stretch, of each type of key (api.totals): where it starts, and the greatest there is.
START = {"bigint": "replace({}::text, '-', '')::bigint", "uuid": "{}"}
GREATEST = {"bigint": 2**63 - 1, "uuid": "'ffffffff-ffff-ffff-ffff-ffffffffffff'"}


@dataclass(frozen=True, slots=True)
class Query:
    sql: str
    params: Sequence[Any]


def _with_ids(shares: Query, forwards: Query, backwards: Query | None = None, *, limit: int, offset: int) -> Query:
    """The beginning of a statement: `counted (total)`, and `ids (id, place)` of that page of what is counted.

    The page's size stands in the SQL as a number: PostgreSQL plans a limit that it knows far better than one that is a
    parameter, and there are no more than a hundred.
    """
    if backwards is None:
        sql = FIRST_IDS.format(shares=shares.sql, forwards=forwards.sql, limit=limit)
        return Query(sql, [*shares.params, *forwards.params])
    sql = DEEP_IDS.format(shares=shares.sql, forwards=forwards.sql, backwards=backwards.sql, limit=limit)
    return Query(sql, [*shares.params, offset, *forwards.params, *backwards.params])


def _on_stretch(rows: QuerySet[Any], column: str, key: "Field[Any, Any]") -> tuple[QuerySet[Any], QuerySet[Any]]:
    """Forwards from its start, and backwards from its end. (Between both, PostgreSQL expects too few rows to go through
    them in order.)"""
    kind = str(key.db_type(connection))
    start, until = (START[kind].format(name) for name in ("start", "until"))
    first = RawSQL(f"(SELECT {start} FROM stretch)", [], key)  # noqa: S608, S611 - SQL of ours
    end = RawSQL(f"(SELECT COALESCE({until}, {GREATEST[kind]}) FROM stretch)", [], key)  # noqa: S608, S611
    return (
        rows.filter(**{f"{column}__gte": first}).order_by(column),
        rows.filter(**{f"{column}__lt": end}).order_by(f"-{column}"),
    )


class ListStatement:
    """A page of the rows of a list, in the order of their ids, and how many there are. Both in one round trip.

    The page is found by ids alone, in an index, before anything is joined to it. `index` has them, as LISTED.
    """

    def __init__(self, index: QuerySet[Any], rows: QuerySet[Any], columns: Sequence[str]) -> None:
        self.model = index.model
        self._forwards = Statement(index.order_by(LISTED).values_list(LISTED))
        self._on_stretch = [Statement(way.values_list(LISTED)) for way in _on_stretch(index, LISTED, KEY)]
        after = index.filter(**{f"{LISTED}__gt": UnplannedSlot("after", KEY)})
        self._after = Statement(after.order_by(LISTED).values_list(LISTED))
        # One after the other, by its id. Joined to all ids at once, PostgreSQL may begin with what else is asked of a
        # row, which is whose it is, and read all that a large tenant has.
        self._row = Statement(rows.filter(pk=RawSQL("ids.id", [])).values_list(*columns))
        self._on_page = f"ids CROSS JOIN LATERAL ({self._row.sql} LIMIT 1) page"

    def page(
        self, values: Mapping[str, Any], shares: Query, *, limit: int, offset: int
    ) -> tuple[int, list[tuple[Any, ...]]]:
        """The total, and the rows of the page."""
        ways = self._on_stretch if offset else [self._forwards]
        ids = _with_ids(shares, *(Query(way.sql, way.filled(values)) for way in ways), limit=limit, offset=offset)
        page = f"SELECT total, page.* FROM counted LEFT JOIN ({self._on_page}) ON TRUE ORDER BY page.id"  # noqa: S608
        rows = run(f"{ids.sql} {page}", [*ids.params, *self._row.filled(values)])
        past_end = rows[0][1] is None
        return rows[0][0], [] if past_end else [row[1:] for row in rows]

    def rest(self, values: Mapping[str, Any], *, after: int, limit: int) -> list[tuple[Any, ...]]:
        """The first rows with ids greater than this one."""
        ids = f"ids (id) AS ({self._after.sql} LIMIT {limit:d})"
        sql = f"WITH {ids} SELECT page.* FROM {self._on_page} ORDER BY page.id"  # noqa: S608 - the ORM's own SQL
        return run(sql, [*self._after.filled({**values, "after": after}), *self._row.filled(values)])

    def those(self, values: Mapping[str, Any], ids: Sequence[int]) -> list[tuple[Any, ...]]:
        """The rows with these ids, in this order; without those that are gone."""
        given = "ids (id, place) AS (SELECT * FROM unnest((SELECT %s::bigint[])) WITH ORDINALITY)"
        sql = f"WITH {given} SELECT page.* FROM {self._on_page} ORDER BY place"  # noqa: S608 - the ORM's own SQL
        return run(sql, [list(ids), *self._row.filled(values)])


def page_of_ids(
    found: QuerySet[Any], order: Sequence[str], shares: Query | None, *, limit: int, offset: int
) -> tuple[int, list[Any]]:
    """How many rows were found, and the ids of a page of them: what the last column of `order` holds. One round trip.

    `shares` is for what need not be counted.
    """
    column = order[-1].removeprefix("-")
    backwards = [name[1:] if name.startswith("-") else f"-{name}" for name in order]
    ways = [found.order_by(*order), found.order_by(*backwards)]
    if shares and offset and tuple(order) == ("pk",):
        ways = [*_on_stretch(found, "pk", found.model._meta.pk)]
    elif shares:
        shares = Query(f"SELECT NULL AS start, amount FROM ({shares.sql}) shares", shares.params)  # noqa: S608 - ours
    else:
        every = _query_of(found.order_by().values_list(column))
        shares = Query(f"SELECT NULL AS start, COUNT(*) AS amount FROM ({every.sql}) found", every.params)  # noqa: S608
    read = (_query_of(way.values_list(column)) for way in ways[: 2 if offset else 1])
    ids = _with_ids(shares, *read, limit=limit, offset=offset)
    total_and_ids = f"{ids.sql} SELECT total, id FROM counted LEFT JOIN ids ON TRUE ORDER BY place"  # noqa: S608
    rows = run(total_and_ids, list(ids.params))
    return rows[0][0], [pk for _, pk in rows if pk is not None]


def _query_of(rows: QuerySet[Any]) -> Query:
    return Query(*rows.query.sql_with_params())


def found_at_once(found: QuerySet[Any], order: Sequence[str], *, limit: int, offset: int) -> tuple[int, list[Any]]:
    """How many rows a search found, and the ids of a page of them. One round trip.

    What was found is ordered when all of it is there. Left to itself, PostgreSQL may take a word that few rows have for
    one that many have, and walk through the rows in their order, to the end of the table, until a page is full.
    """
    if found.query.is_empty():
        return 0, []
    terms = [F(name[1:]).desc() if name.startswith("-") else F(name).asc() for name in order]
    gathered, rest = _gathered(found)
    placed = _query_of(rest.order_by().annotate(place=Window(RowNumber(), order_by=terms)).values_list("pk", "place"))
    page = "SELECT id, place FROM found ORDER BY place LIMIT %s OFFSET %s"
    rows = run(
        f"WITH {gathered.sql}, found (id, place) AS MATERIALIZED ({placed.sql}) "  # noqa: S608 - the ORM's own SQL
        f"SELECT counted.total, page.id FROM (SELECT COUNT(*) AS total FROM found) counted LEFT JOIN ({page}) page "
        "ON TRUE ORDER BY page.place",
        [*gathered.params, *placed.params, limit, offset],
    )
    return rows[0][0], [pk for _, pk in rows if pk is not None]


def found_first(found: QuerySet[Any], order: Sequence[str], *, limit: int) -> list[tuple[Any, ...]]:
    """The first rows that a search found, as what they are ordered by. Ordered when all are there, too."""
    if found.query.is_empty():
        return []
    columns = [name.removeprefix("-") for name in order]
    terms = [f"{place}{' DESC' if name.startswith('-') else ''}" for place, name in enumerate(order, 1)]
    gathered, rest = _gathered(found)
    every = _query_of(rest.order_by().values_list(*columns))
    ordered = f"SELECT * FROM found ORDER BY {', '.join(terms)} LIMIT {limit:d}"  # noqa: S608 - numbers only
    sql = f"WITH {gathered.sql}, found AS MATERIALIZED ({every.sql}) {ordered}"
    return run(sql, [*gathered.params, *every.params])


def _gathered(found: QuerySet[Any]) -> tuple[Query, QuerySet[Any]]:
    """What a search's own index finds, as a common table under the table's own name; and the queryset that asks all
    other conditions of that.

    With an index for another of them at hand, PostgreSQL would judge by an average what that one finds, and may read
    all of a large tenant's rows to find ten. By `gathers` a lookup says that it finds few by itself.
    """
    table, rest = found.model._meta, found.all()
    finding: list[Any] = [one for one in found.query.where.children if getattr(one, "gathers", False)]
    rest.query.where.children = [one for one in found.query.where.children if one not in finding]
    asked = {one.lhs.target for one in finding}
    columns = [field.attname for field in table.concrete_fields if field not in asked]
    few = _query_of(found.model._base_manager.filter(*finding).values_list(*columns))
    return Query(f'"{table.db_table}" AS MATERIALIZED ({few.sql})', few.params), rest


def filled(params: Sequence[Any], values: Mapping[str, Any]) -> list[Any]:
    return [values[param.name] if isinstance(param, Slot) else param for param in params]


def run(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def slots_of(kind: Callable[..., ApiPrincipal]) -> ApiPrincipal:
    """A principal of this kind with a slot in each field, to compose a list with."""
    return kind(**{field.name: UnplannedSlot(field.name, BigIntegerField()) for field in fields(cast(Any, kind))})


def values_of(principal: ApiPrincipal) -> dict[str, Any]:
    """What to put in the slots for this principal."""
    return {field.name: getattr(principal, field.name) for field in fields(principal)}
