"""The second lock on tenants' data: in which role, and for whom, each statement comes to PostgreSQL.

Role and principal go with each statement, in one round trip. They are set for the transaction only
(`set_config(…, true)`): the one that is open, else the one that PostgreSQL makes of the two statements. So nothing is
left on a connection that serves others later, and no transaction stands open while a body is read or a file is kept.
What a role sees is written down by migrations (api.policies, docs/row-level-security.md).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse
from psycopg.pq import TransactionStatus

from api.principals import AgentPrincipal, Partner, Principal
from api.roles import ADMIN, API, WORKER

SETTINGS = ("role", "tenancy.partner", "tenancy.agency", "tenancy.actor")
SET = f"SELECT {', '.join(f'set_config({name!r}, %s, true)' for name in SETTINGS)}"
SEES_ALL = "SELECT current_user::text, pg_has_role(%s, 'USAGE') OR pg_has_role(%s, 'USAGE')"
CONTROL = ("SAVEPOINT", "RELEASE", "ROLLBACK")
"""Statements about the transaction: they touch nobody's rows, and must get through where a statement has failed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What goes with a statement, as SETTINGS names it; an empty text is nobody."""

    role: str
    partner: str = ""
    agency: str = ""
    actor: str = ""

    @property
    def values(self) -> list[str]:
        return [self.role, self.partner, self.agency, self.actor]


AS_CONNECTED = Standing("none")
"""The process's own role: that of workers, commands and migrations."""
_standing: ContextVar[Standing] = ContextVar("standing", default=AS_CONNECTED)


def acting_for(principal: Principal, *, agency_id: int | None = None) -> AbstractContextManager[None]:
    """In the block, the database shows and takes what is this caller's: a partner's links, or an agency's rows."""
    partner = str(principal.client_pk) if isinstance(principal, Partner) else ""
    if isinstance(principal, AgentPrincipal):
        agency_id = principal.agency_id
    return standing_as(Standing(API, partner, str(agency_id or ""), principal.label))


def acting_as(role: str) -> AbstractContextManager[None]:
    """In the block, statements come in this role, for nobody."""
    return standing_as(Standing(role))


@contextmanager
def standing_as(standing: Standing) -> Iterator[None]:
    token = _standing.set(standing)
    try:
        yield
    finally:
        _standing.reset(token)


def require_every_row() -> None:
    """Asked before an act that would take rows that it is not shown for rows that are not there. Raises
    ImproperlyConfigured where policies hide rows from this process: it came with gunicorn's login."""
    with connection.cursor() as cursor:
        cursor.execute(SEES_ALL, [ADMIN, WORKER])
        [login, sees_all] = cursor.fetchone()
    if not sees_all:
        raise ImproperlyConfigured(
            f"{login} is shown no tenant's rows; DATABASE_URL must be a worker's ({WORKER}) or the owner's"
        )


class Sender:
    """Sends each statement of one connection with its role and principal, as Django's `execute_wrapper`."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._cursor = connection.cursor()
        self._connected = (AS_CONNECTED, Standing(connection.info.user))
        """What a new transaction begins with."""
        self._set_before = False
        """Whether anything else was set in the transaction that is open."""

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        standing, database = _standing.get(), context["connection"]
        if database.connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self._set_before = False
        if sql.startswith(CONTROL) or (standing in self._connected and not self._set_before):
            return execute(sql, params, many, context)
        self._set_before = True
        # What fails is told when the pipeline ends: outside of where Django turns the driver's errors into its own.
        with database.wrap_database_errors, database.connection.pipeline():
            self._cursor.execute(SET, standing.values)
            return execute(sql, params, many, context)


def watch(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Receiver of `connection_created`. Ours stands first among the wrappers: a block of Django's takes the last one
    away as it ends."""
    others = [one for one in connection.execute_wrappers if not isinstance(one, Sender)]
    connection.execute_wrappers[:] = [Sender(connection.connection), *others]


class TenancyMiddleware:
    """Under `/v1/` the API's role, of nobody until the base view knows who calls. What else is served is nobody's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with acting_as(API if request.path_info.startswith("/v1/") else ADMIN):
            return self.get_response(request)
