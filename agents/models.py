from typing import Self

from django.db import models
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from api.principals import AgentPrincipal, ApiPrincipal, Partner
from api.totals import Kept, part_of
from oauth_clients.models import AgencyLink, OAuthClient


class AgentQuerySet(models.QuerySet["Agent"]):
    def visible_to(self, principal: ApiPrincipal) -> Self:
        """The agents this caller may know of, deactivated ones included."""
        match principal:
            case Partner():
                return self.filter(AgencyLink.reached("agency_id", principal.client_pk))
            case AgentPrincipal():
                return self.filter(agency_id=principal.agency_id)

    def active(self) -> Self:
        return self.filter(deactivated_at__isnull=True)

    def with_email(self, address: str) -> Self:
        """Those with this whole address, in any case; by index, which `iexact` would not use."""
        return self.filter(Exact(Lower("email"), Lower(models.Value(address))))


class Agent(models.Model):
    """A person who works for an agency."""

    agency = models.ForeignKey("agencies.Agency", on_delete=models.PROTECT, related_name="agents", db_index=False)
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    email = models.EmailField(max_length=254)
    slug = models.CharField(max_length=120, unique=True)
    phone_number = models.CharField(max_length=40, blank=True)
    profile_picture = models.CharField(max_length=100, blank=True, help_text="Name in the pictures storage")
    is_admin = models.BooleanField(default=False)
    is_owner = models.BooleanField(default=False)
    additional_questions_enabled = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deactivated_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AgentQuerySet.as_manager()
    kept_total = Kept(owner="agency_id", key="id", part=part_of("deactivated_at IS NULL"))

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "agency",
                Lower("email"),
                condition=models.Q(deactivated_at__isnull=True),
                name="agent_email_unique_in_agency",
                violation_error_code="email_taken",
                violation_error_message="Another active agent of this agency has this e-mail address.",
            ),
            models.UniqueConstraint(
                fields=["agency"], condition=models.Q(is_owner=True), name="agent_one_owner_per_agency"
            ),
            models.CheckConstraint(
                condition=models.Q(is_owner=False) | models.Q(is_admin=True), name="agent_owner_is_admin"
            ),
        ]
        indexes = [
            models.Index(fields=["agency", "id"], name="agent_by_agency"),
            models.Index(
                fields=["agency", "id"], name="agent_by_agency_active", condition=models.Q(deactivated_at__isnull=True)
            ),
            models.Index(Lower("email"), name="agent_by_email"),
            models.Index(fields=["agency", "updated_at", "id"], name="agent_by_updated"),
            models.Index(fields=["profile_picture"], name="agent_by_picture", condition=~models.Q(profile_picture="")),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"


class AgentLinkQuerySet(models.QuerySet["AgentLink"]):
    def active(self) -> Self:
        """Those to agents that are active."""
        return self.filter(active=True)


class AgentLink(models.Model):
    """This OAuth client reaches this agent: what its lists are read from, in their order.

    Read from the agents themselves, a page would cost the more the more agencies the client has, or the more agents of
    others stand between two of its own. Triggers on agents and on links to agencies write it
    (migrations.0003_agent_link). It says where to look, and not who may look: the agents of a page are asked for by
    `visible_to` all the same.
    """

    pk = models.CompositePrimaryKey("oauth_client_id", "agent_id")
    oauth_client = models.ForeignKey(
        OAuthClient, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    agent = models.ForeignKey(Agent, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    active = models.BooleanField()
    updated_at = models.DateTimeField()

    objects = AgentLinkQuerySet.as_manager()
    kept_total = Kept(owner="oauth_client_id", key="agent_id", part=part_of("active"))

    class Meta:
        indexes = [
            models.Index(fields=["oauth_client", "agent"], name="agent_link_active", condition=models.Q(active=True)),
            models.Index(fields=["oauth_client", "updated_at", "agent"], name="agent_link_by_updated"),
        ]

    def __str__(self) -> str:
        return f"{self.oauth_client_id} reaches agent {self.agent_id}"


def index_of(principal: ApiPrincipal) -> models.QuerySet[Agent] | models.QuerySet[AgentLink]:
    """What this caller's lists of agents are read from, by their ids."""
    match principal:
        case Partner():
            return AgentLink.objects.filter(oauth_client_id=principal.client_pk).annotate(listed=models.F("agent_id"))
        case AgentPrincipal():
            return Agent.objects.visible_to(principal).annotate(listed=models.F("pk"))


class AgentToken(models.Model):
    """An agent's personal access token, as a digest."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="tokens")
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token {self.pk}"
