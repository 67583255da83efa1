"""What workers do for webhooks. `deliver` runs on a queue and in a worker of its own; the rest is upkeep."""

import asyncio
import gc
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task
from django.conf import settings

from webhooks.delivery.engine import MOST_SLOTS, Engine
from webhooks.delivery.sender import MAX_KEPT, Sender
from webhooks.services import upkeep
from webhooks.services.events import heard, ring_now

CLAIM_SECONDS = 50.0
"""How long one task claims: below any time limit, so that a worker can be stopped without cutting off attempts."""
FILES = MOST_SLOTS + MAX_KEPT + 100
"""Open at most: connections under way, those that are kept for the next delivery, and what else a worker has."""


@shared_task
def deliver() -> None:
    """Delivers what is due, however it came to be: rung for, swept up, or left behind by a worker that died."""
    heard()
    _allow_files()
    with _collecting_seldom():
        more = asyncio.run(_deliver())
    if more:
        ring_now()


async def _deliver() -> bool:
    private = settings.WEBHOOKS_ALLOW_PRIVATE_ADDRESSES
    async with Sender(allow_private=private, connections=MOST_SLOTS) as sender:
        return await Engine(sender, seconds=CLAIM_SECONDS).run()


def _allow_files() -> None:
    """Each delivery under way holds a connection, and a machine's usual limit is below what is under way here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Python's garbage collector goes through all objects again and again, which took a quarter of the time of a
    delivery. What is there already stays to the end, and nearly all that a delivery makes is freed without it."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


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
