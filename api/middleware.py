"""What is truly every request's: an id to quote to support. And probes, which are nobody's request."""

import re
import uuid
from collections.abc import Callable
from typing import ClassVar

from django.http import HttpRequest, HttpResponse

from api import health

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class RequestIdMiddleware:
    """Keeps the caller's `X-Request-Id` if it is sane, else makes one; answers with it.

    It stands before the log middleware, which takes the id from the header, so that no caller writes into our logs.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request.META.get("HTTP_X_REQUEST_ID", "")
        if not SANE_REQUEST_ID.fullmatch(request_id):
            request_id = request.META["HTTP_X_REQUEST_ID"] = str(uuid.uuid4())
        response = self.get_response(request)
        response.headers["X-Request-Id"] = request_id
        return response


class ProbeMiddleware:
    """Answers probes before anything judges the host or asks for TLS: they come to an address, without a name."""

    probes: ClassVar = {"/healthz": health.healthz, "/readyz": health.readyz}

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.probes.get(request.path_info, self.get_response)(request)
