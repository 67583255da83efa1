"""A server that is told to stop answers what it has, and takes nothing more."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from agents.models import Agent
from tests.conftest import AgencySeat, PartnerSeat
from tests.threads import await_waiting, row_held

from .conftest import Serve, Server, migrated_database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.drill]


@contextmanager
def asked(server: Server, agency: AgencySeat, partner: PartnerSeat, email: str) -> Iterator[socket.socket]:
    """A caller who wants a new agent."""
    body = json.dumps({"first_name": "Ann", "last_name": "Agent", "email": email})
    head = (
        f"POST {agency.path}/agents HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {partner.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=30) as caller:
        caller.sendall((head + body).encode())
        yield caller


def test_a_server_that_is_told_to_stop_answers_what_it_has(
    serve: Serve, agency: AgencySeat, partner: PartnerSeat
) -> None:
    """Whoever comes later is neither accepted nor refused, and hung up on at the end: hence, first, no new callers."""
    server = serve(migrated_database_url(), os.environ["REDIS_URL"])
    with ExitStack() as callers:
        with row_held("agencies_agency", agency.id):
            early = callers.enter_context(asked(server, agency, partner, "early@example.com"))
            await_waiting(1)
            server.process.send_signal(signal.SIGTERM)
            early.settimeout(2)
            with pytest.raises(TimeoutError):
                early.recv(1)
            late = callers.enter_context(asked(server, agency, partner, "late@example.com"))
            assert server.process.poll() is None
        early.settimeout(30)
        assert early.recv(10_000).startswith(b"HTTP/1.1 201")
        with suppress(ConnectionResetError):
            assert late.recv(10_000) == b""
    assert server.process.wait(30) == 0
    assert [one.email for one in Agent.objects.filter(first_name="Ann")] == ["early@example.com"]
