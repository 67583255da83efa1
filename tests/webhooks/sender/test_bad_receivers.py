"""Receivers that are slow, broken or hostile cost a bounded time, and no more than one answer."""

import asyncio
import errno
import gzip
import os
import resource
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.receivers import hang, in_a_loop, receiver, response
from tests.webhooks.sender.posts import BODY, HEADERS, open_files, post, post_to
from webhooks.delivery import sender as sender_module
from webhooks.delivery.sender import Sender

DRIP = 0.05


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
        drip(b"HTTP/1.1 200 O", b"K"),
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
    assert time.monotonic() - began < 10
    assert (outcome.status, outcome.error, outcome.address) == (None, "timeout", "127.0.0.1")


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
    assert time.monotonic() - began < 10
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
    async with receiver(hang) as bad, receiver() as good, Sender(allow_private=True) as sender:
        hanging = [asyncio.create_task(sender.post(bad.url(), headers=HEADERS, body=BODY)) for _ in range(100)]
        await asyncio.sleep(0)
        outcomes = await asyncio.gather(*(sender.post(good.url(), headers=HEADERS, body=BODY) for _ in range(100)))
        assert not any(attempt.done() for attempt in hanging)
        assert all(outcome.delivered for outcome in outcomes)
        for attempt in hanging:
            attempt.cancel()


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
