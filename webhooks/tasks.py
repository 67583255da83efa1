"""What workers do for webhooks. `deliver` runs on a queue and in a worker of its own; the rest is upkeep."""

import asyncio

from celery import shared_task
from django.conf import settings

from webhooks.delivery.engine import MOST_SLOTS, Engine
from webhooks.delivery.sender import Sender
from webhooks.services import upkeep
from webhooks.services.events import heard, ring_now

CLAIM_SECONDS = 50.0
"""How long one task claims: below any time limit, so that a worker can be stopped without cutting off attempts."""


@shared_task
def deliver() -> None:
    """Delivers what is due, however it came to be: rung for, swept up, or left behind by a worker that died."""
    heard()
    if asyncio.run(_deliver()):
        ring_now()


async def _deliver() -> bool:
    private = settings.WEBHOOKS_ALLOW_PRIVATE_ADDRESSES
    async with Sender(allow_private=private, connections=MOST_SLOTS) as sender:
        return await Engine(sender, seconds=CLAIM_SECONDS).run()


@shared_task
def watch() -> None:
    """Each minute: settles what a race left, goes on with recoveries, disables what fails, tells the admins."""
    upkeep.settle_strays()
    upkeep.go_on_recovering()
    upkeep.judge_failing()
    upkeep.tell_admins()


@shared_task
def tidy() -> None:
    """Each day: months made ready, and what is older than it is kept for removed."""
    upkeep.make_partitions_ready()
    upkeep.let_go_of_held()
    upkeep.remove_old()
