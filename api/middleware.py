"""What is truly every request's: an id to quote to support."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

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
