"""What comes in: JSON, or multipart where an endpoint takes a file."""

from tempfile import SpooledTemporaryFile
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest
from django.utils.http import parse_header_parameters
from rest_framework import parsers
from rest_framework.exceptions import ParseError

from api.errors import Malformed

PIECE = 65_536


def body_length(request: HttpRequest) -> int:
    """As the request says; servers read no more than that."""
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isdecimal() else 0


def is_chunked(request: HttpRequest) -> bool:
    """Whether there is a body of unknown length, which Django would take for an empty one."""
    return "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH")


def read_chunked(request: HttpRequest, limit: int) -> None:
    """Reads a body of unknown length, to a byte over `limit`: from then on it is as any other.

    Raises Malformed (400) for one that breaks off, or whose end the server does not tell.
    """
    if not request.META.get("wsgi.input_terminated"):
        raise Malformed("Send the body with its Content-Length; a chunked one is not taken.")
    body: Any = SpooledTemporaryFile(max_size=settings.MAX_JSON_BYTES)  # noqa: SIM115 - the request's, and goes with it
    left = limit + 1
    while left and (piece := _piece(request, min(left, PIECE))):
        body.write(piece)
        left -= len(piece)
    body.seek(0)
    request.META["CONTENT_LENGTH"] = str(limit + 1 - left)
    request._stream = body  # what Django reads


def _piece(request: HttpRequest, most: int) -> bytes:
    try:
        return request.META["wsgi.input"].read(most)
    except Exception as error:  # each server has its own
        raise Malformed("The body's chunks cannot be read.") from error


class JsonParser(parsers.BaseParser):
    """Strict JSON by orjson: no NaN, no lone surrogates, and at most some 250 levels of nesting, since what reads it
    after that is Python, which fails at a thousand.

    The size is bounded by Django while the body is read (`DATA_UPLOAD_MAX_MEMORY_SIZE`, 413).
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        body = parser_context["request"]._request.body
        if not body:
            return {}
        try:
            sent = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: {error}") from error
        try:
            orjson.dumps([sent])  # as idempotency writes it: a quarter as deep as orjson reads
        except orjson.JSONEncodeError as error:
            raise ParseError("The body is nested too deeply.") from error
        return sent


class MultiPartParser(parsers.MultiPartParser):
    """A form with files, as DRF reads it; what has come of a file is removed at once where the rest does not come.

    Django by itself takes what it finds for the whole: of a body with another boundary, or without its end, nothing, or
    a last part that has come in part or has the boundary in it.
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        body: Any = _Body(stream)
        try:
            parsed = super().parse(body, media_type, parser_context)
            boundary = parse_header_parameters(media_type or "")[1]["boundary"]
            if f"--{boundary}--".encode() not in body.ending:
                raise ParseError("The body does not end with the boundary that its Content-Type tells, and --.")
            return parsed
        except Exception as error:
            for handler in parser_context["request"].upload_handlers:
                handler.upload_interrupted()
            if isinstance(error, TypeError):  # so Python fails on a parameter that is there both whole and in pieces
                raise ParseError("The body has a part whose header cannot be read.") from error
            raise


class _Body:
    """A body as Django's parser reads it, whose last bytes can be looked at."""

    ENDING = 1_024
    """Bytes: a boundary of 200 at most, and whatever few clients write after it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.ending = b""

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.ending = (self.ending + data[-self.ENDING :])[-self.ENDING :]
        return data
