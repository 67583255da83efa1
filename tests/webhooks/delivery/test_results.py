"""How attempts went, as it is written: the delivery's next step, the log, and how it goes with the webhook."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from tests.webhooks.delivery.rows import claim, due, outcome, states, subscription, write
from webhooks.delivery.sender import Outcome
from webhooks.models import Attempt, Delivery, Subscription

pytestmark = pytest.mark.django_db(transaction=True)


def word(how: Outcome) -> str:
    return how.error or str(how.status)


def attempted(to: Subscription, how: Outcome, **values: Any) -> Delivery:
    """A delivery to it, of which one attempt went like this."""
    [delivery] = due(to, **values)
    assert write(claim(), how) == 1
    delivery.refresh_from_db()
    to.refresh_from_db()
    return delivery


def waits(delivery: Delivery) -> float:
    """Seconds until its next attempt."""
    assert delivery.next_attempt_at
    return (delivery.next_attempt_at - timezone.now()).total_seconds()


def pause_is_over(to: Subscription) -> None:
    Subscription.objects.filter(pk=to.pk).update(breaker_open_until=Now())


def pause(to: Subscription) -> float:
    """Seconds for which it is left in peace from now on; 0 where it is not."""
    return (to.breaker_open_until - timezone.now()).total_seconds() if to.breaker_open_until else 0


def test_what_was_taken_is_delivered_and_on_record() -> None:
    to = subscription()
    delivery = attempted(to, outcome(204))
    assert (delivery.state, delivery.attempts, delivery.lease_token) == ("delivered", 1, None)
    assert delivery.finished_at
    attempt = Attempt.objects.get()
    assert (attempt.delivery_id, attempt.number, attempt.status, attempt.address) == (delivery.pk, 1, 204, "127.0.0.1")
    assert to.last_success_at
    assert to.failing_since is None


@pytest.mark.parametrize(
    "how", [outcome(500), outcome(302), outcome(429), outcome(404), outcome(None, error="timeout")], ids=word
)
def test_what_was_not_taken_is_tried_again(how: Outcome) -> None:
    to = subscription()
    delivery = attempted(to, how)
    assert (delivery.state, delivery.attempts, delivery.finished_at) == ("pending", 1, None)
    assert 3.5 < waits(delivery) <= 6
    assert to.failing_since


def test_the_receiver_may_ask_for_more_patience() -> None:
    assert 99 < waits(attempted(subscription(), outcome(503, retry_after=100))) <= 100


def test_after_the_last_attempt_it_is_exhausted() -> None:
    delivery = attempted(subscription(), outcome(500), attempts=10)
    assert delivery.state == "pending"
    delivery = attempted(subscription(), outcome(500), attempts=11)
    assert (delivery.state, delivery.attempts) == ("exhausted", 12)
    assert delivery.finished_at


def test_after_gone_it_waits_and_nothing_more_is_sent() -> None:
    """The engine disables the webhook then, and so holds it. Should it die before, the delivery is not lost."""
    to = subscription()
    delivery = attempted(to, outcome(410))
    assert (delivery.state, delivery.finished_at) == ("pending", None)
    due(to)
    assert 20 < pause(to) <= 30
    assert claim() == []


def test_a_fault_of_ours_costs_the_receiver_nothing() -> None:
    to = subscription()
    delivery = attempted(to, outcome(None, error="local"))
    assert (delivery.state, delivery.attempts, to.failures_in_row, to.cap) == ("pending", 0, 0, 2)
    assert waits(delivery) <= 6
    assert not Attempt.objects.exists()


@pytest.mark.parametrize("how", [outcome(200), outcome(500), outcome(410), outcome(None, error="local")], ids=word)
def test_a_result_whose_lease_is_over_is_refused(how: Outcome) -> None:
    to = subscription()
    [delivery] = due(to)
    late = claim()
    Delivery.objects.update(lease_token=uuid4())
    assert write(late, how) == 0
    delivery.refresh_from_db()
    to.refresh_from_db()
    assert (delivery.state, delivery.attempts, to.failures_in_row, to.last_success_at) == ("leased", 1, 0, None)
    assert not Attempt.objects.exists()


def test_results_of_many_webhooks_are_written_together() -> None:
    good, bad = subscription(), subscription()
    due(good, 2)
    due(bad, 2)
    claimed = claim()
    write([one for one in claimed if one.subscription_id == good.pk], outcome())
    write([one for one in claimed if one.subscription_id == bad.pk], outcome(500))
    assert (states(good), states(bad)) == (["delivered"] * 2, ["pending"] * 2)


# --- how it goes with the webhook -----------------------------------------------------------------------


def test_the_cap_doubles_with_success_up_to_sixteen_and_falls_to_one() -> None:
    to = subscription()
    caps = []
    for status in (200, 200, 200, 200, 500, 200):
        attempted(to, outcome(status))
        Delivery.objects.all().delete()
        caps.append(to.cap)
    assert caps == [4, 8, 16, 16, 1, 2]


def test_five_failures_in_a_row_open_the_breaker_and_each_probe_that_fails_doubles_its_pause() -> None:
    to = subscription()
    pauses = []
    for _ in range(12):
        attempted(to, outcome(500))
        assert claim() == []
        pauses.append(round(pause(to), -1))
        pause_is_over(to)
        Delivery.objects.all().delete()
    assert pauses == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]


def test_a_probe_that_succeeds_closes_it() -> None:
    to = subscription(cap=1, failures_in_row=7, breaker_trips=3, breaker_open_until=Now(), failing_since=Now())
    due(to, 5)
    probe = claim()
    assert len(probe) == 1
    write(probe, outcome())
    to.refresh_from_db()
    assert (to.failures_in_row, to.breaker_trips, to.breaker_open_until, to.failing_since) == (0, 0, None, None)
    assert len(claim()) == to.cap == 2


def test_failures_that_were_under_way_when_it_opened_do_not_prolong_the_pause() -> None:
    to = subscription(cap=16, failures_in_row=4)
    due(to, 4)
    claimed = claim()
    for one in claimed:
        write([one], outcome(500))
    to.refresh_from_db()
    assert (to.failures_in_row, to.breaker_trips) == (8, 1)
    assert 20 < pause(to) <= 30


@pytest.mark.parametrize(
    ("changed", "status", "state"),
    [
        ({"status": "disabled"}, 500, "held"),
        ({"status": "disabled"}, 200, "delivered"),
        ({"deleted_at": Now()}, 500, "cancelled"),
        ({"deleted_at": Now()}, 200, "delivered"),
    ],
)
def test_a_webhook_that_was_changed_meanwhile(changed: dict[str, Any], status: int, state: str) -> None:
    to = subscription()
    due(to)
    claimed = claim()
    Subscription.objects.filter(pk=to.pk).update(**changed)
    assert write(claimed, outcome(status)) == 1
    delivery = Delivery.objects.get()
    assert delivery.state == state
    assert (delivery.finished_at is None) == (state == "held")


def test_lasting_failure_is_dated_from_its_first() -> None:
    to = subscription()
    attempted(to, outcome(500))
    since = to.failing_since
    Delivery.objects.update(next_attempt_at=Now() - timedelta(seconds=1))
    write(claim(), outcome(500))
    to.refresh_from_db()
    assert to.failing_since == since
