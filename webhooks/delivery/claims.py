"""Taking what is due: each delivery is one worker's, for as long as its lease lasts.

Two statements in one transaction. The first locks the subscriptions whose deliveries it takes, so that no other worker
takes of the same ones at that moment; the second, which sees all that was committed before those locks, fills each up
to its cap. Time is the database's.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from webhooks.delivery.schedule import BREAKER_AFTER, LEASE
from webhooks.secrets import Kept

# Which subscriptions wait: from one to the next in the index of what is pending, so that the cost is one of
# subscriptions and not of deliveries, a million of which may wait for one agency.
WAITING = """
    WITH RECURSIVE waiting (id) AS (
        (
            SELECT subscription_id FROM webhooks_delivery
            WHERE state = 'pending'
            ORDER BY subscription_id, next_attempt_at, id LIMIT 1
        )
        UNION ALL
        SELECT (
            SELECT subscription_id FROM webhooks_delivery
            WHERE state = 'pending' AND subscription_id > waiting.id
            ORDER BY subscription_id, next_attempt_at, id LIMIT 1
        )
        FROM waiting WHERE waiting.id IS NOT NULL
    )
"""
# Those of them that a worker may send to now, and has something to. Nobody of a deactivated agency is told anything.
READY = f"""
    FROM waiting JOIN webhooks_subscription s ON s.id = waiting.id
    WHERE s.status = 'enabled' AND s.deleted_at IS NULL
      AND (SELECT a.deactivated_at IS NULL FROM agencies_agency a WHERE a.id = s.agency_id)
      AND (s.breaker_open_until IS NULL OR s.breaker_open_until <= now())
      AND (
          SELECT d.next_attempt_at FROM webhooks_delivery d
          WHERE d.subscription_id = s.id AND d.state = 'pending'
          ORDER BY d.next_attempt_at, d.id LIMIT 1
      ) <= now()
      AND (SELECT count(*) FROM webhooks_delivery d WHERE d.subscription_id = s.id AND d.state = 'leased')
          < CASE WHEN s.failures_in_row >= {BREAKER_AFTER} THEN 1 ELSE s.cap END
"""  # noqa: S608 - constants of ours
# Fair between agencies: a turn for one subscription of each, then for the next of each, in random order.
LOCK = f"""
    {WAITING}, ready AS (
        SELECT s.id, row_number() OVER (PARTITION BY s.agency_id ORDER BY random()) AS turn
        {READY}
    )
    SELECT s.id, s.url, s.secrets, extract(epoch FROM now())::float8 AS now
    FROM ready JOIN webhooks_subscription s ON s.id = ready.id
    ORDER BY ready.turn, random() LIMIT %(room)s
    FOR NO KEY UPDATE OF s SKIP LOCKED
"""  # noqa: S608 - constants of ours
# Fair between those: the first of each, then the second of each.
TAKE = f"""
    WITH free AS (
        SELECT s.id, greatest(0, CASE WHEN s.failures_in_row >= {BREAKER_AFTER} THEN 1 ELSE s.cap END - (
            SELECT count(*) FROM webhooks_delivery d WHERE d.subscription_id = s.id AND d.state = 'leased'
        )) AS room
        FROM webhooks_subscription s
        WHERE s.id = ANY(%(subscriptions)s) AND s.status = 'enabled' AND s.deleted_at IS NULL
          AND (s.breaker_open_until IS NULL OR s.breaker_open_until <= now())
    ), taken AS (
        SELECT due.id FROM free CROSS JOIN LATERAL (
            SELECT waits.id, row_number() OVER () AS turn FROM (
                SELECT d.id FROM webhooks_delivery d
                WHERE d.subscription_id = free.id AND d.state = 'pending' AND d.next_attempt_at <= now()
                ORDER BY d.next_attempt_at, d.id LIMIT free.room FOR NO KEY UPDATE SKIP LOCKED
            ) waits
        ) due
        ORDER BY due.turn LIMIT %(room)s
    )
    UPDATE webhooks_delivery d
    SET state = 'leased', lease_token = gen_random_uuid(), leased_until = now() + interval '{LEASE} seconds',
        attempts = d.attempts + 1
    FROM webhooks_event e
    WHERE d.id = ANY(ARRAY(SELECT id FROM taken)) AND e.id = d.event_id
    RETURNING d.id, d.lease_token, d.attempts, d.subscription_id, d.event_id, e.body
"""  # noqa: S608
# A worker died or stalled: no fault of the receiver's, so the attempt does not count.
LAPSED = """
    UPDATE webhooks_delivery
    SET state = 'pending', lease_token = NULL, leased_until = NULL, attempts = attempts - 1, next_attempt_at = now()
    WHERE state = 'leased' AND leased_until < now()
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Where deliveries of one subscription go."""

    id: UUID
    url: str
    secrets: Kept
    now: float
    """The database's time, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery that is this worker's to attempt."""

    id: UUID
    lease_token: UUID
    attempts: int
    """This one included."""
    subscription_id: UUID
    event_id: UUID
    body: bytes


async def claim(connection: AsyncConnection[Any], room: int) -> tuple[list[tuple[Claim, Target]], float]:
    """Takes up to `room` deliveries that are due, within each subscription's cap; and tells the database's time."""
    async with connection.pipeline(), connection.transaction():
        async with connection.cursor(row_factory=class_row(Target)) as cursor:
            await cursor.execute(LOCK, {"room": room})
            targets = {one.id: one for one in await cursor.fetchall()}
        if not targets:
            return [], 0.0
        async with connection.cursor(row_factory=class_row(Claim), binary=True) as cursor:
            await cursor.execute(TAKE, {"subscriptions": list(targets), "room": room})
            claimed = [(one, targets[one.subscription_id]) for one in await cursor.fetchall()]
    return claimed, next(iter(targets.values())).now


async def release_lapsed(connection: AsyncConnection[Any]) -> int:
    """Puts back what was leased by workers that are gone; says how many."""
    return (await connection.execute(LAPSED)).rowcount
