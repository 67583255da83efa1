"""The loop that delivers, to real receivers, until nothing is due."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.db.models.functions import Now

from tests.running.conftest import wait_for
from tests.threads import another_connection, await_waiting, table_held
from tests.webhooks.delivery.rows import due, run, states, subscription
from tests.webhooks.scripted import Gate, Hit, Receiver, answer, hang, receiving
from webhooks.models import Attempt, Delivery, Subscription

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def test_it_ends_when_nothing_is_due(there: Receiver) -> None:
    to = subscription(there.url("/"))
    due(to, 50)
    assert run() is False
    assert states(to) == ["delivered"] * 50
    assert len({hit.id for hit in there.hits}) == len(there.hits) == 50
    assert run() is False


def test_it_claims_no_more_when_its_time_is_over_and_finishes_what_it_has(there: Receiver) -> None:
    to = subscription(there.url("/"))
    due(to, 20)
    assert run(seconds=0) is True
    assert there.hits == []
    there.plans["/"] = answer(after=0.3)
    assert run(seconds=0.2) is True
    assert states(to) == ["delivered"] * 2 + ["pending"] * 18


def test_no_more_are_under_way_than_the_cap(there: Receiver) -> None:
    under_way: list[int] = [0]
    most: list[int] = []

    async def count(_: Hit, writer: asyncio.StreamWriter) -> None:
        under_way[0] += 1
        most.append(under_way[0])
        await asyncio.sleep(0.05)
        under_way[0] -= 1
        await answer()(_, writer)

    there.plans["/"] = count
    to = subscription(there.url("/"))
    due(to, 100)
    run()
    assert most[0] == 1
    assert 2 < max(most) <= 16
    assert states(to) == ["delivered"] * 100


def test_a_receiver_that_hangs_holds_up_no_other(there: Receiver) -> None:
    there.plans["/hangs"] = hang
    hangs, answers = subscription(there.url("/hangs")), subscription(there.url("/answers"))
    due(hangs, 10)
    due(answers, 100)
    begun = time.time()
    run(seconds=1.5)
    assert max(hit.at for hit in there.at("/answers")) - begun < 1.5
    assert states(answers) == ["delivered"] * 100
    assert len(there.at("/hangs")) == 2
    assert set(Attempt.objects.filter(delivery__subscription=hangs).values_list("error", flat=True)) == {"timeout"}


def test_gone_disables_the_webhook_and_holds_what_waits(there: Receiver) -> None:
    there.plans["/"] = answer(410)
    to = subscription(there.url("/"))
    due(to, 30)
    run()
    to.refresh_from_db()
    assert (to.status, to.disabled_reason, states(to)) == ("disabled", "gone", ["held"] * 30)
    assert len(there.hits) < 30


def test_an_address_that_was_left_behind_says_nothing_of_the_new_one(there: Receiver) -> None:
    """The receiver has moved, and the webhook with it, while a delivery is under way to where it was."""
    gate = there.plans["/old"] = Gate(answer(410))
    to = subscription(there.url("/old"))
    due(to)
    with ThreadPoolExecutor() as pool:
        done = pool.submit(_engine_in_a_thread)
        wait_for(lambda: gate.waiting)
        Subscription.objects.filter(pk=to.pk).update(url=there.url("/new"))
        gate.open()
        done.result(20)
    to.refresh_from_db()
    assert (to.status, states(to)) == ("enabled", ["pending"])
    Delivery.objects.update(next_attempt_at=Now())
    Subscription.objects.update(breaker_open_until=None)
    run()
    assert (states(to), len(there.at("/new"))) == (["delivered"], 1)


def test_what_a_worker_that_died_had_leased_is_delivered(there: Receiver) -> None:
    to = subscription(there.url("/"))
    due(to)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE webhooks_delivery SET state = 'leased', lease_token = gen_random_uuid(), attempts = 1,"
            " leased_until = now() - interval '1 second'"
        )
    run()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, len(there.hits)) == ("delivered", 1, 1)


def test_a_connection_that_is_lost_in_the_middle_loses_nothing(there: Receiver) -> None:
    gate = there.plans["/"] = Gate()
    to = subscription(there.url("/"))
    due(to, 10)
    with ThreadPoolExecutor() as pool:
        done = pool.submit(_engine_in_a_thread)
        wait_for(lambda: gate.waiting == 2)
        with another_connection() as administrator:
            ours = [connection.connection.info.backend_pid, administrator.info.backend_pid]
            ended = administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> ALL(%s)",
                [ours],
            ).fetchall()
        assert ended
        gate.open()
        assert done.result(20) is False
    assert states(to) == ["delivered"] * 10
    assert len(there.hits) == 10


def test_a_connection_that_is_lost_as_a_webhook_is_disabled_costs_no_other_a_delivery(there: Receiver) -> None:
    there.plans["/gone"] = answer(410)
    gate = there.plans["/"] = Gate()
    gone, other = subscription(there.url("/gone")), subscription(there.url("/"))
    for to in (gone, other):
        due(to)
    with ThreadPoolExecutor() as pool:
        with table_held("audit_auditentry"):
            done = pool.submit(_engine_in_a_thread)
            [disabling] = await_waiting()
            with another_connection() as administrator:
                administrator.execute("SELECT pg_terminate_backend(%s)", [disabling])
            wait_for(lambda: gate.waiting)
        gate.open()
        assert done.result(20) is False
    assert (states(other), len(there.at("/"))) == (["delivered"], 1)
    Delivery.objects.filter(subscription=gone).update(next_attempt_at=Now())
    Subscription.objects.update(breaker_open_until=None)
    run()
    gone.refresh_from_db()
    assert (gone.status, states(gone)) == ("disabled", ["held"])


def test_it_comes_to_the_database_by_all_that_its_address_says(
    there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client's certificate, for one. (What is shown of it is the name that the address has for who comes.)"""
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "application_name", "harbour")
    gate = there.plans["/"] = Gate()
    due(subscription(there.url("/")))
    with ThreadPoolExecutor() as pool:
        done = pool.submit(_engine_in_a_thread)
        wait_for(lambda: gate.waiting)
        with another_connection() as onlooker:
            [(count,)] = onlooker.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'harbour'")
        gate.open()
        done.result(20)
    assert count


def test_two_at_once_deliver_each_once(there: Receiver) -> None:
    targets = [subscription(there.url(f"/{n}")) for n in range(5)]
    for to in targets:
        due(to, 40)
    with ThreadPoolExecutor() as pool:
        for future in [pool.submit(_engine_in_a_thread) for _ in range(3)]:
            future.result(30)
    run()
    assert len({(hit.path, hit.id) for hit in there.hits}) == len(there.hits) == 200
    assert Delivery.objects.filter(state="delivered", attempts=1).count() == 200


def _engine_in_a_thread() -> bool:
    try:
        return run(timeout=10)
    finally:
        connections.close_all()
