"""Whose address a request comes from, as far as it can be believed."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "0.0.0.0"  # noqa: S104 - a name for "no address" (a Unix socket), not something to bind to


def client_address(request: HttpRequest) -> str:
    """The caller's address; an IPv6 one as its /64 network, since a caller owns all of that.

    Behind `TRUSTED_PROXY_COUNT` proxies it is that entry of `X-Forwarded-For`, counted from the right: what
    stands further left was written by the caller. A header that is shorter or unreadable is not believed.
    """
    address = request.META.get("REMOTE_ADDR", "")
    count = settings.TRUSTED_PROXY_COUNT
    if count:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(forwarded) >= count:
            address = forwarded[-count].strip() or address
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return UNKNOWN
    if parsed.version == 6:
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network(f"{parsed.compressed.split('%')[0]}/64", strict=False).network_address)
    return str(parsed)
