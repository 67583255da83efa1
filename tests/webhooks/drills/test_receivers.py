"""Receivers that hang, drip, flood, send elsewhere, or ask for patience."""

from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

from django.utils import timezone

from tests.running.conftest import wait_for
from tests.webhooks.scripted import (
    Gate,
    Receiver,
    answer,
    compression_bomb,
    drip_body,
    drip_head,
    hang,
    ten_gigabytes,
)

from .conftest import Conclude, Neighbours, Process
from .stage import Stage

PROMPTLY = 14
"""Seconds: less than the time-out of one that hangs."""
MOST_READ = 64 * 1024 * 1024
"""What memory may grow by, far below what is sent."""


def memory(worker: Process) -> int:
    """The most that the process which delivers ever had."""
    [child] = worker.children
    [line] = [line for line in Path(f"/proc/{child}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_a_fifth_of_the_endpoints_hang(
    neighbours: Neighbours, stage: Stage, worker: Process, receiver: Receiver, conclude: Conclude
) -> None:
    gate = Gate()
    hanging = [stage.webhook(receiver, gate) for _ in range(2)]
    healthy = [stage.webhook(receiver) for _ in range(8)]
    stage.happen(25)
    neighbours.ring()
    waiting = stage.deliveries.filter(subscription__in=[hook.uuid for hook in healthy]).exclude(state="delivered")
    wait_for(lambda: not waiting.exists(), PROMPTLY)
    assert sum(len(hook.hits) for hook in hanging) == 4  # two each are under way, as at first
    gate.open()
    stage.drain()
    assert conclude("11 a fifth hang").deliveries == {"delivered": 250}


def test_answers_that_drip_flood_and_lead_elsewhere(
    neighbours: Neighbours, stage: Stage, worker: Process, receiver: Receiver, conclude: Conclude
) -> None:
    slow = [stage.webhook(receiver, act) for act in (drip_head, hang)]
    taken = [stage.webhook(receiver, act) for act in (drip_body, ten_gigabytes, compression_bomb)]
    inward = receiver.url("/inward")
    moved = [
        stage.webhook(receiver, answer(status, location=place))
        for status, place in ((302, inward), (307, "http://169.254.169.254/latest/meta-data/"), (301, "https://[::1]/"))
    ]
    stage.webhook(receiver)
    before = memory(worker)
    stage.happen()
    neighbours.ring()
    wait_for(lambda: all(hook.attempts for hook in taken), PROMPTLY)
    assert {(hook.delivery.state, hook.attempts[0].status) for hook in taken} == {("delivered", 200)}
    assert all(len(hook.attempts[0].answer) <= 1024 for hook in taken)
    wait_for(lambda: all(hook.attempts for hook in slow))
    assert {(hook.attempts[0].error, hook.attempts[0].status) for hook in slow} == {("timeout", None)}
    assert all(14_500 <= hook.attempts[0].duration_ms <= 30_000 for hook in slow)
    assert memory(worker) - before < MOST_READ
    assert [hook.attempts[0].status for hook in moved] == [302, 307, 301]
    assert receiver.at("/inward") == []
    for hook in (*slow, *moved):
        receiver.plans[hook.place] = answer()
    stage.waiting_is_over()
    stage.drain(neighbours.ring)
    assert conclude("12-15 dripped, flooded, redirected").deliveries == {"delivered": 9}


# --- what receivers ask for -------------------------------------------------------------------------


def test_a_receiver_that_names_a_time_is_not_tried_before_it_nor_put_off_beyond_a_day(
    neighbours: Neighbours, stage: Stage, worker: Process, receiver: Receiver, conclude: Conclude
) -> None:
    begun = timezone.now()
    asked = {
        "100": (100, 100),
        format_datetime(begun + timedelta(seconds=200), usegmt=True): (195, 200),
        "soon, I hope": (4, 6),  # the schedule's own
        "315360000": (86_400, 86_400),
        "-5": (4, 6),
    }
    hooks = {value: stage.webhook(receiver, answer(503, retry_after=value)) for value in asked}
    stage.happen()
    neighbours.ring()
    wait_for(lambda: all(hook.attempts for hook in hooks.values()))
    passed = (timezone.now() - begun).total_seconds()
    for value, (least, most) in asked.items():
        due = hooks[value].delivery.next_attempt_at
        assert due
        assert least <= (due - begun).total_seconds() <= most + passed
    for hook in hooks.values():
        receiver.plans[hook.place] = answer()
    stage.waiting_is_over()
    stage.drain(neighbours.ring)
    assert conclude("21 Retry-After").deliveries == {"delivered": len(asked)}


def test_gone_then_enabled_and_recovered(
    neighbours: Neighbours, stage: Stage, worker: Process, receiver: Receiver, conclude: Conclude
) -> None:
    since = timezone.now().isoformat()
    hook = stage.webhook(receiver, answer(410))
    stage.happen(4)
    neighbours.ring()
    wait_for(lambda: hook.row.status == "disabled")
    stage.drain(lambda: neighbours.ring("webhooks.tasks.watch"))  # an event of that same moment waits for it
    stage.happen()
    assert (hook.row.disabled_reason, {one.state for one in hook.deliveries}) == ("gone", {"held"})
    assert len(hook.hits) <= 2
    receiver.plans[hook.place] = answer()
    stage.site.data("PATCH", hook.path, token=stage.token, json={"status": "enabled"})
    recovered = stage.site.data("POST", f"{hook.path}/recover", token=stage.token, json={"since": since})
    assert recovered["deliveries"] == 5
    neighbours.ring("webhooks.tasks.watch")
    wait_for(lambda: all(one.state == "delivered" for one in hook.deliveries))
    assert conclude("22 gone, enabled, recovered").deliveries == {"delivered": 5}
