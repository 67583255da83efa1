"""From the Authorization header to a principal, by the kind of token (contract §1)."""

import re
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string

from api import credentials
from api.errors import Malformed, Unauthenticated
from api.principals import ApiPrincipal

BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)  # RFC 6750 §2.1
OTHER_SCHEME = re.compile(r"(?!bearer\b)[!#$%&'*+.^_`|~0-9A-Za-z-]+ +\S.*", re.IGNORECASE)


def authenticate(request: HttpRequest) -> ApiPrincipal:
    """The principal whose token the request carries; one query.

    Raises Unauthenticated (401) or, where the header cannot be read at all, Malformed (400).
    """
    header = request.META.get("HTTP_AUTHORIZATION")
    if header is None:
        raise Unauthenticated
    match = BEARER.fullmatch(header.strip())
    if not match:
        if OTHER_SCHEME.fullmatch(header.strip()):
            raise Unauthenticated
        raise Malformed("The Authorization header must read: Bearer <token>.", code="malformed_authorization")
    token = match[1]
    lookup = _authenticators().get(credentials.kind_of(token) or "")
    principal = lookup(token) if lookup else None
    if principal is None:
        raise Unauthenticated("The token is unknown, expired or revoked.", code="invalid_token")
    return principal


@cache
def _authenticators() -> dict[str, Callable[[str], ApiPrincipal | None]]:
    """By settings, so that this package imports no app."""
    return {kind: import_string(path) for kind, path in settings.API_AUTHENTICATORS.items()}
