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


startup.prepare()
application = with_readable_content_type(get_wsgi_application())
