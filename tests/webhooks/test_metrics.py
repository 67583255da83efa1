"""What Prometheus is told of the outbox."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from tests.webhooks.delivery.rows import claim, due, due_by_thousands, outcome, subscription, write
from webhooks import metrics

pytestmark = pytest.mark.django_db(transaction=True)


def told(name: str) -> dict[tuple[str, ...], float]:
    """The values of one metric, by its labels' values."""
    [metric] = [one for one in metrics.Outbox().collect() if one.name == name]
    return {tuple(sample.labels.values()): sample.value for sample in metric.samples}


def test_what_is_not_finished_is_counted() -> None:
    due(subscription(cap=1), 3)
    claim()
    assert told("agency_api_webhook_deliveries") == {("pending",): 2, ("leased",): 1}


def test_the_oldest_due_is_told_with_how_late_it_is() -> None:
    assert told("agency_api_webhook_oldest_due_seconds") == {(): 0}
    due(subscription(), next_attempt_at=timezone.now() + timedelta(hours=1))
    assert told("agency_api_webhook_oldest_due_seconds") == {(): 0}
    due(subscription(), next_attempt_at=timezone.now() - timedelta(seconds=90))
    due(subscription(), next_attempt_at=timezone.now() - timedelta(seconds=30))
    assert 90 <= told("agency_api_webhook_oldest_due_seconds")[()] < 100


def test_what_waits_for_its_receiver_is_not_late() -> None:
    hour = timezone.now() - timedelta(hours=1)
    due(subscription(status="disabled"), next_attempt_at=hour)
    due(subscription(breaker_open_until=timezone.now() + timedelta(minutes=5)), next_attempt_at=hour)
    assert told("agency_api_webhook_oldest_due_seconds") == {(): 0}


def test_failing_webhooks_are_counted() -> None:
    subscription()
    subscription(failing_since=timezone.now())
    subscription(failing_since=timezone.now(), deleted_at=timezone.now())
    assert told("agency_api_webhooks_failing") == {(): 1}


def test_attempts_are_told_by_what_came_of_them() -> None:
    for how in (outcome(200), outcome(204), outcome(503), outcome(None, error="timeout"), outcome(410)):
        due(subscription())
        assert write(claim(), how) == 1
    assert told("agency_api_webhook_attempts_recent") == {
        ("2xx", "delivered"): 2,
        ("5xx", "pending"): 1,
        ("timeout", "pending"): 1,
        ("4xx", "pending"): 1,
    }


def test_attempts_of_an_hour_ago_are_not_recent() -> None:
    due(subscription())
    write(claim(), outcome())
    with connection.cursor() as cursor:
        old = metrics.partitions.first_id(timezone.now() - timedelta(minutes=6))
        cursor.execute("UPDATE webhooks_attempt SET id = %s", [UUID(int=old.int + 1)])
    assert told("agency_api_webhook_attempts_recent") == {}


@pytest.mark.usefixtures("new_files")
def test_many_waiting_cost_little_and_more_cost_no_more() -> None:
    to = subscription()
    due_by_thousands(to, metrics.MOST_COUNTED + 20_000)
    plans: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "FROM" in sql:
            with connection.connection.cursor() as cursor:
                plans.append("\n".join(line for (line,) in cursor.execute(f"EXPLAIN {sql}", params)))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        counted = told("agency_api_webhook_deliveries")
    assert counted[("pending",)] == metrics.MOST_COUNTED
    assert len(plans) == 4
    assert [plan for plan in plans if "Seq Scan on webhooks_delivery" in plan or "Bitmap" in plan] == []
