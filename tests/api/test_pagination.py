"""Pages: links, meta, order, and what a page costs (contract §2)."""

from itertools import takewhile
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
from django.conf import settings as django_settings
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Agent
from oauth_clients.models import AgencyLink, OAuthClient
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.factories import agencies_of_client, agents_of_agency
from tests.scans import pages_counted, rows_counted


@pytest.fixture
def seven(agency: AgencySeat) -> list[int]:
    """The ids of an agency's seven agents, its owner the first."""
    return [agency.owner.id, *(agent.pk for agent in agents_of_agency(agency.id, 6))]


def page(api: Api, partner: PartnerSeat, query: str, path: str = "/v1/agents") -> dict[str, Any]:
    answer = api.get(f"{path}?{query}", token=partner.token)
    assert answer.status_code == 200, answer.content
    return answer.json()


def ids(body: dict[str, Any]) -> list[int]:
    return [row["id"] for row in body["data"]]


def test_the_first_page_is_of_25(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    agents_of_agency(agency.id, 30)
    body = page(api, partner, "")
    assert len(body["data"]) == 25
    assert body["meta"] == {
        "current_page": 1,
        "from": 1,
        "last_page": 2,
        "path": "http://testserver/v1/agents",
        "per_page": 25,
        "to": 25,
        "total": 31,
    }


def test_a_page_in_the_middle(api: Api, partner: PartnerSeat, seven: list[int]) -> None:
    body = page(api, partner, "perPage=3&page=2")
    assert ids(body) == seven[3:6]
    assert (body["meta"]["from"], body["meta"]["to"], body["meta"]["last_page"]) == (4, 6, 3)
    assert pages_of(body["links"]) == {"first": 1, "prev": 1, "next": 3, "last": 3}


def pages_of(links: dict[str, str | None]) -> dict[str, int | None]:
    return {name: url and int(parse_qs(urlsplit(url).query)["page"][0]) for name, url in links.items()}


def test_the_ends_have_no_neighbours(api: Api, partner: PartnerSeat, seven: list[int]) -> None:
    first, last = page(api, partner, "perPage=4"), page(api, partner, "perPage=4&page=2")
    assert (first["links"]["prev"], last["links"]["next"]) == (None, None)
    assert (last["meta"]["from"], last["meta"]["to"]) == (5, 7)


@pytest.mark.parametrize("query", ["perPage=3&page=4", "page=1000000000", "filterByEmail=owner@example.com&page=2"])
def test_past_the_end_is_empty(api: Api, partner: PartnerSeat, seven: list[int], query: str) -> None:
    body = page(api, partner, query)
    assert body["data"] == []
    assert (body["meta"]["from"], body["meta"]["to"]) == (None, None)
    assert body["links"]["next"] is None
    assert pages_of(body["links"])["prev"] == body["meta"]["last_page"]


def test_a_list_of_nothing_is_one_empty_page(api: Api, partner: PartnerSeat) -> None:
    body = page(api, partner, "")
    assert (body["data"], body["meta"]["total"], body["meta"]["last_page"]) == ([], 0, 1)
    assert (body["meta"]["from"], body["meta"]["to"]) == (None, None)
    assert (body["links"]["prev"], body["links"]["next"]) == (None, None)


def test_links_are_absolute_and_keep_other_parameters(api: Api, partner: PartnerSeat, seven: list[int]) -> None:
    body = page(api, partner, "page=2&perPage=2&includeDeactivated=true&mine=a%26b&mine=c")
    for url in body["links"].values():
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc, parts.path) == ("http", "testserver", "/v1/agents")
        kept = parse_qs(parts.query)
        kept.pop("page")
        assert kept == {"perPage": ["2"], "includeDeactivated": ["true"], "mine": ["a&b", "c"]}


@pytest.mark.parametrize("per_page", [1, 100])
def test_the_bounds_of_per_page_are_within(api: Api, partner: PartnerSeat, seven: list[int], per_page: int) -> None:
    assert len(page(api, partner, f"perPage={per_page}")["data"]) == min(per_page, 7)


@given(per_page=st.integers(1, 9), deactivated=st.booleans())
def test_following_the_links_gives_each_row_once_in_order(
    api: Api, partner: PartnerSeat, seven: list[int], per_page: int, deactivated: bool
) -> None:
    caches["default"].clear()
    query = f"perPage={per_page}" + ("&includeDeactivated=true" if deactivated else "")
    walked, url = [], f"/v1/agents?{query}"
    while url:
        body = api.get(url, token=partner.token).json()
        walked += ids(body)
        url = body["links"]["next"]
    assert walked == seven


def test_the_agencies_are_paged_alike(api: Api, partner: PartnerSeat) -> None:
    made = [agency.pk for agency in agencies_of_client(partner.row, 5)]
    assert ids(page(api, partner, "perPage=2&page=3", "/v1/agencies")) == made[4:]


def test_so_are_the_agents_of_an_agency(api: Api, agency: AgencySeat, agent: AgentSeat) -> None:
    answer = api.get(f"{agency.path}/agents?perPage=1&page=2", token=agent.token)
    assert ids(answer.json()) == [agent.id]
    assert answer.json()["meta"]["path"] == f"http://testserver{agency.path}/agents"


# --- what a page costs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "queries"),
    [("", 2), ("page=2", 2), ("page=99", 2), ("filterByEmail=x@example.com", 2), ("includeDeactivated=true", 2)],
)
@pytest.mark.parametrize("per_page", [1, 100])
def test_queries_do_not_grow_with_the_page(
    api: Api, partner: PartnerSeat, agency: AgencySeat, query: str, queries: int, per_page: int
) -> None:
    """One for the caller, one for the page with its total; two where a filter was asked for (none finds: one)."""
    agents_of_agency(agency.id, 120)
    with CaptureQueriesContext(connection) as captured:
        page(api, partner, f"{query}&perPage={per_page}")
    assert len(captured) == queries


@pytest.mark.parametrize(("number", "way"), [(1, "Forward"), (3, "Forward"), (12, "Backward")])
@pytest.mark.usefixtures("new_files")
def test_a_page_is_read_from_the_nearer_end(
    api: Api, partner: PartnerSeat, agency: AgencySeat, number: int, way: str
) -> None:
    """PostgreSQL's own account of the very statement that was sent: nothing is counted, and few rows are read."""
    agents_of_agency(agency.id, 299)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agents_agent, agents_agentlink")
    with CaptureQueriesContext(connection) as captured:
        assert len(ids(page(api, partner, f"page={number}"))) == 25
    sql = captured[-1]["sql"]
    assert "COUNT(" not in sql
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        [[account]] = cursor.fetchall()
    scans = [one for one in nodes(account[0]["Plan"]) if one.get("Relation Name") == "agents_agentlink"]
    [read] = [one for one in scans if one["Actual Loops"]]
    assert (read["Scan Direction"], read["Actual Rows"]) == (way, (number if way == "Forward" else 1) * 25)


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes(part))]


@pytest.mark.parametrize("number", [1, 120])
@pytest.mark.usefixtures("new_files")
def test_whose_agencies_are_is_asked_of_those_on_the_page_alone(api: Api, partner: PartnerSeat, number: int) -> None:
    """Of a partner that reaches more than PostgreSQL takes it for, as most reach few."""
    agencies = agencies_of_client(partner.row, 3_000)
    others = OAuthClient.objects.bulk_create(OAuthClient(name=f"Partner {n}") for n in range(20))
    AgencyLink.objects.bulk_create(
        AgencyLink(oauth_client=other, agency=agency) for other in others for agency in agencies[::100]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE oauth_clients_agencylink")
    with rows_counted("oauth_clients_agencylink") as rows:
        assert len(ids(page(api, partner, f"page={number}", "/v1/agencies"))) == 25
    assert rows[0] <= 4 * 25


FUTURE = "2999-01-01T00:00:00Z"


@pytest.mark.usefixtures("new_files")
def test_what_is_found_is_looked_up_by_its_id_however_large_the_agency(
    api: Api, partner: PartnerSeat, agency: AgencySeat
) -> None:
    """In the plan that PostgreSQL keeps, which is made for an agency like most: of one agent."""
    for small in agencies_of_client(partner.row, 1_000):
        agents_of_agency(small.pk, 1)
    agents_of_agency(agency.id, 5_000, updated_at=timezone.now())
    changed = Agent.objects.filter(agency=agency.id)[:4]
    Agent.objects.filter(pk__in=[one.pk for one in changed]).update(updated_at=FUTURE)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agents_agent, agencies_agency")
    path = f"{agency.path}/agents?updatedSince={FUTURE}"
    for _ in range(20):  # until every statement is prepared, and its plan kept
        with pages_counted("agent_by_updated") as pages:
            found = ids(api.get(path, token=agency.owner.token).json())
    assert len(found) == 4
    assert pages["agent_by_updated"] < 10


def test_one_round_trip_to_the_counter_store(api: Api, partner: PartnerSeat, seven: list[int]) -> None:
    page(api, partner, "")  # the script is known to the store from here on
    with redis.Redis.from_url(django_settings.REDIS_URL).monitor() as seen:
        page(api, partner, "")
        caches["default"].get("the end")
        sent = takewhile(lambda command: "the end" not in command["command"], seen.listen())
        mine = [one for one in sent if one["client_type"] != "lua" and one["db"] == store_number()]
    assert [one["command"].split()[0] for one in mine] == ["EVALSHA"]


def store_number() -> int:
    """The database of this test run; another worker of it has another, on the same server."""
    return caches["default"]._cache.get_client().connection_pool.connection_kwargs["db"]
