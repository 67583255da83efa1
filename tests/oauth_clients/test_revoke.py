"""POST /oauth/revoke: RFC 7009."""

from urllib.parse import urlencode

import pytest

from api import credentials
from oauth_clients import services
from oauth_clients.authentication import authenticate

URL = "/oauth/revoke"


@pytest.fixture
def token(api, partner):
    return api.token(partner)


def test_a_revoked_token_stops_working_at_once(api, partner, token):
    assert authenticate(token)
    answer = api.post(URL, {**partner.credentials, "token": token})
    assert (answer.status_code, answer.json(), answer["Cache-Control"]) == (200, {}, "no-store")
    assert authenticate(token) is None


def test_form_and_http_basic_work_too(api, partner, token):
    assert api.post_form(URL, urlencode({"token": token}), authorization=partner.basic).status_code == 200
    assert authenticate(token) is None


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", 1])
def test_the_hint_changes_nothing(api, partner, token, hint):
    assert api.post(URL, {**partner.credentials, "token": token, "token_type_hint": hint}).status_code == 200
    assert authenticate(token) is None


def test_other_tokens_of_the_client_live_on(api, partner, token):
    kept = api.token(partner)
    api.post(URL, {**partner.credentials, "token": token})
    assert authenticate(kept)


def test_another_clients_token_is_left_alone_and_not_told_of(api, partner, other):
    token = api.token(other)
    theirs = api.post(URL, {**partner.credentials, "token": token})
    unknown = api.post(URL, {**partner.credentials, "token": credentials.generate(credentials.OAUTH_ACCESS_TOKEN)})
    assert (theirs.status_code, theirs.content) == (unknown.status_code, unknown.content) == (200, b"{}")
    assert authenticate(token)


def test_a_token_cannot_revoke_without_its_clients_secret(api, partner, token):
    answer = api.post(URL, {"client_id": partner.row.client_id, "token": token})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert authenticate(token)


def test_suspended_client_is_refused(api, partner, token, actor):
    services.suspend(client=partner.row, actor=actor)
    assert api.post(URL, {**partner.credentials, "token": token}).json()["error"] == "invalid_client"


def test_missing_token_is_an_invalid_request(api, partner):
    answer = api.post(URL, partner.credentials)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_get_is_refused(api):
    answer = api.client.get(URL)
    assert (answer.status_code, answer["Allow"], answer.json()["error"]) == (405, "POST", "invalid_request")


def test_failed_authentication_is_limited_by_address(api, partner, token, settings):
    settings.RATE_LIMIT_ADDRESS = "2/m"
    bad = {"client_id": partner.row.client_id, "client_secret": "bad", "token": token}
    first, _, third = (api.post(URL, bad) for _ in range(3))
    assert (first.status_code, first["X-RateLimit-Remaining"]) == (401, "8")
    assert (third.status_code, third.json()["error"]) == (429, "too_many_requests")
    assert "Retry-After" in third.headers
    assert api.post(URL, {**partner.credentials, "token": token}).status_code == 200
