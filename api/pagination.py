"""Pages of a list, with absolute links that keep the caller's other parameters.

Numbered ones (contract §2) for those who look around: `page`, `perPage`, with exact totals. By `cursor` for those who
walk through everything: each page costs the same, nothing is counted, and what comes or goes moves no other row.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from urllib.parse import urlencode

from django.db.models import F, QuerySet
from django.http import HttpRequest, QueryDict
from rest_framework.exceptions import ErrorDetail, ValidationError

from api.cursors import FIRST, BadCursor, Walk
from api.filters import AnyOfFilter, StrictFilterSet, SyncedFilterSet
from api.operations import Operation
from api.principals import ApiPrincipal
from api.statements import LISTED, ListStatement, found_at_once, found_first, page_of_ids, slots_of, values_of
from api.totals import DEACTIVATED, ListOf

DEFAULT_PER_PAGE = 25
MAX_PER_PAGE = 100
MAX_PAGE = 10**9
SAID_ONCE = {"page", "perPage", "cursor", "sort"}
"""And what filters: but for an AnyOfFilter, each takes one value."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of what a caller may see, ordered by id, so that paging never skips or repeats."""

    visible: Callable[[ApiPrincipal], QuerySet[Any]]
    """For example `Agent.objects.visible_to`."""
    index: Callable[[ApiPrincipal], Any]
    """What a page of ids is read from, at the same cost however much the caller reaches: rows with the id as LISTED, of
    which totals are kept. For a partner these are its links, for example."""
    indexed: frozenset[str]
    """The filters that `index` can answer; with any other, the page is looked for in `visible`."""
    columns: tuple[str, ...]
    """What `values_list` reads of each; the id first."""
    shape: Callable[[HttpRequest, Iterable[Any]], list[dict[str, Any]]]
    """Turns the rows of a page into what is shown."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page the caller asked for."""

    page: int
    per_page: int
    cursor: str | None
    """None: a numbered page."""

    @classmethod
    def of(cls, query: QueryDict, errors: dict[str, list[ErrorDetail]]) -> "PageRequest":
        """What is out of its bounds is added to `errors`, by parameter."""
        page = _integer(query, "page", 1, MAX_PAGE, errors)
        if "cursor" in query and query.get("page"):
            errors["cursor"] = [ErrorDetail("Either cursor or page, not both.", "cursor_and_page")]
        return cls(page, _integer(query, "perPage", DEFAULT_PER_PAGE, MAX_PER_PAGE, errors), query.get("cursor"))

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.per_page


@dataclass(frozen=True, slots=True)
class WalkedPage:
    """The page that a cursor asks for: where it begins, and how to go on."""

    walk: Walk
    place: list[Any]
    per_page: int

    @classmethod
    def of(
        cls,
        request: HttpRequest,
        principal: ApiPrincipal,
        wanted: PageRequest,
        order: tuple[str, ...],
        errors: dict[str, list[ErrorDetail]],
    ) -> "WalkedPage | None":
        """None for a numbered page. A cursor that does not open is added to `errors`."""
        if wanted.cursor is None:
            return None
        walk = Walk(principal.label, request.path, order)
        try:
            return cls(walk, walk.place_of(wanted.cursor), wanted.per_page)
        except BadCursor:
            message = "Not a cursor that you were given for this list in this order; cursor=first begins anew."
            errors.setdefault("cursor", [ErrorDetail(message, "invalid_cursor")])
            return None

    @property
    def limit(self) -> int:
        """One more than are shown, to see whether there are more."""
        return self.per_page + 1

    def places(self, found: QuerySet[Any], *, searched: bool, id_column: str = "pk") -> list[tuple[Any, ...]]:
        """What each row of the page is ordered by, the id last; and the same of the one row after it."""
        order = [name.replace("pk", id_column) for name in self.walk.order]
        rest = self.walk.rest_of(found, self.place, order)
        if searched:
            return found_first(rest, order, limit=self.limit)
        columns = [name.removeprefix("-") for name in order]
        return list(rest.order_by(*order).values_list(*columns)[: self.limit])

    def links_and_meta(self, request: HttpRequest, places: Sequence[Sequence[Any]]) -> dict[str, Any]:
        path, others = _address(request, "cursor")
        more = len(places) > self.per_page
        following = self.walk.cursor_at(places[self.per_page - 1]) if more else None
        return {
            "links": {
                "first": f"{others}cursor={FIRST}",
                "last": None,
                "prev": None,
                "next": f"{others}cursor={following}" if following else None,
            },
            "meta": {
                "current_page": None,
                "from": None,
                "last_page": None,
                "path": path,
                "per_page": self.per_page,
                "to": None,
                "total": None,
                "next_cursor": following,
            },
        }


def paginate(
    request: HttpRequest, principal: ApiPrincipal, listing: Listing, filters: type[StrictFilterSet]
) -> dict[str, Any]:
    """The answer to a list request, in at most two queries whatever the page size.

    Raises ValidationError (422) naming every query parameter at fault.
    """
    errors: dict[str, list[ErrorDetail]] = {}
    wanted = PageRequest.of(request.GET, errors)
    walked = WalkedPage.of(request, principal, wanted, _order_of_walk(request.GET, filters, ("pk",)), errors)
    parts = filters.parts(request.GET)
    found = None if parts else filters.apply(request.GET, _source(request.GET, principal, listing, filters), errors)
    errors |= _said_twice(request.GET, filters)
    if errors:
        raise ValidationError(errors)
    if walked:
        places, rows = _walked(principal, listing, walked, parts, found)
        return {"data": listing.shape(request, rows), **walked.links_and_meta(request, places)}
    total, rows = _numbered(principal, listing, wanted, parts, found)
    return {"data": listing.shape(request, rows), **links_and_meta(request, wanted, total, len(rows))}


def paginate_found(
    request: HttpRequest,
    principal: ApiPrincipal,
    operation: Operation,
    rows: QuerySet[Any],
    shape: Callable[[Sequence[Any], frozenset[str]], list[dict[str, Any]]],
    whole: ListOf | None,
    **known: Any,
) -> dict[str, Any]:
    """The answer to a list request about some of a tenant's rows, narrowed, ordered and filled as `operation` takes it.

    `shape` turns the ids of a page, in order, and what is to be included into what is shown; `whole` has the totals of
    these rows, where they are kept; `known` is for filters.
    Raises ValidationError (422) naming every query parameter at fault.
    """
    errors: dict[str, list[ErrorDetail]] = {}
    wanted = PageRequest.of(request.GET, errors)
    filters = operation.filters or StrictFilterSet
    found = filters.apply(request.GET, rows, errors, **known)
    included = includes_of(request.GET, operation, errors)
    order = _order_of(request.GET, operation, errors)
    walked = WalkedPage.of(request, principal, wanted, _order_of_walk(request.GET, filters, order), errors)
    errors |= _said_twice(request.GET, filters)
    if errors:
        raise ValidationError(errors)
    searched = any(request.GET.get(name) for name in filters.searching)
    if walked:
        places = walked.places(found, searched=searched)
        ids = [place[-1] for place in places[: wanted.per_page]]
        return {"data": shape(ids, included), **walked.links_and_meta(request, places)}
    if searched:
        total, ids = found_at_once(found, order, limit=wanted.per_page, offset=wanted.offset)
    else:
        parts = filters.parts(request.GET) if whole else None
        shares = whole.shares(parts) if whole and parts else None
        total, ids = page_of_ids(found, order, shares, limit=wanted.per_page, offset=wanted.offset)
    return {"data": shape(ids, included), **links_and_meta(request, wanted, total, len(ids))}


def _said_twice(query: QueryDict, filters: type[StrictFilterSet]) -> dict[str, list[ErrorDetail]]:
    """The errors of parameters that take one value and came with several: which was meant is not for us to guess."""
    once = SAID_ONCE | {name for name, one in filters.base_filters.items() if not isinstance(one, AnyOfFilter)}
    return {
        name: [ErrorDetail("Send this once.", "repeated")]
        for name, values in query.lists()
        if len(values) > 1 and name in once
    }


def includes_of(query: QueryDict, operation: Operation, errors: dict[str, list[ErrorDetail]]) -> frozenset[str]:
    """What `include` asks for, with commas or repeated; each part of a dotted name with what it leads through."""
    asked = {name for value in query.getlist("include") if value for name in value.split(",")}
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


def _order_of_walk(query: QueryDict, filters: type[StrictFilterSet], order: tuple[str, ...]) -> tuple[str, ...]:
    """Those who sync walk by the last change, unless they sort: what changes meanwhile moves on, and is not missed."""
    syncing = issubclass(filters, SyncedFilterSet) and query.get("updatedSince")
    return ("updated_at", "pk") if syncing and order == ("pk",) else order


def _numbered(
    principal: ApiPrincipal,
    listing: Listing,
    wanted: PageRequest,
    parts: Sequence[str] | None,
    found: QuerySet[Any] | None,
) -> tuple[int, Sequence[tuple[Any, ...]]]:
    """How many rows there are, and those of the page: of the list as most ask for it, or of what was found."""
    if found is None:
        kept = _kept(listing, cast(Any, type(principal)), tuple(parts or ()))
        shares = ListOf(kept.model, principal.tenant).shares(parts or ())
        return kept.page(values_of(principal), shares, limit=wanted.per_page, offset=wanted.offset)
    total, ids = page_of_ids(found, (LISTED,), None, limit=wanted.per_page, offset=wanted.offset)
    return total, _rows(principal, listing, ids)


def _walked(
    principal: ApiPrincipal,
    listing: Listing,
    walked: WalkedPage,
    parts: Sequence[str] | None,
    found: QuerySet[Any] | None,
) -> tuple[Sequence[tuple[Any, ...]], Sequence[tuple[Any, ...]]]:
    """What each row of the page, and the one after it, is ordered by; and the page's rows as `shape` takes them."""
    if found is None:
        [after] = walked.place or [0]
        kept = _kept(listing, cast(Any, type(principal)), tuple(parts or ()))
        rows = kept.rest(values_of(principal), after=after, limit=walked.limit)
        return [row[:1] for row in rows], rows[: walked.per_page]
    places = walked.places(found, searched=False, id_column=LISTED)
    return places, _rows(principal, listing, [place[-1] for place in places[: walked.per_page]])


def _source(
    query: QueryDict, principal: ApiPrincipal, listing: Listing, filters: type[StrictFilterSet]
) -> QuerySet[Any]:
    """What to look for the rows of a page in, by their ids as LISTED."""
    if filters.asked(query, but=listing.indexed):
        return listing.visible(principal).annotate(**{LISTED: F("pk")})
    return listing.index(principal)


def _rows(principal: ApiPrincipal, listing: Listing, ids: Sequence[Any]) -> list[tuple[Any, ...]]:
    return _kept(listing, cast(Any, type(principal)), ()).those(values_of(principal), ids) if ids else []


@cache
def _kept(listing: Listing, kind: Any, parts: tuple[str, ...]) -> ListStatement:
    """The list as most callers ask for it, composed once."""
    principal = slots_of(kind)
    index = listing.index(principal)
    return ListStatement(index if DEACTIVATED in parts else index.active(), listing.visible(principal), listing.columns)


def links_and_meta(request: HttpRequest, wanted: PageRequest, total: int, shown: int) -> dict[str, Any]:
    path, others = _address(request, "page")

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


def _address(request: HttpRequest, paging: str) -> tuple[str, str]:
    """The list's own address; and with the caller's other parameters than `paging`, for that to be added."""
    path = f"{request.scheme}://{request.get_host()}{request.path}"
    kept = [(name, value) for name, values in request.GET.lists() if name != paging for value in values]
    return path, f"{path}?{urlencode(kept)}&" if kept else f"{path}?"


def _integer(query: QueryDict, name: str, default: int, maximum: int, errors: dict[str, list[ErrorDetail]]) -> int:
    text = query.get(name)
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= maximum:
        return int(text)
    errors[name] = [ErrorDetail(f"A whole number from 1 to {maximum}.", "out_of_range")]
    return default
