"""Queries that are composed once and executed many times.

Composing a query costs the ORM more than PostgreSQL needs to answer it. On the hottest paths (authentication, lists)
it is composed once a process, with a `Slot` in each place where a value belongs, and its SQL is kept. The ORM still
writes the SQL, and the same `visible_to` decides what a caller sees.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
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


class ListStatement:
    """How many rows a queryset has, and a page of their columns in the order of their ids. Both in one round trip.

    The page is found by ids alone, in an index, before anything is joined to it. Its size stands in the SQL as a
    number: PostgreSQL plans a limit that it knows far better than one that is a parameter, and there are no more than
    a hundred.
    """

    def __init__(self, found: QuerySet[Any], columns: Sequence[str]) -> None:
        self._all = Statement(found.order_by().values_list("pk"))
        self._ids = Statement(found.order_by("pk").values_list("pk"))
        on_page = RawSQL("SELECT pk FROM ids", [])
        after = found.filter(pk__gt=Slot("after", BigIntegerField()))
        self._ids_after = Statement(after.order_by("pk").values_list("pk"))
        self._rows = Statement(found.model.objects.filter(pk__in=on_page).values_list(*columns))

    def page(self, values: Mapping[str, Any], *, limit: int, offset: int) -> tuple[int, list[tuple[Any, ...]]]:
        """The total, and the rows of the page."""
        params = [*self._ids.filled(values), *([offset] if offset else []), *self._all.filled(values)]
        rows = run(self._sql(limit, deep=bool(offset)), params)
        past_end = rows[0][1] is None
        return rows[0][0], [] if past_end else [row[1:] for row in rows]

    def rest(self, values: Mapping[str, Any], *, after: int, limit: int) -> list[tuple[Any, ...]]:
        """The first rows with ids greater than this one."""
        sql = f"WITH ids (pk) AS ({self._ids_after.sql} LIMIT {limit:d}) {self._rows.sql} ORDER BY 1"
        return run(sql, [*self._ids_after.filled({**values, "after": after}), *self._rows.filled(values)])

    def _sql(self, limit: int, *, deep: bool) -> str:
        page_of_ids = f"{self._ids.sql} LIMIT {limit:d}{' OFFSET %s' if deep else ''}"
        counted = f"SELECT COUNT(*) AS total FROM ({self._all.sql}) found"  # noqa: S608 - the ORM's own SQL
        counted_and_page = f"({counted}) counted LEFT JOIN ({self._rows.sql}) page ON TRUE"
        return f"WITH ids (pk) AS ({page_of_ids}) SELECT * FROM {counted_and_page} ORDER BY page.id"  # noqa: S608


def found_at_once(found: QuerySet[Any], order: Sequence[str], *, limit: int, offset: int) -> tuple[int, list[Any]]:
    """How many rows a search found, and the ids of a page of them. One round trip.

    What was found is gathered first, and ordered then. Left to itself, PostgreSQL may take a word that few rows have
    for one that many have, and walk through the rows in their order, to the end of the table, until a page is full.
    """
    if found.query.is_empty():
        return 0, []
    terms = [F(name[1:]).desc() if name.startswith("-") else F(name).asc() for name in order]
    placed = found.order_by().annotate(place=Window(RowNumber(), order_by=terms)).values_list("pk", "place")
    sql, params = placed.query.sql_with_params()
    page = "SELECT id, place FROM found ORDER BY place LIMIT %s OFFSET %s"
    rows = run(
        f"WITH found (id, place) AS MATERIALIZED ({sql}) "  # noqa: S608 - the ORM's own SQL
        f"SELECT counted.total, page.id FROM (SELECT COUNT(*) AS total FROM found) counted LEFT JOIN ({page}) page "
        "ON TRUE ORDER BY page.place",
        [*params, limit, offset],
    )
    return rows[0][0], [pk for _, pk in rows if pk is not None]


def found_first(found: QuerySet[Any], order: Sequence[str], *, limit: int) -> list[tuple[Any, ...]]:
    """The first rows that a search found, as what they are ordered by. Gathered first, too."""
    if found.query.is_empty():
        return []
    columns = [name.removeprefix("-") for name in order]
    terms = [f"{place}{' DESC' if name.startswith('-') else ''}" for place, name in enumerate(order, 1)]
    sql, params = found.order_by().values_list(*columns).query.sql_with_params()
    ordered = f"SELECT * FROM found ORDER BY {', '.join(terms)} LIMIT {limit:d}"  # noqa: S608 - numbers only
    return run(f"WITH found AS MATERIALIZED ({sql}) {ordered}", list(params))


def filled(params: Sequence[Any], values: Mapping[str, Any]) -> list[Any]:
    return [values[param.name] if isinstance(param, Slot) else param for param in params]


def run(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def slots_of(kind: Callable[..., ApiPrincipal]) -> ApiPrincipal:
    """A principal of this kind with a slot in each field, to compose a statement with."""
    return kind(**{field.name: Slot(field.name, BigIntegerField()) for field in fields(cast(Any, kind))})


def values_of(principal: ApiPrincipal) -> dict[str, Any]:
    """What to put in the slots for this principal."""
    return {field.name: getattr(principal, field.name) for field in fields(principal)}
