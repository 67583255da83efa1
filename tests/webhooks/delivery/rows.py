"""Deliveries that are due, made in the database, and what the engine's parts make of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now
from psycopg import AsyncConnection

from tests.factories import AgencyFactory
from webhooks import secrets
from webhooks.delivery import claims, results
from webhooks.delivery.claims import Claim
from webhooks.delivery.engine import Engine
from webhooks.delivery.results import Result
from webhooks.delivery.sender import Outcome, Sender
from webhooks.models import Delivery, Event, Subscription

EVERYTHING = 1_000


def subscription(url: str = "https://hooks.harbor.example/", **values: Any) -> Subscription:
    """Of an agency of its own, unless one is given."""
    agency = values.pop("agency", None) or AgencyFactory.create()
    return Subscription.objects.create(agency=agency, url=url, events=["*"], secrets=secrets.begun()[1], **values)


def due(to: Subscription, count: int = 1, **values: Any) -> list[Delivery]:
    """That many events on their way to it."""
    events = Event.objects.bulk_create(
        Event(agency_id=to.agency_id, type="client.updated", body=b'{"type":"client.updated"}', created_at=Now())
        for _ in range(count)
    )
    return Delivery.objects.bulk_create(Delivery(event=event, subscription=to, **values) for event in events)


def due_by_thousands(to: Subscription, count: int) -> None:
    """Of one event, sent anew so many times: as many rows in the tables and indexes that the engine reads. They are not
    looked at one by one, which is what would take the time."""
    [first] = due(to)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO webhooks_delivery"
            " (id, subscription_id, event_id, event_type, replay, state, attempts, next_attempt_at)"
            " SELECT gen_random_uuid(), %s, %s, 'client.updated', n, 'pending', 0, now() FROM generate_series(1, %s) n",
            [to.pk, first.event_id, count],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")


def states(to: Subscription) -> list[str]:
    return sorted(Delivery.objects.filter(subscription=to).values_list("state", flat=True))


def run(*, seconds: float = 10, timeout: float = 2) -> bool:
    """The engine, until nothing is due or the time is over."""

    async def engine() -> bool:
        async with Sender(allow_private=True, timeout=timeout) as sender:
            return await Engine(sender, seconds=seconds).run()

    return asyncio.run(engine())


@asynccontextmanager
async def connected() -> AsyncIterator[AsyncConnection[Any]]:
    facts = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    wanted = {name: facts[name] for name in names if name in facts}
    async with await AsyncConnection.connect(autocommit=True, **wanted) as one:
        yield one


def claim(room: int = EVERYTHING) -> list[Claim]:
    """What one worker is given."""

    async def claimed() -> list[Claim]:
        async with connected() as one:
            return [claim for claim, _ in (await claims.claim(one, room))[0]]

    return asyncio.run(claimed())


def outcome(status: int | None = 200, *, error: str = "", retry_after: float | None = None) -> Outcome:
    return Outcome(datetime.now(UTC), 12, "127.0.0.1", status, error, b"", retry_after)


def write(claimed: list[Claim], how: Outcome) -> int:
    """Writes that all went like this; gives how many results were taken."""

    async def written() -> int:
        async with connected() as one:
            now = datetime.now(UTC)
            return len(await results.write(one, [Result(claim, "https://a.example/", how, now) for claim in claimed]))

    return asyncio.run(written())
