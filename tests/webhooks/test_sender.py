"""One POST to a receiver that may be slow, broken or hostile: what came of it, how long it took, where it went."""

import asyncio
import errno
import gzip
import os
import resource
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from tests.webhooks.receivers import Receiver, in_a_loop, receiver, resolve_names, response
from webhooks import addresses
from webhooks.delivery import resolver
from webhooks.delivery import sender as sender_module
from webhooks.delivery.sender import Outcome, Sender, _retry_after, tls_context

BODY = b'{"type":"test"}'
HEADERS = {"webhook-id": "msg_1", "webhook-timestamp": "1614265330", "webhook-signature": "v1,abc="}
NAME = "receiver.example.com"
DRIP = 0.05


async def post(url: str, *, body: bytes = BODY, **options: Any) -> Outcome:
    async with Sender(**{"allow_private": True, **options}) as sender:
        return await sender.post(url, headers=HEADERS, body=body)


async def post_to(answer: Any, **options: Any) -> Outcome:
    async with receiver(answer) as there:
        return await post(there.url(), **options)


@pytest.fixture(autouse=True)
def short_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "ANSWER_SECONDS", 0.3)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says what every name resolves to."""
    return partial(resolve_names, monkeypatch)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# What is sent


@in_a_loop
async def test_a_post_with_its_headers_and_body() -> None:
    async with receiver(response(200, b"thanks")) as there:
        began = datetime.now(UTC)
        outcome = await post(f"{there.url()}?key=value")
    head = there.heads[0].decode().split("\r\n")
    assert head[0] == "POST /hook?key=value HTTP/1.1"
    assert sorted(line.lower() for line in head[1:] if line) == sorted(
        [
            f"host: 127.0.0.1:{there.port}",
            "accept: */*",
            "accept-encoding: identity",
            "content-type: application/json",
            "user-agent: agency-webhooks/1.0",
            f"content-length: {len(BODY)}",
            *(f"{name}: {value.lower()}" for name, value in HEADERS.items()),
        ]
    )
    assert there.bodies == [BODY]
    assert (outcome.status, outcome.error, outcome.answer, outcome.address) == (200, "", b"thanks", "127.0.0.1")
    assert outcome.delivered
    assert not outcome.ours
    assert began <= outcome.started_at <= datetime.now(UTC)
    assert 0 <= outcome.duration_ms < 1000


@in_a_loop
async def test_bodies_go_as_they_are() -> None:
    bodies = [b"{}", '{"name":"Zoë 山田"}'.encode(), b"x" * 256 * 1024, b""]
    async with receiver() as there, Sender(allow_private=True) as sender:
        for body in bodies:
            assert (await sender.post(there.url(), headers=HEADERS, body=body)).delivered
    assert there.bodies == bodies


@in_a_loop
async def test_over_ipv6() -> None:
    async with receiver(host="::1") as there:
        outcome = await post(there.url())
    assert (outcome.status, outcome.address) == (200, "::1")


@in_a_loop
async def test_a_name_whose_first_address_is_dead(names: Callable[..., None]) -> None:
    names("127.0.0.2", "127.0.0.1")
    async with receiver() as there:
        outcome = await post(there.url(name=NAME))
    assert (outcome.status, outcome.address) == (200, "127.0.0.1")


@in_a_loop
async def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with receiver() as there, receiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert (await post(there.url())).delivered
    assert proxy.connections == 0
    assert b"authorization" not in there.heads[0].lower()


@in_a_loop
async def test_cookies_are_not_kept() -> None:
    async with receiver(response(200, Set_Cookie="session=1; Path=/")) as there, Sender(allow_private=True) as sender:
        for _ in range(2):
            await sender.post(there.url(name="localhost"), headers=HEADERS, body=BODY)
    assert not any(b"cookie" in head.lower() for head in there.heads)


@in_a_loop
async def test_connections_are_used_again() -> None:
    async with receiver(response(200, b"ok")) as there, Sender(allow_private=True) as sender:
        outcomes = [await sender.post(there.url(), headers=HEADERS, body=BODY) for _ in range(5)]
    assert [outcome.address for outcome in outcomes] == ["127.0.0.1"] * 5
    assert there.connections == 1
    assert len(there.bodies) == 5


@in_a_loop
async def test_a_kept_connection_that_the_receiver_closed_costs_no_attempt() -> None:
    """It answers one request on each connection, and leaves those after it without an answer."""
    served: set[Any] = set()

    async def once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if writer in served:
            writer.transport.abort()
            return
        served.add(writer)
        writer.write(response())

    async with receiver(once) as there, Sender(allow_private=True) as sender:
        outcomes = [await sender.post(there.url(), headers=HEADERS, body=BODY) for _ in range(3)]
    assert [outcome.status for outcome in outcomes] == [200, 200, 200]
    assert there.connections == 3


# What is answered


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299, 301, 304, 400, 404, 410, 429, 500, 503, 599])
@in_a_loop
async def test_every_status_is_an_outcome(status: int) -> None:
    outcome = await post_to(response(status))
    assert (outcome.status, outcome.error) == (status, "")
    assert outcome.delivered == (200 <= status < 300)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@in_a_loop
async def test_redirects_are_not_followed(status: int) -> None:
    async with receiver() as inward, receiver(response(status, Location=inward.url())) as there:
        outcome = await post(there.url())
    assert outcome.status == status
    assert not outcome.delivered
    assert inward.connections == 0


@in_a_loop
async def test_a_change_of_protocol_is_no_delivery() -> None:
    outcome = await post_to(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: tls\r\nConnection: upgrade\r\n\r\nwhat")
    assert (outcome.status, outcome.delivered) == (101, False)


@in_a_loop
async def test_interim_answers_are_passed_over() -> None:
    outcome = await post_to(b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + response(202))
    assert outcome.status == 202


@in_a_loop
async def test_the_first_kilobyte_of_an_answer_is_kept() -> None:
    text = bytes(range(256)) * 40
    outcome = await post_to(response(500, text))
    assert outcome.answer == text[:1024]


@in_a_loop
async def test_a_chunked_answer() -> None:
    outcome = await post_to(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
    assert (outcome.status, outcome.answer) == (200, b"abc")


@in_a_loop
async def test_an_answer_without_length_ends_with_the_connection() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nthanks")
        writer.close()

    outcome = await post_to(answer)
    assert (outcome.status, outcome.answer) == (200, b"thanks")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("315360000", 86_400.0),
        ("9" * 5_000, 86_400.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 86_400.0),
        ("Thu, 01 Jan 2099 00:00:00 -0000", 86_400.0),
        ("soon", None),
        ("", None),
        ("1e3", None),
        ("nan", None),
        ("１２", None),
        ("Thu, 99 Foo 2099 99:00:00 GMT", None),
    ],
)
@in_a_loop
async def test_retry_after(value: str, seconds: float | None) -> None:
    outcome = await post_to(f"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: {value}\r\n\r\n".encode())
    assert (outcome.status, outcome.retry_after) == (503, seconds)


@in_a_loop
async def test_retry_after_as_a_date() -> None:
    outcome = await post_to(response(429, Retry_After=format_datetime(datetime.now(UTC) + timedelta(minutes=2))))
    assert outcome.retry_after == pytest.approx(120, abs=3)


@given(value=st.text(max_size=40) | st.text("0123456789 -+:,GMTJanMonThu", max_size=40))
def test_any_retry_after_is_read_or_passed_over(value: str) -> None:
    seconds = _retry_after(value)
    assert seconds is None or 0 <= seconds <= 86_400


# Slow, broken and hostile receivers


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


def drip(beginning: bytes, piece: bytes) -> Callable[..., Any]:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        while True:
            await asyncio.sleep(DRIP)
            writer.write(piece)
            await writer.drain()

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        hang,
        drip(b"", b"H"),
        drip(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["never answers", "drips its status", "drips a header", "drips headers", "is about to answer"],
)
@in_a_loop
async def test_the_time_out_is_by_the_clock(answer: Any) -> None:
    began = time.monotonic()
    outcome = await post_to(answer, timeout=0.4)
    assert time.monotonic() - began < 3
    assert outcome.error in ("timeout", "protocol")  # one byte at a time is a bad status line soon enough
    assert not outcome.delivered
    assert outcome.address == "127.0.0.1"


@in_a_loop
async def test_a_receiver_that_never_reads_leaves_no_connection_behind() -> None:
    """Not even with much of the body still unsent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        before = open_files()
        async with Sender(allow_private=True, timeout=0.4) as sender:
            inside = open_files()
            outcome = await sender.post(
                f"http://127.0.0.1:{server.getsockname()[1]}/", headers=HEADERS, body=b"x" * 8 * 2**20
            )
            await asyncio.sleep(0.05)
            assert open_files() == inside
    assert outcome.error == "timeout"
    assert open_files() <= before


@in_a_loop
async def test_a_receiver_that_answers_before_it_has_read_leaves_no_connection_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        async with Sender(allow_private=True) as sender:
            before = open_files()
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"
            attempt = asyncio.create_task(sender.post(url, headers=HEADERS, body=b"x" * 8 * 2**20))
            connection, _ = await asyncio.to_thread(server.accept)
            with connection:
                connection.sendall(response(200, b"thanks"))
                outcome = await attempt
                await asyncio.sleep(0.05)
                assert open_files() == before + 1  # the receiver's own end
    assert (outcome.status, outcome.answer) == (200, b"thanks")


@pytest.mark.parametrize(
    "answer",
    [
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b""),
    ],
    ids=["drips its body", "drips chunks", "stalls"],
)
@in_a_loop
async def test_the_status_is_enough_where_the_body_is_slow(answer: Any) -> None:
    began = time.monotonic()
    outcome = await post_to(answer)
    assert time.monotonic() - began < 3
    assert (outcome.status, outcome.error, outcome.delivered) == (200, "", True)


@in_a_loop
async def test_the_status_is_enough_where_the_body_breaks_off() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()

    outcome = await post_to(answer)
    assert (outcome.status, outcome.error, outcome.answer) == (200, "", b"only this")


@in_a_loop
async def test_an_answer_of_ten_gigabytes_is_not_read() -> None:
    sent = 0

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        piece = b"x" * 65_536
        while True:
            writer.write(piece)
            sent += len(piece)
            await writer.drain()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = await post_to(answer)
    assert outcome.delivered
    assert outcome.answer == b"x" * 1024
    assert sent < 64 * 2**20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@in_a_loop
async def test_a_compression_bomb_is_not_inflated() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    outcome = await post_to(response(200, bomb, Content_Encoding="gzip"))
    assert outcome.delivered
    assert outcome.answer == bomb[:1024]


GARBAGE = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "binary": bytes(range(256)) * 4,
    "a bad status": b"HTTP/1.1 two-hundred OK\r\n\r\n",
    "a bad length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "an endless header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
@in_a_loop
async def test_what_is_no_http(answer: bytes) -> None:
    outcome = await post_to(answer)
    assert (outcome.status, outcome.error, outcome.delivered, outcome.ours) == (None, "protocol", False, False)


@in_a_loop
async def test_a_connection_that_is_closed_or_reset() -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    for answer in (close, reset):
        outcome = await post_to(answer)
        assert (outcome.status, outcome.error, outcome.address) == (None, "reset", "127.0.0.1")


@in_a_loop
async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    outcome = await post(f"http://127.0.0.1:{port}/")
    assert (outcome.status, outcome.error, outcome.address) == (None, "refused", "127.0.0.1")
    assert not outcome.ours


@in_a_loop
async def test_one_that_hangs_does_not_hold_up_the_others() -> None:
    async with receiver(hang) as bad, receiver() as good, Sender(allow_private=True, timeout=1.5) as sender:
        hanging = [asyncio.create_task(sender.post(bad.url(), headers=HEADERS, body=BODY)) for _ in range(100)]
        await asyncio.sleep(0)
        outcomes = await asyncio.gather(*(sender.post(good.url(), headers=HEADERS, body=BODY) for _ in range(100)))
        assert not any(attempt.done() for attempt in hanging)
        assert all(outcome.delivered for outcome in outcomes)
        assert {outcome.error for outcome in await asyncio.gather(*hanging)} == {"timeout"}


@in_a_loop
async def test_an_attempt_can_be_cancelled() -> None:
    async with receiver(hang) as there, Sender(allow_private=True) as sender:
        before = open_files()
        task = asyncio.create_task(sender.post(there.url(), headers=HEADERS, body=BODY))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.05)
        assert open_files() <= before


# TLS


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
        assert time.monotonic() - began < 3
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


# Where it goes


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "localhost", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "169.254.169.254", "10.0.0.1"],
)
@in_a_loop
async def test_inward_urls_are_not_dialled(host: str) -> None:
    outcome = await post(f"https://{host}/", allow_private=False)
    assert (outcome.status, outcome.error, outcome.address) == (None, "inward", None)


@pytest.mark.parametrize(
    "url",
    [
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://user@example.com/",
        "http://example.com/",
        "",
    ],
)
@in_a_loop
async def test_urls_that_could_not_have_been_saved_are_not_dialled(url: str) -> None:
    outcome = await post(url, allow_private=False)
    assert (outcome.status, outcome.error, outcome.address) == (None, "invalid", None)


@pytest.mark.parametrize("found", [("93.184.215.14", "127.0.0.1"), ("127.0.0.1",), ("2606:4700:4700::1111", "::1")])
@in_a_loop
async def test_a_name_with_any_inward_address_is_not_dialled(
    names: Callable[..., None], found: tuple[str, ...]
) -> None:
    names(*found)
    async with receiver() as there:
        outcome = await post(there.url("https", NAME), allow_private=False)
    assert (outcome.status, outcome.error, outcome.address) == (None, "inward", None)
    assert there.connections == 0


@in_a_loop
async def test_a_name_that_has_turned_inward_since_it_was_saved(names: Callable[..., None]) -> None:
    async with receiver() as there:
        url = there.url("https", NAME)
        names("93.184.215.14")
        await asyncio.to_thread(addresses.check_url, url, allow_private=False)
        names("127.0.0.1")
        outcome = await post(url, allow_private=False)
    assert outcome.error == "inward"
    assert there.connections == 0


@in_a_loop
async def test_a_name_is_looked_up_once_for_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what is dialled is what was judged, whatever a second look-up would find."""
    found = iter(["127.0.0.1", "10.255.255.1"])
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda _, port, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(found), port))],
    )
    async with receiver() as there:
        outcome = await post(there.url(name=NAME))
    assert (outcome.status, outcome.address) == (200, "127.0.0.1")
    assert next(found) == "10.255.255.1"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", NAME])
@in_a_loop
async def test_the_last_guard_holds_alone(
    monkeypatch: pytest.MonkeyPatch, names: Callable[..., None], host: str
) -> None:
    """Where neither the URL nor the name was judged."""
    names("127.0.0.1")
    monkeypatch.setattr(sender_module, "parse", lambda url, **_: URL(url))
    async with Sender(allow_private=False) as sender, receiver() as there:
        sender._resolver._allow_private = True
        outcome = await sender.post(f"http://{host}:{there.port}/", headers=HEADERS, body=BODY)
    assert (outcome.status, outcome.error, outcome.address) == (None, "inward", None)
    assert there.connections == 0


# Look-ups


@in_a_loop
async def test_a_name_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    outcome = await post(f"https://{NAME}/")
    assert (outcome.status, outcome.error, outcome.ours) == (None, "dns", False)


@in_a_loop
async def test_a_name_that_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """More posts to it than there are threads to look names up."""
    let_go = threading.Event()
    hung = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        if host == "hangs.example.com":
            hung.append(host)
            let_go.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(resolver, "LOOKUP_THREADS", 4)
    async with receiver() as there, Sender(allow_private=True, connect_timeout=1.0) as sender:
        bad = [
            asyncio.create_task(sender.post("https://hangs.example.com/", headers=HEADERS, body=BODY))
            for _ in range(50)
        ]
        await asyncio.sleep(0)
        good = [
            sender.post(there.url(name=f"good-{number}.example.com"), headers=HEADERS, body=BODY)
            for number in range(50)
        ]
        assert all(outcome.delivered for outcome in await asyncio.gather(*good))
        assert not any(attempt.done() for attempt in bad)
        assert {(outcome.error, outcome.ours) for outcome in await asyncio.gather(*bad)} == {("dns", False)}
        let_go.set()
    assert hung == ["hangs.example.com"]


@in_a_loop
async def test_no_thread_left_to_look_a_name_up_is_our_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        let_go.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(resolver, "LOOKUP_THREADS", 2)
    async with Sender(allow_private=True, timeout=2.0, connect_timeout=0.3) as sender:
        posts = (sender.post(f"https://h{one}.example.com/", headers=HEADERS, body=BODY) for one in range(6))
        outcomes = await asyncio.gather(*posts)
        let_go.set()
    assert sorted(outcome.error for outcome in outcomes) == ["dns"] * 2 + ["local"] * 4
    assert [outcome.ours for outcome in outcomes if outcome.error == "local"] == [True] * 4


@contextmanager
def no_file_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (max(int(one.name) for one in Path("/proc/self/fd").iterdir()) + 8, hard)
    )
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        for one in taken:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@in_a_loop
async def test_no_file_descriptor_left_is_our_own_fault() -> None:
    async with receiver() as there, Sender(allow_private=True) as sender:
        with no_file_descriptor_left():
            outcome = await sender.post(there.url(), headers=HEADERS, body=BODY)
        assert (outcome.error, outcome.ours, outcome.delivered) == ("local", True, False)
        assert (await sender.post(there.url(), headers=HEADERS, body=BODY)).delivered


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.ETIMEDOUT, "timeout"),
        (errno.ECONNREFUSED, "refused"),
        (errno.ECONNRESET, "reset"),
        (errno.ENFILE, "local"),
        (errno.ENOMEM, "local"),
    ],
)
@in_a_loop
async def test_what_the_network_says(monkeypatch: pytest.MonkeyPatch, number: int, word: str) -> None:
    async def sock_connect(*_: Any) -> None:
        raise OSError(number, "as the system says it")

    async with Sender(allow_private=True) as sender:
        monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", sock_connect)
        outcome = await sender.post("http://127.0.0.1:9/", headers=HEADERS, body=BODY)
    assert outcome.error == word


@in_a_loop
async def test_a_fault_in_this_program_is_an_outcome_and_logged(monkeypatch: pytest.MonkeyPatch, logged: Any) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(sender_module, "parse", broken)
    outcome = await post("https://example.com/")
    assert (outcome.error, outcome.delivered, outcome.ours) == ("internal", False, False)
    assert "delivery_fault" in logged()
