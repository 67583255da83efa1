"""An agent's list of clients: searched, filtered, sorted, filled, and what that costs."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from clients import serializers
from clients.models import Client
from clients.services.declaration_pages import MAX_PAGES
from clients.services.submissions import MAX_SUBMISSIONS
from tests.answers import faults
from tests.clients.conftest import PageSeat, new_client, new_page, new_submission
from tests.conftest import AgentSeat, Api
from tests.described import assert_as_described
from tests.factories import clients_of_agent
from tests.scans import plan_of, scans_counted

ANN = {"first_name": "José", "last_name": "Álvarez", "email": "jose@casa.example", "phone_number": "(212) 555-0123"}
BOB = {"first_name": "Bob", "last_name": "O'Brien", "email": "bob.brien@work.example", "phone_number": ""}
WEI = {"first_name": "小明", "last_name": "王", "email": "", "phone_number": "+44 20 7946 0018"}


@pytest.fixture
def three(api: Api, agent: AgentSeat, colleague: AgentSeat) -> dict[str, str]:
    """The agent's clients by their uuid; its colleague has the same ones."""
    for client in (ANN, BOB, WEI):
        new_client(api, colleague, **client)
    return {new_client(api, agent, **one).uuid: one["first_name"] for one in (ANN, BOB, WEI)}


def listed(api: Api, agent: AgentSeat, **query: Any) -> list[str]:
    """The first names of what is found, in its order."""
    answer = api.get(f"/v1/agents/{agent.id}/clients?{urlencode(query, doseq=True)}", token=agent.token)
    assert answer.status_code == 200, answer.content
    found = [one["first_name"] for one in answer.json()["data"]]
    assert answer.json()["meta"]["total"] == len(found)
    return found


# --- found ------------------------------------------------------------------------------------------


SEARCHES = {
    "jose": ["José"],
    "JOSÉ álv": ["José"],
    "alvarez jo": ["José"],
    "o'brien": ["Bob"],
    "brien": ["Bob"],
    "work": ["Bob"],
    "bob.brien@work.example": ["Bob"],
    "0123": ["José"],
    "212 555": ["José"],
    "(212) 555-0123": ["José"],
    "王小明": [],
    "王": ["小明"],
    "明": ["小明"],
    "7946": ["小明"],
    "lvarez": [],
    "jose bob": [],
    "' | !": [],
    "example": ["José", "Bob"],
    "": ["José", "Bob", "小明"],
    "   ": ["José", "Bob", "小明"],
}


def test_search_finds_by_how_words_begin(api: Api, agent: AgentSeat, three: dict[str, str]) -> None:
    assert {text: listed(api, agent, search=text) for text in SEARCHES} == SEARCHES


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"filterByEmail": "JOSE@casa.example"}, ["José"]),
    ({"filterByEmail": "jose@casa"}, []),
    ({"filterByName": "alv"}, ["José"]),
    ({"filterByName": "jose alvarez"}, ["José"]),
    ({"filterByName": "casa"}, []),
    ({"filterByPhone": "+1 212-555-0123"}, ["José"]),
    ({"filterByPhone": "2125550123"}, ["José"]),
    ({"filterByPhone": "0123"}, []),
    ({"filterByPhone": "no number"}, []),
    ({"filterByPhone": "+442079460018"}, ["小明"]),
    ({"filterByName": "bob", "filterByEmail": "bob.brien@work.example"}, ["Bob"]),
    ({"filterByName": "bob", "search": "jose"}, []),
    ({"salesFunnelStatus": "new"}, ["José", "Bob", "小明"]),
    ({"salesFunnelStatus": ["won", "lost"]}, []),
    ({"salesFunnelStatus": ["won", "new"], "search": "bob"}, ["Bob"]),
    ({"createdAfter": "2020-01-01T00:00:00Z"}, ["José", "Bob", "小明"]),
    ({"createdBefore": "2020-01-01T00:00:00Z"}, []),
    ({"updatedAfter": "2999-01-01T00:00:00+02:00"}, []),
    ({"createdBefore": "0001-01-01T00:00:00+23:00"}, []),
    ({"createdAfter": "9999-12-31T23:59:59-23:00"}, []),
]


def test_filters_narrow(api: Api, agent: AgentSeat, three: dict[str, str]) -> None:
    assert [(query, listed(api, agent, **query)) for query, _ in FILTERS] == FILTERS


def test_times_are_told_apart_to_the_microsecond(api: Api, agent: AgentSeat, three: dict[str, str]) -> None:
    middle = Client.objects.get(agent=agent.id, first_name="Bob").created_at
    assert listed(api, agent, createdAfter=middle.isoformat()) == ["小明"]
    assert listed(api, agent, createdBefore=middle.isoformat()) == ["José"]


def test_what_changed_is_found_by_its_new_words_only(api: Api, agent: AgentSeat) -> None:
    client = new_client(api, agent, first_name="Before")
    api.patch(client.path, token=agent.token, json={"first_name": "After", "email": "after@new.example"})
    assert listed(api, agent, search="before") == []
    assert listed(api, agent, search="joe") == []
    assert listed(api, agent, search="after", filterByEmail="after@new.example") == ["After"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"search": "x" * 201}, "search"),
        ({"search": "a\0b"}, "search"),
        ({"filterByEmail": "x" * 255}, "filterByEmail"),
        ({"salesFunnelStatus": "sold"}, "salesFunnelStatus"),
        ({"createdAfter": "yesterday"}, "createdAfter"),
        ({"createdBefore": "2026-13-01T00:00:00Z"}, "createdBefore"),
        ({"sort": "email"}, "sort"),
        ({"sort": "--created_at"}, "sort"),
        ({"include": "agent"}, "include"),
        ({"page": "0"}, "page"),
    ],
    ids=str,
)
def test_a_value_that_is_not_valid_is_named(api: Api, agent: AgentSeat, query: dict[str, str], field: str) -> None:
    answer = api.get(f"/v1/agents/{agent.id}/clients?{urlencode(query)}", token=agent.token)
    assert list(faults(answer)) == [field]


def test_all_of_them_at_once(api: Api, agent: AgentSeat) -> None:
    answer = api.get(f"/v1/agents/{agent.id}/clients?page=x&sort=x&include=x&salesFunnelStatus=x", token=agent.token)
    assert faults(answer).keys() == {"page", "sort", "include", "salesFunnelStatus"}


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30))
def test_no_search_fails_and_none_finds_another_agents_client(
    api: Api, agent: AgentSeat, colleague: AgentSeat, text: str
) -> None:
    clients_of_agent(colleague.id, 1, first_name=text, last_name=text)
    for name in ("search", "filterByName", "filterByPhone"):
        answer = api.get(f"/v1/agents/{agent.id}/clients?{name}={quote(text)}", token=_token(api, agent))
        assert answer.status_code == 200, answer.content
        assert answer.json()["meta"]["total"] == 0 or not text.strip()


def _token(api: Api, agent: AgentSeat) -> str:
    cache.clear()  # many requests: the limit is not what this is about
    return agent.token


@given(first=st.sampled_from(["Zoë", "ana", "Ömer", "李", "O'Neil"]), last=st.text("abcÄß '-", min_size=1, max_size=10))
def test_whoever_has_a_name_is_found_by_it(api: Api, agent: AgentSeat, first: str, last: str) -> None:
    [made] = clients_of_agent(agent.id, 1, first_name=first, last_name=last)
    for text in (first, f"{last} {first}", first[:1].upper()):
        found = api.get(f"/v1/agents/{agent.id}/clients?perPage=100&search={quote(text)}", token=_token(api, agent))
        assert str(made.pk) in {one["uuid"] for one in found.json()["data"]}


# --- in order ----------------------------------------------------------------------------------------


ORDERS = {
    "created_at": ["José", "Bob", "小明"],
    "-created_at": ["小明", "Bob", "José"],
    "last_name": ["José", "Bob", "小明"],
    "-last_name": ["小明", "Bob", "José"],
    "updated_at": ["Bob", "小明", "José"],
    "-updated_at": ["José", "小明", "Bob"],
}


def test_sorted(api: Api, agent: AgentSeat, three: dict[str, str]) -> None:
    uuid = next(uuid for uuid, name in three.items() if name == "José")
    api.patch(f"/v1/agents/{agent.id}/clients/{uuid}", token=agent.token, json={"sales_funnel_status": "won"})
    assert {sort: listed(api, agent, sort=sort) for sort in ORDERS} == ORDERS
    assert listed(api, agent, sort="-created_at", search="example") == ["Bob", "José"]


@given(
    per_page=st.integers(1, 7),
    sort=st.sampled_from(["", "last_name", "-last_name"]),
    search=st.sampled_from(["", "made"]),
)
def test_following_the_links_gives_each_client_once(
    api: Api, agent: AgentSeat, colleague: AgentSeat, per_page: int, sort: str, search: str
) -> None:
    Client.objects.all().delete()
    mine = clients_of_agent(agent.id, 9, first_name="Made", last_name="Same")
    clients_of_agent(colleague.id, 3, first_name="Made")
    url: str | None = f"/v1/agents/{agent.id}/clients?perPage={per_page}&sort={sort}&search={search}"
    walked: list[str] = []
    while url:
        body = api.get(url, token=_token(api, agent)).json()
        walked += [one["uuid"] for one in body["data"]]
        url = body["links"]["next"]
    assert sorted(walked) == sorted(str(one.pk) for one in mine)
    assert body["meta"]["total"] == 9


@pytest.mark.parametrize("query", ["", "search=made"])
def test_past_the_end_is_empty(api: Api, agent: AgentSeat, query: str) -> None:
    clients_of_agent(agent.id, 3, first_name="Made")
    body = api.get(f"/v1/agents/{agent.id}/clients?page=7&{query}", token=agent.token).json()
    assert (body["data"], body["meta"]["total"], body["meta"]["from"]) == ([], 3, None)


# --- filled -----------------------------------------------------------------------------------------


def test_related_lists_are_there_where_they_are_asked_for(api: Api, agent: AgentSeat, page: PageSeat) -> None:
    bare = new_client(api, agent, first_name="Bare")
    second = new_submission(api, page.submission.client, insurance_types=["home"])
    url = f"/v1/agents/{agent.id}/clients"
    plain = api.get(url, token=agent.token)
    with_submissions = api.get(f"{url}?include=submissions", token=agent.token)
    full = api.get(f"{url}?include=submissions.declaration_pages", token=agent.token)
    for answer in (plain, with_submissions, full):
        assert_as_described(answer, "listClients")
    assert [one.keys() & {"submissions"} for one in plain.json()["data"]] == [set(), set()]
    first, other = with_submissions.json()["data"]
    assert [one["uuid"] for one in first["submissions"]] == [page.submission.uuid, second.uuid]
    assert "declaration_pages" not in first["submissions"][0]
    assert (other["uuid"], other["submissions"]) == (bare.uuid, [])
    pages = [one["declaration_pages"] for one in full.json()["data"][0]["submissions"]]
    assert [[one["uuid"] for one in each] for each in pages] == [[page.uuid], []]


@pytest.mark.parametrize("cursor", ["", "&cursor=first"])
def test_more_than_one_answer_can_hold_is_refused(
    api: Api, agent: AgentSeat, page: PageSeat, monkeypatch: pytest.MonkeyPatch, cursor: str
) -> None:
    """Two clients, with a submission and two pages each: six rows."""
    new_page(api, page.submission)
    other = new_submission(api, new_client(api, agent))
    for _ in range(2):
        new_page(api, other)

    def asked(most: int, include: str, per_page: int = 2) -> Any:
        monkeypatch.setattr(serializers, "MAX_INCLUDED", most)
        url = f"/v1/agents/{agent.id}/clients?perPage={per_page}&include={include}{cursor}"
        return api.get(url, token=agent.token)

    for most, include in ((5, "submissions.declaration_pages"), (1, "submissions")):
        refused = asked(most, include)
        assert faults(refused) == {"perPage": "too_many_included"}
        assert asked(most + 1, include).status_code == 200
    assert asked(3, "submissions.declaration_pages", per_page=1).status_code == 200


def test_what_one_client_can_have_is_never_refused() -> None:
    assert MAX_SUBMISSIONS * (1 + MAX_PAGES) <= serializers.MAX_INCLUDED


# --- what it costs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "queries"),
    [
        ("", 4),
        ("sort=-last_name&salesFunnelStatus=new", 4),
        ("search=made", 4),
        ("include=submissions", 5),
        ("include=submissions.declaration_pages&search=made", 6),
    ],
)
def test_queries_do_not_grow_with_the_page(api: Api, agent: AgentSeat, query: str, queries: int) -> None:
    """The caller, the agent, how many there are and which are on the page, these."""
    for client in clients_of_agent(agent.id, 12, first_name="Made")[:3]:
        path = f"/v1/agents/{agent.id}/clients/{client.pk}/submissions"
        api.post(path, token=agent.token, json={})
    for per_page in (1, 10):
        with CaptureQueriesContext(connection) as captured:
            answer = api.get(f"/v1/agents/{agent.id}/clients?perPage={per_page}&{query}", token=agent.token)
        assert len(answer.json()["data"]) == per_page
        assert len(captured) == queries


@pytest.mark.usefixtures("new_files")
def test_a_search_reads_one_index_and_not_the_table(api: Api, agent: AgentSeat) -> None:
    """As PostgreSQL counts it, where there is no agent's small list to prefer, in the API's own role."""
    clients_of_agent(agent.id, 3_000)
    queries = "search=made12", "filterByName=made12", "filterByEmail=made12@example.com", "filterByPhone=2125550012"
    for query in queries:
        with scans_counted("clients_client", "client_by_words") as scans:
            assert api.get(f"/v1/agents/{agent.id}/clients?{query}", token=agent.token).status_code == 200
        assert (query, scans) == (query, {"clients_client": 0, "client_by_words": 1})


INDEXES = {
    "sort=created_at": "client_by_created",
    "sort=-updated_at": "client_by_updated",
    "sort=last_name": "client_by_name",
    "": "client_by_agent",
    "salesFunnelStatus=won": "client_by_funnel",
    "createdAfter=2999-01-01T00:00:00Z": "client_by_created",
    "updatedAfter=2999-01-01T00:00:00Z": "client_by_updated",
}


@pytest.mark.usefixtures("new_files")
def test_each_order_and_filter_has_its_index(api: Api, agent: AgentSeat, colleague: AgentSeat) -> None:
    clients_of_agent(agent.id, 300)
    clients_of_agent(agent.id, 30, sales_funnel_status="won")
    clients_of_agent(colleague.id, 4_000)
    clients_of_agent(colleague.id, 400, sales_funnel_status="won")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clients_client")
    for query, index in INDEXES.items():
        with CaptureQueriesContext(connection) as captured:
            api.get(f"/v1/agents/{agent.id}/clients?perPage=1&{query}", token=agent.token)
        plans = [plan_of(one["sql"]) for one in captured if 'FROM "clients_client"' in one["sql"]]
        assert any(f"using {index} " in plan or f"on {index} " in plan for plan in plans), (query, plans)
