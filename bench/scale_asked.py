"""What the benchmark of size asks: every GET there is, of each kind of tenant, in each way that its operation takes.

Read from the operations that the API declares. A new path parameter or filter that there is no example of here ends
the run, so that none is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from api.cursors import Walk
from api.operations import Caller, Operation
from api.pagination import DEFAULT_PER_PAGE
from tests.endpoints import Endpoint, endpoints

Json = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Question:
    """A request that is put to every platform alike."""

    endpoint: Endpoint
    tenant: str
    how: str
    """The page, or the filter or order."""
    like: str | None = None
    """`how` of the question that this one should not cost much more than."""

    @property
    def title(self) -> str:
        return f"{self.endpoint.operation.name}, {self.tenant}, {self.how}"


def questions() -> Iterator[Question]:
    for endpoint in endpoints():
        if endpoint.method != "GET":
            continue
        for tenant in tenants_of(endpoint.operation):
            yield from (Question(endpoint, tenant, *how) for how in _ways(endpoint.operation))


def tenants_of(operation: Operation) -> tuple[str, ...]:
    return ("largest", "middling", "smallest") if operation.caller is Caller.PARTNER else ("largest", "smallest")


def _ways(operation: Operation) -> Iterator[tuple[str, str | None]]:
    first = "first page" if operation.paged else "read"
    yield first, None
    if operation.includes:
        yield f"include={','.join(operation.includes)}", None
    if not operation.paged:
        return
    yield "middle page", None
    yield "last page", "first page"
    yield "first by cursor", None
    yield "middle by cursor", "first by cursor"
    yield "last by cursor", "first by cursor"
    for sort in operation.sorts:
        for order in (sort, f"-{sort}"):
            yield f"sort={order}, first page", None
            yield f"sort={order}, last page", f"sort={order}, first page"
    for name in operation.filters.base_filters if operation.filters else ():
        yield f"with {name}", None


class Asker:
    """Knows a platform's seats, and so what a question's address is there."""

    def __init__(self, seats: Json, base: datetime, fetch: Any) -> None:
        self.seats, self.base, self.fetch = seats, base, fetch

    def request(self, question: Question) -> tuple[str, str]:
        """The token and the address."""
        operation = question.endpoint.operation
        seat = self.seats["partner" if operation.caller is Caller.PARTNER else "agent"][question.tenant]
        path = question.endpoint.route.format_map(seat["path"])
        query = self._query(question.how, operation, seat, path)
        return seat["token"], f"{path}?{urlencode(query)}" if query else path

    def _query(self, how: str, operation: Operation, seat: Json, path: str) -> Json:
        sort = {"sort": how.removeprefix("sort=").partition(",")[0]} if how.startswith("sort=") else {}
        if how.startswith("include="):
            return {"include": how.removeprefix("include=")}
        if how.startswith("with "):
            name = how.removeprefix("with ")
            return {name: self._examples(operation, seat)[name]}
        if how == "first by cursor":
            return {"cursor": "first"}
        if how.endswith("by cursor"):
            page = self._page(seat, path, how.partition(" ")[0])
            return {"cursor": self._cursor(seat, path, page - 1) if page > 1 else "first"}
        if how.endswith("first page") or how == "read":
            return sort
        return {**sort, "page": self._page(seat, path, "last" if how.endswith("last page") else "middle")}

    def _page(self, seat: Json, path: str, which: str) -> int:
        """The last is the last full one: a page with fewer rows would cost less for that alone."""
        last = max(1, self.fetch(seat["token"], path)["meta"]["total"] // DEFAULT_PER_PAGE)
        return last if which == "last" else max(1, last // 2)

    def _cursor(self, seat: Json, path: str, page: int) -> str:
        """After this page."""
        row = self.fetch(seat["token"], f"{path}?page={page}")["data"][-1]
        return Walk(seat["label"], path, ("pk",)).cursor_at([row["uuid"] if "uuid" in row else row["id"]])

    def _examples(self, operation: Operation, seat: Json) -> Json:
        """Each finds about as many on a large platform as on a small one; but for those that say otherwise."""
        lately = self.base - timedelta(minutes=250 if operation.name == "listAgencies" else 25)
        return {
            "includeDeactivated": "true",  # finds nearly all
            "salesFunnelStatus": "new",  # finds half
            "filterByEmail": seat["client"] if operation.name == "listClients" else seat["email"],
            "filterByName": "last1x",
            "filterByPhone": "212-555-0199",
            "search": "last1x",
            "updatedSince": lately.isoformat(),
            "updatedAfter": lately.isoformat(),
            "createdAfter": lately.isoformat(),
            "createdBefore": "2021-01-01T00:00:00Z",
            "status": "exhausted",
            "event": "client.reassigned",
            "insuranceType": "auto",
        }
