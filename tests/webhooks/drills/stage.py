"""What the drills play on: an agency whose clients change, webhooks at receivers that obey, and the design's invariant.

All goes through real processes; what is read here straight from the database is what happened, never what is tested.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
import standardwebhooks
from django.db.models.functions import Now

from tests.running.conftest import wait_for
from tests.webhooks.scripted import Hit, Receiver
from webhooks.models import Attempt, Delivery, Event, Subscription

FINAL = {"delivered", "exhausted", "held", "cancelled"}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Site:
    """The API as its callers reach it."""

    url: str

    def call(self, method: str, path: str, *, token: str = "", json: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(method, f"{self.url}{path}", json=json, headers=headers, timeout=30)

    def data(self, method: str, path: str, **facts: Any) -> Any:
        """What a good answer gives."""
        answer = self.call(method, path, **facts)
        assert answer.status_code < 300, answer.text
        return answer.json()["data"] if answer.content else None


@dataclass
class Hook:
    """A webhook, and the place at a receiver where its deliveries come in."""

    uuid: str
    secrets: list[str]
    """As its receiver was shown them, the oldest first."""
    receiver: Receiver
    place: str

    @property
    def path(self) -> str:
        return f"/v1/webhooks/{self.uuid}"

    @property
    def hits(self) -> list[Hit]:
        return self.receiver.at(self.place)

    @property
    def row(self) -> Subscription:
        return Subscription.objects.get(pk=self.uuid)

    @property
    def deliveries(self) -> list[Delivery]:
        return list(Delivery.objects.filter(subscription=self.uuid).order_by("id"))

    @property
    def delivery(self) -> Delivery:
        [only] = self.deliveries
        return only

    @property
    def attempts(self) -> list[Attempt]:
        return list(Attempt.objects.filter(delivery__subscription=self.uuid).order_by("id"))


@dataclass
class Stage:
    """One agency in one drill."""

    site: Site
    agency_id: int
    agent_id: int
    token: str
    client: str
    """The path of the client that changes."""
    hooks: list[Hook] = field(default_factory=list)

    def webhook(self, receiver: Receiver, act: Any = None, **address: str) -> Hook:
        """One more webhook, at a place of its own, where the receiver does `act`."""
        place = f"/{next(_numbers)}"
        if act:
            receiver.plans[place] = act
        body = {"url": receiver.url(place, **address), "events": ["*"]}
        made = self.site.data("POST", "/v1/webhooks", token=self.token, json=body)
        self.hooks.append(Hook(made["uuid"], [made["secret"]], receiver, place))
        return self.hooks[-1]

    def happen(self, count: int = 1) -> None:
        """That many events: changes of the client's name."""
        for _ in range(count):
            self.site.data("PATCH", self.client, token=self.token, json={"first_name": f"Joe{next(_numbers)}"})

    def change(self) -> requests.Response:
        """One event, whatever comes of it."""
        return self.site.call("PATCH", self.client, token=self.token, json={"first_name": f"Joe{next(_numbers)}"})

    @property
    def deliveries(self) -> Any:
        return Delivery.objects.filter(subscription__agency=self.agency_id)

    def leased(self, count: int = 1) -> None:
        """Waits until so many deliveries are under way."""
        wait_for(lambda: self.deliveries.filter(state="leased").count() >= count)

    def leases_end(self) -> None:
        """What a minute would do."""
        self.deliveries.filter(state="leased").update(leased_until=Now() - timedelta(seconds=1))

    def waiting_is_over(self) -> None:
        """What hours would do: every delivery that waits is due, every breaker's pause has passed."""
        self.deliveries.filter(state="pending").update(next_attempt_at=Now())
        Subscription.objects.filter(agency=self.agency_id).update(breaker_open_until=None)

    def give_up(self) -> None:
        """Deletes every webhook."""
        for hook in self.hooks:
            self.site.data("DELETE", hook.path, token=self.token)

    def done(self) -> bool:
        return not self.deliveries.exclude(state__in=FINAL).exists()

    def drain(self, ring: Callable[[], None] | None = None) -> None:
        """Waits until nothing is under way. With `ring`, workers are called again and again, as a sweep does."""

        def drained() -> bool:
            if self.done():
                return True
            if ring:
                ring()
                time.sleep(0.5)
            return False

        wait_for(drained)


@dataclass(frozen=True)
class Counts:
    """What a drill came to."""

    drill: str
    events: int
    deliveries: dict[str, int]
    received: int
    attempts: int
    duplicates: int
    """POSTs that came beyond those whose outcome is on record."""

    def __str__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.deliveries.items())) or "no deliveries"
        return (
            f"{self.drill}: {self.events} events, {states}; {self.attempts} attempts on record, "
            f"{self.received} received, {self.duplicates} duplicates"
        )


def verifies(hit: Hit, secret: str) -> bool:
    """By the verifier that receivers use. It asks that the timestamp is now, so for an old one it is late."""
    try:
        standardwebhooks.Webhook(secret).verify(hit.body, hit.headers, json_parse=False)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def check_invariant(stage: Stage, drill: str, *, in_flight: int = 0) -> Counts:
    """Every committed event is delivered, exhausted, held or cancelled for each webhook that there was; what is called
    delivered arrived; all copies are the same and verify; and no more came twice than `in_flight`, what was under way
    when a process died."""
    deliveries = list(stage.deliveries.select_related("event"))
    assert {one.state for one in deliveries} <= FINAL
    _check_none_missing(stage, deliveries)
    received = duplicates = attempts = 0
    for hook in stage.hooks:
        mine = [one for one in deliveries if str(one.subscription_id) == hook.uuid]
        _check_copies(hook, mine)
        on_record = [one for one in hook.attempts if one.status is not None or one.error in ("timeout", "reset")]
        duplicates += max(0, len(hook.hits) - len(on_record))
        received += len(hook.hits)
        attempts += len(hook.attempts)
    assert duplicates <= in_flight
    states = Counter(one.state for one in deliveries)
    events = Event.objects.filter(agency=stage.agency_id).count()
    return Counts(drill, events, dict(states), received, attempts, duplicates)


def _check_none_missing(stage: Stage, deliveries: Iterable[Delivery]) -> None:
    there = {(one.event_id, one.subscription_id) for one in deliveries}
    subscriptions = list(Subscription.objects.filter(agency=stage.agency_id))
    for event in Event.objects.filter(agency=stage.agency_id).exclude(type="webhook.test"):
        for one in subscriptions:
            wanted = one.created_at < event.created_at and not (one.deleted_at and one.deleted_at < event.created_at)
            assert not wanted or (event.pk, one.pk) in there


def _check_copies(hook: Hook, deliveries: Iterable[Delivery]) -> None:
    bodies = {one.event.message_id: bytes(one.event.body) for one in deliveries}
    came = {hit.id for hit in hook.hits}
    assert came <= set(bodies)
    assert {one.event.message_id for one in deliveries if one.state == "delivered"} <= came
    for hit in hook.hits:
        assert hit.body == bodies[hit.id]
        assert any(verifies(hit, secret) for secret in hook.secrets)
