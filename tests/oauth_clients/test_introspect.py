"""POST /oauth/introspect: RFC 7662."""

import time
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db.models.functions import Now
from oauth2_provider.models import AccessToken

from api import credentials
from oauth_clients import services

URL = "/oauth/introspect"
INACTIVE = {"active": False}


def introspect(api, partner, token):
    answer = api.post(URL, {**partner.credentials, "token": token})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    return answer.json()


def test_a_client_learns_of_its_own_token(api, partner):
    claims = introspect(api, partner, api.token(partner))
    issued = claims.pop("iat")
    assert abs(issued - time.time()) < 60
    assert abs(claims.pop("exp") - issued - 3600) <= 1
    assert claims == {
        "active": True,
        "client_id": partner.row.client_id,
        "scope": "provisioning",
        "token_type": "bearer",
    }


def test_form_and_http_basic_work_too(api, partner):
    body = urlencode({"token": api.token(partner), "token_type_hint": "refresh_token"})
    assert api.post_form(URL, body, authorization=partner.basic).json()["active"] is True


def test_another_clients_token_is_inactive(api, partner, other):
    assert introspect(api, partner, api.token(other)) == INACTIVE


@pytest.mark.parametrize(
    "token",
    [
        credentials.generate(credentials.OAUTH_ACCESS_TOKEN),
        credentials.generate(credentials.AGENT_TOKEN),
        "x",
        "x" * 10_000,
        "eyJhbGciOiJub25lIn0.e30.",
    ],
    ids=["unknown access token", "unknown agent token", "short", "long", "jwt"],
)
def test_what_is_no_token_of_ours_is_inactive(api, partner, token):
    assert introspect(api, partner, token) == INACTIVE


def test_an_expired_token_is_inactive(api, partner):
    token = api.token(partner)
    AccessToken.objects.update(expires=Now() - timedelta(seconds=1))
    assert introspect(api, partner, token) == INACTIVE


def test_a_revoked_token_is_inactive(api, partner):
    token = api.token(partner)
    api.post("/oauth/revoke", {**partner.credentials, "token": token})
    assert introspect(api, partner, token) == INACTIVE


def test_an_access_token_does_not_authenticate(api, partner):
    token = api.token(partner)
    answer = api.post(URL, {"token": token}, authorization=f"Bearer {token}")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_suspended_client_is_refused(api, partner, actor):
    token = api.token(partner)
    services.suspend(client=partner.row, actor=actor)
    assert api.post(URL, {**partner.credentials, "token": token}).json()["error"] == "invalid_client"


def test_missing_token_is_an_invalid_request(api, partner):
    answer = api.post(URL, partner.credentials)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_get_is_refused(api):
    answer = api.client.get(URL, {"token": "x"})
    assert (answer.status_code, answer["Allow"], answer.json()["error"]) == (405, "POST", "invalid_request")


def test_failed_authentication_is_limited_by_address(api, partner, settings):
    settings.RATE_LIMIT_ADDRESS = "2/m"
    bad = {"client_id": partner.row.client_id, "client_secret": "bad", "token": "x"}
    assert [api.post(URL, bad).status_code for _ in range(3)] == [401, 401, 429]


def test_introspection_costs_two_queries(api, partner, django_assert_num_queries):
    token = api.token(partner)
    with django_assert_num_queries(2):
        introspect(api, partner, token)
