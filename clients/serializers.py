"""What clients, submissions and declaration pages look like, coming in and going out (contract §6)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agents.models import Agent
from agents.serializers import PhoneNumberField
from api.errors import Invalid
from api.serializers import BoundedListField, EmailField, IdField, TextField
from api.uploads import OneFileField
from clients.models import Client, DeclarationPage, FunnelStatus, InsuranceType, Question, QuestionSet, Submission

AnyModel = TypeVar("AnyModel", bound=Model)
MAX_INCLUDED = 10_000
"""Submissions and declaration pages in one answer; one client has at most 2,100."""
TOO_MANY_INCLUDED = (
    f"The clients on this page have more than {MAX_INCLUDED:,} submissions and declaration pages together; "
    "ask for fewer clients at a time."
)


class ClientChangeSerializer(serializers.Serializer[Any]):
    """Any of these; what is absent stays as it is. An e-mail address or a phone number must remain."""

    first_name = TextField(max_length=100, required=False)
    last_name = TextField(max_length=100, required=False)
    email = EmailField(max_length=254, required=False, allow_blank=True)
    phone_number = PhoneNumberField(required=False, allow_blank=True)
    sales_funnel_status = serializers.ChoiceField(choices=FunnelStatus.choices, required=False)


class NewClientSerializer(ClientChangeSerializer):
    """A client of the caller's, or, from an admin, of a colleague's."""

    first_name = TextField(max_length=100)
    last_name = TextField(max_length=100)
    agent_id = IdField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not (attrs.get("email") or attrs.get("phone_number")):
            raise serializers.ValidationError(
                {"email": ["An e-mail address or a phone number is needed."]}, code="contact_missing"
            )
        return attrs


class ReassignSerializer(serializers.Serializer[Any]):
    agent_id = IdField()


@extend_schema_field({"type": "object", "additionalProperties": {"type": "object", "additionalProperties": True}})
class AnswersField(serializers.DictField):
    """By insurance type, then by the question's key; each is judged by its question (clients.answers)."""


class SubmissionChangeSerializer(serializers.Serializer[Any]):
    """Any of these; what is absent stays as it is. `answers` are all answers: those left out are removed."""

    insurance_types = BoundedListField(
        child=serializers.ChoiceField(choices=InsuranceType.choices), max_length=20, required=False
    )
    answers = AnswersField(required=False)


class DeclarationPageUploadSerializer(serializers.Serializer[Any]):
    file = OneFileField(help_text="PDF, PNG, JPEG or WebP, at most 20 MB.")


class DeclarationPageChangeSerializer(serializers.Serializer[Any]):
    """Any of these; null where it is not known. What is set here, no reading changes afterwards."""

    carrier = TextField(max_length=200, required=False, allow_null=True)
    policy_number = TextField(max_length=50, required=False, allow_null=True)
    policy_type = serializers.ChoiceField(choices=InsuranceType.choices, required=False, allow_null=True)
    effective_date = serializers.DateField(required=False, allow_null=True)
    expiration_date = serializers.DateField(required=False, allow_null=True)


# --- going out --------------------------------------------------------------------------------------


class AgentBriefSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    slug = serializers.CharField()


class SpanSerializer(serializers.Serializer[Any]):
    """Where in the file's text a value was read."""

    start = serializers.IntegerField(help_text="Characters from the beginning of the text.")
    end = serializers.IntegerField()
    text = serializers.CharField(help_text="What stands there.")


@extend_schema_field(serializers.DictField(child=SpanSerializer()))
class FoundField(serializers.DictField):
    """By field; a field that a person set is not among them."""


class DeclarationPageSerializer(serializers.Serializer[Any]):
    uuid = serializers.UUIDField()
    filename = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField()
    uploaded_at = serializers.DateTimeField()
    carrier = serializers.CharField(allow_null=True)
    policy_number = serializers.CharField(allow_null=True)
    policy_type = serializers.ChoiceField(choices=InsuranceType.choices, allow_null=True)
    effective_date = serializers.DateField(allow_null=True)
    expiration_date = serializers.DateField(allow_null=True)
    reading = serializers.ChoiceField(
        choices=DeclarationPage.Reading.choices, help_text="How far the reading of the file is; pictures are not read."
    )
    found = FoundField()


class SubmissionSerializer(serializers.Serializer[Any]):
    uuid = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Submission.Status.choices)
    insurance_types = serializers.ListField(child=serializers.ChoiceField(choices=InsuranceType.choices))
    answers = AnswersField()
    question_versions = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="By insurance type, the version of the additional questions that was asked.",
    )
    completed_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    declaration_pages = DeclarationPageSerializer(many=True, required=False, help_text="Where included.")


class ClientSerializer(serializers.Serializer[Any]):
    uuid = serializers.UUIDField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    email = serializers.CharField()
    phone_number = serializers.CharField()
    sales_funnel_status = serializers.ChoiceField(choices=FunnelStatus.choices)
    agent = AgentBriefSerializer()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    submissions = SubmissionSerializer(many=True, required=False, help_text="Where included.")


class LinkSerializer(serializers.Serializer[Any]):
    url = serializers.URLField()
    expires_at = serializers.DateTimeField()


class QuestionSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    help_text = serializers.CharField()  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=Question.Kind.choices)
    required = serializers.BooleanField()  # type: ignore[assignment]
    options = serializers.ListField(child=serializers.CharField())


class QuestionSetSerializer(serializers.Serializer[Any]):
    insurance_type = serializers.ChoiceField(choices=InsuranceType.choices)
    version = serializers.IntegerField()
    questions = QuestionSerializer(many=True)


# --- by hand: lists are long, and building a field object for each value would cost more than reading them ------------
# A test holds each to its serializer (tests/clients/test_shapes.py).


def client_shown(client: Client, agent: Agent) -> dict[str, Any]:
    return {
        "uuid": client.pk,
        "first_name": client.first_name,
        "last_name": client.last_name,
        "email": client.email,
        "phone_number": client.phone_number,
        "sales_funnel_status": client.sales_funnel_status,
        "agent": {
            "id": agent.pk,
            "first_name": agent.first_name,
            "last_name": agent.last_name,
            "slug": agent.slug,
        },
        "created_at": client.created_at,
        "updated_at": client.updated_at,
    }


def submission_shown(submission: Submission) -> dict[str, Any]:
    return {
        "uuid": submission.pk,
        "status": submission.status,
        "insurance_types": submission.insurance_types,
        "answers": submission.answers,
        "question_versions": submission.question_versions,
        "completed_at": submission.completed_at,
        "created_at": submission.created_at,
    }


def declaration_page_shown(page: DeclarationPage) -> dict[str, Any]:
    return {
        "uuid": page.pk,
        "filename": page.filename,
        "content_type": page.content_type,
        "size": page.size,
        "sha256": page.sha256,
        "uploaded_at": page.uploaded_at,
        **{name: getattr(page, name) for name in DeclarationPage.READ_FIELDS},
        "reading": page.reading,
        "found": page.found,
    }


def clients_shown(ids: Sequence[UUID], agent: Agent, included: frozenset[str]) -> list[dict[str, Any]]:
    """One agent's clients, in this order, with what is included; a query for each kind of row.

    Raises Invalid (422) too_many_included.
    """
    clients = Client.objects.in_bulk(list(ids))
    shown = [client_shown(clients[pk], agent) for pk in ids if pk in clients]
    if "submissions" in included:
        rows = Submission.objects.filter(client__in=ids).order_by("client_id", "id")
        of_client = _grouped(rows, "client_id", with_pages="submissions.declaration_pages" in included)
        for one in shown:
            one["submissions"] = of_client[one["uuid"]]
    return shown


def submissions_shown(ids: Sequence[UUID], included: frozenset[str]) -> list[dict[str, Any]]:
    """Submissions in this order, with what is included."""
    rows = Submission.objects.filter(pk__in=ids)
    by_id = _grouped(rows, "pk", with_pages="declaration_pages" in included)
    return [one for pk in ids for one in by_id[pk]]


def question_set_shown(one: QuestionSet) -> dict[str, Any]:
    """A set whose questions were prefetched."""
    names = ("key", "label", "help_text", "kind", "required", "options")
    questions = [{name: getattr(question, name) for name in names} for question in one.questions.all()]
    return {"insurance_type": one.insurance_type, "version": one.version, "questions": questions}


def _grouped(submissions: QuerySet[Submission], key: str, *, with_pages: bool) -> dict[UUID, list[dict[str, Any]]]:
    rows = _bounded(submissions, MAX_INCLUDED)
    grouped: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    pages = _pages_of(rows) if with_pages else {}
    for submission in rows:
        shown = submission_shown(submission)
        if with_pages:
            shown["declaration_pages"] = pages[submission.pk]
        grouped[getattr(submission, key)].append(shown)
    return grouped


def _pages_of(submissions: list[Submission]) -> dict[UUID, list[dict[str, Any]]]:
    rows = DeclarationPage.objects.filter(submission__in=submissions).order_by("submission_id", "id")
    pages: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for page in _bounded(rows, MAX_INCLUDED - len(submissions)):
        pages[page.submission_id].append(declaration_page_shown(page))
    return pages


def _bounded(rows: QuerySet[AnyModel], most: int) -> list[AnyModel]:
    """Never more than one too many are read."""
    found = list(rows[: most + 1])
    if len(found) > most:
        raise Invalid(TOO_MANY_INCLUDED, code="too_many_included", field="perPage")
    return found
