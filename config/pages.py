"""Django's middleware for what people see in a browser: pages with sessions, users and messages.

A program at the API has none of these, so its requests pass by. Every other path has them all.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware as BaseCSPMiddleware
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponse

API = ("/v1/", "/oauth/")

if TYPE_CHECKING:
    from django.utils.deprecation import MiddlewareMixin as Middleware
else:
    Middleware = object


class ForPages(Middleware):
    get_response: Callable[[HttpRequest], HttpResponse]

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request) if request.path_info.startswith(API) else super().__call__(request)


class SessionMiddleware(ForPages, sessions.SessionMiddleware):
    pass


class AuthenticationMiddleware(ForPages, auth.AuthenticationMiddleware):
    pass


class MessageMiddleware(ForPages, messages.MessageMiddleware):
    pass


class CSPMiddleware(ForPages, BaseCSPMiddleware):
    """The Content-Security-Policy. The admin's pages compose scripts and styles from attributes (Alpine)."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        if request.path_info.startswith("/admin/"):
            response._csp_update = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}
        return super().process_response(request, response)
