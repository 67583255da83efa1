"""Every error, of any layer, leaves through here: `{"error": {"code", "message", "details", "request_id"}}`."""

import errno
import sys
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any

import structlog
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFilesSent,
)
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.template.response import TemplateResponse
from rest_framework import exceptions
from rest_framework.response import Response

from api import counts, ratelimits
from api.renderers import to_json

logger = structlog.get_logger(__name__)

# One message for "not yours" and "does not exist", so that ids cannot be probed (contract §1).
OUT_OF_REACH = "There is no such resource, or this credential does not reach it."

PROGRAMS = ("/v1/", "/oauth/", "/openapi.json", "/.well-known/")
MAX_DETAILS = 500
"""Values at fault that one answer names: a body has room for a hundred thousand."""
COOKIE_MISSING = (
    "Your browser did not send the cookie that protects this form. Allow cookies for this site, open the page again "
    "and send the form once more."
)
TITLES = {
    400: "That could not be read",
    403: "That is not possible",
    404: "This page is not available",
    405: "That is not possible",
    413: "That is too large",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Please try again shortly",
}
FOR_PEOPLE = {
    "malformed": "What your browser sent could not be read. Go back and send it once more.",
    "forbidden": "You may not do this.",
    "not_found": "Check the address for a typing mistake, or ask whoever gave it to you.",
    "too_large": "What you sent is larger than this page takes. Go back and send less at a time.",
    "rate_limited": "Too many requests came from your network. Wait a little, then try again.",
    "unavailable": "The service cannot answer just now; nothing was changed. Try again in a moment.",
    "internal": "Something went wrong on our side. If it happens again, tell us the number below.",
}
"""By the code of an error, what its page says; other errors speak for themselves."""


class ApiError(exceptions.APIException):
    """An error with its status, a stable machine-readable code, and headers of its own."""

    status_code = HTTPStatus.BAD_REQUEST
    code = "malformed"
    message = "The request could not be read."

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        details: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.message = message or self.message
        self.code = code or self.code
        self.details = details or []
        self.headers = headers or {}
        super().__init__(self.message, self.code)


class Malformed(ApiError):
    """400: what was sent cannot be read at all."""


class Unauthenticated(ApiError):
    """401: no credential, or an unknown, expired or revoked one."""

    status_code = HTTPStatus.UNAUTHORIZED
    code = "unauthenticated"
    message = "Send a bearer token: Authorization: Bearer <token>."

    def __init__(self, message: str = "", *, code: str = "") -> None:
        super().__init__(message, code=code, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(ApiError):
    """403: a good credential that may not do this."""

    status_code = HTTPStatus.FORBIDDEN
    code = "forbidden"
    message = OUT_OF_REACH


class Conflict(ApiError):
    """409: to be tried again, or with another Idempotency-Key."""

    status_code = HTTPStatus.CONFLICT
    code = "conflict"


class TooLarge(ApiError):
    """413: a body or file larger than its limit."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "too_large"
    message = "The body is larger than this endpoint takes."


class Invalid(ApiError):
    """422: a value that fails a rule. `field` is named as sent; without one the rule is about the resource itself."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid"

    def __init__(self, message: str, *, code: str = "invalid", field: str | None = None) -> None:
        details = [{"field": field, "code": code, "message": message}] if field else None
        super().__init__(message, code="invalid" if field else code, details=details)


class RateLimited(ApiError):
    """429: over the limit; the headers say until when."""

    status_code = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limited"
    message = "Too many requests; wait as many seconds as Retry-After says."


class Unavailable(ApiError):
    """503: the database or the storage of files is away or overburdened, or a disk is full; nothing was changed."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"
    message = "The service cannot answer just now; nothing was changed. Try again shortly."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "2"})


class ServerError(ApiError):
    """500: anything unforeseen."""

    status_code = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "internal"
    message = "Something went wrong on our side. Quote the request id to support."


def envelope(error: ApiError) -> dict[str, Any]:
    """The body of an error answer. Made once for each, so it is counted here."""
    counts.ERRORS.labels(int(error.status_code), error.code).inc()
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details:
        body["details"] = error.details
    body["request_id"] = structlog.contextvars.get_contextvars().get("request_id")
    return {"error": body}


def handle_exception(exc: Exception, context: dict[str, Any] | None = None) -> Response:
    """DRF's EXCEPTION_HANDLER: the answer to any exception."""
    error = _noted(exc)
    return Response(envelope(error), status=error.status_code, headers=error.headers)


def page_of_exception(request: HttpRequest, exc: Exception) -> HttpResponse:
    """The same as a page, for what only people see."""
    return _page(request, _noted(exc))


def as_api_error(exc: Exception) -> ApiError:
    """Any exception as one of ours."""
    match exc:
        case ApiError():
            return exc
        case exceptions.ValidationError():
            return _invalid(exc)
        case exceptions.MethodNotAllowed():
            return _like(exc, code="method_not_allowed")
        case exceptions.NotAcceptable():
            return _like(exc, code="not_acceptable", message="Answers are application/json; accept that.")
        case exceptions.UnsupportedMediaType():
            return _like(exc, code="unsupported_media_type")
        case exceptions.ParseError():
            return Malformed(str(exc.detail))
        case Http404():
            return _like(exceptions.NotFound(), code="not_found", message=OUT_OF_REACH)
        case PermissionDenied():
            return Forbidden()
        case RequestDataTooBig() | TooManyFilesSent():
            return TooLarge()
        case SuspiciousOperation() | BadRequest() | MultiPartParserError() | UnreadablePostError():
            return Malformed()
        case OperationalError() | InterfaceError():
            return Unavailable()
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EFBIG):  # no room for a file on its way
            return Unavailable()
        case _:
            return ServerError()


def violated_constraint(error: IntegrityError) -> str | None:
    """The name of the constraint that the database says was violated."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)


def _noted(exc: Exception) -> ApiError:
    """One of ours, logged where it is our fault."""
    error = as_api_error(exc)
    if error.status_code >= 500:
        logger.error("request_failed", code=error.code, exc_info=exc)
    return error


def _like(exc: exceptions.APIException, *, code: str, message: str = "") -> ApiError:
    error = ApiError(message or str(exc.detail), code=code)
    error.status_code = HTTPStatus(exc.status_code)
    return error


def _invalid(exc: exceptions.ValidationError) -> ApiError:
    details = list(islice(_flatten(exc.detail, ""), MAX_DETAILS + 1))
    if len(details) == 1:
        message = f"{details[0]['field']}: {details[0]['message']}"
    elif len(details) > MAX_DETAILS:
        details.pop()
        message = f"More than {MAX_DETAILS} values are not valid; details names the first of them."
    else:
        message = f"{len(details)} values are not valid; details names each."
    error = ApiError(message, code="invalid", details=details)
    error.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    return error


def _flatten(detail: Any, path: str) -> Iterator[dict[str, str]]:
    """DRF's nested errors as a flat list, nested names dotted."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            here = path if name == "non_field_errors" else f"{path}.{name}" if path else str(name)
            yield from _flatten(inner, here)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from _flatten(inner, f"{path}.{index}" if nested and path else path)
    else:
        yield {"field": path or "body", "code": getattr(detail, "code", "invalid"), "message": str(detail)}


# --- what Django itself answers, outside of any API view ----------------------------------------


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, as_api_error(exception) if exception else Malformed())


def unauthenticated(request: HttpRequest) -> HttpResponse:
    return _answer(request, Unauthenticated())


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, Forbidden())


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, as_api_error(Http404()))


def method_not_allowed(request: HttpRequest, allowed: Iterable[str]) -> HttpResponse:
    answer = _answer(request, as_api_error(exceptions.MethodNotAllowed(str(request.method))))
    answer.headers["Allow"] = ", ".join(allowed)
    return answer


def too_many_requests(request: HttpRequest, usage: ratelimits.Usage) -> HttpResponse:
    return _answer(request, RateLimited(headers=usage.headers()))


def counted(request: HttpRequest, refuse: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    """What `refuse` answers to a bad credential, or to a path that is not there; 429 once the address sent too many."""
    usage = ratelimits.hit_address(request)
    if usage.limited:
        return too_many_requests(request, usage)
    answer = refuse(request)
    usage.put_on(answer)
    return answer


def unavailable(request: HttpRequest) -> HttpResponse:
    return _answer(request, Unavailable())


def server_error(request: HttpRequest) -> HttpResponse:
    """What no view of ours met: Django calls this while the exception is handled. A database that is away is 503."""
    failure = sys.exception()
    return _answer(request, as_api_error(failure) if isinstance(failure, Exception) else ServerError())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Only forms are protected, so only people come here."""
    logger.info("csrf_failed", reason=reason.partition(" - ")[0])  # what follows may name the page before
    return _page(request, Forbidden(COOKIE_MISSING, code="csrf"))


def _answer(request: HttpRequest, error: ApiError) -> HttpResponse:
    """JSON for programs, as RFC 6749 §5.2 says under `/oauth/`; elsewhere a page for people, who come by a browser."""
    if request.path.startswith(("/admin/", "/docs/")) or _comes_by_browser(request):
        return _page(request, error)
    body = envelope(error)
    if request.path.startswith("/oauth/"):
        body = {
            "error": "server_error" if error.status_code >= 500 else "invalid_request",
            "error_description": error.message,
        }
    return HttpResponse(to_json(body), status=error.status_code, headers=error.headers, content_type="application/json")


def _comes_by_browser(request: HttpRequest) -> bool:
    return not request.path.startswith(PROGRAMS) and "text/html" in request.headers.get("Accept", "")


def _page(request: HttpRequest, error: ApiError) -> HttpResponse:
    words = FOR_PEOPLE.get(error.code, error.message)
    shown = {"title": TITLES.get(error.status_code, TITLES[400]), "words": words, **envelope(error)["error"]}
    answer = TemplateResponse(request, "error.html", shown, status=error.status_code, headers=error.headers).render()
    answer.headers["Cache-Control"] = "no-store"
    return answer
