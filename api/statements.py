"""Queries that are composed once and executed many times.

Composing a query costs the ORM more than PostgreSQL needs to answer it. On the hottest paths (authentication, lists)
it is composed once a process, with a `Slot` in each place where a value belongs, and its SQL is kept. The ORM still
writes the SQL, and the same `visible_to` decides what a caller sees.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, cast

from django.db import connection
from django.db.models import BigIntegerField, Expression, Field, QuerySet

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

    def __init__(self, rows: QuerySet[Any], *, template: str = "{}") -> None:
        compiler = rows.query.get_compiler(connection=connection)
        sql, self._params = compiler.as_sql()
        if compiler.get_converters([column[0] for column in compiler.select]):
            raise TypeError("A kept statement cannot convert what it reads; use the queryset.")
        self._sql = template.format(sql)

    def execute(self, values: Mapping[str, Any], *more: Any) -> list[tuple[Any, ...]]:
        """The rows, with `values` in the slots; `more` are the parameters of the template."""
        params = [values[param.name] if isinstance(param, Slot) else param for param in self._params]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, [*params, *more])
            return cursor.fetchall()


class ListStatement:
    """How many rows an ordered `values_list` queryset has, and a page of them."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        self._page = Statement(rows, template="{} LIMIT %s OFFSET %s")
        self._count = Statement(rows.order_by().values_list("pk"), template="SELECT COUNT(*) FROM ({}) counted")

    def count(self, values: Mapping[str, Any]) -> int:
        [[total]] = self._count.execute(values)
        return total

    def page(self, values: Mapping[str, Any], *, limit: int, offset: int) -> list[tuple[Any, ...]]:
        return self._page.execute(values, limit, offset)


def slots_of(kind: Callable[..., ApiPrincipal]) -> ApiPrincipal:
    """A principal of this kind with a slot in each field, to compose a statement with."""
    return kind(**{field.name: Slot(field.name, BigIntegerField()) for field in fields(cast(Any, kind))})


def values_of(principal: ApiPrincipal) -> dict[str, Any]:
    """What to put in the slots for this principal."""
    return {field.name: getattr(principal, field.name) for field in fields(principal)}
