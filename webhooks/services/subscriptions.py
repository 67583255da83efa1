"""Every write to subscriptions: one function an act, in one transaction, with its audit entry."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.http import Http404
from django.utils import timezone

from api.errors import Invalid
from api.principals import Principal, System
from audit.services import record
from webhooks import addresses, secrets
from webhooks.models import FIRST_CAP, Delivery, Subscription
from webhooks.services.events import ring_after_commit

MOST = 50
"""Of one agency."""
OVERLAP = timedelta(hours=24)
"""How long the secret before still signs after a rotation."""
SETTLED_AT_ONCE = 10_000
"""Deliveries, in a second: far from what a statement may take (config.settings), for a million may wait."""
FRESH = {
    "cap": FIRST_CAP,
    "failures_in_row": 0,
    "breaker_trips": 0,
    "breaker_open_until": None,
    "failing_since": None,
}
"""The engine's columns of a subscription that begins, or begins again."""


def create_subscription(*, actor: Principal, agency_id: int, values: dict[str, Any]) -> tuple[Subscription, str]:
    """A subscription, and its signing secret in plain text. `values` are as `NewSubscriptionSerializer` validates them.

    Raises Invalid (422): too_many_webhooks, and what `_check_url` does.
    """
    _check_url(values["url"])  # may ask a name server, so no transaction is open
    secret, kept = secrets.begun()
    with transaction.atomic():
        subscription = Subscription(agency_id=agency_id, secrets=kept, **values)
        subscription.agency.locked()
        if Subscription.objects.kept().filter(agency_id=agency_id).count() >= MOST:
            raise Invalid(f"An agency has at most {MOST} webhooks.", code="too_many_webhooks")
        subscription.save(force_insert=True)
        _record(actor, "webhook.create", subscription)
    return subscription, secret


def update_subscription(*, actor: Principal, subscription: Subscription, values: dict[str, Any]) -> Subscription:
    """Changes the fields in `values` (as `SubscriptionChangeSerializer` validates them).

    Once enabled again it begins afresh; what was held stays held until it is recovered (services.deliveries).
    Raises Invalid (422) as `_check_url` does.
    """
    if values.get("url", subscription.url) != subscription.url:
        _check_url(values["url"])
    with transaction.atomic():
        subscription = locked(subscription)
        changed = sorted(name for name, value in values.items() if getattr(subscription, name) != value)
        for name in changed:
            setattr(subscription, name, values[name])
        if "status" in changed:
            enabled = subscription.status == Subscription.Status.ENABLED
            reason = "" if enabled else Subscription.Reason.REQUESTED
            _set(subscription, disabled_reason=reason, recover_since=None)
        if {"status", "url"}.intersection(changed):
            _set(subscription, **FRESH)
        if changed:
            subscription.save()
            settle(subscription)
            _record(actor, "webhook.update", subscription, changed=changed)
    return subscription


@transaction.atomic
def delete_subscription(*, actor: Principal, subscription: Subscription) -> None:
    """Nothing is sent to it from now on, and its secrets are gone."""
    subscription = locked(subscription)
    _set(subscription, deleted_at=timezone.now(), secrets=[], recover_since=None, failing_since=None, told="")
    subscription.save()
    settle(subscription)
    _record(actor, "webhook.delete", subscription)


@transaction.atomic
def rotate_secret(*, actor: Principal, subscription: Subscription) -> tuple[Subscription, str]:
    """A new secret, in plain text; the one before signs beside it for 24 hours more."""
    subscription = locked(subscription)
    now = timezone.now()
    secret, subscription.secrets = secrets.rotated(subscription.secrets, now, now + OVERLAP)
    subscription.save(update_fields=["secrets", "updated_at"])
    _record(actor, "webhook.rotate_secret", subscription)
    return subscription, secret


@transaction.atomic
def reseal_secrets(*, actor: Principal, subscription: Subscription) -> None:
    """The same secrets, encrypted anew with the first key. Raises InvalidToken where no key opens one of them."""
    subscription = locked(subscription)
    subscription.secrets = secrets.resealed(subscription.secrets)
    subscription.save(update_fields=["secrets"])
    _record(actor, "webhook.reseal_secrets", subscription)


@transaction.atomic
def disable_subscription(*, subscription: Subscription, reason: Subscription.Reason) -> None:
    """Disables it for what its receiver did. Disabled, deleted or at another address by now: nothing happens."""
    kept = Subscription.objects.kept().filter(pk=subscription.pk, url=subscription.url)
    held = kept.select_for_update(no_key=True).first()
    if held is None or held.status == Subscription.Status.DISABLED:
        return
    _set(held, status=Subscription.Status.DISABLED, disabled_reason=reason, recover_since=None)
    held.save(update_fields=["status", "disabled_reason", "recover_since", "updated_at"])
    settle(held)
    _record(System(), "webhook.disable", held, reason=reason.value)


def settle(subscription: Subscription) -> bool:
    """Brings the subscription's deliveries that wait to where its state has them: held while it is disabled, cancelled
    once it is deleted. The caller holds the subscription's lock.

    At most SETTLED_AT_ONCE, in one statement; says whether there may be more. The sweep (services.upkeep) settles the
    rest, and those of an event that was recorded at the same moment; what is still held, it cancels after 30 days.

    Deliveries that a worker is at are left to it, which does the same when it writes the result. So whoever holds a
    subscription waits for no delivery, and nobody waits in a circle.
    """
    deliveries = Delivery.objects.filter(subscription=subscription)
    settled: dict[str, Any]
    if subscription.deleted_at:
        waiting = deliveries.filter(state__in=(Delivery.State.PENDING, Delivery.State.HELD))
        settled = {"state": Delivery.State.CANCELLED, "finished_at": Now()}
    elif subscription.status == Subscription.Status.DISABLED:
        waiting, settled = deliveries.filter(state=Delivery.State.PENDING), {"state": Delivery.State.HELD}
    else:
        return False
    return waiting.filter(pk__in=waiting.values("pk")[:SETTLED_AT_ONCE]).update(**settled) == SETTLED_AT_ONCE


def locked(subscription: Subscription) -> Subscription:
    """This subscription, fresh, held until the transaction ends. Raises Http404 where it was deleted meanwhile.

    A worker that comes meanwhile passes it by and may find nothing else to do (delivery.claims): so the doorbell rings
    when it is free again.
    """
    ring_after_commit()
    held = Subscription.objects.kept().select_for_update(no_key=True).filter(pk=subscription.pk).first()
    if held is None:
        raise Http404
    return held


def _check_url(url: str) -> None:
    """Raises Invalid (422) for what is no https address, or points inward (webhooks.addresses)."""
    try:
        addresses.check_url(url, allow_private=settings.WEBHOOKS_ALLOW_PRIVATE_ADDRESSES)
    except addresses.Refused as refusal:
        raise Invalid(refusal.message, code=refusal.code, field="url") from refusal


def _set(subscription: Subscription, **values: Any) -> None:
    for name, value in values.items():
        setattr(subscription, name, value)


def _record(actor: Principal, action: str, subscription: Subscription, **facts: Any) -> None:
    record(actor=actor, action=action, target=subscription, agency_id=subscription.agency_id, **facts)
