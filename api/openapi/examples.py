"""Examples that agree with each other: one value for each field name, wherever it stands.

Where a name means something else, the serializer says what: `examples = {"url": …}`.
"""

from typing import Any

from drf_spectacular.drainage import get_override
from rest_framework import serializers

ID = 1024
OTHER_ID = 2048
TIME = "2026-11-23T09:30:00Z"
UUID = "019ab3f0-7c1e-7d2a-9f40-3b1c5d7e9a02"
PATH_IDS = {
    "agency_id": ID,
    "agent_id": OTHER_ID,
    "client_uuid": UUID,
    "submission_uuid": "019ab3f0-8d2f-7e3b-8a51-4c2d6e8f0b13",
    "declaration_page_uuid": "019ab3f0-9e30-7f4c-9b62-5d3e7f901c24",
    "webhook_uuid": "019ab3f0-af41-705d-8c73-6e4f80a12d35",
    "delivery_uuid": "019ab3f0-b052-716e-9d84-7f5091b23e46",
}

# Tokens of the right form with a checksum that is wrong: none of them opens anything.
VALUES: dict[str, Any] = {
    "id": ID,
    "agent_id": OTHER_ID,
    "agency_name": "Harbor Insurance",
    "name": "Harbor Insurance",
    "color_code": "1D4ED8",
    "referral": "spring-campaign",
    "first_name": "Ann",
    "last_name": "Reed",
    "email": "ann@harbor.example",
    "phone_number": "(212) 555-0123",
    "slug": "ann-reed-7kd2p",
    "slug_suffix": "boston",
    "is_admin": True,
    "is_owner": True,
    "enabled": True,
    "additional_questions_enabled": True,
    "access_token": "agency_pat_EXAMPLEexampleEXAMPLEexampleEX000000",
    "logo_url": "https://api.example.com/media/pictures/5f3c.png",
    "profile_picture_url": None,
    "created_at": TIME,
    "deactivated_at": None,
    "index": 0,
    "status": 201,
    "code": "invalid",
    "message": "Enter a valid email address.",
    "field": "email",
    "uuid": UUID,
    "sales_funnel_status": "new",
    "updated_at": TIME,
    "insurance_types": ["auto"],
    "answers": {"auto": {"drivers": 2}},
    "question_versions": {"auto": 1},
    "completed_at": None,
    "filename": "declarations.pdf",
    "content_type": "application/pdf",
    "size": 184320,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "uploaded_at": TIME,
    "carrier": "Granite Mutual Insurance Company",
    "policy_number": "GM-104-2288-01",
    "policy_type": "auto",
    "effective_date": "2026-01-15",
    "expiration_date": "2027-01-15",
    "reading": "done",
    "found": {"policy_number": {"start": 120, "end": 134, "text": "GM-104-2288-01"}},
    "url": "https://api.example.com/files/EXAMPLE:1tZ0aB:example",
    "expires_at": "2026-11-23T09:45:00Z",
    "insurance_type": "auto",
    "version": 1,
    "key": "drivers",
    "label": "How many people drive your vehicles?",
    "help_text": "",
    "kind": "number",
    "required": True,
    "options": [],
    "request_id": "4b6f1f4e-8a0a-4f57-9a3d-0f6f4c7b8d21",
}


def needs_file(serializer: type[Any]) -> bool:
    """Whether there is no calling without a file, and so not in JSON."""
    return any(isinstance(one, serializers.FileField) and one.required for one in serializer().fields.values())


def of(serializer: type[Any], *, without_files: bool = False) -> dict[str, Any]:
    """An example of what this serializer takes or gives."""
    fields = serializer().fields
    own = getattr(serializer, "examples", {})
    return {
        name: own[name] if name in own else _value(name, field)
        for name, field in fields.items()
        if not _left_out(name, field, without_files)
    }


def _left_out(name: str, field: Any, without_files: bool) -> bool:
    """A row of a bulk answer holds an agent or an error, not both."""
    is_nested_error = name == "error" and isinstance(field, serializers.Serializer)
    return is_nested_error or (without_files and isinstance(field, serializers.FileField))


def _value(name: str, field: Any) -> Any:
    if isinstance(field, serializers.ListSerializer):
        return [of(type(field.child))]
    if isinstance(field, serializers.Serializer):
        return of(type(field))
    described = get_override(field, "field")  # by extend_schema_field
    if described is not None and name not in VALUES:
        return _value(name, described)
    if name == "status" and isinstance(field, serializers.ChoiceField):
        return next(iter(field.choices))
    return VALUES[name]


def page(path: str) -> dict[str, Any]:
    """Links and meta of a first and only page."""
    url = f"https://api.example.com{path.format(**PATH_IDS)}"
    return {
        "links": {"first": f"{url}?page=1", "last": f"{url}?page=1", "prev": None, "next": None},
        "meta": {"current_page": 1, "from": 1, "last_page": 1, "path": url, "per_page": 25, "to": 1, "total": 1},
    }
