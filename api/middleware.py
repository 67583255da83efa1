"""What is truly every request's: an id to quote to support, and a line in the log. And probes, nobody's requests."""

import codecs
import re
import time
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

import structlog
from django.conf import settings
from django.core.signals import got_request_exception
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from api import counts, health, metrics

logger = structlog.get_logger(__name__)
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
OPENS_A_DOOR = re.compile(r"(/files/|/s/).+", re.DOTALL)
"""What follows these in a path: a signed link to a file, a consumer's private link."""
READABLE = ("utf-8", "iso8859-1", "cp1252", "ascii")
"""Forms in any other encoding are read as UTF-8: not all that Python knows by that name read any bytes, or give text
that can be written."""


class RequestMiddleware:
    """Keeps the caller's `X-Request-Id` if it is sane, else makes one; answers with it, and logs one line at the end.

    Everything logged in between carries the id, in Celery's tasks too. The line has no query string: those hold e-mail
    addresses. Nor has it what opens a door, or an agent's slug, which is a name.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        request_id = request.META.get("HTTP_X_REQUEST_ID", "")
        if not SANE_REQUEST_ID.fullmatch(request_id):
            request_id = str(uuid.uuid4())
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        # Django knows a form by small letters alone.
        kind, semicolon, parameters = request.META.get("CONTENT_TYPE", "").partition(";")
        request.META["CONTENT_TYPE"] = kind.lower() + semicolon + parameters
        if request.encoding and codecs.lookup(request.encoding).name not in READABLE:
            request.encoding = settings.DEFAULT_CHARSET
        response = self.get_response(request)
        response.headers["X-Request-Id"] = request_id
        seconds = time.perf_counter() - begun
        counts.request(request, response.status_code, seconds)
        log = logger.error if response.status_code >= 500 else logger.info
        log(
            "request_finished",
            request=f"{request.method} {_told(request)}",
            code=response.status_code,
            ms=round(seconds * 1000, 1),
        )
        return response


def _told(request: HttpRequest) -> str:
    """The path, as far as the log may hold it: of one that leads nowhere, how it begins; the rest may be anything."""
    match = request.resolver_match
    if match is None or match.url_name == "nowhere":
        first, slash, _ = request.path[1:].partition("/")
        return f"/{first if first in settings.SLUG_RESERVED else '…'}{slash and '/…'}"
    path = OPENS_A_DOOR.sub(r"\1…", request.path)
    for name in ("slug", "url"):  # the second is what the admin does not know
        if value := match.kwargs.get(name):
            path = path.replace(value, f"<{name}>", 1)
    return path


@receiver(got_request_exception)
def log_failure(**_: Any) -> None:
    """What no view foresaw, outside of the API, whose own base view logs (api.errors)."""
    logger.error("request_failed", exc_info=True)  # noqa: LOG014 - sent while the exception is handled


class ProbeMiddleware:
    """Answers probes before anything judges the host or asks for TLS: they come to an address, without a name."""

    probes: ClassVar = {"/healthz": health.healthz, "/readyz": health.readyz, "/metrics": metrics.metrics}

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.probes.get(request.path_info, self.get_response)(request)
