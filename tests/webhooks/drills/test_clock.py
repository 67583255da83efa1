"""A worker whose clock is wrong by ten minutes: what is signed, written and waited for goes by the database's."""

import pytest

from tests.running.conftest import wait_for
from tests.webhooks.scripted import Receiver, answer

from .conftest import Conclude, NewWorker
from .stage import Stage


@pytest.mark.parametrize("minutes", ["+10", "-10"])
def test_a_worker_whose_clock_is_wrong(
    stage: Stage, new_worker: NewWorker, receiver: Receiver, conclude: Conclude, minutes: str
) -> None:
    new_worker(
        LD_PRELOAD="/usr/$LIB/faketime/libfaketimeMT.so.1", FAKETIME=f"{minutes}m", FAKETIME_DONT_FAKE_MONOTONIC="1"
    )
    hook = stage.webhook(receiver, answer(500))
    stage.happen()
    wait_for(lambda: hook.attempts)
    receiver.plans[hook.place] = answer()
    [attempt], [hit], due = hook.attempts, hook.hits, hook.delivery.next_attempt_at
    assert abs(int(hit.headers["webhook-timestamp"]) - hit.at) < 60
    assert abs(attempt.started_at.timestamp() - hit.at) < 60
    assert due
    assert 1 < (due - attempt.started_at).total_seconds() < 60
    stage.waiting_is_over()
    stage.happen()
    wait_for(lambda: len(hook.hits) == 3)
    stage.drain()
    assert conclude(f"19 clock {minutes} minutes").deliveries == {"delivered": 2}
