"""Every type of event, with the JSON Schema of its payload (contract §7).

A payload holds ids, states and names of fields: what to fetch, and no personal data. `version` is the payload's own: a
change that a receiver could trip over makes the next one.
"""

from dataclasses import dataclass
from typing import Any

from api.openapi import examples

Json = dict[str, Any]
EVERY = "*"
TEST = "webhook.test"
VERSION = 1

_UUID: Json = {"type": "string", "format": "uuid"}
_ID: Json = {"type": "integer", "minimum": 1}
_STATUS: Json = {"type": "string", "enum": ["new", "contacted", "quoted", "won", "lost"]}
_CLIENT: Json = {
    "agency_id": _ID,
    "agent_id": {**_ID, "description": "Whose client it is now."},
    "client_uuid": _UUID,
    "object_revision": {
        "type": "integer",
        "minimum": 1,
        "description": "Of the client, or of the submission where there is one. Grows with each of its changes: "
        "deliveries come in any order, and a lower revision than one you know is old news.",
    },
}
_SUBMISSION: Json = {**_CLIENT, "submission_uuid": _UUID}


@dataclass(frozen=True, slots=True)
class EventType:
    name: str
    description: str
    properties: Json
    """Of `data`, beside `version`; all are always there."""
    example: Json

    @property
    def schema(self) -> Json:
        """Of the whole body."""
        data = {"version": {"const": VERSION}, **self.properties}
        return {
            "type": "object",
            "properties": {
                "type": {"const": self.name},
                "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
                "data": {"type": "object", "properties": data, "required": list(data)},
            },
            "required": ["type", "timestamp", "data"],
        }

    @property
    def example_body(self) -> Json:
        return {"type": self.name, "timestamp": examples.TIME, "data": {"version": VERSION, **self.example}}


_CLIENT_EXAMPLE: Json = {
    "agency_id": examples.ID,
    "agent_id": examples.OTHER_ID,
    "client_uuid": examples.UUID,
    "object_revision": 3,
}
_SUBMISSION_EXAMPLE: Json = {**_CLIENT_EXAMPLE, "submission_uuid": examples.PATH_IDS["submission_uuid"]}
EVENT_TYPES = (
    EventType(
        "client-submission.complete",
        "A client completed a submission.",
        {
            **_SUBMISSION,
            "insurance_types": {"type": "array", "items": {"type": "string"}},
            "declaration_pages": {"type": "integer", "minimum": 0, "description": "How many it has."},
        },
        {**_SUBMISSION_EXAMPLE, "insurance_types": ["auto", "home"], "declaration_pages": 2},
    ),
    EventType(
        "client-submission.declaration-page-upload",
        "A declaration page was added to a submission.",
        {
            **_SUBMISSION,
            "declaration_page_uuid": _UUID,
            "content_type": {"type": "string"},
            "size": {"type": "integer", "description": "Bytes."},
        },
        {
            **_SUBMISSION_EXAMPLE,
            "declaration_page_uuid": examples.PATH_IDS["declaration_page_uuid"],
            "content_type": "application/pdf",
            "size": 184320,
        },
    ),
    EventType(
        "client.reassigned",
        "A client was given to another agent of the agency.",
        {**_CLIENT, "previous_agent_id": _ID},
        {**_CLIENT_EXAMPLE, "previous_agent_id": 2047},
    ),
    EventType(
        "client.updated",
        "A client's name, e-mail address or phone number changed.",
        {**_CLIENT, "changed": {"type": "array", "items": {"type": "string"}, "description": "Which fields."}},
        {**_CLIENT_EXAMPLE, "changed": ["email", "phone_number"]},
    ),
    EventType(
        "client.sales-funnel-status-change",
        "A client came to another status of the sales funnel.",
        {**_CLIENT, "sales_funnel_status": _STATUS, "previous_sales_funnel_status": _STATUS},
        {**_CLIENT_EXAMPLE, "sales_funnel_status": "quoted", "previous_sales_funnel_status": "contacted"},
    ),
)
TEST_TYPE = EventType(
    TEST,
    "Sent on request, to this subscription alone, whatever its `events` are.",
    {"agency_id": _ID, "webhook_uuid": _UUID},
    {"agency_id": examples.ID, "webhook_uuid": examples.PATH_IDS["webhook_uuid"]},
)
ALL_TYPES = (*EVENT_TYPES, TEST_TYPE)
SUBSCRIBABLE = (EVERY, *(one.name for one in EVENT_TYPES))
