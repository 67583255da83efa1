"""What goes out: JSON, times as RFC 3339 in UTC with `Z` (contract §2)."""

from typing import Any

import orjson
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer


def to_json(data: Any) -> bytes:
    return orjson.dumps(data, default=str, option=orjson.OPT_UTC_Z)


class JsonRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None  # JSON is UTF-8 by definition (RFC 8259 §8.1)

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else to_json(data)


class JsonNegotiation(DefaultContentNegotiation):
    """There is one renderer; the plain cases need no parsing of Accept."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        if request.META.get("HTTP_ACCEPT") in (None, "", "*/*", JsonRenderer.media_type):
            return renderers[0], JsonRenderer.media_type
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except (TypeError, ValueError) as error:  # so Python fails on a header that it cannot read
            raise NotAcceptable from error
