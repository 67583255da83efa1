"""`/metrics`: for whoever has its token, and without what callers sent."""

from typing import Any

import pytest
from django.http import HttpResponse
from prometheus_client.parser import text_string_to_metric_families
from redis.exceptions import RedisError

from api import ratelimits
from tests.conftest import AgencySeat, Api, PartnerSeat

pytestmark = pytest.mark.django_db
TOKEN = "metrics-token-" + "0123456789abcdef" * 2
Sample = tuple[str, dict[str, str]]


@pytest.fixture(autouse=True)
def token(settings: Any) -> str:
    settings.METRICS_TOKENS = [TOKEN]
    return TOKEN


def scrape(api: Api) -> HttpResponse:
    answer = api.get("/metrics", token=TOKEN)
    assert answer.status_code == 200
    return answer


def value(api: Api, name: str, **labels: str) -> float:
    """Of one sample; 0 where nothing was counted yet."""
    families = text_string_to_metric_families(scrape(api).content.decode())
    samples = [one for family in families for one in family.samples]
    return sum(one.value for one in samples if (one.name, one.labels) == (name, labels))


def test_without_a_token_of_ours_there_is_no_such_page(api: Api, settings: Any) -> None:
    settings.METRICS_TOKENS = []
    assert api.get("/metrics", token=TOKEN).status_code == 404
    assert api.get("/metrics", token="").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer"}, {"authorization": f"Basic {TOKEN}"}, {"authorization": f"Bearer {TOKEN[:-1]}"}],
)
def test_whoever_has_not_the_token_is_refused(api: Api, headers: dict[str, str]) -> None:
    answer = api.get("/metrics", **headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert b"agency_api" not in answer.content


def test_guessing_is_limited(api: Api, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = "2/m"
    assert [api.get("/metrics", token="guess").status_code for _ in range(3)] == [401, 401, 429]
    assert api.get("/metrics", token=TOKEN).status_code == 200


def test_it_is_only_read(api: Api) -> None:
    assert api.post("/metrics", token=TOKEN).status_code == 405


def test_it_is_scraped_at_an_address_by_plain_http(api: Api, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert api.get("/metrics", token=TOKEN, host="10.1.2.3:8000").status_code == 200


def test_requests_are_counted_by_the_pattern_of_their_path(api: Api, agency: AgencySeat) -> None:
    labels = {"method": "GET", "route": "v1/agencies/<int:agency_id>"}
    before = value(api, "agency_api_requests_total", **labels, status="200")
    for _ in range(3):
        api.get(agency.path, token=agency.owner.token)
    assert value(api, "agency_api_requests_total", **labels, status="200") == before + 3
    assert value(api, "agency_api_request_seconds_count", **labels) >= 3
    assert value(api, "agency_api_request_seconds_bucket", **labels, le="+Inf") >= 3


def test_no_label_is_of_a_callers_making(api: Api, agency: AgencySeat) -> None:
    api.call("BREW", "/v1/agents", token=agency.owner.token)
    api.get("/ada-lovelace-x7k2p")
    api.get("/v1/ada-lovelace")
    api.get(f"/v1/agencies/{agency.id}/agents/987654321", token=agency.owner.token)
    text = scrape(api).content.decode()
    assert [word for word in ("BREW", "lovelace", "987654321") if word in text] == []
    assert value(api, "agency_api_requests_total", method="other", route="v1/agents", status="405") == 1


def test_refusals_are_counted_by_their_code(api: Api, partner: PartnerSeat) -> None:
    refused = {"401": "unauthenticated", "403": "forbidden", "404": "not_found", "422": "invalid"}
    before = {code: value(api, "agency_api_errors_total", status=status, code=code) for status, code in refused.items()}
    api.get("/v1/agents")
    api.delete("/v1/agents/1", token=partner.token)
    api.get("/v1/nothing")
    api.get("/v1/agents?perPage=0", token=partner.token)
    for status, code in refused.items():
        assert value(api, "agency_api_errors_total", status=status, code=code) == before[code] + 1


def test_so_are_those_of_oauth(api: Api) -> None:
    before = value(api, "agency_api_errors_total", status="401", code="invalid_client")
    api.post("/oauth/token", json={"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"})
    assert value(api, "agency_api_errors_total", status="401", code="invalid_client") == before + 1


def test_requests_over_a_limit_are_counted_by_its_group(api: Api, settings: Any, partner: PartnerSeat) -> None:
    before = value(api, "agency_api_rate_limited_total", group="credential")
    settings.RATE_LIMIT_CREDENTIAL = "1/m"
    for _ in range(3):
        api.get("/v1/agents", token=partner.token)
    assert value(api, "agency_api_rate_limited_total", group="credential") == before + 2


def test_replays_are_counted(api: Api, partner: PartnerSeat) -> None:
    before = value(api, "agency_api_idempotent_replays_total")
    body = {"agency_name": "Harbour", "first_name": "Olive", "last_name": "Owner", "email": "o@example.com"}
    for _ in range(2):
        api.post("/v1/agencies", token=partner.token, json=body, idempotency_key="once")
    assert value(api, "agency_api_idempotent_replays_total") == before + 1


def test_outages_of_the_counter_store_are_counted(
    api: Api, partner: PartnerSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise RedisError

    before = value(api, "agency_api_outages_total", part="counter_store")
    with monkeypatch.context() as patched:
        patched.setattr(ratelimits, "get_usage", away)
        patched.setattr(ratelimits, "_pause_until", 0.0)
        assert api.get("/v1/agents", token=partner.token).status_code == 200
    assert value(api, "agency_api_outages_total", part="counter_store") == before + 1


def test_the_database_is_told_of(api: Api) -> None:
    assert value(api, "agency_api_database_up") == 1
    assert b"agency_api_webhook_oldest_due_seconds 0.0" in scrape(api).content
