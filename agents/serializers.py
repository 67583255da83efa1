"""What an agent looks like, coming in and going out (contract §4.1)."""

from collections.abc import Iterable
from typing import Any

import phonenumbers
from django.core.validators import RegexValidator
from django.http import HttpRequest
from rest_framework import serializers

from agents.models import Agent, index_of
from api import pictures
from api.pagination import Listing
from api.serializers import EmailField, TextField, TrueFalseField

PHONE_REGION = "US"


class PhoneNumberField(TextField):
    """A possible number, of the United States unless it says otherwise; given back as sent."""

    default_error_messages = {"invalid_phone_number": "A possible telephone number, for example (212) 555-0123."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=40, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        number = super().to_internal_value(data)
        try:
            possible = not number or phonenumbers.is_possible_number(phonenumbers.parse(number, PHONE_REGION))
        except phonenumbers.NumberParseException:
            possible = False
        if not possible:
            self.fail("invalid_phone_number")
        return number


class SlugSuffixField(TextField):
    """The last part of a slug, instead of a random one."""

    def __init__(self, **kwargs: Any) -> None:
        form = RegexValidator(r"\A[A-Za-z0-9]+(-[A-Za-z0-9]+)*\Z", "Letters a to z, digits and single hyphens.")
        super().__init__(min_length=1, max_length=40, validators=[form], **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).lower()


class NewAgentRowSerializer(serializers.Serializer[Any]):
    """One agent of a bulk call."""

    first_name = TextField(max_length=100)
    last_name = TextField(max_length=100)
    email = EmailField(max_length=254)
    slug_suffix = SlugSuffixField(required=False)
    phone_number = PhoneNumberField(required=False, allow_blank=True)
    is_admin = TrueFalseField(default=False)


class NewAgentSerializer(NewAgentRowSerializer):
    """A new agent of the agency."""

    profile_picture = pictures.PictureField(required=False)


class AgentChangeSerializer(serializers.Serializer[Any]):
    """Any of these; what is absent stays as it is."""

    first_name = TextField(max_length=100, required=False)
    last_name = TextField(max_length=100, required=False)
    email = EmailField(max_length=254, required=False)
    phone_number = PhoneNumberField(required=False, allow_blank=True)
    slug_suffix = SlugSuffixField(required=False)
    is_admin = TrueFalseField(required=False)
    profile_picture = pictures.PictureField(required=False)


class AdditionalQuestionsSerializer(serializers.Serializer[Any]):
    enabled = TrueFalseField()


# --- going out --------------------------------------------------------------------------------------


class AgencyBriefSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    color_code = serializers.CharField()


class NamedAgentSerializer(serializers.Serializer[Any]):
    """What every answer about an agent begins with."""

    id = serializers.IntegerField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    email = serializers.EmailField()
    slug = serializers.CharField()


class AgentSerializer(NamedAgentSerializer):
    """An agent in full."""

    phone_number = serializers.CharField()
    is_admin = serializers.BooleanField()
    is_owner = serializers.BooleanField()
    agency = AgencyBriefSerializer()
    profile_picture_url = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    deactivated_at = serializers.DateTimeField(allow_null=True)

    def get_profile_picture_url(self, agent: Agent) -> str | None:
        return pictures.url(self.context["request"], agent.profile_picture)


_ROW = (
    "id",
    "first_name",
    "last_name",
    "email",
    "slug",
    "phone_number",
    "is_admin",
    "is_owner",
    "agency_id",
    "agency__name",
    "agency__color_code",
    "profile_picture",
    "created_at",
    "updated_at",
    "deactivated_at",
)


def agent_rows(request: HttpRequest, rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Agents of a list, as AgentSerializer shows them, without building an instance or a field for each.

    A property test holds the two together (tests/agents/test_rows.py).
    """
    return [
        {
            "id": pk,
            "first_name": first_name,
            "last_name": last_name,
            "email": email,
            "slug": slug,
            "phone_number": phone_number,
            "is_admin": is_admin,
            "is_owner": is_owner,
            "agency": {"id": agency_id, "name": agency_name, "color_code": color_code},
            "profile_picture_url": pictures.url(request, picture),
            "created_at": created_at,
            "updated_at": updated_at,
            "deactivated_at": deactivated_at,
        }
        for (
            pk, first_name, last_name, email, slug, phone_number, is_admin, is_owner,
            agency_id, agency_name, color_code, picture, created_at, updated_at, deactivated_at,
        ) in rows
    ]  # fmt: skip


AGENTS = Listing(
    Agent.objects.visible_to, index_of, frozenset({"includeDeactivated", "updatedSince"}), _ROW, agent_rows
)


class NewAgentAnswerSerializer(NamedAgentSerializer):
    """A new agent, with its token: shown here once, and never again."""

    phone_number = serializers.CharField()
    is_admin = serializers.BooleanField()
    access_token = serializers.CharField()


class ResetAgentSerializer(NamedAgentSerializer):
    """The agent, with its new token: shown here once, and never again."""

    access_token = serializers.CharField()


class ResetAnswerSerializer(serializers.Serializer[Any]):
    agency = AgencyBriefSerializer()
    agent = ResetAgentSerializer()


class AdditionalQuestionsAnswerSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    additional_questions_enabled = serializers.BooleanField()
