"""Every write to OAuth clients: one function an act, in one transaction, with its audit entry."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models.functions import Now
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from api import credentials
from api.errors import Invalid
from api.principals import Principal
from audit.services import record
from oauth_clients.models import AgencyLink, ClientSecret, OAuthClient

SECRET_OVERLAP = timedelta(hours=24)
"""How long a replaced secret still works: time to roll the new one out."""
MAX_SECRET_OVERLAP = timedelta(days=30)


@transaction.atomic
def create_client(
    *, name: str, actor: Principal, rate_limit_per_minute: int | None = None, client_id: str = ""
) -> tuple[OAuthClient, str]:
    """A new OAuth client and its secret in plain text, which is not to be had again. Of two with the same `client_id`,
    one is made.

    Raises ValidationError for a name that is empty, too long or not printable, or a limit that is not positive, and
    Invalid created_already.
    """
    client = OAuthClient(name=name.strip(), rate_limit_per_minute=rate_limit_per_minute)
    client.client_id = client_id or client.client_id
    _check(client)
    try:
        with transaction.atomic():
            client.save()
    except IntegrityError as error:
        raise Invalid(
            "This was sent twice, and the client was created the first time. If you did not see its secret, rotate it.",
            code="created_already",
        ) from error
    record(actor=actor, action="oauth_client.create", target=client)
    return client, _add_secret(client)


@transaction.atomic
def rotate_secret(*, client: OAuthClient, actor: Principal, overlap: timedelta = SECRET_OVERLAP) -> str:
    """A new secret in plain text. The one in use works on for `overlap`; one replaced before stops at once.

    So at most two are live. Raises ValueError for an overlap below zero or above `MAX_SECRET_OVERLAP`.
    """
    if not timedelta(0) <= overlap <= MAX_SECRET_OVERLAP:
        raise ValueError(f"overlap must be between 0 and {MAX_SECRET_OVERLAP}")
    client = _locked(client)
    client.secrets.filter(expires_at__isnull=False).delete()
    client.secrets.update(expires_at=Now() + overlap)
    record(actor=actor, action="oauth_client.rotate_secret", target=client)
    return _add_secret(client)


@transaction.atomic
def suspend(*, client: OAuthClient, actor: Principal) -> None:
    """The client gets no tokens, and those it has stop working at once. Done already: nothing happens.

    Twice over: its tokens are deleted, and any that is being issued at this moment fails for its client's sake.
    """
    client = _locked(client)
    if client.suspended_at:
        return
    _delete_tokens(client)
    client.suspended_at = timezone.now()
    client.save(update_fields=["suspended_at", "updated"])
    record(actor=actor, action="oauth_client.suspend", target=client)


@transaction.atomic
def resume(*, client: OAuthClient, actor: Principal) -> None:
    """The client may ask for tokens again. Those from before stay dead: they may be why it was suspended.

    So those that were being issued when it was suspended are deleted now. Not suspended: nothing happens.
    """
    client = _locked(client)
    if client.suspended_at is None:
        return
    _delete_tokens(client)
    client.suspended_at = None
    client.save(update_fields=["suspended_at", "updated"])
    record(actor=actor, action="oauth_client.resume", target=client)


@transaction.atomic
def update_client(*, client: OAuthClient, actor: Principal, values: dict[str, Any]) -> None:
    """Changes `name` and `rate_limit_per_minute`, as far as given. Raises ValidationError as `create_client`."""
    client = _locked(client)
    changed = sorted(name for name, value in values.items() if getattr(client, name) != value)
    if not changed:
        return
    for name in changed:
        setattr(client, name, values[name])
    _check(client)
    client.save(update_fields=[*changed, "updated"])
    record(actor=actor, action="oauth_client.update", target=client, changed=changed)


@transaction.atomic
def link_agency(*, client_pk: int, agency: models.Model, actor: Principal) -> AgencyLink:
    """From now on the client reaches the agency. Raises Invalid where it does already."""
    if AgencyLink.objects.filter(oauth_client_id=client_pk, agency_id=agency.pk).exists():
        raise Invalid("This partner reaches the agency already.", code="linked_already")
    link = AgencyLink.objects.create(oauth_client_id=client_pk, agency_id=agency.pk)
    record_link(link, actor=actor)
    return link


def record_link(link: AgencyLink, *, actor: Principal) -> None:
    """That the client reaches the agency from now on."""
    record(
        actor=actor,
        action="oauth_client.link_agency",
        target=link,
        agency_id=link.agency_id,
        oauth_client_id=link.oauth_client_id,
    )


@transaction.atomic
def unlink_agency(*, client_pk: int, agency: models.Model, actor: Principal) -> None:
    """From now on the client does not reach the agency. Raises Invalid where it did not."""
    link = AgencyLink.objects.filter(oauth_client_id=client_pk, agency_id=agency.pk).first()
    if link is None:
        raise Invalid("This partner does not reach the agency.", code="not_linked")
    record(
        actor=actor, action="oauth_client.unlink_agency", target=link, agency_id=agency.pk, oauth_client_id=client_pk
    )
    link.delete()


def _check(client: OAuthClient) -> None:
    if not client.name or not client.name.isprintable():
        raise ValidationError({"name": "Give a name of printable characters."})
    client.full_clean(validate_unique=False)  # only its id is, which the database judges


def _locked(client: OAuthClient) -> OAuthClient:
    """This client, fresh, held until the transaction ends. Issuing tokens does not wait for it (`no_key`)."""
    return OAuthClient.objects.select_for_update(no_key=True).get(pk=client.pk)


def _delete_tokens(client: OAuthClient) -> None:
    get_access_token_model().objects.filter(application=client).delete()


def _add_secret(client: OAuthClient) -> str:
    secret = credentials.generate(credentials.OAUTH_CLIENT_SECRET)
    ClientSecret.objects.create(oauth_client=client, digest=credentials.digest(secret))
    return secret
