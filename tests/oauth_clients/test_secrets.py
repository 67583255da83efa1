"""Client secrets: kept as digests, rotated with an overlap, at most two live. And what the database gives away."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models.functions import Now
from oauth2_provider.models import AccessToken, set_token_value

from agencies.models import Agency
from api import credentials
from api.errors import Invalid
from audit.models import AuditEntry
from oauth_clients import services
from oauth_clients.authentication import authenticate
from oauth_clients.models import ClientSecret, OAuthClient
from tests.stored import everything_stored

URL = "/oauth/token"


def works(api, partner, secret):
    return api.post(URL, {**partner.grant, "client_secret": secret}).status_code == 200


def test_both_secrets_work_while_they_overlap(api, partner, actor):
    new = services.rotate_secret(client=partner.row, actor=actor)
    assert works(api, partner, partner.secret)
    assert works(api, partner, new)


def test_the_old_secret_ends_with_the_overlap(api, partner, actor):
    new = services.rotate_secret(client=partner.row, actor=actor)
    old = ClientSecret.objects.get(digest=credentials.digest(partner.secret))
    assert timedelta(hours=23, minutes=59) < old.expires_at - old.created_at <= timedelta(hours=24, minutes=1)
    ClientSecret.objects.filter(pk=old.pk).update(expires_at=Now())
    assert not works(api, partner, partner.secret)
    assert works(api, partner, new)


def test_no_overlap_ends_the_old_secret_at_once(api, partner, actor):
    new = services.rotate_secret(client=partner.row, actor=actor, overlap=timedelta(0))
    assert not works(api, partner, partner.secret)
    assert works(api, partner, new)


def test_at_most_two_secrets_are_live(api, partner, actor):
    second = services.rotate_secret(client=partner.row, actor=actor)
    third = services.rotate_secret(client=partner.row, actor=actor)
    assert [works(api, partner, secret) for secret in (partner.secret, second, third)] == [False, True, True]
    assert partner.row.secrets.live().count() == 2


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), services.MAX_SECRET_OVERLAP + timedelta(seconds=1)])
def test_an_overlap_has_bounds(partner, actor, overlap):
    with pytest.raises(ValueError, match="overlap"):
        services.rotate_secret(client=partner.row, actor=actor, overlap=overlap)


def test_rotating_does_not_touch_other_clients(api, partner, other, actor):
    services.rotate_secret(client=partner.row, actor=actor, overlap=timedelta(0))
    assert works(api, other, other.secret)


@pytest.mark.django_db(transaction=True)
def test_rotations_at_once_leave_two_live_secrets(partner, actor):
    def rotate(_):
        try:
            return services.rotate_secret(client=partner.row, actor=actor)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(rotate, range(8)))
    assert partner.row.secrets.live().count() == 2
    assert partner.row.secrets.filter(expires_at=None).count() == 1


def test_a_secret_is_generated_with_prefix_and_checksum(partner):
    assert credentials.kind_of(partner.secret) == credentials.OAUTH_CLIENT_SECRET


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "a\nb", "a" * 256])
def test_a_client_needs_a_printable_name(db, actor, name):
    with pytest.raises(ValidationError):
        services.create_client(name=name, actor=actor)
    assert not OAuthClient.objects.exists()


@pytest.mark.parametrize("limit", [0, -1, 2**31])
def test_a_clients_own_rate_limit_is_positive_and_bounded(db, actor, limit):
    with pytest.raises(ValidationError):
        services.create_client(name="Partner", actor=actor, rate_limit_per_minute=limit)


def test_acts_are_audited_once_and_name_no_secret(partner, actor):
    services.rotate_secret(client=partner.row, actor=actor)
    for _ in range(2):
        services.suspend(client=partner.row, actor=actor)
    for _ in range(2):
        services.resume(client=partner.row, actor=actor)
    entries = AuditEntry.objects.filter(target_type="oauthclient", target_id=partner.row.pk).order_by("id")
    assert list(entries.values_list("action", "actor", "facts")) == [
        (f"oauth_client.{act}", "command-line", {}) for act in ("create", "rotate_secret", "suspend", "resume")
    ]


def test_linking_reaches_the_agency_once_and_is_audited(partner, actor):
    agency = Agency.objects.create(name="Agency")
    link = services.link_agency(client_pk=partner.row.pk, agency=agency, actor=actor)
    assert (link.oauth_client, link.agency) == (partner.row, agency)
    entry = AuditEntry.objects.get(action="oauth_client.link_agency")
    assert (entry.agency_id, entry.facts) == (agency.pk, {"oauth_client_id": partner.row.pk})
    with pytest.raises(Invalid, match="already"), transaction.atomic():
        services.link_agency(client_pk=partner.row.pk, agency=agency, actor=actor)
    assert AuditEntry.objects.filter(action="oauth_client.link_agency").count() == 1


def test_unlinking_ends_it_and_is_audited(partner, actor):
    agency = Agency.objects.create(name="Agency")
    services.link_agency(client_pk=partner.row.pk, agency=agency, actor=actor)
    services.unlink_agency(client_pk=partner.row.pk, agency=agency, actor=actor)
    assert not partner.row.agency_links.exists()
    entry = AuditEntry.objects.get(action="oauth_client.unlink_agency")
    assert (entry.agency_id, entry.facts) == (agency.pk, {"oauth_client_id": partner.row.pk})
    with pytest.raises(Invalid, match="does not reach"):
        services.unlink_agency(client_pk=partner.row.pk, agency=agency, actor=actor)


def test_tokens_from_before_a_suspension_stay_dead(api, partner, actor):
    token = api.token(partner)
    services.suspend(client=partner.row, actor=actor)
    assert authenticate(token) is None
    services.resume(client=partner.row, actor=actor)
    assert authenticate(token) is None
    assert authenticate(api.token(partner))


def test_suspending_deletes_the_clients_tokens_and_no_others(api, partner, other, actor):
    kept = api.token(other)
    api.token(partner)
    services.suspend(client=partner.row, actor=actor)
    assert authenticate(kept).token_pk == AccessToken.objects.get().pk


def test_a_token_that_was_being_issued_at_suspension_never_works(api, partner, actor):
    """Its secret was checked before the suspension, its row written after."""
    token = credentials.generate(credentials.OAUTH_ACCESS_TOKEN)
    services.suspend(client=partner.row, actor=actor)
    late = AccessToken(application=partner.row, scope="provisioning", expires=Now() + timedelta(hours=1))
    set_token_value(late, token)
    late.save()
    assert authenticate(token) is None
    services.resume(client=partner.row, actor=actor)
    assert authenticate(token) is None


def test_a_read_of_the_whole_database_yields_no_usable_credential(api, partner, actor):
    token = api.token(partner)
    replaced, secret = partner.secret, services.rotate_secret(client=partner.row, actor=actor)
    stored = list(everything_stored())
    assert credentials.digest(secret) in stored  # the dump sees what there is
    assert credentials.digest(token).hex().encode() in stored
    for credential in (token, replaced, secret):
        for form in (credential, credential.rsplit("_", 1)[1][:30]):
            assert not any(form.encode() in value for value in stored)
            assert not any(form.encode().hex().encode() in value for value in stored)


@pytest.mark.parametrize("column", ["token_checksum", "digest", "client_secret"])
def test_what_is_stored_does_not_work_in_a_credentials_place(api, partner, column):
    api.token(partner)
    stored = {
        "token_checksum": lambda: partner.row.accesstoken_set.get().token_checksum,
        "digest": lambda: bytes(partner.row.secrets.get().digest).hex(),
        "client_secret": lambda: partner.row.client_secret,
    }[column]()
    assert not works(api, partner, stored)
    assert authenticate(stored) is None
