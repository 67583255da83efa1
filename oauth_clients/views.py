"""/oauth/*: oauthlib's endpoints behind our own reading, rate limits and answers (contract §1, §3).

Errors of any layer leave as RFC 6749 §5.2 says, so that off-the-shelf OAuth clients can read them.
"""

from functools import cache
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views import OAuthServerMetadataView
from oauthlib.oauth2 import BackendApplicationServer
from oauthlib.oauth2.rfc6749 import errors

from api import counts, ratelimits
from api.addresses import client_address
from api.errors import Unavailable
from oauth_clients import parameters

logger = structlog.get_logger(__name__)

CLIENT_ID_LENGTH = 255  # the column's


@cache
def oauth_server() -> BackendApplicationServer:
    """The library's endpoints, for the client credentials grant only. It keeps nothing of a request."""
    validator = oauth2_settings.OAUTH2_VALIDATOR_CLASS()
    return oauth2_settings.OAUTH2_SERVER_CLASS(validator, **oauth2_settings.server_kwargs)


@method_decorator(csrf_exempt, name="dispatch")  # no cookie is believed here
class OAuthView(View):
    """Answers in JSON, whatever is sent and whatever goes wrong."""

    usage: ratelimits.Usage | None = None
    """Counted as a token request."""
    called: ratelimits.Usage | None = None
    """Counted as any other."""
    client_id = ""
    names = parameters.OF_OTHERS

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = super().dispatch(request, *args, **kwargs)
        except Exception as exc:  # noqa: BLE001 - errors of any layer leave in one shape
            response = _refusal(_as_oauth_error(exc))
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            response = self._count_failure(request, response)
        if counted := self.usage or self.called:
            counted.put_on(response)
        if isinstance(response, HttpResponse) and response.status_code >= 400:
            counts.ERRORS.labels(response.status_code, orjson.loads(response.content)["error"]).inc()
        return response

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        allowed = ", ".join(self.http_method_names).upper()
        response = _refusal(errors.InvalidRequestError(f"Use {allowed}.", status_code=HTTPStatus.METHOD_NOT_ALLOWED))
        response.headers["Allow"] = allowed
        return response

    def read(self, request: HttpRequest) -> dict[str, str]:
        """The parameters. Raises OAuth2Error as `parameters.read` does."""
        sent = parameters.read(request, self.names)
        self.client_id = sent.get("client_id", "")
        return sent

    def _count(self, request: HttpRequest) -> ratelimits.Usage:
        """By client id and address (contract §3); one count for all endpoints, so that none is a way to guess more."""
        return ratelimits.hit("token", self._caller(request), settings.RATE_LIMIT_TOKEN, request)

    def _caller(self, request: HttpRequest) -> str:
        return f"{self.client_id[:CLIENT_ID_LENGTH]}|{client_address(request)}"

    def _count_failure(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Failed authentication counts as a token request does, and by address: another client id gets nobody further.

        A token request was counted already, before its credentials were looked at.
        """
        by_client = self.usage or self._count(request)
        by_address = ratelimits.hit_address(request)
        self.usage = by_address if by_address.limited else by_client
        return _refusal(_too_many_requests()) if self.usage.limited else response


class TokenView(OAuthView):
    """`POST /oauth/token`: RFC 6749 §4.4."""

    http_method_names = ["post"]
    names = parameters.OF_TOKEN

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            sent = self.read(request)
        finally:
            # Before the credentials are looked at, so that guessing is limited too.
            self.usage = self._count(request)
            if self.usage.limited:
                raise _too_many_requests()
        if sent.get("grant_type", "client_credentials") != "client_credentials":
            raise errors.UnsupportedGrantTypeError("The grant_type must be client_credentials.")
        _, body, status = oauth_server().create_token_response(
            request.path, "POST", sent, {}, credentials={"token_type": "bearer"}
        )
        return _response(body, status)


class TokenCareView(OAuthView):
    """About a token that was issued."""

    http_method_names = ["post"]

    def read(self, request: HttpRequest) -> dict[str, str]:
        sent = super().read(request)
        self.called = ratelimits.hit("oauth", self._caller(request), settings.RATE_LIMIT_CREDENTIAL, request)
        if self.called.limited:
            raise _too_many_requests()
        return sent


class RevokeView(TokenCareView):
    """`POST /oauth/revoke`: RFC 7009. A client's own token stops working; any other is left as it is, with a 200."""

    def post(self, request: HttpRequest) -> HttpResponse:
        sent = self.read(request)
        _, body, status = oauth_server().create_revocation_response(request.path, "POST", sent, {})
        return _response(body or "{}", status)


class IntrospectView(TokenCareView):
    """`POST /oauth/introspect`: RFC 7662. A client learns of its own tokens; any other is `{"active": false}`."""

    def post(self, request: HttpRequest) -> HttpResponse:
        sent = self.read(request)
        _, body, status = oauth_server().create_introspect_response(request.path, "POST", sent, {})
        return _response(body, status)


class MetadataView(OAuthView, OAuthServerMetadataView):
    """`GET /.well-known/oauth-authorization-server`: RFC 8414. The toolkit lists what is mounted in urls.py."""

    http_method_names = ["get", "head"]


class UnknownView(OAuthView):
    """Any other path under /oauth/: takes no method."""

    http_method_names = []

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return _refusal(errors.InvalidRequestError("There is no such endpoint.", status_code=HTTPStatus.NOT_FOUND))


def _response(body: str, status: int) -> HttpResponse:
    """Never kept by a cache (RFC 6749 §5.1); a 401 names the scheme to use (§5.2, RFC 9110 §15.5.2), a 503 when to come
    back."""
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="oauth"'
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers |= Unavailable().headers
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)


def _refusal(error: errors.OAuth2Error) -> HttpResponse:
    return _response(error.json, error.status_code)


def _too_many_requests() -> errors.OAuth2Error:
    """RFC 6749 §5.2 names no error for this, and RFC 8628's `slow_down` tells a device to go on polling: ours."""
    return errors.CustomOAuth2Error(
        "too_many_requests",
        "Too many requests; wait as many seconds as Retry-After says.",
        status_code=HTTPStatus.TOO_MANY_REQUESTS,
    )


def _as_oauth_error(exc: Exception) -> errors.OAuth2Error:
    """Any exception as one that RFC 6749 knows; ours are logged, once."""
    if isinstance(exc, errors.OAuth2Error):
        return exc
    logger.error("request_failed", exc_info=exc)
    if isinstance(exc, OperationalError | InterfaceError):
        return errors.TemporarilyUnavailableError(
            "The service cannot answer just now. Try again shortly.", status_code=HTTPStatus.SERVICE_UNAVAILABLE
        )
    return errors.ServerError("Something went wrong on our side.", status_code=HTTPStatus.INTERNAL_SERVER_ERROR)
