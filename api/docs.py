"""The OpenAPI document, and the page that renders it. Neither asks any outside host for anything."""

from functools import cache
from hashlib import blake2b
from http import HTTPStatus

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from api.methods import only_read


@only_read
def openapi(request: HttpRequest) -> HttpResponse:
    """The document: the same for everybody, so any page may read it."""
    body, etag = _document()
    response = HttpResponse(
        body,
        content_type="application/json",
        headers={"ETag": etag, "Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"},
    )
    answer = get_conditional_response(request, etag=etag, response=response) or response
    if answer.status_code == HTTPStatus.NOT_MODIFIED:
        answer.headers["Content-Length"] = str(len(body))  # of what is not sent (RFC 9110 §8.6)
    return answer


@only_read
# Redoc writes its styles into the page, and searches in a worker that it makes from a blob.
@csp_update({"style-src": [SELF, UNSAFE_INLINE], "worker-src": [SELF, "blob:"]})
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "docs/page.html")


@cache
def _document() -> tuple[bytes, str]:
    """Made once a process: it follows from the code alone."""
    body = OpenApiJsonRenderer().render(SchemaGenerator().get_schema(request=None, public=True), renderer_context={})
    return body, quote_etag(blake2b(body, digest_size=16).hexdigest())
