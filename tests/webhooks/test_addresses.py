"""Where deliveries may go: every way of writing an inward address, and every name that leads to one."""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.webhooks.receivers import resolve_names
from webhooks import addresses
from webhooks.addresses import Refused, check_url, is_inward, parse

INWARD = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.9",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700:4700::1111%eth0",
    "fec0::1",
    "feff::1",
    "ff02::1",
    "ff0e::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "",
    "localhost",
    "127.1",
    "0177.0.0.1",
    "not an address",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.15",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]
INWARD_IPV4 = st.one_of(
    *(
        st.ip_addresses(v=4, network=network)
        for network in (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "224.0.0.0/4",
            "240.0.0.0/4",
        )
    )
)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")

DISGUISES: dict[str, Callable[[int], str]] = {
    "dotted": lambda number: str(ipaddress.IPv4Address(number)),
    "with a dot after it": lambda number: f"{ipaddress.IPv4Address(number)}.",
    "decimal": str,
    "hexadecimal": lambda number: f"0x{number:x}",
    "upper case hexadecimal": lambda number: f"0X{number:X}",
    "octal": lambda number: f"0{number:o}",
    "octal parts": lambda number: ".".join(f"0{part:o}" for part in number.to_bytes(4)),
    "long octal parts": lambda number: ".".join(f"{part:08o}" for part in number.to_bytes(4)),
    "hexadecimal parts": lambda number: ".".join(f"0x{part:x}" for part in number.to_bytes(4)),
    "two parts": lambda number: f"{number >> 24}.{number & 0xFFFFFF}",
    "three parts": lambda number: f"{number >> 24}.{number >> 16 & 0xFF}.{number & 0xFFFF}",
    "mixed parts": lambda number: f"0x{number >> 24:x}.0{number >> 16 & 0xFF:o}.{number & 0xFFFF}",
    "full-width digits": lambda number: str(ipaddress.IPv4Address(number)).translate(FULL_WIDTH),
    "full-width decimal": lambda number: str(number).translate(FULL_WIDTH),
    "ideographic dots": lambda number: str(ipaddress.IPv4Address(number)).replace(".", "。"),
    "half-width dots": lambda number: str(ipaddress.IPv4Address(number)).replace(".", "｡"),
    "percent-encoded": lambda number: "".join(f"%{ord(letter):x}" for letter in str(ipaddress.IPv4Address(number))),
    "mapped": lambda number: f"[::ffff:{ipaddress.IPv4Address(number)}]",
    "mapped in hexadecimal": lambda number: f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]",
    "written out": lambda number: f"[0:0:0:0:0:ffff:{number >> 16:x}:{number & 0xFFFF:x}]",
    "compatible": lambda number: f"[::{ipaddress.IPv4Address(number)}]",
    "translated": lambda number: f"[::ffff:0:{ipaddress.IPv4Address(number)}]",
    "NAT64": lambda number: f"[64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}]",
    "local NAT64": lambda number: f"[64:ff9b:1::{number >> 16:x}:{number & 0xFFFF:x}]",
    "6to4": lambda number: f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::]",
    "Teredo's server": lambda number: f"[2001:0:{number >> 16:x}:{number & 0xFFFF:x}::]",
    "Teredo's client": lambda number: f"[2001::{(number ^ 0xFFFFFFFF) >> 16:x}:{(number ^ 0xFFFFFFFF) & 0xFFFF:x}]",
}
SHAPES = {
    "": "invalid",
    "example.com": "invalid",
    "//example.com": "invalid",
    "https:": "invalid",
    "https:example.com": "invalid",
    "https:/example.com": "invalid",
    "https://": "invalid",
    "https:///path": "invalid",
    "https://?q": "invalid",
    "https://:443/": "invalid",
    "https://.example.com/": "invalid",
    "https://example..com/": "invalid",
    "https://example.com../": "invalid",
    "https://example.com:/": "invalid",
    "https://example.com:0/": "invalid",
    "https://example.com:65536/": "invalid",
    "https://example.com:443443/": "invalid",
    "https://example.com:-1/": "invalid",
    "https://example.com:+443/": "invalid",
    "https://example.com:４４３/": "invalid",
    "https://example.com:https/": "invalid",
    "https://example.com:443:443/": "invalid",
    "https://-example.com/": "invalid",
    "https://example-.com/": "invalid",
    "https://exa%6dple.com/": "invalid",
    "https://example.com%00.evil.com/": "invalid",
    "https://exam!ple.com/": "invalid",
    "https://exam\u200bple.com/": "invalid",
    "https://exam\u00adple.com/": "invalid",
    "https://example．com／evil/": "invalid",
    "https://example.com&@evil.com/": "user_info",
    "https://[::1/": "invalid",
    "https://::1/": "invalid",
    "https://[]/": "invalid",
    "https://[::1]evil.com/": "invalid",
    "https://evil.com[::1]/": "invalid",
    "https://[:::]/": "invalid",
    "https://[v1.fe80]/": "invalid",
    "https://[fe80::1%25eth0]/": "invalid",
    "https://[fe80::1%eth0]/": "invalid",
    "https://example.com/#fragment": "invalid",
    "https://example.com/#": "invalid",
    "https://example.com#@evil.com/": "invalid",
    "https://example.com\\@evil.com/": "invalid",
    "https:\\\\example.com/": "invalid",
    "https://example.com/a b": "invalid",
    " https://example.com/": "invalid",
    "https://example.com/ ": "invalid",
    "https://exa\tmple.com/": "invalid",
    "https://example.com/\r\nHost: evil.com": "invalid",
    "https://example.com/\x00": "invalid",
    "https://example.com/\x7f": "invalid",
    "https://example.com/\u2028": "invalid",
    "https://example.com/\ud800": "invalid",
    "https://user@example.com/": "user_info",
    "https://user:password@example.com/": "user_info",
    "https://@example.com/": "user_info",
    "https://:@example.com/": "user_info",
    "https://user:p@ss@example.com/": "user_info",
    "http://example.com/": "scheme",
    "HTTP://example.com/": "scheme",
    "ftp://example.com/": "scheme",
    "file:///etc/passwd": "scheme",
    "gopher://example.com/": "scheme",
    "wss://example.com/": "scheme",
    "https+unix://example.com/": "scheme",
    "://example.com/": "scheme",
    "https://localhost/": "inward",
    "https://LOCALHOST/": "inward",
    "https://localhost./": "inward",
    "https://ｌｏｃａｌｈｏｓｔ/": "inward",
    "https://app.localhost/": "inward",
    "https://printer.local/": "inward",
    "https://metadata.google.internal/": "inward",
    "https://router.home.arpa/": "inward",
    "https://home.arpa/": "inward",
    "https://intranet/": "inward",
    "https://db/": "inward",
    "https://kubernetes.default.svc.cluster.local/": "inward",
    "https://999.999.999.999/": "invalid",
    "https://1.2.3.4.5/": "invalid",
    "https://example.123/": "invalid",
    "https://example.0x/": "invalid",
    "https://" + "a" * 64 + ".com/": "invalid",
    "https://" + "a.b" * 100 + ".com/": "invalid",
    "https://example.com/" + "x" * 2_000: "invalid",
}
ACCEPTED = [
    "https://example.com",
    "https://example.com/",
    "https://example.com./hook",
    "https://example.com:8443/hook?key=value&other=%20",
    "HTTPS://EXAMPLE.COM/Hook",
    "https://a_b.example.com/",
    "https://bücher.example/",
    "https://xn--bcher-kva.example/",
    "https://例え.example/フック",
    "https://example.com/a@b",
    "https://example.com?a@b",
    "https://0x7f.example.com/",
    "https://127.0.0.1.example.com/",
    "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]:8443/",
    "https://example.com/" + "x" * 1_980,
]
PRIVATE = [
    "http://localhost:8000/hook",
    "http://127.0.0.1:8000/",
    "http://[::1]:8000/",
    "https://receiver/",
    "http://receiver.internal/",
    "http://10.0.0.7/",
]


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says what every name resolves to: public addresses, unless told otherwise."""
    resolve_to = partial(resolve_names, monkeypatch)
    resolve_to("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c")
    return resolve_to


def refusal(url: str, *, allow_private: bool = False) -> str:
    """The code that a URL is refused with; empty if it is not."""
    try:
        check_url(url, allow_private=allow_private)
    except Refused as refused:
        return refused.code
    return ""


@pytest.mark.parametrize("address", INWARD)
def test_an_address_in_a_private_network_is_inward(address: str) -> None:
    assert is_inward(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_in_public_is_not(address: str) -> None:
    assert not is_inward(address)
    assert not is_inward(ipaddress.ip_address(address))


@given(address=st.ip_addresses(v=4))
def test_an_address_that_carries_another_is_never_less_inward(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    assert is_inward(mapped) == is_inward(address)
    assert is_inward(f"64:ff9b::{address}") == is_inward(address)
    for carrier in ("::", "64:ff9b:1::", "64:ff9b:1:ffff::", "::ffff:0:"):
        assert is_inward(f"{carrier}{address}")


@given(address=st.ip_addresses())
def test_what_python_holds_for_inward_is(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assume(not any(address in network for network in addresses.CARRIES_IPV4))
    unfit = (
        address.is_private,
        address.is_loopback,
        address.is_link_local,
        address.is_multicast,
        address.is_reserved,
        address.is_unspecified,
    )
    assert is_inward(address) or not any(unfit)


@pytest.mark.parametrize("disguise", DISGUISES)
@given(address=INWARD_IPV4)
def test_an_inward_address_is_refused_in_every_disguise(disguise: str, address: ipaddress.IPv4Address) -> None:
    host = DISGUISES[disguise](int(address))
    assert refusal(f"https://{host}/")
    assert refusal(f"https://{host}:8443/hook")


@pytest.mark.parametrize("address", [one for one in INWARD if ":" in one and "%" not in one])
def test_an_inward_address_in_brackets_is_refused(address: str) -> None:
    assert refusal(f"https://[{address}]/") == "inward"
    assert refusal(f"https://[{address.upper()}]:8443/") == "inward"
    assert refusal(f"https://[{ipaddress.ip_address(address).exploded}]/") == "inward"


@pytest.mark.parametrize(("url", "code"), SHAPES.items())
def test_urls_that_are_refused(url: str, code: str) -> None:
    assert refusal(url) == code


@pytest.mark.parametrize("url", ACCEPTED)
def test_urls_that_are_taken(url: str) -> None:
    assert refusal(url) == ""


@pytest.mark.parametrize("url", PRIVATE)
def test_local_trials_may_be_allowed(url: str, names: Callable[..., None]) -> None:
    names("127.0.0.1")
    assert refusal(url, allow_private=True) == ""
    assert refusal(url)


@pytest.mark.parametrize(
    "url", [url for url, code in SHAPES.items() if code in ("invalid", "user_info") and url.startswith("http")]
)
def test_local_trials_need_a_proper_url_too(url: str) -> None:
    assert refusal(url, allow_private=True) == SHAPES[url]


@given(text=st.text(max_size=60) | st.text("https:/@[]%#?\\.:-_01af ", max_size=40).map("https://".__add__))
def test_no_text_is_more_than_refused(text: str) -> None:
    for allow_private in (True, False):
        refusal(text, allow_private=allow_private)


@given(
    authority=st.text("abcx019.-_:[]@%／。．", min_size=1, max_size=24),
    rest=st.sampled_from(["", "/", "?q", "/a@b", "/a:1"]),
)
def test_other_parsers_find_the_same_host_in_what_is_taken(authority: str, rest: str) -> None:
    try:
        taken = parse(f"https://{authority}{rest}", allow_private=True)
    except Refused:
        return
    assume(authority.isascii())
    other = urlsplit(f"https://{authority}{rest}")
    assert other.hostname == taken.host
    assert (other.port or 443) == taken.port


def test_one_inward_address_among_public_ones_is_enough(names: Callable[..., None]) -> None:
    names("93.184.215.14", "10.0.0.1")
    assert refusal("https://example.com/") == "inward"
    names("2606:4700:4700::1111", "::ffff:127.0.0.1")
    assert refusal("https://example.com/") == "inward"
    names("fe80::1%eth0")
    assert refusal("https://example.com/") == "inward"


@pytest.mark.parametrize(
    "failure", [socket.gaierror(socket.EAI_NONAME, "no such name"), OSError("broken"), UnicodeError("label too long")]
)
def test_a_name_that_does_not_resolve_yet_is_taken(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise failure

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert refusal("https://example.com/") == ""


def test_a_resolver_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """More at once than there are threads to look names up."""
    let_go = threading.Event()

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        let_go.wait(30)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(addresses, "LOOKUP_SECONDS", 0.2)
    taken: list[str] = []
    callers = [threading.Thread(target=lambda: taken.append(refusal("https://example.com/"))) for _ in range(40)]
    began = time.monotonic()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    let_go.set()
    assert taken == [""] * 40
    assert time.monotonic() - began < 20
