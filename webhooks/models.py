"""The outbox: what happened (Event), who wants to know (Subscription), and the way there (Delivery, Attempt)."""

from typing import Self
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from api.ids import new_id
from api.principals import AgentPrincipal, ApiPrincipal
from api.totals import Kept

FIRST_CAP = 2
"""How many deliveries are under way to one subscription at first; it doubles with success (delivery.results)."""


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def visible_to(self, principal: ApiPrincipal) -> Self:
        """The subscriptions this caller may know of: those of its agency."""
        if not isinstance(principal, AgentPrincipal):
            return self.none()
        return self.kept().filter(agency_id=principal.agency_id)

    def kept(self) -> Self:
        """Those that were not deleted."""
        return self.filter(deleted_at__isnull=True)


class Subscription(models.Model):
    """An address that is told of an agency's events.

    A deleted one stays as a row without secrets, so that what became of its deliveries stays known.
    """

    class Status(models.TextChoices):
        ENABLED = "enabled"
        DISABLED = "disabled"

    class Reason(models.TextChoices):
        """Why it is disabled."""

        REQUESTED = "requested", "Somebody disabled it"
        GONE = "gone", "The receiver answered 410"
        FAILING = "failing", "No delivery succeeded for days"

    class Told(models.TextChoices):
        """What the agency's admins were last told of it by e-mail."""

        NOTHING = "", "Nothing"
        FAILING = "failing", "That it fails"
        LAST_DAY = "last_day", "That it is disabled in a day"
        DISABLED = "disabled", "That it is disabled"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    agency = models.ForeignKey(
        "agencies.Agency", on_delete=models.PROTECT, related_name="webhook_subscriptions", db_index=False
    )
    url = models.CharField(max_length=2000)
    events = ArrayField(models.CharField(max_length=60), help_text="Types; * is every one")
    description = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ENABLED)
    disabled_reason = models.CharField(max_length=10, choices=Reason.choices, blank=True, editable=False)
    secrets = models.JSONField(default=list, editable=False, help_text="Encrypted, the newest first: webhooks.secrets")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    # How it goes, written by the delivery engine.
    cap = models.PositiveSmallIntegerField(default=FIRST_CAP, editable=False, help_text="Most deliveries under way")
    failures_in_row = models.PositiveIntegerField(default=0, editable=False)
    breaker_trips = models.PositiveSmallIntegerField(default=0, editable=False)
    breaker_open_until = models.DateTimeField(null=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    last_success_at = models.DateTimeField(null=True, editable=False)
    told = models.CharField(max_length=10, choices=Told.choices, blank=True, default=Told.NOTHING, editable=False)
    told_at = models.DateTimeField(null=True, editable=False)
    tell_tries = models.SmallIntegerField(
        db_default=0, editable=False, help_text="How often nobody took what there is to tell"
    )
    tell_after = models.DateTimeField(null=True, editable=False, help_text="It is not tried again before")
    recover_since = models.DateTimeField(null=True, editable=False, help_text="See services.deliveries.recover")

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["agency", "id"], name="webhook_by_agency", condition=Q(deleted_at__isnull=True)),
            models.Index(
                fields=["id"],
                name="webhook_to_watch",
                condition=~Q(told="") | Q(failing_since__isnull=False) | Q(recover_since__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"webhook {self.pk}"


class Event(models.Model):
    """Something that happened, as the exact bytes that are signed and sent. Written in the transaction of the change.

    The table is partitioned by month, by the time in its ids (webhooks.partitions).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    agency = models.ForeignKey("agencies.Agency", on_delete=models.PROTECT, related_name="+", db_index=False)
    type = models.CharField(max_length=60)
    object_id = models.UUIDField(null=True, help_text="Of the client or submission that it is about")
    object_revision = models.BigIntegerField(null=True, help_text="Grows with each change of that object")
    body = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.type} {self.message_id}"

    @property
    def message_id(self) -> str:
        return message_id(self.pk)


def message_id(event_id: UUID) -> str:
    """The `webhook-id` header: the same on every try, so that receivers can tell what they had already."""
    return f"msg_{event_id.hex}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def visible_to(self, principal: ApiPrincipal) -> Self:
        if not isinstance(principal, AgentPrincipal):
            return self.none()
        return self.filter(subscription__agency_id=principal.agency_id, subscription__deleted_at__isnull=True)


class Delivery(models.Model):
    """One event on its way to one subscription."""

    class State(models.TextChoices):
        PENDING = "pending", "Waits for its next attempt"
        LEASED = "leased", "A worker is at it"
        DELIVERED = "delivered", "The receiver took it"
        EXHAUSTED = "exhausted", "Every attempt failed"
        HELD = "held", "Kept while the subscription is disabled"
        CANCELLED = "cancelled", "The subscription was deleted, or it was held for too long"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    event_type = models.CharField(
        max_length=60, db_default="", help_text="The event's, to find by; triggers fill in what is left empty"
    )
    replay = models.PositiveIntegerField(default=0, help_text="0, then one more each time it is sent anew")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, db_default=Now())
    lease_token = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()
    kept_total = Kept(owner="subscription_id", key="id")

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["event", "subscription", "replay"], name="webhook_delivery_unique"),
            models.CheckConstraint(
                condition=Q(state="leased") ^ Q(lease_token__isnull=True), name="webhook_delivery_lease_has_token"
            ),
        ]
        indexes = [
            models.Index(
                fields=["subscription", "next_attempt_at", "id"],
                name="webhook_delivery_due",
                condition=Q(state="pending"),
            ),
            models.Index(
                fields=["subscription", "leased_until"], name="webhook_delivery_leased", condition=Q(state="leased")
            ),
            models.Index(
                fields=["subscription", "id"],
                name="webhook_delivery_undelivered",
                condition=Q(state__in=["exhausted", "held", "cancelled"]),
            ),
            models.Index(fields=["subscription", "id"], name="webhook_delivery_log"),
            models.Index(fields=["subscription", "event_type", "id"], name="webhook_delivery_by_type"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class Attempt(models.Model):
    """One try of a delivery, and how it went. Partitioned by month like events, and kept for 30 days."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    delivery = models.ForeignKey(
        Delivery, on_delete=models.DO_NOTHING, related_name="log", db_index=False, db_constraint=False
    )
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    address = models.GenericIPAddressField(null=True, help_text="The one that was dialled")
    status = models.PositiveSmallIntegerField(null=True, help_text="Of the receiver's answer")
    error = models.CharField(max_length=20, blank=True, help_text="What went wrong, where there was no answer")
    answer = models.BinaryField(help_text="Its first 1,024 bytes")

    class Meta:
        indexes = [models.Index(fields=["delivery", "number"], name="webhook_attempt_by_delivery")]

    def __str__(self) -> str:
        return f"attempt {self.number} of delivery {self.delivery_id}"
