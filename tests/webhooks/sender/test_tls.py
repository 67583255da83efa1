"""Receivers are who they say they are."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import trustme

from tests.webhooks.receivers import Receiver, hang, in_a_loop, receiver
from tests.webhooks.sender.posts import BODY, HEADERS, NAME, open_files, post
from webhooks.delivery.sender import Sender, tls_context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA, *names: str, **options: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names, **options).configure_cert(context)
    return context


@asynccontextmanager
async def secure_receiver(tls: ssl.SSLContext, answer: Any = b"") -> AsyncIterator[Receiver]:
    """One whose faulty handshakes make no noise."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    async with receiver(answer, tls=tls) as there:
        yield there


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = tls_context()
    authority.configure_trust(context)
    return context


@in_a_loop
async def test_over_tls(authority: trustme.CA, names: Callable[..., None]) -> None:
    names("127.0.0.1")
    async with (
        secure_receiver(server_tls(authority, NAME)) as there,
        Sender(allow_private=True, trust=trusting(authority)) as sender,
    ):
        outcomes = [await sender.post(there.url("https", NAME), headers=HEADERS, body=BODY) for _ in range(3)]
    assert {(outcome.status, outcome.address) for outcome in outcomes} == {(200, "127.0.0.1")}
    assert there.connections == 1


@pytest.mark.parametrize(
    ("certificate", "trusted"),
    [
        ({"names": [NAME]}, False),
        ({"names": ["other.example.com"]}, True),
        ({"names": ["127.0.0.1"]}, True),
        ({"names": [NAME], "not_after": datetime(2020, 1, 1, tzinfo=UTC)}, True),
        ({"names": [NAME], "not_before": datetime(2090, 1, 1, tzinfo=UTC)}, True),
    ],
    ids=["unknown authority", "another name", "only the address", "expired", "not yet valid"],
)
@in_a_loop
async def test_certificates_are_verified(
    authority: trustme.CA, names: Callable[..., None], certificate: dict[str, Any], trusted: bool
) -> None:
    names("127.0.0.1")
    options = {name: value for name, value in certificate.items() if name != "names"}
    tls = server_tls(authority, *certificate["names"], **options)
    async with secure_receiver(tls) as there:
        outcome = await post(there.url("https", NAME), trust=trusting(authority) if trusted else None)
    assert (outcome.status, outcome.error, outcome.address) == (None, "tls", "127.0.0.1")
    assert there.heads == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
@in_a_loop
async def test_tls_is_not_older_than_1_2(authority: trustme.CA, names: Callable[..., None]) -> None:
    names("127.0.0.1")
    tls = server_tls(authority, NAME)
    tls.set_ciphers("DEFAULT@SECLEVEL=0")
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(ssl.SSLError):
                tls.wrap_socket(connection, server_side=True)

        serving = asyncio.create_task(asyncio.to_thread(serve))
        outcome = await post(f"https://{NAME}:{server.getsockname()[1]}/", trust=trusting(authority))
        await serving
    assert (outcome.status, outcome.error) == (None, "tls")


@in_a_loop
async def test_a_receiver_that_speaks_no_tls(names: Callable[..., None]) -> None:
    names("127.0.0.1")

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        outcome = await post(f"https://{NAME}:{server.sockets[0].getsockname()[1]}/")
    assert (outcome.status, outcome.error) == (None, "tls")


@in_a_loop
async def test_a_handshake_that_stalls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        async with Sender(allow_private=True, timeout=0.4) as sender:
            before = open_files()
            outcome = await sender.post(f"https://127.0.0.1:{server.getsockname()[1]}/", headers=HEADERS, body=BODY)
            await asyncio.sleep(0.05)
            assert open_files() <= before
        assert time.monotonic() - began < 10
    assert (outcome.status, outcome.error) == (None, "timeout")


@in_a_loop
async def test_a_secure_receiver_that_hangs_leaves_no_connection_behind(
    authority: trustme.CA, names: Callable[..., None]
) -> None:
    """Nor waits for it to say farewell."""
    names("127.0.0.1")
    async with (
        secure_receiver(server_tls(authority, NAME), hang) as there,
        Sender(allow_private=True, trust=trusting(authority), timeout=0.4) as sender,
    ):
        before = open_files()
        outcome = await sender.post(there.url("https", NAME), headers=HEADERS, body=BODY)
        await asyncio.sleep(0.05)
        assert open_files() <= before
    assert outcome.error == "timeout"
