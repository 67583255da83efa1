"""Filters that refuse bad values: django-filter by itself ignores them, and would answer with everything."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django_filters import ChoiceFilter, FilterSet
from rest_framework.exceptions import ErrorDetail, ValidationError


class StrictFilterSet(FilterSet):
    """The base of every filter set."""

    @classmethod
    def apply(cls, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """`rows`, narrowed as the query asks. Raises ValidationError (422) naming every parameter at fault."""
        if not any(name in request.GET for name in cls.base_filters):
            return rows  # building a form costs more than the query
        narrowed = cls(request.GET, rows, request=request)
        if not narrowed.is_valid():
            raise ValidationError(
                {
                    name: [ErrorDetail(str(message), error.code or "invalid") for error in errors for message in error]
                    for name, errors in ((name, errors.as_data()) for name, errors in narrowed.errors.items())
                }
            )
        return narrowed.qs


class TrueFalseFilter(ChoiceFilter):
    """`true` or `false`, and nothing else: django-filter's own takes anything for "not asked"."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [("true", "true"), ("false", "false")]
        super().__init__(choices=choices, error_messages={"invalid_choice": "true or false."}, **kwargs)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return super().filter(qs, value == "true") if value else qs


class DeactivationFilterSet(StrictFilterSet):
    """For what can be deactivated: only the active ones, unless the caller asks for all."""

    includeDeactivated = TrueFalseFilter(method="checked_only", help_text="Also list deactivated ones.")  # noqa: N815

    def checked_only(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset  # `apply` acts on it, since it must act when the parameter is absent, too

    @classmethod
    def apply(cls, request: HttpRequest, rows: Any) -> Any:
        narrowed = super().apply(request, rows)
        return narrowed if request.GET.get("includeDeactivated") == "true" else narrowed.active()
