"""What is no credential (401) and what cannot be read as one (400)."""

import pytest

from api import credentials
from tests.conftest import Api, PartnerSeat

pytestmark = pytest.mark.django_db
UNKNOWN = credentials.generate(credentials.OAUTH_ACCESS_TOKEN)


@pytest.mark.parametrize(
    "header",
    [f"Bearer {UNKNOWN}", "Bearer nonsense", "Basic dXNlcjpwYXNz", "Digest a=b, c=d"],
    ids=["unknown", "no token of ours", "basic", "digest"],
)
def test_an_unknown_credential_is_401(api: Api, header: str) -> None:
    answer = api.get("/v1/agents", authorization=header)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


UNREADABLE = ["", " ", "Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "nonsense", "Bearer ü", "=x y"]


@pytest.mark.parametrize("header", UNREADABLE)
def test_an_unreadable_header_is_400(api: Api, header: str) -> None:
    answer = api.get("/v1/agents", authorization=header)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed_authorization")
    assert "WWW-Authenticate" not in answer.headers


def test_no_header_is_401(api: Api) -> None:
    answer = api.get("/v1/agents")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   ", " Bearer "])
def test_the_scheme_is_read_in_any_case(api: Api, partner: PartnerSeat, scheme: str) -> None:
    assert api.get("/v1/agents", authorization=f"{scheme}{partner.token}").status_code == 200


def test_a_token_in_the_url_is_not_read(api: Api, partner: PartnerSeat) -> None:
    assert api.get(f"/v1/agents?access_token={partner.token}").status_code == 401


def test_a_client_secret_is_no_token(api: Api, partner: PartnerSeat) -> None:
    assert api.get("/v1/agents", token=partner.secret).status_code == 401
