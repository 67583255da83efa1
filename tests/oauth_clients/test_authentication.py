"""From an access token to its principal: the hot path of every partner's request."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from oauth2_provider.models import AccessToken

from api import credentials
from api.principals import Partner
from oauth_clients import services
from oauth_clients.authentication import authenticate
from oauth_clients.tasks import clear_expired_tokens


@pytest.fixture
def token(api, partner):
    return api.token(partner)


def test_a_token_names_its_client(partner, token):
    row = AccessToken.objects.get()
    assert authenticate(token) == Partner(partner.row.pk, partner.row.client_id, row.pk, None)


def test_a_clients_own_rate_limit_comes_with_it(api, actor, db):
    client, secret = services.create_client(name="Fast", actor=actor, rate_limit_per_minute=600)
    body = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
    assert authenticate(api.post("/oauth/token", body).json()["access_token"]).rate_limit == 600


def test_authentication_costs_one_query(token, django_assert_num_queries):
    with django_assert_num_queries(1):
        authenticate(token)


def test_an_unknown_token_is_nobodys(db):
    assert authenticate(credentials.generate(credentials.OAUTH_ACCESS_TOKEN)) is None


def test_an_expired_token_is_nobodys(token):
    AccessToken.objects.update(expires=Now())
    assert authenticate(token) is None


def test_a_token_of_no_client_is_nobodys(token):
    AccessToken.objects.update(application=None)
    assert authenticate(token) is None


def test_a_suspended_clients_tokens_stop_at_once(partner, other, token, api, actor):
    kept = api.token(other)
    services.suspend(client=partner.row, actor=actor)
    assert authenticate(token) is None
    assert authenticate(kept)


def test_expired_tokens_are_cleared_and_living_ones_kept(api, partner, token):
    AccessToken.objects.update(expires=Now() - timedelta(seconds=1))
    kept = api.token(partner)
    clear_expired_tokens()
    assert AccessToken.objects.count() == 1
    assert authenticate(kept)


def test_clearing_finds_expired_tokens_by_index(db):
    with connection.cursor() as cursor:
        indexes = connection.introspection.get_constraints(cursor, "oauth2_provider_accesstoken").values()
    assert ["expires"] in [index["columns"] for index in indexes if index["index"]]
