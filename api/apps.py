import select
from typing import Any

from django.apps import AppConfig
from django.core.signals import request_started
from django.db.backends.signals import connection_created


class ApiConfig(AppConfig):
    name = "api"

    def ready(self) -> None:
        from api import pipelines, tenancy

        pipelines.end_with_sync()
        connection_created.connect(read_times_fast, dispatch_uid="api.read_times_fast")
        connection_created.connect(tenancy.watch, dispatch_uid="api.tenancy")
        request_started.connect(let_go_of_ended_connection, dispatch_uid="api.let_go_of_ended_connection")


def read_times_fast(connection: Any, **_: Any) -> None:
    """Times are read by Python's C parser: Django's own loader, in Python, is an eighth of a list request."""
    from api.times import UtcLoader

    connection.connection.adapters.register_loader("timestamptz", UtcLoader)


def let_go_of_ended_connection(**_: Any) -> None:
    """Closes this thread's connection if the database has ended it since the last request, as a restart does: the
    request then gets a new one, instead of a 503. Between requests a server says nothing but that it is going, so
    this costs a look at the socket and no round trip."""
    from django.db import connection

    kept = connection.connection
    if kept is None or connection.in_atomic_block:
        return
    arrived = select.poll()
    if not kept.closed:
        arrived.register(kept.fileno(), select.POLLIN)
    if kept.closed or arrived.poll(0):
        connection.close()
