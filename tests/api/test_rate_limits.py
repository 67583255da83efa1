"""Rate limits: a fixed window of a minute, one atomic count over all processes (contract §3)."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpRequest
from django_ratelimit import core as ratelimit

from api import ratelimits
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat, partner_seat
from tests.threads import PATIENCE, callers


def numbers(answer: Any) -> tuple[int, int]:
    return int(answer.headers["X-RateLimit-Limit"]), int(answer.headers["X-RateLimit-Remaining"])


def statuses(api: Api, count: int, path: str = "/v1/agents", **facts: Any) -> list[int]:
    return [api.get(path, **facts).status_code for _ in range(count)]


def test_60_a_minute_are_served_and_the_next_is_429(api: Api, partner: PartnerSeat) -> None:
    answers = [api.get("/v1/agencies", token=partner.token) for _ in range(61)]
    assert [numbers(answer) for answer in answers] == [(60, left) for left in [*range(59, -1, -1), 0]]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
    refused = answers[-1]
    assert refused.json()["error"]["code"] == "rate_limited"
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 60
    assert abs(int(refused.headers["X-RateLimit-Reset"]) - time.time() - wait) <= 2
    assert "Retry-After" not in answers[0].headers


@pytest.mark.parametrize("second", [0, 7, 59])
def test_who_waits_as_long_as_is_said_is_served_and_nobody_earlier(
    api: Api, partner: PartnerSeat, settings: Any, monkeypatch: pytest.MonkeyPatch, second: int
) -> None:
    settings.RATE_LIMIT_CREDENTIAL = "1/m"
    clock = SimpleNamespace(now=1_900_000_000.0 + second)
    monkeypatch.setattr(ratelimit, "time", SimpleNamespace(time=lambda: clock.now))
    monkeypatch.setattr(ratelimits, "time", SimpleNamespace(time=lambda: clock.now))
    assert statuses(api, 2, token=partner.token) == [200, 429]
    refused = api.get("/v1/agents", token=partner.token)
    wait = int(refused.headers["Retry-After"])
    assert int(refused.headers["X-RateLimit-Reset"]) == clock.now + wait
    clock.now += wait - 1
    assert statuses(api, 1, token=partner.token) == [429]
    clock.now += 1
    assert statuses(api, 2, token=partner.token) == [200, 429]


def test_each_token_has_its_own_count(
    api: Api, settings: Any, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    settings.RATE_LIMIT_CREDENTIAL = "1/m"
    path = agency.path
    assert statuses(api, 2, path, token=agent.token) == [200, 429]
    assert statuses(api, 2, path, token=agency.owner.token) == [200, 429]


def test_a_client_can_be_given_its_own(api: Api, db: None) -> None:
    generous, mean = (partner_seat(api, f"Partner {limit}", rate_limit=limit) for limit in (100, 2))
    assert numbers(api.get("/v1/agents", token=generous.token)) == (100, 99)
    assert statuses(api, 3, token=mean.token) == [200, 200, 429]


def test_refusals_count_too(api: Api, settings: Any, partner: PartnerSeat) -> None:
    settings.RATE_LIMIT_CREDENTIAL = "2/m"
    assert api.post("/v1/agencies", token=partner.token, json={}).status_code == 422
    assert api.get("/v1/agencies/1", token=partner.token).status_code == 403
    assert api.get("/v1/agents", token=partner.token).status_code == 429


def test_bad_credentials_count_by_address(api: Api, settings: Any, partner: PartnerSeat) -> None:
    settings.RATE_LIMIT_ADDRESS = "2/m"
    assert statuses(api, 3, token="agency_pat_bad") == [401, 401, 429]
    assert statuses(api, 1, token="agency_pat_bad", address="127.0.0.2") == [401]
    assert statuses(api, 1, token=partner.token) == [200]


def test_so_do_paths_that_are_not_there(api: Api, db: None, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = "2/m"
    assert statuses(api, 3, "/v1/nothing") == [404, 404, 429]


def test_an_address_is_not_what_the_caller_says(api: Api, db: None, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = "1/m"
    said = [api.get("/v1/agents", x_forwarded_for=f"10.0.0.{n}").status_code for n in range(3)]
    assert said == [401, 429, 429]


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_counted_one_by_one(partner: PartnerSeat, settings: Any) -> None:
    settings.RATE_LIMIT_CREDENTIAL = "10/m"
    with callers() as start:
        futures = [start(lambda: Api().get("/v1/agents", token=partner.token)) for _ in range(30)]
        answers = [future.result(PATIENCE) for future in futures]
    served = [answer for answer in answers if answer.status_code == 200]
    assert sorted(numbers(answer)[1] for answer in served) == list(range(10))
    assert {answer.status_code for answer in answers} == {200, 429}


def test_without_a_counter_store_requests_are_served_and_the_outage_is_logged_once_a_second(
    api: Api,
    partner: PartnerSeat,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    logged: Callable[[], str],
) -> None:
    monkeypatch.setattr(ratelimits, "_pause_until", 0.0)
    settings.RATE_LIMIT_CREDENTIAL = "2/m"
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    logged()
    answers = [api.get("/v1/agents", token=partner.token) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert {numbers(answer) for answer in answers} == {(2, 2)}
    lines = [json.loads(line) for line in logged().splitlines()]
    assert [line["event"] for line in lines].count("counter_store_unavailable") == 1
    grant = {"grant_type": "client_credentials", "client_id": partner.row.client_id, "client_secret": partner.secret}
    assert api.post("/oauth/token", json=grant).status_code == 200


@pytest.fixture
def hanging_store(settings: Any) -> Iterator[None]:
    """One that takes connections, and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as store:
        place = f"redis://127.0.0.1:{store.getsockname()[1]}/0"
        settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": place}}
        yield


def test_a_counter_store_that_hangs_does_not_slow_every_request(
    api: Api, partner: PartnerSeat, hanging_store: None
) -> None:
    begun = time.monotonic()
    assert statuses(api, 5, token=partner.token) == [200] * 5
    assert time.monotonic() - begun < 2


def test_nor_all_that_come_while_one_asks_whether_it_is_back(
    hanging_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds() -> float:
        begun = time.monotonic()
        ratelimits.hit("credential", "ann", "60/m", HttpRequest())
        return time.monotonic() - begun

    monkeypatch.setattr(ratelimits, "_pause_until", 1.0)  # it was away, and the pause is over
    with callers() as start:
        asks = start(seconds)
        time.sleep(0.1)
        others = [start(seconds) for _ in range(5)]
        assert max(other.result(PATIENCE) for other in others) < 0.3
        assert asks.result(PATIENCE) > 0.4
    assert ratelimits._pause_until > time.time()


def test_a_counter_store_that_returns_counts_again(
    api: Api, partner: PartnerSeat, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RATE_LIMIT_CREDENTIAL = "1/m"
    monkeypatch.setattr(ratelimits, "_pause_until", time.time() + 60)
    assert statuses(api, 2, token=partner.token) == [200, 200]
    monkeypatch.setattr(ratelimits, "_pause_until", 1.0)
    assert statuses(api, 2, token=partner.token) == [200, 429]
