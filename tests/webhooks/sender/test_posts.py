"""What is sent: once, as it is, with nothing from the surroundings."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.receivers import in_a_loop, receiver, response
from tests.webhooks.sender.posts import BODY, HEADERS, NAME, open_files, post
from webhooks.delivery import sender as sender_module
from webhooks.delivery.sender import Sender


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
    assert 0 <= outcome.duration_ms < 10_000


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
async def test_so_many_connections_are_kept_and_no_more_however_many_receivers_there_are(
    monkeypatch: pytest.MonkeyPatch, names: Callable[..., None]
) -> None:
    monkeypatch.setattr(sender_module, "MAX_KEPT", 3)
    names("127.0.0.1")
    async with receiver() as there, Sender(allow_private=True) as sender:
        before = open_files()
        for number in [*range(10), 0]:
            url = there.url(name=f"receiver-{number}.example.com")
            assert (await sender.post(url, headers=HEADERS, body=BODY)).delivered
        await asyncio.sleep(0.1)
        assert open_files() == before + 2 * 3  # both ends of each
        assert there.connections == 10  # the first was kept


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
