"""Changes that are rolled back, a database that is restarted, workers side by side and one that is late."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.running.conftest import wait_for
from tests.webhooks.scripted import Gate, Receiver, answer

from .conftest import Conclude, Neighbours, NewWorker, Process
from .stage import Stage

EVENTS = 2
"""As many as a new webhook has under way at first."""


def test_a_change_that_is_rolled_back_makes_no_event(
    neighbours: Neighbours, stage: Stage, worker: Process, receiver: Receiver, conclude: Conclude
) -> None:
    """The event was written, its deliveries could not be."""
    stage.webhook(receiver)
    before = stage.site.data("GET", stage.client, token=stage.token)
    with ThreadPoolExecutor() as pool, neighbours.held_up("webhooks_delivery", "ACCESS EXCLUSIVE") as somebody_waits:
        answers = pool.submit(stage.change)
        somebody_waits()
        neighbours.cut_off_waiting()
        assert answers.result(60).status_code == 503
    assert stage.site.data("GET", stage.client, token=stage.token)["first_name"] == before["first_name"]
    neighbours.ring()
    counts = conclude("4 rolled back")
    assert (counts.events, counts.deliveries, counts.received) == (0, {}, 0)
    stage.happen()
    stage.drain(neighbours.ring)
    assert conclude("4 then committed").deliveries == {"delivered": 1}


@pytest.mark.parametrize(
    ("when", "table", "mode"),
    [
        ("mid-claim", "webhooks_event", "ACCESS EXCLUSIVE"),  # subscriptions are locked, deliveries not yet taken
        ("mid-result", "webhooks_attempt", "EXCLUSIVE"),  # the receiver has answered
    ],
)
def test_a_database_that_is_restarted(
    neighbours: Neighbours,
    stage: Stage,
    worker: Process,
    receiver: Receiver,
    conclude: Conclude,
    when: str,
    table: str,
    mode: str,
) -> None:
    """The worker that was at it waits for the database and goes on, with what it knows."""
    stage.webhook(receiver)
    with ExitStack() as held:
        with worker.stopped():  # else it may be done before the table is held
            stage.happen(EVENTS)
            somebody_waits = held.enter_context(neighbours.held_up(table, mode))
        neighbours.ring()
        somebody_waits()
        neighbours.restart_database()
    stage.drain()
    counts = conclude(f"8 database restarted in {when}")
    assert (counts.deliveries, counts.received, counts.attempts) == ({"delivered": EVENTS}, EVENTS, EVENTS)


def test_two_workers_take_nothing_twice(
    neighbours: Neighbours,
    stage: Stage,
    worker: Process,
    new_worker: NewWorker,
    receiver: Receiver,
    conclude: Conclude,
) -> None:
    """Both are kept in their loops by a receiver that does not answer, and so reach for all that comes at once."""
    gates = [Gate(), Gate()]
    stage.webhook(receiver, gates[0])
    stage.happen()
    neighbours.ring()
    wait_for(lambda: gates[0].waiting)
    new_worker()
    with worker.stopped():
        stage.webhook(receiver, gates[1])
        stage.happen()
        neighbours.ring()
        wait_for(lambda: gates[1].waiting)
    hooks = [stage.webhook(receiver, answer(after=0.02)) for _ in range(10)]
    stage.happen(20)
    active = neighbours.broker.control.inspect(timeout=30, limit=2).active()
    assert sorted(len(tasks) for tasks in active.values()) == [1, 1]
    wait_for(
        lambda: not stage.deliveries.filter(subscription__in=[one.uuid for one in hooks]).exclude(state="delivered")
    )
    for gate in gates:
        gate.open()
    stage.drain()
    counts = conclude("9 two workers")
    assert counts.deliveries == {"delivered": counts.received} == {"delivered": counts.attempts}
    assert all(len({hit.id for hit in hook.hits}) == 20 for hook in hooks)


def test_the_late_result_of_a_lease_that_is_over_is_refused(
    neighbours: Neighbours,
    stage: Stage,
    worker: Process,
    new_worker: NewWorker,
    receiver: Receiver,
    conclude: Conclude,
) -> None:
    gate = Gate(answer(500))
    hook = stage.webhook(receiver, gate)
    stage.happen()
    neighbours.ring()
    wait_for(lambda: gate.waiting)
    receiver.plans[hook.place] = answer()
    stage.leases_end()
    new_worker()
    neighbours.ring()
    stage.drain()
    gate.open()
    wait_for(lambda: worker.said("webhook_results_refused"))
    [attempt] = hook.attempts
    assert (attempt.status, hook.delivery.state, hook.row.failures_in_row) == (200, "delivered", 0)
    assert conclude("10 a late result", in_flight=1).duplicates == 1
