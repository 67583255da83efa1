"""`manage.py listen_webhooks [--port 9000] [--secret whsec_…]`"""

import hmac
import json
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webhooks import secrets, signing
from webhooks.models import Subscription
from webhooks.openapi import SIGNATURE_HEADERS

MAX_BODY = 1_048_576
TOLERANCE = 300
"""Seconds that a timestamp may be off, as the verifier libraries have it."""


class Command(BaseCommand):
    help = "Receives webhooks on this machine, verifies them, and prints them, until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=9000, help="on 127.0.0.1; default 9000")
        parser.add_argument(
            "--secret", action="append", help="whsec_…; may repeat. Default: those of the webhooks to this address"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        port = options["port"]
        given = options["secret"]

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self) -> None:
                length = self.headers.get("Content-Length", "")
                if not length.isdecimal() or int(length) > MAX_BODY:
                    self.send_error(413)
                    return
                headers = {name: self.headers.get(name, "") for name in SIGNATURE_HEADERS}
                listener.show(headers, self.rfile.read(int(length)), given or kept(port))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """What is received is printed instead."""

        listener = self
        try:
            server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except (OSError, OverflowError) as error:
            raise CommandError(f"127.0.0.1:{port} cannot be listened on: {error}") from error
        self.stdout.write(f"Listening. Create a webhook to http://127.0.0.1:{port}/, and stop with Ctrl-C.")
        with server:
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                self.stdout.write("Stopped.")

    def show(self, headers: dict[str, str], body: bytes, live: Iterable[str]) -> None:
        problem = fault_of(headers, body, live)
        verdict = self.style.ERROR(problem) if problem else self.style.SUCCESS("verified")
        self.stdout.write(f"\n{headers['webhook-id'] or '(no webhook-id)'}  {verdict}")
        try:
            self.stdout.write(json.dumps(json.loads(body), indent=2, ensure_ascii=False))
        except ValueError:
            self.stdout.write(repr(body))
        self.stdout.flush()


def fault_of(headers: dict[str, str], body: bytes, live: Iterable[str]) -> str:
    """Why this delivery is not to be believed; "" where it is."""
    timestamp = headers["webhook-timestamp"]
    if not timestamp.isdecimal() or abs(int(timestamp) - time.time()) > TOLERANCE:
        return "its timestamp is more than five minutes off"
    for secret in live:
        expected = signing.headers(
            message_id=headers["webhook-id"], timestamp=int(timestamp), body=body, secrets=[secret]
        )["webhook-signature"].encode()
        if any(hmac.compare_digest(expected, one.encode()) for one in headers["webhook-signature"].split(" ")):
            return ""
    return "its signature is none of the secrets'"


def kept(port: int) -> list[str]:
    """The live secrets of the webhooks that lead here."""
    here = Subscription.objects.kept().filter(url__regex=rf"^http://(127\.0\.0\.1|localhost|\[::1\]):{port}(/|$)")
    return [secret for one in here for secret in secrets.live(one.secrets, time.time())]
