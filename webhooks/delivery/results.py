"""Writing how attempts went, many at once; each only while its lease is still the worker's own.

In one transaction: deliveries and the log of attempts by one statement, then how it goes with each subscription.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from api.ids import new_id
from webhooks.delivery.claims import Claim
from webhooks.delivery.schedule import BREAKER_AFTER, BREAKER_FIRST, BREAKER_LONGEST, MOST_CAP, delay_after
from webhooks.delivery.sender import Outcome

GONE = 410


@dataclass(frozen=True, slots=True)
class Result:
    """An attempt that is over."""

    claim: Claim
    url: str
    """Where it was sent."""
    outcome: Outcome
    started_at: datetime
    """By the database's clock."""

    @property
    def gone(self) -> bool:
        """The receiver wants nothing more."""
        return self.outcome.status == GONE

    def next(self) -> tuple[str, float]:
        """The delivery's state from now on, and in how many seconds it is due again."""
        if self.outcome.delivered:
            return "delivered", 0
        if self.outcome.ours:
            return "pending", delay_after(1, None) or 0
        delay = delay_after(self.claim.attempts, self.outcome.retry_after)
        return ("exhausted", 0) if delay is None else ("pending", delay)


# A delivery whose subscription was disabled meanwhile is held, and cancelled if it was deleted. Faults of our own cost
# the receiver no attempt. All results come as one text of JSON: to make an array of each column takes far longer.
WRITE = """
    WITH result AS (
        SELECT * FROM json_to_recordset(%(results)s::json) AS r (
            id uuid, token uuid, state text, delay float8, ours bool, attempt uuid, started timestamptz, duration int,
            address inet, status smallint, error text, answer text
        )
    ), written AS (
        UPDATE webhooks_delivery d
        SET state = CASE
                WHEN result.state = 'pending' AND s.deleted_at IS NOT NULL THEN 'cancelled'
                WHEN result.state = 'pending' AND s.status <> 'enabled' THEN 'held' ELSE result.state END,
            next_attempt_at = now() + result.delay * interval '1 second',
            finished_at = CASE
                WHEN result.state IN ('delivered', 'exhausted') OR s.deleted_at IS NOT NULL THEN now() END,
            attempts = d.attempts - result.ours::int, lease_token = NULL, leased_until = NULL
        FROM result, webhooks_subscription s
        WHERE d.id = result.id AND d.lease_token = result.token AND s.id = d.subscription_id
        RETURNING d.id, d.attempts
    ), logged AS (
        INSERT INTO webhooks_attempt (
            id, delivery_id, number, started_at, duration_ms, address, status, error, answer
        )
        SELECT r.attempt, r.id, w.attempts, r.started, r.duration, r.address, r.status, r.error,
               decode(r.answer, 'hex')
        FROM written w JOIN result r USING (id) WHERE NOT r.ours
    )
    SELECT id FROM written
"""
# Most successes change nothing here: the row is written once a minute, unless something else changes. A receiver that
# is gone is left in peace from now on; its subscription is disabled right after (engine).
TALLY = f"""
    UPDATE webhooks_subscription s
    SET failures_in_row = t.in_row,
        cap = CASE WHEN t.failed > 0 THEN 1 ELSE least({MOST_CAP}, s.cap * 2) END,
        failing_since = CASE
            WHEN t.in_row = 0 THEN NULL WHEN t.delivered > 0 THEN now() ELSE coalesce(s.failing_since, now()) END,
        last_success_at = CASE WHEN t.delivered > 0 THEN now() ELSE s.last_success_at END,
        breaker_open_until = CASE
            WHEN t.gone THEN now() + interval '{BREAKER_FIRST} seconds'
            WHEN t.in_row < {BREAKER_AFTER} THEN NULL
            WHEN s.breaker_open_until > now() THEN s.breaker_open_until
            ELSE now() + least({BREAKER_LONGEST}, {BREAKER_FIRST} * 2 ^ s.breaker_trips) * interval '1 second' END,
        breaker_trips = CASE
            WHEN t.in_row < {BREAKER_AFTER} THEN 0
            WHEN s.breaker_open_until > now() THEN s.breaker_trips
            ELSE least(s.breaker_trips + 1, 10) END
    FROM (
        SELECT s.id, t.delivered, t.failed, t.gone,
               CASE WHEN t.delivered > 0 THEN t.since_success ELSE s.failures_in_row + t.failed END AS in_row
        FROM unnest(
            %(id)s::uuid[], %(delivered)s::int[], %(failed)s::int[], %(since_success)s::int[], %(gone)s::bool[]
        ) AS t (id, delivered, failed, since_success, gone)
        JOIN webhooks_subscription s ON s.id = t.id
        ORDER BY s.id FOR NO KEY UPDATE OF s
    ) t
    WHERE s.id = t.id AND (
        t.failed > 0 OR s.failures_in_row > 0 OR s.cap < {MOST_CAP} OR s.failing_since IS NOT NULL
        OR s.last_success_at IS NULL OR s.last_success_at < now() - interval '1 minute'
    )
"""  # noqa: S608 - constants of ours


@dataclass(slots=True)
class _Tally:
    """What came of one subscription's deliveries in a batch."""

    delivered: int = 0
    failed: int = 0
    since_success: int = 0
    """Failures after the last success."""
    gone: bool = False

    def add(self, outcome: Outcome) -> None:
        if outcome.delivered:
            self.delivered += 1
            self.since_success = 0
        elif not outcome.ours:
            self.failed += 1
            self.since_success += 1
            self.gone |= outcome.status == GONE


async def write(connection: AsyncConnection[Any], results: Sequence[Result]) -> set[UUID]:
    """Writes the results whose leases still hold; gives the ids of those deliveries."""
    rows = orjson.dumps([_row(one) for one in results]).decode()
    async with connection.pipeline(), connection.transaction():
        cursor = await connection.execute(WRITE, {"results": rows}, binary=True)
        written = {pk for (pk,) in await cursor.fetchall()}
        tallies = _tallies(one for one in results if one.claim.id in written)
        if tallies:
            await connection.execute(TALLY, tallies)
    return written


def _row(result: Result) -> dict[str, Any]:
    state, delay = result.next()
    outcome = result.outcome
    return {
        "id": result.claim.id,
        "token": result.claim.lease_token,
        "state": state,
        "delay": delay,
        "ours": outcome.ours,
        "attempt": new_id(),
        "started": result.started_at,
        "duration": outcome.duration_ms,
        "address": outcome.address,
        "status": outcome.status,
        "error": outcome.error,
        "answer": outcome.answer.hex(),
    }


def _tallies(results: Iterable[Result]) -> dict[str, list[Any]]:
    tallies: dict[UUID, _Tally] = defaultdict(_Tally)
    for one in results:
        tallies[one.claim.subscription_id].add(one.outcome)
    counted = {pk: one for pk, one in tallies.items() if one.delivered or one.failed}
    if not counted:
        return {}
    return {
        "id": list(counted),
        "delivered": [one.delivered for one in counted.values()],
        "failed": [one.failed for one in counted.values()],
        "since_success": [one.since_success for one in counted.values()],
        "gone": [one.gone for one in counted.values()],
    }
