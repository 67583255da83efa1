"""Webhooks and what is delivered to them, made over HTTP, as an agency's admins make them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import orjson
import pytest
from django.utils import timezone

from tests.answers import data
from tests.clients import conftest as clients
from tests.conftest import AgentSeat, Api
from webhooks.models import Delivery, Event, Subscription

WEBHOOK = {"url": "https://hooks.harbor.example/agency", "events": ["*"], "description": "Into our CRM"}


@dataclass(frozen=True)
class WebhookSeat:
    """A webhook, with the admin that made it."""

    uuid: str
    secret: str
    admin: AgentSeat

    @property
    def path(self) -> str:
        return f"/v1/webhooks/{self.uuid}"

    @property
    def row(self) -> Subscription:
        return Subscription.objects.get(pk=self.uuid)


@dataclass(frozen=True)
class DeliverySeat:
    """An event on its way to a webhook."""

    uuid: str
    webhook: WebhookSeat

    @property
    def path(self) -> str:
        return f"{self.webhook.path}/deliveries/{self.uuid}"

    @property
    def row(self) -> Delivery:
        return Delivery.objects.select_related("event").get(pk=self.uuid)


def new_webhook(api: Api, admin: AgentSeat, **changes: Any) -> WebhookSeat:
    made = data(api.post("/v1/webhooks", token=admin.token, json={**WEBHOOK, **changes}))
    return WebhookSeat(made["uuid"], made["secret"], admin)


def new_delivery(api: Api, webhook: WebhookSeat) -> DeliverySeat:
    """Of a test event."""
    made = data(api.post(f"{webhook.path}/test", token=webhook.admin.token))
    return DeliverySeat(made["uuid"], webhook)


def change(api: Api, webhook: WebhookSeat, **values: Any) -> Any:
    return api.patch(webhook.path, token=webhook.admin.token, json=values)


def bodies() -> list[dict[str, Any]]:
    """What every event says, in the order of their ids."""
    return [orjson.loads(bytes(event.body)) for event in Event.objects.order_by("id")]


def types() -> list[str]:
    return [body["type"] for body in bodies()]


def failing(webhook: WebhookSeat, since: timedelta, *, failures: int = 50, **values: Any) -> None:
    """As if nothing had arrived for so long."""
    Subscription.objects.filter(pk=webhook.uuid).update(
        failing_since=timezone.now() - since, failures_in_row=failures, **values
    )


def tried(api: Api, webhook: WebhookSeat, events: int) -> None:
    """Events that were attempted and not delivered."""
    for _ in range(events):
        Delivery.objects.filter(pk=new_delivery(api, webhook).uuid).update(attempts=25)


@dataclass
class Receiver:
    """A receiver on this machine, and what it got. It answers every delivery with `status`."""

    url: str
    status: int = 200
    answer: bytes = b""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    """Headers (their names in lower case) and body of each."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(receiver.status)
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture
def webhook(api: Api, admin_agent: AgentSeat) -> WebhookSeat:
    return new_webhook(api, admin_agent)


# What events are about.
client_seat = clients.client_seat
submission = clients.submission
