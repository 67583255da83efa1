"""/oauth/*: oauthlib's endpoints behind our reading, rate limits and answers (contract §1).

Errors of any layer leave as RFC 6749 §5.2 says, so that off-the-shelf OAuth clients can read them.
"""

from functools import cache
from http import HTTPStatus
from typing import Any

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

from api import ratelimits
from api.addresses import client_address
from oauth_clients import parameters
from oauth_clients.models import OAuthClient

logger = structlog.get_logger(__name__)

MAX_CLIENT_ID = OAuthClient._meta.get_field("client_id").max_length
Answer = tuple[dict[str, str], str, int]
"""Headers, body and status, as oauthlib gives them."""


@cache
def oauth_server() -> BackendApplicationServer:
    """The library's endpoints, for the client credentials grant only. Holds no state of a request."""
    return oauth2_settings.OAUTH2_SERVER_CLASS(
        oauth2_settings.OAUTH2_VALIDATOR_CLASS(), **oauth2_settings.server_kwargs
    )


class OAuthErrorsMixin(View):
    """Whatever goes wrong is answered in JSON as RFC 6749 §5.2 says."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except Exception as exc:  # noqa: BLE001 - errors of any layer leave in one shape
            error = _as_oauth_error(exc)
            return _response(error.json, error.status_code)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        allowed = ", ".join(self._allowed_methods())
        error = errors.InvalidRequestError(f"Use {allowed}.", status_code=HTTPStatus.METHOD_NOT_ALLOWED)
        return _response(error.json, error.status_code, {"Allow": allowed})


@method_decorator(csrf_exempt, name="dispatch")  # no cookie is read here
class OAuthEndpoint(OAuthErrorsMixin):
    """A POST with client credentials. Failed authentication is counted by address (contract §3)."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        _, body, status = self.answer(request)
        if status != HTTPStatus.UNAUTHORIZED:
            return _response(body, status)
        usage = ratelimits.hit("address", client_address(request), settings.RATE_LIMIT_ADDRESS, request)
        return _too_many(usage) if usage.limited else _response(body, status, usage.headers())

    def answer(self, request: HttpRequest) -> Answer:
        """What oauthlib answers to the request's parameters."""
        raise NotImplementedError
