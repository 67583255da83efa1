"""Callers who hang up, and a server that dies, in the middle of a request: over real connections to gunicorn."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import requests

from agents.models import Agent
from audit.models import AuditEntry
from tests.conftest import AgencySeat, PartnerSeat
from tests.threads import await_waiting, row_held

from .conftest import Serve, Server, migrated_database_url, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
ANN = {"first_name": "Ann", "last_name": "Agent", "email": "ann@example.com"}


@pytest.fixture(scope="module")
def server(serve_once: Serve) -> Server:
    return serve_once(migrated_database_url(), os.environ["REDIS_URL"])


@contextmanager
def sent(server: Server, agency: AgencySeat, partner: PartnerSeat, *, share: float = 1) -> Iterator[socket.socket]:
    """A new agent, sent as far as `share` of its body; hung up on at the end."""
    body = json.dumps(ANN).encode()
    head = (
        f"POST {agency.path}/agents HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {partner.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: k\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=60) as caller:
        caller.sendall(head.encode() + body[: int(len(body) * share)])
        yield caller


def retried(server: Server, agency: AgencySeat, partner: PartnerSeat) -> requests.Response:
    headers = {"Authorization": f"Bearer {partner.token}", "Idempotency-Key": "k"}
    return requests.post(f"{server.url}{agency.path}/agents", json=ANN, headers=headers, timeout=60)


def agents() -> int:
    return Agent.objects.filter(email=ANN["email"]).count()


def test_half_a_body_does_nothing(server: Server, agency: AgencySeat, partner: PartnerSeat) -> None:
    with sent(server, agency, partner, share=0.5) as caller:
        caller.shutdown(socket.SHUT_WR)
        answer = caller.recv(10_000)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    assert agents() == 0
    again = retried(server, agency, partner)
    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (201, False)


def test_a_caller_who_hangs_up_before_the_answer_gets_it_when_it_retries(
    server: Server, agency: AgencySeat, partner: PartnerSeat
) -> None:
    with row_held("agencies_agency", agency.id), sent(server, agency, partner):
        await_waiting(1)
    wait_for(agents)
    again = retried(server, agency, partner)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert agents() == 1
    token = again.json()["data"]["access_token"]
    assert server.get(agency.path, authorization=f"Bearer {token}").status_code == 200


def test_a_server_that_is_killed_leaves_nothing_half_done(
    server: Server, agency: AgencySeat, partner: PartnerSeat
) -> None:
    with row_held("agencies_agency", agency.id), sent(server, agency, partner):
        await_waiting(1)
        os.kill(server.worker, signal.SIGKILL)
    assert agents() == 0
    assert not AuditEntry.objects.filter(action="agent.create").exclude(target_id=str(agency.owner.id)).exists()
    again = wait_for(lambda: retried(server, agency, partner))
    assert isinstance(again, requests.Response)
    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (201, False)
    assert agents() == 1


STALLING = [
    (path, content_type)
    for path in ("/v1/agencies", "/oauth/token", "/oauth/introspect", "/admin/login/")
    for content_type in ("application/json", "application/x-www-form-urlencoded")
]


def test_a_body_that_stalls_is_refused_and_no_fault_of_ours(serve: Serve, partner: PartnerSeat) -> None:
    server = serve(migrated_database_url(), os.environ["REDIS_URL"], WEB_STALL_SECONDS="1")
    with ExitStack() as stack:
        callers = [stack.enter_context(stalling(server, partner, *one)) for one in STALLING]
        answers = [caller.recv(10_000) for caller in callers]
    assert all(answer.startswith(b"HTTP/1.1 4") for answer in answers), answers


@contextmanager
def stalling(server: Server, partner: PartnerSeat, path: str, content_type: str) -> Iterator[socket.socket]:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {partner.token}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: 100\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=60) as caller:
        caller.sendall(head.encode() + b"half")
        yield caller
