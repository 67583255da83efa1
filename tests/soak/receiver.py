"""Where the webhooks lead: verifies each delivery as receivers do, and remembers every event that came."""

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import standardwebhooks
from aiohttp import web


@dataclass
class Receiver:
    secrets: dict[str, str] = field(default_factory=dict)
    """By the path of the webhook."""
    agencies: dict[str, int] = field(default_factory=dict)
    """Whose events may come there."""
    came: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """How often each event (`webhook-id`) came to a path."""
    bodies: dict[tuple[str, str], bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    port: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        event_id = headers.get("webhook-id", "")
        self.came[request.path][event_id] += 1
        self.faults += self._judge(request.path, event_id, headers, body)
        return web.Response(status=204)

    def _judge(self, path: str, event_id: str, headers: dict[str, str], body: bytes) -> list[str]:
        try:
            standardwebhooks.Webhook(self.secrets[path]).verify(body, headers, json_parse=False)
        except (KeyError, standardwebhooks.WebhookVerificationError) as fault:
            return [f"a delivery to {path} does not verify: {fault!r}"]
        if json.loads(body)["data"]["agency_id"] != self.agencies[path]:
            return [f"{path} got an event of another agency: {body[:300]!r}"]
        if self.bodies.setdefault((path, event_id), body) != body:
            return [f"{event_id} came to {path} with two bodies"]
        return []

    @property
    def total(self) -> int:
        return sum(came.total() for came in self.came.values())

    @property
    def duplicates(self) -> int:
        return sum(times - 1 for came in self.came.values() for times in came.values())


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/{place:.*}", receiver.take)
    runner = web.AppRunner(application, access_log=None, keepalive_timeout=600)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.port = runner.addresses[0][1]
        yield receiver
    finally:
        await runner.cleanup()
