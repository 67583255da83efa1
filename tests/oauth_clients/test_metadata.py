"""GET /.well-known/oauth-authorization-server: RFC 8414."""

import pytest

URL = "/.well-known/oauth-authorization-server"


def test_what_is_mounted_is_listed_and_nothing_else(api):
    answer = api.client.get(URL)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    methods = ["client_secret_post", "client_secret_basic"]
    assert answer.json() == {
        "issuer": "http://testserver",
        "token_endpoint": "http://testserver/oauth/token",
        "revocation_endpoint": "http://testserver/oauth/revoke",
        "introspection_endpoint": "http://testserver/oauth/introspect",
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": ["provisioning"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods,
        "client_id_metadata_document_supported": False,
    }


@pytest.mark.parametrize("key", ["token_endpoint", "revocation_endpoint", "introspection_endpoint"])
def test_listed_endpoints_answer(api, db, key):
    assert api.post(api.client.get(URL).json()[key].removeprefix("http://testserver"), {}).status_code in {400, 401}


def test_listed_scopes_are_granted(api, partner):
    scope = " ".join(api.client.get(URL).json()["scopes_supported"])
    assert api.post("/oauth/token", {**partner.grant, "scope": scope}).json()["scope"] == scope


def test_other_methods_are_refused_in_json(api):
    answer = api.post(URL, {})
    assert (answer.status_code, answer["Allow"], answer["Content-Type"]) == (405, "GET, HEAD", "application/json")


def test_it_costs_no_query(api, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        api.client.get(URL)
