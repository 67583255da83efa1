from datetime import timedelta
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from api import credentials
from api.ids import new_id
from api.principals import AgentPrincipal, ApiPrincipal
from api.totals import Kept
from clients import search


class FunnelStatus(models.TextChoices):
    """How far a sale has come."""

    NEW = "new"
    CONTACTED = "contacted"
    QUOTED = "quoted"
    WON = "won"
    LOST = "lost"


class InsuranceType(models.TextChoices):
    AUTO = "auto"
    HOME = "home"
    RENTERS = "renters"
    UMBRELLA = "umbrella"
    LIFE = "life"
    COMMERCIAL = "commercial"
    OTHER = "other"


def _reached(principal: ApiPrincipal, path: str) -> Q:
    """Whose client is this caller's: an agent's own, for an admin every agent's of its agency. `path` leads to it."""
    if not isinstance(principal, AgentPrincipal):
        return Q(pk__in=[])
    if principal.is_admin:
        return Q(**{f"{path}agent__agency": principal.agency_id})
    return Q(**{f"{path}agent": principal.agent_id})


class ClientQuerySet(models.QuerySet["Client"]):
    def visible_to(self, principal: ApiPrincipal) -> Self:
        """The clients this caller may know of (contract §6)."""
        return self.filter(_reached(principal, ""))


class Client(models.Model):
    """A person whom an agent serves: a consumer, as the agency's own records name them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="clients", db_index=False)
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    email = models.EmailField(max_length=254, blank=True)
    phone_number = models.CharField(max_length=40, blank=True)
    sales_funnel_status = models.CharField(
        max_length=10, choices=FunnelStatus.choices, default=FunnelStatus.NEW, db_default=FunnelStatus.NEW
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    revision = models.PositiveIntegerField(default=1, db_default=1, editable=False, help_text="One more each change")
    sort_name = models.CharField(max_length=200, editable=False, help_text="See clients.search.sort_key")
    words = search.EntriesField(editable=False, help_text="See clients.search.entries")

    objects = ClientQuerySet.as_manager()
    kept_total = Kept(owner="agent_id", key="id", part="sales_funnel_status")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(email="", phone_number=""),
                name="client_has_email_or_phone",
                violation_error_code="contact_missing",
                violation_error_message="An e-mail address or a phone number is needed.",
            ),
            models.CheckConstraint(
                condition=Q(sales_funnel_status__in=FunnelStatus.values), name="client_sales_funnel_status_known"
            ),
        ]
        indexes = [
            models.Index(fields=["agent", "id"], name="client_by_agent"),
            models.Index(fields=["agent", "created_at", "id"], name="client_by_created"),
            models.Index(fields=["agent", "updated_at", "id"], name="client_by_updated"),
            models.Index(fields=["agent", "sort_name", "id"], name="client_by_name"),
            models.Index(fields=["agent", "sales_funnel_status", "id"], name="client_by_funnel"),
            # Read more than written, so each write settles its own entries instead of leaving them to the next reader.
            GinIndex(fields=["words"], name="client_by_words", fastupdate=False),
            # For administrators, who look over all agents' clients.
            models.Index(Lower("email"), name="client_of_any_by_email"),
            models.Index(search.PhoneDigits("phone_number"), name="client_of_any_by_phone"),
            models.Index(fields=["sort_name"], name="client_of_any_by_name", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["sales_funnel_status", "id"], name="client_of_any_by_funnel"),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"

    def index(self) -> None:
        """Brings what the client is found and sorted by up to date with its other fields; whoever changes those calls
        this before saving `INDEXED`."""
        self.sort_name = search.sort_key(self.first_name, self.last_name)
        self.words = search.entries(
            agent_id=self.agent_id,
            first_name=self.first_name,
            last_name=self.last_name,
            email=self.email,
            phone_number=self.phone_number,
        )


INDEXED = ("sort_name", "words")


LINK_LIFETIME = timedelta(days=30)
"""Of a consumer's private link, from the start of the submission."""


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def visible_to(self, principal: ApiPrincipal) -> Self:
        return self.filter(_reached(principal, "client__"))

    def opened_by(self, secret: str) -> Self:
        """The one submission that a consumer sees: that of its private link, while the link lives (contract §9)."""
        if credentials.kind_of(secret) != credentials.CONSUMER_LINK:
            return self.none()
        return self.filter(resume_digest=credentials.digest(secret), created_at__gt=Now() - LINK_LIFETIME)


class Submission(models.Model):
    """What a client asks to be insured, with the declaration pages of what it has now."""

    class Status(models.TextChoices):
        IN_PROGRESS = "in_progress"
        COMPLETE = "complete"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="submissions", db_index=False)
    insurance_types = ArrayField(models.CharField(max_length=10, choices=InsuranceType.choices), default=list)
    question_versions = models.JSONField(
        default=dict, help_text="Which version of the additional questions was asked, by insurance type"
    )
    answers = models.JSONField(default=dict, help_text="By insurance type, then by the question's key")
    created_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=1, db_default=1, editable=False, help_text="One more each change")
    resume_digest = models.BinaryField(
        max_length=32, null=True, unique=True, editable=False, help_text="Of the consumer's private link"
    )

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["client", "id"], name="submission_by_client")]

    def __str__(self) -> str:
        return f"submission {self.pk}"

    @property
    def status(self) -> str:
        return self.Status.COMPLETE if self.completed_at else self.Status.IN_PROGRESS


class DeclarationPageQuerySet(models.QuerySet["DeclarationPage"]):
    def visible_to(self, principal: ApiPrincipal) -> Self:
        return self.filter(_reached(principal, "submission__client__"))


class DeclarationPage(models.Model):
    """The page of an insurance policy that says who is insured for what: a file, and what was read from it."""

    class Reading(models.TextChoices):
        """How far a worker has come with it."""

        PENDING = "pending"
        DONE = "done"
        FAILED = "failed", "The file could not be read"
        NONE = "none", "A picture, which is not read"

    READ_FIELDS = ("carrier", "policy_number", "policy_type", "effective_date", "expiration_date")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    submission = models.ForeignKey(
        Submission, on_delete=models.CASCADE, related_name="declaration_pages", db_index=False
    )
    filename = models.CharField(max_length=200, help_text="As its owner calls it; shown, and never used as a path")
    stored_name = models.CharField(max_length=100, unique=True, help_text="Name in the declaration pages' storage")
    content_type = models.CharField(max_length=40)
    size = models.BigIntegerField(help_text="Bytes")
    sha256 = models.CharField(max_length=64, help_text="Of the file, in hexadecimal digits")
    uploaded_at = models.DateTimeField(auto_now_add=True)

    carrier = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - null is "not known"
    policy_number = models.CharField(max_length=50, null=True, blank=True)  # noqa: DJ001
    policy_type = models.CharField(max_length=10, choices=InsuranceType.choices, null=True, blank=True)  # noqa: DJ001
    effective_date = models.DateField(null=True, blank=True)
    expiration_date = models.DateField(null=True, blank=True)

    reading = models.CharField(max_length=10, choices=Reading.choices, default=Reading.NONE)
    reading_tries = models.PositiveSmallIntegerField(default=0)
    reading_tried_at = models.DateTimeField(null=True, blank=True)
    found = models.JSONField(default=dict, help_text="By field: the text it was read from, and where that stands")
    corrected = ArrayField(
        models.CharField(max_length=20), default=list, help_text="Fields that a person set; no reading changes them"
    )

    objects = DeclarationPageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expiration_date__gte=models.F("effective_date"))
                | Q(expiration_date__isnull=True)
                | Q(effective_date__isnull=True),
                name="declaration_page_dates_in_order",
            )
        ]
        indexes = [
            models.Index(fields=["submission", "id"], name="declaration_page_by_submission"),
            models.Index(fields=["uploaded_at"], name="declaration_page_to_read", condition=Q(reading="pending")),
        ]

    def __str__(self) -> str:
        return self.filename


class QuestionSetQuerySet(models.QuerySet["QuestionSet"]):
    def current(self) -> Self:
        """The newest version for each insurance type."""
        newest = QuestionSet.objects.order_by("insurance_type", "-version").distinct("insurance_type")
        return self.filter(pk__in=newest.values("pk"))


class QuestionSet(models.Model):
    """The additional questions for one type of insurance, as they stood from one day on.

    Never changed once it is there: an edit makes the next version, so that answers to an earlier one stay readable.
    """

    insurance_type = models.CharField(max_length=10, choices=InsuranceType.choices)
    version = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = QuestionSetQuerySet.as_manager()

    class Meta:
        ordering = ["insurance_type", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["insurance_type", "version"], name="question_set_version_unique")
        ]

    def __str__(self) -> str:
        return f"{self.insurance_type} questions, version {self.version}"


class Question(models.Model):
    """One question of a set."""

    class Kind(models.TextChoices):
        TEXT = "text", "A line of text"
        LONG_TEXT = "long_text", "Some lines of text"
        NUMBER = "number", "A whole number"
        DATE = "date", "A date"
        YES_NO = "yes_no", "Yes or no"
        CHOICE = "choice", "One of the options"
        CHOICES = "choices", "Any of the options"

    WITH_OPTIONS = (Kind.CHOICE, Kind.CHOICES)

    question_set = models.ForeignKey(QuestionSet, on_delete=models.CASCADE, related_name="questions", db_index=False)
    position = models.PositiveSmallIntegerField(default=0)
    key = models.SlugField(max_length=40, db_index=False, help_text="Its name in the answers; keep it between versions")
    label = models.CharField(max_length=200, help_text="What the consumer is asked")
    help_text = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.TEXT)
    required = models.BooleanField(default=False)
    options = ArrayField(models.CharField(max_length=100), default=list, blank=True, size=30)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["question_set", "key"], name="question_key_unique_in_set"),
            models.CheckConstraint(
                condition=Q(kind__in=["choice", "choices"]) ^ Q(options=[]), name="question_options_where_chosen_from"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    def clean(self) -> None:
        if (self.kind in self.WITH_OPTIONS) != bool(self.options):
            raise ValidationError({"options": "Options are for a choice between them, which needs some."})
        if len(set(self.options)) != len(self.options):
            raise ValidationError({"options": "Each option once."})
