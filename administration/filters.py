"""Filters that several lists of the admin share."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest


class EndedFilter(SimpleListFilter):
    """Those that are in use, or those that were ended; by the field that says since when."""

    field: str
    ended: str
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "Active"), ("ended", self.ended)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(**{f"{self.field}__isnull": self.value() == "active"})


class DeactivatedFilter(EndedFilter):
    field = "deactivated_at"
    ended = "Deactivated"
