"""Every endpoint there is, read from the URL configuration, so that a new one cannot be left out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from api.operations import Operation
from api.views import ApiView


@dataclass(frozen=True)
class Endpoint:
    method: str
    route: str
    """As a path with its parameters named: `/v1/agencies/{agency_id}`."""
    operation: Operation


def views() -> Iterator[tuple[str, type[ApiView]]]:
    """The route and view class of every path of the API."""
    for route, callback in _patterns(get_resolver().url_patterns, "/"):
        view = getattr(callback, "cls", getattr(callback, "view_class", None))
        if isinstance(view, type) and issubclass(view, ApiView):
            yield route, view


def endpoints() -> list[Endpoint]:
    return [
        Endpoint(method, route, operation) for route, view in views() for method, operation in view.operations.items()
    ]


def _patterns(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, route)
        else:
            yield route, pattern.callback
