"""What an agency looks like, coming in and going out."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agencies.models import Agency, index_of
from agents.serializers import (
    AgencyBriefSerializer,
    NamedAgentSerializer,
    NewAgentAnswerSerializer,
    NewAgentRowSerializer,
)
from api import pictures
from api.pagination import Listing
from api.serializers import BoundedListField, EmailField, ErrorSerializer, IdField, PatternField, TextField

MAX_BULK_AGENTS = 500


class NewAgencySerializer(serializers.Serializer[Any]):
    """An agency, and the person who owns it."""

    agency_name = TextField(max_length=200)
    email = EmailField(max_length=254, help_text="The owner's.")
    first_name = TextField(max_length=100, help_text="The owner's.")
    last_name = TextField(max_length=100, help_text="The owner's.")
    referral = TextField(max_length=200, required=False, allow_blank=True, default="")


class AgencyChangeSerializer(serializers.Serializer[Any]):
    """Any of these; what is absent stays as it is."""

    name = TextField(max_length=200, required=False)
    color_code = PatternField(
        r"\A[0-9A-Fa-f]{6}\Z", required=False, error_messages={"invalid": "Six hexadecimal digits, without #."}
    )
    logo = pictures.PictureField(required=False)


class TransferOwnershipSerializer(serializers.Serializer[Any]):
    agent_id = IdField()


@extend_schema_field(
    serializers.ListSerializer(child=NewAgentRowSerializer(), min_length=1, max_length=MAX_BULK_AGENTS)
)
class AgentRowsField(BoundedListField):
    """Objects only: the caller judges each on its own."""

    child = serializers.DictField()


class BulkAgentsSerializer(serializers.Serializer[Any]):
    """Rows are judged one by one: a row that is not valid does not hold up the others."""

    agents = AgentRowsField(min_length=1, max_length=MAX_BULK_AGENTS)


# --- going out --------------------------------------------------------------------------------------


class AgencySerializer(serializers.Serializer[Agency]):
    """An agency as its agents see it."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    color_code = serializers.CharField()
    logo_url = serializers.SerializerMethodField()

    def get_logo_url(self, agency: Agency) -> str | None:
        return pictures.url(self.context["request"], agency.logo)


class PartnerAgencySerializer(AgencySerializer):
    """An agency as the partners that are linked to it see it."""

    referral = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    deactivated_at = serializers.DateTimeField(allow_null=True)


_ROW = ("id", "name", "color_code", "logo", "referral", "created_at", "updated_at", "deactivated_at")


def agency_rows(request: HttpRequest, rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Agencies of a list, as PartnerAgencySerializer shows them."""
    return [
        {
            "id": pk,
            "name": name,
            "color_code": color_code,
            "logo_url": pictures.url(request, logo),
            "referral": referral,
            "created_at": created_at,
            "updated_at": updated_at,
            "deactivated_at": deactivated_at,
        }
        for pk, name, color_code, logo, referral, created_at, updated_at, deactivated_at in rows
    ]


AGENCIES = Listing(Agency.objects.visible_to, index_of, frozenset({"includeDeactivated"}), _ROW, agency_rows)


class OwnerSerializer(NamedAgentSerializer):
    """A new agency's first agent, with its token: shown here once, and never again."""

    is_admin = serializers.BooleanField()
    access_token = serializers.CharField()


class NewAgencyAnswerSerializer(serializers.Serializer[Any]):
    agency = AgencyBriefSerializer()
    agent = OwnerSerializer()


class BulkResultSerializer(serializers.Serializer[Any]):
    """Of one row: `agent` where status is 201, `error` where it is 422."""

    index = serializers.IntegerField(help_text="The row's place in the call, from 0.")
    status = serializers.ChoiceField([201, 422])
    agent = NewAgentAnswerSerializer(required=False)
    error = ErrorSerializer(required=False)
