"""What an endpoint declares of itself, in one place: who may call it, what it takes, what it gives.

The base view refuses callers by it, the OpenAPI document is made from it, and the permission matrix in the tests
is checked against it; so none of the three can drift from the others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any, TypeVar

from rest_framework.serializers import BaseSerializer

from api.filters import StrictFilterSet
from api.principals import AgentPrincipal, ApiPrincipal, Partner

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Caller(Enum):
    """Who may call an operation. Each takes exactly one kind of credential (contract §1)."""

    PARTNER = "partner"
    AGENT = "agent"
    ADMIN_AGENT = "admin agent"

    def admits(self, principal: ApiPrincipal) -> bool:
        match self:
            case Caller.PARTNER:
                return isinstance(principal, Partner)
            case Caller.AGENT:
                return isinstance(principal, AgentPrincipal)
            case Caller.ADMIN_AGENT:
                return isinstance(principal, AgentPrincipal) and principal.is_admin

    @property
    def refusal(self) -> str:
        if self is Caller.PARTNER:
            return "This endpoint takes a partner's OAuth access token."
        if self is Caller.AGENT:
            return "This endpoint takes an agent's personal access token."
        return "This endpoint takes the personal access token of an agent who is an admin of the agency."


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    """The operationId of the OpenAPI document: generated clients call their methods so."""
    caller: Caller
    summary: str
    takes: type[BaseSerializer[Any]] | None = None
    gives: type[BaseSerializer[Any]] | None = None
    status: HTTPStatus = HTTPStatus.OK
    many: bool = False
    """`data` is a list."""
    paged: bool = False
    """`data` is a page of a list, with links and meta."""
    max_file_bytes: int = 0
    """Where not 0, the body may hold a file of so many bytes: multipart is accepted, and a multipart POST with
    `_method=PATCH` is a PATCH."""
    filters: type[StrictFilterSet] | None = None
    sorts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What `sort` takes, with the columns that it orders by; with `-` before it, from the last to the first."""
    includes: tuple[str, ...] = ()
    """What `include` takes."""
    refusals: dict[str, str] = field(default_factory=dict)
    """Codes of the rules that answer 422, with what each means."""

    def order_of(self, sort: str) -> tuple[str, ...] | None:
        """The columns to order by, the id last; None for a word that `sort` does not take."""
        columns = self.sorts.get(sort.removeprefix("-"))
        if columns is None:
            return None
        return tuple(f"-{name}" for name in (*columns, "pk")) if sort.startswith("-") else (*columns, "pk")


def operation(**facts: Any) -> Callable[[Handler], Handler]:
    """Declares a view's method to be an operation of the API."""

    def declare(handler: Handler) -> Handler:
        handler.operation = Operation(**facts)  # type: ignore[attr-defined]
        return handler

    return declare
