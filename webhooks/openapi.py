"""The `webhooks` section of the OpenAPI document: what receivers get."""

from typing import Any

from webhooks.catalogue import ALL_TYPES, EventType, Json

SIGNATURE_HEADERS = {
    "webhook-id": "The event's, the same on every try.",
    "webhook-timestamp": "When this try was made, in Unix seconds; refuse one more than five minutes off.",
    "webhook-signature": "`v1,<base64>` for each live secret, separated by spaces.",
}


def add_webhooks(result: Json, generator: Any, request: Any, public: bool) -> Json:
    """One of drf-spectacular's POSTPROCESSING_HOOKS."""
    return {**result, "webhooks": {one.name: {"post": _operation(one)} for one in ALL_TYPES}}


def _operation(event_type: EventType) -> Json:
    return {
        "operationId": _operation_id(event_type.name),
        "summary": event_type.name,
        "description": f"{event_type.description} Signed as the Standard Webhooks specification says; any 2xx within "
        "15 seconds means that you have it. It may come more than once, with the same `webhook-id`.",
        "tags": ["Webhooks"],
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": description}
            for name, description in SIGNATURE_HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": event_type.schema, "example": event_type.example_body}},
        },
        "responses": {
            "2XX": {"description": "You have it."},
            "410": {"description": "Send nothing more here: the webhook is disabled."},
            "default": {"description": "Not taken; it is sent again later, by `Retry-After` where you name one."},
        },
    }


def _operation_id(name: str) -> str:
    """`client.updated` as `onClientUpdated`."""
    words = name.replace(".", "-").split("-")
    return "on" + "".join(word.capitalize() for word in words)
