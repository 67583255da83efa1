"""Where it goes: to the addresses that were judged, and never inward."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from yarl import URL

from tests.webhooks.receivers import in_a_loop, receiver, response
from tests.webhooks.sender.posts import BODY, HEADERS, NAME, post
from webhooks import addresses
from webhooks.delivery import resolver
from webhooks.delivery import sender as sender_module
from webhooks.delivery.sender import Sender


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
async def test_a_name_is_looked_up_once_for_each_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what is dialled is what was judged, and was judged just now."""
    looked_up: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with receiver(response(200, Connection="close")) as there, Sender(allow_private=True) as sender:
        for number in (1, 2):
            assert (await sender.post(there.url(name=NAME), headers=HEADERS, body=BODY)).delivered
            assert looked_up == [NAME] * number
    assert there.connections == 2


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
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(resolver, "LOOKUP_THREADS", 4)
    async with receiver() as there, Sender(allow_private=True) as sender:
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
        let_go.set()
        assert {(outcome.error, outcome.ours) for outcome in await asyncio.gather(*bad)} == {("dns", False)}
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
