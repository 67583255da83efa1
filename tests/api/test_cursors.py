"""Walks by cursor: every list, every order, whatever comes or goes meanwhile (contract §2)."""

import base64
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Agent
from api.cursors import MAX_LENGTH
from clients.models import Client, QuestionSet
from tests.clients.conftest import new_client, new_submission
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.described import assert_as_described
from tests.endpoints import endpoints
from tests.factories import agencies_of_client, agents_of_agency, clients_of_agent
from tests.scans import plan_of
from tests.webhooks.conftest import new_delivery, new_webhook

NOT_NUMBERED = {"current_page": None, "from": None, "last_page": None, "to": None, "total": None}


@dataclass(frozen=True)
class Place:
    """A list, and who walks through it."""

    path: str
    token: str
    queries: int
    """That a page takes."""


Made = Callable[[], Place]


@pytest.fixture
def lists(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, admin_agent: AgentSeat
) -> dict[str, Made]:
    """Every list there is, by its operation, with at least five rows."""

    def agents() -> Place:
        agents_of_agency(agency.id, 5)
        return Place("/v1/agents", partner.token, 2)

    def agencies() -> Place:
        agencies_of_client(partner.row, 5)
        return Place("/v1/agencies", partner.token, 2)

    def agency_agents() -> Place:
        agents_of_agency(agency.id, 5)
        return Place(f"{agency.path}/agents", agent.token, 2)

    def clients() -> Place:
        clients_of_agent(agent.id, 5)
        return Place(f"/v1/agents/{agent.id}/clients", agent.token, 4)

    def submissions() -> Place:
        client = new_client(api, agent)
        for _ in range(5):
            new_submission(api, client)
        return Place(f"{client.path}/submissions", agent.token, 5)

    def questions() -> Place:
        QuestionSet.objects.bulk_create(QuestionSet(insurance_type="auto", version=n) for n in range(100, 105))
        return Place("/v1/additional-questions", agent.token, 4)

    def webhooks() -> Place:
        for _ in range(5):
            new_webhook(api, admin_agent)
        return Place("/v1/webhooks", agent.token, 3)

    def deliveries() -> Place:
        webhook = new_webhook(api, admin_agent)
        for _ in range(5):
            new_delivery(api, webhook)
        return Place(f"{webhook.path}/deliveries", agent.token, 4)

    return {
        "listAgents": agents,
        "listAgencies": agencies,
        "listAgencyAgents": agency_agents,
        "listClients": clients,
        "listSubmissions": submissions,
        "listAdditionalQuestions": questions,
        "listWebhooks": webhooks,
        "listWebhookDeliveries": deliveries,
    }


PAGED = sorted(endpoint.operation.name for endpoint in endpoints() if endpoint.operation.paged)
SORTED = sorted(
    (endpoint.operation.name, f"{sign}{word}")
    for endpoint in endpoints()
    for word in endpoint.operation.sorts
    for sign in ("", "-")
)
every_list = pytest.mark.parametrize("name", PAGED)


def asked(api: Api, place: Place, **query: Any) -> Any:
    return api.get(f"{place.path}?{urlencode(query)}", token=place.token)


def pages(api: Api, place: Place, **query: Any) -> Iterator[dict[str, Any]]:
    """Page after page, by the links."""
    url: str | None = f"{place.path}?{urlencode({'cursor': 'first', **query})}"
    while url:
        cache.clear()
        answer = api.get(url, token=place.token)
        assert answer.status_code == 200, answer.content
        yield answer.json()
        url = answer.json()["links"]["next"]


def keys(body: dict[str, Any]) -> list[Any]:
    return [row.get("uuid", row.get("id", (row.get("insurance_type"), row.get("version")))) for row in body["data"]]


def walked(api: Api, place: Place, **query: Any) -> list[Any]:
    return [key for body in pages(api, place, **query) for key in keys(body)]


def numbered(api: Api, place: Place, **query: Any) -> list[Any]:
    return keys(asked(api, place, perPage=100, **query).json())


# --- every list -----------------------------------------------------------------------------------------


@every_list
def test_a_walk_gives_what_the_numbered_pages_give(api: Api, lists: dict[str, Made], name: str) -> None:
    place = lists[name]()
    rows = numbered(api, place)
    assert len(rows) >= 5
    for per_page in (1, 2, 5, 100):
        assert (per_page, walked(api, place, perPage=per_page)) == (per_page, rows)


@pytest.mark.parametrize(("name", "sort"), SORTED)
def test_so_does_a_sorted_one(api: Api, lists: dict[str, Made], name: str, sort: str) -> None:
    place = lists[name]()
    assert walked(api, place, sort=sort, perPage=2) == numbered(api, place, sort=sort)


@every_list
def test_a_page_says_what_it_knows_and_how_to_go_on(api: Api, lists: dict[str, Made], name: str) -> None:
    place = lists[name]()
    first = asked(api, place, cursor="first", perPage=2, mine="a&b")
    assert_as_described(first, name)
    body = first.json()
    path = f"http://testserver{place.path}"
    following = body["meta"]["next_cursor"]
    assert body["meta"] == {**NOT_NUMBERED, "path": path, "per_page": 2, "next_cursor": following}
    assert body["links"] == {
        "first": f"{path}?perPage=2&mine=a%26b&cursor=first",
        "last": None,
        "prev": None,
        "next": f"{path}?perPage=2&mine=a%26b&cursor={following}",
    }
    last = asked(api, place, cursor=following, perPage=100)
    assert_as_described(last, name)
    assert (last.json()["links"]["next"], last.json()["meta"]["next_cursor"]) == (None, None)


@every_list
def test_numbered_pages_stay_as_they_were(api: Api, lists: dict[str, Made], name: str) -> None:
    answer = asked(api, lists[name]())
    assert_as_described(answer, name)
    assert list(answer.json()["meta"]) == ["current_page", "from", "last_page", "path", "per_page", "to", "total"]


@every_list
def test_an_empty_cursor_begins_too(api: Api, lists: dict[str, Made], name: str) -> None:
    place = lists[name]()
    assert asked(api, place, cursor="").json()["data"] == asked(api, place, cursor="first").json()["data"]


@every_list
def test_a_cursor_and_a_page_are_not_taken_together(api: Api, lists: dict[str, Made], name: str) -> None:
    assert refusal(asked(api, lists[name](), cursor="first", page=1)) == ("cursor", "cursor_and_page")


def refusal(answer: Any) -> tuple[str, str]:
    assert answer.status_code == 422, answer.content
    [detail] = answer.json()["error"]["details"]
    return detail["field"], detail["code"]


@every_list
def test_a_page_costs_the_same_however_large_or_deep(api: Api, lists: dict[str, Made], name: str) -> None:
    place = lists[name]()
    deep = asked(api, place, cursor="first", perPage=3).json()["meta"]["next_cursor"]
    for cursor, per_page in (("first", 1), ("first", 4), (deep, 1)):
        with CaptureQueriesContext(connection) as captured:
            assert asked(api, place, cursor=cursor, perPage=per_page).status_code == 200
        assert len(captured) == place.queries
        assert not any("COUNT(" in one["sql"] for one in captured)


# --- cursors that are not good ----------------------------------------------------------------------------


NO_CURSORS = ("x", "é", "a" * 40, "a" * (MAX_LENGTH + 1), "\0", "AAAA=", "null", "12", "First")


@every_list
def test_what_is_no_cursor_is_422(api: Api, lists: dict[str, Made], name: str) -> None:
    place = lists[name]()
    refusals = {bad: refusal(asked(api, place, cursor=bad)) for bad in NO_CURSORS}
    assert refusals == dict.fromkeys(NO_CURSORS, ("cursor", "invalid_cursor"))


@pytest.fixture
def five_submissions(lists: dict[str, Made]) -> Place:
    return lists["listSubmissions"]()


@given(spoil=st.integers(0, 10_000), letter=st.sampled_from(string.ascii_letters + string.digits + "-_"))
def test_a_spoilt_cursor_is_422_wherever_it_is_spoilt(
    api: Api, five_submissions: Place, spoil: int, letter: str
) -> None:
    cache.clear()
    place = five_submissions
    cursor = asked(api, place, cursor="first", perPage=2).json()["meta"]["next_cursor"]
    at = spoil % (len(cursor) - 1)  # of the last letter, some bits say nothing
    spoilt = cursor[:at] + letter + cursor[at + 1 :]
    if spoilt != cursor:
        assert refusal(asked(api, place, cursor=spoilt)) == ("cursor", "invalid_cursor")


def test_a_cursor_of_another_list_order_or_caller_is_422(
    api: Api, lists: dict[str, Made], agency: AgencySeat, agent: AgentSeat, admin_agent: AgentSeat
) -> None:
    clients, agents = lists["listClients"](), lists["listAgencyAgents"]()
    cursor = asked(api, clients, cursor="first", perPage=2).json()["meta"]["next_cursor"]
    colleagues = Place(clients.path, admin_agent.token, 0)
    assert asked(api, clients, cursor=cursor).status_code == 200
    for place, query in (
        (clients, {"sort": "last_name"}),
        (clients, {"updatedSince": "2020-01-01T00:00:00Z"}),
        (agents, {}),
        (colleagues, {}),
    ):
        assert refusal(asked(api, place, cursor=cursor, **query)) == ("cursor", "invalid_cursor")


def test_a_cursor_shows_nobody_what_it_holds(api: Api, agent: AgentSeat) -> None:
    clients_of_agent(agent.id, 3, last_name="Confidential")
    place = Place(f"/v1/agents/{agent.id}/clients", agent.token, 0)
    cursor = asked(api, place, cursor="first", perPage=1, sort="last_name").json()["meta"]["next_cursor"]
    assert b"onfidential" not in base64.urlsafe_b64decode(cursor + "===")


def test_the_longest_name_fits_into_a_cursor(api: Api, agent: AgentSeat) -> None:
    clients_of_agent(agent.id, 3, last_name="\U00020000" * 100, first_name="\U00020000" * 100)
    place = Place(f"/v1/agents/{agent.id}/clients", agent.token, 0)
    assert (
        len(asked(api, place, cursor="first", perPage=1, sort="last_name").json()["meta"]["next_cursor"]) < MAX_LENGTH
    )
    assert len(walked(api, place, perPage=1, sort="last_name")) == 3


def test_cursors_outlive_a_change_of_the_secret_key(api: Api, lists: dict[str, Made], settings: Any) -> None:
    place = lists["listAgencyAgents"]()
    cursor = asked(api, place, cursor="first", perPage=2).json()["meta"]["next_cursor"]
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 10, [settings.SECRET_KEY]
    assert asked(api, place, cursor=cursor).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert refusal(asked(api, place, cursor=cursor)) == ("cursor", "invalid_cursor")


def test_the_same_page_has_the_same_etag(api: Api, lists: dict[str, Made]) -> None:
    place = lists["listClients"]()
    etag = asked(api, place, cursor="first", perPage=2).headers["ETag"]
    assert api.get(f"{place.path}?cursor=first&perPage=2", token=place.token, if_none_match=etag).status_code == 304


# --- what comes and goes meanwhile ------------------------------------------------------------------------

Changes = st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.integers(0, 1_000)), max_size=4)
NAMES = st.sampled_from(["", "a", "b", "c", "ab", "É", "小"])


@given(per_page=st.integers(1, 4), meanwhile=st.lists(Changes, min_size=1, max_size=6))
def test_agents_that_come_or_go_neither_repeat_nor_skip_others(
    api: Api, partner: PartnerSeat, agency: AgencySeat, per_page: int, meanwhile: list[list[tuple[str, int]]]
) -> None:
    Agent.objects.exclude(pk=agency.owner.id).delete()
    place = Place("/v1/agents", partner.token, 0)
    staying = {agency.owner.id, *(agent.pk for agent in agents_of_agency(agency.id, 7))}
    seen: list[int] = []
    for turn, body in enumerate(pages(api, place, perPage=per_page)):
        seen += keys(body)
        for act, which in meanwhile[turn] if turn < len(meanwhile) else []:
            if act == "add":
                agents_of_agency(agency.id, 1)
            else:
                present = sorted(Agent.objects.exclude(pk=agency.owner.id).values_list("pk", flat=True))
                gone = present[which % len(present) : which % len(present) + 1] if present else []
                Agent.objects.filter(pk__in=gone).delete()
                staying -= set(gone)
    assert seen == sorted(set(seen))
    assert staying <= set(seen)


@given(
    per_page=st.integers(1, 4),
    sort=st.sampled_from(["last_name", "-last_name", "created_at", "-created_at", "", "search"]),
    names=st.lists(NAMES, min_size=3, max_size=9),
    meanwhile=st.lists(Changes, min_size=1, max_size=6),
    late=NAMES,
)
def test_clients_that_come_or_go_neither_repeat_nor_skip_others(
    api: Api,
    agent: AgentSeat,
    per_page: int,
    sort: str,
    names: list[str],
    meanwhile: list[list[tuple[str, int]]],
    late: str,
) -> None:
    Client.objects.all().delete()
    query = {"search": "made", "sort": "last_name"} if sort == "search" else {"sort": sort}
    place = Place(f"/v1/agents/{agent.id}/clients", agent.token, 0)
    staying = {clients_of_agent(agent.id, 1, last_name=name, first_name="Made")[0].pk for name in names}
    seen: list[UUID] = []
    for turn, body in enumerate(pages(api, place, perPage=per_page, **query)):
        seen += map(UUID, keys(body))
        for act, which in meanwhile[turn] if turn < len(meanwhile) else []:
            if act == "add":
                clients_of_agent(agent.id, 1, last_name=late, first_name="Made")
            elif present := sorted(Client.objects.values_list("pk", flat=True)):
                Client.objects.filter(pk=present[which % len(present)]).delete()
                staying.discard(present[which % len(present)])
    assert len(seen) == len(set(seen))
    assert staying <= set(seen)


# --- with filters -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("query", "queries"), [({"search": "made"}, 4), ({"salesFunnelStatus": "new"}, 4)])
@pytest.mark.parametrize("sort", ["", "last_name", "-updated_at"])
def test_filters_hold_all_the_way(api: Api, agent: AgentSeat, query: dict[str, str], queries: int, sort: str) -> None:
    clients_of_agent(agent.id, 5, first_name="Made")
    clients_of_agent(agent.id, 3, first_name="Other", last_name="One", email="o@example.com", sales_funnel_status="won")
    place = Place(f"/v1/agents/{agent.id}/clients", agent.token, queries)
    rows = numbered(api, place, sort=sort, **query)
    assert len(rows) == 5
    assert walked(api, place, perPage=2, sort=sort, **query) == rows
    with CaptureQueriesContext(connection) as captured:
        assert asked(api, place, cursor="first", perPage=2, sort=sort, **query).status_code == 200
    assert len(captured) == queries


def test_a_search_that_finds_nothing_ends_at_once(api: Api, agent: AgentSeat) -> None:
    place = Place(f"/v1/agents/{agent.id}/clients", agent.token, 0)
    for query in ({"search": "nobody"}, {"search": "!!"}):
        body = asked(api, place, cursor="first", **query).json()
        assert (body["data"], body["links"]["next"]) == ([], None)


def test_the_deactivated_are_walked_through_where_they_are_asked_for(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, deactivated_agent: AgentSeat
) -> None:
    place = Place("/v1/agents", partner.token, 0)
    assert walked(api, place, perPage=1) == [agency.owner.id, agent.id]
    assert walked(api, place, perPage=1, includeDeactivated="true") == [agency.owner.id, agent.id, deactivated_agent.id]


@pytest.mark.usefixtures("new_files")
def test_a_walk_goes_on_in_the_index_where_it_was(api: Api, agent: AgentSeat, colleague: AgentSeat) -> None:
    """The place is a bound of the index scan, and not a filter behind it."""
    clients_of_agent(agent.id, 300)
    clients_of_agent(colleague.id, 4_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clients_client")
    place = Place(f"/v1/agents/{agent.id}/clients", agent.token, 0)
    for query, index in (
        ({}, "client_by_agent"),
        ({"sort": "created_at"}, "client_by_created"),
        ({"sort": "-updated_at"}, "client_by_updated"),
        ({"sort": "last_name"}, "client_by_name"),
        ({"updatedSince": "2020-01-01T00:00:00Z"}, "client_by_updated"),
    ):
        deep = asked(api, place, cursor="first", perPage=100, **query).json()["meta"]["next_cursor"]
        with CaptureQueriesContext(connection) as captured:
            assert asked(api, place, cursor=deep, perPage=10, **query).status_code == 200
        [sql] = [one["sql"] for one in captured if "LIMIT 11" in one["sql"]]
        plan = plan_of(sql)
        assert f"using {index} " in plan, (query, plan)
        assert "Filter" not in plan, (query, plan)
        assert "Sort" not in plan, (query, plan)
