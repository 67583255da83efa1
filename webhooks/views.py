"""Webhooks: read by any agent of the agency, changed by its admins (contract §7)."""

from http import HTTPStatus
from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from api.operations import Caller, operation
from api.principals import AgentPrincipal
from api.totals import ListOf
from api.views import ApiView
from webhooks.catalogue import ALL_TYPES
from webhooks.filters import DeliveryFilter
from webhooks.models import Delivery, Subscription
from webhooks.serializers import (
    DeliveryInFullSerializer,
    DeliverySerializer,
    EventTypeSerializer,
    NewSubscriptionSerializer,
    RecoverSerializer,
    RecoverySerializer,
    SubscriptionChangeSerializer,
    SubscriptionSerializer,
    SubscriptionWithSecretSerializer,
    deliveries_shown,
    delivery_in_full,
    delivery_shown,
    event_type_shown,
    subscription_shown,
    subscriptions_shown,
)
from webhooks.services import deliveries, events, subscriptions

URL_RULES = {
    "inward": "The address points into this service's own network, or any private one.",
    "scheme": "The address is not https.",
    "user_info": "The address holds a user name or password.",
}
DISABLED = {"webhook_disabled": "The webhook is disabled; enable it first."}


class WebhookEventsView(ApiView):
    @operation(
        name="listWebhookEvents",
        caller=Caller.AGENT,
        summary="List the types of events",
        gives=EventTypeSerializer,
        many=True,
    )
    def get(self, request: Request) -> Response:
        """Every type with the JSON Schema of its body. `webhook.test` comes on request and is not subscribed to."""
        return self.ok([event_type_shown(one) for one in ALL_TYPES])


class WebhooksView(ApiView):
    @operation(
        name="listWebhooks",
        caller=Caller.AGENT,
        summary="List the agency's webhooks",
        gives=SubscriptionSerializer,
        paged=True,
    )
    def get(self, request: Request) -> Response:
        """Ordered by id, which is the order of their creation."""
        return self.page_of(Subscription.objects.visible_to(self.principal), subscriptions_shown)

    @operation(
        name="createWebhook",
        caller=Caller.ADMIN_AGENT,
        summary="Create a webhook",
        takes=NewSubscriptionSerializer,
        gives=SubscriptionWithSecretSerializer,
        status=HTTPStatus.CREATED,
        refusals={"too_many_webhooks": "The agency has as many as one may have.", **URL_RULES},
    )
    def post(self, request: Request) -> Response:
        """Its `secret` is in this answer only. A name that does not resolve yet is taken; what it resolves to is
        judged again at each delivery."""
        caller = cast(AgentPrincipal, self.principal)
        values = self.parse(NewSubscriptionSerializer)
        made, secret = subscriptions.create_subscription(actor=caller, agency_id=caller.agency_id, values=values)
        return self.created({**subscription_shown(made), "secret": secret}, location=f"/v1/webhooks/{made.pk}")


class OfWebhookView(ApiView):
    """The paths that begin with one webhook."""

    def subscription(self) -> Subscription:
        return self.find(Subscription.objects.visible_to(self.principal), "webhook_uuid")

    def delivery(self) -> Delivery:
        mine = Delivery.objects.visible_to(self.principal).filter(subscription=self.subscription())
        return self.find(mine.select_related("event", "subscription"), "delivery_uuid")


class WebhookView(OfWebhookView):
    @operation(name="showWebhook", caller=Caller.AGENT, summary="Show a webhook", gives=SubscriptionSerializer)
    def get(self, request: Request, webhook_uuid: str) -> Response:
        """Its secret is not shown again; `rotate-secret` gives a new one."""
        return self.ok(subscription_shown(self.subscription()))

    @operation(
        name="updateWebhook",
        caller=Caller.ADMIN_AGENT,
        summary="Change a webhook",
        takes=SubscriptionChangeSerializer,
        gives=SubscriptionSerializer,
        refusals=URL_RULES,
    )
    def patch(self, request: Request, webhook_uuid: str) -> Response:
        """While it is disabled, deliveries are held for 30 days; enable it, then `recover` sends them."""
        subscription = self.subscription()
        values = self.parse(SubscriptionChangeSerializer)
        changed = subscriptions.update_subscription(actor=self.principal, subscription=subscription, values=values)
        return self.ok(subscription_shown(changed))

    @operation(
        name="deleteWebhook",
        caller=Caller.ADMIN_AGENT,
        summary="Delete a webhook",
        status=HTTPStatus.NO_CONTENT,
    )
    def delete(self, request: Request, webhook_uuid: str) -> Response:
        """What is still on its way is cancelled."""
        subscriptions.delete_subscription(actor=self.principal, subscription=self.subscription())
        return self.no_content()


class RotateSecretView(OfWebhookView):
    @operation(
        name="rotateWebhookSecret",
        caller=Caller.ADMIN_AGENT,
        summary="Rotate the signing secret",
        gives=SubscriptionWithSecretSerializer,
    )
    def post(self, request: Request, webhook_uuid: str) -> Response:
        """The new `secret` is in this answer only. The one before signs beside it for 24 hours more; at most three
        are live at once."""
        changed, secret = subscriptions.rotate_secret(actor=self.principal, subscription=self.subscription())
        return self.ok({**subscription_shown(changed), "secret": secret})


class TestWebhookView(OfWebhookView):
    @operation(
        name="testWebhook",
        caller=Caller.ADMIN_AGENT,
        summary="Send a test event",
        gives=DeliverySerializer,
        refusals=DISABLED,
    )
    def post(self, request: Request, webhook_uuid: str) -> Response:
        """Of the type `webhook.test`, to this webhook alone. The delivery's own page says how it went."""
        delivery = events.emit_test(actor=self.principal, subscription=self.subscription())
        return self.ok(delivery_shown(delivery))


class RecoverWebhookView(OfWebhookView):
    @operation(
        name="recoverWebhook",
        caller=Caller.ADMIN_AGENT,
        summary="Send again what did not arrive",
        takes=RecoverSerializer,
        gives=RecoverySerializer,
        refusals=DISABLED,
    )
    def post(self, request: Request, webhook_uuid: str) -> Response:
        """Every event since then whose attempts all failed, or which was held while the webhook was disabled. It goes
        on by itself until all of them are on their way."""
        subscription = self.subscription()
        since = self.parse(RecoverSerializer)["since"]
        count = deliveries.recover(actor=self.principal, subscription=subscription, since=since)
        return self.ok({"since": since, "deliveries": count})


class DeliveriesView(OfWebhookView):
    @operation(
        name="listWebhookDeliveries",
        caller=Caller.AGENT,
        summary="List a webhook's deliveries",
        gives=DeliverySerializer,
        paged=True,
        filters=DeliveryFilter,
        sorts={"created_at": ()},
    )
    def get(self, request: Request, webhook_uuid: str) -> Response:
        """Of the last 90 days, the oldest first; `sort=-created_at` gives the newest first."""
        webhook = self.subscription()
        return self.page_of(
            Delivery.objects.filter(subscription=webhook), deliveries_shown, ListOf(Delivery, webhook.pk)
        )


class DeliveryView(OfWebhookView):
    @operation(
        name="showWebhookDelivery",
        caller=Caller.AGENT,
        summary="Show a delivery with its attempts",
        gives=DeliveryInFullSerializer,
    )
    def get(self, request: Request, webhook_uuid: str, delivery_uuid: str) -> Response:
        """Each attempt with what the receiver answered."""
        return self.ok(delivery_in_full(self.delivery()))


class RetryDeliveryView(OfWebhookView):
    @operation(
        name="retryWebhookDelivery",
        caller=Caller.ADMIN_AGENT,
        summary="Send a delivery again",
        gives=DeliverySerializer,
        refusals=DISABLED,
    )
    def post(self, request: Request, webhook_uuid: str, delivery_uuid: str) -> Response:
        """At once, if it still waits for an attempt; else as a new delivery of the same event, with the same
        `webhook-id`. The answer is the delivery that is under way."""
        delivery = self.delivery()
        again = deliveries.retry_delivery(actor=self.principal, delivery=delivery)
        return self.ok(delivery_shown(again))
