"""What comes in under /oauth/: a form or JSON, and client credentials in it or by HTTP Basic."""

import base64
import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from django.http import HttpRequest, UnreadablePostError
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError

from api.errors import Malformed
from api.parsers import is_chunked, read_chunked

MAX_BODY_BYTES = 16_384
CREDENTIALS = frozenset({"client_id", "client_secret"})
OF_TOKEN = CREDENTIALS | {"grant_type", "scope"}
OF_OTHERS = CREDENTIALS | {"token"}
"""All else is ignored (RFC 6749 §3.2); `token_type_hint` too (RFC 7009 §2.1): there is one kind of token."""
_PRINTABLE_ASCII = re.compile(r"[ -~]+")  # what any of these may hold: RFC 6749 appendix A


def read(request: HttpRequest, names: frozenset[str]) -> dict[str, str]:
    """The parameters of a request that have these names, client id and secret among them, however they were sent.
    None is empty.

    Raises InvalidRequestError (400, 413 or 415) for what cannot be read, and InvalidClientError for an Authorization
    header that is not HTTP Basic (RFC 6749 §2.3.1, §5.2).
    """
    if request.META.get("QUERY_STRING"):
        raise InvalidRequestError("Send parameters in the body, not in the URL.")
    basic = _basic(request)
    parameters = _parameters(_pairs(request), names)
    if basic is None:
        return parameters
    if "client_secret" in parameters or parameters.get("client_id", basic["client_id"]) != basic["client_id"]:
        raise InvalidRequestError("Send client credentials by HTTP Basic or in the body, not both.")
    return parameters | basic


def _basic(request: HttpRequest) -> dict[str, str] | None:
    """Client id and secret, each form-encoded within the header (RFC 6749 §2.3.1)."""
    header = request.META.get("HTTP_AUTHORIZATION")
    if header is None:
        return None
    scheme, _, encoded = header.strip().partition(" ")
    try:
        client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode("ascii").partition(":")
    except ValueError:
        scheme = ""
    if scheme.lower() != "basic":
        raise InvalidClientError("The Authorization header must read: Basic base64(client_id:client_secret).")
    try:
        return {"client_id": _checked(unquote_plus(client_id)), "client_secret": _checked(unquote_plus(secret))}
    except InvalidRequestError:
        raise InvalidClientError("The Authorization header holds no client id and secret.") from None


def _pairs(request: HttpRequest) -> Iterable[tuple[str, Any]]:
    body = _body(request)
    try:
        match request.content_type:
            case "application/x-www-form-urlencoded":
                return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict")
            case "application/json":
                return _object(json.loads(body, object_pairs_hook=_Members))
    except (ValueError, RecursionError):
        raise InvalidRequestError("The body is not what its Content-Type says.") from None
    if body:
        raise InvalidRequestError(
            "Send application/x-www-form-urlencoded or application/json.",
            status_code=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    return ()


def _body(request: HttpRequest) -> bytes:
    try:
        if is_chunked(request):
            read_chunked(request, MAX_BODY_BYTES)
        body = request.read(MAX_BODY_BYTES + 1)
    except Malformed as error:
        raise InvalidRequestError(error.message) from None
    except UnreadablePostError:
        raise InvalidRequestError("The body broke off.") from None
    if len(body) > MAX_BODY_BYTES:
        raise InvalidRequestError(
            f"The body is larger than {MAX_BODY_BYTES} bytes.", status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        )
    return body


class _Members(list[tuple[str, Any]]):
    """A JSON object's members as they were sent, those that come twice included."""


def _object(value: Any) -> _Members:
    if not isinstance(value, _Members):
        raise InvalidRequestError("The body must be a JSON object.")
    return value


def _parameters(pairs: Iterable[tuple[str, Any]], names: frozenset[str]) -> dict[str, str]:
    """The known ones. None may come twice; one without a value counts as left out (RFC 6749 §3.2)."""
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in names:
            if name in parameters:
                raise InvalidRequestError(f"{name} was sent twice.")
            if value != "":
                parameters[name] = _checked(value)
    return parameters


def _checked(value: Any) -> str:
    if not isinstance(value, str) or not _PRINTABLE_ASCII.fullmatch(value):
        raise InvalidRequestError("Values must be strings of printable ASCII characters.")
    return value
