"""POST /oauth/token: RFC 6749 §4.4, and errors as its §5.2 says, whatever is sent."""

import logging
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import requests
from django.db import OperationalError, connection
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from oauth2_provider.models import AccessToken, set_token_value
from oauthlib.oauth2 import BackendApplicationClient

from api import credentials
from oauth_clients import services, views

URL = "/oauth/token"
FORM = "application/x-www-form-urlencoded"


def assert_refused(answer, status, error):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json")
    assert answer.json()["error"] == error
    assert answer.json()["error_description"]
    assert answer["Cache-Control"] == "no-store"


# --- a token is given -------------------------------------------------------------------------------


def test_json_gets_a_token(api, partner):
    answer = api.post(URL, partner.grant)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert credentials.kind_of(body.pop("access_token")) == credentials.OAUTH_ACCESS_TOKEN
    assert body == {
        "token_type": "bearer",
        "expires_in": 3600,
        "scope": "provisioning",
    }


def test_form_gets_a_token(api, partner):
    assert api.post_form(URL, urlencode(partner.grant)).status_code == 200


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_http_basic_gets_a_token(api, partner, scheme):
    header = scheme + partner.basic.removeprefix("Basic")
    assert api.post_form(URL, "grant_type=client_credentials", authorization=header).status_code == 200


def test_http_basic_with_the_same_client_id_in_the_body_gets_a_token(api, partner):
    body = {"grant_type": "client_credentials", "client_id": partner.row.client_id}
    assert api.post(URL, body, authorization=partner.basic).status_code == 200


def test_content_type_may_name_a_charset(api, partner):
    answer = api.client.post(URL, urlencode(partner.grant), content_type=FORM + ";charset=x")
    assert answer.status_code == 200


def test_unknown_parameters_are_ignored(api, partner):
    assert api.post(URL, {**partner.grant, "audience": ["x", None], "resource": 1}).status_code == 200


def test_empty_scope_counts_as_left_out(api, partner):
    assert api.post(URL, {**partner.grant, "scope": ""}).json()["scope"] == "provisioning"


def test_every_token_is_a_new_one(api, partner):
    assert api.token(partner) != api.token(partner)


def test_off_the_shelf_client_gets_a_token(live_server, partner):
    """oauthlib's client parses and checks the answer as RFC 6749 §5.1 demands."""
    client = BackendApplicationClient(client_id=partner.row.client_id)
    body = client.prepare_request_body(include_client_id=True)
    answer = requests.post(
        live_server.url + URL,
        data=body,
        auth=(partner.row.client_id, partner.secret),
        headers={"Content-Type": FORM},
        timeout=10,
    )
    token = client.parse_request_body_response(answer.text)
    assert credentials.kind_of(token["access_token"]) == credentials.OAUTH_ACCESS_TOKEN
    assert client.token_type == "bearer"


def test_off_the_shelf_client_reads_our_refusals(live_server, partner):
    client = BackendApplicationClient(client_id=partner.row.client_id)
    answer = requests.post(live_server.url + URL, data=client.prepare_request_body(client_secret="no"), timeout=10)
    with pytest.raises(Exception, match="invalid_") as caught:
        client.parse_request_body_response(answer.text)
    assert caught.value.error in {"invalid_client", "invalid_request"}


def test_a_token_costs_one_query_and_one_insert(api, partner, django_assert_num_queries):
    with django_assert_num_queries(2) as queries:
        api.token(partner)
    assert [query["sql"].split()[0] for query in queries] == ["SELECT", "INSERT"]


def test_what_is_kept_is_what_the_toolkit_itself_would_keep(api, partner):
    token = api.token(partner)
    kept = AccessToken.objects.get()
    ours = AccessToken.objects.values().get()
    kept.delete()
    theirs = AccessToken(application=kept.application, scope="provisioning", expires=kept.expires)
    set_token_value(theirs, token)
    theirs.save()
    own = ("id", "created", "updated")
    assert {**ours, **dict.fromkeys(own)} == {**AccessToken.objects.values().get(), **dict.fromkeys(own)}
    assert kept.created == kept.updated == kept.expires - timedelta(hours=1)


@pytest.mark.django_db(transaction=True)
def test_only_a_tokens_own_insert_does_not_wait_for_the_disk(api, partner):
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        api.token(partner)
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)
    connection.close()


# --- a token is refused -----------------------------------------------------------------------------


def test_typo_in_the_secret_costs_no_query(api, partner, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = api.post(URL, {**partner.grant, "client_secret": partner.secret[:-1] + "-"})
    assert_refused(answer, 401, "invalid_client")


def test_unknown_client_and_wrong_secret_take_the_same_path(api, partner, django_assert_num_queries):
    wrong = credentials.generate(credentials.OAUTH_CLIENT_SECRET)
    with django_assert_num_queries(1) as wrong_secret:
        first = api.post(URL, {**partner.grant, "client_secret": wrong})
    with django_assert_num_queries(1) as unknown_client:
        second = api.post(URL, {**partner.grant, "client_id": "x" * 40})
    assert_refused(first, 401, "invalid_client")
    assert first.content == second.content
    assert len(wrong_secret[0]["sql"]) == len(unknown_client[0]["sql"])


def test_another_clients_secret_is_wrong(api, partner, other):
    assert_refused(api.post(URL, {**partner.grant, "client_secret": other.secret}), 401, "invalid_client")


def test_suspended_client_gets_no_token_until_resumed(api, partner, actor):
    services.suspend(client=partner.row, actor=actor)
    assert_refused(api.post(URL, partner.grant), 401, "invalid_client")
    services.resume(client=partner.row, actor=actor)
    api.token(partner)


def test_refused_basic_names_the_scheme(api, partner):
    answer = api.post_form(URL, "grant_type=client_credentials", authorization=partner.basic[:-4])
    assert_refused(answer, 401, "invalid_client")
    assert answer["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic YQ",
        "Basic /////w==",
        "Basic AAAA",
        "Basic bm9jb2xvbg==",
        "Bearer x",
        "é",
        "",
    ],
)
def test_unreadable_authorization_header_is_a_failed_authentication(api, partner, header):
    answer = api.post(URL, partner.grant, authorization=header)
    assert_refused(answer, 401, "invalid_client")
    assert answer["WWW-Authenticate"].startswith("Basic")


def test_credentials_sent_twice_are_refused(api, partner):
    assert_refused(api.post(URL, partner.grant, authorization=partner.basic), 400, "invalid_request")


def test_two_client_ids_are_refused(api, partner, other):
    body = {"grant_type": "client_credentials", "client_id": other.row.client_id}
    assert_refused(api.post(URL, body, authorization=partner.basic), 400, "invalid_request")


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
def test_missing_credentials_are_a_failed_authentication(api, partner, missing):
    body = partner.grant
    del body[missing]
    assert_refused(api.post(URL, body), 401, "invalid_client")


def test_missing_grant_type_is_an_invalid_request(api, partner):
    assert_refused(api.post(URL, partner.credentials), 400, "invalid_request")


@pytest.mark.parametrize("grant", ["password", "authorization_code", "refresh_token", "implicit", "x" * 5000])
def test_no_other_grant_is_supported(api, partner, grant):
    assert_refused(api.post(URL, {**partner.grant, "grant_type": grant}), 400, "unsupported_grant_type")


def test_unknown_scope_is_refused(api, partner):
    assert_refused(api.post(URL, {**partner.grant, "scope": "provisioning root"}), 400, "invalid_scope")


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options", "trace"])
def test_other_methods_are_refused_with_allow(api, method):
    answer = getattr(api.client, method)(URL)
    assert (answer.status_code, answer["Allow"], answer["Content-Type"]) == (405, "POST", "application/json")
    if method != "head":
        assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", ""),
        ("application/json", "{"),
        ("application/json", "[]"),
        ("application/json", "null"),
        ("application/json", '"grant_type"'),
        ("application/json", "[" * 10_000),
        ("application/json", b"\xff\xfe"),
        ("application/json", '{"grant_type": 1}'),
        ("application/json", '{"client_id": null}'),
        ("application/json", '{"client_id": ["a"]}'),
        ("application/json", '{"client_id": {}}'),
        ("application/json", '{"client_id": "\\u0000"}'),
        ("application/json", '{"client_id": "\\ud800"}'),
        ("application/json", '{"client_id": "é"}'),
        ("application/json", '{"grant_type": NaN}'),
        (FORM, "client_id=%00"),
        (FORM, "client_id=%ff"),
        (FORM, "client_id=a&client_id=b"),
        (FORM, b"\xff"),
        (FORM, ""),
    ],
)
def test_unreadable_bodies_are_invalid_requests(api, content_type, body):
    assert_refused(api.client.post(URL, body, content_type=content_type), 400, "invalid_request")


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "application/xml", "", "é"])
def test_other_content_types_are_refused(api, content_type):
    assert_refused(api.client.post(URL, "grant_type=x", content_type=content_type), 415, "invalid_request")


def test_large_body_is_refused(api):
    assert_refused(api.post_form(URL, "client_id=" + "a" * 2_000_000), 413, "invalid_request")


def test_parameters_in_the_url_are_refused(api, partner):
    assert_refused(api.post_form(f"{URL}?{urlencode(partner.grant)}", ""), 400, "invalid_request")


def test_long_client_id_is_an_unknown_one(api, partner):
    assert_refused(api.post(URL, {**partner.grant, "client_id": "a" * 10_000}), 401, "invalid_client")


@pytest.mark.parametrize("path", ["/oauth/", "/oauth/token/", "/oauth/authorize", "/oauth/applications/"])
def test_nothing_else_is_mounted(api, path):
    for answer in (api.client.get(path), api.post(path, {})):
        assert (answer.status_code, answer.json()["error"]) == (404, "invalid_request")


@pytest.mark.parametrize(
    ("failure", "status", "error"),
    [(OperationalError("away"), 503, "temporarily_unavailable"), (KeyError("bug"), 500, "server_error")],
)
def test_our_own_failures_are_told_in_the_same_shape(api, partner, monkeypatch, failure, status, error):
    def fail(*args, **kwargs):
        raise failure

    monkeypatch.setattr(views.parameters, "read", fail)
    answer = api.post(URL, partner.grant)
    assert_refused(answer, status, error)
    assert "bug" not in answer.content.decode()
    assert answer.headers.get("Retry-After") == ("2" if status == 503 else None)


# --- limits and leaks -------------------------------------------------------------------------------


def test_answers_carry_the_rate_limit(api, partner):
    answer = api.post(URL, partner.grant)
    assert (answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) == ("10", "9")
    assert int(answer["X-RateLimit-Reset"]) > 0
    assert api.post(URL, "{")["X-RateLimit-Limit"] == "10"


def test_the_eleventh_token_of_a_minute_is_refused_without_a_query(api, partner, other, django_assert_num_queries):
    for _ in range(10):
        api.token(partner)
    with django_assert_num_queries(0):
        answer = api.post(URL, partner.grant)
    assert_refused(answer, 429, "too_many_requests")
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer["X-RateLimit-Remaining"] == "0"
    api.token(other)  # counted by client id
    assert api.client.post(URL, partner.grant, "application/json", REMOTE_ADDR="192.0.2.1").status_code == 200


def test_http_basic_is_counted_as_the_body_is(api, partner):
    for _ in range(10):
        api.token(partner)
    answer = api.post_form(URL, "grant_type=client_credentials", authorization=partner.basic)
    assert_refused(answer, 429, "too_many_requests")


def test_guessing_is_limited_by_address_though_the_client_id_changes(api, db, settings):
    settings.RATE_LIMIT_ADDRESS = "3/m"
    body = {"grant_type": "client_credentials", "client_secret": "guess"}
    statuses = [api.post(URL, {**body, "client_id": f"client{n}"}).status_code for n in range(4)]
    assert statuses == [401, 401, 401, 429]


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
def test_a_failed_authentication_elsewhere_counts_as_a_token_request(api, partner, other, path):
    bad = {**partner.credentials, "client_secret": "bad", "token": "x"}
    assert [api.post(path, bad).status_code for _ in range(11)] == [401] * 10 + [429]
    assert_refused(api.post(URL, partner.grant), 429, "too_many_requests")
    api.token(other)


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
def test_a_good_authentication_elsewhere_does_not(api, partner, path):
    for _ in range(11):
        assert api.post(path, {**partner.credentials, "token": "x"}).status_code == 200
    assert api.post(URL, partner.grant)["X-RateLimit-Remaining"] == "9"


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
def test_calls_elsewhere_are_counted_and_limited_by_themselves(api, partner, other, settings, path):
    settings.RATE_LIMIT_CREDENTIAL = "2/m"
    answers = [api.post(path, {**partner.credentials, "token": "x"}) for _ in range(3)]
    assert [(one.status_code, one["X-RateLimit-Remaining"]) for one in answers] == [(200, "1"), (200, "0"), (429, "0")]
    assert_refused(answers[-1], 429, "too_many_requests")
    assert int(answers[-1]["Retry-After"]) >= 1
    assert api.post(path, {**other.credentials, "token": "x"}).status_code == 200


def test_no_token_and_no_secret_is_logged(api, partner, caplog):
    with caplog.at_level(logging.DEBUG):
        token = api.token(partner)
        api.post(URL, partner.grant | {"client_secret": credentials.generate(credentials.OAUTH_CLIENT_SECRET)})
    assert token not in caplog.text
    assert "agency_" not in caplog.text


# --- garbage ----------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
names = st.sampled_from(["grant_type", "client_id", "client_secret", "scope", "token"]) | st.text(max_size=20)
garbage = bounded(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def unlimited(settings):
    settings.RATE_LIMIT_TOKEN = settings.RATE_LIMIT_ADDRESS = "100000/m"


def assert_a_refusal(answer):
    assert answer.status_code in {400, 401, 415}
    assert answer["Content-Type"] == "application/json"
    assert isinstance(answer.json()["error"], str)


@garbage
@given(body=st.dictionaries(names, values, max_size=6))
def test_garbage_json_is_refused_as_the_rfc_says(api, db, unlimited, body):
    assert_a_refusal(api.post(URL, body))


@garbage
@given(
    body=st.binary(max_size=300),
    content_type=st.sampled_from(["application/json", FORM, "text/plain", ""]),
    authorization=st.none() | st.binary(max_size=60).map(lambda raw: "Basic " + raw.decode("latin-1")),
)
def test_garbage_bytes_are_refused_as_the_rfc_says(api, db, unlimited, body, content_type, authorization):
    headers = {} if authorization is None else {"HTTP_AUTHORIZATION": authorization}
    assert_a_refusal(api.client.post(URL, body, content_type=content_type, **headers))


def test_the_hour_is_the_databases(api, partner):
    api.token(partner)
    token = AccessToken.objects.get()
    assert abs((token.expires - token.created).total_seconds() - 3600) < 2


def test_a_parameter_that_comes_twice_is_refused_in_json_too(api, partner):
    """RFC 6749 §3.2: and which of the two counts is not left to a parser."""
    body = '{"grant_type": "client_credentials", "client_id": "%s", "client_secret": "x", "client_secret": "%s"}'
    answer = api.client.post(URL, body % (partner.row.client_id, partner.secret), "application/json")
    assert_refused(answer, 400, "invalid_request")


def test_deep_json_is_refused(api):
    assert_refused(api.client.post(URL, "[" * 16_000, "application/json"), 400, "invalid_request")


def test_a_body_of_unknown_length_is_refused(api):
    answer = api.client.post(URL, b"", "application/json", headers={"Transfer-Encoding": "chunked"})
    assert_refused(answer, 400, "invalid_request")
