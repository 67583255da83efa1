"""One attempt, by a sender of its own."""

from pathlib import Path
from typing import Any

from tests.webhooks.receivers import receiver
from webhooks.delivery.sender import Outcome, Sender

BODY = b'{"type":"test"}'
HEADERS = {"webhook-id": "msg_1", "webhook-timestamp": "1614265330", "webhook-signature": "v1,abc="}
NAME = "receiver.example.com"


async def post(url: str, *, body: bytes = BODY, **options: Any) -> Outcome:
    async with Sender(**{"allow_private": True, **options}) as sender:
        return await sender.post(url, headers=HEADERS, body=body)


async def post_to(answer: Any, **options: Any) -> Outcome:
    async with receiver(answer) as there:
        return await post(there.url(), **options)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
