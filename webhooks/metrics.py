"""What Prometheus is told of the outbox, at a bounded cost however much waits there."""

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from webhooks import partitions
from webhooks.delivery.claims import READY, WAITING

MOST_COUNTED = 100_000
MOST_ATTEMPTS = 10_000
RECENT = timedelta(minutes=5)

# Whatever the planner believes of how many there are: a limit bounds what is read of an index in its order, not of a
# table that is searched for the few that count.
BY_INDEX = "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)"
# States are written out, for PostgreSQL to see that each count has an index of its own.
DEPTHS = " UNION ALL ".join(
    f"SELECT '{state}', count(*) FROM (SELECT FROM webhooks_delivery WHERE state = '{state}' LIMIT {MOST_COUNTED}) s"  # noqa: S608
    for state in ("pending", "leased")
)
# Of what a worker could take: what waits for a breaker, or for a receiver that has all it can bear, is not late.
OLDEST_DUE = f"""
    {WAITING}
    SELECT coalesce(extract(epoch FROM max(now() - (
        SELECT d.next_attempt_at FROM webhooks_delivery d
        WHERE d.subscription_id = s.id AND d.state = 'pending'
        ORDER BY d.next_attempt_at, d.id LIMIT 1
    ))), 0)::float8
    {READY}
"""  # noqa: S608 - constants of ours
FAILING = "SELECT count(*) FROM webhooks_subscription WHERE failing_since IS NOT NULL AND deleted_at IS NULL"
ATTEMPTS = f"""
    SELECT result, state, count(*) FROM (
        SELECT CASE
            WHEN status IS NULL THEN error WHEN status BETWEEN 100 AND 599 THEN status / 100 || 'xx' ELSE 'other'
        END AS result, (SELECT d.state FROM webhooks_delivery d WHERE d.id = a.delivery_id) AS state
        FROM webhooks_attempt a WHERE id >= %s ORDER BY id DESC LIMIT {MOST_ATTEMPTS}
    ) recent WHERE state IS NOT NULL
    GROUP BY result, state
"""  # noqa: S608


class Outbox(Collector):
    """Read from the database, so every server tells the same: take the highest of them, never the sum."""

    def collect(self) -> Iterator[Metric]:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(BY_INDEX)
            cursor.execute(DEPTHS)
            yield _labelled(
                "agency_api_webhook_deliveries",
                f"Deliveries that are not finished; {MOST_COUNTED} stands for so many or more",
                ["state"],
                cursor.fetchall(),
            )
            cursor.execute(OLDEST_DUE)
            [oldest] = cursor.fetchone()
            yield GaugeMetricFamily(
                "agency_api_webhook_oldest_due_seconds", "How late the oldest is that a worker could take", oldest
            )
            cursor.execute(FAILING)
            [failing] = cursor.fetchone()
            yield GaugeMetricFamily("agency_api_webhooks_failing", "Webhooks whose last attempt failed", failing)
            cursor.execute(ATTEMPTS, [partitions.first_id(timezone.now() - RECENT)])
            yield _labelled(
                "agency_api_webhook_attempts_recent",
                f"Attempts of the last five minutes, the latest {MOST_ATTEMPTS} at most, by what came of them and what "
                "state the delivery is in now",
                ["result", "delivery"],
                cursor.fetchall(),
            )


def _labelled(name: str, told: str, labels: list[str], rows: list[tuple]) -> Metric:
    """A gauge with a value, the last of each row, for the labels before it."""
    gauge = GaugeMetricFamily(name, told, labels=labels)
    for *values, value in rows:
        gauge.add_metric(values, value)
    return gauge
