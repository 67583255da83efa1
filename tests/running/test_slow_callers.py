"""Callers who are slow, silent or do not hang up: they have a connection each, and nobody else waits for them."""

import http.client
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from .conftest import Serve, Server, migrated_database_url, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 20
"""Callers; the server has two threads."""
PROMPTLY = 4
"""Seconds; each of MANY that others wait for costs them one or two."""
ASKED = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
Call = Callable[[bytes], socket.socket]


@pytest.fixture(scope="module")
def server(serve_once: Serve) -> Server:
    return serve_once(migrated_database_url(), os.environ["REDIS_URL"], WEB_THREADS="2", WEB_STALL_SECONDS="2")


@pytest.fixture
def call(server: Server) -> Iterator[Call]:
    with ExitStack() as open_ones:

        def called(sent: bytes) -> socket.socket:
            caller = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=60)
            open_ones.enter_context(caller).sendall(sent)
            return caller

        yield called


def seconds_of_an_answer(server: Server) -> float:
    begun = time.monotonic()
    assert server.get("/healthz").status_code == 200
    return time.monotonic() - begun


@pytest.mark.parametrize(
    "sent",
    [b"", ASKED + b"Connection: close\r\n\r\n", b"POST /healthz HTTP/1.0\r\nHost: x\r\nContent-Length: 9\r\n\r\n"],
    ids=["say nothing", "stay when answered", "owe a body when answered"],
)
def test_nobody_waits_for_callers_who(server: Server, call: Call, sent: bytes) -> None:
    for _ in range(MANY):
        call(sent)
    time.sleep(0.3)
    assert seconds_of_an_answer(server) < PROMPTLY


def test_who_stops_in_the_middle_of_a_head_is_hung_up_on(server: Server, call: Call) -> None:
    log = server.directory / "output"
    before = len(log.read_text())
    silent = [call(ASKED) for _ in range(2)]
    time.sleep(0.3)
    assert seconds_of_an_answer(server) < PROMPTLY
    assert [caller.recv(1_000) for caller in silent] == [b"", b""]
    assert "Traceback" not in log.read_text()[before:]


def test_a_head_has_its_time_as_a_whole(server: Server, call: Call) -> None:
    """Else each letter would give a caller as much again."""
    caller = call(ASKED)
    begun = time.monotonic()

    def hung_up() -> bool:
        try:
            caller.sendall(b"X")
        except OSError:
            return True
        time.sleep(0.2)
        return False

    wait_for(hung_up, 30)
    assert time.monotonic() - begun < 2 * PROMPTLY


def test_a_caller_who_comes_back_has_as_much_time_again(server: Server, call: Call) -> None:
    caller = call(b"")
    for _ in range(2):
        caller.sendall(ASKED)
        time.sleep(1.2)
        caller.sendall(b"\r\n")
        answer = http.client.HTTPResponse(caller)
        answer.begin()
        assert (answer.status, answer.read()) == (200, b'{"status": "ok"}')
        time.sleep(1.2)


@pytest.mark.parametrize(("length", "kept"), [(100, True), (3_000_000, False), (30_000_000, False)])
def test_a_body_that_is_not_read_is_answered_and_the_connection_is_as_was_told(
    server: Server, length: int, kept: bool
) -> None:
    """A caller who was told that it stays, and sends the next request by it, would have no answer to that."""
    caller = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    caller.request("POST", "/oauth/token?in=the-url", b" " * length)
    answer = caller.getresponse()
    assert b"error_description" in answer.read()
    assert answer.headers["Connection"] == ("keep-alive" if kept else "close")
    caller.request("GET", "/healthz")
    assert caller.getresponse().status == 200
    caller.close()
