"""A worker that is told to stop finishes what it has: nothing is given back, and nothing comes twice."""

from tests.running.conftest import wait_for
from tests.webhooks.scripted import Gate, Receiver

from .conftest import Conclude, Neighbours, NewWorker
from .stage import Stage

EVENTS = 2
"""As many as a new webhook has under way at first."""


def test_a_worker_that_is_told_to_stop(
    neighbours: Neighbours, stage: Stage, new_worker: NewWorker, receiver: Receiver, conclude: Conclude
) -> None:
    gate, worker = Gate(), new_worker()
    stage.webhook(receiver, gate)
    stage.happen(EVENTS)
    neighbours.ring()
    wait_for(lambda: gate.waiting == EVENTS)
    worker.popen.terminate()
    wait_for(lambda: worker.said("Warm shutdown"))
    assert worker.popen.poll() is None
    gate.open()
    assert worker.popen.wait(60) == 0
    assert stage.done()
    counts = conclude("26 told to stop")
    assert (counts.deliveries, counts.attempts, counts.received) == ({"delivered": EVENTS}, EVENTS, EVENTS)
