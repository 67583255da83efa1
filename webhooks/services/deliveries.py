"""What people do to deliveries: send one again, recover what a receiver missed. (Workers: webhooks.delivery.)"""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from api.principals import Principal
from audit.services import record
from webhooks.models import Delivery, Subscription
from webhooks.partitions import first_id
from webhooks.services.events import require_enabled
from webhooks.services.subscriptions import locked

BATCH = 1_000
"""Deliveries that one transaction of a recovery brings on their way."""


@transaction.atomic
def retry_delivery(*, actor: Principal, delivery: Delivery) -> Delivery:
    """The delivery that is attempted next for this one's event: itself while it waits, else a new one.

    Twice at once, or beside a worker that is at it, makes one delivery and no more: no worker takes a delivery of a
    subscription that is locked here. Raises Invalid (422) webhook_disabled, Http404 where the subscription was deleted
    meanwhile.
    """
    subscription = locked(delivery.subscription)
    require_enabled(subscription)
    last = Delivery.objects.filter(event=delivery.event_id, subscription=subscription).latest("replay")
    if last.state == Delivery.State.LEASED:
        return last
    if last.state in (Delivery.State.PENDING, Delivery.State.HELD):
        Delivery.objects.filter(pk=last.pk).update(state=Delivery.State.PENDING, next_attempt_at=Now())
    else:
        last = _sent_anew(last)
        last.save(force_insert=True)
    last.refresh_from_db()
    record(actor=actor, action="webhook.retry", target=last, agency_id=subscription.agency_id)
    return last


@transaction.atomic
def recover(*, actor: Principal, subscription: Subscription, since: datetime) -> int:
    """Sends again everything since then that did not arrive; gives how many deliveries that is.

    What is to be recovered is noted on the subscription and done in batches by workers (`recover_batch`), so that a
    crash in the middle loses nothing. Raises Invalid (422) webhook_disabled.
    """
    subscription = locked(subscription)
    require_enabled(subscription)
    missed = _missed(subscription, since).count()
    if missed:
        subscription.recover_since = min(since, subscription.recover_since or since)
        subscription.save(update_fields=["recover_since", "updated_at"])
        record(actor=actor, action="webhook.recover", target=subscription, agency_id=subscription.agency_id)
    return missed


@transaction.atomic
def recover_batch(subscription: Subscription) -> bool:
    """Brings some of what is to be recovered on its way; says whether there may be more."""
    subscription = locked(subscription)
    if subscription.recover_since is None or subscription.status == Subscription.Status.DISABLED:
        return False
    missed = _missed(subscription, subscription.recover_since).order_by("id")
    batch = list(missed[:BATCH])
    held = [one.pk for one in batch if one.state == Delivery.State.HELD]
    Delivery.objects.filter(pk__in=held, state=Delivery.State.HELD).update(
        state=Delivery.State.PENDING, next_attempt_at=Now()
    )
    Delivery.objects.bulk_create(_sent_anew(one) for one in batch if one.state == Delivery.State.EXHAUSTED)
    if len(batch) < BATCH:
        subscription.recover_since = None
        subscription.save(update_fields=["recover_since"])
    return len(batch) == BATCH


def _sent_anew(one: Delivery) -> Delivery:
    """The next delivery of the same event, not saved yet."""
    return Delivery(
        event_id=one.event_id,
        event_type=one.event_type,
        subscription_id=one.subscription_id,
        replay=one.replay + 1,
    )


def _missed(subscription: Subscription, since: datetime) -> QuerySet[Delivery]:
    """The last deliveries of their events that ended without success, or are held."""
    later = Delivery.objects.filter(
        event=OuterRef("event"), subscription=OuterRef("subscription"), replay__gt=OuterRef("replay")
    )
    states = (Delivery.State.EXHAUSTED, Delivery.State.HELD)
    return Delivery.objects.filter(
        ~Exists(later), subscription=subscription, state__in=states, event__gte=first_id(since)
    )
