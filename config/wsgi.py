"""What a WSGI server serves: `gunicorn config.wsgi`."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

from config import startup


def with_readable_content_type(served: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """`served`, told of no Content-Type where it is one that Django fails on while it makes the request, before
    anything could answer: RFC 2231 parameters in an unknown charset, or there both whole and in pieces."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        content_type = environ.get("CONTENT_TYPE", "")
        if "*" in content_type:
            try:
                parse_header_parameters(content_type)
            except (TypeError, ValueError):
                environ["CONTENT_TYPE"] = ""
        return served(environ, start_response)

    return application


def with_whole_bodies(served: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """`served`, for whom reading fails where a caller hung up before all came that Content-Length tells of. By itself
    Django takes what did come for the whole: a form without its last fields, boxes that seem unticked."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdecimal():
            environ["wsgi.input"] = _WholeBody(environ["wsgi.input"], int(length))
        return served(environ, start_response)

    return application


class _WholeBody:
    """What Django reads of a body. Raises OSError, as a connection does that fails."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream = stream
        self._left = length

    def read(self, size: int = -1) -> bytes:
        wanted = self._bounded(size)
        data = self._stream.read(wanted)
        return self._judged(data, whole=len(data) == wanted)

    def readline(self, size: int = -1) -> bytes:
        wanted = self._bounded(size)
        line = self._stream.readline(wanted)
        return self._judged(line, whole=len(line) == wanted or line.endswith(b"\n"))

    def _bounded(self, size: int) -> int:
        return self._left if size < 0 else min(size, self._left)

    def _judged(self, data: bytes, *, whole: bool) -> bytes:
        self._left -= len(data)
        if not whole:
            raise OSError("the caller hung up in the middle of the body")
        return data


startup.prepare()
application = with_whole_bodies(with_readable_content_type(get_wsgi_application()))
