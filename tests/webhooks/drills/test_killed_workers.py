"""Workers that are killed at every point of a delivery: nothing is lost, and nothing comes twice but what was under
way."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.running.conftest import wait_for
from tests.webhooks.scripted import Receiver, answer, calls, receiving

from .conftest import Conclude, Neighbours, NewWorker
from .stage import Stage

EVENTS = 2
"""As many as a new webhook has under way at first."""


@contextmanager
def nobody_accepts() -> Iterator[int]:
    """A port where connections are neither accepted nor refused."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        yield full.getsockname()[1]


def test_a_worker_killed_before_the_post(
    neighbours: Neighbours, stage: Stage, new_worker: NewWorker, conclude: Conclude
) -> None:
    worker = new_worker()
    with nobody_accepts() as port:
        hook = stage.webhook(Receiver(port))
        stage.happen(EVENTS)
        neighbours.ring()
        stage.leased()
        worker.kill()
    with receiving(port=port) as receiver:
        hook.receiver = receiver
        new_worker()
        stage.leases_end()
        stage.drain(neighbours.ring)
        counts = conclude("1 killed before the POST")
    assert (counts.deliveries, counts.received) == ({"delivered": EVENTS}, EVENTS)


def test_a_worker_killed_in_mid_post(
    neighbours: Neighbours, stage: Stage, new_worker: NewWorker, receiver: Receiver, conclude: Conclude
) -> None:
    worker = new_worker()
    hook = stage.webhook(receiver, calls(worker.kill))
    stage.happen(EVENTS)
    neighbours.ring()
    wait_for(lambda: worker.popen.poll() is not None)
    assert hook.hits
    receiver.plans[hook.place] = answer()
    new_worker()
    stage.leases_end()
    stage.drain(neighbours.ring)
    counts = conclude("2 killed in mid-POST", in_flight=EVENTS)
    assert counts.deliveries == {"delivered": EVENTS}
    assert counts.duplicates > 0


def test_a_worker_killed_after_the_answer_and_before_the_result_is_written(
    neighbours: Neighbours, stage: Stage, new_worker: NewWorker, receiver: Receiver, conclude: Conclude
) -> None:
    worker = new_worker()
    hook = stage.webhook(receiver)
    with neighbours.held_up("webhooks_attempt", "EXCLUSIVE") as somebody_waits:
        stage.happen(EVENTS)
        neighbours.ring()
        somebody_waits()
        in_flight = len(hook.hits)
        worker.kill()
    assert in_flight
    assert {one.state for one in hook.deliveries} <= {"leased", "pending"}
    new_worker()
    stage.leases_end()
    stage.drain(neighbours.ring)
    counts = conclude("3 killed before the result was written", in_flight=in_flight)
    assert (counts.deliveries, counts.duplicates) == ({"delivered": EVENTS}, in_flight)


def test_a_worker_killed_between_410_and_the_disabling(
    neighbours: Neighbours, stage: Stage, new_worker: NewWorker, receiver: Receiver, conclude: Conclude
) -> None:
    """The receiver was gone for a moment only: it gets what it refused, as there is nothing to tell anybody of it."""
    worker = new_worker()
    hook = stage.webhook(receiver, answer(410))
    with ExitStack() as held:
        with worker.stopped():  # else it may be done before the table is held
            stage.happen()
            somebody_waits = held.enter_context(neighbours.held_up("audit_auditentry", "EXCLUSIVE"))
        neighbours.ring()
        somebody_waits()
        worker.kill()
    receiver.plans[hook.place] = answer()
    new_worker()
    stage.waiting_is_over()
    neighbours.ring()
    wait_for(lambda: hook.delivery.state == "delivered")
    assert conclude("3 killed before the webhook was disabled").deliveries == {"delivered": 1}
    assert hook.row.status == "enabled"
