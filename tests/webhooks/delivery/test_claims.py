"""What a worker is given: due, once, within each webhook's cap, and fair between agencies."""

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from agencies.models import Agency
from tests.webhooks.delivery.rows import EVERYTHING, claim, connected, due, due_by_thousands, states, subscription
from webhooks.delivery import claims
from webhooks.models import Delivery, Subscription

pytestmark = pytest.mark.django_db(transaction=True)
LATER = timedelta(hours=1)


def lapse() -> None:
    """A minute goes by."""
    Delivery.objects.filter(state="leased").update(leased_until=Now() - timedelta(seconds=1))


async def release() -> int:
    async with connected() as one:
        return await claims.release_lapsed(one)


def test_what_is_due_is_leased_for_a_minute() -> None:
    [delivery] = due(subscription())
    [claimed] = claim()
    delivery.refresh_from_db()
    assert (claimed.id, claimed.attempts, claimed.body) == (delivery.pk, 1, b'{"type":"client.updated"}')
    assert (delivery.state, delivery.attempts, delivery.lease_token) == ("leased", 1, claimed.lease_token)
    assert delivery.leased_until
    assert 50 < (delivery.leased_until - timezone.now()).total_seconds() <= 60
    assert claim() == []


def test_the_longest_due_comes_first() -> None:
    to = subscription(cap=1)
    due(to)
    [older] = due(to, next_attempt_at=timezone.now() - LATER)
    assert [one.id for one in claim()] == [older.pk]


@pytest.mark.parametrize(
    "values",
    [
        {"status": "disabled", "disabled_reason": "requested"},
        {"deleted_at": Now()},
        {"breaker_open_until": Now() + timedelta(seconds=9), "failures_in_row": 5},
    ],
)
def test_nothing_is_taken_for_a_webhook_that_is_disabled_deleted_or_left_in_peace(values: dict[str, Any]) -> None:
    to = subscription(**values)
    due(to, 3)
    assert claim() == []
    assert states(to) == ["pending"] * 3


def test_nothing_is_taken_before_its_time() -> None:
    due(subscription(), next_attempt_at=timezone.now() + LATER)
    assert claim() == []


@pytest.mark.parametrize(
    ("values", "most"),
    [({}, 2), ({"cap": 16}, 16), ({"cap": 16, "failures_in_row": 4}, 16), ({"cap": 16, "failures_in_row": 5}, 1)],
)
def test_no_more_are_under_way_than_the_cap_or_one_probe(values: dict[str, Any], most: int) -> None:
    to = subscription(**values)
    due(to, 20)
    assert len(claim()) == most
    assert claim() == []
    Delivery.objects.filter(pk=Delivery.objects.filter(state="leased").values("pk")[:1]).update(
        state="delivered", lease_token=None
    )
    assert len(claim()) == 1


def test_no_more_are_taken_than_there_is_room_for() -> None:
    for _ in range(5):
        due(subscription(), 2)
    assert [len(claim(3)), len(claim(3)), len(claim(3)), len(claim(3)), len(claim(3))] == [3, 3, 3, 1, 0]


def test_many_workers_at_once_take_nothing_twice_and_keep_to_the_caps() -> None:
    targets = [subscription(cap=cap) for cap in (1, 2, 3, 16)]
    for to in targets:
        due(to, 30)

    async def worker() -> list[Any]:
        async with connected() as one:
            return [claimed for _ in range(6) for claimed, _ in (await claims.claim(one, 4))[0]]

    async def workers() -> list[list[Any]]:
        return await asyncio.gather(*(worker() for _ in range(8)))

    taken = [one for mine in asyncio.run(workers()) for one in mine]
    taken += claim(30)  # what they left to each other, as none waits for another's locks
    assert len({one.id for one in taken}) == len(taken)
    assert Counter(one.subscription_id for one in taken) == {to.pk: to.cap for to in targets}


def test_nothing_is_taken_for_an_agency_while_it_is_deactivated() -> None:
    to = subscription()
    due(to, 2)
    Agency.objects.update(deactivated_at=Now())
    assert claim() == []
    Agency.objects.update(deactivated_at=None)
    assert len(claim()) == 2


def test_a_lease_that_lapsed_is_given_anew_and_costs_no_attempt() -> None:
    to = subscription()
    due(to)
    [first] = claim()
    assert asyncio.run(release()) == 0
    lapse()
    assert asyncio.run(release()) == 1
    [second] = claim()
    assert (second.id, second.attempts) == (first.id, 1)
    assert second.lease_token != first.lease_token


# --- one agency's queue and the others ------------------------------------------------------------------


def test_an_agency_with_very_many_deliveries_does_not_delay_anothers_first() -> None:
    crowd = [subscription(cap=16)]
    crowd += [subscription(cap=16, agency=crowd[0].agency) for _ in range(4)]
    for to in crowd:
        due_by_thousands(to, 5_000)
    one = subscription()
    due(one)
    assert {claimed.subscription_id == one.pk for claimed in claim(2)} == {True, False}


def blocks_read(room: int = EVERYTHING) -> int:
    """Pages of tables and indexes that both statements of a claim touch; they are taken back."""
    with transaction.atomic(), connection.cursor() as cursor:
        every = list(Subscription.objects.values_list("pk", flat=True))
        plans = []
        for statement in (claims.LOCK, claims.TAKE):
            cursor.execute(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", {"room": room, "subscriptions": every}
            )
            [found] = cursor.fetchone()
            plans.append((found if isinstance(found, list) else json.loads(found))[0]["Plan"])
        transaction.set_rollback(True)
    return sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans)


def test_a_claim_costs_as_much_whatever_waits() -> None:
    crowded, other = subscription(), subscription()
    due(other)
    due_by_thousands(crowded, 500)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE webhooks_delivery")
        few = blocks_read()
        Delivery.objects.all().delete()
        due(other)
        due_by_thousands(crowded, 30_000)
        cursor.execute("VACUUM (ANALYZE, INDEX_CLEANUP ON) webhooks_delivery")  # not only where it seems worth it
    assert blocks_read() < 2 * few
