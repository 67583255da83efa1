"""What webhooks and their deliveries look like, coming in and going out (contract §7)."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

import orjson
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.openapi.examples import PATH_IDS, TIME
from api.openapi.examples import UUID as EVENT_ID
from api.serializers import BoundedListField, TextField
from webhooks.catalogue import EVENT_TYPES, EVERY, SUBSCRIBABLE, EventType
from webhooks.models import Attempt, Delivery, Subscription, message_id

EXAMPLE = EVENT_TYPES[0]
SUBSCRIPTION_EXAMPLES = {
    "uuid": PATH_IDS["webhook_uuid"],
    "url": "https://hooks.harbor.example/agency",
    "events": [EXAMPLE.name, "client.reassigned"],
    "description": "Submissions into our CRM",
    "status": "enabled",
}


class EventsField(BoundedListField):
    """Types of events, each once, in the catalogue's order; with `*`, that alone."""

    child = serializers.ChoiceField(choices=SUBSCRIBABLE)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=1, max_length=50, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> list[str]:
        chosen = set(super().run_validation(data))
        return [EVERY] if EVERY in chosen else [name for name in SUBSCRIBABLE if name in chosen]


class SubscriptionChangeSerializer(serializers.Serializer[Any]):
    """Any of these; what is absent stays as it is."""

    examples = SUBSCRIPTION_EXAMPLES
    url = TextField(max_length=2000, required=False, help_text="https, and not pointing inward.")
    events = EventsField(required=False)
    description = TextField(max_length=200, required=False, allow_blank=True)
    status = serializers.ChoiceField(choices=Subscription.Status.choices, required=False)


class NewSubscriptionSerializer(serializers.Serializer[Any]):
    examples = SUBSCRIPTION_EXAMPLES
    url = TextField(max_length=2000, help_text="https, and not pointing inward.")
    events = EventsField()
    description = TextField(max_length=200, required=False, allow_blank=True)


class RecoverSerializer(serializers.Serializer[Any]):
    examples = {"since": TIME}
    since = serializers.DateTimeField(help_text="RFC 3339. What did not arrive since then is sent again.")


# --- going out --------------------------------------------------------------------------------------


class SubscriptionSerializer(serializers.Serializer[Any]):
    examples: ClassVar[dict[str, Any]] = {
        **SUBSCRIPTION_EXAMPLES,
        "disabled_reason": None,
        "failing_since": None,
        "last_success_at": TIME,
    }
    uuid = serializers.UUIDField()
    url = serializers.CharField()
    events = EventsField()
    description = serializers.CharField()
    status = serializers.ChoiceField(choices=Subscription.Status.choices)
    disabled_reason = serializers.ChoiceField(
        choices=Subscription.Reason.choices,
        allow_null=True,
        help_text="`requested`: somebody disabled it. `gone`: the receiver answered 410. `failing`: nothing arrived in "
        "five days.",
    )
    failing_since = serializers.DateTimeField(allow_null=True, help_text="No delivery succeeded since.")
    last_success_at = serializers.DateTimeField(allow_null=True, help_text="To about a minute.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SubscriptionWithSecretSerializer(SubscriptionSerializer):
    examples = {
        **SubscriptionSerializer.examples,
        "last_success_at": None,
        "secret": "whsec_EXAMPLEexampleEXAMPLEexampleEXAMPLEexample0=",  # nobody's
    }
    secret = serializers.CharField(help_text="Signs every delivery (`whsec_…`). Shown here and never again.")


class DeliverySerializer(serializers.Serializer[Any]):
    examples: ClassVar[dict[str, Any]] = {
        "uuid": PATH_IDS["delivery_uuid"],
        "event_id": message_id(UUID(EVENT_ID)),
        "event": EXAMPLE.name,
        "status": "delivered",
        "replay": 0,
        "attempt_count": 1,
        "next_attempt_at": None,
        "finished_at": TIME,
    }
    uuid = serializers.UUIDField()
    event_id = serializers.CharField(help_text="The `webhook-id` header.")
    event = serializers.CharField(help_text="Its type.")
    status = serializers.ChoiceField(choices=Delivery.State.choices)
    replay = serializers.IntegerField(help_text="0, then one more each time the event is sent anew.")
    attempt_count = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class AttemptSerializer(serializers.Serializer[Any]):
    examples = {
        "number": 1,
        "started_at": TIME,
        "duration_ms": 84,
        "address": "198.51.100.7",
        "response_status": 204,
        "error": None,
        "answer": "",
    }
    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    address = serializers.CharField(allow_null=True, help_text="The one that was dialled.")
    response_status = serializers.IntegerField(allow_null=True, help_text="Of the receiver's answer.")
    error = serializers.CharField(allow_null=True, help_text="`timeout`, `tls`, `dns`, …: why there was no answer.")
    answer = serializers.CharField(help_text="Its first 1,024 bytes.")


@extend_schema_field({"type": "object", "additionalProperties": True})
class PayloadField(serializers.JSONField):
    pass


class DeliveryInFullSerializer(DeliverySerializer):
    examples = {**DeliverySerializer.examples, "payload": EXAMPLE.example_body}
    payload = PayloadField(help_text="The body, as in the catalogue of events.")
    attempts = AttemptSerializer(many=True, help_text="Of the last 30 days.")


class RecoverySerializer(serializers.Serializer[Any]):
    examples = {"since": TIME, "deliveries": 17}
    since = serializers.DateTimeField()
    deliveries = serializers.IntegerField(help_text="How many are on their way again.")


@extend_schema_field({"type": "object", "additionalProperties": True})
class SchemaField(serializers.JSONField):
    pass


class EventTypeSerializer(serializers.Serializer[Any]):
    examples = {
        "name": EXAMPLE.name,
        "description": EXAMPLE.description,
        "schema": EXAMPLE.schema,
        "example": EXAMPLE.example_body,
    }
    name = serializers.CharField()
    description = serializers.CharField()
    schema = SchemaField(help_text="JSON Schema of the body.")
    example = PayloadField()


# --- by hand, like the other lists (clients.serializers) ------------------------------------------------


def subscription_shown(one: Subscription) -> dict[str, Any]:
    return {
        "uuid": one.pk,
        "url": one.url,
        "events": one.events,
        "description": one.description,
        "status": one.status,
        "disabled_reason": one.disabled_reason or None,
        "failing_since": one.failing_since,
        "last_success_at": one.last_success_at,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
    }


def subscriptions_shown(ids: Sequence[UUID], included: frozenset[str]) -> list[dict[str, Any]]:
    rows = Subscription.objects.defer("secrets").in_bulk(list(ids))
    return [subscription_shown(rows[pk]) for pk in ids if pk in rows]


def delivery_shown(one: Delivery) -> dict[str, Any]:
    return {
        "uuid": one.pk,
        "event_id": message_id(one.event_id),
        "event": one.event_type,
        "status": one.state,
        "replay": one.replay,
        "attempt_count": one.attempts,
        "next_attempt_at": one.next_attempt_at if one.state == Delivery.State.PENDING else None,
        "created_at": one.created_at,
        "finished_at": one.finished_at,
    }


def deliveries_shown(ids: Sequence[UUID], included: frozenset[str]) -> list[dict[str, Any]]:
    rows = Delivery.objects.in_bulk(list(ids))
    return [delivery_shown(rows[pk]) for pk in ids if pk in rows]


def delivery_in_full(one: Delivery) -> dict[str, Any]:
    """A delivery whose event was fetched with it."""
    return {
        **delivery_shown(one),
        "payload": orjson.loads(bytes(one.event.body)),
        "attempts": [_attempt_shown(attempt) for attempt in one.log.order_by("number", "id")],
    }


def event_type_shown(one: EventType) -> dict[str, Any]:
    return {"name": one.name, "description": one.description, "schema": one.schema, "example": one.example_body}


def _attempt_shown(one: Attempt) -> dict[str, Any]:
    return {
        "number": one.number,
        "started_at": one.started_at,
        "duration_ms": one.duration_ms,
        "address": one.address,
        "response_status": one.status,
        "error": one.error or None,
        "answer": bytes(one.answer).decode(errors="replace"),
    }
