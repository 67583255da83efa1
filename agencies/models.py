from typing import Self

from django.core.validators import RegexValidator
from django.db import models

from api.principals import AgentPrincipal, ApiPrincipal, Partner
from oauth_clients.models import AgencyLink

DEFAULT_COLOR = "1D4ED8"


class AgencyQuerySet(models.QuerySet["Agency"]):
    def visible_to(self, principal: ApiPrincipal) -> Self:
        """The agencies this caller may know of, deactivated ones included."""
        match principal:
            case Partner():
                return self.filter(AgencyLink.reached("pk", principal.client_pk))
            case AgentPrincipal():
                return self.filter(pk=principal.agency_id)

    def active(self) -> Self:
        return self.filter(deactivated_at__isnull=True)


class Agency(models.Model):
    """The tenant. Everything that belongs to somebody belongs to an agency."""

    name = models.CharField(max_length=200)
    color_code = models.CharField(
        max_length=6,
        default=DEFAULT_COLOR,
        validators=[RegexValidator(r"\A[0-9A-Fa-f]{6}\Z", "Six hexadecimal digits, without #.")],
    )
    referral = models.CharField(max_length=200, blank=True)
    logo = models.CharField(max_length=100, blank=True, help_text="Name in the pictures storage")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deactivated_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AgencyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "agencies"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(color_code__regex=r"^[0-9A-Fa-f]{6}$"), name="agency_color_code_is_hex"
            )
        ]
        indexes = [
            models.Index(fields=["updated_at", "id"], name="agency_by_updated"),
            models.Index(fields=["logo"], name="agency_by_logo", condition=~models.Q(logo="")),
        ]

    def __str__(self) -> str:
        return self.name

    def locked(self) -> "Agency":
        """This agency, fresh, held until the transaction ends.

        What must hold for an agency's agents as a whole (one owner, a last admin, none active in a deactivated
        agency) is checked and changed under this lock. Rows that only refer to the agency, as events do, do not wait
        for it (`no_key`): their transactions may hold an agent, for whom whoever holds the agency waits.
        """
        return Agency.objects.select_for_update(no_key=True).get(pk=self.pk)


def index_of(principal: ApiPrincipal) -> models.QuerySet[Agency] | models.QuerySet[AgencyLink]:
    """What this caller's lists of agencies are read from, by their ids."""
    match principal:
        case Partner():
            return AgencyLink.objects.filter(oauth_client_id=principal.client_pk).annotate(listed=models.F("agency_id"))
        case AgentPrincipal():
            return Agency.objects.visible_to(principal).annotate(listed=models.F("pk"))
