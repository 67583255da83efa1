"""Events: recorded in the transaction of the change they tell of, with a delivery to each who wants to know."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.core.cache import caches
from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from api.doorbell import is_paused, ring
from api.errors import Invalid
from api.principals import Principal
from api.renderers import to_json
from audit.services import record
from webhooks.catalogue import EVERY, TEST, VERSION
from webhooks.models import Delivery, Event, Subscription

MAX_BODY = 256 * 1024
QUEUE = "webhooks"
RUNG = "webhooks-rung"
DOORBELL_SECONDS = 5
"""How long a doorbell that rang is not rung again: after that, the sweep has come."""
WORTH_HEARING = 3600
"""Seconds after which a doorbell is dropped unheard. The worker's clock decides, and may be minutes wrong."""


def emit(*, agency_id: int, event_type: str, object_id: UUID, object_revision: int, data: dict[str, Any]) -> Event:
    """Records that this happened. In the caller's transaction: a change that is rolled back leaves no event.

    `data` is as the catalogue's schema of `event_type` says, without `version` and `object_revision`.
    """
    event = _event(agency_id, event_type, {**data, "object_revision": object_revision})
    event.object_id, event.object_revision = object_id, object_revision
    event.save(force_insert=True)
    wanted = Subscription.objects.kept().filter(agency_id=agency_id, events__overlap=[EVERY, event_type])
    _deliver(event, list(wanted.only("id", "status")))
    return event


@transaction.atomic
def emit_test(*, actor: Principal, subscription: Subscription) -> Delivery:
    """A test event, to this subscription alone. Raises Invalid (422) webhook_disabled."""
    require_enabled(subscription)
    data = {"agency_id": subscription.agency_id, "webhook_uuid": str(subscription.pk)}
    event = _event(subscription.agency_id, TEST, data)
    event.save(force_insert=True)
    [delivery] = _deliver(event, [subscription])
    record(actor=actor, action="webhook.test", target=subscription, agency_id=subscription.agency_id)
    delivery.refresh_from_db()
    return delivery


def require_enabled(subscription: Subscription) -> None:
    """Raises Invalid (422) webhook_disabled."""
    if subscription.status == Subscription.Status.DISABLED:
        raise Invalid("The webhook is disabled; enable it first.", code="webhook_disabled")


def ring_after_commit() -> None:
    """Workers look at once; the sweep would find the same a few seconds later (webhooks.tasks)."""
    transaction.on_commit(ring_now)


def ring_now() -> None:
    """The doorbell itself; once, until somebody comes to the door. It loses nothing where nobody hears it."""
    if is_paused():  # then no mark either: it would keep others from ringing, and may be waited for as long
        return
    try:
        if not caches["marks"].add(RUNG, 1, DOORBELL_SECONDS):
            return
    except RedisError:
        pass  # then once too often
    ring("webhooks.tasks.deliver", queue=QUEUE, expires=WORTH_HEARING)


def heard() -> None:
    """Whoever comes to the door says so before looking what there is: what is recorded after that rings again."""
    with suppress(RedisError):
        caches["marks"].delete(RUNG)


def _event(agency_id: int, event_type: str, data: dict[str, Any]) -> Event:
    body = {"type": event_type, "timestamp": timezone.now(), "data": {"version": VERSION, **data}}
    event = Event(agency_id=agency_id, type=event_type, body=to_json(body))
    if len(event.body) > MAX_BODY:
        raise ValueError(f"{event_type}: a body of {len(event.body)} bytes")
    return event


def _deliver(event: Event, subscriptions: list[Subscription]) -> list[Delivery]:
    """A delivery to each; held where the subscription is disabled."""
    deliveries = Delivery.objects.bulk_create(
        Delivery(event=event, event_type=event.type, subscription=one, state=_first_state(one)) for one in subscriptions
    )
    if any(one.state == Delivery.State.PENDING for one in deliveries):
        ring_after_commit()
    return deliveries


def _first_state(subscription: Subscription) -> str:
    enabled = subscription.status == Subscription.Status.ENABLED
    return Delivery.State.PENDING if enabled else Delivery.State.HELD
