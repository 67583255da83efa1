"""A broker that is down, or loses all it has: the sweep finds what no doorbell told of."""

import time
from collections.abc import Iterator

import pytest

from tests.running.conftest import wait_for
from tests.webhooks.scripted import Receiver

from .conftest import Conclude, Neighbours, NewWorker, Process
from .stage import Stage

OUTAGE = 8
"""Seconds, for minutes: longer than a doorbell is heard, and than two sweeps."""


@pytest.fixture(scope="module")
def beat(neighbours: Neighbours) -> Iterator[Process]:
    one = neighbours.beat()
    yield one
    one.kill()


def test_a_broker_that_is_down_at_the_commit(
    neighbours: Neighbours, stage: Stage, new_worker: NewWorker, beat: Process, receiver: Receiver, conclude: Conclude
) -> None:
    """The change is made all the same, and as fast."""
    stage.webhook(receiver)
    with neighbours.no_broker():
        begun = time.monotonic()
        stage.happen(3)
        assert time.monotonic() - begun < 6  # what one of them would wait for a broker, if it did
    new_worker()
    stage.drain()
    assert conclude("5 broker down at commit").deliveries == {"delivered": 3}


def test_a_broker_that_is_flushed_with_a_backlog(
    neighbours: Neighbours, stage: Stage, new_worker: NewWorker, beat: Process, receiver: Receiver, conclude: Conclude
) -> None:
    stage.webhook(receiver)
    stage.happen(50)
    neighbours.ring()
    assert neighbours.valkey.llen("webhooks")
    neighbours.valkey.flushall()
    new_worker()
    stage.drain()
    assert conclude("6 broker flushed").deliveries == {"delivered": 50}


def test_a_broker_that_is_down_for_a_while(
    neighbours: Neighbours, stage: Stage, new_worker: NewWorker, beat: Process, receiver: Receiver, conclude: Conclude
) -> None:
    """Worker and beat live through it, and what was recorded meanwhile is found by the sweep alone."""
    stage.webhook(receiver)
    worker = new_worker()
    stage.happen()
    stage.drain()
    with neighbours.no_broker():
        stage.happen(20)
        time.sleep(OUTAGE)
        assert not stage.done()
    wait_for(stage.done, 60)
    assert worker.popen.poll() is None
    assert conclude("7 broker down for a while").deliveries == {"delivered": 21}


def test_a_broker_that_refuses_writes_for_a_while(
    neighbours: Neighbours, stage: Stage, new_worker: NewWorker, beat: Process, receiver: Receiver, conclude: Conclude
) -> None:
    """As one does whose disk is full, or that became a replica. The probe does not call it well."""
    stage.webhook(receiver)
    worker = new_worker()
    neighbours.valkey.config_set("min-replicas-to-write", 1)
    try:
        stage.happen(5)
        checks = stage.site.call("GET", "/readyz").json()["checks"]
        time.sleep(OUTAGE)
        assert not stage.done()
    finally:
        neighbours.valkey.config_set("min-replicas-to-write", 0)
    assert (checks["counterStore"], checks["broker"]) == ("unavailable", "unavailable")
    wait_for(stage.done, 60)
    assert worker.popen.poll() is None
    assert conclude("27 broker refuses writes").deliveries == {"delivered": 5}
