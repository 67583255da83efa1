"""What is answered: every status, and how little of the rest is needed."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.receivers import in_a_loop, receiver, response
from tests.webhooks.sender.posts import post, post_to
from webhooks.delivery.sender import _retry_after


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
async def test_interim_answers_without_end_are_no_answer_and_hold_up_nobody() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000)
            await writer.drain()

    outcome = await post_to(answer)
    assert (outcome.status, outcome.error) == (None, "protocol")
    assert outcome.duration_ms < 5_000


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
async def test_retry_after_is_seconds_or_a_date_and_what_is_neither_is_passed_over(
    value: str, seconds: float | None
) -> None:
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
