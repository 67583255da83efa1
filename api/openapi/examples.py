"""Examples that agree with each other: one value for each field name, wherever it stands."""

from typing import Any

from drf_spectacular.drainage import get_override
from rest_framework import serializers

ID = 1024
OTHER_ID = 2048
TIME = "2026-11-23T09:30:00Z"

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
    "request_id": "4b6f1f4e-8a0a-4f57-9a3d-0f6f4c7b8d21",
}


def of(serializer: type[Any], *, without_files: bool = False) -> dict[str, Any]:
    """An example of what this serializer takes or gives."""
    fields = serializer().fields
    return {name: _value(name, field) for name, field in fields.items() if not _left_out(name, field, without_files)}


def _left_out(name: str, field: Any, without_files: bool) -> bool:
    """A row of a bulk answer holds an agent or an error, not both."""
    return name == "error" or (without_files and isinstance(field, serializers.FileField))


def _value(name: str, field: Any) -> Any:
    if isinstance(field, serializers.ListSerializer):
        return [of(type(field.child))]
    if isinstance(field, serializers.Serializer):
        return of(type(field))
    if described := get_override(field, "field"):  # by extend_schema_field
        return _value(name, described)
    return VALUES[name]


def page(path: str) -> dict[str, Any]:
    """Links and meta of a first and only page."""
    url = f"https://api.example.com{path.replace('{agency_id}', str(ID))}"
    return {
        "links": {"first": f"{url}?page=1", "last": f"{url}?page=1", "prev": None, "next": None},
        "meta": {"current_page": 1, "from": 1, "last_page": 1, "path": url, "per_page": 25, "to": 1, "total": 1},
    }
