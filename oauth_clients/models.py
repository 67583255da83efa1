from typing import Self

from django.db import models
from django.db.models.functions import Now
from oauth2_provider.models import AbstractApplication, ApplicationManager

from api.totals import Kept, part_of


def unusable_secret() -> str:
    """What the toolkit's own secret column holds: a value no secret's hash is. Ours are in `ClientSecret`."""
    return "!"


class OAuthClient(AbstractApplication):
    """A partner platform: the OAuth toolkit's application, for client credentials only."""

    client_secret = models.CharField(max_length=1, default=unusable_secret, editable=False)
    client_type = models.CharField(
        max_length=32,
        choices=AbstractApplication.CLIENT_TYPES,
        default=AbstractApplication.CLIENT_CONFIDENTIAL,
        editable=False,
    )
    authorization_grant_type = models.CharField(
        max_length=44,
        choices=AbstractApplication.GRANT_TYPES,
        default=AbstractApplication.GRANT_CLIENT_CREDENTIALS,
        editable=False,
    )
    rate_limit_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Requests a minute for each of this client's tokens; empty: the default."
    )
    suspended_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApplicationManager()

    class Meta(AbstractApplication.Meta):
        abstract = False
        verbose_name = "OAuth client"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(rate_limit_per_minute__isnull=True) | models.Q(rate_limit_per_minute__gt=0),
                name="oauth_client_rate_limit_positive",
            )
        ]


class ClientSecretQuerySet(models.QuerySet["ClientSecret"]):
    def live(self) -> "ClientSecretQuerySet":
        return self.filter(models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=Now()))


class ClientSecret(models.Model):
    """One of an OAuth client's secrets, as a digest. At most two are live: the one in use and the one it replaces."""

    oauth_client = models.ForeignKey(OAuthClient, on_delete=models.CASCADE, related_name="secrets")
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects = ClientSecretQuerySet.as_manager()

    def __str__(self) -> str:
        return f"secret {self.pk}"


class AgencyLinkQuerySet(models.QuerySet["AgencyLink"]):
    def active(self) -> Self:
        """Those to agencies that are active."""
        return self.filter(active=True)


class AgencyLink(models.Model):
    """This OAuth client reaches this agency."""

    # No index of its own: the ones below begin with it. By one, PostgreSQL may read all of a client's links for a page
    # and sort them.
    oauth_client = models.ForeignKey(OAuthClient, on_delete=models.PROTECT, related_name="agency_links", db_index=False)
    agency = models.ForeignKey("agencies.Agency", on_delete=models.CASCADE, related_name="oauth_links")
    created_at = models.DateTimeField(auto_now_add=True)
    active = models.BooleanField(db_default=True, editable=False, help_text="The agency is; written by triggers")

    objects = AgencyLinkQuerySet.as_manager()
    kept_total = Kept(owner="oauth_client_id", key="agency_id", part=part_of("active"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["oauth_client", "agency"], name="agency_link_unique")]
        indexes = [
            models.Index(fields=["oauth_client", "agency"], name="agency_link_active", condition=models.Q(active=True))
        ]

    def __str__(self) -> str:
        return f"{self.oauth_client_id} reaches {self.agency_id}"

    @classmethod
    def reached(cls, column: str, client_pk: int) -> models.Exists:
        """The condition that `column` holds the id of an agency that the client reaches: asked of each row.

        Not for lists of many rows: those are read from the links (see AgentLink).
        """
        return models.Exists(cls.objects.filter(oauth_client_id=client_pk, agency_id=models.OuterRef(column)))
