"""Deliveries of webhooks: this code, a Celery task for each, and a bare aiohttp loop; then with endpoints that hang.

Each round begins with subscriptions that nothing was ever delivered to, and with all events recorded. Measured is from
the moment that the worker is told to the moment that the last one is known to be delivered.
"""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count

from api import roles
from bench import receiver, webhooks_usual
from config import embedded
from webhooks import secrets
from webhooks.models import Delivery, Subscription
from webhooks.services.events import QUEUE, ring_now

ROUNDS = 5
AGENCIES = 20
SUBSCRIPTIONS = 100
EVENTS_EACH = 50
"""Of a subscription: 5,000 deliveries."""
USUAL_EVENTS_EACH = 5
"""The usual way has the same rate with fewer, and takes long enough."""
MOST_SECONDS = 120

CONTENDERS = (
    "a Celery task each",
    "the same, connections kept",
    "this code",
    "this code, known receivers",
    "floor (bare aiohttp loop)",
    "the floor on uvloop",
    "this code, half of them hanging",
)
WORKER = ["worker", "--loglevel", "WARNING", "--concurrency"]
OURS = ["celery", "--quiet", "-A", "config", *WORKER, "1", "--queues", QUEUE]
USUAL = ["celery", "--quiet", "-A", "bench.webhooks_usual", *WORKER, str(os.cpu_count())]
USUAL_QUEUES = ("usual", "usual-kept")
FLOORS = [["bench.webhooks_floor"], ["bench.webhooks_floor", "uvloop"]]

RECORD = """
    WITH made AS MATERIALIZED (
        SELECT uuidv7() AS event_id, uuidv7() AS delivery_id, s.id AS subscription_id, s.agency_id, n
        FROM webhooks_subscription s, generate_series(1, %(each)s) n WHERE s.id = ANY(%(subscriptions)s)
    ), told AS (
        INSERT INTO webhooks_event (id, agency_id, type, body)
        SELECT event_id, agency_id, 'client.created',
               convert_to(rpad('{"number": ' || n || ', "filler": "', 1022, 'x') || '"}', 'UTF8')
        FROM made
    )
    INSERT INTO webhooks_delivery (id, subscription_id, event_id, event_type, replay, state, attempts)
    SELECT delivery_id, subscription_id, event_id, 'client.created', 0, 'pending', 0 FROM made
"""
UNDONE = """
    SELECT EXISTS (
        SELECT 1 FROM webhooks_delivery WHERE state = 'pending' AND subscription_id = ANY(%(subscriptions)s)
    ) OR EXISTS (
        SELECT 1 FROM webhooks_delivery WHERE state = 'leased' AND subscription_id = ANY(%(subscriptions)s)
    )
"""
CLOSE_BREAKERS = "UPDATE webhooks_subscription SET breaker_open_until = NULL WHERE id = ANY(%(subscriptions)s)"
MAKE_DUE = """
    UPDATE webhooks_delivery SET next_attempt_at = now()
    WHERE state = 'pending' AND subscription_id = ANY(%(subscriptions)s)
"""


class Rates(list[float]):
    """Deliveries a second of one contender, a round each."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__()


def main(data_dir: Path) -> None:
    print(f"\nDeliveries of webhooks: {SUBSCRIPTIONS * EVENTS_EACH} events of 1 KB, {SUBSCRIPTIONS} subscriptions.")
    agencies = _make_agencies()
    usual, kept, ours, known, floor, fast_floor, half = rates = [Rates(name) for name in CONTENDERS]
    with ExitStack() as stack:
        log = stack.enter_context((data_dir / "bench.log").open("ab"))
        as_worker = {**os.environ, "DATABASE_URL": embedded.url_of(roles.WORKER, os.environ["DATABASE_URL"])}
        stack.enter_context(_started(OURS, env=as_worker, stdout=log, stderr=log))
        for queue, environment in zip(USUAL_QUEUES, ({}, {"KEEP_CONNECTIONS": "1"}), strict=True):
            command = [*USUAL, "--queues", queue, "--hostname", f"{queue}@bench"]
            stack.enter_context(_started(command, env={**os.environ, **environment}, stdout=log, stderr=log))
        _await_workers(1 + len(USUAL_QUEUES))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        loops = [stack.enter_context(_started(command, **pipes)) for command in FLOORS]
        _, url = stack.enter_context(receiver.running())
        for round_ in range(1, ROUNDS + 1):
            for contender, queue in zip((usual, kept), USUAL_QUEUES, strict=True):
                contender.append(_usual(agencies, url, queue))
            subscriptions = _subscribe(agencies, url)
            ours.append(_ours(subscriptions))
            known.append(_ours(subscriptions))
            for contender, loop in zip((floor, fast_floor), loops, strict=True):
                contender.append(_bare(loop, url))
            half.append(_half_hanging(agencies, url, patiently=round_ == ROUNDS))
    _tell(
        rates, [(ours, usual, 25), (ours, kept, 15), (ours, floor, 0.55), (ours, fast_floor, None), (half, ours, 0.8)]
    )


def _await_workers(count: int) -> None:
    deadline = time.monotonic() + 30
    while len(webhooks_usual.app.control.ping()) < count:
        if time.monotonic() > deadline:
            sys.exit("A worker did not start; bench.log in DATA_DIR says why.")


def _make_agencies() -> list[int]:
    from agencies.models import Agency

    return [one.pk for one in Agency.objects.bulk_create(Agency(name=f"Bench {n}") for n in range(AGENCIES))]


def _subscribe(agencies: list[int], url: str) -> list[UUID]:
    made = Subscription.objects.bulk_create(
        Subscription(agency_id=agencies[n % len(agencies)], url=f"{url}/{n}", events=["*"], secrets=secrets.begun()[1])
        for n in range(SUBSCRIPTIONS)
    )
    return [one.pk for one in made]


def _record(subscriptions: list[UUID], each: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(RECORD, {"subscriptions": subscriptions, "each": each})
        cursor.execute("ANALYZE webhooks_event, webhooks_delivery, webhooks_subscription")


def _ours(subscriptions: list[UUID]) -> float:
    _record(subscriptions, EVENTS_EACH)
    begun = time.perf_counter()
    ring_now()
    return len(subscriptions) * EVENTS_EACH / (_await_done(subscriptions) - begun)


def _half_hanging(agencies: list[int], url: str, *, patiently: bool) -> float:
    """The rate of those that answer; in the end, all is delivered."""
    with receiver.running("hang") as (process, hanging_url):
        healthy, hanging = _subscribe(agencies, url), _subscribe(agencies, hanging_url)
        _record(hanging, EVENTS_EACH)
        rate = _ours(healthy)
        if patiently:
            _await_failures(hanging)
        begun = time.perf_counter()
        process.send_signal(signal.SIGUSR1)
        with connection.cursor() as cursor:
            cursor.execute(CLOSE_BREAKERS, {"subscriptions": hanging})
            cursor.execute(MAKE_DUE, {"subscriptions": hanging})
        ring_now()
        seconds = _await_done(hanging) - begun
        if patiently:
            _tell_drained(healthy + hanging, seconds)
    return rate


def _usual(agencies: list[int], url: str, queue: str) -> float:
    """All tasks are queued first, and then the worker is told of the queue."""
    subscriptions = _subscribe(agencies, url)
    _record(subscriptions, USUAL_EVENTS_EACH)
    app = webhooks_usual.app
    app.control.cancel_consumer(queue, destination=[f"{queue}@bench"], reply=True)
    ids = Delivery.objects.filter(subscription__in=subscriptions).values_list("pk", flat=True)
    with app.producer_or_acquire() as producer:
        for pk in ids:
            webhooks_usual.deliver.apply_async((str(pk),), producer=producer, queue=queue)
    begun = time.perf_counter()
    app.control.add_consumer(queue, destination=[f"{queue}@bench"])
    return len(ids) / (_await_done(subscriptions) - begun)


def _bare(loop: subprocess.Popen[str], url: str) -> float:
    count = SUBSCRIPTIONS * EVENTS_EACH
    loop.stdin.write(f"{url} {count}\n")
    loop.stdin.flush()
    return count / float(loop.stdout.readline())


def _await_failures(subscriptions: list[UUID]) -> None:
    """Until each has let a delivery time out."""
    deadline = time.monotonic() + MOST_SECONDS
    while Subscription.objects.filter(pk__in=subscriptions, failures_in_row=0).exists():
        if time.monotonic() > deadline:
            sys.exit("Endpoints that hang are not noticed; bench.log in DATA_DIR may say why.")
        time.sleep(0.5)


def _tell_drained(subscriptions: list[UUID], seconds: float) -> None:
    states = Delivery.objects.filter(subscription__in=subscriptions).values_list("state")
    told = ", ".join(f"{count} {state}" for state, count in states.annotate(Count("pk")).order_by("state"))
    print("\nHalf of them hung until each had let a delivery time out; then they answered, and clocks were moved on:")
    print(f"  {seconds:.1f} s later, of all of this round: {told}")


def _tell(contenders: list[Rates], ratios: list[tuple[Rates, Rates, float | None]]) -> None:
    """As contest.tell does: a ratio is taken within each round."""
    print(f"\nWebhooks, deliveries a second: median (least to most) of {ROUNDS} rounds")
    for one in contenders:
        print(f"  {one.name:<34} {statistics.median(one):>8.1f}   ({min(one):.0f} to {max(one):.0f})")
    for one, other, aim in ratios:
        rounds = [mine / theirs for mine, theirs in zip(one, other, strict=True)]
        spread = f"{min(rounds):.2f} to {max(rounds):.2f}" + (f"; aim: {aim:g}" if aim else "")
        print(f"  {one.name} : {other.name} = {statistics.median(rounds):.2f}   ({spread})")


def _await_done(subscriptions: list[UUID]) -> float:
    """Waits until all are delivered, and says when that was. Any other end of one ends the run."""
    deadline = time.monotonic() + MOST_SECONDS
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(UNDONE, {"subscriptions": subscriptions})
            if not cursor.fetchone()[0]:
                break
            time.sleep(0.01)
    done = time.perf_counter()
    if Delivery.objects.filter(subscription__in=subscriptions).exclude(state=Delivery.State.DELIVERED).exists():
        sys.exit("Some deliveries are not delivered; bench.log in DATA_DIR may say why.")
    return done


@contextmanager
def _started(command: list[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    process = subprocess.Popen([sys.executable, "-m", *command], **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=70)
