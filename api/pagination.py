"""Numbered pages (contract §2): `page`, `perPage`, absolute links that keep the caller's other parameters."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from rest_framework.exceptions import ErrorDetail, ValidationError

from api.filters import StrictFilterSet
from api.operations import Operation
from api.principals import ApiPrincipal
from api.statements import ListStatement, found_at_once, slots_of, values_of

DEFAULT_PER_PAGE = 25
MAX_PER_PAGE = 100
MAX_PAGE = 10**9


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of what a caller may see, ordered by id, so that paging never skips or repeats."""

    visible: Callable[[ApiPrincipal], QuerySet[Any]]
    """For example `Agent.objects.visible_to`."""
    columns: tuple[str, ...]
    """What `values_list` reads of each; the id first."""
    shape: Callable[[HttpRequest, Iterable[Any]], list[dict[str, Any]]]
    """Turns the rows of a page into what is shown."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page the caller asked for."""

    page: int
    per_page: int

    @classmethod
    def of(cls, query: QueryDict, errors: dict[str, list[ErrorDetail]]) -> "PageRequest":
        """What is out of its bounds is added to `errors`, by parameter."""
        page = _integer(query, "page", 1, MAX_PAGE, errors)
        return cls(page, _integer(query, "perPage", DEFAULT_PER_PAGE, MAX_PER_PAGE, errors))

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.per_page


def paginate(
    request: HttpRequest, principal: ApiPrincipal, listing: Listing, filters: type[StrictFilterSet]
) -> dict[str, Any]:
    """The answer to a list request, in at most two queries whatever the page size.

    Raises ValidationError (422) naming every query parameter at fault.
    """
    errors: dict[str, list[ErrorDetail]] = {}
    wanted = PageRequest.of(request.GET, errors)
    asked = filters.asked(request.GET)
    found = filters.apply(request.GET, listing.visible(principal), errors) if asked else None
    if errors:
        raise ValidationError(errors)
    if found is None:
        kept = _unfiltered(listing, cast(Any, filters), cast(Any, type(principal)))
        total, rows = kept.page(values_of(principal), limit=wanted.per_page, offset=wanted.offset)
    else:
        total, rows = found.count(), []
        if wanted.offset < total:
            ids = found.order_by("pk").values("pk")[wanted.offset : wanted.offset + wanted.per_page]
            rows = list(found.model.objects.filter(pk__in=ids).order_by("pk").values_list(*listing.columns))
    return {"data": listing.shape(request, rows), **links_and_meta(request, wanted, total, len(rows))}


def paginate_found(
    request: HttpRequest,
    operation: Operation,
    rows: QuerySet[Any],
    shape: Callable[[Sequence[Any], frozenset[str]], list[dict[str, Any]]],
    **known: Any,
) -> dict[str, Any]:
    """The answer to a list request about some of a tenant's rows, narrowed, ordered and filled as `operation` takes it.

    `shape` turns the ids of a page, in order, and what is to be included into what is shown; `known` is for filters.
    Raises ValidationError (422) naming every query parameter at fault.
    """
    errors: dict[str, list[ErrorDetail]] = {}
    wanted = PageRequest.of(request.GET, errors)
    filters = operation.filters or StrictFilterSet
    found = filters.apply(request.GET, rows, errors, **known)
    included = includes_of(request.GET, operation, errors)
    order = _order_of(request.GET, operation, errors)
    if errors:
        raise ValidationError(errors)
    if any(request.GET.get(name) for name in filters.searching):
        total, ids = found_at_once(found, order, limit=wanted.per_page, offset=wanted.offset)
    else:
        total = found.count()
        on_page = found.order_by(*order).values_list("pk", flat=True)
        ids = list(on_page[wanted.offset : wanted.offset + wanted.per_page]) if wanted.offset < total else []
    return {"data": shape(ids, included), **links_and_meta(request, wanted, total, len(ids))}


def includes_of(query: QueryDict, operation: Operation, errors: dict[str, list[ErrorDetail]]) -> frozenset[str]:
    """What `include` asks for, with commas or repeated; each part of a dotted name with what it leads through."""
    asked = {name for value in query.getlist("include") for name in value.split(",") if name}
    if unknown := asked.difference(operation.includes):
        expected = " or ".join(operation.includes)
        errors["include"] = [ErrorDetail(f"Not {min(unknown)[:50]!r}, but {expected}.", "unknown_include")]
    return frozenset(name.rsplit(".", depth)[0] for name in asked for depth in range(name.count(".") + 1))


def _order_of(query: QueryDict, operation: Operation, errors: dict[str, list[ErrorDetail]]) -> tuple[str, ...]:
    sort = query.get("sort")
    if not sort:
        return ("pk",)
    order = operation.order_of(sort)
    if order is None:
        errors["sort"] = [ErrorDetail(f"One of {', '.join(operation.sorts)}, or with - before it.", "invalid_choice")]
        return ("pk",)
    return order


@cache
def _unfiltered(listing: Listing, filters: Any, kind: Any) -> ListStatement:
    """The list as most callers ask for it, composed once."""
    return ListStatement(filters.apply(QueryDict(), listing.visible(slots_of(kind)), {}), listing.columns)


def links_and_meta(request: HttpRequest, wanted: PageRequest, total: int, shown: int) -> dict[str, Any]:
    path = f"{request.scheme}://{request.get_host()}{request.path}"
    kept = [(name, value) for name, values in request.GET.lists() if name != "page" for value in values]

    others = f"{path}?{urlencode(kept)}&" if kept else f"{path}?"

    def url(page: int) -> str:
        return f"{others}page={page}"

    last = max(1, -(-total // wanted.per_page))
    page = wanted.page
    return {
        "links": {
            "first": url(1),
            "last": url(last),
            "prev": url(min(page - 1, last)) if page > 1 else None,
            "next": url(page + 1) if page < last else None,
        },
        "meta": {
            "current_page": page,
            "from": wanted.offset + 1 if shown else None,
            "last_page": last,
            "path": path,
            "per_page": wanted.per_page,
            "to": wanted.offset + shown if shown else None,
            "total": total,
        },
    }


def _integer(query: QueryDict, name: str, default: int, maximum: int, errors: dict[str, list[ErrorDetail]]) -> int:
    text = query.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= maximum:
        return int(text)
    errors[name] = [ErrorDetail(f"A whole number from 1 to {maximum}.", "out_of_range")]
    return default
