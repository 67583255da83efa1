"""Django's test client, ready for use at once."""

from functools import cache
from typing import Any

from django.test import Client
from django.test.client import ClientHandler


class WebClient(Client):
    """Its middleware is loaded once for all of them: WhiteNoise alone, which looks for every static file, takes as long
    as ten requests."""

    def __init__(self, *, enforce_csrf_checks: bool = False, **facts: Any) -> None:
        super().__init__(enforce_csrf_checks=enforce_csrf_checks, **facts)
        self.handler = _handler(enforce_csrf_checks)


@cache
def _handler(enforce_csrf_checks: bool) -> ClientHandler:
    return ClientHandler(enforce_csrf_checks=enforce_csrf_checks)
