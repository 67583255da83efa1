"""The Content-Security-Policy, for what a browser renders."""

from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponseBase


class HtmlCSPMiddleware(CSPMiddleware):
    """django-csp, on HTML only: it means nothing on JSON, and composing it for every API answer is not free."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        if request.path.startswith("/admin/"):
            # Its pages compose scripts and styles from attributes (Alpine), for administrators only.
            response._csp_update = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}  # type: ignore[attr-defined]
        return super().process_response(request, response)
