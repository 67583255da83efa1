"""Answers are shaped by hand, for speed; each is held to the serializer that describes it."""

from typing import Any

import orjson
from django.utils import timezone
from rest_framework.serializers import Serializer

from api.renderers import to_json
from tests.conftest import Api
from webhooks.catalogue import EVENT_TYPES
from webhooks.models import Attempt
from webhooks.serializers import (
    DeliveryInFullSerializer,
    DeliverySerializer,
    EventTypeSerializer,
    SubscriptionSerializer,
    delivery_in_full,
    delivery_shown,
    event_type_shown,
    subscription_shown,
)

from .conftest import WebhookSeat, new_delivery


def described(shown: dict[str, Any], serializer: type[Serializer[Any]]) -> bool:
    return orjson.loads(to_json(shown)) == orjson.loads(to_json(serializer(shown).data))


def test_what_is_shown_is_what_its_serializer_describes(api: Api, webhook: WebhookSeat) -> None:
    delivery = new_delivery(api, webhook).row
    for facts in ({"status": 204}, {"error": "timeout", "address": "198.51.100.7"}):
        Attempt.objects.create(
            delivery=delivery, number=1, started_at=timezone.now(), duration_ms=84, answer=b"ok", **facts
        )
    assert described(subscription_shown(webhook.row), SubscriptionSerializer)
    assert described(delivery_shown(delivery), DeliverySerializer)
    assert described(delivery_in_full(delivery), DeliveryInFullSerializer)
    assert all(described(event_type_shown(one), EventTypeSerializer) for one in EVENT_TYPES)
