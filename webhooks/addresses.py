"""Where deliveries may go: to public addresses, and never into the network that this runs in.

A URL is judged when it is saved (`check_url`) and again each time it is dialled (webhooks.delivery.sender), because
what a name resolves to may change between the two. Whatever is not surely public is refused.
"""

import re
import socket
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from yarl import URL

MAX_URL = 2_000
MAX_HOST = 253
LOOKUP_SECONDS = 2.0

# `is_global` alone will not do: what it takes for public differs between the versions of Python (3.11 passes 64:ff9b::,
# 2002::, fec0::, ::127.0.0.1, 192.88.99.1, 224.0.0.1), and it knows no cloud's own addresses.
INWARD_IPV4 = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; some clouds' metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform services
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved; broadcast
    )
)
# All that is given out for use in public; loopback, fc00::, fe80::, ff00:: are not in it.
PUBLIC_IPV6 = ip_network("2000::/3")
INWARD_IPV6 = tuple(
    ip_network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments; Teredo, which carries an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries an IPv4 address
        "3fff::/20",  # documentation
    )
)
# The two ways of writing an IPv4 address that ends at that address: they are judged by it. An IPv6-only network reaches
# IPv4 receivers by NAT64 and no other way. All others (6to4, Teredo, ::a.b.c.d, 64:ff9b:1::) are out of use or local.
CARRIES_IPV4 = (ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96"))

INWARD_NAMES = frozenset(
    {"localhost", "local", "internal", "localdomain", "intranet", "lan", "home", "corp", "private"}
)
HOME = ("home", "arpa")

AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@%]+)(?::([0-9]{1,5}))?", re.IGNORECASE | re.ASCII)
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

_lookups = ThreadPoolExecutor(max_workers=16, thread_name_prefix="webhook-lookup")


class Refused(ValueError):
    """A URL that nothing is delivered to. `code` is stable, `message` is for the one who wrote the URL."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


def is_inward(address: str | IPv4Address | IPv6Address) -> bool:
    """Whether an address is anything but surely public; so is what is no address, or names an interface (`%eth0`)."""
    try:
        judged = ip_address(address)
    except ValueError:
        return True
    if isinstance(judged, IPv6Address):
        if judged.scope_id is not None:
            return True
        if not any(judged in network for network in CARRIES_IPV4):
            return not _is_public_ipv6(judged)
        judged = IPv4Address(int(judged) & 0xFFFF_FFFF)
    return not judged.is_global or any(judged in network for network in INWARD_IPV4)


def _is_public_ipv6(address: IPv6Address) -> bool:
    return address.is_global and address in PUBLIC_IPV6 and not any(address in network for network in INWARD_IPV6)


def check_url(url: str, *, allow_private: bool) -> None:
    """Raises Refused for a URL that must not be saved: invalid, scheme, user_info, inward.

    The name is looked up once, for two seconds at most. One that does not resolve by then is let through: it is judged
    again before anything is sent.
    """
    host = parse(url, allow_private=allow_private).raw_host or ""
    if not allow_private and any(is_inward(address) for address in _resolved_soon(host)):
        raise _inward()


@lru_cache(maxsize=4096)
def parse(url: str, *, allow_private: bool) -> URL:
    """The URL as the HTTP client reads it, judged by all that can be known without a look-up. Raises Refused.

    What is judged is what the client's own parser made of it, so that no two parsers can disagree about the host.
    """
    scheme, authority = _parts(url)
    if scheme not in ({"http", "https"} if allow_private else {"https"}):
        raise Refused("scheme", "A URL that begins with https://.")
    if "@" in authority:
        raise Refused("user_info", "A URL without a user name and password.")
    written = AUTHORITY.fullmatch(authority)
    if written is None or not 0 < int(written[2] or 443) <= 65_535:
        raise _invalid()
    try:
        parsed = URL(url)
    except ValueError as failure:  # IDNA's errors too
        raise _invalid() from failure
    _check_host(parsed.raw_host or "", allow_private=allow_private)
    return parsed


def resolve(host: str) -> list[str]:
    """Every address of a host, as text. Blocks. Raises OSError where there is none."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except UnicodeError as failure:  # a label that no name can have
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from failure
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _parts(url: str) -> tuple[str, str]:
    """Scheme and authority."""
    if len(url) > MAX_URL:
        raise Refused("invalid", f"At most {MAX_URL} characters.")
    if "\\" in url or "#" in url or any(unicodedata.category(letter)[0] in "CZ" for letter in url):
        raise Refused("invalid", "A URL without spaces, control characters, backslashes and fragment.")
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise _invalid()
    return scheme.lower(), re.split(r"[/?]", rest, maxsplit=1)[0]


def _check_host(host: str, *, allow_private: bool) -> None:
    """`host` as the parser left it: lower case, IDNA made ASCII, an IPv6 address without its brackets."""
    try:
        literal = ip_address(host)
    except ValueError:
        _check_name(host, allow_private=allow_private)
    else:
        if not allow_private and is_inward(literal):
            raise _inward()


def _check_name(host: str, *, allow_private: bool) -> None:
    name = host.removesuffix(".")
    labels = name.split(".")
    if len(name) > MAX_HOST or not all(LABEL.fullmatch(label) for label in labels):
        raise _invalid()
    # Resolvers take 2130706433, 0177.1, 0x7f.0.0.1 and 127.1 for addresses; no top-level domain is a number.
    if NUMBER.fullmatch(labels[-1]):
        raise Refused("invalid", "Write an IPv4 address as four decimal numbers.")
    if not allow_private and _is_inward_name(labels):
        raise _inward()


def _is_inward_name(labels: Sequence[str]) -> bool:
    return len(labels) == 1 or labels[-1] in INWARD_NAMES or tuple(labels[-2:]) == HOME


def _resolved_soon(host: str) -> list[str]:
    """No address where the look-up fails or takes too long: a thread that hangs in one cannot be stopped, only left."""
    try:
        lookup = _lookups.submit(resolve, host)
    except RuntimeError:  # no more threads to be had
        return []
    try:
        return lookup.result(timeout=LOOKUP_SECONDS)
    except OSError:  # TimeoutError is one
        lookup.cancel()
        return []


def _invalid() -> Refused:
    return Refused("invalid", "A complete URL with a valid host and port, such as https://example.com/webhooks.")


def _inward() -> Refused:
    return Refused("inward", "A URL on the public internet; this one leads into a private network.")
