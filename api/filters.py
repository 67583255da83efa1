"""Filters that refuse bad values: django-filter by itself ignores them, and would answer with everything."""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from django.db.models import QuerySet
from django.http import QueryDict
from django_filters import ChoiceFilter, FilterSet, IsoDateTimeFilter, MultipleChoiceFilter
from django_filters.fields import MultipleChoiceField
from rest_framework.exceptions import ErrorDetail

from api.totals import ACTIVE, DEACTIVATED, WHOLE

Rows = TypeVar("Rows", bound=QuerySet[Any])


class StrictFilterSet(FilterSet):
    """The base of every filter set."""

    searching: ClassVar[frozenset[str]] = frozenset()
    """Parameters that find few rows by an index of their own (api.statements.found_at_once)."""
    known: dict[str, Any]
    """What the view tells the filters beside the query: whose list it is, for example."""

    @classmethod
    def asked(cls, query: QueryDict, *, but: frozenset[str] = frozenset()) -> bool:
        """Whether the query has any of this set's parameters, or any other than these."""
        return any(name in query for name in cls.base_filters if name not in but)

    @classmethod
    def parts(cls, query: QueryDict) -> Sequence[str] | None:
        """The parts of the list whose kept totals add up to what the query asks for (api.totals); None where the rows
        must be counted."""
        return None if cls.asked(query) else WHOLE

    @classmethod
    def apply(cls, query: QueryDict, rows: Rows, errors: dict[str, list[ErrorDetail]], **known: Any) -> Rows:
        """`rows`, narrowed as the query asks; what it asks wrongly is added to `errors`, by parameter."""
        narrowed = cls(query, rows)
        narrowed.known = known
        if narrowed.is_valid():
            return narrowed.qs
        for name, problems in narrowed.form.errors.as_data().items():
            errors[name] = [ErrorDetail(text, problem.code or "invalid") for problem in problems for text in problem]
        return rows


class SyncedFilterSet(StrictFilterSet):
    """For what callers keep copies of: they fetch what has changed."""

    updatedSince = IsoDateTimeFilter(  # noqa: N815
        field_name="updated_at", lookup_expr="gte", help_text="RFC 3339: changed then or later. For those who sync."
    )


class SentChoicesField(MultipleChoiceField):
    """Those that are not empty: an empty parameter counts as not sent."""

    def clean(self, value: list[str]) -> list[str]:
        return super().clean([one for one in value if one])


class AnyOfFilter(MultipleChoiceFilter):
    """A parameter that may repeat: any of its values."""

    field_class = SentChoicesField


class TrueFalseFilter(ChoiceFilter):
    """`true` or `false`, and nothing else: django-filter's own takes anything for "not asked"."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [("true", "true"), ("false", "false")]
        super().__init__(choices=choices, error_messages={"invalid_choice": "true or false."}, **kwargs)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return super().filter(qs, value == "true") if value else qs


class DeactivationFilterSet(SyncedFilterSet):
    """For what can be deactivated: only the active ones, unless the caller asks for all."""

    includeDeactivated = TrueFalseFilter(method="checked_only", help_text="Also list deactivated ones.")  # noqa: N815

    def checked_only(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset  # `apply` acts on it, since it must act when the parameter is absent, too

    @classmethod
    def apply(cls, query: QueryDict, rows: Any, errors: dict[str, list[ErrorDetail]], **known: Any) -> Any:
        narrowed = super().apply(query, rows, errors, **known)
        return narrowed if query.get("includeDeactivated") == "true" else narrowed.active()

    @classmethod
    def parts(cls, query: QueryDict) -> Sequence[str] | None:
        if cls.asked(query, but=frozenset({"includeDeactivated"})):
            return None
        parts = {"false": (ACTIVE,), "true": (ACTIVE, DEACTIVATED)}
        return parts.get(query.get("includeDeactivated", "false"))
